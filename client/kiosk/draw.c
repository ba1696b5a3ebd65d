#include "client/kiosk/draw.h"

#include <ctype.h>
#include <curses.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <unistr.h>
#include <uniwidth.h>

#define PAIR_BAR   1
#define PAIR_PAPER 2
#define LARGE_COLUMNS 5
#define LARGE_PIXELS  7

static bool started, coloured;

/* Rows of 5 pixels, the left one in bit 4. Crockford's letters: no I, L, O, U. */
static const struct {
	char letter;
	uint8_t row[LARGE_PIXELS];
} large[] = {
	{'0', {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E}},
	{'1', {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E}},
	{'2', {0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F}},
	{'3', {0x1F, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0E}},
	{'4', {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02}},
	{'5', {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E}},
	{'6', {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E}},
	{'7', {0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08}},
	{'8', {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E}},
	{'9', {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C}},
	{'A', {0x0E, 0x11, 0x11, 0x11, 0x1F, 0x11, 0x11}},
	{'B', {0x1E, 0x11, 0x11, 0x1E, 0x11, 0x11, 0x1E}},
	{'C', {0x0E, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0E}},
	{'D', {0x1C, 0x12, 0x11, 0x11, 0x11, 0x12, 0x1C}},
	{'E', {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x1F}},
	{'F', {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10}},
	{'G', {0x0E, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0F}},
	{'H', {0x11, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11}},
	{'J', {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0C}},
	{'K', {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11}},
	{'M', {0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11}},
	{'N', {0x11, 0x11, 0x19, 0x15, 0x13, 0x11, 0x11}},
	{'P', {0x1E, 0x11, 0x11, 0x1E, 0x10, 0x10, 0x10}},
	{'Q', {0x0E, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0D}},
	{'R', {0x1E, 0x11, 0x11, 0x1E, 0x14, 0x12, 0x11}},
	{'S', {0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E}},
	{'T', {0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}},
	{'V', {0x11, 0x11, 0x11, 0x11, 0x11, 0x0A, 0x04}},
	{'W', {0x11, 0x11, 0x11, 0x15, 0x15, 0x15, 0x0A}},
	{'X', {0x11, 0x11, 0x0A, 0x04, 0x0A, 0x11, 0x11}},
	{'Y', {0x11, 0x11, 0x11, 0x0A, 0x04, 0x04, 0x04}},
	{'Z', {0x1F, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1F}},
};

/* ---- the terminal ---- */

static void
draw_colours(void)
{
	coloured = has_colors() && start_color() == OK &&
		init_pair(PAIR_BAR, COLOR_WHITE, COLOR_BLUE) == OK &&
		init_pair(PAIR_PAPER, COLOR_BLACK, COLOR_WHITE) == OK;
}

int
draw_start(void)
{
	/* Widths of Chinese come from the character set; no other habit of a locale is wanted. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL || newterm(NULL, stdout, stdin) == NULL)
		return -1;
	started = true;
	draw_colours();
	/* Raw: Ctrl-C, Ctrl-Z and Ctrl-\ are keys here and do not end or stop a session in public. */
	(void)raw();
	(void)noecho();
	(void)nonl();
	(void)keypad(stdscr, TRUE);
	(void)set_escdelay(25);
	(void)curs_set(0);
	return 0;
}

void
draw_end(void)
{
	if (!started)
		return;
	draw_wipe();
	(void)endwin();
	started = false;
}

bool
draw_fits(void)
{
	int rows, columns;

	getmaxyx(stdscr, rows, columns);
	return rows >= DRAW_ROWS && columns >= DRAW_COLUMNS;
}

void
draw_clear(void)
{
	(void)erase();
	(void)curs_set(0);
}

void
draw_show(void)
{
	(void)refresh();
}

void
draw_wipe(void)
{
	(void)clear();
	(void)refresh();
}

/* ---- text ---- */

int
draw_width(const char *text)
{
	return u8_strwidth((const uint8_t *)text, "UTF-8");
}

void
draw_cut(char *out, size_t size, const char *text, int columns)
{
	const uint8_t *at = (const uint8_t *)text, *next;
	size_t n = 0;
	ucs4_t c;

	for (; (next = u8_next(&c, at)) != NULL; at = next) {
		int width = c < ' ' ? -1 : uc_width(c, "UTF-8");
		size_t bytes = (size_t)(next - at);

		/* Control characters draw nothing of their own. */
		if (width < 0)
			continue;
		if (width > columns || n + bytes >= size)
			break;
		memcpy(out + n, at, bytes);
		n += bytes;
		columns -= width;
	}
	out[n] = '\0';
}

