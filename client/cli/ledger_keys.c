#include "client/cli/ledger_keys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "client/auditor/auditor.h"
#include "client/auditor/files.h"
#include "client/cli/audit.h"

#define KEYS_FILE "ledger-keys"

static int
vkey_read(const struct cli *c, const char *text, struct note_vkey *out)
{
	if (note_vkey_parse(text, out) == RESULT_OK && out->type == NOTE_TYPE_ED25519)
		return CLI_DONE;
	return cli_fail_here(c, RESULT_BAD_FIELD, "--vkey", NULL);
}

/* The entries as a file's bytes; 0 where they cannot be. */
static size_t
file_make(const Timebox__V1__LedgerKeys *keys, uint8_t out[KEYCHAIN_FILE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < keys->n_entries; i++) {
		const ProtobufCBinaryData *e = &keys->entries[i];

		if (e->len > KEYCHAIN_ENTRY_MAX || n + e->len + 2 > KEYCHAIN_FILE_MAX)
			return 0;
		out[n++] = (uint8_t)(e->len >> 8);
		out[n++] = (uint8_t)e->len;
		memcpy(out + n, e->data, e->len);
		n += e->len;
	}
	return n;
}

/* What the home has in its file; without one, or where it is torn, no key. */
static enum result
file_read(const struct cli *c, struct keychain *out)
{
	static uint8_t bytes[KEYCHAIN_FILE_MAX + 2];
	size_t n;

	keychain_begin(out);
	if (files_read(c->home_dir, KEYS_FILE, bytes, sizeof(bytes), &n) == RESULT_OK &&
		keychain_file(out, bytes, n) == RESULT_OK)
		return RESULT_OK;
	keychain_begin(out);
	return RESULT_NOT_FOUND;
}

static int
leads_nowhere(const struct cli *c)
{
	return cli_fail_here(c, RESULT_UNKNOWN_KEY, c->home_dir, "%s",
		_("the daemon's ledger has other keys than this home knows, and no entry leads from one to the other: ask the "
		  "station before you go on"));
}

/* What is told goes on from what the home knows, or the other way round: a ledger that lost its end tells of fewer. */
static int
keys_join(struct cli *c, const uint8_t *bytes, size_t n, struct keychain *out)
{
	struct keychain known;

	if (file_read(c, &known) == RESULT_OK) {
		if (keychain_within(out, &known)) {
			*out = known;
			return CLI_DONE;
		}
		if (!keychain_within(&known, out))
			return leads_nowhere(c);
	}
	return files_write(c->home_dir, KEYS_FILE, bytes, n) == RESULT_OK ? CLI_DONE
									  : audit_failed(c, RESULT_IO, c->home_dir);
}

static int
answer_take(struct cli *c, const Timebox__V1__LedgerKeys *keys, struct keychain *out)
{
	static uint8_t bytes[KEYCHAIN_FILE_MAX];
	struct note_vkey known;
	int rc = vkey_read(c, c->home.vkey, &known);
	size_t n = file_make(keys, bytes);

	if (rc != CLI_DONE)
		return rc;
	keychain_begin(out);
	if (n == 0 || keychain_file(out, bytes, n) != RESULT_OK || !keychain_knows(out, &known))
		return leads_nowhere(c);
	return keys_join(c, bytes, n, out);
}

int
ledger_keys_ask(struct cli *c, struct timebox *tb, struct keychain *out)
{
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__GetLedgerKeys ask;
	Timebox__V1__Call call;
	int rc;

	timebox__v1__get_ledger_keys__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_LEDGER_KEYS;
	call.get_ledger_keys = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_LEDGER_KEYS, &answer);
	if (rc == CLI_DONE)
		rc = answer_take(c, answer->ledger_keys, out);
	timebox_response_free(answer);
	return rc;
}

/* ---- without a connection ---- */

/* A file that somebody gave. */
static int
given_take(struct cli *c, const char *path, const struct note_vkey *known, struct keychain *out)
{
	static uint8_t bytes[KEYCHAIN_FILE_MAX + 2];
	enum result err;
	size_t n;

	keychain_begin(out);
	if ((err = files_read(NULL, path, bytes, sizeof(bytes), &n)) == RESULT_NOT_FOUND || err == RESULT_IO)
		return cli_fail_here(c, err, path, "%s", strerror(errno));
	if (err != RESULT_OK || keychain_file(out, bytes, n) != RESULT_OK)
		return cli_fail_here(c, RESULT_CORRUPT, path, "%s",
			_("not a file of timebox station keys, or it was changed since"));
	if (!keychain_knows(out, known))
		return cli_fail_here(c, RESULT_UNKNOWN_KEY, path, "%s",
			_("these are not the keys of the ledger whose verifier key you know"));
	return CLI_DONE;
}

int
ledger_keys_known(struct cli *c, const char *vkey, const char *from, struct keychain *out)
{
	const char *text = vkey;
	struct note_vkey known;
	enum result err;
	struct stat st;
	int rc;

	if (vkey == NULL && (rc = cli_home_open(c)) != CLI_DONE)
		return rc;
	if (vkey == NULL)
		text = c->home.vkey;
	if ((rc = vkey_read(c, text, &known)) != CLI_DONE)
		return rc;
	if (from != NULL && stat(from, &st) == 0 && S_ISDIR(st.st_mode)) {
		err = auditor_keys(from, text, out);
		return err == RESULT_OK ? CLI_DONE : audit_failed(c, err, from);
	}
	if (from != NULL)
		return given_take(c, from, &known, out);
	/* A home that never asked knows its own key. */
	if (vkey != NULL || file_read(c, out) != RESULT_OK || !keychain_knows(out, &known))
		keychain_only(out, &known);
	return CLI_DONE;
}
