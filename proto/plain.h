/*
 * Messages of plain encoding, read and written sooner than protobuf-c does, by the tables that it
 * compiles from the schema.
 *
 * Plain is what protobuf-c itself writes (proto/canonical.h says what that is), of the types that
 * our schema has: numbers as varints, strings, bytes, messages, lists of them. Whoever takes bytes
 * from outside calls proto/canonical.h, which comes here first and goes on with protobuf-c where
 * something is not plain, or not right; both give the same message, and the same bytes
 * (tests/fuzz/fuzz_message.c).
 */
#ifndef TIMEBOX_PROTO_PLAIN_H
#define TIMEBOX_PROTO_PLAIN_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"

/* Decodes `n` bytes into `a`; the message lives until the arena is reset, and needs nothing of
 * `buf`. NULL where it is not plain, or does not fit: what the arena handed out is then for
 * nothing, and the caller's to take back. */
ProtobufCMessage *plain_unpack(
    const ProtobufCMessageDescriptor *desc, struct arena *a, const uint8_t *buf, size_t n);

/* Encodes a message into the end of buf[0..cap): what protobuf_c_message_pack would write. Returns
 * where it begins, up to buf + cap; NULL where it does not fit. */
const uint8_t *plain_pack(const ProtobufCMessage *m, uint8_t *buf, size_t cap);

#endif
