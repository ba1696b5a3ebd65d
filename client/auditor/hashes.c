/*
 * Which entry: the stored bytes against the tiles, the chain and the checkpoint.
 *
 * The first entry whose hash is not the one in tile/0 is the one that was changed. Where somebody
 * made the tiles anew, the chain names it: entry i + 1 names another entry i, and if what follows
 * vouches for i + 1, then i was changed, else i + 1.
 */
#include "client/auditor/auditor_int.h"

#include <inttypes.h>
#include <string.h>

static bool
root_is(const struct tree_frontier *f, const uint8_t root[HASH_LEN])
{
	uint8_t got[HASH_LEN];

	tree_frontier_root(f, got);
	return memcmp(got, root, HASH_LEN) == 0;
}

/* ---- the chain ---- */

/* Entry n and the one before it do not fit each other; `vouched`: entry n is as it was. */
static void
chain_decide(struct chain *c, uint64_t n, bool vouched)
{
	c->undecided = false;
	if (vouched)
		broken_set(&c->broken, "chain", n - 1,
		    _("entry %" PRIu64 " names another entry %" PRIu64), n, n - 1);
	else
		broken_set(&c->broken, "chain", n, _("its prev is not the hash of entry %" PRIu64),
		    n - 1);
}

static bool
names(const struct said *e, const uint8_t leaf[HASH_LEN])
{
	return e != NULL && e->prev.n == HASH_LEN && memcmp(e->prev.p, leaf, HASH_LEN) == 0;
}

/* `before` as it is when entries come one by one. */
static void
before_make(struct chain *c)
{
	if (!c->after_piece)
		return;
	c->after_piece = false;
	for (size_t i = 0; i + 1 < TILE_WIDTH; i++)
		tree_frontier_append(&c->before, c->piece_leaf[i]);
}

static void
chain_look(struct chain *c, const struct said *e, enum result why, const uint8_t leaf[HASH_LEN])
{
	uint64_t n = c->n + 1;

	before_make(c);
	if (e == NULL) {
		broken_set(&c->broken, "encoding", n,
		    _("its bytes are no canonical entry (%s)"), result_name(why));
	} else if (e->seq != n) {
		broken_set(&c->broken, "sequence", n,
		    _("entry %" PRIu64 " stands in its place"), e->seq);
	} else if (!names(e, c->last)) {
		if (n == 1) {
			broken_set(
			    &c->broken, "chain", 1, _("the first entry's prev is not zero"));
		} else if (e->prev.n != HASH_LEN) {
			chain_decide(c, n, false);
		} else {
			c->undecided = true;
			c->as_named = c->before;
			tree_frontier_append(&c->as_named, e->prev.p);
			tree_frontier_append(&c->as_named, leaf);
		}
	}
}

static void
chain_entry(
    struct chain *c, const struct said *e, enum result why, const uint8_t leaf[HASH_LEN])
{
	if (c->undecided)
		chain_decide(c, c->n, names(e, c->last));
	else if (c->broken.kind == NULL)
		chain_look(c, e, why, leaf);
	if (c->broken.kind == NULL && !c->undecided)
		c->before = c->leaves;
	tree_frontier_append(&c->leaves, leaf);
	memcpy(c->last, leaf, HASH_LEN);
	c->n++;
}

/* ---- pieces ---- */

bool
hashing_piece(struct hashing *h, const struct piece *p, enum result *err)
{
	struct chain *c = &h->chain;

	*err = RESULT_OK;
	if (!p->regular || !hashing_fits(h) || h->tiles_ended || c->n != p->n * TILE_WIDTH ||
	    h->tree.size != c->n || memcmp(p->first_prev, c->last, HASH_LEN) != 0)
		return false;
	c->before = c->leaves;
	c->after_piece = true;
	memcpy(c->piece_leaf, p->leaf, sizeof(c->piece_leaf));
	tree_frontier_append_node(&c->leaves, TREE_NODE_LEVEL, p->root);
	memcpy(c->last, p->leaf[TILE_WIDTH - 1], HASH_LEN);
	c->n += TILE_WIDTH;
	tree_frontier_append_node(&h->tree, TREE_NODE_LEVEL, p->root);
	tiles_skip(&h->tiles);
	*err = tiler_tile(&h->tiler, p->root);
	return true;
}

void
hashing_dump(struct hashing *h, struct dump *d)
{
	dump_bytes(d, &h->chain, sizeof(h->chain));
	dump_bytes(d, h->tiler.level, sizeof(h->tiler.level));
	for (int i = 0; i < TILER_LEVELS && d->err == RESULT_OK; i++)
		if (h->tiler.level[i].width >= TILE_WIDTH)
			d->err = RESULT_CORRUPT;
	if (d->writing || d->err != RESULT_OK)
		return;
	h->chain.broken.kind = NULL;
	h->tree = h->chain.leaves;
	h->tiles.n = h->chain.n / TILE_WIDTH;
}

/* ---- tiles ---- */

/* Compares a tile with its file; notes the first that is wrong on the lowest level. */
static enum result
tile_compare(void *ctx, int level, uint64_t n, const uint8_t *hashes, unsigned width)
{
	struct hashing *h = ctx;
	uint8_t stored[TILE_BYTES + 2];
	char name[TILE_PATH_SIZE];
	size_t len, at = 0, want = (size_t)width * HASH_LEN;
	uint64_t entry = 0;
	enum result err;

	if (h->tile.kind != NULL && h->tile_level <= level)
		return RESULT_OK;
	tile_path(name, sizeof(name), level, n, width);
	err = files_read(h->dir, name, stored, sizeof(stored), &len);
	if (err == RESULT_IO || (err == RESULT_OK && len == want && memcmp(stored, hashes, len) == 0))
		return err;
	h->tile.kind = NULL;
	h->tile_level = level;
	if (err == RESULT_NOT_FOUND) {
		broken_set(&h->tile, "tile", 0, _("%s is missing"), name);
		return RESULT_OK;
	}
	while (at < want && at + HASH_LEN <= len && memcmp(stored + at, hashes + at, HASH_LEN) == 0)
		at += HASH_LEN;
	if (level == 0 && at < want)
		entry = n * TILE_WIDTH + at / HASH_LEN + 1;
	broken_set(&h->tile, "tile", entry, _("%s is not what the entries hash to"), name);
	return RESULT_OK;
}

