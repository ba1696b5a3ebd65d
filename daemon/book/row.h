/*
 * Rows: how the book sees the station's state.
 *
 * Everything the book knows is in rows of fixed-size structs (book/tables.h), found by a 40-byte
 * key. The book reaches them only through a row_source, which has two users: the engine's rows
 * (store/rows, written behind the commits) and plain memory (the auditor's re-execution, the
 * simulator, unit tests).
 *
 * A row's bytes are stored and compared as they are: structs have no padding holes, `add` gives
 * zeroed memory, and numbers are little-endian as the machine has them (the daemon refuses other
 * machines).
 */
#ifndef TIMEBOX_BOOK_ROW_H
#define TIMEBOX_BOOK_ROW_H

#include <stddef.h>
#include <stdint.h>

/* A key: the table, up to 7 bytes of tags and four words; unused parts are zero. */
struct row_key {
	uint8_t table;
	uint8_t tag[7];
	uint64_t a, b, c, d;
};
_Static_assert(sizeof(struct row_key) == 40, "row keys are stored");

/*
 * get:  the row, or NULL if there is none. Read only.
 * edit: the row to change in place, or NULL if there is none; the source keeps what it was until
 * the act is settled, so that a refused act leaves nothing behind. add:  a new zeroed row; the key
 * must not be there yet. drop: removes a row that is there. Pointers stay valid until the act is
 * settled (rows do not move), or until that row is dropped.
 * expect: a hint that the key will be looked up soon, given twice: first (ROW_NEAR) for where it is found, some look-ups
 * later (ROW_NEXT) for the row itself. What was said is begun with once the key NULL is given, all at once. It changes nothing,
 * and may be NULL.
 */
enum row_expect { ROW_NEAR, ROW_NEXT };
struct row_source {
	void *ctx;
	const void *(*get)(void *ctx, const struct row_key *key);
	void *(*edit)(void *ctx, const struct row_key *key);
	void *(*add)(void *ctx, const struct row_key *key);
	void (*drop)(void *ctx, const struct row_key *key);
	void (*expect)(void *ctx, const struct row_key *key, enum row_expect when);
};

/*
 * For a loop over items 0 .. n-1 that each ask for rows: called before each, has `expect` say what a group of items further on
 * will ask for, all at once, as fetches that are begun together overlap.
 */
typedef void (*row_expect_fn)(void *ctx, size_t item, enum row_expect when);
void row_expect_ahead(const struct row_source *rows, size_t item, size_t n, row_expect_fn expect, void *ctx);

#endif
