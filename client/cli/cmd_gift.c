/* timebox gift: points from one member to another, where the rules allow it. */
#include <stdio.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"

static int
gift_send(struct cli *c, struct timebox *tb, const char *to, uint32_t points)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Gift gift = TIMEBOX__V1__GIFT__INIT;
	int rc = cli_member_id(c, tb, to, &gift.other);

	if (rc != CLI_DONE)
		return rc;
	gift.member = timebox_session_member(tb);
	gift.points = points;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_GIFT;
	command.gift = &gift;
	rc = cli_act_one(c, tb, &command, &answer);
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:s, s:I, s:I}", "to", to, "points", (json_int_t)points, "seq",
			(json_int_t)answer->receipt->seq));
	else if (rc == CLI_DONE)
		printf(_("%u points given to %s.\n"), points, to);
	timebox_response_free(answer);
	return rc;
}

int
cmd_gift(struct cli *c, int argc, char **argv)
{
	const char *args[2], *member = NULL, *pin_file = NULL;
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .help = N_("whose points"), .text = &member},
		{.name = "pin-file", .arg = "FILE", .help = N_("the PIN is in this file's first line"),
			.text = &pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO POINTS", .min = 2, .max = 2, .options = options,
		.help = N_("Gives points to another member, at a kiosk. Off unless the rules allow it."),
		.examples = "  timebox gift 20000024 5 --member 20000016 --pin-file pin\n",
	};
	struct timebox *tb = NULL;
	uint32_t points = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if (member == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--member", NULL);
	rc = cli_number(c, "NO", args[0]);
	if (rc == CLI_DONE)
		rc = cli_count(c, "POINTS", args[1], 1, 1000000, &points);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_login(c, tb, member, pin_file, NULL);
	if (rc == CLI_DONE)
		rc = gift_send(c, tb, args[0], points);
	timebox_close(tb);
	return rc;
}
