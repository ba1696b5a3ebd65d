#include "daemon/ops/work.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* A loop of its own: posts are kept until the test runs them. */
#define POSTS_MAX 64
static struct {
	pthread_mutex_t lock;
	unsigned max, count;
	enum result failure; /* instead of accepting, unless RESULT_OK */
	void (*fn[POSTS_MAX])(void *);
	void *arg[POSTS_MAX];
} loop = { .lock = PTHREAD_MUTEX_INITIALIZER };

static enum result
loop_post(void *ctx, void (*fn)(void *), void *arg)
{
	enum result r = loop.failure;

	assert_ptr_equal(ctx, &loop);
	pthread_mutex_lock(&loop.lock);
	if (r == RESULT_OK && loop.count == loop.max)
		r = RESULT_BUSY;
	if (r == RESULT_OK) {
		loop.fn[loop.count] = fn;
		loop.arg[loop.count++] = arg;
	}
	pthread_mutex_unlock(&loop.lock);
	return r;
}

/* Runs what was posted; returns how many. */
static unsigned
loop_turn(void)
{
	void (*fn[POSTS_MAX])(void *);
	void *arg[POSTS_MAX];
	unsigned count;

	pthread_mutex_lock(&loop.lock);
	count = loop.count;
	for (unsigned i = 0; i < count; i++) {
		fn[i] = loop.fn[i];
		arg[i] = loop.arg[i];
	}
	loop.count = 0;
	pthread_mutex_unlock(&loop.lock);
	for (unsigned i = 0; i < count; i++)
		fn[i](arg[i]);
	return count;
}

static int
setup(void **state)
{
	(void)state;
	loop.max = POSTS_MAX;
	loop.count = 0;
	loop.failure = RESULT_OK;
	return 0;
}

struct job {
	atomic_int ran, done;
	pthread_t runner;
	atomic_int *gate; /* waits until this is not 0 */
};

static void
job_run(void *arg)
{
	struct job *job = arg;

	while (job->gate != NULL && atomic_load(job->gate) == 0)
		usleep(1000);
	job->runner = pthread_self();
	atomic_fetch_add(&job->ran, 1);
}

static void
job_done(void *arg)
{
	struct job *job = arg;

	assert_int_equal(atomic_load(&job->ran), 1);
	atomic_fetch_add(&job->done, 1);
}

static void
wait_for(struct work *work, unsigned pending)
{
	for (int i = 0; i < 5000 && work_pending(work) > pending; i++) {
		loop_turn();
		usleep(1000);
	}
	assert_int_equal(work_pending(work), pending);
}

static void
job_runs_on_a_worker_and_completes_on_the_loop(void **state)
{
	struct work *work;
	struct job job = { .gate = NULL };

	(void)state;
	assert_int_equal(work_open(1, 1, loop_post, &loop, &work), RESULT_OK);
	assert_int_equal(work_submit(work, job_run, job_done, &job), RESULT_OK);
	wait_for(work, 0);
	assert_int_equal(job.ran, 1);
	assert_int_equal(job.done, 1);
	assert_false(pthread_equal(job.runner, pthread_self()));
	work_close(work);
}

static void
full_pool_says_busy_until_a_job_completed(void **state)
{
	struct work *work;
	atomic_int gate = 0;
	struct job jobs[5] = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		jobs[i].gate = &gate;
	assert_int_equal(work_open(2, 4, loop_post, &loop, &work), RESULT_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(work_submit(work, job_run, job_done, &jobs[i]), RESULT_OK);
	assert_int_equal(work_submit(work, job_run, job_done, &jobs[4]), RESULT_BUSY);
	atomic_store(&gate, 1);
	wait_for(work, 0);
	assert_int_equal(work_submit(work, job_run, job_done, &jobs[4]), RESULT_OK);
	wait_for(work, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(jobs[i].done, 1);
	work_close(work);
}

static void
many_jobs_complete_through_a_small_loop_queue(void **state)
{
	struct work *work;
	struct job jobs[200] = { 0 };
	unsigned next = 0, done = 0;

	(void)state;
	loop.max = 2;
	assert_int_equal(work_open(4, 16, loop_post, &loop, &work), RESULT_OK);
	while (done < 200) {
		while (next < 200 &&
		       work_submit(work, job_run, job_done, &jobs[next]) == RESULT_OK)
			next++;
		done += loop_turn();
	}
	for (int i = 0; i < 200; i++)
		assert_int_equal(jobs[i].done, 1);
	assert_int_equal(work_pending(work), 0);
	work_close(work);
}

static void
close_finishes_the_running_job_and_completes_none(void **state)
{
	struct work *work;
	atomic_int gate = 0;
	struct job jobs[3] = { { .gate = &gate }, { .gate = &gate }, { .gate = &gate } };

	(void)state;
	assert_int_equal(work_open(1, 3, loop_post, &loop, &work), RESULT_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(work_submit(work, job_run, job_done, &jobs[i]), RESULT_OK);
	usleep(20000); /* the first is running */
	atomic_store(&gate, 1);
	work_close(work);
	loop_turn(); /* what was on its way is discarded, and the pool freed */
	for (int i = 0; i < 3; i++)
		assert_int_equal(jobs[i].done, 0);
}

static void
close_does_not_hang_on_a_loop_that_is_full_or_gone(void **state)
{
	struct work *work;
	struct job job = { .gate = NULL };

	(void)state;
	loop.failure = RESULT_BUSY;
	assert_int_equal(work_open(1, 1, loop_post, &loop, &work), RESULT_OK);
	assert_int_equal(work_submit(work, job_run, job_done, &job), RESULT_OK);
	usleep(20000);
	work_close(work);
	loop.failure = RESULT_INTERNAL;
	assert_int_equal(work_open(1, 1, loop_post, &loop, &work), RESULT_OK);
	job.ran = 0;
	assert_int_equal(work_submit(work, job_run, job_done, &job), RESULT_OK);
	usleep(20000);
	work_close(work);
	assert_int_equal(job.done, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(job_runs_on_a_worker_and_completes_on_the_loop, setup),
		cmocka_unit_test_setup(full_pool_says_busy_until_a_job_completed, setup),
		cmocka_unit_test_setup(many_jobs_complete_through_a_small_loop_queue, setup),
		cmocka_unit_test_setup(close_finishes_the_running_job_and_completes_none, setup),
		cmocka_unit_test_setup(close_does_not_hang_on_a_loop_that_is_full_or_gone, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
