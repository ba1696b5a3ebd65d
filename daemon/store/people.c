#include "daemon/store/people.h"

#include <lmdb.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"

#define PEOPLE_MAP_BYTES ((size_t)1 << 36)

static const char *const table_names[PEOPLE_TABLES] = {
	[PEOPLE_PRIVATE] = "private", [PEOPLE_MEMBER] = "member", [PEOPLE_NUMBER] = "number",
	[PEOPLE_CARD] = "card",	      [PEOPLE_PIN] = "pin",	  [PEOPLE_NAME] = "name",
	[PEOPLE_BENEFICIARY] = "beneficiary", [PEOPLE_PENDING] = "pending",
};

struct people {
	MDB_env *env;
	MDB_dbi dbi[PEOPLE_TABLES];
	MDB_txn *batch;
	enum result failed;
};

enum result
people_open(const char *dir, struct people **out)
{
	struct people *p = calloc(1, sizeof(*p));
	MDB_txn *txn = NULL;
	enum result err;
	int rc;

	if (p == NULL)
		return RESULT_NO_MEMORY;
	if ((err = env_open(dir, 0, PEOPLE_MAP_BYTES, PEOPLE_TABLES, &p->env)) != RESULT_OK) {
		people_close(p);
		return err;
	}
	rc = mdb_txn_begin(p->env, NULL, 0, &txn);
	for (int i = 0; i < PEOPLE_TABLES && rc == 0; i++)
		rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &p->dbi[i]);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else if (txn != NULL)
		mdb_txn_abort(txn);
	if (rc != 0) {
		people_close(p);
		return env_result(rc);
	}
	*out = p;
	return RESULT_OK;
}

void
people_close(struct people *p)
{
	if (p == NULL)
		return;
	if (p->batch != NULL)
		mdb_txn_abort(p->batch);
	env_close(p->env);
	free(p);
}

static enum result
fail(struct people *p, int rc)
{
	enum result err = env_result(rc);

	if (p->batch != NULL)
		mdb_txn_abort(p->batch);
	p->batch = NULL;
	p->failed = err == RESULT_DISK_FULL ? err : RESULT_UNAVAILABLE;
	return p->failed;
}

static enum result
batch_open(struct people *p)
{
	int rc;

	if (p->failed != RESULT_OK)
		return p->failed;
	if (p->batch == NULL && (rc = mdb_txn_begin(p->env, NULL, 0, &p->batch)) != 0)
		return fail(p, rc);
	return RESULT_OK;
}

/* LMDB takes keys as void *, and does not write to them. */
static MDB_val
val(const void *p, size_t n)
{
	MDB_val v = { .mv_size = n };

	memcpy(&v.mv_data, &p, sizeof(p));
	return v;
}

enum result
people_get(struct people *p, enum people_table table, const void *key, size_t key_len, void *buf,
	   size_t cap, size_t *len)
{
	MDB_val k = val(key, key_len), value;
	MDB_txn *txn = p->batch;
	int rc;

	CHECK(key_len <= PEOPLE_KEY_MAX);
	if (key_len == 0)
		return RESULT_NOT_FOUND;
	if (txn == NULL && (rc = mdb_txn_begin(p->env, NULL, MDB_RDONLY, &txn)) != 0)
		return env_result(rc);
	rc = mdb_get(txn, p->dbi[table], &k, &value);
	if (rc == 0 && value.mv_size <= cap) {
		memcpy(buf, value.mv_data, value.mv_size);
		*len = value.mv_size;
	}
	if (txn != p->batch)
		mdb_txn_abort(txn);
	return rc == 0 && value.mv_size > cap ? RESULT_OVERFLOW : env_result(rc);
}

enum result
people_put(struct people *p, enum people_table table, const void *key, size_t key_len,
	   const void *value, size_t len)
{
	MDB_val k = val(key, key_len), v = val(value, len);
	enum result err;
	int rc;

	CHECK(key_len > 0 && key_len <= PEOPLE_KEY_MAX && len <= PEOPLE_VALUE_MAX);
	if ((err = batch_open(p)) != RESULT_OK)
		return err;
	rc = mdb_put(p->batch, p->dbi[table], &k, &v, 0);
	return rc == 0 ? RESULT_OK : fail(p, rc);
}

enum result
people_delete(struct people *p, enum people_table table, const void *key, size_t key_len)
{
	MDB_val k = val(key, key_len);
	enum result err;
	int rc;

	if ((err = batch_open(p)) != RESULT_OK)
		return err;
	rc = mdb_del(p->batch, p->dbi[table], &k, NULL);
	return rc == 0 || rc == MDB_NOTFOUND ? RESULT_OK : fail(p, rc);
}

enum result
people_commit(struct people *p)
{
	int rc;

	if (p->failed != RESULT_OK)
		return p->failed;
	if (p->batch == NULL)
		return RESULT_OK;
	rc = mdb_txn_commit(p->batch);
	p->batch = NULL;
	return rc == 0 ? RESULT_OK : fail(p, rc);
}

enum result
people_each(struct people *p, enum people_table table, const void *prefix, size_t prefix_len,
	    people_fn fn, void *ctx)
{
	MDB_val key = val(prefix, prefix_len), value;
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = p->batch;
	enum result err = RESULT_OK;
	int rc;

	if (txn == NULL && (rc = mdb_txn_begin(p->env, NULL, MDB_RDONLY, &txn)) != 0)
		return env_result(rc);
	rc = mdb_cursor_open(txn, p->dbi[table], &cursor);
	if (rc == 0)
		rc = mdb_cursor_get(cursor, &key, &value, prefix_len == 0 ? MDB_FIRST : MDB_SET_RANGE);
	while (rc == 0 && err == RESULT_OK && key.mv_size >= prefix_len &&
	       memcmp(key.mv_data, prefix, prefix_len) == 0) {
		err = fn(ctx, key.mv_data, key.mv_size, value.mv_data, value.mv_size);
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	if (txn != p->batch)
		mdb_txn_abort(txn);
	return rc == 0 || rc == MDB_NOTFOUND ? err : env_result(rc);
}

enum result
people_compact(struct people *p, const char *dir)
{
	return env_result(mdb_env_copy2(p->env, dir, MDB_CP_COMPACT));
}
