/*
 * The rows' private shape.
 *
 *   rows.c             rows in memory, the journal, what the book sees
 *   rows_index.c       where a row lies
 *   rows_log.c         what changed since the last checkpoint began
 *   rows_checkpoint.c  generations: frozen, written, durable; what may leave the memory then
 *   rows_disk.c        the environment: opening, reading
 *   rows_disk_write.c  the thread that writes
 *   state_log.c        what changed, durable at the end of a file, until it is merged
 *   rows_disk_merge.c  merging it into the environment
 *   rows_disk_order.c  in which order
 *
 * Tests put another rows_disk*.c under the rest (tests/sim/store_rows.c).
 */
#ifndef TIMEBOX_STORE_ROWS_INT_H
#define TIMEBOX_STORE_ROWS_INT_H

#include "daemon/store/rows.h"
#include "daemon/store/rows_index.h"

/* No row's table: keys of the environment's own words. */
#define ROWS_OWN_TABLE 255

/* ---- in memory ---- */

/*
 * What a row's place is. A row beside its owner (struct rows_table) is found by way of that, and not in the index; when the
 * owner leaves the memory before it, it is left behind: in the index, but not in a slab of its own table.
 */
enum row_place { ROW_UNUSED, ROW_INDEXED, ROW_BESIDE, ROW_LEFT_BEHIND };

/* A row; its value follows. */
struct row {
	struct row_key key;
	/*
	 * The last generation that changed it, and where that one's log has it; 0: none since it
	 * was loaded.
	 */
	uint32_t gen;
	uint32_t at;
	/* The walk that passed it before it was in memory. */
	uint32_t walk;
	/* enum row_place. */
	uint8_t place;
	/*
	 * There, as far as the book sees. One that is not is kept until the environment knows, or
	 * while it is journalled.
	 */
	uint8_t live;
	/* In the journal since the last settle. */
	uint8_t journalled;
	/* Asked for since the hand came by. */
	uint8_t wanted;
	/* While unused: the next unused row. */
	uint64_t value[];
};
_Static_assert(sizeof(struct row) == 56, "what a row costs beside its value");

/* What a row was before its first change since the last settle: absent, or these bytes. */
struct undo {
	struct row *row;
	uint8_t was_live;
	/* Where in rows.old; an offset, because that block may move. */
	size_t old;
};

struct slab {
	uint8_t *rows;
	size_t bytes;
	size_t n_rows;
};

/* Rows of a table lie in slabs that never move. */
struct table {
	char name[32];
	uint32_t size;
	unsigned flags;
	/* From one row of a slab to the next: the row, and the room beside it. */
	size_t stride;
	/* Bytes of the row alone; where the room begins, 0: there is none. */
	size_t row_bytes;
	size_t room;
	/* As in struct rows_table. */
	uint8_t beside, beside_tag;
	/* Live rows, in memory or not; and those that only the environment has. */
	uint64_t count;
	uint64_t cold;
	/* ROWS_NEWEST: no row that only the environment has lies after this one. */
	struct row_key cold_last;
	struct row *unused;
	struct slab *slabs;
	size_t n_slabs;
	/* Rows taken from the last slab; the others are full. */
	size_t last_used;
};

/* ---- generations ---- */

/* One changed row as it is at the end of its generation; its value follows. */
struct record {
	struct row_key key;
	uint32_t size;
	/* 0: dropped; the value says nothing. */
	uint32_t live;
	uint64_t value[];
};

/* Bytes of a record with a value of so many. */
static inline size_t
rows_record_bytes(size_t size)
{
	return sizeof(struct record) + (size + 7) / 8 * 8;
}

/* Bytes of a block of a log. */
#define ROWS_LOG_BLOCK ((size_t)1 << 20)

/* A log: records one after the other in blocks that never move. */
struct rows_log {
	uint8_t **blocks;
	size_t n_blocks, cap_blocks;
	/* Bytes used of each block; the block that is written to now. */
	size_t *used;
	size_t last;
	uint64_t n_records;
	/* Its last block was given the size that is used. */
	int fitted;
};

/*
 * What one checkpoint writes. The thread's own from rows_disk_begin until rows_disk_poll says that
 * it is done.
 */
struct rows_job {
	struct rows_log log;
	/* Of the generation; of the checkpoint before it; of this one. */
	uint32_t gen;
	uint64_t base;
	uint64_t seq;
	uint64_t counts[ROWS_MAX_TABLES];
	uint8_t meta[ROWS_META_MAX];
	size_t meta_len;
	rows_durable_fn durable;
	void *ctx;
	/* RESULT_OK: durable. */
	enum result result;
};

/* A row that was dropped, to leave the memory when its generation is durable. */
struct dropped {
	struct row *row;
	uint32_t gen;
};

struct rows_disk;

/* Keys that will be looked up: their hashes, and how many bytes of the row are wanted. */
#define ROWS_AHEAD 64
struct ahead {
	size_t n;
	uint64_t hash[ROWS_AHEAD];
	uint32_t bytes[ROWS_AHEAD];
};

