/*
 * Reading back: entries that are to be signed are read again and hashed, each against the hash that the next one names, from
 * where the signer stands. Nothing of the signer is changed meanwhile, so any thread may do it; what was read is then taken up
 * by the loop, or dropped if somebody else has gone on from there.
 */
#include <string.h>

#include "daemon/engine/engine_int.h"
#include "daemon/ops/log.h"

/* A worker is held up for so long at most; after one that failed the loop reads by itself for so long. */
#define ASIDE_MOST_US 50000
#define ASIDE_REST_US (60ull * 1000000)

void
readback_begin(struct readback *b, const struct engine *e)
{
	const struct signer *s = &e->signer;

	b->ledger = e->ledger;
	b->part = s->part;
	b->from = signed_read(s) + 1;
	memcpy(b->leaf, s->leaf, sizeof(b->leaf));
	b->has_leaf = s->has_leaf;
	b->n_nodes = 0;
	b->bad_seq = 0;
}

static enum result
found(struct readback *b, uint64_t seq, const char *what)
{
	b->bad_seq = seq;
	b->bad = what;
	return RESULT_CORRUPT;
}

static enum result
entry_back(void *ctx, uint64_t seq, const uint8_t *bytes, size_t len)
{
	struct readback *b = ctx;
	uint8_t prev[32];
	uint64_t said;

	if (entry_link(bytes, len, &said, prev) != RESULT_OK || said != seq)
		return found(b, seq, "no entry of this number");
	if (b->has_leaf && memcmp(prev, b->leaf, sizeof(prev)) != 0)
		return found(b, seq - 1, "its hash is not the one that the next entry names");
	tree_leaf_hash(bytes, len, b->leaf);
	b->has_leaf = 1;
	tree_frontier_append(&b->part, b->leaf);
	if (b->part.size == READBACK_BLOCK) {
		tree_frontier_root(&b->part, b->node[b->n_nodes++]);
		tree_frontier_init(&b->part);
	}
	return b->until_us != UINT64_MAX && clock_boot_us() >= b->until_us ? RESULT_TIMEOUT : RESULT_OK;
}

/* What was read is good, also where the time was up. */
static int
went_well(enum result err)
{
	return err == RESULT_OK || err == RESULT_TIMEOUT;
}

enum result
readback_run(struct readback *b, uint64_t to, uint64_t until_us)
{
	b->until_us = until_us;
	b->result = ledger_scan(b->ledger, b->from, to, entry_back, b);
	return b->result;
}

enum result
readback_take(struct engine *e, const struct readback *b)
{
	struct signer *s = &e->signer;
	enum result err;

	if (b->bad_seq != 0)
		return scrub_found(e, b->bad_seq, b->bad);
	if (!went_well(b->result))
		return b->result;
	for (size_t i = 0; i < b->n_nodes; i++) {
		if ((err = signed_block(s, b->node[i])) == RESULT_OK)
			continue;
		/* As far as the blocks go. */
		if (i > 0) {
			tree_frontier_init(&s->part);
			s->has_leaf = 0;
		}
		return err;
	}
	s->part = b->part;
	memcpy(s->leaf, b->leaf, sizeof(s->leaf));
	s->has_leaf = b->has_leaf;
	return RESULT_OK;
}

/* ---- aside ---- */

int
engine_readback_begin(struct engine *e)
{
	struct aside *a = &e->signer.aside;
	uint64_t read = signed_read(&e->signer), most = e->signer.blocks.size + READBACK_NODES * READBACK_BLOCK;

	if (e->scrub.seen.bad_seq != 0 || a->runs || clock_boot_us() < a->not_before_us)
		return 0;
	a->to = ledger_folded_seq(e->ledger);
	if (e->signer.due.size > 0 && a->to > e->signer.due.size)
		a->to = e->signer.due.size;
	if (a->to > most)
		a->to = most;
	if (a->to < read + READBACK_LEAST)
		return 0;
	readback_begin(&a->back, e);
	a->runs = 1;
	return 1;
}

void
engine_readback_run(struct engine *e)
{
	struct aside *a = &e->signer.aside;

	a->back.until_us = clock_boot_us() + ASIDE_MOST_US;
	a->back.result = ledger_scan_folded(a->back.ledger, a->back.from, a->to, entry_back, &a->back);
}

void
engine_readback_end(struct engine *e, int ran)
{
	struct aside *a = &e->signer.aside;
	enum result err;

	a->runs = 0;
	/* Who asked for a checkpoint meanwhile did not wait. */
	if (!ran || a->back.from != signed_read(&e->signer) + 1)
		return;
	err = readback_take(e, &a->back);
	/* What is wrong with an entry was said. */
	if (err == RESULT_OK || a->back.bad_seq != 0)
		return;
	log_event(LOG_LEVEL_WARN, "not_read_back", "reason=%s hint=\"the loop reads for a while\"", result_name(err));
	a->not_before_us = clock_boot_us() + ASIDE_REST_US;
}
