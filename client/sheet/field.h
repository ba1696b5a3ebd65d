/*
 * Single fields of a sheet, from text to values.
 *
 * Every value but a name or free text is taken after NFKC and trimming, so full-width digits,
 * colons and stops are the same as plain ones. `in` is valid UTF-8, as sheet_field gives it.
 * Nothing is written to an output unless RESULT_OK is returned; RESULT_NO_MEMORY is possible in
 * all.
 */
#ifndef TIMEBOX_CLIENT_SHEET_FIELD_H
#define TIMEBOX_CLIENT_SHEET_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

#define FIELD_NO_DAY	     INT32_MIN /* no such date: open end, or none given */
#define FIELD_DAY_MINUTES    1440u     /* 24:00, the end of the day */
#define FIELD_CODE_MAX	     8u	       /* characters of an item's, partner's or outlet's code */
#define FIELD_CODES_MAX	     8u	       /* codes in one list */
#define MEMBER_NUMBER_DIGITS 8u

struct code_list {
	uint32_t count;
	char code[FIELD_CODES_MAX][16];
};

/*
 * Text after NFKC. RESULT_BAD_FIELD when it needs more than `size` bytes with its NUL or holds
 * a control character. An empty text is one.
 */
enum result field_text(char *out, size_t size, const char *in) MUST_CHECK;
/* A name or free text: only trimmed. May hold line ends and tabs, no other control character. */
enum result field_free_text(char *out, size_t size, const char *in) MUST_CHECK;
/*
 * 2020-01-31, 2020/1/31, 2020.01.31, 2020年1月31日, of the years 1900 to 9999 and real in the
 * calendar → days since 1970-01-01. Else RESULT_BAD_DATE.
 */
enum result field_date(const char *in, int32_t *day) MUST_CHECK;
/*
 * 9:05 or 09:05 → minutes since midnight, 0 to 1439. 24:00 is FIELD_DAY_MINUTES: service over
 * midnight comes as two rows, and the first can only end there. Whether that is allowed (as an
 * end, never as a start) is for the caller. Else RESULT_BAD_TIME.
 */
enum result field_time(const char *in, uint16_t *minute) MUST_CHECK;
/* 1 to max characters of [A-Za-z0-9_-] → upper case in out[max + 1]. Else RESULT_BAD_FIELD. */
enum result field_code(char *out, size_t max, const char *in) MUST_CHECK;
/*
 * Codes separated by blanks, at most FIELD_CODES_MAX, each once; none is a list too. Else
 * RESULT_BAD_FIELD.
 */
enum result field_code_list(struct code_list *out, const char *in) MUST_CHECK;
/* Decimal digits alone, low ≤ value ≤ high. Else RESULT_BAD_FIELD. */
enum result field_number(const char *in, uint32_t low, uint32_t high, uint32_t *out) MUST_CHECK;
/* A valid member number → out[9]. Else RESULT_BAD_FIELD. */
enum result field_member_number(char out[MEMBER_NUMBER_DIGITS + 1], const char *in) MUST_CHECK;

/*
 * The ISO 7064 MOD 11,10 check digit ('0' to '9') of 7 digits; they need no NUL and must be
 * digits.
 */
char member_number_check_digit(const char first[MEMBER_NUMBER_DIGITS - 1]);
/* 1 for exactly 8 ASCII digits of which the last is the check digit. */
int member_number_valid(const char *number);

/* "2020-01-31" for a day of the years 1 to 9999, "-" for any other (FIELD_NO_DAY). */
void day_format(int32_t day, char out[11]);

#endif
