#include "client/cli/parts.h"

#include <stdlib.h>
#include <string.h>

#include "proto/crypto.h"

void
parts_batch_id(const uint8_t *file, size_t size, uint32_t attempt, uint8_t id[PARTS_ID_LEN])
{
	const uint8_t number[4] = {(uint8_t)(attempt >> 24), (uint8_t)(attempt >> 16),
		(uint8_t)(attempt >> 8), (uint8_t)attempt};
	const struct sha256_part bytes[] = {{file, size}, {number, sizeof(number)}};
	uint8_t hash[HASH_LEN];

	sha256_parts(bytes, 2, hash);
	memcpy(id, hash, PARTS_ID_LEN);
}

uint32_t
parts_count(size_t rows)
{
	return (uint32_t)((rows + PARTS_RECORDS - 1) / PARTS_RECORDS);
}

void
parts_range(uint32_t part, size_t rows, size_t *from, size_t *to)
{
	*from = (size_t)part * PARTS_RECORDS;
	*to = *from + PARTS_RECORDS < rows ? *from + PARTS_RECORDS : rows;
}

const char *
parts_field(enum result verdict)
{
	static const struct {
		enum result verdict;
		const char *field;
	} columns[] = {
		{RESULT_BAD_DATE, "服务日期"},	   {RESULT_BAD_PROVENANCE, "方式"},
		{RESULT_UNKNOWN_MEMBER, "志愿者编号"}, {RESULT_UNKNOWN_ITEM, "项目编码"},
		{RESULT_PAID_STAFF, "志愿者编号"},	   {RESULT_END_BEFORE_START, "结束时间"},
		{RESULT_BEFORE_JOINING, "服务日期"},   {RESULT_OVER_SESSION_CAP, "结束时间"},
		{RESULT_TRAINING_MISSING, "项目编码"},
	};

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (columns[i].verdict == verdict)
			return columns[i].field;
	return NULL;
}

static int
line_compare(const void *key, const void *row)
{
	uint32_t line = *(const uint32_t *)key, other = ((const struct part_row *)row)->line;

	return (line > other) - (line < other);
}

static enum result
row_judge(struct part_row *rows, size_t n, uint32_t line, unsigned number)
{
	enum result verdict = result_known(number) ? (enum result)number : RESULT_INTERNAL;
	struct part_row *row = bsearch(&line, rows, n, sizeof(*rows), line_compare);

	if (row == NULL)
		return RESULT_BATCH_MISMATCH;
	if (row->verdict != verdict || row->field == NULL)
		row->field = parts_field(verdict);
	row->verdict = verdict;
	return RESULT_OK;
}

enum result
parts_merge(struct part_row *rows, size_t n, const Timebox__V1__ServiceRows *part,
	Timebox__V1__Effect *const *effects, size_t n_effects)
{
	enum result r = RESULT_OK;
	size_t i;

	for (i = 0; i < part->n_refused && r == RESULT_OK; i++)
		r = row_judge(rows, n, part->refused[i]->line, (unsigned)part->refused[i]->reason);
	for (i = 0; i < part->n_rows && r == RESULT_OK; i++)
		r = row_judge(rows, n, part->rows[i]->line, RESULT_OK);
	for (i = 0; i < n_effects && r == RESULT_OK; i++) {
		const Timebox__V1__Effect *e = effects[i];

		if (e->kind != TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_ROW_REFUSED)
			continue;
		if (e->index >= part->n_rows)
			return RESULT_BATCH_MISMATCH;
		r = row_judge(rows, n, part->rows[e->index]->line, (unsigned)e->verdict);
	}
	return r;
}

static int
member_compare(const void *a, const void *b, void *rows)
{
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	const struct part_row *x = (const struct part_row *)rows + i;
	const struct part_row *y = (const struct part_row *)rows + j;

	if (x->member != y->member)
		return x->member < y->member ? -1 : 1;
	return (i > j) - (i < j);
}

void
parts_sort_by_member(const struct part_row *rows, size_t *order, size_t n)
{
	qsort_r(order, n, sizeof(*order), member_compare, (void *)(uintptr_t)rows);
}

size_t
parts_cut(const struct part_row *rows, const size_t *order, size_t n, size_t from, size_t limit)
{
	size_t to = from + limit;

	if (n - from <= limit)
		return n;
	while (to > from && rows[order[to - 1]].member == rows[order[to]].member)
		to--;
	return to > from ? to : from + limit;
}
