/* timebox service withdraw, reverse: a batch that should not have been. */
#include "client/cli/batch.h"
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/out.h"

int
cmd_service_withdraw(struct cli *c, int argc, char **argv)
{
	const char *batch = NULL;
	const struct cli_option options[] = {
		{.name = "batch", .arg = "ID", .help = N_("the batch of an import"), .text = &batch},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Takes back a batch that is not attested yet. Its rows may then be imported again."),
		.examples = "  timebox service withdraw --batch 0f3a...\n",
	};
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__BatchWithdraw withdraw = TIMEBOX__V1__BATCH_WITHDRAW__INIT;
	Timebox__V1__Response *answer = NULL;
	uint8_t id[PARTS_ID_LEN];
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = batch_id(c, "--batch", batch, id);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE && !cli_confirm(c, _("Withdraw the batch %s?"), batch))
		rc = CLI_USAGE;
	if (rc == CLI_DONE) {
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_BATCH_WITHDRAW;
		command.batch_withdraw = &withdraw;
		withdraw.batch = timebox_bytes(id, sizeof(id));
		rc = cli_act_one(c, tb, &command, &answer);
	}
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:o,s:s,s:o}", "batch", out_json_hex(id, sizeof(id)), "state",
			"withdrawn", "id", out_json_id(answer->receipt->seq, 0)));
	else if (rc == CLI_DONE)
		printf("%s\n", _("Withdrawn. The same file may be imported again."));
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}

int
cmd_service_reverse(struct cli *c, int argc, char **argv)
{
	const char *batch = NULL;
	const struct cli_option options[] = {
		{.name = "batch", .arg = "ID", .help = N_("the batch of an import"), .text = &batch},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Proposes to take back a batch that is credited: minutes and points of all its "
			   "records. Points that were spent become debts. A colleague approves it."),
		.examples = "  timebox service reverse --batch 0f3a...\n"
			    "  timebox --home bo proposal approve 420\n",
	};
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__BatchReverse reverse = TIMEBOX__V1__BATCH_REVERSE__INIT;
	uint8_t id[PARTS_ID_LEN];
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = batch_id(c, "--batch", batch, id);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE) {
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_BATCH_REVERSE;
		command.batch_reverse = &reverse;
		reverse.batch = timebox_bytes(id, sizeof(id));
		rc = done_send(c, tb, &command, _("Reversed."));
	}
	timebox_close(tb);
	return rc;
}
