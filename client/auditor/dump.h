/*
 * What a verification knows, written to a file and read back: each part gives its bytes in one order to
 * the same functions, which write or read. The file is this machine's and this program's own.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_DUMP_H
#define TIMEBOX_CLIENT_AUDITOR_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/codes.h"
#include "proto/crypto.h"

struct dump {
	FILE *file;
	bool writing;
	/* Bytes of a file that is read which are still to come. */
	uint64_t left;
	struct sha256_ctx *hash;
	/* RESULT_OK; RESULT_IO, RESULT_CORRUPT, RESULT_NO_MEMORY: everything after it does nothing. */
	enum result err;
};

/* Opens `path` for reading, or a new file beside it for writing; err says whether it could.
 * To be ended in any case. */
void dump_begin(struct dump *d, const char *path, bool writing);
/* The hash over everything, and for a written file its place. */
MUST_CHECK enum result dump_end(struct dump *d, const char *path);

/* `n` bytes, written from or read into `p`. */
void dump_bytes(struct dump *d, void *p, size_t n);
/* The same for bytes that must be the ones that are there: RESULT_CORRUPT otherwise. */
void dump_same(struct dump *d, const void *p, size_t n);
/* A count, at most `most` where it is read. */
void dump_count(struct dump *d, size_t *n, size_t most);
/* A count of things that follow, of at least `each` bytes: no more than the file can have. */
void dump_many(struct dump *d, size_t *n, size_t each);

#endif
