/*
 * pairs.csv: who visits whom.
 *
 * Columns: 志愿者编号 服务对象编号 开始 结束; a pairing without an end goes on.
 */
#ifndef TIMEBOX_CLIENT_SHEET_PAIR_SHEET_H
#define TIMEBOX_CLIENT_SHEET_PAIR_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/field.h"
#include "client/sheet/sheet.h"
#include "proto/codes.h"

struct pair_row {
	size_t line;
	enum result verdict; /* OK, BAD_ROW, MISSING_FIELD, BAD_DATE or BAD_FIELD */
	const char *field;   /* the failed column's word in the head; NULL: none, or the row */
	char member[16];
	char beneficiary[32]; /* an opaque reference */
	int32_t from;
	int32_t to; /* FIELD_NO_DAY: none */
};

/*
 * Check the head and read every row that is not an empty line, in file order. RESULT_OK: *rows
 * has *n elements and is the caller's, freed with free(). RESULT_BAD_FIELD: the head is wrong,
 * and err (err_size > 0) says which column was expected where. RESULT_NO_MEMORY. What a failed
 * row holds beyond line, verdict and field is not to be used.
 */
enum result pair_sheet_parse(const struct sheet *s, struct pair_row **rows, size_t *n, char *err,
    size_t err_size) MUST_CHECK;

#endif
