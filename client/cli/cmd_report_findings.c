/* timebox report findings: what audits found of the paper behind records, and what is still to be dealt with. */
#include <inttypes.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/reports.h"
#include "client/cli/table.h"

struct listing {
	const struct cli *c;
	struct table *table;
	bool all;
	int32_t zone_minutes;
};

static void
finding_json(const Timebox__V1__Finding *f)
{
	json_t *j = json_pack("{s:o,s:s,s:s,s:I,s:s,s:s,s:b,s:o,s:I,s:I}", "record",
		out_json_id(f->record->seq, f->record->index), "member", f->record->number, "item", f->record->item,
		"minutes", (json_int_t)f->record->minutes, "state",
		out_word(&timebox__v1__record_state__descriptor, (int)f->record->state), "outcome",
		out_word(&timebox__v1__finding_outcome__descriptor, (int)f->outcome), "open", (int)f->open, "finding",
		out_json_id(f->seq, f->index), "time_us", (json_int_t)f->time_us, "findings", (json_int_t)f->count);

	json_object_set_new(j, "key", out_json_hex(f->key.data, f->key.len));
	json_object_set_new(j, "scan",
		f->digest.len > 0 ? out_json_hex(f->digest.data, f->digest.len) : json_null());
	out_json_line(j);
}

static void
finding_row(const struct listing *l, const Timebox__V1__Finding *f)
{
	char text[OUT_TIME_SIZE], id[OUT_ID_SIZE];

	table_cell(l->table, out_id(id, f->record->seq, f->record->index));
	table_cell(l->table, f->record->number);
	table_cell(l->table, out_day(text, f->record->day));
	table_cell(l->table, f->record->item);
	table_cell(l->table, out_minutes(text, f->record->minutes, l->c->zh));
	table_cell(l->table, out_record_state(f->record->state));
	table_cell(l->table, out_finding(f->outcome));
	table_cell(l->table, out_time(text, f->time_us, l->zone_minutes));
	table_cell(l->table, out_id(id, f->seq, f->index));
}

static void
finding_show(void *user, const Timebox__V1__Finding *f)
{
	const struct listing *l = user;

	if (!l->all && !f->open)
		return;
	if (l->c->json)
		finding_json(f);
	else
		finding_row(l, f);
}

static void
counts_show(const struct listing *l, const struct findings_count *n)
{
	if (l->c->json) {
		out_json_line(json_pack("{s:I,s:I,s:I,s:I}", "found", (json_int_t)n->found, "missing",
			(json_int_t)n->missing, "differs", (json_int_t)n->differs, "open", (json_int_t)n->open));
		return;
	}
	table_print(l->table, stdout, l->all ? _("no findings") : _("no open findings"));
	findings_print(n);
}

int
cmd_report_findings(struct cli *c, int argc, char **argv)
{
	struct listing l = {.c = c};
	const struct cli_option options[] = {
		{.name = "all", .help = N_("also those where the paper was found or the record was corrected"),
			.flag = &l.all},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Lists the records whose paper an audit missed or found to differ, and which still stand: the newest "
			   "finding about each. Then how many records were looked at, by outcome."),
		.examples = "  timebox report findings\n"
			    "  timebox report findings --all --json\n",
	};
	struct findings_count n;
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	l.table = table_new(_("Record|Number|Day|Item|>Time|State|Finding|Entered|>Entry"));
	if (rc == CLI_DONE) {
		l.zone_minutes = timebox_hello(tb)->zone_minutes;
		rc = findings_each(c, tb, finding_show, &l, &n);
	}
	if (rc == CLI_DONE)
		counts_show(&l, &n);
	table_free(l.table);
	timebox_close(tb);
	return rc;
}
