/* timebox report members: hours and points of every member. */
#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/reports.h"
#include "client/cli/table.h"

struct totals {
	const struct cli *c;
	struct table *table;
	uint64_t records, minutes, available, held, carry, debt;
};

static void
line_json(const Timebox__V1__Member *m)
{
	out_json_line(json_pack("{s:s,s:s,s:I,s:I,s:{s:I,s:I},s:I,s:I}", "member", m->number, "status",
		out_word(&timebox__v1__member_status__descriptor, (int)m->status), "records",
		(json_int_t)m->records, "minutes", (json_int_t)m->minutes, "points", "available",
		(json_int_t)m->available, "held", (json_int_t)m->held, "carry_minutes",
		(json_int_t)m->carry_minutes, "debt", (json_int_t)m->debt));
}

static void
line_cells(const struct totals *t, const char *number, const char *name, const char *status,
	const struct totals *of)
{
	char text[OUT_TIME_SIZE];

	table_cell(t->table, number);
	table_cell(t->table, name);
	table_cell(t->table, status);
	table_cellf(t->table, "%llu", (unsigned long long)of->records);
	table_cell(t->table, out_minutes(text, of->minutes, t->c->zh));
	table_cellf(t->table, "%llu", (unsigned long long)of->available);
	table_cellf(t->table, "%llu", (unsigned long long)of->held);
	table_cellf(t->table, "%llu", (unsigned long long)of->carry);
	table_cellf(t->table, "%llu", (unsigned long long)of->debt);
}

static void
report_line(void *user, const Timebox__V1__Member *m)
{
	struct totals *t = user;
	const struct totals one = {.records = m->records, .minutes = m->minutes,
		.available = m->available, .held = m->held, .carry = m->carry_minutes, .debt = m->debt};

	t->records += one.records;
	t->minutes += one.minutes;
	t->available += one.available;
	t->held += one.held;
	t->carry += one.carry;
	t->debt += one.debt;
	if (t->c->json)
		line_json(m);
	else
		line_cells(t, m->number, m->name, out_member_status(m->status), &one);
}

int
cmd_report_members(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists every member, also those who left, with records, time, points, and the "
			   "minutes that are not converted yet, in order of the numbers; and how many findings audits "
			   "entered."),
		.examples = "  timebox report members\n"
			    "  timebox report members --json\n",
	};
	struct totals t = {.c = c};
	struct findings_count findings;
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	t.table = table_new(_("Number|Name|Status|>Records|>Time|>Points|>Held|>Minutes left|>Debt"));
	if (rc == CLI_DONE)
		rc = reports_each(c, tb, report_line, &t);
	if (rc == CLI_DONE && !c->json) {
		line_cells(&t, _("Total"), "", "", &t);
		table_print(t.table, stdout, NULL);
		if ((rc = findings_each(c, tb, NULL, NULL, &findings)) == CLI_DONE)
			findings_print(&findings);
	}
	table_free(t.table);
	timebox_close(tb);
	return rc;
}
