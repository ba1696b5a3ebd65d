/* timebox audit watch: is each new checkpoint of the same history as the last one? */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/auditor/files.h"
#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/ledger_keys.h"
#include "client/cli/out.h"
#include "proto/tree.h"

#define METRICS_SIZE 1024

struct watching {
	struct cli *c;
	const char *dir;    /* the watch's own folder */
	const char *from;   /* an export's folder; NULL: the daemon */
	const char *vkey;
	const char *metrics;
	uint32_t every;
	uint64_t checks, size, checked_at;
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* For a node exporter's text files: whole or not at all. */
static int
metrics_write(struct watching *w, int rc)
{
	char text[METRICS_SIZE];
	int n;

	w->checks++;
	if (w->metrics == NULL)
		return rc;
	if (rc == CLI_DONE)
		w->checked_at = (uint64_t)time(NULL);
	n = snprintf(text, sizeof(text),
		"# HELP timebox_watch_ok 1: the last checkpoint extends the ones before; 0: a fork, a cut, a false signature.\n"
		"# TYPE timebox_watch_ok gauge\ntimebox_watch_ok %d\n"
		"# HELP timebox_watch_reached 1: there was an answer at the last check.\n"
		"# TYPE timebox_watch_reached gauge\ntimebox_watch_reached %d\n"
		"# HELP timebox_watch_size Entries of the last trusted checkpoint.\n"
		"# TYPE timebox_watch_size gauge\ntimebox_watch_size %" PRIu64 "\n"
		"# HELP timebox_watch_trusted_seconds When a check last found all well, unix time.\n"
		"# TYPE timebox_watch_trusted_seconds gauge\ntimebox_watch_trusted_seconds %" PRIu64 "\n"
		"# HELP timebox_watch_checks_total Checks since the start.\n"
		"# TYPE timebox_watch_checks_total counter\ntimebox_watch_checks_total %" PRIu64 "\n",
		rc != CLI_VERIFY, rc == CLI_DONE || rc == CLI_VERIFY, w->size, w->checked_at, w->checks);
	if (files_write(NULL, w->metrics, text, (size_t)n) != RESULT_OK && rc == CLI_DONE)
		return audit_failed(w->c, RESULT_IO, w->metrics);
	return rc;
}

/* ---- where leaves come from ---- */

static int
failed(struct watching *w, enum result err, const struct auditor_broken *why)
{
	return err == RESULT_CORRUPT ? audit_broken(w->c, why)
				     : audit_failed(w->c, err, w->from != NULL ? w->from : w->dir);
}

static int
leaves_fetch(struct watching *w, struct timebox *tb, struct auditor_watch *a)
{
	uint64_t next;
	int rc = CLI_DONE;

	while (rc == CLI_DONE && (next = auditor_watch_wants(a)) != 0) {
		Timebox__V1__Response *answer = NULL;

		cli_progress(w->c, _("entries"), next - 1, auditor_watch_total(a));
		rc = audit_entries(w->c, tb, next, &answer);
		if (rc == CLI_DONE && answer->entries->n_entries == 0)
			rc = cli_fail_here(w->c, RESULT_CORRUPT, w->dir, "%s",
				_("the daemon does not give all entries that its checkpoint covers"));
		for (size_t i = 0; rc == CLI_DONE && i < answer->entries->n_entries; i++) {
			const ProtobufCBinaryData *e = &answer->entries->entries[i];
			uint8_t leaf[HASH_LEN];

			tree_leaf_hash(e->data, e->len, leaf);
			auditor_watch_leaf(a, leaf);
		}
		timebox_response_free(answer);
	}
	cli_progress_end(w->c);
	return rc;
}

/* The new checkpoint into `note`. */
static int
note_fetch(struct watching *w, struct timebox *tb, char note[NOTE_MAX_BYTES + 2])
{
	Timebox__V1__Response *answer = NULL;
	enum result err;
	size_t n;
	int rc;

	if (tb == NULL) {
		err = files_read(w->from, "checkpoint", note, NOTE_MAX_BYTES + 2, &n);
		return err == RESULT_OK ? CLI_DONE : cli_fail_here(w->c, err, w->from, NULL);
	}
	rc = audit_checkpoint(w->c, tb, &answer);
	if (rc == CLI_DONE)
		snprintf(note, NOTE_MAX_BYTES + 2, "%s", answer->checkpoint->note);
	timebox_response_free(answer);
	return rc;
}

/* ---- one check ---- */

static int
check_with(struct watching *w, struct timebox *tb, struct auditor_watch *a)
{
	static char note[NOTE_MAX_BYTES + 2];
	uint64_t before = auditor_watch_size(a);
	struct auditor_broken why = {.kind = NULL};
	enum result err;
	int rc;

	w->size = before;
	if ((rc = note_fetch(w, tb, note)) != CLI_DONE)
		return rc;
	if ((err = auditor_watch_note(a, note, &why)) != RESULT_OK)
		return failed(w, err, &why);
	if (tb != NULL)
		rc = leaves_fetch(w, tb, a);
	else if ((err = auditor_watch_folder(a, w->from, &why)) != RESULT_OK)
		return failed(w, err, &why);
	if (rc != CLI_DONE)
		return rc;
	if ((err = auditor_watch_accept(a, &why)) != RESULT_OK)
		return failed(w, err, &why);
	w->size = auditor_watch_size(a);
	if (w->c->json)
		out_json_line(json_pack("{s:b,s:I,s:I}", "ok", 1, "before", (json_int_t)before, "size",
			(json_int_t)w->size));
	else
		printf(_("the same history: %" PRIu64 " entries, %" PRIu64 " of them new\n"), w->size,
			w->size - before);
	fflush(stdout);
	return CLI_DONE;
}

/* The ledger's keys: those that its entries lead to from the one that is known. */
static int
keys_fetch(struct watching *w, struct timebox *tb, struct keychain *keys)
{
	struct note_vkey known;
	int rc;

	if (tb == NULL)
		return ledger_keys_known(w->c, w->vkey, w->from, keys);
	if ((rc = ledger_keys_ask(w->c, tb, keys)) != CLI_DONE || w->vkey == NULL)
		return rc;
	if (note_vkey_parse(w->vkey, &known) == RESULT_OK && keychain_knows(keys, &known))
		return CLI_DONE;
	return cli_fail_here(w->c, RESULT_UNKNOWN_KEY, "--vkey", "%s", _("the daemon's ledger never had this key"));
}

static int
check(struct watching *w)
{
	struct auditor_watch *a = NULL;
	struct timebox *tb = NULL;
	struct auditor_broken why;
	struct keychain keys;
	enum result err;
	int rc = CLI_DONE;

	if (w->from == NULL)
		rc = cli_connect(w->c, &tb);
	if (rc == CLI_DONE)
		rc = keys_fetch(w, tb, &keys);
	if (rc == CLI_DONE) {
		err = auditor_watch_open(w->dir, &keys, &a, &why);
		rc = err == RESULT_OK ? check_with(w, tb, a) : failed(w, err, &why);
	}
	auditor_watch_free(a);
	timebox_close(tb);
	return metrics_write(w, rc);
}

static int
watch(struct watching *w)
{
	int rc = check(w);

	if (w->every == 0)
		return rc;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	/* Without an answer it tries again; a fork is for people. */
	while (!interrupted && (rc == CLI_DONE || rc == CLI_UNKNOWN)) {
		sleep(w->every);
		if (!interrupted)
			rc = check(w);
	}
	return rc;
}

int
cmd_audit_watch(struct cli *c, int argc, char **argv)
{
	struct watching w = {.c = c};
	const char *args[1];
	const struct cli_option options[] = {
		{.name = "from", .arg = "OUTDIR", .help = N_("an export's folder instead of the daemon"),
			.text = &w.from},
		{.name = "vkey", .arg = "TEXT", .help = N_("a verifier key of the ledger, as you know it"),
			.text = &w.vkey},
		{.name = "every", .arg = "SECONDS", .help = N_("look again and again"), .number = &w.every},
		{.name = "metrics", .arg = "FILE", .help = N_("a text file of metrics, written after each look"),
			.text = &w.metrics},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "WATCHDIR", .min = 1, .max = 1, .options = options,
		.help = N_("Keeps the last checkpoint that was trusted in WATCHDIR, and takes a new one only where "
			   "it continues the same history. A fork or a ledger that was cut ends with exit code 6, "
			   "and both checkpoints are kept in WATCHDIR/evidence."),
		.examples = "  timebox --home auditor audit watch seen --every 60 --metrics /var/lib/node/timebox.prom\n"
			    "  timebox audit watch seen --from /srv/mirror --vkey \"$(cat vkey.txt)\"\n",
	};

	cli_parse(c, &usage, argc, argv, args);
	if (w.from != NULL && w.vkey == NULL)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--vkey", "%s",
			_("with --from, say which ledger: the verifier key as you know it"));
	w.dir = args[0];
	return watch(&w);
}
