/* timebox todo: what waits for the one who asks. */
#include <inttypes.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

static void
todo_json(const Timebox__V1__TodoLine *l, bool zh)
{
	out_json_line(json_pack("{s:s,s:o,s:I,s:o,s:s}", "kind",
		out_word(&timebox__v1__todo_kind__descriptor, (int)l->todo), "id",
		l->seq == 0 ? json_null() : out_json_id(l->seq, l->index), "count", (json_int_t)l->count,
		"batch", l->batch.len == 0 ? json_null() : out_json_hex(l->batch.data, l->batch.len),
		"text", zh ? l->text_zh : l->text_en));
}

static void
todo_row(struct table *t, const Timebox__V1__TodoLine *l, bool zh)
{
	char id[OUT_ID_SIZE], hex[2 * HASH_LEN + 1] = "";

	if (l->batch.len > 0 && l->batch.len <= HASH_LEN)
		(void)hex_encode(hex, sizeof(hex), l->batch.data, l->batch.len);
	table_cell(t, hex[0] != '\0' ? hex : l->seq == 0 ? "" : out_id(id, l->seq, l->index));
	table_cell(t, zh ? l->text_zh : l->text_en);
}

int
cmd_todo(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists what waits for you: approvals, batches to attest, sessions to look at."),
		.examples = "  timebox --home ann todo\n  timebox --home ann todo --json\n",
	};
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	Timebox__V1__GetTodo ask;
	Timebox__V1__Call call;
	struct table *t;
	size_t i;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	timebox__v1__get_todo__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_TODO;
	call.get_todo = &ask;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_TODO, &answer);
	t = table_new(_("id|what"));
	for (i = 0; rc == CLI_DONE && i < answer->todo->n_lines; i++) {
		if (c->json)
			todo_json(answer->todo->lines[i], c->zh);
		else
			todo_row(t, answer->todo->lines[i], c->zh);
	}
	if (rc == CLI_DONE && !c->json)
		table_print(t, stdout, _("Nothing waits for you."));
	table_free(t);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
