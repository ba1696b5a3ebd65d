/* Records of service: a batch as its attester must see it, records that wait, a trial run of an import. */
#include <string.h>

#include "daemon/rpc/rpc_int.h"
#include "proto/crypto.h"

#define RECORDS_MAX 1000
#define DRY_RUN_MAX 64

/* ---- a batch ---- */

struct batch_sums {
	struct sha256_ctx *digest;
	uint32_t accepted;
	uint32_t waiting;
};

static enum result
part_fill(struct call *c, uint64_t seq, Timebox__V1__Batch *out, struct batch_sums *sums, uint64_t *next)
{
	const struct batch_part_row *row = call_row(c, row_key3(TABLE_BATCH_PART, seq, 0, 0));
	Timebox__V1__BatchPart *part = call_message(c, &timebox__v1__batch_part__descriptor);

	if (row == NULL)
		return RESULT_CORRUPT;
	if (part == NULL)
		return RESULT_NO_MEMORY;
	part->part = row->part;
	part->seq = seq;
	part->leaf = call_bytes(c, row->origin.leaf, 32);
	out->parts_done[out->n_parts_done++] = part;
	sha256_update(sums->digest, row->origin.leaf, 32);
	for (size_t i = 0; i < sizeof(row->accepted); i++)
		sums->accepted += (uint32_t)__builtin_popcount(row->accepted[i]);
	sums->waiting += row->waiting;
	*next = row->next;
	return RESULT_OK;
}

/* Rows that stand credited now: those not left out that no longer wait, or while reversing, those that still do. */
static uint32_t
credited_rows(enum batch_state state, const struct batch_sums *sums)
{
	switch (state) {
	case BATCH_ATTESTED:
	case BATCH_CREDITED:
		return sums->accepted - sums->waiting;
	case BATCH_REVERSING:
		return sums->waiting;
	case BATCH_NONE:
	case BATCH_IS_INCOMPLETE:
	case BATCH_RECORDED:
	case BATCH_WITHDRAWN:
	case BATCH_REVERSED:
		return 0;
	}
	return 0;
}

static enum result
parts_fill(struct call *c, const struct batch_row *row, Timebox__V1__Batch *out)
{
	struct batch_sums sums = { .digest = sha256_new() };
	enum result err = RESULT_OK;
	uint8_t digest[32];

	out->parts_done = call_alloc(c, row->parts_done * sizeof(*out->parts_done));
	if (out->parts_done == NULL)
		err = RESULT_NO_MEMORY;
	for (uint64_t seq = row->first_part; seq != 0 && err == RESULT_OK;) {
		if (out->n_parts_done == row->parts_done)
			err = RESULT_CORRUPT;
		else
			err = part_fill(c, seq, out, &sums, &seq);
	}
	sha256_final(sums.digest, digest);
	sha256_free(sums.digest);
	out->digest = call_bytes(c, digest, sizeof(digest));
	out->credited = credited_rows((enum batch_state)row->state, &sums);
	return err;
}

enum result
call_get_batch(struct call *c)
{
	const ProtobufCBinaryData *id = &c->ask->get_batch->batch;
	Timebox__V1__Batch *out = call_message(c, &timebox__v1__batch__descriptor);
	const struct batch_row *row;
	enum result err;

	if (id->len != 16)
		return call_bad_field(c, "batch");
	if ((row = call_row(c, row_key_batch(id->data))) == NULL)
		return RESULT_NOT_FOUND;
	if (out == NULL)
		return RESULT_NO_MEMORY;
	if ((err = parts_fill(c, row, out)) != RESULT_OK)
		return err;
	out->batch = call_bytes(c, id->data, 16);
	out->state = (Timebox__V1__BatchState)row->state;
	out->attempt = row->attempt;
	out->parts = row->parts;
	out->records = row->records;
	out->mine = row->importer_no == c->key->no;
	(void)book_rules_at(c->rows, c->now_us, &out->rules);
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_BATCH;
	c->answer->batch = out;
	return RESULT_OK;
}

/* ---- records that wait ---- */

struct records {
	struct gather g;
	uint64_t after;
};

static void
gather_record(void *ctx, const struct row_key *key, const void *value)
{
	const struct record_row *r = value;
	struct records *list = ctx;

	if (r->state == RECORD_RECORDED && !r->in_batch && key->a > list->after)
		gather_add(&list->g, key->a);
}

