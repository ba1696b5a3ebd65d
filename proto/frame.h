/*
 * Framing: how messages stand one after the other in the TLS stream.
 *
 *	frame = length body
 *	length   unsigned LEB128 varint of the body's size in bytes: 7 bits a byte, lowest group
 *	         first, the top bit set on every byte but the last; 1 to 5 bytes, as few as can be
 *	body     `length` bytes (at least 1), one serialized timebox.v1 message
 *
 * This is what protobuf's writeDelimitedTo gives, so any language with protobuf can speak it.
 */
#ifndef TIMEBOX_PROTO_FRAME_H
#define TIMEBOX_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* No frame's body is larger, whoever sends it. */
#define FRAME_MAX_BYTES 1048576
#define FRAME_HEAD_MAX	5

enum frame_state {
	FRAME_MORE,	/* the frame is not complete yet: read on */
	FRAME_READY,	/* a whole frame is there */
	FRAME_BAD,	/* not a length (too long, not minimal, or 0): close the connection */
	FRAME_OVERSIZED /* a length beyond the caller's limit: answer frame_too_large and close */
};

/* Writes the head of a frame whose body has `len` bytes (1 to FRAME_MAX_BYTES; anything else stops
 * the process) and returns the head's size, 1 to 3. */
size_t frame_head(uint8_t out[FRAME_HEAD_MAX], uint32_t len);

/* Looks at the `len` bytes received so far, from the first byte of a frame on; never reads beyond
 * them and keeps nothing between calls. `max` is the largest body that this peer may send.
 * Sets *head_len and *body_len as soon as the length is complete (FRAME_READY, FRAME_OVERSIZED, and
 * FRAME_MORE while the body is on its way), else both to 0. On FRAME_READY the body is
 * buf[*head_len .. *head_len + *body_len). FRAME_BAD and FRAME_OVERSIZED are told from the head
 * alone, before any of the body is here. */
enum frame_state frame_parse(
    const uint8_t *buf, size_t len, size_t max, size_t *head_len, size_t *body_len);

#endif
