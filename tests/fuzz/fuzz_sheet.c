/*
 * Any bytes as any of the station's sheets. What must hold for whatever can be parsed: the records
 * as they stood in the file, put together again, are a file with the same fields; fields are
 * trimmed valid UTF-8 within the limits; every row that is not an empty line gets one verdict, in
 * file order.
 */
#include <stdlib.h>
#include <string.h>

#include <unistr.h>

#include "client/sheet/catalogue_sheet.h"
#include "client/sheet/donation_sheet.h"
#include "client/sheet/item_sheet.h"
#include "client/sheet/member_sheet.h"
#include "client/sheet/pair_sheet.h"
#include "client/sheet/partner_sheet.h"
#include "client/sheet/service_sheet.h"
#include "client/sheet/sheet.h"

#define TODAY 19538 /* 2023-06-30 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
check_same(const struct sheet *a, const struct sheet *b)
{
	must(sheet_rows(a) == sheet_rows(b));
	for (size_t row = 0; row < sheet_rows(a); row++) {
		must(sheet_columns(a, row) == sheet_columns(b, row));
		for (size_t i = 0; i < sheet_columns(a, row); i++)
			must(strcmp(sheet_field(a, row, i), sheet_field(b, row, i)) == 0);
	}
}

/* The raw records behind a byte order mark, so that it stays UTF-8 whatever they hold. */
static void
check_round_trip(const struct sheet *s)
{
	size_t room = 3, at = 3, size;
	struct sheet *again = NULL;
	uint8_t *file;
	char err[256];

	for (size_t row = 0; row < sheet_rows(s); row++) {
		must(sheet_raw(s, row, &size) != NULL);
		room += size + 1;
	}
	file = malloc(room);
	must(file != NULL);
	memcpy(file, "\xEF\xBB\xBF", 3);
	for (size_t row = 0; row < sheet_rows(s); row++) {
		const char *raw = sheet_raw(s, row, &size);

		memcpy(file + at, raw, size);
		at += size;
		file[at++] = '\n';
	}
	must(sheet_parse(file, at, &again, err, sizeof err) == RESULT_OK);
	check_same(s, again);
	sheet_free(again);
	free(file);
}

static void
check_fields(const struct sheet *s)
{
	for (size_t row = 0; row < sheet_rows(s); row++) {
		must(sheet_columns(s, row) <= SHEET_COLUMNS_MAX);
		for (size_t i = 0; i < sheet_columns(s, row); i++) {
			const char *field = sheet_field(s, row, i);
			size_t size = strlen(field);

			must(size <= SHEET_FIELD_MAX);
			must(u8_check((const uint8_t *)field, size) == NULL);
			must(size == 0 || (field[0] != ' ' && field[size - 1] != ' '));
		}
	}
}

static size_t
judged_rows(const struct sheet *s)
{
	size_t n = 0;

	for (size_t row = 1; row < sheet_rows(s); row++)
		n += sheet_columns(s, row) > 0;
	return n;
}

#define CHECK_ROWS(type, call)                                                       \
	do {                                                                         \
		struct type *rows = NULL;                                            \
		size_t n = 0;                                                        \
		char err[256];                                                       \
		if ((call) == RESULT_OK) {                                           \
			must(n == judged_rows(s));                                   \
			for (size_t i = 0; i < n; i++) {                             \
				must(result_known(rows[i].verdict));                 \
				must(rows[i].line > (i > 0 ? rows[i - 1].line : 1)); \
			}                                                            \
		}                                                                    \
		free(rows);                                                          \
	} while (0)

static void
check_sheet(unsigned kind, const struct sheet *s)
{
	switch (kind % 7) {
	case 0:
		CHECK_ROWS(service_row, service_sheet_judge(s, TODAY, &rows, &n, err, sizeof err));
		break;
	case 1:
		CHECK_ROWS(member_row, member_sheet_parse(s, &rows, &n, err, sizeof err));
		break;
	case 2:
		CHECK_ROWS(catalogue_row, catalogue_sheet_parse(s, &rows, &n, err, sizeof err));
		break;
	case 3:
		CHECK_ROWS(partner_row, partner_sheet_parse(s, &rows, &n, err, sizeof err));
		break;
	case 4:
		CHECK_ROWS(item_row, item_sheet_parse(s, &rows, &n, err, sizeof err));
		break;
	case 5:
		CHECK_ROWS(donation_row, donation_sheet_parse(s, &rows, &n, err, sizeof err));
		break;
	default:
		CHECK_ROWS(pair_row, pair_sheet_parse(s, &rows, &n, err, sizeof err));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sheet *s = NULL;
	char err[256];

	if (size < 1)
		return 0;
	if (sheet_parse(data + 1, size - 1, &s, err, sizeof err) != RESULT_OK) {
		must(s == NULL && err[0] != '\0');
		return 0;
	}
	check_fields(s);
	check_round_trip(s);
	check_sheet(data[0], s);
	sheet_free(s);
	return 0;
}
