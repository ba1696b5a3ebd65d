/*
 * The station's spreadsheets: reading them, single fields, and the whole sample judged by a plain
 * model that pins how the format is understood (training's end days count, the cap is 480 minutes,
 * touching is no overlap …).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/sheet/field.h"
#include "client/sheet/member_sheet.h"
#include "client/sheet/service_sheet.h"
#include "client/sheet/sheet.h"

#define SHEETS "tests/data/sheets/"
#define SERVICE_HEAD                                                                                                                   \
	"活动名称,项目编码,服务日期,开始时间,结束时间,地点,社区,志愿者编号,服务对象编号,负责人," \
	"记录单位,方式\n"

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

static enum result
parse_size(const void *bytes, size_t size, struct sheet **s)
{
	/* exactly as long as it is, so that ASan sees a read beyond */
	uint8_t *copy = malloc(size ? size : 1);
	enum result r;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	r = sheet_parse(copy, size, s, err, sizeof err);
	free(copy);
	assert_int_equal(r == RESULT_OK, *s != NULL);
	assert_int_equal(r == RESULT_OK, err[0] == '\0');
	return r;
}

static struct sheet *
parse(const char *text)
{
	struct sheet *s = NULL;

	if (parse_size(text, strlen(text), &s) != RESULT_OK)
		fail_msg("%s", err);
	return s;
}

static void
assert_refused(const char *text, size_t size, enum result expected, const char *words)
{
	struct sheet *s = NULL;

	assert_int_equal(parse_size(text, size, &s), expected);
	if (!strstr(err, words))
		fail_msg("\"%s\" does not say \"%s\"", err, words);
}

/* ---- records ---- */

static void
test_line_ends_and_a_last_line_without_one(void **state)
{
	static const char *const texts[] = {"a,b\nc,d\n", "a,b\r\nc,d\r\n", "a,b\nc,d",
	    "a,b\rc,d\r", "a,b\r\nc,d", " a , b\t\n\tc,d "};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct sheet *s = parse(texts[i]);

		assert_int_equal(sheet_rows(s), 2);
		assert_int_equal(sheet_columns(s, 0), 2);
		assert_int_equal(sheet_columns(s, 1), 2);
		assert_string_equal(sheet_field(s, 0, 0), "a");
		assert_string_equal(sheet_field(s, 0, 1), "b");
		assert_string_equal(sheet_field(s, 1, 0), "c");
		assert_string_equal(sheet_field(s, 1, 1), "d");
		assert_string_equal(sheet_field(s, 1, 2), "");
		assert_string_equal(sheet_field(s, 2, 0), "");
		sheet_free(s);
	}
}

static void
test_quoted_fields_keep_commas_quotes_and_line_ends(void **state)
{
	struct sheet *s = parse("head\r\n\"a\r\nb,\"\"c\"\"\",\"\",d\"e\r\nlast");
	const char *raw;
	size_t size;

	(void)state;
	assert_int_equal(sheet_rows(s), 3);
	assert_int_equal(sheet_columns(s, 1), 3);
	assert_string_equal(sheet_field(s, 1, 0), "a\r\nb,\"c\"");
	assert_string_equal(sheet_field(s, 1, 1), "");
	assert_string_equal(sheet_field(s, 1, 2), "d\"e");
	raw = sheet_raw(s, 1, &size);
	assert_int_equal(size, strlen("\"a\r\nb,\"\"c\"\"\",\"\",d\"e"));
	assert_memory_equal(raw, "\"a\r\nb,\"\"c\"\"\",\"\",d\"e", size);
	raw = sheet_raw(s, 2, &size);
	assert_int_equal(size, 4);
	assert_memory_equal(raw, "last", 4);
	assert_null(sheet_raw(s, 3, &size));
	sheet_free(s);
}

