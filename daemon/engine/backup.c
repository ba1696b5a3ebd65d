#include "daemon/engine/backup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/engine/backup_int.h"
#include "daemon/engine/backup_out.h"
#include "proto/canonical.h"

/* A commit falls between two looks at the last seq rarely; so often in a row it does not. */
#define FREEZE_TRIES 100000

struct backup {
	const struct backup_ask *ask;
	struct engine_error *error;
	struct engine_keys keys;
	struct ledger *ledger;
	struct people *people;
	struct manifest manifest;
	struct backup_out out;
	struct tree_frontier tree;
	struct keychain chain;
	/* Of the last entry read. */
	uint8_t leaf[32];
	enum people_table table;
};

enum result
backup_error(struct engine_error *error, enum result err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	return err;
}

enum result
backup_zone(const uint8_t *entry, size_t len, int32_t *zone_minutes)
{
	const Timebox__V1__Entry *decoded;
	const Timebox__V1__Act *act;
	ProtobufCMessage *message;
	struct arena arena;
	enum result err = arena_init(&arena, ACT_ARENA_BYTES);

	if (err != RESULT_OK)
		return err;
	if (entry_decode(entry, len, &arena, &decoded) != RESULT_OK ||
	    canonical_unpack(&timebox__v1__act__descriptor, &arena, decoded->act.data, decoded->act.len, &message) !=
		RESULT_OK) {
		err = RESULT_CORRUPT;
	} else {
		act = (const Timebox__V1__Act *)(const void *)message;
		if (act->n_commands == 1 && act->commands[0]->kind_case == TIMEBOX__V1__COMMAND__KIND_GENESIS)
			*zone_minutes = act->commands[0]->genesis->zone_minutes;
		else
			err = RESULT_CORRUPT;
	}
	arena_free(&arena);
	return err;
}

/* ---- what is backed up, and as of when ---- */

static enum result
open_station(struct backup *b)
{
	char ledger[ENGINE_PATH_MAX], people[ENGINE_PATH_MAX];
	const char *dir = b->ask->dir;
	int n = snprintf(ledger, sizeof(ledger), "%s/ledger", dir);
	int k = snprintf(people, sizeof(people), "%s/people", dir);
	enum result err;

	if (n < 0 || n >= ENGINE_PATH_MAX || k < 0 || k >= ENGINE_PATH_MAX)
		return backup_error(b->error, RESULT_OVERFLOW, "%s: the path is too long", dir);
	if ((err = keys_load(dir, &b->keys)) != RESULT_OK)
		return backup_error(b->error, err, "%s/keys: %s", dir, result_text_en(err));
	if ((err = ledger_open(ledger, 1, &b->ledger)) != RESULT_OK)
		return backup_error(b->error, err, "%s: %s", ledger, result_text_en(err));
	if (!b->ask->without_people && (err = people_open_reader(people, &b->people)) != RESULT_OK)
		return backup_error(b->error, err, "%s: %s", people, result_text_en(err));
	return RESULT_OK;
}

/* backup.h, "Entries and people must fit". */
static enum result
freeze(struct backup *b)
{
	enum result err = ledger_refresh(b->ledger);
	uint64_t before = ledger_committed_seq(b->ledger);

	for (int i = 0; i < FREEZE_TRIES && err == RESULT_OK && b->people != NULL; i++) {
		if ((err = people_freeze(b->people)) != RESULT_OK ||
		    (err = ledger_refresh(b->ledger)) != RESULT_OK ||
		    ledger_committed_seq(b->ledger) == before)
			break;
		before = ledger_committed_seq(b->ledger);
		if (i + 1 == FREEZE_TRIES)
			err = RESULT_BUSY;
	}
	if (err != RESULT_OK)
		return backup_error(b->error, err, "%s: cannot read ledger and people: %s", b->ask->dir,
		    result_text_en(err));
	b->manifest.to = before;
	if (before == 0 || b->ask->since > before)
		return backup_error(b->error, RESULT_BAD_FIELD,
		    "%s: the ledger ends at entry %" PRIu64 ", before the one the backup is to begin after",
		    b->ask->dir, before);
	b->manifest.from = b->ask->since + 1;
	return RESULT_OK;
}

