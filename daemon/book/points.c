/* A member's points: lots by expiry day, debts, and the carry of minutes that are not a whole point
 * yet. */
#include "daemon/book/book_int.h"

/* A lot's place in the member's list: by expiry day, those without expiry last. */
static uint64_t
lot_order(uint64_t lot)
{
	return lot == 0 ? LOT_NO_EXPIRY : lot;
}

uint64_t
book_lot_of_order(uint64_t order)
{
	return order == LOT_NO_EXPIRY ? 0 : order;
}

/* Makes sure that the lot is in the member's list. */
static void
lot_list_add(struct book *b, uint64_t member, uint64_t lot)
{
	uint64_t order = lot_order(lot), after = 0, next;
	struct row_key k = row_key3(TABLE_POINT_LOT, member, order, 0);
	struct point_lot_row *row;
	struct member_head_row *head;

	/* Mostly it is the first, or the only one. */
	if (book_head(b, member)->first_lot == order || book_get(b, &k) != NULL)
		return;
	head = book_head_edit(b, member);
	for (next = head->first_lot; next != 0 && next < order;) {
		struct row_key at = row_key3(TABLE_POINT_LOT, member, next, 0);
		const struct point_lot_row *r = book_get(b, &at);

		after = next;
		next = r->next;
	}
	row = book_add(b, &k);
	row->next = next;
	if (after == 0) {
		head->first_lot = order;
	} else {
		struct row_key at = row_key3(TABLE_POINT_LOT, member, after, 0);
		struct point_lot_row *r = book_edit(b, &at);

		r->next = order;
	}
}

enum result
points_give(struct book *b, struct account from, uint64_t member, uint64_t lot, int64_t points)
{
	int64_t owed = book_debt(b, member);
	int64_t paid = owed < points ? owed : points;
	enum result err;

	if ((err = book_move(b, ASSET_POINTS, 0, from, account(PURPOSE_DEBT, member, 0), paid)) !=
		RESULT_OK ||
	    points == paid)
		return err;
	lot_list_add(b, member, lot);
	return book_move(
	    b, ASSET_POINTS, 0, from, account(PURPOSE_AVAILABLE, member, lot), points - paid);
}

static uint64_t
lot_after(const struct book *b, uint64_t member, uint64_t order)
{
	struct row_key at = row_key3(TABLE_POINT_LOT, member, order, 0);
	const struct point_lot_row *row = book_get(b, &at);

	return row->next;
}

enum result
points_take(struct book *b, uint64_t member, int64_t points, points_part part, void *ctx)
{
	uint64_t order = book_head(b, member)->first_lot;
	enum result err;

	while (points > 0 && order != 0) {
		uint64_t lot = book_lot_of_order(order);
		int64_t have =
		    book_balance(b->rows, PURPOSE_AVAILABLE, ASSET_POINTS, member, 0, lot);
		int64_t take = have < points ? have : points;

		if (take > 0 && (err = part(b, ctx, lot, take)) != RESULT_OK)
			return err;
		points -= take;
		order = points > 0 ? lot_after(b, member, order) : 0;
	}
	return points == 0 ? RESULT_OK : RESULT_INSUFFICIENT;
}

int64_t
points_available(const struct row_source *rows, uint64_t member)
{
	struct row_key k = row_key3(TABLE_MEMBER_HEAD, member, 0, 0);
	const struct member_head_row *head = rows->get(rows->ctx, &k);
	int64_t sum = 0;

	for (uint64_t order = head == NULL ? 0 : head->first_lot; order != 0;) {
		struct row_key at = row_key3(TABLE_POINT_LOT, member, order, 0);
		const struct point_lot_row *row = rows->get(rows->ctx, &at);

		sum += book_balance(
		    rows, PURPOSE_AVAILABLE, ASSET_POINTS, member, 0, book_lot_of_order(order));
		order = row->next;
	}
	return sum;
}

