/*
 * The thread that writes checkpoints, one job at a time: it sorts the changed rows by key, so that neighbours share the pages
 * that are written, and writes them, the counts and the mark in one synchronous transaction. It alone writes the environment
 * after the opening. It is made with the first job, takes no signals, and yields the processor to the loop.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"
#include "daemon/store/rows_disk.h"

/* Of the thread: the loop, at 0, gets some nine tenths where both want the same processor. */
#define WRITER_NICE 10

/* ---- writing ---- */

/* What decides the order of nearly all rows, at hand; records lie anywhere. */
struct sorted {
	uint64_t first;
	uint64_t second;
	const struct record *record;
};

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

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	return memcmp(&x->record->key, &y->record->key, sizeof(struct row_key));
}

static struct sorted *
sort(const struct rows_log *log)
{
	struct sorted *list = rows_must(malloc((log->n_records + 1) * sizeof(*list)));
	const struct record *record;
	size_t block = 0, offset = 0, n = 0;

	while ((record = rows_log_next(log, &block, &offset)) != NULL)
		list[n++] =
		    (struct sorted){word_at(&record->key, 0), word_at(&record->key, 8), record};
	CHECK(n == log->n_records);
	qsort(list, n, sizeof(*list), by_key);
	return list;
}

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
write_mark(const struct rows_disk *disk, MDB_txn *txn, const struct rows_job *job)
{
	struct mark mark = {.seq = job->seq};
	MDB_val key = rows_disk_key(&rows_mark_key);
	MDB_val value = env_val(&mark, offsetof(struct mark, meta) + job->meta_len);

	memcpy(mark.counts, job->counts, sizeof(mark.counts));
	memcpy(mark.meta, job->meta, job->meta_len);
	return mdb_put(txn, disk->dbi, &key, &value, 0);
}

static int
write_all(const struct rows_disk *disk, const struct rows_job *job, const struct sorted *list)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	int rc = env_begin(disk->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	if ((rc = mdb_cursor_open(txn, disk->dbi, &cursor)) == 0) {
		for (uint64_t i = 0; i < job->log.n_records && rc == 0; i++)
			rc = write_row(cursor, list[i].record);
		mdb_cursor_close(cursor);
	}
	if (rc == 0)
		rc = write_mark(disk, txn, job);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static void
job_run(struct rows_disk *disk, struct rows_job *job)
{
	struct sorted *list = sort(&job->log);
	int rc = write_all(disk, job, list);

	free(list);
	rows_job_done(job, rc == 0 ? RESULT_OK : env_write_result(disk->env, rc));
}

/* ---- the thread ---- */

static void *
writer(void *arg)
{
	struct rows_disk *disk = arg;

	/* 0 is the calling thread on Linux; not being nice is no error. */
	(void)setpriority(PRIO_PROCESS, 0, WRITER_NICE);
	pthread_mutex_lock(&disk->lock);
	for (;;) {
		struct rows_job *job;

		while (disk->job == NULL && !disk->closing)
			pthread_cond_wait(&disk->changed, &disk->lock);
		if ((job = disk->job) == NULL)
			break;
		pthread_mutex_unlock(&disk->lock);
		job_run(disk, job);
		pthread_mutex_lock(&disk->lock);
		disk->job = NULL;
		disk->idle = 1;
		pthread_cond_broadcast(&disk->changed);
	}
	pthread_mutex_unlock(&disk->lock);
	return NULL;
}

static int
thread_start(struct rows_disk *disk)
{
	sigset_t all, before;

	if (disk->threaded)
		return 1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	disk->threaded = pthread_create(&disk->thread, NULL, writer, disk) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return disk->threaded;
}

void
rows_disk_begin(struct rows *r)
{
	struct rows_disk *disk = r->disk;

	/* Where no thread can be had, the caller waits. */
	if (!thread_start(disk)) {
		job_run(disk, &r->job);
		return;
	}
	pthread_mutex_lock(&disk->lock);
	CHECK(disk->idle && disk->job == NULL);
	disk->job = &r->job;
	disk->idle = 0;
	pthread_cond_broadcast(&disk->changed);
	pthread_mutex_unlock(&disk->lock);
}

int
rows_disk_poll(struct rows *r, int wait)
{
	struct rows_disk *disk = r->disk;
	int idle;

	pthread_mutex_lock(&disk->lock);
	while (wait && !disk->idle)
		pthread_cond_wait(&disk->changed, &disk->lock);
	idle = disk->idle;
	pthread_mutex_unlock(&disk->lock);
	return idle;
}

void
rows_disk_stop(struct rows_disk *disk)
{
	if (!disk->threaded)
		return;
	pthread_mutex_lock(&disk->lock);
	disk->closing = 1;
	pthread_cond_broadcast(&disk->changed);
	pthread_mutex_unlock(&disk->lock);
	pthread_join(disk->thread, NULL);
	disk->threaded = 0;
}
