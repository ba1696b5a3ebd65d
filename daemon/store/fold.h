/*
 * The thread that moves entries of the ledger into its LMDB environment, one synchronous transaction
 * at a time; nobody else writes there. It is made with the first job and takes no signals; where no
 * thread can be had, the caller does the job and waits. Private to store/.
 *
 * Between fold_begin and the fold_idle that says 1, the entries may be read and not changed, and the
 * journal's laps may not be turned.
 */
#ifndef TIMEBOX_STORE_FOLD_H
#define TIMEBOX_STORE_FOLD_H

#include <lmdb.h>
#include <pthread.h>

#include "daemon/store/journal.h"
#include "daemon/store/tail.h"

struct fold {
	MDB_env *env;
	MDB_dbi dbi;
	/* The job; the thread's while busy. */
	const struct tail *entries;
	uint64_t after;
	struct journal *journal;
	size_t grow;
	/* What became of it: 0, or LMDB's number. */
	int rc;

	pthread_t thread;
	int threaded;
	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int busy, closing;
};

void fold_open(struct fold *f, MDB_env *env, MDB_dbi dbi);
/* Waits for the job that is being done. */
void fold_close(struct fold *f);

/*
 * Begins to move the entries, the first of which has the seq `after` plus 1, and then, unless grow is
 * 0, to grow the journal's other lap to so many bytes. Both stay the caller's.
 */
void fold_begin(struct fold *f, const struct tail *entries, uint64_t after,
		struct journal *journal, size_t grow);
/* 1 if no job is being done (it may wait for that); f->rc then says what became of the last one. */
int fold_idle(struct fold *f, int wait);

#endif
