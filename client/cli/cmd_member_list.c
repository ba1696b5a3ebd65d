/* timebox member list: all members, inactive ones too. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/members.h"
#include "client/cli/out.h"
#include "client/cli/table.h"
#include "client/sheet/field.h"

#define PAGE 1000

static void
list_row(const struct cli *c, struct table *t, const Timebox__V1__Member *m)
{
	char time[OUT_TIME_SIZE];

	table_cell(t, m->number);
	table_cell(t, m->name);
	table_cell(t, out_class(m->class_));
	table_cell(t, out_member_status(m->status));
	table_cell(t, out_minutes(time, m->minutes, c->zh));
	table_cellf(t, "%" PRIu64, m->available);
	table_cellf(t, "%" PRIu64, m->held);
	table_cellf(t, "%" PRIu64, m->debt);
}

static int
list_page(struct cli *c, struct timebox *tb, char *after, Timebox__V1__Response **out)
{
	Timebox__V1__GetReport ask;
	Timebox__V1__Call call;

	timebox__v1__get_report__init(&ask);
	timebox__v1__call__init(&call);
	ask.after_number = after;
	ask.limit = PAGE;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_REPORT;
	call.get_report = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_REPORT, out);
}

static int
list_walk(struct cli *c, struct timebox *tb, struct table *t)
{
	char after[MEMBER_NUMBER_DIGITS + 1] = "";
	bool more = true;
	size_t i;

	while (more) {
		Timebox__V1__Response *answer = NULL;
		int rc = list_page(c, tb, after, &answer);

		if (rc != CLI_DONE)
			return rc;
		for (i = 0; i < answer->report->n_members; i++) {
			const Timebox__V1__Member *m = answer->report->members[i];

			if (c->json)
				out_json_line(members_json(m));
			else
				list_row(c, t, m);
			(void)snprintf(after, sizeof(after), "%.8s", m->number);
		}
		more = answer->report->more && answer->report->n_members > 0;
		timebox_response_free(answer);
	}
	return CLI_DONE;
}

int
cmd_member_list(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists all members in order of their numbers, inactive ones too."),
		.examples = "  timebox member list\n  timebox member list --json\n",
	};
	struct timebox *tb = NULL;
	struct table *t;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	t = table_new(_("number|name|class|status|>hours|>points|>set aside|>owed"));
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = list_walk(c, tb, t);
	if (rc == CLI_DONE && !c->json)
		table_print(t, stdout, _("No members yet."));
	table_free(t);
	timebox_close(tb);
	return rc;
}
