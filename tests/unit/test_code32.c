#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/code32.h"

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void
codes_round_trip_at_every_length(void **state)
{
	uint8_t in[CODE32_MAX_BYTES], out[CODE32_MAX_BYTES];
	char text[CODE32_SIZE(CODE32_MAX_BYTES)];
	size_t n;
	int i;

	(void)state;
	for (n = 1; n <= CODE32_MAX_BYTES; n++) {
		for (i = 0; i < 20; i++) {
			assert_int_equal(crypto_random(in, sizeof(in)), RESULT_OK);
			assert_int_equal(
			    code32_encode(text, CODE32_SIZE(n), in, n), CODE32_SIZE(n) - 1);
			assert_int_equal(strlen(text), CODE32_SIZE(n) - 1);
			assert_int_equal(code32_decode(text, out, n), RESULT_OK);
			assert_memory_equal(out, in, n);
			if (n > 1)
				assert_int_equal(code32_decode(text, out, n - 1), RESULT_BAD_CODE);
			if (n < CODE32_MAX_BYTES)
				assert_int_equal(code32_decode(text, out, n + 1), RESULT_BAD_CODE);
		}
	}
}

static void
known_codes_stay_as_they_are(void **state)
{
	char text[CODE32_SIZE(VOUCHER_CODE_LEN)];
	const uint8_t zero[VOUCHER_CODE_LEN] = {0};

	(void)state;
	code32_encode(
	    text, sizeof(text), (const uint8_t *)"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99", 10);
	assert_string_equal(text, "008J-4CT4-ANK7-F24S-W");
	code32_encode(text, sizeof(text), zero, sizeof(zero));
	assert_string_equal(text, "0000-0000-0000-0000-0");
	/* The last letter is 1: the check is a · 1 = 2. */
	code32_encode(text, sizeof(text), (const uint8_t *)"\0\0\0\0\1", 5);
	assert_string_equal(text, "0000-0001-2");
	/* 00100 000 and two fill bits: a^2 · 4 = 16. */
	code32_encode(text, sizeof(text), (const uint8_t *)"\x20", 1);
	assert_string_equal(text, "40G");
}

static void
reading_forgives_what_people_write(void **state)
{
	uint8_t in[10] = {0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf}, out[10];
	char text[CODE32_SIZE(10)], typed[64];
	size_t i, o = 0;

	(void)state;
	code32_encode(text, sizeof(text), in, 10);
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '-')
			continue;
		if (i % 3 == 0)
			typed[o++] = ' ';
		typed[o++] = text[i] == '0' ? 'o' : text[i] == '1' ? 'l' : (char)tolower(text[i]);
	}
	typed[o++] = '\n';
	typed[o] = '\0';
	assert_int_equal(code32_decode(typed, out, 10), RESULT_OK);
	assert_memory_equal(out, in, 10);
	for (i = 0; typed[i] != '\0'; i++)
		typed[i] = typed[i] == 'o' ? 'O' : typed[i] == 'l' ? 'I' : typed[i];
	assert_int_equal(code32_decode(typed, out, 10), RESULT_OK);
	for (i = 0; typed[i] != '\0'; i++)
		typed[i] = typed[i] == 'I' ? 'i' : typed[i];
	assert_int_equal(code32_decode(typed, out, 10), RESULT_OK);
}

/* The code without its dashes, so that neighbours are neighbours. */
static void
plain_code(const uint8_t *in, size_t n, char *out)
{
	char text[CODE32_SIZE(CODE32_MAX_BYTES)];
	const char *p = text;

	code32_encode(text, sizeof(text), in, n);
	for (; *p != '\0'; p++)
		if (*p != '-')
			*out++ = *p;
	*out = '\0';
}

static void
every_single_wrong_letter_is_found(void **state)
{
	char text[CODE32_LETTERS(CODE32_MAX_BYTES) + 1];
	uint8_t in[CODE32_MAX_BYTES], out[CODE32_MAX_BYTES], zero[CODE32_MAX_BYTES] = {0};
	static const size_t sizes[] = {1, 5, 10, 16, 32};
	size_t s, i, k;
	int sample;

	(void)state;
	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (sample = 0; sample < 50; sample++) {
			assert_int_equal(crypto_random(in, sizeof(in)), RESULT_OK);
			plain_code(in, sizes[s], text);
			for (i = 0; text[i] != '\0'; i++) {
				char right = text[i];

				for (k = 0; k < 32; k++) {
					text[i] = letters[k];
					if (letters[k] == right)
						continue;
					assert_int_equal(
					    code32_decode(text, out, sizes[s]), RESULT_BAD_CODE);
					assert_memory_equal(out, zero, sizes[s]);
				}
				text[i] = right;
			}
		}
	}
}

