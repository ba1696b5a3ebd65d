/*
 * Merging: generations that are durable in the state's log go into the LMDB environment some time
 * later, many at once, each row as it is last. In order of key and in small transactions, so that a
 * flush of the ledger never waits for long: a random-access table is written a page for each row,
 * and a disk that is given thousands of pages at once lets everybody wait. Of the writing thread.
 * Private to store/.
 */
#ifndef TIMEBOX_STORE_ROWS_DISK_MERGE_H
#define TIMEBOX_STORE_ROWS_DISK_MERGE_H

#include "daemon/store/rows_disk.h"

/*
 * Merging begins at so many bytes of changes: a part of the memory that rows may take, between
 * these. At twice that, checkpoints wait.
 */
#define MERGE_PART  8
#define MERGE_LEAST ((size_t)1 << 20)
#define MERGE_BYTES ((size_t)128 << 20)

/* How soon. */
enum merge_haste {
	/* What must be. */
	MERGE_CALM,
	/* Nobody changes anything: what there is. */
	MERGE_IDLE,
	/* The process ends: all, at once. */
	MERGE_ALL
};

/* NULL: no memory. */
struct rows_merge *rows_merge_new(void);
void rows_merge_free(struct rows_merge *merge);

/* Takes over a generation that is durable in the log, with the mark at its end: `log` is empty then. */
void rows_merge_add(struct rows_disk *disk, struct rows_log *log, uint32_t gen, const struct mark *mark);
/* The same with all that a start found there, as one: it may be more than there is room for. */
void rows_merge_take_up(struct rows_disk *disk, struct rows_log *log, uint32_t gen, const struct mark *mark);
/* 1 if there is something to be done now. */
int rows_merge_due(const struct rows_disk *disk, enum merge_haste haste);
/* 1 if one is under way and does not keep up with what comes. */
int rows_merge_lags(const struct rows_disk *disk);
/* 1 if no more may be added. */
int rows_merge_full(const struct rows_disk *disk);
/*
 * Does a part of it, in one transaction, and waits a little unless there is haste. 0 or LMDB's
 * number.
 */
MUST_CHECK int rows_merge_step(struct rows_disk *disk, enum merge_haste haste);

#endif
