/* The rule set in force, found in the ledger. */
#ifndef TIMEBOX_CLIENT_CLI_RULES_H
#define TIMEBOX_CLIENT_CLI_RULES_H

#include "client/cli/cli.h"

#define RULES_CONVERTS_MAX 16

/* A copy that owns its list. */
struct rules {
	Timebox__V1__RuleSet set;
	Timebox__V1__Provenance converts[RULES_CONVERTS_MAX];
	uint64_t seq; /* the entry that states it */
};

/* Walks back from the version in force, over the versions that only changed catalogue or items, to the
 * entry that states the rules. *out must not be moved. */
int rules_get(struct cli *c, struct timebox *tb, struct rules *out);

/* Words for the command line and JSON, by number; NULL at the end. */
extern const char *const rules_gifts[];	      /* from GIFT_POLICY 0 */
extern const char *const rules_provenances[]; /* from PROVENANCE 1 */

#endif
