/*
 * What somebody who attests a batch is shown, computed here from the bytes of its entries.
 */
#ifndef TIMEBOX_CLIENT_CLI_BATCH_VIEW_H
#define TIMEBOX_CLIENT_CLI_BATCH_VIEW_H

#include "client/cli/batch.h"
#include "client/cli/cli.h"

#define VIEW_SAMPLE 5
#define VIEW_TOP    10

struct view_record {
	uint64_t seq;
	uint32_t index; /* (seq, index) names the record */
	uint32_t line;	/* in the file it came from */
	uint64_t member;
	char item[CLI_CODE_SIZE];
	int32_t day;
	uint32_t start_minute, end_minute;
	bool measured;
	bool left_out;
};

struct view_member {
	uint64_t member;
	char number[9], name[64];
	uint32_t records;
	uint64_t minutes;
};

struct batch_view {
	uint8_t id[PARTS_ID_LEN];
	uint64_t rules; /* the version whose rates are shown */
	uint32_t entries;
	uint8_t digest[HASH_LEN]; /* over the leaf hashes, in order of sequence */
	struct view_record *records; /* accepted ones, in file order */
	size_t n_records;
	struct view_member *members; /* who has records that are not left out, by number */
	size_t n_members;
	size_t left_out;
	uint64_t minutes; /* of records that are not left out */
	Timebox__V1__Response *catalogue;
};

/* Reads all parts and checks them against the batch; an exit code. Whatever it returns, batch_view_free
 * is due. */
int batch_view_read(struct batch_view *v, struct cli *c, struct timebox *tb,
	const uint8_t id[PARTS_ID_LEN], const Timebox__V1__Batch *batch);
void batch_view_free(struct batch_view *v);

/* Leaves out the record that came from this line of the file; an exit code. */
int batch_view_leave_out(struct batch_view *v, const struct cli *c, const char *line);

/* Adds up the members' hours, and asks for their numbers and the rates; an exit code.
 * RESULT_RATES_CHANGED where the rates are no longer those of the batch's answer. */
int batch_view_sum(struct batch_view *v, struct cli *c, struct timebox *tb);

/* Shows it: tables, or one JSON object. */
void batch_view_print(const struct batch_view *v, const struct cli *c);

#endif
