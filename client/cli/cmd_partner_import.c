/* timebox partner import: partners and their agreements. */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/sheet/partner_sheet.h"

_Static_assert((int)PARTNER_TYPE_CHARITY ==
		(int)TIMEBOX__V1__PARTNER_KIND__PARTNER_KIND_CHARITY &&
	(int)PARTNER_TYPE_UNIVERSITY ==
		(int)TIMEBOX__V1__PARTNER_KIND__PARTNER_KIND_UNIVERSITY_ASSOCIATION,
	"the sheet's numbers are the protocol's");

IMPORT_PARSE(partner_parse, partner_row, partner_sheet_parse)

static bool
is_in_force(const Timebox__V1__Catalogue *catalogue, const struct partner_row *row)
{
	for (size_t i = 0; i < catalogue->n_partners; i++) {
		const Timebox__V1__Partner *p = catalogue->partners[i];

		if (strcmp(p->partner, row->code) == 0)
			return strcmp(p->name, row->name) == 0 &&
				(uint32_t)p->partner_kind == row->type &&
				p->from_day == row->agreement_from &&
				p->to_day == import_act_day(row->agreement_to);
	}
	return false;
}

static int
partner_prepare(struct import *im)
{
	const struct partner_row *rows = im->rows;
	int rc = import_catalogue(im);

	if (rc != CLI_DONE)
		return rc;
	import_refuse_repeated(im, offsetof(struct partner_row, code), "编号");
	for (size_t i = 0; i < im->n; i++) {
		if (!import_is_open(im, i))
			continue;
		import_day(im, i, rows[i].agreement_from, INT32_MAX, "协议生效");
		import_day(im, i, rows[i].agreement_to, INT32_MAX, "协议到期");
		if (import_is_open(im, i) && is_in_force(im->catalogue->catalogue, &rows[i]))
			import_refuse(im, i, RESULT_EXISTS, NULL);
	}
	return CLI_DONE;
}

static enum result
partner_compose(const struct import *im, struct timebox_draft *d, size_t i)
{
	const struct partner_row *row = (const struct partner_row *)im->rows + i;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__PartnerSet set;
	uint8_t commitment[HASH_LEN];
	enum result r = timebox_draft_name(d, row->name, NULL, commitment);

	timebox__v1__partner_set__init(&set);
	if (r != RESULT_OK)
		return r;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_PARTNER_SET;
	command.partner_set = &set;
	set.partner = timebox_string(row->code);
	set.partner_kind = (Timebox__V1__PartnerKind)row->type;
	set.from_day = row->agreement_from;
	set.to_day = import_act_day(row->agreement_to);
	set.commitment = timebox_bytes(commitment, sizeof(commitment));
	return timebox_draft_add(d, &command);
}

int
cmd_partner_import(struct cli *c, int argc, char **argv)
{
	static const struct import_column columns[] = {
		{RESULT_OK, "to_day", "协议到期"},
		{RESULT_OK, "", NULL},
	};
	static const struct import_kind kind = {
		.parse = partner_parse, IMPORT_ROWS(partner_row), .prepare = partner_prepare,
		.compose = partner_compose, .columns = columns,
	};

	return import_run(c, argc, argv,
		N_("Takes in the partners of a sheet with the columns 编号 类型 名称 协议生效 协议到期. What is "
		   "in force already is left as it is."),
		"  timebox partner import partners.csv\n", &kind);
}
