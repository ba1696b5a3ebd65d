/* timebox proposal approve (and key approve): the second person's yes. */
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/proposals.h"

int
cmd_proposal_approve(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.args = "ID", .min = 1, .max = 1,
		.help = N_("Approves what somebody else proposed; it takes effect at once. ID is the proposal's "
			   "id, the number of the member it is about, or how the proposer's key begins."),
		.examples = "  timebox proposal list\n  timebox proposal approve 120\n"
			    "  timebox key approve 10000012\n",
	};
	uint8_t leaf[HASH_LEN];
	Timebox__V1__Approve approve;
	Timebox__V1__Command command;
	struct timebox *tb = NULL;
	Timebox__V1__Ref ref;
	const char *args[1];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__command__init(&command);
	timebox__v1__approve__init(&approve);
	approve.ref = &ref;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_APPROVE;
	command.approve = &approve;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = proposals_ref(c, tb, args[0], &ref, leaf);
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("Approved."));
	timebox_close(tb);
	return rc;
}
