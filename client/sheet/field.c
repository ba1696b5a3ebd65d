#include "client/sheet/field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uninorm.h>
#include <unistr.h>

#include "client/sheet/internal.h"

#define SHORT_BYTES 64u /* room for any date, time, number or code that is one */

static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/*
 * 1 if a control character (C0, DEL, C1) is in the text; line ends and tabs only count when
 * `strict`.
 */
static int
has_control(const char *s, size_t size, int strict)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t c = (uint8_t)s[i];
		int layout = c == '\n' || c == '\r' || c == '\t';

		if ((c < 0x20 && (strict || !layout)) || c == 0x7F)
			return 1;
		if (c == 0xC2 && i + 1 < size && (uint8_t)s[i + 1] < 0xA0)
			return 1;
	}
	return 0;
}

static enum result
put_text(char *out, size_t size, const char *text, size_t length, int strict)
{
	const char *trimmed = sheet_trim(text, &length);

	if (length >= size || has_control(trimmed, length, strict))
		return RESULT_BAD_FIELD;
	memcpy(out, trimmed, length);
	out[length] = '\0';
	return RESULT_OK;
}

enum result
field_text(char *out, size_t size, const char *in)
{
	uint8_t buffer[256];
	size_t length = sizeof buffer;
	uint8_t *plain =
	    u8_normalize(UNINORM_NFKC, (const uint8_t *)in, strlen(in), buffer, &length);
	enum result r;

	if (!plain)
		return errno == ENOMEM ? RESULT_NO_MEMORY : RESULT_BAD_FIELD;
	r = put_text(out, size, (const char *)plain, length, 1);
	if (plain != buffer)
		free(plain);
	return r;
}

enum result
field_free_text(char *out, size_t size, const char *in)
{
	return put_text(out, size, in, strlen(in), 0);
}

/* Take 1 to `most` digits, at least `least`; NULL when there are none such. */
static const char *
take_digits(const char *s, unsigned least, unsigned most, unsigned *value)
{
	unsigned count = 0;

	*value = 0;
	while (count < most && s[count] >= '0' && s[count] <= '9')
		*value = *value * 10 + (unsigned)(s[count++] - '0');
	return count >= least ? s + count : NULL;
}

static const char *
take_word(const char *s, const char *word)
{
	size_t size = strlen(word);

	return s && strncmp(s, word, size) == 0 ? s + size : NULL;
}

static int
is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned
days_in_month(unsigned year, unsigned month)
{
	return month_days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* Days before 1 January of the year, counted from 1 January of year 1. */
static int32_t
days_before_year(unsigned year)
{
	unsigned past = year - 1;

	return (int32_t)(past * 365 + past / 4 - past / 100 + past / 400);
}

/* Year, month and day with the marks that stand after each; 1 if the whole text is that. */
static int
match_date(const char *s, const char *after_year, const char *after_month, const char *after_day,
    unsigned date[3])
{
	s = take_word(take_digits(s, 4, 4, &date[0]), after_year);
	s = s ? take_word(take_digits(s, 1, 2, &date[1]), after_month) : NULL;
	s = s ? take_word(take_digits(s, 1, 2, &date[2]), after_day) : NULL;
	return s && *s == '\0';
}

enum result
field_date(const char *in, int32_t *day)
{
	char text[SHORT_BYTES];
	unsigned date[3];
	int32_t days;
	enum result r = field_text(text, sizeof text, in);

	if (r != RESULT_OK)
		return r == RESULT_BAD_FIELD ? RESULT_BAD_DATE : r;
	if (!match_date(text, "-", "-", "", date) && !match_date(text, "/", "/", "", date) &&
	    !match_date(text, ".", ".", "", date) && !match_date(text, "年", "月", "日", date))
		return RESULT_BAD_DATE;
	if (date[0] < 1900 || date[1] < 1 || date[1] > 12 || date[2] < 1 ||
	    date[2] > days_in_month(date[0], date[1]))
		return RESULT_BAD_DATE;
	days = days_before_year(date[0]) - days_before_year(1970) + (int32_t)date[2] - 1;
	for (unsigned month = 1; month < date[1]; month++)
		days += (int32_t)days_in_month(date[0], month);
	*day = days;
	return RESULT_OK;
}

enum result
field_time(const char *in, uint16_t *minute)
{
	char text[SHORT_BYTES];
	unsigned hours, minutes;
	const char *s;
	enum result r = field_text(text, sizeof text, in);

	if (r != RESULT_OK)
		return r == RESULT_BAD_FIELD ? RESULT_BAD_TIME : r;
	s = take_word(take_digits(text, 1, 2, &hours), ":");
	s = s ? take_digits(s, 2, 2, &minutes) : NULL;
	if (!s || *s != '\0' || minutes > 59 || hours * 60 + minutes > FIELD_DAY_MINUTES)
		return RESULT_BAD_TIME;
	*minute = (uint16_t)(hours * 60 + minutes);
	return RESULT_OK;
}

/* One code of `size` bytes; 0 or -1. Letters become upper case without regard to the locale. */
static int
put_code(char *out, size_t max, const char *s, size_t size)
{
	char code[SHORT_BYTES];

	if (size < 1 || size > max || size >= sizeof code)
		return -1;
	for (size_t i = 0; i < size; i++) {
		char c = s[i];
		int lower = c >= 'a' && c <= 'z';

		if (!lower && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' &&
		    c != '-')
			return -1;
		code[i] = lower ? (char)(c - 'a' + 'A') : c;
	}
	memcpy(out, code, size);
	out[size] = '\0';
	return 0;
}

enum result
field_code(char *out, size_t max, const char *in)
{
	char text[SHORT_BYTES];
	enum result r = field_text(text, sizeof text, in);

	if (r != RESULT_OK)
		return r;
	return put_code(out, max, text, strlen(text)) == 0 ? RESULT_OK : RESULT_BAD_FIELD;
}

static int
has_code(const struct code_list *list, const char *code)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (strcmp(list->code[i], code) == 0)
			return 1;
	}
	return 0;
}

