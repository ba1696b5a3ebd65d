/*
 * Any bytes as the beginning of a stream of frames. What must hold: the answer equals that of a
 * plain model written from the format's description; a head that was read is the one that
 * frame_head writes; more bytes never change what was said of fewer, except from "more" on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

/* The format as it is described: the fewest bytes that say the number, at least 1, below 2^32. */
static enum frame_state
model(const uint8_t *p, size_t n, size_t max, size_t *head, uint64_t *body)
{
	size_t i, last = n;

	*head = 0;
	*body = 0;
	for (i = 0; i < n && i < 5 && last == n; i++)
		if (p[i] < 128)
			last = i;
	if (last == n)
		return n >= 5 ? FRAME_BAD : FRAME_MORE;
	for (i = last + 1; i > 0; i--)
		*body = *body * 128 + (p[i - 1] & 127);
	if (p[last] == 0 || *body >= 4294967296) {
		*body = 0;
		return FRAME_BAD;
	}
	*head = last + 1;
	if (*body > max)
		return FRAME_OVERSIZED;
	return n - *head < *body ? FRAME_MORE : FRAME_READY;
}

static void
check_prefix(const uint8_t *data, size_t size, size_t max)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size), again[FRAME_HEAD_MAX];
	size_t head, body, want_head;
	uint64_t want_body;
	enum frame_state s;

	must(copy != NULL);
	memcpy(copy, data, size);
	s = frame_parse(copy, size, max, &head, &body);
	must(s == model(copy, size, max, &want_head, &want_body));
	must(head == want_head && body == want_body);
	if (s == FRAME_READY)
		must(head + body <= size);
	if (head > 0 && body <= FRAME_MAX_BYTES) {
		must(frame_head(again, (uint32_t)body) == head);
		must(memcmp(again, copy, head) == 0);
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max, n, head, body;

	if (size < 3)
		return 0;
	max = (size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2];
	data += 3;
	size -= 3;
	for (n = 0; n <= size && n < 16; n++)
		check_prefix(data, n, max);
	/* Then as a stream, frame by frame. */
	for (;;) {
		check_prefix(data, size, max);
		if (frame_parse(data, size, max, &head, &body) != FRAME_READY)
			return 0;
		data += head + body;
		size -= head + body;
	}
}
