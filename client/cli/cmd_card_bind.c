/* timebox member card bind: a card's token becomes a member's. */
#include <errno.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/done.h"

#define TOKEN_MIN 8
#define TOKEN_MAX 64

/* One line, from the file or as the reader types it. */
static int
bind_token(const struct cli *c, const char *path, char out[TOKEN_MAX + 3])
{
	FILE *f = path == NULL ? stdin : fopen(path, "re");
	size_t n;

	if (f == NULL)
		return cli_fail_here(c, RESULT_BAD_FIELD, path, "%s", strerror(errno));
	if (path == NULL)
		fprintf(stderr, "%s\n", _("Hold the card to the reader:"));
	if (fgets(out, TOKEN_MAX + 3, f) == NULL)
		out[0] = '\0';
	if (path != NULL)
		(void)fclose(f);
	n = strcspn(out, "\r\n");
	out[n] = '\0';
	if (n < TOKEN_MIN || n > TOKEN_MAX)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--card-file",
			_("a card's token has %d to %d characters"), TOKEN_MIN, TOKEN_MAX);
	return CLI_DONE;
}

static int
bind_send(struct cli *c, struct timebox *tb, uint64_t member, char *token)
{
	struct timebox_draft *d = timebox_draft_new();
	uint8_t commitment[HASH_LEN];
	Timebox__V1__Command command;
	Timebox__V1__CardText text;
	Timebox__V1__CardBind bind;
	int rc;

	timebox__v1__command__init(&command);
	timebox__v1__card_text__init(&text);
	timebox__v1__card_bind__init(&bind);
	text.token = token;
	bind.member = member;
	bind.commitment = timebox_bytes(commitment, sizeof(commitment));
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CARD_BIND;
	command.card_bind = &bind;
	if (d == NULL || timebox_draft_text(d, 0, 0, &text.base, commitment) != RESULT_OK ||
		timebox_draft_add(d, &command) != RESULT_OK)
		rc = cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	else
		rc = done_send_draft(c, tb, d, _("The card is bound."));
	timebox_draft_free(d);
	return rc;
}

int
cmd_card_bind(struct cli *c, int argc, char **argv)
{
	const char *args[1], *path = NULL;
	const struct cli_option options[] = {
		{.name = "card-file", .arg = "FILE", .help = N_("the card's token; else it is read from the reader"),
			.text = &path},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Binds a card to a member. Only a digest of its token is kept."),
		.examples = "  timebox member card bind 20000016\n",
	};
	char token[TOKEN_MAX + 3] = "";
	struct timebox *tb = NULL;
	uint64_t member = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_member_id(c, tb, args[0], &member);
	if (rc == CLI_DONE)
		rc = bind_token(c, path, token);
	if (rc == CLI_DONE)
		rc = bind_send(c, tb, member, token);
	crypto_wipe(token, sizeof(token));
	timebox_close(tb);
	return rc;
}
