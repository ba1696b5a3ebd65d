/* timebox pair import: who visits whom. */
#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/sheet/pair_sheet.h"

IMPORT_PARSE(pair_parse, pair_row, pair_sheet_parse)

static int
pair_prepare(struct import *im)
{
	const struct pair_row *rows = im->rows;
	int rc;

	for (size_t i = 0; i < im->n; i++)
		if (import_is_open(im, i))
			words_add(&im->numbers, rows[i].member);
	rc = words_resolve(im->c, im->tb, &im->numbers);
	if (rc != CLI_DONE)
		return rc;
	for (size_t i = 0; i < im->n; i++) {
		if (!import_is_open(im, i))
			continue;
		import_day(im, i, rows[i].from, INT32_MAX, "开始");
		import_day(im, i, rows[i].to, INT32_MAX, "结束");
		if (words_id(&im->numbers, rows[i].member) == 0)
			import_refuse(im, i, RESULT_UNKNOWN_MEMBER, "志愿者编号");
		if (import_is_open(im, i))
			words_add(&im->beneficiaries, rows[i].beneficiary);
	}
	rc = words_resolve(im->c, im->tb, &im->beneficiaries);
	return rc == CLI_DONE ? import_create(im, &im->beneficiaries) : rc;
}

static enum result
pair_compose(const struct import *im, struct timebox_draft *d, size_t i)
{
	const struct pair_row *row = (const struct pair_row *)im->rows + i;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__PairSet set = TIMEBOX__V1__PAIR_SET__INIT;

	command.kind_case = TIMEBOX__V1__COMMAND__KIND_PAIR_SET;
	command.pair_set = &set;
	set.member = words_id(&im->numbers, row->member);
	set.beneficiary = words_id(&im->beneficiaries, row->beneficiary);
	set.from_day = row->from;
	set.to_day = import_act_day(row->to);
	return timebox_draft_add(d, &command);
}

int
cmd_pair_import(struct cli *c, int argc, char **argv)
{
	static const struct import_column columns[] = {
		{RESULT_UNKNOWN_MEMBER, "", "志愿者编号"},
		{RESULT_NOT_FOUND, "", "服务对象编号"},
		{RESULT_OK, "beneficiary", "服务对象编号"},
		{RESULT_OK, "to_day", "结束"},
		{RESULT_OK, "", NULL},
	};
	static const struct import_kind kind = {
		.parse = pair_parse, IMPORT_ROWS(pair_row), .prepare = pair_prepare,
		.compose = pair_compose, .columns = columns,
	};

	return import_run(c, argc, argv,
		N_("Takes in the pairings of a sheet with the columns 志愿者编号 服务对象编号 开始 结束. Of one "
		   "pair the last row counts."),
		"  timebox pair import pairs.csv\n", &kind);
}
