#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tree.h"

#define ROOTS_UP_TO 64
#define PAIRS_UP_TO 40

static uint8_t leaves[ROOTS_UP_TO][HASH_LEN];

static int
leaves_make(void **state)
{
	char entry[16];
	size_t i;

	(void)state;
	for (i = 0; i < ROOTS_UP_TO; i++) {
		int n = snprintf(entry, sizeof(entry), "entry %zu", i);

		tree_leaf_hash(entry, (size_t)n, leaves[i]);
	}
	return 0;
}

static enum result
leaf_get(void *ctx, uint64_t index, uint8_t out[HASH_LEN])
{
	const uint64_t *fail_at = ctx;

	if (fail_at != NULL && index == *fail_at)
		return RESULT_IO;
	assert_true(index < ROOTS_UP_TO);
	memcpy(out, leaves[index], HASH_LEN);
	return RESULT_OK;
}

/* MTH of RFC 6962 section 2.1, word for word. */
static void
naive_root(size_t from, size_t n, uint8_t out[HASH_LEN])
{
	uint8_t left[HASH_LEN], right[HASH_LEN];
	size_t k = 1;

	if (n == 0) {
		sha256("", 0, out);
		return;
	}
	if (n == 1) {
		memcpy(out, leaves[from], HASH_LEN);
		return;
	}
	while (2 * k < n)
		k *= 2;
	naive_root(from, k, left);
	naive_root(from + k, n - k, right);
	tree_node_hash(left, right, out);
}

/* PATH(m, D[n]) of RFC 6962 section 2.1.1, word for word; returns the number of hashes. */
static size_t
naive_path(size_t m, size_t from, size_t n, uint8_t (*path)[HASH_LEN])
{
	size_t k = 1, len;

	if (n == 1)
		return 0;
	while (2 * k < n)
		k *= 2;
	if (m < k) {
		len = naive_path(m, from, k, path);
		naive_root(from + k, n - k, path[len]);
	} else {
		len = naive_path(m - k, from + k, n - k, path);
		naive_root(from, k, path[len]);
	}
	return len + 1;
}

/* SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2, word for word. */
static size_t
naive_subproof(size_t m, size_t from, size_t n, int b, uint8_t (*path)[HASH_LEN])
{
	size_t k = 1, len;

	if (m == n) {
		if (b)
			return 0;
		naive_root(from, n, path[0]);
		return 1;
	}
	while (2 * k < n)
		k *= 2;
	if (m <= k) {
		len = naive_subproof(m, from, k, b, path);
		naive_root(from + k, n - k, path[len]);
	} else {
		len = naive_subproof(m - k, from + k, n - k, 0, path);
		naive_root(from, k, path[len]);
	}
	return len + 1;
}

static void
leaf_and_node_hashes_are_those_of_the_rfc(void **state)
{
	/* The first roots of the test data of Certificate Transparency's own implementations. */
	static const char *const want[] = {
	    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	};
	uint8_t a[HASH_LEN], b[HASH_LEN], h[HASH_LEN], w[HASH_LEN];

	(void)state;
	tree_leaf_hash("", 0, a);
	assert_int_equal(hex_decode(w, HASH_LEN, want[0], 64), RESULT_OK);
	assert_memory_equal(a, w, HASH_LEN);
	tree_leaf_hash("\0", 1, b);
	tree_node_hash(a, b, h);
	assert_int_equal(hex_decode(w, HASH_LEN, want[1], 64), RESULT_OK);
	assert_memory_equal(h, w, HASH_LEN);
}

