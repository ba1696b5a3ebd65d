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

/* FNV-1a, its upper bits mixed in: only the speed depends on it. */
static uint64_t
key_hash(const uint8_t *key, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
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
keymap_free(struct keymap *m)
{
	if (m == NULL)
		return;
	free(m->used);
	free(m->data);
	free(m);
}
