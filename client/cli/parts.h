/*
 * A file of service records as a batch: its id, its parts, and the verdicts on its rows. Pure.
 *
 * The rows of a file, refused ones included, are cut into parts of PARTS_RECORDS in file order; each
 * part is one act. So the same file always gives the same parts, and an import that broke off goes on
 * where it stopped.
 */
#ifndef TIMEBOX_CLIENT_CLI_PARTS_H
#define TIMEBOX_CLIENT_CLI_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/entry.pb-c.h"

#define PARTS_RECORDS 200 /* rows in one part */
#define PARTS_ID_LEN  16
#define PARTS_ATTEMPT 1 /* the first attempt's number */

/* What is known of a row of the file, and what was said of it. */
struct part_row {
	uint32_t line;	     /* in the file, the head being 1; ascending */
	enum result verdict; /* RESULT_OK: accepted, or not refused so far */
	const char *field;   /* the column's word in the head, static; NULL: not known */
	uint64_t member;     /* ids; 0: not known */
	uint64_t beneficiary;
	uint32_t area;
};

/* The batch's id: the first 16 bytes of SHA-256(bytes of the file ‖ u32be attempt). */
void parts_batch_id(const uint8_t *file, size_t size, uint32_t attempt, uint8_t id[PARTS_ID_LEN]);

/* How many parts so many rows make. */
uint32_t parts_count(size_t rows);
/* The rows [*from, *to) of part `part` (< parts_count(rows)). */
void parts_range(uint32_t part, size_t rows, size_t *from, size_t *to);

/* The column that a verdict of the daemon is about, or NULL. */
const char *parts_field(enum result verdict);

/* Takes the verdicts on the rows of one part over into rows[0..n), which are in order of line: those
 * that the client stated in it, and those among the effects. A verdict that was there already keeps
 * its field. RESULT_BATCH_MISMATCH when a line is not among the rows. */
MUST_CHECK enum result parts_merge(struct part_row *rows, size_t n,
	const Timebox__V1__ServiceRows *part, Timebox__V1__Effect *const *effects, size_t n_effects);

/* Sorts the indexes order[0..n) of rows by member, each member's rows in the order they had. */
void parts_sort_by_member(const struct part_row *rows, size_t *order, size_t n);
/* Where a question about order[from..] has to end: after at most `limit` rows, and not between two
 * rows of one member, unless the first member alone has more than `limit`. */
size_t parts_cut(const struct part_row *rows, const size_t *order, size_t n, size_t from,
	size_t limit);

#endif
