#include "proto/tree.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct tree_frontier) == 8 + 64 * HASH_LEN, "stored as it is");

#define LEAF_TAG 0x00
#define NODE_TAG 0x01

void
tree_leaf_hash(const void *entry, size_t n, uint8_t out[HASH_LEN])
{
	const struct sha256_part message = {entry, n};

	sha256_each(LEAF_TAG, &message, 1, (uint8_t(*)[HASH_LEN])out);
}

void
tree_node_hash(const uint8_t left[HASH_LEN], const uint8_t right[HASH_LEN], uint8_t out[HASH_LEN])
{
	uint8_t pair[2 * HASH_LEN];
	const struct sha256_part message = {pair, sizeof(pair)};

	memcpy(pair, left, HASH_LEN);
	memcpy(pair + HASH_LEN, right, HASH_LEN);
	sha256_each(NODE_TAG, &message, 1, (uint8_t(*)[HASH_LEN])out);
}

void
tree_leaf_hashes(const struct sha256_part *entries, size_t n, uint8_t (*out)[HASH_LEN])
{
	sha256_each(LEAF_TAG, entries, n, out);
}

void
tree_node_hashes(const uint8_t (*hashes)[HASH_LEN], size_t n, uint8_t (*out)[HASH_LEN])
{
	struct sha256_part pairs[16];

	while (n > 0) {
		size_t some = n < 16 ? n : 16;

		for (size_t i = 0; i < some; i++)
			pairs[i] = (struct sha256_part){hashes[2 * i], 2 * HASH_LEN};
		sha256_each(NODE_TAG, pairs, some, out);
		hashes += 2 * some;
		out += some;
		n -= some;
	}
}

/* ---- the frontier ---- */

void
tree_frontier_init(struct tree_frontier *f)
{
	memset(f, 0, sizeof(*f));
}

/*
 * Adding a leaf is adding 1 to `size` in binary: each subtree carried over is the left sibling of
 * what is carried.
 */
void
tree_frontier_append(struct tree_frontier *f, const uint8_t leaf[HASH_LEN])
{
	tree_frontier_append_node(f, 0, leaf);
}

void
tree_frontier_append_node(struct tree_frontier *f, unsigned level, const uint8_t node[HASH_LEN])
{
	uint64_t more = (uint64_t)1 << level;
	uint8_t h[HASH_LEN];

	assert(f->size <= TREE_SIZE_MAX - more && (f->size & (more - 1)) == 0);
	memcpy(h, node, HASH_LEN);
	for (; (f->size >> level & 1) != 0; level++) {
		tree_node_hash(f->hash[level], h, h);
		memset(f->hash[level], 0, HASH_LEN);
	}
	memcpy(f->hash[level], h, HASH_LEN);
	f->size += more;
}

void
tree_frontier_root(const struct tree_frontier *f, uint8_t out[HASH_LEN])
{
	uint8_t h[HASH_LEN];
	unsigned level = 0;

	if (f->size == 0) {
		sha256("", 0, out);
		return;
	}
	while ((f->size >> level & 1) == 0)
		level++;
	memcpy(h, f->hash[level], HASH_LEN);
	for (level++; level < 64; level++)
		if ((f->size >> level & 1) != 0)
			tree_node_hash(f->hash[level], h, h);
	memcpy(out, h, HASH_LEN);
}

/* ---- proofs ---- */

/* The largest power of two below `n`, which is at least 2. */
static uint64_t
tree_split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* Where hashes come from: all levels, or leaves alone. */
struct source {
	tree_node_fn node;
	tree_leaf_fn leaf;
	void *ctx;
};

static enum result
source_get(const struct source *s, unsigned level, uint64_t from, uint8_t out[HASH_LEN])
{
	return s->node != NULL ? s->node(s->ctx, level, from >> level, out)
			       : s->leaf(s->ctx, from, out);
}

