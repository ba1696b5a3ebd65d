/*
 * Any bytes as what travels in frames: as a Request, which the daemon reads, and as a Response, which the client does, in any
 * encoding and with fields that nobody knows. What must hold for whatever is taken: written again without those it is canonical, and
 * read from that it is the same; and proto/plain.h reads what protobuf-c writes, and nothing else, and writes the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "proto/canonical.h"
#include "proto/plain.h"
#include "timebox/v1/rpc.pb-c.h"

#define ARENA_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena, other;

static void
set_up(void)
{
	if (arena.base != NULL)
		return;
	CHECK(arena_init(&arena, ARENA_BYTES) == RESULT_OK);
	CHECK(arena_init(&other, ARENA_BYTES) == RESULT_OK);
}

static ProtobufCMessage **
children(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t *n)
{
	char *at = (char *)m + f->offset;
	const char *count = (const char *)m + f->quantifier_offset;
	uint32_t which;

	*n = 1;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		memcpy(n, count, sizeof(*n));
		return *(ProtobufCMessage ***)(void *)at;
	}
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		memcpy(&which, count, sizeof(which));
		*n = which == f->id;
	}
	return (ProtobufCMessage **)(void *)at;
}

/* Drops the fields that nobody knows, at any depth: no message of ours contains itself. */
static void
known_only(ProtobufCMessage *m)
{
	m->n_unknown_fields = 0;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		ProtobufCMessage **child;
		size_t n;

		if (f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		child = children(m, f, &n);
		for (size_t k = 0; k < n; k++)
			if (child[k] != NULL)
				known_only(child[k]);
	}
}

/* Written by proto/plain.h, with room for it and with a byte less. */
static void
check_pack(const ProtobufCMessage *m, const uint8_t *packed, size_t n)
{
	uint8_t *room = malloc(n + 1);
	const uint8_t *at;

	CHECK(room != NULL);
	at = plain_pack(m, room, n);
	CHECK(at == room && (n == 0 || memcmp(at, packed, n) == 0));
	CHECK(n == 0 || plain_pack(m, room, n - 1) == NULL);
	free(room);
}

/* Read by proto/plain.h: what it takes is what protobuf-c writes. */
static void
check_plain(const ProtobufCMessageDescriptor *desc, const uint8_t *data, size_t size)
{
	ProtobufCMessage *m;
	uint8_t *packed;
	size_t n;

	arena_reset(&arena);
	if ((m = plain_unpack(desc, &arena, data, size)) == NULL)
		return;
	n = protobuf_c_message_get_packed_size(m);
	packed = malloc(n + 1);
	CHECK(n == size && packed != NULL && protobuf_c_message_pack(m, packed) == n);
	CHECK(n == 0 || memcmp(packed, data, n) == 0);
	check_pack(m, packed, n);
	free(packed);
}

static void
check_message(const ProtobufCMessageDescriptor *desc, const uint8_t *data, size_t size)
{
	ProtobufCMessage *m, *again;
	uint8_t *packed, *twice;
	size_t n;
	enum result err;

	arena_reset(&arena);
	if (canonical_unpack_loose(desc, &arena, data, size, &m) != RESULT_OK)
		return;
	n = protobuf_c_message_get_packed_size(m);
	packed = malloc(n + 1);
	twice = malloc(n + 1);
	CHECK(packed != NULL && twice != NULL && protobuf_c_message_pack(m, packed) == n);
	check_pack(m, packed, n);
	known_only(m);
	n = protobuf_c_message_get_packed_size(m);
	CHECK(protobuf_c_message_pack(m, packed) == n);
	check_pack(m, packed, n);
	/* Canonical is what plain is. */
	arena_reset(&other);
	CHECK(plain_unpack(desc, &other, packed, n) != NULL || other.full);
	arena_reset(&other);
	err = canonical_unpack(desc, &other, packed, n, &again);
	/* What was written in little may need more room in the arena, where numbers were packed before. */
	CHECK(err == RESULT_OK || err == RESULT_NO_MEMORY);
	if (err == RESULT_OK)
		CHECK(protobuf_c_message_pack(again, twice) == n && memcmp(packed, twice, n) == 0);
	free(packed);
	free(twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* No byte behind it, so that a look beyond the length is seen. */
	uint8_t *bytes = malloc(size > 0 ? size : 1);

	CHECK(bytes != NULL);
	memcpy(bytes, data, size);
	set_up();
	check_plain(&timebox__v1__request__descriptor, bytes, size);
	check_plain(&timebox__v1__response__descriptor, bytes, size);
	check_message(&timebox__v1__request__descriptor, bytes, size);
	check_message(&timebox__v1__response__descriptor, bytes, size);
	free(bytes);
	return 0;
}
