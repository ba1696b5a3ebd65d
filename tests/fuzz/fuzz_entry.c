/*
 * Any bytes as entries, framed as in an export (u16be length ‖ bytes): the auditor's quick reader takes exactly what the long
 * way through protobuf-c takes, and says the same of it; where the engine's view of an entry takes it, it says the same too;
 * and the auditor follows whatever came to a verdict, its sums with it, without a fault.
 */
#include <string.h>

#include "client/auditor/auditor_int.h"
#include "client/auditor/said.h"
#include "daemon/base/check.h"
#include "daemon/codec/entry.h"

#define ENTRY_ARENA (16u << 20)
#define DEPTH	    2

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

static int
same_bytes(struct said_bytes a, struct said_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void
check_lists(const struct said *a, const struct said *b)
{
	CHECK(a->n_postings == b->n_postings && a->n_effects == b->n_effects && a->n_touched == b->n_touched);
	for (size_t i = 0; i < a->n_postings; i++) {
		const struct said_posting *x = &a->postings[i], *y = &b->postings[i];

		CHECK(same_bytes(x->partner, y->partner) && same_bytes(x->item, y->item));
		CHECK(x->member == y->member && x->lot == y->lot && x->amount == y->amount);
		CHECK(x->asset == y->asset && x->purpose == y->purpose);
	}
	for (size_t i = 0; i < a->n_effects; i++) {
		const struct said_effect *x = &a->effects[i], *y = &b->effects[i];

		CHECK(x->id == y->id && x->member == y->member && x->kind == y->kind && x->command == y->command);
		CHECK(x->index == y->index && x->minutes == y->minutes && x->day == y->day);
	}
	for (size_t i = 0; i < a->n_touched; i++)
		CHECK(a->touched[i].member == b->touched[i].member && a->touched[i].prev == b->touched[i].prev);
}

/* What replay finds in place is what is said. */
static void
check_view(const uint8_t *bytes, size_t n, const struct said *said)
{
	struct entry_view view;

	if (entry_view(bytes, n, &view) != RESULT_OK)
		return;
	CHECK(view.seq == said->seq && view.time_us == said->time_us);
	CHECK(same_bytes((struct said_bytes){view.act, view.act_len}, said->act));
	CHECK(same_bytes((struct said_bytes){view.signature, view.signature_len}, said->signature));
	CHECK(same_bytes((struct said_bytes){view.prev, 32}, said->prev));
}

/* The entry as both ways read it; the result of either. */
static enum result
decode(const uint8_t *bytes, size_t n, struct said *said)
{
	struct said reference;
	enum result err;

	arena_reset(&arena);
	arena_reset(&other);
	err = said_decode(bytes, n, &arena, said);
	CHECK(said_decode_reference(bytes, n, &other, &reference) == err);
	if (err != RESULT_OK) {
		CHECK(err == RESULT_BAD_MESSAGE || err == RESULT_NOT_UTF8 || err == RESULT_NOT_CANONICAL);
		return err;
	}
	CHECK(said->seq == reference.seq && said->time_us == reference.time_us && said->rules == reference.rules);
	CHECK(said->semantics == reference.semantics && same_bytes(said->prev, reference.prev));
	CHECK(same_bytes(said->act, reference.act) && same_bytes(said->signature, reference.signature));
	check_lists(said, &reference);
	check_view(bytes, n, said);
	return RESULT_OK;
}

static void
check_verdict(enum result err, const struct auditor_broken *b, uint64_t seq)
{
	CHECK(err == RESULT_OK || err == RESULT_CORRUPT);
	CHECK((err == RESULT_CORRUPT) == (b->kind != NULL));
	CHECK(err == RESULT_OK || (b->entry == seq && b->why[0] != '\0'));
}

/* An entry adds one key or none, and says so. */
static void
check_keys(struct keychain *keys, const uint8_t *entry, size_t n)
{
	size_t had = keys->n;
	enum result err = keychain_entry(keys, entry, n);

	CHECK(keys->n == had + (err == RESULT_OK));
	CHECK(err != RESULT_OK || had == 0 || keys->list[had].from > keys->list[had - 1].from);
}

/* The followers, each up to the first thing that is wrong. */
static void
follow(struct ledger *ledger, struct accounts *accounts, const uint8_t *data, size_t size,
    struct auditor_broken broken[2])
{
	static struct keychain keys;
	uint64_t seq = 0;
	size_t n;

	keychain_begin(&keys);
	for (; size > 2; data += 2 + n, size -= 2 + n) {
		struct deed deed;
		enum result why;
		struct said e;

		n = (size_t)data[0] << 8 | data[1];
		if (n == 0 || n > size - 2)
			return;
		check_keys(&keys, data + 2, n);
		/* The chain is not looked at here: entries count as they come. */
		if (decode(data + 2, n, &e) != RESULT_OK || e.seq <= seq)
			continue;
		seq = e.seq;
		why = deed_decode(e.act, "fuzz.example/1", &arena, &deed);
		deed.unverified = true;
		if (broken[0].kind == NULL)
			check_verdict(ledger_entry(ledger, &e, &deed, why), &broken[0], seq);
		if (broken[1].kind == NULL)
			check_verdict(accounts_entry(accounts, &e), &broken[1], seq);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auditor_broken broken[2] = {{.kind = NULL}, {.kind = NULL}};
	struct accounts *accounts;
	struct ledger *ledger;

	set_up();
	accounts = accounts_new(&broken[1]);
	ledger = ledger_new("fuzz.example/1", ledger_key, DEPTH, &broken[0]);
	CHECK(accounts != NULL && ledger != NULL);
	follow(ledger, accounts, data, size, broken);
	ledger_free(ledger);
	accounts_free(accounts);
	return 0;
}
