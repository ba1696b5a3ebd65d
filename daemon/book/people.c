/* Members, their kin, PINs and cards; terms, beneficiaries, pairings, delegations. */
#include "daemon/book/book_int.h"

#define PERMIT_US (30ull * MINUTE_US)

enum result
decide_term_add(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_TERM, c->parent, 0, 0);
	struct term_row *row;
	struct effect *e;
	enum result err;

	if (c->parent != 0 && book_get(b, &k) == NULL)
		return book_refuse_field(b, "parent");
	k = row_key3(TABLE_TERM, b->station->next_term, 0, 0);
	row = book_add(b, &k);
	row->term_kind = c->term;
	row->parent = c->parent;
	if ((err = book_effect(b, EFFECT_TERM_ADDED, &e)) != RESULT_OK)
		return err;
	e->id = book_station_edit(b)->next_term++;
	return RESULT_OK;
}

/* The next id drawn for this act; two of one act must differ. */
static uint64_t
fresh_id(struct book *b)
{
	return b->fresh_used < b->in->n_fresh ? b->in->fresh[b->fresh_used++] : 0;
}

static enum result
area_check(struct book *b, uint32_t area)
{
	struct row_key k = row_key3(TABLE_TERM, area, 0, 0);
	const struct term_row *row = book_get(b, &k);

	if (area != 0 && (row == NULL || row->term_kind != TERM_AREA))
		return book_refuse_field(b, "area");
	return RESULT_OK;
}

enum result
decide_member_add(struct book *b, const struct command *c)
{
	uint64_t id = fresh_id(b);
	struct row_key k = row_key3(TABLE_MEMBER, id, 0, 0), at_head = row_key3(TABLE_MEMBER_HEAD, id, 0, 0);
	struct member_head_row *head;
	struct member_row *m;
	struct effect *e;
	enum result err;

	if (id == 0 || book_get(b, &k) != NULL)
		return RESULT_INTERNAL;
	if ((err = area_check(b, c->area)) != RESULT_OK)
		return err;
	if (c->joined_day > b->today)
		return book_refuse_field(b, "joined_day");
	m = book_add(b, &k);
	head = book_add(b, &at_head);
	head->status = MEMBER_ACTIVE;
	m->member_class = c->member_class;
	m->area = c->area;
	m->birth_year = c->birth_year;
	m->joined_day = c->joined_day;
	m->trained_from_day = c->trained_from_day;
	m->trained_to_day = c->trained_to_day;
	if ((err = book_effect(b, EFFECT_MEMBER_ADDED, &e)) != RESULT_OK)
		return err;
	e->id = id;
	return book_touch(b, id);
}

enum result
decide_member_update(struct book *b, const struct command *c)
{
	enum result err;
	struct member_row *m = book_member_standing(b, c->member, &err);

	if (m == NULL)
		return err;
	if ((err = area_check(b, c->area)) != RESULT_OK ||
	    (err = book_keep_apart(b, b->person, c->member)) != RESULT_OK)
		return err;
	m->member_class = c->member_class;
	book_head_edit(b, c->member)->status = c->status;
	m->area = c->area;
	m->trained_from_day = c->trained_from_day;
	m->trained_to_day = c->trained_to_day;
	return book_touch(b, c->member);
}

static enum result
kin_link(struct book *b, uint64_t member, uint64_t other)
{
	struct member_row *m = book_member_edit(b, member);

	for (uint32_t i = 0; i < m->n_kin; i++)
		if (m->kin[i] == other)
			return RESULT_OK;
	if (m->n_kin == MEMBER_MAX_KIN)
		return RESULT_TOO_MANY;
	m->kin[m->n_kin++] = other;
	return book_touch(b, member);
}

enum result
decide_kin_add(struct book *b, const struct command *c)
{
	enum result err;

	if (book_member_standing(b, c->member, &err) == NULL ||
	    book_member_standing(b, c->other, &err) == NULL)
		return err;
	if (c->member == c->other)
		return RESULT_SAME_PERSON;
	if ((err = kin_link(b, c->member, c->other)) != RESULT_OK)
		return err;
	return kin_link(b, c->other, c->member);
}

