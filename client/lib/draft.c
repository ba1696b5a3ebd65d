#include "client/lib/timebox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/lib_int.h"

#define TEXT_MAX      4096
#define CODE_MAX      32
#define HEAD_MAX      400 /* an act without its commands */
#define FIELD_ACT     1	  /* Request.act ... */
#define FIELD_SIG     2
#define FIELD_PRIVATE 3
#define FIELD_COMMANDS 9 /* Act.commands, its last field */
#define FIELD_TEXTS    1 /* Private.texts, Private.code */
#define FIELD_CODE     2

struct timebox_draft {
	struct buf commands; /* as fields of Act */
	struct buf texts;    /* as fields of Private */
	uint32_t count;
	uint8_t code[CODE_MAX];
	size_t code_n;
	uint32_t branch;
	uint64_t on_behalf;
	int sealed;
	int has_signature;
	uint8_t request_id[UUID7_LEN];
	uint8_t signature[SIG_LEN];
	struct buf act;
	struct buf request;
};

struct timebox_draft *
timebox_draft_new(void)
{
	return calloc(1, sizeof(struct timebox_draft));
}

/* Private texts and codes are secrets: they are wiped, not only forgotten. */
static void
draft_wipe(struct timebox_draft *d)
{
	if (d->texts.n > 0)
		crypto_wipe(d->texts.p, d->texts.n);
	if (d->request.n > 0)
		crypto_wipe(d->request.p, d->request.n);
	crypto_wipe(d->code, sizeof(d->code));
	d->commands.n = d->texts.n = d->act.n = d->request.n = d->code_n = 0;
	d->count = d->branch = 0;
	d->on_behalf = 0;
	d->sealed = d->has_signature = 0;
}

void
timebox_draft_reset(struct timebox_draft *d)
{
	draft_wipe(d);
}

void
timebox_draft_free(struct timebox_draft *d)
{
	if (d == NULL)
		return;
	draft_wipe(d);
	buf_free(&d->commands);
	buf_free(&d->texts);
	buf_free(&d->act);
	buf_free(&d->request);
	free(d);
}

uint32_t
timebox_draft_next(const struct timebox_draft *d)
{
	return d->count;
}

enum result
timebox_draft_add(struct timebox_draft *d, const Timebox__V1__Command *c)
{
	enum result r;

	assert(!d->sealed);
	if (c->kind_case == TIMEBOX__V1__COMMAND__KIND__NOT_SET)
		return RESULT_BAD_FIELD;
	if (d->count == TIMEBOX_COMMANDS_MAX ||
		d->commands.n + HEAD_MAX + buf_message_field_size(FIELD_COMMANDS, &c->base) >
			TIMEBOX_ACT_MAX)
		return RESULT_TOO_MANY;
	r = buf_append_message(&d->commands, FIELD_COMMANDS, &c->base);
	if (r == RESULT_OK)
		d->count++;
	return r;
}

enum result
timebox_draft_text(struct timebox_draft *d, uint32_t command, uint32_t row,
	const ProtobufCMessage *text, uint8_t commitment[HASH_LEN])
{
	Timebox__V1__PrivateText field;
	uint8_t packed[TEXT_MAX], key[KEY_LEN];
	struct sha256_part part = {packed, protobuf_c_message_get_packed_size(text)};
	enum result r;

	assert(!d->sealed);
	if (part.n > TEXT_MAX)
		return RESULT_TOO_MANY;
	r = crypto_random(key, sizeof(key));
	if (r != RESULT_OK)
		return r;
	protobuf_c_message_pack(text, packed);
	hmac_sha256(key, sizeof(key), &part, 1, commitment);
	timebox__v1__private_text__init(&field);
	field.command = command;
	field.row = row;
	field.key = timebox_bytes(key, sizeof(key));
	field.text = timebox_bytes(packed, part.n);
	r = buf_append_message(&d->texts, FIELD_TEXTS, &field.base);
	crypto_wipe(key, sizeof(key));
	crypto_wipe(packed, sizeof(packed));
	return r;
}

enum result
timebox_draft_name(struct timebox_draft *d, const char *name, const char *group,
	uint8_t commitment[HASH_LEN])
{
	Timebox__V1__NameText text;

	timebox__v1__name_text__init(&text);
	text.name = timebox_string(name == NULL ? "" : name);
	text.group = timebox_string(group == NULL ? "" : group);
	return timebox_draft_text(d, d->count, 0, &text.base, commitment);
}

