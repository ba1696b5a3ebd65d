#include "client/auditor/auditor_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUNDLE_BYTES ((size_t)TILE_WIDTH * (FILES_ENTRY_MAX + 2))

struct auditor_export {
	char *dir;
	char vkey[NOTE_VKEY_SIZE]; /* of the size that is exported */
	char note[NOTE_MAX_BYTES + 2];
	struct checkpoint at;	/* what is being exported */
	struct checkpoint from; /* what was there; size 0: nothing */
	struct tree_frontier leaves;
	uint64_t left; /* entries in full bundles that an interrupted export left beyond `from` */
	struct tiler tiler;
	uint8_t *bundle; /* of the entries since the last full one */
	size_t bundle_len;
};

/* ---- writing ---- */

/* Whether the file is there and has these bytes. */
static bool
tile_stored(const struct auditor_export *x, const char *name, const uint8_t *hashes, size_t n)
{
	uint8_t stored[TILE_BYTES + 2];
	size_t len;

	return files_read(x->dir, name, stored, sizeof(stored), &len) == RESULT_OK && len == n &&
	       memcmp(stored, hashes, n) == 0;
}

/* Tiles that the older export had in full stay, unless they are damaged. */
static enum result
tile_write(void *ctx, int level, uint64_t n, const uint8_t *hashes, unsigned width)
{
	const struct auditor_export *x = ctx;
	unsigned shift = 8 * ((unsigned)level + 1);
	uint64_t had = shift < 64 ? x->from.size >> shift : 0;
	char name[TILE_PATH_SIZE];

	tile_path(name, sizeof(name), level, n, width);
	if (n < had && tile_stored(x, name, hashes, (size_t)width * HASH_LEN))
		return RESULT_OK;
	return files_write(x->dir, name, hashes, (size_t)width * HASH_LEN);
}

static enum result
bundle_write(struct auditor_export *x, uint64_t n, unsigned width)
{
	char name[TILE_PATH_SIZE];
	size_t len = x->bundle_len;

	x->bundle_len = 0;
	if (n < x->from.size / TILE_WIDTH)
		return RESULT_OK;
	tile_path(name, sizeof(name), TILE_ENTRIES, n, width);
	return files_write(x->dir, name, x->bundle, len);
}

static enum result
entry_add(struct auditor_export *x, const uint8_t *entry, size_t n)
{
	uint8_t leaf[HASH_LEN];
	enum result err;

	x->bundle[x->bundle_len] = (uint8_t)(n >> 8);
	x->bundle[x->bundle_len + 1] = (uint8_t)n;
	memcpy(x->bundle + x->bundle_len + 2, entry, n);
	x->bundle_len += n + 2;
	tree_leaf_hash(entry, n, leaf);
	tree_frontier_append(&x->leaves, leaf);
	if ((err = tiler_leaf(&x->tiler, leaf)) != RESULT_OK)
		return err;
	if (x->leaves.size % TILE_WIDTH != 0)
		return RESULT_OK;
	return bundle_write(x, x->leaves.size / TILE_WIDTH - 1, TILE_WIDTH);
}

/* ---- what was there ---- */

/* Reads the older export's entries again; they must have its checkpoint's root. */
static enum result
older_read(struct auditor_export *x, struct auditor_broken *why)
{
	uint8_t *buf = malloc(FILES_ENTRY_MAX), root[HASH_LEN];
	struct tiles t;
	enum result err = RESULT_OK;
	size_t n;

	if (buf == NULL)
		return RESULT_NO_MEMORY;
	tiles_begin(&t, x->dir, TILE_ENTRIES, x->from.size);
	while (err == RESULT_OK && x->leaves.size < x->from.size) {
		err = tiles_entry(&t, buf, &n);
		if (err == RESULT_OK)
			err = entry_add(x, buf, n);
	}
	tiles_end(&t);
	free(buf);
	if (err == RESULT_NOT_FOUND || err == RESULT_BAD_FRAME)
		return broken_set(why, "cut", x->leaves.size + 1,
		    _("the export that is there is damaged: verify it, or export into another "
		      "folder"));
	tree_frontier_root(&x->leaves, root);
	if (err == RESULT_OK && memcmp(root, x->from.root, HASH_LEN) != 0)
		return broken_set(why, "root", 0,
		    _("the export that is there is damaged: verify it, or export into another "
		      "folder"));
	return err;
}

