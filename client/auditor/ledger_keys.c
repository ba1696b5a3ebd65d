/* Which keys a ledger had, found in an export that may be anybody's: what its entries prove, and nothing else. */
#include "client/auditor/auditor_int.h"

#include <stdlib.h>
#include <string.h>

enum result
vkey_read(const char *dir, char out[NOTE_VKEY_SIZE])
{
	size_t n;
	enum result err = files_read(dir, "vkey", out, NOTE_VKEY_SIZE, &n);

	if (err == RESULT_OVERFLOW)
		return RESULT_BAD_FIELD;
	if (err == RESULT_OK && n > 0 && out[n - 1] == '\n')
		out[n - 1] = '\0';
	return err;
}

enum result
ledger_keys_read(const char *dir, uint64_t size, const struct note_vkey *known, struct keychain *out)
{
	uint8_t *buf = malloc(FILES_ENTRY_MAX);
	struct tiles t;
	enum result err;
	size_t n;

	if (buf == NULL)
		return RESULT_NO_MEMORY;
	keychain_begin(out);
	tiles_begin(&t, dir, TILE_ENTRIES, size);
	while ((err = tiles_entry(&t, buf, &n)) == RESULT_OK)
		/* What is wrong with an entry the verification says. */
		(void)!keychain_entry(out, buf, n);
	tiles_end(&t);
	free(buf);
	if (!keychain_knows(out, known))
		keychain_only(out, known);
	return err == RESULT_IO ? err : RESULT_OK;
}

enum result
ledger_keys_first(const char *dir, uint64_t size, const struct note_vkey *known, bool *is_known)
{
	uint8_t *buf = malloc(FILES_ENTRY_MAX);
	struct keychain *k = malloc(sizeof(*k));
	enum result err = buf == NULL || k == NULL ? RESULT_NO_MEMORY : RESULT_OK;
	struct tiles t;
	size_t n;

	*is_known = false;
	if (err == RESULT_OK) {
		keychain_begin(k);
		tiles_begin(&t, dir, TILE_ENTRIES, size);
		if ((err = tiles_entry(&t, buf, &n)) == RESULT_OK)
			*is_known = keychain_entry(k, buf, n) == RESULT_OK && keychain_knows(k, known);
		tiles_end(&t);
	}
	free(k);
	free(buf);
	return err == RESULT_IO || err == RESULT_NO_MEMORY ? err : RESULT_OK;
}

enum result
auditor_keys(const char *dir, const char *vkey, struct keychain *out)
{
	char note[NOTE_MAX_BYTES + 2];
	uint64_t size = FILES_SIZE_UNKNOWN;
	struct note_vkey known;
	struct checkpoint c;
	size_t n;
	enum result err;

	if (note_vkey_parse(vkey, &known) != RESULT_OK || known.type != NOTE_TYPE_ED25519)
		return RESULT_BAD_FIELD;
	if ((err = files_read(dir, "checkpoint", note, sizeof(note), &n)) == RESULT_IO)
		return err;
	if (err == RESULT_OK && checkpoint_parse(note, n, &c) == RESULT_OK)
		size = c.size;
	return ledger_keys_read(dir, size, &known, out);
}
