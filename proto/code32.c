#include "proto/code32.h"

#include <assert.h>
#include <string.h>

static const char code32_letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* a times `v` in GF(32): shift, and reduce by x^5 = x^2 + 1. */
static unsigned
code32_times_a(unsigned v)
{
	v <<= 1;
	return (v & 32) != 0 ? (v ^ 32 ^ 5) : v;
}

/*
 * The check of `k` values in reading order: sum of a^i · d(i), the last value having i = 1, by
 * Horner's rule. Subtraction is addition here, so appending the check makes the whole sum 0.
 */
static unsigned
code32_check(const uint8_t *values, size_t k)
{
	unsigned sum = 0;
	size_t i;

	for (i = 0; i < k; i++)
		sum = code32_times_a(sum ^ values[i]);
	return sum;
}

size_t
code32_encode(char *out, size_t size, const uint8_t *p, size_t n)
{
	uint8_t values[CODE32_LETTERS(CODE32_MAX_BYTES)] = {0};
	size_t letters = CODE32_LETTERS(n), bit, i, o = 0;

	assert(n >= 1 && n <= CODE32_MAX_BYTES && size >= CODE32_SIZE(n));
	for (bit = 0; bit < 8 * n; bit++)
		if ((p[bit / 8] >> (7 - bit % 8) & 1) != 0)
			values[bit / 5] |= (uint8_t)(16 >> bit % 5);
	values[letters - 1] = (uint8_t)code32_check(values, letters - 1);
	for (i = 0; i < letters; i++) {
		if (i > 0 && i % 4 == 0)
			out[o++] = '-';
		out[o++] = code32_letters[values[i]];
	}
	out[o] = '\0';
	return o;
}

/* The value of a letter as people write it, or 32. */
static unsigned
code32_value(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	at = c == '\0' ? NULL : strchr(code32_letters, c);
	return at == NULL ? 32 : (unsigned)(at - code32_letters);
}

/* Reads exactly `letters` values; 0 or -1. */
static int
code32_read(const char *text, uint8_t *values, size_t letters)
{
	size_t got = 0;

	for (; *text != '\0'; text++) {
		unsigned v;

		if (*text == '-' || *text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')
			continue;
		v = code32_value(*text);
		if (v > 31 || got == letters)
			return -1;
		values[got++] = (uint8_t)v;
	}
	return got == letters ? 0 : -1;
}

enum result
code32_decode(const char *text, uint8_t *out, size_t want)
{
	uint8_t values[CODE32_LETTERS(CODE32_MAX_BYTES)] = {0};
	size_t letters = CODE32_LETTERS(want), bit, fill = (letters - 1) * 5;

	assert(want >= 1 && want <= CODE32_MAX_BYTES);
	memset(out, 0, want);
	if (code32_read(text, values, letters) != 0)
		return RESULT_BAD_CODE;
	if (code32_check(values, letters - 1) != values[letters - 1])
		return RESULT_BAD_CODE;
	for (bit = 8 * want; bit < fill; bit++)
		if ((values[bit / 5] >> (4 - bit % 5) & 1) != 0)
			return RESULT_BAD_CODE;
	for (bit = 0; bit < 8 * want; bit++)
		if ((values[bit / 5] >> (4 - bit % 5) & 1) != 0)
			out[bit / 8] |= (uint8_t)(128 >> bit % 8);
	return RESULT_OK;
}

void
voucher_code(const uint8_t key[KEY_LEN], const char *origin, const char *label, uint64_t seq,
    uint32_t index, uint8_t out[VOUCHER_CODE_LEN])
{
	uint8_t number[12], mac[HASH_LEN];
	const struct sha256_part parts[] = {
	    {label, strlen(label)},
	    {origin, strlen(origin) + 1}, /* with its NUL: the 0x00 */
	    {number, sizeof(number)},
	};
	unsigned i;

	for (i = 0; i < 8; i++)
		number[i] = (uint8_t)(seq >> (56 - 8 * i));
	for (i = 0; i < 4; i++)
		number[8 + i] = (uint8_t)(index >> (24 - 8 * i));
	hmac_sha256(key, KEY_LEN, parts, 3, mac);
	memcpy(out, mac, VOUCHER_CODE_LEN);
	crypto_wipe(mac, sizeof(mac));
}
