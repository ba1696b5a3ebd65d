#include "client/auditor/memory.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"

#define SLOTS_FIRST 4096
#define SLAB_BYTES  262144
#define KEY_BYTES   sizeof(struct row_key)

/* A row: its key, then the value. The table of slots holds a part of the hash beside the pointer, so
 * that most rows are found by one look at each. */
struct slot {
	uint64_t hash;
	uint8_t *row; /* NULL: free */
};

struct slab_list {
	size_t stride, per_slab, used; /* of the last slab */
	uint8_t **slabs;
	size_t n_slabs;
	uint8_t *unused; /* rows that were dropped, chained by their first bytes */
};

struct memory {
	struct row_source source;
	memory_settled settled;
	void *ctx;
	struct slot *slots; /* open addressing, at most half full */
	size_t n_slots, n_rows;
	struct slab_list tables[TABLE_LAST];
};

static void *
must(void *p)
{
	CHECK(p != NULL);
	return p;
}

static uint64_t
mix(uint64_t h, uint64_t word)
{
	__uint128_t m = (__uint128_t)(h ^ word) * 0x9e3779b97f4a7c15u;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t
hash_of(const struct row_key *key)
{
	uint64_t w[5], h = 0x243f6a8885a308d3u;

	memcpy(w, key, sizeof(w));
	for (size_t i = 0; i < 5; i++)
		h = mix(h, w[i] + 0x13198a2e03707344u);
	return h ^ h >> 32;
}

static struct slot *
slot_of(const struct memory *m, const struct row_key *key, uint64_t hash)
{
	for (size_t i = hash & (m->n_slots - 1);; i = (i + 1) & (m->n_slots - 1)) {
		struct slot *s = &m->slots[i];

		if (s->row == NULL || (s->hash == hash && memcmp(s->row, key, KEY_BYTES) == 0))
			return s;
	}
}

static void
grow(struct memory *m)
{
	struct slot *old = m->slots;
	size_t n = m->n_slots;

	m->n_slots = 2 * n;
	m->slots = must(calloc(m->n_slots, sizeof(*m->slots)));
	for (size_t i = 0; i < n; i++) {
		size_t at = old[i].hash & (m->n_slots - 1);

		if (old[i].row == NULL)
			continue;
		while (m->slots[at].row != NULL)
			at = (at + 1) & (m->n_slots - 1);
		m->slots[at] = old[i];
	}
	free(old);
}

static uint8_t *
row_take(struct slab_list *l)
{
	uint8_t *row = l->unused;

	if (row != NULL) {
		memcpy(&l->unused, row, sizeof(l->unused));
	} else {
		if (l->n_slabs == 0 || l->used == l->per_slab) {
			l->slabs = must(reallocarray(l->slabs, l->n_slabs + 1, sizeof(*l->slabs)));
			l->slabs[l->n_slabs++] = must(malloc(l->stride * l->per_slab));
			l->used = 0;
		}
		row = l->slabs[l->n_slabs - 1] + l->stride * l->used++;
	}
	memset(row, 0, l->stride);
	return row;
}

/* ---- the book's four ways ---- */

static const void *
memory_get(void *ctx, const struct row_key *key)
{
	const struct slot *s = slot_of(ctx, key, hash_of(key));

	return s->row == NULL ? NULL : s->row + KEY_BYTES;
}

static void *
memory_edit(void *ctx, const struct row_key *key)
{
	const struct slot *s = slot_of(ctx, key, hash_of(key));

	return s->row == NULL ? NULL : s->row + KEY_BYTES;
}

static void *
memory_add(void *ctx, const struct row_key *key)
{
	struct memory *m = ctx;
	uint64_t hash = hash_of(key);
	struct slot *s;

	CHECK(key->table < TABLE_LAST);
	if (2 * (m->n_rows + 1) > m->n_slots)
		grow(m);
	s = slot_of(m, key, hash);
	CHECK(s->row == NULL);
	s->hash = hash;
	s->row = row_take(&m->tables[key->table]);
	memcpy(s->row, key, KEY_BYTES);
	m->n_rows++;
	return s->row + KEY_BYTES;
}

/* Closes the gap: what follows moves up, as far as it may. */
static void
slot_free(struct memory *m, size_t at)
{
	size_t mask = m->n_slots - 1;

	for (size_t i = (at + 1) & mask; m->slots[i].row != NULL; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;

		if (((i - home) & mask) < ((i - at) & mask))
			continue;
		m->slots[at] = m->slots[i];
		at = i;
	}
	m->slots[at].row = NULL;
}

static void
memory_drop(void *ctx, const struct row_key *key)
{
	struct memory *m = ctx;
	struct slot *s = slot_of(m, key, hash_of(key));
	struct slab_list *l = &m->tables[key->table];
	uint8_t *row = s->row;

	CHECK(row != NULL);
	if (key->table == TABLE_DUE && m->settled != NULL)
		m->settled(m->ctx, key);
	slot_free(m, (size_t)(s - m->slots));
	memcpy(row, &l->unused, sizeof(l->unused));
	l->unused = row;
	m->n_rows--;
}

/* ---- the whole ---- */

struct memory *
memory_new(memory_settled settled, void *ctx)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->settled = settled;
	m->ctx = ctx;
	m->source = (struct row_source){
	    .ctx = m, .get = memory_get, .edit = memory_edit, .add = memory_add, .drop = memory_drop};
	for (int t = 0; t < TABLE_LAST; t++) {
		struct slab_list *l = &m->tables[t];

		l->stride = KEY_BYTES + ((table_value_size((enum table)t) + 7u) & ~7u);
		l->per_slab = SLAB_BYTES / l->stride;
	}
	m->n_slots = SLOTS_FIRST;
	if ((m->slots = calloc(m->n_slots, sizeof(*m->slots))) != NULL)
		return m;
	free(m);
	return NULL;
}

