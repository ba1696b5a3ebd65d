/* timebox member erase: a person's private data, for good. */
#include "client/cli/commands.h"
#include "client/cli/done.h"

int
cmd_member_erase(struct cli *c, int argc, char **argv)
{
	static const char *const scopes[] = {"whole", "details", "records", NULL};
	static const char *const grounds[] = {"request", "ended", "next_of_kin", "order", NULL};
	static const Timebox__V1__LegalGround numbers[] = {TIMEBOX__V1__LEGAL_GROUND__LEGAL_GROUND_REQUEST,
		TIMEBOX__V1__LEGAL_GROUND__LEGAL_GROUND_ENDED,
		TIMEBOX__V1__LEGAL_GROUND__LEGAL_GROUND_NEXT_OF_KIN,
		TIMEBOX__V1__LEGAL_GROUND__LEGAL_GROUND_ORDER};
	const char *args[1], *scope_text = "whole", *ground_text = "request";
	const struct cli_option options[] = {
		{.name = "scope", .arg = "SCOPE", .help = N_("whole, details or records"), .text = &scope_text},
		{.name = "ground", .arg = "GROUND", .help = N_("request, ended, next_of_kin or order"),
			.text = &ground_text},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Proposes to erase a member's private data; a second person approves it, and then it is gone for "
			   "good. Minutes and points stay, of nobody."),
		.examples = "  timebox member erase 20000016 --ground request\n  timebox proposal approve 120\n",
	};
	unsigned scope = 0, ground = 0;
	Timebox__V1__Command command;
	struct timebox *tb = NULL;
	Timebox__V1__Erase erase;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__command__init(&command);
	timebox__v1__erase__init(&erase);
	if ((rc = cli_choice(c, "--scope", scope_text, scopes, &scope)) != CLI_DONE ||
		(rc = cli_choice(c, "--ground", ground_text, grounds, &ground)) != CLI_DONE)
		return rc;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_member_id(c, tb, args[0], &erase.member);
	erase.scope = (Timebox__V1__ErasureScope)(scope + 1);
	erase.ground = numbers[ground];
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_ERASE;
	command.erase = &erase;
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("Waits for a second person."));
	timebox_close(tb);
	return rc;
}
