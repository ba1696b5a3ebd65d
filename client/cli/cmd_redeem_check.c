/* timebox redeem check: what an outlet may know of a voucher, valid or not and the item. */
#include <stdio.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/voucher.h"

/* Why it is not good now; RESULT_OK: it is. */
static enum result
check_judge(const Timebox__V1__Voucher *v, uint64_t now_us)
{
	enum result r = voucher_state_result(v->state);

	if (r != RESULT_OK)
		return r;
	if (now_us >= v->release_us)
		return RESULT_RELEASED;
	return now_us >= v->use_by_us ? RESULT_TOO_LATE : RESULT_OK;
}

static int
check_print(const struct cli *c, const char *code, const Timebox__V1__Voucher *v, enum result r,
	int32_t zone_minutes)
{
	char day[OUT_TIME_SIZE];

	(void)out_day(day, voucher_last_day(v->use_by_us, zone_minutes));
	if (c->json) {
		json_t *line = json_pack("{s:s, s:b, s:s, s:s, s:s, s:I, s:s, s:s}", "voucher", code,
			"valid", r == RESULT_OK, "state",
			out_word(&timebox__v1__hold_state__descriptor, (int)v->state), "item", v->item,
			"item_name", v->item_name, "count", (json_int_t)v->count, "outlet", v->outlet,
			"use_by", day);

		if (line != NULL && r != RESULT_OK)
			(void)json_object_set_new(line, "error", json_string(result_name(r)));
		out_json_line(line);
	} else if (r == RESULT_OK) {
		printf(_("Valid: %u x %s %s, until %s. Not confirmed yet.\n"), v->count, v->item,
			v->item_name, day);
	} else {
		printf(_("Not valid: %s.\n"), cli_result_text(c, r));
	}
	return r == RESULT_OK ? CLI_DONE : CLI_REFUSED;
}

int
cmd_redeem_check(struct cli *c, int argc, char **argv)
{
	const char *args[1];
	const struct cli_usage usage = {
		.args = "VOUCHER", .min = 1, .max = 1,
		.help = N_("Says whether a voucher is valid, and for what. Changes nothing."),
		.examples = "  timebox redeem check 6H2K-9QWX-7F3M-0ZTA-V\n",
	};
	char canonical[CODE32_SIZE(VOUCHER_CODE_LEN)];
	Timebox__V1__Response *found = NULL;
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = voucher_find(c, tb, args[0], canonical, &found);
	if (rc == CLI_DONE)
		rc = check_print(c, canonical, found->voucher,
			check_judge(found->voucher, timebox_now_us(tb)),
			timebox_hello(tb)->zone_minutes);
	timebox_response_free(found);
	timebox_close(tb);
	return rc;
}
