/*
 * daemon/store/people.h in memory: sorted rows per table, and a log of how to undo what is not
 * committed, so that a process that ends leaves on the disk what it committed.
 */
#include "daemon/store/people.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "tests/sim/world.h"

struct text_row {
	uint8_t key[PEOPLE_KEY_MAX];
	size_t key_len;
	uint8_t *value;
	size_t len;
};

struct text_table {
	struct text_row **row;
	size_t n, cap;
};

/* What a row was before a write of the batch; value NULL: not there. */
struct undone {
	enum people_table table;
	struct text_row was;
};

struct people {
	struct text_table table[PEOPLE_TABLES];
	struct undone *log;
	size_t n_log, cap_log;
	size_t mark;
	int open, marked, failed;
};
static struct people disk;

static void
row_free(struct text_row *row)
{
	free(row->value);
	free(row);
}

void
store_people_reset(void)
{
	for (size_t t = 0; t < PEOPLE_TABLES; t++) {
		for (size_t i = 0; i < disk.table[t].n; i++)
			row_free(disk.table[t].row[i]);
		free(disk.table[t].row);
	}
	for (size_t i = 0; i < disk.n_log; i++)
		free(disk.log[i].was.value);
	free(disk.log);
	memset(&disk, 0, sizeof(disk));
}

static int
compare(const struct text_row *row, const void *key, size_t key_len)
{
	size_t n = row->key_len < key_len ? row->key_len : key_len;
	int order = memcmp(row->key, key, n);

	return order != 0 ? order : (row->key_len > key_len) - (row->key_len < key_len);
}

