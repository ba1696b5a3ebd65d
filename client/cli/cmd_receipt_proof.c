/* timebox receipt get, save, check, slip: proofs that an act's entry is in the ledger. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/ledger_keys.h"
#include "client/cli/out.h"
#include "client/cli/proof.h"

/* "1234", or a request id with or without dashes. */
static int
which(const struct cli *c, const char *text, Timebox__V1__GetProof *ask, uint8_t id[UUID7_LEN])
{
	char plain[2 * UUID7_LEN + 1];
	size_t n = 0, digits = strspn(text, "0123456789");

	if (text[digits] == '\0' && digits > 0 && digits <= 18) {
		ask->seq = strtoull(text, NULL, 10);
		return CLI_DONE;
	}
	for (; *text != '\0' && n < sizeof(plain); text++)
		if (*text != '-')
			plain[n++] = *text;
	if (n != 2 * UUID7_LEN || hex_decode(id, UUID7_LEN, plain, n) != RESULT_OK)
		return cli_fail_here(c, RESULT_BAD_REQUEST_ID, "WHICH", NULL);
	ask->request_id = timebox_bytes(id, UUID7_LEN);
	return CLI_DONE;
}

static int
proof_ask(struct cli *c, const char *text, bool witnessed, Timebox__V1__Response **out)
{
	struct timebox *tb = NULL;
	Timebox__V1__GetProof ask;
	Timebox__V1__Call call;
	struct keychain keys;
	uint8_t id[UUID7_LEN] = {0};
	int rc;

	timebox__v1__get_proof__init(&ask);
	timebox__v1__call__init(&call);
	ask.witnessed = witnessed;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_PROOF;
	call.get_proof = &ask;
	rc = which(c, text, &ask, id);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_PROOF, out);
	/* So that the home can check it when it is alone. */
	if (rc == CLI_DONE)
		rc = ledger_keys_ask(c, tb, &keys);
	timebox_close(tb);
	return rc;
}

/* ---- get, save ---- */

static void
proof_tell(const struct cli *c, const Timebox__V1__Proof *p, const char *file)
{
	char leaf[2 * HASH_LEN + 1] = "";
	json_t *j;

	if (p->leaf.len == HASH_LEN)
		(void)hex_encode(leaf, sizeof(leaf), p->leaf.data, HASH_LEN);
	if (c->json) {
		j = json_pack("{s:I,s:s,s:s}", "seq", (json_int_t)p->seq, "leaf", leaf, "short", p->short_form);
		if (file == NULL)
			json_object_set_new(j, "proof", json_string(p->proof));
		else
			json_object_set_new(j, "file", json_string(file));
		out_json_line(j);
		return;
	}
	printf(_("entry        %" PRIu64 "\n"), p->seq);
	printf(_("leaf         %s\n"), leaf);
	printf(_("short form   %s\n"), p->short_form);
	if (file == NULL)
		printf("\n%s", p->proof);
	else
		printf(_("saved in     %s\n"), file);
}

static int
proof_save(const struct cli *c, const Timebox__V1__Proof *p, const char *path)
{
	FILE *file = fopen(path, "wxe");
	int ok;

	if (file == NULL)
		return cli_fail_here(c, errno == EEXIST ? RESULT_EXISTS : RESULT_IO, path, "%s", strerror(errno));
	ok = fputs(p->proof, file) >= 0;
	ok &= fclose(file) == 0;
	return ok ? CLI_DONE : cli_fail_here(c, RESULT_IO, path, "%s", strerror(errno));
}

static const char witnessed_help[] = N_("by the newest checkpoint that the witnesses signed");

/* `path` NULL: shown only. */
static int
proof_fetch(struct cli *c, const char *which, bool witnessed, const char *path)
{
	Timebox__V1__Response *answer = NULL;
	int rc = proof_ask(c, which, witnessed, &answer);

	if (rc == CLI_DONE && path != NULL)
		rc = proof_save(c, answer->proof, path);
	if (rc == CLI_DONE)
		proof_tell(c, answer->proof, path);
	timebox_response_free(answer);
	return rc;
}

int
cmd_receipt_get(struct cli *c, int argc, char **argv)
{
	const char *args[1];
	bool witnessed = false;
	const struct cli_option options[] = {
		{.name = "witnessed", .help = witnessed_help, .flag = &witnessed},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "WHICH", .min = 1, .max = 1, .options = options,
		.help = N_("Shows the proof that an entry is in the ledger: its number, hash, short form, and the C2SP "
			   "tlog-proof. WHICH is the entry's number or the request id of an act."),
		.examples = "  timebox receipt get 1234\n"
			    "  timebox receipt get 01890a5d-ac96-774b-bcce-b302099a8057 --witnessed\n",
	};

	cli_parse(c, &usage, argc, argv, args);
	return proof_fetch(c, args[0], witnessed, NULL);
}

