#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/canonical.h"
#include "timebox/v1/act.pb-c.h"

#define ARENA_CAP 65536

typedef Timebox__V1__Act Act;

static struct arena arena;

static int
arena_make(void **state)
{
	(void)state;
	return arena_init(&arena, ARENA_CAP) == RESULT_OK ? 0 : -1;
}

static int
arena_drop(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static const ProtobufCMessageDescriptor *
act_desc(void)
{
	return &timebox__v1__act__descriptor;
}

/* Both ways in, on a copy of exactly n bytes. What is let in as canonical must pack to itself. */
static enum result
strict(const void *bytes, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n), again[4096];
	ProtobufCMessage *m = NULL;
	enum result r;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	arena_reset(&arena);
	r = canonical_unpack(act_desc(), &arena, copy, n, &m);
	assert_int_equal(r == RESULT_OK, m != NULL);
	if (r == RESULT_OK) {
		assert_int_equal(protobuf_c_message_pack(m, again), n);
		assert_memory_equal(again, bytes, n);
	}
	free(copy);
	return r;
}

static enum result
loose(const void *bytes, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	ProtobufCMessage *m = NULL;
	enum result r;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	arena_reset(&arena);
	r = canonical_unpack_loose(act_desc(), &arena, copy, n, &m);
	assert_int_equal(r == RESULT_OK, m != NULL);
	free(copy);
	return r;
}

#define STRICT(s) strict(s, sizeof(s) - 1)
#define LOOSE(s)  loose(s, sizeof(s) - 1)

/* An act with two commands, a string in a nested message, and packed numbers; returns its size. */
static size_t
sample_act(uint8_t out[512])
{
	static char origin[] = "望城坡.example/宝盒", item[] = "助餐-01";
	static uint8_t id[16] = {1, 2, 3};
	uint64_t members[] = {7, 300, 70000};
	Timebox__V1__ServiceRow row, *rows[] = {&row};
	Timebox__V1__ServiceRows part;
	Timebox__V1__CheckOut check_out;
	Timebox__V1__Command first, second, *commands[] = {&first, &second};
	Act act;

	timebox__v1__service_row__init(&row);
	timebox__v1__service_rows__init(&part);
	timebox__v1__check_out__init(&check_out);
	timebox__v1__command__init(&first);
	timebox__v1__command__init(&second);
	timebox__v1__act__init(&act);
	row.item = item;
	row.day = -3;
	part.n_rows = 1;
	part.rows = rows;
	check_out.n_members = 3;
	check_out.members = members;
	first.kind_case = TIMEBOX__V1__COMMAND__KIND_SERVICE_ROWS;
	first.service_rows = &part;
	second.kind_case = TIMEBOX__V1__COMMAND__KIND_CHECK_OUT;
	second.check_out = &check_out;
	act.origin = origin;
	act.request_id = (ProtobufCBinaryData){sizeof(id), id};
	act.made_at_us = 1700000000000000;
	act.n_commands = 2;
	act.commands = commands;
	assert_in_range(timebox__v1__act__get_packed_size(&act), 1, 512);
	return timebox__v1__act__pack(&act, out);
}

static void
what_we_pack_is_canonical_and_comes_back(void **state)
{
	ProtobufCMessage *m = NULL;
	uint8_t bytes[512];
	const Act *act;
	size_t n = sample_act(bytes);

	(void)state;
	assert_int_equal(strict(bytes, n), RESULT_OK);
	assert_int_equal(loose(bytes, n), RESULT_OK);
	arena_reset(&arena);
	assert_int_equal(canonical_unpack(act_desc(), &arena, bytes, n, &m), RESULT_OK);
	assert_true((uint8_t *)m >= arena.base && (uint8_t *)m < arena.base + arena.used);
	act = (const Act *)m;
	assert_string_equal(act->origin, "望城坡.example/宝盒");
	assert_int_equal(act->n_commands, 2);
	assert_string_equal(act->commands[0]->service_rows->rows[0]->item, "助餐-01");
	assert_int_equal(act->commands[0]->service_rows->rows[0]->day, -3);
	assert_int_equal(act->commands[1]->check_out->members[2], 70000);
}

static void
the_empty_message_is_canonical(void **state)
{
	(void)state;
	assert_int_equal(strict("", 0), RESULT_OK);
	assert_int_equal(loose("", 0), RESULT_OK);
}

