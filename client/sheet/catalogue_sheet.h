/*
 * catalogue.csv: the service items and what a point of each takes.
 *
 * Columns: 类别 编码 服务项目 每积分分钟 需要培训; all but the last are required.
 */
#ifndef TIMEBOX_CLIENT_SHEET_CATALOGUE_SHEET_H
#define TIMEBOX_CLIENT_SHEET_CATALOGUE_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/field.h"
#include "client/sheet/sheet.h"
#include "proto/codes.h"

enum catalogue_training {
	CATALOGUE_TRAINING_UNSAID = 0, /* empty: not needed */
	CATALOGUE_TRAINING_NEEDED,     /* 是 */
	CATALOGUE_TRAINING_NOT_NEEDED, /* 否 */
};

struct catalogue_row {
	size_t line;
	enum result verdict; /* OK, BAD_ROW, MISSING_FIELD or BAD_FIELD */
	const char *field;   /* the failed column's word in the head; NULL: none, or the row */
	char class_name[64];
	char code[16];
	char name[128];
	uint32_t minutes_per_point; /* 1 to 10,000 */
	uint32_t training;	    /* enum catalogue_training */
};

/*
 * Check the head and read every row that is not an empty line, in file order. RESULT_OK: *rows
 * has *n elements and is the caller's, freed with free(). RESULT_BAD_FIELD: the head is wrong,
 * and err (err_size > 0) says which column was expected where. RESULT_NO_MEMORY. What a failed
 * row holds beyond line, verdict and field is not to be used.
 */
enum result catalogue_sheet_parse(const struct sheet *s, struct catalogue_row **rows, size_t *n,
    char *err, size_t err_size) MUST_CHECK;

#endif
