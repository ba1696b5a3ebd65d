#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/crypto.h"

static void
unhex(const char *text, uint8_t *out, size_t n)
{
	assert_int_equal(hex_decode(out, n, text, strlen(text)), RESULT_OK);
}

static void
assert_hex(const uint8_t *p, size_t n, const char *want)
{
	char text[2 * 64 + 1];

	assert_true(n <= 64);
	assert_int_equal(hex_encode(text, sizeof(text), p, n), 2 * n);
	assert_string_equal(text, want);
}

/* ---- hashes ---- */

static void
sha256_gives_the_values_of_fips_180(void **state)
{
	uint8_t h[HASH_LEN];

	(void)state;
	sha256("", 0, h);
	assert_hex(h, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256("abc", 3, h);
	assert_hex(h, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
pieces_hash_like_the_whole(void **state)
{
	const struct sha256_part parts[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
	struct sha256_ctx *c = sha256_new();
	uint8_t whole[HASH_LEN], h[HASH_LEN];
	int i;

	(void)state;
	sha256("abc", 3, whole);
	sha256_parts(parts, 3, h);
	assert_memory_equal(h, whole, HASH_LEN);
	for (i = 0; i < 2; i++) {
		sha256_update(c, "ab", 2);
		sha256("something between", 17, h);
		sha256_update(c, "c", 1);
		sha256_final(c, h);
		assert_memory_equal(h, whole, HASH_LEN);
	}
	sha256_free(c);
	sha256_free(NULL);
}

/* tag ‖ message by the context that takes pieces: other code. */
static void
tagged(uint8_t tag, const struct sha256_part *message, uint8_t out[HASH_LEN])
{
	struct sha256_ctx *c = sha256_new();

	sha256_update(c, &tag, 1);
	sha256_update(c, message->p, message->n);
	sha256_final(c, out);
	sha256_free(c);
}

/* Around every end of a block, and around the length from which messages are hashed one by one. */
static void
messages_together_hash_like_each_alone(void **state)
{
	enum { LENGTHS = 700, MANY = 21 };
	static uint8_t bytes[LENGTHS + MANY];
	struct sha256_part messages[MANY];
	uint8_t got[MANY][HASH_LEN], want[HASH_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i >> 3);
	for (size_t longest = 0; longest < LENGTHS; longest++) {
		for (size_t i = 0; i < MANY; i++)
			messages[i] = (struct sha256_part){bytes + i, longest * (MANY - i) / MANY};
		sha256_each((uint8_t)longest, messages, MANY, got);
		for (size_t i = 0; i < MANY; i++) {
			tagged((uint8_t)longest, &messages[i], want);
			assert_memory_equal(got[i], want, HASH_LEN);
		}
	}
	messages[0] = (struct sha256_part){NULL, 0};
	sha256_each(7, messages, 1, got);
	sha256("\7", 1, want);
	assert_memory_equal(got[0], want, HASH_LEN);
}

static void
no_message_is_hashed_where_there_is_none(void **state)
{
	uint8_t out[1][HASH_LEN] = {"untouched"};

	(void)state;
	sha256_each(0, NULL, 0, out);
	assert_string_equal((const char *)out[0], "untouched");
}

static void
hmac_gives_the_values_of_rfc_4231(void **state)
{
	const struct sha256_part first[] = {{"Hi ", 3}, {"There", 5}};
	const struct sha256_part second[] = {{"what do ya want for nothing?", 28}};
	uint8_t key[20], mac[HASH_LEN];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	hmac_sha256(key, sizeof(key), first, 2, mac);
	assert_hex(mac, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	hmac_sha256((const uint8_t *)"Jefe", 4, second, 1, mac);
	assert_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void *
hash_in_a_thread(void *out)
{
	const struct sha256_part part = {"abc", 3};
	uint8_t mac[HASH_LEN];
	int i;

	for (i = 0; i < 200; i++) {
		hmac_sha256((const uint8_t *)"k", 1, &part, 1, mac);
		sha256("abc", 3, out);
	}
	return NULL;
}

static void
threads_do_not_disturb_each_other(void **state)
{
	uint8_t h[4][HASH_LEN], want[HASH_LEN];
	pthread_t t[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hash_in_a_thread, h[i]), 0);
	sha256("abc", 3, want);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_memory_equal(h[i], want, HASH_LEN);
	}
}

/* ---- signatures ---- */

static void
ed25519_gives_the_values_of_rfc_8032(void **state)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN], sig[SIG_LEN];

	(void)state;
	unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", seed, 32);
	assert_int_equal(ed25519_public(seed, pub), RESULT_OK);
	assert_hex(pub, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	assert_int_equal(ed25519_sign(seed, NULL, 0, sig), RESULT_OK);
	assert_hex(sig, 64,
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
	assert_int_equal(ed25519_verify(pub, "", 0, sig), RESULT_OK);
}

static void
a_signature_holds_for_its_key_and_bytes_only(void **state)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN], other_seed[SEED_LEN], other[KEY_LEN], sig[SIG_LEN];
	uint8_t bytes[5] = "hello";
	size_t i;

	(void)state;
	assert_int_equal(ed25519_generate(seed, pub), RESULT_OK);
	assert_int_equal(ed25519_generate(other_seed, other), RESULT_OK);
	assert_memory_not_equal(pub, other, KEY_LEN);
	assert_int_equal(ed25519_sign(seed, bytes, 5, sig), RESULT_OK);
	assert_int_equal(ed25519_verify(pub, bytes, 5, sig), RESULT_OK);
	assert_int_equal(ed25519_verify(other, bytes, 5, sig), RESULT_BAD_SIGNATURE);
	assert_int_equal(ed25519_verify(pub, bytes, 4, sig), RESULT_BAD_SIGNATURE);
	for (i = 0; i < SIG_LEN; i++) {
		sig[i] ^= 1;
		assert_int_equal(ed25519_verify(pub, bytes, 5, sig), RESULT_BAD_SIGNATURE);
		sig[i] ^= 1;
	}
	memset(other, 0xff, sizeof(other));
	assert_int_equal(ed25519_verify(other, bytes, 5, sig), RESULT_BAD_SIGNATURE);
}

/* More keys than a thread keeps contexts for. */
static void
keys_in_turn_verify_their_own_signatures_only(void **state)
{
	enum { KEYS = 24 };
	uint8_t seed[KEYS][SEED_LEN], pub[KEYS][KEY_LEN], sig[KEYS][SIG_LEN];

	(void)state;
	for (size_t i = 0; i < KEYS; i++) {
		assert_int_equal(ed25519_generate(seed[i], pub[i]), RESULT_OK);
		assert_int_equal(ed25519_sign(seed[i], "hello", 5, sig[i]), RESULT_OK);
	}
	for (size_t i = 0; i < 3 * KEYS * KEYS; i++) {
		size_t key = i / KEYS % KEYS, of = i % KEYS;

		assert_int_equal(ed25519_verify(pub[key], "hello", 5, sig[of]),
		    of == key ? RESULT_OK : RESULT_BAD_SIGNATURE);
		assert_int_equal(ed25519_verify(pub[of], "hello", 5, sig[of]), RESULT_OK);
	}
}

static void
an_act_is_signed_under_its_own_prefix(void **state)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN], sig[SIG_LEN];

	(void)state;
	assert_int_equal(ed25519_generate(seed, pub), RESULT_OK);
	assert_int_equal(act_sign(seed, (const uint8_t *)"act", 3, sig), RESULT_OK);
	assert_int_equal(act_verify(pub, (const uint8_t *)"act", 3, sig), RESULT_OK);
	assert_int_equal(act_verify(pub, (const uint8_t *)"ac", 2, sig), RESULT_BAD_SIGNATURE);
	assert_int_equal(ed25519_verify(pub, "act", 3, sig), RESULT_BAD_SIGNATURE);
	assert_int_equal(ed25519_verify(pub, "timebox/v1/act\n\0\0\0\3act", 22, sig), RESULT_OK);
	assert_int_equal(act_sign(seed, NULL, 0, sig), RESULT_OK);
	assert_int_equal(act_verify(pub, NULL, 0, sig), RESULT_OK);
}

