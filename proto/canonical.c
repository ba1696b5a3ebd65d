#include "proto/canonical.h"

#include <string.h>
#include <unistr.h>

#include "proto/plain.h"
#include "proto/wire.h"

/* ---- a look at the wire, before anything is allocated ---- */

/* A varint of at most `most` bytes, minimal or not: what is loose is accepted here; 0 or -1. */
static int
loose_varint(struct wire *w, unsigned most, uint64_t *out)
{
	unsigned i;

	*out = 0;
	for (i = 0; i < most && w->p < w->end; i++) {
		uint8_t b = *w->p++;

		*out |= (uint64_t)(b & 0x7f) << (7 * i);
		if ((b & 0x80) == 0)
			return 0;
	}
	return -1;
}

/* Passes over a field's value; for WIRE_BYTES `value` is what is inside, else empty. 0 or -1. */
static int
loose_value(struct wire *w, unsigned type, struct wire *value)
{
	uint64_t n;

	*value = (struct wire){w->p, w->p};
	switch (type) {
	case WIRE_VARINT:
		return loose_varint(w, 10, &n);
	case WIRE_FIXED64:
		n = 8;
		break;
	case WIRE_FIXED32:
		n = 4;
		break;
	case WIRE_BYTES:
		if (loose_varint(w, 5, &n) != 0)
			return -1;
		break;
	default:
		return -1;
	}
	if (n > (uint64_t)(w->end - w->p))
		return -1;
	if (type == WIRE_BYTES)
		*value = (struct wire){w->p, w->p + n};
	w->p += n;
	return 0;
}

static enum result
wire_check_string(const struct wire *s)
{
	size_t n = (size_t)(s->end - s->p);

	if (n > 0 && (memchr(s->p, 0, n) != NULL || u8_check(s->p, n) != NULL))
		return RESULT_NOT_UTF8;
	return RESULT_OK;
}

/*
 * Walks the fields of a message. protobuf-c gives a string as a char pointer, without the length it
 * had: so strings are looked at here, and unknown fields refused before they cost memory.
 */
static enum result
wire_check(const ProtobufCMessageDescriptor *desc, struct wire w, int strict)
{
	const ProtobufCFieldDescriptor *field;
	enum result r = RESULT_OK;
	struct wire value;
	uint64_t key;

	while (r == RESULT_OK && w.p < w.end) {
		if (loose_varint(&w, 5, &key) != 0 || key > UINT32_MAX || key >> 3 == 0)
			return RESULT_BAD_MESSAGE;
		if (loose_value(&w, (unsigned)(key & 7), &value) != 0)
			return RESULT_BAD_MESSAGE;
		field = protobuf_c_message_descriptor_get_field(desc, (unsigned)(key >> 3));
		if (field == NULL && strict)
			return RESULT_NOT_CANONICAL;
		if (field == NULL || (key & 7) != WIRE_BYTES)
			continue;
		if (field->type == PROTOBUF_C_TYPE_STRING)
			r = wire_check_string(&value);
		else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			r = wire_check(field->descriptor, value, strict);
	}
	return r;
}

/* ---- unpacking ---- */

/* The arena as an allocator that remembers a refusal: protobuf-c says only that it failed. */
struct canonical_memory {
	struct arena *arena;
	int refused;
};

static void *
canonical_alloc(void *data, size_t n)
{
	struct canonical_memory *m = data;
	void *p = arena_alloc(m->arena, n);

	if (p == NULL)
		m->refused = 1;
	return p;
}

static void
canonical_release(void *data, void *p)
{
	(void)data;
	(void)p;
}

/* The short way, which leaves the arena as it was where it leads nowhere: NULL. */
static ProtobufCMessage *
canonical_plain(
    const ProtobufCMessageDescriptor *desc, struct arena *a, const uint8_t *buf, size_t n)
{
	struct arena before = *a;
	ProtobufCMessage *m = plain_unpack(desc, a, buf, n);

	if (m == NULL)
		*a = before;
	return m;
}

static enum result
canonical_decode(const ProtobufCMessageDescriptor *desc, struct arena *a, const uint8_t *buf,
    size_t n, int strict, ProtobufCMessage **out)
{
	static const uint8_t nothing[1];
	struct canonical_memory memory = {.arena = a};
	ProtobufCAllocator allocator = {
	    .alloc = canonical_alloc,
	    .free = canonical_release,
	    .allocator_data = &memory,
	};
	enum result r;

	*out = NULL;
	if (n == 0)
		buf = nothing;
	r = wire_check(desc, (struct wire){buf, buf + n}, strict);
	if (r != RESULT_OK)
		return r;
	*out = protobuf_c_message_unpack(desc, &allocator, n, buf);
	if (*out != NULL)
		return RESULT_OK;
	return memory.refused ? RESULT_NO_MEMORY : RESULT_BAD_MESSAGE;
}

enum result
canonical_unpack(const ProtobufCMessageDescriptor *desc, struct arena *a, const uint8_t *buf,
    size_t n, ProtobufCMessage **out)
{
	ProtobufCMessage *m = NULL;
	uint8_t *again;
	enum result r;

	if ((*out = canonical_plain(desc, a, buf, n)) != NULL)
		return RESULT_OK;
	r = canonical_decode(desc, a, buf, n, 1, &m);
	if (r != RESULT_OK)
		return r;
	if (protobuf_c_message_get_packed_size(m) != n)
		return RESULT_NOT_CANONICAL;
	again = arena_alloc(a, n);
	if (again == NULL)
		return RESULT_NO_MEMORY;
	protobuf_c_message_pack(m, again);
	if (n > 0 && memcmp(again, buf, n) != 0)
		return RESULT_NOT_CANONICAL;
	*out = m;
	return RESULT_OK;
}

enum result
canonical_unpack_loose(const ProtobufCMessageDescriptor *desc, struct arena *a, const uint8_t *buf,
    size_t n, ProtobufCMessage **out)
{
	if ((*out = canonical_plain(desc, a, buf, n)) != NULL)
		return RESULT_OK;
	return canonical_decode(desc, a, buf, n, 0, out);
}
