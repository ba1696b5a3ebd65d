/* timebox key revoke: a key that may do nothing any more. */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/keys.h"

/* The one key that is in force and begins with the text. */
static int
revoke_find(struct cli *c, struct timebox *tb, const char *text, uint8_t key[KEY_LEN])
{
	Timebox__V1__Response *answer = NULL;
	int rc = keys_get(c, tb, &answer), found = 0;
	size_t i;

	for (i = 0; rc == CLI_DONE && i < answer->keys->n_keys; i++) {
		const Timebox__V1__Key *k = answer->keys->keys[i];

		if (k->status == TIMEBOX__V1__KEY_STATUS__KEY_STATUS_REVOKED || !keys_match(&k->key, text))
			continue;
		memcpy(key, k->key.data, KEY_LEN);
		found++;
	}
	timebox_response_free(answer);
	if (rc == CLI_DONE && found == 0)
		rc = cli_fail_here(c, RESULT_NOT_FOUND, "KEY", "%s",
			_("no key in force begins so; see timebox key list"));
	else if (rc == CLI_DONE && found > 1)
		rc = cli_fail_here(c, RESULT_BAD_FIELD, "KEY", "%s", _("more than one key begins so"));
	return rc;
}

int
cmd_key_revoke(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.args = "KEY", .min = 1, .max = 1,
		.help = N_("Revokes a key, named by its first letters, at once. A social worker's key is revoked "
			   "by two people."),
		.examples = "  timebox key list\n  timebox key revoke 3f9a61c2 --yes\n",
	};
	uint8_t key[KEY_LEN] = {0};
	Timebox__V1__Command command;
	Timebox__V1__KeyRevoke revoke;
	struct timebox *tb = NULL;
	const char *args[1];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = revoke_find(c, tb, args[0], key);
	if (rc == CLI_DONE && !cli_confirm(c, _("Revoke the key %s for good?"), args[0]))
		rc = CLI_USAGE;
	timebox__v1__command__init(&command);
	timebox__v1__key_revoke__init(&revoke);
	revoke.key = timebox_bytes(key, KEY_LEN);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_KEY_REVOKE;
	command.key_revoke = &revoke;
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("Revoked."));
	timebox_close(tb);
	return rc;
}
