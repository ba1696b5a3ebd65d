/* The entries of an export one after the other, for what is no verification. */
#include "client/auditor/auditor_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_ARENA (16u << 20)

struct walker {
	struct walk *walk;
	const char *dir;
	walk_fn fn;
	void *ctx;
	struct arena arena;
	struct tree_frontier leaves;
	struct auditor_broken *broken;
};

static enum result
head_read(struct walker *r, const char *given)
{
	char note[NOTE_MAX_BYTES + 2], stored[NOTE_VKEY_SIZE];
	struct keychain keys;
	size_t n;
	enum result err = given != NULL ? RESULT_OK : vkey_read(r->dir, stored);

	if (err == RESULT_IO)
		return err;
	if (err == RESULT_OK)
		err = auditor_keys(r->dir, given != NULL ? given : stored, &keys);
	if (err == RESULT_IO || err == RESULT_NO_MEMORY)
		return err;
	if (err != RESULT_OK)
		return broken_set(r->broken, "vkey", 0, _("the verifier key is not one of a ledger"));
	if ((err = files_read(r->dir, "checkpoint", note, sizeof(note), &n)) == RESULT_IO)
		return err;
	if (err == RESULT_OK)
		err = keychain_checkpoint(&keys, note, n, &r->walk->at);
	if (err == RESULT_NO_MEMORY || err == RESULT_OK)
		return err;
	return broken_set(r->broken, "checkpoint", 0,
	    _("the checkpoint is not signed by the key that the ledger has at its size, or was changed since"));
}

static enum result
entry_take(struct walker *r, struct said_bytes bytes)
{
	uint64_t seq = r->leaves.size + 1;
	uint8_t leaf[HASH_LEN];
	struct deed deed;
	struct said said;
	enum result err;

	arena_reset(&r->arena);
	err = said_decode(bytes.p, bytes.n, &r->arena, &said);
	if (err == RESULT_OK && said.seq != seq)
		return broken_set(r->broken, "sequence", seq,
		    _("entry %" PRIu64 " stands in its place"), said.seq);
	if (err == RESULT_OK)
		err = deed_decode(said.act, r->walk->at.origin, &r->arena, &deed);
	if (err == RESULT_NO_MEMORY)
		return err;
	if (err != RESULT_OK)
		return broken_set(r->broken, "encoding", seq,
		    _("its bytes are no canonical entry (%s)"), result_name(err));
	if (seq == 1 && deed.refusal == RESULT_OK)
		r->walk->zone_minutes = deed.act.commands[0].zone_minutes;
	tree_leaf_hash(bytes.p, bytes.n, leaf);
	tree_frontier_append(&r->leaves, leaf);
	return r->fn(r->ctx, r->walk, bytes, &said, &deed);
}

static enum result
entries_take(struct walker *r)
{
	uint8_t *buf = malloc(FILES_ENTRY_MAX), root[HASH_LEN];
	uint64_t size = r->walk->at.size;
	struct tiles t;
	enum result err = RESULT_OK;
	size_t n;

	if (buf == NULL)
		return RESULT_NO_MEMORY;
	tiles_begin(&t, r->dir, TILE_ENTRIES, size);
	while (err == RESULT_OK && r->leaves.size < size &&
	       (err = tiles_entry(&t, buf, &n)) == RESULT_OK)
		err = entry_take(r, (struct said_bytes){buf, n});
	tiles_end(&t);
	free(buf);
	if (err == RESULT_NOT_FOUND)
		return broken_set(r->broken, "cut", r->leaves.size + 1,
		    _("the export ends before it, after %" PRIu64 " entries"), r->leaves.size);
	if (err == RESULT_BAD_FRAME)
		return broken_set(r->broken, "framing", r->leaves.size + 1,
		    _("its length does not fit the bundle"));
	if (err != RESULT_OK)
		return err;
	tree_frontier_root(&r->leaves, root);
	if (memcmp(root, r->walk->at.root, HASH_LEN) == 0)
		return RESULT_OK;
	return broken_set(r->broken, "root", 0,
	    _("the entries do not have the checkpoint's root: verify the export"));
}

enum result
walk(const char *dir, const char *vkey, walk_fn fn, void *ctx, struct auditor_broken *why,
    struct walk *w)
{
	struct walker *r = calloc(1, sizeof(*r));
	enum result err = RESULT_NO_MEMORY;

	memset(w, 0, sizeof(*w));
	if (r == NULL)
		return err;
	*r = (struct walker){.walk = w, .dir = dir, .fn = fn, .ctx = ctx, .broken = why};
	tree_frontier_init(&r->leaves);
	if (arena_init(&r->arena, ENTRY_ARENA) == RESULT_OK &&
	    (err = head_read(r, vkey)) == RESULT_OK)
		err = entries_take(r);
	arena_free(&r->arena);
	free(r);
	return err;
}
