/*
 * The scrub: all entries are read again from the disk, hashed, and compared with the chain (each entry's `prev`) and the
 * tree, in slices between turns. What it finds stops all writing: on a ledger that does not match its hashes nothing more is
 * built.
 */
#include <inttypes.h>
#include <string.h>

#include "daemon/engine/engine_int.h"
#include "daemon/ops/log.h"

/* After a whole pass, and after one that could not read. */
#define SCRUB_REST_US (24ull * 3600 * 1000000)
/* Entries of one read transaction. */
#define SCRUB_BATCH 32

struct slice {
	struct engine *e;
	uint64_t until_us;
};

static void
pass_begin(struct engine *e)
{
	struct scrub *s = &e->scrub;

	tree_frontier_init(&s->tree);
	memset(s->leaf, 0, sizeof(s->leaf));
	s->target = e->committed_tree.size;
	tree_frontier_root(&e->committed_tree, s->root);
	s->running = 1;
}

static void
pass_end(struct engine *e)
{
	struct scrub *s = &e->scrub;

	s->running = 0;
	s->next_us = clock_boot_us() + SCRUB_REST_US;
}

enum result
scrub_found(struct engine *e, uint64_t seq, const char *what)
{
	e->scrub.seen.bad_seq = seq;
	log_event(LOG_LEVEL_ERROR, "scrub_failed",
	    "seq=%" PRIu64 " what=\"%s\" hint=\"nothing is written any more: stop, keep the folder, restore a backup\"",
	    seq, what);
	return RESULT_CORRUPT;
}

static enum result
scrub_entry(void *ctx, uint64_t seq, const uint8_t *bytes, size_t len)
{
	struct slice *slice = ctx;
	struct engine *e = slice->e;
	struct scrub *s = &e->scrub;
	uint8_t prev[32], root[32];
	uint64_t said;

	if (entry_link(bytes, len, &said, prev) != RESULT_OK || said != seq)
		return scrub_found(e, seq, "no entry of this number");
	if (memcmp(prev, s->leaf, sizeof(prev)) != 0)
		return scrub_found(e, seq > 1 ? seq - 1 : 1, "its hash is not the one that the next entry names");
	tree_leaf_hash(bytes, len, s->leaf);
	tree_frontier_append(&s->tree, s->leaf);
	s->seen.seq = seq;
	if (seq == s->target || seq == e->known.size)
		tree_frontier_root(&s->tree, root);
	if (seq == s->target && memcmp(root, s->root, sizeof(root)) != 0)
		return scrub_found(e, seq, "the tree has another root");
	if (seq == e->known.size && memcmp(root, e->known.root, sizeof(root)) != 0)
		return scrub_found(e, seq, "a known checkpoint has another root");
	return clock_boot_us() >= slice->until_us ? RESULT_TIMEOUT : RESULT_OK;
}

int
engine_scrub(struct engine *e, uint32_t budget_us)
{
	uint64_t now = clock_boot_us();
	struct slice slice = {e, now + budget_us};
	struct scrub *s = &e->scrub;
	enum result err = RESULT_OK;

	if (e->failed || s->seen.bad_seq != 0 || (!s->running && now < s->next_us))
		return 0;
	if (!s->running)
		pass_begin(e);
	while (err == RESULT_OK && s->tree.size < s->target) {
		uint64_t from = s->tree.size + 1;
		uint64_t to = s->target - from < SCRUB_BATCH ? s->target : from + SCRUB_BATCH - 1;

		err = ledger_scan(e->ledger, from, to, scrub_entry, &slice);
	}
	if (err == RESULT_CORRUPT && s->seen.bad_seq == 0)
		(void)scrub_found(e, s->tree.size + 1, "missing in the ledger's file");
	if (err != RESULT_OK && err != RESULT_TIMEOUT && err != RESULT_CORRUPT)
		log_event(LOG_LEVEL_WARN, "scrub_stopped", "seq=%" PRIu64 " reason=%s", s->tree.size,
		    result_name(err));
	if (s->tree.size < s->target && err == RESULT_TIMEOUT)
		return 1;
	if (s->tree.size == s->target && s->seen.bad_seq == 0) {
		s->seen.passes++;
		s->seen.ended_us = clock_now_us();
		log_event(LOG_LEVEL_INFO, "scrubbed", "entries=%" PRIu64, s->target);
	}
	pass_end(e);
	return 0;
}

const struct engine_scrub *
engine_scrub_state(const struct engine *e)
{
	return &e->scrub.seen;
}

enum result
engine_writable(const struct engine *e)
{
	if (e->scrub.seen.bad_seq != 0)
		return RESULT_CORRUPT;
	return engine_behind(e) != 0 ? RESULT_BEHIND : RESULT_OK;
}
