/*
 * The ledger's journal: batches of entries made durable with one flush, ahead of the LMDB
 * environment, which takes two flushes for a commit (data, then the meta page). Private to store/.
 *
 * The file "journal" in the ledger's folder has a fixed size, filled with zeros when it is made (a
 * flush then writes data and nothing about the file), in sectors of 512 bytes. Numbers are big-endian.
 *
 *	sector 0   "tbjrnl/1" ‖ nonce[32] ‖ SHA-256(magic ‖ nonce)
 *	sector 1   the first record of the lap; each begins at the sector after the one before it:
 *
 *	record     "tbbatch1" ‖ u64 first seq ‖ u32 entries ‖ u32 bytes ‖ 8 zero bytes ‖ check[32] ‖
 *	           entries × (u32 length ‖ entry)
 *	check      SHA-256(nonce ‖ the 32 bytes before it ‖ the entries)
 *
 * Once LMDB has all of them, durable, the next lap begins at sector 1 and overwrites. What a record
 * is worth follows from LMDB's last seq L alone: the lap is the records from sector 1 on, as long
 * as they are whole and follow L and each other without gap. Records of an earlier lap are at
 * most L. One record at a time is on its way to the disk and none is acknowledged before its
 * flush, so whatever ends the lap was not acknowledged; a whole record beyond that end with a
 * later seq means that an acknowledged one was damaged. The nonce keeps entries, which clients
 * have a say in, from posing as records.
 *
 * No sector that holds an acknowledged record is written again before the lap ends.
 */
#ifndef TIMEBOX_STORE_JOURNAL_H
#define TIMEBOX_STORE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

/* The file begins with the first size; where laps are short it doubles up to the last. */
#define JOURNAL_FIRST_BYTES ((size_t)64 * 1024)
#define JOURNAL_MOST_BYTES  ((size_t)1024 * 1024)
/* Batches above this go to LMDB at once: two flushes weigh less than writing them twice. */
#define JOURNAL_BATCH_MOST ((size_t)128 * 1024)

struct journal;

/*
 * Opens the journal in the folder; makes it unless read_only. *out is NULL where there is none to
 * read, and where there is no room to make one. RESULT_CORRUPT if sector 0 is damaged.
 */
MUST_CHECK enum result journal_open(const char *dir, int read_only, struct journal **out);
/* NULL is fine. */
void journal_close(struct journal *j);

/*
 * Reads the file as it is now, also beside a process that writes it, and makes durable what was
 * read. To be called before LMDB is asked for its last seq: what is not found here is there then.
 */
MUST_CHECK enum result journal_read(struct journal *j);

/*
 * Calls fn for each entry of what was read that follows `after`, in order; the bytes are valid
 * during the call. Ends with the first answer that is not RESULT_OK, and returns it. RESULT_CORRUPT
 * if an entry is missing; beside a writer that may only mean that the reading was not of one
 * moment. Appending goes on behind the last record. What was read is freed.
 */
typedef enum result (*journal_fn)(void *ctx, uint64_t seq, const uint8_t *entry, size_t len);
MUST_CHECK enum result journal_replay(struct journal *j, uint64_t after, journal_fn fn, void *ctx);

/* 1 if a batch of so many bytes (with the lengths of its entries) can be appended in this lap. */
int journal_fits(const struct journal *j, size_t len);
/*
 * Appends a batch that fits and makes it durable: entries × (u32 big-endian length ‖ entry). Returns 0 or
 * errno; after a failure nothing more may be appended by this process.
 */
MUST_CHECK int journal_append(struct journal *j, uint64_t first, uint32_t entries,
			      const uint8_t *bytes, size_t len);
/* LMDB has all: the next lap begins. */
void journal_restart(struct journal *j);

#endif
