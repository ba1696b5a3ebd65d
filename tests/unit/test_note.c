#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/note.h"

/* The vector was made and checked by two other implementations. */
#define VECTOR_FILE "tests/data/tlog.json"
#define VECTOR_TIME 1700000000

static json_t *vector;

static int
vector_load(void **state)
{
	json_error_t error;

	(void)state;
	vector = json_load_file(VECTOR_FILE, 0, &error);
	return vector == NULL ? -1 : 0;
}

static int
vector_free(void **state)
{
	(void)state;
	json_decref(vector);
	return 0;
}

static const char *
field(const char *name)
{
	const char *s = json_string_value(json_object_get(vector, name));

	assert_non_null(s);
	return s;
}

static void
key_of(const char *name, struct note_vkey *key)
{
	assert_int_equal(note_vkey_parse(field(name), key), RESULT_OK);
}

static size_t
hashes(const char *name, uint8_t (*path)[HASH_LEN])
{
	const json_t *list = json_object_get(vector, name);
	size_t i, got;

	for (i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		assert_int_equal(base64_decode(path[i], HASH_LEN, &got, s, strlen(s)), RESULT_OK);
		assert_int_equal(got, HASH_LEN);
	}
	return i;
}

static enum result
vector_leaf(void *ctx, uint64_t index, uint8_t out[HASH_LEN])
{
	char entry[32];
	int n = snprintf(entry, sizeof(entry), "entry %u", (unsigned)index);

	(void)ctx;
	tree_leaf_hash(entry, (size_t)n, out);
	return RESULT_OK;
}

/* Runs `try` on every truncation and on every single changed byte of a text, each in a block of
 * exactly its length; none may be accepted. */
typedef enum result (*try_fn)(const char *text, size_t n);

static void
every_damage_is_refused(const char *text, try_fn try)
{
	size_t len = strlen(text), i;

	assert_int_equal(try(text, len), RESULT_OK);
	for (i = 0; i < len; i++) {
		char *cut = malloc(i == 0 ? 1 : i);

		assert_non_null(cut);
		memcpy(cut, text, i);
		assert_int_not_equal(try(cut, i), RESULT_OK);
		free(cut);
	}
	for (i = 0; i < len; i++) {
		char *bad = malloc(len);

		assert_non_null(bad);
		memcpy(bad, text, len);
		bad[i] = (char)(bad[i] ^ 1);
		assert_int_not_equal(try(bad, len), RESULT_OK);
		free(bad);
	}
}

/* ---- keys ---- */

static void
vector_keys_are_read_and_written_alike(void **state)
{
	struct note_vkey key;
	char text[NOTE_VKEY_SIZE];
	uint8_t pub[KEY_LEN];
	size_t n;

	(void)state;
	key_of("vkey", &key);
	assert_string_equal(key.name, field("origin"));
	assert_int_equal(key.id, 0xbe4b2b74);
	assert_int_equal(key.type, NOTE_TYPE_ED25519);
	assert_int_equal(
	    base64_decode(pub, KEY_LEN, &n, field("pub"), strlen(field("pub"))), RESULT_OK);
	assert_memory_equal(key.pub, pub, KEY_LEN);
	assert_int_equal(note_vkey_format(text, sizeof(text), key.name, key.pub), RESULT_OK);
	assert_string_equal(text, field("vkey"));
	key_of("wvkey", &key);
	assert_int_equal(key.type, NOTE_TYPE_COSIGNATURE);
	assert_int_equal(
	    note_vkey_format_witness(text, sizeof(text), key.name, key.pub), RESULT_OK);
	assert_string_equal(text, field("wvkey"));
}

static enum result
try_vkey(const char *text, size_t n)
{
	struct note_vkey key;
	char copy[NOTE_VKEY_SIZE] = {0};

	memcpy(copy, text, n);
	return note_vkey_parse(copy, &key);
}

static void
damaged_keys_are_refused(void **state)
{
	(void)state;
	every_damage_is_refused(field("vkey"), try_vkey);
	every_damage_is_refused(field("wvkey"), try_vkey);
}