/* ---- bytes ---- */

static void
random_fills_all_of_it_and_wipe_clears_it(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0}, zero[64] = {0};

	(void)state;
	assert_int_equal(crypto_random(a, 64), RESULT_OK);
	assert_int_equal(crypto_random(b, 64), RESULT_OK);
	assert_false(crypto_equal(a, b, 64));
	assert_false(crypto_equal(a + 48, zero, 16));
	memcpy(b, a, 64);
	assert_true(crypto_equal(a, b, 64));
	crypto_wipe(a, 64);
	assert_memory_equal(a, zero, 64);
}

static void
base64_round_trips_with_one_text_for_each_value(void **state)
{
	uint8_t in[40], out[40];
	char text[64];
	size_t n, got, len;

	(void)state;
	assert_int_equal(base64_encode(text, sizeof(text), "foobar", 6), 8);
	assert_string_equal(text, "Zm9vYmFy");
	assert_int_equal(base64_encode(text, sizeof(text), "foob", 4), 8);
	assert_string_equal(text, "Zm9vYg==");
	for (n = 0; n <= sizeof(in); n++) {
		assert_int_equal(crypto_random(in, sizeof(in)), RESULT_OK);
		len = base64_encode(text, sizeof(text), in, n);
		assert_int_equal(len, BASE64_LEN(n));
		assert_int_equal(strlen(text), len);
		assert_int_equal(base64_decode(out, sizeof(out), &got, text, len), RESULT_OK);
		assert_int_equal(got, n);
		assert_memory_equal(out, in, n);
		if (n > 0)
			assert_int_equal(
			    base64_decode(out, n - 1, &got, text, len), RESULT_BAD_FIELD);
	}
}

