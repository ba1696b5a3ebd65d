/*
 * The donation receipts that the ledger has: the same receipt's line must not come onto a shelf twice.
 */
#ifndef TIMEBOX_CLIENT_CLI_RECEIPTS_H
#define TIMEBOX_CLIENT_CLI_RECEIPTS_H

#include "client/cli/cli.h"

/* What tells one line of a receipt from another. */
struct receipt {
	char number[17], item[CLI_CODE_SIZE], outlet[CLI_CODE_SIZE];
	uint32_t quality;
	int32_t best_before_day; /* 0: none */
	uint64_t seq; /* the entry and command that have it */
	uint32_t index;
};

struct receipts {
	struct receipt *list;
	size_t n;
};

/* Reads the whole ledger for them; proposals count, those that were withdrawn do not. An exit code. To be
 * freed whatever it returns. */
int receipts_read(struct cli *c, struct timebox *tb, struct receipts *out);
/* Whether the ledger has this line (seq and index are not looked at). */
bool receipts_have(const struct receipts *r, const struct receipt *line);
void receipts_free(struct receipts *r);

#endif
