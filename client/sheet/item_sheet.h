/*
 * items.csv: what points are redeemed for.
 *
 * Columns: 编号 名称 类型 积分 兑换点 每人每月限额. At least one outlet; no quota given means
 * none.
 */
#ifndef TIMEBOX_CLIENT_SHEET_ITEM_SHEET_H
#define TIMEBOX_CLIENT_SHEET_ITEM_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/field.h"
#include "client/sheet/sheet.h"
#include "proto/codes.h"

enum item_kind {
	ITEM_KIND_GOODS = 1,   /* 物资 */
	ITEM_KIND_WALK_IN,     /* 公共服务·凭码 */
	ITEM_KIND_APPOINTMENT, /* 公共服务·预约 */
};

struct item_row {
	size_t line;
	enum result verdict; /* OK, BAD_ROW, MISSING_FIELD or BAD_FIELD */
	const char *field;   /* the failed column's word in the head; NULL: none, or the row */
	char code[16];
	char name[128];
	uint32_t kind;		  /* enum item_kind */
	uint32_t points;	  /* 1 to 1,000,000 */
	struct code_list outlets; /* 1 to 8, in the order of the file */
	uint32_t monthly_quota;	  /* per member and month; 0: no quota */
};

/*
 * Check the head and read every row that is not an empty line, in file order. RESULT_OK: *rows
 * has *n elements and is the caller's, freed with free(). RESULT_BAD_FIELD: the head is wrong,
 * and err (err_size > 0) says which column was expected where. RESULT_NO_MEMORY. What a failed
 * row holds beyond line, verdict and field is not to be used.
 */
enum result item_sheet_parse(const struct sheet *s, struct item_row **rows, size_t *n, char *err,
    size_t err_size) MUST_CHECK;

#endif
