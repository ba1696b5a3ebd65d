/*
 * Entries in memory that LMDB does not have yet, as the journal has them: (u32 big-endian length ‖
 * entry) one after the other. Private to store/.
 */
#ifndef TIMEBOX_STORE_TAIL_H
#define TIMEBOX_STORE_TAIL_H

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

/* All zero is an empty one. */
struct tail {
	uint8_t *bytes;
	size_t len, cap;
	/* Of the n-th, where it begins. */
	size_t *at;
	size_t n, at_cap;
};

/* Frees the memory; the tail is empty. */
void tail_free(struct tail *t);
/* 0 or ENOMEM. */
MUST_CHECK int tail_add(struct tail *t, const void *entry, size_t len);
/* The i-th entry; valid until the tail changes. */
MDB_val tail_get(const struct tail *t, size_t i);
/* Keeps the first n; writes nothing where there are no more. The memory is kept for the next. */
void tail_cut(struct tail *t, size_t n);
/*
 * Moves the first n entries of `from` to `to`, which is empty; the memory of both goes round. Returns
 * 0 or ENOMEM, and then nothing was moved.
 */
MUST_CHECK int tail_split(struct tail *from, size_t n, struct tail *to);

#endif
