#include "daemon/store/rows_index.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"

#define ADDRESS_BITS 48
#define LINE_BYTES   64
#define ADDRESS_MASK (((uint64_t)1 << ADDRESS_BITS) - 1)

/* ---- the hash ---- */

/* Both halves of the product: every bit of either word has a part in most bits of the result. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t
rows_index_hash(const struct rows_index *x, const struct row_key *key)
{
	uint64_t w[5], first, second;

	memcpy(w, key, sizeof(w));
	/* Two products that do not wait for each other, and one of both. */
	first = fold(w[0] ^ x->seed[0], w[1] ^ x->seed[1]);
	second = fold(w[2] ^ x->seed[2], w[3] ^ x->seed[3]);
	return fold(first ^ w[4] ^ x->seed[4], second ^ x->seed[5]);
}

/* ---- slots ---- */

static uint32_t
shard_of(uint64_t hash)
{
	return (uint32_t)(hash >> (64 - ROWS_INDEX_SHARD_BITS));
}

static uint64_t
tag_of(uint64_t hash)
{
	return hash >> (64 - ROWS_INDEX_SHARD_BITS - ROWS_INDEX_TAG_BITS) & ((1u << ROWS_INDEX_TAG_BITS) - 1);
}

static uint64_t
slot_tag(uint64_t slot)
{
	return slot >> ADDRESS_BITS;
}

static struct row *
slot_row(uint64_t slot)
{
	return (struct row *)(uintptr_t)(slot & ADDRESS_MASK);
}

/* Where a tag belongs in a shard of that level. */
static size_t
home_of(uint64_t tag, unsigned level)
{
	return tag >> (ROWS_INDEX_TAG_BITS - level);
}

static uint64_t *
shard_slots(const struct rows_index *x, uint32_t shard)
{
	return x->slots[x->level[shard]] + ((size_t)shard << x->level[shard]);
}

static size_t
level_bytes(unsigned level)
{
	return (sizeof(uint64_t) * ROWS_INDEX_SHARDS) << level;
}

static void
level_enter(struct rows_index *x, unsigned level)
{
	if (x->n_shards[level]++ > 0)
		return;
	x->slots[level] = rows_map(level_bytes(level));
}

static void
level_leave(struct rows_index *x, unsigned level)
{
	if (--x->n_shards[level] > 0)
		return;
	munmap(x->slots[level], level_bytes(level));
	x->slots[level] = NULL;
}

static void
put(uint64_t *slots, unsigned level, uint64_t slot)
{
	size_t mask = ((size_t)1 << level) - 1, i = home_of(slot_tag(slot), level);

	while (slots[i] != 0)
		i = (i + 1) & mask;
	slots[i] = slot;
}

static void
grow(struct rows_index *x, uint32_t shard)
{
	unsigned level = x->level[shard];
	uint64_t *from = shard_slots(x, shard), *to;

	CHECK(level < ROWS_INDEX_TAG_BITS);
	level_enter(x, level + 1);
	x->level[shard]++;
	to = shard_slots(x, shard);
	for (size_t i = 0; i < (size_t)1 << level; i++)
		if (from[i] != 0)
			put(to, level + 1, from[i]);
	level_leave(x, level);
}

void
rows_index_init(struct rows_index *x)
{
	memset(x, 0, sizeof(*x));
	CHECK(getrandom(x->seed, sizeof(x->seed), 0) == sizeof(x->seed));
	memset(x->level, ROWS_INDEX_FIRST_LEVEL, sizeof(x->level));
	level_enter(x, ROWS_INDEX_FIRST_LEVEL);
	x->n_shards[ROWS_INDEX_FIRST_LEVEL] = ROWS_INDEX_SHARDS;
}

void
rows_index_free(struct rows_index *x)
{
	for (unsigned level = 0; level <= ROWS_INDEX_TAG_BITS; level++)
		if (x->slots[level] != NULL)
			munmap(x->slots[level], level_bytes(level));
	memset(x->slots, 0, sizeof(x->slots));
}

static int
same_key(const struct row_key *a, const struct row_key *b)
{
	uint64_t x[5], y[5];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
}

struct row *
rows_index_find(const struct rows_index *x, const struct row_key *key, uint64_t hash)
{
	uint32_t shard = shard_of(hash);
	unsigned level = x->level[shard];
	const uint64_t *slots = shard_slots(x, shard);
	size_t mask = ((size_t)1 << level) - 1;
	uint64_t tag = tag_of(hash), slot;

	for (size_t i = home_of(tag, level); (slot = slots[i]) != 0; i = (i + 1) & mask)
		if (slot_tag(slot) == tag && same_key(&slot_row(slot)->key, key))
			return slot_row(slot);
	return NULL;
}

void
rows_index_insert(struct rows_index *x, struct row *row, uint64_t hash)
{
	uint32_t shard = shard_of(hash);
	uint64_t address = (uint64_t)(uintptr_t)row;

	CHECK(address >> ADDRESS_BITS == 0);
	if (++x->used[shard] * 16 > 11u << x->level[shard])
		grow(x, shard);
	put(shard_slots(x, shard), x->level[shard], tag_of(hash) << ADDRESS_BITS | address);
}

void
rows_index_remove(struct rows_index *x, const struct row *row, uint64_t hash)
{
	uint32_t shard = shard_of(hash);
	unsigned level = x->level[shard];
	uint64_t *slots = shard_slots(x, shard);
	size_t mask = ((size_t)1 << level) - 1, hole = home_of(tag_of(hash), level);

	for (; slot_row(slots[hole]) != row; hole = (hole + 1) & mask)
		CHECK(slots[hole] != 0);
	/* Those behind that may stand in the hole move up, so that no probe ends too early. */
	for (size_t i = (hole + 1) & mask; slots[i] != 0; i = (i + 1) & mask) {
		if (((i - home_of(slot_tag(slots[i]), level)) & mask) < ((i - hole) & mask))
			continue;
		slots[hole] = slots[i];
		hole = i;
	}
	slots[hole] = 0;
	x->used[shard]--;
}

void
rows_index_prefetch_slots(const struct rows_index *x, uint64_t hash)
{
	uint32_t shard = shard_of(hash);

	__builtin_prefetch(shard_slots(x, shard) + home_of(tag_of(hash), x->level[shard]));
}

void
rows_index_prefetch_row(const struct rows_index *x, uint64_t hash, size_t bytes)
{
	uint32_t shard = shard_of(hash);
	unsigned level = x->level[shard];
	const uint64_t *slots = shard_slots(x, shard);
	size_t mask = ((size_t)1 << level) - 1;
	uint64_t tag = tag_of(hash), slot;

	for (size_t i = home_of(tag, level); (slot = slots[i]) != 0; i = (i + 1) & mask) {
		if (slot_tag(slot) != tag)
			continue;
		for (size_t at = 0; at < bytes; at += LINE_BYTES)
			__builtin_prefetch((const uint8_t *)slot_row(slot) + at);
		return;
	}
}

size_t
rows_index_bytes(const struct rows_index *x)
{
	size_t bytes = 0;

	for (unsigned level = 0; level <= ROWS_INDEX_TAG_BITS; level++)
		bytes += (sizeof(uint64_t) * x->n_shards[level]) << level;
	return bytes;
}