Timebox__V1__Record *
record_make(struct call *c, const struct record_row *r)
{
	const struct batch_part_row *part = !r->in_batch
		? NULL : call_row(c, row_key3(TABLE_BATCH_PART, r->origin.seq, 0, 0));
	Timebox__V1__Record *out = call_message(c, &timebox__v1__record__descriptor);

	if (out == NULL)
		return NULL;
	out->seq = r->origin.seq;
	out->index = r->origin.index;
	out->leaf = call_bytes(c, part == NULL ? r->origin.leaf : part->origin.leaf, 32);
	out->member = r->member;
	out->number = call_number(c, r->member);
	out->item = call_code8(c, r->item);
	out->day = r->day;
	out->start_minute = r->start_minute;
	out->minutes = r->end_minute - r->start_minute;
	out->provenance = (Timebox__V1__Provenance)r->provenance;
	out->state = (Timebox__V1__RecordState)r->state;
	out->auto_closed = r->auto_closed != 0;
	return out;
}

enum result
call_get_records(struct call *c)
{
	const Timebox__V1__GetRecords *ask = c->ask->get_records;
	uint32_t limit = ask->limit == 0 || ask->limit > RECORDS_MAX ? RECORDS_MAX : ask->limit;
	struct records list = { .g = { .call = c } };
	Timebox__V1__Records *out = call_message(c, &timebox__v1__records__descriptor);

	if (ask->after_seq >= 1ull << 48 || ask->after_index >= 1u << 16)
		return call_bad_field(c, "after_seq");
	list.after = ref_id(ask->after_seq, ask->after_index);
	if (out == NULL || (out->records = call_alloc(c, limit * sizeof(*out->records))) == NULL)
		return RESULT_NO_MEMORY;
	engine_each(c->rpc->engine, TABLE_RECORD, gather_record, &list);
	if (list.g.full)
		return RESULT_NO_MEMORY;
	gather_sort(&list.g);
	for (size_t i = 0; i < list.g.n && out->n_records < limit; i++) {
		const struct record_row *r = call_row(c, row_key3(TABLE_RECORD, list.g.id[i], 0, 0));
		Timebox__V1__Record *record = record_make(c, r);

		if (record == NULL)
			return RESULT_NO_MEMORY;
		out->records[out->n_records++] = record;
	}
	out->more = list.g.n > out->n_records;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_RECORDS;
	c->answer->records = out;
	return RESULT_OK;
}

/* ---- a trial run ---- */

struct dry_run {
	struct call *c;
	Timebox__V1__DryRunResult *out;
	int full;
};

static Timebox__V1__Effect *
effect_make(struct call *c, const struct effect *e)
{
	Timebox__V1__Effect *out = call_message(c, &timebox__v1__effect__descriptor);

	if (out == NULL)
		return NULL;
	out->kind = (Timebox__V1__EffectKind)e->kind;
	out->command = e->command;
	out->id = e->id;
	out->index = e->index;
	out->member = e->member;
	out->verdict = (Timebox__V1__ResultCode)e->verdict;
	out->rules = e->rules;
	out->minutes = e->minutes;
	out->points = e->points;
	out->count = e->count;
	out->item = call_code8(c, e->item);
	out->outlet = call_code8(c, e->outlet);
	out->until_us = e->until_us;
	out->release_us = e->release_us;
	out->day = e->day;
	out->provenance = (Timebox__V1__Provenance)e->provenance;
	return out;
}

static void
dry_run_note(void *ctx, size_t i, enum result code, const struct book_out *out)
{
	struct dry_run *d = ctx;
	Timebox__V1__DryRunAct *act;

	if (d->full)
		return;
	act = call_message(d->c, &timebox__v1__dry_run_act__descriptor);
	if (act == NULL ||
	    (act->effects = call_alloc(d->c, out->n_effects * sizeof(*act->effects))) == NULL) {
		d->full = 1;
		return;
	}
	act->code = (Timebox__V1__ResultCode)code;
	for (uint32_t k = 0; k < out->n_effects && code == RESULT_OK; k++) {
		Timebox__V1__Effect *effect = effect_make(d->c, &out->effects[k]);

		if (effect == NULL) {
			d->full = 1;
			return;
		}
		act->effects[act->n_effects++] = effect;
	}
	CHECK(i == d->out->n_acts);
	d->out->acts[d->out->n_acts++] = act;
}

enum result
call_dry_run(struct call *c)
{
	const Timebox__V1__DryRun *ask = c->ask->dry_run;
	struct dry_run d = { c, call_message(c, &timebox__v1__dry_run_result__descriptor), 0 };

	if (ask->n_acts == 0 || ask->n_acts > DRY_RUN_MAX)
		return RESULT_TOO_MANY;
	if (d.out == NULL || (d.out->acts = call_alloc(c, ask->n_acts * sizeof(*d.out->acts))) == NULL)
		return RESULT_NO_MEMORY;
	engine_dry_run(c->rpc->engine, net_conn_key(c->peer->conn), ask->acts, ask->n_acts, dry_run_note,
		       &d);
	if (d.full)
		return RESULT_NO_MEMORY;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_DRY_RUN;
	c->answer->dry_run = d.out;
	return RESULT_OK;
}
