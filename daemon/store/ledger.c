#include "daemon/store/ledger.h"

#include <endian.h>
#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"
#include "daemon/store/journal.h"

#define LEDGER_SCAN_SLICE 1000

/* Beside a writer, a reading of the journal may not be of one moment: it is tried again. */
#define LEDGER_READ_TRIES 1000
#define LENGTH_BYTES	  sizeof(uint32_t)
/* Room of the tail at first, and the most that is kept for the next lap. */
#define TAIL_FIRST ((size_t)64 * 1024)
#define TAIL_KEPT  ((size_t)4 * 1024 * 1024)

/*
 * Entries that LMDB does not have yet, as the journal has them: (u32 big-endian length ‖ entry) one
 * after the other.
 */
struct tail {
	uint8_t *bytes;
	size_t len, cap;
	/* Of the n-th, where it begins. */
	size_t *at;
	size_t n, at_cap;
};

struct ledger {
	MDB_env *env;
	MDB_dbi dbi;
	struct journal *journal;
	int read_only;
	/* LMDB has entries up to `folded`, the tail those after it up to `last`, of which those
	 * after `committed` are the open batch. */
	uint64_t folded;
	uint64_t committed;
	uint64_t last;
	struct tail tail;
	/* A write failed: no other is taken. */
	int failed;
};

/* ---- the tail ---- */

static int
tail_room(struct tail *t, size_t len)
{
	size_t cap = t->cap == 0 ? TAIL_FIRST : t->cap;
	size_t slots = t->at_cap == 0 ? 256 : t->at_cap;
	void *p;

	if (t->n == t->at_cap) {
		slots = t->n < slots ? slots : slots * 2;
		if ((p = realloc(t->at, slots * sizeof(*t->at))) == NULL)
			return ENOMEM;
		t->at = p;
		t->at_cap = slots;
	}
	while (cap - t->len < LENGTH_BYTES + len)
		cap *= 2;
	if (cap != t->cap) {
		if ((p = realloc(t->bytes, cap)) == NULL)
			return ENOMEM;
		t->bytes = p;
		t->cap = cap;
	}
	return 0;
}

/* 0 or errno. */
static int
tail_add(struct tail *t, const void *entry, size_t len)
{
	const uint32_t len_be = htobe32((uint32_t)len);
	int rc = tail_room(t, len);

	if (rc != 0)
		return rc;
	t->at[t->n++] = t->len;
	memcpy(t->bytes + t->len, &len_be, LENGTH_BYTES);
	memcpy(t->bytes + t->len + LENGTH_BYTES, entry, len);
	t->len += LENGTH_BYTES + len;
	return 0;
}

/* The i-th entry; valid until the tail changes. */
static MDB_val
tail_get(const struct tail *t, size_t i)
{
	uint32_t len_be;

	CHECK(i < t->n);
	memcpy(&len_be, t->bytes + t->at[i], LENGTH_BYTES);
	return (MDB_val){be32toh(len_be), t->bytes + t->at[i] + LENGTH_BYTES};
}

/* Keeps the first n. */
static void
tail_cut(struct tail *t, size_t n)
{
	if (n < t->n)
		t->len = t->at[n];
	t->n = n;
	if (n == 0 && t->cap > TAIL_KEPT) {
		free(t->bytes);
		t->bytes = NULL;
		t->cap = 0;
	}
}

/* ---- opening ---- */

/* LMDB's last seq. */
static enum result
find_folded(struct ledger *l)
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
	if (rc == 0 && key.mv_size == sizeof(l->folded))
		memcpy(&l->folded, key.mv_data, sizeof(l->folded));
	/* As many entries as the last one's number: none is missing. */
	if (rc == 0 && stat.ms_entries != l->folded)
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

	if (len == 0 || len > LEDGER_ENTRY_MAX || seq != l->folded + l->tail.n + 1)
		return RESULT_CORRUPT;
	return tail_add(&l->tail, entry, len) == 0 ? RESULT_OK : RESULT_NO_MEMORY;
}

