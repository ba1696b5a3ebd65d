/* timebox redeem confirm: the outlet hands it over; a voucher resolves exactly once. */
#include <stdio.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/voucher.h"

static void
confirm_print(const struct cli *c, const char *code, const Timebox__V1__Voucher *v, uint64_t seq)
{
	if (c->json) {
		out_json_line(json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I}", "voucher", code, "state",
			"confirmed", "item", v->item, "item_name", v->item_name, "count",
			(json_int_t)v->count, "outlet", v->outlet, "seq", (json_int_t)seq));
		return;
	}
	printf(_("Confirmed: hand over %u x %s %s.\n"), v->count, v->item, v->item_name);
}

static int
confirm_send(struct cli *c, struct timebox *tb, const char *canonical,
	const Timebox__V1__Voucher *v, int32_t day)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Confirm confirm = TIMEBOX__V1__CONFIRM__INIT;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;
	struct timebox_draft *d = timebox_draft_new();
	Timebox__V1__Response *answer = NULL;
	uint8_t code[VOUCHER_CODE_LEN];
	int rc;

	voucher_ref(v, &ref);
	confirm.ref = &ref;
	confirm.day = day;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CONFIRM;
	command.confirm = &confirm;
	if (d == NULL || code32_decode(canonical, code, sizeof(code)) != RESULT_OK ||
		timebox_draft_code(d, code, sizeof(code)) != RESULT_OK ||
		timebox_draft_add(d, &command) != RESULT_OK)
		rc = cli_fail_here(c, RESULT_NO_MEMORY, "redeem confirm", NULL);
	else
		rc = cli_act(c, tb, d, &answer);
	if (rc == CLI_DONE)
		confirm_print(c, canonical, v, answer->receipt->seq);
	crypto_wipe(code, sizeof(code));
	timebox_response_free(answer);
	timebox_draft_free(d);
	return rc;
}

int
cmd_redeem_confirm(struct cli *c, int argc, char **argv)
{
	const char *args[1], *day_text = NULL;
	const struct cli_option options[] = {
		{.name = "day", .arg = "DAY", .help = N_("it was handed over on that day; else now"),
			.text = &day_text},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "VOUCHER", .min = 1, .max = 1, .options = options,
		.help = N_("Confirms at an outlet that the voucher's goods were handed over."),
		.examples = "  timebox redeem confirm 6H2K-9QWX-7F3M-0ZTA-V\n"
			    "  timebox redeem confirm 6H2K-9QWX-7F3M-0ZTA-V --day 2026-03-01\n",
	};
	char canonical[CODE32_SIZE(VOUCHER_CODE_LEN)];
	Timebox__V1__Response *found = NULL;
	struct timebox *tb = NULL;
	int32_t day = 0;
	int rc = CLI_DONE;

	cli_parse(c, &usage, argc, argv, args);
	if (day_text != NULL)
		rc = cli_day(c, "--day", day_text, &day);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = voucher_find(c, tb, args[0], canonical, &found);
	if (rc == CLI_DONE)
		rc = confirm_send(c, tb, canonical, found->voucher, day);
	timebox_response_free(found);
	timebox_close(tb);
	return rc;
}
