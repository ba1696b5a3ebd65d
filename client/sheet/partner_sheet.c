#include "client/sheet/partner_sheet.h"

#include "client/sheet/internal.h"

static const char *const types[] = {
    "慈善组织", "公益基金会", "爱心商企", "社会组织", "高校社团", NULL};

static const struct column columns[] = {
    {"编号", COLUMN_CODE, 1, COLUMN_AT(struct partner_row, code), .high = FIELD_CODE_MAX},
    {"类型", COLUMN_CHOICE, 1, COLUMN_AT(struct partner_row, type), .choices = types},
    {"名称", COLUMN_FREE, 1, COLUMN_AT(struct partner_row, name)},
    {"协议生效", COLUMN_DAY, 1, COLUMN_AT(struct partner_row, agreement_from)},
    {"协议到期", COLUMN_DAY, 0, COLUMN_AT(struct partner_row, agreement_to)},
};

static const struct column_set row_columns = COLUMN_SET(struct partner_row, columns);

/* What no single column can say. */
static void
check_row(struct partner_row *row)
{
	int open = row->agreement_to == FIELD_NO_DAY;

	if (row->verdict == RESULT_OK && !open && row->agreement_to < row->agreement_from) {
		row->verdict = RESULT_BAD_DATE;
		row->field = columns[4].name;
	}
}

enum result
partner_sheet_parse(
    const struct sheet *s, struct partner_row **rows, size_t *n, char *err, size_t err_size)
{
	void *list = NULL;
	enum result r = columns_parse(s, &row_columns, &list, n, err, err_size);

	*rows = list;
	for (size_t i = 0; i < *n; i++)
		check_row(&(*rows)[i]);
	return r;
}
