#include "client/auditor/keymap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

struct keymap {
	size_t key_size, value_at, slot_size;
	size_t slots; /* a power of two */
	size_t count;
	uint8_t *used; /* one byte a slot */
	uint8_t *data;
};

static int
slots_take(struct keymap *m, size_t slots)
{
	m->used = calloc(slots, 1);
	m->data = calloc(slots, m->slot_size);
	m->slots = slots;
	if (m->used != NULL && m->data != NULL)
		return 0;
	free(m->used);
	free(m->data);
	m->used = m->data = NULL;
	return -1;
}

struct keymap *
keymap_new(size_t key_size, size_t value_size)
{
	struct keymap *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->key_size = key_size;
	m->value_at = (key_size + 7) & ~(size_t)7;
	m->slot_size = m->value_at + ((value_size + 7) & ~(size_t)7);
	if (slots_take(m, SLOTS_FIRST) != 0) {
		free(m);
		return NULL;
	}
	return m;
}

static uint64_t
mix(uint64_t h, uint64_t word)
{
	__uint128_t m = (__uint128_t)(h ^ word) * 0x9e3779b97f4a7c15u;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Only the speed depends on it. */
static uint64_t
key_hash(const uint8_t *key, size_t n)
{
	uint64_t h = 0x243f6a8885a308d3u;

	for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, key + i, n - i < sizeof(word) ? n - i : sizeof(word));
		h = mix(h, word + 0x13198a2e03707344u);
	}
	return h ^ h >> 32;
}

/* The key's slot, or the free one where it would be. */
static size_t
slot_of(const struct keymap *m, const void *key)
{
	size_t at = (size_t)key_hash(key, m->key_size) & (m->slots - 1);

	while (m->used[at] && memcmp(m->data + at * m->slot_size, key, m->key_size) != 0)
		at = (at + 1) & (m->slots - 1);
	return at;
}

static int
grow(struct keymap *m)
{
	struct keymap old = *m;

	if (slots_take(m, 2 * old.slots) != 0) {
		*m = old;
		return -1;
	}
	for (size_t i = 0; i < old.slots; i++) {
		const uint8_t *slot = old.data + i * old.slot_size;
		size_t at;

		if (!old.used[i])
			continue;
		at = slot_of(m, slot);
		m->used[at] = 1;
		memcpy(m->data + at * m->slot_size, slot, m->slot_size);
	}
	free(old.used);
	free(old.data);
	return 0;
}

void *
keymap_find(const struct keymap *m, const void *key)
{
	size_t at = slot_of(m, key);

	return m->used[at] ? m->data + at * m->slot_size + m->value_at : NULL;
}

void *
keymap_add(struct keymap *m, const void *key)
{
	size_t at;

	if (m->count >= m->slots / 4 * 3 && grow(m) != 0)
		return NULL;
	at = slot_of(m, key);
	if (!m->used[at]) {
		m->used[at] = 1;
		m->count++;
		memcpy(m->data + at * m->slot_size, key, m->key_size);
	}
	return m->data + at * m->slot_size + m->value_at;
}

size_t
keymap_count(const struct keymap *m)
{
	return m->count;
}

void
keymap_each(const struct keymap *m,
    void (*fn)(void *ctx, const void *key, const void *value), void *ctx)
{
	for (size_t i = 0; i < m->slots; i++)
		if (m->used[i])
			fn(ctx, m->data + i * m->slot_size,
			    m->data + i * m->slot_size + m->value_at);
}

/* As many slots are used as it says, and one is free, where a search ends. */
static int
is_whole(const struct keymap *m)
{
	size_t used = 0;

	for (size_t i = 0; i < m->slots; i++) {
		if (m->used[i] > 1)
			return 0;
		used += m->used[i];
	}
	return used == m->count && used < m->slots;
}

void
keymap_dump(struct keymap *m, struct dump *d)
{
	size_t slots = m->slots;

	dump_many(d, &slots, 1 + m->slot_size);
	if (d->err == RESULT_OK && !d->writing) {
		free(m->used);
		free(m->data);
		m->used = m->data = NULL;
		if (slots < SLOTS_FIRST || (slots & (slots - 1)) != 0)
			d->err = RESULT_CORRUPT;
		else if (slots_take(m, slots) != 0)
			d->err = RESULT_NO_MEMORY;
	}
	dump_count(d, &m->count, slots);
	if (d->err != RESULT_OK)
		return;
	dump_bytes(d, m->used, slots);
	dump_bytes(d, m->data, slots * m->slot_size);
	if (d->err == RESULT_OK && !is_whole(m))
		d->err = RESULT_CORRUPT;
}

void
keymap_free(struct keymap *m)
{
	if (m == NULL)
		return;
	free(m->used);
	free(m->data);
	free(m);
}