static void
base64_refuses_every_other_form(void **state)
{
	static const char *const bad[] = {
	    "Z",
	    "Zm",
	    "Zm9",
	    "Zm9vY",
	    "Zg=",
	    "Zg===",
	    "=",
	    "====",
	    "Z===",
	    "Zh==",
	    "Zm9=",
	    "Zm9v\n",
	    " Zm9v",
	    "Zm 9",
	    "Zm-_",
	    "Zg==Zg==",
	    "Zm9v====",
	    "Zg=a",
	    "Zm9vZ=9v",
	};
	uint8_t out[64];
	size_t i, got;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64_decode(out, sizeof(out), &got, bad[i], strlen(bad[i])),
		    RESULT_BAD_FIELD);
	assert_int_equal(base64_decode(out, sizeof(out), &got, "Z\0==", 4), RESULT_BAD_FIELD);
	assert_int_equal(base64_decode(out, sizeof(out), &got, "", 0), RESULT_OK);
	assert_int_equal(got, 0);
}

static void
hex_reads_both_cases_and_nothing_else(void **state)
{
	uint8_t out[4];

	(void)state;
	assert_int_equal(hex_decode(out, 2, "aBfF", 4), RESULT_OK);
	assert_memory_equal(out, "\xab\xff", 2);
	assert_int_equal(hex_decode(out, 2, "abf", 3), RESULT_BAD_FIELD);
	assert_int_equal(hex_decode(out, 2, "abff0", 5), RESULT_BAD_FIELD);
	assert_int_equal(hex_decode(out, 2, "abff00", 6), RESULT_BAD_FIELD);
	assert_int_equal(hex_decode(out, 2, "abfg", 4), RESULT_BAD_FIELD);
	assert_int_equal(hex_decode(out, 2, "ab f", 4), RESULT_BAD_FIELD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256_gives_the_values_of_fips_180),
	    cmocka_unit_test(pieces_hash_like_the_whole),
	    cmocka_unit_test(messages_together_hash_like_each_alone),
	    cmocka_unit_test(no_message_is_hashed_where_there_is_none),
	    cmocka_unit_test(hmac_gives_the_values_of_rfc_4231),
	    cmocka_unit_test(threads_do_not_disturb_each_other),
	    cmocka_unit_test(ed25519_gives_the_values_of_rfc_8032),
	    cmocka_unit_test(a_signature_holds_for_its_key_and_bytes_only),
	    cmocka_unit_test(keys_in_turn_verify_their_own_signatures_only),
	    cmocka_unit_test(an_act_is_signed_under_its_own_prefix),
	    cmocka_unit_test(random_fills_all_of_it_and_wipe_clears_it),
	    cmocka_unit_test(base64_round_trips_with_one_text_for_each_value),
	    cmocka_unit_test(base64_refuses_every_other_form),
	    cmocka_unit_test(hex_reads_both_cases_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
