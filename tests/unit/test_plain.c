#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/plain.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/entry.pb-c.h"
#include "timebox/v1/rpc.pb-c.h"

#define ARENA_CAP 65536

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

/* What plain.c writes; it stops the process for another type. No message of ours contains itself. */
static void
check_types(const ProtobufCMessageDescriptor *desc)
{
	for (unsigned i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[i];

		assert_true(f->label == PROTOBUF_C_LABEL_NONE || f->label == PROTOBUF_C_LABEL_REPEATED);
		assert_true(i == 0 || f[-1].id < f->id);
		assert_true(f->type == PROTOBUF_C_TYPE_INT32 || f->type == PROTOBUF_C_TYPE_SINT32 ||
			    f->type == PROTOBUF_C_TYPE_INT64 || f->type == PROTOBUF_C_TYPE_SINT64 ||
			    f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_UINT64 ||
			    f->type == PROTOBUF_C_TYPE_BOOL || f->type == PROTOBUF_C_TYPE_ENUM ||
			    f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES ||
			    f->type == PROTOBUF_C_TYPE_MESSAGE);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			check_types(f->descriptor);
	}
}

static void
schema_has_only_types_that_can_be_written(void **state)
{
	(void)state;
	check_types(&timebox__v1__request__descriptor);
	check_types(&timebox__v1__response__descriptor);
	check_types(&timebox__v1__act__descriptor);
	check_types(&timebox__v1__entry__descriptor);
	check_types(&timebox__v1__receipt__descriptor);
	check_types(&timebox__v1__opening__descriptor);
	check_types(&timebox__v1__texts__descriptor);
	check_types(&timebox__v1__person_text__descriptor);
	check_types(&timebox__v1__name_text__descriptor);
	check_types(&timebox__v1__card_text__descriptor);
	check_types(&timebox__v1__record_text__descriptor);
}

/* An answer with a number of each sign, a list of numbers, a list of messages, a text, and an empty choice. */
static Timebox__V1__Response *
sample(void)
{
	static char name[] = "王秀英";
	static uint64_t kin[] = { 1, 300, UINT64_MAX };
	static Timebox__V1__PointsLot lot, none, *lots[] = { &lot, &none };
	static Timebox__V1__Member member;
	static Timebox__V1__Response r;

	timebox__v1__points_lot__init(&lot);
	timebox__v1__points_lot__init(&none);
	timebox__v1__member__init(&member);
	timebox__v1__response__init(&r);
	lot.expiry_day = -1;
	lot.available = 128;
	member.name = name;
	member.kin = kin;
	member.n_kin = 3;
	member.lots = lots;
	member.n_lots = 2;
	member.pin_set = 2;
	r.number = 7;
	r.body_case = TIMEBOX__V1__RESPONSE__BODY_MEMBER;
	r.member = &member;
	return &r;
}

static void
writes_what_protobuf_c_writes_or_nothing(void **state)
{
	const Timebox__V1__Response *r = sample();
	uint8_t want[512], room[512];
	size_t n = timebox__v1__response__pack(r, want);
	const uint8_t *at;

	(void)state;
	at = plain_pack(&r->base, room, sizeof(room));
	assert_ptr_equal(at, room + sizeof(room) - n);
	assert_memory_equal(at, want, n);
	for (size_t less = 0; less < n; less++)
		assert_null(plain_pack(&r->base, room, less));
	assert_ptr_equal(plain_pack(&r->base, room, n), room);
}

static void
reads_it_again_but_nothing_that_is_cut_short(void **state)
{
	const Timebox__V1__Response *r = sample(), *again;
	const ProtobufCMessageDescriptor *desc = &timebox__v1__response__descriptor;
	uint8_t bytes[512], twice[512];
	size_t n = timebox__v1__response__pack(r, bytes), whole = 0;

	(void)state;
	for (size_t less = 0; less < n; less++) {
		arena_reset(&arena);
		whole += plain_unpack(desc, &arena, bytes, less) != NULL;
	}
	/* Nothing at all, and the number alone. */
	assert_int_equal(whole, 2);
	arena_reset(&arena);
	again = (const void *)plain_unpack(desc, &arena, bytes, n);
	assert_non_null(again);
	assert_int_equal(timebox__v1__response__pack(again, twice), n);
	assert_memory_equal(twice, bytes, n);
	assert_int_equal(again->member->lots[0]->expiry_day, -1);
	assert_true(again->member->kin[2] == UINT64_MAX);
	assert_string_equal(again->member->name, "王秀英");
}

static void
leaves_to_protobuf_c_what_is_not_plain(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} others[] = {
		{ "\x08\x87\x00", 3 },		 /* a number with a byte too many */
		{ "\x08\x00", 2 },		 /* one that is left out */
		{ "\x10\x01\x08\x07", 4 },	 /* fields in another order */
		{ "\x08\x07\x08\x07", 4 },	 /* one twice */
		{ "\x12\x00", 2 },		 /* a number as bytes */
		{ "\x1a\x01\xff", 3 },		 /* no UTF-8 */
		{ "\x72\x02\x6a\x00", 4 },	 /* a number as bytes, inside */
		{ "\x62\x00\x72\x00", 4 },	 /* two of a choice */
		{ "\xf8\x7f\x01", 3 },		 /* a field that nobody knows */
		{ "\x10\xff\xff\xff\xff\x1f", 6 }, /* more than the number holds */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		arena_reset(&arena);
		assert_null(plain_unpack(&timebox__v1__response__descriptor, &arena,
					 (const uint8_t *)others[i].bytes, others[i].n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_has_only_types_that_can_be_written),
		cmocka_unit_test(writes_what_protobuf_c_writes_or_nothing),
		cmocka_unit_test(reads_it_again_but_nothing_that_is_cut_short),
		cmocka_unit_test(leaves_to_protobuf_c_what_is_not_plain),
	};

	return cmocka_run_group_tests(tests, arena_make, arena_drop);
}
