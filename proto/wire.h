/*
 * protobuf's wire format, read and written field by field without allocation: for the few messages
 * that every act passes through. Everything else goes through proto/canonical.h.
 *
 * Format: protobuf.dev, "Encoding". The reader takes minimal varints only, so that what it accepts
 * has one encoding; it never reads past `end`.
 */
#ifndef TIMEBOX_PROTO_WIRE_H
#define TIMEBOX_PROTO_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* What is left to read. */
struct wire {
	const uint8_t *p, *end;
};

static inline size_t
wire_left(const struct wire *w)
{
	return (size_t)(w->end - w->p);
}

/* A minimal varint of at most 64 bits; 0, or -1 for anything else. */
static inline int
wire_varint(struct wire *w, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
		uint8_t b = *w->p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if ((b & 0x80) == 0) {
			*out = v;
			return (b == 0 && shift > 0) || (shift == 63 && b > 1) ? -1 : 0;
		}
	}
	return -1;
}

/* A number as canonical bytes hold it: not 0, which is left out, and at most `max`; 0 or -1. */
static inline int
wire_number(struct wire *w, unsigned type, uint64_t max, uint64_t *out)
{
	return type == WIRE_VARINT && wire_varint(w, out) == 0 && *out != 0 && *out <= max ? 0 : -1;
}

/* The next field's number and type; 0, or -1 if there is none (at the end, too). */
static inline int
wire_key(struct wire *w, uint32_t *field, unsigned *type)
{
	uint64_t key;

	if (wire_varint(w, &key) != 0 || key > UINT32_MAX || key >> 3 == 0)
		return -1;
	*field = (uint32_t)key >> 3;
	*type = (unsigned)key & 7;
	return 0;
}

/* A length and as many bytes; 0 or -1. */
static inline int
wire_bytes(struct wire *w, struct wire *out)
{
	uint64_t n;

	if (wire_varint(w, &n) != 0 || n > wire_left(w))
		return -1;
	*out = (struct wire){w->p, w->p + n};
	w->p += n;
	return 0;
}

/* Passes over a value of that type; 0 or -1. */
static inline int
wire_skip(struct wire *w, unsigned type)
{
	struct wire inside;
	uint64_t v;

	switch (type) {
	case WIRE_VARINT:
		return wire_varint(w, &v);
	case WIRE_BYTES:
		return wire_bytes(w, &inside);
	case WIRE_FIXED64:
	case WIRE_FIXED32:
		v = type == WIRE_FIXED64 ? 8 : 4;
		if (wire_left(w) < v)
			return -1;
		w->p += v;
		return 0;
	default:
		return -1;
	}
}

/* A bounded writer: once something does not fit, it stays full. */
struct wire_out {
	uint8_t *buf;
	size_t cap;
	size_t len;
	int full;
};

static inline void
wire_put(struct wire_out *w, const void *p, size_t n)
{
	if (w->full || n > w->cap - w->len) {
		w->full = 1;
		return;
	}
	if (n > 0)
		memcpy(w->buf + w->len, p, n);
	w->len += n;
}

static inline void
wire_put_varint(struct wire_out *w, uint64_t v)
{
	uint8_t out[10];
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	wire_put(w, out, n);
}

/* A varint field; a zero is left out. */
static inline void
wire_put_u64(struct wire_out *w, uint32_t field, uint64_t v)
{
	if (v == 0)
		return;
	wire_put_varint(w, (uint64_t)field << 3 | WIRE_VARINT);
	wire_put_varint(w, v);
}

/* A message, present even when empty. */
static inline void
wire_put_message(struct wire_out *w, uint32_t field, const void *p, size_t n)
{
	wire_put_varint(w, (uint64_t)field << 3 | WIRE_BYTES);
	wire_put_varint(w, n);
	wire_put(w, p, n);
}

/* Bytes or a string; empty ones are left out. */
static inline void
wire_put_bytes(struct wire_out *w, uint32_t field, const void *p, size_t n)
{
	if (n > 0)
		wire_put_message(w, field, p, n);
}

#endif
