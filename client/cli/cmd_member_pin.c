/* timebox member pin: a one-time slip with which the member sets the PIN. */
#include "client/cli/commands.h"
#include "client/cli/members.h"
#include "client/cli/out.h"

static int
pin_send(struct cli *c, struct timebox *tb, const Timebox__V1__Member *m)
{
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Command command;
	Timebox__V1__PinSlip slip;
	const char *code;
	int rc;

	timebox__v1__command__init(&command);
	timebox__v1__pin_slip__init(&slip);
	slip.member = m->member;
	slip.reset = m->pin_set;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_PIN_SLIP;
	command.pin_slip = &slip;
	rc = cli_act_one(c, tb, &command, &answer);
	if (rc != CLI_DONE)
		return rc;
	code = answer->receipt->n_codes == 1 ? answer->receipt->codes[0]->code : "";
	if (c->json) {
		out_json_line(json_pack("{s:s,s:s,s:b,s:o}", "member", m->number, "slip", code, "reset",
			(int)m->pin_set, "id", out_json_id(answer->receipt->seq, 0)));
	} else {
		printf(_("Slip for %s: %s\n"), m->number, code);
		printf("%s\n", _("The member sets the PIN with it at the kiosk, once."));
		if (m->pin_set)
			printf("%s\n", _("The old PIN has ended; for some days a redemption needs a second person."));
	}
	timebox_response_free(answer);
	return CLI_DONE;
}

int
cmd_member_pin(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1,
		.help = N_("Prints a one-time slip with which the member sets the PIN at the kiosk. If there was a "
			   "PIN, it ends at once."),
		.examples = "  timebox member pin 20000016\n"
			    "  timebox --home kiosk member set-pin 20000016 --slip SLIP\n",
	};
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	const char *args[1];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = members_get(c, tb, args[0], NULL, &answer);
	if (rc == CLI_DONE)
		rc = pin_send(c, tb, answer->member);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
