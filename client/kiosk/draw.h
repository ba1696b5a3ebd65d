/* The terminal of the kiosk: text in columns, keys, large letters. One terminal, so no handle. */
#ifndef TIMEBOX_CLIENT_KIOSK_DRAW_H
#define TIMEBOX_CLIENT_KIOSK_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cli/qr.h"

#define DRAW_ROWS    24
#define DRAW_COLUMNS 80

enum draw_style { DRAW_PLAIN, DRAW_BOLD, DRAW_BAR, DRAW_PAPER };

/* Keys beyond the printable ASCII that draw_key gives. */
enum draw_key {
	DRAW_NONE = -1, /* none until the time was over */
	DRAW_STOP = 3,	/* Ctrl-C */
	DRAW_BACKSPACE = 8,
	DRAW_ENTER = 10,
	DRAW_RESIZE = 0x1000, /* the terminal has another size: draw again */
	DRAW_OTHER = 0x1001,
};

/* Takes the terminal; -1 where it cannot be used. draw_end gives it back, and may be repeated. */
int draw_start(void);
void draw_end(void);

/* Whether 80 x 24 fit. */
bool draw_fits(void);

/* An empty screen. Nothing is shown before draw_show. */
void draw_clear(void);
void draw_show(void);
/* Wipes the terminal itself, not only what differs: nothing of the last screen stays. */
void draw_wipe(void);

/* UTF-8 text at a row and column, cut to `columns` columns. */
void draw_text(int row, int column, int columns, enum draw_style style, const char *text);
/* The same in the middle of the row. */
void draw_middle(int row, enum draw_style style, const char *text);
/* A whole row in the colours of a bar: one text at the left, one at the right. */
void draw_bar(int row, const char *left, const char *right);
/* A box in the middle with two lines, over what is there. */
void draw_box(const char *first, const char *second);
/* The cursor stands behind what is typed; row -1 hides it. */
void draw_cursor(int row, int column);
/* The code, dark on light. */
void draw_qr(int row, int column, const struct qr *qr);
/* Letters and digits 5 columns wide and 4 rows high, with one column between; '-' is a gap of 2. Other characters
 * are left blank. Returns the columns used. */
int draw_large(int row, int column, const char *text);
#define DRAW_LARGE_ROWS 4

/* Waits at most so long for a key. */
int draw_key(int timeout_ms);

/* Columns that a text takes; and the text cut to so many columns, into `out`. */
int draw_width(const char *text);
void draw_cut(char *out, size_t size, const char *text, int columns);

#endif