/* The next stored leaf hash; none once they ended. */
static enum result
stored_next(struct hashing *h, uint8_t out[HASH_LEN])
{
	enum result err = RESULT_NOT_FOUND;

	if (!h->tiles_ended)
		err = tiles_hash(&h->tiles, out);
	if (err == RESULT_OK)
		tree_frontier_append(&h->tree, out);
	h->tiles_ended = err != RESULT_OK;
	return err;
}

/* ---- all together ---- */

void
hashing_begin(struct hashing *h, const char *dir, const struct checkpoint *at, bool at_known)
{
	memset(h, 0, sizeof(*h));
	h->dir = dir;
	h->at = *at;
	h->at_known = at_known;
	tree_frontier_init(&h->chain.leaves);
	tree_frontier_init(&h->chain.before);
	tree_frontier_init(&h->tree);
	tiles_begin(&h->tiles, dir, 0, at_known ? at->size : FILES_SIZE_UNKNOWN);
	tiler_init(&h->tiler, tile_compare, h);
}

void
hashing_end(struct hashing *h)
{
	tiles_end(&h->tiles);
}

enum result
hashing_entry(struct hashing *h, const uint8_t *bytes, size_t n, const struct said *e,
    enum result why)
{
	uint8_t leaf[HASH_LEN], stored[HASH_LEN];
	enum result err;

	tree_leaf_hash(bytes, n, leaf);
	chain_entry(&h->chain, e, why, leaf);
	err = stored_next(h, stored);
	if (err == RESULT_OK && h->differs == 0 && memcmp(leaf, stored, HASH_LEN) != 0)
		h->differs = h->chain.n;
	if (err != RESULT_OK && err != RESULT_NOT_FOUND)
		return err;
	return tiler_leaf(&h->tiler, leaf);
}

bool
hashing_fits(const struct hashing *h)
{
	return h->differs == 0 && h->chain.broken.kind == NULL && !h->chain.undecided;
}

static enum result
difference_set(const struct hashing *h, uint64_t seq, uint64_t framing, struct auditor_broken *b)
{
	uint64_t n = h->chain.n;

	if (seq == framing)
		return broken_set(b, "framing", seq, _("its length does not fit the bundle"));
	if (seq > n)
		return broken_set(b, "cut", seq,
		    _("the export ends before it, after %" PRIu64 " entries"), n);
	if (h->at_known && seq > h->at.size)
		return broken_set(b, "extra", seq,
		    _("the checkpoint covers %" PRIu64 " entries only"), h->at.size);
	return broken_set(
	    b, "leaf", seq, _("its bytes do not have the hash that the tile tells"));
}

/* The first entry at which entries and stored hashes part; 0 if they do not. */
static uint64_t
first_difference(const struct hashing *h)
{
	uint64_t n = h->chain.n, stored = h->tree.size;

	if (stored == 0 || h->framing != 0)
		return h->differs != 0 && stored != 0 ? h->differs : h->framing;
	if (h->differs != 0 || n == stored)
		return h->differs;
	return (n < stored ? n : stored) + 1;
}

static enum result
broken_copy(struct auditor_broken *b, const struct auditor_broken *from)
{
	*b = *from;
	return RESULT_CORRUPT;
}

/* Not all is well: which entry? */
static enum result
search(struct hashing *h, const char *checkpoint_problem, struct auditor_broken *b, bool *vague)
{
	const struct chain *c = &h->chain;
	uint64_t n = c->n, differs = first_difference(h);
	bool authentic = h->at_known && root_is(&h->tree, h->at.root);
	bool chain = c->broken.kind != NULL && !(authentic && differs != 0);

	if (differs != 0 && (!chain || differs <= c->broken.entry))
		return difference_set(h, differs, h->framing, b);
	if (chain)
		return broken_copy(b, &c->broken);
	if (h->at_known && n != h->at.size)
		return difference_set(h, (n < h->at.size ? n : h->at.size) + 1, 0, b);
	*vague = true;
	if (!h->at_known)
		return broken_set(b, "checkpoint", 0, "%s", checkpoint_problem);
	return broken_set(b, "root", h->at.size,
	    _("the chain is whole, but its root is not the checkpoint's: the last entry was "
	      "replaced, or all from some entry on"));
}

enum result
hashing_verdict(
    struct hashing *h, const char *checkpoint_problem, struct auditor_broken *b, bool *vague)
{
	struct chain *c = &h->chain;
	uint8_t stored[HASH_LEN];
	enum result err;

	*vague = false;
	while ((err = stored_next(h, stored)) == RESULT_OK)
		;
	if (err != RESULT_NOT_FOUND || (err = tiler_end(&h->tiler)) != RESULT_OK)
		return err;
	if (c->undecided)
		chain_decide(c, c->n, h->at_known && root_is(&c->as_named, h->at.root));
	if (!h->at_known || c->n != h->at.size || h->framing != 0 || !root_is(&c->leaves, h->at.root))
		return search(h, checkpoint_problem, b, vague);
	if (c->broken.kind != NULL)
		return broken_copy(b, &c->broken);
	return h->tile.kind != NULL ? broken_copy(b, &h->tile) : RESULT_OK;
}