void
memory_free(struct memory *m)
{
	if (m == NULL)
		return;
	for (int t = 0; t < TABLE_LAST; t++) {
		for (size_t i = 0; i < m->tables[t].n_slabs; i++)
			free(m->tables[t].slabs[i]);
		free(m->tables[t].slabs);
	}
	free(m->slots);
	free(m);
}

const struct row_source *
memory_source(const struct memory *m)
{
	return &m->source;
}

void
memory_each(const struct memory *m, enum table table,
    void (*fn)(void *ctx, const struct row_key *key, const void *value), void *ctx)
{
	for (size_t i = 0; i < m->n_slots; i++) {
		struct row_key key;

		if (m->slots[i].row == NULL)
			continue;
		memcpy(&key, m->slots[i].row, KEY_BYTES);
		if (key.table == table)
			fn(ctx, &key, m->slots[i].row + KEY_BYTES);
	}
}

static void
row_dump(struct memory *m, uint8_t *row, struct dump *d)
{
	struct row_key key = {.table = 0};

	if (d->writing)
		memcpy(&key, row, sizeof(key));
	dump_bytes(d, &key, sizeof(key));
	if (d->err == RESULT_OK && !d->writing) {
		if (key.table >= TABLE_LAST || slot_of(m, &key, hash_of(&key))->row != NULL)
			d->err = RESULT_CORRUPT;
		else
			row = (uint8_t *)memory_add(m, &key) - KEY_BYTES;
	}
	if (d->err == RESULT_OK)
		dump_bytes(d, row + KEY_BYTES, table_value_size((enum table)key.table));
}

void
memory_dump(struct memory *m, struct dump *d)
{
	size_t n = m->n_rows;

	dump_many(d, &n, KEY_BYTES);
	if (!d->writing) {
		for (size_t i = 0; i < n && d->err == RESULT_OK; i++)
			row_dump(m, NULL, d);
		return;
	}
	for (size_t i = 0; i < m->n_slots; i++)
		if (m->slots[i].row != NULL)
			row_dump(m, m->slots[i].row, d);
}