static void
no_truncation_or_flipped_bit_slips_through(void **state)
{
	uint8_t bytes[512];
	size_t n = sample_act(bytes), i;
	unsigned bit;

	(void)state;
	/* A cut between two fields leaves a message; strict() asserts that it packs to itself. */
	for (i = 0; i < n; i++) {
		enum result r = strict(bytes, i);

		assert_true(r == RESULT_OK || r == RESULT_BAD_MESSAGE || r == RESULT_NOT_UTF8);
		assert_int_equal(loose(bytes, i), r);
	}
	for (i = 0; i < n; i++)
		for (bit = 0; bit < 8; bit++) {
			bytes[i] ^= (uint8_t)(1 << bit);
			if (strict(bytes, n) == RESULT_OK)
				assert_int_equal(loose(bytes, n), RESULT_OK);
			bytes[i] ^= (uint8_t)(1 << bit);
		}
}

static void
unknown_fields_are_refused_at_every_depth_unless_loose(void **state)
{
	(void)state;
	/* field 100, varint 1: in the act; in a command; in a check-out of a command */
	assert_int_equal(STRICT("\xa0\x06\x01"), RESULT_NOT_CANONICAL);
	assert_int_equal(LOOSE("\xa0\x06\x01"), RESULT_OK);
	assert_int_equal(STRICT("\x4a\x03\xa0\x06\x01"), RESULT_NOT_CANONICAL);
	assert_int_equal(LOOSE("\x4a\x03\xa0\x06\x01"), RESULT_OK);
	assert_int_equal(STRICT("\x4a\x06\xd2\x02\x03\xa0\x06\x01"), RESULT_NOT_CANONICAL);
	assert_int_equal(LOOSE("\x4a\x06\xd2\x02\x03\xa0\x06\x01"), RESULT_OK);
}

static void
other_encodings_of_the_same_message_are_not_canonical(void **state)
{
	(void)state;
	/* branch = 5; the origin "a" */
	assert_int_equal(STRICT("\x40\x05"), RESULT_OK);
	assert_int_equal(STRICT("\x40\x85\x00"), RESULT_NOT_CANONICAL);	    /* longer varint */
	assert_int_equal(STRICT("\xc0\x00\x05"), RESULT_NOT_CANONICAL);	    /* longer key */
	assert_int_equal(STRICT("\x40\x00"), RESULT_NOT_CANONICAL);	    /* a default said */
	assert_int_equal(STRICT("\x40\x04\x40\x05"), RESULT_NOT_CANONICAL); /* said twice */
	assert_int_equal(STRICT("\x40\x05\x0a\x01"
				"a"),
	    RESULT_NOT_CANONICAL); /* out of order */
	assert_int_equal(STRICT("\x0a\x01"
				"a\x40\x05"),
	    RESULT_OK);
	assert_int_equal(STRICT("\x0a\x81\x00"
				"a"),
	    RESULT_NOT_CANONICAL); /* longer length */
	/* members 1 and 2 of a check-out: packed, and one by one */
	assert_int_equal(STRICT("\x4a\x07\xd2\x02\x04\x0a\x02\x01\x02"), RESULT_OK);
	assert_int_equal(STRICT("\x4a\x07\xd2\x02\x04\x08\x01\x08\x02"), RESULT_NOT_CANONICAL);
	/* two kinds in one command */
	assert_int_equal(STRICT("\x4a\x06\xca\x02\x00\xd2\x02\x00"), RESULT_NOT_CANONICAL);
	assert_int_equal(LOOSE("\x40\x85\x00"), RESULT_OK);
	assert_int_equal(LOOSE("\x40\x05\x0a\x01"
			       "a"),
	    RESULT_OK);
	assert_int_equal(LOOSE("\x4a\x07\xd2\x02\x04\x08\x01\x08\x02"), RESULT_OK);
}

