/* How a file of service records becomes a batch: id, parts, verdicts, questions of a dry run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "client/cli/parts.h"
#include "proto/crypto.h"

#define ROWS 10

/* ---- id ---- */

static void
test_the_batch_id_is_the_hash_of_file_and_attempt(void **state)
{
	const uint8_t bytes[] = {'a', 'b', 'c', 0, 0, 0, 1};
	uint8_t hash[HASH_LEN], id[PARTS_ID_LEN], next[PARTS_ID_LEN];

	(void)state;
	sha256(bytes, sizeof(bytes), hash);
	parts_batch_id(bytes, 3, 1, id);
	assert_memory_equal(id, hash, PARTS_ID_LEN);
	parts_batch_id(bytes, 3, 2, next);
	assert_memory_not_equal(id, next, PARTS_ID_LEN);
}

static void
test_the_attempt_is_big_endian(void **state)
{
	const uint8_t bytes[] = {1, 2, 3, 4};
	uint8_t hash[HASH_LEN], id[PARTS_ID_LEN];

	(void)state;
	sha256(bytes, sizeof(bytes), hash);
	parts_batch_id((const uint8_t *)"", 0, 0x01020304, id);
	assert_memory_equal(id, hash, PARTS_ID_LEN);
}

/* ---- parts ---- */

static void
test_parts_cover_every_row_once(void **state)
{
	static const size_t sizes[] = {1, 199, 200, 201, 400, 2400, 2401};

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		size_t next = 0, from, to;

		for (uint32_t p = 0; p < parts_count(sizes[k]); p++) {
			parts_range(p, sizes[k], &from, &to);
			assert_int_equal(from, next);
			assert_true(to > from && to - from <= PARTS_RECORDS);
			next = to;
		}
		assert_int_equal(next, sizes[k]);
	}
	assert_int_equal(parts_count(0), 0);
	assert_int_equal(parts_count(2400), 12);
}

/* ---- verdicts ---- */

static void
rows_fill(struct part_row rows[ROWS])
{
	memset(rows, 0, ROWS * sizeof(*rows));
	for (uint32_t i = 0; i < ROWS; i++)
		rows[i].line = 2 + 2 * i;
}

/* A part with rows of the lines 2 and 6, and line 4 refused by the client. */
struct sample {
	Timebox__V1__ServiceRows part;
	Timebox__V1__ServiceRow row[2], *row_list[2];
	Timebox__V1__RefusedRow refused[1], *refused_list[1];
	Timebox__V1__Effect effect[2], *effect_list[2];
};

static void
sample_fill(struct sample *s)
{
	timebox__v1__service_rows__init(&s->part);
	for (size_t i = 0; i < 2; i++) {
		timebox__v1__service_row__init(&s->row[i]);
		timebox__v1__effect__init(&s->effect[i]);
		s->row_list[i] = &s->row[i];
		s->effect_list[i] = &s->effect[i];
	}
	timebox__v1__refused_row__init(&s->refused[0]);
	s->refused_list[0] = &s->refused[0];
	s->row[0].line = 2;
	s->row[1].line = 6;
	s->refused[0].line = 4;
	s->refused[0].reason = TIMEBOX__V1__RESULT_CODE__RESULT_CODE_BAD_TIME;
	s->part.rows = s->row_list;
	s->part.n_rows = 2;
	s->part.refused = s->refused_list;
	s->part.n_refused = 1;
	s->effect[0].kind = TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_BATCH_COMPLETE;
	s->effect[1].kind = TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_ROW_REFUSED;
	s->effect[1].index = 1;
	s->effect[1].verdict = TIMEBOX__V1__RESULT_CODE__RESULT_CODE_PAID_STAFF;
}

static void
test_verdicts_come_from_the_client_and_from_effects(void **state)
{
	struct part_row rows[ROWS];
	struct sample s;

	(void)state;
	rows_fill(rows);
	sample_fill(&s);
	assert_int_equal(parts_merge(rows, ROWS, &s.part, s.effect_list, 2), RESULT_OK);
	assert_int_equal(rows[0].verdict, RESULT_OK);
	assert_int_equal(rows[1].verdict, RESULT_BAD_TIME);
	assert_int_equal(rows[2].verdict, RESULT_PAID_STAFF);
	assert_string_equal(rows[2].field, "志愿者编号");
	assert_int_equal(rows[3].verdict, RESULT_OK);
}

