/* timebox history: what each entry did to a member, newest first. */
#include <inttypes.h>

#include "client/cli/commands.h"
#include "client/cli/members.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

#define PAGE 100

static void
line_json(const Timebox__V1__HistoryLine *l, int32_t zone_minutes)
{
	char time[OUT_TIME_SIZE];

	out_json_line(json_pack("{s:I,s:s,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:I,s:s,s:o}", "seq",
		(json_int_t)l->seq, "time", out_time(time, l->time_us, zone_minutes), "time_us",
		(json_int_t)l->time_us, "command", out_command_name(l->command), "minutes",
		(json_int_t)l->minutes, "available", (json_int_t)l->available, "held",
		(json_int_t)l->held, "debt", (json_int_t)l->debt, "records", (json_int_t)l->records,
		"item", l->item, "outlet", l->outlet, "count", (json_int_t)l->count, "by",
		out_word(&timebox__v1__role__descriptor, (int)l->by), "leaf",
		out_json_hex(l->leaf.data, l->leaf.len)));
}

/* A signed number, empty for 0. */
static void
line_amount(struct table *t, int64_t amount)
{
	if (amount == 0)
		table_cell(t, "");
	else
		table_cellf(t, "%+" PRId64, amount);
}

static void
line_row(const struct cli *c, struct table *t, const Timebox__V1__HistoryLine *l, int32_t zone_minutes)
{
	char time[OUT_TIME_SIZE];

	table_cellf(t, "%" PRIu64, l->seq);
	table_cell(t, out_time(time, l->time_us, zone_minutes));
	table_cell(t, out_command_text(l->command));
	if (l->item[0] != '\0' && l->count > 1)
		table_cellf(t, "%s × %" PRIu32, l->item, l->count);
	else
		table_cell(t, l->item);
	table_cell(t, l->minutes == 0 ? "" : out_minutes_signed(time, l->minutes, c->zh));
	line_amount(t, l->available);
	line_amount(t, l->held);
	line_amount(t, l->debt);
}

static int
history_page(struct cli *c, struct timebox *tb, uint64_t member, uint64_t before,
	Timebox__V1__Response **out)
{
	Timebox__V1__GetHistory ask;
	Timebox__V1__Call call;

	timebox__v1__get_history__init(&ask);
	timebox__v1__call__init(&call);
	ask.member = member;
	ask.before_seq = before;
	ask.limit = PAGE;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_HISTORY;
	call.get_history = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_HISTORY, out);
}

/* At most `limit` lines; 0: all. */
static int
history_walk(struct cli *c, struct timebox *tb, uint64_t member, uint32_t limit, struct table *t)
{
	int32_t zone_minutes = timebox_hello(tb)->zone_minutes;
	uint64_t before = 0;
	uint32_t shown = 0;
	size_t i;
	int rc;

	do {
		Timebox__V1__Response *answer = NULL;

		rc = history_page(c, tb, member, before, &answer);
		if (rc != CLI_DONE)
			return rc;
		for (i = 0; i < answer->history->n_lines && (limit == 0 || shown < limit); i++, shown++) {
			if (c->json)
				line_json(answer->history->lines[i], zone_minutes);
			else
				line_row(c, t, answer->history->lines[i], zone_minutes);
		}
		before = answer->history->next_before_seq;
		timebox_response_free(answer);
	} while (before != 0 && (limit == 0 || shown < limit));
	return CLI_DONE;
}

int
cmd_history(struct cli *c, int argc, char **argv)
{
	const char *args[1], *pin_file = NULL;
	uint32_t limit = 0;
	const struct cli_option options[] = {
		{.name = "pin-file", .arg = "FILE", .help = N_("at a kiosk: the member's PIN"),
			.text = &pin_file},
		{.name = "limit", .arg = "N", .help = N_("only the newest N"), .number = &limit},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Lists what happened to a member's hours and points, newest first."),
		.examples = "  timebox history 20000016 --limit 20\n"
			    "  timebox --home kiosk history 20000016 --pin-file pin --json\n",
	};
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	struct table *t;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = members_get(c, tb, args[0], pin_file, &answer);
	t = table_new(_(">entry|time|what|item|>hours|>points|>set aside|>owed"));
	if (rc == CLI_DONE)
		rc = history_walk(c, tb, answer->member->member, limit, t);
	if (rc == CLI_DONE && !c->json)
		table_print(t, stdout, _("Nothing yet."));
	table_free(t);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
