/*
 * What is signed: checkpoints of the committed ledger, and the proofs that belong to them.
 *
 * Before a size is signed its entries are read again, as the ledger gives them to anybody (from LMDB; the last ones, which the journal
 * still has, from memory), and hashed (readback.c): the signature stands for those bytes, not for what was once decided. Of what was read, the roots of each 256 and 65,536 entries are
 * kept (32 bytes per 256 entries), so that a proof reads at most a few hundred entries again. They are written to DIR/nodes
 * with the state (known.c), only to be found again after a start; what does not come to the root is thrown away.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/engine/engine_int.h"
#include "daemon/ops/log.h"

/* Entries of one read transaction. */
#define BACK_BATCH 256
#define PAGE_NODES ((uint64_t)1 << (TREE_PAGE_LEVEL - TREE_NODE_LEVEL))

uint64_t
signed_read(const struct signer *s)
{
	return s->blocks.size + s->part.size;
}

/* The blocks and the beginning of the next one as one tree. */
static void
read_tree(const struct signer *s, struct tree_frontier *out)
{
	*out = s->blocks;
	memcpy(out->hash, s->part.hash, TREE_NODE_LEVEL * sizeof(out->hash[0]));
	out->size = signed_read(s);
}

static enum result
room_for(uint8_t (**list)[32], size_t n, size_t *cap)
{
	uint8_t(*more)[32];

	if (n < *cap)
		return RESULT_OK;
	if ((more = reallocarray(*list, *cap * 2 + 64, sizeof(**list))) == NULL)
		return RESULT_NO_MEMORY;
	*list = more;
	*cap = *cap * 2 + 64;
	return RESULT_OK;
}

/* For one block more, before anything is changed: memory that is missing must not leave half of it done. */
static enum result
room_for_block(struct signer *s)
{
	enum result err = room_for(&s->node, s->n_nodes, &s->cap_nodes);

	return err != RESULT_OK ? err : room_for(&s->page, s->n_pages, &s->cap_pages);
}

enum result
signed_block(struct signer *s, const uint8_t node[32])
{
	struct tree_frontier page;
	enum result err;

	if ((err = room_for_block(s)) != RESULT_OK)
		return err;
	memcpy(s->node[s->n_nodes++], node, 32);
	tree_frontier_append_node(&s->blocks, TREE_NODE_LEVEL, node);
	if (s->n_nodes % PAGE_NODES != 0)
		return RESULT_OK;
	tree_frontier_init(&page);
	for (size_t i = s->n_nodes - PAGE_NODES; i < s->n_nodes; i++)
		tree_frontier_append(&page, s->node[i]);
	tree_frontier_root(&page, s->page[s->n_pages++]);
	return RESULT_OK;
}

void
signed_forget(struct signer *s)
{
	tree_frontier_init(&s->blocks);
	tree_frontier_init(&s->part);
	s->n_nodes = s->n_pages = s->n_loaded = s->n_saved = 0;
	s->has_leaf = 0;
}

void
signed_close(struct signer *s)
{
	free(s->node);
	free(s->page);
	memset(s, 0, sizeof(*s));
}

/* ---- reading back ---- */

/* RESULT_TIMEOUT: the time is up, there is more. */
static enum result
catch_up(struct engine *e, uint64_t until_us)
{
	enum result err = RESULT_OK, took;
	uint64_t to = e->signer.due.size;
	struct readback back;

	while (err == RESULT_OK && signed_read(&e->signer) < to) {
		readback_begin(&back, e);
		err = readback_run(&back, to - back.from < BACK_BATCH ? to : back.from + BACK_BATCH - 1, until_us);
		if ((took = readback_take(e, &back)) != RESULT_OK)
			err = took;
	}
	return err == RESULT_TIMEOUT && signed_read(&e->signer) == to ? RESULT_OK : err;
}

/* What was read has to be what was decided; else nothing is signed, and nothing more is written. */
static enum result
compare(struct engine *e, const uint8_t root[32])
{
	struct tree_frontier tree;
	uint8_t have[32];

	read_tree(&e->signer, &tree);
	tree_frontier_root(&tree, have);
	if (memcmp(have, root, sizeof(have)) == 0)
		return RESULT_OK;
	if (e->signer.n_loaded > 0) {
		/* Rather the file of nodes than the ledger: all entries are read again. */
		log_event(LOG_LEVEL_WARN, "nodes_unusable", "hint=\"all entries are read again\"");
		signed_forget(&e->signer);
		return RESULT_BUSY;
	}
	return scrub_found(e, tree.size, "read back, the tree has another root");
}

