/*
 * The sample station, sheet by sheet, and its service records judged by a plain model that pins how
 * the format is understood: training's end days count, 480 minutes are allowed, touching is no
 * overlap, a duplicate of any accepted row comes before an overlap with any.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client/sheet/catalogue_sheet.h"
#include "client/sheet/donation_sheet.h"
#include "client/sheet/field.h"
#include "client/sheet/item_sheet.h"
#include "client/sheet/member_sheet.h"
#include "client/sheet/pair_sheet.h"
#include "client/sheet/partner_sheet.h"
#include "client/sheet/service_sheet.h"
#include "client/sheet/sheet.h"

#define STATION	    "tests/data/station/"
#define SESSION_CAP 480

static char err[256];

static int32_t
day_of(const char *text)
{
	int32_t day = 0;

	assert_int_equal(field_date(text, &day), RESULT_OK);
	return day;
}

static struct sheet *
read_file(const char *path)
{
	struct sheet *s = NULL;

	if (sheet_read(path, &s, err, sizeof err) != RESULT_OK)
		fail_msg("%s: %s", path, err);
	return s;
}

#define LOAD(type, file, parse_call)                                \
	struct sheet *s = read_file(STATION file);                  \
	struct type *rows = NULL;                                   \
	size_t n = 0;                                               \
	if (parse_call(s, &rows, &n, err, sizeof err) != RESULT_OK) \
		fail_msg("%s", err);                                \
	for (size_t row = 0; row < n; row++)                        \
		assert_int_equal(rows[row].verdict, RESULT_OK);     \
	sheet_free(s)

static void
test_the_stations_partners(void **state)
{
	LOAD(partner_row, "partners.csv", partner_sheet_parse);
	(void)state;
	assert_int_equal(n, 9);
	assert_string_equal(rows[0].code, "P01");
	assert_int_equal(rows[0].type, PARTNER_TYPE_CHARITY);
	assert_int_equal(rows[8].type, PARTNER_TYPE_UNIVERSITY);
	assert_int_equal(rows[8].agreement_to, FIELD_NO_DAY);
	free(rows);
}

static void
test_the_stations_items(void **state)
{
	LOAD(item_row, "items.csv", item_sheet_parse);
	(void)state;
	assert_int_equal(n, 11);
	assert_string_equal(rows[0].name, "大米5千克");
	assert_int_equal(rows[0].outlets.count, 2);
	assert_string_equal(rows[0].outlets.code[1], "P07");
	assert_int_equal(rows[7].kind, ITEM_KIND_WALK_IN);
	assert_int_equal(rows[9].kind, ITEM_KIND_APPOINTMENT);
	assert_int_equal(rows[9].points, 16);
	assert_int_equal(rows[9].monthly_quota, 1);
	free(rows);
}

static void
test_the_stations_donations(void **state)
{
	LOAD(donation_row, "donations.csv", donation_sheet_parse);
	(void)state;
	assert_int_equal(n, 26);
	assert_string_equal(rows[0].receipt, "R2019-0000");
	assert_int_equal(rows[0].quality, DONATION_QUALITY_PASSED);
	assert_int_equal(rows[0].best_before, FIELD_NO_DAY);
	assert_int_equal(rows[25].count, 337);
	assert_string_equal(rows[25].handler, "78048277");
	free(rows);
}

static void
test_the_stations_pairs(void **state)
{
	LOAD(pair_row, "pairs.csv", pair_sheet_parse);
	(void)state;
	assert_int_equal(n, 60);
	assert_string_equal(rows[59].beneficiary, "D060");
	assert_int_equal(rows[59].to, FIELD_NO_DAY);
	free(rows);
}

/* What the remaining checks need: the station as the sheets say it is, and the rows accepted so
 * far. */
struct model {
	struct member_row *members;
	struct catalogue_row *items;
	size_t member_count, item_count;
	struct service_row *rows; /* verdicts are filled in */
	size_t count;
};

static const struct member_row *
find_member(const struct model *m, const char *number)
{
	for (size_t i = 0; i < m->member_count; i++) {
		if (strcmp(m->members[i].number, number) == 0)
			return &m->members[i];
	}
	return NULL;
}

static const struct catalogue_row *
find_item(const struct model *m, const char *code)
{
	for (size_t i = 0; i < m->item_count; i++) {
		if (strcmp(m->items[i].code, code) == 0)
			return &m->items[i];
	}
	return NULL;
}

static int
lacks_training(const struct member_row *member, int32_t day)
{
	return member->training_from == FIELD_NO_DAY || day < member->training_from ||
	       day > member->training_to;
}

/* Against the rows accepted before row `at`: duplicate of any comes before overlap with any. */
static enum result
judge_against_accepted(const struct model *m, size_t at)
{
	const struct service_row *row = &m->rows[at];
	enum result r = RESULT_OK;

	for (size_t i = 0; i < at; i++) {
		const struct service_row *other = &m->rows[i];

		if (other->verdict != RESULT_OK || strcmp(other->member, row->member) != 0 ||
		    other->day != row->day)
			continue;
		if (strcmp(other->item, row->item) == 0 &&
		    other->start_minute == row->start_minute &&
		    other->end_minute == row->end_minute)
			return RESULT_DUPLICATE;
		if (row->start_minute < other->end_minute && other->start_minute < row->end_minute)
			r = RESULT_OVERLAP;
	}
	return r;
}

