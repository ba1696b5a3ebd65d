/* timebox redeem list: the vouchers of a member, or those that wait at an outlet. */
#include <stdio.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/table.h"
#include "client/cli/voucher.h"

static void
list_line(const Timebox__V1__Voucher *v, int32_t zone_minutes)
{
	char day[OUT_TIME_SIZE];

	out_json_line(json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "id",
		out_json_id(v->seq, v->index), "voucher", v->code, "state",
		out_word(&timebox__v1__hold_state__descriptor, (int)v->state), "item", v->item,
		"item_name", v->item_name, "outlet", v->outlet, "count", (json_int_t)v->count, "points",
		(json_int_t)v->points, "use_by",
		out_day(day, voucher_last_day(v->use_by_us, zone_minutes))));
}

static void
list_table(const Timebox__V1__Holds *holds, int32_t zone_minutes)
{
	struct table *t = table_new(_("Voucher|State|Item||>Count|>Points|Outlet|Good until"));
	char day[OUT_TIME_SIZE];

	for (size_t i = 0; i < holds->n_holds; i++) {
		const Timebox__V1__Voucher *v = holds->holds[i];

		table_cell(t, v->code);
		table_cell(t, out_hold_state(v->state));
		table_cell(t, v->item);
		table_cell(t, v->item_name);
		table_cellf(t, "%u", v->count);
		table_cellf(t, "%u", v->points);
		table_cell(t, v->outlet);
		table_cell(t, out_day(day, voucher_last_day(v->use_by_us, zone_minutes)));
	}
	table_print(t, stdout, _("No vouchers."));
	table_free(t);
}

static int
list_run(struct cli *c, struct timebox *tb, uint64_t member)
{
	Timebox__V1__GetHolds ask = TIMEBOX__V1__GET_HOLDS__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	int32_t zone_minutes = timebox_hello(tb)->zone_minutes;
	Timebox__V1__Response *answer = NULL;
	int rc;

	ask.member = member;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_HOLDS;
	call.get_holds = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_HOLDS, &answer);
	if (rc == CLI_DONE && c->json) {
		for (size_t i = 0; i < answer->holds->n_holds; i++)
			list_line(answer->holds->holds[i], zone_minutes);
	} else if (rc == CLI_DONE) {
		list_table(answer->holds, zone_minutes);
	}
	timebox_response_free(answer);
	return rc;
}

/* Whose: at a kiosk the member logs in; staff name a member. */
static int
list_member(struct cli *c, struct timebox *tb, const char *member, const char *pin_file,
	uint64_t *id)
{
	int rc;

	*id = 0;
	if (member == NULL)
		return CLI_DONE;
	if (timebox_hello(tb)->role != TIMEBOX__V1__ROLE__ROLE_KIOSK)
		return cli_member_id(c, tb, member, id);
	rc = cli_login(c, tb, member, pin_file, NULL);
	if (rc == CLI_DONE)
		*id = timebox_session_member(tb);
	return rc;
}

int
cmd_redeem_list(struct cli *c, int argc, char **argv)
{
	const char *member = NULL, *pin_file = NULL;
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .help = N_("of this member"), .text = &member},
		{.name = "pin-file", .arg = "FILE", .help = N_("the PIN is in this file's first line"),
			.text = &pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Lists a member's vouchers with their state; for staff without --member, all that wait to be "
			   "collected."),
		.examples = "  timebox redeem list --member 20000016\n",
	};
	struct timebox *tb = NULL;
	uint64_t id = 0;
	int rc = CLI_DONE;

	cli_parse(c, &usage, argc, argv, NULL);
	if (member != NULL)
		rc = cli_number(c, "--member", member);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = list_member(c, tb, member, pin_file, &id);
	if (rc == CLI_DONE)
		rc = list_run(c, tb, id);
	timebox_close(tb);
	return rc;
}
