/*
 * DIR/erasures: what was erased, to be kept with the backups. A backup that is older than an erasure still holds the person's
 * data, and its ledger does not tell of the erasure; `restore --erasures` does it again.
 *
 *   timebox-erasures 1
 *   origin <origin>
 *   ledger-key <entry, hexadecimal>             where the ledger's key was changed: entry 1 and each change, in order
 *   erasure <entry>.<command> member|beneficiary <id> whole|details|records          in order, a line each
 *   signature <Ed25519 by the ledger key over "timebox/erasures/v1\n" and all lines before this one>
 *
 * By a key that this ledger has had, or by the last of those lines, which lead to it from this ledger's key: so a list is good
 * for a ledger that is older than the change, too.
 * Ids are of nobody once the number is gone. Lines that the ledger does not tell of (from a list that was given to restore)
 * are kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/engine/backup_int.h"
#include "daemon/engine/erasure_int.h"
#include "daemon/ops/log.h"

#define PREFIX	   ERASURE_LIST_PREFIX
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define LINE_MAX_LEN (2 * KEYCHAIN_ENTRY_MAX + 64)

static const char *const scopes[SCOPE_LAST] = {
    [SCOPE_WHOLE] = "whole", [SCOPE_DETAILS] = "details", [SCOPE_RECORDS] = "records"};

/* ---- reading ---- */

static enum result
read_erasure(const char *line, struct erasures *out)
{
	struct texts_erasure x = {.scope = SCOPE_NONE};
	char who[16], scope[16];
	uint64_t seq, id;
	uint32_t command;
	int end = 0;

	if (sscanf(line, "erasure %" SCNu64 ".%" SCNu32 " %15s %" SCNu64 " %15s%n", &seq, &command, who, &id,
		scope, &end) != 5 ||
	    line[end] != '\n' || seq == 0 || seq >> 47 != 0 || command > UINT16_MAX || id == 0)
		return RESULT_BAD_FIELD;
	for (uint32_t s = SCOPE_WHOLE; s < SCOPE_LAST; s++)
		if (strcmp(scope, scopes[s]) == 0)
			x.scope = s;
	x.id = ref_id(seq, command);
	if (strcmp(who, "member") == 0)
		x.member = id;
	else if (strcmp(who, "beneficiary") == 0)
		x.beneficiary = id;
	if (x.scope == SCOPE_NONE || (x.member == 0 && x.beneficiary == 0))
		return RESULT_BAD_FIELD;
	return erasure_add(out, &x);
}

static enum result
read_key(const char *line, struct keychain *keys)
{
	uint8_t entry[KEYCHAIN_ENTRY_MAX];
	size_t digits;

	line += sizeof("ledger-key ") - 1;
	digits = strcspn(line, "\n");
	if (digits / 2 > sizeof(entry) || hex_decode(entry, digits / 2, line, digits) != RESULT_OK ||
	    keychain_entry(keys, entry, digits / 2) != RESULT_OK)
		return RESULT_BAD_FIELD;
	return RESULT_OK;
}

enum result
erasure_list_read(FILE *file, const char *origin, struct erasures *out, struct keychain *keys, FILE *signed_text,
    uint8_t signature[SIG_LEN])
{
	char line[LINE_MAX_LEN], want[LINE_MAX_LEN];
	enum result err;

	fputs(PREFIX "timebox-erasures 1\n", signed_text);
	if (fgets(line, sizeof(line), file) == NULL || strcmp(line, "timebox-erasures 1\n") != 0)
		return RESULT_BAD_FIELD;
	snprintf(want, sizeof(want), "origin %s\n", origin);
	fputs(want, signed_text);
	if (fgets(line, sizeof(line), file) == NULL)
		return RESULT_BAD_FIELD;
	if (strcmp(line, want) != 0)
		return strncmp(line, "origin ", 7) == 0 ? RESULT_WRONG_ORIGIN : RESULT_BAD_FIELD;
	while (fgets(line, sizeof(line), file) != NULL) {
		size_t n = strlen(line);

		if (strncmp(line, "signature ", 10) == 0)
			return n == 10 + 2 * SIG_LEN + 1 && line[n - 1] == '\n' && fgetc(file) == EOF
				   ? hex_decode(signature, SIG_LEN, line + 10, 2 * SIG_LEN)
				   : RESULT_BAD_FIELD;
		err = strncmp(line, "ledger-key ", 11) == 0 ? read_key(line, keys) : read_erasure(line, out);
		if (err != RESULT_OK)
			return err;
		fputs(line, signed_text);
	}
	return RESULT_BAD_FIELD;
}