/* The first row not before the key. */
static size_t
lower(const struct text_table *t, const void *key, size_t key_len)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(t->row[middle], key, key_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct text_row *
find(const struct text_table *t, const void *key, size_t key_len)
{
	size_t at = lower(t, key, key_len);

	return at < t->n && compare(t->row[at], key, key_len) == 0 ? t->row[at] : NULL;
}

static uint8_t *
copy_of(const void *value, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	CHECK(copy != NULL);
	if (len > 0)
		memcpy(copy, value, len);
	return copy;
}

/* value NULL: takes the row away. */
static void
set(struct text_table *t, const void *key, size_t key_len, const void *value, size_t len)
{
	size_t at = lower(t, key, key_len);
	int there = at < t->n && compare(t->row[at], key, key_len) == 0;

	if (value == NULL) {
		if (!there)
			return;
		row_free(t->row[at]);
		memmove(&t->row[at], &t->row[at + 1], (--t->n - at) * sizeof(t->row[0]));
		return;
	}
	if (!there) {
		if (t->n == t->cap) {
			t->cap = t->cap * 2 + 64;
			t->row = realloc(t->row, t->cap * sizeof(t->row[0]));
			CHECK(t->row != NULL);
		}
		memmove(&t->row[at + 1], &t->row[at], (t->n++ - at) * sizeof(t->row[0]));
		t->row[at] = calloc(1, sizeof(struct text_row));
		CHECK(t->row[at] != NULL);
		memcpy(t->row[at]->key, key, key_len);
		t->row[at]->key_len = key_len;
	}
	free(t->row[at]->value);
	t->row[at]->value = copy_of(value, len);
	t->row[at]->len = len;
}

static void
undo_to(struct people *p, size_t n)
{
	while (p->n_log > n) {
		struct undone *u = &p->log[--p->n_log];

		set(&p->table[u->table], u->was.key, u->was.key_len, u->was.value, u->was.len);
		free(u->was.value);
	}
}

static void
log_add(struct people *p, enum people_table table, const void *key, size_t key_len)
{
	const struct text_row *row = find(&p->table[table], key, key_len);
	struct undone *u;

	if (p->n_log == p->cap_log) {
		p->cap_log = p->cap_log * 2 + 64;
		p->log = realloc(p->log, p->cap_log * sizeof(*p->log));
		CHECK(p->log != NULL);
	}
	u = &p->log[p->n_log++];
	memset(u, 0, sizeof(*u));
	u->table = table;
	memcpy(u->was.key, key, key_len);
	u->was.key_len = key_len;
	if (row != NULL) {
		u->was.value = copy_of(row->value, row->len);
		u->was.len = row->len;
	}
}

enum result
people_open(const char *dir, struct people **out)
{
	(void)dir;
	if (world.dead)
		return RESULT_IO;
	disk.failed = disk.open = disk.marked = 0;
	*out = &disk;
	return RESULT_OK;
}

void
people_close(struct people *p)
{
	if (p != NULL)
		people_abandon(p);
}

static enum result
fail(struct people *p)
{
	people_abandon(p);
	p->failed = 1;
	return world_failure();
}

enum result
people_get(struct people *p, enum people_table table, const void *key, size_t key_len, void *buf,
    size_t cap, size_t *len)
{
	const struct text_row *row;

	if (key_len == 0 || key_len > PEOPLE_KEY_MAX ||
	    (row = find(&p->table[table], key, key_len)) == NULL)
		return RESULT_NOT_FOUND;
	*len = row->len;
	if (row->len > cap)
		return RESULT_OVERFLOW;
	memcpy(buf, row->value, row->len);
	return RESULT_OK;
}

enum result
people_put(struct people *p, enum people_table table, const void *key, size_t key_len,
    const void *value, size_t len)
{
	CHECK(key_len > 0 && key_len <= PEOPLE_KEY_MAX && len <= PEOPLE_VALUE_MAX);
	if (p->failed)
		return RESULT_UNAVAILABLE;
	p->open = 1;
	log_add(p, table, key, key_len);
	set(&p->table[table], key, key_len, len == 0 ? "" : value, len);
	return RESULT_OK;
}

enum result
people_delete(struct people *p, enum people_table table, const void *key, size_t key_len)
{
	if (p->failed)
		return RESULT_UNAVAILABLE;
	p->open = 1;
	if (key_len == 0 || key_len > PEOPLE_KEY_MAX)
		return RESULT_OK;
	log_add(p, table, key, key_len);
	set(&p->table[table], key, key_len, NULL, 0);
	return RESULT_OK;
}

enum result
people_commit(struct people *p)
{
	enum fate fate;

	CHECK(!p->marked);
	if (p->failed)
		return RESULT_UNAVAILABLE;
	if (!p->open)
		return RESULT_OK;
	if ((fate = world_fate(0)) != FATE_LOST) {
		for (size_t i = 0; i < p->n_log; i++)
			free(p->log[i].was.value);
		p->n_log = 0;
		p->open = 0;
	}
	return fate == FATE_DONE ? RESULT_OK : fail(p);
}

void
people_abandon(struct people *p)
{
	undo_to(p, 0);
	p->open = p->marked = 0;
}

int
people_batch_open(const struct people *p)
{
	return p->open;
}

enum result
people_mark(struct people *p)
{
	CHECK(!p->marked);
	if (p->failed)
		return RESULT_UNAVAILABLE;
	p->open = p->marked = 1;
	p->mark = p->n_log;
	return RESULT_OK;
}

enum result
people_keep(struct people *p)
{
	if (p->failed)
		return RESULT_UNAVAILABLE;
	CHECK(p->marked);
	p->marked = 0;
	return RESULT_OK;
}

void
people_undo(struct people *p)
{
	if (p->marked)
		undo_to(p, p->mark);
	p->marked = 0;
}

enum result
people_each(struct people *p, enum people_table table, const void *prefix, size_t prefix_len,
    people_fn fn, void *ctx)
{
	const struct text_table *t = &p->table[table];
	enum result err = RESULT_OK;

	for (size_t i = lower(t, prefix, prefix_len); i < t->n && err == RESULT_OK; i++) {
		const struct text_row *row = t->row[i];

		if (row->key_len < prefix_len || memcmp(row->key, prefix, prefix_len) != 0)
			break;
		err = fn(ctx, row->key, row->key_len, row->value, row->len);
	}
	return err;
}

enum result
people_renew(struct people *p)
{
	CHECK(!p->open);
	if (p->failed)
		return RESULT_UNAVAILABLE;
	set(&p->table[PEOPLE_META], PEOPLE_UNCLEAN, PEOPLE_UNCLEAN_LEN, NULL, 0);
	return RESULT_OK;
}

enum result
people_compact(struct people *p, const char *dir)
{
	(void)p;
	(void)dir;
	return RESULT_IO;
}