enum result
timebox_draft_code(struct timebox_draft *d, const uint8_t *code, size_t n)
{
	assert(!d->sealed);
	if (n == 0 || n > CODE_MAX)
		return RESULT_BAD_FIELD;
	memcpy(d->code, code, n);
	d->code_n = n;
	return RESULT_OK;
}

void
timebox_draft_branch(struct timebox_draft *d, uint32_t branch)
{
	assert(!d->sealed);
	d->branch = branch;
}

void
timebox_draft_on_behalf(struct timebox_draft *d, uint64_t member)
{
	assert(!d->sealed);
	d->on_behalf = member;
}

size_t
timebox_draft_size(const struct timebox_draft *d)
{
	return d->commands.n + d->texts.n;
}

/* ---- sealing ---- */

/* The act's head, packed by protobuf-c without commands, then the commands: fields stay in order. */
static enum result
draft_pack_act(struct timebox_draft *d, const struct timebox_seal *s)
{
	Timebox__V1__Act head;
	size_t n;
	enum result r;

	timebox__v1__act__init(&head);
	head.origin = timebox_string(s->origin);
	head.request_id = timebox_bytes(d->request_id, UUID7_LEN);
	head.made_at_us = s->now_us;
	head.actor_key = timebox_bytes(s->key, KEY_LEN);
	head.actor_member = s->member;
	if (s->session != NULL)
		head.session = timebox_bytes(s->session, TIMEBOX_SESSION_LEN);
	head.on_behalf = d->on_behalf;
	head.branch = d->branch;
	n = protobuf_c_message_get_packed_size(&head.base);
	d->act.n = 0;
	r = buf_reserve(&d->act, n + d->commands.n);
	if (r != RESULT_OK)
		return r;
	d->act.n = protobuf_c_message_pack(&head.base, d->act.p);
	return buf_append(&d->act, d->commands.p, d->commands.n);
}

static enum result
draft_pack_request(struct timebox_draft *d)
{
	struct buf secret = {NULL, 0, 0};
	enum result r;

	d->request.n = 0;
	r = buf_append_field(&d->request, FIELD_ACT, d->act.p, d->act.n);
	if (r == RESULT_OK && d->has_signature)
		r = buf_append_field(&d->request, FIELD_SIG, d->signature, SIG_LEN);
	if (r == RESULT_OK && d->texts.n + d->code_n > 0) {
		r = buf_append(&secret, d->texts.p, d->texts.n);
		if (r == RESULT_OK && d->code_n > 0)
			r = buf_append_field(&secret, FIELD_CODE, d->code, d->code_n);
		if (r == RESULT_OK)
			r = buf_append_field(&d->request, FIELD_PRIVATE, secret.p, secret.n);
		if (secret.n > 0)
			crypto_wipe(secret.p, secret.n);
		buf_free(&secret);
	}
	if (r == RESULT_OK && d->request.n > FRAME_MAX_BYTES)
		r = RESULT_TOO_MANY;
	return r;
}

enum result
timebox_draft_seal(struct timebox_draft *d, const struct timebox_seal *s)
{
	enum result r;

	if (d->sealed)
		return RESULT_OK;
	if (d->count == 0)
		return RESULT_BAD_FIELD;
	r = uuid7_make(d->request_id, s->now_us / 1000);
	if (r == RESULT_OK)
		r = draft_pack_act(d, s);
	if (r == RESULT_OK && s->seed != NULL)
		r = act_sign(s->seed, d->act.p, d->act.n, d->signature);
	d->has_signature = s->seed != NULL;
	if (r == RESULT_OK)
		r = draft_pack_request(d);
	d->sealed = r == RESULT_OK;
	return r;
}

void
timebox_draft_unseal(struct timebox_draft *d)
{
	d->sealed = 0;
}

const uint8_t *
timebox_draft_act(const struct timebox_draft *d, size_t *n)
{
	assert(d->sealed);
	*n = d->act.n;
	return d->act.p;
}

const uint8_t *
timebox_draft_signature(const struct timebox_draft *d)
{
	assert(d->sealed);
	return d->has_signature ? d->signature : NULL;
}

const uint8_t *
timebox_draft_request_id(const struct timebox_draft *d)
{
	assert(d->sealed);
	return d->request_id;
}

const uint8_t *
timebox_draft_request(const struct timebox_draft *d, size_t *n)
{
	assert(d->sealed);
	*n = d->request.n;
	return d->request.p;
}

/* ---- protobuf-c has no const ---- */

ProtobufCBinaryData
timebox_bytes(const void *p, size_t n)
{
	return (ProtobufCBinaryData){.len = n, .data = (uint8_t *)(uintptr_t)p};
}

char *
timebox_string(const char *s)
{
	return (char *)(uintptr_t)s;
}
