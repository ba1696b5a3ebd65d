/*
 * The files of an export: reading a level's tiles in order, and writing a file whole or not at all.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_FILES_H
#define TIMEBOX_CLIENT_AUDITOR_FILES_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/codes.h"
#include "proto/tile.h"

#define FILES_ENTRY_MAX	   65535
#define FILES_SIZE_UNKNOWN UINT64_MAX

/* Reads at most `size` - 1 bytes of dir/name (dir NULL: of the path `name`) and puts a NUL behind them;
 * *n is their number.
 * RESULT_NOT_FOUND where there is no such regular file, RESULT_OVERFLOW for a longer one. */
MUST_CHECK enum result files_read(
    const char *dir, const char *name, void *out, size_t size, size_t *n);

/* Writes dir/name (dir NULL: the path `name`): to a temporary file beside it, synced, renamed. Folders below dir are made.
 * RESULT_IO with errno. */
MUST_CHECK enum result files_write(const char *dir, const char *name, const void *p, size_t n);

/* Removes dir/name and then its folder, if that is empty; what is not there is no error. */
void files_remove(const char *dir, const char *name);

/* A level's tiles one after the other, as far as they are there. */
struct tiles {
	const char *dir;
	int level;
	uint64_t size; /* elements that the level should have */
	uint64_t n;    /* of the next tile */
	FILE *file;
};

/* `dir` must outlive it. To be ended. */
void tiles_begin(struct tiles *t, const char *dir, int level, uint64_t size);
void tiles_end(struct tiles *t);

/* Passes over the next tile; only between tiles. */
void tiles_skip(struct tiles *t);

/* The next entry of TILE_ENTRIES: `buf` has room for FILES_ENTRY_MAX bytes. RESULT_NOT_FOUND at the
 * end, RESULT_BAD_FRAME where a length does not fit the bundle, RESULT_IO. */
MUST_CHECK enum result tiles_entry(struct tiles *t, uint8_t *buf, size_t *n);

/* The next hash of a level. RESULT_NOT_FOUND at the end, RESULT_IO. */
MUST_CHECK enum result tiles_hash(struct tiles *t, uint8_t out[32]);

#endif