static void
test_empty_lines_keep_their_number(void **state)
{
	struct sheet *s = parse("a\r\n\r\n  \r\n\"\"\r\n,\r\n\xE3\x80\x80\r\nb\r\n\r\n");
	static const size_t columns[] = {1, 0, 0, 1, 2, 1, 1, 0};

	(void)state;
	assert_int_equal(sheet_rows(s), 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(sheet_columns(s, i), columns[i]);
	assert_string_equal(sheet_field(s, 5, 0), "");
	assert_string_equal(sheet_field(s, 6, 0), "b");
	sheet_free(s);
	s = parse("");
	assert_int_equal(sheet_rows(s), 0);
	sheet_free(s);
}

static void
test_blanks_are_trimmed_and_the_rest_is_left_alone(void **state)
{
	struct sheet *s = parse(
	    "\xE3\x80\x80 \xE9\x98\xB3\xE3\x80\x80\xE5\x85\x89 \xE3\x80\x80,\" x \",\xC2\xA0");

	(void)state;
	assert_string_equal(sheet_field(s, 0, 0), "\xE9\x98\xB3\xE3\x80\x80\xE5\x85\x89");
	assert_string_equal(sheet_field(s, 0, 1), "x");
	assert_string_equal(sheet_field(s, 0, 2), "");
	sheet_free(s);
}

static void
test_three_encodings_give_the_same_sheet(void **state)
{
	struct sheet *plain = read_file(SHEETS "services-utf8.csv");
	struct sheet *marked = read_file(SHEETS "services-utf8-bom.csv");
	struct sheet *gb = read_file(SHEETS "services-gb18030.csv");
	size_t plain_size, marked_size;

	(void)state;
	assert_int_equal(sheet_rows(plain), sheet_rows(marked));
	assert_int_equal(sheet_rows(plain), sheet_rows(gb));
	for (size_t row = 0; row < sheet_rows(plain); row++) {
		assert_int_equal(sheet_columns(plain, row), sheet_columns(gb, row));
		for (size_t i = 0; i < sheet_columns(plain, row); i++) {
			assert_string_equal(
			    sheet_field(plain, row, i), sheet_field(marked, row, i));
			assert_string_equal(sheet_field(plain, row, i), sheet_field(gb, row, i));
		}
	}
	assert_non_null(sheet_file_bytes(plain, &plain_size));
	assert_non_null(sheet_file_bytes(marked, &marked_size));
	assert_int_equal(marked_size, plain_size + 3);
	sheet_free(plain);
	sheet_free(marked);
	sheet_free(gb);
}

static void
test_bytes_that_are_no_text_are_refused_with_the_line(void **state)
{
	struct sheet *s = NULL;

	(void)state;
	assert_refused("a\nb\n\xFF\n", 6, RESULT_NOT_UTF8, "line 3");
	assert_refused("\xEF\xBB\xBF\n\xC4\xE3\n", 7, RESULT_NOT_UTF8, "line 2");
	assert_refused("a\nb\0c\n", 6, RESULT_NOT_UTF8, "line 2");
	assert_refused("a\n\xC4", 3, RESULT_NOT_UTF8, "line 2");
	assert_int_equal(sheet_read(SHEETS "none.csv", &s, err, sizeof err), RESULT_NOT_FOUND);
	assert_non_null(strstr(err, strerror(ENOENT)));
	assert_int_equal(sheet_read(SHEETS, &s, err, sizeof err), RESULT_NOT_FOUND);
	assert_non_null(strstr(err, strerror(EISDIR)));
}

static void
test_limits_are_refused_with_the_line(void **state)
{
	size_t size = 2 * (SHEET_RECORDS_MAX + 1);
	char *text = malloc(size + 1);
	struct sheet *s = NULL;

	(void)state;
	assert_non_null(text);
	assert_refused("a\n\"b\nc\nd\n", 9, RESULT_BAD_ROW, "line 2 opens a quote");
	assert_refused("\"", 1, RESULT_BAD_ROW, "line 1 opens a quote");
	memset(text, ',', SHEET_COLUMNS_MAX);
	assert_refused(text, SHEET_COLUMNS_MAX, RESULT_TOO_MANY, "line 1 has more than 64 columns");
	assert_int_equal(parse_size(text, SHEET_COLUMNS_MAX - 1, &s), RESULT_OK);
	assert_int_equal(sheet_columns(s, 0), SHEET_COLUMNS_MAX);
	sheet_free(s);
	memset(text, 'x', SHEET_FIELD_MAX + 1);
	assert_refused(text, SHEET_FIELD_MAX + 1, RESULT_TOO_MANY, "4096 bytes");
	assert_int_equal(parse_size(text, SHEET_FIELD_MAX, &s), RESULT_OK);
	sheet_free(s);
	memset(text, 'x', size);
	text[0] = '"';
	assert_refused(text, size, RESULT_TOO_MANY, "4096 bytes");
	for (size_t i = 0; i < size; i++)
		text[i] = i % 2 ? '\n' : 'x';
	assert_refused(text, size, RESULT_TOO_MANY, "1,000,000");
	assert_int_equal(parse_size(text, size - 2, &s), RESULT_OK);
	assert_int_equal(sheet_rows(s), SHEET_RECORDS_MAX);
	sheet_free(s);
	free(text);
	text = calloc(1, SHEET_FILE_MAX + 1);
	assert_non_null(text);
	assert_refused(text, SHEET_FILE_MAX + 1, RESULT_TOO_MANY, "64 MiB");
	free(text);
}

/* Every file cut after each byte parses or is refused in words; what parses has the same whole
 * records. */
static void
test_truncated_twins_keep_the_records_before_the_cut(void **state)
{
	static const char *const paths[] = {
	    SHEETS "services-utf8-bom.csv", SHEETS "services-gb18030.csv"};

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct sheet *whole = read_file(paths[p]);
		size_t size;
		const uint8_t *bytes = sheet_file_bytes(whole, &size);

		for (size_t cut = 0; cut < size; cut++) {
			struct service_row *rows = NULL;
			struct sheet *s = NULL;
			size_t n;

			if (parse_size(bytes, cut, &s) != RESULT_OK)
				continue;
			assert_true(sheet_rows(s) <= sheet_rows(whole));
			for (size_t row = 0; row + 1 < sheet_rows(s); row++)
				assert_string_equal(
				    sheet_field(s, row, 0), sheet_field(whole, row, 0));
			if (service_sheet_judge(s, 20000, &rows, &n, err, sizeof err) == RESULT_OK)
				free(rows);
			sheet_free(s);
		}
		sheet_free(whole);
	}
}

