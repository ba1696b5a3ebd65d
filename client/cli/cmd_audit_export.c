/* timebox audit export: a copy of the ledger as files that anybody can check. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/ledger_keys.h"
#include "client/cli/out.h"

/* For witnesses that are about to sign. */
#define WITNESS_PAUSE_MS 200
#define WITNESS_PAUSES	 25

static uint64_t
note_size(const char *note)
{
	struct checkpoint c;

	return checkpoint_parse(note, strlen(note), &c) == RESULT_OK ? c.size : 0;
}

/* The checkpoint to export: one that witnesses signed and that covers what is there now, if that comes soon; else the newest. */
static int
note_pick(struct cli *c, struct timebox *tb, char out[NOTE_MAX_BYTES])
{
	const struct timespec pause = {0, WITNESS_PAUSE_MS * 1000000};
	Timebox__V1__Response *answer = NULL;
	uint64_t size = 0;
	int rc;

	for (int i = 0;; i++) {
		const Timebox__V1__Checkpoint *p;
		bool good;

		if ((rc = audit_checkpoint(c, tb, &answer)) != CLI_DONE)
			return rc;
		p = answer->checkpoint;
		if (i == 0) {
			size = note_size(p->note);
			(void)snprintf(out, NOTE_MAX_BYTES, "%s", p->note);
		}
		good = p->witnessed[0] != '\0' && note_size(p->witnessed) >= size;
		if (good)
			(void)snprintf(out, NOTE_MAX_BYTES, "%s", p->witnessed);
		good |= !p->soon || i == WITNESS_PAUSES;
		timebox_response_free(answer);
		if (good)
			return CLI_DONE;
		(void)nanosleep(&pause, NULL);
	}
}

/* Takes a page, as far as the checkpoint goes. */
static int
page_take(struct cli *c, struct auditor_export *x, const Timebox__V1__Entries *page, const char *dir)
{
	if (page->n_entries == 0)
		return cli_fail_here(c, RESULT_CORRUPT, dir, "%s",
			_("the daemon does not give all entries that its checkpoint covers"));
	for (size_t i = 0; i < page->n_entries && auditor_export_wants(x) != 0; i++) {
		const ProtobufCBinaryData *e = &page->entries[i];
		enum result err = auditor_export_entry(x, e->data, e->len);

		if (err == RESULT_BAD_FIELD)
			return cli_fail_here(c, RESULT_CORRUPT, dir, "%s",
				_("the daemon gives something that is no entry"));
		if (err != RESULT_OK)
			return audit_failed(c, err, dir);
	}
	return CLI_DONE;
}

static int
entries_fetch(struct cli *c, struct timebox *tb, struct auditor_export *x, const char *dir)
{
	uint64_t next;
	int rc = CLI_DONE;

	while (rc == CLI_DONE && (next = auditor_export_wants(x)) != 0) {
		Timebox__V1__Response *answer = NULL;

		rc = audit_entries(c, tb, next, &answer);
		if (rc == CLI_DONE)
			rc = page_take(c, x, answer->entries, dir);
		timebox_response_free(answer);
		cli_progress(c, _("entries"), next - 1, auditor_export_size(x));
	}
	cli_progress_end(c);
	return rc;
}

static int
export_finish(struct cli *c, struct auditor_export *x, const char *dir)
{
	char root[BASE64_LEN(HASH_LEN) + 1];
	struct auditor_broken why;
	uint8_t hash[HASH_LEN];
	enum result err = auditor_export_finish(x, hash, &why);

	if (err == RESULT_CORRUPT)
		return audit_broken(c, &why);
	if (err != RESULT_OK)
		return audit_failed(c, err, dir);
	if (c->json) {
		json_t *j = json_pack("{s:I}", "size", (json_int_t)auditor_export_size(x));

		json_object_set_new(j, "root", out_json_base64(hash, sizeof(hash)));
		out_json_line(j);
		return CLI_DONE;
	}
	base64_encode(root, sizeof(root), hash, sizeof(hash));
	printf(_("%" PRIu64 " entries, root %s\n"), auditor_export_size(x), root);
	printf(_("Keep this on paper, and check with: timebox audit verify %s --kept %" PRIu64
		 ":%s\n"), dir, auditor_export_size(x), root);
	return CLI_DONE;
}

static int
export(struct cli *c, struct timebox *tb, const char *dir)
{
	struct auditor_export *x = NULL;
	struct auditor_broken why;
	char note[NOTE_MAX_BYTES];
	struct keychain keys;
	enum result err;
	int rc = ledger_keys_ask(c, tb, &keys);

	if (rc != CLI_DONE || (rc = note_pick(c, tb, note)) != CLI_DONE)
		return rc;
	err = auditor_export_begin(dir, &keys, note, &x, &why);
	if (err == RESULT_CORRUPT)
		return audit_broken(c, &why);
	if (err != RESULT_OK)
		return audit_failed(c, err, dir);
	rc = entries_fetch(c, tb, x, dir);
	if (rc == CLI_DONE)
		rc = export_finish(c, x, dir);
	auditor_export_free(x);
	return rc;
}

int
cmd_audit_export(struct cli *c, int argc, char **argv)
{
	const char *args[1];
	const struct cli_usage usage = {
		.args = "OUTDIR", .min = 1, .max = 1,
		.help = N_("Copies the ledger into a folder of files (C2SP tiles) that can be checked "
			   "anywhere. A folder that has an export already is carried on with, after "
			   "checking that the ledger still begins like it."),
		.examples = "  timebox --home auditor audit export copy\n"
			    "  timebox --home auditor audit export copy --json && timebox audit verify copy\n",
	};
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = export(c, tb, args[0]);
	timebox_close(tb);
	return rc;
}
