/*
 * The ledger's journal: batches of entries made durable with one flush, ahead of the LMDB
 * environment, which takes two flushes for a commit (data, then the meta page). Private to store/.
 *
 * Two files of one form in the ledger's folder, "journal" and "journal2", hold a lap each. They are
 * filled with zeros before they are used (a flush then writes data and nothing about the file), in
 * sectors of 512 bytes. Records are written past the page cache where the file system allows it
 * (O_DIRECT): nobody reads them but a start and a backup, and a flush finds nothing left to write.
 * Numbers are big-endian.
 *
 *	sector 0   "tbjrnl/3" ‖ nonce[32] ‖ SHA-256(magic ‖ nonce)
 *	sector 1   the first record of the lap; each begins at the sector after the one before it:
 *
 *	record     "tbbatch1" ‖ u64 first seq ‖ u32 entries ‖ u32 bytes ‖ 8 zero bytes ‖ check[32] ‖
 *	           entries × (u32 length ‖ entry)
 *	check      SHA-256(nonce ‖ the 32 bytes before it ‖ the entries' leaf hashes)
 *
 * The leaf hashes (proto/tree.h) are there already when a batch is committed: so each entry is hashed
 * once. "tbjrnl/2" has the entries themselves in the check, "tbjrnl/1" is that form by a daemon that
 * knew of no second file. Both are read, and made anew once LMDB has all of it.
 *
 * While one lap is written, the other is moved into LMDB, and then waits to be written over from
 * sector 1. What a record is worth follows from LMDB's last seq L alone:
 *
 *	1. A lap is written again only after LMDB has all that it held, durable: what is in the way
 *	   of the lap that is written is at most L.
 *	2. What is beyond L is the lap that follows L, from its sector 1 on, as long as its records
 *	   are whole and follow without gap; then the lap that follows that one, the same way. LMDB
 *	   takes a lap in one transaction, so L is never within a record.
 *	3. One record at a time is on its way to the disk, and none is acknowledged before its flush:
 *	   whatever ends the walk was not acknowledged. A whole record with a later seq than the walk
 *	   reached means that an acknowledged one was damaged.
 *
 * The nonce keeps entries, which clients have a say in, from posing as records.
 */
#ifndef TIMEBOX_STORE_JOURNAL_H
#define TIMEBOX_STORE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/crypto.h"

/* A lap begins with the first size; where laps are short or batches large it grows to the last. */
#define JOURNAL_FIRST_BYTES ((size_t)64 * 1024)
#define JOURNAL_MOST_BYTES  ((size_t)2 * 1024 * 1024)
/* Batches above this go to LMDB at once: two flushes weigh less than writing them twice. */
#define JOURNAL_BATCH_MOST ((size_t)1024 * 1024)

struct journal;

/*
 * Opens what there is in the folder, to be read. RESULT_CORRUPT if a sector 0 is damaged. The
 * journal has a place, of which journal_read says more.
 */
MUST_CHECK enum result journal_open(const char *dir, int read_only, struct journal **out);
/* NULL is fine. */
void journal_close(struct journal *j);

/* The greatest first seq of a whole record, wherever it is; 0 if there is none. */
MUST_CHECK enum result journal_greatest(struct journal *j, uint64_t *seq);

/*
 * Calls fn for each entry that follows `after`, in order, from the place where the last reading
 * ended or from the beginning of a lap; then makes durable what was read. The bytes are valid during
 * the call. Ends with the first answer that is not RESULT_OK, and returns it.
 *
 * Beside a process that writes: all that was committed before is read, unless LMDB's last seq, asked
 * for afterwards, is beyond what was read; then the reading is to be repeated from there.
 */
typedef enum result (*journal_fn)(void *ctx, uint64_t seq, const uint8_t *entry, size_t len);
MUST_CHECK enum result journal_read(struct journal *j, uint64_t after, journal_fn fn, void *ctx);

/*
 * LMDB has all that the journal has: makes what is missing of it, and begins a lap.
 * RESULT_DISK_FULL where there is no room.
 */
MUST_CHECK enum result journal_start(struct journal *j, const char *dir);

/* 1 if a batch of so many bytes (with the lengths of its entries) can be appended in this lap. */
int journal_fits(const struct journal *j, size_t len);
/*
 * Appends a batch that fits and makes it durable: entries × (u32 big-endian length ‖ entry), and the leaf hash
 * of each. Returns 0 or errno; after a failure nothing more may be appended by this process.
 */
MUST_CHECK int journal_append(struct journal *j, uint64_t first, uint32_t entries,
			      const uint8_t *bytes, size_t len, const uint8_t (*leaves)[HASH_LEN]);

/* LMDB has all of the lap that is written: it begins anew. */
void journal_restart(struct journal *j);
/*
 * LMDB has all of the other lap: that one is written from now on. Returns to how many bytes the lap
 * that is left should grow, 0 for none; `len` is the batch that did not fit, at most
 * JOURNAL_BATCH_MOST.
 */
size_t journal_turn(struct journal *j, size_t len);
/* Grows the lap that was left, once LMDB has it. Another thread may do this, between two turns. */
void journal_grow(struct journal *j, size_t bytes);

#endif
