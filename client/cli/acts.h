/*
 * Many commands in few acts: as many in one act as go in, several acts under way at once.
 *
 * An act is done as a whole or not at all. When the daemon refuses one for the sake of one command,
 * that command is reported and the act is sent again without it; so what is right goes in although
 * something beside it is wrong.
 */
#ifndef TIMEBOX_CLIENT_CLI_ACTS_H
#define TIMEBOX_CLIENT_CLI_ACTS_H

#include "client/cli/cli.h"

#define ACTS_COMMANDS 200 /* commands in one act: its effects have to fit an entry too */

struct acts {
	void *ctx;
	/* Appends the one command of item `i` (and its text). May be called again for the same item. */
	enum result (*compose)(void *ctx, struct timebox_draft *d, size_t i);
	/* Item `i` is in the ledger, as command `command` of the receipt's entry. May be NULL. */
	void (*accepted)(void *ctx, size_t i, const Timebox__V1__Receipt *receipt, uint32_t command);
	/* Item `i` was refused for itself, for `why`. */
	void (*refused)(void *ctx, size_t i, const struct timebox_error *why);
	const char *label; /* of the progress, translated */
};

/* Sends the commands of items[0..n). An exit code: CLI_DONE when each was accepted or refused for
 * itself. Otherwise what went wrong was printed; acts before it may have been accepted. */
int acts_send(struct cli *c, struct timebox *tb, const struct acts *a, const size_t *items, size_t n);

#endif
