/* The last trusted checkpoint, and whether each new one is of the same history. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/auditor/auditor_int.h"

#define NAME_SIZE 128

struct auditor_watch {
	char *dir;
	struct keychain keys;
	char note[NOTE_MAX_BYTES + 2]; /* the trusted one; "" before the first */
	struct checkpoint trusted;     /* size 0 before the first */
	struct tree_frontier leaves;   /* of the trusted one, and further while leaves are given */
	char wanted_note[NOTE_MAX_BYTES + 2];
	struct checkpoint wanted;
};

/* ---- what is kept ---- */

static char *
path_of(const struct auditor_watch *w, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", w->dir, name) < 0 ? NULL : path;
}

static enum result
file_dump(struct auditor_watch *w, const char *name, void *p, size_t n, bool writing)
{
	char *path = path_of(w, name);
	struct dump d;
	enum result err;

	if (path == NULL)
		return RESULT_NO_MEMORY;
	dump_begin(&d, path, writing);
	dump_bytes(&d, p, n);
	err = dump_end(&d, path);
	free(path);
	return err;
}

static enum result
frontier_dump(struct auditor_watch *w, bool writing)
{
	return file_dump(w, "frontier", &w->leaves, sizeof(w->leaves), writing);
}

static enum result
keys_load(struct auditor_watch *w, struct keychain *seen)
{
	enum result err = file_dump(w, "keys", seen, sizeof(*seen), false);

	return err == RESULT_OK && seen->n > KEYCHAIN_MAX ? RESULT_CORRUPT : err;
}

/* A file that is there and is not as it was written. */
static enum result
damage_told(const struct auditor_watch *w, enum result err, struct auditor_broken *why)
{
	if (err == RESULT_OK || err == RESULT_IO || err == RESULT_NO_MEMORY)
		return err;
	return broken_set(why, "checkpoint", 0,
	    _("%.256s was damaged: begin another watch, with a checkpoint that you kept"), w->dir);
}

/* What this watch has seen of the ledger's keys, and what is told now: one must go on from the other. An older copy of the
 * ledger tells of fewer. */
static enum result
keys_join(struct auditor_watch *w, const struct note_vkey *last, struct auditor_broken *why)
{
	struct keychain *seen = malloc(sizeof(*seen));
	enum result err = seen == NULL ? RESULT_NO_MEMORY : RESULT_OK;
	char *path = path_of(w, "keys");

	if (path == NULL)
		err = RESULT_NO_MEMORY;
	else if (err == RESULT_OK && access(path, F_OK) == 0)
		err = damage_told(w, keys_load(w, seen), why);
	else if (err == RESULT_OK)
		keychain_only(seen, last);
	if (err == RESULT_OK && keychain_within(&w->keys, seen))
		w->keys = *seen;
	else if (err == RESULT_OK && !keychain_within(seen, &w->keys))
		err = broken_set(why, "vkey", 0,
		    _("this watch is of a ledger whose verifier key is %s, %08" PRIx32
		      ", and no entry leads from it to this one's: another ledger, or a fork of it"),
		    last->name, last->id);
	free(path);
	free(seen);
	return err;
}

static enum result
trusted_load(struct auditor_watch *w, struct auditor_broken *why)
{
	char stored[NOTE_VKEY_SIZE];
	uint8_t root[HASH_LEN];
	struct note_vkey last;
	size_t n;
	enum result err = vkey_read(w->dir, stored);

	if (err == RESULT_NOT_FOUND)
		return RESULT_OK;
	if (err == RESULT_IO)
		return err;
	if (err != RESULT_OK || note_vkey_parse(stored, &last) != RESULT_OK)
		return broken_set(why, "vkey", 0, _("the verifier key is not one of a ledger"));
	if ((err = keys_join(w, &last, why)) != RESULT_OK)
		return err;
	err = files_read(w->dir, "checkpoint", w->note, sizeof(w->note), &n);
	if (err == RESULT_OK)
		err = keychain_checkpoint(&w->keys, w->note, n, &w->trusted);
	if (err == RESULT_OK)
		err = frontier_dump(w, false);
	if (err == RESULT_IO || err == RESULT_NO_MEMORY)
		return err;
	tree_frontier_root(&w->leaves, root);
	if (err == RESULT_OK && (w->leaves.size != w->trusted.size || memcmp(root, w->trusted.root, HASH_LEN) != 0))
		err = RESULT_CORRUPT;
	return damage_told(w, err, why);
}

enum result
auditor_watch_open(const char *dir, const struct keychain *keys, struct auditor_watch **out,
    struct auditor_broken *why)
{
	struct auditor_watch *w = calloc(1, sizeof(*w));
	enum result err = RESULT_NO_MEMORY;

	*out = NULL;
	why->kind = NULL;
	if (w == NULL || (w->dir = strdup(dir)) == NULL)
		goto out;
	tree_frontier_init(&w->leaves);
	w->keys = *keys;
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		err = RESULT_IO;
	else
		err = trusted_load(w, why);
out:
	if (err == RESULT_OK)
		*out = w;
	else
		auditor_watch_free(w);
	return err;
}

void
auditor_watch_free(struct auditor_watch *w)
{
	if (w == NULL)
		return;
	free(w->dir);
	free(w);
}

