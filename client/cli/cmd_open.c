/* timebox open, open save: the text behind a commitment, for somebody outside, as a file that proves it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/ledger_keys.h"
#include "client/cli/out.h"
#include "proto/canonical.h"
#include "proto/tree.h"
#include "timebox/v1/entry.pb-c.h"

#define ENTRY_ARENA ((size_t)8 << 20) /* an entry and its act, unpacked */

/* ---- the file: it has to be there before anything is opened ---- */

/* Made for its owner alone: it will hold a private text. */
static int
file_make(const struct cli *c, const char *path, FILE **out)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*out = fd < 0 ? NULL : fdopen(fd, "w");
	if (*out != NULL)
		return CLI_DONE;
	if (fd >= 0)
		(void)close(fd);
	return cli_fail_here(c, errno == EEXIST ? RESULT_EXISTS : RESULT_IO, path, "%s", strerror(errno));
}

static int
file_write(const struct cli *c, const char *path, FILE *file, const Timebox__V1__Opening *opening)
{
	size_t n = protobuf_c_message_get_packed_size(&opening->base);
	uint8_t *bytes = malloc(n + 1);
	int ok;

	if (bytes == NULL)
		return cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	protobuf_c_message_pack(&opening->base, bytes);
	ok = fwrite(bytes, 1, n, file) == n && fflush(file) == 0 && fsync(fileno(file)) == 0;
	crypto_wipe(bytes, n);
	free(bytes);
	return ok ? CLI_DONE : cli_fail_here(c, RESULT_IO, path, "%s", strerror(errno));
}

/* Closes it; what failed leaves no file. */
static void
file_end(const char *path, FILE *file, int rc)
{
	if (file == NULL)
		return;
	(void)fclose(file);
	if (rc != CLI_DONE)
		(void)unlink(path);
}

/* ---- open, save ---- */

/* What the entry `seq` opened, into the file. */
static int
opening_save(struct cli *c, struct timebox *tb, uint64_t seq, uint32_t command, const char *path, FILE *file)
{
	Timebox__V1__GetOpening ask = TIMEBOX__V1__GET_OPENING__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	struct keychain keys;
	char id[OUT_ID_SIZE];
	int rc;

	ask.seq = seq;
	ask.command = command;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_OPENING;
	call.get_opening = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_OPENING, &answer);
	if (rc == CLI_DONE)
		rc = file_write(c, path, file, answer->opening);
	/* So that the home can check it when it is alone. */
	if (rc == CLI_DONE)
		rc = ledger_keys_ask(c, tb, &keys);
	timebox_response_free(answer);
	(void)out_id(id, seq, command);
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:s,s:s}", "id", id, "file", path));
	else if (rc == CLI_DONE)
		printf(_("Opened in entry %s, saved in %s. The member sees it in their history.\n"), id, path);
	return rc;
}

/* Where the commitment SEQ.N stands: a row of an import, or a command of another act. */
static int
place_find(const struct cli *c, const ProtobufCBinaryData *bytes, uint32_t index, Timebox__V1__TextOpen *open)
{
	const Timebox__V1__Act *act = NULL;
	ProtobufCMessage *m = NULL;
	struct arena arena;
	enum result err = arena_init(&arena, ENTRY_ARENA);

	if (err == RESULT_OK)
		err = canonical_unpack(&timebox__v1__entry__descriptor, &arena, bytes->data, bytes->len, &m);
	if (err == RESULT_OK) {
		const Timebox__V1__Entry *entry = (const Timebox__V1__Entry *)(const void *)m;

		err = canonical_unpack(&timebox__v1__act__descriptor, &arena, entry->act.data, entry->act.len, &m);
	}
	if (err == RESULT_OK) {
		act = (const Timebox__V1__Act *)(const void *)m;
		if (act->n_commands == 1 &&
			act->commands[0]->kind_case == TIMEBOX__V1__COMMAND__KIND_SERVICE_ROWS)
			open->row = index;
		else
			open->ref->index = index;
	}
	arena_free(&arena);
	return err == RESULT_OK ? CLI_DONE : cli_fail_here(c, err, "ID", NULL);
}

/* The act; *seq is its entry. */
static int
open_send(struct cli *c, struct timebox *tb, Timebox__V1__TextOpen *open, const char *reference, uint64_t *seq)
{
	struct timebox_draft *d = timebox_draft_new();
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Response *answer = NULL;
	uint8_t commitment[HASH_LEN];
	enum result r = d == NULL ? RESULT_NO_MEMORY : timebox_draft_name(d, reference, NULL, commitment);
	int rc;

	open->commitment = timebox_bytes(commitment, sizeof(commitment));
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_TEXT_OPEN;
	command.text_open = open;
	if (r == RESULT_OK)
		r = timebox_draft_add(d, &command);
	rc = r == RESULT_OK ? cli_act(c, tb, d, &answer) : cli_fail_here(c, r, NULL, NULL);
	if (rc == CLI_DONE)
		*seq = answer->receipt->seq;
	timebox_response_free(answer);
	timebox_draft_free(d);
	return rc;
}

