#include "client/sheet/item_sheet.h"

#include "client/sheet/internal.h"

static const char *const kinds[] = {"物资", "公共服务·凭码", "公共服务·预约", NULL};

static const struct column columns[] = {
    {"编号", COLUMN_CODE, 1, COLUMN_AT(struct item_row, code), .high = FIELD_CODE_MAX},
    {"名称", COLUMN_FREE, 1, COLUMN_AT(struct item_row, name)},
    {"类型", COLUMN_CHOICE, 1, COLUMN_AT(struct item_row, kind), .choices = kinds},
    {"积分", COLUMN_NUMBER, 1, COLUMN_AT(struct item_row, points), .low = 1, .high = 1000000},
    {"兑换点", COLUMN_CODES, 1, COLUMN_AT(struct item_row, outlets)},
    {"每人每月限额", COLUMN_NUMBER, 0, COLUMN_AT(struct item_row, monthly_quota), .low = 1,
	.high = 1000000},
};

static const struct column_set row_columns = COLUMN_SET(struct item_row, columns);

enum result
item_sheet_parse(
    const struct sheet *s, struct item_row **rows, size_t *n, char *err, size_t err_size)
{
	void *list = NULL;
	enum result r = columns_parse(s, &row_columns, &list, n, err, err_size);

	*rows = list;
	return r;
}
