#include "daemon/codec/entry.h"

#include <string.h>

#include "proto/canonical.h"

/* A bounded writer: once something does not fit, it stays full. */
struct writer {
	uint8_t *buf;
	size_t cap;
	size_t len;
	int full;
};

static void
put_bytes(struct writer *w, const void *p, size_t n)
{
	if (w->full || n > w->cap - w->len) {
		w->full = 1;
		return;
	}
	memcpy(w->buf + w->len, p, n);
	w->len += n;
}

static void
put_varint(struct writer *w, uint64_t v)
{
	uint8_t out[10];
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	put_bytes(w, out, n);
}

/* A varint field; a zero is left out. */
static void
put_u64(struct writer *w, uint32_t field, uint64_t v)
{
	if (v == 0)
		return;
	put_varint(w, field << 3);
	put_varint(w, v);
}

/* int32: negative numbers are sign-extended to ten bytes, as protobuf has it. */
static void
put_i32(struct writer *w, uint32_t field, int32_t v)
{
	put_u64(w, field, (uint64_t)(int64_t)v);
}

/* sint64: zigzag. */
static void
put_s64(struct writer *w, uint32_t field, int64_t v)
{
	put_u64(w, field, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void
put_blob(struct writer *w, uint32_t field, const void *p, size_t n)
{
	if (n == 0)
		return;
	put_varint(w, field << 3 | 2);
	put_varint(w, n);
	put_bytes(w, p, n);
}

static void
put_code(struct writer *w, uint32_t field, code8 code)
{
	char text[9];

	put_blob(w, field, text, code_unpack(code, text));
}

/* A sub-message, written aside because its length comes first. Even an empty one is present. */
static void
put_message(struct writer *w, uint32_t field, const struct writer *sub)
{
	w->full |= sub->full;
	put_varint(w, field << 3 | 2);
	put_varint(w, sub->len);
	put_bytes(w, sub->buf, sub->len);
}

static void
put_posting(struct writer *w, const struct posting *p)
{
	uint8_t buf[128];
	struct writer sub = {.buf = buf, .cap = sizeof(buf)};

	put_u64(&sub, 1, p->asset);
	put_u64(&sub, 2, p->purpose);
	put_u64(&sub, 3, p->member);
	put_code(&sub, 4, p->partner);
	put_code(&sub, 5, p->item);
	put_u64(&sub, 6, p->lot);
	put_s64(&sub, 7, p->amount);
	put_message(w, 8, &sub);
}

static void
put_effect(struct writer *w, const struct effect *e)
{
	uint8_t buf[192];
	struct writer sub = {.buf = buf, .cap = sizeof(buf)};

	put_u64(&sub, 1, e->kind);
	put_u64(&sub, 2, e->command);
	put_u64(&sub, 3, e->id);
	put_u64(&sub, 4, e->index);
	put_u64(&sub, 5, e->member);
	put_u64(&sub, 6, e->verdict);
	put_u64(&sub, 7, e->rules);
	put_u64(&sub, 8, e->minutes);
	put_u64(&sub, 9, e->points);
	put_u64(&sub, 10, e->count);
	put_code(&sub, 11, e->item);
	put_code(&sub, 12, e->outlet);
	put_u64(&sub, 13, e->until_us);
	put_u64(&sub, 14, e->release_us);
	put_i32(&sub, 15, e->day);
	put_u64(&sub, 16, e->provenance);
	put_message(w, 9, &sub);
}

static void
put_touched(struct writer *w, const struct touched *t)
{
	uint8_t buf[32];
	struct writer sub = {.buf = buf, .cap = sizeof(buf)};

	put_u64(&sub, 1, t->member);
	put_u64(&sub, 2, t->prev);
	put_message(w, 10, &sub);
}

size_t
entry_encode(uint8_t *buf, size_t cap, const struct entry_source *src)
{
	struct writer w = {.buf = buf, .cap = cap};
	const struct book_out *out = src->out;

	put_u64(&w, 1, src->seq);
	put_blob(&w, 2, src->prev, 32);
	put_u64(&w, 3, src->time_us);
	put_u64(&w, 4, out->rules);
	put_u64(&w, 5, out->semantics);
	put_blob(&w, 6, src->act, src->act_len);
	put_blob(&w, 7, src->signature, src->signature_len);
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
