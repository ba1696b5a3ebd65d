/*
 * proto/tree against the definitions of RFC 6962 section 2.1, word for word, for every size and every
 * pair up to a limit.
 *
 *	tlog_pairs MAX PARTS PART	the sizes that are PART modulo PARTS
 *
 * Prints how many roots, inclusion proofs and consistency proofs were right, how many wrong proofs were
 * refused, and what failed first; exit code 1 if something did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tree.h"

#define MAX_SIZE 1024

struct pairs {
	uint8_t leaf[MAX_SIZE][HASH_LEN];
	/* MTH of D[from:from+n], as far as it was asked for; n is at most MAX_SIZE. */
	uint8_t (*memo)[HASH_LEN];
	unsigned char *known;
	uint64_t roots, inclusion, consistency, refused; /* how many were right */
	char failed[256];
};

static size_t
split(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

/* MTH(D[n]): the empty string's hash, the leaf, or the node over both parts. */
static void
naive_root(struct pairs *p, size_t from, size_t n, uint8_t out[HASH_LEN])
{
	uint8_t left[HASH_LEN], right[HASH_LEN];
	size_t at = from * (MAX_SIZE + 1) + n, k = split(n);

	if (n == 0) {
		sha256("", 0, out);
		return;
	}
	if (n == 1) {
		memcpy(out, p->leaf[from], HASH_LEN);
		return;
	}
	if (!p->known[at]) {
		naive_root(p, from, k, left);
		naive_root(p, from + k, n - k, right);
		tree_node_hash(left, right, p->memo[at]);
		p->known[at] = 1;
	}
	memcpy(out, p->memo[at], HASH_LEN);
}

/* PATH(m, D[n]). */
static size_t
naive_path(struct pairs *p, size_t m, size_t from, size_t n, uint8_t (*path)[HASH_LEN])
{
	size_t k = split(n), len;

	if (n == 1)
		return 0;
	if (m < k) {
		len = naive_path(p, m, from, k, path);
		naive_root(p, from + k, n - k, path[len]);
	} else {
		len = naive_path(p, m - k, from + k, n - k, path);
		naive_root(p, from, k, path[len]);
	}
	return len + 1;
}

/* SUBPROOF(m, D[n], b). */
static size_t
naive_subproof(struct pairs *p, size_t m, size_t from, size_t n, int whole, uint8_t (*path)[HASH_LEN])
{
	size_t k = split(n), len;

	if (m == n) {
		if (whole)
			return 0;
		naive_root(p, from, n, path[0]);
		return 1;
	}
	if (m <= k) {
		len = naive_subproof(p, m, from, k, whole, path);
		naive_root(p, from + k, n - k, path[len]);
	} else {
		len = naive_subproof(p, m - k, from + k, n - k, 0, path);
		naive_root(p, from, k, path[len]);
	}
	return len + 1;
}

static enum result
leaf_get(void *ctx, uint64_t index, uint8_t out[HASH_LEN])
{
	struct pairs *p = ctx;

	memcpy(out, p->leaf[index], HASH_LEN);
	return RESULT_OK;
}

static int
fails(struct pairs *p, const char *what, size_t a, size_t size)
{
	snprintf(p->failed, sizeof(p->failed), "%s: %zu of %zu", what, a, size);
	return -1;
}

static int
inclusion_check(struct pairs *p, size_t index, size_t size, const uint8_t root[HASH_LEN])
{
	uint8_t want[TREE_PATH_MAX][HASH_LEN], path[TREE_PATH_MAX][HASH_LEN];
	size_t n_want = naive_path(p, index, 0, size, want), n = 0;
	const uint8_t *leaf = p->leaf[index];

	if (tree_inclusion_prove(leaf_get, p, index, size, path, &n) != RESULT_OK || n != n_want ||
	    memcmp(path, want, n * HASH_LEN) != 0)
		return fails(p, "inclusion proof", index, size);
	if (tree_inclusion_verify(leaf, index, size, (const uint8_t(*)[HASH_LEN])path, n, root) !=
	    RESULT_OK)
		return fails(p, "inclusion refused", index, size);
	p->inclusion++;
	if (n == 0)
		return 0;
	path[(index + size) % n][size % HASH_LEN] ^= 1;
	if (tree_inclusion_verify(leaf, index, size, (const uint8_t(*)[HASH_LEN])path, n, root) ==
		RESULT_OK ||
	    tree_inclusion_verify(leaf, index, size, (const uint8_t(*)[HASH_LEN])want, n - 1, root) ==
		RESULT_OK ||
	    tree_inclusion_verify(leaf, index ^ 1, size, (const uint8_t(*)[HASH_LEN])want, n, root) ==
		RESULT_OK)
		return fails(p, "wrong inclusion accepted", index, size);
	p->refused += 3;
	return 0;
}

static int
consistency_check(struct pairs *p, size_t old, size_t size, const uint8_t root[HASH_LEN])
{
	uint8_t want[TREE_PATH_MAX][HASH_LEN], path[TREE_PATH_MAX][HASH_LEN], old_root[HASH_LEN];
	size_t n_want = old == 0 ? 0 : naive_subproof(p, old, 0, size, 1, want), n = 0;

	naive_root(p, 0, old, old_root);
	if (tree_consistency_prove(leaf_get, p, old, size, path, &n) != RESULT_OK || n != n_want ||
	    memcmp(path, want, n * HASH_LEN) != 0)
		return fails(p, "consistency proof", old, size);
	if (tree_consistency_verify(
		old, old_root, size, root, (const uint8_t(*)[HASH_LEN])path, n) != RESULT_OK)
		return fails(p, "consistency refused", old, size);
	p->consistency++;
	if (n == 0)
		return 0;
	path[(old + size) % n][size % HASH_LEN] ^= 1;
	if (tree_consistency_verify(
		old, old_root, size, root, (const uint8_t(*)[HASH_LEN])path, n) == RESULT_OK ||
	    tree_consistency_verify(
		old, old_root, size, root, (const uint8_t(*)[HASH_LEN])want, n - 1) == RESULT_OK)
		return fails(p, "wrong consistency accepted", old, size);
	p->refused += 2;
	return 0;
}

static int
size_check(struct pairs *p, size_t size)
{
	struct tree_frontier f;
	uint8_t root[HASH_LEN], grown[HASH_LEN];

	tree_frontier_init(&f);
	for (size_t i = 0; i < size; i++)
		tree_frontier_append(&f, p->leaf[i]);
	tree_frontier_root(&f, grown);
	naive_root(p, 0, size, root);
	if (memcmp(root, grown, HASH_LEN) != 0)
		return fails(p, "root", 0, size);
	p->roots++;
	for (size_t i = 0; i < size; i++)
		if (inclusion_check(p, i, size, root) != 0)
			return -1;
	for (size_t old = 0; old <= size; old++)
		if (consistency_check(p, old, size, root) != 0)
			return -1;
	return 0;
}

int
main(int argc, char **argv)
{
	static struct pairs p;
	size_t max = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	size_t parts = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	char entry[32];

	if (max == 0 || max > MAX_SIZE || parts == 0) {
		fprintf(stderr, "usage: tlog_pairs MAX PARTS PART\n");
		return 2;
	}
	p.memo = calloc((size_t)MAX_SIZE * (MAX_SIZE + 1), HASH_LEN);
	p.known = calloc((size_t)MAX_SIZE * (MAX_SIZE + 1), 1);
	if (p.memo == NULL || p.known == NULL)
		return 2;
	for (size_t i = 0; i < max; i++)
		tree_leaf_hash(entry, (size_t)snprintf(entry, sizeof(entry), "entry %zu", i), p.leaf[i]);
	for (size_t size = strtoul(argv[3], NULL, 10); size <= max; size += parts)
		if (size_check(&p, size) != 0)
			break;
	printf("%ju %ju %ju %ju %s\n", (uintmax_t)p.roots, (uintmax_t)p.inclusion,
	    (uintmax_t)p.consistency, (uintmax_t)p.refused, p.failed);
	free(p.memo);
	free(p.known);
	return p.failed[0] != '\0';
}