/* The highest level whose next node lies within [from, to); `from` is a beginning of all its subtrees. */
static unsigned
source_level(const struct source *s, uint64_t from, uint64_t to)
{
	static const unsigned levels[] = {TREE_PAGE_LEVEL, TREE_NODE_LEVEL};
	size_t i;

	for (i = 0; s->node != NULL && i < sizeof(levels) / sizeof(levels[0]); i++) {
		uint64_t width = (uint64_t)1 << levels[i];

		if ((from & (width - 1)) == 0 && to - from >= width)
			return levels[i];
	}
	return 0;
}

/* The root over the leaves [from, to). */
static enum result
tree_range_root(const struct source *s, uint64_t from, uint64_t to, uint8_t out[HASH_LEN])
{
	struct tree_frontier f;
	uint8_t h[HASH_LEN];
	enum result r;

	tree_frontier_init(&f);
	while (from < to) {
		unsigned level = source_level(s, from, to);

		r = source_get(s, level, from, h);
		if (r != RESULT_OK)
			return r;
		tree_frontier_append_node(&f, level, h);
		from += (uint64_t)1 << level;
	}
	tree_frontier_root(&f, out);
	return RESULT_OK;
}

/* Both proofs are found from the root down and told from the leaf up. */
static void
tree_path_reverse(uint8_t (*path)[HASH_LEN], size_t n)
{
	uint8_t h[HASH_LEN];
	size_t i;

	for (i = 0; i < n / 2; i++) {
		memcpy(h, path[i], HASH_LEN);
		memcpy(path[i], path[n - 1 - i], HASH_LEN);
		memcpy(path[n - 1 - i], h, HASH_LEN);
	}
}

static enum result
inclusion(const struct source *s, uint64_t index, uint64_t size, uint8_t (*path)[HASH_LEN],
    size_t *n)
{
	uint64_t from = 0, to = size;
	enum result r;

	*n = 0;
	if (index >= size || size > TREE_SIZE_MAX)
		return RESULT_BAD_FIELD;
	while (to - from > 1) {
		uint64_t mid = from + tree_split(to - from);

		if (index < mid) {
			r = tree_range_root(s, mid, to, path[*n]);
			to = mid;
		} else {
			r = tree_range_root(s, from, mid, path[*n]);
			from = mid;
		}
		if (r != RESULT_OK)
			return r;
		++*n;
	}
	tree_path_reverse(path, *n);
	return RESULT_OK;
}

/*
 * RFC 6962 section 2.1.2, SUBPROOF(m, D, b), as a loop: [from, to) is D. Once the walk has gone to
 * the right, the old tree's last subtree is no longer the whole old tree, and its root belongs into
 * the proof.
 */
static enum result
consistency(const struct source *s, uint64_t old_size, uint64_t size, uint8_t (*path)[HASH_LEN],
    size_t *n)
{
	uint64_t from = 0, to = size;
	int whole = 1;
	enum result r;

	*n = 0;
	if (old_size > size || size > TREE_SIZE_MAX)
		return RESULT_BAD_FIELD;
	if (old_size == 0)
		return RESULT_OK;
	while (to != old_size) {
		uint64_t mid = from + tree_split(to - from);

		if (old_size <= mid) {
			r = tree_range_root(s, mid, to, path[*n]);
			to = mid;
		} else {
			r = tree_range_root(s, from, mid, path[*n]);
			from = mid;
			whole = 0;
		}
		if (r != RESULT_OK)
			return r;
		++*n;
	}
	if (!whole) {
		r = tree_range_root(s, from, to, path[*n]);
		if (r != RESULT_OK)
			return r;
		++*n;
	}
	tree_path_reverse(path, *n);
	return RESULT_OK;
}

enum result
tree_inclusion_prove(tree_leaf_fn leaf, void *ctx, uint64_t index, uint64_t size,
    uint8_t (*path)[HASH_LEN], size_t *n)
{
	return inclusion(&(struct source){.leaf = leaf, .ctx = ctx}, index, size, path, n);
}

