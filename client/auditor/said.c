#include "client/auditor/said.h"

#include <string.h>

#include "daemon/codec/act.h"
#include "daemon/codec/entry.h"
#include "proto/canonical.h"
#include "proto/wire.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/entry.pb-c.h"

/* ---- the short way: -1 means that the long way is to look ---- */

static int
number32(struct wire *w, unsigned type, uint32_t max, uint32_t *out)
{
	uint64_t v;

	if (wire_number(w, type, max, &v) != 0)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

static int
bytes_of(struct wire *w, unsigned type, struct said_bytes *out)
{
	struct wire v;

	if (type != WIRE_BYTES || wire_bytes(w, &v) != 0 || v.p == v.end)
		return -1;
	*out = (struct said_bytes){v.p, wire_left(&v)};
	return 0;
}

/* A string of plain characters. */
static int
plain_of(struct wire *w, unsigned type, struct said_bytes *out)
{
	if (bytes_of(w, type, out) != 0)
		return -1;
	for (size_t i = 0; i < out->n; i++)
		if (out->p[i] < 0x20 || out->p[i] > 0x7e)
			return -1;
	return 0;
}

static int
posting_read(struct wire w, struct said_posting *p)
{
	uint32_t field, last = 0;
	unsigned type;
	uint64_t v;

	memset(p, 0, sizeof(*p));
	while (w.p < w.end) {
		int bad;

		if (wire_key(&w, &field, &type) != 0 || field <= last)
			return -1;
		last = field;
		if (field == 1)
			bad = number32(&w, type, INT32_MAX, &p->asset);
		else if (field == 2)
			bad = number32(&w, type, INT32_MAX, &p->purpose);
		else if (field == 3)
			bad = wire_number(&w, type, UINT64_MAX, &p->member);
		else if (field == 4)
			bad = plain_of(&w, type, &p->partner);
		else if (field == 5)
			bad = plain_of(&w, type, &p->item);
		else if (field == 6)
			bad = wire_number(&w, type, UINT64_MAX, &p->lot);
		else if (field == 7 && (bad = wire_number(&w, type, UINT64_MAX, &v)) == 0)
			p->amount = (int64_t)(v >> 1 ^ -(v & 1));
		else
			bad = -1;
		if (bad)
			return -1;
	}
	return 0;
}

static int
effect_read(struct wire w, struct said_effect *e)
{
	uint32_t field, last = 0, narrow;
	struct said_bytes text;
	unsigned type;
	uint64_t v;

	memset(e, 0, sizeof(*e));
	while (w.p < w.end) {
		int bad;

		if (wire_key(&w, &field, &type) != 0 || field <= last || field > 16)
			return -1;
		last = field;
		switch (field) {
		case 1:
			bad = number32(&w, type, INT32_MAX, &e->kind);
			break;
		case 2:
			bad = number32(&w, type, UINT32_MAX, &e->command);
			break;
		case 3:
			bad = wire_number(&w, type, UINT64_MAX, &e->id);
			break;
		case 4:
			bad = number32(&w, type, UINT32_MAX, &e->index);
			break;
		case 5:
			bad = wire_number(&w, type, UINT64_MAX, &e->member);
			break;
		case 8:
			bad = number32(&w, type, UINT32_MAX, &e->minutes);
			break;
		case 15:
			bad = number32(&w, type, INT32_MAX, &narrow);
			e->day = bad ? 0 : (int32_t)narrow;
			break;
		case 6:
		case 16:
			bad = number32(&w, type, INT32_MAX, &narrow);
			break;
		case 9:
		case 10:
			bad = number32(&w, type, UINT32_MAX, &narrow);
			break;
		case 11:
		case 12:
			bad = plain_of(&w, type, &text);
			break;
		default:
			bad = wire_number(&w, type, UINT64_MAX, &v);
		}
		if (bad)
			return -1;
	}
	return 0;
}

static int
touched_read(struct wire w, struct said_touched *t)
{
	uint32_t field, last = 0;
	unsigned type;

	memset(t, 0, sizeof(*t));
	while (w.p < w.end) {
		if (wire_key(&w, &field, &type) != 0 || field <= last || field > 2 ||
		    wire_number(&w, type, UINT64_MAX, field == 1 ? &t->member : &t->prev) != 0)
			return -1;
		last = field;
	}
	return 0;
}

/* The fields before the first posting. */
static int
head_read(struct wire *w, struct said *out)
{
	struct wire next = *w;
	uint32_t field, last = 0;
	unsigned type;
	int bad = 0;

	while (next.p < next.end) {
		if (wire_key(&next, &field, &type) != 0 || field <= last)
			return -1;
		if (field >= ENTRY_POSTINGS)
			return 0;
		last = field;
		if (field == ENTRY_SEQ)
			bad = wire_number(&next, type, UINT64_MAX, &out->seq);
		else if (field == ENTRY_TIME)
			bad = wire_number(&next, type, UINT64_MAX, &out->time_us);
		else if (field == ENTRY_RULES)
			bad = wire_number(&next, type, UINT64_MAX, &out->rules);
		else if (field == ENTRY_SEMANTICS)
			bad = number32(&next, type, UINT32_MAX, &out->semantics);
		else
			bad = bytes_of(&next, type,
			    field == ENTRY_PREV	 ? &out->prev
			    : field == ENTRY_ACT ? &out->act
						 : &out->signature);
		if (bad)
			return -1;
		*w = next;
	}
	return 0;
}

/* How many of each of the three lists, which must stand in order. */
static int
lists_count(struct wire w, size_t n[3])
{
	uint32_t field, last = ENTRY_POSTINGS;
	struct wire inside;
	unsigned type;

	memset(n, 0, 3 * sizeof(*n));
	while (w.p < w.end) {
		if (wire_key(&w, &field, &type) != 0 || field < last || field > ENTRY_TOUCHED ||
		    type != WIRE_BYTES || wire_bytes(&w, &inside) != 0)
			return -1;
		n[field - ENTRY_POSTINGS]++;
		last = field;
	}
	return 0;
}

static int
said_read(const uint8_t *bytes, size_t len, struct arena *arena, struct said *out)
{
	struct wire w = {bytes, bytes + len}, inside;
	struct said_posting *postings;
	struct said_effect *effects;
	struct said_touched *touched;
	size_t n[3], at[3] = {0, 0, 0};
	uint32_t field;
	unsigned type;
	int bad = 0;

	memset(out, 0, sizeof(*out));
	if (head_read(&w, out) != 0 || lists_count(w, n) != 0 ||
	    (postings = arena_alloc(arena, n[0] * sizeof(*postings))) == NULL ||
	    (effects = arena_alloc(arena, n[1] * sizeof(*effects))) == NULL ||
	    (touched = arena_alloc(arena, n[2] * sizeof(*touched))) == NULL)
		return -1;
	while (w.p < w.end && !bad) {
		if (wire_key(&w, &field, &type) != 0 || wire_bytes(&w, &inside) != 0)
			return -1;
		if (field == ENTRY_POSTINGS)
			bad = posting_read(inside, &postings[at[0]++]);
		else if (field == ENTRY_EFFECTS)
			bad = effect_read(inside, &effects[at[1]++]);
		else
			bad = touched_read(inside, &touched[at[2]++]);
	}
	out->postings = postings;
	out->effects = effects;
	out->touched = touched;
	out->n_postings = n[0];
	out->n_effects = n[1];
	out->n_touched = n[2];
	return bad;
}

/* ---- the long way ---- */

static struct said_bytes
blob(const ProtobufCBinaryData *b)
{
	return (struct said_bytes){b->data, b->len};
}

static struct said_bytes
text(const char *s)
{
	return (struct said_bytes){(const uint8_t *)s, strlen(s)};
}

static void
lists_convert(const Timebox__V1__Entry *e, struct said_posting *postings,
    struct said_effect *effects, struct said_touched *touched)
{
	for (size_t i = 0; i < e->n_postings; i++) {
		const Timebox__V1__Posting *p = e->postings[i];

		postings[i] = (struct said_posting){.partner = text(p->partner),
		    .item = text(p->item),
		    .member = p->member,
		    .lot = p->lot,
		    .amount = p->amount,
		    .asset = (uint32_t)p->asset,
		    .purpose = (uint32_t)p->purpose};
	}
	for (size_t i = 0; i < e->n_effects; i++) {
		const Timebox__V1__Effect *f = e->effects[i];

		effects[i] = (struct said_effect){.id = f->id,
		    .member = f->member,
		    .kind = (uint32_t)f->kind,
		    .command = f->command,
		    .index = f->index,
		    .minutes = f->minutes,
		    .day = f->day};
	}
	for (size_t i = 0; i < e->n_touched; i++)
		touched[i] = (struct said_touched){e->touched[i]->member, e->touched[i]->prev};
}

enum result
said_decode_reference(const uint8_t *bytes, size_t n, struct arena *arena, struct said *out)
{
	const Timebox__V1__Entry *e;
	struct said_posting *postings;
	struct said_effect *effects;
	struct said_touched *touched;
	ProtobufCMessage *message;
	enum result err = canonical_unpack(&timebox__v1__entry__descriptor, arena, bytes, n, &message);

	if (err != RESULT_OK)
		return err;
	e = (const Timebox__V1__Entry *)message;
	if ((postings = arena_alloc(arena, e->n_postings * sizeof(*postings))) == NULL ||
	    (effects = arena_alloc(arena, e->n_effects * sizeof(*effects))) == NULL ||
	    (touched = arena_alloc(arena, e->n_touched * sizeof(*touched))) == NULL)
		return RESULT_NO_MEMORY;
	lists_convert(e, postings, effects, touched);
	*out = (struct said){.seq = e->seq,
	    .time_us = e->time_us,
	    .rules = e->rules,
	    .semantics = e->semantics,
	    .prev = blob(&e->prev),
	    .act = blob(&e->act),
	    .signature = blob(&e->signature),
	    .postings = postings,
	    .effects = effects,
	    .touched = touched,
	    .n_postings = e->n_postings,
	    .n_effects = e->n_effects,
	    .n_touched = e->n_touched};
	return RESULT_OK;
}

enum result
said_decode(const uint8_t *bytes, size_t n, struct arena *arena, struct said *out)
{
	size_t mark = arena->used;

	if (said_read(bytes, n, arena, out) == 0)
		return RESULT_OK;
	arena->used = mark;
	return said_decode_reference(bytes, n, arena, out);
}

/* ---- the act ---- */

/* What the first two depths look at; false where a hash or key does not have 32 bytes. */
static bool
take32(const ProtobufCBinaryData *from, uint8_t to[32])
{
	if (from->len != 32)
		return false;
	memcpy(to, from->data, 32);
	return true;
}

static bool
genesis_convert(const Timebox__V1__Genesis *g, struct arena *arena, struct command *c)
{
	uint8_t(*hashes)[32] = arena_alloc(arena, g->n_staff_codes * 32 + 1);
	bool whole = take32(&g->ledger_key, c->key) && take32(&g->recovery_code, c->code_hash);

	if (hashes == NULL)
		return false;
	memset(hashes, 0, g->n_staff_codes * 32);
	for (size_t i = 0; i < g->n_staff_codes; i++)
		whole = take32(&g->staff_codes[i], hashes[i]) && whole;
	c->hashes = (const uint8_t(*)[32])hashes;
	c->n_hashes = (uint32_t)g->n_staff_codes;
	return whole && g->rules != NULL;
}

static bool
command_convert(const Timebox__V1__Command *from, struct arena *arena, struct command *c)
{
	memset(c, 0, sizeof(*c));
	c->kind = (uint32_t)from->kind_case;
	switch ((int)from->kind_case) {
	case TIMEBOX__V1__COMMAND__KIND_GENESIS:
		return genesis_convert(from->genesis, arena, c);
	case TIMEBOX__V1__COMMAND__KIND_ENROL:
		return take32(&from->enrol->code_hash, c->code_hash);
	case TIMEBOX__V1__COMMAND__KIND_INVITE:
		c->role = (uint32_t)from->invite->role;
		return take32(&from->invite->code_hash, c->code_hash);
	case TIMEBOX__V1__COMMAND__KIND_KEY_REVOKE:
		return take32(&from->key_revoke->key, c->key);
	case TIMEBOX__V1__COMMAND__KIND_WITHDRAW:
		if (from->withdraw->ref != NULL) {
			c->ref.seq = from->withdraw->ref->seq;
			c->ref.index = from->withdraw->ref->index;
		}
		return true;
	case TIMEBOX__V1__COMMAND__KIND_SEMANTICS_RAISE:
		c->semantics = from->semantics_raise->semantics;
		return true;
	default:
		return true;
	}
}

static enum result
deed_convert(struct said_bytes bytes, struct arena *arena, struct deed *out)
{
	struct act *act = &out->act;
	const Timebox__V1__Act *from;
	struct command *commands;
	ProtobufCMessage *message;
	bool *odd;
	enum result err;

	err = canonical_unpack(&timebox__v1__act__descriptor, arena, bytes.p, bytes.n, &message);
	if (err != RESULT_OK)
		return err;
	from = (const Timebox__V1__Act *)message;
	memset(act, 0, sizeof(*act));
	out->origin = text(from->origin);
	out->request_id_len = from->request_id.len;
	out->actor_key_len = from->actor_key.len;
	out->session_len = from->session.len;
	if (from->request_id.len == sizeof(act->request_id))
		memcpy(act->request_id, from->request_id.data, sizeof(act->request_id));
	(void)take32(&from->actor_key, act->actor_key);
	act->made_at_us = from->made_at_us;
	act->actor_member = from->actor_member;
	act->on_behalf = from->on_behalf;
	commands = arena_alloc(arena, from->n_commands * sizeof(*commands));
	odd = arena_alloc(arena, from->n_commands * sizeof(*odd));
	if (commands == NULL || odd == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < from->n_commands; i++)
		odd[i] = !command_convert(from->commands[i], arena, &commands[i]);
	act->commands = commands;
	act->n_commands = (uint32_t)from->n_commands;
	out->odd = odd;
	return RESULT_OK;
}

/* Only the daemon's own acts have a request id that begins with eight zero bytes; the origin, under
 * 128 bytes, comes before it. */
static bool
is_system(struct said_bytes act)
{
	static const uint8_t zero[8];
	size_t at = act.n < 2 ? 0 : (size_t)act.p[1] + 2;

	return act.n >= at + 10 && at >= 2 && act.p[0] == 0x0a && act.p[at] == 0x12 &&
	       memcmp(act.p + at + 2, zero, sizeof(zero)) == 0;
}

enum result
deed_decode(struct said_bytes bytes, const char *origin, struct arena *arena, struct deed *out)
{
	static const uint8_t nothing[1];
	struct act_fault fault = {.field = ""};

	if (bytes.n == 0)
		bytes.p = nothing;
	memset(out, 0, sizeof(*out));
	out->system = is_system(bytes);
	out->refusal = act_decode(
	    bytes.p, bytes.n, origin, out->system, arena, &out->act, &fault);
	if (out->refusal == RESULT_NO_MEMORY)
		return out->refusal;
	out->field = fault.field;
	out->command = fault.command;
	if (out->refusal != RESULT_OK)
		return deed_convert(bytes, arena, out);
	out->origin = text(origin);
	out->request_id_len = sizeof(out->act.request_id);
	out->actor_key_len = out->system ? 0 : sizeof(out->act.actor_key);
	out->session_len = out->act.actor_member == 0 ? 0 : sizeof(out->act.session);
	return RESULT_OK;
}
