/*
 * A redemption: points, stock and quota are held together, and the hold resolves exactly once. One
 * function moves it.
 *
 *   held ── confirmed ── reversed
 *     ├──── cancelled
 *     └──── released ── (late delivery takes the points after all)
 */
#include "daemon/book/book_int.h"

/* Lots of points and stock that one hold takes from: so few that the entry that ends it always
 * fits. */
#define HOLD_MAX_PARTS 160

enum result
hold_find(struct book *b, const struct ref *ref, struct hold_row **out)
{
	struct row_key k = row_key3(TABLE_HOLD, ref_id(ref->seq, ref->index), 0, 0);

	*out = book_edit(b, &k);
	return *out == NULL ? RESULT_WRONG_VOUCHER : book_ref_matches(ref, &(*out)->origin);
}

enum result
hold_resolved_code(const struct hold_row *h)
{
	switch ((enum hold_state)h->state) {
	case HOLD_HELD:
		return RESULT_OK;
	case HOLD_CONFIRMED:
		return RESULT_CONFIRMED;
	case HOLD_CANCELLED:
		return RESULT_CANCELLED;
	case HOLD_RELEASED:
		return RESULT_RELEASED;
	case HOLD_REVERSED:
		return RESULT_REVERSED;
	case HOLD_NONE:
		break;
	}
	return RESULT_CORRUPT;
}

static struct quota_row *
quota_row(struct book *b, uint64_t member, code8 item, uint32_t month)
{
	struct row_key k = row_key3(TABLE_QUOTA, member, item, month);

	return book_upsert(b, &k);
}

/* Where a part of the hold goes. `back`: to where it came from; else on to delivered and received.
 */
static enum result
part_move(struct book *b, const struct hold_row *h, const struct hold_part_row *p, int back)
{
	if (p->asset == ASSET_POINTS)
		return book_move(b, ASSET_POINTS, 0, account(PURPOSE_HELD, h->member, p->lot),
		    back ? account(PURPOSE_AVAILABLE, h->member, p->lot)
			 : account(PURPOSE_RECEIVED, h->outlet, 0),
		    p->amount);
	return book_move(b, ASSET_ITEM, h->item, account(PURPOSE_OUTLET_HELD, h->outlet, p->lot),
	    back ? account(PURPOSE_SHELF, h->outlet, p->lot)
		 : account(PURPOSE_DELIVERED, 0, p->lot),
	    p->amount);
}

/* Points that come back while something is owed pay that first: debt and available are never both
 * above zero. */
static enum result
settle_debt(struct book *b, uint64_t member, uint64_t lot, int64_t points)
{
	int64_t owed = book_debt(b, member);

	return book_move(b, ASSET_POINTS, 0, account(PURPOSE_AVAILABLE, member, lot),
	    account(PURPOSE_DEBT, member, 0), owed < points ? owed : points);
}

enum result
hold_resolve(struct book *b, struct hold_row *h, enum hold_state to)
{
	uint64_t id = ref_id(h->origin.seq, h->origin.index);
	int back = to == HOLD_CANCELLED || to == HOLD_RELEASED;
	enum result err;

	for (uint32_t i = 0; i < h->n_parts; i++) {
		struct row_key k = row_key3(TABLE_HOLD_PART, id, i, 0);
		const struct hold_part_row *p = book_get(b, &k);

		if ((err = part_move(b, h, p, back)) != RESULT_OK)
			return err;
		if (back && p->asset == ASSET_POINTS &&
		    (err = settle_debt(b, h->member, p->lot, p->amount)) != RESULT_OK)
			return err;
	}
	if (back)
		quota_row(b, h->member, h->item, h->month)->used -= h->count;
	book_due_drop(b, DUE_RELEASE, h->release_us, id);
	h->state = to;
	h->resolved_seq = b->in->seq;
	return book_touch(b, h->member);
}

/* ---- hold ---- */

/* For some days after a PIN reset the member's session alone moves no points: somebody of the staff
 * must have vouched just now. */
static int
reset_guarded(const struct book *b, uint64_t member)
{
	uint64_t guard_us = b->rules->reset_guard_days * DAY_US, reset_us = book_head(b, member)->reset_us;

	return reset_us != 0 && b->in->now_us < reset_us + guard_us &&
	       b->in->now_us > book_member(b, member)->permit_until_us;
}

