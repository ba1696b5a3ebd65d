/* What an act came to: done at once, or waiting for a second person. */
#ifndef TIMEBOX_CLIENT_CLI_DONE_H
#define TIMEBOX_CLIENT_CLI_DONE_H

#include "client/cli/cli.h"

/* The first effect of this kind for command `command`, or NULL. */
const Timebox__V1__Effect *done_effect(const Timebox__V1__Receipt *receipt,
	Timebox__V1__EffectKind kind, uint32_t command);

/* Prints {"id":"SEQ","proposed":false} or `words` (translated), or for a proposal
 * {"id":"SEQ","proposed":true} and how a colleague approves it. */
void done_print(const struct cli *c, const Timebox__V1__Receipt *receipt, const char *words);

/* Sends one command and prints what it came to. */
int done_send(struct cli *c, struct timebox *tb, const Timebox__V1__Command *command,
	const char *words);

/* The same for a draft, whose commands were all done or all proposed. */
int done_send_draft(struct cli *c, struct timebox *tb, struct timebox_draft *d, const char *words);

#endif