int
cmd_receipt_save(struct cli *c, int argc, char **argv)
{
	const char *args[2];
	bool witnessed = false;
	const struct cli_option options[] = {
		{.name = "witnessed", .help = witnessed_help, .flag = &witnessed},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "WHICH FILE", .min = 2, .max = 2, .options = options,
		.help = N_("Saves that proof as a file (C2SP tlog-proof) that anybody can check without the station, at "
			   "any time. An existing file is not overwritten."),
		.examples = "  timebox receipt save 1234 act-1234.tlog-proof\n"
			    "  timebox receipt check act-1234.tlog-proof\n",
	};

	cli_parse(c, &usage, argc, argv, args);
	return proof_fetch(c, args[0], witnessed, args[1]);
}

/* ---- check: offline ---- */

struct check {
	const char *file;
	const char *vkey, *keys_from;
	const char *slip;
	struct cli_list witnesses;
	char text[RECEIPT_MAX_BYTES + 1];
	size_t len;
	struct receipt receipt;
	struct checkpoint checkpoint;
	struct keychain keys;
};

static int
check_load(struct cli *c, struct check *k)
{
	FILE *file = fopen(k->file, "re");
	int bad;

	if (file == NULL)
		return cli_fail_here(c, errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO, k->file, "%s", strerror(errno));
	k->len = fread(k->text, 1, sizeof(k->text), file);
	bad = ferror(file);
	(void)fclose(file);
	return bad ? cli_fail_here(c, RESULT_IO, k->file, NULL) : ledger_keys_known(c, k->vkey, k->keys_from, &k->keys);
}

/* The slip's short form must be this receipt's. */
static int
check_slip(const struct cli *c, const struct check *k)
{
	uint8_t hash[RECEIPT_SHORT_HASH];
	uint64_t seq;

	if (k->slip == NULL)
		return CLI_DONE;
	if (receipt_short_parse(k->slip, &seq, hash) != RESULT_OK)
		return cli_fail_here(c, RESULT_BAD_CODE, "--slip", NULL);
	if (seq != k->receipt.index + 1 || memcmp(hash, k->receipt.leaf, sizeof(hash)) != 0)
		return proof_broken(c, k->file, _("it is of another entry than the slip"));
	return CLI_DONE;
}

static int
check_witnesses(const struct cli *c, const struct check *k, json_t *list)
{
	for (size_t i = 0; i < k->witnesses.n; i++) {
		char time[OUT_TIME_SIZE];
		struct note_vkey w;
		uint64_t when = 0;

		if (note_vkey_parse(k->witnesses.item[i], &w) != RESULT_OK || w.type != NOTE_TYPE_COSIGNATURE)
			return cli_fail_here(c, RESULT_BAD_FIELD, "--witness", NULL);
		if (cosignature_verify(k->receipt.checkpoint, k->receipt.checkpoint_len, &w, &when) != RESULT_OK)
			return proof_broken(c, k->file, _("a witness that was named did not sign its checkpoint"));
		json_array_append_new(list, json_pack("{s:s,s:I}", "name", w.name, "time", (json_int_t)when));
		if (!c->json)
			printf(_("witness      %s, %s UTC\n"), w.name, out_time(time, when * 1000000, 0));
	}
	return CLI_DONE;
}

static int
check_proof(struct cli *c, struct check *k)
{
	const char *why = proof_wrong(k->text, k->len, &k->keys, &k->receipt, &k->checkpoint);

	return why != NULL ? proof_broken(c, k->file, why) : check_slip(c, k);
}

static int
check_all(struct cli *c, struct check *k)
{
	char slip[RECEIPT_SHORT_SIZE];
	json_t *list;
	int rc = check_load(c, k);

	if (rc == CLI_DONE)
		rc = check_proof(c, k);
	if (rc != CLI_DONE)
		return rc;
	list = json_array();
	rc = check_witnesses(c, k, list);
	receipt_short(slip, k->receipt.index + 1, k->receipt.leaf);
	if (rc != CLI_DONE)
		json_decref(list);
	else if (c->json)
		out_json_line(json_pack("{s:b,s:I,s:s,s:s,s:I,s:o,s:o}", "ok", 1, "seq",
			(json_int_t)k->receipt.index + 1, "short", slip, "origin", k->checkpoint.origin, "size",
			(json_int_t)k->checkpoint.size, "leaf", out_json_hex(k->receipt.leaf, HASH_LEN),
			"witnesses", list));
	else {
		json_decref(list);
		printf(_("proved: entry %" PRIu64 " (%s) is in the ledger %s of %" PRIu64 " entries\n"),
			k->receipt.index + 1, slip, k->checkpoint.origin, k->checkpoint.size);
	}
	return rc;
}

