#include "daemon/store/rows_disk_merge.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"
#include "daemon/store/env.h"
#include "daemon/store/rows_disk_order.h"
#include "daemon/store/state_log.h"

/* A merge takes all that there is when it begins; it begins at the latest with so many generations. */
#define KEPT_MOST 1000
/* And with so many times the bytes at which it is due, none may be added any more. */
#define KEPT_PARTS 2
/*
 * Rows of a transaction: at first and at least, and at most. Between, as many as take the disk so
 * long: calm; behind; at the end.
 */
#define SLICE_LEAST	8
#define SLICE_MOST	((size_t)1 << 17)
#define SLICE_CALM_US	1000
#define SLICE_BEHIND_US 4000
#define SLICE_ALL_US	200000
/* So many records ahead of what is written. */
#define FETCH_AHEAD 8
/* Calm, the disk rests so many times as long as it worked; the less the more the merge lags. */
#define REST	  3
#define LAG_WHOLE 1000
#define LAG_MOST  250

struct rows_merge {
	/* Durable in the log and not merged, in order; what the last one stands for. */
	struct rows_log kept[KEPT_MOST];
	size_t n_kept;
	size_t bytes;
	/* Those of them that a start found in the log: nobody waits for their room. */
	size_t taken_up;
	uint32_t last_gen;
	struct mark last;
	/*
	 * The merge under way: the first of them, 0: none; bytes, generation, mark; files of the
	 * log before that one are its.
	 */
	size_t n_taken;
	size_t taken_bytes;
	uint32_t gen;
	struct mark target;
	uint64_t before;
	/* Its rows, those before `at` done; rows of the next transaction. */
	struct ordered *list;
	size_t n, at;
	size_t slice;
};

struct rows_merge *
rows_merge_new(void)
{
	return calloc(1, sizeof(struct rows_merge));
}

void
rows_merge_free(struct rows_merge *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_kept; i++)
		rows_log_free(&m->kept[i]);
	free(m->list);
	free(m);
}

void
rows_merge_add(struct rows_disk *disk, struct rows_log *log, uint32_t gen, const struct mark *mark)
{
	struct rows_merge *m = disk->merge;

	CHECK(m->n_kept < KEPT_MOST);
	m->bytes += rows_log_fit(log);
	m->kept[m->n_kept++] = *log;
	memset(log, 0, sizeof(*log));
	m->last_gen = gen;
	m->last = *mark;
	atomic_store(&disk->kept_bytes, m->bytes);
}

void
rows_merge_take_up(struct rows_disk *disk, struct rows_log *log, uint32_t gen, const struct mark *mark)
{
	rows_merge_add(disk, log, gen, mark);
	disk->merge->taken_up = disk->merge->bytes;
}

int
rows_merge_full(const struct rows_disk *disk)
{
	const struct rows_merge *m = disk->merge;

	return m->bytes - m->taken_up >= KEPT_PARTS * atomic_load(&disk->merge_bytes) || m->n_kept == KEPT_MOST;
}

int
rows_merge_due(const struct rows_disk *disk, enum merge_haste haste)
{
	const struct rows_merge *m = disk->merge;

	return m->n_taken > 0 || m->bytes >= atomic_load(&disk->merge_bytes) ||
	       m->n_kept == KEPT_MOST || (haste != MERGE_CALM && m->n_kept > 0);
}

static void
begin(struct rows_disk *disk)
{
	struct rows_merge *m = disk->merge;

	m->list = rows_disk_order(m->kept, m->n_kept, &m->n);
	m->at = 0;
	m->slice = SLICE_LEAST;
	m->n_taken = m->n_kept;
	m->taken_bytes = m->bytes;
	m->gen = m->last_gen;
	m->target = m->last;
	m->before = state_log_turn(disk->log);
}

/* ---- writing ---- */

