#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/keys.h"
#include "client/cli/out.h"
#include "client/cli/proposals.h"
#include "client/cli/table.h"
#include "timebox/v1/entry.pb-c.h"

static void
minutes_read_as_hours_and_minutes(void **state)
{
	char b[OUT_TIME_SIZE];

	(void)state;
	assert_string_equal(out_minutes(b, 1905, true), "31小时45分");
	assert_string_equal(out_minutes(b, 1905, false), "31 h 45 min");
	assert_string_equal(out_minutes(b, 0, true), "0分");
	assert_string_equal(out_minutes(b, 59, false), "59 min");
	assert_string_equal(out_minutes(b, 120, true), "2小时");
	assert_string_equal(out_minutes_signed(b, -75, true), "-1小时15分");
	assert_string_equal(out_minutes_signed(b, 60, false), "+1 h");
	assert_string_equal(out_minutes_signed(b, INT64_MIN, false), "-153722867280912930 h 8 min");
}

static void
times_are_in_the_stations_zone(void **state)
{
	char b[OUT_TIME_SIZE];

	(void)state;
	assert_string_equal(out_time(b, 1767225600000000u, 480), "2026-01-01 08:00");
	assert_string_equal(out_time(b, 1767225600000000u, -30), "2025-12-31 23:30");
	assert_string_equal(out_time(b, 0, 480), "-");
	assert_string_equal(out_time(b, UINT64_MAX, 480), "-");
	assert_string_equal(out_day(b, 20454), "2026-01-01");
	assert_string_equal(out_day(b, 0), "-");
}

static void
ids_name_the_command_only_where_it_is_not_the_first(void **state)
{
	char b[OUT_ID_SIZE];

	(void)state;
	assert_string_equal(out_id(b, 120, 0), "120");
	assert_string_equal(out_id(b, UINT64_MAX, UINT32_MAX), "18446744073709551615.4294967295");
}

static void
enum_words_come_from_the_schema(void **state)
{
	(void)state;
	assert_string_equal(out_word(&timebox__v1__member_class__descriptor, 3), "young_old");
	assert_string_equal(out_word(&timebox__v1__role__descriptor, 2), "kiosk");
	assert_string_equal(out_word(&timebox__v1__key_status__descriptor, 3), "pending");
	assert_string_equal(out_word(&timebox__v1__effect_kind__descriptor, 11), "confirmed");
	assert_string_equal(out_word(&timebox__v1__role__descriptor, 99), "unknown");
	assert_string_equal(out_command_name(21), "member_add");
	assert_string_equal(out_command_name(9999), "unknown");
}

/* Every command of the schema has a word for people. */
static void
every_command_has_a_text(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < timebox__v1__command__descriptor.n_fields; i++)
		assert_string_not_equal(out_command_text(timebox__v1__command__descriptor.fields[i].id),
			"unknown");
}

static char *
printed(const struct table *t, const char *empty)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	table_print(t, f, empty);
	(void)fclose(f);
	return text;
}

static void
chinese_cells_stay_aligned(void **state)
{
	struct table *t = table_new("项目|name|>points");
	char *text;

	(void)state;
	table_cell(t, "大米");
	table_cell(t, "a");
	table_cellf(t, "%d", 5);
	table_cell(t, "OIL");
	table_cell(t, "食用油");
	table_cellf(t, "%d", 1200);
	text = printed(t, "none");
	assert_int_equal(table_rows(t), 2);
	assert_string_equal(text, "项目  name    points\n"
				  "--------------------\n"
				  "大米  a            5\n"
				  "OIL   食用油    1200\n");
	free(text);
	table_free(t);
}

static void
an_empty_table_says_so_and_odd_cells_do_no_harm(void **state)
{
	struct table *t = table_new("a|b");
	char *text = printed(t, "nothing");

	(void)state;
	assert_string_equal(text, "nothing\n");
	free(text);
	table_cell(t, "x\ny\033[2J");
	text = printed(t, "nothing");
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "x y"));
	free(text);
	table_free(t);
	assert_int_equal(table_text_width("\xff\xfe"), 2);
	assert_int_equal(table_text_width("时间ab"), 6);
}

static void
a_proposal_is_found_by_id_number_or_key_and_doubt_is_told(void **state)
{
	uint8_t key[2][KEY_LEN] = {{0xab, 0xcd, 0xef, 1}, {0xab, 0xcd, 0xef, 2}};
	Timebox__V1__Proposal p[3], *list[3] = {&p[0], &p[1], &p[2]};
	Timebox__V1__Proposals all;
	char number[] = "20000011";
	bool many;
	int i;

	(void)state;
	timebox__v1__proposals__init(&all);
	all.n_proposals = 3;
	all.proposals = list;
	for (i = 0; i < 3; i++) {
		timebox__v1__proposal__init(&p[i]);
		p[i].seq = (uint64_t)(i < 2 ? 120 : 121);
		p[i].index = i == 1;
		p[i].proposer_key = timebox_bytes(key[i == 2], KEY_LEN);
	}
	p[2].number = number;
	assert_ptr_equal(proposals_find(&all, "120", &many), &p[0]);
	assert_ptr_equal(proposals_find(&all, "120.0", &many), &p[0]);
	assert_ptr_equal(proposals_find(&all, "120.1", &many), &p[1]);
	assert_ptr_equal(proposals_find(&all, "20000011", &many), &p[2]);
	assert_ptr_equal(proposals_find(&all, "ABCDEF02", &many), &p[2]);
	assert_null(proposals_find(&all, "abcdef", &many));
	assert_true(many);
	assert_null(proposals_find(&all, "abc", &many));
	assert_false(many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minutes_read_as_hours_and_minutes),
		cmocka_unit_test(times_are_in_the_stations_zone),
		cmocka_unit_test(ids_name_the_command_only_where_it_is_not_the_first),
		cmocka_unit_test(enum_words_come_from_the_schema),
		cmocka_unit_test(every_command_has_a_text),
		cmocka_unit_test(chinese_cells_stay_aligned),
		cmocka_unit_test(an_empty_table_says_so_and_odd_cells_do_no_harm),
		cmocka_unit_test(a_proposal_is_found_by_id_number_or_key_and_doubt_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
