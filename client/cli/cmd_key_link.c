/* timebox key link: whose key this is. */
#include "client/cli/commands.h"
#include "client/cli/done.h"

int
cmd_key_link(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1,
		.help = N_("Says that this social worker's key belongs to the member with this number. Another "
			   "social worker approves it."),
		.examples = "  timebox --home ann key link 10000012\n"
			    "  timebox --home bo key approve 120\n",
	};
	Timebox__V1__Command command;
	Timebox__V1__KeyLink link;
	struct timebox *tb = NULL;
	const char *args[1];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__command__init(&command);
	timebox__v1__key_link__init(&link);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_KEY_LINK;
	command.key_link = &link;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_member_id(c, tb, args[0], &link.member);
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("Linked."));
	timebox_close(tb);
	return rc;
}