static void
names_have_no_blanks_plus_or_controls(void **state)
{
	char longest[NOTE_NAME_SIZE + 1], text[NOTE_VKEY_SIZE];
	const uint8_t pub[KEY_LEN] = {1};

	(void)state;
	assert_true(note_name_ok("wangchengpo.example/ledger"));
	assert_true(note_name_ok("望城坡.example/时间宝盒"));
	assert_false(note_name_ok(""));
	assert_false(note_name_ok("a b"));
	assert_false(note_name_ok("a+b"));
	assert_false(note_name_ok("a\nb"));
	assert_false(note_name_ok("a\x7f"));
	assert_false(note_name_ok("a\xe3\x80\x80z")); /* an ideographic space */
	assert_false(note_name_ok("a\xff"));
	assert_false(note_name_ok("a\xe6\x9c")); /* a truncated character */
	memset(longest, 'a', NOTE_NAME_SIZE);
	longest[NOTE_NAME_SIZE] = '\0';
	assert_false(note_name_ok(longest));
	longest[NOTE_NAME_SIZE - 1] = '\0';
	assert_true(note_name_ok(longest));
	assert_int_equal(note_vkey_format(text, sizeof(text), longest, pub), RESULT_OK);
	assert_int_equal(note_vkey_format(text, 60, "a.example", pub), RESULT_OVERFLOW);
	assert_int_equal(note_vkey_format(text, sizeof(text), "a b", pub), RESULT_BAD_FIELD);
}

/* ---- checkpoints ---- */

static void
vector_checkpoints_verify_and_have_our_roots(void **state)
{
	static const char *const names[] = {"note40", "note70", "cosigned"};
	static const uint64_t sizes[] = {40, 70, 70};
	struct tree_frontier f;
	struct note_vkey key;
	struct checkpoint c;
	uint8_t h[HASH_LEN];
	size_t i;

	(void)state;
	key_of("vkey", &key);
	tree_frontier_init(&f);
	for (i = 0; i < 3; i++) {
		const char *note = field(names[i]);

		while (f.size < sizes[i]) {
			assert_int_equal(vector_leaf(NULL, f.size, h), RESULT_OK);
			tree_frontier_append(&f, h);
		}
		assert_int_equal(checkpoint_parse_verify(note, strlen(note), &key, &c), RESULT_OK);
		assert_string_equal(c.origin, field("origin"));
		assert_int_equal(c.size, sizes[i]);
		tree_frontier_root(&f, h);
		assert_memory_equal(c.root, h, HASH_LEN);
		assert_int_equal(c.text_len, strstr(note, "\n\n") - note + 1);
	}
}

static enum result
try_checkpoint(const char *text, size_t n)
{
	struct note_vkey key;
	struct checkpoint c;

	key_of("vkey", &key);
	return checkpoint_parse_verify(text, n, &key, &c);
}

static void
damaged_checkpoints_are_refused(void **state)
{
	(void)state;
	every_damage_is_refused(field("note70"), try_checkpoint);
}

static void
what_we_sign_we_verify(void **state)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN], root[HASH_LEN];
	char note[CHECKPOINT_SIZE], vkey[NOTE_VKEY_SIZE];
	const char *name = "西城.example/宝盒";
	struct note_vkey key;
	struct checkpoint c;
	size_t size;

	(void)state;
	assert_int_equal(ed25519_generate(seed, pub), RESULT_OK);
	assert_int_equal(crypto_random(root, HASH_LEN), RESULT_OK);
	assert_int_equal(note_vkey_format(vkey, sizeof(vkey), name, pub), RESULT_OK);
	assert_int_equal(note_vkey_parse(vkey, &key), RESULT_OK);
	assert_int_equal(
	    checkpoint_sign(note, sizeof(note), name, 12345, root, name, seed), RESULT_OK);
	assert_int_equal(checkpoint_parse_verify(note, strlen(note), &key, &c), RESULT_OK);
	assert_string_equal(c.origin, name);
	assert_int_equal(c.size, 12345);
	assert_memory_equal(c.root, root, HASH_LEN);
	assert_int_equal(checkpoint_parse(note, strlen(note), &c), RESULT_OK);
	for (size = strlen(note); size > 0; size--)
		assert_int_equal(
		    checkpoint_sign(note, size, name, 12345, root, name, seed), RESULT_OVERFLOW);
	assert_int_equal(
	    checkpoint_sign(note, sizeof(note), "a\nb", 1, root, name, seed), RESULT_BAD_FIELD);
	assert_int_equal(
	    checkpoint_sign(note, sizeof(note), name, 1, root, "a b", seed), RESULT_BAD_FIELD);
	assert_int_equal(
	    checkpoint_sign(note, sizeof(note), name, TREE_SIZE_MAX + 1, root, name, seed),
	    RESULT_BAD_FIELD);
}

