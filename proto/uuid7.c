#include "proto/uuid7.h"

#include "proto/crypto.h"

enum result
uuid7_make(uint8_t out[UUID7_LEN], uint64_t unix_ms)
{
	enum result r;
	unsigned i;

	if (unix_ms >> 48 != 0)
		return RESULT_OVERFLOW;
	r = crypto_random(out + 6, UUID7_LEN - 6);
	if (r != RESULT_OK)
		return r;
	for (i = 0; i < 6; i++)
		out[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
	out[6] = (uint8_t)(0x70 | (out[6] & 0x0f));
	out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
	return RESULT_OK;
}

enum result
uuid7_check(const uint8_t id[UUID7_LEN])
{
	/* The version in byte 6 is not zero, so neither are the first eight bytes. */
	if ((id[6] & 0xf0) != 0x70 || (id[8] & 0xc0) != 0x80)
		return RESULT_BAD_REQUEST_ID;
	return RESULT_OK;
}
