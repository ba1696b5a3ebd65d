/*
 * members.csv: the station's people.
 *
 * Columns: 志愿者编号 姓名 类别 单位 社区 片区 手机 出生年份 加入日期 培训生效 培训有效期至
 * 亲属编号. Required are number, name, class, community and joining day; training is both days
 * or neither. The kin may come later in the file.
 */
#ifndef TIMEBOX_CLIENT_SHEET_MEMBER_SHEET_H
#define TIMEBOX_CLIENT_SHEET_MEMBER_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/field.h"
#include "client/sheet/sheet.h"
#include "proto/codes.h"

enum member_class {
	MEMBER_CLASS_RESIDENT = 1, /* 居民 */
	MEMBER_CLASS_UNIVERSITY,   /* 高校 */
	MEMBER_CLASS_YOUNG_OLD,	   /* 低龄老人 */
	MEMBER_CLASS_PAID,	   /* 专职: on duty, not a volunteer */
};

struct member_row {
	size_t line;
	enum result verdict; /* OK, BAD_ROW, MISSING_FIELD, BAD_DATE or BAD_FIELD */
	const char *field;   /* the failed column's word in the head; NULL: none, or the row */
	char number[16];
	char name[64];
	uint32_t class; /* enum member_class */
	char unit[128];
	char community[128];
	char zone[64];
	char phone[32];
	uint32_t birth_year; /* 0: not given */
	int32_t joined;
	int32_t training_from; /* FIELD_NO_DAY: none */
	int32_t training_to;   /* the last day that counts */
	char kin[16];	       /* "": none */
};

/*
 * Check the head and read every row that is not an empty line, in file order. RESULT_OK: *rows
 * has *n elements and is the caller's, freed with free(). RESULT_BAD_FIELD: the head is wrong,
 * and err (err_size > 0) says which column was expected where. RESULT_NO_MEMORY. What a failed
 * row holds beyond line, verdict and field is not to be used.
 */
enum result member_sheet_parse(const struct sheet *s, struct member_row **rows, size_t *n,
    char *err, size_t err_size) MUST_CHECK;

#endif
