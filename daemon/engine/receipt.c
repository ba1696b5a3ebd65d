/*
 * The receipt of an entry: its number, leaf hash and effects as they stand in its bytes, and the codes that it issued.
 * Made from the bytes alone (and the voucher key), so that it is the same when the act is decided and ten years later.
 */
#include "daemon/engine/engine_int.h"
#include "proto/canonical.h"
#include "proto/code32.h"
#include "proto/wire.h"
#include "timebox/v1/rpc.pb-c.h"

/* Field numbers: act.proto, rpc.proto. */
enum { ACT_COMMANDS = 9 };
enum { RECEIPT_SEQ = 1, RECEIPT_LEAF = 2, RECEIPT_EFFECTS = 3, RECEIPT_CODES = 4 };
enum { CODE_COMMAND = 1, CODE_TEXT = 2 };

struct receipt_maker {
	const struct engine *e;
	uint64_t seq;
	struct wire_out out;
};

static void
put_code(struct receipt_maker *m, const char *label, uint32_t command)
{
	uint8_t buf[CODE32_SIZE(VOUCHER_CODE_LEN) + 16];
	struct wire_out sub = {.buf = buf, .cap = sizeof(buf)};
	char text[CODE32_SIZE(VOUCHER_CODE_LEN)];

	engine_code(m->e, label, m->seq, command, text, sizeof(text));
	wire_put_u64(&sub, CODE_COMMAND, command);
	wire_put_bytes(&sub, CODE_TEXT, text, strlen(text));
	m->out.full |= sub.full;
	wire_put_message(&m->out, RECEIPT_CODES, buf, sub.len);
}

/* The two numbers an effect begins with; 0 or -1. */
static int
effect_head(struct wire w, uint64_t *kind, uint64_t *command)
{
	uint32_t field;
	unsigned type;
	uint64_t v;

	*kind = *command = 0;
	while (w.p < w.end) {
		if (wire_key(&w, &field, &type) != 0)
			return -1;
		if (field > ENTRY_EFFECT_COMMAND)
			return 0;
		if (type != WIRE_VARINT || wire_varint(&w, &v) != 0)
			return -1;
		*(field == ENTRY_EFFECT_KIND ? kind : command) = v;
	}
	return 0;
}

/* Copies the effects; returns how many of them made a hold, or -1. */
static int
put_effects(struct receipt_maker *m, struct wire w)
{
	uint64_t kind, command;
	struct wire effect;
	uint32_t field;
	unsigned type;
	int held = 0;

	while (w.p < w.end) {
		if (wire_key(&w, &field, &type) != 0)
			return -1;
		if (field != ENTRY_EFFECTS) {
			if (wire_skip(&w, type) != 0)
				return -1;
			continue;
		}
		if (type != WIRE_BYTES || wire_bytes(&w, &effect) != 0 || effect_head(effect, &kind, &command) != 0)
			return -1;
		wire_put_message(&m->out, RECEIPT_EFFECTS, effect.p, wire_left(&effect));
		held += kind == EFFECT_HELD;
	}
	return held;
}

/* A voucher for each hold that was made; the effects were looked at before. */
static void
put_vouchers(struct receipt_maker *m, struct wire w)
{
	uint64_t kind, command;
	struct wire effect;
	uint32_t field;
	unsigned type;

	while (w.p < w.end && wire_key(&w, &field, &type) == 0) {
		if (field != ENTRY_EFFECTS) {
			if (wire_skip(&w, type) != 0)
				return;
		} else if (wire_bytes(&w, &effect) != 0 || effect_head(effect, &kind, &command) != 0) {
			return;
		} else if (kind == EFFECT_HELD) {
			put_code(m, VOUCHER_LABEL, (uint32_t)command);
		}
	}
}

/* A slip for each command that issued one; 0 or -1. */
static int
put_slips(struct receipt_maker *m, struct wire act)
{
	struct wire command;
	uint32_t field, kind, i = 0;
	unsigned type;

	while (act.p < act.end) {
		if (wire_key(&act, &field, &type) != 0)
			return -1;
		if (field != ACT_COMMANDS) {
			if (wire_skip(&act, type) != 0)
				return -1;
			continue;
		}
		if (wire_bytes(&act, &command) != 0 || wire_key(&command, &kind, &type) != 0)
			return -1;
		if (kind == COMMAND_PIN_SLIP)
			put_code(m, SLIP_LABEL, i);
		i++;
	}
	return 0;
}

/* 1 if there may be slips: what was decoded says so; else the bytes are to be asked. */
static int
may_have_slips(const struct act *act)
{
	if (act == NULL)
		return 1;
	for (uint32_t i = 0; i < act->n_commands; i++)
		if (act->commands[i].kind == COMMAND_PIN_SLIP)
			return 1;
	return 0;
}

enum result
receipt_encode(const struct engine *e, const struct entry_view *entry, const struct act *act, const uint8_t leaf[32],
    uint8_t *buf, size_t cap, size_t *out_len)
{
	struct receipt_maker m = {.e = e, .seq = entry->seq, .out = {.buf = buf, .cap = cap}};
	struct wire rest = {entry->rest, entry->rest + entry->rest_len};
	struct wire act_bytes = {entry->act, entry->act + entry->act_len};
	int held;

	wire_put_u64(&m.out, RECEIPT_SEQ, m.seq);
	wire_put_bytes(&m.out, RECEIPT_LEAF, leaf, 32);
	if ((held = put_effects(&m, rest)) < 0)
		return RESULT_CORRUPT;
	if (held > 0)
		put_vouchers(&m, rest);
	if (may_have_slips(act) && put_slips(&m, act_bytes) != 0)
		return RESULT_CORRUPT;
	*out_len = m.out.len;
	return m.out.full ? RESULT_TOO_MANY : RESULT_OK;
}

enum result
engine_receipt_bytes(struct engine *e, uint64_t seq, struct arena *arena, const uint8_t **out, size_t *out_len)
{
	struct entry_view entry;
	uint8_t leaf[32], *bytes;
	size_t len;
	enum result err = ledger_read(e->ledger, seq, e->stored, sizeof(e->stored), &len);

	if (err != RESULT_OK || (err = entry_view(e->stored, len, &entry)) != RESULT_OK)
		return err;
	tree_leaf_hash(e->stored, len, leaf);
	err = receipt_encode(e, &entry, NULL, leaf, e->receipt, sizeof(e->receipt), out_len);
	if (err != RESULT_OK)
		return err;
	if ((bytes = arena_alloc(arena, *out_len)) == NULL)
		return RESULT_NO_MEMORY;
	memcpy(bytes, e->receipt, *out_len);
	*out = bytes;
	return RESULT_OK;
}

enum result
engine_receipt(struct engine *e, uint64_t seq, struct arena *arena, Timebox__V1__Receipt **out)
{
	ProtobufCMessage *message;
	const uint8_t *bytes;
	size_t len;
	enum result err = engine_receipt_bytes(e, seq, arena, &bytes, &len);

	if (err != RESULT_OK)
		return err;
	err = canonical_unpack_loose(&timebox__v1__receipt__descriptor, arena, bytes, len, &message);
	if (err != RESULT_OK)
		return err == RESULT_NO_MEMORY ? err : RESULT_CORRUPT;
	*out = (Timebox__V1__Receipt *)message;
	return RESULT_OK;
}
