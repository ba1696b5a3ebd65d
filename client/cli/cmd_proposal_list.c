/* timebox proposal list: what waits for a second person. */
#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/proposals.h"
#include "client/cli/table.h"

#define SHOWN 12

static void
proposal_json(const Timebox__V1__Proposal *p)
{
	out_json_line(json_pack("{s:o,s:s,s:s,s:s,s:b,s:o}", "id", out_json_id(p->seq, p->index), "command",
		out_command_name(p->command), "member", p->number, "code", p->code, "mine", (int)p->mine,
		"proposer", out_json_hex(p->proposer_key.data, p->proposer_key.len)));
}

static void
proposal_row(struct table *t, const Timebox__V1__Proposal *p)
{
	char id[OUT_ID_SIZE], hex[2 * KEY_LEN + 1] = "";

	if (p->proposer_key.len == KEY_LEN)
		(void)hex_encode(hex, sizeof(hex), p->proposer_key.data, KEY_LEN);
	table_cell(t, out_id(id, p->seq, p->index));
	table_cell(t, out_command_text(p->command));
	table_cell(t, p->number);
	table_cell(t, p->code);
	if (p->mine)
		table_cell(t, _("you"));
	else
		table_cellf(t, "%.*s", SHOWN, hex);
}

int
cmd_proposal_list(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists what waits for a second person."),
		.examples = "  timebox proposal list\n  timebox proposal approve 120\n",
	};
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	struct table *t;
	size_t i;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = proposals_get(c, tb, &answer);
	t = table_new(_("id|what|member|code|by"));
	for (i = 0; rc == CLI_DONE && i < answer->proposals->n_proposals; i++) {
		if (c->json)
			proposal_json(answer->proposals->proposals[i]);
		else
			proposal_row(t, answer->proposals->proposals[i]);
	}
	if (rc == CLI_DONE && !c->json)
		table_print(t, stdout, _("Nothing waits for a second person."));
	table_free(t);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
