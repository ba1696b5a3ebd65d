/*
 * daemon/store/rows_disk.c in memory, under the real rows.c: the last checkpoint as one list in
 * order of key.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"
#include "tests/sim/world.h"

struct kept {
	struct row_key key;
	uint64_t *value;
};

static struct {
	struct kept *row;
	size_t n;
	uint64_t seq;
	uint8_t meta[ROWS_META_MAX];
	size_t meta_len;
} disk;

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

enum result
rows_load(struct rows *r, const char *dir)
{
	(void)dir;
	if (world.dead)
		return RESULT_IO;
	for (size_t i = 0; i < disk.n; i++) {
		struct row *row = rows_insert_loaded(r, &disk.row[i].key);

		memcpy(row->value, disk.row[i].value, r->tables[row->key.table].size);
	}
	r->checkpoint_seq = disk.seq;
	r->meta_len = disk.meta_len;
	memcpy(r->meta, disk.meta, disk.meta_len);
	/* Only ever compared with NULL. */
	r->env = (MDB_env *)(void *)&disk;
	return RESULT_OK;
}

void
rows_unload(struct rows *r)
{
	r->env = NULL;
}

uint64_t
rows_checkpoint_seq(const struct rows *r)
{
	return r->checkpoint_seq;
}

size_t
rows_checkpoint_meta(const struct rows *r, void *buf, size_t cap)
{
	memcpy(buf, r->meta, cap < r->meta_len ? cap : r->meta_len);
	return r->meta_len;
}

static int
by_key(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;

	return memcmp(&(*x)->key, &(*y)->key, sizeof(struct row_key));
}

static uint64_t *
value_of(const struct rows *r, const struct row *row)
{
	size_t size = r->tables[row->key.table].size;
	uint64_t *copy = malloc(size);

	CHECK(copy != NULL);
	memcpy(copy, row->value, size);
	return copy;
}

/* The checkpoint before, with what is dirty in place of what it was. */
static void
write_dirty(const struct rows *r, struct row *const *list)
{
	struct kept *merged = malloc((disk.n + r->n_dirty + 1) * sizeof(*merged));
	size_t n = 0, old = 0;

	CHECK(merged != NULL);
	for (size_t i = 0; i < r->n_dirty; i++) {
		while (old < disk.n &&
		       memcmp(&disk.row[old].key, &list[i]->key, sizeof(list[i]->key)) < 0)
			merged[n++] = disk.row[old++];
		if (old < disk.n &&
		    memcmp(&disk.row[old].key, &list[i]->key, sizeof(list[i]->key)) == 0)
			free(disk.row[old++].value);
		if (list[i]->live)
			merged[n++] = (struct kept){list[i]->key, value_of(r, list[i])};
	}
	while (old < disk.n)
		merged[n++] = disk.row[old++];
	free(disk.row);
	disk.row = merged;
	disk.n = n;
}

static void
all_clean(struct rows *r, struct row *const *list)
{
	for (size_t i = 0; i < r->n_dirty; i++) {
		list[i]->dirty = 0;
		if (!list[i]->live)
			rows_discard(r, list[i]);
	}
	r->dirty = NULL;
	r->n_dirty = 0;
}

enum result
rows_checkpoint(struct rows *r, uint64_t seq, const void *meta, size_t meta_len)
{
	struct row **list;
	enum fate fate;
	size_t n = 0;

	CHECK(r->n_undo == 0 && meta_len <= ROWS_META_MAX);
	if (r->failed)
		return RESULT_UNAVAILABLE;
	if ((fate = world_fate(1)) != FATE_LOST) {
		list = rows_must(malloc((r->n_dirty + 1) * sizeof(struct row *)));
		for (struct row *row = r->dirty; row != NULL; row = row->next)
			list[n++] = row;
		CHECK(n == r->n_dirty);
		qsort(list, n, sizeof(struct row *), by_key);
		write_dirty(r, list);
		disk.seq = seq;
		disk.meta_len = meta_len;
		memcpy(disk.meta, meta, meta_len);
		all_clean(r, list);
		free(list);
	}
	if (fate != FATE_DONE) {
		r->failed = 1;
		return world_failure();
	}
	r->checkpoint_seq = seq;
	r->meta_len = meta_len;
	memcpy(r->meta, meta, meta_len);
	return RESULT_OK;
}