static void
the_longest_names_fit_a_checkpoint(void **state)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN], root[HASH_LEN] = {0};
	char note[CHECKPOINT_SIZE], line[COSIGNATURE_SIZE], name[NOTE_NAME_SIZE];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[NOTE_NAME_SIZE - 1] = '\0';
	assert_int_equal(ed25519_generate(seed, pub), RESULT_OK);
	assert_int_equal(
	    checkpoint_sign(note, sizeof(note), name, TREE_SIZE_MAX, root, name, seed), RESULT_OK);
	assert_int_equal(
	    cosignature_sign(line, sizeof(line), note, strlen(note), name, seed, 1), RESULT_OK);
}

/* A note of our own making, signed as it stands. */
static enum result
open_signed(const char *body, const char *after)
{
	uint8_t seed[SEED_LEN] = {7}, pub[KEY_LEN], blob[4 + SIG_LEN];
	char note[2048], text[BASE64_LEN(sizeof(blob)) + 1];
	struct note_vkey key = {.name = "k", .type = NOTE_TYPE_ED25519};
	struct checkpoint c;

	assert_int_equal(ed25519_public(seed, pub), RESULT_OK);
	memcpy(key.pub, pub, KEY_LEN);
	key.id = note_key_id("k", NOTE_TYPE_ED25519, pub);
	blob[0] = (uint8_t)(key.id >> 24);
	blob[1] = (uint8_t)(key.id >> 16);
	blob[2] = (uint8_t)(key.id >> 8);
	blob[3] = (uint8_t)key.id;
	assert_int_equal(ed25519_sign(seed, body, strlen(body), blob + 4), RESULT_OK);
	base64_encode(text, sizeof(text), blob, sizeof(blob));
	snprintf(note, sizeof(note), "%s\n— k %s\n%s", body, text, after);
	return checkpoint_parse_verify(note, strlen(note), &key, &c);
}

#define ROOT "5uPoRcCqIzZ9j+FJi6lzO03/o98hNi1CQB3Lv7OQnBI="

static void
well_signed_notes_of_another_form_are_refused(void **state)
{
	(void)state;
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", ""), RESULT_OK);
	assert_int_equal(open_signed("o\n0\n" ROOT "\n", ""), RESULT_OK);
	assert_int_equal(open_signed("o\n7\n" ROOT "\nextension\nmore\n", ""), RESULT_OK);
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", "— other AAAAAAAA\n"), RESULT_OK);
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", "— other AAAAAAA\n"), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", "— other AAAA\n"), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", "— other AAAAAAAA"), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", "- other AAAAAAAA\n"), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", "—  AAAAAAAA\n"), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\n" ROOT "\n", "\n"), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("\n7\n" ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n07\n" ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n-7\n" ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n\n" ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n18446744073709551616\n" ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n18446744073709551615\n" ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\n" ROOT ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\nAAAA\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\n7\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\r\n7\n" ROOT "\n", ""), RESULT_BAD_FIELD);
	assert_int_equal(open_signed("o\xff\n7\n" ROOT "\n", ""), RESULT_BAD_FIELD);
}

