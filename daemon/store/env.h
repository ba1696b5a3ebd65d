/* What the three environments share: opening an LMDB environment safely, and what its error numbers mean. Private to store/. */
#ifndef TIMEBOX_STORE_ENV_H
#define TIMEBOX_STORE_ENV_H

#include <lmdb.h>
#include <stddef.h>

#include "proto/codes.h"

/*
 * Opens (or makes) the environment in folder `dir`, which is made if it is not there (its parent must be). Synchronous commits,
 * no WRITEMAP, no TLS readers, a sparse map of `map_bytes`, at most `max_dbs` named databases. One environment is opened
 * once per process: a second open of the same folder stops the process. Refuses network file systems with RESULT_IO.
 */
MUST_CHECK enum result env_open(const char *dir, int read_only, size_t map_bytes, unsigned max_dbs,
				MDB_env **out);
void env_close(MDB_env *env);

/* LMDB's and the system's error numbers as results: no room is RESULT_DISK_FULL, the rest of I/O RESULT_IO. */
enum result env_result(int rc);

#endif
