#include "daemon/store/ledger.h"

#include <lmdb.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"

#define LEDGER_SCAN_SLICE 1000

struct ledger {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *batch;
	uint64_t committed;
	uint64_t last;
	/* A write failed: no other is taken. */
	int failed;
};

static enum result
find_last(struct ledger *l)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	MDB_stat stat;
	MDB_val key, value;
	int rc;

	if ((rc = env_begin(l->env, NULL, MDB_RDONLY, &txn)) != 0)
		return env_result(rc);
	if ((rc = mdb_cursor_open(txn, l->dbi, &cursor)) == 0)
		rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
	if (rc == 0)
		rc = mdb_stat(txn, l->dbi, &stat);
	if (rc == 0 && key.mv_size == sizeof(l->committed))
		memcpy(&l->committed, key.mv_data, sizeof(l->committed));
	/* As many entries as the last one's number: none is missing. */
	if (rc == 0 && stat.ms_entries != l->committed)
		rc = MDB_CORRUPTED;
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	l->last = l->committed;
	return rc == MDB_NOTFOUND ? RESULT_OK : env_result(rc);
}

enum result
ledger_open(const char *dir, int read_only, struct ledger **out)
{
	struct ledger *l = calloc(1, sizeof(*l));
	MDB_txn *txn = NULL;
	enum result err;
	int rc;

	if (l == NULL)
		return RESULT_NO_MEMORY;
	if ((err = env_open(dir, read_only, 1, &l->env)) != RESULT_OK)
		goto out;
	rc = env_begin(l->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
	if (rc == 0)
		rc = mdb_dbi_open(
		    txn, "entries", MDB_INTEGERKEY | (read_only ? 0 : MDB_CREATE), &l->dbi);
	if (rc == 0) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
	if (txn != NULL)
		mdb_txn_abort(txn);
	err = rc == 0 ? find_last(l) : env_result(rc);
out:
	if (err != RESULT_OK) {
		ledger_close(l);
		return err;
	}
	*out = l;
	return RESULT_OK;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	ledger_abandon(l);
	env_close(l->env);
	free(l);
}

enum result
ledger_refresh(struct ledger *l)
{
	return find_last(l);
}

uint64_t
ledger_committed_seq(const struct ledger *l)
{
	return l->committed;
}

uint64_t
ledger_last_seq(const struct ledger *l)
{
	return l->last;
}

/* A write failed: nothing more is written by this process. */
static enum result
fail(struct ledger *l, int rc)
{
	ledger_abandon(l);
	l->failed = 1;
	return env_write_result(l->env, rc);
}

enum result
ledger_append(struct ledger *l, uint64_t seq, const void *entry, size_t len)
{
	MDB_val key = {sizeof(seq), &seq};
	MDB_val value = {len, NULL};
	int rc;

	if (l->failed)
		return RESULT_UNAVAILABLE;
	CHECK(seq == l->last + 1 && len > 0 && len <= LEDGER_ENTRY_MAX);
	if (l->batch == NULL && (rc = env_begin(l->env, NULL, 0, &l->batch)) != 0)
		return fail(l, rc);
	if ((rc = mdb_put(l->batch, l->dbi, &key, &value, MDB_APPEND | MDB_RESERVE)) != 0)
		return fail(l, rc);
	memcpy(value.mv_data, entry, len);
	l->last = seq;
	return RESULT_OK;
}

enum result
ledger_commit(struct ledger *l)
{
	int rc;

	if (l->failed)
		return RESULT_UNAVAILABLE;
	if (l->batch == NULL)
		return RESULT_OK;
	rc = mdb_txn_commit(l->batch);
	l->batch = NULL;
	if (rc != 0)
		return fail(l, rc);
	l->committed = l->last;
	return RESULT_OK;
}

void
ledger_abandon(struct ledger *l)
{
	if (l->batch != NULL)
		mdb_txn_abort(l->batch);
	l->batch = NULL;
	l->last = l->committed;
}

enum result
ledger_read(struct ledger *l, uint64_t seq, uint8_t *buf, size_t cap, size_t *len)
{
	MDB_val key = {sizeof(seq), &seq};
	MDB_val value;
	MDB_txn *txn = l->batch;
	int rc;

	if (seq == 0 || seq > l->last)
		return RESULT_NOT_FOUND;
	if (txn == NULL && (rc = env_begin(l->env, NULL, MDB_RDONLY, &txn)) != 0)
		return env_result(rc);
	rc = mdb_get(txn, l->dbi, &key, &value);
	if (rc == 0) {
		*len = value.mv_size;
		if (value.mv_size <= cap)
			memcpy(buf, value.mv_data, value.mv_size);
	}
	if (txn != l->batch)
		mdb_txn_abort(txn);
	if (rc == 0 && *len > cap)
		return RESULT_OVERFLOW;
	/* A seq within the range that is not there is a hole in the ledger. */
	return rc == MDB_NOTFOUND ? RESULT_CORRUPT : env_result(rc);
}

static enum result
scan_slice(struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	enum result err = RESULT_OK;
	MDB_val key, value;
	int rc;

	if ((rc = env_begin(l->env, NULL, MDB_RDONLY, &txn)) != 0)
		return env_result(rc);
	if ((rc = mdb_cursor_open(txn, l->dbi, &cursor)) != 0)
		goto out;
	for (uint64_t seq = from; seq <= to && err == RESULT_OK; seq++) {
		key.mv_size = sizeof(seq);
		key.mv_data = &seq;
		rc = mdb_cursor_get(cursor, &key, &value, seq == from ? MDB_SET_KEY : MDB_NEXT);
		if (rc != 0)
			goto out;
		if (memcmp(key.mv_data, &seq, sizeof(seq)) != 0)
			err = RESULT_CORRUPT;
		else
			err = fn(ctx, seq, value.mv_data, value.mv_size);
	}
out:
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	if (rc == MDB_NOTFOUND)
		return RESULT_CORRUPT;
	return rc != 0 ? env_result(rc) : err;
}

enum result
ledger_scan(struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	enum result err = RESULT_OK;

	if (from == 0 || to > l->committed)
		return RESULT_NOT_FOUND;
	while (from <= to && err == RESULT_OK) {
		uint64_t end = to - from >= LEDGER_SCAN_SLICE ? from + LEDGER_SCAN_SLICE - 1 : to;

		err = scan_slice(l, from, end, fn, ctx);
		from = end + 1;
	}
	return err;
}

int
ledger_has_room(const struct ledger *l)
{
	return env_has_room(l->env);
}

uint64_t
ledger_bytes_used(const struct ledger *l)
{
	MDB_envinfo info;
	MDB_stat stat;

	CHECK(mdb_env_info(l->env, &info) == 0 && mdb_env_stat(l->env, &stat) == 0);
	return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}
