/* timebox balance: hours and points of one member. */
#include "client/cli/commands.h"
#include "client/cli/members.h"
#include "client/cli/out.h"

int
cmd_balance(struct cli *c, int argc, char **argv)
{
	const char *args[1], *pin_file = NULL;
	const struct cli_option options[] = {
		{.name = "pin-file", .arg = "FILE", .help = N_("at a kiosk: the member's PIN"),
			.text = &pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Shows hours given, points, and what is missing for the next point."),
		.examples = "  timebox balance 20000016\n"
			    "  timebox --home kiosk balance 20000016 --pin-file pin --json\n",
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
		members_print_balance(c, answer->member);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
