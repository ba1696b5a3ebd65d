#include "client/auditor/auditor_int.h"

#include <string.h>

static void
level_clear(struct tiler_level *l)
{
	l->width = 0;
	tree_frontier_init(&l->sub);
}

void
tiler_init(struct tiler *t, tiler_emit emit, void *ctx)
{
	t->emit = emit;
	t->ctx = ctx;
	for (int i = 0; i < TILER_LEVELS; i++) {
		t->level[i].n = 0;
		level_clear(&t->level[i]);
	}
}

/* Adds a hash at a level, and what it completes above. */
static enum result
add(struct tiler *t, int from, const uint8_t first[HASH_LEN])
{
	uint8_t hash[HASH_LEN];
	enum result err;

	memcpy(hash, first, HASH_LEN);
	for (int i = from; i < TILER_LEVELS; i++) {
		struct tiler_level *l = &t->level[i];

		memcpy(l->hashes + l->width * HASH_LEN, hash, HASH_LEN);
		tree_frontier_append(&l->sub, hash);
		if (++l->width < TILE_WIDTH)
			return RESULT_OK;
		if ((err = t->emit(t->ctx, i, l->n, l->hashes, TILE_WIDTH)) != RESULT_OK)
			return err;
		/* The full tile is one hash of the level above. */
		tree_frontier_root(&l->sub, hash);
		l->n++;
		level_clear(l);
	}
	return RESULT_OK;
}

enum result
tiler_leaf(struct tiler *t, const uint8_t leaf[HASH_LEN])
{
	return add(t, 0, leaf);
}

enum result
tiler_tile(struct tiler *t, const uint8_t root[HASH_LEN])
{
	t->level[0].n++;
	return add(t, 1, root);
}

enum result
tiler_end(struct tiler *t)
{
	for (int i = 0; i < TILER_LEVELS; i++) {
		const struct tiler_level *l = &t->level[i];
		enum result err;

		if (l->width == 0)
			continue;
		err = t->emit(t->ctx, i, l->n, l->hashes, l->width);
		if (err != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}
