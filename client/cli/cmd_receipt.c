/* timebox receipt: what came of an act whose answer was lost. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"

/* A request id with or without dashes. */
static int
receipt_id(const struct cli *c, const char *text, uint8_t id[UUID7_LEN])
{
	char plain[2 * UUID7_LEN + 1];
	size_t n = 0;

	for (; *text != '\0' && n < sizeof(plain); text++)
		if (*text != '-')
			plain[n++] = *text;
	if (n == 2 * UUID7_LEN && hex_decode(id, UUID7_LEN, plain, n) == RESULT_OK)
		return CLI_DONE;
	return cli_fail_here(c, RESULT_BAD_REQUEST_ID, "REQUEST-ID", NULL);
}

static void
receipt_json(const Timebox__V1__Receipt *r)
{
	json_t *effects = json_array(), *codes = json_array();
	size_t i;

	for (i = 0; i < r->n_effects; i++) {
		const Timebox__V1__Effect *e = r->effects[i];

		json_array_append_new(effects, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "kind",
			out_word(&timebox__v1__effect_kind__descriptor, (int)e->kind), "command",
			(json_int_t)e->command, "id", (json_int_t)e->id, "index", (json_int_t)e->index,
			"member", (json_int_t)e->member, "minutes", (json_int_t)e->minutes, "points",
			(json_int_t)e->points, "verdict",
			result_name(result_known((unsigned)e->verdict) ? (enum result)e->verdict
								       : RESULT_INTERNAL)));
	}
	for (i = 0; i < r->n_codes; i++)
		json_array_append_new(codes, json_pack("{s:I,s:s}", "command",
			(json_int_t)r->codes[i]->command, "code", r->codes[i]->code));
	out_json_line(json_pack("{s:o,s:I,s:o,s:o,s:o}", "id", out_json_id(r->seq, 0), "seq",
		(json_int_t)r->seq, "leaf", out_json_hex(r->leaf.data, r->leaf.len), "effects", effects,
		"codes", codes));
}

static void
receipt_words(const Timebox__V1__Receipt *r)
{
	char leaf[2 * HASH_LEN + 1] = "";
	size_t i;

	if (r->leaf.len == HASH_LEN)
		(void)hex_encode(leaf, sizeof(leaf), r->leaf.data, HASH_LEN);
	printf(_("It was done: entry %" PRIu64 ", leaf %s\n"), r->seq, leaf);
	for (i = 0; i < r->n_codes; i++)
		printf(_("code         %s\n"), r->codes[i]->code);
}

int
cmd_receipt(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.args = "REQUEST-ID", .min = 1, .max = 1,
		.help = N_("Says whether an act was accepted, and gives its receipt again. The request id was "
			   "printed when the answer did not come."),
		.examples = "  timebox receipt 01890a5d-ac96-774b-bcce-b302099a8057\n",
	};
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__GetReceipt ask;
	Timebox__V1__Call call;
	uint8_t id[UUID7_LEN] = {0};
	struct timebox *tb = NULL;
	const char *args[1];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__get_receipt__init(&ask);
	timebox__v1__call__init(&call);
	ask.request_id = timebox_bytes(id, sizeof(id));
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_RECEIPT;
	call.get_receipt = &ask;
	rc = receipt_id(c, args[0], id);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_RECEIPT, &answer);
	if (rc == CLI_DONE && c->json)
		receipt_json(answer->receipt);
	else if (rc == CLI_DONE)
		receipt_words(answer->receipt);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
