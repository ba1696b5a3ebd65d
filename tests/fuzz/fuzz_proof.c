/*
 * Any bytes as a proof of the Merkle tree (sizes, index, hashes), and as the numbers of a tile's path. What must hold: a path
 * that verifies for a leaf at one place verifies for no other leaf there, nor for this one under another root; a growth that is
 * believed is believed for no other beginning; a tile's path says the numbers that it was made of.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "proto/tile.h"
#include "proto/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SMALL 33 /* leaves of the trees that are made here */

static enum result
leaf_get(void *ctx, uint64_t index, uint8_t out[HASH_LEN])
{
	(void)ctx;
	tree_leaf_hash(&index, sizeof(index), out);
	return RESULT_OK;
}

static void
root_of(uint64_t n, uint8_t out[HASH_LEN])
{
	struct tree_frontier f;
	uint8_t leaf[HASH_LEN];

	tree_frontier_init(&f);
	for (uint64_t i = 0; i < n; i++) {
		(void)leaf_get(NULL, i, leaf);
		tree_frontier_append(&f, leaf);
	}
	tree_frontier_root(&f, out);
}

/* A right proof with bytes of the input laid over it: it still verifies only where nothing changed. */
static void
check_damage(const uint8_t *data, size_t size)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], was[TREE_PATH_MAX][HASH_LEN], root[HASH_LEN], leaf[HASH_LEN];
	uint64_t n = 1 + data[0] % SMALL, index = data[1] % n;
	size_t len, at, m;

	root_of(n, root);
	(void)leaf_get(NULL, index, leaf);
	CHECK(tree_inclusion_prove(leaf_get, NULL, index, n, path, &len) == RESULT_OK);
	memcpy(was, path, sizeof(path[0]) * len);
	for (at = 2; at + 1 < size && len > 0; at += 2)
		path[data[at] % len][data[at] / 8] ^= data[at + 1];
	CHECK((tree_inclusion_verify(leaf, index, n, (const uint8_t(*)[HASH_LEN])path, len, root) == RESULT_OK) ==
	      (memcmp(was, path, sizeof(path[0]) * len) == 0));
	CHECK(tree_consistency_prove(leaf_get, NULL, index, n, path, &m) == RESULT_OK);
	root_of(index, leaf);
	CHECK(tree_consistency_verify(index, leaf, n, root, (const uint8_t(*)[HASH_LEN])path, m) == RESULT_OK);
	leaf[data[1] % HASH_LEN] ^= 1;
	CHECK(tree_consistency_verify(index, leaf, n, root, (const uint8_t(*)[HASH_LEN])path, m) != RESULT_OK ||
	      index == 0);
}

static void
check_any(const uint8_t *data, size_t size)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], leaf[HASH_LEN], root[HASH_LEN];
	uint64_t a, b;
	size_t n = (size - 80) / HASH_LEN < TREE_PATH_MAX ? (size - 80) / HASH_LEN : TREE_PATH_MAX;

	memcpy(&a, data, 8);
	memcpy(&b, data + 8, 8);
	memcpy(leaf, data + 16, HASH_LEN);
	memcpy(root, data + 48, HASH_LEN);
	memcpy(path, data + 80, n * HASH_LEN);
	if (tree_inclusion_verify(leaf, a, b, (const uint8_t(*)[HASH_LEN])path, n, root) == RESULT_OK) {
		CHECK(a < b);
		leaf[0] ^= 1;
		CHECK(tree_inclusion_verify(leaf, a, b, (const uint8_t(*)[HASH_LEN])path, n, root) != RESULT_OK);
		leaf[0] ^= 1;
	}
	if (tree_consistency_verify(a, leaf, b, root, (const uint8_t(*)[HASH_LEN])path, n) == RESULT_OK) {
		CHECK(a <= b && (a != b || memcmp(leaf, root, HASH_LEN) == 0));
		root[0] ^= 1;
		CHECK(tree_consistency_verify(a, leaf, b, root, (const uint8_t(*)[HASH_LEN])path, n) != RESULT_OK ||
		      a == 0);
	}
}

/* Reads a path back as the specification says it is written. */
static void
check_tile(const uint8_t *data)
{
	char path[TILE_PATH_SIZE], *at = path;
	unsigned width = 1 + data[0];
	int level = data[1] % (TILE_LEVEL_MAX + 2) - 1;
	uint64_t n, back = 0;
	size_t len;

	memcpy(&n, data + 2, 8);
	n >>= data[10] % 64;
	len = tile_path(path, sizeof(path), level, n, width);
	CHECK(len == strlen(path) && len < sizeof(path));
	if (level == TILE_ENTRIES)
		CHECK(strncmp(at, "tile/entries/", 13) == 0 && (at += 13) != NULL);
	else
		CHECK(strncmp(at, "tile/", 5) == 0 && strtol(at + 5, &at, 10) == level && *at++ == '/');
	for (;;) {
		int more = *at == 'x';

		at += more;
		for (int i = 0; i < 3; i++, at++) {
			CHECK(*at >= '0' && *at <= '9');
			back = back * 10 + (uint64_t)(*at - '0');
		}
		if (!more)
			break;
		CHECK(*at++ == '/');
	}
	CHECK(back == n);
	if (width == TILE_WIDTH)
		CHECK(*at == '\0');
	else
		CHECK(strncmp(at, ".p/", 3) == 0 && strtoul(at + 3, &at, 10) == width && *at == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 2)
		check_damage(data, size);
	if (size >= 11)
		check_tile(data);
	if (size >= 80)
		check_any(data, size);
	return 0;
}
