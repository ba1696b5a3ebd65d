/*
 * The one way in for protobuf bytes from outside: into an arena, checked.
 *
 * protobuf-c itself has no cap on memory, no check of UTF-8, loses what follows a NUL in a string,
 * and keeps unknown fields through re-packing. What is stored or signed must have one encoding
 * only, the one that protobuf-c writes: fields by number, default values absent, repeated numbers
 * packed, lengths and varints minimal, no unknown fields.
 *
 * No message of ours contains itself, so the depth is that of the schema.
 */
#ifndef TIMEBOX_PROTO_CANONICAL_H
#define TIMEBOX_PROTO_CANONICAL_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/codes.h"

/* Decodes `n` bytes as the message `desc` into `a`; *out lives until the arena is reset and is
 * never freed by itself. On failure *out is NULL and the arena's content undefined.
 *	RESULT_BAD_MESSAGE	not that message at all
 *	RESULT_NOT_UTF8		a string, at any depth, is not UTF-8 or has a NUL in it
 *	RESULT_NOT_CANONICAL	an unknown field at any depth, or another encoding than the above
 *	RESULT_NO_MEMORY	it does not fit the arena (the message and `n` bytes more) */
MUST_CHECK enum result canonical_unpack(const ProtobufCMessageDescriptor *desc, struct arena *a,
    const uint8_t *buf, size_t n, ProtobufCMessage **out);

/* The same for responses and queries, which are not stored: any encoding, unknown fields allowed
 * and dropped from sight, so that a newer peer is understood. */
MUST_CHECK enum result canonical_unpack_loose(const ProtobufCMessageDescriptor *desc,
    struct arena *a, const uint8_t *buf, size_t n, ProtobufCMessage **out);

#endif
