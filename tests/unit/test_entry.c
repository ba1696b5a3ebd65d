/* The hand-written entry encoder against protobuf-c: what it writes is the canonical encoding of
 * what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/codec/entry.h"

static struct book_out out;
static uint8_t buf[ENTRY_MAX_BYTES];

/* Numbers of all lengths, zero and the extremes among them. */
static uint64_t
number(unsigned bits)
{
	uint64_t v = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
	unsigned n = (unsigned)random() % (bits + 1);

	return n == 0 ? 0 : v >> (64 - n);
}

static code8
some_code(void)
{
	return random() % 3 == 0 ? 0 : code_pack("ITEM-0_9", 1 + (size_t)random() % 8);
}

static void
fill(void)
{
	memset(&out, 0, sizeof(out));
	out.rules = number(40);
	out.semantics = (uint32_t)number(32);
	out.n_postings = (uint32_t)random() % 20;
	out.n_effects = (uint32_t)random() % 20;
	out.n_touched = (uint32_t)random() % 20;
	for (uint32_t i = 0; i < out.n_postings; i++)
		out.postings[i] = (struct posting){.asset = (enum asset)(random() % 4),
		    .purpose = (enum purpose)(random() % 33),
		    .member = number(35),
		    .partner = some_code(),
		    .item = some_code(),
		    .lot = number(64),
		    .amount = (int64_t)number(64)};
	for (uint32_t i = 0; i < out.n_effects; i++)
		out.effects[i] = (struct effect){.kind = (uint32_t)random() % 31,
		    .command = (uint32_t)number(10),
		    .id = number(64),
		    .index = (uint32_t)number(16),
		    .member = number(35),
		    .verdict = (uint32_t)random() % 130,
		    .rules = number(40),
		    .minutes = (uint32_t)number(32),
		    .points = (uint32_t)number(32),
		    .count = (uint32_t)number(32),
		    .item = some_code(),
		    .outlet = some_code(),
		    .until_us = number(64),
		    .release_us = number(64),
		    .day = (int32_t)number(32),
		    .provenance = (uint32_t)random() % 6};
	for (uint32_t i = 0; i < out.n_touched; i++)
		out.touched[i] = (struct touched){number(35), number(40)};
}

static void
assert_same(const Timebox__V1__Entry *e, const struct entry_source *src)
{
	assert_int_equal(e->seq, src->seq);
	assert_int_equal(e->act.len, src->act_len);
	assert_int_equal(e->n_postings, out.n_postings);
	assert_int_equal(e->n_effects, out.n_effects);
	assert_int_equal(e->n_touched, out.n_touched);
	for (size_t i = 0; i < e->n_postings; i++) {
		assert_int_equal(e->postings[i]->amount, out.postings[i].amount);
		assert_int_equal(e->postings[i]->lot, out.postings[i].lot);
		assert_int_equal(code_pack(e->postings[i]->item, strlen(e->postings[i]->item)),
		    out.postings[i].item);
	}
	for (size_t i = 0; i < e->n_effects; i++) {
		assert_int_equal(e->effects[i]->day, out.effects[i].day);
		assert_int_equal(e->effects[i]->release_us, out.effects[i].release_us);
		assert_int_equal(e->effects[i]->verdict, out.effects[i].verdict);
	}
	for (size_t i = 0; i < e->n_touched; i++)
		assert_int_equal(e->touched[i]->prev, out.touched[i].prev);
}

static void
what_is_written_is_canonical_and_means_the_same(void **state)
{
	uint8_t prev[32], act[300], signature[64];
	struct arena arena;

	(void)state;
	srandom(3);
	assert_int_equal(arena_init(&arena, 1u << 20), RESULT_OK);
	memset(prev, 1, sizeof(prev));
	memset(act, 2, sizeof(act));
	memset(signature, 3, sizeof(signature));
	for (int i = 0; i < 3000; i++) {
		struct entry_source src = {.seq = 1 + number(40),
		    .prev = prev,
		    .time_us = number(56),
		    .act = act,
		    .act_len = (size_t)random() % sizeof(act),
		    .signature = signature,
		    .signature_len = random() % 2 ? 64 : 0,
		    .out = &out};
		const Timebox__V1__Entry *entry;
		size_t len;

		fill();
		arena_reset(&arena);
		len = entry_encode(buf, sizeof(buf), &src, NULL);
		assert_int_not_equal(len, 0);
		/* Decoding packs again and compares. */
		assert_int_equal(entry_decode(buf, len, &arena, &entry), RESULT_OK);
		assert_same(entry, &src);
		assert_int_equal(entry_encode(buf, len - 1, &src, NULL), 0);
		arena_reset(&arena);
		for (size_t cut = 0; i % 100 == 0 && cut < len; cut++) {
			/* Shorter by whole fields it is another entry; cut inside one it is none.
			 * Never more is read. */
			uint8_t *exact = malloc(cut == 0 ? 1 : cut);

			assert_non_null(exact);
			memcpy(exact, buf, cut);
			arena_reset(&arena);
			if (entry_decode(exact, cut, &arena, &entry) == RESULT_OK)
				assert_true(entry->n_touched < out.n_touched || out.n_touched == 0);
			free(exact);
		}
	}
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_canonical_and_means_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
