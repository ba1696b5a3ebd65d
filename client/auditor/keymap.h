/*
 * A hash table from keys of one size to values of one size, for what a ledger's entries are compared
 * with. Values are never removed.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_KEYMAP_H
#define TIMEBOX_CLIENT_AUDITOR_KEYMAP_H

#include <stddef.h>

struct keymap;

/* An empty table; NULL without memory. To be freed. */
struct keymap *keymap_new(size_t key_size, size_t value_size);

/* The value of a key (aligned to 8 bytes), NULL where there is none. Valid until keymap_add. */
void *keymap_find(const struct keymap *m, const void *key);

/* The same, but a key that is not there gets a value of zero bytes. NULL without memory. */
void *keymap_add(struct keymap *m, const void *key);

/* Keys in the table. */
size_t keymap_count(const struct keymap *m);

/* NULL is allowed. */
void keymap_free(struct keymap *m);

#endif
