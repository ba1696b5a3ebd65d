/*
 * A small worker pool for what takes longer than a turn of the loop may: PIN hashes, witnesses' notes
 * and reading back what is to be signed. A job runs on a worker and is completed on the loop thread. All memory is taken at start;
 * a full queue says so (RESULT_BUSY), and then the loop stops reading from sockets.
 *
 * Order: jobs start in the order of submission; with more than one thread they may complete in
 * another one.
 */
#ifndef TIMEBOX_OPS_WORK_H
#define TIMEBOX_OPS_WORK_H

#include "proto/codes.h"

#define WORK_THREADS_MAX 16
#define WORK_QUEUE_MAX 4096

struct work;

/*
 * How a worker has a function called on the loop thread: net_post behind a cast-free wrapper.
 * RESULT_BUSY is tried again; any other failure means that the loop is gone and the job is dropped.
 */
typedef enum result (*work_post)(void *ctx, void (*fn)(void *), void *arg);

/*
 * Starts `threads` (1..WORK_THREADS_MAX) workers. At most `queue_max` (1..WORK_QUEUE_MAX) jobs are
 * in the pool at a time, counted from submission until `done` was called. RESULT_NO_MEMORY or
 * RESULT_INTERNAL. Release with work_close.
 */
MUST_CHECK enum result work_open(unsigned threads, unsigned queue_max, work_post post,
				 void *post_ctx, struct work **out);

/*
 * From the loop thread: has run(job) called on a worker, then done(job) on the loop thread. `job`
 * stays the caller's and must live until done. RESULT_BUSY when the pool is full: nothing happened.
 */
MUST_CHECK enum result work_submit(struct work *work, void (*run)(void *), void (*done)(void *),
				   void *job);

/* From the loop thread: how many jobs are in the pool. */
unsigned work_pending(const struct work *work);

/*
 * From the loop thread, or after the loop has ended: waits for the jobs that are running, drops the
 * others, calls no `done` any more, and frees the pool. Close the pool before the net it posts to:
 * posts that are still on their way are discarded by net_close. NULL is fine.
 */
void work_close(struct work *work);

#endif
