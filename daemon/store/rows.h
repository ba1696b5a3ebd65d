/*
 * Rows: the state, in memory and written behind the commits into an LMDB environment.
 *
 * The book reads and changes rows through rows_source (book/row.h). Changes since the last settle
 * are journalled, so that a refused act leaves nothing behind (rows_undo); accepted ones are kept
 * (rows_keep) and are dirty until a checkpoint has written them: a thread does, with the sequence
 * number they stand for, in one synchronous transaction, while later changes go on. Lose the
 * environment and the rows are rebuilt by replaying the ledger.
 *
 * A table is all in memory, or may be evicted: then what is asked for is read from the environment
 * and stays as long as rows_limit allows. Rows do not move in memory: a pointer is valid until that
 * row is dropped, or undone, or rows_trim is called. Cost: a look-up is a line of slots and the row
 * (rows_index.h), one that must read the environment about a microsecond where its page is in memory;
 * a row takes its value, its key and about 32 bytes; opening is linear in the tables that are not
 * evicted. Out of memory for a row stops the process: nothing acknowledged is in memory only. So does
 * an environment that cannot be read. All functions belong to one thread.
 */
#ifndef TIMEBOX_STORE_ROWS_H
#define TIMEBOX_STORE_ROWS_H

#include "daemon/book/row.h"
#include "proto/codes.h"

#define ROWS_MAX_TABLES 64
/* Bytes of the blob that a checkpoint carries for its owner. */
#define ROWS_META_MAX 4096

struct rows;

/* Bytes of a row, at most. */
#define ROWS_VALUE_MAX 2048

enum {
	/* Need not be all in memory. */
	ROWS_EVICTABLE = 1,
	/* A key that is added is new, as its owner knows: the environment is not asked. */
	ROWS_FRESH = 2,
	/*
	 * Keys begin with bytes of the time they were made: those after all that only the environment has are
	 * known to be new without asking it.
	 */
	ROWS_NEWEST = 4,
};

/*
 * A table is its index in the list given to rows_open. Names of at most 31 bytes.
 *
 * beside: another table (0: none), of whose keys only the word `a` is not zero. Rows of this table whose tag[0] is
 * `beside_tag` lie beside its row of the same `a`, where there is room for one: what finds the one has the other at hand,
 * without a look-up of its own. Only one table may lie beside another; it changes nothing but the cost.
 */
struct rows_table {
	const char *name;
	uint32_t value_size;
	unsigned flags;
	uint8_t beside;
	uint8_t beside_tag;
};

/*
 * Opens the state in folder `dir` and loads what must be in memory. What was written under another list of
 * tables, names or sizes is dropped: the rows are then empty and rows_checkpoint_seq is 0. `dir`
 * NULL: rows in memory only (tests, re-execution), whose checkpoints write nothing. RESULT_CORRUPT,
 * RESULT_IO, RESULT_DISK_FULL: the folder may be removed, and is rebuilt.
 */
MUST_CHECK enum result rows_open(const char *dir, const struct rows_table *tables, size_t n_tables,
				 struct rows **out);
/* Waits for a checkpoint that is being written; begins none. NULL is fine. */
void rows_close(struct rows *rows);

/* The book's way in; valid as long as the rows. */
void rows_source(struct rows *rows, struct row_source *out);

/* The row, or NULL. Read only. */
const void *rows_get(const struct rows *rows, const struct row_key *key);
/* The row to change in place, or NULL. */
void *rows_edit(struct rows *rows, const struct row_key *key);
/* A new row of zeros. Stops the process if the row is there already. */
void *rows_add(struct rows *rows, const struct row_key *key);
/* Stops the process if the row is not there. */
void rows_drop(struct rows *rows, const struct row_key *key);

/*
 * Settles all changes since the last settle, however many acts they span: keeps them (they become
 * dirty), or puts everything back.
 */
void rows_keep(struct rows *rows);
void rows_undo(struct rows *rows);

/*
 * Visits what changed since the last settle, each row once, in the order of their first change: by
 * what it is now against what it was then. A row that was added and dropped again is not visited;
 * one asked of rows_edit is ROWS_EDITED.
 */
enum rows_change { ROWS_ADDED, ROWS_EDITED, ROWS_DROPPED };
typedef void (*rows_change_fn)(void *ctx, const struct row_key *key, enum rows_change change);
void rows_changes(struct rows *rows, rows_change_fn fn, void *ctx);

/*
 * Visits all rows of a table, in no order; linear in that table, and slow (a read of the environment)
 * for rows that are not in memory. The function may look up and change rows, not add any, nor visit
 * another table. The value is valid during the call.
 */
typedef void (*rows_fn)(void *ctx, const struct row_key *key, const void *value);
void rows_each(const struct rows *rows, uint8_t table, rows_fn fn, void *ctx);
uint64_t rows_count(const struct rows *rows, uint8_t table);

/*
 * Has everything dirty, `seq` and the owner's blob written by a thread: returns at once. Nothing may
 * be unsettled. RESULT_BUSY while another is being written. `durable` (NULL: none) is called on that
 * thread after it was written, before rows_checkpoint_poll says so; it must not touch the rows.
 */
typedef void (*rows_durable_fn)(void *ctx);
MUST_CHECK enum result rows_checkpoint_begin(struct rows *rows, uint64_t seq, const void *meta,
					     size_t meta_len, rows_durable_fn durable, void *ctx);
/*
 * RESULT_BUSY: one is being written. RESULT_OK: none is; the last one, if any, is what
 * rows_checkpoint_seq says. A failure is told once and is final: RESULT_DISK_FULL or
 * RESULT_UNAVAILABLE then, RESULT_UNAVAILABLE from each later begin; the ledger holds everything that
 * the state does. To be called often; nothing may be unsettled.
 */
MUST_CHECK enum result rows_checkpoint_poll(struct rows *rows);
/* The same, and waits for it. */
MUST_CHECK enum result rows_checkpoint_wait(struct rows *rows);
/* Waits for the one being written, and writes what is dirty then. Failures as above. */
MUST_CHECK enum result rows_checkpoint(struct rows *rows, uint64_t seq, const void *meta,
				       size_t meta_len);
/* Of the last checkpoint that is durable. */
uint64_t rows_checkpoint_seq(const struct rows *rows);
/*
 * The length of the last checkpoint's blob (0 without one), of which at most `cap` bytes are
 * copied.
 */
size_t rows_checkpoint_meta(const struct rows *rows, void *buf, size_t cap);
/* Rows changed or dropped since the last durable checkpoint; those that changed again since the next one began count twice. */
uint64_t rows_dirty(const struct rows *rows);

/*
 * Memory that rows, index and changes not yet written may take, in bytes; 0 (at first): any. Held to
 * by rows_trim, which is to be called often and takes a bounded time: rows of evictable tables that
 * were not asked for lately and are durable leave the memory. What must stay may be more.
 */
void rows_limit(struct rows *rows, size_t bytes);
size_t rows_bytes(const struct rows *rows);
void rows_trim(struct rows *rows);

/*
 * A number for the whole content, the same for the same rows in any order and process: to compare
 * states after a replay. Not against an adversary.
 */
uint64_t rows_fingerprint(const struct rows *rows);

#endif
