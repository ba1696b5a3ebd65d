#include "client/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>
#include <uniwidth.h>

#define TABLE_COLUMNS_MAX 24
#define TABLE_GAP	  2

struct table {
	size_t columns;
	char *head[TABLE_COLUMNS_MAX];
	int right[TABLE_COLUMNS_MAX];
	char **cells; /* row after row */
	size_t count, capacity;
};

size_t
table_text_width(const char *text)
{
	size_t n = strlen(text);
	const uint8_t *u = (const uint8_t *)text;
	int width;

	if (u8_check(u, n) != NULL)
		return n;
	width = u8_width(u, n, "UTF-8");
	return width < 0 ? 0 : (size_t)width;
}

static char *
table_copy(const char *text, size_t n)
{
	char *p = strndup(text, n);

	if (p == NULL)
		abort();
	return p;
}

struct table *
table_new(const char *heads)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	for (;;) {
		size_t n = strcspn(heads, "|");

		if (t->columns == TABLE_COLUMNS_MAX)
			abort();
		t->right[t->columns] = heads[0] == '>';
		if (heads[0] == '>') {
			heads++;
			n--;
		}
		t->head[t->columns++] = table_copy(heads, n);
		if (heads[n] == '\0')
			return t;
		heads += n + 1;
	}
}

void
table_cell(struct table *t, const char *text)
{
	if (t->count == t->capacity) {
		size_t capacity = t->capacity == 0 ? 64 : 2 * t->capacity;
		char **cells = reallocarray(t->cells, capacity, sizeof(*cells));

		if (cells == NULL)
			abort();
		t->cells = cells;
		t->capacity = capacity;
	}
	if (text == NULL)
		text = "";
	t->cells[t->count++] = table_copy(text, strlen(text));
}

void
table_cellf(struct table *t, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	table_cell(t, text);
	free(text);
}

size_t
table_rows(const struct table *t)
{
	return (t->count + t->columns - 1) / t->columns;
}

static void
table_blanks(FILE *to, size_t n)
{
	while (n-- > 0)
		fputc(' ', to);
}

/* Control characters would break the lines, or the terminal: they are shown as blanks. */
static void
table_put(FILE *to, const char *text)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text, to);
}

/* One line; the last column, set to the left, gets no blanks behind it. */
static void
table_line(const struct table *t, FILE *to, char *const *cells, size_t n, const size_t *widths)
{
	size_t i;

	for (i = 0; i < t->columns; i++) {
		const char *text = i < n ? cells[i] : "";
		size_t pad = widths[i] - table_text_width(text);

		if (t->right[i])
			table_blanks(to, pad);
		table_put(to, text);
		if (i + 1 < t->columns)
			table_blanks(to, (t->right[i] ? 0 : pad) + TABLE_GAP);
	}
	fputc('\n', to);
}

void
table_print(const struct table *t, FILE *to, const char *empty)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0}, i, total = 0;

	if (t->count == 0 && empty != NULL) {
		fprintf(to, "%s\n", empty);
		return;
	}
	for (i = 0; i < t->columns; i++)
		widths[i] = table_text_width(t->head[i]);
	for (i = 0; i < t->count; i++) {
		size_t width = table_text_width(t->cells[i]);

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (i = 0; i < t->columns; i++)
		total += widths[i] + (i > 0 ? TABLE_GAP : 0);
	table_line(t, to, t->head, t->columns, widths);
	for (i = 0; i < total; i++)
		fputc('-', to);
	fputc('\n', to);
	for (i = 0; i < t->count; i += t->columns)
		table_line(t, to, t->cells + i, t->count - i, widths);
}

void
table_free(struct table *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->columns; i++)
		free(t->head[i]);
	for (i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}
