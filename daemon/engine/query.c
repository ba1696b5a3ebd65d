/* What may be asked of the engine: receipts, checkpoints, entries, rows. */
#include <stdio.h>
#include <string.h>

#include "daemon/engine/engine_int.h"
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
	const struct engine_checkpoint *c;
	enum result err = engine_signed(e, &c);

	if (err == RESULT_OK && (size_t)snprintf(out, size, "%s", c->note) >= size)
		err = RESULT_OVERFLOW;
	return err;
}

const struct engine_checkpoint *
engine_newest(const struct engine *e)
{
	return &e->signer.newest;
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
engine_dir(const struct engine *e)
{
	return e->dir;
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
