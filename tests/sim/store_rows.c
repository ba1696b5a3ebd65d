/*
 * daemon/store/rows_disk*.c in memory, under the real rows*.c: the last checkpoint as one list in order of key. A checkpoint
 * takes as long as the dice say, while acts go on; the power may go, or the disk fail, when it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"
#include "tests/sim/world.h"

/* Looks at an unfinished checkpoint until it is done, at most. */
#define SLOW_POLLS 12

struct kept {
	struct row_key key;
	uint64_t *value;
};

static struct {
	struct kept *row;
	size_t n;
	uint64_t seq;
	uint64_t counts[ROWS_MAX_TABLES];
	uint8_t meta[ROWS_META_MAX];
	size_t meta_len;
} disk;

/* Of the open rows: what is being written, and how long still. */
struct rows_disk {
	struct rows_job *job;
	uint32_t polls;
	/* The last generation that was written, and the last that the rows are told of as merged. */
	uint32_t written, merged;
};

void
store_rows_lose(void)
{
	for (size_t i = 0; i < disk.n; i++)
		free(disk.row[i].value);
	free(disk.row);
	memset(&disk, 0, sizeof(disk));
}

void
store_rows_reset(void)
{
	store_rows_lose();
}

/* ---- reading ---- */

enum result
rows_disk_open(struct rows *r, const char *dir)
{
	(void)dir;
	if (world.dead)
		return RESULT_IO;
	r->disk = calloc(1, sizeof(*r->disk));
	CHECK(r->disk != NULL);
	r->checkpoint_seq = disk.seq;
	for (size_t i = 0; i < r->n_tables; i++)
		r->tables[i].count = r->tables[i].cold = disk.counts[i];
	r->meta_len = disk.meta_len;
	memcpy(r->meta, disk.meta, disk.meta_len);
	return RESULT_OK;
}

/* Where the key is, or would be. */
static size_t
place_of(const struct row_key *key)
{
	size_t from = 0, to = disk.n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (memcmp(&disk.row[middle].key, key, sizeof(*key)) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

int
rows_disk_get(const struct rows *r, const struct row_key *key, void *value)
{
	size_t i = place_of(key);

	if (i == disk.n || memcmp(&disk.row[i].key, key, sizeof(*key)) != 0)
		return 0;
	memcpy(value, disk.row[i].value, r->tables[key->table].size);
	return 1;
}

void
rows_disk_each(const struct rows *r, uint8_t table, rows_disk_fn fn, void *ctx)
{
	struct row_key first = {.table = table};

	(void)r;
	for (size_t i = place_of(&first); i < disk.n && disk.row[i].key.table == table; i++)
		fn(ctx, &disk.row[i].key, disk.row[i].value);
}

int
rows_disk_newest(const struct rows *r, uint8_t table, size_t n, rows_disk_fn fn, void *ctx,
    struct row_key *before)
{
	struct row_key after = {.table = (uint8_t)(table + 1)};
	size_t i = place_of(&after);

	(void)r;
	for (; i > 0 && n > 0 && disk.row[i - 1].key.table == table; i--, n--)
		fn(ctx, &disk.row[i - 1].key, disk.row[i - 1].value);
	if (i == 0 || disk.row[i - 1].key.table != table)
		return 0;
	*before = disk.row[i - 1].key;
	return 1;
}

/* ---- writing ---- */

static int
by_key(const void *a, const void *b)
{
	const struct record *const *x = a, *const *y = b;

	return memcmp(&(*x)->key, &(*y)->key, sizeof(struct row_key));
}

static const struct record **
sorted(const struct rows_log *log)
{
	const struct record **list = malloc((log->n_records + 1) * sizeof(*list)), *record;
	size_t block = 0, offset = 0, n = 0;

	CHECK(list != NULL);
	while ((record = rows_log_next(log, &block, &offset)) != NULL)
		list[n++] = record;
	CHECK(n == log->n_records);
	qsort(list, n, sizeof(*list), by_key);
	return list;
}

static uint64_t *
value_of(const struct record *record)
{
	uint64_t *copy = malloc(record->size);

	CHECK(copy != NULL);
	memcpy(copy, record->value, record->size);
	return copy;
}

/* The checkpoint before, with what is dirty in place of what it was. */
static void
merge(const struct rows_log *log)
{
	const struct record **list = sorted(log);
	struct kept *merged = malloc((disk.n + log->n_records + 1) * sizeof(*merged));
	size_t n = 0, old = 0;

	CHECK(merged != NULL);
	for (size_t i = 0; i < log->n_records; i++) {
		const struct row_key *key = &list[i]->key;

		while (old < disk.n && memcmp(&disk.row[old].key, key, sizeof(*key)) < 0)
			merged[n++] = disk.row[old++];
		if (old < disk.n && memcmp(&disk.row[old].key, key, sizeof(*key)) == 0)
			free(disk.row[old++].value);
		if (list[i]->live)
			merged[n++] = (struct kept){*key, value_of(list[i])};
	}
	while (old < disk.n)
		merged[n++] = disk.row[old++];
	free(disk.row);
	free(list);
	disk.row = merged;
	disk.n = n;
}

static void
job_run(struct rows_job *job)
{
	enum fate fate = world_fate(1);

	if (fate != FATE_LOST) {
		merge(&job->log);
		disk.seq = job->seq;
		memcpy(disk.counts, job->counts, sizeof(disk.counts));
		disk.meta_len = job->meta_len;
		memcpy(disk.meta, job->meta, job->meta_len);
	}
	rows_job_done(job, fate == FATE_DONE ? RESULT_OK : world_failure());
}

/* Merging takes its time, too. */
uint32_t
rows_disk_merged(const struct rows *r)
{
	if (world_chance(30))
		r->disk->merged = r->disk->written;
	return r->disk->merged;
}

void
rows_disk_limit(struct rows *r, size_t bytes)
{
	(void)r;
	(void)bytes;
}

size_t
rows_disk_kept_bytes(const struct rows *r)
{
	(void)r;
	return 0;
}

void
rows_disk_begin(struct rows *r)
{
	r->disk->job = &r->job;
	r->disk->polls = world_chance(50) ? 0 : world_below(SLOW_POLLS);
}

int
rows_disk_poll(struct rows *r, int wait)
{
	struct rows_job *job = r->disk->job;

	if (job == NULL)
		return 1;
	if (!wait && r->disk->polls > 0) {
		r->disk->polls--;
		return 0;
	}
	r->disk->job = NULL;
	job_run(job);
	if (job->result == RESULT_OK)
		r->disk->written = job->gen;
	return 1;
}

void
rows_disk_close(struct rows *r)
{
	(void)rows_disk_poll(r, 1);
	free(r->disk);
	r->disk = NULL;
}