enum result
decide_pin_slip(struct book *b, const struct command *c)
{
	enum result err;
	struct member_row *m = book_member_standing(b, c->member, &err);

	if (m == NULL)
		return err;
	m->slip_seq = b->in->seq;
	m->slip_index = b->command;
	m->slip_by_no = b->key_no;
	if (c->reset)
		book_head_edit(b, c->member)->reset_us = b->in->now_us;
	return book_touch(b, c->member);
}

enum result
decide_card_bind(struct book *b, const struct command *c)
{
	enum result err;
	struct member_row *m = book_member_standing(b, c->member, &err);

	if (m == NULL)
		return err;
	m->card_seq = b->in->seq;
	return book_touch(b, c->member);
}

enum result
decide_card_block(struct book *b, const struct command *c)
{
	struct member_row *m = book_member_edit(b, c->member);

	if (m == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (b->role == ROLE_MEMBER && b->person != c->member)
		return RESULT_WRONG_ACTOR;
	if (m->card_seq == 0)
		return RESULT_ALREADY_DONE;
	m->card_seq = 0;
	return book_touch(b, c->member);
}

enum result
decide_beneficiary_add(struct book *b, const struct command *c)
{
	uint64_t id = fresh_id(b);
	struct row_key k = row_key3(TABLE_BENEFICIARY, id, 0, 0);
	struct beneficiary_row *row;
	struct effect *e;
	enum result err;

	(void)c;
	if (id == 0 || book_get(b, &k) != NULL)
		return RESULT_INTERNAL;
	row = book_add(b, &k);
	row->seq = b->in->seq;
	if ((err = book_effect(b, EFFECT_BENEFICIARY_ADDED, &e)) != RESULT_OK)
		return err;
	e->id = id;
	return RESULT_OK;
}

enum result
decide_pair_set(struct book *b, const struct command *c)
{
	struct row_key bk = row_key3(TABLE_BENEFICIARY, c->beneficiary, 0, 0);
	struct row_key k = row_key3(TABLE_PAIR, c->member, c->beneficiary, 0);
	const struct beneficiary_row *who;
	struct pair_row *row;
	enum result err;

	if (book_member_standing(b, c->member, &err) == NULL)
		return err;
	if ((who = book_get(b, &bk)) == NULL)
		return RESULT_NOT_FOUND;
	if ((who->erased & ERASED_DETAILS) != 0)
		return RESULT_ERASED;
	if (c->to_day != 0 && c->to_day < c->from_day)
		return book_refuse_field(b, "to_day");
	row = book_upsert(b, &k);
	row->from_day = c->from_day;
	row->to_day = c->to_day;
	return book_touch(b, c->member);
}

enum result
decide_delegate(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_DELEGATION, c->member, c->other, 0);
	struct delegation_row *row;
	enum result err;

	if (book_member_standing(b, c->member, &err) == NULL ||
	    book_member_standing(b, c->other, &err) == NULL)
		return err;
	if ((err = book_keep_apart(b, c->other, c->member)) != RESULT_OK)
		return err;
	row = book_upsert(b, &k);
	row->to_day = c->to_day;
	return book_touch(b, c->member);
}

enum result
decide_permit(struct book *b, const struct command *c)
{
	enum result err;
	struct member_row *m = book_member_standing(b, c->member, &err);

	if (m == NULL)
		return err;
	if ((err = book_keep_apart(b, b->person, c->member)) != RESULT_OK)
		return err;
	/* Whoever issued the slip could have set the PIN: the second person is another one. */
	if (book_head(b, c->member)->reset_us != 0 &&
	    (m->slip_by_no == b->key_no || book_key_person(b->rows, m->slip_by_no) == b->person))
		return RESULT_SAME_PERSON;
	m->permit_until_us = b->in->now_us + PERMIT_US;
	return book_touch(b, c->member);
}
