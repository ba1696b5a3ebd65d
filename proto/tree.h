/*
 * The Merkle tree over the entries: RFC 6962 section 2.1, with the verification algorithms of
 * RFC 9162 section 2.1.3.2 and 2.1.4.2.
 *
 *	empty tree   SHA-256("")
 *	leaf         SHA-256(0x00 ‖ entry bytes)
 *	node         SHA-256(0x01 ‖ left ‖ right), split at the largest power of two below the size
 *
 * Leaves count from 0: the entry with seq n is leaf n - 1. Sizes go up to TREE_SIZE_MAX, so that
 * no path is longer than TREE_PATH_MAX.
 */
#ifndef TIMEBOX_PROTO_TREE_H
#define TIMEBOX_PROTO_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/crypto.h"

#define TREE_PATH_MAX 64
#define TREE_SIZE_MAX ((uint64_t)1 << 63)

void tree_leaf_hash(const void *entry, size_t n, uint8_t out[HASH_LEN]);

void tree_node_hash(
    const uint8_t left[HASH_LEN], const uint8_t right[HASH_LEN], uint8_t out[HASH_LEN]);

/* The leaf hashes of `n` entries: less time than one by one. */
void tree_leaf_hashes(const struct sha256_part *entries, size_t n, uint8_t (*out)[HASH_LEN]);

/* The `n` nodes over 2n hashes, two by two; `out` may be `hashes`. */
void tree_node_hashes(const uint8_t (*hashes)[HASH_LEN], size_t n, uint8_t (*out)[HASH_LEN]);

/* A growing tree in 2 KiB: hash[i] is the root of the complete subtree of 2^i leaves, and counts
 * only where bit i of `size` is set. May be copied and stored as it is (same machine). */
struct tree_frontier {
	uint64_t size;
	uint8_t hash[64][HASH_LEN];
};

/* The tree without leaves; the unused hashes are zero. */
void tree_frontier_init(struct tree_frontier *f);

/* Adds the next leaf by its leaf hash; f->size must be below TREE_SIZE_MAX. */
void tree_frontier_append(struct tree_frontier *f, const uint8_t leaf[HASH_LEN]);

/* Adds the next 2^level leaves by their root; f->size must be a multiple of 2^level. */
void tree_frontier_append_node(
    struct tree_frontier *f, unsigned level, const uint8_t node[HASH_LEN]);

/* The root of the tree so far. */
void tree_frontier_root(const struct tree_frontier *f, uint8_t out[HASH_LEN]);

/* Gives the leaf hash with this index; what it returns other than RESULT_OK ends the proof. */
typedef enum result (*tree_leaf_fn)(void *ctx, uint64_t index, uint8_t out[HASH_LEN]);

/* The audit path of leaf `index` in the tree of the first `size` leaves (RFC 6962 section 2.1.1),
 * lowest sibling first: `path` has room for TREE_PATH_MAX hashes, *n is their number. Asks for
 * every other leaf once: linear in `size`. RESULT_BAD_FIELD if index >= size or the size is beyond
 * TREE_SIZE_MAX, else what `leaf` returned. */
MUST_CHECK enum result tree_inclusion_prove(tree_leaf_fn leaf, void *ctx, uint64_t index,
    uint64_t size, uint8_t (*path)[HASH_LEN], size_t *n);

/* The proof that the tree of `old_size` leaves is the beginning of that of `size` (RFC 6962 section
 * 2.1.2); `path` and *n as above. Equal sizes and old_size = 0 give an empty proof.
 * RESULT_BAD_FIELD if old_size > size or the size is beyond TREE_SIZE_MAX. */
MUST_CHECK enum result tree_consistency_prove(tree_leaf_fn leaf, void *ctx, uint64_t old_size,
    uint64_t size, uint8_t (*path)[HASH_LEN], size_t *n);

/* Levels that a tree_node_fn is asked for, beside the leaves (level 0). */
#define TREE_NODE_LEVEL 8
#define TREE_PAGE_LEVEL 16

/* Gives the root of the 2^level leaves from index × 2^level on, for the levels 0, TREE_NODE_LEVEL and TREE_PAGE_LEVEL. */
typedef enum result (*tree_node_fn)(
    void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_LEN]);

/* The same two proofs, from a tree whose inner nodes are kept: a few hundred questions each, up to four
 * thousand million leaves. */
MUST_CHECK enum result tree_inclusion_prove_nodes(tree_node_fn node, void *ctx, uint64_t index,
    uint64_t size, uint8_t (*path)[HASH_LEN], size_t *n);
MUST_CHECK enum result tree_consistency_prove_nodes(tree_node_fn node, void *ctx,
    uint64_t old_size, uint64_t size, uint8_t (*path)[HASH_LEN], size_t *n);

/* RESULT_OK if the path leads from the leaf hash at `index` to `root`; else RESULT_CORRUPT.
 * Takes any numbers; `path` may be NULL where n is 0. */
MUST_CHECK enum result tree_inclusion_verify(const uint8_t leaf[HASH_LEN], uint64_t index,
    uint64_t size, const uint8_t (*path)[HASH_LEN], size_t n, const uint8_t root[HASH_LEN]);

/* RESULT_OK if the path proves that the tree with `old_root` is the beginning of the one with
 * `root`; else RESULT_CORRUPT. Equal sizes need equal roots and no path; old_size = 0 needs the
 * root of the empty tree and no path. */
MUST_CHECK enum result tree_consistency_verify(uint64_t old_size, const uint8_t old_root[HASH_LEN],
    uint64_t size, const uint8_t root[HASH_LEN], const uint8_t (*path)[HASH_LEN], size_t n);

#endif
