#include "daemon/store/ledger.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"
#include "daemon/store/fold.h"
#include "daemon/store/journal.h"
#include "daemon/store/tail.h"

#define LEDGER_SCAN_SLICE 1000
#define LEDGER_LEAVES_FIRST 256

/* So often in a row a writer folds between two looks at LMDB's last seq; not more often. */
#define LEDGER_READ_TRIES 1000

/*
 *	1 ... folded | frozen: ... | tail: ... committed | the open batch ... last
 *	LMDB         | a lap       | the lap written     | memory
 *
 * The fold thread moves `frozen` into LMDB; until that is done the loop reads it, too.
 */
struct ledger {
	MDB_env *env;
	MDB_dbi dbi;
	/* NULL: every batch goes to LMDB. */
	struct journal *journal;
	int read_only;
	uint64_t folded;
	uint64_t committed;
	uint64_t last;
	struct tail frozen, tail;
	/* Of the entries of the open batch. */
	uint8_t (*leaves)[HASH_LEN];
	size_t cap_leaves;
	struct fold fold;
	/* The thread has `frozen`. */
	int folding;
	/* A write failed: no other is taken. */
	int failed;
};

/* How many of the tail's entries are at most seq. */
static size_t
tail_upto(const struct ledger *l, uint64_t seq)
{
	return (size_t)(seq - l->folded) - l->frozen.n;
}

/* ---- moving into LMDB ---- */

/* Takes note of a fold that is done. 0, or LMDB's number if it failed. */
static int
take_up(struct ledger *l, int wait)
{
	if (!l->folding || !fold_idle(&l->fold, wait))
		return 0;
	l->folding = 0;
	if (l->fold.rc != 0)
		return l->fold.rc;
	l->folded += l->frozen.n;
	tail_cut(&l->frozen, 0);
	return 0;
}

/* Sets the first n entries of the tail apart, when those before are moved. 0 or a number. */
static int
freeze(struct ledger *l, size_t n)
{
	int rc = take_up(l, 1);

	return rc != 0 ? rc : tail_split(&l->tail, n, &l->frozen);
}

static void
begin_fold(struct ledger *l, size_t grow)
{
	if (l->frozen.n == 0 && grow == 0)
		return;
	l->folding = 1;
	fold_begin(&l->fold, &l->frozen, l->folded, l->journal, grow);
}

/* The lap is full: goes on in the other. `len` is the batch that did not fit. */
static int
turn(struct ledger *l, size_t len)
{
	int rc = freeze(l, tail_upto(l, l->committed));

	if (rc == 0)
		begin_fold(l, journal_turn(l->journal, len));
	return rc;
}

/* Moves all that there is, durably; the journal has nothing more to keep. */
static int
fold_all(struct ledger *l)
{
	int rc = freeze(l, l->tail.n);

	if (rc != 0)
		return rc;
	begin_fold(l, 0);
	rc = take_up(l, 1);
	if (rc == 0 && l->journal != NULL)
		journal_restart(l->journal);
	return rc;
}

/* ---- opening ---- */

/* LMDB's last seq. */
static enum result
find_folded(const struct ledger *l, uint64_t *folded)
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
	*folded = 0;
	if (rc == 0 && key.mv_size == sizeof(*folded))
		memcpy(folded, key.mv_data, sizeof(*folded));
	/* As many entries as the last one's number: none is missing. */
	if (rc == 0 && stat.ms_entries != *folded)
		rc = MDB_CORRUPTED;
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? RESULT_OK : env_result(rc);
}

static enum result
take_journaled(void *ctx, uint64_t seq, const uint8_t *entry, size_t len)
{
	struct ledger *l = ctx;

	if (len == 0 || len > LEDGER_ENTRY_MAX || seq != l->last + 1)
		return RESULT_CORRUPT;
	if (tail_add(&l->tail, entry, len) != 0)
		return RESULT_NO_MEMORY;
	l->last = seq;
	return RESULT_OK;
}

/* Finds what is committed: the journal first, then LMDB; what is not in the one is in the other. */
static enum result
find_last(struct ledger *l)
{
	enum result err = RESULT_OK;
	uint64_t folded = 0;

	for (int i = 0; i < LEDGER_READ_TRIES && err == RESULT_OK; i++) {
		if ((err = journal_read(l->journal, l->last, take_journaled, l)) != RESULT_OK ||
		    (err = find_folded(l, &folded)) != RESULT_OK)
			break;
		if (folded <= l->last) {
			l->committed = l->last;
			return RESULT_OK;
		}
		tail_cut(&l->tail, 0);
		l->folded = l->last = folded;
	}
	return err == RESULT_OK ? RESULT_BUSY : err;
}

