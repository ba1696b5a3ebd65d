/* timebox member kin: two members who may not vouch for one another. */
#include "client/cli/commands.h"
#include "client/cli/done.h"

int
cmd_member_kin(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.args = "NO OTHER", .min = 2, .max = 2,
		.help = N_("States that two members are kin, both ways. Once the station is open a second person "
			   "approves it."),
		.examples = "  timebox member kin 20000016 20000024\n",
	};
	Timebox__V1__Command command;
	Timebox__V1__KinAdd kin;
	struct timebox *tb = NULL;
	const char *args[2];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__command__init(&command);
	timebox__v1__kin_add__init(&kin);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_KIN_ADD;
	command.kin_add = &kin;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_member_id(c, tb, args[0], &kin.member);
	if (rc == CLI_DONE)
		rc = cli_member_id(c, tb, args[1], &kin.other);
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("Stated."));
	timebox_close(tb);
	return rc;
}
