/*
 * Any bytes as DIR/loss and DIR/nodes of a station. What must hold: a size is given up only if a line says so, and every whole line
 * is heeded; nodes are taken only as far as the tree goes, and not at all if they are those of all its blocks and one is another.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/engine/engine_int.h"
#include "tests/fuzz/folder.h"

#define BLOCKS_MOST 520u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine engine;
static char path[FUZZ_PATH];

static void
set_up(void)
{
	if (path[0] != '\0')
		return;
	snprintf(engine.dir, sizeof(engine.dir), "%s", fuzz_folder());
	fuzz_path(path, "nodes");
}

/* ---- DIR/loss ---- */

/* The digits at `p`, without zeros before them; the end is where they end, or `p` if they are no number. */
static const uint8_t *
digits(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
	const uint8_t *at = p;

	for (*out = 0; at < end && *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(*out, 10u, out) || __builtin_add_overflow(*out, (uint64_t)(*at - '0'), out))
			return p;
	return at > p + 1 && *p == '0' ? p : at;
}

static int
line_says(const uint8_t *p, const uint8_t *end, uint64_t size)
{
	uint64_t left, known;
	const uint8_t *blank = digits(p, end, &left), *last;

	if (blank == p || blank == end || *blank != ' ')
		return 0;
	last = digits(blank + 1, end, &known);
	return last != blank + 1 && last == end && size > left && size <= known;
}

static void
check_loss(const uint8_t *data, size_t len, uint64_t size)
{
	FILE *file = fmemopen((void *)(uintptr_t)data, len, "r");
	const uint8_t *end = data + len, *newline;
	int says = 0, covers;

	CHECK(file != NULL);
	covers = loss_covers(file, size);
	fclose(file);
	for (const uint8_t *p = data; p < end && (newline = memchr(p, '\n', (size_t)(end - p))) != NULL; p = newline + 1)
		says |= line_says(p, newline, size);
	CHECK(covers == says);
}

/* ---- DIR/nodes ---- */

static void
node_of(size_t i, uint8_t out[32])
{
	sha256(&i, sizeof(i), out);
}

static uint8_t nodes[(BLOCKS_MOST + 8) * 32];

/* Nodes of `n` blocks and a part of one more, each three bytes of the input flipping bits of one of their bytes. */
static void
nodes_write(const uint8_t *data, size_t size, size_t n, size_t more)
{
	size_t len = n * 32 + more;
	FILE *file = fopen(path, "wbe");

	for (size_t i = 0; i < BLOCKS_MOST + 8; i++)
		node_of(i, nodes + 32 * i);
	for (size_t i = 0; i + 2 < size && len > 0; i += 3)
		nodes[((size_t)data[i] << 8 | data[i + 1]) % len] ^= data[i + 2];
	CHECK(file != NULL && fwrite(nodes, 1, len, file) == len && fclose(file) == 0);
}

/* How many blocks of them are as they were. */
static size_t
nodes_right(size_t n)
{
	uint8_t node[32];
	size_t i = 0;

	for (; i < n; i++) {
		node_of(i, node);
		if (memcmp(nodes + 32 * i, node, sizeof(node)) != 0)
			break;
	}
	return i;
}

static void
tree_make(size_t blocks, size_t leaves)
{
	uint8_t node[32];

	tree_frontier_init(&engine.committed_tree);
	for (size_t i = 0; i < blocks; i++) {
		node_of(i, node);
		tree_frontier_append_node(&engine.committed_tree, TREE_NODE_LEVEL, node);
	}
	for (size_t i = 0; i < leaves; i++)
		tree_frontier_append(&engine.committed_tree, node);
}

static void
check_nodes(const uint8_t *data, size_t size)
{
	struct signer *s = &engine.signer;
	size_t blocks, there;

	if (size < 4)
		return;
	blocks = data[0] * 2u;
	there = data[1] * 2u;
	tree_make(blocks, data[2] % 8u);
	nodes_write(data + 4, size - 4, there, data[3] % 32u);
	signed_forget(s);
	CHECK(nodes_load(&engine) == RESULT_OK);
	if (there < blocks)
		CHECK(s->n_nodes == there);
	else
		CHECK(s->n_nodes == (nodes_right(blocks) == blocks ? blocks : 0));
	CHECK(s->n_nodes == 0 || memcmp(s->node, nodes, s->n_nodes * 32) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t asked;

	set_up();
	if (size > 0 && data[0] % 2 != 0) {
		check_nodes(data + 1, size - 1);
	} else if (size > 1 + sizeof(asked)) {
		memcpy(&asked, data + 1, sizeof(asked));
		check_loss(data + 1 + sizeof(asked), size - 1 - sizeof(asked), asked);
	}
	return 0;
}
