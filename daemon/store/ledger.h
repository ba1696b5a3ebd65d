/*
 * The ledger's entries, append only: seq (from 1, no gaps) → bytes, in an LMDB environment with
 * integer keys, and the latest of them in a journal beside it (journal.h).
 *
 * Appends gather in memory until ledger_commit makes them durable with one flush of the journal.
 * When a lap of the journal is full, a thread moves its entries into LMDB while the other is written;
 * ledger_commit waits for it only if that one is full, too. A batch too large for the journal goes to
 * LMDB at once, with all before it. Opening moves what the journal has into LMDB, and so does closing
 * if it can. A failed append, commit or move is final: that call, or the next commit, answers
 * RESULT_DISK_FULL or RESULT_UNAVAILABLE (whether its batch lasted is then unknown), every later write
 * RESULT_UNAVAILABLE until the process starts anew; what was committed is in the journal. Reads go
 * on. All calls are for one thread, but ledger_scan_folded.
 */
#ifndef TIMEBOX_STORE_LEDGER_H
#define TIMEBOX_STORE_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/crypto.h"

/* Bytes of one entry, at most (proto/README.md). */
#define LEDGER_ENTRY_MAX 65535

struct ledger;

/*
 * Opens the folder `dir`, made unless read_only; RESULT_NOT_FOUND if read_only and nothing is
 * there. RESULT_CORRUPT if the number of entries is not the last one's seq.
 */
MUST_CHECK enum result ledger_open(const char *dir, int read_only, struct ledger **out);
/* Drops what was not committed. NULL is fine. */
void ledger_close(struct ledger *ledger);

/*
 * Looks for what another process committed since, for a ledger opened read_only: what was committed
 * when it is called is seen when it returns, and is durable.
 */
MUST_CHECK enum result ledger_refresh(struct ledger *ledger);

/* The last committed seq, and the last appended one (the same when no batch is open); 0: empty. */
uint64_t ledger_committed_seq(const struct ledger *ledger);
uint64_t ledger_last_seq(const struct ledger *ledger);

/*
 * Adds the next entry, with its leaf hash (proto/tree.h), to the open batch, and opens one if none is;
 * another `seq` than the last plus 1 stops the process.
 */
MUST_CHECK enum result ledger_append(struct ledger *ledger, uint64_t seq, const void *entry,
				     size_t len, const uint8_t leaf[HASH_LEN]);
/* Makes the batch durable; nothing to do is RESULT_OK. */
MUST_CHECK enum result ledger_commit(struct ledger *ledger);
/* Forgets the open batch, if there is one. */
void ledger_abandon(struct ledger *ledger);

/*
 * Copies an entry, also one of the open batch. RESULT_NOT_FOUND beyond the last; RESULT_CORRUPT for
 * a hole; RESULT_OVERFLOW if it is longer than cap (*len then says how long).
 */
MUST_CHECK enum result ledger_read(struct ledger *ledger, uint64_t seq, uint8_t *buf, size_t cap,
				   size_t *len);

/*
 * Visits committed entries from..to inclusive in order, in read transactions of at most 1,000
 * entries each; `from` above `to` visits none. The bytes are valid during the call. Ends with the
 * first answer of `fn` that is not RESULT_OK, and returns it. RESULT_NOT_FOUND for a range that is
 * not all committed, RESULT_CORRUPT for a hole.
 */
typedef enum result (*ledger_fn)(void *ctx, uint64_t seq, const uint8_t *entry, size_t len);
MUST_CHECK enum result ledger_scan(struct ledger *ledger, uint64_t from, uint64_t to, ledger_fn fn,
				   void *ctx);

/*
 * The same for entries that LMDB has, `from` above 0 and `to` at most what ledger_folded_seq once said (not checked): any thread may do it,
 * while the ledger is open.
 */
uint64_t ledger_folded_seq(const struct ledger *ledger);
MUST_CHECK enum result ledger_scan_folded(const struct ledger *ledger, uint64_t from, uint64_t to, ledger_fn fn, void *ctx);

/* 1 unless the disk is so full that a large batch might not find room. */
int ledger_has_room(const struct ledger *ledger);

/* Bytes of LMDB's file: what is in the journal only does not count. */
uint64_t ledger_bytes_used(const struct ledger *ledger);

#endif