/* ---- fields ---- */

static void
test_dates_in_every_spelling(void **state)
{
	static const char *const good[] = {"2020-01-31", "2020/1/31", "2020.01.31", "2020年1月31日",
	    "２０２０-０１-３１", "２０２０．１．３１", "２０２０／０１／３１",
	    "２０２０年０１月３１日", " 2020-1-31\xE3\x80\x80"};
	static const char *const bad[] = {"", "2020-13-01", "2021-02-30", "2100-02-29",
	    "31/31/2020", "去年冬天", "2020-1/31", "2020-01-31x", "2020-00-10", "2020-01-00",
	    "20-01-31", "2020-001-31", "12020-01-31", "1899-12-31", "2020年1月31", "2020-01",
	    "2020--01-31", "2020-01-031", "-2020-01-31"};
	int32_t day = 0;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(field_date(good[i], &day), RESULT_OK);
		assert_int_equal(day, 18292);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(field_date(bad[i], &day), RESULT_BAD_DATE);
	assert_int_equal(day_of("1970-01-01"), 0);
	assert_int_equal(day_of("1969-12-31"), -1);
	assert_int_equal(day_of("2000-02-29"), 11016);
}

static void
test_every_day_is_printed_and_read_back(void **state)
{
	char text[11];

	(void)state;
	for (int32_t day = day_of("1900-01-01"); day <= day_of("2200-12-31"); day++) {
		day_format(day, text);
		assert_int_equal(day_of(text), day);
	}
	day_format(day_of("9999-12-31"), text);
	assert_string_equal(text, "9999-12-31");
	day_format(-719162, text);
	assert_string_equal(text, "0001-01-01");
	day_format(-719163, text);
	assert_string_equal(text, "-");
	day_format(FIELD_NO_DAY, text);
	assert_string_equal(text, "-");
	day_format(INT32_MAX, text);
	assert_string_equal(text, "-");
}

