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

struct row_key
book_account_key(enum purpose purpose, enum asset asset, uint64_t owner, code8 item, uint64_t lot)
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
	struct row_key k = book_account_key(purpose, asset, owner, item, lot);
	const struct account_row *row = rows->get(rows->ctx, &k);

	return row == NULL ? 0 : row->balance;
}

/* ---- one posting per account of an entry: a second movement adds to the first ---- */

/* So few are looked through one by one. */
#define POSTINGS_FEW 16

static int
same_account(const struct posting *x, const struct posting *y)
{
	return x->purpose == y->purpose && x->lot == y->lot && x->member == y->member &&
	       x->partner == y->partner && x->item == y->item && x->asset == y->asset;
}

static uint32_t
account_hash(const struct posting *p)
{
	uint64_t h = (p->member ^ p->partner) * 0x9e3779b97f4a7c15ull;

	h = (h ^ p->lot ^ p->item ^ (uint64_t)p->purpose << 32 ^ p->asset) * 0xff51afd7ed558ccdull;
	return (uint32_t)(h >> 32) % BOOK_POSTING_SLOTS;
}

/* The slot of that account: 1 + the index of its posting, or 0 where it would go. Half of the slots stay free. */
static uint16_t *
posting_slot(struct book_out *out, const struct posting *p)
{
	uint32_t at = account_hash(p);

	while (out->posting_at[at] != 0 && !same_account(&out->postings[out->posting_at[at] - 1], p))
		at = (at + 1) % BOOK_POSTING_SLOTS;
	return &out->posting_at[at];
}

static struct posting *
posting_find(struct book_out *out, const struct posting *p)
{
	uint16_t at;

	if (out->n_postings < POSTINGS_FEW) {
		for (uint32_t i = out->n_postings; i-- > 0;)
			if (same_account(&out->postings[i], p))
				return &out->postings[i];
		return NULL;
	}
	at = *posting_slot(out, p);
	return at == 0 ? NULL : &out->postings[at - 1];
}

static enum result
posting_add(struct book_out *out, const struct posting *p)
{
	if (out->n_postings == BOOK_MAX_POSTINGS)
		return RESULT_TOO_MANY_EFFECTS;
	out->postings[out->n_postings++] = *p;
	if (out->n_postings == POSTINGS_FEW) {
		memset(out->posting_at, 0, sizeof(out->posting_at));
		for (uint32_t i = 0; i < POSTINGS_FEW; i++)
			*posting_slot(out, &out->postings[i]) = (uint16_t)(i + 1);
	} else if (out->n_postings > POSTINGS_FEW) {
		*posting_slot(out, p) = (uint16_t)out->n_postings;
	}
	return RESULT_OK;
}

static enum result
posting_note(struct book *b, const struct posting *p)
{
	struct posting *have = posting_find(b->out, p);

	if (have == NULL)
		return posting_add(b->out, p);
	have->amount += p->amount;
	return RESULT_OK;
}

static enum result
debt_note(struct book *b, uint64_t member)
{
	const struct member_head_row *have = book_head(b, member);
	struct member_head_row *head;

	if (have == NULL || have->had_debt)
		return RESULT_OK;
	if ((head = book_head_edit(b, member)) == NULL)
		return RESULT_INTERNAL;
	head->had_debt = 1;
	return RESULT_OK;
}

int64_t
book_debt(const struct book *b, uint64_t member)
{
	const struct member_head_row *head = book_head(b, member);

	return head == NULL || !head->had_debt ? 0 : -book_balance(b->rows, PURPOSE_DEBT, ASSET_POINTS, member, 0, 0);
}

static enum result
post(struct book *b, enum asset asset, code8 item, struct account a, int64_t amount)
{
	struct row_key k = book_account_key(a.purpose, asset, a.owner, item, a.lot);
	struct account_row *row = book_upsert(b, &k);
	struct posting p = {
	    .asset = asset, .purpose = a.purpose, .item = item, .lot = a.lot, .amount = amount};
	enum result err;

	if (__builtin_add_overflow(row->balance, amount, &row->balance))
		return RESULT_OVERFLOW;
	if (row->balance < 0 && !may_be_negative(a.purpose))
		return RESULT_INSUFFICIENT;
	if (a.purpose == PURPOSE_DEBT && (err = debt_note(b, a.owner)) != RESULT_OK)
		return err;
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