static void
leaves_and_nodes_together_are_those_one_by_one(void **state)
{
	static const char text[] = "a leaf for every letter of this, each longer by one than the one before";
	struct sha256_part entries[sizeof(text)];
	uint8_t got[sizeof(text)][HASH_LEN], want[HASH_LEN];
	uint8_t level[ROOTS_UP_TO][HASH_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		entries[i] = (struct sha256_part){text, i};
	tree_leaf_hashes(entries, sizeof(text), got);
	for (size_t i = 0; i < sizeof(text); i++) {
		tree_leaf_hash(text, i, want);
		assert_memory_equal(got[i], want, HASH_LEN);
	}
	/* Each level in the place of the one below, up to the root. */
	memcpy(level, leaves, sizeof(level));
	for (size_t n = ROOTS_UP_TO / 2; n > 0; n /= 2)
		tree_node_hashes((const uint8_t(*)[HASH_LEN])level, n, level);
	naive_root(0, ROOTS_UP_TO, want);
	assert_memory_equal(level[0], want, HASH_LEN);
}

static void
frontier_roots_equal_the_recursion_at_every_size(void **state)
{
	struct tree_frontier f;
	uint8_t root[HASH_LEN], want[HASH_LEN];
	size_t n;

	(void)state;
	tree_frontier_init(&f);
	for (n = 0;; n++) {
		assert_int_equal(f.size, n);
		naive_root(0, n, want);
		tree_frontier_root(&f, root);
		assert_memory_equal(root, want, HASH_LEN);
		if (n == ROOTS_UP_TO)
			break;
		tree_frontier_append(&f, leaves[n]);
	}
}

static void
inclusion_is_proved_for_every_leaf_of_every_size(void **state)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], want[TREE_PATH_MAX][HASH_LEN], root[HASH_LEN];
	size_t size, i, j, n;

	(void)state;
	for (size = 1; size <= PAIRS_UP_TO; size++) {
		naive_root(0, size, root);
		for (i = 0; i < size; i++) {
			assert_int_equal(
			    tree_inclusion_prove(leaf_get, NULL, i, size, path, &n), RESULT_OK);
			assert_int_equal(n, naive_path(i, 0, size, want));
			assert_memory_equal(path, want, n * HASH_LEN);
			assert_int_equal(tree_inclusion_verify(leaves[i], i, size,
					     (const uint8_t(*)[HASH_LEN])path, n, root),
			    RESULT_OK);
			for (j = 0; j < size; j++)
				if (j != i)
					assert_int_equal(
					    tree_inclusion_verify(leaves[i], j, size,
						(const uint8_t(*)[HASH_LEN])path, n, root),
					    RESULT_CORRUPT);
		}
	}
}

static void
consistency_is_proved_for_every_pair_of_sizes(void **state)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], want[TREE_PATH_MAX][HASH_LEN];
	uint8_t root[HASH_LEN], old_root[HASH_LEN];
	const uint8_t(*p)[HASH_LEN] = (const uint8_t(*)[HASH_LEN])path;
	size_t size, old, n;

	(void)state;
	for (size = 0; size <= PAIRS_UP_TO; size++) {
		naive_root(0, size, root);
		for (old = 0; old <= size; old++) {
			naive_root(0, old, old_root);
			assert_int_equal(
			    tree_consistency_prove(leaf_get, NULL, old, size, path, &n), RESULT_OK);
			if (old > 0)
				assert_int_equal(n, naive_subproof(old, 0, size, 1, want));
			else
				assert_int_equal(n, 0);
			assert_memory_equal(path, want, n * HASH_LEN);
			assert_int_equal(
			    tree_consistency_verify(old, old_root, size, root, p, n), RESULT_OK);
		}
	}
}

static void
a_changed_or_cut_inclusion_path_is_refused(void **state)
{
	uint8_t path[TREE_PATH_MAX + 1][HASH_LEN] = {{0}}, root[HASH_LEN];
	const uint8_t(*p)[HASH_LEN] = (const uint8_t(*)[HASH_LEN])path;
	size_t size, i, j, n, cut;

	(void)state;
	for (size = 1; size <= PAIRS_UP_TO; size += 3) {
		naive_root(0, size, root);
		for (i = 0; i < size; i++) {
			assert_int_equal(
			    tree_inclusion_prove(leaf_get, NULL, i, size, path, &n), RESULT_OK);
			for (cut = 0; cut < n; cut++)
				assert_int_equal(
				    tree_inclusion_verify(leaves[i], i, size, p, cut, root),
				    RESULT_CORRUPT);
			assert_int_equal(tree_inclusion_verify(leaves[i], i, size, p, n + 1, root),
			    RESULT_CORRUPT);
			for (j = 0; j < n; j++) {
				path[j][31] ^= 1;
				assert_int_equal(
				    tree_inclusion_verify(leaves[i], i, size, p, n, root),
				    RESULT_CORRUPT);
				path[j][31] ^= 1;
			}
		}
	}
}