static void
test_times_of_day(void **state)
{
	static const char *const bad[] = {"", "25:10", "24:01", "9:60", "9:5", "9", "上午",
	    "9点半左右", "009:05", "9:05:00", "9.05", "-1:05", "9:05 x"};
	uint16_t minute = 0;

	(void)state;
	assert_int_equal(field_time("9:05", &minute), RESULT_OK);
	assert_int_equal(minute, 545);
	assert_int_equal(field_time("０９：０５\xE3\x80\x80", &minute), RESULT_OK);
	assert_int_equal(minute, 545);
	assert_int_equal(field_time("0:00", &minute), RESULT_OK);
	assert_int_equal(minute, 0);
	assert_int_equal(field_time("23:59", &minute), RESULT_OK);
	assert_int_equal(minute, 1439);
	assert_int_equal(field_time("24:00", &minute), RESULT_OK);
	assert_int_equal(minute, FIELD_DAY_MINUTES);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(field_time(bad[i], &minute), RESULT_BAD_TIME);
}

static void
test_codes_numbers_and_texts(void **state)
{
	struct code_list list;
	char text[16];
	uint32_t number = 0;

	(void)state;
	assert_int_equal(field_code(text, 8, " ｐ０3-a_"), RESULT_OK);
	assert_string_equal(text, "P03-A_");
	assert_int_equal(field_code(text, 8, "123456789"), RESULT_BAD_FIELD);
	assert_int_equal(field_code(text, 8, ""), RESULT_BAD_FIELD);
	assert_int_equal(field_code(text, 8, "a b"), RESULT_BAD_FIELD);
	assert_int_equal(field_code_list(&list, "P03 P07\xE3\x80\x80p1"), RESULT_OK);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.code[2], "P1");
	assert_int_equal(field_code_list(&list, "1 2 3 4 5 6 7 8"), RESULT_OK);
	assert_int_equal(field_code_list(&list, "1 2 3 4 5 6 7 8 9"), RESULT_BAD_FIELD);
	assert_int_equal(field_code_list(&list, "P1 p1"), RESULT_BAD_FIELD);
	assert_int_equal(field_number("１２", 1, 12, &number), RESULT_OK);
	assert_int_equal(number, 12);
	assert_int_equal(field_number("4294967295", 0, UINT32_MAX, &number), RESULT_OK);
	assert_int_equal(field_number("4294967296", 0, UINT32_MAX, &number), RESULT_BAD_FIELD);
	assert_int_equal(field_number("0", 1, 12, &number), RESULT_BAD_FIELD);
	assert_int_equal(field_number("-1", 0, 12, &number), RESULT_BAD_FIELD);
	assert_int_equal(field_number("", 0, 12, &number), RESULT_BAD_FIELD);
	assert_int_equal(field_text(text, 6, "１２３４５"), RESULT_OK);
	assert_string_equal(text, "12345");
	assert_int_equal(field_text(text, 5, "12345"), RESULT_BAD_FIELD);
	assert_int_equal(field_text(text, 16, "a\nb"), RESULT_BAD_FIELD);
	assert_int_equal(field_free_text(text, 16, "１\nb"), RESULT_OK);
	assert_string_equal(text, "１\nb");
	assert_int_equal(field_free_text(text, 16, "\x1B[2J"), RESULT_BAD_FIELD);
	assert_int_equal(field_free_text(text, 16, "\xC2\x9B[2J"), RESULT_BAD_FIELD);
}

static void
test_member_numbers_carry_their_check_digit(void **state)
{
	char text[9];
	unsigned valid = 0;

	(void)state;
	assert_int_equal(member_number_check_digit("7776317"), '9');
	assert_int_equal(member_number_check_digit("0155580"), '4');
	assert_true(member_number_valid("77763179"));
	assert_false(member_number_valid("77763178"));
	assert_false(member_number_valid("77736179"));
	assert_false(member_number_valid("7776317"));
	assert_false(member_number_valid("777631790"));
	assert_int_equal(field_member_number(text, "７７７６３１７９\xE3\x80\x80"), RESULT_OK);
	assert_string_equal(text, "77763179");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "123456%02u", i);
		valid += (unsigned)member_number_valid(text);
	}
	assert_int_equal(valid, 10);
}

