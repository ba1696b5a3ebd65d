/* The station's life: made, opened (locked, replayed, swept), committed, checkpointed, closed. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/engine/engine_int.h"
#include "daemon/ops/log.h"
#include "proto/canonical.h"
#include "proto/crypto.h"
#include "proto/uuid7.h"

/* Entries of a replay between two checkpoints of the state. */
#define REPLAY_CHECKPOINT 200000

/* The first rule set (DOMAIN.md): what a station starts with, stated whole in entry 1. */
#define FIRST_SESSION_CAP_MINUTES 480
#define FIRST_HOLD_DAYS		  7
#define FIRST_GRACE_DAYS	  3
#define FIRST_RESET_GUARD_DAYS	  7

static enum result refuse(struct engine_error *error, enum result err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum result
refuse(struct engine_error *error, enum result err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	return err;
}

static enum result
path_join(char out[ENGINE_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, ENGINE_PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= ENGINE_PATH_MAX ? RESULT_OVERFLOW : RESULT_OK;
}

/* One process per station. */
static enum result
lock(struct engine *e, const char *dir)
{
	char path[ENGINE_PATH_MAX];
	enum result err = path_join(path, dir, "lock");

	if (err != RESULT_OK)
		return err;
	snprintf(e->dir, sizeof(e->dir), "%s", dir);
	e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (e->lock_fd < 0)
		return errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO;
	if (flock(e->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? RESULT_BUSY : RESULT_IO;
	return RESULT_OK;
}

/*
 * What need not be in memory: whatever grows with members, records and redemptions. What is small, is walked on every turn or
 * call, or looked up for every act, stays. Keys of ROWS_FRESH hold the sequence number of the entry that adds the row.
 */
static const unsigned table_flags[TABLE_LAST] = {
    [TABLE_ACCOUNT] = ROWS_EVICTABLE,
    [TABLE_MEMBER] = ROWS_EVICTABLE,
    [TABLE_MEMBER_HEAD] = ROWS_EVICTABLE,
    [TABLE_POINT_LOT] = ROWS_EVICTABLE,
    [TABLE_CARRY] = ROWS_EVICTABLE,
    [TABLE_INVITE] = ROWS_EVICTABLE,
    [TABLE_BENEFICIARY] = ROWS_EVICTABLE,
    [TABLE_PAIR] = ROWS_EVICTABLE,
    [TABLE_DELEGATION] = ROWS_EVICTABLE,
    [TABLE_DONATION] = ROWS_EVICTABLE | ROWS_FRESH,
    [TABLE_RECEIPT] = ROWS_EVICTABLE,
    [TABLE_ACTIVITY] = ROWS_EVICTABLE | ROWS_FRESH,
    [TABLE_RECORD] = ROWS_EVICTABLE | ROWS_FRESH,
    [TABLE_BATCH_PART] = ROWS_EVICTABLE | ROWS_FRESH,
    [TABLE_MEMBER_DAY] = ROWS_EVICTABLE,
    [TABLE_QUOTA] = ROWS_EVICTABLE,
    [TABLE_HOLD] = ROWS_EVICTABLE | ROWS_FRESH,
    [TABLE_HOLD_PART] = ROWS_EVICTABLE | ROWS_FRESH,
};

static enum result
open_envs(struct engine *e, const char *dir)
{
	struct rows_table tables[ENGINE_TABLE_LAST];
	char path[ENGINE_PATH_MAX];
	enum result err;

	for (unsigned i = 0; i < TABLE_LAST; i++)
		tables[i] = (struct rows_table){.name = table_name((enum table)i),
		    .value_size = table_value_size((enum table)i), .flags = table_flags[i]};
	/* Whoever asks for a member's head asks for the points next, mostly all in one lot. */
	tables[TABLE_ACCOUNT].beside = TABLE_MEMBER_HEAD;
	tables[TABLE_ACCOUNT].beside_tag = PURPOSE_AVAILABLE;
	tables[ENGINE_TABLE_ID] = (struct rows_table){
	    .name = "request_id", .value_size = sizeof(struct id_row),
	    .flags = ROWS_EVICTABLE | ROWS_FRESH | ROWS_NEWEST};
	tables[ENGINE_TABLE_VOUCHER] = (struct rows_table){
	    .name = "voucher", .value_size = sizeof(struct voucher_row), .flags = ROWS_EVICTABLE | ROWS_FRESH};
	if ((err = path_join(path, dir, "ledger")) != RESULT_OK ||
	    (err = ledger_open(path, 0, &e->ledger)) != RESULT_OK ||
	    (err = path_join(path, dir, "state")) != RESULT_OK ||
	    (err = rows_open(path, tables, ENGINE_TABLE_LAST, &e->rows)) != RESULT_OK ||
	    (err = path_join(path, dir, "people")) != RESULT_OK)
		return err;
	rows_source(e->rows, &e->source);
	return people_open(path, &e->people);
}

/* What needs no file: memory, clock. */
static struct engine *
engine_new(void)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->lock_fd = -1;
	clock_rebase(&e->clock);
	e->started_us = clock_now_us();
	tree_frontier_init(&e->meta.tree);
	tree_frontier_init(&e->committed_tree);
	if (arena_init(&e->arena, ACT_ARENA_BYTES) != RESULT_OK ||
	    retired_open(&e->retired, e->started_us) != RESULT_OK) {
		engine_close(e);
		return NULL;
	}
	return e;
}

static enum result
set_origin(struct engine *e, const char *origin)
{
	if (!note_name_ok(origin))
		return RESULT_BAD_FIELD;
	snprintf(e->origin, sizeof(e->origin), "%s", origin);
	return RESULT_OK;
}

/* ---- init ---- */

enum result
operator_act(struct engine *e, Timebox__V1__Command *command)
{
	uint8_t packed[4096], id[16];
	Timebox__V1__Act act;
	enum result err;

	timebox__v1__act__init(&act);
	if ((err = uuid7_make(id, clock_now_us() / 1000)) != RESULT_OK)
		return err;
	act.origin = e->origin;
	act.request_id = (ProtobufCBinaryData){16, id};
	act.made_at_us = clock_now_us();
	act.actor_key = (ProtobufCBinaryData){32, e->keys.ledger_pub};
	act.commands = &command;
	act.n_commands = 1;
	CHECK(timebox__v1__act__get_packed_size(&act) <= sizeof(packed));
	err = engine_decide_own(e, packed, timebox__v1__act__pack(&act, packed), 0, 1);
	return err != RESULT_OK ? err : engine_commit(e);
}

static enum result
genesis(struct engine *e, int32_t zone_minutes, uint8_t secrets[3][16])
{
	Timebox__V1__Provenance converts[] = {
	    TIMEBOX__V1__PROVENANCE__PROVENANCE_KIOSK,
	    TIMEBOX__V1__PROVENANCE__PROVENANCE_WITNESSED,
	    TIMEBOX__V1__PROVENANCE__PROVENANCE_CODE,
	    TIMEBOX__V1__PROVENANCE__PROVENANCE_OPENING,
	};
	ProtobufCBinaryData codes[2];
	Timebox__V1__Command command;
	Timebox__V1__Genesis g;
	Timebox__V1__RuleSet rules;
	uint8_t hash[3][32];
	enum result err;

	timebox__v1__command__init(&command);
	timebox__v1__genesis__init(&g);
	timebox__v1__rule_set__init(&rules);
	for (int i = 0; i < 3; i++) {
		if ((err = crypto_random(secrets[i], 16)) != RESULT_OK)
			return err;
		sha256(secrets[i], 16, hash[i]);
	}
	rules.session_cap_minutes = FIRST_SESSION_CAP_MINUTES;
	rules.hold_days = FIRST_HOLD_DAYS;
	rules.grace_days = FIRST_GRACE_DAYS;
	rules.reset_guard_days = FIRST_RESET_GUARD_DAYS;
	rules.converts = converts;
	rules.n_converts = sizeof(converts) / sizeof(converts[0]);
	codes[0] = (ProtobufCBinaryData){32, hash[0]};
	codes[1] = (ProtobufCBinaryData){32, hash[1]};
	g.ledger_key = (ProtobufCBinaryData){32, e->keys.ledger_pub};
	g.zone_minutes = zone_minutes;
	g.staff_codes = codes;
	g.n_staff_codes = 2;
	g.recovery_code = (ProtobufCBinaryData){32, hash[2]};
	g.rules = &rules;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_GENESIS;
	command.genesis = &g;
	return operator_act(e, &command);
}

enum result
engine_init(const char *dir, const char *origin, int32_t zone_minutes, uint8_t secrets[3][16],
    struct engine_keys *keys)
{
	struct engine *e = engine_new();
	enum result err;

	if (e == NULL)
		return RESULT_NO_MEMORY;
	if (!note_name_ok(origin)) {
		engine_close(e);
		return RESULT_BAD_FIELD;
	}
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		err = RESULT_IO;
	else if ((err = lock(e, dir)) == RESULT_OK &&
		 (err = keys_make(dir, &e->keys)) == RESULT_OK &&
		 (err = set_origin(e, origin)) == RESULT_OK &&
		 (err = open_envs(e, dir)) == RESULT_OK)
		err = ledger_last_seq(e->ledger) != 0 ? RESULT_EXISTS
						      : genesis(e, zone_minutes, secrets);
	*keys = e->keys;
	engine_close(e);
	return err;
}

/* ---- open ---- */

/* The origin is that of entry 1's act. */
static enum result
read_origin(struct engine *e)
{
	const Timebox__V1__Entry *entry;
	ProtobufCMessage *message;
	size_t len;
	enum result err;

	arena_reset(&e->arena);
	if ((err = ledger_read(e->ledger, 1, e->stored, sizeof(e->stored), &len)) != RESULT_OK)
		return err;
	if (entry_decode(e->stored, len, &e->arena, &entry) != RESULT_OK ||
	    canonical_unpack(&timebox__v1__act__descriptor, &e->arena, entry->act.data,
		entry->act.len, &message) != RESULT_OK)
		return RESULT_CORRUPT;
	return set_origin(e, ((const Timebox__V1__Act *)message)->origin);
}

/* Takes up the checkpoint's tree, if it is whole and belongs to this ledger; else begins from
 * nothing. */
static enum result
load_meta(struct engine *e)
{
	uint64_t at = rows_checkpoint_seq(e->rows);
	uint8_t leaf[32];
	enum result err;

	if (at == 0)
		return RESULT_OK;
	if (at > ledger_last_seq(e->ledger) ||
	    rows_checkpoint_meta(e->rows, &e->meta, sizeof(e->meta)) != sizeof(e->meta) ||
	    e->meta.tree.size != at)
		return RESULT_CORRUPT;
	if ((err = engine_leaf(e, at, leaf)) != RESULT_OK)
		return err;
	return memcmp(leaf, e->meta.last_leaf, 32) == 0 ? RESULT_OK : RESULT_CORRUPT;
}

static int
id_known(void *ctx, const uint8_t id[16])
{
	return engine_seq_of(ctx, id) != 0;
}

/* Before anything is served or swept: is the clock one that entries may be dated by? */
static void
judge_clock(struct engine *e)
{
	uint64_t now = clock_now_us(), last = e->meta.last_time_us;

	e->start_doubtful = now < last || now > last + ENGINE_START_GAP_US;
	if (e->start_doubtful)
		log_event(LOG_LEVEL_ERROR, "clock_doubtful", "last_entry_us=%llu now_us=%llu",
		    (unsigned long long)last, (unsigned long long)now);
}

/* A long replay leaves checkpoints behind it: what is interrupted need not begin anew. A failure shows at the next one. */
static enum result
replay_one(void *ctx, uint64_t seq, const uint8_t *bytes, size_t len)
{
	struct engine *e = ctx;
	enum result err = engine_replay(e, seq, bytes, len);

	if (err == RESULT_OK && seq % REPLAY_CHECKPOINT == 0 && rows_checkpoint_wait(e->rows) == RESULT_OK)
		(void)!rows_checkpoint_begin(e->rows, seq, &e->meta, sizeof(e->meta), NULL, NULL);
	return err;
}

static enum result
open_station(struct engine *e, const char *dir, struct engine_error *error)
{
	uint64_t from, last, undone = 0;
	enum result err;

	if ((err = lock(e, dir)) != RESULT_OK)
		return refuse(error, err,
		    err == RESULT_BUSY ? "%s is in use by another timeboxd: stop that one first"
				       : "cannot lock %s: is it a station made by timeboxd init?",
		    dir);
	if ((err = keys_load(dir, &e->keys)) != RESULT_OK)
		return refuse(error, err,
		    "%s/keys: %s: restore the keys, readable by this user only", dir,
		    result_text_en(err));
	if ((err = open_envs(e, dir)) != RESULT_OK)
		return refuse(error, err, "%s: cannot open ledger, state or people: %s", dir,
		    result_text_en(err));
	if ((err = read_origin(e)) != RESULT_OK)
		return refuse(
		    error, err, "%s/ledger: no readable first entry: %s", dir, result_text_en(err));
	if ((err = load_meta(e)) != RESULT_OK)
		return refuse(error, err,
		    "%s/state does not belong to this ledger: move the folder away, it is rebuilt",
		    dir);
	from = e->meta.tree.size + 1;
	last = ledger_last_seq(e->ledger);
	if (from <= last &&
	    (err = ledger_scan(e->ledger, from, last, replay_one, e)) != RESULT_OK)
		return refuse(error, err, "%s/ledger: entry %llu does not come out as stored: %s",
		    dir, (unsigned long long)e->meta.tree.size + 1, result_text_en(err));
	log_event(LOG_LEVEL_INFO, "replayed", "from=%llu to=%llu", (unsigned long long)from,
	    (unsigned long long)last);
	e->committed_tree = e->meta.tree;
	if ((err = ledger_key_settle(e)) != RESULT_OK)
		return refuse(error, err,
		    err == RESULT_BAD_SIGNATURE
			? "%s/keys/ledger is not the key that the ledger's entries name last: put the right one there, or, "
			  "if the ledger lost its end, restore a newer backup"
			: "%s/keys: cannot be settled: %s",
		    dir, result_text_en(err));
	if ((err = nodes_load(e)) != RESULT_OK)
		return refuse(error, err, "%s/nodes: %s", dir, result_text_en(err));
	if ((err = known_load(e, error)) != RESULT_OK)
		return err;
	if ((err = texts_sweep(e->people, id_known, e, &undone)) != RESULT_OK)
		return refuse(error, err, "%s/people: cannot sweep: %s", dir, result_text_en(err));
	if (undone > 0)
		log_event(LOG_LEVEL_WARN, "orphans_swept", "rows=%llu", (unsigned long long)undone);
	if ((err = erasure_run(e)) != RESULT_OK)
		return refuse(error, err, "%s/people: cannot erase what was decided: %s", dir, result_text_en(err));
	due_load(e);
	judge_clock(e);
	return RESULT_OK;
}

enum result
engine_open(const char *dir, struct engine **out, struct engine_error *error)
{
	struct engine *e = engine_new();
	enum result err;

	error->text[0] = 0;
	if (e == NULL)
		return refuse(error, RESULT_NO_MEMORY, "not enough memory to open %s", dir);
	if ((err = open_station(e, dir, error)) != RESULT_OK) {
		e->failed = 1;
		engine_close(e);
		return err;
	}
	e->started_us = next_time_us(e);
	e->checkpoint_at_us = clock_now_us();
	*out = e;
	return RESULT_OK;
}

/* ---- commit, checkpoint, close ---- */

int
engine_has_room(struct engine *e)
{
	if (e->room == ROOM_UNASKED) {
		e->room = ledger_has_room(e->ledger) ? ROOM_FOUND : ROOM_NONE;
		if (e->room == ROOM_NONE)
			log_event(LOG_LEVEL_ERROR, "disk_full", "hint=\"acts are refused until there is room\"");
	}
	return e->room == ROOM_FOUND;
}

enum result
engine_commit(struct engine *e)
{
	enum result err;

	e->room = ROOM_UNASKED;
	e->clock_asked = 0;
	if (e->failed)
		return RESULT_UNAVAILABLE;
	/* Texts first: an entry whose texts are lost could never be opened; texts without an entry
	 * are swept. */
	if ((err = people_commit(e->people)) != RESULT_OK ||
	    (err = ledger_commit(e->ledger)) != RESULT_OK) {
		e->failed = 1;
		log_event(LOG_LEVEL_ERROR, "commit_failed", "reason=%s", result_name(err));
		return err;
	}
	e->committed_tree = e->meta.tree;
	e->n_settled = e->n_text_ids;
	CHECK(e->committed_tree.size == ledger_committed_seq(e->ledger));
	/* Only now, that it stays decided; if it cannot be done, the next start does it. */
	if (e->erasing && (err = erasure_run(e)) != RESULT_OK) {
		e->failed = 1;
		log_event(LOG_LEVEL_ERROR, "erasure_failed", "reason=%s", result_name(err));
		return RESULT_UNAVAILABLE;
	}
	return RESULT_OK;
}

static enum result
checkpoint_failed(enum result err)
{
	log_event(LOG_LEVEL_ERROR, "checkpoint_failed", "reason=%s", result_name(err));
	return err;
}

/* The last checkpoint, before the process ends. */
static enum result
write_state(struct engine *e)
{
	enum result err = rows_checkpoint(e->rows, e->meta.tree.size, &e->meta, sizeof(e->meta));

	if (err != RESULT_OK)
		return checkpoint_failed(err);
	known_draft(e);
	known_write(e);
	known_settle(e);
	return RESULT_OK;
}

/* RESULT_BUSY: one is being written. Who is too far ahead of it waits, or the replay after a crash would have no bound. */
static enum result
checkpoint_take_up(struct engine *e, uint64_t behind, uint64_t entries)
{
	enum result err = behind / ENGINE_REPLAY_CHECKPOINTS < entries ? rows_checkpoint_poll(e->rows)
								       : rows_checkpoint_wait(e->rows);

	if (err == RESULT_BUSY || !e->checkpointing)
		return err;
	e->checkpointing = 0;
	if (err != RESULT_OK)
		return checkpoint_failed(err);
	known_settle(e);
	return RESULT_OK;
}

enum result
engine_checkpoint(struct engine *e, uint32_t seconds, uint64_t entries)
{
	uint64_t last = ledger_committed_seq(e->ledger), now = clock_now_us();
	uint64_t behind = last - rows_checkpoint_seq(e->rows);
	enum result err = checkpoint_take_up(e, behind, entries);

	behind = last - rows_checkpoint_seq(e->rows);
	erasure_tidy(e);
	rows_trim(e->rows);
	if (err != RESULT_OK)
		return err == RESULT_BUSY ? RESULT_OK : err;
	if (e->failed || e->checkpoint_off || behind == 0 ||
	    (behind < entries && now - e->checkpoint_at_us < seconds * 1000000ull) ||
	    !engine_has_room(e))
		return RESULT_OK;
	e->checkpoint_at_us = now;
	known_draft(e);
	err = rows_checkpoint_begin(
	    e->rows, e->meta.tree.size, &e->meta, sizeof(e->meta), known_write, e);
	if (err != RESULT_OK) {
		e->checkpoint_off = 1;
		return checkpoint_failed(err);
	}
	e->checkpointing = 1;
	return RESULT_OK;
}

void
engine_limit(struct engine *e, size_t bytes)
{
	rows_limit(e->rows, bytes);
}

void
engine_close(struct engine *e)
{
	if (e == NULL)
		return;
	if (!e->failed && e->rows != NULL && e->meta.tree.size > 0 &&
	    e->committed_tree.size == e->meta.tree.size && write_state(e) != RESULT_OK)
		log_event(
		    LOG_LEVEL_WARN, "state_not_written", "hint=\"the next start replays more\"");
	people_close(e->people);
	rows_close(e->rows);
	ledger_close(e->ledger);
	retired_close(&e->retired);
	signed_close(&e->signer);
	arena_free(&e->arena);
	free(e->due);
	free(e->text_ids);
	if (e->lock_fd >= 0)
		close(e->lock_fd);
	crypto_wipe(&e->keys, sizeof(e->keys));
	free(e);
}

enum result
engine_clock_accept(struct engine *e)
{
	Timebox__V1__ClockAccept accept;
	Timebox__V1__Command command;

	timebox__v1__command__init(&command);
	timebox__v1__clock_accept__init(&accept);
	/* A clock that stands before the last entry cannot be accepted: entries' times only go
	 * forward. */
	if (clock_now_us() < e->meta.last_time_us)
		return RESULT_CLOCK_DOUBTFUL;
	if (engine_writable(e) != RESULT_OK)
		return engine_writable(e);
	accept.time_us = clock_now_us();
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CLOCK_ACCEPT;
	command.clock_accept = &accept;
	e->start_doubtful = 0;
	clock_rebase(&e->clock);
	return operator_act(e, &command);
}