static void
strings_are_utf8_without_nul_at_every_depth(void **state)
{
	(void)state;
	assert_int_equal(STRICT("\x0a\x03\xe6\x9c\x9b"), RESULT_OK);
	assert_int_equal(STRICT("\x0a\x02\xe6\x9c"), RESULT_NOT_UTF8);
	assert_int_equal(LOOSE("\x0a\x02\xe6\x9c"), RESULT_NOT_UTF8);
	assert_int_equal(STRICT("\x0a\x02\xc0\x80"), RESULT_NOT_UTF8);
	assert_int_equal(STRICT("\x0a\x03\xed\xa0\x80"), RESULT_NOT_UTF8); /* a surrogate */
	assert_int_equal(STRICT("\x0a\x03"
				"a\0b"),
	    RESULT_NOT_UTF8);
	assert_int_equal(LOOSE("\x0a\x03"
			       "a\0b"),
	    RESULT_NOT_UTF8);
	/* the item of a row of a part */
	assert_int_equal(STRICT("\x4a\x08\xda\x02\x05\x2a\x03\x1a\x01\xff"), RESULT_NOT_UTF8);
	assert_int_equal(LOOSE("\x4a\x08\xda\x02\x05\x2a\x03\x1a\x01\xff"), RESULT_NOT_UTF8);
	/* the text of a string overwritten by a later one is looked at too */
	assert_int_equal(LOOSE("\x0a\x01\xff\x0a\x01"
			       "a"),
	    RESULT_NOT_UTF8);
}

static void
what_is_no_message_is_refused(void **state)
{
	(void)state;
	assert_int_equal(LOOSE("\x00"), RESULT_BAD_MESSAGE);	     /* field 0 */
	assert_int_equal(LOOSE("\x0b\x0c"), RESULT_BAD_MESSAGE);     /* a group */
	assert_int_equal(LOOSE("\x0f"), RESULT_BAD_MESSAGE);	     /* wire type 7 */
	assert_int_equal(LOOSE("\x08\x01"), RESULT_BAD_MESSAGE);     /* the origin as a number */
	assert_int_equal(LOOSE("\x4a\x01\x08"), RESULT_BAD_MESSAGE); /* a cut command */
	assert_int_equal(LOOSE("\x0a\x05"
			       "ab"),
	    RESULT_BAD_MESSAGE);
	assert_int_equal(LOOSE("\x0a\xff\xff\xff\xff\x0f"), RESULT_BAD_MESSAGE);
	assert_int_equal(LOOSE("\x0a\xff\xff\xff\xff\xff\x01"), RESULT_BAD_MESSAGE);
	assert_int_equal(
	    LOOSE("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), RESULT_BAD_MESSAGE);
	assert_int_equal(LOOSE("\xff\xff\xff\xff\xff\x01"), RESULT_BAD_MESSAGE);
}

static void
every_size_of_arena_is_enough_or_no_memory(void **state)
{
	ProtobufCMessage *m = NULL;
	uint8_t bytes[512];
	size_t n = sample_act(bytes), cap;
	enum result r = RESULT_NO_MEMORY;
	struct arena small;

	(void)state;
	for (cap = 1; r != RESULT_OK; cap++) {
		assert_true(cap < ARENA_CAP);
		assert_int_equal(arena_init(&small, cap), RESULT_OK);
		r = canonical_unpack(act_desc(), &small, bytes, n, &m);
		assert_true(r == RESULT_OK || r == RESULT_NO_MEMORY);
		assert_int_equal(r == RESULT_OK, m != NULL);
		arena_free(&small);
	}
	assert_true(cap > n);
}

static void
hostile_bytes_take_no_more_than_the_arena(void **state)
{
	size_t n = 65534, i;
	uint8_t *bytes = malloc(n);
	ProtobufCMessage *m = NULL;

	(void)state;
	assert_non_null(bytes);
	/* 32,767 empty commands */
	for (i = 0; i < n; i += 2)
		memcpy(bytes + i, "\x4a\x00", 2);
	arena_reset(&arena);
	assert_int_equal(canonical_unpack(act_desc(), &arena, bytes, n, &m), RESULT_NO_MEMORY);
	assert_null(m);
	arena_reset(&arena);
	assert_int_equal(
	    canonical_unpack_loose(act_desc(), &arena, bytes, n, &m), RESULT_NO_MEMORY);
	assert_null(m);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_we_pack_is_canonical_and_comes_back),
	    cmocka_unit_test(the_empty_message_is_canonical),
	    cmocka_unit_test(no_truncation_or_flipped_bit_slips_through),
	    cmocka_unit_test(unknown_fields_are_refused_at_every_depth_unless_loose),
	    cmocka_unit_test(other_encodings_of_the_same_message_are_not_canonical),
	    cmocka_unit_test(strings_are_utf8_without_nul_at_every_depth),
	    cmocka_unit_test(what_is_no_message_is_refused),
	    cmocka_unit_test(every_size_of_arena_is_enough_or_no_memory),
	    cmocka_unit_test(hostile_bytes_take_no_more_than_the_arena),
	};

	return cmocka_run_group_tests(tests, arena_make, arena_drop);
}
