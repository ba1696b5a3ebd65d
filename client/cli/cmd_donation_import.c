/* timebox donation import: donated lots, each onto an outlet's shelf. */
#include <stdio.h>

#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/cli/receipts.h"
#include "client/sheet/donation_sheet.h"

_Static_assert((int)DONATION_QUALITY_PASSED == (int)TIMEBOX__V1__QUALITY__QUALITY_GOOD &&
	(int)DONATION_QUALITY_FAILED == (int)TIMEBOX__V1__QUALITY__QUALITY_REJECTED,
	"the sheet's numbers are the protocol's");

IMPORT_PARSE(donation_parse, donation_row, donation_sheet_parse)

/* What is in the ledger already would otherwise be on the shelf twice. */
static int
refuse_known_receipts(struct import *im)
{
	const struct donation_row *rows = im->rows;
	struct receipts known;
	int rc = receipts_read(im->c, im->tb, &known);

	for (size_t i = 0; i < im->n && rc == CLI_DONE; i++) {
		struct receipt line = {.quality = rows[i].quality,
			.best_before_day = import_act_day(rows[i].best_before)};

		if (!import_is_open(im, i))
			continue;
		(void)snprintf(line.number, sizeof(line.number), "%.16s", rows[i].receipt);
		(void)snprintf(line.item, sizeof(line.item), "%.8s", rows[i].item);
		(void)snprintf(line.outlet, sizeof(line.outlet), "%.8s", rows[i].outlet);
		if (receipts_have(&known, &line))
			import_refuse(im, i, RESULT_EXISTS, "收据号");
	}
	receipts_free(&known);
	return rc;
}

static int
donation_prepare(struct import *im)
{
	const struct donation_row *rows = im->rows;
	int rc;

	for (size_t i = 0; i < im->n; i++)
		if (import_is_open(im, i))
			words_add(&im->numbers, rows[i].handler);
	rc = words_resolve(im->c, im->tb, &im->numbers);
	if (rc == CLI_DONE)
		rc = refuse_known_receipts(im);
	if (rc != CLI_DONE)
		return rc;
	for (size_t i = 0; i < im->n; i++) {
		if (!import_is_open(im, i))
			continue;
		import_day(im, i, rows[i].best_before, INT32_MAX, "有效期");
		import_day(im, i, rows[i].day, im->today, "日期");
		if (words_id(&im->numbers, rows[i].handler) == 0)
			import_refuse(im, i, RESULT_UNKNOWN_MEMBER, "经手人");
		if (import_is_open(im, i))
			words_add(&im->purposes, rows[i].purpose);
	}
	rc = words_resolve(im->c, im->tb, &im->purposes);
	return rc == CLI_DONE ? import_create(im, &im->purposes) : rc;
}

static enum result
donation_compose(const struct import *im, struct timebox_draft *d, size_t i)
{
	const struct donation_row *row = (const struct donation_row *)im->rows + i;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__DonationAdd add;
	uint8_t commitment[HASH_LEN];
	enum result r = timebox_draft_name(d, row->receiver, NULL, commitment);

	timebox__v1__donation_add__init(&add);
	if (r != RESULT_OK)
		return r;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_DONATION_ADD;
	command.donation_add = &add;
	add.receipt = timebox_string(row->receipt);
	add.partner = timebox_string(row->donor);
	add.item = timebox_string(row->item);
	add.count = row->count;
	add.quality = (Timebox__V1__Quality)row->quality;
	add.purpose = (uint32_t)words_id(&im->purposes, row->purpose);
	add.best_before_day = import_act_day(row->best_before);
	add.outlet = timebox_string(row->outlet);
	add.member = words_id(&im->numbers, row->handler);
	add.day = row->day;
	add.commitment = timebox_bytes(commitment, sizeof(commitment));
	return timebox_draft_add(d, &command);
}

int
cmd_donation_import(struct cli *c, int argc, char **argv)
{
	static const struct import_column columns[] = {
		{RESULT_UNKNOWN_ITEM, "", "项目"},
		{RESULT_NOT_IN_FORCE, "", "捐赠方"},
		{RESULT_EXISTS, "", "收据号"},
		{RESULT_OK, "receipt", "收据号"},
		{RESULT_OK, "partner", "捐赠方"},
		{RESULT_OK, "outlet", "存放兑换点"},
		{RESULT_OK, "", NULL},
	};
	static const struct import_kind kind = {
		.parse = donation_parse, IMPORT_ROWS(donation_row), .prepare = donation_prepare,
		.compose = donation_compose, .columns = columns,
	};

	return import_run(c, argc, argv,
		N_("Takes in the donated lots of a sheet with the columns 收据号 捐赠方 接收单位 项目 数量 质量 "
		   "用途 有效期 存放兑换点 经手人 日期. Donors, items and outlets must be there already; a "
		   "receipt's line that was taken in before is left as it is."),
		"  timebox donation import donations.csv\n", &kind);
}
