#include "daemon/store/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"

#define HUGE_BYTES	 ((size_t)2 << 20)
#define SLAB_BYTES_FIRST ((size_t)16384)
#define SLAB_ROWS_MIN	 8
/* Records that are restored in one go. */
#define RESTORE_MOST	 512
/*
 * A table that may be evicted is read whole at start if it has no more rows; else, of ROWS_NEWEST, so many. (The simulator
 * is built with fewer.)
 */
#ifndef LOAD_WHOLE_ROWS
#define LOAD_WHOLE_ROWS	 20000
#define LOAD_NEWEST_ROWS 65536
#endif

void *
rows_must(void *p)
{
	NEED(p);
	return p;
}

void *
rows_map(size_t bytes)
{
	size_t extra = bytes >= HUGE_BYTES ? HUGE_BYTES : 0, head;
	uint8_t *p = mmap(NULL, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);

	NEED(p == MAP_FAILED ? NULL : p);
	if (extra == 0)
		return p;
	/* A huge page begins at a multiple of its size; the rest goes back. */
	head = (HUGE_BYTES - ((uintptr_t)p & (HUGE_BYTES - 1))) & (HUGE_BYTES - 1);
	if (head > 0)
		munmap(p, head);
	if (head < extra)
		munmap(p + head + bytes, extra - head);
	/* Only advice: fewer misses of the address cache where the system has huge pages. */
	(void)madvise(p + head, bytes, MADV_HUGEPAGE);
	return p + head;
}

struct row *
rows_row_at(const struct table *t, const struct slab *slab, size_t i)
{
	return (struct row *)(void *)(slab->rows + i * t->stride);
}

size_t
rows_slab_used(const struct table *t, size_t slab)
{
	return slab + 1 < t->n_slabs ? t->slabs[slab].n_rows : t->last_used;
}

struct row *
rows_beside(const struct table *t, const struct row *row)
{
	return t->room == 0 ? NULL : (struct row *)(void *)((uint8_t *)(uintptr_t)row + t->room);
}

/* Where an unused row names the next one. */
static struct row **
next_unused(struct row *row)
{
	return (struct row **)(void *)row->value;
}

/* Each slab is twice the one before, up to a huge page: small tables stay small. */
static void
slab_add(struct table *t)
{
	size_t bytes = SLAB_BYTES_FIRST;
	struct slab *slab;

	for (size_t i = 0; i < t->n_slabs && bytes < HUGE_BYTES; i++)
		bytes *= 2;
	while (bytes / t->stride < SLAB_ROWS_MIN)
		bytes *= 2;
	t->slabs = rows_must(realloc(t->slabs, (t->n_slabs + 1) * sizeof(*t->slabs)));
	slab = &t->slabs[t->n_slabs++];
	slab->bytes = bytes;
	slab->n_rows = bytes / t->stride;
	slab->rows = rows_map(bytes);
	t->last_used = 0;
}

/* An unused row of the table, or the next of its last slab. The value is not set. */
static struct row *
row_take(struct table *t)
{
	struct row *row = t->unused;

	if (row != NULL) {
		t->unused = *next_unused(row);
	} else {
		if (t->n_slabs == 0 || t->last_used == t->slabs[t->n_slabs - 1].n_rows)
			slab_add(t);
		row = rows_row_at(t, &t->slabs[t->n_slabs - 1], t->last_used++);
	}
	memset(row, 0, sizeof(*row));
	return row;
}

/* ---- where a row is ---- */

/* The key of the row that this one lies beside; 0: it lies anywhere. */
static int
owner_key(const struct rows *r, const struct row_key *key, struct row_key *owner)
{
	const struct table *t = &r->tables[key->table];

	if (key->table >= r->n_tables || t->beside == 0 || key->tag[0] != t->beside_tag)
		return 0;
	*owner = (struct row_key){.table = t->beside, .a = key->a};
	return 1;
}

static struct row *
find_indexed(const struct rows *r, const struct row_key *key)
{
	return rows_index_find(&r->index, key, rows_index_hash(&r->index, key));
}

/* The place beside its owner, whatever is there; NULL: none. */
static struct row *
place_beside(const struct rows *r, const struct row_key *key)
{
	struct row_key k;
	const struct row *owner = owner_key(r, key, &k) ? find_indexed(r, &k) : NULL;

	return owner == NULL ? NULL : rows_beside(&r->tables[k.table], owner);
}

static struct row *
find_in_memory(const struct rows *r, const struct row_key *key)
{
	struct row *row = place_beside(r, key);

	if (row != NULL && row->place != ROW_UNUSED && memcmp(&row->key, key, sizeof(*key)) == 0)
		return row;
	return find_indexed(r, key);
}

