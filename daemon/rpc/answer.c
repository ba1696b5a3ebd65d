/* Answers: how one begins, what refusals say, how it is sent; and what handlers build them from. */
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_int.h"
#include "proto/canonical.h"
#include "proto/crypto.h"
#include "proto/frame.h"
#include "proto/plain.h"
#include "proto/tree.h"
#include "proto/wire.h"

static char empty[1];

Response *
answer_begin(struct rpc *rpc, uint64_t number)
{
	Response *r;

	arena_reset(&rpc->answers);
	r = arena_alloc(&rpc->answers, sizeof(*r));
	CHECK(r != NULL);
	timebox__v1__response__init(r);
	r->number = number;
	r->as_of = engine_last_seq(rpc->engine);
	return r;
}

/* protobuf-c's strings are not const, but it only reads what it packs. */
char *
answer_text(struct rpc *rpc, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = arena_alloc(&rpc->answers, n);

	if (copy == NULL)
		return empty;
	memcpy(copy, text, n);
	return copy;
}

static void
refuse(struct rpc *rpc, Response *r, enum result code)
{
	r->code = (Timebox__V1__ResultCode)code;
	r->body_case = TIMEBOX__V1__RESPONSE__BODY__NOT_SET;
	r->name = answer_text(rpc, result_name(code));
	r->text_en = answer_text(rpc, result_text_en(code));
	r->text_zh = answer_text(rpc, result_text_zh(code));
}

void
answer_send(struct peer *peer, Response *r)
{
	struct rpc *rpc = peer->rpc;
	const uint8_t *end = rpc->packed + FRAME_MAX_BYTES, *at = plain_pack(&r->base, rpc->packed, FRAME_MAX_BYTES);

	if (at == NULL) {
		uint64_t number = r->number;

		r = answer_begin(rpc, number);
		refuse(rpc, r, RESULT_TOO_MANY);
		at = plain_pack(&r->base, rpc->packed, FRAME_MAX_BYTES);
		CHECK(at != NULL);
	}
	/* A frame has at least a byte: number 0, code 0 and nothing else is never sent. */
	if (at < end)
		net_send(peer->conn, at, (size_t)(end - at));
}

/* Field numbers of Response (rpc.proto). */
enum { RESPONSE_NUMBER = 1, RESPONSE_AS_OF = 9, RESPONSE_RECEIPT = 11 };

void
answer_receipt(struct peer *peer, uint64_t number, const uint8_t *receipt, size_t len)
{
	struct rpc *rpc = peer->rpc;
	struct wire_out w = { .buf = rpc->packed, .cap = FRAME_MAX_BYTES };

	wire_put_u64(&w, RESPONSE_NUMBER, number);
	wire_put_u64(&w, RESPONSE_AS_OF, engine_last_seq(rpc->engine));
	wire_put_message(&w, RESPONSE_RECEIPT, receipt, len);
	/* A receipt is far smaller than a frame (ENGINE_RECEIPT_MAX). */
	CHECK(!w.full);
	net_send(peer->conn, rpc->packed, w.len);
}

void
answer_code(struct rpc *rpc, Response *r, enum result code)
{
	if (code != RESULT_OK)
		refuse(rpc, r, code);
}

void
answer_refuse(struct peer *peer, uint64_t number, enum result code)
{
	Response *r = answer_begin(peer->rpc, number);

	answer_code(peer->rpc, r, code);
	answer_send(peer, r);
}

/* ---- what handlers build from ---- */

void *
call_alloc(struct call *c, size_t n)
{
	void *p = arena_alloc(c->arena, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

void *
call_message(struct call *c, const ProtobufCMessageDescriptor *desc)
{
	void *m = arena_alloc(c->arena, desc->sizeof_message);

	if (m != NULL)
		protobuf_c_message_init(desc, m);
	return m;
}

char *
call_text(struct call *c, const char *text)
{
	return answer_text(c->rpc, text);
}

char *
call_code8(struct call *c, code8 code)
{
	char text[9];

	if (code == 0)
		return empty;
	code_unpack(code, text);
	return answer_text(c->rpc, text);
}

char *
call_number(struct call *c, uint64_t member)
{
	char number[9];

	if (member == 0 || texts_number(engine_people(c->rpc->engine), member, number) != RESULT_OK)
		return empty;
	return answer_text(c->rpc, number);
}

char *
call_name(struct call *c, enum text_of of, uint64_t id, char **group)
{
	const Timebox__V1__NameText *name;

	if (group != NULL)
		*group = empty;
	/* A name that was erased, or never given, is no fault. */
	if (texts_name(engine_people(c->rpc->engine), of, id, c->arena, &name) != RESULT_OK)
		return empty;
	if (group != NULL)
		*group = name->group;
	return name->name;
}

ProtobufCBinaryData
call_bytes(struct call *c, const void *p, size_t n)
{
	ProtobufCBinaryData out = { 0, arena_alloc(c->arena, n) };

	if (out.data != NULL) {
		memcpy(out.data, p, n);
		out.len = n;
	}
	return out;
}

enum result
call_bad_field(struct call *c, const char *field)
{
	c->answer->field = call_text(c, field);
	return RESULT_BAD_FIELD;
}

const void *
call_row(const struct call *c, struct row_key key)
{
	return c->rows->get(c->rows->ctx, &key);
}

enum result
call_entry(struct call *c, uint64_t seq, struct call_entry *out)
{
	uint8_t *bytes = arena_alloc(c->arena, ENTRY_MAX_BYTES);
	ProtobufCMessage *message;
	size_t len;
	enum result err;

	if (bytes == NULL)
		return RESULT_NO_MEMORY;
	if ((err = engine_entry(c->rpc->engine, seq, bytes, ENTRY_MAX_BYTES, &len)) != RESULT_OK ||
	    (err = entry_decode(bytes, len, c->arena, &out->entry)) != RESULT_OK)
		return err;
	tree_leaf_hash(bytes, len, out->leaf);
	err = canonical_unpack(&timebox__v1__act__descriptor, c->arena, out->entry->act.data,
			       out->entry->act.len, &message);
	if (err != RESULT_OK)
		return err == RESULT_NO_MEMORY ? err : RESULT_CORRUPT;
	out->act = (const Timebox__V1__Act *)(const void *)message;
	return RESULT_OK;
}

/* ---- gathering ---- */

#define GATHER_FIRST 256

void
gather_add(struct gather *g, uint64_t id)
{
	if (g->n == g->cap) {
		size_t cap = g->cap == 0 ? GATHER_FIRST : g->cap * 2;
		uint64_t *more = arena_alloc(g->call->arena, cap * sizeof(*more));

		if (more == NULL) {
			g->full = 1;
			return;
		}
		if (g->n > 0)
			memcpy(more, g->id, g->n * sizeof(*more));
		g->id = more;
		g->cap = cap;
	}
	g->id[g->n++] = id;
}

static int
compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
gather_sort(struct gather *g)
{
	if (g->n > 1)
		qsort(g->id, g->n, sizeof(*g->id), compare_ids);
}
