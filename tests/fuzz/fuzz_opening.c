/*
 * Any bytes as an opening that somebody was given. What must hold for whatever is believed: the two entries are those whose leaf
 * hashes it says, text and reference are under keys of their own, and with any bit of the text or of a key turned it is believed
 * no more.
 */
#include <string.h>

#include "client/auditor/auditor.h"
#include "daemon/base/check.h"
#include "proto/canonical.h"
#include "proto/tree.h"
#include "timebox/v1/rpc.pb-c.h"

#define ORIGIN "fuzz.example/1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena, other;
static uint8_t packed[AUDITOR_OPENING_MAX];

static void
set_up(void)
{
	if (arena.base != NULL)
		return;
	CHECK(arena_init(&arena, AUDITOR_OPENING_ARENA) == RESULT_OK);
	CHECK(arena_init(&other, AUDITOR_OPENING_ARENA) == RESULT_OK);
}

static enum result
judge(const uint8_t *bytes, size_t n, struct auditor_opening *out)
{
	const char *why = NULL;
	enum result err;

	arena_reset(&arena);
	err = auditor_opening(bytes, n, ORIGIN, &arena, out, &why);
	CHECK((err == RESULT_CORRUPT) == (why != NULL));
	return err;
}

/* The opening with one bit of a field turned. */
static void
check_turned(const Timebox__V1__Opening *m, const ProtobufCBinaryData *field)
{
	struct auditor_opening o;
	size_t n;

	if (field->len == 0)
		return;
	field->data[field->len / 2] ^= 4;
	n = protobuf_c_message_pack(&m->base, packed);
	CHECK(judge(packed, n, &o) == RESULT_CORRUPT);
	field->data[field->len / 2] ^= 4;
}

static void
check_believed(const struct auditor_opening *o, const Timebox__V1__Opening *m)
{
	uint8_t leaf[HASH_LEN];

	tree_leaf_hash(m->opening.data, m->opening.len, leaf);
	CHECK(memcmp(leaf, o->leaf, HASH_LEN) == 0);
	tree_leaf_hash(m->entry.data, m->entry.len, leaf);
	CHECK(memcmp(leaf, o->entry_leaf, HASH_LEN) == 0);
	CHECK(o->text != NULL && o->reference != NULL && o->command == m->command && o->row == m->row);
	check_turned(m, &m->text);
	check_turned(m, &m->key);
	check_turned(m, &m->reference);
	check_turned(m, &m->reference_key);
	check_turned(m, &m->entry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auditor_opening o;
	ProtobufCMessage *m;

	set_up();
	if (size > AUDITOR_OPENING_MAX || judge(data, size, &o) != RESULT_OK)
		return 0;
	arena_reset(&other);
	CHECK(canonical_unpack(&timebox__v1__opening__descriptor, &other, data, size, &m) == RESULT_OK);
	check_believed(&o, (const Timebox__V1__Opening *)(const void *)m);
	return 0;
}
