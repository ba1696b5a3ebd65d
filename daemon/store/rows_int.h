/* The rows' private shape: rows.c holds them in memory, rows_disk.c loads and writes them. */
#ifndef TIMEBOX_STORE_ROWS_INT_H
#define TIMEBOX_STORE_ROWS_INT_H

#include <lmdb.h>

#include "daemon/store/rows.h"
#include "daemon/store/rows_index.h"

/* No row's table: keys of the environment's own words. */
#define ROWS_OWN_TABLE 255

/* A row; its value follows. Rows are in the index or unused. */
struct row {
	struct row_key key;
	/* Of the dirty list while dirty, of the table's unused rows while unused. */
	struct row *next;
	/*
	 * There, as far as the book sees. One that is not is kept as long as it is dirty or
	 * journalled.
	 */
	uint8_t live;
	/* Differs from what the last checkpoint wrote. */
	uint8_t dirty;
	/* In the journal since the last settle. */
	uint8_t journalled;
	uint8_t pad[5];
	uint64_t value[];
};

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
	size_t stride;
	uint64_t count;
	struct row *unused;
	struct slab *slabs;
	size_t n_slabs;
	/* Rows taken from the last slab; the others are full. */
	size_t last_used;
};

struct rows {
	/* NULL: rows in memory only, which are never dirty. */
	MDB_env *env;
	MDB_dbi dbi;
	size_t n_tables;
	struct table tables[ROWS_MAX_TABLES];
	struct rows_index index;
	struct row *dirty;
	uint64_t n_dirty;
	struct undo *undo;
	size_t n_undo;
	size_t cap_undo;
	/* Old values of the journal, one after the other. */
	uint8_t *old;
	size_t old_used;
	size_t old_cap;
	uint64_t checkpoint_seq;
	uint8_t meta[ROWS_META_MAX];
	size_t meta_len;
	/* A checkpoint failed: no other is written. */
	int failed;
};

/* `p`; stops the process if it is NULL. */
void *rows_must(void *p);
/* New zeroed pages, huge ones where they pay; stops the process if there are none. */
void *rows_map(size_t bytes);
/* A new row that is live and clean; its value is not set yet. The key must not be there. */
struct row *rows_insert_loaded(struct rows *rows, const struct row_key *key);
/* Takes a row that is neither live nor journalled nor dirty out of memory. */
void rows_discard(struct rows *rows, struct row *row);

/* rows_disk.c: opens the environment and reads it into the empty rows. */
MUST_CHECK enum result rows_load(struct rows *rows, const char *dir);
void rows_unload(struct rows *rows);

#endif
