#include "client/sheet/donation_sheet.h"

#include "client/sheet/internal.h"

static const char *const qualities[] = {"合格", "不合格", NULL};

static const struct column columns[] = {
    {"收据号", COLUMN_CODE, 1, COLUMN_AT(struct donation_row, receipt),
	.high = DONATION_RECEIPT_MAX},
    {"捐赠方", COLUMN_CODE, 1, COLUMN_AT(struct donation_row, donor), .high = FIELD_CODE_MAX},
    {"接收单位", COLUMN_FREE, 1, COLUMN_AT(struct donation_row, receiver)},
    {"项目", COLUMN_CODE, 1, COLUMN_AT(struct donation_row, item), .high = FIELD_CODE_MAX},
    {"数量", COLUMN_NUMBER, 1, COLUMN_AT(struct donation_row, count), .low = 1, .high = 1000000},
    {"质量", COLUMN_CHOICE, 1, COLUMN_AT(struct donation_row, quality), .choices = qualities},
    {"用途", COLUMN_TEXT, 1, COLUMN_AT(struct donation_row, purpose)},
    {"有效期", COLUMN_DAY, 0, COLUMN_AT(struct donation_row, best_before)},
    {"存放兑换点", COLUMN_CODE, 1, COLUMN_AT(struct donation_row, outlet), .high = FIELD_CODE_MAX},
    {"经手人", COLUMN_MEMBER, 1, COLUMN_AT(struct donation_row, handler)},
    {"日期", COLUMN_DAY, 1, COLUMN_AT(struct donation_row, day)},
};

static const struct column_set row_columns = COLUMN_SET(struct donation_row, columns);

enum result
donation_sheet_parse(
    const struct sheet *s, struct donation_row **rows, size_t *n, char *err, size_t err_size)
{
	void *list = NULL;
	enum result r = columns_parse(s, &row_columns, &list, n, err, err_size);

	*rows = list;
	return r;
}
