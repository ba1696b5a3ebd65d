/* Which keys a ledger had, by its entries: made here by hand, byte for byte. */
#include "proto/keychain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tree.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/entry.pb-c.h"

#define ORIGIN "station.example/keys"
#define KEYS   4

static struct {
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
} key[KEYS];

/* A ledger: entry 1, and changes of the key, each as the test wants it. */
static struct {
	uint8_t bytes[8][KEYCHAIN_ENTRY_MAX];
	size_t len[8];
	uint64_t seq;
	uint8_t leaf[HASH_LEN];
} ledger;

static int
make_keys(void **state)
{
	(void)state;
	for (int i = 0; i < KEYS; i++) {
		memset(key[i].seed, i + 1, SEED_LEN);
		assert_int_equal(ed25519_public(key[i].seed, key[i].pub), RESULT_OK);
	}
	return 0;
}

static ProtobufCBinaryData
bytes(const void *p, size_t n)
{
	return (ProtobufCBinaryData){n, (uint8_t *)(uintptr_t)p};
}

/* An entry of one act with these commands, signed by key `signer` (-1: nobody), in the name of `actor`. */
static void
enter(int actor, int signer, const char *origin, Timebox__V1__Command **commands, size_t n)
{
	static uint8_t packed[KEYCHAIN_ENTRY_MAX];
	uint8_t signature[SIG_LEN];
	Timebox__V1__Entry entry;
	Timebox__V1__Act act;
	size_t at = (size_t)ledger.seq++, len;

	timebox__v1__act__init(&act);
	timebox__v1__entry__init(&entry);
	act.origin = (char *)(uintptr_t)origin;
	act.request_id = bytes("a request's id, ", 16);
	act.made_at_us = 1767225600000000;
	act.actor_key = bytes(key[actor].pub, KEY_LEN);
	act.commands = commands;
	act.n_commands = n;
	len = timebox__v1__act__pack(&act, packed);
	if (signer >= 0)
		assert_int_equal(act_sign(key[signer].seed, packed, len, signature), RESULT_OK);
	entry.seq = ledger.seq;
	entry.prev = bytes(ledger.leaf, HASH_LEN);
	entry.act = bytes(packed, len);
	entry.signature = bytes(signature, signer >= 0 ? SIG_LEN : 0);
	ledger.len[at] = timebox__v1__entry__pack(&entry, ledger.bytes[at]);
	tree_leaf_hash(ledger.bytes[at], ledger.len[at], ledger.leaf);
}

static void
begin(void)
{
	Timebox__V1__Command command, *list = &command;
	Timebox__V1__Genesis genesis;

	memset(&ledger, 0, sizeof(ledger));
	timebox__v1__command__init(&command);
	timebox__v1__genesis__init(&genesis);
	genesis.ledger_key = bytes(key[0].pub, KEY_LEN);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_GENESIS;
	command.genesis = &genesis;
	enter(0, 0, ORIGIN, &list, 1);
}

static void
something(void)
{
	Timebox__V1__Command command, *list = &command;
	Timebox__V1__ClockAccept accept;

	timebox__v1__command__init(&command);
	timebox__v1__clock_accept__init(&accept);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CLOCK_ACCEPT;
	command.clock_accept = &accept;
	enter(0, 0, ORIGIN, &list, 1);
}

/* A change of the key from one to the other, and how it is not as it should be. */
struct wrong {
	const char *origin;
	uint64_t seq;
	int leaf, signer, prover, twice;
};

