#include "client/cli/service_file.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/batch.h"
#include "client/cli/station_day.h"

#define COLUMN_NUMBER "志愿者编号"
#define COLUMN_ITEM   "项目编码"
#define COLUMN_DAY    "服务日期"

/* ---- reading ---- */

static int
file_judge(struct service_file *f, const char *path)
{
	char err[256] = "";
	enum result r = service_sheet_judge(f->sheet, station_today(f->tb), &f->texts, &f->n, err,
		sizeof(err));

	if (r != RESULT_OK)
		return cli_fail_here(f->c, r, path, "%s", err);
	f->rows = calloc(f->n + 1, sizeof(*f->rows));
	if (f->rows == NULL)
		abort();
	for (size_t i = 0; i < f->n; i++) {
		f->rows[i].line = (uint32_t)f->texts[i].line;
		f->rows[i].verdict = f->texts[i].verdict;
		f->rows[i].field = f->texts[i].field;
	}
	f->parts = parts_count(f->n);
	return CLI_DONE;
}

int
service_file_open(struct service_file *f, struct cli *c, const char *path)
{
	char err[256] = "";
	enum result r;
	int rc;

	memset(f, 0, sizeof(*f));
	f->c = c;
	f->numbers.kind = WORDS_NUMBERS;
	f->areas.kind = WORDS_AREAS;
	f->beneficiaries.kind = WORDS_BENEFICIARIES;
	r = sheet_read(path, &f->sheet, err, sizeof(err));
	if (r != RESULT_OK)
		return cli_fail_here(c, r, path, "%s", err);
	rc = cli_connect(c, &f->tb);
	return rc == CLI_DONE ? file_judge(f, path) : rc;
}

void
service_file_close(struct service_file *f)
{
	words_free(&f->numbers);
	words_free(&f->areas);
	words_free(&f->beneficiaries);
	free(f->rows);
	free(f->texts);
	sheet_free(f->sheet);
	timebox_close(f->tb);
}

/* ---- what the ledger has of it ---- */

/* The verdicts on the rows of the parts that are done, from their entries. */
static int
file_read_back(struct service_file *f, const Timebox__V1__Batch *batch)
{
	struct batch_entry e;
	int rc = CLI_DONE;

	for (size_t i = 0; i < batch->n_parts_done && rc == CLI_DONE; i++) {
		rc = batch_read(f->c, f->tb, f->id, batch->parts_done[i], &e);
		if (rc != CLI_DONE)
			break;
		if (parts_merge(f->rows, f->n, e.rows, e.entry->effects, e.entry->n_effects) !=
			RESULT_OK)
			rc = batch_refuse(f->c, RESULT_BATCH_MISMATCH, batch);
		batch_entry_free(&e);
	}
	return rc;
}

static int
file_take(struct service_file *f, const Timebox__V1__Batch *batch)
{
	f->complete = batch->state != TIMEBOX__V1__BATCH_STATE__BATCH_STATE_INCOMPLETE;
	f->parts_done = (uint32_t)batch->n_parts_done;
	if (batch->parts != f->parts || (!f->complete && !batch->mine))
		return batch_refuse(f->c, RESULT_BATCH_MISMATCH, batch);
	return file_read_back(f, batch);
}

int
service_file_find(struct service_file *f)
{
	Timebox__V1__Response *answer = NULL;
	size_t size = 0;
	const uint8_t *bytes = sheet_file_bytes(f->sheet, &size);
	bool gone = true;
	int rc = CLI_DONE;

	f->complete = false;
	f->parts_done = 0;
	for (f->attempt = PARTS_ATTEMPT; gone; f->attempt += gone ? 1 : 0) {
		parts_batch_id(bytes, size, f->attempt, f->id);
		rc = batch_find(f->c, f->tb, f->id, &answer);
		if (rc != CLI_DONE || answer == NULL)
			return rc;
		gone = answer->batch->state == TIMEBOX__V1__BATCH_STATE__BATCH_STATE_WITHDRAWN ||
			answer->batch->state == TIMEBOX__V1__BATCH_STATE__BATCH_STATE_REVERSED;
		if (!gone)
			rc = file_take(f, answer->batch);
		timebox_response_free(answer);
		answer = NULL;
	}
	return rc;
}

/* ---- ids ---- */

/* The first row that is still to be sent. */
static size_t
file_rest(const struct service_file *f)
{
	size_t from = (size_t)f->parts_done * PARTS_RECORDS;

	return from < f->n ? from : f->n;
}

static void
row_refuse(struct part_row *row, enum result verdict, const char *field)
{
	row->verdict = verdict;
	row->field = field;
}

/* The member's row, and what else only this side can tell, in the order of the checks. */
static void
row_judge(const struct service_file *f, size_t i)
{
	struct part_row *row = &f->rows[i];
	const struct service_row *text = &f->texts[i];

	row->member = words_id(&f->numbers, text->member);
	if (text->day < 1 || text->day > STATION_DAY_LAST)
		row_refuse(row, RESULT_BAD_DATE, COLUMN_DAY);
	else if (row->member == 0)
		row_refuse(row, RESULT_UNKNOWN_MEMBER, COLUMN_NUMBER);
	else if (text->item[0] == '\0')
		row_refuse(row, RESULT_UNKNOWN_ITEM, COLUMN_ITEM);
}

static int
prepare_members(struct service_file *f)
{
	int rc;

	for (size_t i = file_rest(f); i < f->n; i++)
		if (f->rows[i].verdict == RESULT_OK)
			words_add(&f->numbers, f->texts[i].member);
	rc = words_resolve(f->c, f->tb, &f->numbers);
	for (size_t i = file_rest(f); i < f->n && rc == CLI_DONE; i++)
		if (f->rows[i].verdict == RESULT_OK)
			row_judge(f, i);
	return rc;
}

int
service_file_prepare(struct service_file *f, bool create)
{
	int rc = prepare_members(f);

	for (size_t i = file_rest(f); i < f->n && rc == CLI_DONE; i++) {
		if (f->rows[i].verdict != RESULT_OK)
			continue;
		words_add(&f->areas, f->texts[i].area);
		words_add(&f->beneficiaries, f->texts[i].beneficiary);
	}
	if (rc == CLI_DONE)
		rc = words_resolve(f->c, f->tb, &f->areas);
	if (rc == CLI_DONE)
		rc = words_resolve(f->c, f->tb, &f->beneficiaries);
	if (rc == CLI_DONE && create)
		rc = words_create(f->c, f->tb, &f->areas);
	if (rc == CLI_DONE && create)
		rc = words_create(f->c, f->tb, &f->beneficiaries);
	for (size_t i = file_rest(f); i < f->n && rc == CLI_DONE; i++) {
		f->rows[i].area = (uint32_t)words_id(&f->areas, f->texts[i].area);
		f->rows[i].beneficiary = words_id(&f->beneficiaries, f->texts[i].beneficiary);
	}
	return rc;
}
