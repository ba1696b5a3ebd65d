/* What was opened, with the key that proves it; what audits found. */
#include <string.h>

#include "daemon/rpc/rpc_int.h"

#define FINDINGS_MAX 1000

/* ---- an opening ---- */

struct wanted_text {
	uint32_t command;
	uint32_t row;
	struct call *c;
	int found;
	ProtobufCBinaryData key;
	ProtobufCBinaryData text;
};

static enum result
text_take(void *ctx, uint32_t command, uint32_t row, const uint8_t *key, const uint8_t *text, size_t len)
{
	struct wanted_text *w = ctx;

	if (command != w->command || row != w->row)
		return RESULT_OK;
	w->key = call_bytes(w->c, key, 32);
	w->text = call_bytes(w->c, text, len);
	w->found = 1;
	return w->key.data == NULL || w->text.data == NULL ? RESULT_NO_MEMORY : RESULT_OK;
}

static enum result
text_find(struct call *c, const Timebox__V1__Act *act, uint32_t command, uint32_t row, struct wanted_text *out)
{
	enum result err;

	*out = (struct wanted_text){ .command = command, .row = row, .c = c };
	if (act->request_id.len != 16)
		return RESULT_CORRUPT;
	err = texts_each(engine_people(c->rpc->engine), act->request_id.data, text_take, out);
	return err == RESULT_OK && !out->found ? RESULT_ERASED : err;
}

/* An entry's bytes as they are stored. */
static enum result
entry_bytes(struct call *c, uint64_t seq, ProtobufCBinaryData *out)
{
	uint8_t *bytes = call_alloc(c, ENTRY_MAX_BYTES);
	size_t len = 0;
	enum result err;

	if (bytes == NULL)
		return RESULT_NO_MEMORY;
	err = engine_entry(c->rpc->engine, seq, bytes, ENTRY_MAX_BYTES, &len);
	*out = (ProtobufCBinaryData){ len, bytes };
	return err;
}

enum result
call_get_opening(struct call *c)
{
	const Timebox__V1__GetOpening *ask = c->ask->get_opening;
	Timebox__V1__Opening *out = call_message(c, &timebox__v1__opening__descriptor);
	const Timebox__V1__TextOpen *open;
	struct call_entry opening, opened;
	struct wanted_text w, reference;
	uint8_t leaf[32];
	enum result err;

	if (out == NULL)
		return RESULT_NO_MEMORY;
	if ((err = call_entry(c, ask->seq, &opening)) != RESULT_OK)
		return err;
	if (ask->command >= opening.act->n_commands ||
	    opening.act->commands[ask->command]->kind_case != TIMEBOX__V1__COMMAND__KIND_TEXT_OPEN)
		return RESULT_NOT_FOUND;
	open = opening.act->commands[ask->command]->text_open;
	if ((err = call_entry(c, open->ref->seq, &opened)) != RESULT_OK ||
	    (err = text_find(c, opened.act, open->ref->index, open->row, &w)) != RESULT_OK ||
	    (err = text_find(c, opening.act, ask->command, 0, &reference)) != RESULT_OK ||
	    (err = entry_bytes(c, ask->seq, &out->opening)) != RESULT_OK ||
	    (err = entry_bytes(c, open->ref->seq, &out->entry)) != RESULT_OK ||
	    (err = proof_make(c, ask->seq, 0, leaf, &out->opening_proof)) != RESULT_OK ||
	    (err = proof_make(c, open->ref->seq, 0, leaf, &out->entry_proof)) != RESULT_OK)
		return err;
	out->reference = reference.text;
	out->reference_key = reference.key;
	out->command = open->ref->index;
	out->row = open->row;
	out->key = w.key;
	out->text = w.text;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_OPENING;
	c->answer->opening = out;
	return RESULT_OK;
}

/* ---- findings ---- */

struct findings {
	struct gather g;
	uint64_t after;
};

static void
finding_note(void *ctx, const struct row_key *key, const void *value)
{
	struct findings *f = ctx;

	(void)value;
	if (key->a > f->after)
		gather_add(&f->g, key->a);
}

int
finding_open(const struct finding_row *f, const struct record_row *r)
{
	return f->outcome != FINDING_FOUND && r != NULL && r->state != RECORD_REJECTED &&
	       r->state != RECORD_WITHDRAWN && r->state != RECORD_REVERSED;
}

static Timebox__V1__Finding *
finding_make(struct call *c, uint64_t record)
{
	static const uint8_t none[32];
	const struct finding_row *row = call_row(c, row_key3(TABLE_FINDING, record, 0, 0));
	const struct record_row *r = call_row(c, row_key3(TABLE_RECORD, record, 0, 0));
	const struct key_no_row *no = call_row(c, row_key3(TABLE_KEY_NO, row->by_no, 0, 0));
	Timebox__V1__Finding *out = call_message(c, &timebox__v1__finding__descriptor);

	if (out == NULL || r == NULL || (out->record = record_make(c, r)) == NULL)
		return NULL;
	out->seq = row->origin.seq;
	out->index = row->origin.index;
	out->time_us = row->time_us;
	out->outcome = (Timebox__V1__FindingOutcome)row->outcome;
	out->count = row->count;
	out->open = finding_open(row, r);
	if (no != NULL)
		out->key = call_bytes(c, no->key, 32);
	if (memcmp(row->digest, none, sizeof(none)) != 0)
		out->digest = call_bytes(c, row->digest, 32);
	return out;
}

enum result
call_get_findings(struct call *c)
{
	const Timebox__V1__GetFindings *ask = c->ask->get_findings;
	uint32_t limit = ask->limit == 0 || ask->limit > FINDINGS_MAX ? FINDINGS_MAX : ask->limit;
	struct findings f = { .g = { .call = c } };
	Timebox__V1__Findings *out = call_message(c, &timebox__v1__findings__descriptor);

	if (ask->after_seq >= 1ull << 48 || ask->after_index >= 1u << 16)
		return call_bad_field(c, "after_seq");
	f.after = ref_id(ask->after_seq, ask->after_index);
	if (out == NULL || (out->findings = call_alloc(c, limit * sizeof(*out->findings))) == NULL)
		return RESULT_NO_MEMORY;
	engine_each(c->rpc->engine, TABLE_FINDING, finding_note, &f);
	if (f.g.full)
		return RESULT_NO_MEMORY;
	gather_sort(&f.g);
	for (size_t i = 0; i < f.g.n && out->n_findings < limit; i++)
		if ((out->findings[out->n_findings++] = finding_make(c, f.g.id[i])) == NULL)
			return RESULT_NO_MEMORY;
	out->more = f.g.n > out->n_findings;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_FINDINGS;
	c->answer->findings = out;
	return RESULT_OK;
}