static void
change(int from, int to, struct wrong w)
{
	struct key_change said = {w.origin != NULL ? w.origin : ORIGIN, key[from].pub, key[to].pub, ledger.seq - w.seq,
	    w.leaf ? key[0].pub : ledger.leaf};
	Timebox__V1__Command command, *list[2] = {&command, &command};
	uint8_t proof[SIG_LEN];
	Timebox__V1__LedgerKey body;
	Timebox__V1__Ref ref;

	assert_int_equal(key_change_sign(&said, key[w.prover < 0 ? from : to].seed, proof), RESULT_OK);
	timebox__v1__command__init(&command);
	timebox__v1__ledger_key__init(&body);
	timebox__v1__ref__init(&ref);
	ref.seq = said.seq;
	ref.leaf = bytes(said.leaf, HASH_LEN);
	body.key = bytes(key[to].pub, KEY_LEN);
	body.ref = &ref;
	body.signature = bytes(proof, SIG_LEN);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_LEDGER_KEY;
	command.ledger_key = &body;
	enter(from, w.signer < 0 ? to : from, said.origin, list, w.twice ? 2 : 1);
}

/* What the last entry is to a chain of those before. */
static enum result
last_taken(struct keychain *k)
{
	enum result err = RESULT_OK;

	keychain_begin(k);
	for (size_t i = 0; i < ledger.seq; i++)
		err = keychain_entry(k, ledger.bytes[i], ledger.len[i]);
	return err;
}

static void
each_change_adds_the_next_key(void **state)
{
	struct keychain k;

	(void)state;
	begin();
	assert_int_equal(last_taken(&k), RESULT_OK);
	something();
	assert_int_equal(last_taken(&k), RESULT_NOT_FOUND);
	change(0, 1, (struct wrong){0});
	change(1, 2, (struct wrong){0});
	assert_int_equal(last_taken(&k), RESULT_OK);
	assert_int_equal(k.n, 3);
	assert_string_equal(k.origin, ORIGIN);
	assert_int_equal(k.list[1].from, 3);
	assert_int_equal(k.list[2].from, 4);
	assert_memory_equal(k.list[2].key, key[2].pub, KEY_LEN);
	assert_true(keychain_has(&k, key[0].pub) && !keychain_has(&k, key[3].pub));
}

static void
a_change_that_lacks_a_signature_is_not_taken(void **state)
{
	struct keychain k;

	(void)state;
	begin();
	change(0, 1, (struct wrong){.signer = -1});
	assert_int_equal(last_taken(&k), RESULT_BAD_SIGNATURE);
	begin();
	change(0, 1, (struct wrong){.prover = -1});
	assert_int_equal(last_taken(&k), RESULT_BAD_SIGNATURE);
	assert_int_equal(k.n, 1);
}

static void
a_change_for_another_place_is_not_taken(void **state)
{
	static const struct wrong wrongs[] = {{.seq = 1}, {.leaf = 1}, {.origin = "station.example/other"}, {.twice = 1}};
	struct keychain k;

	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		begin();
		something();
		change(0, 1, wrongs[i]);
		assert_int_equal(last_taken(&k), RESULT_BAD_FIELD);
		assert_int_equal(k.n, 1);
	}
	/* By a key that is not the last one; back to one that was. */
	begin();
	change(0, 1, (struct wrong){0});
	change(0, 2, (struct wrong){0});
	assert_int_equal(last_taken(&k), RESULT_BAD_FIELD);
	begin();
	change(0, 1, (struct wrong){0});
	change(1, 0, (struct wrong){0});
	assert_int_equal(last_taken(&k), RESULT_BAD_FIELD);
}

static void
a_chain_begins_with_entry_1(void **state)
{
	struct keychain k;

	(void)state;
	begin();
	change(0, 1, (struct wrong){0});
	keychain_begin(&k);
	assert_int_equal(keychain_entry(&k, ledger.bytes[1], ledger.len[1]), RESULT_BAD_FIELD);
	assert_int_equal(keychain_entry(&k, ledger.bytes[0], ledger.len[0]), RESULT_OK);
	assert_int_equal(keychain_entry(&k, ledger.bytes[0], ledger.len[0]), RESULT_BAD_FIELD);
	assert_int_equal(keychain_entry(&k, ledger.bytes[1], ledger.len[1]), RESULT_OK);
}

