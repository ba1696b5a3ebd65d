/* One act after the other: known, allowed, decided, made into an entry. */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/engine/engine_int.h"
#include "proto/canonical.h"
#include "proto/code32.h"
#include "proto/crypto.h"

uint64_t
next_time_us(const struct engine *e)
{
	uint64_t now = clock_now_us();

	return now > e->meta.last_time_us ? now : e->meta.last_time_us + 1;
}

static struct row_key
id_key(const uint8_t id[16])
{
	struct row_key k = {.table = ENGINE_TABLE_ID};

	memcpy(&k.a, id, 16);
	return k;
}

static struct row_key
voucher_key(const uint8_t code[VOUCHER_CODE_LEN])
{
	struct row_key k = {.table = ENGINE_TABLE_VOUCHER};

	memcpy(&k.a, code, VOUCHER_CODE_LEN);
	return k;
}

uint64_t
engine_seq_of(const struct engine *e, const uint8_t request_id[16])
{
	struct row_key k = id_key(request_id);
	const struct id_row *row = rows_get(e->rows, &k);

	return row == NULL ? 0 : row->seq;
}

enum result
engine_voucher_find(struct engine *e, const uint8_t code[10], uint64_t *seq, uint32_t *index)
{
	struct row_key k = voucher_key(code);
	const struct voucher_row *row = rows_get(e->rows, &k);

	if (row == NULL)
		return RESULT_WRONG_VOUCHER;
	*seq = row->seq;
	*index = (uint32_t)row->index;
	return RESULT_OK;
}

/* ---- from a decision to an entry ---- */

/* The engine's own rows of this entry: its request id, and the codes of the vouchers it made. */
static void
own_rows(struct engine *e, const struct act *act, uint64_t seq)
{
	struct row_key k = id_key(act->request_id);
	struct id_row *id = rows_add(e->rows, &k);

	id->seq = seq;
	for (uint32_t i = 0; i < e->out.n_effects; i++) {
		const struct effect *effect = &e->out.effects[i];
		uint8_t code[VOUCHER_CODE_LEN];
		struct voucher_row *row;

		if (effect->kind != EFFECT_HELD)
			continue;
		voucher_code(
		    e->keys.voucher_key, e->origin, VOUCHER_LABEL, seq, effect->command, code);
		k = voucher_key(code);
		row = rows_add(e->rows, &k);
		row->seq = seq;
		row->index = effect->command;
	}
}

/* An entry in e->entry: its length, where its postings begin, its leaf hash. */
struct made {
	size_t len, rest;
	uint8_t leaf[32];
};

/* What the book decided becomes the next entry's bytes, leaf and rows; nothing is stored or settled
 * yet. */
static enum result
entry_make(struct engine *e, const struct act *act, const struct entry_source *src, struct made *out)
{
	out->len = entry_encode(e->entry, sizeof(e->entry), src, &out->rest);
	if (out->len == 0)
		return RESULT_TOO_MANY_EFFECTS;
	tree_leaf_hash(e->entry, out->len, out->leaf);
	book_seal(&e->source, &e->out, out->leaf);
	own_rows(e, act, src->seq);
	return RESULT_OK;
}

static void
note_due(void *ctx, const struct row_key *key, enum rows_change change)
{
	if (key->table == TABLE_DUE && change == ROWS_ADDED)
		due_push(ctx, (enum due_kind)key->tag[0], key->a, key->b);
}

/* The entry is in the batch: keep the rows and go on. */
static void
entry_settle(struct engine *e, const uint8_t leaf[32], uint64_t time_us)
{
	rows_changes(e->rows, note_due, e);
	rows_keep(e->rows);
	tree_frontier_append(&e->meta.tree, leaf);
	memcpy(e->meta.last_leaf, leaf, 32);
	e->meta.last_time_us = time_us;
}

