/* timebox key list: who may do anything here. */
#include <inttypes.h>

#include "client/cli/commands.h"
#include "client/cli/keys.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

#define SHOWN 16 /* letters of a key in the table: enough to name it */

static void
key_json(const Timebox__V1__Key *k)
{
	out_json_line(json_pack("{s:o,s:s,s:s,s:s,s:s,s:I,s:I}", "key", out_json_hex(k->key.data, k->key.len),
		"role", out_word(&timebox__v1__role__descriptor, (int)k->role), "status",
		out_word(&timebox__v1__key_status__descriptor, (int)k->status), "partner", k->partner,
		"member", k->number, "admitted", (json_int_t)k->admitted_seq, "revoked",
		(json_int_t)k->revoked_seq));
}

static void
keys_table(const Timebox__V1__Keys *keys)
{
	struct table *t = table_new(_("key|role|status|partner|member|>admitted|>revoked"));
	size_t i;

	for (i = 0; i < keys->n_keys; i++) {
		const Timebox__V1__Key *k = keys->keys[i];
		char hex[2 * KEY_LEN + 1] = "";

		if (k->key.len == KEY_LEN)
			(void)hex_encode(hex, sizeof(hex), k->key.data, KEY_LEN);
		table_cellf(t, "%.*s", SHOWN, hex);
		table_cell(t, out_role(k->role));
		table_cell(t, out_key_status(k->status));
		table_cell(t, k->partner);
		table_cell(t, k->number);
		table_cellf(t, "%" PRIu64, k->admitted_seq);
		if (k->revoked_seq != 0)
			table_cellf(t, "%" PRIu64, k->revoked_seq);
		else
			table_cell(t, "");
	}
	table_print(t, stdout, NULL);
	table_free(t);
}

int
cmd_key_list(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists the station's keys: role, person or partner, the entry that admitted them."),
		.examples = "  timebox key list\n  timebox key list --json\n",
	};
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	size_t i;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = keys_get(c, tb, &answer);
	if (rc == CLI_DONE && !c->json)
		keys_table(answer->keys);
	for (i = 0; rc == CLI_DONE && c->json && i < answer->keys->n_keys; i++)
		key_json(answer->keys->keys[i]);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
