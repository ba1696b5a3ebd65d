/* timebox witness request, add, board: the station's side where no network leads to the witness, or to those who audit. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/qr.h"
#include "client/cli/witness_file.h"
#include "proto/note.h"
#include "proto/witness.h"

#define DASH "\xe2\x80\x94" /* U+2014, of a note's signature lines */

/* ---- request ---- */

static int
request_save(struct cli *c, const Timebox__V1__WitnessRequest *r, const char *path)
{
	int rc = witness_file_write(c, path, r->body);

	if (rc != CLI_DONE)
		return rc;
	if (c->json)
		out_json_line(json_pack("{s:I,s:s}", "size", (json_int_t)r->size, "file", path));
	else
		printf(_("a checkpoint of %" PRIu64 " entries: carry %s to the witness\n"), r->size, path);
	return CLI_DONE;
}

int
cmd_witness_request(struct cli *c, int argc, char **argv)
{
	const char *args[2], *from = NULL;
	const struct cli_option options[] = {
		{.name = "from", .arg = "SIZE", .text = &from,
			.help = N_("the size that the witness says it has, where this station does not know it")},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "WITNESS FILE", .min = 2, .max = 2, .options = options,
		.help = N_("Writes the newest checkpoint, with the proof that it goes on from what the witness signed last, to a "
			   "file that is carried to it. WITNESS is its name in the daemon's settings."),
		.examples = "  timebox witness request office.example/witness usb/request\n"
			    "  timebox witness request office.example/witness usb/request --from 1200\n",
	};
	Timebox__V1__GetWitnessRequest ask;
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Call call;
	struct timebox *tb = NULL;
	uint32_t size = 0;
	int rc = CLI_DONE;

	cli_parse(c, &usage, argc, argv, args);
	timebox__v1__get_witness_request__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_WITNESS_REQUEST;
	call.get_witness_request = &ask;
	ask.witness = timebox_string(args[0]);
	ask.has_size = from != NULL;
	if (from != NULL && (rc = cli_count(c, "--from", from, 0, UINT32_MAX, &size)) != CLI_DONE)
		return rc;
	ask.size = size;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_WITNESS_REQUEST, &answer);
	if (rc == CLI_DONE)
		rc = request_save(c, answer->witness_request, args[1]);
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}

/* ---- add ---- */

int
cmd_witness_add(struct cli *c, int argc, char **argv)
{
	const char *args[1];
	const struct cli_usage usage = {
		.args = "FILE", .min = 1, .max = 1,
		.help = N_("Gives the daemon what the witness wrote with `timebox witness sign`."),
		.examples = "  timebox witness add usb/answer\n",
	};
	char note[NOTE_MAX_BYTES + 2], time[OUT_TIME_SIZE];
	Timebox__V1__AddCosignature ask;
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Call call;
	struct timebox *tb = NULL;
	size_t len;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if ((rc = witness_file_read(c, args[0], note, sizeof(note), &len)) != CLI_DONE)
		return rc;
	if (strlen(note) != len)
		return cli_fail_here(c, RESULT_BAD_FIELD, args[0], NULL);
	timebox__v1__add_cosignature__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_ADD_COSIGNATURE;
	call.add_cosignature = &ask;
	ask.note = note;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_WITNESSED, &answer);
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:s,s:I,s:I}", "witness", answer->witnessed->witness, "size",
			(json_int_t)answer->witnessed->size, "time", (json_int_t)answer->witnessed->time));
	else if (rc == CLI_DONE)
		printf(_("%s signed %" PRIu64 " entries on %s\n"), answer->witnessed->witness, answer->witnessed->size,
			out_time(time, answer->witnessed->time * 1000000, timebox_hello(tb)->zone_minutes));
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}

/* ---- board ---- */

/* The note's text and the ledger's line, with '-' for the dash, so that a QR code can carry it: readers guess the encoding of
 * anything but ASCII. False where the origin is not ASCII. */
static bool
board_payload(const char *note, char out[CHECKPOINT_SIZE])
{
	const char *dash = strstr(note, DASH), *end = dash == NULL ? NULL : strchr(dash, '\n');

	if (end == NULL)
		return false;
	(void)snprintf(out, CHECKPOINT_SIZE, "%.*s-%.*s", (int)(dash - note), note,
		(int)(end - dash) - (int)strlen(DASH), dash + strlen(DASH));
	for (const char *at = out; *at != '\0'; at++)
		if ((*at < ' ' && *at != '\n') || *at > '~')
			return false;
	return true;
}

static void
board_words(const char *note, const char *payload)
{
	struct qr qr;

	printf("%s\n\n%s\n", _("The ledger's checkpoint: photograph it, and compare it with what others have."), note);
	if (payload == NULL || qr_make_wide(&qr, payload) != RESULT_OK)
		return;
	for (size_t i = 0; i < qr.n; i++)
		printf("%s\n", qr.line[i]);
}

int
cmd_witness_board(struct cli *c, int argc, char **argv)
{
	bool witnessed = false;
	const struct cli_option options[] = {
		{.name = "witnessed", .help = N_("the newest that the witnesses signed"), .flag = &witnessed},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Prints the checkpoint as text and as a QR code, for the notice board: whoever photographs it can show "
			   "later what the ledger said today."),
		.examples = "  timebox witness board\n  timebox witness board --witnessed --json\n",
	};
	Timebox__V1__GetCheckpoint ask;
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Call call;
	struct timebox *tb = NULL;
	char payload[CHECKPOINT_SIZE];
	const char *note;
	bool ascii;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	timebox__v1__get_checkpoint__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_CHECKPOINT;
	call.get_checkpoint = &ask;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_CHECKPOINT, &answer);
	if (rc == CLI_DONE) {
		note = witnessed ? answer->checkpoint->witnessed : answer->checkpoint->note;
		ascii = board_payload(note, payload);
		if (note[0] == '\0')
			rc = cli_nothing(c, "%s", _("no checkpoint has enough witnesses yet"));
		else if (c->json)
			out_json_line(json_pack("{s:s,s:s}", "note", note, "qr", ascii ? payload : ""));
		else
			board_words(note, ascii ? payload : NULL);
	}
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