/* Ids for the people that this act adds: random, 34 bits, none of them taken. */
static enum result
fresh_ids(struct engine *e, const struct act *act, uint64_t *ids, size_t *n)
{
	enum result err;

	*n = 0;
	for (uint32_t i = 0; i < act->n_commands; i++) {
		uint32_t kind = act->commands[i].kind;
		uint64_t id;
		int taken;

		if (kind != COMMAND_MEMBER_ADD && kind != COMMAND_BENEFICIARY_ADD)
			continue;
		do {
			if ((err = crypto_random(&id, sizeof(id))) != RESULT_OK)
				return err;
			id &= (1ull << 34) - 1;
			struct row_key m = row_key3(TABLE_MEMBER, id, 0, 0);
			struct row_key b = row_key3(TABLE_BENEFICIARY, id, 0, 0);

			taken = id == 0 || rows_get(e->rows, &m) != NULL ||
				rows_get(e->rows, &b) != NULL;
			for (size_t j = 0; j < *n; j++)
				taken |= ids[j] == id;
		} while (taken);
		ids[(*n)++] = id;
	}
	return RESULT_OK;
}

/* Decides on the rows and makes the entry; on failure the rows are as before. */
static enum result
decide_and_make(struct engine *e, const struct act *act, const struct entry_source *proto,
    int system, struct made *out)
{
	uint64_t fresh[ACT_MAX_COMMANDS];
	struct book_in in = {.act = act,
	    .now_us = proto->time_us,
	    .seq = proto->seq,
	    .prev = proto->prev,
	    .system = system,
	    .fresh = fresh};
	enum result err = fresh_ids(e, act, fresh, &in.n_fresh);

	if (err == RESULT_OK)
		err = book_decide(&e->source, &in, &e->out);
	if (err == RESULT_OK)
		err = entry_make(e, act, proto, out);
	if (err != RESULT_OK)
		rows_undo(e->rows);
	return err;
}

/* ---- who, when, signed? ---- */

static enum result
known_id(struct engine *e, const struct engine_submission *in, const struct act *act,
    struct engine_answer *out)
{
	uint64_t seq = engine_seq_of(e, act->request_id);
	const Timebox__V1__Entry *entry;
	ProtobufCMessage *message;
	const Timebox__V1__Act *stored;
	enum result err;
	size_t len;

	if (seq == 0)
		return RESULT_NOT_FOUND;
	err = ledger_read(e->ledger, seq, e->stored, sizeof(e->stored), &len);
	if (err != RESULT_OK)
		return err == RESULT_NO_MEMORY ? err : RESULT_CORRUPT;
	if (entry_decode(e->stored, len, &e->arena, &entry) != RESULT_OK)
		return RESULT_CORRUPT;
	if (canonical_unpack(&timebox__v1__act__descriptor, &e->arena, entry->act.data,
		entry->act.len, &message) != RESULT_OK)
		return RESULT_CORRUPT;
	stored = (const Timebox__V1__Act *)message;
	if (stored->actor_key.len != 32 || memcmp(stored->actor_key.data, in->key, 32) != 0)
		return RESULT_ID_TAKEN;
	if (entry->act.len != in->act_len || memcmp(entry->act.data, in->act, in->act_len) != 0)
		return RESULT_ID_REUSED;
	out->seq = seq;
	out->again = 1;
	return RESULT_OK;
}

static int
made_at_accepted(const struct engine *e, uint64_t made_at_us, uint64_t now_us)
{
	return made_at_us + ENGINE_MADE_AT_OLD_US >= now_us && made_at_us >= e->started_us &&
	       made_at_us <= now_us + ENGINE_MADE_AT_AHEAD_US;
}

static enum result
signature_check(const struct engine *e, const struct engine_submission *in)
{
	struct row_key k = row_key_hash(TABLE_KEY, in->key);
	const struct key_row *key = rows_get(e->rows, &k);

	/* A kiosk's acts carry none: its session and TLS say who asks. Every other key signs. */
	if (key != NULL && key->role == ROLE_KIOSK)
		return in->signature_len == 0 ? RESULT_OK : RESULT_BAD_SIGNATURE;
	if (in->signature_len == 0)
		return RESULT_SIGNATURE_MISSING;
	if (in->signature_len != 64)
		return RESULT_BAD_SIGNATURE;
	return act_verify(in->key, in->act, in->act_len, in->signature);
}

static int
codes_needed(const struct act *act)
{
	for (uint32_t i = 0; i < act->n_commands; i++)
		if (act->commands[i].kind == COMMAND_ENROL || act->commands[i].kind == COMMAND_CONFIRM)
			return 1;
	return 0;
}

