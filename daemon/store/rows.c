#include "daemon/store/rows.h"

#include <string.h>
#include <sys/random.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"

#define FIRST_BUCKETS 4096
#define SLAB_BYTES    262144
#define SLAB_ROWS_MIN 8

void *
rows_must(void *p)
{
	CHECK(p != NULL);
	return p;
}

/*
 * Multiply and fold, word by word, from a seed of this process: collisions cannot be chosen from
 * outside.
 */
static uint64_t
mix(uint64_t h, uint64_t word)
{
	__uint128_t m = (__uint128_t)(h ^ word) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint32_t
key_hash(const struct rows *r, const struct row_key *key)
{
	uint64_t w[5], h = r->seed[0];

	memcpy(w, key, sizeof(w));
	for (int i = 0; i < 5; i++)
		h = mix(h, w[i] + r->seed[1]);
	return (uint32_t)(h ^ h >> 32);
}

static struct row *
find(const struct rows *r, const struct row_key *key, uint32_t hash)
{
	for (struct row *row = r->buckets[hash & (r->n_buckets - 1)]; row != NULL; row = row->next)
		if (row->hash == hash && memcmp(&row->key, key, sizeof(*key)) == 0)
			return row;
	return NULL;
}

static void
resize(struct rows *r, size_t n)
{
	struct row **buckets = rows_must(calloc(n, sizeof(struct row *)));

	for (size_t i = 0; i < r->n_buckets; i++) {
		for (struct row *row = r->buckets[i], *next; row != NULL; row = next) {
			next = row->next;
			row->next = buckets[row->hash & (n - 1)];
			buckets[row->hash & (n - 1)] = row;
		}
	}
	free(r->buckets);
	r->buckets = buckets;
	r->n_buckets = n;
}

void
rows_reserve(struct rows *r, uint64_t n)
{
	size_t buckets = r->n_buckets;

	while (buckets < n)
		buckets *= 2;
	if (buckets > r->n_buckets)
		resize(r, buckets);
}

static struct row *
row_at(const struct table *t, size_t slab, size_t i)
{
	return (struct row *)(void *)(t->slabs[slab] + i * t->stride);
}

/* An unused row of the table, or the next of its last slab. The value is not set. */
static struct row *
row_take(struct table *t)
{
	struct row *row = t->unused;

	if (row != NULL) {
		t->unused = row->next;
	} else {
		if (t->n_slabs == 0 || t->last_used == t->per_slab) {
			t->slabs =
			    rows_must(realloc(t->slabs, (t->n_slabs + 1) * sizeof(*t->slabs)));
			t->slabs[t->n_slabs++] = rows_must(malloc(t->stride * t->per_slab));
			t->last_used = 0;
		}
		row = row_at(t, t->n_slabs - 1, t->last_used++);
	}
	memset(row, 0, sizeof(*row));
	return row;
}

static struct row *
insert(struct rows *r, const struct row_key *key, uint32_t hash)
{
	struct row *row = row_take(&r->tables[key->table]);

	if (r->n_rows >= r->n_buckets)
		resize(r, r->n_buckets * 2);
	row->key = *key;
	row->hash = hash;
	row->next = r->buckets[hash & (r->n_buckets - 1)];
	r->buckets[hash & (r->n_buckets - 1)] = row;
	r->n_rows++;
	return row;
}

struct row *
rows_insert_loaded(struct rows *r, const struct row_key *key)
{
	struct row *row = insert(r, key, key_hash(r, key));

	row->live = 1;
	r->tables[key->table].count++;
	return row;
}

void
rows_discard(struct rows *r, struct row *row)
{
	struct row **at = &r->buckets[row->hash & (r->n_buckets - 1)];
	struct table *t = &r->tables[row->key.table];

	while (*at != row)
		at = &(*at)->next;
	*at = row->next;
	r->n_rows--;
	row->next = t->unused;
	t->unused = row;
}

/* Remembers what the row was, once per settle. */
static void
journal(struct rows *r, struct row *row)
{
	uint32_t size = r->tables[row->key.table].size;
	struct undo *u;

	if (row->journalled)
		return;
	if (r->n_undo == r->cap_undo) {
		r->cap_undo = r->cap_undo * 2 + 256;
		r->undo = rows_must(realloc(r->undo, r->cap_undo * sizeof(*r->undo)));
	}
	u = &r->undo[r->n_undo++];
	u->row = row;
	u->was_live = row->live;
	u->old = r->old_used;
	if (row->live) {
		if (r->old_used + size > r->old_cap) {
			r->old_cap = (r->old_used + size) * 2 + 65536;
			r->old = rows_must(realloc(r->old, r->old_cap));
		}
		memcpy(r->old + r->old_used, row->value, size);
		r->old_used += size;
	}
	row->journalled = 1;
}

const void *
rows_get(const struct rows *r, const struct row_key *key)
{
	const struct row *row = find(r, key, key_hash(r, key));

	return row != NULL && row->live ? row->value : NULL;
}

void *
rows_edit(struct rows *r, const struct row_key *key)
{
	struct row *row = find(r, key, key_hash(r, key));

	if (row == NULL || !row->live)
		return NULL;
	journal(r, row);
	return row->value;
}

void *
rows_add(struct rows *r, const struct row_key *key)
{
	uint32_t hash = key_hash(r, key);
	struct row *row;

	CHECK(key->table < r->n_tables);
	row = find(r, key, hash);
	CHECK(row == NULL || !row->live);
	if (row == NULL)
		row = insert(r, key, hash);
	journal(r, row);
	memset(row->value, 0, r->tables[key->table].size);
	row->live = 1;
	r->tables[key->table].count++;
	return row->value;
}

void
rows_drop(struct rows *r, const struct row_key *key)
{
	struct row *row = find(r, key, key_hash(r, key));

	CHECK(row != NULL && row->live);
	journal(r, row);
	row->live = 0;
	r->tables[key->table].count--;
}

/* In memory only there is nothing to write, so nothing is dirty. */
static void
mark_dirty(struct rows *r, struct row *row)
{
	if (row->dirty || r->env == NULL)
		return;
	row->dirty = 1;
	row->next_dirty = r->dirty;
	r->dirty = row;
	r->n_dirty++;
}

static void
journal_clear(struct rows *r)
{
	r->n_undo = 0;
	r->old_used = 0;
}

void
rows_keep(struct rows *r)
{
	for (size_t i = 0; i < r->n_undo; i++) {
		struct row *row = r->undo[i].row;

		row->journalled = 0;
		/* One that was added and dropped within one settle was never written. */
		if (row->live || r->undo[i].was_live)
			mark_dirty(r, row);
		if (!row->live && !row->dirty)
			rows_discard(r, row);
	}
	journal_clear(r);
}

void
rows_undo(struct rows *r)
{
	for (size_t i = r->n_undo; i-- > 0;) {
		struct undo *u = &r->undo[i];
		struct row *row = u->row;
		struct table *t = &r->tables[row->key.table];

		if (row->live && !u->was_live)
			t->count--;
		else if (!row->live && u->was_live)
			t->count++;
		row->live = u->was_live;
		row->journalled = 0;
		if (u->was_live)
			memcpy(row->value, r->old + u->old, t->size);
		else if (!row->dirty)
			rows_discard(r, row);
	}
	journal_clear(r);
}

void
rows_changes(struct rows *r, rows_change_fn fn, void *ctx)
{
	for (size_t i = 0; i < r->n_undo; i++) {
		const struct undo *u = &r->undo[i];

		if (u->was_live)
			fn(ctx, &u->row->key, u->row->live ? ROWS_EDITED : ROWS_DROPPED);
		else if (u->row->live)
			fn(ctx, &u->row->key, ROWS_ADDED);
	}
}

void
rows_each(const struct rows *r, uint8_t table, rows_fn fn, void *ctx)
{
	const struct table *t;

	CHECK(table < r->n_tables);
	t = &r->tables[table];
	for (size_t slab = 0; slab < t->n_slabs; slab++) {
		size_t n = slab + 1 < t->n_slabs ? t->per_slab : t->last_used;

		for (size_t i = 0; i < n; i++) {
			const struct row *row = row_at(t, slab, i);

			if (row->live)
				fn(ctx, &row->key, row->value);
		}
	}
}

uint64_t
rows_count(const struct rows *r, uint8_t table)
{
	CHECK(table < r->n_tables);
	return r->tables[table].count;
}

uint64_t
rows_dirty(const struct rows *r)
{
	return r->n_dirty;
}

/* ---- the fingerprint ---- */

struct sum {
	uint64_t sum;
	uint32_t size;
};

static void
sum_row(void *ctx, const struct row_key *key, const void *value)
{
	uint64_t h = 0x243f6a8885a308d3ull, w;
	struct sum *s = ctx;

	for (size_t at = 0; at < sizeof(*key); at += 8) {
		memcpy(&w, (const uint8_t *)key + at, 8);
		h = mix(h, w) + 0x13198a2e03707344ull;
	}
	for (size_t at = 0; at < s->size; at += 8) {
		w = 0;
		memcpy(&w, (const uint8_t *)value + at, s->size - at < 8 ? s->size - at : 8);
		h = mix(h, w) + 0xa4093822299f31d0ull;
	}
	s->sum += mix(h, s->size);
}

uint64_t
rows_fingerprint(const struct rows *r)
{
	struct sum s = {0, 0};

	for (size_t i = 0; i < r->n_tables; i++) {
		s.size = r->tables[i].size;
		rows_each(r, (uint8_t)i, sum_row, &s);
	}
	return s.sum;
}

/* ---- opening and closing ---- */

static void
table_init(struct table *t, const struct rows_table *from)
{
	CHECK(strlen(from->name) < sizeof(t->name) && from->value_size > 0);
	snprintf(t->name, sizeof(t->name), "%s", from->name);
	t->size = from->value_size;
	t->stride = sizeof(struct row) + ((size_t)t->size + 7) / 8 * 8;
	t->per_slab = SLAB_BYTES / t->stride;
	if (t->per_slab < SLAB_ROWS_MIN)
		t->per_slab = SLAB_ROWS_MIN;
}

enum result
rows_open(const char *dir, const struct rows_table *tables, size_t n_tables, struct rows **out)
{
	struct rows *r = calloc(1, sizeof(*r));
	enum result err;

	if (r == NULL)
		return RESULT_NO_MEMORY;
	CHECK(n_tables <= ROWS_MAX_TABLES);
	CHECK(getrandom(r->seed, sizeof(r->seed), 0) == sizeof(r->seed));
	r->n_tables = n_tables;
	for (size_t i = 0; i < n_tables; i++)
		table_init(&r->tables[i], &tables[i]);
	r->n_buckets = FIRST_BUCKETS;
	r->buckets = rows_must(calloc(r->n_buckets, sizeof(struct row *)));
	if (dir != NULL && (err = rows_load(r, dir)) != RESULT_OK) {
		rows_close(r);
		return err;
	}
	*out = r;
	return RESULT_OK;
}

void
rows_close(struct rows *r)
{
	if (r == NULL)
		return;
	rows_unload(r);
	for (size_t i = 0; i < r->n_tables; i++) {
		for (size_t slab = 0; slab < r->tables[i].n_slabs; slab++)
			free(r->tables[i].slabs[slab]);
		free(r->tables[i].slabs);
	}
	free(r->undo);
	free(r->old);
	free(r->buckets);
	free(r);
}

/* ---- the book's way in ---- */

static const void *
source_get(void *ctx, const struct row_key *key)
{
	return rows_get(ctx, key);
}

static void *
source_edit(void *ctx, const struct row_key *key)
{
	return rows_edit(ctx, key);
}

static void *
source_add(void *ctx, const struct row_key *key)
{
	return rows_add(ctx, key);
}

static void
source_drop(void *ctx, const struct row_key *key)
{
	rows_drop(ctx, key);
}

void
rows_source(struct rows *r, struct row_source *out)
{
	*out = (struct row_source){r, source_get, source_edit, source_add, source_drop};
}
