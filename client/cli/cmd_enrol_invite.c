/* timebox enrol invite: a code for another key. */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/out.h"
#include "proto/code32.h"

static void
invite_print(const struct cli *c, const char *code, const Timebox__V1__Receipt *receipt)
{
	bool waits = done_effect(receipt, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_PROPOSED, 0) != NULL;
	char id[OUT_ID_SIZE];

	(void)out_id(id, receipt->seq, 0);
	if (c->json) {
		out_json_line(json_pack("{s:s,s:s,s:b}", "code", code, "id", id, "proposed", (int)waits));
		return;
	}
	printf("%s\n", code);
	printf(_("Shown only now; good for 72 hours and one use: timebox enrol CODE --server %s\n"),
		c->home.server);
	if (waits)
		printf(_("A second person approves it: timebox proposal approve %s\n"), id);
}

/* Draws the secret; the daemon learns only its hash. */
static int
invite_send(struct cli *c, struct timebox *tb, Timebox__V1__Invite *invite)
{
	uint8_t bytes[TIMEBOX_ENROL_LEN], secret_hash[HASH_LEN], server_hash[HASH_LEN];
	char code[CODE32_SIZE(TIMEBOX_ENROL_LEN)];
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Command command;
	int rc;

	if (crypto_random(bytes, TIMEBOX_SECRET_LEN) != RESULT_OK)
		return cli_fail_here(c, RESULT_INTERNAL, NULL, NULL);
	sha256(timebox_server_key(tb), KEY_LEN, server_hash);
	memcpy(bytes + TIMEBOX_SECRET_LEN, server_hash, TIMEBOX_PIN_LEN);
	sha256(bytes, TIMEBOX_SECRET_LEN, secret_hash);
	invite->code_hash = timebox_bytes(secret_hash, HASH_LEN);
	timebox__v1__command__init(&command);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_INVITE;
	command.invite = invite;
	rc = cli_act_one(c, tb, &command, &answer);
	if (rc == CLI_DONE) {
		(void)code32_encode(code, sizeof(code), bytes, sizeof(bytes));
		invite_print(c, code, answer->receipt);
		crypto_wipe(code, sizeof(code));
	}
	crypto_wipe(bytes, sizeof(bytes));
	timebox_response_free(answer);
	return rc;
}

int
cmd_enrol_invite(struct cli *c, int argc, char **argv)
{
	static const char *const roles[] = {"staff", "kiosk", "outlet", "auditor", NULL};
	const char *role = NULL, *partner = NULL;
	const struct cli_option options[] = {
		{.name = "role", .arg = "ROLE", .help = N_("staff, kiosk, outlet or auditor"), .text = &role},
		{.name = "partner", .arg = "ID", .help = N_("an outlet's partner code"), .text = &partner},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Draws an enrolment code for somebody's key. A third social worker's waits for a "
			   "second approval."),
		.examples = "  timebox enrol invite --role kiosk\n"
			    "  timebox enrol invite --role outlet --partner P01 --json\n",
	};
	char code[CLI_CODE_SIZE] = "";
	Timebox__V1__Invite invite;
	struct timebox *tb = NULL;
	unsigned which = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	if (role == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--role", "%s",
			_("staff, kiosk, outlet or auditor"));
	rc = cli_choice(c, "--role", role, roles, &which);
	if (rc == CLI_DONE && (which == 2) != (partner != NULL))
		rc = cli_fail_here(c, RESULT_BAD_FIELD, "--partner", "%s",
			_("an outlet needs its partner, and nobody else has one"));
	if (rc == CLI_DONE && partner != NULL)
		rc = cli_code(c, "--partner", partner, code);
	timebox__v1__invite__init(&invite);
	invite.role = (Timebox__V1__Role)(which + 1);
	invite.partner = code;
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = invite_send(c, tb, &invite);
	timebox_close(tb);
	return rc;
}