static void
test_a_verdict_that_was_known_keeps_its_field(void **state)
{
	struct part_row rows[ROWS];
	struct sample s;

	(void)state;
	rows_fill(rows);
	sample_fill(&s);
	rows[1].verdict = RESULT_BAD_TIME;
	rows[1].field = "开始时间";
	assert_int_equal(parts_merge(rows, ROWS, &s.part, NULL, 0), RESULT_OK);
	assert_string_equal(rows[1].field, "开始时间");
	/* The ledger's word counts, not what this client would say today. */
	rows[0].verdict = RESULT_UNKNOWN_MEMBER;
	rows[0].field = "志愿者编号";
	assert_int_equal(parts_merge(rows, ROWS, &s.part, NULL, 0), RESULT_OK);
	assert_int_equal(rows[0].verdict, RESULT_OK);
	assert_null(rows[0].field);
}

static void
test_a_part_of_another_file_is_not_taken(void **state)
{
	struct part_row rows[ROWS];
	struct sample s;

	(void)state;
	rows_fill(rows);
	sample_fill(&s);
	s.row[1].line = 7;
	assert_int_equal(parts_merge(rows, ROWS, &s.part, NULL, 0), RESULT_BATCH_MISMATCH);
	sample_fill(&s);
	s.effect[1].index = 2;
	assert_int_equal(parts_merge(rows, ROWS, &s.part, s.effect_list, 2), RESULT_BATCH_MISMATCH);
	sample_fill(&s);
	s.effect[1].verdict = (Timebox__V1__ResultCode)250;
	assert_int_equal(parts_merge(rows, ROWS, &s.part, s.effect_list, 2), RESULT_OK);
	assert_int_equal(rows[2].verdict, RESULT_INTERNAL);
}

/* ---- questions of a dry run ---- */

static void
order_fill(struct part_row rows[ROWS], size_t order[ROWS], const char *members)
{
	rows_fill(rows);
	for (size_t i = 0; i < ROWS; i++) {
		rows[i].member = (uint64_t)members[i];
		order[i] = i;
	}
}

static void
test_rows_of_a_member_are_asked_about_together_in_their_order(void **state)
{
	static const size_t expected[ROWS] = {1, 4, 8, 0, 3, 7, 9, 2, 5, 6};
	struct part_row rows[ROWS];
	size_t order[ROWS];

	(void)state;
	order_fill(rows, order, "bacbaccbab");
	parts_sort_by_member(rows, order, ROWS);
	assert_memory_equal(order, expected, sizeof(order));
	assert_int_equal(parts_cut(rows, order, ROWS, 0, 6), 3);
	assert_int_equal(parts_cut(rows, order, ROWS, 0, 7), 7);
	assert_int_equal(parts_cut(rows, order, ROWS, 3, 6), 7);
	assert_int_equal(parts_cut(rows, order, ROWS, 3, 7), ROWS);
	assert_int_equal(parts_cut(rows, order, ROWS, 0, 100), ROWS);
}

static void
test_a_member_with_too_many_rows_is_cut_rather_than_never_asked_about(void **state)
{
	struct part_row rows[ROWS];
	size_t order[ROWS], at = 0, calls = 0;

	(void)state;
	order_fill(rows, order, "aaaaaaaabb");
	for (; at < ROWS; calls++)
		at = parts_cut(rows, order, ROWS, at, 3);
	assert_int_equal(calls, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_batch_id_is_the_hash_of_file_and_attempt),
		cmocka_unit_test(test_the_attempt_is_big_endian),
		cmocka_unit_test(test_parts_cover_every_row_once),
		cmocka_unit_test(test_verdicts_come_from_the_client_and_from_effects),
		cmocka_unit_test(test_a_verdict_that_was_known_keeps_its_field),
		cmocka_unit_test(test_a_part_of_another_file_is_not_taken),
		cmocka_unit_test(test_rows_of_a_member_are_asked_about_together_in_their_order),
		cmocka_unit_test(test_a_member_with_too_many_rows_is_cut_rather_than_never_asked_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
