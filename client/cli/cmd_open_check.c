/* timebox open check: whether the text of an opening is what the ledger committed to, offline. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/auditor.h"
#include "client/auditor/files.h"
#include "client/cli/commands.h"
#include "client/cli/ledger_keys.h"
#include "client/cli/out.h"
#include "client/cli/proof.h"

struct check {
	const char *file, *vkey, *keys_from, *export;
	struct keychain keys;
	struct arena arena;
	uint8_t bytes[AUDITOR_OPENING_MAX + 1];
	struct auditor_opening opening;
	struct checkpoint at; /* of the ledger that has both entries */
};

/* The proof must be of this entry, and hold. */
static const char *
entry_wrong(struct check *k, const char *proof, uint64_t seq, const uint8_t leaf[HASH_LEN])
{
	struct receipt r;
	const char *why = proof_wrong(proof, strlen(proof), &k->keys, &r, &k->at);

	if (why != NULL)
		return why;
	return r.index == seq - 1 && memcmp(r.leaf, leaf, HASH_LEN) == 0
		? NULL : _("its proofs are of other entries");
}

static int
check_export(const struct cli *c, const struct check *k)
{
	uint8_t leaf[HASH_LEN];
	int rc;

	if (k->export == NULL)
		return CLI_DONE;
	rc = proof_in_export(c, k->export, k->file, k->opening.entry_seq, leaf);
	if (rc != CLI_DONE || memcmp(leaf, k->opening.entry_leaf, HASH_LEN) == 0)
		return rc;
	return proof_broken(c, k->file, _("the export has another entry there"));
}

static int
check_proofs(const struct cli *c, struct check *k)
{
	const struct auditor_opening *o = &k->opening;
	const char *why = entry_wrong(k, o->proof, o->seq, o->leaf);

	if (why == NULL)
		why = entry_wrong(k, o->entry_proof, o->entry_seq, o->entry_leaf);
	return why != NULL ? proof_broken(c, k->file, why) : check_export(c, k);
}

static int
check_read(struct cli *c, struct check *k)
{
	const char *why = NULL;
	size_t n = 0;
	enum result err = files_read(NULL, k->file, k->bytes, sizeof(k->bytes), &n);

	if (err != RESULT_OK && err != RESULT_OVERFLOW)
		return cli_fail_here(c, err, k->file, NULL);
	if (err == RESULT_OVERFLOW)
		return proof_broken(c, k->file, _("it is no opening"));
	err = auditor_opening(k->bytes, n, k->keys.origin, &k->arena, &k->opening, &why);
	if (err == RESULT_CORRUPT)
		return proof_broken(c, k->file, why);
	return err == RESULT_OK ? CLI_DONE : cli_fail_here(c, err, k->file, NULL);
}

/* ---- what was proved ---- */

/* A field of the texts, for people. */
static const char *
field_label(const char *name)
{
	static const char *const labels[] = {N_("number"), N_("name"), N_("unit"), N_("zone"), N_("phone"),
		N_("group"), N_("activity"), N_("place"), N_("beneficiary"), N_("responsible"), N_("token")};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strcmp(labels[i], name) == 0)
			return _(labels[i]);
	return name;
}

/* All fields of the texts are strings. */
static const char *
field_value(const ProtobufCMessage *text, unsigned i)
{
	const char *const *at =
		(const char *const *)(const void *)((const char *)text + text->descriptor->fields[i].offset);

	return *at;
}

/* The id as `timebox open` takes it: rows are of the only command of their act, all others have row 0. */
static uint32_t
place_index(const struct auditor_opening *o)
{
	return o->command + o->row;
}

static void
opening_json(const struct check *k)
{
	const struct auditor_opening *o = &k->opening;
	json_t *text = json_object();

	for (unsigned i = 0; i < o->text->descriptor->n_fields; i++)
		if (field_value(o->text, i)[0] != '\0')
			json_object_set_new(text, o->text->descriptor->fields[i].name,
				json_string(field_value(o->text, i)));
	out_json_line(json_pack("{s:b,s:o,s:s,s:I,s:o,s:I,s:s,s:s,s:s,s:I,s:o}", "ok", 1, "id",
		out_json_id(o->entry_seq, place_index(o)), "command", out_command_name(o->kind), "member",
		(json_int_t)o->member, "opened", out_json_id(o->seq, 0), "time_us", (json_int_t)o->time_us, "ground",
		out_word(&timebox__v1__legal_ground__descriptor, (int)o->ground), "reference", o->reference,
		"origin", k->at.origin, "size", (json_int_t)k->at.size, "text", text));
}

static void
opening_print(const struct check *k)
{
	const struct auditor_opening *o = &k->opening;
	char id[OUT_ID_SIZE], time[OUT_TIME_SIZE];

	(void)out_id(id, o->entry_seq, place_index(o));
	printf(_("proved: %s (%s) of the ledger %s stands for this text\n"), id, out_command_text(o->kind),
		k->at.origin);
	for (unsigned i = 0; i < o->text->descriptor->n_fields; i++)
		if (field_value(o->text, i)[0] != '\0')
			printf("  %s: %s\n", field_label(o->text->descriptor->fields[i].name),
				field_value(o->text, i));
	printf(_("written      %s UTC\n"), out_time(time, o->entry_time_us, 0));
	if (o->member != 0)
		printf(_("whose        member's id %" PRIu64 "\n"), o->member);
	printf(_("opened       entry %" PRIu64 ", %s UTC\n"), o->seq, out_time(time, o->time_us, 0));
	printf(_("ground       %s, reference %s\n"), out_ground((Timebox__V1__LegalGround)o->ground), o->reference);
}

static int
check_all(struct cli *c, struct check *k)
{
	int rc = ledger_keys_known(c, k->vkey, k->keys_from, &k->keys);

	if (rc == CLI_DONE)
		rc = check_read(c, k);
	if (rc == CLI_DONE)
		rc = check_proofs(c, k);
	if (rc == CLI_DONE && c->json)
		opening_json(k);
	else if (rc == CLI_DONE)
		opening_print(k);
	return rc;
}

int
cmd_open_check(struct cli *c, int argc, char **argv)
{
	struct check *k = calloc(1, sizeof(*k));
	const char *args[1];
	int rc;

	if (k == NULL || arena_init(&k->arena, AUDITOR_OPENING_ARENA) != RESULT_OK) {
		free(k);
		return cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	}
	const struct cli_option options[] = {
		{.name = "vkey", .arg = "TEXT", .text = &k->vkey,
			.help = N_("a verifier key of the ledger, as you know it (else this home's)")},
		{.name = "keys", .arg = "PATH", .text = &k->keys_from,
			.help = N_("a file of timebox station keys, or an export: leads from that key to the others")},
		{.name = "export", .arg = "DIR", .text = &k->export,
			.help = N_("an export that has to have the same entry")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "FILE", .min = 1, .max = 1, .options = options,
		.help = N_("Checks a saved opening, without a connection, and shows its text: that the entry committed to it, that it "
			   "is the text of the member whom the opening names, and that both entries are in the ledger."),
		.examples = "  timebox open check opening --vkey \"$(cat vkey.txt)\"\n"
			    "  timebox open check opening --vkey \"$(cat vkey.txt)\" --export copy\n",
	};

	cli_parse(c, &usage, argc, argv, args);
	k->file = args[0];
	rc = check_all(c, k);
	arena_free(&k->arena);
	crypto_wipe(k->bytes, sizeof(k->bytes));
	free(k);
	return rc;
}
