/*
 * Request ids: UUID version 7 (RFC 9562 section 5.7).
 *
 *	bytes 0-5  unix time in milliseconds, big-endian
 *	byte 6     0x70 | 4 random bits
 *	byte 7     random
 *	byte 8     0x80 | 6 random bits
 *	bytes 9-15 random
 *
 * Ids with eight leading zero bytes belong to system entries (8 zero bytes ‖ u64be seq) and are
 * never accepted from a client.
 */
#ifndef TIMEBOX_PROTO_UUID7_H
#define TIMEBOX_PROTO_UUID7_H

#include <stdint.h>

#include "proto/codes.h"

#define UUID7_LEN 16

/* A new id. RESULT_INTERNAL when there is no randomness, RESULT_OVERFLOW for a time of 2^48 ms or
 * later. */
MUST_CHECK enum result uuid7_make(uint8_t out[UUID7_LEN], uint64_t unix_ms);

/* RESULT_OK or RESULT_BAD_REQUEST_ID: the version is 7, the variant is 10, and the first eight
 * bytes are not all zero. */
MUST_CHECK enum result uuid7_check(const uint8_t id[UUID7_LEN]);

#endif