struct rows {
	/* Look-ups load what is not in memory, whatever const says. */
	struct rows *self;
	/* NULL: rows in memory only, which are never dirty. */
	struct rows_disk *disk;
	size_t n_tables;
	struct table tables[ROWS_MAX_TABLES];
	struct rows_index index;
	/* By enum row_expect. */
	struct ahead ahead[2];
	struct undo *undo;
	size_t n_undo;
	size_t cap_undo;
	/* Old values of the journal, one after the other. */
	uint8_t *old;
	size_t old_used;
	size_t old_cap;
	/* Changes go to `log`, of generation `gen`; all up to `merged` are in the environment. */
	uint32_t gen;
	uint32_t merged;
	struct rows_log log;
	struct rows_job job;
	int writing;
	/* A checkpoint failed: no other is written, and nothing leaves the memory. */
	int failed;
	/* Queue of dropped rows, in order of generation. */
	struct dropped *dropped;
	size_t first_dropped, n_dropped, cap_dropped;
	uint64_t checkpoint_seq;
	uint8_t meta[ROWS_META_MAX];
	size_t meta_len;
	/*
	 * Bytes that rows may take, 0: any; those that they take; the rows that came into memory
	 * since the last trim.
	 */
	size_t limit;
	size_t bytes;
	size_t came;
	/* Of the generation being written. */
	size_t frozen_bytes;
	uint64_t frozen_records;
	/* What may be evicted next. */
	size_t hand_table, hand_slab, hand_row;
	/* A walk over a table that is not all in memory: its number, table, and how far it came. */
	uint32_t walk;
	int walking;
	struct row_key walked;
};

/* `p`; stops the process if it is NULL. */
void *rows_must(void *p);
/* New zeroed pages, huge ones where they pay; stops the process if there are none. */
void *rows_map(size_t bytes);
/* A new row that is live and clean; its value is not set yet. The key must not be there. */
struct row *rows_insert_loaded(struct rows *rows, const struct row_key *key);
/*
 * Sets rows to what so many bytes of records say, in their order, as changes of the current generation, while the rows are
 * opened. They go into its log as they are: a row may be there more than once, and the last of them counts. Such a log goes
 * to a merge, and is not written again.
 */
void rows_restore(struct rows *rows, const struct record *first, size_t bytes);
/* Takes a row that is not journalled out of memory. */
void rows_discard(struct rows *rows, struct row *row);
/* Row number `i` of a slab. */
struct row *rows_row_at(const struct table *table, const struct slab *slab, size_t i);
size_t rows_slab_used(const struct table *table, size_t slab);
/* What lies in the room beside a row, or may; NULL if the row's table has none. */
struct row *rows_beside(const struct table *table, const struct row *row);

/* rows_log.c */
/* Notes what the row is now. */
void rows_log_note(struct rows *rows, struct row *row);
size_t rows_log_bytes(const struct rows_log *log);
/* Frees what is not used; nothing may be noted any more. The bytes that are left. */
size_t rows_log_fit(struct rows_log *log);
/* The log is empty then. */
void rows_log_free(struct rows_log *log);
/* Blocks that no log uses now. */
size_t rows_log_spare_bytes(void);
void rows_log_spare_free(void);
/* So many bytes of them are kept, at most. */
void rows_log_spare_limit(size_t bytes);
/* Adds so many bytes of records, `n` of them, at most a block. Returns the first. */
const struct record *rows_log_take(struct rows_log *log, const struct record *first, size_t bytes, size_t n);
/* The record that follows. */
static inline const struct record *
rows_record_after(const struct record *record)
{
	return (const void *)((const uint8_t *)record + rows_record_bytes(record->size));
}
/* The record at a place (0, 0 first), which moves on; NULL at the end. */
const struct record *rows_log_next(const struct rows_log *log, size_t *block, size_t *offset);

/*
 * rows_checkpoint.c: a dropped row leaves the memory when its generation is merged: at most `limit`
 * of them now.
 */
void rows_bury_later(struct rows *rows, struct row *row);
void rows_bury(struct rows *rows, size_t limit);
/* The thread's last words on a job: empties what is left of its log, and tells the owner. */
void rows_job_done(struct rows_job *job, enum result result);

/*
 * rows_disk.c: opens the environment and what was not merged into it yet; sets checkpoint_seq,
 * meta, each table's count and cold. What cannot be read later stops the process.
 */
MUST_CHECK enum result rows_disk_open(struct rows *rows, const char *dir);
/* Waits for the thread, which merges what there is. */
void rows_disk_close(struct rows *rows);
/* Copies the row's value; 0 if there is none. */
int rows_disk_get(const struct rows *rows, const struct row_key *key, void *value);
/*
 * Visits the rows of a table that the environment has, of each row in memory perhaps an older or
 * newer state; the values are aligned.
 */
typedef void (*rows_disk_fn)(void *ctx, const struct row_key *key, const void *value);
void rows_disk_each(const struct rows *rows, uint8_t table, rows_disk_fn fn, void *ctx);
/*
 * Visits the last `n` rows in order of key bytes, and gives the key of the one before them: 0 if
 * there is none.
 */
int rows_disk_newest(const struct rows *rows, uint8_t table, size_t n, rows_disk_fn fn, void *ctx,
    struct row_key *before);
/* rows_disk_write.c: has the job written by the thread. */
void rows_disk_begin(struct rows *rows);
/* Changes that wait to be merged take a part of so many bytes; 0: of any. */
void rows_disk_limit(struct rows *rows, size_t bytes);
/* 1 when the job is done (waits for it if `wait`). */
int rows_disk_poll(struct rows *rows, int wait);
/*
 * All generations up to that one are in the environment; bytes of those that are durable and not
 * merged yet.
 */
uint32_t rows_disk_merged(const struct rows *rows);
size_t rows_disk_kept_bytes(const struct rows *rows);

#endif
