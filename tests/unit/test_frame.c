#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/arena.h"
#include "proto/frame.h"

/* ---- frames ---- */

static enum frame_state
parse(const char *bytes, size_t n, size_t max, size_t *head, size_t *body)
{
	/* A copy of exactly n bytes, so that the sanitizer sees a read beyond them. */
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	enum frame_state s;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	s = frame_parse(copy, n, max, head, body);
	free(copy);
	return s;
}

static void
heads_round_trip_at_every_boundary(void **state)
{
	static const uint32_t lens[] = {
	    1, 2, 127, 128, 129, 16383, 16384, 16385, 65535, FRAME_MAX_BYTES};
	static const size_t heads[] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 3};
	uint8_t out[FRAME_HEAD_MAX];
	size_t i, head, body;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(frame_head(out, lens[i]), heads[i]);
		assert_int_equal(
		    frame_parse(out, heads[i], FRAME_MAX_BYTES, &head, &body), FRAME_MORE);
		assert_int_equal(head, heads[i]);
		assert_int_equal(body, lens[i]);
	}
}

static void
known_head_is_what_protobuf_writes(void **state)
{
	uint8_t out[FRAME_HEAD_MAX];

	(void)state;
	assert_int_equal(frame_head(out, 300), 2);
	assert_memory_equal(out, "\xac\x02", 2);
}

static void
every_truncation_of_a_frame_wants_more(void **state)
{
	char frame[2 + 300 + 3];
	size_t n, head, body;

	(void)state;
	memset(frame, 'x', sizeof(frame));
	memcpy(frame, "\xac\x02", 2);
	for (n = 0; n < 302; n++) {
		assert_int_equal(parse(frame, n, 1000, &head, &body), FRAME_MORE);
		assert_int_equal(head, n < 2 ? 0 : 2);
		assert_int_equal(body, n < 2 ? 0 : 300);
	}
	for (; n <= sizeof(frame); n++) {
		assert_int_equal(parse(frame, n, 1000, &head, &body), FRAME_READY);
		assert_int_equal(head, 2);
		assert_int_equal(body, 300);
	}
}

static void
malformed_lengths_are_bad(void **state)
{
	size_t head, body;

	(void)state;
	/* zero, not minimal, longer than five bytes, beyond 32 bits */
	assert_int_equal(parse("\x00", 1, 10, &head, &body), FRAME_BAD);
	assert_int_equal(parse("\x80\x00", 2, 10, &head, &body), FRAME_BAD);
	assert_int_equal(parse("\x85\x00", 2, 10, &head, &body), FRAME_BAD);
	assert_int_equal(parse("\x85\x80\x80\x80\x00", 5, 10, &head, &body), FRAME_BAD);
	assert_int_equal(parse("\xff\xff\xff\xff\x1f", 5, 10, &head, &body), FRAME_BAD);
	assert_int_equal(parse("\xff\xff\xff\xff\xff", 5, 10, &head, &body), FRAME_BAD);
	assert_int_equal(parse("\xff\xff\xff\xff\xff\x01", 6, 10, &head, &body), FRAME_BAD);
	assert_int_equal(head, 0);
	assert_int_equal(body, 0);
}

static void
a_length_beyond_the_limit_is_told_from_the_head(void **state)
{
	size_t head, body;

	(void)state;
	assert_int_equal(parse("\xac\x02", 2, 299, &head, &body), FRAME_OVERSIZED);
	assert_int_equal(body, 300);
	assert_int_equal(parse("\xac\x02", 2, 300, &head, &body), FRAME_MORE);
	assert_int_equal(
	    parse("\xff\xff\xff\xff\x0f", 5, FRAME_MAX_BYTES, &head, &body), FRAME_OVERSIZED);
}

/* ---- the arena that frames are decoded into ---- */

static void
arena_hands_out_aligned_pieces_up_to_its_cap(void **state)
{
	struct arena a;
	uint8_t *p, *q;

	(void)state;
	assert_int_equal(arena_init(&a, 100), RESULT_OK);
	p = arena_alloc(&a, 1);
	q = arena_alloc(&a, 17);
	assert_non_null(p);
	assert_non_null(q);
	assert_int_equal((uintptr_t)p % ARENA_ALIGN, 0);
	assert_int_equal(q - p, 16);
	assert_int_equal(a.used, 48);
	assert_null(arena_alloc(&a, 53));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 8));
	assert_int_equal(a.used, 48);
	p = arena_alloc(&a, 52);
	assert_non_null(p);
	memset(p, 1, 52);
	assert_null(arena_alloc(&a, 0));
	arena_reset(&a);
	assert_ptr_equal(arena_alloc(&a, 100), a.base);
	arena_free(&a);
	assert_null(arena_alloc(&a, 1));
	arena_free(&a);
}

/* Under the address sanitizer: a malloc that cannot be met returns NULL, as it does without. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
arena_without_memory_says_so_and_may_be_freed(void **state)
{
	struct arena a;
	volatile size_t huge = SIZE_MAX / 2;

	(void)state;
	assert_int_equal(arena_init(&a, huge), RESULT_NO_MEMORY);
	assert_null(arena_alloc(&a, 1));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heads_round_trip_at_every_boundary),
	    cmocka_unit_test(known_head_is_what_protobuf_writes),
	    cmocka_unit_test(every_truncation_of_a_frame_wants_more),
	    cmocka_unit_test(malformed_lengths_are_bad),
	    cmocka_unit_test(a_length_beyond_the_limit_is_told_from_the_head),
	    cmocka_unit_test(arena_hands_out_aligned_pieces_up_to_its_cap),
	    cmocka_unit_test(arena_without_memory_says_so_and_may_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
