/* timebox member show: everything that the asker may see of one member. */
#include "client/cli/commands.h"
#include "client/cli/members.h"
#include "client/cli/out.h"

static void
show_print(const struct cli *c, const Timebox__V1__Member *m, int32_t zone_minutes)
{
	char from[OUT_TIME_SIZE], to[OUT_TIME_SIZE];

	printf("%s %s\n", m->number, m->name);
	printf(_("class        %s, %s\n"), out_class(m->class_), out_member_status(m->status));
	printf(_("joined       %s\n"), out_day(from, m->joined_day));
	if (m->trained_from_day != 0)
		printf(_("trained      %s to %s\n"), out_day(from, m->trained_from_day),
			out_day(to, m->trained_to_day));
	if (m->unit[0] != '\0')
		printf(_("unit         %s\n"), m->unit);
	if (m->phone[0] != '\0')
		printf(_("phone        %s\n"), m->phone);
	printf(_("PIN          %s\n"), m->pin_set ? _("set") : _("not set"));
	printf(_("card         %s\n"), m->card_bound ? _("bound") : _("none"));
	if (m->session_start_us != 0)
		printf(_("checked in   since %s, planned until %s\n"),
			out_time(from, m->session_start_us, zone_minutes),
			out_time(to, m->session_end_us, zone_minutes));
	members_print_balance(c, m);
}

int
cmd_member_show(struct cli *c, int argc, char **argv)
{
	const char *args[1], *pin_file = NULL;
	const struct cli_option options[] = {
		{.name = "pin-file", .arg = "FILE", .help = N_("at a kiosk: the member's PIN"),
			.text = &pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Shows a member: hours, points, what is set aside, PIN and card."),
		.examples = "  timebox member show 20000016\n  timebox member show 20000016 --json\n",
	};
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = members_get(c, tb, args[0], pin_file, &answer);
	if (rc == CLI_DONE && c->json)
		out_json_line(members_json(answer->member));
	else if (rc == CLI_DONE)
		show_print(c, answer->member, timebox_hello(tb)->zone_minutes);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