/* Who may hold for the member now: the member's own session, or staff by two or under a delegation.
 */
static enum result
hold_actor(struct book *b, const struct command *c, struct hold_row *h)
{
	uint64_t person;
	enum result err;

	if (b->role == ROLE_MEMBER) {
		if (b->person != c->member)
			return RESULT_WRONG_ACTOR;
		return reset_guarded(b, c->member) ? RESULT_SECOND_PERSON : RESULT_OK;
	}
	h->holder_no = b->proposer_no != 0 ? b->proposer_no : b->key_no;
	h->second_no = b->proposer_no != 0 ? b->key_no : 0;
	person = book_key_person(b->rows, h->holder_no);
	if ((err = book_keep_apart(b, person, c->member)) != RESULT_OK)
		return err;
	return book_keep_apart(b, b->person, c->member);
}

/* The outlet asked for, else the first of the item's list with enough free stock. */
static enum result
hold_outlet(struct book *b, const struct command *c, const struct item_row *item, code8 *outlet)
{
	enum result reason = RESULT_NOT_OFFERED;

	for (uint32_t i = 0; i < item->n_outlets; i++) {
		if (c->outlet != 0 && c->outlet != item->outlets[i])
			continue;
		if (!book_partner_in_force(b, item->outlets[i], b->today)) {
			reason = reason == RESULT_OUT_OF_STOCK ? reason : RESULT_NOT_IN_FORCE;
			continue;
		}
		reason = RESULT_OUT_OF_STOCK;
		if (book_shelf_free(b->rows, item->outlets[i], c->item, b->today) >= c->count) {
			*outlet = item->outlets[i];
			return RESULT_OK;
		}
	}
	return reason;
}

static enum result
hold_part_add(struct book *b, struct hold_row *h, enum asset asset, uint64_t lot, int64_t amount)
{
	struct row_key k =
	    row_key3(TABLE_HOLD_PART, ref_id(h->origin.seq, h->origin.index), h->n_parts, 0);
	struct hold_part_row *p;

	if (h->n_parts == HOLD_MAX_PARTS)
		return RESULT_TOO_MANY_EFFECTS;
	p = book_add(b, &k);
	h->n_parts++;
	p->lot = lot;
	p->amount = (uint32_t)amount;
	p->asset = asset;
	return RESULT_OK;
}

static enum result
hold_points_part(struct book *b, void *ctx, uint64_t lot, int64_t points)
{
	struct hold_row *h = ctx;
	enum result err = book_move(b, ASSET_POINTS, 0, account(PURPOSE_AVAILABLE, h->member, lot),
	    account(PURPOSE_HELD, h->member, lot), points);

	return err != RESULT_OK ? err : hold_part_add(b, h, ASSET_POINTS, lot, points);
}

static enum result
hold_stock(struct book *b, struct hold_row *h)
{
	struct row_key sk = row_key3(TABLE_SHELF, h->outlet, h->item, 0);
	const struct shelf_row *shelf = book_get(b, &sk);
	uint64_t lot = shelf->first;
	int64_t need = h->count;
	enum result err;

	while (need > 0 && lot != 0) {
		struct row_key at = row_key3(TABLE_SHELF_LOT, h->outlet, h->item, lot);
		const struct shelf_lot_row *r = book_get(b, &at);
		int64_t have =
		    book_balance(b->rows, PURPOSE_SHELF, ASSET_ITEM, h->outlet, h->item, lot);
		int64_t take = have < need ? have : need;
		uint64_t next = r->next;

		if (r->best_before_day != 0 && r->best_before_day < b->today)
			take = 0;
		if (take > 0) {
			if ((err = book_move(b, ASSET_ITEM, h->item,
				 account(PURPOSE_SHELF, h->outlet, lot),
				 account(PURPOSE_OUTLET_HELD, h->outlet, lot), take)) !=
				RESULT_OK ||
			    (err = hold_part_add(b, h, ASSET_ITEM, lot, take)) != RESULT_OK)
				return err;
			need -= take;
		}
		lot = next;
	}
	return need == 0 ? RESULT_OK : RESULT_OUT_OF_STOCK;
}

