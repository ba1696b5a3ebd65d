/* timebox redeem cancel: the member at a kiosk, or staff for a caller. */
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/voucher.h"

/* Staff find it by the code alone. */
static int
cancel_find_staff(struct cli *c, struct timebox *tb, const char *text, Timebox__V1__Ref *ref,
	uint8_t leaf[HASH_LEN])
{
	char canonical[CODE32_SIZE(VOUCHER_CODE_LEN)];
	Timebox__V1__Response *found = NULL;
	int rc = voucher_find(c, tb, text, canonical, &found);

	if (rc == CLI_DONE && found->voucher->leaf.len != HASH_LEN)
		rc = cli_fail_here(c, RESULT_WRONG_LEAF, "VOUCHER", NULL);
	if (rc == CLI_DONE) {
		voucher_ref(found->voucher, ref);
		memcpy(leaf, found->voucher->leaf.data, HASH_LEN);
		ref->leaf = timebox_bytes(leaf, HASH_LEN);
	}
	timebox_response_free(found);
	return rc;
}

static int
cancel_find(struct cli *c, struct timebox *tb, const char *text, const char *member,
	const char *pin_file, Timebox__V1__Ref *ref, uint8_t leaf[HASH_LEN])
{
	int rc;

	if (member == NULL)
		return cancel_find_staff(c, tb, text, ref, leaf);
	rc = cli_login(c, tb, member, pin_file, NULL);
	if (rc != CLI_DONE)
		return rc;
	return voucher_find_own(c, tb, timebox_session_member(tb), text, ref, leaf);
}

static int
cancel_send(struct cli *c, struct timebox *tb, const char *text, Timebox__V1__Ref *ref)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Cancel cancel = TIMEBOX__V1__CANCEL__INIT;
	Timebox__V1__Response *answer = NULL;
	int rc;

	cancel.ref = ref;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CANCEL;
	command.cancel = &cancel;
	rc = cli_act_one(c, tb, &command, &answer);
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:s, s:s, s:I}", "voucher", text, "state", "cancelled", "seq",
			(json_int_t)answer->receipt->seq));
	else if (rc == CLI_DONE)
		printf("%s\n", _("Cancelled: points, stock and quota are back."));
	timebox_response_free(answer);
	return rc;
}

int
cmd_redeem_cancel(struct cli *c, int argc, char **argv)
{
	const char *args[1], *member = NULL, *pin_file = NULL;
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .help = N_("kiosk: whose voucher"), .text = &member},
		{.name = "pin-file", .arg = "FILE", .help = N_("the PIN is in this file's first line"),
			.text = &pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "VOUCHER", .min = 1, .max = 1, .options = options,
		.help = N_("Cancels a voucher until its last day: points, stock and quota go back. Staff "
			   "may do it for a caller, without a PIN."),
		.examples = "  timebox redeem cancel 6H2K-9QWX-7F3M-0ZTA-V --member 20000016 --pin-file pin\n"
			    "  timebox redeem cancel 6H2K-9QWX-7F3M-0ZTA-V\n",
	};
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;
	struct timebox *tb = NULL;
	uint8_t leaf[HASH_LEN];
	int rc = CLI_DONE;

	cli_parse(c, &usage, argc, argv, args);
	if (member != NULL)
		rc = cli_number(c, "--member", member);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cancel_find(c, tb, args[0], member, pin_file, &ref, leaf);
	if (rc == CLI_DONE)
		rc = cancel_send(c, tb, args[0], &ref);
	timebox_close(tb);
	return rc;
}
