#include "client/sheet/member_sheet.h"

#include <string.h>

#include "client/sheet/internal.h"

static const char *const classes[] = {"居民", "高校", "低龄老人", "专职", NULL};

static const struct column columns[] = {
    {"志愿者编号", COLUMN_MEMBER, 1, COLUMN_AT(struct member_row, number)},
    {"姓名", COLUMN_FREE, 1, COLUMN_AT(struct member_row, name)},
    {"类别", COLUMN_CHOICE, 1, COLUMN_AT(struct member_row, class), .choices = classes},
    {"单位", COLUMN_FREE, 0, COLUMN_AT(struct member_row, unit)},
    {"社区", COLUMN_TEXT, 1, COLUMN_AT(struct member_row, community)},
    {"片区", COLUMN_TEXT, 0, COLUMN_AT(struct member_row, zone)},
    {"手机", COLUMN_TEXT, 0, COLUMN_AT(struct member_row, phone)},
    {"出生年份", COLUMN_NUMBER, 0, COLUMN_AT(struct member_row, birth_year), .low = 1900,
	.high = 2100},
    {"加入日期", COLUMN_DAY, 1, COLUMN_AT(struct member_row, joined)},
    {"培训生效", COLUMN_DAY, 0, COLUMN_AT(struct member_row, training_from)},
    {"培训有效期至", COLUMN_DAY, 0, COLUMN_AT(struct member_row, training_to)},
    {"亲属编号", COLUMN_MEMBER, 0, COLUMN_AT(struct member_row, kin)},
};

static const struct column_set row_columns = COLUMN_SET(struct member_row, columns);

/* What no single column can say. */
static void
check_row(struct member_row *row)
{
	const char *from = columns[9].name;
	const char *to = columns[10].name;

	if (row->verdict != RESULT_OK)
		return;
	if ((row->training_from == FIELD_NO_DAY) != (row->training_to == FIELD_NO_DAY)) {
		row->verdict = RESULT_MISSING_FIELD;
		row->field = row->training_from == FIELD_NO_DAY ? from : to;
	} else if (row->training_to < row->training_from) {
		row->verdict = RESULT_BAD_DATE;
		row->field = to;
	} else if (strcmp(row->kin, row->number) == 0) {
		row->verdict = RESULT_BAD_FIELD;
		row->field = columns[11].name;
	}
}

enum result
member_sheet_parse(
    const struct sheet *s, struct member_row **rows, size_t *n, char *err, size_t err_size)
{
	void *list = NULL;
	enum result r = columns_parse(s, &row_columns, &list, n, err, err_size);

	*rows = list;
	for (size_t i = 0; i < *n; i++)
		check_row(&(*rows)[i]);
	return r;
}
