#include "client/sheet/catalogue_sheet.h"

#include "client/sheet/internal.h"

static const char *const answers[] = {"是", "否", NULL};

static const struct column columns[] = {
    {"类别", COLUMN_TEXT, 1, COLUMN_AT(struct catalogue_row, class_name)},
    {"编码", COLUMN_CODE, 1, COLUMN_AT(struct catalogue_row, code), .high = FIELD_CODE_MAX},
    {"服务项目", COLUMN_FREE, 1, COLUMN_AT(struct catalogue_row, name)},
    {"每积分分钟", COLUMN_NUMBER, 1, COLUMN_AT(struct catalogue_row, minutes_per_point), .low = 1,
	.high = 10000},
    {"需要培训", COLUMN_CHOICE, 0, COLUMN_AT(struct catalogue_row, training), .choices = answers},
};

static const struct column_set row_columns = COLUMN_SET(struct catalogue_row, columns);

enum result
catalogue_sheet_parse(
    const struct sheet *s, struct catalogue_row **rows, size_t *n, char *err, size_t err_size)
{
	void *list = NULL;
	enum result r = columns_parse(s, &row_columns, &list, n, err, err_size);

	*rows = list;
	return r;
}
