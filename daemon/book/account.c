/*
 * Double entry. Every change of a balance is a move between two accounts, so an entry's postings
 * sum to zero per asset by construction; only the programme's contra accounts may be below zero
 * (DOMAIN.md, "The two books").
 */
#include "daemon/book/book_int.h"

static int
may_be_negative(enum purpose p)
{
	return p == PURPOSE_GIVEN || p == PURPOSE_ISSUED || p == PURPOSE_DONATED ||
	       p == PURPOSE_ADJUSTED || p == PURPOSE_DEBT;
}

static int
owned_by_member(enum purpose p)
{
	return p == PURPOSE_DEBT || (p >= 20 && p < 30);
}

static struct row_key
account_key(enum purpose purpose, enum asset asset, uint64_t owner, code8 item, uint64_t lot)
{
	struct row_key key = {.table = TABLE_ACCOUNT,
	    .tag = {(uint8_t)purpose, (uint8_t)asset},
	    .a = owner,
	    .b = item,
	    .c = lot};
	return key;
}

int64_t
book_balance(const struct row_source *rows, enum purpose purpose, enum asset asset, uint64_t owner,
    code8 item, uint64_t lot)
{
	struct row_key k = account_key(purpose, asset, owner, item, lot);
	const struct account_row *row = rows->get(rows->ctx, &k);

	return row == NULL ? 0 : row->balance;
}

/* The entry's posting on that account: one per account, so a second movement adds to the first. */
static enum result
posting_note(struct book *b, const struct posting *p)
{
	struct book_out *out = b->out;

	for (uint32_t i = out->n_postings; i-- > 0;) {
		struct posting *have = &out->postings[i];

		if (have->purpose == p->purpose && have->lot == p->lot &&
		    have->member == p->member && have->partner == p->partner &&
		    have->item == p->item && have->asset == p->asset) {
			have->amount += p->amount;
			return RESULT_OK;
		}
	}
	if (out->n_postings == BOOK_MAX_POSTINGS)
		return RESULT_TOO_MANY_EFFECTS;
	out->postings[out->n_postings++] = *p;
	return RESULT_OK;
}

static enum result
post(struct book *b, enum asset asset, code8 item, struct account a, int64_t amount)
{
	struct row_key k = account_key(a.purpose, asset, a.owner, item, a.lot);
	struct account_row *row = book_upsert(b, &k);
	struct posting p = {
	    .asset = asset, .purpose = a.purpose, .item = item, .lot = a.lot, .amount = amount};
	enum result err;

	if (__builtin_add_overflow(row->balance, amount, &row->balance))
		return RESULT_OVERFLOW;
	if (row->balance < 0 && !may_be_negative(a.purpose))
		return RESULT_INSUFFICIENT;
	if (owned_by_member(a.purpose)) {
		p.member = a.owner;
		if ((err = book_touch(b, a.owner)) != RESULT_OK)
			return err;
	} else {
		p.partner = a.owner;
	}
	return posting_note(b, &p);
}

enum result
book_move(struct book *b, enum asset asset, code8 item, struct account from, struct account to,
    int64_t amount)
{
	enum result err;

	if (amount == 0)
		return RESULT_OK;
	if (amount < 0)
		return RESULT_INTERNAL;
	if ((err = post(b, asset, item, from, -amount)) != RESULT_OK)
		return err;
	return post(b, asset, item, to, amount);
}
