/*
 * What one person may not do alone: the command is kept as it was signed, and takes effect when a
 * second person, who is neither the proposer nor concerned, approves it by naming the entry and its
 * leaf hash.
 */
#include "daemon/book/book_int.h"

/* The members whom a command concerns: whoever approves must be neither them nor their kin. */
static void
concerned(struct book *b, const struct command *c, uint64_t who[2])
{
	who[0] = c->member;
	who[1] = c->kind == COMMAND_KIN_ADD ? c->other : 0;
	if (c->kind == COMMAND_REVERSE || c->kind == COMMAND_LATE_DELIVERY) {
		struct row_key k = row_key3(TABLE_HOLD, ref_id(c->ref.seq, c->ref.index), 0, 0);
		const struct hold_row *h = book_get(b, &k);

		who[0] = h == NULL ? 0 : h->member;
	}
	/* Donations name who handled them, links the person they are about: both are looked at
	 * elsewhere. */
	if (c->kind == COMMAND_KEY_LINK)
		who[0] = 0;
}

/* A proposal that could never take effect is refused at once. */
static enum result
proposal_check(struct book *b, const struct command *c)
{
	struct row_key k;
	enum result err;

	switch (c->kind) {
	case COMMAND_KEY_LINK:
		if (b->person != 0)
			return RESULT_ALREADY_DONE;
		(void)book_member_standing(b, c->member, &err);
		return err;
	case COMMAND_REVERSE:
	case COMMAND_LATE_DELIVERY:
		k = row_key3(TABLE_HOLD, ref_id(c->ref.seq, c->ref.index), 0, 0);
		return book_get(b, &k) == NULL ? RESULT_NOT_FOUND : RESULT_OK;
	case COMMAND_BATCH_REVERSE:
		k = row_key_batch(c->batch);
		return book_get(b, &k) == NULL ? RESULT_NOT_FOUND : RESULT_OK;
	case COMMAND_ERASE:
		return erase_check(b, c);
	default:
		if (c->member != 0 && book_member(b, c->member) == NULL)
			return RESULT_UNKNOWN_MEMBER;
		return RESULT_OK;
	}
}

enum result
book_propose(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_PROPOSAL, ref_id(b->in->seq, b->command), 0, 0);
	struct proposal_row *row;
	struct effect *e;
	enum result err;

	if ((err = proposal_check(b, c)) != RESULT_OK)
		return err;
	row = book_add(b, &k);
	row->proposer_no = b->key_no;
	row->on_behalf = b->in->act->on_behalf;
	row->command = *c;
	row->command.members = NULL;
	row->command.refs = NULL;
	row->command.rows = NULL;
	row->command.refused = NULL;
	row->command.hashes = NULL;
	if ((err = book_nameable(b, &k, &row->origin, b->command)) != RESULT_OK ||
	    (err = book_touch(b, c->member)) != RESULT_OK)
		return err;
	return book_effect(b, EFFECT_PROPOSED, &e);
}

static enum result
approver_allowed(struct book *b, const struct proposal_row *p)
{
	uint32_t kind = p->command.kind;
	uint64_t who[2], proposer = book_key_person(b->rows, p->proposer_no);
	enum result err;

	if (p->proposer_no == b->key_no || (proposer != 0 && proposer == b->person))
		return RESULT_SAME_PERSON;
	/* A key that is nobody's yet: links, and in set-up admissions. */
	if (b->person == 0 && kind != COMMAND_KEY_LINK &&
	    (kind != COMMAND_INVITE || b->station->opened))
		return RESULT_KEY_NOT_LINKED;
	concerned(b, &p->command, who);
	for (int i = 0; i < 2; i++)
		if ((err = book_keep_apart(b, b->person, who[i])) != RESULT_OK)
			return err;
	return RESULT_OK;
}

enum result
decide_approve(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_PROPOSAL, ref_id(c->ref.seq, c->ref.index), 0, 0);
	const struct proposal_row *row = book_get(b, &k);
	struct proposal_row p;
	struct effect *e;
	enum result err;

	if (row == NULL)
		return RESULT_NOT_FOUND;
	p = *row;
	if ((err = book_ref_matches(&c->ref, &p.origin)) != RESULT_OK ||
	    (err = approver_allowed(b, &p)) != RESULT_OK)
		return err;
	book_drop(b, &k);
	if ((err = book_effect(b, EFFECT_APPLIED, &e)) != RESULT_OK)
		return err;
	e->id = c->ref.seq;
	e->index = c->ref.index;
	b->proposer_no = p.proposer_no;
	b->on_behalf = p.on_behalf;
	err = book_apply(b, &p.command);
	b->proposer_no = 0;
	b->on_behalf = 0;
	return err;
}

enum result
decide_withdraw(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_PROPOSAL, ref_id(c->ref.seq, c->ref.index), 0, 0);
	const struct proposal_row *row = book_get(b, &k);
	enum result err;

	if (row == NULL)
		return RESULT_NOT_FOUND;
	if ((err = book_ref_matches(&c->ref, &row->origin)) != RESULT_OK)
		return err;
	if (b->person == 0 && row->proposer_no != b->key_no)
		return RESULT_KEY_NOT_LINKED;
	book_drop(b, &k);
	return RESULT_OK;
}
