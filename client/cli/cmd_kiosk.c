/* timebox kiosk: the full-screen session at which a volunteer stands. */
#include <string.h>
#include <unistd.h>

#include "client/cli/commands.h"
#include "client/kiosk/kiosk.h"

int
cmd_kiosk(struct cli *c, int argc, char **argv)
{
	uint32_t idle_s = KIOSK_IDLE_S;
	const struct cli_option options[] = {
		{.name = "idle", .arg = "SECONDS",
			.help = N_("log out after so long without a key; 10 to 90"), .number = &idle_s},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("The screen at which volunteers log in, redeem, check in and out, and see their "
			   "records. Chinese unless --lang says otherwise. Ends on Ctrl-C."),
		.examples = "  timebox --home kiosk kiosk\n"
			    "  timebox --home kiosk kiosk --lang en\n",
	};
	struct timebox_error e = {.failure = TIMEBOX_FAILURE_NONE};
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	if (idle_s < KIOSK_IDLE_MIN_S || idle_s > KIOSK_IDLE_S)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--idle", NULL);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_fail_here(c, RESULT_BAD_FIELD, "kiosk", "%s", _("needs a terminal"));
	rc = cli_home_open(c);
	if (rc != CLI_DONE)
		return rc;
	if (c->home.role != TIMEBOX__V1__ROLE__ROLE_KIOSK)
		return cli_fail_here(c, RESULT_NOT_ALLOWED, "kiosk", "%s",
			_("this home is not a kiosk's"));
	if (kiosk_run(&c->home, idle_s, c->lang_said && !c->zh, &e) == RESULT_OK)
		return CLI_DONE;
	return cli_fail(c, &e);
}
