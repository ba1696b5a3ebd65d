#include "daemon/store/fold.h"

#include <signal.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"

void
fold_open(struct fold *f, MDB_env *env, MDB_dbi dbi)
{
	*f = (struct fold){.env = env, .dbi = dbi};
	CHECK(pthread_mutex_init(&f->lock, NULL) == 0);
	CHECK(pthread_cond_init(&f->changed, NULL) == 0);
}

/* Returns LMDB's number. */
static int
put_all(struct fold *f)
{
	MDB_txn *txn = NULL;
	int rc = env_begin(f->env, NULL, 0, &txn);

	for (size_t i = 0; i < f->entries->n && rc == 0; i++) {
		MDB_val value = tail_get(f->entries, i);
		uint64_t seq = f->after + 1 + i;
		MDB_val key = {sizeof(seq), &seq};

		rc = mdb_put(txn, f->dbi, &key, &value, MDB_APPEND);
	}
	if (rc == 0)
		return mdb_txn_commit(txn);
	if (txn != NULL)
		mdb_txn_abort(txn);
	return rc;
}

static void
run(struct fold *f)
{
	f->rc = f->entries->n == 0 ? 0 : put_all(f);
	/* The last room of a disk is not for that. */
	if (f->rc == 0 && f->grow > 0 && env_has_room_for(f->env, 2 * f->grow))
		journal_grow(f->journal, f->grow);
}

static void *
folder(void *arg)
{
	struct fold *f = arg;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		while (!f->busy && !f->closing)
			pthread_cond_wait(&f->changed, &f->lock);
		if (!f->busy)
			break;
		pthread_mutex_unlock(&f->lock);
		run(f);
		pthread_mutex_lock(&f->lock);
		f->busy = 0;
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static int
thread_start(struct fold *f)
{
	sigset_t all, before;

	if (f->threaded)
		return 1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	f->threaded = pthread_create(&f->thread, NULL, folder, f) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return f->threaded;
}

void
fold_begin(struct fold *f, const struct tail *entries, uint64_t after, struct journal *journal,
	   size_t grow)
{
	/* The thread would not be there. */
	CHECK(env_is_ours(f->env) && fold_idle(f, 0));
	f->entries = entries;
	f->after = after;
	f->journal = journal;
	f->grow = grow;
	if (!thread_start(f)) {
		run(f);
		return;
	}
	pthread_mutex_lock(&f->lock);
	f->busy = 1;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

int
fold_idle(struct fold *f, int wait)
{
	int idle;

	pthread_mutex_lock(&f->lock);
	while (wait && f->busy)
		pthread_cond_wait(&f->changed, &f->lock);
	idle = !f->busy;
	pthread_mutex_unlock(&f->lock);
	return idle;
}

void
fold_close(struct fold *f)
{
	if (f->threaded) {
		pthread_mutex_lock(&f->lock);
		f->closing = 1;
		pthread_cond_broadcast(&f->changed);
		pthread_mutex_unlock(&f->lock);
		pthread_join(f->thread, NULL);
	}
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
}