/* A full bundle is there. */
static bool
bundle_there(const struct auditor_export *x, uint64_t n)
{
	char name[TILE_PATH_SIZE];
	uint8_t first[2];
	size_t got;

	tile_path(name, sizeof(name), TILE_ENTRIES, n, TILE_WIDTH);
	return files_read(x->dir, name, first, sizeof(first), &got) == RESULT_OVERFLOW;
}

/* Full bundles that an export left which was interrupted: they need not be fetched again. Whether they are of this ledger
 * is seen at the end, by the root. */
static enum result
left_read(struct auditor_export *x)
{
	uint64_t n = x->leaves.size / TILE_WIDTH, skip = x->leaves.size % TILE_WIDTH;
	uint8_t *buf = malloc(FILES_ENTRY_MAX);
	enum result err = RESULT_OK;

	if (buf == NULL)
		return RESULT_NO_MEMORY;
	for (; err == RESULT_OK && (n + 1) * TILE_WIDTH <= x->at.size && bundle_there(x, n); n++) {
		struct tiles t;
		size_t len;

		tiles_begin(&t, x->dir, TILE_ENTRIES, (n + 1) * TILE_WIDTH);
		t.n = n;
		for (uint64_t i = 0; err == RESULT_OK && i < TILE_WIDTH; i++) {
			err = tiles_entry(&t, buf, &len);
			if (err == RESULT_OK && i >= skip)
				err = entry_add(x, buf, len);
		}
		tiles_end(&t);
		skip = 0;
		if (err == RESULT_OK)
			x->left = (n + 1) * TILE_WIDTH;
	}
	free(buf);
	/* A bundle that is no bundle: what was taken of it is made good by nothing but a new start. */
	return err == RESULT_NOT_FOUND || err == RESULT_BAD_FRAME ? RESULT_CORRUPT : err;
}

/* What was left does not fit: away with it, the next export fetches it. */
static void
left_remove(struct auditor_export *x)
{
	char name[TILE_PATH_SIZE];

	for (uint64_t n = x->from.size / TILE_WIDTH; bundle_there(x, n); n++) {
		tile_path(name, sizeof(name), TILE_ENTRIES, n, TILE_WIDTH);
		files_remove(x->dir, name);
	}
}

/* The older checkpoint, where there is one, must be of this ledger and not beyond the new one. */
static enum result
older_check(struct auditor_export *x, const struct keychain *keys, struct auditor_broken *why)
{
	char note[NOTE_MAX_BYTES + 2];
	size_t n;
	enum result err = files_read(x->dir, "checkpoint", note, sizeof(note), &n);

	if (err == RESULT_NOT_FOUND)
		return RESULT_OK;
	if (err == RESULT_IO)
		return err;
	err = keychain_checkpoint(keys, note, n, &x->from);
	if (err == RESULT_NO_MEMORY)
		return err;
	if (err != RESULT_OK || strcmp(x->from.origin, x->at.origin) != 0)
		return broken_set(why, "checkpoint", 0,
		    _("the export that is there is of another ledger, or its checkpoint was "
		      "changed"));
	if (x->from.size > x->at.size)
		return broken_set(why, "cut", x->at.size + 1,
		    _("THE LEDGER WAS CUT: it signed %" PRIu64 " entries before, now %" PRIu64
		      ". Keep both checkpoints and tell the others who audit it"),
		    x->from.size, x->at.size);
	if (x->from.size == x->at.size && memcmp(x->from.root, x->at.root, HASH_LEN) != 0)
		return broken_set(why, "fork", 0,
		    _("THE LEDGER WAS REWRITTEN: it signed two roots for its first %" PRIu64
		      " entries. Keep both checkpoints and tell the others who audit it"),
		    x->at.size);
	return older_read(x, why);
}

/* ---- the export ---- */