/* ---- heads and rows ---- */

static enum result
service_head(const char *head)
{
	struct sheet *s = parse(head);
	struct service_row *rows = NULL;
	size_t n = 0;
	enum result r;

	err[0] = '\0';
	r = service_sheet_judge(s, 0, &rows, &n, err, sizeof err);
	assert_int_equal(n, 0);
	free(rows);
	sheet_free(s);
	return r;
}

static void
test_a_wrong_head_names_the_column_expected(void **state)
{
	(void)state;
	assert_int_equal(service_head(SERVICE_HEAD), RESULT_OK);
	assert_int_equal(service_head(""), RESULT_BAD_FIELD);
	assert_non_null(strstr(err, "column 1 should be \"活动名称\""));
	assert_int_equal(service_head("活动名称,服务日期,项目编码\n"), RESULT_BAD_FIELD);
	assert_non_null(strstr(err, "column 2 should be \"项目编码\", but is \"服务日期\""));
	assert_int_equal(service_head("活动名称,项目编码"), RESULT_BAD_FIELD);
	assert_non_null(strstr(err, "column 3 should be \"服务日期\""));
	assert_int_equal(
	    service_head("活动名称,项目编码,服务日期,开始时间,结束时间,地点,社区,志愿者编号,"
			 "服务对象编号,负责人,记录单位,方式,备注\n"),
	    RESULT_BAD_FIELD);
	assert_non_null(strstr(err, "13 columns"));
}

static void
test_service_rows_get_the_first_check_they_fail(void **state)
{
	static const struct {
		size_t line;
		enum result verdict;
		const char *field;
	} expected[] = {
	    {2, RESULT_OK, NULL},
	    {3, RESULT_OK, NULL},
	    {5, RESULT_OK, NULL},
	    {6, RESULT_OK, NULL},
	    {8, RESULT_OK, NULL},
	    {9, RESULT_BAD_TIME, "开始时间"},
	    {10, RESULT_BAD_DATE, "服务日期"},
	    {11, RESULT_OK, NULL},
	    {12, RESULT_OK, NULL},
	    {13, RESULT_BAD_DATE, "服务日期"},
	    {14, RESULT_BAD_TIME, "开始时间"},
	    {15, RESULT_BAD_TIME, "结束时间"},
	    {16, RESULT_BAD_TIME, "开始时间"},
	    {17, RESULT_BAD_PROVENANCE, "方式"},
	    {18, RESULT_UNKNOWN_MEMBER, "志愿者编号"},
	    {19, RESULT_UNKNOWN_MEMBER, "志愿者编号"},
	    {20, RESULT_OK, NULL},
	    {21, RESULT_BAD_FIELD, "记录单位"},
	    {22, RESULT_BAD_ROW, NULL},
	    {23, RESULT_MISSING_FIELD, "活动名称"},
	    {24, RESULT_MISSING_FIELD, "地点"},
	    {25, RESULT_MISSING_FIELD, "服务日期"},
	};
	struct sheet *s = read_file(SHEETS "services-gb18030.csv");
	struct service_row *rows = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(
	    service_sheet_judge(s, day_of("2023-06-30"), &rows, &n, err, sizeof err), RESULT_OK);
	assert_int_equal(n, sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].line, expected[i].line);
		assert_string_equal(result_name(rows[i].verdict), result_name(expected[i].verdict));
		assert_int_equal(rows[i].field == NULL, expected[i].field == NULL);
		if (rows[i].field)
			assert_string_equal(rows[i].field, expected[i].field);
	}
	assert_string_equal(rows[1].item, "401");
	assert_string_equal(rows[1].member, "01555804");
	assert_int_equal(rows[1].start_minute, 847);
	assert_int_equal(rows[1].day, 18292);
	assert_false(rows[1].measured);
	assert_true(rows[0].measured);
	assert_string_equal(rows[2].activity, "送医上门\n(备注:\"改期\",见纸质表)");
	assert_string_equal(rows[2].beneficiary, "");
	assert_string_equal(rows[3].responsible, "韩㛃𠮷");
	assert_int_equal(rows[4].end_minute, 1440);
	assert_string_equal(rows[16].item, "");
	free(rows);
	sheet_free(s);
}

