/* timebox station status: the daemon and its ledger now. */
#include <inttypes.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"

static void
status_words(const Timebox__V1__Hello *hello, const Timebox__V1__Status *s, uint64_t now_us)
{
	char time[OUT_TIME_SIZE];

	printf(_("station      %s\n"), hello->origin);
	printf(_("state        %s\n"), hello->open ? _("open") : _("being set up"));
	printf(_("this key     %s, %s\n"), out_role(hello->role), out_key_status(hello->key_status));
	printf(_("entries      %" PRIu64 " (signed up to %" PRIu64 ")\n"), s->last_seq, s->checkpoint_seq);
	printf(_("members      %" PRIu64 "\n"), s->members);
	printf(_("connections  %" PRIu32 "\n"), s->connections);
	printf(_("since        %s\n"), out_time(time, s->started_us, hello->zone_minutes));
	printf(_("clock        %s%s\n"), out_time(time, now_us, hello->zone_minutes),
		s->clock_doubtful ? _(" (doubtful: timeboxd clock accept)") : "");
}

static void
status_json(const Timebox__V1__Hello *hello, const Timebox__V1__Status *s)
{
	out_json_line(json_pack("{s:s,s:s,s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "origin",
		hello->origin, "vkey", hello->vkey, "open", (int)hello->open, "role",
		out_word(&timebox__v1__role__descriptor, (int)hello->role), "status",
		out_word(&timebox__v1__key_status__descriptor, (int)hello->key_status), "entries",
		(json_int_t)s->last_seq, "checkpoint", (json_int_t)s->checkpoint_seq, "members",
		(json_int_t)s->members, "rows", (json_int_t)s->rows, "connections",
		(json_int_t)s->connections, "clock_doubtful", (int)s->clock_doubtful, "log_dropped",
		(json_int_t)s->log_dropped, "rules", (json_int_t)hello->rules, "scrubbed",
		(json_int_t)s->scrub_seq, "scrub_passes", (json_int_t)s->scrub_passes, "corrupt",
		(json_int_t)s->scrub_bad_seq, "behind", (json_int_t)s->behind));
}

int
cmd_station_status(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Shows the station: open or being set up, entries, members, the daemon's clock."),
		.examples = "  timebox station status\n  timebox station status --json\n",
	};
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__GetStatus ask;
	Timebox__V1__Call call;
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	timebox__v1__get_status__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_STATUS;
	call.get_status = &ask;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_STATUS, &answer);
	if (rc == CLI_DONE && c->json)
		status_json(timebox_hello(tb), answer->status);
	else if (rc == CLI_DONE)
		status_words(timebox_hello(tb), answer->status, timebox_now_us(tb));
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
