/* The state's environment, for rows_disk.c and rows_disk_write.c only. */
#ifndef TIMEBOX_STORE_ROWS_DISK_H
#define TIMEBOX_STORE_ROWS_DISK_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "daemon/store/rows_int.h"

/*
 * The environment has one database, "rows": the bytes of struct row_key without the zeros at its
 * end (but at least one byte) → the row's bytes. Two keys of table 255 hold what the environment
 * says about itself: LAYOUT the list of tables as text, MARK a struct mark without the end of its
 * meta that is not used. Numbers are little-endian.
 */
#define ROWS_LAYOUT "rows 3\n"

struct mark {
	/* The last entry that the rows stand for. */
	uint64_t seq;
	/*
	 * Not 0: generations up to that one are being merged; the rows stand for `seq` only with
	 * the state's log up to there.
	 */
	uint64_t merging;
	/* Rows of each table. */
	uint64_t counts[ROWS_MAX_TABLES];
	uint64_t meta_len;
	uint8_t meta[ROWS_META_MAX];
};
_Static_assert(sizeof(struct mark) == 24 + 8 * ROWS_MAX_TABLES + ROWS_META_MAX, "marks are stored");

/* Bytes of the mark that are used. */
size_t rows_mark_bytes(const struct mark *mark);

struct state_log;
struct rows_merge;

struct rows_disk {
	MDB_env *env;
	MDB_dbi dbi;
	/* Of the loop's thread: reset but while it reads. */
	MDB_txn *reader;
	/*
	 * What the environment says of itself. The thread's, once it is there, and so are the next
	 * four.
	 */
	struct mark mark;
	struct state_log *log;
	/* When the last checkpoint was written; until when a merge that lags goes before the next. */
	uint64_t job_ms;
	uint64_t turn_ms;
	struct rows_merge *merge;
	/* When the thread is to merge; what it tells of that. */
	_Atomic size_t merge_bytes;
	_Atomic uint32_t merged;
	_Atomic size_t kept_bytes;
	/* The writing thread, once there was something to write. */
	pthread_t thread;
	int threaded;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: to be written; written, or never begun; no more will come. */
	struct rows_job *job;
	int idle;
	atomic_int closing;
	/* A write failed with this, which is final. */
	enum result failed;
};

extern const struct row_key rows_layout_key, rows_mark_key;

/* The key's bytes as stored: the first ones of the key itself. */
MDB_val rows_disk_key(const struct row_key *key);
/*
 * rows_disk_write.c: what the environment says of itself once it has the job's generation; ends the
 * thread.
 */
void rows_job_mark(const struct rows_job *job, struct mark *out);
void rows_disk_stop(struct rows_disk *disk);

#endif