static enum result
correct_part(struct book *b, void *ctx, uint64_t lot, int64_t points)
{
	const uint64_t *member = ctx;

	return book_move(b, ASSET_POINTS, 0, account(PURPOSE_AVAILABLE, *member, lot),
	    account(PURPOSE_ISSUED, 0, 0), points);
}

enum result
points_correct(struct book *b, uint64_t member, uint64_t lot, int64_t points)
{
	int64_t have = book_balance(b->rows, PURPOSE_AVAILABLE, ASSET_POINTS, member, 0, lot);
	int64_t first = have < points ? have : points;
	int64_t available, rest;
	enum result err;

	if (first > 0 && (err = correct_part(b, &member, lot, first)) != RESULT_OK)
		return err;
	points -= first;
	available = points_available(b->rows, member);
	rest = available < points ? available : points;
	if (rest > 0 && (err = points_take(b, member, rest, correct_part, &member)) != RESULT_OK)
		return err;
	return book_move(b, ASSET_POINTS, 0, account(PURPOSE_DEBT, member, 0),
	    account(PURPOSE_ISSUED, 0, 0), points - rest);
}

uint64_t
ratio_make(uint32_t minutes, uint32_t points)
{
	uint32_t a = minutes, c = points;

	while (c != 0) {
		uint32_t t = a % c;

		a = c;
		c = t;
	}
	return a == 0 ? 0 : (uint64_t)(minutes / a) << 32 | points / a;
}

enum result
carry_add(struct book *b, uint64_t member, uint64_t ratio, int64_t minutes, int64_t *points)
{
	int64_t per = (int64_t)(ratio >> 32), gives = (int64_t)(ratio & 0xffffffff);
	struct row_key k = row_key3(TABLE_CARRY, member, ratio, 0);
	struct carry_row *row = book_edit(b, &k);
	int64_t total, units;

	if (row == NULL) {
		struct member_row *m = book_member_edit(b, member);

		row = book_add(b, &k);
		row->next = m->first_carry;
		m->first_carry = ratio;
	}
	total = (int64_t)row->minutes + minutes;
	/* The floor, also below zero: the smallest number of units back that leaves no negative
	 * carry. */
	units = total / per - (total % per < 0);
	row->minutes = (uint32_t)(total - units * per);
	if (__builtin_mul_overflow(units, gives, points))
		return RESULT_OVERFLOW;
	return RESULT_OK;
}

void
book_member_sums(const struct row_source *rows, uint64_t member, struct member_sums *out)
{
	struct row_key k = row_key3(TABLE_MEMBER, member, 0, 0), at_head = row_key3(TABLE_MEMBER_HEAD, member, 0, 0);
	const struct member_row *m = rows->get(rows->ctx, &k);
	const struct member_head_row *head = rows->get(rows->ctx, &at_head);

	memset(out, 0, sizeof(*out));
	if (m == NULL || head == NULL)
		return;
	for (uint64_t p = 1; p < PROVENANCE_LAST; p++)
		out->minutes += book_balance(rows, PURPOSE_MINUTES, ASSET_MINUTES, member, 0, p);
	for (uint64_t order = head->first_lot; order != 0;) {
		struct row_key at = row_key3(TABLE_POINT_LOT, member, order, 0);
		const struct point_lot_row *row = rows->get(rows->ctx, &at);
		uint64_t lot = book_lot_of_order(order);

		out->available +=
		    book_balance(rows, PURPOSE_AVAILABLE, ASSET_POINTS, member, 0, lot);
		out->held += book_balance(rows, PURPOSE_HELD, ASSET_POINTS, member, 0, lot);
		order = row->next;
	}
	out->debt = -book_balance(rows, PURPOSE_DEBT, ASSET_POINTS, member, 0, 0);
	for (uint64_t ratio = m->first_carry; ratio != 0;) {
		struct row_key at = row_key3(TABLE_CARRY, member, ratio, 0);
		const struct carry_row *row = rows->get(rows->ctx, &at);

		out->carry_minutes += row->minutes;
		ratio = row->next;
	}
}
