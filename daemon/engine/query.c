/* What may be asked of the engine: receipts, checkpoints, entries, rows. */
#include <string.h>

#include "daemon/engine/engine_int.h"
#include "proto/canonical.h"
#include "proto/code32.h"
#include "proto/crypto.h"

void
engine_code(
    const struct engine *e, const char *label, uint64_t seq, uint32_t index, char *out, size_t size)
{
	uint8_t code[VOUCHER_CODE_LEN];

	voucher_code(e->keys.voucher_key, e->origin, label, seq, index, code);
	code32_encode(out, size, code, sizeof(code));
}

int
engine_slip_matches(const struct engine *e, uint64_t seq, uint32_t index, const char *slip)
{
	uint8_t want[VOUCHER_CODE_LEN], have[VOUCHER_CODE_LEN];

	voucher_code(e->keys.voucher_key, e->origin, SLIP_LABEL, seq, index, want);
	return code32_decode(slip, have, sizeof(have)) == RESULT_OK &&
	       crypto_equal(want, have, sizeof(want));
}

static enum result
issue_code(const struct engine *e, struct arena *arena, Timebox__V1__Receipt *r, const char *label,
    uint32_t command)
{
	Timebox__V1__IssuedCode *code = arena_alloc(arena, sizeof(*code));
	char *text = arena_alloc(arena, CODE32_SIZE(VOUCHER_CODE_LEN));

	if (code == NULL || text == NULL)
		return RESULT_NO_MEMORY;
	timebox__v1__issued_code__init(code);
	engine_code(e, label, r->seq, command, text, CODE32_SIZE(VOUCHER_CODE_LEN));
	code->command = command;
	code->code = text;
	r->codes[r->n_codes++] = code;
	return RESULT_OK;
}

/* The codes that the entry's acts issued: a voucher per hold made, a slip per slip issued. */
static enum result
receipt_codes(const struct engine *e, const Timebox__V1__Entry *entry, struct arena *arena,
    Timebox__V1__Receipt *r)
{
	ProtobufCMessage *message;
	const Timebox__V1__Act *act;
	enum result err = canonical_unpack(
	    &timebox__v1__act__descriptor, arena, entry->act.data, entry->act.len, &message);

	if (err != RESULT_OK)
		return RESULT_CORRUPT;
	act = (const Timebox__V1__Act *)message;
	r->codes = arena_alloc(arena, (act->n_commands + entry->n_effects) * sizeof(*r->codes));
	if (r->codes == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < entry->n_effects && err == RESULT_OK; i++)
		if ((int)entry->effects[i]->kind == EFFECT_HELD)
			err = issue_code(e, arena, r, VOUCHER_LABEL, entry->effects[i]->command);
	for (size_t i = 0; i < act->n_commands && err == RESULT_OK; i++)
		if ((int)act->commands[i]->kind_case == COMMAND_PIN_SLIP)
			err = issue_code(e, arena, r, SLIP_LABEL, (uint32_t)i);
	return err;
}

enum result
engine_receipt(struct engine *e, uint64_t seq, struct arena *arena, Timebox__V1__Receipt **out)
{
	uint8_t *bytes = arena_alloc(arena, ENTRY_MAX_BYTES);
	Timebox__V1__Receipt *r = arena_alloc(arena, sizeof(*r));
	uint8_t *leaf = arena_alloc(arena, 32);
	const Timebox__V1__Entry *entry;
	size_t len;
	enum result err;

	if (bytes == NULL || r == NULL || leaf == NULL)
		return RESULT_NO_MEMORY;
	if ((err = ledger_read(e->ledger, seq, bytes, ENTRY_MAX_BYTES, &len)) != RESULT_OK ||
	    (err = entry_decode(bytes, len, arena, &entry)) != RESULT_OK)
		return err;
	tree_leaf_hash(bytes, len, leaf);
	timebox__v1__receipt__init(r);
	r->seq = seq;
	r->leaf = (ProtobufCBinaryData){32, leaf};
	r->n_effects = entry->n_effects;
	r->effects = entry->effects;
	*out = r;
	return receipt_codes(e, entry, arena, r);
}

enum result
engine_leaf(struct engine *e, uint64_t seq, uint8_t leaf[32])
{
	size_t len;
	enum result err = ledger_read(e->ledger, seq, e->stored, sizeof(e->stored), &len);

	if (err == RESULT_OK)
		tree_leaf_hash(e->stored, len, leaf);
	return err;
}

enum result
engine_entry(struct engine *e, uint64_t seq, uint8_t *buf, size_t cap, size_t *len)
{
	if (seq > ledger_committed_seq(e->ledger))
		return RESULT_NOT_FOUND;
	return ledger_read(e->ledger, seq, buf, cap, len);
}

enum result
engine_sign_checkpoint(struct engine *e, char *out, size_t size)
{
	uint8_t root[32];

	tree_frontier_root(&e->committed_tree, root);
	return checkpoint_sign(
	    out, size, e->origin, e->committed_tree.size, root, e->origin, e->keys.ledger_seed);
}

const struct row_source *
engine_rows(const struct engine *e)
{
	return &e->source;
}

void
engine_each(const struct engine *e, enum table table,
    void (*fn)(void *ctx, const struct row_key *key, const void *value), void *ctx)
{
	rows_each(e->rows, (uint8_t)table, fn, ctx);
}

uint64_t
engine_count(const struct engine *e, enum table table)
{
	return rows_count(e->rows, (uint8_t)table);
}

uint64_t
engine_fingerprint(const struct engine *e)
{
	return rows_fingerprint(e->rows);
}

struct people *
engine_people(struct engine *e)
{
	return e->people;
}

const char *
engine_origin(const struct engine *e)
{
	return e->origin;
}

const char *
engine_vkey(const struct engine *e)
{
	return e->vkey;
}

const struct engine_keys *
engine_keys(const struct engine *e)
{
	return &e->keys;
}

uint64_t
engine_last_seq(const struct engine *e)
{
	return ledger_committed_seq(e->ledger);
}

uint64_t
engine_checkpoint_seq(const struct engine *e)
{
	return rows_checkpoint_seq(e->rows);
}

uint64_t
engine_now_us(const struct engine *e)
{
	return next_time_us(e);
}

uint64_t
engine_started_us(const struct engine *e)
{
	return e->started_us;
}

int
engine_clock_doubtful(const struct engine *e)
{
	return e->start_doubtful || clock_doubtful(&e->clock);
}

int
engine_full(const struct engine *e)
{
	return retired_full(&e->retired, next_time_us(e));
}

int
engine_crowded(const struct engine *e)
{
	return retired_crowded(&e->retired, next_time_us(e));
}

int
engine_failed(const struct engine *e)
{
	return e->failed;
}