static void
a_note_has_limits(void **state)
{
	static const char line[] = "— other AAAAAAAA\n";
	char *many = calloc(NOTE_MAX_SIGS + 2, sizeof(line));
	char big[NOTE_MAX_BYTES + 2];
	struct checkpoint c;
	size_t i;

	(void)state;
	assert_non_null(many);
	strcpy(many, "o\n7\n" ROOT "\n\n");
	for (i = 0; i < NOTE_MAX_SIGS; i++)
		strcat(many, line);
	assert_int_equal(checkpoint_parse(many, strlen(many), &c), RESULT_OK);
	strcat(many, line);
	assert_int_equal(checkpoint_parse(many, strlen(many), &c), RESULT_BAD_FIELD);
	free(many);
	memset(big, 'x', sizeof(big));
	memcpy(big, "o\n7\n" ROOT "\n", 5 + strlen(ROOT));
	memcpy(big + NOTE_MAX_BYTES - 20, "\n\n— o AAAAAAAA\n", 17);
	big[NOTE_MAX_BYTES - 4] = '\n';
	assert_int_equal(checkpoint_parse(big, NOTE_MAX_BYTES - 3, &c), RESULT_OK);
	assert_int_equal(checkpoint_parse(big, NOTE_MAX_BYTES + 1, &c), RESULT_BAD_FIELD);
}

static void
another_key_of_the_same_name_does_not_verify(void **state)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
	const char *note = field("note70");
	struct note_vkey key;
	struct checkpoint c;

	(void)state;
	key_of("vkey", &key);
	assert_int_equal(ed25519_generate(seed, pub), RESULT_OK);
	memcpy(key.pub, pub, KEY_LEN);
	assert_int_equal(
	    checkpoint_parse_verify(note, strlen(note), &key, &c), RESULT_BAD_SIGNATURE);
	key.id = note_key_id(key.name, key.type, key.pub);
	assert_int_equal(
	    checkpoint_parse_verify(note, strlen(note), &key, &c), RESULT_BAD_SIGNATURE);
	key_of("wvkey", &key);
	assert_int_equal(checkpoint_parse_verify(note, strlen(note), &key, &c), RESULT_BAD_FIELD);
}

/* ---- cosignatures ---- */

static enum result
try_cosigned(const char *text, size_t n)
{
	struct note_vkey ledger, witness;
	struct checkpoint c;
	uint64_t when = 0;
	enum result r;

	key_of("vkey", &ledger);
	key_of("wvkey", &witness);
	r = checkpoint_parse_verify(text, n, &ledger, &c);
	if (r != RESULT_OK)
		return r;
	r = cosignature_verify(text, n, &witness, &when);
	if (r == RESULT_OK)
		assert_int_equal(when, VECTOR_TIME);
	return r;
}

static void
vector_cosignature_verifies_and_its_damages_do_not(void **state)
{
	const char *note = field("note70");
	struct note_vkey key;
	uint64_t when;

	(void)state;
	every_damage_is_refused(field("cosigned"), try_cosigned);
	key_of("wvkey", &key);
	assert_int_equal(cosignature_verify(note, strlen(note), &key, &when), RESULT_NOT_FOUND);
	key_of("vkey", &key);
	assert_int_equal(cosignature_verify(note, strlen(note), &key, &when), RESULT_BAD_FIELD);
}

static void
what_a_witness_signs_verifies_with_its_time(void **state)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
	char line[COSIGNATURE_SIZE], note[1024], vkey[NOTE_VKEY_SIZE];
	const char *checkpoint = field("note70");
	struct note_vkey key;
	uint64_t when = 0;
	size_t size;

	(void)state;
	assert_int_equal(ed25519_generate(seed, pub), RESULT_OK);
	assert_int_equal(
	    note_vkey_format_witness(vkey, sizeof(vkey), "见证.example", pub), RESULT_OK);
	assert_int_equal(note_vkey_parse(vkey, &key), RESULT_OK);
	assert_int_equal(cosignature_sign(line, sizeof(line), checkpoint, strlen(checkpoint),
			     "见证.example", seed, 0x1122334455667788),
	    RESULT_OK);
	snprintf(note, sizeof(note), "%s%s", checkpoint, line);
	assert_int_equal(cosignature_verify(note, strlen(note), &key, &when), RESULT_OK);
	assert_true(when == 0x1122334455667788);
	for (size = strlen(line); size > 0; size--)
		assert_int_equal(cosignature_sign(line, size, checkpoint, strlen(checkpoint),
				     "见证.example", seed, 0x1122334455667788),
		    RESULT_OVERFLOW);
	assert_int_equal(
	    cosignature_sign(line, sizeof(line), checkpoint, strlen(checkpoint) - 1, "w", seed, 1),
	    RESULT_BAD_FIELD);
	assert_int_equal(
	    cosignature_sign(line, sizeof(line), checkpoint, strlen(checkpoint), "w w", seed, 1),
	    RESULT_BAD_FIELD);
}

