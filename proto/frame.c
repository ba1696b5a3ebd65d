#include "proto/frame.h"

#include <assert.h>

size_t
frame_head(uint8_t out[FRAME_HEAD_MAX], uint32_t len)
{
	size_t n = 0;

	assert(len >= 1 && len <= FRAME_MAX_BYTES);
	while (len >= 0x80) {
		out[n++] = (uint8_t)(len | 0x80);
		len >>= 7;
	}
	out[n++] = (uint8_t)len;
	return n;
}

enum frame_state
frame_parse(const uint8_t *buf, size_t len, size_t max, size_t *head_len, size_t *body_len)
{
	uint64_t body = 0;
	size_t n = 0;

	*head_len = 0;
	*body_len = 0;
	for (;;) {
		if (n == FRAME_HEAD_MAX)
			return FRAME_BAD;
		if (n == len)
			return FRAME_MORE;
		body |= (uint64_t)(buf[n] & 0x7f) << (7 * n);
		if ((buf[n++] & 0x80) == 0)
			break;
	}
	/* A last byte of 0 adds nothing: either the length is 0 or a shorter form exists. */
	if (buf[n - 1] == 0 || body > UINT32_MAX)
		return FRAME_BAD;
	*head_len = n;
	*body_len = (size_t)body;
	if (body > max)
		return FRAME_OVERSIZED;
	return len - n >= body ? FRAME_READY : FRAME_MORE;
}
