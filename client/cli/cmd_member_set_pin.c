/* timebox member set-pin: at the kiosk, with the slip. */
#include "client/cli/commands.h"
#include "client/cli/out.h"

int
cmd_member_set_pin(struct cli *c, int argc, char **argv)
{
	const char *args[1], *slip = NULL, *pin_file = NULL;
	const struct cli_option options[] = {
		{.name = "slip", .arg = "SLIP", .help = N_("the one-time slip"), .text = &slip},
		{.name = "pin-file", .arg = "FILE", .help = N_("the new PIN, 4 to 8 digits, best 6; else it is asked for"),
			.text = &pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Sets a member's PIN at the kiosk with a slip from a social worker."),
		.examples = "  timebox --home kiosk member set-pin 20000016 --slip SLIP --pin-file pin\n",
	};
	Timebox__V1__SetPin set;
	Timebox__V1__Call call;
	struct timebox *tb = NULL;
	char pin[CLI_PIN_SIZE] = "";
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if (slip == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--slip", "%s", _("the slip is missing"));
	rc = cli_number(c, "NO", args[0]);
	if (rc == CLI_DONE)
		rc = cli_pin(c, pin_file, pin);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	timebox__v1__set_pin__init(&set);
	timebox__v1__call__init(&call);
	set.number = timebox_string(args[0]);
	set.slip = timebox_string(slip);
	set.pin = pin;
	call.kind_case = TIMEBOX__V1__CALL__KIND_SET_PIN;
	call.set_pin = &set;
	if (rc == CLI_DONE && timebox_call(tb, &call, NULL) != RESULT_OK)
		rc = cli_fail_tb(c, tb);
	crypto_wipe(pin, sizeof(pin));
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:s,s:b}", "member", args[0], "pin_set", 1));
	else if (rc == CLI_DONE)
		printf("%s\n", _("The PIN is set."));
	timebox_close(tb);
	return rc;
}
