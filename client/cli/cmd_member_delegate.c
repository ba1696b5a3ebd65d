/* timebox member delegate: a member lets a social worker redeem for them until a day. */
#include "client/cli/commands.h"
#include "client/cli/done.h"

static int
delegate_send(struct cli *c, struct timebox *tb, const char *member, const char *to, int32_t until)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Delegate delegate = TIMEBOX__V1__DELEGATE__INIT;
	int rc = cli_member_id(c, tb, member, &delegate.member);

	if (rc == CLI_DONE)
		rc = cli_member_id(c, tb, to, &delegate.other);
	if (rc != CLI_DONE)
		return rc;
	delegate.to_day = until;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_DELEGATE;
	command.delegate = &delegate;
	return done_send(c, tb, &command, "");
}

int
cmd_member_delegate(struct cli *c, int argc, char **argv)
{
	const char *args[1], *to = NULL, *until = NULL;
	const struct cli_option options[] = {
		{.name = "to", .arg = "NO", .help = N_("the social worker's member number"), .text = &to},
		{.name = "until", .arg = "DAY", .help = N_("the last day"), .text = &until},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Records that the member lets a social worker redeem for them until that day, "
			   "inclusive. A colleague approves it."),
		.examples = "  timebox member delegate 20000016 --to 10000012 --until 2026-12-31\n",
	};
	struct timebox *tb = NULL;
	int32_t day = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if (to == NULL || until == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, to == NULL ? "--to" : "--until", NULL);
	rc = cli_number(c, "NO", args[0]);
	if (rc == CLI_DONE)
		rc = cli_number(c, "--to", to);
	if (rc == CLI_DONE)
		rc = cli_day(c, "--until", until, &day);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = delegate_send(c, tb, args[0], to, day);
	timebox_close(tb);
	return rc;
}
