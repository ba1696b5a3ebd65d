/*
 * What privacy law and inspections ask for: erasure of a person's private data, the opening of a commitment, the outcome of
 * looking for the paper behind a record. The book decides and notes; texts and their keys are the engine's to destroy or
 * to hand out (engine/erasure.c, engine/openings.c).
 */
#include "daemon/book/book_int.h"

/* ---- erasure ---- */

/* A person of whom nothing is under way any more: who they are must not be needed to end it. */
static enum result
nothing_open(const struct book *b, uint64_t member)
{
	struct row_key k = row_key3(TABLE_SESSION, member, 0, 0);
	struct member_sums sums;

	if (book_get(b, &k) != NULL)
		return RESULT_SESSION_OPEN;
	book_member_sums(b->rows, member, &sums);
	return sums.held > 0 ? RESULT_NOT_CONFIRMED : RESULT_OK;
}

static enum result
member_erasable(const struct book *b, const struct command *c)
{
	const struct member_row *m = book_member(b, c->member);
	uint32_t bits = erased_bits(c->scope);
	enum result err;

	if (m == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (book_head(b, c->member)->status == MEMBER_ERASED && (m->erased & bits) == bits)
		return RESULT_ALREADY_DONE;
	if ((err = book_keep_apart(b, b->person, c->member)) != RESULT_OK)
		return err;
	return (bits & ERASED_DETAILS) != 0 ? nothing_open(b, c->member) : RESULT_OK;
}

static enum result
beneficiary_erasable(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_BENEFICIARY, c->beneficiary, 0, 0);
	const struct beneficiary_row *row = book_get(b, &k);
	uint32_t bits = erased_bits(c->scope);

	if (row == NULL)
		return RESULT_NOT_FOUND;
	/* The reference stands in the texts of records too. */
	if (c->scope == SCOPE_DETAILS)
		return book_refuse_field(b, "scope");
	return (row->erased & ERASED_DETAILS) != 0 && (row->erased & bits) == bits ? RESULT_ALREADY_DONE
										    : RESULT_OK;
}

enum result
erase_check(struct book *b, const struct command *c)
{
	if ((c->member == 0) == (c->beneficiary == 0))
		return book_refuse_field(b, "member");
	if (c->ground == GROUND_CONSENT || c->ground == GROUND_INSPECTION)
		return book_refuse_field(b, "ground");
	return c->member != 0 ? member_erasable(b, c) : beneficiary_erasable(b, c);
}

/* Records of a living member's texts may be erased again later: only what is final is noted. */
static void
member_erase(struct book *b, const struct command *c)
{
	struct member_head_row *head = book_head_edit(b, c->member);
	struct member_row *m = book_member_edit(b, c->member);
	uint32_t bits = erased_bits(c->scope);

	if ((bits & ERASED_DETAILS) == 0 && head->status != MEMBER_ERASED)
		return;
	head->status = MEMBER_ERASED;
	m->erased |= bits;
	m->card_seq = 0;
	m->slip_seq = 0;
	m->slip_index = 0;
	m->permit_until_us = 0;
}

static void
beneficiary_erase(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_BENEFICIARY, c->beneficiary, 0, 0);
	struct beneficiary_row *row = book_edit(b, &k);
	uint32_t bits = erased_bits(c->scope);

	if ((bits & ERASED_DETAILS) != 0 || (row->erased & ERASED_DETAILS) != 0)
		row->erased |= bits;
}

enum result
decide_erase(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_ERASURE, ref_id(b->in->seq, b->out->command), 0, 0);
	struct erasure_row *row;
	struct effect *e;
	enum result err;

	if ((err = erase_check(b, c)) != RESULT_OK)
		return err;
	if (c->member != 0)
		member_erase(b, c);
	else
		beneficiary_erase(b, c);
	row = book_add(b, &k);
	row->member = c->member;
	row->beneficiary = c->beneficiary;
	row->scope = c->scope;
	row->ground = c->ground;
	row->proposer_no = b->proposer_no;
	row->approver_no = b->key_no;
	if ((err = book_effect(b, EFFECT_ERASED, &e)) != RESULT_OK)
		return err;
	e->member = c->member;
	e->id = c->beneficiary;
	e->count = c->scope;
	return book_touch(b, c->member);
}

