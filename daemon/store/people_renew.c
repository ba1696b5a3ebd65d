/*
 * A file without the bytes of what was deleted.
 *
 * LMDB's own compacting copy takes pages as they are, and a page may hold bytes of rows that are gone between those that are
 * there. So every row is put into a new environment, into which nothing else was ever written:
 *
 *   DIR-fresh   is made, filled, committed
 *   DIR     ->  DIR-old
 *   DIR-fresh -> DIR
 *   DIR-old     is overwritten and removed
 *
 * Cut off before the first rename, DIR is the old one and DIR-fresh is thrown away; between the two, DIR is not there and
 * DIR-fresh is whole; afterwards DIR is the new one, and DIR-old is overwritten and removed. DIR-lock is what a process that
 * only reads (a backup) holds shared, so that neither happens under it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"
#include "daemon/store/people_int.h"

/* Overwritten at a time. */
#define WIPE_BYTES ((size_t)64 << 10)

/* Where things are: DIR, and beside it what its name ends with. */
struct places {
	char fresh[PEOPLE_PATH_MAX + 8];
	char old[PEOPLE_PATH_MAX + 8];
};

static void
places_of(struct places *out, const char *dir)
{
	snprintf(out->fresh, sizeof(out->fresh), "%s-fresh", dir);
	snprintf(out->old, sizeof(out->old), "%s-old", dir);
}

int
turnstile_open(const char *dir)
{
	char path[PEOPLE_PATH_MAX + 8];

	errno = 0;
	snprintf(path, sizeof(path), "%s-lock", dir);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int
there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static enum result
sync_parent(const char *dir)
{
	char parent[PEOPLE_PATH_MAX + 4];
	enum result err;
	int fd;

	snprintf(parent, sizeof(parent), "%s/..", dir);
	if ((fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return env_result(errno);
	err = fsync(fd) == 0 ? RESULT_OK : RESULT_IO;
	close(fd);
	return err;
}

/* ---- the old file ---- */

static enum result
overwrite(int fd)
{
	static const uint8_t zeros[WIPE_BYTES];
	struct stat st;
	off_t at = 0;

	if (fstat(fd, &st) != 0)
		return env_result(errno);
	while (at < st.st_size) {
		size_t n = st.st_size - at < (off_t)WIPE_BYTES ? (size_t)(st.st_size - at) : WIPE_BYTES;
		ssize_t written = pwrite(fd, zeros, n, at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written == 0 ? RESULT_IO : env_result(errno);
		at += written;
	}
	return fsync(fd) == 0 ? RESULT_OK : RESULT_IO;
}

/* Overwrites and removes an environment's folder; one that is not there is RESULT_OK. */
static enum result
wipe(const char *dir)
{
	enum result err = RESULT_OK;
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (at < 0)
		return errno == ENOENT ? RESULT_OK : env_result(errno);
	fd = openat(at, "data.mdb", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		err = overwrite(fd);
		close(fd);
	}
	if (err == RESULT_OK && ((unlinkat(at, "data.mdb", 0) != 0 && errno != ENOENT) ||
				    (unlinkat(at, "lock.mdb", 0) != 0 && errno != ENOENT)))
		err = env_result(errno);
	close(at);
	return err == RESULT_OK && rmdir(dir) != 0 ? env_result(errno) : err;
}

enum result
people_settle(const char *dir)
{
	struct places p;
	enum result err;

	places_of(&p, dir);
	if (!there(p.fresh) && !there(p.old))
		return RESULT_OK;
	if (!there(dir) && rename(p.fresh, dir) != 0)
		return env_result(errno);
	if ((err = wipe(p.fresh)) != RESULT_OK || (err = wipe(p.old)) != RESULT_OK)
		return err;
	return sync_parent(dir);
}

/* ---- the new one ---- */

static int
is_unclean_row(int table, const MDB_val *key)
{
	return table == PEOPLE_META && key->mv_size == PEOPLE_UNCLEAN_LEN &&
	       memcmp(key->mv_data, PEOPLE_UNCLEAN, PEOPLE_UNCLEAN_LEN) == 0;
}

static int
copy_table(const struct people *p, MDB_txn *from, MDB_txn *to, MDB_dbi dbi, int table)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;
	int rc = mdb_cursor_open(from, p->dbi[table], &cursor);

	if (rc != 0)
		return rc;
	/* In order of key, so that each goes behind the last. */
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		if (!is_unclean_row(table, &key) && (rc = mdb_put(to, dbi, &key, &value, MDB_APPEND)) != 0)
			break;
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum result
copy_rows(const struct people *p, MDB_env *env, const MDB_dbi dbi[PEOPLE_TABLES])
{
	MDB_txn *from = NULL, *to = NULL;
	int rc = env_begin(p->env, NULL, MDB_RDONLY, &from);

	if (rc == 0)
		rc = env_begin(env, NULL, 0, &to);
	for (int t = 0; t < PEOPLE_TABLES && rc == 0; t++)
		rc = copy_table(p, from, to, dbi[t], t);
	if (rc == 0)
		rc = mdb_txn_commit(to);
	else if (to != NULL)
		mdb_txn_abort(to);
	if (from != NULL)
		mdb_txn_abort(from);
	return env_result(rc);
}

static enum result
make_fresh(const struct people *p, const char *dir)
{
	MDB_dbi dbi[PEOPLE_TABLES];
	MDB_env *env = NULL;
	enum result err;

	if ((err = wipe(dir)) != RESULT_OK || (err = people_env(dir, &env, dbi)) != RESULT_OK)
		return err;
	err = copy_rows(p, env, dbi);
	env_close(env);
	return err;
}

/* The environment is closed, the fresh one takes its place and is opened. */
static enum result
exchange(struct people *p, const struct places *places)
{
	enum result err;

	people_reader_drop(p);
	env_close(p->env);
	p->env = NULL;
	if (rename(p->dir, places->old) != 0 || rename(places->fresh, p->dir) != 0)
		return env_result(errno);
	if ((err = sync_parent(p->dir)) != RESULT_OK)
		return err;
	return people_env(p->dir, &p->env, p->dbi);
}

enum result
people_renew(struct people *p)
{
	struct places places;
	enum result err;

	CHECK(p->batch == NULL && !p->visiting);
	if (p->failed)
		return RESULT_UNAVAILABLE;
	places_of(&places, p->dir);
	if (flock(p->turnstile, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? RESULT_BUSY : env_result(errno);
	if ((err = wipe(places.old)) != RESULT_OK || (err = make_fresh(p, places.fresh)) != RESULT_OK) {
		(void)wipe(places.fresh);
	} else if ((err = exchange(p, &places)) != RESULT_OK) {
		p->failed = 1;
		err = RESULT_UNAVAILABLE;
	} else {
		err = wipe(places.old);
	}
	(void)flock(p->turnstile, LOCK_UN);
	return err;
}