/* What is proved by a code that travels beside the act: the enrolment code, the voucher. */
static enum result
codes_check(struct engine *e, const struct engine_submission *in, const struct act *act)
{
	for (uint32_t i = 0; i < act->n_commands; i++) {
		const struct command *c = &act->commands[i];
		uint8_t want[32];

		if (c->kind != COMMAND_ENROL && c->kind != COMMAND_CONFIRM)
			continue;
		if (act->n_commands != 1)
			return RESULT_TOO_MANY;
		if (in->texts == NULL || in->texts->code.data == NULL)
			return RESULT_PRIVATE_MISSING;
		if (c->kind == COMMAND_CONFIRM) {
			voucher_code(e->keys.voucher_key, e->origin, VOUCHER_LABEL, c->ref.seq,
			    c->ref.index, want);
			return in->texts->code.len == VOUCHER_CODE_LEN &&
				       crypto_equal(in->texts->code.data, want, VOUCHER_CODE_LEN)
				   ? RESULT_OK
				   : RESULT_WRONG_VOUCHER;
		}
		struct sha256_part key = {act->actor_key, 32};

		if (in->texts->code.len != 16)
			return RESULT_BAD_CODE;
		sha256(in->texts->code.data, 16, want);
		if (!crypto_equal(want, c->code_hash, 32))
			return RESULT_BAD_CODE;
		hmac_sha256(in->texts->code.data, 16, &key, 1, want);
		return crypto_equal(want, c->proof, 32) ? RESULT_OK : RESULT_BAD_CODE;
	}
	return RESULT_OK;
}

static enum result
actor_check(const struct engine_submission *in, const struct act *act)
{
	if (memcmp(act->actor_key, in->key, 32) != 0)
		return RESULT_WRONG_ACTOR;
	if (act->actor_member == 0)
		return RESULT_OK;
	return in->session_member == act->actor_member && memcmp(in->session, act->session, 8) == 0
		   ? RESULT_OK
		   : RESULT_SESSION_NEEDED;
}

/*
 * Whether this role may do this now, whatever the act says; the rows stay as they are. Asked only where codes or texts are
 * compared before the book decides, and asks it itself.
 */
static enum result
permission_check(struct engine *e, const struct engine_submission *submission, const struct act *act, uint64_t now_us,
    struct engine_answer *out)
{
	struct book_in in = {
	    .act = act, .now_us = now_us, .seq = ledger_last_seq(e->ledger) + 1, .prev = e->meta.last_leaf};
	enum result err;

	if (submission->texts == NULL && !codes_needed(act) && !texts_needed(act))
		return RESULT_OK;
	err = book_permits(&e->source, &in, &e->out);
	rows_undo(e->rows);
	if (err != RESULT_OK)
		out->command = e->out.command;
	return err;
}

/* The files of the keys and what is in memory change with the entry: no client does that, not even one with the key. */
static enum result
not_the_ledger_key(const struct act *act)
{
	/* Beside others the book refuses it. */
	return act->commands[0].kind == COMMAND_LEDGER_KEY ? RESULT_NOT_ALLOWED : RESULT_OK;
}

/* Everything that must hold before the book decides. Codes and texts come after who may: how they
 * are refused tells what the station knows. */
static enum result
admit(struct engine *e, const struct engine_submission *in, const struct act *act, uint64_t now_us,
    struct engine_answer *out)
{
	enum result err;

	if ((err = actor_check(in, act)) != RESULT_OK ||
	    (err = signature_check(e, in)) != RESULT_OK ||
	    (err = not_the_ledger_key(act)) != RESULT_OK ||
	    (err = permission_check(e, in, act, now_us, out)) != RESULT_OK ||
	    (err = codes_check(e, in, act)) != RESULT_OK)
		return err;
	if ((err = openings_check(e, act, &out->command, &out->field)) != RESULT_OK)
		return err;
	return texts_check(e->people, act, in->texts, &e->arena, &out->command, &out->field);
}

/* Forgets the undo rows of texts whose entries are durable by now, and remembers this act's for
 * later. */