static void
a_changed_or_cut_consistency_path_is_refused(void **state)
{
	uint8_t path[TREE_PATH_MAX + 1][HASH_LEN] = {{0}}, root[HASH_LEN], old_root[HASH_LEN];
	const uint8_t(*p)[HASH_LEN] = (const uint8_t(*)[HASH_LEN])path;
	size_t size, old, j, n;

	(void)state;
	for (size = 1; size <= PAIRS_UP_TO; size += 3) {
		naive_root(0, size, root);
		for (old = 1; old < size; old++) {
			naive_root(0, old, old_root);
			assert_int_equal(
			    tree_consistency_prove(leaf_get, NULL, old, size, path, &n), RESULT_OK);
			for (j = 0; j < n; j++) {
				assert_int_equal(
				    tree_consistency_verify(old, old_root, size, root, p, j),
				    RESULT_CORRUPT);
				path[j][0] ^= 1;
				assert_int_equal(
				    tree_consistency_verify(old, old_root, size, root, p, n),
				    RESULT_CORRUPT);
				path[j][0] ^= 1;
			}
			assert_int_equal(
			    tree_consistency_verify(old, old_root, size, root, p, n + 1),
			    RESULT_CORRUPT);
			assert_int_equal(
			    tree_consistency_verify(old, root, size, root, p, n), RESULT_CORRUPT);
			assert_int_equal(
			    tree_consistency_verify(old, old_root, size, old_root, p, n),
			    RESULT_CORRUPT);
		}
	}
}

static void
numbers_out_of_range_are_refused(void **state)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], root[HASH_LEN] = {0};
	const uint8_t(*p)[HASH_LEN] = (const uint8_t(*)[HASH_LEN])path;
	size_t n;

	(void)state;
	memset(path, 0, sizeof(path));
	assert_int_equal(tree_inclusion_prove(leaf_get, NULL, 0, 0, path, &n), RESULT_BAD_FIELD);
	assert_int_equal(tree_inclusion_prove(leaf_get, NULL, 5, 5, path, &n), RESULT_BAD_FIELD);
	assert_int_equal(
	    tree_inclusion_prove(leaf_get, NULL, 0, TREE_SIZE_MAX + 1, path, &n), RESULT_BAD_FIELD);
	assert_int_equal(tree_consistency_prove(leaf_get, NULL, 6, 5, path, &n), RESULT_BAD_FIELD);
	assert_int_equal(tree_inclusion_verify(root, 0, 0, p, 0, root), RESULT_CORRUPT);
	assert_int_equal(tree_inclusion_verify(root, 5, 5, p, 3, root), RESULT_CORRUPT);
	assert_int_equal(
	    tree_inclusion_verify(root, UINT64_MAX - 1, UINT64_MAX, p, 64, root), RESULT_CORRUPT);
	assert_int_equal(tree_consistency_verify(6, root, 5, root, p, 0), RESULT_CORRUPT);
	assert_int_equal(tree_consistency_verify(0, root, 5, root, p, 0), RESULT_CORRUPT);
	assert_int_equal(tree_consistency_verify(5, root, 5, root, p, 1), RESULT_CORRUPT);
	assert_int_equal(
	    tree_consistency_verify(3, root, UINT64_MAX, root, NULL, 0), RESULT_CORRUPT);
	assert_int_equal(
	    tree_consistency_verify(UINT64_MAX - 1, root, UINT64_MAX, root, p, 64), RESULT_CORRUPT);
}

static void
a_leaf_that_cannot_be_read_ends_the_proof(void **state)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN];
	uint64_t fail_at;
	size_t n;

	(void)state;
	for (fail_at = 0; fail_at < 13; fail_at++) {
		assert_int_equal(tree_inclusion_prove(leaf_get, &fail_at, 6, 13, path, &n),
		    fail_at == 6 ? RESULT_OK : RESULT_IO);
		assert_int_equal(
		    tree_consistency_prove(leaf_get, &fail_at, 6, 13, path, &n), RESULT_IO);
	}
}

/* A larger tree, whose leaves are their numbers' hashes, and its nodes as somebody would keep them. */
#define LARGE (3 * 256 + 65536 * 2 + 77)
static struct tree_frontier large_to;
static uint8_t (*large_node)[HASH_LEN];
static uint64_t large_asked;

