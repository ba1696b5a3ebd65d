/* Rules, rates, items and partners by version: what was in force when. */
#include "daemon/book/book_int.h"

/* The newest version that is in force at a time. */
static const void *
version_at(
    const struct row_source *rows, enum table head, enum table table, code8 code, uint64_t at_us)
{
	struct row_key k = row_key3(head, code, 0, 0);
	const struct version_head *h = rows->get(rows->ctx, &k);
	uint64_t id = h == NULL ? 0 : h->latest;

	while (id != 0) {
		struct row_key v = row_key3(table, code, id, 0);
		const struct version *row = rows->get(rows->ctx, &v);

		if (row == NULL || row->from_us <= at_us)
			return row;
		id = row->prev;
	}
	return NULL;
}

const struct item_row *
book_item_at(const struct row_source *rows, code8 item, uint64_t at_us)
{
	return version_at(rows, TABLE_ITEM, TABLE_ITEM_VERSION, item, at_us);
}

const struct rate_row *
book_rate_at(const struct row_source *rows, code8 item, uint64_t at_us)
{
	return version_at(rows, TABLE_RATE, TABLE_RATE_VERSION, item, at_us);
}

const struct partner_row *
book_partner_at(const struct row_source *rows, code8 partner, uint64_t at_us)
{
	return version_at(rows, TABLE_PARTNER, TABLE_PARTNER_VERSION, partner, at_us);
}

int
book_partner_in_force(const struct book *b, code8 partner, int32_t day)
{
	const struct partner_row *p = book_partner_at(b->rows, partner, b->in->now_us);

	return p != NULL && day >= p->from_day && (p->to_day == 0 || day <= p->to_day);
}

const struct rule_set *
book_rules_at(const struct row_source *rows, uint64_t at_us, uint64_t *version)
{
	const struct station *station = book_station(rows);
	uint64_t id = station == NULL ? 0 : station->rules_latest;

	while (id != 0) {
		struct row_key k = row_key3(TABLE_RULES, id, 0, 0);
		const struct rules_row *row = rows->get(rows->ctx, &k);

		if (row->from_us <= at_us || row->prev == 0) {
			*version = id;
			return &row->rules;
		}
		id = row->prev;
	}
	*version = 0;
	return NULL;
}

/* In set-up at once; once the station is open, from the start of the next day. */
static uint64_t
takes_effect_us(const struct book *b)
{
	return b->station->opened ? book_day_start_us(b->station, b->today + 1) : b->in->now_us;
}

enum result
version_add(struct book *b, enum table head, enum table table, code8 code, void **out)
{
	struct row_key k = row_key3(head, code, 0, 0);
	struct version_head *h = book_upsert(b, &k);
	uint64_t id = ref_id(b->in->seq, b->out->command);
	struct row_key v = row_key3(table, code, id, 0);
	struct version *row = book_get(b, &v) == NULL ? book_add(b, &v) : NULL;

	if (row == NULL)
		return RESULT_EXISTS;
	row->from_us = takes_effect_us(b);
	row->prev = h->latest;
	h->latest = id;
	*out = row;
	return RESULT_OK;
}

enum result
rules_version_add(struct book *b, const struct rule_set *rules)
{
	struct row_key k = row_key3(TABLE_RULES, b->in->seq, 0, 0);
	struct row_key prev = row_key3(TABLE_RULES, b->station->rules_latest, 0, 0);
	struct rules_row *row = book_edit(b, &k);
	struct effect *e;
	enum result err;

	if (row == NULL) {
		const struct rules_row *old = book_get(b, &prev);

		row = book_add(b, &k);
		row->from_us = takes_effect_us(b);
		row->prev = b->station->rules_latest;
		if (old != NULL)
			row->rules = old->rules;
		book_station_edit(b)->rules_latest = b->in->seq;
		if ((err = book_effect(b, EFFECT_RULES, &e)) != RESULT_OK)
			return err;
		e->rules = b->in->seq;
		e->day = b->station->opened ? b->today + 1 : 0;
	}
	if (rules != NULL)
		row->rules = *rules;
	return RESULT_OK;
}

const struct rate_row *
rate_of_version(const struct book *b, code8 item, uint64_t rules_version)
{
	struct row_key k = row_key3(TABLE_RATE, item, 0, 0);
	const struct version_head *h = book_get(b, &k);
	uint64_t id = h == NULL ? 0 : h->latest;

	while (id != 0) {
		struct row_key v = row_key3(TABLE_RATE_VERSION, item, id, 0);
		const struct rate_row *row = book_get(b, &v);

		if (id >> 16 <= rules_version)
			return row;
		id = row->version.prev;
	}
	return NULL;
}

const struct rate_row *
rate_of_day(const struct book *b, code8 item, int32_t day)
{
	struct row_key k = row_key3(TABLE_RATE, item, 0, 0);
	const struct version_head *h = book_get(b, &k);
	uint64_t at_us = book_day_start_us(b->station, day), id = h == NULL ? 0 : h->latest;
	const struct rate_row *row = NULL;

	while (id != 0) {
		struct row_key v = row_key3(TABLE_RATE_VERSION, item, id, 0);

		row = book_get(b, &v);
		if (row->version.from_us <= at_us)
			break;
		id = row->version.prev;
	}
	return row;
}
