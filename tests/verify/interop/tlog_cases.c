/*
 * Notes, cosignatures, receipts and proofs made by our code, for verifiers that are not ours; and
 * notes made by theirs, for ours.
 *
 *	tlog_cases make SIZES		prints one JSON object: trees up to that size over "entry 0", ...
 *	tlog_cases accept VKEY <NOTE	exit code 0 if our code takes the signed checkpoint
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/note.h"
#include "proto/tile.h"
#include "proto/tree.h"

#define MAX_SIZE 1024
#define ORIGIN	 "station.example/interop"
#define WITNESS	 "witness.example/w1"

static uint8_t leaves[MAX_SIZE][HASH_LEN];

static enum result
leaf_get(void *ctx, uint64_t index, uint8_t out[HASH_LEN])
{
	(void)ctx;
	memcpy(out, leaves[index], HASH_LEN);
	return RESULT_OK;
}

static void
must(enum result err, const char *what)
{
	if (err == RESULT_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, result_name(err));
	exit(2);
}

static json_t *
base64_json(const uint8_t *bytes, size_t n)
{
	char text[BASE64_LEN(128) + 1];

	base64_encode(text, sizeof(text), bytes, n);
	return json_string(text);
}

static json_t *
path_json(uint8_t (*path)[HASH_LEN], size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, base64_json(path[i], HASH_LEN));
	return list;
}

/* One tree: its checkpoint, an inclusion proof of each leaf, a consistency proof from each size. */
static json_t *
tree_json(size_t size, const uint8_t seed[SEED_LEN], const char *vkey)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], root[HASH_LEN];
	json_t *inclusion = json_array(), *consistency = json_array();
	char note[CHECKPOINT_SIZE];
	struct tree_frontier f;
	size_t n;

	tree_frontier_init(&f);
	for (size_t i = 0; i < size; i++)
		tree_frontier_append(&f, leaves[i]);
	tree_frontier_root(&f, root);
	must(checkpoint_sign(note, sizeof(note), ORIGIN, size, root, ORIGIN, seed), "checkpoint");
	for (size_t i = 0; i < size; i++) {
		must(tree_inclusion_prove(leaf_get, NULL, i, size, path, &n), "inclusion");
		json_array_append_new(inclusion, path_json(path, n));
	}
	for (size_t old = 0; old <= size; old++) {
		must(tree_consistency_prove(leaf_get, NULL, old, size, path, &n), "consistency");
		json_array_append_new(consistency, path_json(path, n));
	}
	return json_pack("{s:I,s:s,s:s,s:o,s:o,s:o}", "size", (json_int_t)size, "note", note, "vkey",
	    vkey, "root", base64_json(root, HASH_LEN), "inclusion", inclusion, "consistency",
	    consistency);
}

static json_t *
tiles_json(void)
{
	static const uint64_t numbers[] = {0, 1, 255, 999, 1000, 1234067, 999999999, 1000000000};
	json_t *list = json_array();
	char path[TILE_PATH_SIZE];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (unsigned width = 1; width <= TILE_WIDTH; width += 51) {
			tile_path(path, sizeof(path), (int)i, numbers[i], width);
			json_array_append_new(list,
			    json_pack("{s:i,s:I,s:i,s:s}", "level", (int)i, "n",
				(json_int_t)numbers[i], "width", (int)width, "path", path));
		}
	return list;
}

/* A checkpoint that a witness cosigned, and a receipt under it. */
static json_t *
cosigned_json(size_t size, const uint8_t seed[SEED_LEN])
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], root[HASH_LEN], witness[SEED_LEN] = {9}, pub[KEY_LEN];
	char note[CHECKPOINT_SIZE + COSIGNATURE_SIZE], line[COSIGNATURE_SIZE], vkey[NOTE_VKEY_SIZE];
	static char receipt[RECEIPT_MAX_BYTES];
	struct tree_frontier f;
	size_t n;

	tree_frontier_init(&f);
	for (size_t i = 0; i < size; i++)
		tree_frontier_append(&f, leaves[i]);
	tree_frontier_root(&f, root);
	must(checkpoint_sign(note, sizeof(note), ORIGIN, size, root, ORIGIN, seed), "checkpoint");
	must(cosignature_sign(line, sizeof(line), note, strlen(note), WITNESS, witness, 1700000000),
	    "cosignature");
	memcpy(note + strlen(note), line, strlen(line) + 1);
	must(ed25519_public(witness, pub), "witness");
	must(note_vkey_format_witness(vkey, sizeof(vkey), WITNESS, pub), "vkey");
	must(tree_inclusion_prove(leaf_get, NULL, size / 2, size, path, &n), "inclusion");
	must(receipt_format(receipt, sizeof(receipt), size / 2, leaves[size / 2],
		 (const uint8_t(*)[HASH_LEN])path, n, note),
	    "receipt");
	return json_pack("{s:s,s:s,s:s,s:I}", "note", note, "witness", vkey, "receipt", receipt, "index",
	    (json_int_t)(size / 2));
}

static int
make(size_t max)
{
	uint8_t seed[SEED_LEN] = {7}, pub[KEY_LEN];
	char vkey[NOTE_VKEY_SIZE], entry[32];
	json_t *trees = json_array(), *all;

	must(ed25519_public(seed, pub), "key");
	must(note_vkey_format(vkey, sizeof(vkey), ORIGIN, pub), "vkey");
	for (size_t i = 0; i < max; i++)
		tree_leaf_hash(entry, (size_t)snprintf(entry, sizeof(entry), "entry %zu", i), leaves[i]);
	for (size_t size = 1; size <= max; size++)
		json_array_append_new(trees, tree_json(size, seed, vkey));
	all = json_pack("{s:s,s:s,s:o,s:o,s:o,s:o}", "origin", ORIGIN, "vkey", vkey, "key",
	    base64_json(pub, KEY_LEN), "trees", trees, "tiles", tiles_json(), "cosigned",
	    cosigned_json(max, seed));
	json_dumpf(all, stdout, JSON_COMPACT);
	json_decref(all);
	return ferror(stdout) != 0;
}

static int
accept_note(const char *text)
{
	char note[NOTE_MAX_BYTES];
	size_t n = fread(note, 1, sizeof(note), stdin);
	struct note_vkey vkey;
	struct checkpoint c;
	enum result err = note_vkey_parse(text, &vkey);

	if (err == RESULT_OK)
		err = checkpoint_parse_verify(note, n, &vkey, &c);
	printf("%s\n", result_name(err));
	return err != RESULT_OK;
}

int
main(int argc, char **argv)
{
	size_t max = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc == 3 && strcmp(argv[1], "accept") == 0)
		return accept_note(argv[2]);
	if (argc == 3 && strcmp(argv[1], "make") == 0 && max > 0 && max <= MAX_SIZE)
		return make(max);
	fprintf(stderr, "usage: tlog_cases make SIZES | accept VKEY\n");
	return 2;
}
