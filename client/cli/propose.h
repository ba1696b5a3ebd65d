/* What one social worker asks for and a second one approves. */
#ifndef TIMEBOX_CLIENT_CLI_PROPOSE_H
#define TIMEBOX_CLIENT_CLI_PROPOSE_H

#include "client/cli/cli.h"

/* Prints the id of a proposal that was made by command `index` of the act `seq`: {"id":"SEQ"}, or in words
 * how a colleague approves it. */
void propose_print(const struct cli *c, uint64_t seq, uint32_t index);

/* Sends one command that always waits for a second person, and prints its id. */
int propose_send(struct cli *c, struct timebox *tb, const Timebox__V1__Command *command);

#endif
