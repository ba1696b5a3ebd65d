/* timebox item import: what points are redeemed for. */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/sheet/item_sheet.h"

_Static_assert((int)ITEM_KIND_GOODS == (int)TIMEBOX__V1__ITEM_KIND__ITEM_KIND_GOODS &&
	(int)ITEM_KIND_APPOINTMENT == (int)TIMEBOX__V1__ITEM_KIND__ITEM_KIND_APPOINTMENT,
	"the sheet's numbers are the protocol's");
_Static_assert(FIELD_CODES_MAX <= 8, "an item has at most 8 outlets");

IMPORT_PARSE(item_parse, item_row, item_sheet_parse)

static bool
are_outlets(const Timebox__V1__Item *item, const struct code_list *outlets)
{
	if (item->n_outlets != outlets->count)
		return false;
	for (size_t i = 0; i < item->n_outlets; i++)
		if (strcmp(item->outlets[i]->outlet, outlets->code[i]) != 0)
			return false;
	return true;
}

static bool
is_in_force(const Timebox__V1__Catalogue *catalogue, const struct item_row *row)
{
	for (size_t i = 0; i < catalogue->n_items; i++) {
		const Timebox__V1__Item *item = catalogue->items[i];

		if (strcmp(item->item, row->code) == 0)
			return strcmp(item->name, row->name) == 0 &&
				(uint32_t)item->item_kind == row->kind &&
				item->points == row->points && item->quota == row->monthly_quota &&
				are_outlets(item, &row->outlets);
	}
	return false;
}

static int
item_prepare(struct import *im)
{
	const struct item_row *rows = im->rows;
	int rc = import_catalogue(im);

	if (rc != CLI_DONE)
		return rc;
	import_refuse_repeated(im, offsetof(struct item_row, code), "编号");
	for (size_t i = 0; i < im->n; i++)
		if (import_is_open(im, i) && is_in_force(im->catalogue->catalogue, &rows[i]))
			import_refuse(im, i, RESULT_EXISTS, NULL);
	return CLI_DONE;
}

static enum result
item_compose(const struct import *im, struct timebox_draft *d, size_t i)
{
	const struct item_row *row = (const struct item_row *)im->rows + i;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__ItemSet set;
	char *outlets[FIELD_CODES_MAX];
	uint8_t commitment[HASH_LEN];
	enum result r = timebox_draft_name(d, row->name, NULL, commitment);

	timebox__v1__item_set__init(&set);
	if (r != RESULT_OK)
		return r;
	for (size_t k = 0; k < row->outlets.count; k++)
		outlets[k] = timebox_string(row->outlets.code[k]);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_ITEM_SET;
	command.item_set = &set;
	set.item = timebox_string(row->code);
	set.item_kind = (Timebox__V1__ItemKind)row->kind;
	set.points = row->points;
	set.n_outlets = row->outlets.count;
	set.outlets = outlets;
	set.quota = row->monthly_quota;
	set.commitment = timebox_bytes(commitment, sizeof(commitment));
	return timebox_draft_add(d, &command);
}

int
cmd_item_import(struct cli *c, int argc, char **argv)
{
	static const struct import_column columns[] = {
		{RESULT_OK, "outlets", "兑换点"},
		{RESULT_OK, "", NULL},
	};
	static const struct import_kind kind = {
		.parse = item_parse, IMPORT_ROWS(item_row), .prepare = item_prepare,
		.compose = item_compose, .columns = columns,
	};

	return import_run(c, argc, argv,
		N_("Takes in the redemption items of a sheet with the columns 编号 名称 类型 积分 兑换点 "
		   "每人每月限额. The outlets must be partners already. What is in force already is left as it "
		   "is."),
		"  timebox item import items.csv\n", &kind);
}