static enum result
sign(struct engine *e)
{
	struct signer *s = &e->signer;
	struct engine_checkpoint c = {.size = s->due.size, .at_us = clock_now_us()};
	enum result err;

	CHECK(signed_read(s) == c.size);
	memcpy(c.root, s->due.root, sizeof(c.root));
	if ((err = compare(e, c.root)) != RESULT_OK)
		return err;
	if ((err = checkpoint_sign(c.note, sizeof(c.note), e->origin, c.size, c.root, e->origin,
		 e->keys.ledger_seed)) != RESULT_OK)
		return err;
	s->newest = c;
	s->due.size = 0;
	return RESULT_OK;
}

/* What is committed is to be signed; reading it back may take a while. */
static void
make_due(struct engine *e)
{
	e->signer.due.size = e->committed_tree.size;
	tree_frontier_root(&e->committed_tree, e->signer.due.root);
}

uint64_t
engine_unread(const struct engine *e)
{
	return e->committed_tree.size - signed_read(&e->signer);
}

int
engine_seal(struct engine *e, uint32_t every_ms, uint32_t budget_us)
{
	struct signer *s = &e->signer;
	uint64_t now = clock_boot_us();
	enum result err;

	if (e->scrub.seen.bad_seq != 0)
		return 0;
	if (s->due.size == 0) {
		if (s->newest.size == e->committed_tree.size || now < s->next_us)
			return 0;
		make_due(e);
	}
	/* Due all the same, or a ledger that grows fast enough would never be signed. */
	if (s->aside.runs)
		return 0;
	err = catch_up(e, now + budget_us);
	if (err == RESULT_OK)
		err = sign(e);
	if (err == RESULT_TIMEOUT || err == RESULT_BUSY)
		return 1;
	if (err != RESULT_OK) {
		log_event(LOG_LEVEL_ERROR, "not_signed", "reason=%s", result_name(err));
		s->due.size = 0;
	}
	s->next_us = now + every_ms * 1000ull;
	return 0;
}

enum result
engine_signed(struct engine *e, const struct engine_checkpoint **out)
{
	struct signer *s = &e->signer;
	enum result err = RESULT_OK;

	if (e->scrub.seen.bad_seq != 0)
		return RESULT_CORRUPT;
	if (s->newest.size != e->committed_tree.size) {
		if (engine_unread(e) > ENGINE_UNREAD_MAX)
			return RESULT_BUSY;
		make_due(e);
		if ((err = catch_up(e, UINT64_MAX)) == RESULT_OK)
			err = sign(e);
	}
	*out = &s->newest;
	return err;
}

/* ---- proofs ---- */

static enum result
node_get(void *ctx, unsigned level, uint64_t index, uint8_t out[32])
{
	struct engine *e = ctx;
	const struct signer *s = &e->signer;

	if (level == 0)
		return engine_leaf(e, index + 1, out);
	CHECK(index < (level == TREE_NODE_LEVEL ? s->n_nodes : s->n_pages));
	memcpy(out, (level == TREE_NODE_LEVEL ? s->node : s->page)[index], 32);
	return RESULT_OK;
}

enum result
engine_prove_entry(struct engine *e, uint64_t seq, const struct engine_checkpoint *c, uint8_t leaf[32],
    uint8_t (*path)[32], size_t *n)
{
	enum result err;

	if (seq == 0 || seq > c->size || c->size > signed_read(&e->signer))
		return RESULT_NOT_FOUND;
	if ((err = engine_leaf(e, seq, leaf)) != RESULT_OK ||
	    (err = tree_inclusion_prove_nodes(node_get, e, seq - 1, c->size, path, n)) != RESULT_OK)
		return err;
	return tree_inclusion_verify(leaf, seq - 1, c->size, (const uint8_t(*)[32])path, *n, c->root);
}

enum result
engine_prove_growth(struct engine *e, uint64_t old_size, const struct engine_checkpoint *c,
    uint8_t (*path)[32], size_t *n)
{
	if (old_size > c->size || c->size > signed_read(&e->signer))
		return RESULT_NOT_FOUND;
	return tree_consistency_prove_nodes(node_get, e, old_size, c->size, path, n);
}
