/*
 * Any bytes as entries, framed as in an export (u16be length ‖ bytes): what decodes packs to the
 * same bytes again and is understood by the loose decoder too; and the auditor follows whatever came
 * to a verdict, its sums with it, without a fault.
 */
#include <string.h>

#include "client/auditor/auditor_int.h"
#include "daemon/base/check.h"
#include "proto/canonical.h"

#define ENTRY_ARENA (16u << 20)
#define LEDGER_MAX  1200 /* bytes of an input whose signatures are verified */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of the seeds: SHA-256 of "ledger" is its secret half. */
static uint8_t ledger_key[KEY_LEN];
static struct arena arena, other;

static void
set_up(void)
{
	uint8_t seed[SEED_LEN];

	if (arena.base != NULL)
		return;
	sha256("ledger", 6, seed);
	CHECK(ed25519_public(seed, ledger_key) == RESULT_OK);
	CHECK(arena_init(&arena, ENTRY_ARENA) == RESULT_OK);
	CHECK(arena_init(&other, ENTRY_ARENA) == RESULT_OK);
}

/* The entry, NULL where it is none. */
static const Timebox__V1__Entry *
decode(const uint8_t *bytes, size_t n)
{
	ProtobufCMessage *m, *loose;
	uint8_t *again;
	enum result err;

	arena_reset(&arena);
	arena_reset(&other);
	err = canonical_unpack(&timebox__v1__entry__descriptor, &arena, bytes, n, &m);
	CHECK(err == RESULT_OK || err == RESULT_BAD_MESSAGE || err == RESULT_NOT_UTF8 ||
	      err == RESULT_NOT_CANONICAL);
	if (err != RESULT_OK)
		return NULL;
	CHECK(canonical_unpack_loose(
		  &timebox__v1__entry__descriptor, &other, bytes, n, &loose) == RESULT_OK);
	again = arena_alloc(&other, n);
	CHECK(again != NULL && protobuf_c_message_get_packed_size(loose) == n);
	CHECK(protobuf_c_message_pack(loose, again) == n && memcmp(again, bytes, n) == 0);
	return (const Timebox__V1__Entry *)m;
}

static void
check_verdict(enum result err, const struct auditor_broken *b, uint64_t seq)
{
	CHECK(err == RESULT_OK || err == RESULT_CORRUPT);
	CHECK((err == RESULT_CORRUPT) == (b->kind != NULL));
	CHECK(err == RESULT_OK || (b->entry == seq && b->why[0] != '\0'));
}

/* The two followers, each up to the first thing that is wrong; `ledger` may be NULL. */
static void
follow(struct ledger *ledger, struct accounts *accounts, const uint8_t *data, size_t size,
    struct auditor_broken broken[2])
{
	uint64_t seq = 0;
	size_t n;

	for (; size > 2; data += 2 + n, size -= 2 + n) {
		const Timebox__V1__Entry *e;

		n = (size_t)data[0] << 8 | data[1];
		if (n == 0 || n > size - 2)
			return;
		e = decode(data + 2, n);
		/* The chain is not looked at here: entries count as they come. */
		if (e == NULL || e->seq <= seq)
			continue;
		seq = e->seq;
		if (ledger != NULL && broken[0].kind == NULL)
			check_verdict(ledger_entry(ledger, &arena, e), &broken[0], seq);
		if (broken[1].kind == NULL)
			check_verdict(accounts_entry(accounts, e), &broken[1], seq);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auditor_broken broken[2] = {{.kind = NULL}, {.kind = NULL}};
	struct ledger *ledger = NULL;
	struct accounts *accounts;

	set_up();
	accounts = accounts_new(&broken[1]);
	CHECK(accounts != NULL);
	/* Signatures take their time: only where there are few. */
	if (size < LEDGER_MAX) {
		ledger = ledger_new("fuzz.example/1", ledger_key, &broken[0]);
		CHECK(ledger != NULL);
	}
	follow(ledger, accounts, data, size, broken);
	ledger_free(ledger);
	accounts_free(accounts);
	return 0;
}