static struct row *
insert(struct rows *r, const struct row_key *key)
{
	struct table *t = &r->tables[key->table];
	struct row *row = place_beside(r, key);

	r->came++;
	if (row != NULL && row->place == ROW_UNUSED) {
		memset(row, 0, sizeof(*row));
		row->place = ROW_BESIDE;
		row->key = *key;
		return row;
	}
	row = row_take(t);
	row->place = ROW_INDEXED;
	row->key = *key;
	rows_index_insert(&r->index, row, rows_index_hash(&r->index, key));
	r->bytes += t->stride;
	return row;
}

/* The owner leaves: what lies beside it is found in the index from now on. */
static void
leave_behind(struct rows *r, struct row *row)
{
	row->place = ROW_LEFT_BEHIND;
	rows_index_insert(&r->index, row, rows_index_hash(&r->index, &row->key));
	r->bytes += r->tables[row->key.table].row_bytes;
}

/* Reads the row from the environment, if it may be there. */
static struct row *
load_cold(const struct rows *from, const struct row_key *key)
{
	struct rows *r = from->self;
	struct table *t = &r->tables[key->table];
	uint64_t value[ROWS_VALUE_MAX / 8];
	struct row *row;

	if (t->flags & ROWS_NEWEST && memcmp(key, &t->cold_last, sizeof(*key)) > 0)
		return NULL;
	if (!rows_disk_get(r, key, value))
		return NULL;
	row = insert(r, key);
	row->live = 1;
	memcpy(row->value, value, t->size);
	t->cold--;
	/* A walk that has passed it does not meet it again. */
	if (r->walking && memcmp(key, &r->walked, sizeof(*key)) <= 0)
		row->walk = r->walk;
	return row;
}

static struct row *
find(const struct rows *r, const struct row_key *key)
{
	struct row *row = find_in_memory(r, key);

	if (row == NULL && key->table < r->n_tables && r->tables[key->table].cold > 0)
		row = load_cold(r, key);
	if (row != NULL && !row->wanted)
		row->wanted = 1;
	return row;
}

struct row *
rows_insert_loaded(struct rows *r, const struct row_key *key)
{
	struct row *row = insert(r, key);

	row->live = 1;
	return row;
}

void
rows_discard(struct rows *r, struct row *row)
{
	struct table *t = &r->tables[row->key.table];
	struct row *other = rows_beside(t, row);

	if (other != NULL && other->place == ROW_BESIDE)
		leave_behind(r, other);
	if (row->place != ROW_BESIDE)
		rows_index_remove(&r->index, row, rows_index_hash(&r->index, &row->key));
	if (row->place == ROW_INDEXED) {
		*next_unused(row) = t->unused;
		t->unused = row;
		r->bytes -= t->stride;
	} else if (row->place == ROW_LEFT_BEHIND) {
		r->bytes -= t->row_bytes;
	}
	row->place = ROW_UNUSED;
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
	const struct row *row = find(r, key);

	return row != NULL && row->live ? row->value : NULL;
}

void *
rows_edit(struct rows *r, const struct row_key *key)
{
	struct row *row = find(r, key);

	if (row == NULL || !row->live)
		return NULL;
	journal(r, row);
	return row->value;
}

void *
rows_add(struct rows *r, const struct row_key *key)
{
	struct row *row;

	CHECK(key->table < r->n_tables);
	row = find_in_memory(r, key);
	if (row == NULL && r->tables[key->table].cold > 0 &&
	    (r->tables[key->table].flags & ROWS_FRESH) == 0)
		row = load_cold(r, key);
	CHECK(row == NULL || !row->live);
	if (row == NULL)
		row = insert(r, key);
	journal(r, row);
	memset(row->value, 0, r->tables[key->table].size);
	row->live = 1;
	r->tables[key->table].count++;
	return row->value;
}

void
rows_drop(struct rows *r, const struct row_key *key)
{
	struct row *row = find(r, key);

	CHECK(row != NULL && row->live);
	journal(r, row);
	row->live = 0;
	r->tables[key->table].count--;
}

static void
journal_clear(struct rows *r)
{
	r->n_undo = 0;
	r->old_used = 0;
}

/* Kept in memory although it is not there: the environment may still have it. */
static int
must_stay(const struct rows *r, const struct row *row)
{
	return row->gen > r->merged;
}