struct wanted {
	const char *file, *member, *reference;
	uint64_t seq;
	uint32_t index;
	Timebox__V1__LegalGround ground;
};

static int
open_one(struct cli *c, struct timebox *tb, const struct wanted *w, uint64_t *opened)
{
	Timebox__V1__TextOpen open = TIMEBOX__V1__TEXT_OPEN__INIT;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;
	Timebox__V1__Response *answer = NULL;
	uint8_t leaf[HASH_LEN];
	int rc = w->member == NULL ? CLI_DONE : cli_member_id(c, tb, w->member, &open.member);

	open.ref = &ref;
	open.ground = w->ground;
	ref.seq = w->seq;
	if (rc == CLI_DONE)
		rc = audit_entry(c, tb, w->seq, &answer);
	if (rc == CLI_DONE) {
		const ProtobufCBinaryData *entry = &answer->entries->entries[0];

		tree_leaf_hash(entry->data, entry->len, leaf);
		ref.leaf = timebox_bytes(leaf, sizeof(leaf));
		rc = place_find(c, entry, w->index, &open);
	}
	timebox_response_free(answer);
	if (rc == CLI_DONE && !cli_confirm(c, _("Open this text of member %s, by %s? It cannot be taken back."),
		w->member == NULL ? "-" : w->member, out_ground(w->ground)))
		rc = CLI_USAGE;
	return rc == CLI_DONE ? open_send(c, tb, &open, w->reference, opened) : rc;
}

static int
open_run(struct cli *c, const struct wanted *w)
{
	struct timebox *tb = NULL;
	uint64_t opened = 0;
	FILE *file = NULL;
	int rc = file_make(c, w->file, &file);

	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = open_one(c, tb, w, &opened);
	if (rc == CLI_DONE) {
		rc = opening_save(c, tb, opened, 0, w->file, file);
		if (rc != CLI_DONE)
			fprintf(stderr, _("timebox: it is opened in entry %" PRIu64 ": timebox open save %" PRIu64 " FILE\n"),
				opened, opened);
	}
	file_end(w->file, file, rc);
	timebox_close(tb);
	return rc;
}

int
cmd_open(struct cli *c, int argc, char **argv)
{
	static const char *const grounds[] = {"consent", "inspection", NULL};
	const char *args[2], *ground_said = NULL;
	struct wanted w = {.reference = NULL};
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .text = &w.member,
			.help = N_("whose text it is; left out where it is nobody's")},
		{.name = "ground", .arg = "GROUND", .text = &ground_said, .help = N_("consent or inspection")},
		{.name = "reference", .arg = "TEXT", .text = &w.reference,
			.help = N_("of the consent or the order, as it is filed; no names of persons")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "ID FILE", .min = 2, .max = 2, .options = options,
		.help = N_("Opens one private text that the ledger committed to, for somebody outside: by the person's consent, "
			   "or for an inspection that the law provides for. It is an entry, which the person sees. FILE then "
			   "holds the text and proves it: give it to nobody but who asked. ID is SEQ.ROW of an imported "
			   "record, or SEQ.COMMAND."),
		.examples = "  timebox open 120.3 opening --member 20000016 --ground inspection --reference 2026-17\n"
			    "  timebox open check opening --vkey \"$(cat vkey.txt)\"\n",
	};
	unsigned ground = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if (ground_said == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--ground", NULL);
	if (w.reference == NULL || w.reference[0] == '\0')
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--reference", NULL);
	if ((rc = cli_choice(c, "--ground", ground_said, grounds, &ground)) != CLI_DONE ||
		(rc = cli_id(c, "ID", args[0], &w.seq, &w.index)) != CLI_DONE)
		return rc;
	w.ground = ground == 0 ? TIMEBOX__V1__LEGAL_GROUND__LEGAL_GROUND_CONSENT
			       : TIMEBOX__V1__LEGAL_GROUND__LEGAL_GROUND_INSPECTION;
	w.file = args[1];
	return open_run(c, &w);
}

int
cmd_open_save(struct cli *c, int argc, char **argv)
{
	const char *args[2];
	const struct cli_usage usage = {
		.args = "ID FILE", .min = 2, .max = 2,
		.help = N_("Saves what an entry opened once more, where the file was lost. ID is the opening's entry."),
		.examples = "  timebox open save 150 opening\n",
	};
	struct timebox *tb = NULL;
	FILE *file = NULL;
	uint64_t seq = 0;
	uint32_t command = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_id(c, "ID", args[0], &seq, &command);
	if (rc == CLI_DONE)
		rc = file_make(c, args[1], &file);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = opening_save(c, tb, seq, command, args[1], file);
	file_end(args[1], file, rc);
	timebox_close(tb);
	return rc;
}