enum result
tree_inclusion_prove_nodes(tree_node_fn node, void *ctx, uint64_t index, uint64_t size,
    uint8_t (*path)[HASH_LEN], size_t *n)
{
	return inclusion(&(struct source){.node = node, .ctx = ctx}, index, size, path, n);
}

enum result
tree_consistency_prove(tree_leaf_fn leaf, void *ctx, uint64_t old_size, uint64_t size,
    uint8_t (*path)[HASH_LEN], size_t *n)
{
	return consistency(&(struct source){.leaf = leaf, .ctx = ctx}, old_size, size, path, n);
}

enum result
tree_consistency_prove_nodes(tree_node_fn node, void *ctx, uint64_t old_size, uint64_t size,
    uint8_t (*path)[HASH_LEN], size_t *n)
{
	return consistency(&(struct source){.node = node, .ctx = ctx}, old_size, size, path, n);
}

/* ---- verification ---- */

static enum result
tree_same(int ok, const uint8_t a[HASH_LEN], const uint8_t b[HASH_LEN])
{
	return ok && crypto_equal(a, b, HASH_LEN) ? RESULT_OK : RESULT_CORRUPT;
}

/* Drops the levels at which node `*fn` is a lone right end and has no sibling. */
static void
tree_skip_lone(uint64_t *fn, uint64_t *sn)
{
	while ((*fn & 1) == 0 && *fn != 0) {
		*fn >>= 1;
		*sn >>= 1;
	}
}

/* RFC 9162 section 2.1.3.2; fn and sn are its names. */
enum result
tree_inclusion_verify(const uint8_t leaf[HASH_LEN], uint64_t index, uint64_t size,
    const uint8_t (*path)[HASH_LEN], size_t n, const uint8_t root[HASH_LEN])
{
	uint64_t fn = index, sn = size - 1;
	uint8_t h[HASH_LEN];
	size_t i;

	if (index >= size)
		return RESULT_CORRUPT;
	memcpy(h, leaf, HASH_LEN);
	for (i = 0; i < n; i++) {
		if (sn == 0)
			return RESULT_CORRUPT;
		if ((fn & 1) != 0 || fn == sn) {
			tree_node_hash(path[i], h, h);
			tree_skip_lone(&fn, &sn);
		} else {
			tree_node_hash(h, path[i], h);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return tree_same(sn == 0, h, root);
}

/* RFC 9162 section 2.1.4.2; fn, sn, fr and sr are its names. */
enum result
tree_consistency_verify(uint64_t old_size, const uint8_t old_root[HASH_LEN], uint64_t size,
    const uint8_t root[HASH_LEN], const uint8_t (*path)[HASH_LEN], size_t n)
{
	uint64_t fn = old_size - 1, sn = size - 1;
	uint8_t fr[HASH_LEN], sr[HASH_LEN];
	size_t i = 0;

	if (old_size > size)
		return RESULT_CORRUPT;
	if (old_size == size)
		return tree_same(n == 0, old_root, root);
	if (old_size == 0) {
		sha256("", 0, fr);
		return tree_same(n == 0, old_root, fr);
	}
	/* An old tree that is a complete subtree of the new one is not in the path. */
	if ((old_size & (old_size - 1)) == 0)
		memcpy(fr, old_root, HASH_LEN);
	else if (n > 0)
		memcpy(fr, path[i++], HASH_LEN);
	else
		return RESULT_CORRUPT;
	memcpy(sr, fr, HASH_LEN);
	while ((fn & 1) != 0) {
		fn >>= 1;
		sn >>= 1;
	}
	for (; i < n; i++) {
		if (sn == 0)
			return RESULT_CORRUPT;
		if ((fn & 1) != 0 || fn == sn) {
			tree_node_hash(path[i], fr, fr);
			tree_node_hash(path[i], sr, sr);
			tree_skip_lone(&fn, &sn);
		} else {
			tree_node_hash(sr, path[i], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (tree_same(sn == 0, sr, root) != RESULT_OK)
		return RESULT_CORRUPT;
	return tree_same(1, fr, old_root);
}