static void
every_swap_of_neighbours_is_found(void **state)
{
	char text[CODE32_LETTERS(CODE32_MAX_BYTES) + 1];
	uint8_t in[CODE32_MAX_BYTES], out[CODE32_MAX_BYTES];
	static const size_t sizes[] = {1, 5, 10, 16, 32};
	size_t s, i, len;
	int sample;

	(void)state;
	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (sample = 0; sample < 200; sample++) {
			assert_int_equal(crypto_random(in, sizeof(in)), RESULT_OK);
			plain_code(in, sizes[s], text);
			len = strlen(text);
			for (i = 0; i + 1 < len; i++) {
				char a = text[i], b = text[i + 1];

				text[i] = b;
				text[i + 1] = a;
				assert_int_equal(code32_decode(text, out, sizes[s]),
				    a == b ? RESULT_OK : RESULT_BAD_CODE);
				text[i] = a;
				text[i + 1] = b;
			}
		}
	}
}

static void
truncated_and_foreign_codes_are_refused(void **state)
{
	uint8_t in[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, out[10];
	char text[CODE32_SIZE(10) + 2];
	size_t len;

	(void)state;
	len = code32_encode(text, sizeof(text), in, 10);
	strcat(text, "0");
	assert_int_equal(code32_decode(text, out, 10), RESULT_BAD_CODE);
	while (len > 0) {
		text[--len] = '\0';
		assert_int_equal(code32_decode(text, out, 10), RESULT_BAD_CODE);
	}
	assert_int_equal(code32_decode("0000-0000-0000-0000-U", out, 10), RESULT_BAD_CODE);
	assert_int_equal(code32_decode("0000-0000-0000-0000-*", out, 10), RESULT_BAD_CODE);
	assert_int_equal(
	    code32_decode("0000-0000-0000-000\xef\xbc\x90-0", out, 10), RESULT_BAD_CODE);
	assert_int_equal(code32_decode("0000-0000-0000-0000-0", out, 10), RESULT_OK);
}

static void
fill_bits_must_be_zero(void **state)
{
	uint8_t out[1];

	(void)state;
	/* 00000 00001 with the right check, a · 1 = 2: but only 8 of the 10 bits are the byte's. */
	assert_int_equal(code32_decode("012", out, 1), RESULT_BAD_CODE);
	/* 00000 00100: a · 4 = 8. */
	assert_int_equal(code32_decode("048", out, 1), RESULT_OK);
	assert_int_equal(out[0], 1);
}

static void
voucher_codes_are_the_hmac_of_where_they_stand(void **state)
{
	uint8_t key[KEY_LEN], want[HASH_LEN], out[VOUCHER_CODE_LEN], other[VOUCHER_CODE_LEN];
	const struct sha256_part message = {
	    "voucher\nstation.example\0\0\0\0\0\0\0\1\2\0\0\0\3", 36};

	(void)state;
	memset(key, 9, sizeof(key));
	hmac_sha256(key, KEY_LEN, &message, 1, want);
	voucher_code(key, "station.example", VOUCHER_LABEL, 0x102, 3, out);
	assert_memory_equal(out, want, VOUCHER_CODE_LEN);
	voucher_code(key, "station.example", SLIP_LABEL, 0x102, 3, other);
	assert_memory_not_equal(out, other, VOUCHER_CODE_LEN);
	voucher_code(key, "station.example", VOUCHER_LABEL, 0x102, 4, other);
	assert_memory_not_equal(out, other, VOUCHER_CODE_LEN);
	key[0] = 8;
	voucher_code(key, "station.example", VOUCHER_LABEL, 0x102, 3, other);
	assert_memory_not_equal(out, other, VOUCHER_CODE_LEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(codes_round_trip_at_every_length),
	    cmocka_unit_test(known_codes_stay_as_they_are),
	    cmocka_unit_test(reading_forgives_what_people_write),
	    cmocka_unit_test(every_single_wrong_letter_is_found),
	    cmocka_unit_test(every_swap_of_neighbours_is_found),
	    cmocka_unit_test(truncated_and_foreign_codes_are_refused),
	    cmocka_unit_test(fill_bits_must_be_zero),
	    cmocka_unit_test(voucher_codes_are_the_hmac_of_where_they_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
