/* timebox witness key, run, sign: what a partner organisation runs to witness ledgers. No home, no station is needed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/witness_file.h"
#include "client/witness/witness.h"

#define LISTEN_DEFAULT "127.0.0.1:7660"

/* ---- opening ---- */

static int
failed(const struct cli *c, enum result err, const char *dir, unsigned line)
{
	if (err == RESULT_NOT_FOUND)
		return cli_fail_here(c, err, dir, "%s", _("no witness is there: timebox witness key makes one"));
	if (err == RESULT_NOT_ALLOWED)
		return cli_fail_here(c, err, dir, "%s", _("others may read its key: chmod 600 DIR/key"));
	if (err == RESULT_CORRUPT)
		return cli_fail_here(c, err, dir, "%s", _("key and vkey do not belong together"));
	if (err == RESULT_BAD_FIELD && line > 0)
		return cli_fail_here(c, err, dir, _("logs, line %u: not the verifier key of a ledger"), line);
	return cli_fail_here(c, err, dir, err == RESULT_IO ? "%s" : NULL, strerror(errno));
}

static int
open_with(const struct cli *c, struct witness *w, const char *dir, const struct cli_list *logs)
{
	unsigned line;
	enum result err = witness_open(w, dir, &line);

	if (err != RESULT_OK)
		return failed(c, err, dir, line);
	for (size_t i = 0; i < logs->n; i++)
		if ((err = witness_trust(w, logs->item[i])) != RESULT_OK)
			break;
	if (err == RESULT_OK && w->n_logs > 0)
		return CLI_DONE;
	witness_close(w);
	return cli_fail_here(c, RESULT_BAD_FIELD, "--log", "%s",
		_("which ledgers? Give their verifier keys, here or in DIR/logs, one a line"));
}

/* ---- key ---- */

int
cmd_witness_key(struct cli *c, int argc, char **argv)
{
	const char *args[1], *name = NULL;
	const struct cli_option options[] = {
		{.name = "name", .arg = "NAME", .text = &name,
			.help = N_("the witness's name for ever, such as office.example/witness")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "DIR", .min = 1, .max = 1, .options = options,
		.help = N_("Makes a witness in the folder DIR: a key of its own, and the text of its verifier key, which "
			   "stations put into their settings and auditors keep."),
		.examples = "  timebox witness key witness --name office.example/witness\n",
	};
	char vkey[NOTE_VKEY_SIZE];
	enum result err;

	cli_parse(c, &usage, argc, argv, args);
	if (name == NULL || !note_name_ok(name))
		return cli_fail_here(c, RESULT_BAD_FIELD, "--name", "%s", _("a name without blanks and without '+'"));
	if ((err = witness_make(args[0], name, vkey)) != RESULT_OK)
		return cli_fail_here(c, err, args[0], err == RESULT_IO ? "%s" : NULL, strerror(errno));
	if (c->json)
		out_json_line(json_pack("{s:s,s:s}", "name", name, "vkey", vkey));
	else
		printf("%s\n", vkey);
	return CLI_DONE;
}

/* ---- run ---- */

static void
run_ready(void *user, const char *address)
{
	const struct cli *c = user;

	if (c->json)
		out_json_line(json_pack("{s:s}", "ready", address));
	else
		printf(_("ready on %s\n"), address);
	(void)fflush(stdout);
}

static void
tell(const struct cli *c, const struct witness_answer *a)
{
	if (c->json)
		out_json_line(json_pack("{s:i,s:s,s:I,s:s}", "status", (int)a->status, "origin", a->origin, "size",
			(json_int_t)a->size, "why", a->why));
	else
		printf("%d %s %" PRIu64 ": %s\n", (int)a->status, a->origin[0] != '\0' ? a->origin : "-", a->size, a->why);
	(void)fflush(stdout);
}

static void
run_tell(void *user, const struct witness_answer *a)
{
	tell(user, a);
}

int
cmd_witness_run(struct cli *c, int argc, char **argv)
{
	const char *args[1], *listen = LISTEN_DEFAULT;
	struct cli_list logs = {.n = 0};
	const struct cli_option options[] = {
		{.name = "listen", .arg = "HOST:PORT", .text = &listen,
			.help = N_("where stations reach it (127.0.0.1:7660); port 0 picks one")},
		{.name = "log", .arg = "VKEY", .list = &logs,
			.help = N_("a ledger's verifier key, beside those in DIR/logs")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "DIR", .min = 1, .max = 1, .options = options,
		.help = N_("Serves the C2SP tlog-witness protocol over plain HTTP until it is stopped: cosigns each ledger's "
			   "checkpoints, never two stories of one. Signatures protect what is said, nothing hides it: use a "
			   "network that you trust, or a tunnel."),
		.examples = "  timebox witness run witness --log \"$(cat station.vkey)\"\n"
			    "  timebox witness run witness --listen 192.0.2.7:7660\n",
	};
	const struct witness_hooks hooks = {c, run_ready, run_tell};
	struct witness w;
	enum result err;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if ((rc = open_with(c, &w, args[0], &logs)) != CLI_DONE)
		return rc;
	err = witness_serve(&w, listen, &hooks);
	witness_close(&w);
	if (err == RESULT_BAD_FIELD)
		return cli_fail_here(c, err, "--listen", "%s", _("not an address such as 127.0.0.1:7660"));
	return err == RESULT_OK ? CLI_DONE : cli_fail_here(c, err, listen, "%s", strerror(errno));
}

/* ---- sign ---- */

/* What is carried back: the checkpoint with the witness's line. */
static int
carry_back(const struct cli *c, const char *path, const char *body, size_t len, const char *line)
{
	char note[NOTE_MAX_BYTES + WITNESS_ANSWER_MAX];
	struct witness_request r;

	if (witness_request_parse(body, len, &r) != RESULT_OK)
		return cli_fail_here(c, RESULT_BAD_FIELD, path, NULL);
	(void)snprintf(note, sizeof(note), "%.*s%s", (int)r.checkpoint_len, r.checkpoint, line);
	return witness_file_write(c, path, note);
}

int
cmd_witness_sign(struct cli *c, int argc, char **argv)
{
	const char *args[3];
	struct cli_list logs = {.n = 0};
	const struct cli_option options[] = {
		{.name = "log", .arg = "VKEY", .list = &logs,
			.help = N_("a ledger's verifier key, beside those in DIR/logs")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "DIR FILE OUT", .min = 3, .max = 3, .options = options,
		.help = N_("Signs what a station wrote with `timebox witness request`, as if it had come over the network: "
			   "the same store, the same checks. OUT is to be carried back to the station."),
		.examples = "  timebox witness sign witness usb/request usb/answer\n",
	};
	char body[WITNESS_REQUEST_MAX + 2];
	struct witness_answer answer;
	struct witness w;
	size_t len;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if ((rc = witness_file_read(c, args[1], body, sizeof(body), &len)) != CLI_DONE ||
		(rc = open_with(c, &w, args[0], &logs)) != CLI_DONE)
		return rc;
	witness_add(&w, body, len, (uint64_t)time(NULL), &answer);
	witness_close(&w);
	tell(c, &answer);
	if (answer.status != WITNESS_COSIGNED)
		return CLI_VERIFY;
	return carry_back(c, args[2], body, len, answer.body);
}