/* By a key of this ledger, or one that its key leads to. */
static enum result
signer_check(const struct engine *e, const struct keychain *told, const char *text, size_t len,
    const uint8_t signature[SIG_LEN])
{
	struct keychain own;

	engine_keychain(e, &own);
	for (size_t i = 0; i < own.n; i++)
		if (ed25519_verify(own.list[i].key, text, len, signature) == RESULT_OK)
			return RESULT_OK;
	if (told->n == 0 || strcmp(told->origin, e->origin) != 0 || !keychain_has(told, e->keys.ledger_pub))
		return RESULT_BAD_SIGNATURE;
	return ed25519_verify(told->list[told->n - 1].key, text, len, signature);
}

/* RESULT_NOT_FOUND if there is no such file. The list is to be freed, also after a failure. */
static enum result
list_read(const struct engine *e, const char *path, struct erasures *out)
{
	FILE *file = fopen(path, "re"), *signed_text;
	uint8_t signature[SIG_LEN];
	struct keychain keys;
	char *text = NULL;
	size_t len = 0;
	enum result err;

	memset(out, 0, sizeof(*out));
	if (file == NULL)
		return errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO;
	if ((signed_text = open_memstream(&text, &len)) == NULL) {
		fclose(file);
		return RESULT_NO_MEMORY;
	}
	keychain_begin(&keys);
	err = erasure_list_read(file, e->origin, out, &keys, signed_text, signature);
	if (fclose(signed_text) != 0 && err == RESULT_OK)
		err = RESULT_NO_MEMORY;
	if (err == RESULT_OK)
		err = signer_check(e, &keys, text, len, signature);
	free(text);
	fclose(file);
	return err;
}

/* ---- writing ---- */

static void
print_line(FILE *file, const struct texts_erasure *x)
{
	fprintf(file, "erasure %" PRIu64 ".%u %s %" PRIu64 " %s\n", x->id >> 16, (unsigned)(x->id & 0xffff),
	    x->member != 0 ? "member" : "beneficiary", x->member != 0 ? x->member : x->beneficiary,
	    scopes[x->scope]);
}

/* What leads from the first key to the one that signs: lines, to be freed, also after a failure. */
static enum result
print_keys(struct engine *e, char **lines)
{
	char hex[2 * KEYCHAIN_ENTRY_MAX + 1];
	uint8_t entry[KEYCHAIN_ENTRY_MAX];
	enum result err = RESULT_OK;
	struct keychain keys;
	size_t len, size;
	FILE *file = open_memstream(lines, &size);

	if (file == NULL)
		return RESULT_NO_MEMORY;
	engine_keychain(e, &keys);
	for (size_t i = 0; keys.n > 1 && i < keys.n && err == RESULT_OK; i++) {
		err = engine_entry(e, keys.list[i].from, entry, sizeof(entry), &len);
		if (err == RESULT_OK) {
			hex_encode(hex, sizeof(hex), entry, len);
			fprintf(file, "ledger-key %s\n", hex);
		}
	}
	return fclose(file) == 0 || err != RESULT_OK ? err : RESULT_NO_MEMORY;
}

enum result
erasure_list_print(const char *origin, const char *keys, const uint8_t seed[SEED_LEN], const struct erasures *l,
    char **text, size_t *len)
{
	char hex[2 * SIG_LEN + 1];
	uint8_t signature[SIG_LEN];
	FILE *file = open_memstream(text, len);
	enum result err = RESULT_NO_MEMORY;

	if (file == NULL)
		return err;
	fprintf(file, PREFIX "timebox-erasures 1\norigin %s\n%s", origin, keys);
	for (size_t i = 0; i < l->n; i++)
		print_line(file, &l->list[i]);
	if (fflush(file) == 0 &&
	    (err = ed25519_sign(seed, *text, *len, signature)) == RESULT_OK) {
		hex_encode(hex, sizeof(hex), signature, SIG_LEN);
		fprintf(file, "signature %s\n", hex);
	}
	if (fclose(file) != 0 && err == RESULT_OK)
		err = RESULT_NO_MEMORY;
	return err;
}

static int
is_listed(const struct erasures *l, const struct texts_erasure *x)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].id == x->id && l->list[i].member == x->member &&
		    l->list[i].beneficiary == x->beneficiary && l->list[i].scope == x->scope)
			return 1;
	return 0;
}