/* ---- proofs and receipts ---- */

static void
vector_paths_are_the_ones_we_prove(void **state)
{
	uint8_t want[TREE_PATH_MAX][HASH_LEN], path[TREE_PATH_MAX][HASH_LEN];
	const uint8_t(*p)[HASH_LEN] = (const uint8_t(*)[HASH_LEN])path;
	const char *old = field("note40"), *now = field("note70");
	struct checkpoint c40, c70;
	size_t n;

	(void)state;
	assert_int_equal(checkpoint_parse(old, strlen(old), &c40), RESULT_OK);
	assert_int_equal(checkpoint_parse(now, strlen(now), &c70), RESULT_OK);
	assert_int_equal(tree_inclusion_prove(vector_leaf, NULL, 41, 70, path, &n), RESULT_OK);
	assert_int_equal(n, hashes("incl", want));
	assert_memory_equal(path, want, n * HASH_LEN);
	assert_int_equal(tree_consistency_prove(vector_leaf, NULL, 40, 70, path, &n), RESULT_OK);
	assert_int_equal(n, hashes("cons", want));
	assert_memory_equal(path, want, n * HASH_LEN);
	assert_int_equal(tree_consistency_verify(40, c40.root, 70, c70.root, p, n), RESULT_OK);
}

static enum result
try_receipt(const char *text, size_t n)
{
	struct note_vkey ledger, witness;
	struct receipt receipt;
	struct checkpoint c;
	uint8_t leaf[HASH_LEN];
	uint64_t when;
	enum result r;

	key_of("vkey", &ledger);
	key_of("wvkey", &witness);
	tree_leaf_hash(field("entry"), strlen(field("entry")), leaf);
	r = receipt_parse(text, n, &receipt);
	if (r != RESULT_OK)
		return r;
	r = receipt_verify(&receipt, leaf, &ledger, &c);
	if (r != RESULT_OK)
		return r;
	return cosignature_verify(receipt.checkpoint, receipt.checkpoint_len, &witness, &when);
}

static void
vector_receipt_is_written_alike_and_verifies(void **state)
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN], leaf[HASH_LEN];
	struct receipt receipt;
	struct note_vkey key;
	struct checkpoint c;
	char text[4096];
	size_t n, size;

	(void)state;
	n = hashes("incl", path);
	assert_int_equal(receipt_format(text, sizeof(text), 41, NULL, (const uint8_t(*)[HASH_LEN])path, n,
			     field("cosigned")),
	    RESULT_OK);
	assert_string_equal(text, field("proof"));
	every_damage_is_refused(text, try_receipt);
	assert_int_equal(receipt_parse(text, strlen(text), &receipt), RESULT_OK);
	key_of("vkey", &key);
	tree_leaf_hash("entry 42", 8, leaf);
	assert_int_equal(receipt_verify(&receipt, leaf, &key, &c), RESULT_CORRUPT);
	for (size = strlen(text); size > 0; size--)
		assert_int_equal(receipt_format(text, size, 41, NULL, (const uint8_t(*)[HASH_LEN])path, n,
				     field("cosigned")),
		    RESULT_OVERFLOW);
	assert_int_equal(receipt_format(text, sizeof(text), 41, NULL, (const uint8_t(*)[HASH_LEN])path,
			     TREE_PATH_MAX + 1, ""),
	    RESULT_BAD_FIELD);
}

static void
receipts_of_another_form_are_refused(void **state)
{
	static const char *const bad[] = {
	    "c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint",
	    "c2sp.org/tlog-proof@v1\nindex 00\n\ncheckpoint",
	    "c2sp.org/tlog-proof@v1\nindex \n\ncheckpoint",
	    "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\ncheckpoint",
	    "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\ncheckpoint",
	    "c2sp.org/tlog-proof@v1\nindex 0\ncheckpoint",
	    "c2sp.org/tlog-proof@v1\nindex 0\n\n",
	};
	char many[128 + (TREE_PATH_MAX + 1) * 48] = "c2sp.org/tlog-proof@v1\nindex 0\n";
	struct receipt r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(receipt_parse(bad[i], strlen(bad[i]), &r), RESULT_BAD_FIELD);
	assert_int_equal(receipt_parse("c2sp.org/tlog-proof@v1\nindex 0\n\nx", 33, &r), RESULT_OK);
	for (i = 0; i <= TREE_PATH_MAX; i++)
		strcat(many, ROOT "\n");
	strcat(many, "\nx");
	assert_int_equal(receipt_parse(many, strlen(many), &r), RESULT_BAD_FIELD);
}

