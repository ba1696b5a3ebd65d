#include "client/cli/done.h"

#include "client/cli/out.h"

const Timebox__V1__Effect *
done_effect(const Timebox__V1__Receipt *receipt, Timebox__V1__EffectKind kind, uint32_t command)
{
	size_t i;

	for (i = 0; i < receipt->n_effects; i++)
		if (receipt->effects[i]->kind == kind && receipt->effects[i]->command == command)
			return receipt->effects[i];
	return NULL;
}

void
done_print(const struct cli *c, const Timebox__V1__Receipt *receipt, const char *words)
{
	bool proposed =
		done_effect(receipt, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_PROPOSED, 0) != NULL;
	char id[OUT_ID_SIZE];

	(void)out_id(id, receipt->seq, 0);
	if (c->json)
		out_json_line(json_pack("{s:s,s:b}", "id", id, "proposed", (int)proposed));
	else if (proposed)
		printf(_("A second person approves it: timebox proposal approve %s\n"), id);
	else
		printf("%s\n", words);
}

int
done_send_draft(struct cli *c, struct timebox *tb, struct timebox_draft *d, const char *words)
{
	Timebox__V1__Response *answer = NULL;
	int rc = cli_act(c, tb, d, &answer);

	if (rc == CLI_DONE)
		done_print(c, answer->receipt, words);
	timebox_response_free(answer);
	return rc;
}

int
done_send(struct cli *c, struct timebox *tb, const Timebox__V1__Command *command, const char *words)
{
	struct timebox_draft *d = timebox_draft_new();
	enum result r = d == NULL ? RESULT_NO_MEMORY : timebox_draft_add(d, command);
	int rc;

	rc = r == RESULT_OK ? done_send_draft(c, tb, d, words) : cli_fail_here(c, r, NULL, NULL);
	timebox_draft_free(d);
	return rc;
}