static void
truncated_or_flipped_a_change_is_none(void **state)
{
	uint8_t twin[KEYCHAIN_ENTRY_MAX];
	struct keychain k, one;

	(void)state;
	begin();
	change(0, 1, (struct wrong){0});
	keychain_begin(&one);
	assert_int_equal(keychain_entry(&one, ledger.bytes[0], ledger.len[0]), RESULT_OK);
	for (size_t n = 0; n < ledger.len[1]; n++) {
		uint8_t *cut = malloc(n + 1);

		assert_non_null(cut);
		memcpy(cut, ledger.bytes[1], n);
		k = one;
		assert_int_not_equal(keychain_entry(&k, cut, n), RESULT_OK);
		assert_int_equal(k.n, 1);
		free(cut);
		memcpy(twin, ledger.bytes[1], ledger.len[1]);
		twin[n] ^= 1;
		k = one;
		assert_int_not_equal(keychain_entry(&k, twin, ledger.len[1]), RESULT_OK);
	}
}

static void
a_checkpoint_is_signed_by_the_key_in_force_at_its_size(void **state)
{
	static const uint8_t root[HASH_LEN] = {7};
	char note[CHECKPOINT_SIZE];
	struct keychain k;
	struct checkpoint c;

	(void)state;
	begin();
	something();
	change(0, 1, (struct wrong){0});
	something();
	change(1, 2, (struct wrong){0});
	(void)last_taken(&k);
	for (uint64_t size = 0; size < 8; size++)
		for (size_t by = 0; by < KEYS; by++) {
			size_t want = size < 3 ? 0 : size < 5 ? 1 : 2;

			assert_int_equal(
			    checkpoint_sign(note, sizeof(note), ORIGIN, size, root, ORIGIN, key[by].seed), RESULT_OK);
			assert_int_equal(keychain_checkpoint(&k, note, strlen(note), &c),
			    by == want ? RESULT_OK : RESULT_BAD_SIGNATURE);
		}
}

static void
one_known_key_is_a_chain_of_its_own(void **state)
{
	struct note_vkey known, other;
	struct keychain k;

	(void)state;
	note_vkey_make(&known, ORIGIN, NOTE_TYPE_ED25519, key[1].pub);
	note_vkey_make(&other, "station.example/other", NOTE_TYPE_ED25519, key[1].pub);
	keychain_only(&k, &known);
	assert_true(keychain_knows(&k, &known));
	assert_false(keychain_knows(&k, &other));
	assert_int_equal(keychain_at(&k, 0), 0);
	assert_int_equal(keychain_at(&k, 1000), 0);
}

static void
a_file_of_entries_is_taken_whole_or_not(void **state)
{
	uint8_t file[2 * KEYCHAIN_ENTRY_MAX + 4];
	struct keychain k;
	size_t n = 0;

	(void)state;
	begin();
	change(0, 1, (struct wrong){0});
	for (size_t i = 0; i < 2; i++) {
		file[n++] = (uint8_t)(ledger.len[i] >> 8);
		file[n++] = (uint8_t)ledger.len[i];
		memcpy(file + n, ledger.bytes[i], ledger.len[i]);
		n += ledger.len[i];
	}
	keychain_begin(&k);
	assert_int_equal(keychain_file(&k, file, n), RESULT_OK);
	assert_int_equal(k.n, 2);
	for (size_t cut = 1; cut < n; cut++) {
		keychain_begin(&k);
		assert_int_equal(keychain_file(&k, file, cut), cut == ledger.len[0] + 2 ? RESULT_OK : RESULT_BAD_FIELD);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_change_adds_the_next_key),
	    cmocka_unit_test(a_change_that_lacks_a_signature_is_not_taken),
	    cmocka_unit_test(a_change_for_another_place_is_not_taken),
	    cmocka_unit_test(a_chain_begins_with_entry_1),
	    cmocka_unit_test(truncated_or_flipped_a_change_is_none),
	    cmocka_unit_test(a_checkpoint_is_signed_by_the_key_in_force_at_its_size),
	    cmocka_unit_test(one_known_key_is_a_chain_of_its_own),
	    cmocka_unit_test(a_file_of_entries_is_taken_whole_or_not),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
