/*
 * The thread that writes, one thing at a time: a checkpoint goes to the state's log first, which
 * makes it durable; in between, what the log has is merged into the environment, a part at a time.
 * It alone writes either after the opening. It is made with the first checkpoint, takes no signals,
 * and yields the processor to the loop.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"
#include "daemon/store/env.h"
#include "daemon/store/rows_disk_merge.h"
#include "daemon/store/state_log.h"

/* Without a checkpoint for so long, nothing changes, and what there is is merged. */
#define IDLE_SECONDS 6

/* ---- checkpoints ---- */

void
rows_job_mark(const struct rows_job *job, struct mark *out)
{
	memset(out, 0, sizeof(*out));
	out->seq = job->seq;
	memcpy(out->counts, job->counts, sizeof(out->counts));
	out->meta_len = job->meta_len;
	memcpy(out->meta, job->meta, job->meta_len);
}

static enum result
write_failed(struct rows_disk *disk, int rc)
{
	if (rc != 0)
		disk->failed = env_write_result(disk->env, rc);
	return disk->failed;
}

static void
job_run(struct rows_disk *disk, struct rows_job *job)
{
	struct mark mark;

	rows_job_mark(job, &mark);
	if (disk->failed == RESULT_OK)
		(void)write_failed(disk, state_log_append(disk->log, job->base, &job->log, &mark,
					     atomic_load(&disk->closing)));
	if (disk->failed == RESULT_OK)
		rows_merge_add(disk, &job->log, job->gen, &mark);
	rows_job_done(job, disk->failed);
}

static int
merge_due(struct rows_disk *disk, enum merge_haste haste)
{
	return disk->failed == RESULT_OK && rows_merge_due(disk, haste);
}

static void
merge_step(struct rows_disk *disk, enum merge_haste haste)
{
	(void)write_failed(disk, rows_merge_step(disk, haste));
}

/* ---- the thread ---- */

/* Waits for something to do, under the lock. How soon is it? */
static enum merge_haste
wait_for_work(struct rows_disk *disk)
{
	struct timespec until = {.tv_sec = (time_t)(clock_steady_ms() / 1000) + IDLE_SECONDS};

	if (disk->job == NULL && !disk->closing &&
	    clock_steady_ms() - disk->job_ms > IDLE_SECONDS * 1000u && merge_due(disk, MERGE_IDLE))
		return MERGE_IDLE;
	while (disk->job == NULL && !disk->closing && !merge_due(disk, MERGE_CALM))
		if (pthread_cond_timedwait(&disk->changed, &disk->lock, &until) == ETIMEDOUT)
			return MERGE_IDLE;
	return disk->closing ? MERGE_ALL : MERGE_CALM;
}

static void
job_take(struct rows_disk *disk)
{
	struct rows_job *job = disk->job;
	uint64_t began_ms = clock_steady_ms();

	pthread_mutex_unlock(&disk->lock);
	job_run(disk, job);
	disk->job_ms = clock_steady_ms();
	disk->turn_ms = 2 * disk->job_ms - began_ms;
	pthread_mutex_lock(&disk->lock);
	disk->job = NULL;
	disk->idle = 1;
	pthread_cond_broadcast(&disk->changed);
}

/*
 * Whether the job may be taken now. While the loop has the next one ready as soon as one is written, a merge that lags has as
 * much time as they: else it would stand still until there is no room left, and the loop waits.
 */
static int
job_goes_first(const struct rows_disk *disk)
{
	if (disk->job == NULL)
		return 0;
	return disk->failed != RESULT_OK || (!rows_merge_full(disk) &&
					     (clock_steady_ms() >= disk->turn_ms || !rows_merge_lags(disk)));
}

static void *
writer(void *arg)
{
	const struct sched_param lowest = {0};
	struct rows_disk *disk = arg;

	/*
	 * The processor is the loop's: who is merely nice keeps it for milliseconds. Not to be
	 * heeded is no error.
	 */
	(void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &lowest);
	pthread_mutex_lock(&disk->lock);
	for (;;) {
		enum merge_haste haste = wait_for_work(disk);

		if (job_goes_first(disk)) {
			job_take(disk);
		} else if (merge_due(disk, haste)) {
			pthread_mutex_unlock(&disk->lock);
			/* Who waits for room waits for all of it. */
			merge_step(disk, rows_merge_full(disk) ? MERGE_ALL : haste);
			pthread_mutex_lock(&disk->lock);
		} else if (disk->closing) {
			break;
		} else {
			/* Nothing changes, and everything is merged. */
			rows_log_spare_free();
		}
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
		while (merge_due(disk, MERGE_ALL))
			merge_step(disk, MERGE_ALL);
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

uint32_t
rows_disk_merged(const struct rows *r)
{
	return atomic_load(&r->disk->merged);
}

size_t
rows_disk_kept_bytes(const struct rows *r)
{
	return atomic_load(&r->disk->kept_bytes);
}

void
rows_disk_limit(struct rows *r, size_t bytes)
{
	size_t part = bytes == 0 ? MERGE_BYTES : bytes / MERGE_PART;

	if (part < MERGE_LEAST)
		part = MERGE_LEAST;
	if (part > MERGE_BYTES)
		part = MERGE_BYTES;
	atomic_store(&r->disk->merge_bytes, part);
	rows_log_spare_limit(part);
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