/* ---- the keys that the ledger had, and the one that signs ---- */

/* Of entry 1: the ledger's name, and the day until which people may be kept. */
static enum result
read_genesis(struct backup *b, const uint8_t *bytes, size_t len)
{
	int32_t zone_minutes;
	enum result err = backup_zone(bytes, len, &zone_minutes);

	if (err != RESULT_OK)
		return err;
	memcpy(b->manifest.origin, b->chain.origin, sizeof(b->manifest.origin));
	if (b->people != NULL)
		b->manifest.keep_until_day =
		    backup_day(b->ask->now_us, zone_minutes) + (int32_t)b->ask->keep_days;
	return RESULT_OK;
}

static enum result
read_key(struct backup *b, uint64_t seq, const uint8_t *bytes, size_t len)
{
	enum result err = keychain_entry(&b->chain, bytes, len);

	if (err == RESULT_NOT_FOUND && seq > 1)
		return RESULT_OK;
	if (err != RESULT_OK)
		return backup_error(b->error, RESULT_CORRUPT, "%s/ledger: entry %" PRIu64 " makes no ledger key as it should",
		    b->ask->dir, seq);
	return RESULT_OK;
}

/* What is signed is of size `to`. The key may have been changed since it was read, or since the ledger was looked at. */
static enum result
find_key(struct backup *b)
{
	const uint8_t *key = b->chain.list[keychain_at(&b->chain, b->manifest.to)].key;

	if (keys_find(b->ask->dir, key, &b->keys) == RESULT_OK)
		return RESULT_OK;
	return backup_error(b->error, RESULT_BUSY,
	    "%s/keys: not the key that the ledger has at entry %" PRIu64
	    ": if it was changed just now, make the backup again",
	    b->ask->dir, b->manifest.to);
}

/* ---- writing ---- */

static enum result
backup_entry(void *ctx, uint64_t seq, const uint8_t *bytes, size_t len)
{
	struct backup *b = ctx;
	uint8_t prev[32], *record;
	uint64_t said;
	enum result err;

	if (entry_link(bytes, len, &said, prev) != RESULT_OK || said != seq ||
	    memcmp(prev, b->leaf, sizeof(prev)) != 0)
		return backup_error(b->error, RESULT_CORRUPT,
		    "%s/ledger: entry %" PRIu64 " does not follow the one before it: one of them was altered",
		    b->ask->dir, seq);
	tree_leaf_hash(bytes, len, b->leaf);
	tree_frontier_append(&b->tree, b->leaf);
	if ((err = read_key(b, seq, bytes, len)) != RESULT_OK ||
	    (seq == 1 && (err = read_genesis(b, bytes, len)) != RESULT_OK))
		return err;
	if (seq == b->ask->since)
		memcpy(b->manifest.prev, b->leaf, sizeof(b->leaf));
	if (seq <= b->ask->since)
		return RESULT_OK;
	if ((err = out_record(&b->out, "entries", len + 2, &record)) != RESULT_OK)
		return err;
	record[0] = (uint8_t)(len >> 8);
	record[1] = (uint8_t)len;
	memcpy(record + 2, bytes, len);
	return RESULT_OK;
}

static enum result
backup_row(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct backup *b = ctx;
	uint8_t *record;
	enum result err = out_record(&b->out, "people", 5 + key_len + len, &record);

	if (err != RESULT_OK)
		return err;
	record[0] = (uint8_t)b->table;
	record[1] = (uint8_t)(key_len >> 8);
	record[2] = (uint8_t)key_len;
	record[3] = (uint8_t)(len >> 8);
	record[4] = (uint8_t)len;
	memcpy(record + 5, key, key_len);
	if (len > 0)
		memcpy(record + 5 + key_len, value, len);
	return RESULT_OK;
}