static void
a_receipt_may_state_its_leaf(void **state)
{
	uint8_t leaf[HASH_LEN];
	char text[2048];
	struct receipt r;

	(void)state;
	tree_leaf_hash("entry", 5, leaf);
	assert_int_equal(receipt_format(text, sizeof(text), 41, leaf, NULL, 0, "note"), RESULT_OK);
	assert_non_null(strstr(text, "@v1\nextra "));
	assert_int_equal(receipt_parse(text, strlen(text), &r), RESULT_OK);
	assert_true(r.has_leaf);
	assert_memory_equal(r.leaf, leaf, HASH_LEN);
	assert_int_equal(r.index, 41);
}

static void
a_short_form_is_read_as_people_write_it(void **state)
{
	static const char *const bad[] = {"", "-", "0-0410-61R5-X", "12", "12-", "01-0000-0000-0", "12-0000-0000-1",
	    "x-0000-0000-0", "18446744073709551616-0000-0000-0", "120000-0000-0"};
	uint8_t leaf[HASH_LEN] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xff}, hash[RECEIPT_SHORT_HASH];
	char text[RECEIPT_SHORT_SIZE], typed[RECEIPT_SHORT_SIZE];
	uint64_t seq;

	(void)state;
	receipt_short(text, 1234567, leaf);
	assert_int_equal(receipt_short_parse(text, &seq, hash), RESULT_OK);
	assert_int_equal(seq, 1234567);
	assert_memory_equal(hash, leaf, sizeof(hash));
	for (size_t i = 0; i <= strlen(text); i++)
		typed[i] = text[i] == '-' ? ' ' : (char)(text[i] | (text[i] >= 'A' ? 0x20 : 0));
	assert_int_equal(receipt_short_parse(typed, &seq, hash), RESULT_OK);
	for (size_t i = strlen("1234567-"); text[i] != '\0'; i++) {
		char was = text[i];

		text[i] = was == '-' ? '-' : was == '7' ? '8' : '7';
		if (was != '-')
			assert_int_equal(receipt_short_parse(text, &seq, hash), RESULT_BAD_CODE);
		text[i] = was;
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(receipt_short_parse(bad[i], &seq, hash), RESULT_BAD_CODE);
	receipt_short(text, UINT64_MAX, leaf);
	assert_int_equal(receipt_short_parse(text, &seq, hash), RESULT_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vector_keys_are_read_and_written_alike),
	    cmocka_unit_test(damaged_keys_are_refused),
	    cmocka_unit_test(names_have_no_blanks_plus_or_controls),
	    cmocka_unit_test(vector_checkpoints_verify_and_have_our_roots),
	    cmocka_unit_test(damaged_checkpoints_are_refused),
	    cmocka_unit_test(what_we_sign_we_verify),
	    cmocka_unit_test(the_longest_names_fit_a_checkpoint),
	    cmocka_unit_test(well_signed_notes_of_another_form_are_refused),
	    cmocka_unit_test(a_note_has_limits),
	    cmocka_unit_test(another_key_of_the_same_name_does_not_verify),
	    cmocka_unit_test(vector_cosignature_verifies_and_its_damages_do_not),
	    cmocka_unit_test(what_a_witness_signs_verifies_with_its_time),
	    cmocka_unit_test(vector_paths_are_the_ones_we_prove),
	    cmocka_unit_test(vector_receipt_is_written_alike_and_verifies),
	    cmocka_unit_test(a_receipt_may_state_its_leaf),
	    cmocka_unit_test(a_short_form_is_read_as_people_write_it),
	    cmocka_unit_test(receipts_of_another_form_are_refused),
	};

	return cmocka_run_group_tests(tests, vector_load, vector_free);
}
