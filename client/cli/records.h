/* Single records that wait for somebody's judgement: from check-ins, not from imports. */
#ifndef TIMEBOX_CLIENT_CLI_RECORDS_H
#define TIMEBOX_CLIENT_CLI_RECORDS_H

#include "client/cli/cli.h"

struct record {
	uint64_t seq;
	uint32_t index;
	uint8_t leaf[HASH_LEN];
	char number[9], item[CLI_CODE_SIZE];
	int32_t day;
	uint32_t start_minute, minutes;
	Timebox__V1__Provenance provenance;
	bool auto_closed;
	enum result verdict; /* after records_judge */
};

struct records {
	struct record *list;
	size_t n;
};

/* Asks for all that wait; an exit code. To be freed whatever it returns. */
int records_get(struct cli *c, struct timebox *tb, struct records *out);
void records_free(struct records *r);
/* Keeps only those that are named ("SEQ.INDEX"), in that order; an exit code. */
int records_pick(struct records *r, const struct cli *c, const char *const *ids, size_t n);
/* A line each: tables, or JSON. */
void records_print(const struct records *r, const struct cli *c);

/* Attests (or rejects) each of them on its own, and prints what came of each and the sum; an exit code:
 * CLI_ROWS where some were refused, CLI_REFUSED where all were. */
int records_judge(struct records *r, struct cli *c, struct timebox *tb, bool attest);

#endif
