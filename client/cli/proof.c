#include "client/cli/proof.h"

#include <string.h>

#include "client/auditor/files.h"
#include "client/cli/out.h"
#include "proto/tile.h"

int
proof_broken(const struct cli *c, const char *what, const char *why)
{
	if (c->json)
		out_json_line(json_pack("{s:b,s:s,s:s}", "ok", 0, "file", what, "why", why));
	else
		printf(_("NOT PROVED: %s: %s\n"), what, why);
	return CLI_VERIFY;
}

int
proof_key(struct cli *c, const char *vkey, struct note_vkey *out)
{
	int rc = vkey == NULL ? cli_home_open(c) : CLI_DONE;

	if (rc != CLI_DONE)
		return rc;
	if (note_vkey_parse(vkey == NULL ? c->home.vkey : vkey, out) != RESULT_OK ||
		out->type != NOTE_TYPE_ED25519)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--vkey", NULL);
	return CLI_DONE;
}

const char *
proof_wrong(const char *text, size_t n, const struct note_vkey *key, struct receipt *out,
	struct checkpoint *at)
{
	enum result err = receipt_parse(text, n, out);

	if (err != RESULT_OK)
		return _("it is no receipt");
	if (!out->has_leaf)
		return _("it does not say the entry's hash (line extra)");
	err = receipt_verify(out, out->leaf, key, at);
	if (err == RESULT_CORRUPT)
		return _("the entry is not in the ledger of its checkpoint");
	if (err != RESULT_OK)
		return _("its checkpoint is not signed by the ledger's key, or was changed since");
	return strcmp(at->origin, key->name) == 0 ? NULL : _("it is of another ledger");
}

int
proof_in_export(const struct cli *c, const char *dir, const char *what, uint64_t seq,
	uint8_t leaf[HASH_LEN])
{
	char note[NOTE_MAX_BYTES + 2], name[TILE_PATH_SIZE], tile[TILE_WIDTH * HASH_LEN + 1];
	uint64_t n = (seq - 1) / TILE_WIDTH, left;
	size_t len, at = (size_t)((seq - 1) % TILE_WIDTH) * HASH_LEN;
	struct checkpoint p;

	if (files_read(dir, "checkpoint", note, sizeof(note), &len) != RESULT_OK ||
		checkpoint_parse(note, len, &p) != RESULT_OK)
		return cli_fail_here(c, RESULT_NOT_FOUND, dir, "%s", _("is no export"));
	if (seq > p.size)
		return proof_broken(c, what, _("the export ends before this entry"));
	left = p.size - n * TILE_WIDTH;
	tile_path(name, sizeof(name), 0, n, left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH);
	if (files_read(dir, name, tile, sizeof(tile), &len) != RESULT_OK || len < at + HASH_LEN)
		return cli_fail_here(c, RESULT_CORRUPT, dir, "%s", name);
	memcpy(leaf, tile + at, HASH_LEN);
	return CLI_DONE;
}
