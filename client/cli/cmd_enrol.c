/* timebox enrol: this home's key is admitted with a code. */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "proto/code32.h"

static void
enrol_print(const struct cli *c, const Timebox__V1__Hello *hello)
{
	if (c->json)
		out_json_line(json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "origin", hello->origin, "vkey",
			hello->vkey, "role", out_word(&timebox__v1__role__descriptor, (int)hello->role),
			"status", out_word(&timebox__v1__key_status__descriptor, (int)hello->key_status),
			"partner", hello->partner, "key", out_json_hex(c->home.key, KEY_LEN)));
	else
		printf(_("Enrolled at %s as %s (%s).\n"), hello->origin, out_role(hello->role),
			out_key_status(hello->key_status));
}

/* The act that admits this home's own key, proving the code. */
static int
enrol_act(struct cli *c, struct timebox *tb, const uint8_t secret[TIMEBOX_SECRET_LEN])
{
	const struct sha256_part key = {c->home.key, KEY_LEN};
	struct timebox_draft *d = timebox_draft_new();
	uint8_t hash[HASH_LEN], proof[HASH_LEN];
	Timebox__V1__Command command;
	Timebox__V1__Enrol enrol;
	int rc;

	sha256(secret, TIMEBOX_SECRET_LEN, hash);
	hmac_sha256(secret, TIMEBOX_SECRET_LEN, &key, 1, proof);
	timebox__v1__command__init(&command);
	timebox__v1__enrol__init(&enrol);
	enrol.code_hash = timebox_bytes(hash, sizeof(hash));
	enrol.proof = timebox_bytes(proof, sizeof(proof));
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_ENROL;
	command.enrol = &enrol;
	if (d == NULL || timebox_draft_add(d, &command) != RESULT_OK ||
		timebox_draft_code(d, secret, TIMEBOX_SECRET_LEN) != RESULT_OK)
		rc = cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	else
		rc = cli_act(c, tb, d, NULL);
	timebox_draft_free(d);
	return rc;
}

/* Keeps the station, with what the daemon now says this key is. */
static int
enrol_save(struct cli *c, const struct timebox *tb)
{
	const Timebox__V1__Hello *hello = timebox_hello(tb);
	struct timebox_home *home = &c->home;
	struct timebox_error e;

	if (strlen(hello->origin) >= sizeof(home->origin) || strlen(hello->vkey) >= sizeof(home->vkey) ||
		strlen(hello->partner) >= sizeof(home->partner))
		return cli_fail_here(c, RESULT_BAD_MESSAGE, "hello", NULL);
	memcpy(home->server_key, timebox_server_key(tb), KEY_LEN);
	memcpy(home->origin, hello->origin, strlen(hello->origin) + 1);
	memcpy(home->vkey, hello->vkey, strlen(hello->vkey) + 1);
	memcpy(home->partner, hello->partner, strlen(hello->partner) + 1);
	home->role = hello->role;
	home->enrolled = 1;
	return timebox_home_save(home, &e) == RESULT_OK ? CLI_DONE : cli_fail(c, &e);
}

static int
enrol_connect(struct cli *c, struct timebox **tb)
{
	struct timebox_error e;

	timebox_close(*tb);
	*tb = NULL;
	return timebox_connect(&c->home, tb, &e) == RESULT_OK ? CLI_DONE : cli_fail(c, &e);
}

/* A first try may have been accepted without this home having learnt of it: the greeting tells. */
static int
enrol_run(struct cli *c, const uint8_t secret[TIMEBOX_SECRET_LEN])
{
	struct timebox *tb = NULL;
	int rc = enrol_connect(c, &tb);

	if (rc == CLI_DONE && timebox_hello(tb)->key_status == TIMEBOX__V1__KEY_STATUS__KEY_STATUS_UNSPECIFIED) {
		rc = enrol_act(c, tb, secret);
		if (rc == CLI_DONE)
			rc = enrol_save(c, tb);
		if (rc == CLI_DONE)
			rc = enrol_connect(c, &tb);
	}
	if (rc == CLI_DONE)
		rc = enrol_save(c, tb);
	if (rc == CLI_DONE)
		enrol_print(c, timebox_hello(tb));
	timebox_close(tb);
	return rc;
}

/* The home must be new, or have tried this very code's daemon before. */
static int
enrol_home(struct cli *c, const char *server, const uint8_t pin[TIMEBOX_PIN_LEN])
{
	struct timebox_error e;

	if (timebox_home_create(&c->home, c->home_dir, &e) != RESULT_OK)
		return cli_fail(c, &e);
	c->home_opened = true;
	if (c->home.enrolled)
		return cli_nothing(c, _("%s is enrolled already, at %s: another key needs another --home"),
			c->home_dir, c->home.origin);
	if (strlen(server) >= sizeof(c->home.server))
		return cli_fail_here(c, RESULT_BAD_FIELD, "--server", NULL);
	memcpy(c->home.server, server, strlen(server) + 1);
	memcpy(c->home.server_pin, pin, TIMEBOX_PIN_LEN);
	return CLI_DONE;
}

int
cmd_enrol(struct cli *c, int argc, char **argv)
{
	const char *args[1], *server = NULL;
	const struct cli_option options[] = {
		{.name = "server", .arg = "HOST:PORT", .help = N_("where timeboxd serves"),
			.text = &server},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "CODE", .min = 1, .max = 1, .options = options,
		.help = N_("Makes a key in the home and has it admitted with an enrolment code. The code also "
			   "says which daemon is the right one."),
		.examples = "  timebox --home ann enrol CODE --server 127.0.0.1:7443\n"
			    "  timebox --home ann enrol invite --role kiosk\n",
	};
	uint8_t code[TIMEBOX_ENROL_LEN];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if (server == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--server", "%s", _("HOST:PORT is missing"));
	if (code32_decode(args[0], code, sizeof(code)) != RESULT_OK)
		return cli_fail_here(c, RESULT_BAD_CODE, "CODE", "%s",
			_("mistyped, or not an enrolment code"));
	rc = enrol_home(c, server, code + TIMEBOX_SECRET_LEN);
	if (rc == CLI_DONE)
		rc = enrol_run(c, code);
	crypto_wipe(code, sizeof(code));
	return rc;
}
