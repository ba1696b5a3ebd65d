/*
 * Tables on a terminal, with columns that stay aligned for Chinese (which is two columns wide).
 *
 * Cells are copied. A cell of a table that nobody could allocate stops the process.
 */
#ifndef TIMEBOX_CLIENT_CLI_TABLE_H
#define TIMEBOX_CLIENT_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct table;

/* A table whose heads are `heads`, separated by '|'; a head that starts with '>' is a column of
 * numbers, set to the right. Not NULL; to be freed. */
struct table *table_new(const char *heads);
/* The next cell of the row, left to right; a full row is followed by a new one. NULL counts as "". */
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Rows begun so far. */
size_t table_rows(const struct table *t);
/* Prints heads, a rule, and rows; without rows only the words `empty` (NULL: the heads). */
void table_print(const struct table *t, FILE *to, const char *empty);
void table_free(struct table *t);

/* Columns that valid UTF-8 takes on a terminal; what is not UTF-8 counts a column a byte. */
size_t table_text_width(const char *text);

#endif
