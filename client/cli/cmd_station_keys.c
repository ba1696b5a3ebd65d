/* timebox station keys: the keys that the ledger has had, as its entries prove. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/auditor/files.h"
#include "client/cli/commands.h"
#include "client/cli/ledger_keys.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

static int
keys_print(const struct cli *c, const struct keychain *keys)
{
	struct table *t = table_new(_(">from entry|verifier key"));
	json_t *list = json_array();
	char text[NOTE_VKEY_SIZE];

	for (size_t i = 0; i < keys->n; i++) {
		if (keychain_vkey_text(keys, keys->list[i].from, text) != RESULT_OK)
			continue;
		json_array_append_new(list, json_pack("{s:I,s:s}", "from", (json_int_t)keys->list[i].from, "vkey", text));
		table_cellf(t, "%" PRIu64, keys->list[i].from);
		table_cell(t, text);
	}
	if (c->json)
		out_json_line(json_pack("{s:s,s:O}", "origin", keys->origin, "keys", list));
	else
		table_print(t, stdout, NULL);
	json_decref(list);
	table_free(t);
	return CLI_DONE;
}

/* A copy of what the home keeps. */
static int
keys_save(const struct cli *c, const char *path)
{
	static uint8_t bytes[KEYCHAIN_FILE_MAX + 2];
	enum result err;
	size_t n = 0;

	if ((err = files_read(c->home_dir, "ledger-keys", bytes, sizeof(bytes), &n)) == RESULT_OK)
		err = files_write(NULL, path, bytes, n);
	return err == RESULT_OK ? CLI_DONE : cli_fail_here(c, RESULT_IO, path, "%s", strerror(errno));
}

int
cmd_station_keys(struct cli *c, int argc, char **argv)
{
	const char *args[1] = {NULL};
	const struct cli_usage usage = {
		.args = "[FILE]", .min = 0, .max = 1,
		.help = N_("Lists the verifier keys that the ledger has had, the newest last, after checking that its entries lead "
			   "from the one that this home knows to the others. FILE is written with those entries: with it, whoever "
			   "knows only one of the keys checks receipts of all times."),
		.examples = "  timebox station keys\n"
			    "  timebox station keys ledger-keys && timebox receipt check act-1234.tlog-proof --keys ledger-keys\n",
	};
	struct timebox *tb = NULL;
	struct keychain keys;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = ledger_keys_ask(c, tb, &keys);
	timebox_close(tb);
	if (rc == CLI_DONE && args[0] != NULL)
		rc = keys_save(c, args[0]);
	return rc == CLI_DONE ? keys_print(c, &keys) : rc;
}
