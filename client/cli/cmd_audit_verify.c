/* timebox audit verify: an export checked offline, from its bytes alone. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

static void
verify_progress(void *user, uint64_t done, uint64_t total)
{
	cli_progress(user, _("entries"), done, total);
}

static json_t *
overdue_json(const struct auditor_result *r)
{
	static const char *const kinds[] = {
		"", "release", "close", "credit_part", "credit_record", "reverse_part"};
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_overdue; i++) {
		const struct auditor_overdue *o = &r->overdue[i];
		json_t *j = json_pack("{s:s,s:I,s:i,s:I}", "what", kinds[o->kind % 6],
			o->kind == 2 ? "member" : "of", (json_int_t)o->what, "index", (int)o->index,
			"due_us", (json_int_t)o->due_us);

		json_object_set_new(j, "entry",
			o->done_seq != 0 ? json_integer((json_int_t)o->done_seq) : json_null());
		json_array_append_new(list, j);
	}
	return json_pack("{s:I,s:I,s:I,s:o}", "late", (json_int_t)r->overdue_late, "missing",
		(json_int_t)r->overdue_missing, "worst_s", (json_int_t)(r->overdue_worst_us / 1000000),
		"first", list);
}

static void
verify_json(const struct auditor_result *r, unsigned depth)
{
	json_t *roster = json_array();
	json_t *j;

	for (size_t i = 0; i < r->n_roster; i++) {
		const struct auditor_key *k = &r->roster[i];
		json_t *key = json_object();

		json_object_set_new(key, "key", out_json_hex(k->key, sizeof(k->key)));
		json_object_set_new(key, "role",
			json_string(out_word(&timebox__v1__role__descriptor, (int)k->role)));
		json_object_set_new(key, "admitted_seq", json_integer((json_int_t)k->admitted_seq));
		json_object_set_new(key, "invited_seq", json_integer((json_int_t)k->invited_seq));
		json_object_set_new(key, "revoked_seq", json_integer((json_int_t)k->revoked_seq));
		json_array_append_new(roster, key);
	}
	j = json_pack("{s:b,s:i,s:I}", "ok", 1, "depth", (int)depth, "size", (json_int_t)r->size);
	json_object_set_new(j, "root", out_json_base64(r->root, sizeof(r->root)));
	json_object_set_new(j, "origin", json_string(r->origin));
	json_object_set_new(j, "entries", json_integer((json_int_t)r->size));
	json_object_set_new(j, "signatures", json_integer((json_int_t)r->signatures));
	json_object_set_new(j, "system", json_integer((json_int_t)r->system));
	json_object_set_new(j, "members", json_integer((json_int_t)r->members));
	json_object_set_new(j, "accounts", json_integer((json_int_t)r->accounts));
	json_object_set_new(j, "roster", roster);
	json_object_set_new(j, "pinned", json_boolean(r->pinned));
	if (depth == 3)
		json_object_set_new(j, "overdue", overdue_json(r));
	out_json_line(j);
}

static void
verify_words(const struct auditor_result *r, unsigned depth)
{
	char root[BASE64_LEN(HASH_LEN) + 1], hex[2 * KEY_LEN + 1];
	struct table *t = table_new(_("key|role|>admitted in|>revoked in|>code from"));

	base64_encode(root, sizeof(root), r->root, sizeof(r->root));
	printf(_("whole: %" PRIu64 " entries of %s\n"), r->size, r->origin);
	printf(_("depth  %u of 3\n"), depth);
	printf(_("root   %s\n"), root);
	printf(_("       %" PRIu64 " signatures, %" PRIu64 " entries by the daemon, %" PRIu64
		 " members, %" PRIu64 " accounts\n\n"), r->signatures, r->system, r->members,
		r->accounts);
	if (r->overdue_late + r->overdue_missing > 0)
		printf(_("overdue: %" PRIu64 " things were done over a minute late, %" PRIu64
			 " not at all; the longest delay is %" PRIu64 " s\n\n"), r->overdue_late,
			r->overdue_missing, r->overdue_worst_us / 1000000);
	for (size_t i = 0; i < r->n_roster; i++) {
		const struct auditor_key *k = &r->roster[i];

		hex_encode(hex, sizeof(hex), k->key, sizeof(k->key));
		table_cellf(t, "%.16s…", hex);
		table_cell(t, out_role((Timebox__V1__Role)k->role));
		table_cellf(t, "%" PRIu64, k->admitted_seq);
		if (k->revoked_seq != 0)
			table_cellf(t, "%" PRIu64, k->revoked_seq);
		else
			table_cell(t, "-");
		table_cellf(t, "%" PRIu64, k->invited_seq);
	}
	table_print(t, stdout, _("no key was admitted"));
	table_free(t);
}

static int
verify(struct cli *c, const char *dir, const struct auditor_options *options)
{
	struct auditor_result r;
	enum result err;
	struct stat st;
	int rc = CLI_DONE;

	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return cli_fail_here(c, RESULT_NOT_FOUND, dir, NULL);
	if (options->vkey == NULL)
		fprintf(stderr, "timebox: %s\n",
			_("the verifier key is the export's own: give the one you know with --vkey"));
	err = auditor_verify(dir, options, &r);
	cli_progress_end(c);
	if (err != RESULT_OK)
		return audit_failed(c, err, dir);
	if (!r.ok)
		rc = audit_broken(c, &r.broken);
	else if (c->json)
		verify_json(&r, options->depth);
	else
		verify_words(&r, options->depth);
	auditor_result_free(&r);
	return rc;
}

int
cmd_audit_verify(struct cli *c, int argc, char **argv)
{
	const char *args[1], *vkey = NULL, *kept = NULL;
	struct auditor_options o = {.depth = 3, .progress = verify_progress, .user = c};
	const struct cli_option options[] = {
		{.name = "depth", .arg = "0|1|2|3", .help = N_("0: bytes and hashes; 1: and signatures, keys; 2: and "
			"what postings come to; 3: and every act decided again (the default)"),
			.number = &o.depth},
		{.name = "no-signatures", .help = N_("do not verify who signed"),
			.flag = &o.no_signatures},
		{.name = "threads", .arg = "N", .help = N_("as many as processors, if not said"),
			.number = &o.threads},
		{.name = "vkey", .arg = "TEXT", .help = N_("the ledger's verifier key, as you know it"),
			.text = &vkey},
		{.name = "kept", .arg = "SIZE:ROOT", .help = N_("a size and root noted down earlier"),
			.text = &kept},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "OUTDIR", .min = 1, .max = 1, .options = options,
		.help = N_("Checks an export without any connection: every hash, signature, key and "
			   "balance. Names the first broken entry and ends with exit code 6."),
		.examples = "  timebox audit verify copy\n"
			    "  timebox audit verify copy --vkey \"$(cat vkey.txt)\" --kept 120:zB0…= --json\n",
	};
	struct note_vkey key;

	cli_parse(c, &usage, argc, argv, args);
	if (o.depth > 3)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--depth", "%s", _("0, 1, 2 or 3"));
	if (vkey != NULL && (note_vkey_parse(vkey, &key) != RESULT_OK ||
			     key.type != NOTE_TYPE_ED25519))
		return cli_fail_here(c, RESULT_BAD_FIELD, "--vkey", NULL);
	if (kept != NULL && auditor_kept_parse(kept, &o.kept_size, o.kept_root) != RESULT_OK)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--kept", "%s",
			_("a size and a root in base64: 120:zB0...="));
	o.vkey = vkey;
	o.has_kept = kept != NULL;
	return verify(c, args[0], &o);
}