static void
test_member_rows_say_what_is_wrong(void **state)
{
	static const struct {
		enum result verdict;
		const char *field;
	} expected[] = {
	    {RESULT_OK, NULL},
	    {RESULT_BAD_FIELD, "志愿者编号"},
	    {RESULT_BAD_FIELD, "类别"},
	    {RESULT_MISSING_FIELD, "姓名"},
	    {RESULT_MISSING_FIELD, "培训有效期至"},
	    {RESULT_BAD_DATE, "培训有效期至"},
	    {RESULT_BAD_FIELD, "亲属编号"},
	    {RESULT_BAD_ROW, NULL},
	    {RESULT_BAD_FIELD, "出生年份"},
	    {RESULT_BAD_DATE, "加入日期"},
	};
	struct sheet *s = parse("志愿者编号,姓名,类别,单位,社区,片区,手机,出生年份,加入日期,"
				"培训生效,培训有效期至,亲属编号\n"
				"77763179,甲,居民,,望麓社区,,,,2019-10-08,,,\n"
				"77763178,甲,居民,,望麓社区,,,,2019-10-08,,,\n"
				"77763179,甲,别的,,望麓社区,,,,2019-10-08,,,\n"
				"77763179,,别的,,望麓社区,,,,2019-10-08,,,\n"
				"77763179,甲,居民,,望麓社区,,,,2019-10-08,2020-01-01,,\n"
				"77763179,甲,居民,,望麓社区,,,,2019-10-08,2020-01-01,2019-01-01,\n"
				"77763179,甲,居民,,望麓社区,,,,2019-10-08,,,77763179\n"
				"77763179,甲,居民\n"
				"77763179,甲,居民,,望麓社区,,,99,2019-10-08,,,\n"
				"77763179,甲,居民,,望麓社区,,,,昨天,,,\n\n");
	struct member_row *rows = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(member_sheet_parse(s, &rows, &n, err, sizeof err), RESULT_OK);
	assert_int_equal(n, sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].line, i + 2);
		assert_string_equal(result_name(rows[i].verdict), result_name(expected[i].verdict));
		assert_int_equal(rows[i].field == NULL, expected[i].field == NULL);
		if (rows[i].field)
			assert_string_equal(rows[i].field, expected[i].field);
	}
	assert_int_equal(rows[0].training_from, FIELD_NO_DAY);
	assert_int_equal(rows[0].class, MEMBER_CLASS_RESIDENT);
	free(rows);
	sheet_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_line_ends_and_a_last_line_without_one),
	    cmocka_unit_test(test_quoted_fields_keep_commas_quotes_and_line_ends),
	    cmocka_unit_test(test_empty_lines_keep_their_number),
	    cmocka_unit_test(test_blanks_are_trimmed_and_the_rest_is_left_alone),
	    cmocka_unit_test(test_three_encodings_give_the_same_sheet),
	    cmocka_unit_test(test_bytes_that_are_no_text_are_refused_with_the_line),
	    cmocka_unit_test(test_limits_are_refused_with_the_line),
	    cmocka_unit_test(test_truncated_twins_keep_the_records_before_the_cut),
	    cmocka_unit_test(test_dates_in_every_spelling),
	    cmocka_unit_test(test_every_day_is_printed_and_read_back),
	    cmocka_unit_test(test_times_of_day),
	    cmocka_unit_test(test_codes_numbers_and_texts),
	    cmocka_unit_test(test_member_numbers_carry_their_check_digit),
	    cmocka_unit_test(test_a_wrong_head_names_the_column_expected),
	    cmocka_unit_test(test_service_rows_get_the_first_check_they_fail),
	    cmocka_unit_test(test_member_rows_say_what_is_wrong),
	};

	return cmocka_run_group_tests_name("sheet", tests, NULL, NULL);
}
