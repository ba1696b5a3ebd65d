/* timebox audit verify: an export checked offline, from its bytes alone. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

#define AUDIT_KEPT_MAX 64

/* The last entry that some witness vouches for; 0: none. */
static uint64_t
anchored_to(const struct auditor_result *r)
{
	uint64_t most = 0;

	for (size_t i = 0; i < r->n_anchors; i++)
		if (r->anchors[i].size > most)
			most = r->anchors[i].size;
	return most;
}

static json_t *
anchors_json(const struct auditor_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_anchors; i++)
		json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I}", "witness",
			r->anchors[i].witness, "from", (json_int_t)1, "to",
			(json_int_t)r->anchors[i].size, "time", (json_int_t)r->anchors[i].unix_time));
	return list;
}

static void
anchors_words(const struct auditor_result *r)
{
	uint64_t to = anchored_to(r);

	for (size_t i = 0; i < r->n_anchors; i++)
		printf(_("anchored: entries 1 to %" PRIu64 " by %s at %" PRIu64 "\n"),
			r->anchors[i].size, r->anchors[i].witness, r->anchors[i].unix_time);
	if (to == 0)
		printf(_("anchored by no witness: only what you kept tells of another history\n\n"));
	else if (to < r->size)
		printf(_("not anchored: entries %" PRIu64 " to %" PRIu64 "\n\n"), to + 1, r->size);
	else
		printf("\n");
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

/* The ledger's own keys, with the first size that each signs. */
static json_t *
ledger_keys_json(const struct auditor_result *r)
{
	json_t *list = json_array();
	char vkey[NOTE_VKEY_SIZE];

	for (size_t i = 0; i < r->keys.n; i++)
		if (keychain_vkey_text(&r->keys, r->keys.list[i].from, vkey) == RESULT_OK)
			json_array_append_new(list, json_pack("{s:s,s:I}", "vkey", vkey, "from",
				(json_int_t)r->keys.list[i].from));
	return list;
}

static void
ledger_keys_words(const struct auditor_result *r)
{
	char vkey[NOTE_VKEY_SIZE];

	for (size_t i = 0; i < r->keys.n; i++)
		if (keychain_vkey_text(&r->keys, r->keys.list[i].from, vkey) == RESULT_OK)
			printf(_("ledger key from entry %" PRIu64 " on: %s\n"), r->keys.list[i].from, vkey);
	printf("\n");
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
	json_object_set_new(j, "ledger_keys", ledger_keys_json(r));
	json_object_set_new(j, "roster", roster);
	json_object_set_new(j, "pinned", json_boolean(r->pinned));
	json_object_set_new(j, "resumed", json_integer((json_int_t)r->resumed));
	json_object_set_new(j, "witnessed", anchors_json(r));
	json_object_set_new(j, "anchored_to", json_integer((json_int_t)anchored_to(r)));
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
	anchors_words(r);
	if (r->overdue_late + r->overdue_missing > 0)
		printf(_("overdue: %" PRIu64 " things were done over a minute late, %" PRIu64
			 " not at all; the longest delay is %" PRIu64 " s\n\n"), r->overdue_late,
			r->overdue_missing, r->overdue_worst_us / 1000000);
	ledger_keys_words(r);
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

/* What was typed, and the state's path where only a time was. */
struct typed {
	const char *state;
	struct cli_list kept, witnesses, anchors;
	struct auditor_kept kept_list[AUDIT_KEPT_MAX];
	char state_path[4096];
	uint32_t seconds, from, sample;
	bool accounts;
};

/* ---- when to stop ---- */

static volatile sig_atomic_t interrupted;

struct watch {
	struct cli *cli;
	struct timespec began;
	uint32_t seconds; /* 0: no limit */
};

static void
on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

static bool
verify_stop(void *user)
{
	const struct watch *w = user;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return interrupted || (w->seconds != 0 && now.tv_sec - w->began.tv_sec >= (time_t)w->seconds);
}

static void
verify_progress(void *user, uint64_t done, uint64_t total)
{
	cli_progress(((const struct watch *)user)->cli, _("entries"), done, total);
}

static int
unfinished(struct cli *c, const struct auditor_result *r, const struct auditor_options *o)
{
	if (c->json) {
		out_json_line(json_pack("{s:b,s:b,s:i,s:I,s:I,s:I}", "ok", 0, "finished", 0, "depth",
			(int)o->depth, "reached", (json_int_t)r->reached, "size",
			(json_int_t)r->size, "resumed", (json_int_t)r->resumed));
		return CLI_PART;
	}
	printf(_("not finished: %" PRIu64 " of %" PRIu64 " entries are whole so far\n"), r->reached,
		r->size);
	if (o->state != NULL)
		printf(_("Run the same again to carry on from %s\n"), o->state);
	return CLI_PART;
}

/* One account: a line of JSON, or "balance commodity account". */
static void
account_print(void *user, const struct auditor_account *a)
{
	const struct cli *c = ((const struct watch *)user)->cli;
	char name[AUDITOR_ACCOUNT_SIZE], commodity[AUDITOR_COMMODITY_SIZE];

	auditor_account_name(name, a);
	auditor_commodity_name(commodity, a);
	if (c->json)
		out_json_line(json_pack("{s:s,s:s,s:I}", "account", name, "commodity", commodity, "balance",
			(json_int_t)a->balance));
	else
		printf("%12" PRId64 " %-16s %s\n", a->balance, commodity, name);
}

static int
verify(struct cli *c, const char *dir, struct auditor_options *options, const struct typed *t)
{
	struct watch watch = {.cli = c, .seconds = t->seconds};
	struct auditor_result r;
	enum result err;
	struct stat st;
	int rc = CLI_DONE;

	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return cli_fail_here(c, RESULT_NOT_FOUND, dir, NULL);
	if (options->vkey == NULL)
		fprintf(stderr, "timebox: %s\n",
			_("the verifier key is the export's own: give the one you know with --vkey"));
	clock_gettime(CLOCK_MONOTONIC, &watch.began);
	options->user = &watch;
	options->progress = verify_progress;
	options->stop = verify_stop;
	options->account = t->accounts ? account_print : NULL;
	if (options->state != NULL) {
		signal(SIGINT, on_signal);
		signal(SIGTERM, on_signal);
	}
	err = auditor_verify(dir, options, &r);
	cli_progress_end(c);
	if (err != RESULT_OK)
		return audit_failed(c, err, dir);
	if (r.unfinished)
		rc = unfinished(c, &r, options);
	else if (!r.ok)
		rc = audit_broken(c, &r.broken);
	else if (c->json && !t->accounts)
		verify_json(&r, options->depth);
	else if (!t->accounts)
		verify_words(&r, options->depth);
	auditor_result_free(&r);
	return rc;
}

/* ---- the command line ---- */

static int
typed_check(struct cli *c, const char *dir, struct typed *t, struct auditor_options *o)
{
	struct note_vkey key;
	size_t n = strlen(dir);

	if (t->accounts && o->depth < 2)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--accounts", "%s",
			_("balances are looked at from depth 2 on"));
	if (o->depth > 3)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--depth", "%s", _("0, 1, 2 or 3"));
	if (o->vkey != NULL && (note_vkey_parse(o->vkey, &key) != RESULT_OK ||
				   key.type != NOTE_TYPE_ED25519))
		return cli_fail_here(c, RESULT_BAD_FIELD, "--vkey", NULL);
	for (size_t i = 0; i < t->witnesses.n; i++)
		if (note_vkey_parse(t->witnesses.item[i], &key) != RESULT_OK ||
			key.type != NOTE_TYPE_COSIGNATURE)
			return cli_fail_here(c, RESULT_BAD_FIELD, "--witness", NULL);
	for (size_t i = 0; i < t->kept.n; i++)
		if (i == AUDIT_KEPT_MAX ||
			auditor_kept_parse(t->kept.item[i], &t->kept_list[i]) != RESULT_OK)
			return cli_fail_here(c, RESULT_BAD_FIELD, "--kept", "%s",
				_("a size and a root in base64: 120:zB0...="));
	if ((t->sample != 0) != (o->seed != NULL && o->seed[0] != '\0'))
		return cli_fail_here(c, RESULT_BAD_FIELD, "--sample", "%s",
			_("a sample needs a public --seed, and a seed a --sample"));
	while (n > 1 && dir[n - 1] == '/')
		n--;
	o->state = t->state;
	if (t->state == NULL && t->seconds != 0) {
		snprintf(t->state_path, sizeof(t->state_path), "%.*s.audit", (int)n, dir);
		o->state = t->state_path;
	}
	return CLI_DONE;
}

int
cmd_audit_verify(struct cli *c, int argc, char **argv)
{
	static struct typed t;
	struct auditor_options o = {.depth = 3};
	const char *args[1];
	const struct cli_option options[] = {
		{.name = "depth", .arg = "0|1|2|3", .help = N_("0: bytes and hashes; 1: and signatures, keys; 2: "
			"and what postings come to; 3: and every act decided again (the default)"),
			.number = &o.depth},
		{.name = "from", .arg = "ENTRY", .help = N_("verify no signature on entries before it"),
			.number = &t.from},
		{.name = "sample", .arg = "N", .help = N_("verify these many signatures only, drawn by --seed"),
			.number = &t.sample},
		{.name = "seed", .arg = "TEXT", .help = N_("a seed that was made public after the checkpoint"),
			.text = &o.seed},
		{.name = "no-signatures", .help = N_("do not verify who signed"),
			.flag = &o.no_signatures},
		{.name = "for", .arg = "SECONDS", .help = N_("stop after this time; the same command carries on"),
			.number = &t.seconds},
		{.name = "state", .arg = "FILE", .help = N_("where what was done is kept (with --for: OUTDIR.audit)"),
			.text = &t.state},
		{.name = "accounts", .help = N_("print every account and its balance instead"),
			.flag = &t.accounts},
		{.name = "threads", .arg = "N", .help = N_("as many as processors, if not said"),
			.number = &o.threads},
		{.name = "vkey", .arg = "TEXT", .help = N_("a verifier key of the ledger, as you know it"),
			.text = &o.vkey},
		{.name = "kept", .arg = "SIZE:ROOT", .help = N_("a size and root noted down earlier"),
			.list = &t.kept},
		{.name = "anchor", .arg = "FILE", .help = N_("a checkpoint that somebody kept"),
			.list = &t.anchors},
		{.name = "witness", .arg = "TEXT", .help = N_("the verifier key of a witness who must have cosigned"),
			.list = &t.witnesses},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "OUTDIR", .min = 1, .max = 1, .options = options,
		.help = N_("Checks an export without any connection: every hash, signature, key and "
			   "balance, and that the rules gave exactly this. Names the first broken entry and "
			   "ends with exit code 6."),
		.examples = "  timebox audit verify copy\n"
			    "  timebox audit verify copy --vkey \"$(cat vkey.txt)\" --kept 120:zB0…= --json\n"
			    "  timebox audit verify copy --for 600\n",
	};
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if ((rc = typed_check(c, args[0], &t, &o)) != CLI_DONE)
		return rc;
	o.from = t.from;
	o.sample = t.sample;
	o.kept = t.kept_list;
	o.n_kept = t.kept.n;
	o.witnesses = t.witnesses.item;
	o.n_witnesses = t.witnesses.n;
	o.anchors = t.anchors.item;
	o.n_anchors = t.anchors.n;
	return verify(c, args[0], &o, &t);
}