static enum result
hold_check(
    struct book *b, const struct command *c, struct hold_row *h, const struct item_row **item)
{
	const struct member_head_row *head = book_head(b, c->member);
	enum result err;

	if (head == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (head->status != MEMBER_ACTIVE)
		return RESULT_NOT_ACTIVE;
	if ((err = hold_actor(b, c, h)) != RESULT_OK)
		return err;
	if ((*item = book_item_at(b->rows, c->item, b->in->now_us)) == NULL)
		return RESULT_UNKNOWN_ITEM;
	if (__builtin_mul_overflow((*item)->points, c->count, &h->points))
		return RESULT_OVERFLOW;
	h->month = book_month(b->today);
	if ((*item)->quota != 0 &&
	    (uint64_t)quota_row(b, c->member, c->item, h->month)->used + c->count > (*item)->quota)
		return RESULT_QUOTA;
	if (points_available(b->rows, c->member) < (int64_t)h->points)
		return RESULT_INSUFFICIENT;
	return hold_outlet(b, c, *item, &h->outlet);
}

static enum result
hold_effect(struct book *b, const struct hold_row *h)
{
	struct effect *e;
	enum result err = book_effect(b, EFFECT_HELD, &e);

	if (err != RESULT_OK)
		return err;
	e->member = h->member;
	e->item = h->item;
	e->outlet = h->outlet;
	e->points = h->points;
	e->count = h->count;
	e->until_us = h->use_by_us;
	e->release_us = h->release_us;
	return book_touch(b, h->member);
}

enum result
decide_hold(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_HOLD, ref_id(b->in->seq, b->out->command), 0, 0);
	struct hold_row draft = {.member = c->member, .item = c->item, .count = c->count}, *h;
	int32_t last_day = b->today + (int32_t)b->rules->hold_days;
	const struct item_row *item;
	struct member_row *m;
	enum result err;

	if ((err = hold_check(b, c, &draft, &item)) != RESULT_OK)
		return err;
	h = book_add(b, &k);
	*h = draft;
	h->state = HOLD_HELD;
	h->day = b->today;
	/* To the end of the last day: the first moment of the next. */
	h->use_by_us = book_day_start_us(b->station, last_day + 1);
	h->release_us = book_day_start_us(b->station, last_day + 1 + (int32_t)b->rules->grace_days);
	m = book_member_edit(b, c->member);
	h->prev_hold = m->last_hold;
	m->last_hold = ref_id(b->in->seq, b->out->command);
	if ((err = book_nameable(b, &k, &h->origin, b->out->command)) != RESULT_OK ||
	    (err = points_take(b, c->member, h->points, hold_points_part, h)) != RESULT_OK ||
	    (err = hold_stock(b, h)) != RESULT_OK)
		return err;
	quota_row(b, c->member, c->item, h->month)->used += c->count;
	book_due_add(b, DUE_RELEASE, h->release_us, m->last_hold);
	return hold_effect(b, h);
}

/* ---- how it ends ---- */

enum result
decide_confirm(struct book *b, const struct command *c)
{
	struct effect *e;
	struct hold_row *h;
	enum result err;
	int32_t last_day;

	if ((err = hold_find(b, &c->ref, &h)) != RESULT_OK)
		return err;
	if (h->outlet != b->partner)
		return RESULT_WRONG_OUTLET;
	if ((err = hold_resolved_code(h)) != RESULT_OK)
		return err;
	if (b->in->now_us >= h->release_us)
		return RESULT_RELEASED;
	last_day = book_day(b->station, h->use_by_us - 1);
	if (c->day > b->today || (c->day != 0 && c->day < h->day))
		return book_refuse_field(b, "day");
	/* After use_by only what was delivered by then counts. */
	if (c->day == 0 ? b->in->now_us >= h->use_by_us : c->day > last_day)
		return RESULT_TOO_LATE;
	if (book_keep_apart(b, b->person, h->member) != RESULT_OK ||
	    (h->holder_no != 0 && h->holder_no == b->key_no))
		return RESULT_OWN_VOUCHER;
	if ((err = hold_resolve(b, h, HOLD_CONFIRMED)) != RESULT_OK ||
	    (err = book_effect(b, EFFECT_CONFIRMED, &e)) != RESULT_OK)
		return err;
	e->id = c->ref.seq;
	e->index = c->ref.index;
	e->item = h->item;
	e->outlet = h->outlet;
	e->count = h->count;
	e->day = c->day;
	return RESULT_OK;
}