uint64_t
auditor_watch_size(const struct auditor_watch *w)
{
	return w->trusted.size;
}

const char *
auditor_watch_trusted(const struct auditor_watch *w)
{
	return w->note;
}

/* ---- a new checkpoint ---- */

/* Both notes, so that anybody can see that the ledger's key signed both. */
static enum result
evidence_keep(const struct auditor_watch *w, struct auditor_broken *why)
{
	char hex[17], name[NAME_SIZE];
	enum result err;

	hex_encode(hex, sizeof(hex), w->wanted.root, 8);
	snprintf(name, sizeof(name), "evidence/%" PRIu64 "-%s/trusted", w->wanted.size, hex);
	if ((err = files_write(w->dir, name, w->note, strlen(w->note))) != RESULT_OK)
		return err;
	snprintf(name, sizeof(name), "evidence/%" PRIu64 "-%s/other", w->wanted.size, hex);
	err = files_write(w->dir, name, w->wanted_note, strlen(w->wanted_note));
	return err == RESULT_OK && why->kind != NULL ? RESULT_CORRUPT : err;
}

enum result
auditor_watch_note(struct auditor_watch *w, const char *note, struct auditor_broken *why)
{
	why->kind = NULL;
	if (strlen(note) >= sizeof(w->wanted_note) ||
	    keychain_checkpoint(&w->keys, note, strlen(note), &w->wanted) != RESULT_OK ||
	    strcmp(w->wanted.origin, w->keys.origin) != 0)
		return broken_set(why, "checkpoint", 0,
		    _("the checkpoint is not signed by the key that the ledger has at its size, or was changed since"));
	memcpy(w->wanted_note, note, strlen(note) + 1);
	if (w->wanted.size < w->trusted.size) {
		broken_set(why, "cut", w->wanted.size + 1,
		    _("THE LEDGER WAS CUT: it signed %" PRIu64 " entries before, now %" PRIu64
		      ". Both checkpoints are kept: tell the others who audit it"),
		    w->trusted.size, w->wanted.size);
		return evidence_keep(w, why);
	}
	return RESULT_OK;
}

uint64_t
auditor_watch_wants(const struct auditor_watch *w)
{
	return w->leaves.size < w->wanted.size ? w->leaves.size + 1 : 0;
}

uint64_t
auditor_watch_total(const struct auditor_watch *w)
{
	return w->wanted.size;
}

void
auditor_watch_leaf(struct auditor_watch *w, const uint8_t leaf[HASH_LEN])
{
	if (w->leaves.size < w->wanted.size)
		tree_frontier_append(&w->leaves, leaf);
}

enum result
auditor_watch_folder(struct auditor_watch *w, const char *dir, struct auditor_broken *why)
{
	uint64_t n = w->leaves.size;
	uint8_t hash[HASH_LEN];
	struct tiles t;
	enum result err = RESULT_OK;

	tiles_begin(&t, dir, 0, w->wanted.size);
	t.n = n / TILE_WIDTH;
	for (uint64_t i = 0; i < n % TILE_WIDTH && auditor_watch_wants(w) != 0 && err == RESULT_OK; i++)
		err = tiles_hash(&t, hash);
	while (err == RESULT_OK && auditor_watch_wants(w) != 0)
		if ((err = tiles_hash(&t, hash)) == RESULT_OK)
			auditor_watch_leaf(w, hash);
	tiles_end(&t);
	if (err == RESULT_NOT_FOUND)
		return broken_set(why, "tile", 0,
		    _("the tree of hashes ends before the checkpoint's size"));
	return err;
}

enum result
auditor_watch_accept(struct auditor_watch *w, struct auditor_broken *why)
{
	char vkey[NOTE_VKEY_SIZE];
	uint8_t root[HASH_LEN];
	enum result err;

	why->kind = NULL;
	tree_frontier_root(&w->leaves, root);
	if (w->leaves.size != w->wanted.size || memcmp(root, w->wanted.root, HASH_LEN) != 0) {
		broken_set(why, "fork", 0,
		    w->trusted.size == 0
			? _("the entries do not have the root that was signed for %" PRIu64 " of them")
			: _("THE LEDGER WAS REWRITTEN: its first %" PRIu64 " entries are not those that "
			    "it signed before. Both checkpoints are kept: tell the others who audit it"),
		    w->trusted.size == 0 ? w->wanted.size : w->trusted.size);
		return evidence_keep(w, why);
	}
	/* The checkpoint last: it says of what size the frontier has to be. */
	if ((err = keychain_vkey_text(&w->keys, w->wanted.size, vkey)) != RESULT_OK ||
	    (err = files_write(w->dir, "vkey", vkey, strlen(vkey))) != RESULT_OK ||
	    (err = file_dump(w, "keys", &w->keys, sizeof(w->keys), true)) != RESULT_OK ||
	    (err = frontier_dump(w, true)) != RESULT_OK ||
	    (err = files_write(
		 w->dir, "checkpoint", w->wanted_note, strlen(w->wanted_note))) != RESULT_OK)
		return err;
	w->trusted = w->wanted;
	memcpy(w->note, w->wanted_note, sizeof(w->note));
	return RESULT_OK;
}
