#include "daemon/store/env.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "daemon/base/check.h"

#define ENV_MAX_OPEN 8
#define ENV_MAX_READERS 64
#define ENV_MODE 0600

/* Folders open in this process: LMDB's locks break when one is opened twice. */
static struct {
	MDB_env *env;
	dev_t dev;
	ino_t ino;
} opened[ENV_MAX_OPEN];

static void
note_opened(MDB_env *env, const struct stat *st)
{
	size_t free_slot = ENV_MAX_OPEN;

	for (size_t i = 0; i < ENV_MAX_OPEN; i++) {
		if (opened[i].env == NULL)
			free_slot = i;
		else
			CHECK(opened[i].dev != st->st_dev || opened[i].ino != st->st_ino);
	}
	CHECK(free_slot < ENV_MAX_OPEN);
	opened[free_slot].env = env;
	opened[free_slot].dev = st->st_dev;
	opened[free_slot].ino = st->st_ino;
}

/* File systems on which LMDB's shared map or locks do not work (magic numbers: statfs(2)). */
static int
is_network(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) != 0)
		return 0;
	switch ((unsigned long)fs.f_type) {
	case 0x6969:	 /* NFS */
	case 0x517b:	 /* SMB */
	case 0xff534d42: /* CIFS */
	case 0xfe534d42: /* SMB2 */
	case 0x01021997: /* 9p */
		return 1;
	default:
		return 0;
	}
}

enum result
env_result(int rc)
{
	switch (rc) {
	case 0:
		return RESULT_OK;
	case MDB_NOTFOUND:
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
env_open(const char *dir, int read_only, size_t map_bytes, unsigned max_dbs, MDB_env **out)
{
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (read_only ? MDB_RDONLY : 0);
	MDB_env *env = NULL;
	struct stat st;
	int dead, rc;

	if (!read_only && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return env_result(errno);
	if (stat(dir, &st) != 0)
		return errno == ENOENT ? RESULT_NOT_FOUND : env_result(errno);
	if (is_network(dir))
		return RESULT_IO;
	if ((rc = mdb_env_create(&env)) != 0)
		return env_result(rc);
	if ((rc = mdb_env_set_mapsize(env, map_bytes)) != 0 ||
	    (rc = mdb_env_set_maxdbs(env, max_dbs)) != 0 ||
	    (rc = mdb_env_set_maxreaders(env, ENV_MAX_READERS)) != 0 ||
	    (rc = mdb_env_open(env, dir, flags, ENV_MODE)) != 0 ||
	    (rc = mdb_reader_check(env, &dead)) != 0) {
		mdb_env_close(env);
		return env_result(rc);
	}
	note_opened(env, &st);
	*out = env;
	return RESULT_OK;
}

void
env_close(MDB_env *env)
{
	for (size_t i = 0; i < ENV_MAX_OPEN; i++)
		if (env != NULL && opened[i].env == env)
			opened[i].env = NULL;
	if (env != NULL)
		mdb_env_close(env);
}
