/* timebox rules set: a new version of the rules; what is not said stays. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/rules.h"

#define UNSAID UINT32_MAX

static void
set_number(uint32_t *field, uint32_t said)
{
	if (said != UNSAID)
		*field = said;
}

/* "kiosk,witnessed": each word once. */
static int
set_converts(const struct cli *c, const char *text, struct rules *r)
{
	char *copy = strdup(text), *at = copy, *word;
	int rc = copy == NULL ? cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL) : CLI_DONE;
	unsigned which = 0, seen = 0;

	r->set.n_converts = 0;
	while (rc == CLI_DONE && (word = strsep(&at, ",")) != NULL) {
		if (word[0] == '\0')
			continue;
		rc = cli_choice(c, "--converts", word, rules_provenances, &which);
		if (rc != CLI_DONE || (seen & 1u << which) != 0)
			continue;
		seen |= 1u << which;
		r->converts[r->set.n_converts++] = (Timebox__V1__Provenance)(which + 1);
	}
	free(copy);
	return rc;
}

int
cmd_rules_set(struct cli *c, int argc, char **argv)
{
	uint32_t cap = UNSAID, notice = UNSAID, hold = UNSAID, grace = UNSAID, guard = UNSAID;
	const char *gift = NULL, *converts = NULL;
	const struct cli_option options[] = {
		{.name = "session-cap", .arg = "MIN", .help = N_("the longest single service, minutes"), .number = &cap},
		{.name = "notice-days", .arg = "N", .help = N_("days of public notice before hours count"), .number = &notice},
		{.name = "hold-days", .arg = "N", .help = N_("days a voucher holds"), .number = &hold},
		{.name = "grace-days", .arg = "N", .help = N_("days an outlet may report late"), .number = &grace},
		{.name = "reset-guard-days", .arg = "N", .help = N_("days after a PIN reset that need a second person"), .number = &guard},
		{.name = "gift", .arg = "WHO", .help = N_("gifts of points: off, kin or anyone"), .text = &gift},
		{.name = "converts", .arg = "LIST", .help = N_("which hours become points: kiosk,witnessed,code,backfilled,opening"), .text = &converts},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Sets the rules; what is not mentioned stays. Once the station is open a second person "
			   "approves it."),
		.examples = "  timebox rules set --gift kin\n  timebox rules set --hold-days 14 --grace-days 3\n",
	};
	Timebox__V1__Command command;
	Timebox__V1__RulesSet set;
	struct timebox *tb = NULL;
	struct rules rules;
	unsigned which = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = rules_get(c, tb, &rules);
	if (rc == CLI_DONE && gift != NULL) {
		rc = cli_choice(c, "--gift", gift, rules_gifts, &which);
		rules.set.gift = (Timebox__V1__GiftPolicy)which;
	}
	if (rc == CLI_DONE && converts != NULL)
		rc = set_converts(c, converts, &rules);
	if (rc == CLI_DONE) {
		set_number(&rules.set.session_cap_minutes, cap);
		set_number(&rules.set.notice_days, notice);
		set_number(&rules.set.hold_days, hold);
		set_number(&rules.set.grace_days, grace);
		set_number(&rules.set.reset_guard_days, guard);
		timebox__v1__command__init(&command);
		timebox__v1__rules_set__init(&set);
		set.rules = &rules.set;
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_RULES_SET;
		command.rules_set = &set;
		rc = done_send(c, tb, &command, _("The rules are in force."));
	}
	timebox_close(tb);
	return rc;
}
