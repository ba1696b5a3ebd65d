#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"

/* Where a record lies: block, and eighths of a byte count, in 32 bits. */
#define BLOCK_BYTES ((size_t)1 << 20)
#define PLACE_BITS  17
#define PLACE_MASK  (((uint32_t)1 << PLACE_BITS) - 1)
_Static_assert(BLOCK_BYTES / 8 == (size_t)1 << PLACE_BITS, "a place fits");

static struct record *
record_at(const struct rows_log *log, uint32_t at)
{
	return (struct record *)(void *)(log->blocks[at >> PLACE_BITS] +
					 (size_t)(at & PLACE_MASK) * 8);
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
	log->blocks[log->n_blocks++] = rows_must(malloc(BLOCK_BYTES));
}

static struct record *
record_add(struct rows_log *log, size_t bytes, uint32_t *at)
{
	struct record *record;

	CHECK(bytes <= BLOCK_BYTES);
	while (log->last == log->n_blocks || log->used[log->last] + bytes > BLOCK_BYTES) {
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
		record = record_add(&r->log, sizeof(*record) + ((size_t)size + 7) / 8 * 8, &row->at);
		record->key = row->key;
		record->size = size;
		row->gen = r->gen;
	} else {
		record = record_at(&r->log, row->at);
	}
	record->live = row->live;
	if (row->live)
		memcpy(record->value, row->value, size);
}

size_t
rows_log_bytes(const struct rows_log *log)
{
	return (log->last + (log->n_blocks > 0)) * BLOCK_BYTES;
}

void
rows_log_clear(struct rows_log *log, size_t keep)
{
	while (log->n_blocks > keep)
		free(log->blocks[--log->n_blocks]);
	for (size_t i = 0; i < log->n_blocks; i++)
		log->used[i] = 0;
	log->last = 0;
	log->n_records = 0;
}

void
rows_log_free(struct rows_log *log)
{
	rows_log_clear(log, 0);
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
	*offset += sizeof(*record) + ((size_t)record->size + 7) / 8 * 8;
	return record;
}