int
cmd_receipt_check(struct cli *c, int argc, char **argv)
{
	struct check *k = calloc(1, sizeof(*k));
	const char *args[1];
	int rc;

	if (k == NULL)
		return cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	const struct cli_option options[] = {
		{.name = "vkey", .arg = "TEXT", .text = &k->vkey,
			.help = N_("a verifier key of the ledger, as you know it (else this home's)")},
		{.name = "keys", .arg = "PATH", .text = &k->keys_from,
			.help = N_("a file of timebox station keys, or an export: leads from that key to the others")},
		{.name = "slip", .arg = "SHORT", .text = &k->slip,
			.help = N_("the short form on the slip: the receipt must be of that entry")},
		{.name = "witness", .arg = "VKEY", .list = &k->witnesses,
			.help = N_("a witness that must have signed; may be given more than once")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "FILE", .min = 1, .max = 1, .options = options,
		.help = N_("Checks a saved receipt, without a connection: the ledger's signature, the path from the entry to "
			   "the root, and the witnesses that are named."),
		.examples = "  timebox receipt check act-1234.tlog-proof\n"
			    "  timebox receipt check act-1234.tlog-proof --vkey \"$(cat vkey.txt)\" --slip 1234-9RJQ-4CKM-N\n",
	};

	cli_parse(c, &usage, argc, argv, args);
	k->file = args[0];
	rc = check_all(c, k);
	free(k);
	return rc;
}

/* ---- slip: the short form against an export, or the daemon ---- */

static int
slip_tell(const struct cli *c, const char *text, uint64_t seq, const uint8_t hash[RECEIPT_SHORT_HASH],
	const uint8_t leaf[HASH_LEN])
{
	if (memcmp(hash, leaf, RECEIPT_SHORT_HASH) != 0)
		return proof_broken(c, text, _("the entry of this number has another hash"));
	if (c->json)
		out_json_line(json_pack("{s:b,s:I,s:o}", "ok", 1, "seq", (json_int_t)seq, "leaf",
			out_json_hex(leaf, HASH_LEN)));
	else
		printf(_("right: entry %" PRIu64 " has this hash\n"), seq);
	return CLI_DONE;
}

static int
slip_in_export(const struct cli *c, const char *dir, const char *text, uint64_t seq,
	const uint8_t hash[RECEIPT_SHORT_HASH])
{
	uint8_t leaf[HASH_LEN];
	int rc = proof_in_export(c, dir, text, seq, leaf);

	return rc == CLI_DONE ? slip_tell(c, text, seq, hash, leaf) : rc;
}

static int
slip_at_daemon(struct cli *c, const char *text, uint64_t seq, const uint8_t hash[RECEIPT_SHORT_HASH])
{
	char number[32];
	Timebox__V1__Response *answer = NULL;
	int rc;

	(void)snprintf(number, sizeof(number), "%" PRIu64, seq);
	rc = proof_ask(c, number, false, &answer);
	if (rc == CLI_DONE && answer->proof->leaf.len != HASH_LEN)
		rc = cli_fail_here(c, RESULT_BAD_MESSAGE, "proof", NULL);
	else if (rc == CLI_DONE)
		rc = slip_tell(c, text, seq, hash, answer->proof->leaf.data);
	timebox_response_free(answer);
	return rc;
}

int
cmd_receipt_slip(struct cli *c, int argc, char **argv)
{
	const char *args[1], *dir = NULL;
	const struct cli_option options[] = {
		{.name = "export", .arg = "DIR", .text = &dir,
			.help = N_("against an export, without a connection")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "SHORT", .min = 1, .max = 1, .options = options,
		.help = N_("Checks the short form of a receipt, as it stands on a slip or in a passbook, against the ledger "
			   "as the daemon or an export has it."),
		.examples = "  timebox receipt slip 1234-9RJQ-4CKM-N\n"
			    "  timebox receipt slip 1234-9RJQ-4CKM-N --export copy\n",
	};
	uint8_t hash[RECEIPT_SHORT_HASH] = {0};
	uint64_t seq = 0;

	cli_parse(c, &usage, argc, argv, args);
	if (receipt_short_parse(args[0], &seq, hash) != RESULT_OK)
		return cli_fail_here(c, RESULT_BAD_CODE, "SHORT", NULL);
	return dir != NULL ? slip_in_export(c, dir, args[0], seq, hash) : slip_at_daemon(c, args[0], seq, hash);
}
