/* Records that come in batches: imports and typed rows; their attestation, withdrawal and reversal.
 */
#include "daemon/book/book_int.h"
#include "proto/crypto.h"

/* The checks on a row, in the order in which its first failure is named (the station's data set
 * states the same order). */
static enum result
row_judge(struct book *b, const struct service_row *r)
{
	const struct member_row *m = book_member(b, r->member);
	const struct rate_row *rate;

	if (m == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (book_head(b, r->member)->status == MEMBER_ERASED)
		return RESULT_ERASED;
	rate = b->station->opened ? rate_of_day(b, r->item, r->day)
				  : book_rate_at(b->rows, r->item, b->in->now_us);
	if (rate == NULL)
		return RESULT_UNKNOWN_ITEM;
	if (m->member_class == CLASS_PAID_STAFF)
		return RESULT_PAID_STAFF;
	if (r->end_minute <= r->start_minute)
		return RESULT_END_BEFORE_START;
	if (r->day < m->joined_day)
		return RESULT_BEFORE_JOINING;
	if (r->end_minute - r->start_minute > b->rules->session_cap_minutes)
		return RESULT_OVER_SESSION_CAP;
	if (rate->training && !book_trained(m, r->day))
		return RESULT_TRAINING_MISSING;
	return member_day_judge(b, r->member, r->day, r->start_minute, r->end_minute, r->item);
}

static enum result
row_accept(struct book *b, const struct service_row *r, uint32_t index)
{
	struct row_key k = row_key3(TABLE_RECORD, ref_id(b->in->seq, index), 0, 0);
	struct record_row *rec = book_add(b, &k);

	rec->origin.seq = b->in->seq;
	rec->origin.index = index;
	rec->in_batch = 1;
	rec->member = r->member;
	rec->item = r->item;
	rec->beneficiary = r->beneficiary;
	rec->day = r->day;
	rec->start_minute = r->start_minute;
	rec->end_minute = r->end_minute;
	rec->area = r->area;
	rec->provenance = b->station->opened ? PROVENANCE_BACKFILLED : PROVENANCE_OPENING;
	rec->measured = (uint16_t)(r->measured != 0);
	rec->state = RECORD_RECORDED;
	rec->recorder_no = b->key_no;
	member_day_take(b, r->member, r->day, r->start_minute, r->end_minute, r->item,
	    ref_id(b->in->seq, index));
	return book_touch(b, r->member);
}

/* The batch's row and the new part's, chained behind the part before. */
static enum result
part_add(
    struct book *b, const struct command *c, struct batch_row **batch, struct batch_part_row **part)
{
	struct row_key bk = row_key_batch(c->batch);
	struct row_key pk = row_key3(TABLE_BATCH_PART, b->in->seq, 0, 0);
	struct batch_row *row = book_edit(b, &bk);

	if (row == NULL) {
		row = book_add(b, &bk);
		row->state = BATCH_IS_INCOMPLETE;
		row->attempt = c->attempt;
		row->parts = c->parts;
		row->importer_no = b->key_no;
		row->first_part = b->in->seq;
	}
	if (row->state != BATCH_IS_INCOMPLETE)
		return RESULT_BATCH_STATE;
	/* One person imports a batch, else the attester could be a part's importer. */
	if (row->importer_no != b->key_no)
		return RESULT_BATCH_MISMATCH;
	if (row->parts != c->parts || row->attempt != c->attempt || row->parts_done != c->part)
		return RESULT_BATCH_MISMATCH;
	if (row->last_part != 0) {
		struct row_key lk = row_key3(TABLE_BATCH_PART, row->last_part, 0, 0);
		struct batch_part_row *last = book_edit(b, &lk);

		last->next = b->in->seq;
	}
	row->last_part = b->in->seq;
	row->parts_done++;
	*batch = row;
	*part = book_add(b, &pk);
	(*part)->part = c->part;
	(*part)->n_rows = c->n_rows;
	memcpy((*part)->batch, c->batch, 16);
	return book_nameable(b, &pk, &(*part)->origin, 0);
}

static enum result
row_refused(struct book *b, uint32_t index, enum result verdict)
{
	struct effect *e;
	enum result err = book_effect(b, EFFECT_ROW_REFUSED, &e);

	if (err == RESULT_OK) {
		e->index = index;
		e->verdict = (uint32_t)verdict;
	}
	return err;
}

enum result
decide_service_rows(struct book *b, const struct command *c)
{
	struct batch_part_row *part;
	struct batch_row *batch;
	struct effect *e;
	enum result err;

	if (b->in->act->n_commands != 1)
		return book_refuse_field(b, "commands");
	if (c->parts == 0 || c->part >= c->parts)
		return book_refuse_field(b, "part");
	if ((err = part_add(b, c, &batch, &part)) != RESULT_OK)
		return err;
	for (uint32_t i = 0; i < c->n_rows; i++) {
		enum result verdict =
		    c->rows[i].day > b->today ? RESULT_BAD_DATE : row_judge(b, &c->rows[i]);

		err = verdict == RESULT_OK ? row_accept(b, &c->rows[i], i)
					   : row_refused(b, i, verdict);
		if (err != RESULT_OK)
			return err;
		if (verdict == RESULT_OK) {
			part->accepted[i / 8] = (uint8_t)(part->accepted[i / 8] | 1u << i % 8);
			part->waiting++;
		}
	}
	batch->records += part->waiting;
	batch->waiting += part->waiting;
	batch->refused += c->n_refused + c->n_rows - part->waiting;
	if (batch->parts_done < batch->parts)
		return RESULT_OK;
	batch->state = BATCH_RECORDED;
	if ((err = book_effect(b, EFFECT_BATCH_COMPLETE, &e)) != RESULT_OK)
		return err;
	e->count = batch->records;
	return RESULT_OK;
}

/* The digest that the attester signed: SHA-256 over the parts' leaf hashes in order of sequence. */
static void
batch_digest(const struct book *b, const struct batch_row *batch, uint8_t out[32])
{
	struct sha256_ctx *sha = sha256_new();

	for (uint64_t seq = batch->first_part; seq != 0;) {
		struct row_key k = row_key3(TABLE_BATCH_PART, seq, 0, 0);
		const struct batch_part_row *part = book_get(b, &k);

		sha256_update(sha, part->origin.leaf, 32);
		seq = part->next;
	}
	sha256_final(sha, out);
	sha256_free(sha);
}

static enum result
leave_out(struct book *b, const struct command *c, struct batch_row *batch)
{
	for (uint32_t i = 0; i < c->n_refs; i++) {
		struct row_key rk =
		    row_key3(TABLE_RECORD, ref_id(c->refs[i].seq, c->refs[i].index), 0, 0);
		struct row_key pk = row_key3(TABLE_BATCH_PART, c->refs[i].seq, 0, 0);
		struct record_row *rec = book_edit(b, &rk);
		struct batch_part_row *part = book_edit(b, &pk);
		uint32_t at = c->refs[i].index;

		if (rec == NULL || part == NULL || memcmp(part->batch, c->batch, 16) != 0)
			return RESULT_NOT_FOUND;
		if (rec->state != RECORD_RECORDED)
			return RESULT_RECORD_STATE;
		rec->state = RECORD_REJECTED;
		member_day_free(b, rec->member, rec->day, rec->start_minute, rec->end_minute,
		    ref_id(c->refs[i].seq, at));
		part->accepted[at / 8] = (uint8_t)(part->accepted[at / 8] & ~(1u << at % 8));
		part->waiting--;
		batch->waiting--;
	}
	return RESULT_OK;
}

/* The attester is neither a volunteer of the batch nor kin; what an unlinked key attested is
 * remembered for its link. */
static enum result
part_attest(struct book *b, const struct batch_part_row *part)
{
	for (uint32_t i = 0; i < part->n_rows; i++) {
		uint64_t id = ref_id(part->origin.seq, i);
		struct row_key k = row_key3(TABLE_RECORD, id, 0, 0);
		const struct record_row *rec;
		enum result err;

		if ((part->accepted[i / 8] >> i % 8 & 1) == 0)
			continue;
		rec = book_get(b, &k);
		if ((err = book_keep_apart(b, b->person, rec->member)) != RESULT_OK)
			return err;
		if (b->person == 0) {
			struct row_key uk = row_key3(TABLE_UNLINKED, b->key_no, rec->member, 0);
			struct unlinked_row *u = book_upsert(b, &uk);

			if (u->count++ == 0)
				u->first_record = id;
		}
	}
	return RESULT_OK;
}

static enum result
attest_check(struct book *b, const struct command *c, const struct batch_row *batch)
{
	uint64_t importer = book_key_person(b->rows, batch->importer_no);
	uint8_t digest[32];

	if (batch->state == BATCH_IS_INCOMPLETE)
		return RESULT_BATCH_INCOMPLETE;
	if (batch->state != BATCH_RECORDED)
		return RESULT_BATCH_STATE;
	if (batch->importer_no == b->key_no || (importer != 0 && importer == b->person))
		return RESULT_SAME_PERSON;
	if (book_same_or_kin(b->rows, importer, b->person))
		return RESULT_KIN_CONFLICT;
	if (c->rules_version != b->rules_version)
		return RESULT_RATES_CHANGED;
	batch_digest(b, batch, digest);
	if (c->entries != batch->parts_done || c->records != batch->records ||
	    memcmp(digest, c->digest, 32) != 0)
		return RESULT_BATCH_MISMATCH;
	return RESULT_OK;
}

enum result
decide_attest_batch(struct book *b, const struct command *c)
{
	struct row_key bk = row_key_batch(c->batch);
	struct batch_row *batch = book_edit(b, &bk);
	uint64_t due_us = b->in->now_us + b->rules->notice_days * DAY_US;
	struct effect *e;
	enum result err;

	if (batch == NULL)
		return RESULT_NOT_FOUND;
	if ((err = attest_check(b, c, batch)) != RESULT_OK ||
	    (err = leave_out(b, c, batch)) != RESULT_OK)
		return err;
	batch->state = batch->waiting == 0 ? BATCH_CREDITED : BATCH_ATTESTED;
	batch->attester_no = b->key_no;
	batch->rules = c->rules_version;
	batch->due_us = due_us;
	for (uint64_t seq = batch->first_part; seq != 0;) {
		struct row_key k = row_key3(TABLE_BATCH_PART, seq, 0, 0);
		const struct batch_part_row *part = book_get(b, &k);

		if ((err = part_attest(b, part)) != RESULT_OK)
			return err;
		if (part->waiting > 0)
			book_due_add(b, DUE_CREDIT_PART, due_us, seq);
		seq = part->next;
	}
	if ((err = book_effect(b, EFFECT_ATTESTED, &e)) != RESULT_OK)
		return err;
	e->count = batch->waiting;
	e->until_us = due_us;
	return RESULT_OK;
}

enum result
decide_batch_withdraw(struct book *b, const struct command *c)
{
	struct row_key bk = row_key_batch(c->batch);
	struct batch_row *batch = book_edit(b, &bk);
	struct effect *e;
	enum result err;

	if (batch == NULL)
		return RESULT_NOT_FOUND;
	if (batch->state != BATCH_IS_INCOMPLETE && batch->state != BATCH_RECORDED)
		return RESULT_BATCH_STATE;
	for (uint64_t seq = batch->first_part; seq != 0;) {
		struct row_key k = row_key3(TABLE_BATCH_PART, seq, 0, 0);
		const struct batch_part_row *part = book_get(b, &k);

		for (uint32_t i = 0; i < part->n_rows; i++) {
			uint64_t id = ref_id(seq, i);
			struct row_key rk = row_key3(TABLE_RECORD, id, 0, 0);
			struct record_row *rec = book_edit(b, &rk);

			if (rec == NULL)
				continue;
			rec->state = RECORD_WITHDRAWN;
			member_day_free(
			    b, rec->member, rec->day, rec->start_minute, rec->end_minute, id);
		}
		seq = part->next;
	}
	batch->state = BATCH_WITHDRAWN;
	if ((err = book_effect(b, EFFECT_BATCH_WITHDRAWN, &e)) != RESULT_OK)
		return err;
	e->count = batch->records;
	return RESULT_OK;
}

enum result
decide_batch_reverse(struct book *b, const struct command *c)
{
	struct row_key bk = row_key_batch(c->batch);
	struct batch_row *batch = book_edit(b, &bk);

	if (batch == NULL)
		return RESULT_NOT_FOUND;
	if (batch->state != BATCH_CREDITED)
		return RESULT_BATCH_STATE;
	batch->state = BATCH_REVERSING;
	batch->due_us = b->in->now_us;
	batch->waiting = 0;
	for (uint64_t seq = batch->first_part; seq != 0;) {
		struct row_key k = row_key3(TABLE_BATCH_PART, seq, 0, 0);
		struct batch_part_row *part = book_edit(b, &k);

		part->waiting = 0;
		for (uint32_t i = 0; i < part->n_rows; i++)
			part->waiting += part->accepted[i / 8] >> i % 8 & 1;
		batch->waiting += part->waiting;
		if (part->waiting > 0)
			book_due_add(b, DUE_REVERSE_PART, b->in->now_us, seq);
		seq = part->next;
	}
	if (batch->waiting == 0)
		batch->state = BATCH_REVERSED;
	return RESULT_OK;
}