static void
large_leaf(uint64_t index, uint8_t out[HASH_LEN])
{
	tree_leaf_hash(&index, sizeof(index), out);
}

static enum result
large_leaf_get(void *ctx, uint64_t index, uint8_t out[HASH_LEN])
{
	(void)ctx;
	large_leaf(index, out);
	return RESULT_OK;
}

static enum result
large_get(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_LEN])
{
	struct tree_frontier f;

	(void)ctx;
	large_asked++;
	if (level == 0)
		return large_leaf_get(NULL, index, out);
	assert_true(level == TREE_NODE_LEVEL || level == TREE_PAGE_LEVEL);
	assert_true((index + 1) << level <= large_to.size);
	tree_frontier_init(&f);
	for (uint64_t i = index << (level - TREE_NODE_LEVEL); i < (index + 1) << (level - TREE_NODE_LEVEL); i++)
		tree_frontier_append(&f, large_node[i]);
	tree_frontier_root(&f, out);
	return RESULT_OK;
}

/* large_to has `size` leaves, block by block. */
static void
large_make(uint64_t size)
{
	uint8_t h[HASH_LEN];

	free(large_node);
	large_node = calloc(size / 256 + 1, HASH_LEN);
	assert_non_null(large_node);
	tree_frontier_init(&large_to);
	for (uint64_t b = 0; b < size / 256; b++) {
		struct tree_frontier block;

		tree_frontier_init(&block);
		for (uint64_t i = 0; i < 256; i++) {
			large_leaf(b * 256 + i, h);
			tree_frontier_append(&block, h);
		}
		tree_frontier_root(&block, large_node[b]);
		tree_frontier_append_node(&large_to, TREE_NODE_LEVEL, large_node[b]);
	}
	for (uint64_t i = size / 256 * 256; i < size; i++) {
		large_leaf(i, h);
		tree_frontier_append(&large_to, h);
	}
}

static void
proofs_from_kept_nodes_are_the_same_and_ask_little(void **state)
{
	static const uint64_t at[] = {0, 1, 255, 256, 1000, 65535, 65536, 131071, 131072, LARGE - 78, LARGE - 1};
	uint8_t path[TREE_PATH_MAX][HASH_LEN], want[TREE_PATH_MAX][HASH_LEN], root[HASH_LEN], leaf[HASH_LEN];
	size_t n, m;

	(void)state;
	large_make(LARGE);
	tree_frontier_root(&large_to, root);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		large_asked = 0;
		assert_int_equal(tree_inclusion_prove_nodes(large_get, NULL, at[i], LARGE, path, &n), RESULT_OK);
		assert_in_range(large_asked, 1, 3 * 256);
		large_leaf(at[i], leaf);
		assert_int_equal(tree_inclusion_verify(leaf, at[i], LARGE, (const uint8_t(*)[HASH_LEN])path, n, root),
		    RESULT_OK);
		assert_int_equal(tree_consistency_prove_nodes(large_get, NULL, at[i], LARGE, path, &n), RESULT_OK);
		assert_int_equal(tree_consistency_prove(large_leaf_get, NULL, at[i], LARGE, want, &m), RESULT_OK);
		assert_int_equal(n, m);
		assert_memory_equal(path, want, n * HASH_LEN);
	}
	free(large_node);
	large_node = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leaf_and_node_hashes_are_those_of_the_rfc),
	    cmocka_unit_test(leaves_and_nodes_together_are_those_one_by_one),
	    cmocka_unit_test(frontier_roots_equal_the_recursion_at_every_size),
	    cmocka_unit_test(inclusion_is_proved_for_every_leaf_of_every_size),
	    cmocka_unit_test(proofs_from_kept_nodes_are_the_same_and_ask_little),
	    cmocka_unit_test(consistency_is_proved_for_every_pair_of_sizes),
	    cmocka_unit_test(a_changed_or_cut_inclusion_path_is_refused),
	    cmocka_unit_test(a_changed_or_cut_consistency_path_is_refused),
	    cmocka_unit_test(numbers_out_of_range_are_refused),
	    cmocka_unit_test(a_leaf_that_cannot_be_read_ends_the_proof),
	};

	return cmocka_run_group_tests(tests, leaves_make, NULL);
}
