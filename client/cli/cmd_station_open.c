/* timebox station open: one of the two signatures that end set-up. */
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/out.h"

int
cmd_station_open(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Signs that set-up is over. Both social workers sign; from the second signature on "
			   "points are redeemed, and changes need a second person."),
		.examples = "  timebox --home ann station open\n  timebox --home bo station open\n",
	};
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__StationOpen open;
	Timebox__V1__Command command;
	struct timebox *tb = NULL;
	bool opened;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	timebox__v1__command__init(&command);
	timebox__v1__station_open__init(&open);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_STATION_OPEN;
	command.station_open = &open;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_act_one(c, tb, &command, &answer);
	if (rc == CLI_DONE) {
		opened = done_effect(answer->receipt, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_OPENED, 0) !=
			NULL;
		if (c->json)
			out_json_line(json_pack("{s:o,s:b}", "id", out_json_id(answer->receipt->seq, 0),
				"open", (int)opened));
		else
			printf("%s\n", opened ? _("The station is open.")
					      : _("Signed; the other social worker signs too."));
	}
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