/* The effect that names the hold and how it ended. */
static enum result
ended_effect(struct book *b, enum effect_kind kind, const struct hold_row *h)
{
	struct effect *e;
	enum result err = book_effect(b, kind, &e);

	if (err != RESULT_OK)
		return err;
	e->id = h->origin.seq;
	e->index = h->origin.index;
	e->member = h->member;
	e->item = h->item;
	e->outlet = h->outlet;
	e->points = h->points;
	e->count = h->count;
	return RESULT_OK;
}

enum result
decide_cancel(struct book *b, const struct command *c)
{
	struct hold_row *h;
	enum result err;

	if ((err = hold_find(b, &c->ref, &h)) != RESULT_OK)
		return err;
	if (b->role == ROLE_MEMBER && b->person != h->member)
		return RESULT_WRONG_VOUCHER;
	if ((err = hold_resolved_code(h)) != RESULT_OK)
		return err;
	if (b->in->now_us >= h->release_us)
		return RESULT_RELEASED;
	/* Free until use_by; in the grace days the outlet may already have delivered. */
	if (b->in->now_us >= h->use_by_us)
		return RESULT_TOO_LATE;
	if ((err = hold_resolve(b, h, HOLD_CANCELLED)) != RESULT_OK)
		return err;
	return ended_effect(b, EFFECT_CANCELLED, h);
}

