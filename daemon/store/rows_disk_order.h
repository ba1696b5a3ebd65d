/*
 * The order in which a merge writes rows: by key, so that neighbours in the environment are written together, and of each row
 * the last record. Private to store/.
 */
#ifndef TIMEBOX_STORE_ROWS_DISK_ORDER_H
#define TIMEBOX_STORE_ROWS_DISK_ORDER_H

#include "daemon/store/rows_int.h"

/* A record, with what decides its order: the first 16 bytes of its key. */
struct ordered {
	uint64_t word[2];
	const struct record *record;
};

/*
 * The records of the logs, in order of the first 16 bytes of their keys (rows of one member, mostly), those with the same in
 * order of time. Of records of the same row that meet in that order only the last is there; who writes all of them in turn
 * leaves each row as it is last. Stops the process if there is no memory. To be freed by free(); *n is their number.
 */
struct ordered *rows_disk_order(const struct rows_log *logs, size_t n_logs, size_t *n);

#endif
