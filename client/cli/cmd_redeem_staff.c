/* timebox redeem reverse, late, permit: what social workers do about redemptions. */
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/voucher.h"

/* Finds the voucher and proposes `command`, whose ref is `ref`. */
static int
staff_propose(struct cli *c, const char *text, Timebox__V1__Command *command, Timebox__V1__Ref *ref)
{
	char canonical[CODE32_SIZE(VOUCHER_CODE_LEN)];
	Timebox__V1__Response *found = NULL;
	struct timebox *tb = NULL;
	int rc = cli_connect(c, &tb);

	if (rc == CLI_DONE)
		rc = voucher_find(c, tb, text, canonical, &found);
	if (rc == CLI_DONE) {
		voucher_ref(found->voucher, ref);
		rc = done_send(c, tb, command, "");
	}
	timebox_response_free(found);
	timebox_close(tb);
	return rc;
}

int
cmd_redeem_reverse(struct cli *c, int argc, char **argv)
{
	static const char *const fates[] = {"shelf", "written-off", NULL};
	const char *args[1], *goods = NULL;
	const struct cli_option options[] = {
		{.name = "goods", .arg = "shelf|written-off",
			.help = N_("what became of the goods: back on the shelf, or no longer usable"),
			.text = &goods},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "VOUCHER", .min = 1, .max = 1, .options = options,
		.help = N_("Takes back a confirmed redemption: the points return to their lots. A colleague "
			   "approves it."),
		.examples = "  timebox redeem reverse 6H2K-9QWX-7F3M-0ZTA-V --goods shelf\n",
	};
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Reverse reverse = TIMEBOX__V1__REVERSE__INIT;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;
	unsigned fate = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if (goods == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--goods", NULL);
	rc = cli_choice(c, "--goods", goods, fates, &fate);
	if (rc != CLI_DONE)
		return rc;
	reverse.ref = &ref;
	reverse.fate = fate == 0 ? TIMEBOX__V1__GOODS_FATE__GOODS_FATE_BACK_ON_SHELF
				 : TIMEBOX__V1__GOODS_FATE__GOODS_FATE_WRITTEN_OFF;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_REVERSE;
	command.reverse = &reverse;
	return staff_propose(c, args[0], &command, &ref);
}

int
cmd_redeem_late(struct cli *c, int argc, char **argv)
{
	const char *args[1];
	const struct cli_usage usage = {
		.args = "VOUCHER", .min = 1, .max = 1,
		.help = N_("The outlet delivered, but told us after points and stock had gone back: the "
			   "points are taken after all, what is missing is owed. A colleague approves it."),
		.examples = "  timebox redeem late 6H2K-9QWX-7F3M-0ZTA-V\n",
	};
	Timebox__V1__LateDelivery late = TIMEBOX__V1__LATE_DELIVERY__INIT;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;

	cli_parse(c, &usage, argc, argv, args);
	late.ref = &ref;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_LATE_DELIVERY;
	command.late_delivery = &late;
	return staff_propose(c, args[0], &command, &ref);
}

static int
permit_send(struct cli *c, struct timebox *tb, const char *number)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Permit permit = TIMEBOX__V1__PERMIT__INIT;
	int rc = cli_member_id(c, tb, number, &permit.member);

	if (rc != CLI_DONE)
		return rc;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_PERMIT;
	command.permit = &permit;
	return done_send(c, tb, &command,
		_("Permitted: for 30 minutes the member may redeem at the kiosk."));
}

int
cmd_redeem_permit(struct cli *c, int argc, char **argv)
{
	const char *args[1];
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1,
		.help = N_("After a PIN reset: you see the member before you, and vouch that what is "
			   "redeemed in the next 30 minutes is theirs."),
		.examples = "  timebox redeem permit 20000016\n",
	};
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_number(c, "NO", args[0]);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = permit_send(c, tb, args[0]);
	timebox_close(tb);
	return rc;
}
