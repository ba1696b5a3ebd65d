/*
 * Any bytes as an add-checkpoint request, and as the body of a 409. What must hold: a request that is read is written again as
 * the same text; and a witness cosigns only what is signed by the ledger's key and goes on from what it cosigned last, which is
 * found out anew from the parts.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/witness/witness.h"
#include "daemon/base/check.h"

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
check_round_trip(const struct witness_request *r, const char *text, size_t size)
{
	static char again[WITNESS_REQUEST_MAX + 64], note[WITNESS_REQUEST_MAX + 1];

	if (memchr(r->checkpoint, '\0', r->checkpoint_len) != NULL)
		return;
	memcpy(note, r->checkpoint, r->checkpoint_len);
	note[r->checkpoint_len] = '\0';
	CHECK(witness_request_format(again, sizeof(again), r->old_size, (const uint8_t(*)[HASH_LEN])r->path, r->n, note) ==
	      RESULT_OK);
	CHECK(strlen(again) == size && memcmp(again, text, size) == 0);
}

static void
check_judgement(const struct witness_request *r, const struct witness_last *last)
{
	struct checkpoint c, own;
	const char *why = NULL;
	enum witness_status status = witness_judge(r, &key, 1, last, &c, &why);

	CHECK(why != NULL);
	if (status != WITNESS_COSIGNED)
		return;
	CHECK(checkpoint_parse_verify(r->checkpoint, r->checkpoint_len, &key, &own) == RESULT_OK);
	CHECK(strcmp(own.origin, ORIGIN) == 0 && own.size == c.size && own.size >= last->size);
	CHECK(r->old_size == last->size);
	CHECK(own.size != last->size || memcmp(own.root, last->root, HASH_LEN) == 0);
	CHECK(last->size == 0 || tree_consistency_verify(last->size, last->root, own.size, own.root,
				     (const uint8_t(*)[HASH_LEN])r->path, r->n) == RESULT_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct witness_last nothing = {.size = 0}, some = {.size = 3};
	/* No NUL behind it, so that a look beyond the length is seen. */
	char *text = malloc(size > 0 ? size : 1);
	struct witness_request r;
	uint64_t said;

	CHECK(text != NULL);
	memcpy(text, data, size);
	set_up();
	if (witness_size_parse(text, size, &said) == RESULT_OK)
		CHECK(said <= TREE_SIZE_MAX && size >= 2);
	if (witness_request_parse(text, size, &r) == RESULT_OK) {
		CHECK(r.checkpoint > text && r.checkpoint + r.checkpoint_len == text + size);
		check_round_trip(&r, text, size);
		sha256("", 0, nothing.root);
		check_judgement(&r, &nothing);
		sha256("three", 5, some.root);
		check_judgement(&r, &some);
	}
	free(text);
	return 0;
}
