/*
 * A slot is one job on its way round:
 *
 *	free -> queued -> running -> posted -> free          (the last step on the loop thread)
 *
 * `free` and `pending` belong to the loop thread alone; the queue is shared, under the lock.
 * After work_close the slots that are posted still come back one by one; the last frees the pool.
 */
#include "daemon/ops/work.h"

#include "daemon/base/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define WORK_MAGIC 0x776f726bu /* "work" */
#define WORK_RETRY_NS 1000000

struct slot {
	struct work *work;
	struct slot *next; /* in the free list or in the queue */
	void (*run)(void *job);
	void (*done)(void *job);
	void *job;
};

struct work {
	unsigned magic;
	unsigned threads;
	work_post post;
	void *post_ctx;

	/* the loop thread's */
	struct slot *free;
	unsigned pending;
	int closed;

	/* shared */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct slot *first, *last;
	unsigned posted; /* posted and not come back */
	int stopping;

	pthread_t thread[WORK_THREADS_MAX];
	struct slot slots[];
};

static void
work_free(struct work *work)
{
	pthread_cond_destroy(&work->more);
	pthread_mutex_destroy(&work->lock);
	work->magic = 0;
	free(work);
}

/* On the loop thread: a job comes back. */
static void
work_finish(void *arg)
{
	struct slot *slot = arg;
	struct work *work = slot->work;
	void (*done)(void *job) = slot->done;
	void *job = slot->job;
	unsigned left;

	OBJ_CHECK(work, WORK_MAGIC);
	pthread_mutex_lock(&work->lock);
	left = --work->posted;
	pthread_mutex_unlock(&work->lock);
	if (work->closed) {
		if (left == 0)
			work_free(work);
		return;
	}
	CHECK(work->pending > 0);
	work->pending--;
	slot->next = work->free;
	work->free = slot;
	done(job);
}

/* Takes the next job; NULL when stopping. */
static struct slot *
work_take(struct work *work)
{
	struct slot *slot = NULL;

	pthread_mutex_lock(&work->lock);
	while (work->first == NULL && !work->stopping)
		pthread_cond_wait(&work->more, &work->lock);
	if (!work->stopping) {
		slot = work->first;
		work->first = slot->next;
		if (work->first == NULL)
			work->last = NULL;
	}
	pthread_mutex_unlock(&work->lock);
	return slot;
}

/* Hands a job that ran to the loop; waits while the loop's own queue is full. */
static void
work_deliver(struct work *work, struct slot *slot)
{
	const struct timespec pause = { .tv_nsec = WORK_RETRY_NS };
	enum result r;
	int stopping;

	pthread_mutex_lock(&work->lock);
	work->posted++;
	pthread_mutex_unlock(&work->lock);
	do {
		r = work->post(work->post_ctx, work_finish, slot);
		if (r == RESULT_BUSY)
			nanosleep(&pause, NULL);
		pthread_mutex_lock(&work->lock);
		stopping = work->stopping;
		if (r != RESULT_OK && (r != RESULT_BUSY || stopping))
			work->posted--;
		pthread_mutex_unlock(&work->lock);
	} while (r == RESULT_BUSY && !stopping);
}

static void *
work_main(void *arg)
{
	struct work *work = arg;
	struct slot *slot;
	sigset_t all;

	OBJ_CHECK(work, WORK_MAGIC);
	sigfillset(&all); /* signals are the loop's */
	CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
	while ((slot = work_take(work)) != NULL) {
		slot->run(slot->job);
		work_deliver(work, slot);
	}
	return NULL;
}

enum result
work_open(unsigned threads, unsigned queue_max, work_post post, void *post_ctx, struct work **out)
{
	struct work *work;

	CHECK(threads >= 1 && threads <= WORK_THREADS_MAX);
	CHECK(queue_max >= 1 && queue_max <= WORK_QUEUE_MAX);
	work = calloc(1, sizeof(*work) + queue_max * sizeof(struct slot));
	if (work == NULL)
		return RESULT_NO_MEMORY;
	work->magic = WORK_MAGIC;
	work->post = post;
	work->post_ctx = post_ctx;
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->more, NULL);
	for (unsigned i = 0; i < queue_max; i++) {
		work->slots[i].work = work;
		work->slots[i].next = work->free;
		work->free = &work->slots[i];
	}
	for (; work->threads < threads; work->threads++) {
		if (pthread_create(&work->thread[work->threads], NULL, work_main, work) != 0) {
			work_close(work);
			return RESULT_INTERNAL;
		}
	}
	*out = work;
	return RESULT_OK;
}

enum result
work_submit(struct work *work, void (*run)(void *), void (*done)(void *), void *job)
{
	struct slot *slot;

	OBJ_CHECK(work, WORK_MAGIC);
	CHECK(!work->closed);
	slot = work->free;
	if (slot == NULL)
		return RESULT_BUSY;
	work->free = slot->next;
	work->pending++;
	slot->run = run;
	slot->done = done;
	slot->job = job;
	slot->next = NULL;

	pthread_mutex_lock(&work->lock);
	if (work->last != NULL)
		work->last->next = slot;
	else
		work->first = slot;
	work->last = slot;
	pthread_cond_signal(&work->more);
	pthread_mutex_unlock(&work->lock);
	return RESULT_OK;
}

unsigned
work_pending(const struct work *work)
{
	OBJ_CHECK(work, WORK_MAGIC);
	return work->pending;
}

void
work_close(struct work *work)
{
	unsigned posted;

	if (work == NULL)
		return;
	OBJ_CHECK(work, WORK_MAGIC);
	CHECK(!work->closed);
	pthread_mutex_lock(&work->lock);
	work->stopping = 1;
	pthread_cond_broadcast(&work->more);
	pthread_mutex_unlock(&work->lock);
	for (unsigned i = 0; i < work->threads; i++)
		pthread_join(work->thread[i], NULL);
	work->closed = 1;
	pthread_mutex_lock(&work->lock);
	posted = work->posted;
	pthread_mutex_unlock(&work->lock);
	if (posted == 0)
		work_free(work);
}
