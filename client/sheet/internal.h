/*
 * Private to client/sheet: decoding, trimming, and rows read by a table of columns.
 */
#ifndef TIMEBOX_CLIENT_SHEET_INTERNAL_H
#define TIMEBOX_CLIENT_SHEET_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/sheet.h"
#include "proto/codes.h"

/* Write the message and return r, so that a failing call is one line. */
enum result sheet_fault(char *err, size_t err_size, enum result r, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * The file's bytes as UTF-8 text without byte order mark and without NUL. RESULT_OK: *text
 * (never NULL) is the caller's, freed with free(). Else RESULT_NOT_UTF8 or RESULT_NO_MEMORY
 * with the words in err; the line named there is the file's own, counted by line feeds.
 */
enum result sheet_decode(const uint8_t *bytes, size_t size, char **text, size_t *text_size,
    char *err, size_t err_size) MUST_CHECK;

/*
 * Trim white space at both ends of valid UTF-8: returns the start inside s, *size becomes what
 * is left.
 */
const char *sheet_trim(const char *s, size_t *size);

enum column_kind {
	COLUMN_TEXT,   /* char[size], after NFKC, no control characters */
	COLUMN_FREE,   /* char[size], names and free text: as written */
	COLUMN_CODE,   /* char[size], field_code with at most `high` characters */
	COLUMN_CODES,  /* struct code_list */
	COLUMN_MEMBER, /* char[size], field_member_number */
	COLUMN_DAY,    /* int32_t, FIELD_NO_DAY when empty */
	COLUMN_NUMBER, /* uint32_t within low..high, 0 when empty */
	COLUMN_CHOICE, /* uint32_t, 1 + the index in `choices` (NULL-terminated), 0 when empty */
};

struct column {
	const char *name; /* the word in the head */
	enum column_kind kind;
	int required;
	size_t offset;
	size_t size;
	uint32_t low, high;
	const char *const *choices;
};

/* How the rows of one sheet look in memory. */
struct column_set {
	const struct column *columns;
	size_t count;
	size_t row_size;
	size_t line_at, verdict_at, field_at; /* size_t, enum result, const char * */
};

#define COLUMN_SET(type, table)                                                          \
	{                                                                                \
		.columns = (table), .count = sizeof(table) / sizeof((table)[0]),         \
		.row_size = sizeof(type), .line_at = offsetof(type, line),               \
		.verdict_at = offsetof(type, verdict), .field_at = offsetof(type, field) \
	}
#define COLUMN_AT(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/*
 * Check that the head's columns are named so, in this order, no more and no fewer.
 * RESULT_BAD_FIELD with the first difference in words. `names` has `count` words.
 */
enum result sheet_check_head(const struct sheet *s, const char *const *names, size_t count,
    char *err, size_t err_size) MUST_CHECK;

/*
 * Check the head, then read every record that is not an empty line. RESULT_OK: *rows is an
 * array of *n elements of row_size, freed with free() also when *n is 0; each has line, verdict
 * and the word of the column that failed first (NULL when none did). Verdicts: OK, BAD_ROW,
 * MISSING_FIELD, BAD_DATE, BAD_FIELD.
 */
enum result columns_parse(const struct sheet *s, const struct column_set *set, void **rows,
    size_t *n, char *err, size_t err_size) MUST_CHECK;

#endif
