#include "daemon/store/people.h"

#include <errno.h>
#include <lmdb.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"
#include "daemon/store/people_int.h"

static const char *const table_names[PEOPLE_TABLES] = {
    [PEOPLE_PRIVATE] = "private",
    [PEOPLE_MEMBER] = "member",
    [PEOPLE_NUMBER] = "number",
    [PEOPLE_CARD] = "card",
    [PEOPLE_PIN] = "pin",
    [PEOPLE_NAME] = "name",
    [PEOPLE_BENEFICIARY] = "beneficiary",
    [PEOPLE_PENDING] = "pending",
    [PEOPLE_META] = "meta",
};

enum result
people_env(const char *dir, MDB_env **env, MDB_dbi dbi[PEOPLE_TABLES])
{
	MDB_txn *txn = NULL;
	enum result err;
	int rc;

	if ((err = env_open(dir, 0, PEOPLE_TABLES, env)) != RESULT_OK)
		return err;
	rc = env_begin(*env, NULL, 0, &txn);
	for (int i = 0; i < PEOPLE_TABLES && rc == 0; i++)
		rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &dbi[i]);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else if (txn != NULL)
		mdb_txn_abort(txn);
	if (rc != 0) {
		env_close(*env);
		*env = NULL;
	}
	return env_result(rc);
}

/* An empty shape that knows where it is, and has the lock file that says so open. */
static struct people *
people_new(const char *dir)
{
	struct people *p = calloc(1, sizeof(*p));
	int n;

	if (p == NULL)
		return NULL;
	n = snprintf(p->dir, sizeof(p->dir), "%s", dir);
	if (n < 0 || (size_t)n >= sizeof(p->dir) || (p->turnstile = turnstile_open(p->dir)) < 0) {
		p->turnstile = -1;
		people_close(p);
		return NULL;
	}
	return p;
}

enum result
people_open(const char *dir, struct people **out)
{
	struct people *p = people_new(dir);
	enum result err;

	if (p == NULL)
		return env_result(errno == 0 ? ENOMEM : errno);
	if ((err = people_settle(p->dir)) != RESULT_OK ||
	    (err = people_env(p->dir, &p->env, p->dbi)) != RESULT_OK) {
		people_close(p);
		return err;
	}
	*out = p;
	return RESULT_OK;
}

enum result
people_open_reader(const char *dir, struct people **out)
{
	struct people *p = people_new(dir);
	enum result err;

	if (p == NULL)
		return env_result(errno == 0 ? ENOMEM : errno);
	/* Held until people_close: this file stays in its place. */
	err = flock(p->turnstile, LOCK_SH) == 0 ? env_open(dir, 1, PEOPLE_TABLES, &p->env)
						: env_result(errno);
	if (err != RESULT_OK) {
		people_close(p);
		return err;
	}
	*out = p;
	return RESULT_OK;
}

enum result
people_freeze(struct people *p)
{
	int rc;

	/* A transaction in the batch's place is what all reads go through. */
	people_abandon(p);
	rc = env_begin(p->env, NULL, MDB_RDONLY, &p->batch);
	for (int i = 0; i < PEOPLE_TABLES && rc == 0; i++)
		rc = mdb_dbi_open(p->batch, table_names[i], 0, &p->dbi[i]);
	if (rc != 0)
		people_abandon(p);
	return env_result(rc);
}

void
people_reader_drop(struct people *p)
{
	if (p->reader != NULL)
		mdb_txn_abort(p->reader);
	p->reader = NULL;
	p->reading = p->reader_bad = 0;
}

static void
reader_rest(struct people *p)
{
	if (p->reading)
		mdb_txn_reset(p->reader);
	p->reading = 0;
}

void
people_close(struct people *p)
{
	if (p == NULL)
		return;
	people_abandon(p);
	people_reader_drop(p);
	env_close(p->env);
	if (p->turnstile >= 0)
		close(p->turnstile);
	free(p);
}

/* A write failed: nothing more is written by this process. */
static enum result
fail(struct people *p, int rc)
{
	people_abandon(p);
	p->failed = 1;
	return env_write_result(p->env, rc);
}

static MDB_txn *
innermost(const struct people *p)
{
	return p->mark != NULL ? p->mark : p->batch;
}

static enum result
batch_open(struct people *p)
{
	int rc;

	CHECK(!p->visiting);
	if (p->failed)
		return RESULT_UNAVAILABLE;
	if (p->batch != NULL)
		return RESULT_OK;
	reader_rest(p);
	rc = env_begin(p->env, NULL, 0, &p->batch);
	return rc == 0 ? RESULT_OK : fail(p, rc);
}

/* The innermost open transaction, or the one to read. */
static int
read_begin(struct people *p, MDB_txn **out)
{
	int rc = 0;

	/* Lost in a renewal that failed. */
	if (p->env == NULL)
		return EIO;
	if ((*out = innermost(p)) != NULL)
		return 0;
	if (p->reader == NULL)
		rc = env_begin(p->env, NULL, MDB_RDONLY, &p->reader);
	else if (!p->reading)
		rc = mdb_txn_renew(p->reader);
	p->reading = rc == 0;
	if (rc != 0)
		people_reader_drop(p);
	*out = p->reader;
	return rc;
}

/* After a read that gave `rc`: a reader with which something is wrong is of no more use. */
static void
read_end(struct people *p, const MDB_txn *txn, int rc)
{
	if (txn == p->reader && rc != 0 && rc != MDB_NOTFOUND)
		p->reader_bad = 1;
	/* Whoever visits still has a cursor on it. */
	if (p->reader_bad && p->visiting == 0)
		people_reader_drop(p);
}

