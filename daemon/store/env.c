#include "daemon/store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/check.h"

#define ENV_MAX_OPEN	8
#define ENV_MAX_READERS 64
#define ENV_MODE	0600
/* Less room than this is a full disk: a large batch may need as much at once. */
#define ENV_ROOM_BYTES ((uint64_t)4 << 20)

/* Folders open in this process: LMDB's locks break when one is opened twice, and after a fork. */
static struct open_env {
	MDB_env *env;
	dev_t dev;
	ino_t ino;
	unsigned forks;
} opened[ENV_MAX_OPEN];

/* How many forks lie between the first process and this one: cheaper to ask than getpid. */
static unsigned forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void
fork_noted(void)
{
	forks++;
}

static void
forks_watch(void)
{
	NEED(pthread_atfork(NULL, NULL, fork_noted) == 0 ? &forks : NULL);
}

static struct open_env *
free_slot(const struct stat *st)
{
	struct open_env *slot = NULL;

	for (size_t i = 0; i < ENV_MAX_OPEN; i++) {
		if (opened[i].env == NULL)
			slot = &opened[i];
		else
			CHECK(opened[i].dev != st->st_dev || opened[i].ino != st->st_ino);
	}
	CHECK(slot != NULL);
	return slot;
}

/* File systems on which LMDB's shared map or locks do not work (magic numbers: statfs(2)). */
static enum result
refuse_network(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) != 0)
		return env_result(errno);
	switch ((unsigned long)fs.f_type & 0xffffffff) {
	case 0x6969:	 /* NFS */
	case 0x517b:	 /* SMB */
	case 0xff534d42: /* CIFS */
	case 0xfe534d42: /* SMB2 */
	case 0x01021997: /* 9p */
	case 0x00c36400: /* Ceph */
	case 0x5346414f: /* AFS */
	case 0x0bd00bd0: /* Lustre */
		return RESULT_IO;
	default:
		return RESULT_OK;
	}
}

MDB_val
env_val(const void *bytes, size_t len)
{
	MDB_val v = {.mv_size = len};

	memcpy(&v.mv_data, &bytes, sizeof(bytes));
	return v;
}

void
env_rest(uint64_t us)
{
	const struct timespec rest = {.tv_nsec = (long)(us < 999999 ? us : 999999) * 1000};

	(void)nanosleep(&rest, NULL);
}

int
env_write_all(int fd, const uint8_t *p, size_t n, size_t at)
{
	while (n > 0) {
		ssize_t some = pwrite(fd, p, n, (off_t)at);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return some < 0 ? errno : EIO;
		p += some;
		n -= (size_t)some;
		at += (size_t)some;
	}
	return 0;
}

int
env_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), data = -1, parent = -1, rc = 0;

	if (fd >= 0)
		data = openat(fd, "data.mdb", O_RDONLY | O_CLOEXEC);
	if (data >= 0)
		parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || fsync(data) != 0 || fsync(fd) != 0 || fsync(parent) != 0)
		rc = errno;
	if (parent >= 0)
		close(parent);
	if (data >= 0)
		close(data);
	if (fd >= 0)
		close(fd);
	return rc;
}

enum result
env_result(int rc)
{
	switch (rc) {
	case 0:
		return RESULT_OK;
	case MDB_NOTFOUND:
	case ENOENT:
		return RESULT_NOT_FOUND;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
		return RESULT_DISK_FULL;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		return RESULT_CORRUPT;
	case ENOMEM:
		return RESULT_NO_MEMORY;
	default:
		return RESULT_IO;
	}
}

enum result
env_write_result(MDB_env *env, int rc)
{
	enum result err = env_result(rc);

	if (err == RESULT_OK || err == RESULT_DISK_FULL)
		return err;
	return rc == EIO && !env_has_room(env) ? RESULT_DISK_FULL : RESULT_UNAVAILABLE;
}

int
env_has_room(MDB_env *env)
{
	return env_has_room_for(env, 0);
}

int
env_has_room_for(MDB_env *env, uint64_t bytes)
{
	struct statvfs fs;
	int fd;

	return mdb_env_get_fd(env, &fd) != 0 || fstatvfs(fd, &fs) != 0 ||
	       (uint64_t)fs.f_bavail * fs.f_frsize >= ENV_ROOM_BYTES + bytes;
}

static int
env_start(MDB_env *env, const char *dir, int read_only, unsigned max_dbs)
{
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (read_only ? MDB_RDONLY : 0);
	int dead, rc;

	if ((rc = mdb_env_set_mapsize(env, ENV_MAP_BYTES)) != 0 ||
	    (rc = mdb_env_set_maxdbs(env, max_dbs)) != 0 ||
	    (rc = mdb_env_set_maxreaders(env, ENV_MAX_READERS)) != 0 ||
	    (rc = mdb_env_open(env, dir, flags, ENV_MODE)) != 0 ||
	    (rc = mdb_reader_check(env, &dead)) != 0)
		return rc;
	return read_only ? 0 : env_sync(dir);
}

enum result
env_open(const char *dir, int read_only, unsigned max_dbs, MDB_env **out)
{
	struct open_env *slot;
	MDB_env *env = NULL;
	enum result err;
	struct stat st;
	int rc;

	if (!read_only && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return env_result(errno);
	if (stat(dir, &st) != 0)
		return env_result(errno);
	if ((err = refuse_network(dir)) != RESULT_OK)
		return err;
	(void)pthread_once(&forks_once, forks_watch);
	slot = free_slot(&st);
	if ((rc = mdb_env_create(&env)) != 0)
		return env_result(rc);
	if ((rc = env_start(env, dir, read_only, max_dbs)) != 0) {
		mdb_env_close(env);
		return env_result(rc);
	}
	*slot = (struct open_env){env, st.st_dev, st.st_ino, forks};
	CHECK(mdb_env_set_userctx(env, slot) == 0);
	*out = env;
	return RESULT_OK;
}

void
env_close(MDB_env *env)
{
	struct open_env *slot;

	if (env == NULL)
		return;
	slot = mdb_env_get_userctx(env);
	slot->env = NULL;
	mdb_env_close(env);
}

int
env_is_ours(MDB_env *env)
{
	const struct open_env *slot = mdb_env_get_userctx(env);

	return slot->env == env && slot->forks == forks;
}

int
env_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **out)
{
	CHECK(env_is_ours(env));
	return mdb_txn_begin(env, parent, flags, out);
}
