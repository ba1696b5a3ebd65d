/* What waits for a second person. */
#ifndef TIMEBOX_CLIENT_CLI_PROPOSALS_H
#define TIMEBOX_CLIENT_CLI_PROPOSALS_H

#include "client/cli/cli.h"

/* Asks for all open proposals; *out has the body proposals, to be freed. */
int proposals_get(struct cli *c, struct timebox *tb, Timebox__V1__Response **out);

/* The one that `text` names: "SEQ" or "SEQ.INDEX", the number of the member it is about, or the first
 * letters of the proposer's key. NULL: none, or (*many set) more than one; ids are never doubtful. */
const Timebox__V1__Proposal *proposals_find(const Timebox__V1__Proposals *list, const char *text,
	bool *many);

/* Finds the proposal and fills *ref, whose leaf is copied to `leaf`. */
int proposals_ref(struct cli *c, struct timebox *tb, const char *text, Timebox__V1__Ref *ref,
	uint8_t leaf[HASH_LEN]);

#endif
