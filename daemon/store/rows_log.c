#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"

/* Blocks kept for the next log, at most. */
#define SPARE_BLOCKS 128
/* Where a record lies: block, and eighths of a byte count, in 32 bits. */
#define PLACE_BITS  17
#define PLACE_MASK  (((uint32_t)1 << PLACE_BITS) - 1)
_Static_assert(ROWS_LOG_BLOCK / 8 == (size_t)1 << PLACE_BITS, "a place fits");

static struct record *
record_at(const struct rows_log *log, uint32_t at)
{
	return (struct record *)(void *)(log->blocks[at >> PLACE_BITS] +
					 (size_t)(at & PLACE_MASK) * 8);
}

/*
 * Blocks that no log uses, for the next one: given back to the system they would come again as
 * fresh pages, a fault for each. The loop takes them, the thread gives them, and frees them when
 * nothing changes.
 */
static struct {
	pthread_mutex_t lock;
	uint8_t *block[SPARE_BLOCKS];
	size_t n, most;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER, .most = SPARE_BLOCKS};

static uint8_t *
block_take(void)
{
	uint8_t *block = NULL;

	pthread_mutex_lock(&spare.lock);
	if (spare.n > 0)
		block = spare.block[--spare.n];
	pthread_mutex_unlock(&spare.lock);
	return block != NULL ? block : rows_must(malloc(ROWS_LOG_BLOCK));
}

static void
block_give(uint8_t *block)
{
	pthread_mutex_lock(&spare.lock);
	if (spare.n < spare.most) {
		spare.block[spare.n++] = block;
		block = NULL;
	}
	pthread_mutex_unlock(&spare.lock);
	free(block);
}

size_t
rows_log_spare_bytes(void)
{
	size_t n;

	pthread_mutex_lock(&spare.lock);
	n = spare.n;
	pthread_mutex_unlock(&spare.lock);
	return n * ROWS_LOG_BLOCK;
}

void
rows_log_spare_free(void)
{
	while (rows_log_spare_bytes() > 0)
		free(block_take());
}

void
rows_log_spare_limit(size_t bytes)
{
	size_t blocks = bytes / ROWS_LOG_BLOCK;

	pthread_mutex_lock(&spare.lock);
	spare.most = blocks < SPARE_BLOCKS ? blocks : SPARE_BLOCKS;
	pthread_mutex_unlock(&spare.lock);
	if (rows_log_spare_bytes() > bytes)
		rows_log_spare_free();
}

static void
block_add(struct rows_log *log)
{
	if (log->n_blocks == log->cap_blocks) {
		log->cap_blocks = log->cap_blocks * 2 + 16;
		log->blocks =
		    rows_must(realloc(log->blocks, log->cap_blocks * sizeof(*log->blocks)));
		log->used = rows_must(realloc(log->used, log->cap_blocks * sizeof(*log->used)));
	}
	CHECK(log->n_blocks >> (32 - PLACE_BITS) == 0);
	log->used[log->n_blocks] = 0;
	log->blocks[log->n_blocks++] = block_take();
}

static struct record *
record_add(struct rows_log *log, size_t bytes, uint32_t *at)
{
	struct record *record;

	CHECK(bytes <= ROWS_LOG_BLOCK);
	while (log->last == log->n_blocks || log->used[log->last] + bytes > ROWS_LOG_BLOCK) {
		if (log->last < log->n_blocks)
			log->last++;
		if (log->last == log->n_blocks)
			block_add(log);
	}
	*at = (uint32_t)(log->last << PLACE_BITS | log->used[log->last] / 8);
	record = record_at(log, *at);
	log->used[log->last] += bytes;
	log->n_records++;
	return record;
}

const struct record *
rows_log_take(struct rows_log *log, const struct record *first, size_t bytes, size_t n)
{
	uint32_t at;
	struct record *record = record_add(log, bytes, &at);

	memcpy(record, first, bytes);
	log->n_records += n - 1;
	return record;
}

void
rows_log_note(struct rows *r, struct row *row)
{
	uint32_t size = r->tables[row->key.table].size;
	struct record *record;

	if (r->failed) {
		row->gen = r->gen;
		return;
	}
	if (row->gen != r->gen) {
		record = record_add(&r->log, rows_record_bytes(size), &row->at);
		record->key = row->key;
		record->size = size;
		row->gen = r->gen;
	} else {
		record = record_at(&r->log, row->at);
	}
	record->live = row->live;
	if (row->live)
		memcpy(record->value, row->value, size);
	else
		memset(record->value, 0, size);
}

/* The last one may be of less than a block's size, if it was fitted. */
static void
block_drop(struct rows_log *log)
{
	size_t i = --log->n_blocks;

	if (log->fitted && i == log->last)
		free(log->blocks[i]);
	else
		block_give(log->blocks[i]);
}

size_t
rows_log_bytes(const struct rows_log *log)
{
	return (log->last + (log->n_blocks > 0)) * ROWS_LOG_BLOCK;
}

size_t
rows_log_fit(struct rows_log *log)
{
	size_t used = 0;
	uint8_t *less;

	while (log->n_blocks > log->last + 1)
		block_drop(log);
	for (size_t i = 0; i < log->n_blocks; i++)
		used += log->used[i];
	if (log->n_blocks > 0 && (less = realloc(log->blocks[log->last], log->used[log->last] + 1)) != NULL)
		log->blocks[log->last] = less;
	log->fitted = 1;
	return used;
}

void
rows_log_free(struct rows_log *log)
{
	while (log->n_blocks > 0)
		block_drop(log);
	free(log->blocks);
	free(log->used);
	memset(log, 0, sizeof(*log));
}

const struct record *
rows_log_next(const struct rows_log *log, size_t *block, size_t *offset)
{
	const struct record *record;

	while (*block < log->n_blocks && *offset == log->used[*block]) {
		(*block)++;
		*offset = 0;
	}
	if (*block == log->n_blocks)
		return NULL;
	record = record_at(log, (uint32_t)(*block << PLACE_BITS | *offset / 8));
	*offset += rows_record_bytes(record->size);
	return record;
}