static attr_t
draw_attributes(enum draw_style style)
{
	switch (style) {
	case DRAW_PLAIN:
		return A_NORMAL;
	case DRAW_BOLD:
		return A_BOLD;
	case DRAW_BAR:
		return coloured ? (attr_t)COLOR_PAIR(PAIR_BAR) | A_BOLD : A_REVERSE;
	case DRAW_PAPER:
		return coloured ? (attr_t)COLOR_PAIR(PAIR_PAPER) : A_REVERSE;
	}
	return A_NORMAL;
}

void
draw_text(int row, int column, int columns, enum draw_style style, const char *text)
{
	char cut[4 * DRAW_COLUMNS + 1];

	draw_cut(cut, sizeof(cut), text, columns);
	(void)attrset((int)draw_attributes(style));
	(void)mvaddstr(row, column, cut);
	(void)attrset(A_NORMAL);
}

void
draw_middle(int row, enum draw_style style, const char *text)
{
	int width = draw_width(text), column = (DRAW_COLUMNS - width) / 2;

	draw_text(row, column < 0 ? 0 : column, DRAW_COLUMNS, style, text);
}

void
draw_bar(int row, const char *left, const char *right)
{
	char blank[DRAW_COLUMNS + 1];
	int width = draw_width(right);

	memset(blank, ' ', DRAW_COLUMNS);
	blank[DRAW_COLUMNS] = '\0';
	draw_text(row, 0, DRAW_COLUMNS, DRAW_BAR, blank);
	draw_text(row, 1, DRAW_COLUMNS - width - 3, DRAW_BAR, left);
	draw_text(row, DRAW_COLUMNS - width - 1, width, DRAW_BAR, right);
}

void
draw_box(const char *first, const char *second)
{
	const int top = 8, rows = 7, left = 12, columns = DRAW_COLUMNS - 2 * 12;
	char blank[DRAW_COLUMNS + 1];

	memset(blank, ' ', sizeof(blank));
	blank[columns] = '\0';
	for (int i = 0; i < rows; i++)
		draw_text(top + i, left, columns, DRAW_BAR, blank);
	draw_text(top + 2, left + (columns - draw_width(first)) / 2, columns, DRAW_BAR, first);
	draw_text(top + 4, left + (columns - draw_width(second)) / 2, columns, DRAW_BAR, second);
}

void
draw_cursor(int row, int column)
{
	if (row < 0) {
		(void)curs_set(0);
		return;
	}
	(void)curs_set(1);
	(void)move(row, column);
}

void
draw_qr(int row, int column, const struct qr *qr)
{
	for (size_t i = 0; i < qr->n; i++)
		draw_text(row + (int)i, column, (int)qr->columns, DRAW_PAPER, qr->line[i]);
}

/* ---- large letters ---- */

static void
draw_large_letter(int row, int column, const uint8_t pixels[LARGE_PIXELS])
{
	static const char *const halves[4] = {" ", "\u2580", "\u2584", "\u2588"};

	for (int y = 0; y < DRAW_LARGE_ROWS; y++) {
		for (int x = 0; x < LARGE_COLUMNS; x++) {
			int bit = LARGE_COLUMNS - 1 - x, below = 2 * y + 1;
			unsigned upper = pixels[2 * y] >> bit & 1u;
			unsigned lower = below < LARGE_PIXELS ? pixels[below] >> bit & 1u : 0;

			draw_text(row + y, column + x, 1, DRAW_BOLD, halves[upper | lower << 1]);
		}
	}
}

int
draw_large(int row, int column, const char *text)
{
	int at = column;

	for (; *text != '\0'; text++) {
		if (*text == '-') {
			at += 2;
			continue;
		}
		for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
			if (large[i].letter == *text)
				draw_large_letter(row, at, large[i].row);
		at += LARGE_COLUMNS + 1;
	}
	return at - column;
}

/* ---- keys ---- */

int
draw_key(int timeout_ms)
{
	wint_t c = 0;
	int got;

	timeout(timeout_ms);
	got = get_wch(&c);
	if (got == ERR)
		return DRAW_NONE;
	if (got == KEY_CODE_YES) {
		if (c == KEY_RESIZE)
			return DRAW_RESIZE;
		if (c == KEY_BACKSPACE)
			return DRAW_BACKSPACE;
		return c == KEY_ENTER ? DRAW_ENTER : DRAW_OTHER;
	}
	if (c == '\r' || c == '\n')
		return DRAW_ENTER;
	if (c == 127 || c == '\b')
		return DRAW_BACKSPACE;
	if (c == DRAW_STOP)
		return DRAW_STOP;
	return c >= ' ' && c <= '~' ? (int)c : DRAW_OTHER;
}