static enum result
judge(const struct model *m, size_t at)
{
	const struct service_row *row = &m->rows[at];
	const struct member_row *member = find_member(m, row->member);
	const struct catalogue_row *item = find_item(m, row->item);

	if (row->verdict != RESULT_OK)
		return row->verdict;
	if (!member)
		return RESULT_UNKNOWN_MEMBER;
	if (!item)
		return RESULT_UNKNOWN_ITEM;
	if (member->class == MEMBER_CLASS_PAID)
		return RESULT_PAID_STAFF;
	if (row->end_minute <= row->start_minute)
		return RESULT_END_BEFORE_START;
	if (row->day < member->joined)
		return RESULT_BEFORE_JOINING;
	if (row->end_minute - row->start_minute > SESSION_CAP)
		return RESULT_OVER_SESSION_CAP;
	if (item->training == CATALOGUE_TRAINING_NEEDED && lacks_training(member, row->day))
		return RESULT_TRAINING_MISSING;
	return judge_against_accepted(m, at);
}

static void
load_members(struct model *m)
{
	LOAD(member_row, "members.csv", member_sheet_parse);
	m->members = rows;
	m->member_count = n;
	assert_int_equal(n, 184);
}

static void
load_items(struct model *m)
{
	LOAD(catalogue_row, "catalogue.csv", catalogue_sheet_parse);
	m->items = rows;
	m->item_count = n;
	assert_int_equal(n, 16);
}

static int
load_model(void **state)
{
	struct model *m = calloc(1, sizeof *m);
	struct sheet *s = read_file(STATION "services.csv");

	assert_non_null(m);
	load_members(m);
	load_items(m);
	assert_int_equal(
	    service_sheet_judge(s, day_of("2023-07-31"), &m->rows, &m->count, err, sizeof err),
	    RESULT_OK);
	for (size_t i = 0; i < m->count; i++)
		m->rows[i].verdict = judge(m, i);
	sheet_free(s);
	*state = m;
	return 0;
}

static int
free_model(void **state)
{
	struct model *m = *state;

	free(m->members);
	free(m->items);
	free(m->rows);
	free(m);
	return 0;
}

static void
test_every_row_of_the_station_has_the_expected_verdict(void **state)
{
	const struct model *m = *state;
	struct sheet *expected = read_file(STATION "expected-rows.csv");

	assert_int_equal(m->count, 2400);
	assert_int_equal(sheet_rows(expected), m->count + 1);
	for (size_t i = 0; i < m->count; i++) {
		const char *name = result_name(m->rows[i].verdict);

		assert_int_equal(
		    m->rows[i].line, strtoul(sheet_field(expected, i + 1, 0), NULL, 10));
		if (strcmp(name, sheet_field(expected, i + 1, 1)) != 0)
			fail_msg("line %zu: %s, expected %s", m->rows[i].line, name,
			    sheet_field(expected, i + 1, 1));
	}
	sheet_free(expected);
}

/* Per member and rate one carry; only measured minutes convert. */
struct sums {
	json_int_t records, minutes, points, carry, measured;
};

static uint32_t
rate_of(const struct model *m, const struct service_row *row)
{
	const struct catalogue_row *item = find_item(m, row->item);

	return item ? item->minutes_per_point : 0;
}

static struct sums
sum_member(const struct model *m, const char *number)
{
	struct sums sums = {0};
	uint32_t rates[2] = {60, 40};

	for (size_t rate = 0; rate < 2; rate++) {
		json_int_t measured = 0;

		for (size_t i = 0; i < m->count; i++) {
			const struct service_row *row = &m->rows[i];

			if (row->verdict != RESULT_OK || strcmp(row->member, number) != 0 ||
			    rate_of(m, row) != rates[rate])
				continue;
			sums.records++;
			sums.minutes += row->end_minute - row->start_minute;
			measured += row->measured ? row->end_minute - row->start_minute : 0;
		}
		sums.measured += measured;
		sums.points += measured / rates[rate];
		sums.carry += measured % rates[rate];
	}
	return sums;
}

static json_int_t
number_in(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void
test_totals_of_the_station_are_the_expected_ones(void **state)
{
	const struct model *m = *state;
	json_t *expected = json_load_file(STATION "expected-totals.json", 0, NULL);
	struct sums all = {0};
	size_t served = 0;

	assert_non_null(expected);
	for (size_t i = 0; i < m->member_count; i++) {
		const char *number = m->members[i].number;
		struct sums sums = sum_member(m, number);
		const json_t *member =
		    json_object_get(json_object_get(expected, "members"), number);

		assert_int_equal(member != NULL, sums.records > 0);
		if (!member)
			continue;
		served++;
		assert_int_equal(number_in(member, "records"), sums.records);
		assert_int_equal(number_in(member, "minutes"), sums.minutes);
		assert_int_equal(number_in(member, "points"), sums.points);
		assert_int_equal(number_in(member, "carry_minutes"), sums.carry);
		all.records += sums.records;
		all.minutes += sums.minutes;
		all.points += sums.points;
		all.carry += sums.carry;
		all.measured += sums.measured;
	}
	assert_int_equal(json_object_size(json_object_get(expected, "members")), served);
	assert_int_equal(number_in(expected, "accepted"), all.records);
	assert_int_equal(number_in(expected, "points"), all.points);
	assert_int_equal(number_in(expected, "carry_minutes"), all.carry);
	assert_int_equal(number_in(expected, "minutes_measured"), all.measured);
	assert_int_equal(number_in(expected, "minutes_backfilled"), all.minutes - all.measured);
	json_decref(expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_stations_partners),
	    cmocka_unit_test(test_the_stations_items),
	    cmocka_unit_test(test_the_stations_donations),
	    cmocka_unit_test(test_the_stations_pairs),
	    cmocka_unit_test_setup_teardown(
		test_every_row_of_the_station_has_the_expected_verdict, load_model, free_model),
	    cmocka_unit_test_setup_teardown(
		test_totals_of_the_station_are_the_expected_ones, load_model, free_model),
	};

	return cmocka_run_group_tests_name("station_sheets", tests, NULL, NULL);
}
