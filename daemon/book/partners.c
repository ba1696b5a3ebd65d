/* Partners and their agreements, the two catalogues, and donated lots. */
#include "daemon/book/book_int.h"

enum result
decide_partner_set(struct book *b, const struct command *c)
{
	struct partner_row *row;
	void *version;
	enum result err;

	if (c->to_day != 0 && c->to_day < c->from_day)
		return book_refuse_field(b, "to_day");
	if ((err = version_add(b, TABLE_PARTNER, TABLE_PARTNER_VERSION, c->partner, &version)) !=
	    RESULT_OK)
		return err;
	row = version;
	row->partner_kind = c->partner_kind;
	row->from_day = c->from_day;
	row->to_day = c->to_day;
	return RESULT_OK;
}

enum result
decide_service_item_set(struct book *b, const struct command *c)
{
	struct rate_row *row;
	void *version;
	enum result err;

	if ((err = version_add(b, TABLE_RATE, TABLE_RATE_VERSION, c->item, &version)) != RESULT_OK)
		return err;
	row = version;
	row->minutes = c->minutes;
	row->points = c->points;
	row->training = c->training;
	return rules_version_add(b, NULL);
}

enum result
decide_item_set(struct book *b, const struct command *c)
{
	struct item_row *row;
	void *version;
	enum result err;

	for (uint32_t i = 0; i < c->n_outlets; i++)
		if (book_partner_at(b->rows, c->outlets[i], b->in->now_us) == NULL)
			return book_refuse_field(b, "outlets");
	if ((err = version_add(b, TABLE_ITEM, TABLE_ITEM_VERSION, c->item, &version)) != RESULT_OK)
		return err;
	row = version;
	row->item_kind = c->item_kind;
	row->points = c->points;
	row->quota = c->quota;
	row->n_outlets = c->n_outlets;
	memcpy(row->outlets, c->outlets, sizeof(row->outlets));
	return rules_version_add(b, NULL);
}

void
shelf_list_add(struct book *b, code8 outlet, code8 item, uint64_t lot, int32_t best_before_day)
{
	struct row_key sk = row_key3(TABLE_SHELF, outlet, item, 0);
	struct row_key k = row_key3(TABLE_SHELF_LOT, outlet, item, lot);
	struct shelf_row *shelf = book_upsert(b, &sk);
	uint32_t order = best_before_day == 0 ? UINT32_MAX : (uint32_t)best_before_day;
	uint64_t after = 0, next;
	struct shelf_lot_row *row;

	if (book_get(b, &k) != NULL)
		return;
	for (next = shelf->first; next != 0;) {
		struct row_key at = row_key3(TABLE_SHELF_LOT, outlet, item, next);
		const struct shelf_lot_row *r = book_get(b, &at);
		uint32_t its = r->best_before_day == 0 ? UINT32_MAX : (uint32_t)r->best_before_day;

		if (its > order || (its == order && next > lot))
			break;
		after = next;
		next = r->next;
	}
	row = book_add(b, &k);
	row->next = next;
	row->best_before_day = best_before_day;
	if (after == 0) {
		shelf->first = lot;
	} else {
		struct row_key at = row_key3(TABLE_SHELF_LOT, outlet, item, after);
		struct shelf_lot_row *r = book_edit(b, &at);

		r->next = lot;
	}
}

int64_t
book_shelf_free(const struct row_source *rows, code8 outlet, code8 item, int32_t today)
{
	struct row_key sk = row_key3(TABLE_SHELF, outlet, item, 0);
	const struct shelf_row *shelf = rows->get(rows->ctx, &sk);
	int64_t total = 0;

	for (uint64_t lot = shelf == NULL ? 0 : shelf->first; lot != 0;) {
		struct row_key at = row_key3(TABLE_SHELF_LOT, outlet, item, lot);
		const struct shelf_lot_row *r = rows->get(rows->ctx, &at);

		if (r->best_before_day == 0 || r->best_before_day >= today)
			total += book_balance(rows, PURPOSE_SHELF, ASSET_ITEM, outlet, item, lot);
		lot = r->next;
	}
	return total;
}

static enum result
donation_check(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_TERM, c->purpose, 0, 0);
	const struct term_row *term = book_get(b, &k);

	if (book_item_at(b->rows, c->item, b->in->now_us) == NULL)
		return RESULT_UNKNOWN_ITEM;
	if (book_partner_at(b->rows, c->outlet, b->in->now_us) == NULL)
		return book_refuse_field(b, "outlet");
	if (!book_partner_in_force(b, c->partner, c->day))
		return RESULT_NOT_IN_FORCE;
	if (book_member(b, c->member) == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (c->purpose != 0 && (term == NULL || term->term_kind != TERM_PURPOSE))
		return book_refuse_field(b, "purpose");
	return c->day > b->today ? book_refuse_field(b, "day") : RESULT_OK;
}

enum result
decide_donation_add(struct book *b, const struct command *c)
{
	uint64_t lot = ref_id(b->in->seq, b->out->command);
	struct row_key k = row_key3(TABLE_DONATION, lot, 0, 0);
	struct row_key rk = {.table = TABLE_RECEIPT};
	struct donation_row *row;
	struct receipt_row *receipt;
	enum result err;

	if ((err = donation_check(b, c)) != RESULT_OK)
		return err;
	memcpy(&rk.a, c->receipt, sizeof(c->receipt));
	if (book_get(b, &rk) != NULL) {
		b->out->field = "receipt";
		return RESULT_EXISTS;
	}
	receipt = book_add(b, &rk);
	receipt->lot = lot;
	row = book_add(b, &k);
	row->donor = c->partner;
	row->item = c->item;
	row->outlet = c->outlet;
	row->handler = c->member;
	row->count = c->count;
	row->quality = c->quality;
	row->purpose = c->purpose;
	row->best_before_day = c->best_before_day;
	row->day = c->day;
	memcpy(row->receipt, c->receipt, sizeof(row->receipt));
	/* What was not good enough is on record, but on no shelf. */
	if (c->quality != QUALITY_GOOD)
		return RESULT_OK;
	shelf_list_add(b, c->outlet, c->item, lot, c->best_before_day);
	return book_move(b, ASSET_ITEM, c->item, account(PURPOSE_DONATED, c->partner, lot),
	    account(PURPOSE_SHELF, c->outlet, lot), c->count);
}
