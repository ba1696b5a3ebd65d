/* timebox station status: the daemon and its ledger now. */
#include <inttypes.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"

static void
witnesses_words(const Timebox__V1__Status *s, int32_t zone_minutes)
{
	char time[OUT_TIME_SIZE];

	printf(_("checkpoint   %" PRIu64 " signed"), s->signed_size);
	if (s->quorum > 0)
		printf(_(", %" PRIu64 " witnessed by %" PRIu32 " or more"), s->witnessed_size, s->quorum);
	putchar('\n');
	for (size_t i = 0; i < s->n_witnesses; i++) {
		const Timebox__V1__WitnessStatus *w = s->witnesses[i];

		printf(_("witness      %s: %" PRIu64), w->name, w->size);
		if (w->size > 0)
			printf(_(" on %s"), out_time(time, w->time * 1000000, zone_minutes));
		if (w->behind_since_us != 0)
			printf(_(", behind since %s"), out_time(time, w->behind_since_us, zone_minutes));
		if (w->by_hand)
			fputs(_(", by hand"), stdout);
		if (w->problem[0] != '\0')
			printf(" (%s)", w->problem);
		putchar('\n');
	}
}

static json_t *
witnesses_json(const Timebox__V1__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_witnesses; i++) {
		const Timebox__V1__WitnessStatus *w = s->witnesses[i];

		json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I,s:s,s:b}", "name", w->name, "size",
			(json_int_t)w->size, "time", (json_int_t)w->time, "behind_since_us",
			(json_int_t)w->behind_since_us, "problem", w->problem, "by_hand", (int)w->by_hand));
	}
	return list;
}

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
	witnesses_words(s, hello->zone_minutes);
}

static void
status_json(const Timebox__V1__Hello *hello, const Timebox__V1__Status *s)
{
	out_json_line(json_pack("{s:s,s:s,s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "origin",
		hello->origin, "vkey", hello->vkey, "open", (int)hello->open, "role",
		out_word(&timebox__v1__role__descriptor, (int)hello->role), "status",
		out_word(&timebox__v1__key_status__descriptor, (int)hello->key_status), "entries",
		(json_int_t)s->last_seq, "checkpoint", (json_int_t)s->checkpoint_seq, "members",
		(json_int_t)s->members, "rows", (json_int_t)s->rows, "connections",
		(json_int_t)s->connections, "clock_doubtful", (int)s->clock_doubtful, "log_dropped",
		(json_int_t)s->log_dropped, "rules", (json_int_t)hello->rules, "scrubbed",
		(json_int_t)s->scrub_seq, "scrub_passes", (json_int_t)s->scrub_passes, "corrupt",
		(json_int_t)s->scrub_bad_seq, "behind", (json_int_t)s->behind,
		"signed", (json_int_t)s->signed_size, "witnessed", (json_int_t)s->witnessed_size, "quorum",
		(json_int_t)s->quorum, "witnesses", witnesses_json(s)));
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
