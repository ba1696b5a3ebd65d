#include "daemon/store/rows.h"

#include <lmdb.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"

#define STATE_MAP_BYTES ((size_t)1 << 38)
#define FIRST_BUCKETS 4096
#define SLAB_ROWS 1024

/* A row; its value follows. Rows are chained per bucket, and (while dirty) in the dirty list. */
struct row {
	struct row *next;
	struct row *next_dirty;
	struct row_key key;
	uint32_t hash;
	/* In the table (not dropped). */
	uint8_t live;
	uint8_t dirty;
	/* In the journal since the last settle. */
	uint8_t journalled;
	uint8_t pad;
	uint64_t value[];
};

/* What a row was before its first change since the last settle: absent, or these bytes. */
struct undo {
	struct row *row;
	uint8_t was_live;
	/* Where in rows.old; an offset, because that block may move. */
	size_t old;
};

struct table {
	char name[32];
	uint32_t size;
	uint64_t count;
	struct row *free;
};

struct rows {
	MDB_env *env;
	MDB_dbi dbi;
	size_t n_tables;
	struct table tables[ROWS_MAX_TABLES];
	struct row **buckets;
	size_t n_buckets;
	size_t n_rows;
	struct row *dirty;
	uint64_t n_dirty;
	struct undo *undo;
	size_t n_undo;
	size_t cap_undo;
	/* Old values of the journal, one after the other. */
	uint8_t *old;
	size_t old_used;
	size_t old_cap;
	/* Slabs, for freeing. */
	void **slabs;
	size_t n_slabs;
	uint64_t seed[2];
	uint64_t checkpoint_seq;
	uint8_t meta[ROWS_META_MAX];
	size_t meta_len;
};

static void *
must(void *p)
{
	CHECK(p != NULL);
	return p;
}

