/* timebox proposal withdraw: taken back before anybody approved it. */
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/proposals.h"

int
cmd_proposal_withdraw(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.args = "ID", .min = 1, .max = 1,
		.help = N_("Takes a proposal back: one's own, or as any social worker a colleague's."),
		.examples = "  timebox proposal withdraw 120\n",
	};
	uint8_t leaf[HASH_LEN];
	Timebox__V1__Withdraw withdraw;
	Timebox__V1__Command command;
	struct timebox *tb = NULL;
	Timebox__V1__Ref ref;
	const char *args[1];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__command__init(&command);
	timebox__v1__withdraw__init(&withdraw);
	withdraw.ref = &ref;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_WITHDRAW;
	command.withdraw = &withdraw;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = proposals_ref(c, tb, args[0], &ref, leaf);
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("Withdrawn."));
	timebox_close(tb);
	return rc;
}