static enum result
texts_turn(struct engine *e, const uint8_t id[16])
{
	enum result err = RESULT_OK;

	for (size_t i = 0; i < e->n_settled && err == RESULT_OK; i++)
		err = texts_settled(e->people, e->text_ids[i]);
	if (err != RESULT_OK)
		return err;
	if (e->n_settled > 0)
		memmove(
		    e->text_ids, e->text_ids + e->n_settled, (e->n_text_ids - e->n_settled) * 16);
	e->n_text_ids -= e->n_settled;
	e->n_settled = 0;
	if (e->n_text_ids == e->cap_text_ids) {
		e->cap_text_ids = e->cap_text_ids * 2 + 64;
		e->text_ids = realloc(e->text_ids, e->cap_text_ids * 16);
		NEED(e->text_ids);
	}
	memcpy(e->text_ids[e->n_text_ids++], id, 16);
	return RESULT_OK;
}

/* A proposal takes effect: the names in its texts are shown from now on. */
static enum result
texts_applied(struct engine *e, const struct act *act, const struct effect *effect, uint64_t seq)
{
	const Timebox__V1__Entry *entry;
	struct act_fault fault;
	struct act proposal;
	size_t len;

	if (ledger_read(e->ledger, effect->id, e->stored, sizeof(e->stored), &len) != RESULT_OK ||
	    entry_decode(e->stored, len, &e->arena, &entry) != RESULT_OK ||
	    act_decode(entry->act.data, entry->act.len, e->origin, 0, &e->arena, &proposal,
		&fault) != RESULT_OK ||
	    effect->index >= proposal.n_commands)
		return RESULT_CORRUPT;
	return texts_apply(e->people, act->request_id, effect->command, seq, &proposal,
	    effect->index);
}

static int
has_effect(const struct book_out *out, enum effect_kind kind)
{
	for (uint32_t i = 0; i < out->n_effects; i++)
		if (out->effects[i].kind == (uint32_t)kind)
			return 1;
	return 0;
}

/* The private side of an accepted act: its own texts, and those of the proposals it approves. */
static enum result
texts_write(struct engine *e, const struct engine_submission *in, const struct act *act,
    uint64_t seq)
{
	int own = in->texts != NULL && in->texts->n_texts > 0;
	enum result err;

	if (!own && !has_effect(&e->out, EFFECT_APPLIED))
		return RESULT_OK;
	if ((err = texts_turn(e, act->request_id)) != RESULT_OK)
		return err;
	if (own)
		err = texts_store(e->people, act, in->texts, &e->out, seq, &e->arena);
	for (uint32_t i = 0; i < e->out.n_effects && err == RESULT_OK; i++)
		if (e->out.effects[i].kind == EFFECT_APPLIED)
			err = texts_applied(e, act, &e->out.effects[i], seq);
	return err;
}

/* Accepted: texts, then the entry, into the turn's batch. A failure here is the disk's, and final.
 */
static enum result
accept(struct engine *e, const struct engine_submission *in, const struct act *act,
    const struct entry_source *src, const struct made *made)
{
	enum result err = texts_write(e, in, act, src->seq);

	if (err == RESULT_OK)
		err = ledger_append(e->ledger, src->seq, e->entry, made->len, made->leaf);
	if (err != RESULT_OK) {
		rows_undo(e->rows);
		e->failed = 1;
		return err == RESULT_DISK_FULL ? err : RESULT_UNAVAILABLE;
	}
	entry_settle(e, made->leaf, src->time_us);
	e->erasing |= has_effect(&e->out, EFFECT_ERASED);
	return RESULT_OK;
}

/* The receipt of the entry just made, while its bytes are at hand. */
static void
receipt_keep(struct engine *e, const struct engine_submission *in, const struct act *act, uint64_t seq,
    const struct made *made, struct engine_answer *out)
{
	struct entry_view entry = {.seq = seq,
	    .act = in->act,
	    .act_len = in->act_len,
	    .rest = e->entry + made->rest,
	    .rest_len = made->len - made->rest};
	size_t n;
	uint8_t *bytes;

	if (in->memory == NULL ||
	    receipt_encode(e, &entry, act, made->leaf, e->receipt, sizeof(e->receipt), &n) != RESULT_OK ||
	    (bytes = arena_alloc(in->memory, n)) == NULL)
		return;
	memcpy(bytes, e->receipt, n);
	out->receipt = bytes;
	out->receipt_len = n;
}