/* Multiply and fold, word by word, from a seed of this process: collisions cannot be chosen from outside. */
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
grow(struct rows *r)
{
	size_t n = r->n_buckets * 2;
	struct row **buckets = must(calloc(n, sizeof(struct row *)));

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

/* An unused row of the table, from its free list or a new slab. */
static struct row *
row_take(struct rows *r, struct table *t)
{
	size_t size = sizeof(struct row) + ((size_t)t->size + 7) / 8 * 8;
	struct row *row = t->free;

	if (row == NULL) {
		uint8_t *slab = must(malloc(size * SLAB_ROWS));

		r->slabs = must(realloc(r->slabs, (r->n_slabs + 1) * sizeof(*r->slabs)));
		r->slabs[r->n_slabs++] = slab;
		for (size_t i = 0; i < SLAB_ROWS; i++) {
			struct row *each = (struct row *)(void *)(slab + i * size);

			each->next = t->free;
			t->free = each;
		}
		row = t->free;
	}
	t->free = row->next;
	memset(row, 0, size);
	return row;
}

static struct row *
insert(struct rows *r, const struct row_key *key, uint32_t hash)
{
	struct row *row = row_take(r, &r->tables[key->table]);

	if (r->n_rows >= r->n_buckets)
		grow(r);
	row->key = *key;
	row->hash = hash;
	row->next = r->buckets[hash & (r->n_buckets - 1)];
	r->buckets[hash & (r->n_buckets - 1)] = row;
	r->n_rows++;
	return row;
}

/* Takes a row that is neither live nor dirty nor journalled out of the table. */
static void
discard(struct rows *r, struct row *row)
{
	struct row **at = &r->buckets[row->hash & (r->n_buckets - 1)];

	while (*at != row)
		at = &(*at)->next;
	*at = row->next;
	r->n_rows--;
	row->next = r->tables[row->key.table].free;
	r->tables[row->key.table].free = row;
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
		r->undo = must(realloc(r->undo, r->cap_undo * sizeof(*r->undo)));
	}
	u = &r->undo[r->n_undo++];
	u->row = row;
	u->was_live = row->live;
	u->old = r->old_used;
	if (row->live) {
		if (r->old_used + size > r->old_cap) {
			r->old_cap = (r->old_used + size) * 2 + 65536;
			r->old = must(realloc(r->old, r->old_cap));
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

static void
mark_dirty(struct rows *r, struct row *row)
{
	if (row->dirty)
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
		/* Added and dropped within one settle, and never written: as if it had not been. */
		if (!row->live && !r->undo[i].was_live && !row->dirty)
			discard(r, row);
		else
			mark_dirty(r, row);
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
			discard(r, row);
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
	for (size_t i = 0; i < r->n_buckets; i++)
		for (const struct row *row = r->buckets[i]; row != NULL; row = row->next)
			if (row->live && row->key.table == table)
				fn(ctx, &row->key, row->value);
}

uint64_t
rows_count(const struct rows *r, uint8_t table)
{
	return r->tables[table].count;
}

uint64_t
rows_dirty(const struct rows *r)
{
	return r->n_dirty;
}

uint64_t
rows_checkpoint_seq(const struct rows *r)
{
	return r->checkpoint_seq;
}

size_t
rows_checkpoint_meta(const struct rows *r, void *buf, size_t cap)
{
	CHECK(cap >= r->meta_len);
	memcpy(buf, r->meta, r->meta_len);
	return r->meta_len;
}

uint64_t
rows_fingerprint(const struct rows *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n_buckets; i++) {
		for (const struct row *row = r->buckets[i]; row != NULL; row = row->next) {
			uint32_t size = r->tables[row->key.table].size;
			uint64_t h = 0x243f6a8885a308d3ull, w;

			if (!row->live)
				continue;
			for (size_t at = 0; at < sizeof(row->key); at += 8) {
				memcpy(&w, (const uint8_t *)&row->key + at, 8);
				h = mix(h, w + at);
			}
			for (size_t at = 0; at < size; at += 8) {
				w = 0;
				memcpy(&w, (const uint8_t *)row->value + at,
				       size - at < 8 ? size - at : 8);
				h = mix(h, w + at + 1);
			}
			sum += h;
		}
	}
	return sum;
}

/* ---- the state environment ---- */

/* Under this key (no row's: the table number is 255) stand the layout, the sequence number and the owner's blob. */
static const struct row_key layout_key = { .table = 255, .a = 1 };
static const struct row_key mark_key = { .table = 255, .a = 2 };

struct mark {
	uint64_t seq;
	uint8_t meta[ROWS_META_MAX];
};

static size_t
layout_text(const struct rows *r, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_tables; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s %u\n", r->tables[i].name, r->tables[i].size);
	return n;
}

static MDB_val
key_val(const struct row_key *key)
{
	static _Thread_local struct row_key copy;
	MDB_val val = { sizeof(copy), &copy };

	copy = *key;
	return val;
}

/* Drops everything and writes the layout, if what is stored is not of this layout. */
static int
layout_check(struct rows *r, MDB_txn *txn)
{
	char text[ROWS_MAX_TABLES * 48];
	MDB_val value, key = key_val(&layout_key), want = { layout_text(r, text, sizeof(text)), text };
	int rc = mdb_get(txn, r->dbi, &key, &value);

	if (rc == 0 && value.mv_size == want.mv_size && memcmp(value.mv_data, text, want.mv_size) == 0)
		return 0;
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	if ((rc = mdb_drop(txn, r->dbi, 0)) != 0)
		return rc;
	return mdb_put(txn, r->dbi, &key, &want, 0);
}

static int
load_mark(struct rows *r, MDB_txn *txn)
{
	MDB_val value, key = key_val(&mark_key);
	int rc = mdb_get(txn, r->dbi, &key, &value);

	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return rc;
	if (value.mv_size < 8 || value.mv_size - 8 > ROWS_META_MAX)
		return MDB_CORRUPTED;
	memcpy(&r->checkpoint_seq, value.mv_data, 8);
	r->meta_len = value.mv_size - 8;
	memcpy(r->meta, (const uint8_t *)value.mv_data + 8, r->meta_len);
	return 0;
}

static int
load_rows(struct rows *r, MDB_txn *txn)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, r->dbi, &cursor);

	while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct row_key k;
		struct row *row;

		if (key.mv_size != sizeof(k)) {
			rc = MDB_CORRUPTED;
			break;
		}
		memcpy(&k, key.mv_data, sizeof(k));
		if (k.table == 255)
			continue;
		if (k.table >= r->n_tables || value.mv_size != r->tables[k.table].size) {
			rc = MDB_CORRUPTED;
			break;
		}
		row = insert(r, &k, key_hash(r, &k));
		memcpy(row->value, value.mv_data, value.mv_size);
		row->live = 1;
		r->tables[k.table].count++;
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum result
load(struct rows *r, const char *dir)
{
	MDB_txn *txn = NULL;
	enum result err = env_open(dir, 0, STATE_MAP_BYTES, 1, &r->env);
	int rc;

	if (err != RESULT_OK)
		return err;
	if ((rc = mdb_txn_begin(r->env, NULL, 0, &txn)) != 0)
		return env_result(rc);
	if ((rc = mdb_dbi_open(txn, "rows", MDB_CREATE, &r->dbi)) != 0 ||
	    (rc = layout_check(r, txn)) != 0 || (rc = load_mark(r, txn)) != 0 ||
	    (rc = load_rows(r, txn)) != 0) {
		mdb_txn_abort(txn);
		return env_result(rc);
	}
	return env_result(mdb_txn_commit(txn));
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
	for (size_t i = 0; i < n_tables; i++) {
		snprintf(r->tables[i].name, sizeof(r->tables[i].name), "%s", tables[i].name);
		r->tables[i].size = tables[i].value_size;
	}
	r->n_buckets = FIRST_BUCKETS;
	r->buckets = must(calloc(r->n_buckets, sizeof(struct row *)));
	if (dir != NULL && (err = load(r, dir)) != RESULT_OK) {
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
	env_close(r->env);
	for (size_t i = 0; i < r->n_slabs; i++)
		free(r->slabs[i]);
	free(r->slabs);
	free(r->undo);
	free(r->old);
	free(r->buckets);
	free(r);
}

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
	*out = (struct row_source){ r, source_get, source_edit, source_add, source_drop };
}

static int
by_key(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;

	return memcmp(&(*x)->key, &(*y)->key, sizeof(struct row_key));
}

/* The dirty rows in order of key, so that neighbouring pages are written once. */
static struct row **
dirty_sorted(struct rows *r)
{
	struct row **list = must(malloc((r->n_dirty + 1) * sizeof(struct row *)));
	size_t n = 0;

	for (struct row *row = r->dirty; row != NULL; row = row->next_dirty)
		list[n++] = row;
	qsort(list, n, sizeof(struct row *), by_key);
	return list;
}

static int
write_row(struct rows *r, MDB_txn *txn, struct row *row)
{
	MDB_val key = { sizeof(row->key), &row->key };
	MDB_val value = { r->tables[row->key.table].size, row->value };
	int rc;

	if (row->live)
		return mdb_put(txn, r->dbi, &key, &value, 0);
	rc = mdb_del(txn, r->dbi, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

enum result
rows_checkpoint(struct rows *r, uint64_t seq, const void *meta, size_t meta_len)
{
	MDB_val key = key_val(&mark_key), value;
	struct row **list;
	struct mark mark;
	MDB_txn *txn = NULL;
	int rc;

	CHECK(r->n_undo == 0 && meta_len <= ROWS_META_MAX);
	if (r->env == NULL)
		return RESULT_OK;
	if ((rc = mdb_txn_begin(r->env, NULL, 0, &txn)) != 0)
		return env_result(rc);
	list = dirty_sorted(r);
	for (size_t i = 0; i < r->n_dirty && rc == 0; i++)
		rc = write_row(r, txn, list[i]);
	mark.seq = seq;
	memcpy(mark.meta, meta, meta_len);
	value.mv_size = 8 + meta_len;
	value.mv_data = &mark;
	if (rc == 0)
		rc = mdb_put(txn, r->dbi, &key, &value, 0);
	if (rc != 0)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (rc == 0) {
		for (size_t i = 0; i < r->n_dirty; i++) {
			list[i]->dirty = 0;
			list[i]->next_dirty = NULL;
			if (!list[i]->live)
				discard(r, list[i]);
		}
		r->dirty = NULL;
		r->n_dirty = 0;
		r->checkpoint_seq = seq;
		r->meta_len = meta_len;
		memcpy(r->meta, meta, meta_len);
	}
	free(list);
	return env_result(rc);
}