static enum result
begin(struct auditor_export *x, const struct keychain *keys, const char *note, struct auditor_broken *why)
{
	enum result err;

	if (strlen(note) >= sizeof(x->note) || keychain_checkpoint(keys, note, strlen(note), &x->at) != RESULT_OK)
		return broken_set(why, "checkpoint", 0,
		    _("the checkpoint is not signed by the key that the ledger has at its size, or was changed since"));
	if ((err = keychain_vkey_text(keys, x->at.size, x->vkey)) != RESULT_OK)
		return err;
	memcpy(x->note, note, strlen(note) + 1);
	if (mkdir(x->dir, 0777) != 0 && errno != EEXIST)
		return RESULT_IO;
	tree_frontier_init(&x->leaves);
	tiler_init(&x->tiler, tile_write, x);
	if ((err = older_check(x, keys, why)) != RESULT_OK || (err = left_read(x)) != RESULT_CORRUPT)
		return err;
	left_remove(x);
	return broken_set(why, "framing", x->leaves.size + 1,
	    _("an interrupted export left a damaged file, which was removed: run it again"));
}

enum result
auditor_export_begin(const char *dir, const struct keychain *keys, const char *note,
    struct auditor_export **out, struct auditor_broken *why)
{
	struct auditor_export *x = calloc(1, sizeof(*x));
	enum result err = RESULT_NO_MEMORY;

	*out = NULL;
	why->kind = NULL;
	if (x == NULL)
		return err;
	x->dir = strdup(dir);
	x->bundle = malloc(BUNDLE_BYTES);
	if (x->dir != NULL && x->bundle != NULL)
		err = begin(x, keys, note, why);
	if (err == RESULT_OK)
		*out = x;
	else
		auditor_export_free(x);
	return err;
}

uint64_t
auditor_export_wants(const struct auditor_export *x)
{
	return x->leaves.size < x->at.size ? x->leaves.size + 1 : 0;
}

uint64_t
auditor_export_size(const struct auditor_export *x)
{
	return x->at.size;
}

enum result
auditor_export_entry(struct auditor_export *x, const uint8_t *entry, size_t n)
{
	if (n == 0 || n > FILES_ENTRY_MAX || x->leaves.size >= x->at.size)
		return RESULT_BAD_FIELD;
	return entry_add(x, entry, n);
}

static enum result
rest_write(struct auditor_export *x)
{
	unsigned width = (unsigned)(x->at.size % TILE_WIDTH);
	char vkey[NOTE_VKEY_SIZE + 1];
	enum result err;
	int n;

	if (width != 0 &&
	    (err = bundle_write(x, x->at.size / TILE_WIDTH, width)) != RESULT_OK)
		return err;
	if ((err = tiler_end(&x->tiler)) != RESULT_OK)
		return err;
	n = snprintf(vkey, sizeof(vkey), "%s\n", x->vkey);
	if ((err = files_write(x->dir, "vkey", vkey, (size_t)n)) != RESULT_OK)
		return err;
	return files_write(x->dir, "checkpoint", x->note, strlen(x->note));
}

/* The older export's partial tiles, where the new one has wider or full ones. */
static void
older_remove(const struct auditor_export *x)
{
	uint64_t had = x->from.size, have = x->at.size;
	char name[TILE_PATH_SIZE];

	for (int level = 0; had > 0 && had != have; level++, had >>= 8, have >>= 8) {
		unsigned width = (unsigned)(had % TILE_WIDTH);

		if (width == 0)
			continue;
		tile_path(name, sizeof(name), level, had / TILE_WIDTH, width);
		files_remove(x->dir, name);
		if (level != 0)
			continue;
		tile_path(name, sizeof(name), TILE_ENTRIES, had / TILE_WIDTH, width);
		files_remove(x->dir, name);
	}
}

enum result
auditor_export_finish(
    struct auditor_export *x, uint8_t root[HASH_LEN], struct auditor_broken *why)
{
	enum result err;

	why->kind = NULL;
	tree_frontier_root(&x->leaves, root);
	if (x->leaves.size != x->at.size || memcmp(root, x->at.root, HASH_LEN) != 0) {
		left_remove(x);
		return broken_set(why, "root", 0, x->left != 0
			? _("what an interrupted export left does not fit this ledger, and was removed: run "
			    "it again")
			: _("the entries do not have the root of the checkpoint: the ledger was rewritten, or "
			    "the daemon gave other entries than it signed"));
	}
	if ((err = rest_write(x)) != RESULT_OK)
		return err;
	older_remove(x);
	return RESULT_OK;
}

void
auditor_export_free(struct auditor_export *x)
{
	if (x == NULL)
		return;
	free(x->dir);
	free(x->bundle);
	free(x);
}
