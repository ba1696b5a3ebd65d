#include "client/sheet/service_sheet.h"

#include <libintl.h>
#include <stdlib.h>
#include <string.h>

#include "client/sheet/internal.h"

enum service_column {
	ACTIVITY,
	ITEM,
	DAY,
	START,
	END,
	PLACE,
	AREA,
	MEMBER,
	BENEFICIARY,
	RESPONSIBLE,
	UNIT,
	PROVENANCE,
	COLUMNS,
};

static const char *const head[COLUMNS] = {
    [ACTIVITY] = "活动名称",
    [ITEM] = "项目编码",
    [DAY] = "服务日期",
    [START] = "开始时间",
    [END] = "结束时间",
    [PLACE] = "地点",
    [AREA] = "社区",
    [MEMBER] = "志愿者编号",
    [BENEFICIARY] = "服务对象编号",
    [RESPONSIBLE] = "负责人",
    [UNIT] = "记录单位",
    [PROVENANCE] = "方式",
};

/* One row being judged; the checks run in the order of the table below. */
struct judging {
	const struct sheet *sheet;
	size_t row;
	int32_t today;
	struct service_row *out;
	enum service_column column; /* the one that failed; COLUMNS: the whole row */
};

static const char *
text_of(struct judging *j, enum service_column column)
{
	j->column = column;
	return sheet_field(j->sheet, j->row, column);
}

static enum result
check_columns(struct judging *j)
{
	j->column = COLUMNS;
	return sheet_columns(j->sheet, j->row) == COLUMNS ? RESULT_OK : RESULT_BAD_ROW;
}

static enum result
check_present(struct judging *j)
{
	for (unsigned column = 0; column < COLUMNS; column++) {
		if (column != BENEFICIARY && *text_of(j, (enum service_column)column) == '\0')
			return RESULT_MISSING_FIELD;
	}
	return RESULT_OK;
}

static enum result
check_day(struct judging *j)
{
	enum result r = field_date(text_of(j, DAY), &j->out->day);

	if (r == RESULT_OK && j->out->day > j->today)
		return RESULT_BAD_DATE;
	return r;
}

static enum result
check_times(struct judging *j)
{
	enum result r = field_time(text_of(j, START), &j->out->start_minute);

	if (r == RESULT_OK && j->out->start_minute >= FIELD_DAY_MINUTES)
		return RESULT_BAD_TIME;
	if (r != RESULT_OK)
		return r;
	return field_time(text_of(j, END), &j->out->end_minute);
}

static enum result
check_provenance(struct judging *j)
{
	char word[16];
	enum result r = field_text(word, sizeof word, text_of(j, PROVENANCE));

	if (r != RESULT_OK)
		return r == RESULT_BAD_FIELD ? RESULT_BAD_PROVENANCE : r;
	j->out->measured = strcmp(word, "打卡") == 0;
	return j->out->measured || strcmp(word, "补录") == 0 ? RESULT_OK : RESULT_BAD_PROVENANCE;
}

static enum result
check_texts(struct judging *j)
{
	struct service_row *out = j->out;
	enum result r;

	if ((r = field_free_text(out->activity, sizeof out->activity, text_of(j, ACTIVITY))) ||
	    (r = field_free_text(out->place, sizeof out->place, text_of(j, PLACE))) ||
	    (r = field_text(out->area, sizeof out->area, text_of(j, AREA))) ||
	    (r = field_text(out->beneficiary, sizeof out->beneficiary, text_of(j, BENEFICIARY))) ||
	    (r = field_free_text(
		 out->responsible, sizeof out->responsible, text_of(j, RESPONSIBLE))) ||
	    (r = field_free_text(out->unit, sizeof out->unit, text_of(j, UNIT))))
		return r;
	r = field_code(out->item, FIELD_CODE_MAX, text_of(j, ITEM));
	return r == RESULT_BAD_FIELD ? RESULT_OK : r;
}

static enum result
check_member(struct judging *j)
{
	enum result r = field_member_number(j->out->member, text_of(j, MEMBER));

	return r == RESULT_BAD_FIELD ? RESULT_UNKNOWN_MEMBER : r;
}

static enum result (*const checks[])(struct judging *) = {
    check_columns,
    check_present,
    check_day,
    check_times,
    check_provenance,
    check_texts,
    check_member,
};

static void
judge_row(const struct sheet *s, size_t row, int32_t today, struct service_row *out)
{
	struct judging j = {.sheet = s, .row = row, .today = today, .out = out, .column = COLUMNS};

	out->line = row + 1;
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		out->verdict = checks[i](&j);
		if (out->verdict != RESULT_OK) {
			out->field = j.column < COLUMNS ? head[j.column] : NULL;
			return;
		}
	}
}

enum result
service_sheet_judge(const struct sheet *s, int32_t today, struct service_row **rows, size_t *n,
    char *err, size_t err_size)
{
	size_t most = sheet_rows(s);
	size_t count = 0;
	struct service_row *list;
	enum result r = sheet_check_head(s, head, COLUMNS, err, err_size);

	*rows = NULL;
	*n = 0;
	if (r != RESULT_OK)
		return r;
	list = calloc(most, sizeof *list);
	if (!list)
		return sheet_fault(
		    err, err_size, RESULT_NO_MEMORY, gettext("not enough memory for this file"));
	for (size_t row = 1; row < most; row++) {
		if (sheet_columns(s, row) == 0)
			continue;
		judge_row(s, row, today, &list[count]);
		if (list[count].verdict == RESULT_NO_MEMORY) {
			free(list);
			return sheet_fault(err, err_size, RESULT_NO_MEMORY,
			    gettext("not enough memory for this file"));
		}
		count++;
	}
	*rows = list;
	*n = count;
	return RESULT_OK;
}
