/* From attested records to minutes and points, and back again when a batch is reversed. */
#include "daemon/book/book_int.h"

static enum result
record_find(struct book *b, const struct ref *ref, struct record_row **out)
{
	struct row_key k = row_key3(TABLE_RECORD, ref_id(ref->seq, ref->index), 0, 0);

	*out = book_edit(b, &k);
	return *out == NULL ? RESULT_NOT_FOUND : RESULT_OK;
}

enum result
book_judge_apart(const struct book *b, const struct record_row *r)
{
	uint64_t opener = book_key_person(b->rows, r->recorder_no);
	uint64_t closer = book_key_person(b->rows, r->closer_no);

	if (r->recorder_no == b->key_no || r->closer_no == b->key_no ||
	    (opener != 0 && opener == b->person) || (closer != 0 && closer == b->person))
		return RESULT_SAME_PERSON;
	return book_keep_apart(b, b->person, r->member);
}

/* A record that stands alone (not in a batch) and waits for a judgement. */
static enum result
record_to_judge(struct book *b, const struct ref *ref, struct record_row **out)
{
	enum result err = record_find(b, ref, out);

	if (err != RESULT_OK || (err = book_ref_matches(ref, &(*out)->origin)) != RESULT_OK)
		return err;
	if ((*out)->state != RECORD_RECORDED || (*out)->in_batch)
		return RESULT_RECORD_STATE;
	return RESULT_OK;
}

enum result
decide_attest_records(struct book *b, const struct command *c)
{
	uint64_t due_us = b->in->now_us + b->rules->notice_days * DAY_US;
	struct effect *e;
	enum result err;

	if (c->n_refs == 0)
		return book_refuse_field(b, "refs");
	for (uint32_t i = 0; i < c->n_refs; i++) {
		struct record_row *r;

		if ((err = record_to_judge(b, &c->refs[i], &r)) != RESULT_OK ||
		    (err = book_judge_apart(b, r)) != RESULT_OK ||
		    (err = book_touch(b, r->member)) != RESULT_OK)
			return err;
		r->state = RECORD_ATTESTED;
		r->attester_no = b->key_no;
		r->due_us = due_us;
		book_due_add(
		    b, DUE_CREDIT_RECORD, due_us, ref_id(c->refs[i].seq, c->refs[i].index));
	}
	if ((err = book_effect(b, EFFECT_ATTESTED, &e)) != RESULT_OK)
		return err;
	e->count = c->n_refs;
	e->until_us = due_us;
	return RESULT_OK;
}

enum result
decide_reject_records(struct book *b, const struct command *c)
{
	struct effect *e;
	enum result err;

	if (c->n_refs == 0)
		return book_refuse_field(b, "refs");
	for (uint32_t i = 0; i < c->n_refs; i++) {
		struct record_row *r;

		if ((err = record_to_judge(b, &c->refs[i], &r)) != RESULT_OK ||
		    (err = book_touch(b, r->member)) != RESULT_OK)
			return err;
		r->state = RECORD_REJECTED;
		member_day_free(b, r->member, r->day, r->start_minute, r->end_minute,
		    ref_id(c->refs[i].seq, c->refs[i].index));
	}
	if ((err = book_effect(b, EFFECT_REJECTED, &e)) != RESULT_OK)
		return err;
	e->count = c->n_refs;
	return RESULT_OK;
}

/* Which provenances convert is the rule set's word; of opening rows only those marked as measured.
 */
static int
converts(const struct rule_set *rules, const struct record_row *r)
{
	return (rules->converts >> r->provenance & 1) != 0 &&
	       (r->provenance != PROVENANCE_OPENING || r->measured);
}

/* The rate and rule set a record is judged by: those of its day, or those the attester signed for
 * an opening batch. */
static enum result
record_rate(struct book *b, const struct record_row *r, const struct batch_row *batch,
    const struct rate_row **rate, const struct rule_set **rules, uint64_t *version)
{
	if (r->provenance == PROVENANCE_OPENING && batch != NULL) {
		struct row_key k = row_key3(TABLE_RULES, batch->rules, 0, 0);
		const struct rules_row *row = book_get(b, &k);

		*version = batch->rules;
		*rules = row == NULL ? NULL : &row->rules;
		*rate = rate_of_version(b, r->item, batch->rules);
	} else {
		*rules = book_rules_at(b->rows, book_day_start_us(b->station, r->day), version);
		*rate = rate_of_day(b, r->item, r->day);
	}
	return *rules == NULL || *rate == NULL ? RESULT_UNKNOWN_ITEM : RESULT_OK;
}

static enum result
record_credit(
    struct book *b, const struct ref *ref, struct record_row *r, const struct batch_row *batch)
{
	int64_t minutes = (int64_t)r->end_minute - r->start_minute, points = 0;
	struct member_row *m = book_member_edit(b, r->member);
	const struct rule_set *rules;
	const struct rate_row *rate;
	struct effect *e;
	enum result err;

	if ((err = record_rate(b, r, batch, &rate, &rules, &r->rules)) != RESULT_OK ||
	    (err = book_move(b, ASSET_MINUTES, 0, account(PURPOSE_GIVEN, 0, 0),
		 account(PURPOSE_MINUTES, r->member, r->provenance), minutes)) != RESULT_OK)
		return err;
	if (converts(rules, r)) {
		r->ratio = ratio_make(rate->minutes, rate->points);
		if ((err = carry_add(b, r->member, r->ratio, minutes, &points)) != RESULT_OK ||
		    (err = points_give(b, account(PURPOSE_ISSUED, 0, 0), r->member, 0, points)) !=
			RESULT_OK)
			return err;
	}
	m->records++;
	r->state = RECORD_CREDITED;
	if ((err = book_effect(b, EFFECT_CREDITED, &e)) != RESULT_OK)
		return err;
	e->id = ref->seq;
	e->index = ref->index;
	e->member = r->member;
	e->minutes = (uint32_t)minutes;
	e->points = (uint32_t)points;
	e->rules = r->rules;
	return RESULT_OK;
}

