#include "daemon/store/rows_disk_merge.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"
#include "daemon/store/env.h"
#include "daemon/store/state_log.h"

/* A merge takes all that there is when it begins; it begins at the latest with so many generations. */
#define KEPT_MOST 1000
/*
 * Rows of a transaction: at first and at least, and at most. Between, as many as take the disk so
 * long: calm; behind; at the end.
 */
#define SLICE_LEAST	8
#define SLICE_MOST	((size_t)1 << 17)
#define SLICE_CALM_US	1000
#define SLICE_BEHIND_US 4000
#define SLICE_ALL_US	200000
/* Calm, the disk rests so many times as long as it worked. */
#define REST 3

/* What decides the order of nearly all rows, at hand; records lie anywhere. */
struct sorted {
	uint64_t first;
	uint64_t second;
	const struct record *record;
	/* The later of two records of a row counts. */
	uint64_t order;
};

struct rows_merge {
	/* Durable in the log and not merged, in order; what the last one stands for. */
	struct rows_log kept[KEPT_MOST];
	size_t n_kept;
	size_t bytes;
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
	struct sorted *list;
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
rows_merge_add(struct rows_disk *disk, struct rows_job *job)
{
	struct rows_merge *m = disk->merge;

	CHECK(m->n_kept < KEPT_MOST);
	m->bytes += rows_log_fit(&job->log);
	m->kept[m->n_kept++] = job->log;
	memset(&job->log, 0, sizeof(job->log));
	m->last_gen = job->gen;
	rows_job_mark(job, &m->last);
	atomic_store(&disk->kept_bytes, m->bytes);
}

int
rows_merge_full(const struct rows_disk *disk)
{
	return disk->merge->bytes >= 3 * atomic_load(&disk->merge_bytes) ||
	       disk->merge->n_kept == KEPT_MOST;
}

int
rows_merge_due(const struct rows_disk *disk, enum merge_haste haste)
{
	const struct rows_merge *m = disk->merge;

	return m->n_taken > 0 || m->bytes >= atomic_load(&disk->merge_bytes) ||
	       m->n_kept == KEPT_MOST || (haste != MERGE_CALM && m->n_kept > 0);
}

/* ---- the order of writing ---- */

static uint64_t
word_at(const struct row_key *key, size_t at)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)key + at, sizeof(word));
	return __builtin_bswap64(word);
}

static int
by_key(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	if ((order = memcmp(&x->record->key, &y->record->key, sizeof(struct row_key))) != 0)
		return order;
	return x->order < y->order ? -1 : x->order > y->order;
}

static size_t
list_log(struct sorted *list, size_t n, const struct rows_log *log)
{
	const struct record *record;
	size_t block = 0, offset = 0;

	for (; (record = rows_log_next(log, &block, &offset)) != NULL; n++)
		list[n] =
		    (struct sorted){word_at(&record->key, 0), word_at(&record->key, 8), record, n};
	return n;
}

/* The last record of each row, in order of key. */
static size_t
keep_last(struct sorted *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || memcmp(&list[i].record->key, &list[i + 1].record->key,
				      sizeof(struct row_key)) != 0)
			list[kept++] = list[i];
	return kept;
}

static void
begin(struct rows_disk *disk)
{
	struct rows_merge *m = disk->merge;
	size_t n = 0, records = 0;

	for (size_t i = 0; i < m->n_kept; i++)
		records += m->kept[i].n_records;
	m->list = rows_must(malloc((records + 1) * sizeof(*m->list)));
	for (size_t i = 0; i < m->n_kept; i++)
		n = list_log(m->list, n, &m->kept[i]);
	CHECK(n == records);
	qsort(m->list, n, sizeof(*m->list), by_key);
	m->n = keep_last(m->list, n);
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
		for (size_t i = m->at; i < to && rc == 0; i++)
			rc = write_row(cursor, m->list[i].record);
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
finish(struct rows_disk *disk, int hurry)
{
	struct rows_merge *m = disk->merge;

	for (size_t i = 0; i < m->n_taken; i++)
		rows_log_free(&m->kept[i]);
	m->n_kept -= m->n_taken;
	memmove(m->kept, m->kept + m->n_taken, m->n_kept * sizeof(*m->kept));
	m->bytes -= m->taken_bytes;
	m->n_taken = 0;
	free(m->list);
	m->list = NULL;
	atomic_store(&disk->kept_bytes, m->bytes);
	atomic_store(&disk->merged, m->gen);
	state_log_drop(disk->log, m->before, hurry);
}

/* ---- in time ---- */

/* What came meanwhile has taken a larger part of its room than the merge has done of its work. */
static int
behind(const struct rows_disk *disk)
{
	const struct rows_merge *m = disk->merge;
	size_t came = m->bytes - m->taken_bytes, room = 2 * atomic_load(&disk->merge_bytes);

	return came / 1024 * m->n > room / 1024 * m->at;
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
rows_merge_step(struct rows_disk *disk, enum merge_haste haste)
{
	struct rows_merge *m = disk->merge;
	uint64_t began_us, took_us;
	int rc, late;
	size_t to;

	if (m->n_taken == 0)
		begin(disk);
	late = behind(disk);
	to = m->n - m->at < m->slice ? m->n : m->at + m->slice;
	began_us = clock_steady_us();
	if ((rc = write_slice(disk, to)) != 0)
		return rc;
	took_us = clock_steady_us() - began_us;
	m->at = to;
	slice_adapt(m, took_us,
	    haste == MERGE_ALL		  ? SLICE_ALL_US
	    : late || haste == MERGE_IDLE ? SLICE_BEHIND_US
					  : SLICE_CALM_US);
	if (to == m->n)
		finish(disk, haste == MERGE_ALL);
	else if (haste != MERGE_ALL && !late)
		env_rest((haste == MERGE_CALM ? REST : 1) * took_us);
	return 0;
}
