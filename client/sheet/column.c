#include "client/sheet/internal.h"

#include <libintl.h>
#include <stdlib.h>
#include <string.h>

#include "client/sheet/field.h"

#define HEAD_WORD_BYTES 64u

enum result
sheet_check_head(
    const struct sheet *s, const char *const *names, size_t count, char *err, size_t err_size)
{
	size_t columns = sheet_columns(s, 0);

	for (size_t i = 0; i < count; i++) {
		const char *found = sheet_field(s, 0, i);
		char word[HEAD_WORD_BYTES];

		if (i >= columns)
			return sheet_fault(err, err_size, RESULT_BAD_FIELD,
			    gettext(
				"line 1: column %zu should be \"%s\", but the head ends before"),
			    i + 1, names[i]);
		if (field_text(word, sizeof word, found) != RESULT_OK ||
		    strcmp(word, names[i]) != 0)
			return sheet_fault(err, err_size, RESULT_BAD_FIELD,
			    gettext("line 1: column %zu should be \"%s\", but is \"%.60s\""), i + 1,
			    names[i], found);
	}
	if (columns > count)
		return sheet_fault(err, err_size, RESULT_BAD_FIELD,
		    gettext("line 1: the head has %zu columns, this sheet has %zu"), columns,
		    count);
	return RESULT_OK;
}

static enum result
read_choice(const struct column *column, const char *text, uint32_t *choice)
{
	char word[HEAD_WORD_BYTES];
	enum result r = field_text(word, sizeof word, text);

	if (r != RESULT_OK)
		return r;
	for (uint32_t i = 0; column->choices[i]; i++) {
		if (strcmp(column->choices[i], word) == 0) {
			*choice = i + 1;
			return RESULT_OK;
		}
	}
	return RESULT_BAD_FIELD;
}

/* What an empty field that may be empty means; the row is zero already. */
static enum result
read_empty(const struct column *column, char *at)
{
	int32_t none = FIELD_NO_DAY;

	if (column->required)
		return RESULT_MISSING_FIELD;
	if (column->kind == COLUMN_DAY)
		memcpy(at, &none, sizeof none);
	return RESULT_OK;
}

static enum result
read_column(const struct column *column, const char *text, char *at)
{
	struct code_list codes;
	uint32_t number = 0;
	int32_t day = 0;
	enum result r = RESULT_INTERNAL;

	switch (column->kind) {
	case COLUMN_TEXT:
		return field_text(at, column->size, text);
	case COLUMN_FREE:
		return field_free_text(at, column->size, text);
	case COLUMN_CODE:
		return field_code(at, column->high, text);
	case COLUMN_MEMBER:
		return field_member_number(at, text);
	case COLUMN_CODES:
		r = field_code_list(&codes, text);
		if (r == RESULT_OK)
			memcpy(at, &codes, sizeof codes);
		return r;
	case COLUMN_DAY:
		r = field_date(text, &day);
		memcpy(at, &day, sizeof day);
		return r;
	case COLUMN_NUMBER:
		r = field_number(text, column->low, column->high, &number);
		memcpy(at, &number, sizeof number);
		return r;
	case COLUMN_CHOICE:
		r = read_choice(column, text, &number);
		memcpy(at, &number, sizeof number);
		return r;
	}
	return r;
}

/* The missing fields first, then the values, each from left to right. */
static enum result
read_row(
    const struct sheet *s, size_t row, const struct column_set *set, char *out, const char **field)
{
	*field = NULL;
	if (sheet_columns(s, row) != set->count)
		return RESULT_BAD_ROW;
	for (size_t i = 0; i < set->count; i++) {
		const struct column *column = &set->columns[i];

		if (*sheet_field(s, row, i) == '\0' &&
		    read_empty(column, out + column->offset) != RESULT_OK) {
			*field = column->name;
			return RESULT_MISSING_FIELD;
		}
	}
	for (size_t i = 0; i < set->count; i++) {
		const struct column *column = &set->columns[i];
		const char *text = sheet_field(s, row, i);
		enum result r = *text ? read_column(column, text, out + column->offset) : RESULT_OK;

		if (r != RESULT_OK) {
			*field = column->name;
			return r;
		}
	}
	return RESULT_OK;
}

static enum result
check_head(const struct sheet *s, const struct column_set *set, char *err, size_t err_size)
{
	const char *names[SHEET_COLUMNS_MAX];

	for (size_t i = 0; i < set->count; i++)
		names[i] = set->columns[i].name;
	return sheet_check_head(s, names, set->count, err, err_size);
}

enum result
columns_parse(const struct sheet *s, const struct column_set *set, void **rows, size_t *n,
    char *err, size_t err_size)
{
	size_t most = sheet_rows(s);
	size_t count = 0;
	char *list = NULL;
	enum result r = check_head(s, set, err, err_size);

	*rows = NULL;
	*n = 0;
	if (r != RESULT_OK)
		return r;
	list = calloc(most, set->row_size);
	if (!list)
		return sheet_fault(
		    err, err_size, RESULT_NO_MEMORY, gettext("not enough memory for this file"));
	for (size_t row = 1; row < most; row++) {
		char *out = list + count * set->row_size;
		size_t line = row + 1;
		const char *field;

		if (sheet_columns(s, row) == 0)
			continue;
		r = read_row(s, row, set, out, &field);
		if (r == RESULT_NO_MEMORY) {
			free(list);
			return sheet_fault(
			    err, err_size, r, gettext("not enough memory for this file"));
		}
		memcpy(out + set->line_at, &line, sizeof line);
		memcpy(out + set->verdict_at, &r, sizeof r);
		memcpy(out + set->field_at, &field, sizeof field);
		count++;
	}
	*rows = list;
	*n = count;
	return RESULT_OK;
}
