/*
 * A hash table from keys of one size to values of one size, for what a ledger's entries are compared
 * with. Values are never removed.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_KEYMAP_H
#define TIMEBOX_CLIENT_AUDITOR_KEYMAP_H

#include <stddef.h>

#include "client/auditor/dump.h"

struct keymap;

/* An empty table; NULL without memory. To be freed. */
struct keymap *keymap_new(size_t key_size, size_t value_size);

/* The value of a key (aligned to 8 bytes), NULL where there is none. Valid until keymap_add. */
void *keymap_find(const struct keymap *m, const void *key);

/* The same, but a key that is not there gets a value of zero bytes. NULL without memory. */
void *keymap_add(struct keymap *m, const void *key);

/* Keys in the table. */
size_t keymap_count(const struct keymap *m);

/* Visits all, in no order. */
void keymap_each(const struct keymap *m,
    void (*fn)(void *ctx, const void *key, const void *value), void *ctx);

/* Writes it, or reads it into an empty table. */
void keymap_dump(struct keymap *m, struct dump *d);

/* NULL is allowed. */
void keymap_free(struct keymap *m);

#endif