enum result
decide_system_release(struct book *b, const struct command *c)
{
	enum result err;

	for (uint32_t i = 0; i < c->n_refs; i++) {
		struct row_key k =
		    row_key3(TABLE_HOLD, ref_id(c->refs[i].seq, c->refs[i].index), 0, 0);
		struct hold_row *h = book_edit(b, &k);

		if (h == NULL)
			return RESULT_NOT_FOUND;
		if ((err = hold_resolved_code(h)) != RESULT_OK)
			return err;
		if (b->in->now_us < h->release_us)
			return RESULT_NOT_DUE;
		if ((err = hold_resolve(b, h, HOLD_RELEASED)) != RESULT_OK ||
		    (err = ended_effect(b, EFFECT_RELEASED, h)) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}

/* A part of a confirmed redemption goes back: points to their lot (debt first), pieces to the shelf
 * or written off. */
static enum result
part_reverse(struct book *b, const struct hold_row *h, const struct hold_part_row *p, uint32_t fate)
{
	if (p->asset == ASSET_POINTS)
		return points_give(
		    b, account(PURPOSE_RECEIVED, h->outlet, 0), h->member, p->lot, p->amount);
	return book_move(b, ASSET_ITEM, h->item, account(PURPOSE_DELIVERED, 0, p->lot),
	    fate == FATE_BACK_ON_SHELF ? account(PURPOSE_SHELF, h->outlet, p->lot)
				       : account(PURPOSE_WRITTEN_OFF, 0, p->lot),
	    p->amount);
}

enum result
decide_reverse(struct book *b, const struct command *c)
{
	struct hold_row *h;
	enum result err;

	if ((err = hold_find(b, &c->ref, &h)) != RESULT_OK)
		return err;
	if (h->state == HOLD_HELD)
		return RESULT_NOT_CONFIRMED;
	if (h->state != HOLD_CONFIRMED)
		return hold_resolved_code(h);
	for (uint32_t i = 0; i < h->n_parts; i++) {
		struct row_key k =
		    row_key3(TABLE_HOLD_PART, ref_id(c->ref.seq, c->ref.index), i, 0);
		const struct hold_part_row *p = book_get(b, &k);

		if ((err = part_reverse(b, h, p, c->fate)) != RESULT_OK)
			return err;
	}
	h->state = HOLD_REVERSED;
	h->resolved_seq = b->in->seq;
	if ((err = book_touch(b, h->member)) != RESULT_OK)
		return err;
	return ended_effect(b, EFFECT_REVERSED, h);
}

static enum result
late_part(struct book *b, void *ctx, uint64_t lot, int64_t points)
{
	const struct hold_row *h = ctx;

	return book_move(b, ASSET_POINTS, 0, account(PURPOSE_AVAILABLE, h->member, lot),
	    account(PURPOSE_RECEIVED, h->outlet, 0), points);
}

/* Stock of a late delivery: from the shelf where it still is, else the count is adjusted. */
static enum result
late_stock(struct book *b, const struct hold_row *h)
{
	for (uint32_t i = 0; i < h->n_parts; i++) {
		struct row_key k =
		    row_key3(TABLE_HOLD_PART, ref_id(h->origin.seq, h->origin.index), i, 0);
		const struct hold_part_row *p = book_get(b, &k);
		int64_t have, take;
		enum result err;

		if (p->asset != ASSET_ITEM)
			continue;
		have = book_balance(b->rows, PURPOSE_SHELF, ASSET_ITEM, h->outlet, h->item, p->lot);
		take = have < p->amount ? have : p->amount;
		if ((err = book_move(b, ASSET_ITEM, h->item,
			 account(PURPOSE_SHELF, h->outlet, p->lot),
			 account(PURPOSE_DELIVERED, 0, p->lot), take)) != RESULT_OK ||
		    (err = book_move(b, ASSET_ITEM, h->item, account(PURPOSE_ADJUSTED, 0, p->lot),
			 account(PURPOSE_DELIVERED, 0, p->lot), p->amount - take)) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}

enum result
decide_late_delivery(struct book *b, const struct command *c)
{
	struct hold_row *h;
	int64_t have;
	enum result err;

	if ((err = hold_find(b, &c->ref, &h)) != RESULT_OK)
		return err;
	if (h->state != HOLD_RELEASED)
		return h->state == HOLD_HELD ? RESULT_NOT_DUE : hold_resolved_code(h);
	have = points_available(b->rows, h->member);
	if (have > (int64_t)h->points)
		have = (int64_t)h->points;
	if ((err = points_take(b, h->member, have, late_part, h)) != RESULT_OK ||
	    (err = book_move(b, ASSET_POINTS, 0, account(PURPOSE_DEBT, h->member, 0),
		 account(PURPOSE_RECEIVED, h->outlet, 0), (int64_t)h->points - have)) !=
		RESULT_OK ||
	    (err = late_stock(b, h)) != RESULT_OK)
		return err;
	/* The release gave the quota back. */
	quota_row(b, h->member, h->item, h->month)->used += h->count;
	h->state = HOLD_CONFIRMED;
	h->resolved_seq = b->in->seq;
	if ((err = book_touch(b, h->member)) != RESULT_OK)
		return err;
	return ended_effect(b, EFFECT_DELIVERED_LATE, h);
}

/* ---- gifts ---- */

struct gift {
	uint64_t from, to;
};

static enum result
gift_part(struct book *b, void *ctx, uint64_t lot, int64_t points)
{
	const struct gift *g = ctx;

	return points_give(b, account(PURPOSE_AVAILABLE, g->from, lot), g->to, lot, points);
}

enum result
decide_gift(struct book *b, const struct command *c)
{
	struct gift g = {c->member, c->other};
	/* It is touched, so that it is changed, if the gift is made. */
	struct member_head_row *to = book_head_edit(b, c->other);
	struct effect *e;
	enum result err;

	if (b->person != c->member)
		return RESULT_WRONG_ACTOR;
	if (b->rules->gift == GIFT_OFF)
		return RESULT_GIFT_OFF;
	if (to == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (c->member == c->other)
		return RESULT_SAME_PERSON;
	if (to->status != MEMBER_ACTIVE || book_head(b, c->member)->status != MEMBER_ACTIVE)
		return RESULT_NOT_ACTIVE;
	if (reset_guarded(b, c->member))
		return RESULT_SECOND_PERSON;
	if (b->rules->gift == GIFT_KIN && !book_same_or_kin(b->rows, c->member, c->other))
		return RESULT_NOT_ALLOWED;
	if ((err = points_take(b, c->member, c->points, gift_part, &g)) != RESULT_OK ||
	    (err = book_touch(b, c->member)) != RESULT_OK ||
	    (err = book_effect(b, EFFECT_GIFTED, &e)) != RESULT_OK)
		return err;
	e->member = c->other;
	e->points = c->points;
	return RESULT_OK;
}
