/*
 * donations.csv: donated lots.
 *
 * Columns: 收据号 捐赠方 接收单位 项目 数量 质量 用途 有效期 存放兑换点 经手人 日期; all but
 * 有效期 are required.
 */
#ifndef TIMEBOX_CLIENT_SHEET_DONATION_SHEET_H
#define TIMEBOX_CLIENT_SHEET_DONATION_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/field.h"
#include "client/sheet/sheet.h"
#include "proto/codes.h"

#define DONATION_RECEIPT_MAX 16u /* characters of [A-Za-z0-9_-] */

enum donation_quality {
	DONATION_QUALITY_PASSED = 1, /* 合格 */
	DONATION_QUALITY_FAILED,     /* 不合格 */
};

struct donation_row {
	size_t line;
	enum result verdict; /* OK, BAD_ROW, MISSING_FIELD, BAD_DATE or BAD_FIELD */
	const char *field;   /* the failed column's word in the head; NULL: none, or the row */
	char receipt[24];
	char donor[16];	    /* a partner's code */
	char receiver[128]; /* the receiving organisation */
	char item[16];
	uint32_t count;	  /* 1 to 1,000,000 */
	uint32_t quality; /* enum donation_quality */
	char purpose[128];
	int32_t best_before; /* FIELD_NO_DAY: none */
	char outlet[16];
	char handler[16]; /* a member number */
	int32_t day;
};

/*
 * Check the head and read every row that is not an empty line, in file order. RESULT_OK: *rows
 * has *n elements and is the caller's, freed with free(). RESULT_BAD_FIELD: the head is wrong,
 * and err (err_size > 0) says which column was expected where. RESULT_NO_MEMORY. What a failed
 * row holds beyond line, verdict and field is not to be used.
 */
enum result donation_sheet_parse(const struct sheet *s, struct donation_row **rows, size_t *n,
    char *err, size_t err_size) MUST_CHECK;

#endif
