#include "client/cli/proposals.h"

#include <string.h>

#include "client/cli/keys.h"
#include "client/cli/out.h"

int
proposals_get(struct cli *c, struct timebox *tb, Timebox__V1__Response **out)
{
	Timebox__V1__GetProposals ask;
	Timebox__V1__Call call;

	timebox__v1__get_proposals__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_PROPOSALS;
	call.get_proposals = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_PROPOSALS, out);
}

static int
proposal_has_id(const Timebox__V1__Proposal *p, const char *text)
{
	char id[OUT_ID_SIZE], whole[OUT_ID_SIZE + 2];

	(void)out_id(id, p->seq, p->index);
	(void)snprintf(whole, sizeof(whole), "%s.0", id);
	return strcmp(id, text) == 0 || (p->index == 0 && strcmp(whole, text) == 0);
}

const Timebox__V1__Proposal *
proposals_find(const Timebox__V1__Proposals *list, const char *text, bool *many)
{
	const Timebox__V1__Proposal *found = NULL;
	size_t i;

	*many = false;
	for (i = 0; i < list->n_proposals; i++)
		if (proposal_has_id(list->proposals[i], text))
			return list->proposals[i];
	for (i = 0; i < list->n_proposals; i++) {
		const Timebox__V1__Proposal *p = list->proposals[i];

		if (strcmp(p->number, text) != 0 && !keys_match(&p->proposer_key, text))
			continue;
		*many = found != NULL;
		if (*many)
			return NULL;
		found = p;
	}
	return found;
}

int
proposals_ref(struct cli *c, struct timebox *tb, const char *text, Timebox__V1__Ref *ref,
	uint8_t leaf[HASH_LEN])
{
	const Timebox__V1__Proposal *p = NULL;
	Timebox__V1__Response *answer = NULL;
	bool many = false;
	int rc = proposals_get(c, tb, &answer);

	if (rc == CLI_DONE) {
		p = proposals_find(answer->proposals, text, &many);
		if (many)
			rc = cli_fail_here(c, RESULT_BAD_FIELD, "ID", "%s",
				_("more than one proposal is meant; see timebox proposal list"));
		else if (p == NULL || p->leaf.len != HASH_LEN)
			rc = cli_fail_here(c, RESULT_NOT_FOUND, "ID", "%s",
				_("no such proposal waits; see timebox proposal list"));
	}
	if (rc == CLI_DONE && p != NULL) {
		timebox__v1__ref__init(ref);
		memcpy(leaf, p->leaf.data, HASH_LEN);
		ref->seq = p->seq;
		ref->index = p->index;
		ref->leaf = timebox_bytes(leaf, HASH_LEN);
	}
	timebox_response_free(answer);
	return rc;
}