/* The same, and no record beyond: none is written before all in front of it was acknowledged. */
static enum result
find_first_time(struct ledger *l)
{
	uint64_t greatest;
	enum result err = journal_greatest(l->journal, &greatest);

	if (err == RESULT_OK)
		err = find_folded(l, &l->folded);
	l->last = l->folded;
	if (err == RESULT_OK)
		err = find_last(l);
	return err == RESULT_OK && l->committed < greatest ? RESULT_CORRUPT : err;
}

/* Moves what the journal has into LMDB and starts it anew; where there is no room for that, every
 * batch goes to LMDB until the next start. */
static enum result
start_journal(struct ledger *l, const char *dir)
{
	enum result err = RESULT_DISK_FULL;
	int rc;

	if (l->tail.n == 0 || ledger_has_room(l)) {
		if ((rc = fold_all(l)) != 0)
			return env_write_result(l->env, rc);
		err = journal_start(l->journal, dir);
	}
	if (err != RESULT_DISK_FULL)
		return err;
	journal_close(l->journal);
	l->journal = NULL;
	return RESULT_OK;
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
	l->read_only = read_only;
	if ((err = env_open(dir, read_only, 1, &l->env)) != RESULT_OK) {
		free(l);
		return err;
	}
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
	fold_open(&l->fold, l->env, l->dbi);
	err = env_result(rc);
	if (err == RESULT_OK)
		err = journal_open(dir, read_only, &l->journal);
	if (err == RESULT_OK)
		err = find_first_time(l);
	if (err == RESULT_OK && !read_only)
		err = start_journal(l, dir);
	if (err != RESULT_OK) {
		/* What was read of the journal stays there. */
		l->failed = 1;
		ledger_close(l);
		return err;
	}
	*out = l;
	return RESULT_OK;
}