/* Finds what is committed: in LMDB, and after it in the journal. */
static enum result
find_last(struct ledger *l)
{
	enum result err = RESULT_OK;

	tail_cut(&l->tail, 0);
	if (l->journal != NULL)
		err = journal_read(l->journal);
	if (err == RESULT_OK)
		err = find_folded(l);
	if (err == RESULT_OK && l->journal != NULL)
		err = journal_replay(l->journal, l->folded, take_journaled, l);
	l->committed = l->last = l->folded + l->tail.n;
	return err;
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
	err = env_result(rc);
	if (err == RESULT_OK)
		err = journal_open(dir, read_only, &l->journal);
	if (err == RESULT_OK)
		err = ledger_refresh(l);
out:
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
	enum result err = find_last(l);

	for (int i = 0; l->read_only && i < LEDGER_READ_TRIES && err == RESULT_CORRUPT; i++)
		err = find_last(l);
	return err;
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

enum result
ledger_append(struct ledger *l, uint64_t seq, const void *entry, size_t len)
{
	int rc;

	if (l->failed)
		return RESULT_UNAVAILABLE;
	CHECK(!l->read_only && env_is_ours(l->env));
	CHECK(seq == l->last + 1 && len > 0 && len <= LEDGER_ENTRY_MAX);
	if ((rc = tail_add(&l->tail, entry, len)) != 0)
		return fail(l, rc);
	l->last = seq;
	return RESULT_OK;
}

/* Moves the tail into LMDB, durably, and begins the journal's next lap. Returns LMDB's number. */
static int
fold(struct ledger *l)
{
	MDB_txn *txn = NULL;
	int rc = env_begin(l->env, NULL, 0, &txn);

	for (size_t i = 0; i < l->tail.n && rc == 0; i++) {
		MDB_val value = tail_get(&l->tail, i);
		uint64_t seq = l->folded + 1 + i;
		MDB_val key = {sizeof(seq), &seq};

		rc = mdb_put(txn, l->dbi, &key, &value, MDB_APPEND);
	}
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else if (txn != NULL)
		mdb_txn_abort(txn);
	if (rc != 0)
		return rc;
	l->folded += l->tail.n;
	tail_cut(&l->tail, 0);
	journal_restart(l->journal);
	return 0;
}

enum result
ledger_commit(struct ledger *l)
{
	size_t from;
	int rc;

	if (l->failed)
		return RESULT_UNAVAILABLE;
	if (l->last == l->committed)
		return RESULT_OK;
	from = l->tail.at[l->committed - l->folded];
	if (journal_fits(l->journal, l->tail.len - from))
		rc = journal_append(l->journal, l->committed + 1,
				    (uint32_t)(l->last - l->committed), l->tail.bytes + from,
				    l->tail.len - from);
	else
		rc = fold(l);
	if (rc != 0)
		return fail(l, rc);
	l->committed = l->last;
	return RESULT_OK;
}

void
ledger_abandon(struct ledger *l)
{
	tail_cut(&l->tail, l->committed - l->folded);
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
		if (l->tail.n > 0 && fold(l) != 0)
			l->failed = 1;
	}
	journal_close(l->journal);
	env_close(l->env);
	free(l->tail.bytes);
	free(l->tail.at);
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
		value = tail_get(&l->tail, seq - l->folded - 1);
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

/* The bytes are copied: what is called may append and commit, which moves the tail. */
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

enum result
ledger_scan(struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	enum result err = RESULT_OK;

	if (from == 0 || to > l->committed)
		return RESULT_NOT_FOUND;
	while (from <= to && err == RESULT_OK) {
		uint64_t end = to - from >= LEDGER_SCAN_SLICE ? from + LEDGER_SCAN_SLICE - 1 : to;

		if (from <= l->folded && end > l->folded)
			end = l->folded;
		err = from <= l->folded ? scan_slice(l, from, end, fn, ctx)
					: scan_tail(l, from, end, fn, ctx);
		from = end + 1;
	}
	return err;
}

int
ledger_has_room(const struct ledger *l)
{
	/* The tail goes to LMDB some time, in pages that are not quite full. */
	return env_has_room_for(l->env, 2 * (uint64_t)l->tail.len);
}

uint64_t
ledger_bytes_used(const struct ledger *l)
{
	MDB_envinfo info;
	MDB_stat stat;

	CHECK(mdb_env_info(l->env, &info) == 0 && mdb_env_stat(l->env, &stat) == 0);
	return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}
