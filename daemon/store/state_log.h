/*
 * The state's log: what each checkpoint changed, written at the end of a file and durable with it,
 * ahead of the LMDB environment that it is merged into later. A random-access table costs a page for
 * each row; this costs the row. Private to store/.
 *
 * Files "log-1", "log-2", ... in the state's folder, read in this order. Each is a row of frames;
 * numbers are little-endian:
 *
 *	frame   "tbstate1" ‖ u32 kind ‖ u32 bytes ‖ u64 base ‖ u64 seq ‖ check[32] ‖ body
 *	kind 1  body: struct record (rows_int.h), one after the other, each of 8 × n bytes
 *	kind 2  body: struct mark (rows_disk.h) without the end of its meta that is not used, filled
 *	        with zeros up to 8 × n bytes: the generation ends here
 *	check   SHA-256(layout ‖ the 32 bytes before it ‖ body); layout: SHA-256 of the environment's
 *	        list of tables
 *
 * A generation is the frames up to one of kind 2, all of the same base and seq: it takes the state
 * from entry `base` to entry `seq`, and is there if all of them are whole. What the log is worth
 * follows from the environment's seq M alone: generations up to M are old; the first after them has
 * the base M, and each later one the seq before it as its base. Whatever is torn ends a file, and
 * what does not follow is not there.
 */
#ifndef TIMEBOX_STORE_STATE_LOG_H
#define TIMEBOX_STORE_STATE_LOG_H

#include "daemon/store/rows_disk.h"
#include "proto/crypto.h"

/*
 * Written in pieces of so many bytes, each durable before the next: the ledger's flushes wait
 * behind a piece, not behind all.
 */
#define STATE_LOG_PIECE ((size_t)256 * 1024)

struct state_log;

/* Opens what is in the folder, which need be nothing. */
MUST_CHECK enum result state_log_open(
    const char *dir, const uint8_t layout[HASH_LEN], struct state_log **out);
/* NULL is fine. */
void state_log_close(struct state_log *log);

/*
 * Finds all that follows mark->seq and sets *mark to the last generation's; as it was, if there is
 * none.
 */
MUST_CHECK enum result state_log_find(struct state_log *log, struct mark *mark);
/*
 * Calls `fn` with the records that state_log_find found of generations up to `seq`, in order, many at
 * a time, one behind the other in at most ROWS_LOG_BLOCK bytes; valid during the call. Removes the
 * files that hold none of them.
 */
typedef void (*state_log_fn)(void *ctx, const struct record *first, size_t bytes);
MUST_CHECK enum result state_log_replay(
    struct state_log *log, uint64_t seq, state_log_fn fn, void *ctx);

/*
 * Appends a generation and makes it durable. `hurry`: without a pause between its pieces. 0 or
 * errno; after a failure nothing more may be appended.
 */
MUST_CHECK int state_log_append(struct state_log *log, uint64_t base, const struct rows_log *rows,
    const struct mark *mark, int hurry);
/* What comes next goes to a new file; that number. */
uint64_t state_log_turn(struct state_log *log);
/*
 * Removes the files before that number, slowly unless in a hurry. A file that cannot be removed is
 * old, and removed later.
 */
void state_log_drop(struct state_log *log, uint64_t before, int hurry);

#endif