enum result
ledger_refresh(struct ledger *l)
{
	CHECK(l->read_only);
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

/* ---- writing ---- */

/* A write failed: nothing more is written by this process. */
static enum result
fail(struct ledger *l, int rc)
{
	ledger_abandon(l);
	l->failed = 1;
	return env_write_result(l->env, rc);
}

/* 0 or ENOMEM. */
static int
leaf_add(struct ledger *l, const uint8_t leaf[HASH_LEN])
{
	size_t n = (size_t)(l->last - l->committed);
	void *p;

	if (n == l->cap_leaves) {
		if ((p = realloc(l->leaves, 2 * (n + LEDGER_LEAVES_FIRST) * sizeof(*l->leaves))) == NULL)
			return ENOMEM;
		l->leaves = p;
		l->cap_leaves = 2 * (n + LEDGER_LEAVES_FIRST);
	}
	memcpy(l->leaves[n], leaf, HASH_LEN);
	return 0;
}

enum result
ledger_append(struct ledger *l, uint64_t seq, const void *entry, size_t len, const uint8_t leaf[HASH_LEN])
{
	int rc;

	if (l->failed)
		return RESULT_UNAVAILABLE;
	CHECK(!l->read_only && env_is_ours(l->env));
	CHECK(seq == l->last + 1 && len > 0 && len <= LEDGER_ENTRY_MAX);
	if ((rc = leaf_add(l, leaf)) != 0 || (rc = tail_add(&l->tail, entry, len)) != 0)
		return fail(l, rc);
	l->last = seq;
	return RESULT_OK;
}

/* 0 or a number. */
static int
make_durable(struct ledger *l)
{
	size_t before = tail_upto(l, l->committed);
	size_t len = l->tail.len - l->tail.at[before];
	int rc = 0;

	if (l->journal != NULL && len <= JOURNAL_BATCH_MOST && !journal_fits(l->journal, len))
		rc = turn(l, len);
	if (rc != 0)
		return rc;
	if (!journal_fits(l->journal, len))
		return fold_all(l);
	before = tail_upto(l, l->committed);
	return journal_append(l->journal, l->committed + 1, (uint32_t)(l->last - l->committed),
			      l->tail.bytes + l->tail.at[before], len, (const uint8_t(*)[HASH_LEN])l->leaves);
}

enum result
ledger_commit(struct ledger *l)
{
	int rc;

	if (l->failed)
		return RESULT_UNAVAILABLE;
	if (l->last == l->committed)
		return RESULT_OK;
	if ((rc = take_up(l, 0)) == 0)
		rc = make_durable(l);
	if (rc != 0)
		return fail(l, rc);
	l->committed = l->last;
	return RESULT_OK;
}

void
ledger_abandon(struct ledger *l)
{
	size_t n = (size_t)(l->committed - l->folded);

	/* A batch that went to the thread, too, and failed there. */
	tail_cut(&l->frozen, n);
	tail_cut(&l->tail, n - l->frozen.n);
	l->last = l->committed;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	if (!l->failed && !l->read_only) {
		ledger_abandon(l);
		/* If it fails, the journal has them. */
		(void)fold_all(l);
	}
	fold_close(&l->fold);
	journal_close(l->journal);
	env_close(l->env);
	tail_free(&l->frozen);
	tail_free(&l->tail);
	free(l->leaves);
	free(l);
}

/* ---- reading ---- */

static enum result
copy_out(const MDB_val *value, uint8_t *buf, size_t cap, size_t *len)
{
	*len = value->mv_size;
	if (value->mv_size > cap)
		return RESULT_OVERFLOW;
	memcpy(buf, value->mv_data, value->mv_size);
	return RESULT_OK;
}

enum result
ledger_read(struct ledger *l, uint64_t seq, uint8_t *buf, size_t cap, size_t *len)
{
	MDB_val key = {sizeof(seq), &seq};
	enum result err = RESULT_OK;
	MDB_txn *txn = NULL;
	MDB_val value;
	int rc;

	if (seq == 0 || seq > l->last)
		return RESULT_NOT_FOUND;
	if (seq > l->folded) {
		size_t i = (size_t)(seq - l->folded) - 1;

		value = i < l->frozen.n ? tail_get(&l->frozen, i) : tail_get(&l->tail, i - l->frozen.n);
		return copy_out(&value, buf, cap, len);
	}
	if ((rc = env_begin(l->env, NULL, MDB_RDONLY, &txn)) != 0)
		return env_result(rc);
	if ((rc = mdb_get(txn, l->dbi, &key, &value)) == 0)
		err = copy_out(&value, buf, cap, len);
	mdb_txn_abort(txn);
	/* A seq within the range that is not there is a hole in the ledger. */
	return rc == MDB_NOTFOUND ? RESULT_CORRUPT : rc != 0 ? env_result(rc) : err;
}

static enum result
scan_slice(const struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
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

/* The bytes are copied: what is called may append and commit, which moves them. */
static enum result
scan_tail(struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	uint8_t copy[LEDGER_ENTRY_MAX];
	enum result err = RESULT_OK;
	size_t len;

	for (uint64_t seq = from; seq <= to && err == RESULT_OK; seq++) {
		err = ledger_read(l, seq, copy, sizeof(copy), &len);
		if (err == RESULT_OK)
			err = fn(ctx, seq, copy, len);
	}
	return err;
}

uint64_t
ledger_folded_seq(const struct ledger *l)
{
	return l->folded;
}

enum result
ledger_scan_folded(const struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	enum result err = RESULT_OK;

	for (uint64_t end; from <= to && err == RESULT_OK; from = end + 1) {
		end = to - from >= LEDGER_SCAN_SLICE ? from + LEDGER_SCAN_SLICE - 1 : to;
		err = scan_slice(l, from, end, fn, ctx);
	}
	return err;
}

enum result
ledger_scan(struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	uint64_t there = to < l->folded ? to : l->folded;
	enum result err;

	if (from == 0 || to > l->committed)
		return RESULT_NOT_FOUND;
	err = ledger_scan_folded(l, from, there, fn, ctx);
	return err != RESULT_OK ? err : scan_tail(l, from > there ? from : there + 1, to, fn, ctx);
}

int
ledger_has_room(const struct ledger *l)
{
	/* They go to LMDB some time, in pages that are not quite full. */
	return env_has_room_for(l->env, 2 * (uint64_t)(l->frozen.len + l->tail.len));
}

uint64_t
ledger_bytes_used(const struct ledger *l)
{
	MDB_envinfo info;
	MDB_stat stat;

	CHECK(mdb_env_info(l->env, &info) == 0 && mdb_env_stat(l->env, &stat) == 0);
	return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}
