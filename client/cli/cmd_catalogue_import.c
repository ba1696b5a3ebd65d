/* timebox catalogue import: the service items and their rates. */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/sheet/catalogue_sheet.h"

IMPORT_PARSE(catalogue_parse, catalogue_row, catalogue_sheet_parse)

static bool
is_training(const struct catalogue_row *row)
{
	return row->training == CATALOGUE_TRAINING_NEEDED;
}

static bool
is_in_force(const Timebox__V1__Catalogue *catalogue, const struct catalogue_row *row)
{
	for (size_t i = 0; i < catalogue->n_service_items; i++) {
		const Timebox__V1__ServiceItem *item = catalogue->service_items[i];

		if (strcmp(item->item, row->code) == 0)
			return strcmp(item->name, row->name) == 0 &&
				strcmp(item->group, row->class_name) == 0 &&
				item->minutes == row->minutes_per_point && item->points == 1 &&
				(item->training != 0) == is_training(row);
	}
	return false;
}

static int
catalogue_prepare(struct import *im)
{
	const struct catalogue_row *rows = im->rows;
	int rc = import_catalogue(im);

	if (rc != CLI_DONE)
		return rc;
	import_refuse_repeated(im, offsetof(struct catalogue_row, code), "编码");
	for (size_t i = 0; i < im->n; i++)
		if (import_is_open(im, i) && is_in_force(im->catalogue->catalogue, &rows[i]))
			import_refuse(im, i, RESULT_EXISTS, NULL);
	return CLI_DONE;
}

static enum result
catalogue_compose(const struct import *im, struct timebox_draft *d, size_t i)
{
	const struct catalogue_row *row = (const struct catalogue_row *)im->rows + i;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__ServiceItemSet set;
	uint8_t commitment[HASH_LEN];
	enum result r = timebox_draft_name(d, row->name, row->class_name, commitment);

	timebox__v1__service_item_set__init(&set);
	if (r != RESULT_OK)
		return r;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_SERVICE_ITEM_SET;
	command.service_item_set = &set;
	set.item = timebox_string(row->code);
	set.minutes = row->minutes_per_point;
	set.points = 1;
	set.training = is_training(row);
	set.commitment = timebox_bytes(commitment, sizeof(commitment));
	return timebox_draft_add(d, &command);
}

int
cmd_catalogue_import(struct cli *c, int argc, char **argv)
{
	static const struct import_column columns[] = {
		{RESULT_OK, "minutes", "每积分分钟"},
		{RESULT_OK, "", NULL},
	};
	static const struct import_kind kind = {
		.parse = catalogue_parse, IMPORT_ROWS(catalogue_row), .prepare = catalogue_prepare,
		.compose = catalogue_compose, .columns = columns,
	};

	return import_run(c, argc, argv,
		N_("Takes in the service items of a sheet with the columns 类别 编码 服务项目 每积分分钟 "
		   "需要培训. What is in force already is left as it is."),
		"  timebox catalogue import catalogue.csv\n", &kind);
}