/* Adds what `from` has and `to` has not. */
static enum result
list_merge(struct erasures *to, const struct erasures *from)
{
	enum result err = RESULT_OK;

	for (size_t i = 0; i < from->n && err == RESULT_OK; i++)
		if (!is_listed(to, &from->list[i]))
			err = erasure_add(to, &from->list[i]);
	erasure_sort(to);
	return err;
}

/* Replaces the file, durably. */
static enum result
file_replace(const struct engine *e, const char *path, const char *text, size_t len)
{
	char fresh[ENGINE_PATH_MAX + 8];
	enum result err = RESULT_OK;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if ((fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return RESULT_IO;
	if (write(fd, text, len) != (ssize_t)len || fsync(fd) != 0)
		err = RESULT_IO;
	if (close(fd) != 0 || (err == RESULT_OK && rename(fresh, path) != 0))
		err = RESULT_IO;
	return err == RESULT_OK ? backup_sync_folder(e->dir) : err;
}

static enum result
list_path(const struct engine *e, char out[ENGINE_PATH_MAX])
{
	int n = snprintf(out, ENGINE_PATH_MAX, "%s/erasures", e->dir);

	return n < 0 || n >= ENGINE_PATH_MAX ? RESULT_OVERFLOW : RESULT_OK;
}

/* What the ledger tells of, what the file at hand has beyond, and `more`. */
static enum result
list_write(struct engine *e, const struct erasures *more)
{
	struct erasures all, kept = {.n = 0};
	char path[ENGINE_PATH_MAX], *text = NULL, *keys = NULL;
	size_t len = 0;
	enum result err = erasure_decided(e, 0, &all);

	if (err == RESULT_OK && (err = list_path(e, path)) == RESULT_OK &&
	    (err = list_read(e, path, &kept)) == RESULT_NOT_FOUND)
		err = RESULT_OK;
	if (err == RESULT_OK && (err = list_merge(&all, &kept)) == RESULT_OK &&
	    (more == NULL || (err = list_merge(&all, more)) == RESULT_OK) &&
	    (err = print_keys(e, &keys)) == RESULT_OK &&
	    (err = erasure_list_print(e->origin, keys, e->keys.ledger_seed, &all, &text, &len)) == RESULT_OK)
		/* The prefix is signed, and not in the file. */
		err = file_replace(e, path, text + PREFIX_LEN, len - PREFIX_LEN);
	free(text);
	free(keys);
	free(all.list);
	free(kept.list);
	return err;
}

void
erasure_list_write(struct engine *e)
{
	enum result err = list_write(e, NULL);

	/* The ledger tells the same; the next erasure or start writes it again. */
	if (err != RESULT_OK)
		log_event(LOG_LEVEL_ERROR, "erasure_list_failed", "reason=%s", result_name(err));
}

/* ---- a list that was kept elsewhere ---- */

/* Of the list, what this ledger does not tell of. */
static enum result
list_unknown(const struct engine *e, const struct erasures *given, struct erasures *out)
{
	struct erasures decided;
	enum result err = erasure_decided(e, 0, &decided);

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < given->n && err == RESULT_OK; i++)
		if (!is_listed(&decided, &given->list[i]))
			err = erasure_add(out, &given->list[i]);
	free(decided.list);
	return err;
}

enum result
engine_erase_listed(struct engine *e, const char *path, uint64_t *done, struct engine_error *error)
{
	struct erasures given, unknown = {.n = 0}, none;
	uint64_t mark = 0;
	enum result err = list_read(e, path, &given);

	*done = 0;
	if (err == RESULT_OK && (err = list_unknown(e, &given, &unknown)) == RESULT_OK && unknown.n > 0 &&
	    (err = erasure_decided(e, 0, &none)) == RESULT_OK) {
		/* Those of the ledger were carried out when it was opened. */
		mark = none.n > 0 ? none.list[none.n - 1].id : 0;
		free(none.list);
		if ((err = erasure_carry_out(e, &unknown, mark)) == RESULT_OK) {
			err = list_write(e, &unknown);
			erasure_tidy(e);
		}
	}
	if (err == RESULT_OK)
		*done = unknown.n;
	else
		snprintf(error->text, sizeof(error->text), "%s: %s", path,
		    err == RESULT_BAD_FIELD ? "not a list of erasures" : result_text_en(err));
	free(given.list);
	free(unknown.list);
	return err;
}
