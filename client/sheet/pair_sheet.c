#include "client/sheet/pair_sheet.h"

#include "client/sheet/internal.h"

static const struct column columns[] = {
    {"志愿者编号", COLUMN_MEMBER, 1, COLUMN_AT(struct pair_row, member)},
    {"服务对象编号", COLUMN_TEXT, 1, COLUMN_AT(struct pair_row, beneficiary)},
    {"开始", COLUMN_DAY, 1, COLUMN_AT(struct pair_row, from)},
    {"结束", COLUMN_DAY, 0, COLUMN_AT(struct pair_row, to)},
};

static const struct column_set row_columns = COLUMN_SET(struct pair_row, columns);

/* What no single column can say. */
static void
check_row(struct pair_row *row)
{
	if (row->verdict == RESULT_OK && row->to != FIELD_NO_DAY && row->to < row->from) {
		row->verdict = RESULT_BAD_DATE;
		row->field = columns[3].name;
	}
}

enum result
pair_sheet_parse(
    const struct sheet *s, struct pair_row **rows, size_t *n, char *err, size_t err_size)
{
	void *list = NULL;
	enum result r = columns_parse(s, &row_columns, &list, n, err, err_size);

	*rows = list;
	for (size_t i = 0; i < *n; i++)
		check_row(&(*rows)[i]);
	return r;
}