static enum result
decide_new(struct engine *e, const struct engine_submission *in, const struct act *act,
    uint64_t now_us, struct engine_answer *out)
{
	struct entry_source src = {.seq = ledger_last_seq(e->ledger) + 1,
	    .prev = e->meta.last_leaf,
	    .time_us = now_us,
	    .act = in->act,
	    .act_len = in->act_len,
	    .signature = in->signature,
	    .signature_len = in->signature_len,
	    .out = &e->out};
	struct made made;
	enum result err = admit(e, in, act, now_us, out);

	if (err != RESULT_OK)
		return err;
	e->out.field = "";
	if ((err = decide_and_make(e, act, &src, 0, &made)) != RESULT_OK) {
		out->command = e->out.command;
		out->field = e->out.field;
		return err;
	}
	if ((err = accept(e, in, act, &src, &made)) != RESULT_OK)
		return err;
	out->seq = src.seq;
	receipt_keep(e, in, act, src.seq, &made, out);
	return RESULT_OK;
}

void
engine_read(const struct engine *e, const uint8_t *bytes, size_t len, struct arena *arena, struct engine_act *out)
{
	out->code = act_decode(bytes, len, e->origin, 0, arena, &out->act, &out->fault);
}

void
engine_expect(const struct engine *e, const struct engine_act *read, enum row_expect when)
{
	struct row_key k = id_key(read->act.request_id);

	if (read->code != RESULT_OK)
		return;
	e->source.expect(e->source.ctx, &k, when);
	book_expect(&e->source, &read->act, 0, when);
}

/* Two clocks are compared, which all acts of a turn may share. */
static int
turn_doubtful(struct engine *e)
{
	if (e->clock_asked == 0)
		e->clock_asked = 1 + engine_clock_doubtful(e);
	return e->clock_asked - 1;
}

/* Whether an act of an unknown id is neither too old, nor too new, nor was refused before. */
static enum result
timely(struct engine *e, const struct act *act, uint64_t now_us)
{
	if (made_at_accepted(e, act->made_at_us, now_us) && !retired_has(&e->retired, act->request_id, now_us))
		return RESULT_OK;
	/* What is too new would be new enough later: a no stays a no. */
	if (act->made_at_us > now_us)
		retired_add(&e->retired, act->request_id, now_us);
	return RESULT_USE_NEW_ID;
}

static void
decide_read(struct engine *e, const struct engine_submission *in, const struct act *act, struct engine_answer *out)
{
	uint64_t now_us;

	if ((out->code = known_id(e, in, act, out)) != RESULT_NOT_FOUND)
		return;
	/* An answer before the commit may still become "unknown": such ids are not retired. */
	now_us = next_time_us(e);
	if ((out->code = timely(e, act, now_us)) != RESULT_OK)
		return;
	out->code = engine_writable(e);
	if (out->code == RESULT_OK && !engine_has_room(e))
		out->code = RESULT_DISK_FULL;
	if (out->code == RESULT_OK)
		out->code = turn_doubtful(e) ? RESULT_CLOCK_DOUBTFUL
						     : decide_new(e, in, act, now_us, out);
	if (out->code != RESULT_OK && !e->failed)
		retired_add(&e->retired, act->request_id, now_us);
}

void
engine_decide(struct engine *e, const struct engine_submission *in, struct engine_answer *out)
{
	const struct engine_act *read = in->read;
	struct engine_act own;

	memset(out, 0, sizeof(*out));
	out->field = "";
	if (e->failed) {
		out->code = RESULT_UNAVAILABLE;
		return;
	}
	arena_reset(&e->arena);
	if (read == NULL) {
		engine_read(e, in->act, in->act_len, &e->arena, &own);
		read = &own;
	}
	if (read->code == RESULT_OK) {
		decide_read(e, in, &read->act, out);
		return;
	}
	out->code = read->code;
	out->field = read->fault.field;
	out->command = read->fault.command;
}

void
engine_retire(struct engine *e, const uint8_t request_id[16])
{
	retired_add(&e->retired, request_id, next_time_us(e));
}

