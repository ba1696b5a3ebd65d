#include "daemon/store/rows_int.h"

#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"

/*
 * The state environment has one database, "rows": 40 bytes (struct row_key) → the row's bytes.
 * Two keys of table 255 hold what the environment says about itself: LAYOUT the list of tables as
 * text, MARK the sequence number that the rows stand for (u64) and the owner's blob. Numbers are
 * little-endian.
 */
#define LAYOUT_VERSION "rows 1\n"

static const struct row_key layout_key = {.table = ROWS_OWN_TABLE, .a = 1};
static const struct row_key mark_key = {.table = ROWS_OWN_TABLE, .a = 2};

struct mark {
	uint64_t seq;
	uint8_t meta[ROWS_META_MAX];
};
_Static_assert(sizeof(struct mark) == 8 + ROWS_META_MAX, "marks are stored");

static size_t
layout_text(const struct rows *r, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, LAYOUT_VERSION);

	for (size_t i = 0; i < r->n_tables; i++)
		n += (size_t)snprintf(
		    out + n, cap - n, "%s %u\n", r->tables[i].name, r->tables[i].size);
	CHECK(n < cap);
	return n;
}

/* Drops everything and writes the layout, if what is stored is not of this layout. */
static int
layout_check(struct rows *r, MDB_txn *txn)
{
	char text[ROWS_MAX_TABLES * 48];
	MDB_val key = env_val(&layout_key, sizeof(layout_key));
	MDB_val want = env_val(text, layout_text(r, text, sizeof(text)));
	MDB_val have;
	int rc = mdb_get(txn, r->dbi, &key, &have);

	if (rc == 0 && have.mv_size == want.mv_size &&
	    memcmp(have.mv_data, text, want.mv_size) == 0)
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
	MDB_val key = env_val(&mark_key, sizeof(mark_key)), value;
	int rc = mdb_get(txn, r->dbi, &key, &value);

	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return rc;
	if (value.mv_size < 8 || value.mv_size > sizeof(struct mark))
		return MDB_CORRUPTED;
	memcpy(&r->checkpoint_seq, value.mv_data, 8);
	r->meta_len = value.mv_size - 8;
	memcpy(r->meta, (const uint8_t *)value.mv_data + 8, r->meta_len);
	return 0;
}

static int
load_row(struct rows *r, const MDB_val *key, const MDB_val *value)
{
	struct row_key k;
	struct row *row;

	if (key->mv_size != sizeof(k))
		return MDB_CORRUPTED;
	memcpy(&k, key->mv_data, sizeof(k));
	if (k.table == ROWS_OWN_TABLE)
		return 0;
	if (k.table >= r->n_tables || value->mv_size != r->tables[k.table].size)
		return MDB_CORRUPTED;
	row = rows_insert_loaded(r, &k);
	memcpy(row->value, value->mv_data, value->mv_size);
	return 0;
}

static int
load_rows(struct rows *r, MDB_txn *txn)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, r->dbi, &cursor);

	if (rc != 0)
		return rc;
	while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		rc = load_row(r, &key, &value);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

enum result
rows_load(struct rows *r, const char *dir)
{
	MDB_txn *txn = NULL;
	enum result err = env_open(dir, 0, 1, &r->env);
	int rc;

	if (err != RESULT_OK)
		return err;
	if ((rc = env_begin(r->env, NULL, 0, &txn)) != 0)
		return env_result(rc);
	if ((rc = mdb_dbi_open(txn, "rows", MDB_CREATE, &r->dbi)) != 0 ||
	    (rc = layout_check(r, txn)) != 0 || (rc = load_mark(r, txn)) != 0 ||
	    (rc = load_rows(r, txn)) != 0) {
		mdb_txn_abort(txn);
		return env_result(rc);
	}
	return env_result(mdb_txn_commit(txn));
}

void
rows_unload(struct rows *r)
{
	env_close(r->env);
	r->env = NULL;
}

/* ---- checkpoints ---- */

uint64_t
rows_checkpoint_seq(const struct rows *r)
{
	return r->checkpoint_seq;
}

size_t
rows_checkpoint_meta(const struct rows *r, void *buf, size_t cap)
{
	memcpy(buf, r->meta, cap < r->meta_len ? cap : r->meta_len);
	return r->meta_len;
}

static int
by_key(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;

	return memcmp(&(*x)->key, &(*y)->key, sizeof(struct row_key));
}

/* The dirty rows in order of key, so that neighbours share the pages that are written. */
static struct row **
dirty_sorted(const struct rows *r)
{
	struct row **list = rows_must(malloc((r->n_dirty + 1) * sizeof(struct row *)));
	size_t n = 0;

	for (struct row *row = r->dirty; row != NULL; row = row->next)
		list[n++] = row;
	CHECK(n == r->n_dirty);
	qsort(list, n, sizeof(struct row *), by_key);
	return list;
}

static int
write_row(const struct rows *r, MDB_txn *txn, struct row *row)
{
	MDB_val key = env_val(&row->key, sizeof(row->key));
	MDB_val value = env_val(row->value, r->tables[row->key.table].size);
	int rc;

	if (row->live)
		return mdb_put(txn, r->dbi, &key, &value, 0);
	rc = mdb_del(txn, r->dbi, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
write_all(const struct rows *r, struct row *const *list, const struct mark *mark, size_t meta_len)
{
	MDB_val key = env_val(&mark_key, sizeof(mark_key)), value = env_val(mark, 8 + meta_len);
	MDB_txn *txn = NULL;
	int rc = env_begin(r->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < r->n_dirty && rc == 0; i++)
		rc = write_row(r, txn, list[i]);
	if (rc == 0)
		rc = mdb_put(txn, r->dbi, &key, &value, 0);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* What was dirty is written now; dropped rows leave the memory, too. */
static void
all_clean(struct rows *r, struct row *const *list)
{
	for (size_t i = 0; i < r->n_dirty; i++) {
		list[i]->dirty = 0;
		if (!list[i]->live)
			rows_discard(r, list[i]);
	}
	r->dirty = NULL;
	r->n_dirty = 0;
}

enum result
rows_checkpoint(struct rows *r, uint64_t seq, const void *meta, size_t meta_len)
{
	struct mark mark = {.seq = seq};
	struct row **list;
	int rc;

	CHECK(r->n_undo == 0 && meta_len <= ROWS_META_MAX);
	if (r->failed)
		return RESULT_UNAVAILABLE;
	if (meta_len > 0)
		memcpy(mark.meta, meta, meta_len);
	if (r->env != NULL) {
		list = dirty_sorted(r);
		if ((rc = write_all(r, list, &mark, meta_len)) == 0)
			all_clean(r, list);
		free(list);
		if (rc != 0) {
			r->failed = 1;
			return env_write_result(r->env, rc);
		}
	}
	r->checkpoint_seq = seq;
	r->meta_len = meta_len;
	memcpy(r->meta, mark.meta, meta_len);
	return RESULT_OK;
}