static int
write_row(MDB_cursor *cursor, const struct record *record)
{
	MDB_val key = rows_disk_key(&record->key), value = env_val(record->value, record->size);
	int rc;

	if (record->live)
		return mdb_cursor_put(cursor, &key, &value, 0);
	if ((rc = mdb_cursor_get(cursor, &key, &value, MDB_SET)) == 0)
		rc = mdb_cursor_del(cursor, 0);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
write_mark(struct rows_disk *disk, MDB_txn *txn, const struct mark *mark)
{
	MDB_val key = rows_disk_key(&rows_mark_key), value = env_val(mark, rows_mark_bytes(mark));

	return mdb_put(txn, disk->dbi, &key, &value, 0);
}

/* Rows [m->at, to) and what the environment says of itself then. */
static int
write_slice(struct rows_disk *disk, size_t to)
{
	struct rows_merge *m = disk->merge;
	struct mark mark = to == m->n ? m->target : disk->mark;
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	int rc = env_begin(disk->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	mark.merging = to == m->n ? 0 : m->target.seq;
	if ((rc = mdb_cursor_open(txn, disk->dbi, &cursor)) == 0) {
		for (size_t i = m->at; i < to && rc == 0; i++) {
			/* Records lie anywhere: a miss for each, if they are not fetched before. */
			if (i + FETCH_AHEAD < m->n) {
				__builtin_prefetch(m->list[i + FETCH_AHEAD].record);
				__builtin_prefetch(m->list[i + FETCH_AHEAD].record->value);
			}
			rc = write_row(cursor, m->list[i].record);
		}
		mdb_cursor_close(cursor);
	}
	/* Not 0 until it is said that it is. */
	if (rc == 0 && (m->at == 0 || to == m->n))
		rc = write_mark(disk, txn, &mark);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	if ((rc = mdb_txn_commit(txn)) == 0)
		disk->mark = mark;
	return rc;
}

static void
finish(struct rows_disk *disk, enum merge_haste haste)
{
	struct rows_merge *m = disk->merge;

	for (size_t i = 0; i < m->n_taken; i++)
		rows_log_free(&m->kept[i]);
	m->n_kept -= m->n_taken;
	memmove(m->kept, m->kept + m->n_taken, m->n_kept * sizeof(*m->kept));
	m->bytes -= m->taken_bytes;
	m->taken_up = 0;
	m->n_taken = 0;
	free(m->list);
	m->list = NULL;
	atomic_store(&disk->kept_bytes, m->bytes);
	atomic_store(&disk->merged, m->gen);
	state_log_drop(disk->log, m->before, haste == MERGE_ALL);
}

/* ---- in time ---- */

/*
 * How far the merge lags, in parts of LAG_MOST (then it may not rest any more): what came meanwhile has taken a larger part of
 * its room than the merge has done of its work.
 */
static uint64_t
lag(const struct rows_disk *disk)
{
	const struct rows_merge *m = disk->merge;
	uint64_t came = m->bytes - m->taken_bytes, most = KEPT_PARTS * atomic_load(&disk->merge_bytes);
	uint64_t taken = most <= m->bytes ? LAG_WHOLE : came * LAG_WHOLE / (most - m->taken_bytes), done = m->n == 0 ? LAG_WHOLE : m->at * LAG_WHOLE / m->n;

	if (taken <= done)
		return 0;
	return taken - done < LAG_MOST ? taken - done : LAG_MOST;
}

/* As many rows as shall take `want_us`, by what this many took. */
static void
slice_adapt(struct rows_merge *m, uint64_t took_us, uint64_t want_us)
{
	if (took_us > want_us + want_us / 2 && m->slice > SLICE_LEAST)
		m->slice /= 2;
	else if (took_us < want_us * 2 / 3 && m->slice < SLICE_MOST)
		m->slice *= 2;
}

int
rows_merge_lags(const struct rows_disk *disk)
{
	return disk->merge->n_taken > 0 && lag(disk) > 0;
}

int
rows_merge_step(struct rows_disk *disk, enum merge_haste haste)
{
	struct rows_merge *m = disk->merge;
	uint64_t began_us, took_us;
	uint64_t late;
	size_t to;
	int rc;

	if (m->n_taken == 0)
		begin(disk);
	late = lag(disk);
	to = m->n - m->at < m->slice ? m->n : m->at + m->slice;
	began_us = clock_steady_us();
	if ((rc = write_slice(disk, to)) != 0)
		return rc;
	took_us = clock_steady_us() - began_us;
	m->at = to;
	slice_adapt(m, took_us,
	    haste == MERGE_ALL		  ? SLICE_ALL_US
	    : late == LAG_MOST || haste == MERGE_IDLE ? SLICE_BEHIND_US
					  : SLICE_CALM_US);
	if (to == m->n)
		finish(disk, haste);
	else if (haste == MERGE_IDLE)
		env_rest(took_us);
	else if (haste == MERGE_CALM)
		env_rest(REST * took_us * (LAG_MOST - late) / LAG_MOST);
	return 0;
}
