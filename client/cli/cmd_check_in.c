/*
 * timebox check-in, check-out: on the server's clock. At a kiosk the member with the PIN; elsewhere staff
 * or an outlet as witness for everybody listed, at an activity or for a visit told by telephone.
 */
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"

#define MEMBERS_MAX 100 /* in one act: its effects have to fit an entry */

struct check_args {
	struct cli_list members; /* at a kiosk one */
	const char *pin_file;
	const char *activity;
	const char *visit;
	const char *item;
	uint32_t minutes;
};

/* The members' ids. At a kiosk the one member logs in. */
static int
check_members(struct cli *c, struct timebox *tb, const struct check_args *a,
	uint64_t ids[MEMBERS_MAX])
{
	int rc = CLI_DONE;

	if (timebox_hello(tb)->role == TIMEBOX__V1__ROLE__ROLE_KIOSK) {
		if (a->members.n != 1)
			return cli_fail_here(c, RESULT_TOO_MANY, "--member", "%s",
				_("at a kiosk each member checks in with the own PIN"));
		rc = cli_login(c, tb, a->members.item[0], a->pin_file, NULL);
		ids[0] = rc == CLI_DONE ? timebox_session_member(tb) : 0;
		return rc;
	}
	for (size_t i = 0; rc == CLI_DONE && i < a->members.n; i++)
		rc = cli_member_id(c, tb, a->members.item[i], &ids[i]);
	return rc;
}

/* Both commands' line: numbers as arguments or as --member. */
static int
check_numbers(const struct cli *c, struct check_args *a, int max, const char *const *args)
{
	int rc = CLI_DONE;

	for (int i = 0; i < max && args[i] != NULL; i++) {
		if (a->members.n == CLI_LIST_MAX)
			return cli_fail_here(c, RESULT_TOO_MANY, "NO", NULL);
		a->members.item[a->members.n++] = args[i];
	}
	if (a->members.n == 0)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "NO", NULL);
	if (a->members.n > MEMBERS_MAX)
		return cli_fail_here(c, RESULT_TOO_MANY, "NO", _("at most %d at once"), MEMBERS_MAX);
	for (size_t i = 0; rc == CLI_DONE && i < a->members.n; i++)
		rc = cli_number(c, "NO", a->members.item[i]);
	return rc;
}

/* The activity's Ref; `leaf` keeps its bytes. */
static int
find_activity(struct cli *c, struct timebox *tb, const char *text, Timebox__V1__Ref *ref,
	uint8_t leaf[HASH_LEN])
{
	Timebox__V1__GetActivities ask = TIMEBOX__V1__GET_ACTIVITIES__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	int rc = cli_id(c, "--activity", text, &ref->seq, &ref->index);

	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_ACTIVITIES;
	call.get_activities = &ask;
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_ACTIVITIES, &answer);
	if (rc != CLI_DONE)
		return rc;
	rc = -1;
	for (size_t i = 0; i < answer->activities->n_activities; i++) {
		const Timebox__V1__Activity *a = answer->activities->activities[i];

		if (a->seq != ref->seq || a->index != ref->index || a->leaf.len != HASH_LEN)
			continue;
		memcpy(leaf, a->leaf.data, HASH_LEN);
		ref->leaf = timebox_bytes(leaf, HASH_LEN);
		rc = CLI_DONE;
	}
	timebox_response_free(answer);
	return rc == CLI_DONE ? rc : cli_fail_here(c, RESULT_NO_PLAN, "--activity", "%s", text);
}

static int
find_beneficiary(struct cli *c, struct timebox *tb, const char *name, uint64_t *id)
{
	Timebox__V1__Resolve ask = TIMEBOX__V1__RESOLVE__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	char *names[1] = {timebox_string(name)};
	int rc;

	ask.n_beneficiaries = 1;
	ask.beneficiaries = names;
	call.kind_case = TIMEBOX__V1__CALL__KIND_RESOLVE;
	call.resolve = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_RESOLVED, &answer);
	if (rc == CLI_DONE &&
		(answer->resolved->n_beneficiaries != 1 || answer->resolved->beneficiaries[0] == 0))
		rc = cli_fail_here(c, RESULT_NO_PLAN, "--visit", "%s", name);
	else if (rc == CLI_DONE)
		*id = answer->resolved->beneficiaries[0];
	timebox_response_free(answer);
	return rc;
}

/* Prints a line for each member, from the effects of that kind, which stand in the members' order. */
static void
check_print(const struct cli *c, const struct check_args *a, const Timebox__V1__Receipt *r,
	Timebox__V1__EffectKind kind, int32_t zone_minutes)
{
	char time[OUT_TIME_SIZE], id[OUT_ID_SIZE];
	size_t at = 0;

	for (size_t i = 0; i < r->n_effects && at < a->members.n; i++) {
		const Timebox__V1__Effect *e = r->effects[i];
		const char *number = a->members.item[at];

		if (e->kind != kind)
			continue;
		at++;
		if (kind == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_CHECKED_IN) {
			(void)out_time(time, e->until_us, zone_minutes);
			if (c->json)
				out_json_line(json_pack("{s:s, s:s, s:s}", "member", number, "item",
					e->item, "until", time));
			else
				printf(_("%s is checked in until %s at the latest.\n"), number, time);
			continue;
		}
		if (c->json)
			out_json_line(json_pack("{s:s, s:s, s:I, s:s}", "member", number, "item",
				e->item, "minutes", (json_int_t)e->minutes, "record",
				out_id(id, r->seq, e->index)));
		else
			printf(_("%s is checked out: %s, to be attested.\n"), number,
				out_minutes(time, e->minutes, c->zh));
	}
}