/* ---- openings ---- */

/* That the commitment is there, and that it is this member's, the engine has seen; of records the book knows it itself. */
enum result
decide_text_open(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_RECORD, ref_id(c->ref.seq, c->row), 0, 0);
	const struct record_row *r = book_get(b, &k);
	struct effect *e;
	enum result err;

	if (c->ground != GROUND_CONSENT && c->ground != GROUND_INSPECTION)
		return book_refuse_field(b, "ground");
	if (c->ref.seq >= b->in->seq)
		return RESULT_NOT_FOUND;
	if (c->member != 0 && book_member(b, c->member) == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (r != NULL && r->in_batch && r->member != c->member)
		return book_refuse_field(b, "member");
	if ((err = book_keep_apart(b, b->person, c->member)) != RESULT_OK ||
	    (err = book_effect(b, EFFECT_TEXT_OPENED, &e)) != RESULT_OK)
		return err;
	e->id = c->ref.seq;
	e->index = c->ref.index;
	e->count = c->row;
	e->member = c->member;
	return book_touch(b, c->member);
}

/* ---- findings ---- */

static enum result
record_matches(const struct book *b, const struct ref *ref, const struct record_row *r)
{
	struct row_key k = row_key3(TABLE_BATCH_PART, ref->seq, 0, 0);
	const struct batch_part_row *part;

	if (!r->in_batch)
		return book_ref_matches(ref, &r->origin);
	part = book_get(b, &k);
	return part != NULL && memcmp(ref->leaf, part->origin.leaf, 32) == 0 ? RESULT_OK : RESULT_WRONG_LEAF;
}

/* The key that attested the record, 0: none did. */
static uint32_t
attester_of(const struct book *b, const struct record_row *r)
{
	struct row_key k = row_key3(TABLE_BATCH_PART, r->origin.seq, 0, 0);
	const struct batch_part_row *part;
	const struct batch_row *batch;

	if (r->attester_no != 0 || !r->in_batch || (part = book_get(b, &k)) == NULL)
		return r->attester_no;
	/* Until its crediting, what attests a row is said of its batch alone. */
	k = row_key_batch(part->batch);
	batch = book_get(b, &k);
	return batch == NULL ? 0 : batch->attester_no;
}

enum result
decide_audit_finding(struct book *b, const struct command *c)
{
	uint64_t id = ref_id(c->ref.seq, c->ref.index), attester;
	uint32_t attester_no;
	struct row_key rk = row_key3(TABLE_RECORD, id, 0, 0), k = row_key3(TABLE_FINDING, id, 0, 0);
	const struct record_row *found = book_get(b, &rk);
	struct record_row copy, *r = &copy;
	struct finding_row *row;
	struct effect *e;
	enum result err;

	if (found == NULL)
		return RESULT_NOT_FOUND;
	copy = *found;
	attester_no = attester_of(b, r);
	attester = book_key_person(b->rows, attester_no);
	/* Who had a hand in the record does not say whether its paper is there. */
	if (attester_no == b->key_no || (attester != 0 && attester == b->person))
		return RESULT_SAME_PERSON;
	if ((err = record_matches(b, &c->ref, r)) != RESULT_OK ||
	    (err = book_judge_apart(b, r)) != RESULT_OK)
		return err;
	row = book_upsert(b, &k);
	row->origin = (struct origin){.seq = b->in->seq, .index = b->command};
	row->time_us = b->in->now_us;
	row->outcome = c->outcome;
	row->by_no = b->key_no;
	row->count++;
	memcpy(row->digest, c->digest, 32);
	if ((err = book_effect(b, EFFECT_FINDING, &e)) != RESULT_OK)
		return err;
	e->id = c->ref.seq;
	e->index = c->ref.index;
	e->count = c->outcome;
	e->member = r->member;
	return book_touch(b, r->member);
}
