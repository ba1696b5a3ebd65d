/*
 * Where each row lies: open addressing over 8-byte slots, the upper 16 bits of a slot being a tag of the row's hash and the
 * lower 48 its address. The slots are divided among 4,096 shards by the hash's first bits, and a shard doubles alone when it
 * is 11/16 full: growing moves some hundred or thousand slots at once, never all of them, and touches no row, because a
 * slot's place follows from its tag. All shards of a size lie in one mapping, in huge pages where the system has them.
 *
 *   hash:  12 bits shard | 16 bits tag | 36 bits not used          place in the shard: the tag's first `level` bits
 *
 * Cost of a look-up: one line of slots, and the row. The hash has a secret of this process, so that collisions cannot be
 * chosen from outside. At most about 180 million rows. Out of memory stops the process.
 */
#ifndef TIMEBOX_STORE_ROWS_INDEX_H
#define TIMEBOX_STORE_ROWS_INDEX_H

#include "daemon/book/row.h"

#define ROWS_INDEX_SHARD_BITS  12
#define ROWS_INDEX_SHARDS	  (1u << ROWS_INDEX_SHARD_BITS)
#define ROWS_INDEX_TAG_BITS	  16
#define ROWS_INDEX_FIRST_LEVEL 3

struct row;

struct rows_index {
	uint64_t seed[6];
	/* The slots of all shards of a level (a shard has 1 << level), NULL while no shard is of it. */
	uint64_t *slots[ROWS_INDEX_TAG_BITS + 1];
	uint32_t n_shards[ROWS_INDEX_TAG_BITS + 1];
	uint8_t level[ROWS_INDEX_SHARDS];
	uint32_t used[ROWS_INDEX_SHARDS];
};

void rows_index_init(struct rows_index *index);
void rows_index_free(struct rows_index *index);

uint64_t rows_index_hash(const struct rows_index *index, const struct row_key *key);
/* The row of that key, NULL if there is none. `hash` is the key's. */
struct row *rows_index_find(const struct rows_index *index, const struct row_key *key, uint64_t hash);
/* The key must not be there. */
void rows_index_insert(struct rows_index *index, struct row *row, uint64_t hash);
/* Stops the process if that very row is not there. */
void rows_index_remove(struct rows_index *index, const struct row *row, uint64_t hash);

/* Begin to fetch what rows_index_find will read: the slots; then, when these have come, so many bytes from the row on. */
void rows_index_prefetch_slots(const struct rows_index *index, uint64_t hash);
void rows_index_prefetch_row(const struct rows_index *index, uint64_t hash, size_t bytes);

/* Bytes of slots in use by shards. */
size_t rows_index_bytes(const struct rows_index *index);

#endif
