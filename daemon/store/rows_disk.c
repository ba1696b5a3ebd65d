#include "daemon/store/rows_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"
#include "daemon/store/rows_disk_merge.h"
#include "daemon/store/state_log.h"

const struct row_key rows_layout_key = {.table = ROWS_OWN_TABLE, .a = 1};
const struct row_key rows_mark_key = {.table = ROWS_OWN_TABLE, .a = 2};

MDB_val
rows_disk_key(const struct row_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	size_t len = sizeof(*key);

	while (len > 1 && bytes[len - 1] == 0)
		len--;
	return env_val(key, len);
}

/* 0 if the stored bytes are no key. */
static int
key_of(const MDB_val *stored, struct row_key *key)
{
	memset(key, 0, sizeof(*key));
	if (stored->mv_size > sizeof(*key))
		return 0;
	memcpy(key, stored->mv_data, stored->mv_size);
	return 1;
}

/* ---- opening ---- */

static size_t
layout_text(const struct rows *r, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, ROWS_LAYOUT);

	for (size_t i = 0; i < r->n_tables; i++)
		n += (size_t)snprintf(
		    out + n, cap - n, "%s %u\n", r->tables[i].name, r->tables[i].size);
	CHECK(n < cap);
	return n;
}

/* Drops everything and writes the layout. */
static int
env_empty(struct rows_disk *disk, MDB_txn *txn, const MDB_val *layout)
{
	MDB_val key = rows_disk_key(&rows_layout_key), value = *layout;
	int rc = mdb_drop(txn, disk->dbi, 0);

	memset(&disk->mark, 0, sizeof(disk->mark));
	return rc != 0 ? rc : mdb_put(txn, disk->dbi, &key, &value, 0);
}

/* Drops everything if what is stored is not of this layout. */
static int
layout_check(struct rows_disk *disk, MDB_txn *txn, const MDB_val *want)
{
	MDB_val key = rows_disk_key(&rows_layout_key), have;
	int rc = mdb_get(txn, disk->dbi, &key, &have);

	if (rc == 0 && have.mv_size == want->mv_size && memcmp(have.mv_data, want->mv_data, want->mv_size) == 0)
		return 0;
	return rc == 0 || rc == MDB_NOTFOUND ? env_empty(disk, txn, want) : rc;
}

size_t
rows_mark_bytes(const struct mark *mark)
{
	return offsetof(struct mark, meta) + mark->meta_len;
}

static int
load_mark(struct rows_disk *disk, MDB_txn *txn)
{
	MDB_val key = rows_disk_key(&rows_mark_key), value;
	int rc = mdb_get(txn, disk->dbi, &key, &value);

	if (rc != 0)
		return rc == MDB_NOTFOUND ? 0 : rc;
	if (value.mv_size < offsetof(struct mark, meta) || value.mv_size > sizeof(disk->mark))
		return MDB_CORRUPTED;
	memcpy(&disk->mark, value.mv_data, value.mv_size);
	return rows_mark_bytes(&disk->mark) == value.mv_size ? 0 : MDB_CORRUPTED;
}

static void
restore_records(void *ctx, const struct record *first, size_t bytes)
{
	rows_restore(ctx, first, bytes);
}

static void
take_mark(struct rows *r, const struct mark *mark)
{
	r->checkpoint_seq = mark->seq;
	for (size_t i = 0; i < r->n_tables; i++)
		r->tables[i].count = r->tables[i].cold = mark->counts[i];
	r->meta_len = mark->meta_len;
	memcpy(r->meta, mark->meta, mark->meta_len);
}

/* Takes up what is durable in the log and not in the environment. A merge whose log is lost leaves nothing that can be used. */
static int
take_log(struct rows *r, MDB_txn *txn, const MDB_val *layout, enum result *err)
{
	struct rows_disk *disk = r->disk;
	struct mark last = disk->mark;
	int rc;

	if ((*err = state_log_find(disk->log, &last)) != RESULT_OK)
		return 0;
	if (disk->mark.merging > last.seq) {
		if ((rc = env_empty(disk, txn, layout)) != 0)
			return rc;
		last = disk->mark;
	}
	take_mark(r, &last);
	*err = state_log_replay(disk->log, last.seq, restore_records, r);
	if (*err == RESULT_OK && r->log.n_records > 0)
		rows_merge_take_up(disk, &r->log, r->gen++, &last);
	return 0;
}