enum result
people_get(struct people *p, enum people_table table, const void *key, size_t key_len, void *buf,
    size_t cap, size_t *len)
{
	MDB_val k = env_val(key, key_len), value;
	MDB_txn *txn;
	int rc;

	if (key_len == 0 || key_len > PEOPLE_KEY_MAX)
		return RESULT_NOT_FOUND;
	if ((rc = read_begin(p, &txn)) != 0)
		return env_result(rc);
	rc = mdb_get(txn, p->dbi[table], &k, &value);
	if (rc == 0) {
		*len = value.mv_size;
		if (value.mv_size > 0 && value.mv_size <= cap)
			memcpy(buf, value.mv_data, value.mv_size);
	}
	read_end(p, txn, rc);
	return rc == 0 && *len > cap ? RESULT_OVERFLOW : env_result(rc);
}

enum result
people_put(struct people *p, enum people_table table, const void *key, size_t key_len,
    const void *value, size_t len)
{
	MDB_val k = env_val(key, key_len), v = env_val(value, len);
	enum result err;
	int rc;

	CHECK(key_len > 0 && key_len <= PEOPLE_KEY_MAX && len <= PEOPLE_VALUE_MAX);
	if ((err = batch_open(p)) != RESULT_OK)
		return err;
	rc = mdb_put(innermost(p), p->dbi[table], &k, &v, 0);
	return rc == 0 ? RESULT_OK : fail(p, rc);
}

enum result
people_delete(struct people *p, enum people_table table, const void *key, size_t key_len)
{
	MDB_val k = env_val(key, key_len);
	enum result err;
	int rc;

	if ((err = batch_open(p)) != RESULT_OK || key_len == 0 || key_len > PEOPLE_KEY_MAX)
		return err;
	rc = mdb_del(innermost(p), p->dbi[table], &k, NULL);
	return rc == 0 || rc == MDB_NOTFOUND ? RESULT_OK : fail(p, rc);
}

enum result
people_commit(struct people *p)
{
	int rc;

	CHECK(p->mark == NULL && !p->visiting);
	if (p->failed)
		return RESULT_UNAVAILABLE;
	if (p->batch == NULL)
		return RESULT_OK;
	rc = mdb_txn_commit(p->batch);
	p->batch = NULL;
	return rc == 0 ? RESULT_OK : fail(p, rc);
}

void
people_abandon(struct people *p)
{
	people_undo(p);
	if (p->batch != NULL)
		mdb_txn_abort(p->batch);
	p->batch = NULL;
}

int
people_batch_open(const struct people *p)
{
	return p->batch != NULL;
}

enum result
people_mark(struct people *p)
{
	enum result err;
	int rc;

	CHECK(p->mark == NULL);
	if ((err = batch_open(p)) != RESULT_OK)
		return err;
	rc = env_begin(p->env, p->batch, 0, &p->mark);
	return rc == 0 ? RESULT_OK : fail(p, rc);
}

enum result
people_keep(struct people *p)
{
	int rc;

	if (p->failed)
		return RESULT_UNAVAILABLE;
	CHECK(p->mark != NULL);
	rc = mdb_txn_commit(p->mark);
	p->mark = NULL;
	return rc == 0 ? RESULT_OK : fail(p, rc);
}

void
people_undo(struct people *p)
{
	if (p->mark != NULL)
		mdb_txn_abort(p->mark);
	p->mark = NULL;
}

/* What the function said; *failed: what LMDB did. */
static enum result
visit(MDB_cursor *cursor, const void *prefix, size_t prefix_len, people_fn fn, void *ctx, int *failed)
{
	MDB_val key = env_val(prefix, prefix_len), value;
	enum result err = RESULT_OK;
	int rc = mdb_cursor_get(cursor, &key, &value, prefix_len == 0 ? MDB_FIRST : MDB_SET_RANGE);

	while (rc == 0 && err == RESULT_OK && key.mv_size >= prefix_len &&
	       (prefix_len == 0 || memcmp(key.mv_data, prefix, prefix_len) == 0)) {
		err = fn(ctx, key.mv_data, key.mv_size, value.mv_data, value.mv_size);
		if (err == RESULT_OK)
			rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	*failed = rc == MDB_NOTFOUND ? 0 : rc;
	return err;
}

enum result
people_each(struct people *p, enum people_table table, const void *prefix, size_t prefix_len,
    people_fn fn, void *ctx)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn;
	enum result err = RESULT_OK;
	int rc;

	if (prefix_len > PEOPLE_KEY_MAX)
		return RESULT_OK;
	if ((rc = read_begin(p, &txn)) != 0)
		return env_result(rc);
	if ((rc = mdb_cursor_open(txn, p->dbi[table], &cursor)) == 0) {
		p->visiting++;
		err = visit(cursor, prefix, prefix_len, fn, ctx, &rc);
		p->visiting--;
		mdb_cursor_close(cursor);
	}
	read_end(p, txn, rc);
	return rc != 0 ? env_result(rc) : err;
}

enum result
people_compact(struct people *p, const char *dir)
{
	int rc;

	CHECK(p->batch == NULL);
	/* LMDB leaves the copy in the system's cache. */
	if ((rc = mdb_env_copy2(p->env, dir, MDB_CP_COMPACT)) == 0)
		rc = env_sync(dir);
	return rc == EEXIST ? RESULT_EXISTS : env_result(rc);
}