static enum result
write_people(struct backup *b)
{
	enum result err = RESULT_OK;

	for (int t = 0; t < PEOPLE_TABLES && err == RESULT_OK; t++) {
		b->table = (enum people_table)t;
		err = people_each(b->people, b->table, NULL, 0, backup_row, b);
	}
	return err == RESULT_OK ? out_flush(&b->out) : err;
}

static enum result
write_keys(struct backup *b)
{
	uint8_t keys[BACKUP_KEYS_LEN];
	enum result err;

	memcpy(keys, b->keys.ledger_seed, 32);
	memcpy(keys + 32, b->keys.tls_seed, 32);
	memcpy(keys + 64, b->keys.voucher_key, 32);
	err = out_file(&b->out, "keys", keys, sizeof(keys), 1);
	crypto_wipe(keys, sizeof(keys));
	return err;
}

static enum result
write_checkpoint(struct backup *b)
{
	char note[CHECKPOINT_SIZE];
	uint8_t root[32];
	enum result err;

	tree_frontier_root(&b->tree, root);
	err = checkpoint_sign(note, sizeof(note), b->manifest.origin, b->tree.size, root,
	    b->manifest.origin, b->keys.ledger_seed);
	return err != RESULT_OK ? err : out_file(&b->out, "checkpoint", note, strlen(note), 1);
}

static enum result
write_manifest(struct backup *b)
{
	struct manifest *m = &b->manifest;
	char *text = NULL;
	size_t len;
	enum result err;

	memcpy(m->leaf, b->leaf, sizeof(m->leaf));
	m->people = b->people != NULL;
	m->keys = !b->ask->without_keys;
	snprintf(m->tool, sizeof(m->tool), "%s", b->ask->tool);
	if ((err = manifest_write(m, b->keys.ledger_seed, &text, &len)) == RESULT_OK)
		err = out_file(&b->out, "manifest", text, len, 0);
	free(text);
	return err;
}

static enum result
write_all(struct backup *b)
{
	enum result err;

	if ((err = ledger_scan(b->ledger, 1, b->manifest.to, backup_entry, b)) != RESULT_OK ||
	    (err = find_key(b)) != RESULT_OK ||
	    (err = out_flush(&b->out)) != RESULT_OK ||
	    (b->people != NULL && (err = write_people(b)) != RESULT_OK) ||
	    (!b->ask->without_keys && (err = write_keys(b)) != RESULT_OK) ||
	    (err = write_checkpoint(b)) != RESULT_OK || (err = write_manifest(b)) != RESULT_OK)
		return err;
	return out_finish(&b->out);
}

enum result
backup_make(const struct backup_ask *ask, struct backup_done *done, struct engine_error *error)
{
	struct backup *b = calloc(1, sizeof(*b));
	const char *where = ask->to == NULL ? "standard output" : ask->to;
	enum result err;

	error->text[0] = 0;
	if (b == NULL)
		return backup_error(error, RESULT_NO_MEMORY, "not enough memory");
	b->ask = ask;
	b->error = error;
	tree_frontier_init(&b->tree);
	keychain_begin(&b->chain);
	if ((err = open_station(b)) == RESULT_OK && (err = freeze(b)) == RESULT_OK &&
	    (err = out_open(&b->out, ask->to, &b->manifest)) == RESULT_OK)
		err = write_all(b);
	if (err != RESULT_OK && error->text[0] == 0)
		(void)backup_error(error, err, "%s: %s", where, result_text_en(err));
	*done = (struct backup_done){b->manifest.from, b->manifest.to, b->out.bytes, b->manifest.keep_until_day};
	out_close(&b->out);
	manifest_free(&b->manifest);
	people_close(b->people);
	ledger_close(b->ledger);
	crypto_wipe(&b->keys, sizeof(b->keys));
	free(b);
	return err;
}
