/* timebox activity add, list: what members check in to, with a planned end. */
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

#define DAY_US	  86400000000ll
#define MINUTE_US 60000000ll

static int
digit_pair(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* "2026-01-31 14:05" or "2026-01-31T14:05" in the station's zone, as µs since 1970. */
static int
activity_time(const struct cli *c, const char *what, const char *text, int32_t zone_minutes,
	uint64_t *out)
{
	size_t n = strlen(text);
	int hour = -1, minute = -1, rc;
	int32_t day = 0;
	char date[16];

	if (n > 6 && n - 6 < sizeof(date) && (text[n - 6] == ' ' || text[n - 6] == 'T') &&
		text[n - 3] == ':') {
		hour = digit_pair(text + n - 5);
		minute = digit_pair(text + n - 2);
	}
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return cli_fail_here(c, RESULT_BAD_TIME, what, "%s",
			_("a day and a time, as in 2026-01-31 14:05"));
	(void)snprintf(date, sizeof(date), "%.*s", (int)(n - 6), text);
	rc = cli_day(c, what, date, &day);
	if (rc == CLI_DONE)
		*out = (uint64_t)(day * DAY_US + (hour * 60 + minute - zone_minutes) * MINUTE_US);
	return rc;
}

/* The term number of an area by its name. */
static int
activity_area(struct cli *c, struct timebox *tb, const char *name, uint32_t *area)
{
	Timebox__V1__Resolve ask = TIMEBOX__V1__RESOLVE__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	char *names[1] = {timebox_string(name)};
	int rc;

	ask.n_areas = 1;
	ask.areas = names;
	call.kind_case = TIMEBOX__V1__CALL__KIND_RESOLVE;
	call.resolve = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_RESOLVED, &answer);
	if (rc == CLI_DONE && (answer->resolved->n_areas != 1 || answer->resolved->areas[0] == 0))
		rc = cli_fail_here(c, RESULT_NOT_FOUND, "--area", "%s", name);
	else if (rc == CLI_DONE)
		*area = answer->resolved->areas[0];
	timebox_response_free(answer);
	return rc;
}

static int
activity_send(struct cli *c, struct timebox *tb, Timebox__V1__ActivityAdd *add, const char *name)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	struct timebox_draft *d = timebox_draft_new();
	Timebox__V1__Response *answer = NULL;
	uint8_t commitment[HASH_LEN];
	char id[OUT_ID_SIZE];
	int rc;

	command.kind_case = TIMEBOX__V1__COMMAND__KIND_ACTIVITY_ADD;
	command.activity_add = add;
	add->commitment = timebox_bytes(commitment, sizeof(commitment));
	if (d == NULL || timebox_draft_name(d, name, NULL, commitment) != RESULT_OK ||
		timebox_draft_add(d, &command) != RESULT_OK)
		rc = cli_fail_here(c, RESULT_BAD_FIELD, "NAME", NULL);
	else
		rc = cli_act(c, tb, d, &answer);
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:o}", "id", out_json_id(answer->receipt->seq, 0)));
	else if (rc == CLI_DONE)
		printf(_("Activity %s added.\n"), out_id(id, answer->receipt->seq, 0));
	timebox_response_free(answer);
	timebox_draft_free(d);
	return rc;
}

int
cmd_activity_add(struct cli *c, int argc, char **argv)
{
	const char *args[2], *start = NULL, *end = NULL, *area = NULL;
	const struct cli_option options[] = {
		{.name = "start", .arg = "TIME", .help = N_("when it begins, as in 2026-01-31 14:05"),
			.text = &start},
		{.name = "end", .arg = "TIME", .help = N_("when it is planned to end"), .text = &end},
		{.name = "area", .arg = "NAME", .help = N_("where: an area of the station"),
			.text = &area},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "ITEM NAME", .min = 2, .max = 2, .options = options,
		.help = N_("Plans an activity to which members check in and out. Whoever forgets to check "
			   "out is checked out at its planned end."),
		.examples = "  timebox activity add 304 'reading to elders' --start '2026-01-31 14:00' "
			    "--end '2026-01-31 16:00'\n",
	};
	Timebox__V1__ActivityAdd add;
	char item[CLI_CODE_SIZE];
	struct timebox *tb = NULL;
	int32_t zone_minutes = 0;
	int rc;

	timebox__v1__activity_add__init(&add);
	cli_parse(c, &usage, argc, argv, args);
	if (start == NULL || end == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, start == NULL ? "--start" : "--end", NULL);
	rc = cli_code(c, "ITEM", args[0], item);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE) {
		zone_minutes = timebox_hello(tb)->zone_minutes;
		rc = activity_time(c, "--start", start, zone_minutes, &add.start_us);
	}
	if (rc == CLI_DONE)
		rc = activity_time(c, "--end", end, zone_minutes, &add.end_us);
	if (rc == CLI_DONE && area != NULL)
		rc = activity_area(c, tb, area, &add.area);
	if (rc == CLI_DONE) {
		add.item = item;
		rc = activity_send(c, tb, &add, args[1]);
	}
	timebox_close(tb);
	return rc;
}

static void
activities_print(const struct cli *c, const Timebox__V1__Activities *list, int32_t zone_minutes)
{
	struct table *t = table_new(_("Id|Item|Activity|Begins|Ends|>Present"));
	char id[OUT_ID_SIZE], start[OUT_TIME_SIZE], end[OUT_TIME_SIZE];

	for (size_t i = 0; i < list->n_activities; i++) {
		const Timebox__V1__Activity *a = list->activities[i];

		(void)out_time(start, a->start_us, zone_minutes);
		(void)out_time(end, a->end_us, zone_minutes);
		if (c->json) {
			out_json_line(json_pack("{s:o, s:s, s:s, s:s, s:s, s:I}", "id",
				out_json_id(a->seq, a->index), "item", a->item, "name", a->name,
				"start", start, "end", end, "present", (json_int_t)a->present));
			continue;
		}
		table_cell(t, out_id(id, a->seq, a->index));
		table_cell(t, a->item);
		table_cell(t, a->name);
		table_cell(t, start);
		table_cell(t, end);
		table_cellf(t, "%u", a->present);
	}
	if (!c->json)
		table_print(t, stdout, _("No activities."));
	table_free(t);
}

int
cmd_activity_list(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists activities that are on or to come."),
		.examples = "  timebox activity list\n",
	};
	Timebox__V1__GetActivities ask = TIMEBOX__V1__GET_ACTIVITIES__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE) {
		call.kind_case = TIMEBOX__V1__CALL__KIND_GET_ACTIVITIES;
		call.get_activities = &ask;
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_ACTIVITIES, &answer);
	}
	if (rc == CLI_DONE)
		activities_print(c, answer->activities, timebox_hello(tb)->zone_minutes);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
