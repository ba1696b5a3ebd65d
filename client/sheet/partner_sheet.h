/*
 * partners.csv: partners and their agreements.
 *
 * Columns: 编号 类型 名称 协议生效 协议到期; an agreement without an end is open.
 */
#ifndef TIMEBOX_CLIENT_SHEET_PARTNER_SHEET_H
#define TIMEBOX_CLIENT_SHEET_PARTNER_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/field.h"
#include "client/sheet/sheet.h"
#include "proto/codes.h"

enum partner_type {
	PARTNER_TYPE_CHARITY = 1, /* 慈善组织 */
	PARTNER_TYPE_FOUNDATION,  /* 公益基金会 */
	PARTNER_TYPE_MERCHANT,	  /* 爱心商企 */
	PARTNER_TYPE_SOCIAL,	  /* 社会组织 */
	PARTNER_TYPE_UNIVERSITY,  /* 高校社团 */
};

struct partner_row {
	size_t line;
	enum result verdict; /* OK, BAD_ROW, MISSING_FIELD, BAD_DATE or BAD_FIELD */
	const char *field;   /* the failed column's word in the head; NULL: none, or the row */
	char code[16];
	uint32_t type; /* enum partner_type */
	char name[128];
	int32_t agreement_from;
	int32_t agreement_to; /* the last day in force; FIELD_NO_DAY: open */
};

/*
 * Check the head and read every row that is not an empty line, in file order. RESULT_OK: *rows
 * has *n elements and is the caller's, freed with free(). RESULT_BAD_FIELD: the head is wrong,
 * and err (err_size > 0) says which column was expected where. RESULT_NO_MEMORY. What a failed
 * row holds beyond line, verdict and field is not to be used.
 */
enum result partner_sheet_parse(const struct sheet *s, struct partner_row **rows, size_t *n,
    char *err, size_t err_size) MUST_CHECK;

#endif
