/* timebox rules show: the rule set in force. */
#include <inttypes.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/rules.h"

static const char *
show_gift(const Timebox__V1__RuleSet *s)
{
	return (unsigned)s->gift < 3 ? rules_gifts[s->gift] : "unknown";
}

static void
show_json(const struct rules *r)
{
	const Timebox__V1__RuleSet *s = &r->set;
	json_t *converts = json_array();
	size_t i;

	for (i = 0; i < s->n_converts; i++)
		json_array_append_new(converts, json_string(out_word(&timebox__v1__provenance__descriptor,
			(int)s->converts[i])));
	out_json_line(json_pack("{s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:o}", "seq", (json_int_t)r->seq,
		"session_cap_minutes", (json_int_t)s->session_cap_minutes, "notice_days",
		(json_int_t)s->notice_days, "hold_days", (json_int_t)s->hold_days, "grace_days",
		(json_int_t)s->grace_days, "gift", show_gift(s), "reset_guard_days",
		(json_int_t)s->reset_guard_days, "converts", converts));
}

static void
show_words(const struct cli *c, const struct rules *r)
{
	const Timebox__V1__RuleSet *s = &r->set;
	char time[OUT_TIME_SIZE];
	size_t i;

	printf(_("stated in entry            %" PRIu64 "\n"), r->seq);
	printf(_("longest single service     %s\n"), out_minutes(time, s->session_cap_minutes, c->zh));
	printf(_("days of public notice      %" PRIu32 "\n"), s->notice_days);
	printf(_("days a voucher holds       %" PRIu32 "\n"), s->hold_days);
	printf(_("days of grace for outlets  %" PRIu32 "\n"), s->grace_days);
	printf(_("gifts of points            %s\n"), show_gift(s));
	printf(_("guarded days after a reset %" PRIu32 "\n"), s->reset_guard_days);
	printf("%s", _("becomes points            "));
	for (i = 0; i < s->n_converts; i++)
		printf(" %s", out_provenance(s->converts[i]));
	putchar('\n');
}

int
cmd_rules_show(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Shows the rules in force. Rates and prices are in timebox catalogue list."),
		.examples = "  timebox rules show\n  timebox rules show --json\n",
	};
	struct timebox *tb = NULL;
	struct rules rules;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = rules_get(c, tb, &rules);
	if (rc == CLI_DONE && c->json)
		show_json(&rules);
	else if (rc == CLI_DONE)
		show_words(c, &rules);
	timebox_close(tb);
	return rc;
}
