/*
 * The book's rows in plain memory: what re-execution reads and changes.
 *
 * Nothing is undone: a verification ends at the first act that the book refuses. Rows that fall due
 * are watched, because only they tell what the daemon left overdue.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_MEMORY_H
#define TIMEBOX_CLIENT_AUDITOR_MEMORY_H

#include <stdint.h>

#include "client/auditor/dump.h"
#include "daemon/book/book.h"

struct memory;

/* Called before a row of TABLE_DUE goes. */
typedef void (*memory_settled)(void *ctx, const struct row_key *due);

/* Without rows; NULL without memory. `settled` may be NULL. */
struct memory *memory_new(memory_settled settled, void *ctx);
/* NULL is allowed. */
void memory_free(struct memory *m);

/* For book_decide; lives as long as the memory. Running out of memory stops the process: the book
 * cannot be told of it half way through an act. */
const struct row_source *memory_source(const struct memory *m);

/* Visits the rows of a table in no order. */
void memory_each(const struct memory *m, enum table table,
    void (*fn)(void *ctx, const struct row_key *key, const void *value), void *ctx);

/* Writes the rows, or reads them into a memory without rows. */
void memory_dump(struct memory *m, struct dump *d);

#endif