enum result
field_code_list(struct code_list *out, const char *in)
{
	struct code_list list = {.count = 0};
	char text[256];
	enum result r = field_text(text, sizeof text, in);
	const char *s = text;

	if (r != RESULT_OK)
		return r;
	while (*s != '\0') {
		size_t size = strcspn(s, " ");
		char code[sizeof list.code[0]];

		if (list.count == FIELD_CODES_MAX || put_code(code, FIELD_CODE_MAX, s, size) != 0 ||
		    has_code(&list, code))
			return RESULT_BAD_FIELD;
		memcpy(list.code[list.count++], code, strlen(code) + 1);
		s += size;
		s += strspn(s, " ");
	}
	*out = list;
	return RESULT_OK;
}

enum result
field_number(const char *in, uint32_t low, uint32_t high, uint32_t *out)
{
	char text[SHORT_BYTES];
	uint64_t value = 0;
	enum result r = field_text(text, sizeof text, in);

	if (r != RESULT_OK)
		return r;
	if (text[0] == '\0')
		return RESULT_BAD_FIELD;
	for (const char *s = text; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return RESULT_BAD_FIELD;
		value = value * 10 + (uint64_t)(*s - '0');
		if (value > high)
			return RESULT_BAD_FIELD;
	}
	if (value < low)
		return RESULT_BAD_FIELD;
	*out = (uint32_t)value;
	return RESULT_OK;
}

enum result
field_member_number(char out[MEMBER_NUMBER_DIGITS + 1], const char *in)
{
	char text[SHORT_BYTES];
	enum result r = field_text(text, sizeof text, in);

	if (r != RESULT_OK)
		return r;
	if (!member_number_valid(text))
		return RESULT_BAD_FIELD;
	memcpy(out, text, MEMBER_NUMBER_DIGITS + 1);
	return RESULT_OK;
}

char
member_number_check_digit(const char first[MEMBER_NUMBER_DIGITS - 1])
{
	unsigned product = 10;

	for (unsigned i = 0; i < MEMBER_NUMBER_DIGITS - 1; i++) {
		unsigned sum = (product + (unsigned)(first[i] - '0')) % 10;

		product = (sum == 0 ? 10 : sum) * 2 % 11;
	}
	return (char)('0' + (11 - product) % 10);
}

int
member_number_valid(const char *number)
{
	if (strlen(number) != MEMBER_NUMBER_DIGITS ||
	    strspn(number, "0123456789") != MEMBER_NUMBER_DIGITS)
		return 0;
	return number[MEMBER_NUMBER_DIGITS - 1] == member_number_check_digit(number);
}

static void
put_digits(char *out, unsigned count, unsigned value)
{
	while (count > 0) {
		out[--count] = (char)('0' + value % 10);
		value /= 10;
	}
}

void
day_format(int32_t day, char out[11])
{
	int64_t since_year_1 = (int64_t)day + days_before_year(1970);
	unsigned year, month = 1, left;

	if (since_year_1 < 0 || since_year_1 >= days_before_year(10000)) {
		memcpy(out, "-", 2);
		return;
	}
	year = (unsigned)(since_year_1 / 366) + 1;
	while (days_before_year(year + 1) <= since_year_1)
		year++;
	left = (unsigned)(since_year_1 - days_before_year(year));
	while (left >= days_in_month(year, month))
		left -= days_in_month(year, month++);
	memcpy(out, "0000-00-00", 11);
	put_digits(out, 4, year);
	put_digits(out + 5, 2, month);
	put_digits(out + 8, 2, left + 1);
}