static int
prepare(struct rows *r, const char *dir, enum result *err)
{
	struct rows_disk *disk = r->disk;
	char text[ROWS_MAX_TABLES * 48];
	MDB_val layout = env_val(text, layout_text(r, text, sizeof(text)));
	uint8_t hash[HASH_LEN];
	MDB_txn *txn = NULL;
	int rc = env_begin(disk->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	sha256(text, layout.mv_size, hash);
	if ((rc = mdb_dbi_open(txn, "rows", MDB_CREATE, &disk->dbi)) != 0 ||
	    (rc = layout_check(disk, txn, &layout)) != 0 || (rc = load_mark(disk, txn)) != 0 ||
	    (*err = state_log_open(dir, hash, &disk->log)) != RESULT_OK ||
	    (rc = take_log(r, txn, &layout, err)) != 0 || *err != RESULT_OK) {
		mdb_txn_abort(txn);
		return rc;
	}
	if ((rc = mdb_txn_commit(txn)) != 0 ||
	    (rc = env_begin(disk->env, NULL, MDB_RDONLY, &disk->reader)) != 0)
		return rc;
	mdb_txn_reset(disk->reader);
	return 0;
}

enum result
rows_disk_open(struct rows *r, const char *dir)
{
	struct rows_disk *disk = calloc(1, sizeof(*disk));
	pthread_condattr_t steady;
	enum result err;
	int rc;

	if (disk == NULL)
		return RESULT_NO_MEMORY;
	r->disk = disk;
	disk->idle = 1;
	rows_disk_limit(r, 0);
	if ((disk->merge = rows_merge_new()) == NULL)
		return RESULT_NO_MEMORY;
	CHECK(pthread_mutex_init(&disk->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&steady) == 0 && pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&disk->changed, &steady) == 0 && pthread_condattr_destroy(&steady) == 0);
	if ((err = env_open(dir, 0, 1, &disk->env)) != RESULT_OK)
		return err;
	rc = prepare(r, dir, &err);
	return rc != 0 ? env_result(rc) : err;
}

void
rows_disk_close(struct rows *r)
{
	struct rows_disk *disk = r->disk;

	rows_disk_stop(disk);
	if (disk->reader != NULL)
		mdb_txn_abort(disk->reader);
	env_close(disk->env);
	state_log_close(disk->log);
	rows_merge_free(disk->merge);
	pthread_cond_destroy(&disk->changed);
	pthread_mutex_destroy(&disk->lock);
	free(disk);
	r->disk = NULL;
}

/* ---- reading ---- */

/* A row that cannot be read is not one that is not there: the process ends before it decides on that. */
static void
need_read(int rc)
{
	if (rc == 0 || rc == MDB_NOTFOUND)
		return;
	fprintf(stderr,
	    "level=error event=state_unreadable why=\"%s\" hint=\"start it again; if that does not help, remove "
	    "DIR/state: it is rebuilt from the ledger\"\n",
	    mdb_strerror(rc));
	_exit(1);
}

int
rows_disk_get(const struct rows *r, const struct row_key *key, void *value)
{
	struct rows_disk *disk = r->disk;
	MDB_val k = rows_disk_key(key), v;
	int rc;

	need_read(mdb_txn_renew(disk->reader));
	rc = mdb_get(disk->reader, disk->dbi, &k, &v);
	need_read(rc);
	CHECK(rc != 0 || v.mv_size == r->tables[key->table].size);
	if (rc == 0)
		memcpy(value, v.mv_data, v.mv_size);
	mdb_txn_reset(disk->reader);
	return rc == 0;
}

/* Gives the row under the cursor away; 0 if it is another table's. */
static int
visit(const struct rows *r, uint8_t table, const MDB_val *k, const MDB_val *v, rows_disk_fn fn,
    void *ctx)
{
	uint64_t value[ROWS_VALUE_MAX / 8];
	struct row_key key;

	CHECK(key_of(k, &key));
	if (key.table != table)
		return 0;
	CHECK(v->mv_size == r->tables[table].size);
	memcpy(value, v->mv_data, v->mv_size);
	fn(ctx, &key, value);
	return 1;
}

void
rows_disk_each(const struct rows *r, uint8_t table, rows_disk_fn fn, void *ctx)
{
	struct row_key first = {.table = table};
	MDB_val k = rows_disk_key(&first), v;
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	int rc;

	need_read(env_begin(r->disk->env, NULL, MDB_RDONLY, &txn));
	need_read(mdb_cursor_open(txn, r->disk->dbi, &cursor));
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && visit(r, table, &k, &v, fn, ctx))
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	need_read(rc);
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
}

int
rows_disk_newest(const struct rows *r, uint8_t table, size_t n, rows_disk_fn fn, void *ctx,
    struct row_key *before)
{
	struct row_key after = {.table = (uint8_t)(table + 1)};
	MDB_val k = rows_disk_key(&after), v;
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	int rc, found;

	need_read(env_begin(r->disk->env, NULL, MDB_RDONLY, &txn));
	need_read(mdb_cursor_open(txn, r->disk->dbi, &cursor));
	/* The mark of table 255 is behind every table. */
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	if (rc == 0)
		rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
	while (rc == 0 && n-- > 0 && visit(r, table, &k, &v, fn, ctx))
		rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
	need_read(rc);
	found = rc == 0 && key_of(&k, before) && before->table == table;
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return found;
}
