/* timebox redeem hold: points, stock and quota set aside together for one redemption. */
#include <stdio.h>

#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/voucher.h"

struct hold_args {
	const char *member;
	const char *pin_file;
	const char *item;
	const char *outlet;
	uint32_t count;
	bool on_behalf;
	bool delegated;
};

static int
hold_print(struct cli *c, const Timebox__V1__Receipt *receipt, int32_t zone_minutes)
{
	struct voucher_slip slip;

	if (!voucher_from_receipt(receipt, zone_minutes, &slip))
		done_print(c, receipt, "");
	else if (c->json)
		voucher_print_json(&slip);
	else
		voucher_print_slip(&slip);
	return CLI_DONE;
}

/* One act; under a delegation it names the member on whose behalf it is done. */
static int
hold_send(struct cli *c, struct timebox *tb, Timebox__V1__Hold *hold, bool delegated)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	struct timebox_draft *d = timebox_draft_new();
	int32_t zone_minutes = timebox_hello(tb)->zone_minutes;
	Timebox__V1__Response *answer = NULL;
	int rc;

	command.kind_case = TIMEBOX__V1__COMMAND__KIND_HOLD;
	command.hold = hold;
	if (d == NULL || timebox_draft_add(d, &command) != RESULT_OK) {
		rc = cli_fail_here(c, RESULT_NO_MEMORY, "redeem hold", NULL);
	} else {
		timebox_draft_on_behalf(d, delegated ? hold->member : 0);
		rc = cli_act(c, tb, d, &answer);
	}
	if (rc == CLI_DONE)
		rc = hold_print(c, answer->receipt, zone_minutes);
	timebox_response_free(answer);
	timebox_draft_free(d);
	return rc;
}

/* The member's own session at a kiosk; for staff, the member it is for. */
static int
hold_member(struct cli *c, struct timebox *tb, const struct hold_args *a, uint64_t *member)
{
	int rc;

	if (a->on_behalf || a->delegated)
		return cli_member_id(c, tb, a->member, member);
	rc = cli_login(c, tb, a->member, a->pin_file, NULL);
	if (rc == CLI_DONE)
		*member = timebox_session_member(tb);
	return rc;
}

static int
hold_run(struct cli *c, const struct hold_args *a)
{
	Timebox__V1__Hold hold;
	char item[CLI_CODE_SIZE], outlet[CLI_CODE_SIZE] = "";
	struct timebox *tb = NULL;
	int rc;

	timebox__v1__hold__init(&hold);
	if (a->count == 0)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--count", "%s", _("at least one"));
	rc = cli_code(c, "--item", a->item, item);
	if (rc == CLI_DONE && a->outlet != NULL)
		rc = cli_code(c, "--outlet", a->outlet, outlet);
	if (rc == CLI_DONE)
		rc = cli_number(c, "--member", a->member);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = hold_member(c, tb, a, &hold.member);
	if (rc == CLI_DONE) {
		hold.item = item;
		hold.outlet = outlet;
		hold.count = a->count;
		rc = hold_send(c, tb, &hold, a->delegated);
	}
	timebox_close(tb);
	return rc;
}

int
cmd_redeem_hold(struct cli *c, int argc, char **argv)
{
	struct hold_args a = {.count = 1};
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .help = N_("whose points"), .text = &a.member},
		{.name = "pin-file", .arg = "FILE", .help = N_("the PIN is in this file's first line"),
			.text = &a.pin_file},
		{.name = "item", .arg = "ID", .help = N_("what is redeemed"), .text = &a.item},
		{.name = "outlet", .arg = "ID", .help = N_("where; else the first that has it"),
			.text = &a.outlet},
		{.name = "count", .arg = "N", .help = N_("how many; else one"), .number = &a.count},
		{.name = "on-behalf", .help = N_("staff: for the member, a colleague approves"),
			.flag = &a.on_behalf},
		{.name = "delegated", .help = N_("staff: for the member, under a delegation"),
			.flag = &a.delegated},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Sets points, stock and quota aside and gives a voucher. At a kiosk, with the "
			   "member's PIN."),
		.examples = "  timebox redeem hold --member 20000016 --pin-file pin --item RICE\n"
			    "  timebox redeem hold --member 20000016 --item RICE --on-behalf\n",
	};

	cli_parse(c, &usage, argc, argv, NULL);
	if (a.member == NULL || a.item == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, a.member == NULL ? "--member" : "--item",
			NULL);
	return hold_run(c, &a);
}