static int
check_send(struct cli *c, struct timebox *tb, const struct check_args *a,
	const Timebox__V1__Command *command, Timebox__V1__EffectKind kind)
{
	Timebox__V1__Response *answer = NULL;
	int rc = cli_act_one(c, tb, command, &answer);

	if (rc == CLI_DONE)
		check_print(c, a, answer->receipt, kind, timebox_hello(tb)->zone_minutes);
	timebox_response_free(answer);
	return rc;
}

static int
check_in_run(struct cli *c, struct timebox *tb, const struct check_args *a)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__CheckIn in;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;
	char item[CLI_CODE_SIZE] = "";
	uint64_t ids[MEMBERS_MAX];
	uint8_t leaf[HASH_LEN];
	int rc = check_members(c, tb, a, ids);

	timebox__v1__check_in__init(&in);
	if (rc == CLI_DONE && a->activity != NULL) {
		in.ref = &ref;
		rc = find_activity(c, tb, a->activity, &ref, leaf);
	} else if (rc == CLI_DONE) {
		rc = cli_code(c, "--item", a->item, item);
		if (rc == CLI_DONE)
			rc = find_beneficiary(c, tb, a->visit, &in.beneficiary);
		in.item = item;
		in.minutes = a->minutes;
	}
	if (rc != CLI_DONE)
		return rc;
	in.n_members = a->members.n;
	in.members = ids;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CHECK_IN;
	command.check_in = &in;
	return check_send(c, tb, a, &command, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_CHECKED_IN);
}

int
cmd_check_in(struct cli *c, int argc, char **argv)
{
	struct check_args a = {.minutes = 0};
	const char *args[MEMBERS_MAX];
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .help = N_("who; may be given more than once"),
			.list = &a.members},
		{.name = "pin-file", .arg = "FILE", .help = N_("the PIN is in this file's first line"),
			.text = &a.pin_file},
		{.name = "activity", .arg = "ID", .help = N_("to this activity"), .text = &a.activity},
		{.name = "visit", .arg = "REF", .help = N_("a visit to this person, with --item, --minutes"),
			.text = &a.visit},
		{.name = "item", .arg = "ID", .help = N_("the visit's service item"), .text = &a.item},
		{.name = "minutes", .arg = "N", .help = N_("how long the visit is planned"),
			.number = &a.minutes},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "[NO...]", .min = 0, .max = MEMBERS_MAX, .options = options,
		.help = N_("Checks members in, on the station's clock: at a kiosk one with the PIN; by staff "
			   "or an outlet as witness, a whole team, or a visit by telephone."),
		.examples = "  timebox check-in --member 20000016 --pin-file pin --activity 812\n"
			    "  timebox check-in 20000016 20000024 --activity 812\n"
			    "  timebox check-in 20000016 --visit D001 --item 103 --minutes 90\n",
	};
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if ((a.activity == NULL) == (a.visit == NULL) ||
		(a.visit != NULL && (a.item == NULL || a.minutes == 0)))
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--activity", "%s",
			_("either --activity, or --visit with --item and --minutes"));
	rc = check_numbers(c, &a, MEMBERS_MAX, args);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = check_in_run(c, tb, &a);
	timebox_close(tb);
	return rc;
}

static int
check_out_run(struct cli *c, struct timebox *tb, const struct check_args *a)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__CheckOut out = TIMEBOX__V1__CHECK_OUT__INIT;
	uint64_t ids[MEMBERS_MAX];
	int rc = check_members(c, tb, a, ids);

	if (rc != CLI_DONE)
		return rc;
	out.n_members = a->members.n;
	out.members = ids;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CHECK_OUT;
	command.check_out = &out;
	return check_send(c, tb, a, &command, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_RECORDED);
}

int
cmd_check_out(struct cli *c, int argc, char **argv)
{
	struct check_args a = {.minutes = 0};
	const char *args[MEMBERS_MAX];
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .help = N_("who; may be given more than once"),
			.list = &a.members},
		{.name = "pin-file", .arg = "FILE", .help = N_("the PIN is in this file's first line"),
			.text = &a.pin_file},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "[NO...]", .min = 0, .max = MEMBERS_MAX, .options = options,
		.help = N_("Checks members out: what was measured becomes a record that somebody else "
			   "attests."),
		.examples = "  timebox check-out --member 20000016 --pin-file pin\n"
			    "  timebox check-out 20000016 20000024\n",
	};
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = check_numbers(c, &a, MEMBERS_MAX, args);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = check_out_run(c, tb, &a);
	timebox_close(tb);
	return rc;
}
