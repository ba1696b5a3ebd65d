#include "client/cli/rules.h"

#include <string.h>

#include "proto/arena.h"
#include "proto/canonical.h"
#include "timebox/v1/entry.pb-c.h"

#define ENTRY_ARENA   ((size_t)8 << 20)
#define VERSIONS_MAX  10000

const char *const rules_gifts[] = {"off", "kin", "anyone", NULL};
const char *const rules_provenances[] = {"kiosk", "witnessed", "code", "backfilled", "opening", NULL};

/* One entry, decoded into the arena. */
static int
entry_get(struct cli *c, struct timebox *tb, uint64_t seq, struct arena *a, Timebox__V1__Entry **entry,
	Timebox__V1__Act **act)
{
	ProtobufCMessage *m = NULL, *n = NULL;
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__GetEntries ask;
	Timebox__V1__Call call;
	enum result r = RESULT_NOT_FOUND;
	int rc;

	timebox__v1__get_entries__init(&ask);
	timebox__v1__call__init(&call);
	ask.from_seq = seq;
	ask.limit = 1;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_ENTRIES;
	call.get_entries = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_ENTRIES, &answer);
	if (rc != CLI_DONE)
		return rc;
	arena_reset(a);
	if (answer->entries->n_entries == 1)
		r = canonical_unpack_loose(&timebox__v1__entry__descriptor, a,
			answer->entries->entries[0].data, answer->entries->entries[0].len, &m);
	timebox_response_free(answer);
	*entry = (Timebox__V1__Entry *)m;
	if (r == RESULT_OK)
		r = canonical_unpack_loose(&timebox__v1__act__descriptor, a, (*entry)->act.data,
			(*entry)->act.len, &n);
	*act = (Timebox__V1__Act *)n;
	return r == RESULT_OK ? CLI_DONE : cli_fail_here(c, r, "rules", NULL);
}

static const Timebox__V1__RuleSet *
act_rules(const Timebox__V1__Act *act, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i < to && i < act->n_commands; i++) {
		const Timebox__V1__Command *k = act->commands[i];

		if (k->kind_case == TIMEBOX__V1__COMMAND__KIND_RULES_SET)
			return k->rules_set->rules;
		if (k->kind_case == TIMEBOX__V1__COMMAND__KIND_GENESIS)
			return k->genesis->rules;
	}
	return NULL;
}

/* The proposal that this entry made effective; *seq 0: none. */
static void
entry_applied(const Timebox__V1__Entry *entry, uint64_t *seq, uint32_t *index)
{
	size_t i;

	*seq = 0;
	for (i = 0; i < entry->n_effects; i++) {
		if (entry->effects[i]->kind != TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_APPLIED)
			continue;
		*seq = entry->effects[i]->id;
		*index = entry->effects[i]->index;
	}
}

static void
rules_copy(struct rules *out, const Timebox__V1__RuleSet *set, uint64_t seq)
{
	size_t n = set->n_converts < RULES_CONVERTS_MAX ? set->n_converts : RULES_CONVERTS_MAX;

	out->set = *set;
	out->seq = seq;
	if (n > 0)
		memcpy(out->converts, set->converts, n * sizeof(out->converts[0]));
	out->set.n_converts = n;
	out->set.converts = out->converts;
}

/* Looks at one version; *next is the version before it, 0 when the rules were found. */
static int
rules_step(struct cli *c, struct timebox *tb, struct arena *a, uint64_t seq, struct rules *out,
	uint64_t *next)
{
	const Timebox__V1__RuleSet *set;
	Timebox__V1__Entry *entry = NULL;
	Timebox__V1__Act *act = NULL;
	uint64_t before, proposal = 0;
	uint32_t index = 0;
	int rc = entry_get(c, tb, seq, a, &entry, &act);

	if (rc != CLI_DONE)
		return rc;
	before = entry->rules;
	set = act_rules(act, 0, UINT32_MAX);
	entry_applied(entry, &proposal, &index);
	if (set == NULL && proposal != 0) {
		rc = entry_get(c, tb, proposal, a, &entry, &act);
		if (rc != CLI_DONE)
			return rc;
		set = act_rules(act, index, index + 1);
	}
	*next = 0;
	if (set != NULL)
		rules_copy(out, set, seq);
	else if (before == 0 || before >= seq)
		return cli_fail_here(c, RESULT_CORRUPT, "rules", NULL);
	else
		*next = before;
	return CLI_DONE;
}

int
rules_get(struct cli *c, struct timebox *tb, struct rules *out)
{
	uint64_t seq = timebox_hello(tb)->rules;
	struct arena a;
	int rc = CLI_DONE, n;

	if (arena_init(&a, ENTRY_ARENA) != RESULT_OK)
		return cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	for (n = 0; rc == CLI_DONE && seq != 0 && n < VERSIONS_MAX; n++)
		rc = rules_step(c, tb, &a, seq, out, &seq);
	if (rc == CLI_DONE && (seq != 0 || n == 0))
		rc = cli_fail_here(c, RESULT_NOT_FOUND, "rules", NULL);
	arena_free(&a);
	return rc;
}
