/* timebox member card block: a lost card is dead at once. */
#include "client/cli/commands.h"
#include "client/cli/done.h"

int
cmd_card_block(struct cli *c, int argc, char **argv)
{
	const char *args[1], *pin_file = NULL;
	const struct cli_option options[] = {
		{.name = "pin-file", .arg = "FILE", .help = N_("at a kiosk: the member's PIN"),
			.text = &pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Blocks a member's card at once: for social workers, or at a kiosk for the member."),
		.examples = "  timebox member card block 20000016\n"
			    "  timebox --home kiosk member card block 20000016 --pin-file pin\n",
	};
	Timebox__V1__Command command;
	Timebox__V1__CardBlock block;
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__command__init(&command);
	timebox__v1__card_block__init(&block);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CARD_BLOCK;
	command.card_block = &block;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE && timebox_hello(tb)->role == TIMEBOX__V1__ROLE__ROLE_KIOSK) {
		rc = cli_login(c, tb, args[0], pin_file, NULL);
		block.member = timebox_session_member(tb);
	} else if (rc == CLI_DONE) {
		rc = cli_member_id(c, tb, args[0], &block.member);
	}
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("The card is blocked."));
	timebox_close(tb);
	return rc;
}