/* A record of a batch part: attested with its batch, and its part's notice is over. */
static enum result
batch_record_due(struct book *b, const struct ref *ref, struct batch_part_row **part,
    struct batch_row **batch, enum batch_state state)
{
	struct row_key pk = row_key3(TABLE_BATCH_PART, ref->seq, 0, 0);
	struct row_key bk;

	if ((*part = book_edit(b, &pk)) == NULL)
		return RESULT_NOT_FOUND;
	bk = row_key_batch((*part)->batch);
	*batch = book_edit(b, &bk);
	if ((*batch)->state != (uint32_t)state || (*part)->waiting == 0 ||
	    ref->index >= (*part)->n_rows ||
	    ((*part)->accepted[ref->index / 8] >> ref->index % 8 & 1) == 0)
		return RESULT_RECORD_STATE;
	return RESULT_OK;
}

/* The due row of this kind for `what` whose time has come; NOT_DUE otherwise. A part's time is
 * found through its batch. */
static enum result
due_check(struct book *b, enum due_kind kind, uint64_t due_us, uint64_t what)
{
	struct row_key k = row_key_due(kind, due_us, what);

	return due_us <= b->in->now_us && book_get(b, &k) != NULL ? RESULT_OK : RESULT_NOT_DUE;
}

static enum result
credit_batch_record(struct book *b, const struct ref *ref, struct record_row *r)
{
	struct batch_part_row *part;
	struct batch_row *batch;
	struct effect *e;
	enum result err;

	if ((err = batch_record_due(b, ref, &part, &batch, BATCH_ATTESTED)) != RESULT_OK ||
	    (err = due_check(b, DUE_CREDIT_PART, batch->due_us, ref->seq)) != RESULT_OK)
		return err;
	if (r->state != RECORD_RECORDED)
		return RESULT_RECORD_STATE;
	r->attester_no = batch->attester_no;
	if ((err = record_credit(b, ref, r, batch)) != RESULT_OK)
		return err;
	batch->waiting--;
	if (--part->waiting == 0)
		book_due_drop(b, DUE_CREDIT_PART, batch->due_us, ref->seq);
	if (batch->waiting > 0)
		return RESULT_OK;
	batch->state = BATCH_CREDITED;
	return book_effect(b, EFFECT_BATCH_CREDITED, &e);
}

enum result
decide_system_credit(struct book *b, const struct command *c)
{
	enum result err;

	for (uint32_t i = 0; i < c->n_refs; i++) {
		const struct ref *ref = &c->refs[i];
		struct record_row *r;

		if ((err = record_find(b, ref, &r)) != RESULT_OK)
			return err;
		if (r->in_batch) {
			err = credit_batch_record(b, ref, r);
		} else if (r->state != RECORD_ATTESTED) {
			err = RESULT_RECORD_STATE;
		} else {
			err = due_check(
			    b, DUE_CREDIT_RECORD, r->due_us, ref_id(ref->seq, ref->index));
			if (err == RESULT_OK) {
				book_due_drop(
				    b, DUE_CREDIT_RECORD, r->due_us, ref_id(ref->seq, ref->index));
				err = record_credit(b, ref, r, NULL);
			}
		}
		if (err != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}

/* Takes one credited record back: its minutes, and the points that the member's carry can no longer
 * stand for. */
static enum result
record_reverse(struct book *b, const struct ref *ref, struct record_row *r)
{
	int64_t minutes = (int64_t)r->end_minute - r->start_minute, points = 0;
	struct member_row *m = book_member_edit(b, r->member);
	enum result err;

	if ((err = book_move(b, ASSET_MINUTES, 0,
		 account(PURPOSE_MINUTES, r->member, r->provenance), account(PURPOSE_GIVEN, 0, 0),
		 minutes)) != RESULT_OK)
		return err;
	if (r->ratio != 0 &&
	    ((err = carry_add(b, r->member, r->ratio, -minutes, &points)) != RESULT_OK ||
		(err = points_correct(b, r->member, 0, -points)) != RESULT_OK))
		return err;
	m->records--;
	r->state = RECORD_REVERSED;
	member_day_free(
	    b, r->member, r->day, r->start_minute, r->end_minute, ref_id(ref->seq, ref->index));
	return RESULT_OK;
}

enum result
decide_system_reverse(struct book *b, const struct command *c)
{
	enum result err;

	for (uint32_t i = 0; i < c->n_refs; i++) {
		const struct ref *ref = &c->refs[i];
		struct batch_part_row *part;
		struct batch_row *batch;
		struct record_row *r;
		struct effect *e;

		if ((err = record_find(b, ref, &r)) != RESULT_OK)
			return err;
		if (!r->in_batch || r->state != RECORD_CREDITED)
			return RESULT_RECORD_STATE;
		if ((err = batch_record_due(b, ref, &part, &batch, BATCH_REVERSING)) != RESULT_OK ||
		    (err = record_reverse(b, ref, r)) != RESULT_OK)
			return err;
		batch->waiting--;
		if (--part->waiting == 0)
			book_due_drop(b, DUE_REVERSE_PART, batch->due_us, ref->seq);
		if (batch->waiting > 0)
			continue;
		batch->state = BATCH_REVERSED;
		if ((err = book_effect(b, EFFECT_BATCH_REVERSED, &e)) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}
