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

const char *
proof_wrong(const char *text, size_t n, const struct keychain *keys, struct receipt *out,
	struct checkpoint *at)
{
	enum result err = receipt_parse(text, n, out);
	struct note_vkey key;

	if (err != RESULT_OK)
		return _("it is no receipt");
	if (!out->has_leaf)
		return _("it does not say the entry's hash (line extra)");
	err = checkpoint_parse(out->checkpoint, out->checkpoint_len, at);
	if (err == RESULT_OK) {
		keychain_vkey(keys, at->size, &key);
		err = receipt_verify(out, out->leaf, &key, at);
	}
	if (err == RESULT_CORRUPT)
		return _("the entry is not in the ledger of its checkpoint");
	if (err != RESULT_OK)
		return _("its checkpoint is not signed by the key that you know, or was changed since. If the ledger's key was "
			 "changed, say with --keys which keys it had: a file of timebox station keys, or an export");
	return strcmp(at->origin, keys->origin) == 0 ? NULL : _("it is of another ledger");
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
