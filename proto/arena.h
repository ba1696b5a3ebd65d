/*
 * A block of memory that is taken once and handed out in order, never beyond its size.
 *
 * Everything decoded from outside lives in one of these, so that 64 KiB of hostile input cannot
 * take more than the cap, and dropping it all is one assignment. Not for use by two threads.
 */
#ifndef TIMEBOX_PROTO_ARENA_H
#define TIMEBOX_PROTO_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

#define ARENA_ALIGN 16

struct arena {
	uint8_t *base;
	size_t size; /* bytes taken from malloc: the cap */
	size_t used; /* bytes handed out, alignment included */
	int full;    /* something did not fit since the last reset */
};

/* Takes `cap` bytes (> 0) once. RESULT_NO_MEMORY leaves an arena that hands out nothing and may be
 * freed. What succeeds is given back with arena_free. */
MUST_CHECK enum result arena_init(struct arena *a, size_t cap);

/* Everything handed out so far becomes invalid; the block stays. */
void arena_reset(struct arena *a);

/* Gives the block back; the arena hands out nothing afterwards. Safe to repeat. */
void arena_free(struct arena *a);

/* `n` bytes (n = 0 counts as 1), aligned to ARENA_ALIGN, not zeroed, valid until arena_reset or
 * arena_free. NULL when they do not fit, which leaves the arena as it was. */
void *arena_alloc(struct arena *a, size_t n);

/* An allocator for protobuf-c over `a`, which must outlive it; its free does nothing, so a message
 * unpacked through it is dropped by arena_reset and needs no protobuf_c_message_free_unpacked. */
ProtobufCAllocator arena_protobuf(struct arena *a);

#endif
