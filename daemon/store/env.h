/*
 * What the three environments share: opening an LMDB environment safely, its transactions, and what
 * its error numbers mean. Private to store/.
 */
#ifndef TIMEBOX_STORE_ENV_H
#define TIMEBOX_STORE_ENV_H

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

/* Address space of each map, not disk: the file grows as it is written. */
#define ENV_MAP_BYTES ((size_t)1 << 36)

/*
 * Opens (or makes) the environment in folder `dir`, which is made if it is not there (its parent
 * must be). Synchronous commits, no WRITEMAP, no readers tied to threads, a sparse map, at most
 * `max_dbs` named databases; readers left by dead processes are cleared. The folder's own entry is
 * durable on return. Refuses network file systems with RESULT_IO; read_only of what is not there is
 * RESULT_NOT_FOUND. One environment is opened once per process: a second open of the same folder
 * stops it.
 */
MUST_CHECK enum result env_open(const char *dir, int read_only, unsigned max_dbs, MDB_env **out);
/* NULL is fine. */
void env_close(MDB_env *env);

/*
 * mdb_txn_begin; stops the process when it is a fork of the one that opened the environment.
 * Returns LMDB's number.
 */
MUST_CHECK int env_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **out);

/* Bytes as LMDB wants them; it takes what it only reads as void *, too. */
MDB_val env_val(const void *bytes, size_t len);

/* Writes all `n` bytes at that place of a file. Returns 0 or errno. */
MUST_CHECK int env_write_all(int fd, const uint8_t *p, size_t n, size_t at);

/* What writes in the background rests so long, a second at most: the disk is the ledger's first. */
void env_rest(uint64_t us);

/*
 * Makes the environment in `dir` durable with its names: a new file or folder lasts only once the
 * folder that names it is synced. Returns 0 or errno.
 */
MUST_CHECK int env_sync(const char *dir);

/*
 * LMDB's and the system's error numbers as results: no room is RESULT_DISK_FULL, no such key or
 * file RESULT_NOT_FOUND, other faults of the disk RESULT_IO.
 */
MUST_CHECK enum result env_result(int rc);
/*
 * The same for a failed write, which LMDB also reports as EIO when the disk took only a part:
 * RESULT_DISK_FULL where there is no room, else RESULT_UNAVAILABLE.
 */
MUST_CHECK enum result env_write_result(MDB_env *env, int rc);
/* 1 unless the disk is so full that a large batch might not find room. */
int env_has_room(MDB_env *env);
/* The same, with so many bytes more. */
int env_has_room_for(MDB_env *env, uint64_t bytes);
/* 0 in a fork of the process that opened the environment. */
int env_is_ours(MDB_env *env);

#endif