void
rows_keep(struct rows *r)
{
	for (size_t i = 0; i < r->n_undo; i++) {
		struct row *row = r->undo[i].row;

		row->journalled = 0;
		/* One that was added and dropped within one settle was never written. */
		if (r->disk != NULL && (row->live || r->undo[i].was_live))
			rows_log_note(r, row);
		if (row->live)
			continue;
		if (must_stay(r, row))
			rows_bury_later(r, row);
		else
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
		else if (must_stay(r, row))
			rows_bury_later(r, row);
		else
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

struct walk {
	struct rows *rows;
	rows_fn fn;
	void *ctx;
};

static void
walk_cold(void *ctx, const struct row_key *key, const void *value)
{
	struct walk *w = ctx;
	struct rows *r = w->rows;

	r->walked = *key;
	if (find_in_memory(r, key) == NULL)
		w->fn(w->ctx, key, value);
}

/* Those in a table's slabs, or in the rooms beside them: so many bytes further. */
static void
walk_warm(const struct rows *r, const struct table *t, size_t further, rows_fn fn, void *ctx)
{
	for (size_t at = 0; at < t->n_slabs; at++) {
		for (size_t i = 0; i < rows_slab_used(t, at); i++) {
			const struct row *row = (const void *)(t->slabs[at].rows + i * t->stride + further);

			if (row->place != ROW_UNUSED && row->live && (!r->walking || row->walk != r->walk))
				fn(ctx, &row->key, row->value);
		}
	}
}

void
rows_each(const struct rows *from, uint8_t table, rows_fn fn, void *ctx)
{
	struct rows *r = from->self;
	struct walk w = {r, fn, ctx};
	const struct table *t;

	CHECK(table < r->n_tables && !r->walking);
	t = &r->tables[table];
	/* What only the environment has comes first; rows that the function loads behind it are not met again. */
	if (t->cold > 0) {
		r->walking = 1;
		r->walk++;
		memset(&r->walked, 0, sizeof(r->walked));
		r->walked.table = table;
		rows_disk_each(r, table, walk_cold, &w);
		memset(&r->walked, 0xff, sizeof(r->walked));
	}
	walk_warm(r, t, 0, fn, ctx);
	if (t->beside != 0)
		walk_warm(r, &r->tables[t->beside], r->tables[t->beside].room, fn, ctx);
	r->walking = 0;
}

uint64_t
rows_count(const struct rows *r, uint8_t table)
{
	CHECK(table < r->n_tables);
	return r->tables[table].count;
}

/* ---- the fingerprint ---- */

/* Not the index's hash: the same in every process. */
static uint64_t
mix(uint64_t h, uint64_t word)
{
	__uint128_t m = (__uint128_t)(h ^ word) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

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
	CHECK(strlen(from->name) < sizeof(t->name) && from->value_size > 0 &&
	      from->value_size <= ROWS_VALUE_MAX);
	snprintf(t->name, sizeof(t->name), "%s", from->name);
	t->size = from->value_size;
	t->flags = from->flags;
	t->beside = from->beside;
	t->beside_tag = from->beside_tag;
	t->row_bytes = sizeof(struct row) + ((size_t)t->size + 7) / 8 * 8;
	t->stride = t->row_bytes;
}

/* Room beside each row of the table that this one's lie beside. */
static void
table_room(struct rows *r, const struct table *t)
{
	struct table *owner = &r->tables[t->beside];

	if (t->beside == 0)
		return;
	CHECK(t->beside < r->n_tables && owner->room == 0 && owner->beside == 0 && t->room == 0);
	/* What may be evicted is found by way of the owner's places. */
	CHECK((t->flags & ROWS_EVICTABLE) == 0 || owner->flags & ROWS_EVICTABLE);
	owner->room = owner->row_bytes;
	owner->stride += t->row_bytes;
}

static void
load_one(void *ctx, const struct row_key *key, const void *value)
{
	struct rows *r = ctx;

	/* What the environment is still to learn of is in memory already. */
	if (find_in_memory(r, key) != NULL)
		return;
	memcpy(rows_insert_loaded(r, key)->value, value, r->tables[key->table].size);
	r->tables[key->table].cold--;
}

/* What must be in memory, and what costs little; of tables that grow at their end, that end. */
static void
load(struct rows *r)
{
	for (size_t i = 0; i < r->n_tables; i++) {
		struct table *t = &r->tables[i];

		if ((t->flags & ROWS_EVICTABLE) == 0 || t->count <= LOAD_WHOLE_ROWS)
			rows_disk_each(r, (uint8_t)i, load_one, r);
		else if (t->flags & ROWS_NEWEST)
			(void)rows_disk_newest(
			    r, (uint8_t)i, LOAD_NEWEST_ROWS, load_one, r, &t->cold_last);
	}
	r->came = 0;
}

enum result
rows_open(const char *dir, const struct rows_table *tables, size_t n_tables, struct rows **out)
{
	struct rows *r = calloc(1, sizeof(*r));
	enum result err;

	if (r == NULL)
		return RESULT_NO_MEMORY;
	CHECK(n_tables <= ROWS_MAX_TABLES);
	r->self = r;
	r->gen = 1;
	rows_index_init(&r->index);
	r->n_tables = n_tables;
	for (size_t i = 0; i < n_tables; i++)
		table_init(&r->tables[i], &tables[i]);
	for (size_t i = 0; i < n_tables; i++)
		table_room(r, &r->tables[i]);
	if (dir != NULL && (err = rows_disk_open(r, dir)) != RESULT_OK) {
		rows_close(r);
		return err;
	}
	if (dir != NULL)
		load(r);
	*out = r;
	return RESULT_OK;
}

void
rows_close(struct rows *r)
{
	if (r == NULL)
		return;
	if (r->disk != NULL)
		rows_disk_close(r);
	for (size_t i = 0; i < r->n_tables; i++) {
		for (size_t slab = 0; slab < r->tables[i].n_slabs; slab++)
			munmap(r->tables[i].slabs[slab].rows, r->tables[i].slabs[slab].bytes);
		free(r->tables[i].slabs);
	}
	rows_log_free(&r->log);
	rows_log_free(&r->job.log);
	free(r->dropped);
	free(r->undo);
	free(r->old);
	rows_index_free(&r->index);
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

/*
 * All at once: a processor that must look for an address first (a miss of its address cache, which nearly every row is) does so
 * for several at a time only if little else stands between them.
 */
static void
ahead_begin(const struct rows *r, struct ahead *a, enum row_expect when)
{
	for (size_t i = 0; i < a->n; i++) {
		if (when == ROW_NEAR)
			rows_index_prefetch_slots(&r->index, a->hash[i]);
		else
			rows_index_prefetch_row(&r->index, a->hash[i], a->bytes[i]);
	}
	a->n = 0;
}

static void
source_expect(void *ctx, const struct row_key *key, enum row_expect when)
{
	struct rows *r = ctx;
	struct ahead *a = &r->ahead[when];
	struct row_key owner;

	if (key == NULL || a->n == ROWS_AHEAD)
		ahead_begin(r, a, when);
	if (key == NULL || key->table >= r->n_tables)
		return;
	if (owner_key(r, key, &owner))
		key = &owner;
	a->hash[a->n] = rows_index_hash(&r->index, key);
	a->bytes[a->n++] = (uint32_t)r->tables[key->table].stride;
}

struct restoring {
	struct rows *rows;
	const struct record *record[RESTORE_MOST];
};

static void
restore_one(struct rows *r, const struct record *record)
{
	struct table *t = &r->tables[record->key.table];
	struct row *row;

	CHECK(record->key.table < r->n_tables && record->size == t->size);
	if ((row = find_in_memory(r, &record->key)) == NULL)
		row = insert(r, &record->key);
	t->cold += row->live;
	row->live = record->live != 0;
	t->cold -= row->live;
	memcpy(row->value, record->value, t->size);
	row->gen = r->gen;
	if (!row->live)
		rows_bury_later(r, row);
}

void
rows_source(struct rows *r, struct row_source *out)
{
	*out = (struct row_source){r, source_get, source_edit, source_add, source_drop, source_expect};
}

static void
expect_record(void *ctx, size_t i, enum row_expect when)
{
	const struct restoring *restoring = ctx;

	source_expect(restoring->rows, &restoring->record[i]->key, when);
}

void
rows_restore(struct rows *r, const struct record *first, size_t bytes)
{
	const uint8_t *end = (const uint8_t *)first + bytes;
	struct restoring some = {.rows = r};
	struct row_source source;
	size_t records = 0, n;

	for (const struct record *record = first; (const uint8_t *)record < end; record = rows_record_after(record))
		records++;
	if (records == 0)
		return;
	rows_source(r, &source);
	first = rows_log_take(&r->log, first, bytes, records);
	for (const struct record *record = first; records > 0; records -= n) {
		for (n = 0; n < RESTORE_MOST && n < records; n++) {
			some.record[n] = record;
			record = rows_record_after(record);
		}
		for (size_t i = 0; i < n; i++) {
			row_expect_ahead(&source, i, n, expect_record, &some);
			restore_one(r, some.record[i]);
		}
	}
}
