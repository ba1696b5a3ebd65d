/*
 * The ledger's entries, append only: seq (from 1, no gaps) → bytes, in an LMDB environment with integer keys.
 *
 * Appends gather in one write transaction until ledger_commit makes them durable (fdatasync, then the synchronous meta page).
 * A failed append or commit is final: from then on every write answers RESULT_UNAVAILABLE (or RESULT_DISK_FULL, where
 * that was the cause) until the process starts anew. Reads go on.
 */
#ifndef TIMEBOX_STORE_LEDGER_H
#define TIMEBOX_STORE_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

struct ledger;

/* Opens the folder `dir`, made unless read_only. RESULT_CORRUPT if its entries have a gap at the end. */
MUST_CHECK enum result ledger_open(const char *dir, int read_only, struct ledger **out);
/* Drops what was not committed. NULL is fine. */
void ledger_close(struct ledger *ledger);

/* The last committed seq, and the last appended one (the same when no batch is open); 0: empty. */
uint64_t ledger_committed_seq(const struct ledger *ledger);
uint64_t ledger_last_seq(const struct ledger *ledger);

/* Adds the next entry to the open batch; `seq` must be the last plus 1. */
MUST_CHECK enum result ledger_append(struct ledger *ledger, uint64_t seq, const void *entry, size_t len);
/* Makes the batch durable; nothing to do is RESULT_OK. */
MUST_CHECK enum result ledger_commit(struct ledger *ledger);
/* Forgets the open batch. */
void ledger_abandon(struct ledger *ledger);

/*
 * Copies an entry; also one of the open batch. RESULT_NOT_FOUND, or RESULT_OVERFLOW if it is longer than cap.
 */
MUST_CHECK enum result ledger_read(struct ledger *ledger, uint64_t seq, uint8_t *buf, size_t cap,
				   size_t *len);

/* Visits committed entries from..to inclusive in order, in read transactions of at most 1,000 entries each. */
typedef enum result (*ledger_fn)(void *ctx, uint64_t seq, const uint8_t *entry, size_t len);
MUST_CHECK enum result ledger_scan(struct ledger *ledger, uint64_t from, uint64_t to, ledger_fn fn,
				   void *ctx);

#endif