enum result
engine_decide_own(struct engine *e, const uint8_t *bytes, size_t len, int system, int sign)
{
	uint8_t signature[64];
	struct entry_source src = {.seq = ledger_last_seq(e->ledger) + 1,
	    .prev = e->meta.last_leaf,
	    .time_us = next_time_us(e),
	    .act = bytes,
	    .act_len = len,
	    .signature = signature,
	    .signature_len = sign ? 64 : 0,
	    .out = &e->out};
	struct engine_submission in = {.act = bytes, .act_len = len};
	struct act_fault fault;
	struct made made;
	struct act act;
	enum result err;

	arena_reset(&e->arena);
	if ((err = act_decode(bytes, len, e->origin, system, &e->arena, &act, &fault)) !=
		RESULT_OK ||
	    (sign && (err = act_sign(e->keys.ledger_seed, bytes, len, signature)) != RESULT_OK) ||
	    (err = decide_and_make(e, &act, &src, system, &made)) != RESULT_OK)
		return err;
	return accept(e, &in, &act, &src, &made);
}

/* ---- replay ---- */

enum result
engine_replay(void *ctx, uint64_t seq, const uint8_t *bytes, size_t len)
{
	struct engine *e = ctx;
	uint64_t fresh[ACT_MAX_COMMANDS];
	struct entry_view entry;
	struct act_fault fault;
	struct made made;
	struct act act;
	struct book_in in = {.act = &act, .seq = seq, .prev = e->meta.last_leaf, .fresh = fresh};

	arena_reset(&e->arena);
	/* Only system entries have neither actor nor signature; the decoder checks the former. What else is wrong with the
	 * bytes shows when they are made again. */
	if (entry_view(bytes, len, &entry) != RESULT_OK || entry.seq != seq)
		return RESULT_CORRUPT;
	if (act_decode(entry.act, entry.act_len, e->origin, 0, &e->arena, &act, &fault) != RESULT_OK) {
		in.system = 1;
		if (entry.signature_len != 0 ||
		    act_decode(entry.act, entry.act_len, e->origin, 1, &e->arena, &act, &fault) != RESULT_OK)
			return RESULT_CORRUPT;
	}
	in.now_us = entry.time_us;
	in.n_fresh = entry_fresh_ids(&entry, fresh, ACT_MAX_COMMANDS);
	struct entry_source src = {.seq = seq,
	    .prev = e->meta.last_leaf,
	    .time_us = entry.time_us,
	    .act = entry.act,
	    .act_len = entry.act_len,
	    .signature = entry.signature,
	    .signature_len = entry.signature_len,
	    .out = &e->out};
	if (entry.time_us <= e->meta.last_time_us ||
	    book_decide(&e->source, &in, &e->out) != RESULT_OK ||
	    entry_make(e, &act, &src, &made) != RESULT_OK || made.len != len ||
	    memcmp(e->entry, bytes, len) != 0) {
		rows_undo(e->rows);
		return RESULT_CORRUPT;
	}
	entry_settle(e, made.leaf, entry.time_us);
	return RESULT_OK;
}

/* ---- dry run ---- */

void
engine_dry_run(struct engine *e, const uint8_t *key, const ProtobufCBinaryData *acts, size_t n,
    engine_dry_fn result, void *ctx)
{
	uint64_t seq = ledger_last_seq(e->ledger) + 1;
	enum result err = RESULT_OK;

	for (size_t i = 0; i < n; i++) {
		struct book_in in = {.now_us = next_time_us(e), .seq = seq + i};
		struct act_fault fault;
		struct act act;

		/* After a refusal the rows are half changed: the acts that follow cannot be judged.
		 */
		e->out.n_effects = 0;
		if (err != RESULT_OK) {
			result(ctx, i, err, &e->out);
			continue;
		}
		arena_reset(&e->arena);
		err = act_decode(acts[i].data, acts[i].len, e->origin, 0, &e->arena, &act, &fault);
		in.act = &act;
		if (err == RESULT_OK &&
		    (memcmp(act.actor_key, key, 32) != 0 || act.n_commands != 1 ||
			act.commands[0].kind != COMMAND_SERVICE_ROWS))
			err = RESULT_NOT_ALLOWED;
		if (err == RESULT_OK)
			err = book_decide(&e->source, &in, &e->out);
		result(ctx, i, err, &e->out);
	}
	rows_undo(e->rows);
}
