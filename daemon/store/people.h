/*
 * The people environment: personal texts, PIN hashes and the words that lead to ids. Never in the
 * ledger, and erasable.
 *
 * Plain tables of byte keys and values. Writes gather in one batch until people_commit makes them
 * durable; reads see the open batch. A failed write is final for the process, as in ledger.h. Not
 * for two threads.
 *
 * LMDB gives the pages of deleted rows back for use, but leaves their bytes in the file until they
 * are used again, and bytes of a deleted row between the rows of a page that lives on. Erasing for
 * good is people_renew: all rows into a file of its own, that one in this one's place, this one
 * overwritten.
 */
#ifndef TIMEBOX_STORE_PEOPLE_H
#define TIMEBOX_STORE_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

#define PEOPLE_KEY_MAX 400
#define PEOPLE_VALUE_MAX 8192

/* The numbers are stored (in PENDING rows): new tables are appended. */
enum people_table {
	/* request id ‖ command ‖ row → key ‖ text */
	PEOPLE_PRIVATE,
	/* member id → number ‖ key in PRIVATE */
	PEOPLE_MEMBER,
	/* number → member id */
	PEOPLE_NUMBER,
	/* SHA-256 of a card's token → member id ‖ seq */
	PEOPLE_CARD,
	/* member id → PIN hash and failures */
	PEOPLE_PIN,
	/* kind ‖ id → key in PRIVATE; term kind ‖ name → term */
	PEOPLE_NAME,
	/* reference → beneficiary id */
	PEOPLE_BENEFICIARY,
	/* request id ‖ n → how to undo what was written before its entry was durable */
	PEOPLE_PENDING,
	/* word → what the station keeps beside its people, of no person */
	PEOPLE_META,
	PEOPLE_TABLES
};

struct people;

/* Opens the folder `dir`, made if it is not there. */
MUST_CHECK enum result people_open(const char *dir, struct people **out);
/*
 * The same for reading only, beside the process that writes (RESULT_NOT_FOUND if it never did). Reads see what was
 * committed when people_freeze was last called, which must be before the first; nothing may be written. Not to be kept
 * long: what is deleted meanwhile cannot be used again.
 */
MUST_CHECK enum result people_open_reader(const char *dir, struct people **out);
MUST_CHECK enum result people_freeze(struct people *people);
/* Drops what was not committed. NULL is fine. */
void people_close(struct people *people);

/*
 * Copies a value. RESULT_NOT_FOUND, also for an empty or too long key; RESULT_OVERFLOW if it is
 * longer than cap (*len then says how long).
 */
MUST_CHECK enum result people_get(struct people *people, enum people_table table, const void *key,
				  size_t key_len, void *buf, size_t cap, size_t *len);
/*
 * Adds or replaces; opens the batch if none is. An empty or too long key, or too long a value,
 * stops the process: their limits are the caller's.
 */
MUST_CHECK enum result people_put(struct people *people, enum people_table table, const void *key,
				  size_t key_len, const void *value, size_t len);
/* RESULT_OK also where nothing was there. */
MUST_CHECK enum result people_delete(struct people *people, enum people_table table,
				     const void *key, size_t key_len);
/* Makes the open batch durable; nothing to do is RESULT_OK. */
MUST_CHECK enum result people_commit(struct people *people);
/* Forgets the open batch, if there is one. */
void people_abandon(struct people *people);
/* 1 if there are writes that people_commit would make durable. */
int people_batch_open(const struct people *people);

/*
 * A savepoint in the batch, one at a time: what is written after people_mark is kept by
 * people_keep, or forgotten by people_undo; the writes before it stay in the batch. people_commit
 * stops the process while a mark is open.
 */
MUST_CHECK enum result people_mark(struct people *people);
MUST_CHECK enum result people_keep(struct people *people);
void people_undo(struct people *people);

/*
 * Visits, in order of key, all rows whose key begins with the prefix; the bytes are valid during
 * the call. Ends with the first answer of `fn` that is not RESULT_OK, and returns it. The function
 * may read, but not write.
 */
typedef enum result (*people_fn)(void *ctx, const uint8_t *key, size_t key_len,
				 const uint8_t *value, size_t len);
MUST_CHECK enum result people_each(struct people *people, enum people_table table,
				   const void *prefix, size_t prefix_len, people_fn fn, void *ctx);

/*
 * Whoever erases rows puts this row of META into the same batch: until people_renew has succeeded, in this process or a later
 * one, what was deleted may still be read from the file.
 */
#define PEOPLE_UNCLEAN	   "unclean"
#define PEOPLE_UNCLEAN_LEN 7

/*
 * Makes the bytes of deleted rows go: writes all rows but PEOPLE_UNCLEAN into a new file, puts that in this one's place, and
 * overwrites and removes this one. No batch may be open. RESULT_BUSY while a backup reads (people_open_reader): nothing
 * was done, to be tried again. Any other failure leaves the rows and, until the next people_open, this process without
 * them: then nothing more is taken. Interrupted anywhere, people_open goes on with the old file or the new one, whole.
 *
 * What it cannot do: reach copies that a file system keeps of what is overwritten (snapshots, copy-on-write, flash),
 * pages swapped out, or backups.
 */
MUST_CHECK enum result people_renew(struct people *people);

/*
 * Copies what is committed, without the pages that hold what was deleted, into the existing empty
 * folder `dir`, durably. No batch may be open. RESULT_EXISTS if there is one already.
 */
MUST_CHECK enum result people_compact(struct people *people, const char *dir);

#endif
