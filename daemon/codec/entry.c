#include "daemon/codec/entry.h"

#include <string.h>

#include "proto/canonical.h"
#include "proto/wire.h"

/* int32: negative numbers are sign-extended to ten bytes, as protobuf has it. */
static void
put_i32(struct wire_out *w, uint32_t field, int32_t v)
{
	wire_put_u64(w, field, (uint64_t)(int64_t)v);
}

/* sint64: zigzag. */
static void
put_s64(struct wire_out *w, uint32_t field, int64_t v)
{
	wire_put_u64(w, field, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void
put_code(struct wire_out *w, uint32_t field, code8 code)
{
	char text[9];

	wire_put_bytes(w, field, text, code_unpack(code, text));
}

/* A sub-message, written aside because its length comes first. Even an empty one is present. */
static void
put_message(struct wire_out *w, uint32_t field, const struct wire_out *sub)
{
	w->full |= sub->full;
	wire_put_message(w, field, sub->buf, sub->len);
}

static void
put_posting(struct wire_out *w, const struct posting *p)
{
	uint8_t buf[128];
	struct wire_out sub = {.buf = buf, .cap = sizeof(buf)};

	wire_put_u64(&sub, 1, p->asset);
	wire_put_u64(&sub, 2, p->purpose);
	wire_put_u64(&sub, 3, p->member);
	put_code(&sub, 4, p->partner);
	put_code(&sub, 5, p->item);
	wire_put_u64(&sub, 6, p->lot);
	put_s64(&sub, 7, p->amount);
	put_message(w, 8, &sub);
}

static void
put_effect(struct wire_out *w, const struct effect *e)
{
	uint8_t buf[192];
	struct wire_out sub = {.buf = buf, .cap = sizeof(buf)};

	wire_put_u64(&sub, 1, e->kind);
	wire_put_u64(&sub, 2, e->command);
	wire_put_u64(&sub, 3, e->id);
	wire_put_u64(&sub, 4, e->index);
	wire_put_u64(&sub, 5, e->member);
	wire_put_u64(&sub, 6, e->verdict);
	wire_put_u64(&sub, 7, e->rules);
	wire_put_u64(&sub, 8, e->minutes);
	wire_put_u64(&sub, 9, e->points);
	wire_put_u64(&sub, 10, e->count);
	put_code(&sub, 11, e->item);
	put_code(&sub, 12, e->outlet);
	wire_put_u64(&sub, 13, e->until_us);
	wire_put_u64(&sub, 14, e->release_us);
	put_i32(&sub, 15, e->day);
	wire_put_u64(&sub, 16, e->provenance);
	put_message(w, 9, &sub);
}

static void
put_touched(struct wire_out *w, const struct touched *t)
{
	uint8_t buf[32];
	struct wire_out sub = {.buf = buf, .cap = sizeof(buf)};

	wire_put_u64(&sub, 1, t->member);
	wire_put_u64(&sub, 2, t->prev);
	put_message(w, 10, &sub);
}

size_t
entry_encode(uint8_t *buf, size_t cap, const struct entry_source *src, size_t *rest)
{
	struct wire_out w = {.buf = buf, .cap = cap};
	const struct book_out *out = src->out;

	wire_put_u64(&w, 1, src->seq);
	wire_put_bytes(&w, 2, src->prev, 32);
	wire_put_u64(&w, 3, src->time_us);
	wire_put_u64(&w, 4, out->rules);
	wire_put_u64(&w, 5, out->semantics);
	wire_put_bytes(&w, 6, src->act, src->act_len);
	wire_put_bytes(&w, 7, src->signature, src->signature_len);
	if (rest != NULL)
		*rest = w.len;
	for (uint32_t i = 0; i < out->n_postings; i++)
		put_posting(&w, &out->postings[i]);
	for (uint32_t i = 0; i < out->n_effects; i++)
		put_effect(&w, &out->effects[i]);
	for (uint32_t i = 0; i < out->n_touched; i++)
		put_touched(&w, &out->touched[i]);
	return w.full ? 0 : w.len;
}

enum result
entry_decode(const uint8_t *bytes, size_t len, struct arena *arena, const Timebox__V1__Entry **out)
{
	ProtobufCMessage *message;

	if (canonical_unpack(&timebox__v1__entry__descriptor, arena, bytes, len, &message) !=
	    RESULT_OK)
		return RESULT_CORRUPT;
	*out = (const Timebox__V1__Entry *)message;
	return RESULT_OK;
}

enum result
entry_link(const uint8_t *bytes, size_t len, uint64_t *seq, uint8_t prev[32])
{
	unsigned shift = 0;
	size_t at = 1;

	/* Fields 1 (seq, a varint) and 2 (prev, 32 bytes) are always there, and come first. */
	if (len == 0 || bytes[0] != 0x08)
		return RESULT_CORRUPT;
	*seq = 0;
	do {
		if (at == len || shift > 56)
			return RESULT_CORRUPT;
		*seq |= (uint64_t)(bytes[at] & 0x7f) << shift;
		shift += 7;
	} while ((bytes[at++] & 0x80) != 0);
	if (len - at < 34 || bytes[at] != 0x12 || bytes[at + 1] != 32)
		return RESULT_CORRUPT;
	memcpy(prev, bytes + at + 2, 32);
	return RESULT_OK;
}

/* ---- in place ---- */

/* Takes up one field; 0, or -1 if it is not of its type. */
static int
view_take(struct entry_view *v, uint32_t field, unsigned type, struct wire *w)
{
	struct wire bytes = {NULL, NULL};
	uint64_t number = 0;

	if (field == ENTRY_PREV || field == ENTRY_ACT || field == ENTRY_SIGNATURE) {
		if (type != WIRE_BYTES || wire_bytes(w, &bytes) != 0)
			return -1;
	} else if (type != WIRE_VARINT || wire_varint(w, &number) != 0) {
		return -1;
	}
	if (field == ENTRY_SEQ)
		v->seq = number;
	else if (field == ENTRY_TIME)
		v->time_us = number;
	else if (field == ENTRY_PREV)
		v->prev = wire_left(&bytes) == 32 ? bytes.p : NULL;
	else if (field == ENTRY_ACT)
		v->act = bytes.p, v->act_len = wire_left(&bytes);
	else if (field == ENTRY_SIGNATURE)
		v->signature = bytes.p, v->signature_len = wire_left(&bytes);
	return 0;
}

enum result
entry_view(const uint8_t *bytes, size_t len, struct entry_view *out)
{
	struct wire w = {bytes, bytes + len}, next = w;
	uint32_t field, last = 0;
	unsigned type;

	memset(out, 0, sizeof(*out));
	while (next.p < next.end && wire_key(&next, &field, &type) == 0 && field > last && field <= ENTRY_SIGNATURE) {
		if (view_take(out, field, type, &next) != 0)
			return RESULT_CORRUPT;
		last = field;
		w = next;
	}
	out->rest = w.p;
	out->rest_len = wire_left(&w);
	return out->seq == 0 || out->prev == NULL || out->act == NULL ? RESULT_CORRUPT : RESULT_OK;
}

/* The id that an effect states, if it is of a person added; else 0. */
static uint64_t
effect_fresh_id(struct wire w)
{
	uint64_t v, kind = 0, id = 0;
	uint32_t field;
	unsigned type;

	while (w.p < w.end && wire_key(&w, &field, &type) == 0 && field <= ENTRY_EFFECT_ID) {
		if (type != WIRE_VARINT || wire_varint(&w, &v) != 0)
			return 0;
		if (field == ENTRY_EFFECT_KIND)
			kind = v;
		else if (field == ENTRY_EFFECT_ID)
			id = v;
	}
	return kind == EFFECT_MEMBER_ADDED || kind == EFFECT_BENEFICIARY_ADDED ? id : 0;
}

size_t
entry_fresh_ids(const struct entry_view *entry, uint64_t *ids, size_t cap)
{
	struct wire w = {entry->rest, entry->rest + entry->rest_len}, effect;
	uint32_t field;
	unsigned type;
	uint64_t id;
	size_t n = 0;

	while (n < cap && wire_key(&w, &field, &type) == 0) {
		if (field != ENTRY_EFFECTS || type != WIRE_BYTES) {
			if (wire_skip(&w, type) != 0)
				break;
			continue;
		}
		if (wire_bytes(&w, &effect) != 0)
			break;
		if ((id = effect_fresh_id(effect)) != 0)
			ids[n++] = id;
	}
	return n;
}
