/*
 * Preloaded into a daemon under callgrind, whose address space is too small for the daemon's maps:
 * every LMDB map becomes 4 GiB.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#define MAP_BYTES ((size_t)1 << 32)

struct MDB_env;
int mdb_env_set_mapsize(struct MDB_env *env, size_t size);

int
mdb_env_set_mapsize(struct MDB_env *env, size_t size)
{
	union {
		void *p;
		int (*f)(struct MDB_env *, size_t);
	} real = {.p = dlsym(RTLD_NEXT, "mdb_env_set_mapsize")};

	if (real.p == NULL)
		abort();
	return real.f(env, size < MAP_BYTES ? size : MAP_BYTES);
}
