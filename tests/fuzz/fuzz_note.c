/*
 * Any bytes as a checkpoint, a receipt and a verifier key. What must hold for whatever is accepted:
 * written again from what was read, it is the same text; a signature that verifies covers all of
 * what was read.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "proto/note.h"

#define ORIGIN "fuzz.example/1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct note_vkey key;

static void
set_up(void)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
	char text[NOTE_VKEY_SIZE];

	if (key.type != 0)
		return;
	sha256("ledger", 6, seed);
	CHECK(ed25519_public(seed, pub) == RESULT_OK);
	CHECK(note_vkey_format(text, sizeof(text), ORIGIN, pub) == RESULT_OK);
	CHECK(note_vkey_parse(text, &key) == RESULT_OK);
}

static void
check_checkpoint(const char *text, size_t size)
{
	char head[NOTE_NAME_SIZE + 128], root[BASE64_LEN(HASH_LEN) + 1];
	struct checkpoint c, signed_by;
	int n;

	if (checkpoint_parse(text, size, &c) != RESULT_OK) {
		CHECK(checkpoint_parse_verify(text, size, &key, &signed_by) == RESULT_BAD_FIELD);
		return;
	}
	CHECK(c.origin[0] != '\0' && c.text_len < size);
	base64_encode(root, sizeof(root), c.root, HASH_LEN);
	n = snprintf(head, sizeof(head), "%s\n%" PRIu64 "\n%s\n", c.origin, c.size, root);
	CHECK(n > 0 && (size_t)n <= c.text_len && memcmp(text, head, (size_t)n) == 0);
	if (checkpoint_parse_verify(text, size, &key, &signed_by) == RESULT_OK) {
		CHECK(signed_by.size == c.size && signed_by.text_len == c.text_len);
		CHECK(memcmp(signed_by.root, c.root, HASH_LEN) == 0);
	}
}

static void
check_receipt(const char *text, size_t size)
{
	static char again[RECEIPT_MAX_BYTES + 1], note[NOTE_MAX_BYTES + 1];
	struct checkpoint c;
	struct receipt r;
	uint8_t leaf[HASH_LEN] = {0};
	enum result err;

	if (receipt_parse(text, size, &r) != RESULT_OK)
		return;
	CHECK(r.n <= TREE_PATH_MAX && r.checkpoint > text);
	CHECK(r.checkpoint + r.checkpoint_len == text + size);
	err = receipt_verify(&r, leaf, &key, &c);
	CHECK(err == RESULT_BAD_FIELD || err == RESULT_BAD_SIGNATURE || err == RESULT_CORRUPT);
	if (r.checkpoint_len > NOTE_MAX_BYTES || memchr(r.checkpoint, '\0', r.checkpoint_len) != NULL)
		return;
	memcpy(note, r.checkpoint, r.checkpoint_len);
	note[r.checkpoint_len] = '\0';
	err = receipt_format(again, sizeof(again), r.index, r.has_leaf ? r.leaf : NULL,
	    (const uint8_t(*)[HASH_LEN])r.path, r.n, note);
	CHECK(err == RESULT_OK && strlen(again) == size && memcmp(again, text, size) == 0);
}

static void
check_vkey(const char *text)
{
	char again[NOTE_VKEY_SIZE];
	struct note_vkey v, same;
	enum result err;

	if (note_vkey_parse(text, &v) != RESULT_OK)
		return;
	err = v.type == NOTE_TYPE_ED25519 ? note_vkey_format(again, sizeof(again), v.name, v.pub)
					  : note_vkey_format_witness(again, sizeof(again), v.name, v.pub);
	CHECK(err == RESULT_OK && note_vkey_parse(again, &same) == RESULT_OK);
	CHECK(same.id == v.id && same.type == v.type && strcmp(same.name, v.name) == 0);
	CHECK(memcmp(same.pub, v.pub, KEY_LEN) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text != NULL);
	set_up();
	memcpy(text, data, size);
	text[size] = '\0';
	check_vkey(text);
	/* Without the NUL, so that a look beyond the length is seen. */
	char *bare = realloc(text, size > 0 ? size : 1);

	CHECK(bare != NULL);
	check_checkpoint(bare, size);
	check_receipt(bare, size);
	free(bare);
	return 0;
}
