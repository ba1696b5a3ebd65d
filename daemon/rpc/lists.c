/* Lists of the station: what is in force, keys, proposals, activities, and how the daemon is. */
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_int.h"

static void
gather_a(void *ctx, const struct row_key *key, const void *value)
{
	(void)value;
	gather_add(ctx, key->a);
}

/* The keys' first words of a whole table, ascending. */
static enum result
gather_table(struct call *c, enum table table, struct gather *g)
{
	*g = (struct gather){ .call = c };
	engine_each(c->rpc->engine, table, gather_a, g);
	gather_sort(g);
	return g->full ? RESULT_NO_MEMORY : RESULT_OK;
}

static int
compare_codes(const void *a, const void *b)
{
	/* In memory order a code is its characters. */
	return memcmp(a, b, sizeof(code8));
}

static enum result
gather_codes(struct call *c, enum table table, struct gather *g)
{
	enum result err = gather_table(c, table, g);

	if (g->n > 1)
		qsort(g->id, g->n, sizeof(*g->id), compare_codes);
	return err;
}

/* ---- the catalogue ---- */

static enum result
service_items(struct call *c, Timebox__V1__Catalogue *out)
{
	struct gather g;
	enum result err = gather_codes(c, TABLE_RATE, &g);

	if (err != RESULT_OK)
		return err;
	if ((out->service_items = call_alloc(c, g.n * sizeof(*out->service_items))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < g.n; i++) {
		const struct rate_row *rate = book_rate_at(c->rows, g.id[i], c->now_us);
		Timebox__V1__ServiceItem *s = call_message(c, &timebox__v1__service_item__descriptor);

		if (s == NULL)
			return RESULT_NO_MEMORY;
		if (rate == NULL)
			continue;
		s->item = call_code8(c, g.id[i]);
		s->name = call_name(c, TEXT_SERVICE_ITEM, g.id[i], &s->group);
		s->minutes = rate->minutes;
		s->points = rate->points;
		s->training = rate->training != 0;
		out->service_items[out->n_service_items++] = s;
	}
	return RESULT_OK;
}

/* Pieces that are held at an outlet, over the lots of its shelf. */
static int64_t
held_at(const struct call *c, code8 outlet, code8 item)
{
	const struct shelf_row *shelf = call_row(c, row_key3(TABLE_SHELF, outlet, item, 0));
	int64_t total = 0;

	for (uint64_t lot = shelf == NULL ? 0 : shelf->first; lot != 0;) {
		const struct shelf_lot_row *row = call_row(c, row_key3(TABLE_SHELF_LOT, outlet, item, lot));

		total += book_balance(c->rows, PURPOSE_OUTLET_HELD, ASSET_ITEM, outlet, item, lot);
		lot = row->next;
	}
	return total;
}

static enum result
item_outlets(struct call *c, code8 code, const struct item_row *row, Timebox__V1__Item *item)
{
	int32_t today = book_day(book_station(c->rows), c->now_us);

	item->outlets = call_alloc(c, row->n_outlets * sizeof(*item->outlets));
	if (item->outlets == NULL)
		return RESULT_NO_MEMORY;
	for (uint32_t i = 0; i < row->n_outlets; i++) {
		Timebox__V1__OutletStock *s = call_message(c, &timebox__v1__outlet_stock__descriptor);

		if (s == NULL)
			return RESULT_NO_MEMORY;
		s->outlet = call_code8(c, row->outlets[i]);
		s->free = (uint64_t)book_shelf_free(c->rows, row->outlets[i], code, today);
		s->held = (uint64_t)held_at(c, row->outlets[i], code);
		item->outlets[item->n_outlets++] = s;
	}
	return RESULT_OK;
}

static enum result
redemption_items(struct call *c, Timebox__V1__Catalogue *out)
{
	struct gather g;
	enum result err = gather_codes(c, TABLE_ITEM, &g);

	if (err != RESULT_OK)
		return err;
	if ((out->items = call_alloc(c, g.n * sizeof(*out->items))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < g.n; i++) {
		const struct item_row *row = book_item_at(c->rows, g.id[i], c->now_us);
		Timebox__V1__Item *item = call_message(c, &timebox__v1__item__descriptor);

		if (item == NULL)
			return RESULT_NO_MEMORY;
		if (row == NULL)
			continue;
		item->item = call_code8(c, g.id[i]);
		item->name = call_name(c, TEXT_ITEM, g.id[i], NULL);
		item->item_kind = (Timebox__V1__ItemKind)row->item_kind;
		item->points = row->points;
		item->quota = row->quota;
		if ((err = item_outlets(c, g.id[i], row, item)) != RESULT_OK)
			return err;
		out->items[out->n_items++] = item;
	}
	return RESULT_OK;
}

static enum result
partners(struct call *c, Timebox__V1__Catalogue *out)
{
	struct gather g;
	enum result err = gather_codes(c, TABLE_PARTNER, &g);

	if (err != RESULT_OK)
		return err;
	if ((out->partners = call_alloc(c, g.n * sizeof(*out->partners))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < g.n; i++) {
		const struct partner_row *row = book_partner_at(c->rows, g.id[i], c->now_us);
		Timebox__V1__Partner *p = call_message(c, &timebox__v1__partner__descriptor);

		if (p == NULL)
			return RESULT_NO_MEMORY;
		if (row == NULL)
			continue;
		p->partner = call_code8(c, g.id[i]);
		p->name = call_name(c, TEXT_PARTNER, g.id[i], NULL);
		p->partner_kind = (Timebox__V1__PartnerKind)row->partner_kind;
		p->from_day = row->from_day;
		p->to_day = row->to_day;
		out->partners[out->n_partners++] = p;
	}
	return RESULT_OK;
}

static enum result
terms(struct call *c, Timebox__V1__Catalogue *out)
{
	struct gather g;
	enum result err = gather_table(c, TABLE_TERM, &g);

	if (err != RESULT_OK)
		return err;
	if ((out->terms = call_alloc(c, g.n * sizeof(*out->terms))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < g.n; i++) {
		const struct term_row *row = call_row(c, row_key3(TABLE_TERM, g.id[i], 0, 0));
		Timebox__V1__Term *t = call_message(c, &timebox__v1__term__descriptor);

		if (t == NULL)
			return RESULT_NO_MEMORY;
		t->term = (uint32_t)g.id[i];
		t->term_kind = (Timebox__V1__TermKind)row->term_kind;
		t->parent = row->parent;
		t->name = call_name(c, TEXT_TERM, g.id[i], NULL);
		out->terms[out->n_terms++] = t;
	}
	return RESULT_OK;
}

enum result
call_get_catalogue(struct call *c)
{
	Timebox__V1__Catalogue *out = call_message(c, &timebox__v1__catalogue__descriptor);
	enum result err;

	if (out == NULL)
		return RESULT_NO_MEMORY;
	if ((err = service_items(c, out)) != RESULT_OK || (err = redemption_items(c, out)) != RESULT_OK ||
	    (err = partners(c, out)) != RESULT_OK || (err = terms(c, out)) != RESULT_OK)
		return err;
	(void)book_rules_at(c->rows, c->now_us, &out->rules);
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_CATALOGUE;
	c->answer->catalogue = out;
	return RESULT_OK;
}

/* ---- keys ---- */

/* The roster, in order of admission. */
enum result
call_get_keys(struct call *c)
{
	Timebox__V1__Keys *out = call_message(c, &timebox__v1__keys__descriptor);
	struct gather g;
	enum result err = gather_table(c, TABLE_KEY_NO, &g);

	if (err != RESULT_OK)
		return err;
	if (out == NULL || (out->keys = call_alloc(c, g.n * sizeof(*out->keys))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < g.n; i++) {
		const struct key_no_row *no = call_row(c, row_key3(TABLE_KEY_NO, g.id[i], 0, 0));
		const struct key_row *row = call_row(c, row_key_hash(TABLE_KEY, no->key));
		Timebox__V1__Key *key = call_message(c, &timebox__v1__key__descriptor);

		if (key == NULL || row == NULL)
			return RESULT_NO_MEMORY;
		key->key = call_bytes(c, no->key, 32);
		key->role = (Timebox__V1__Role)row->role;
		key->status = (Timebox__V1__KeyStatus)row->status;
		key->partner = call_code8(c, row->partner);
		key->member = row->member;
		key->number = call_number(c, row->member);
		key->admitted_seq = row->admitted_seq;
		key->revoked_seq = row->revoked_seq;
		out->keys[out->n_keys++] = key;
	}
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_KEYS;
	c->answer->keys = out;
	return RESULT_OK;
}

/* ---- proposals ---- */

static Timebox__V1__Proposal *
proposal_make(struct call *c, const struct proposal_row *row)
{
	const struct key_no_row *no = call_row(c, row_key3(TABLE_KEY_NO, row->proposer_no, 0, 0));
	Timebox__V1__Proposal *p = call_message(c, &timebox__v1__proposal__descriptor);
	const struct command *command = &row->command;

	if (p == NULL)
		return NULL;
	p->seq = row->origin.seq;
	p->index = row->origin.index;
	p->leaf = call_bytes(c, row->origin.leaf, 32);
	p->command = command->kind;
	if (no != NULL)
		p->proposer_key = call_bytes(c, no->key, 32);
	p->mine = row->proposer_no == c->key->no;
	p->member = command->member;
	p->number = call_number(c, command->member);
	p->code = call_code8(c, command->item != 0 ? command->item : command->partner);
	return p;
}

enum result
call_get_proposals(struct call *c)
{
	Timebox__V1__Proposals *out = call_message(c, &timebox__v1__proposals__descriptor);
	struct gather g;
	enum result err = gather_table(c, TABLE_PROPOSAL, &g);

	if (err != RESULT_OK)
		return err;
	if (out == NULL || (out->proposals = call_alloc(c, g.n * sizeof(*out->proposals))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < g.n; i++) {
		const struct proposal_row *row = call_row(c, row_key3(TABLE_PROPOSAL, g.id[i], 0, 0));
		Timebox__V1__Proposal *p = proposal_make(c, row);

		if (p == NULL)
			return RESULT_NO_MEMORY;
		out->proposals[out->n_proposals++] = p;
	}
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_PROPOSALS;
	c->answer->proposals = out;
	return RESULT_OK;
}

/* ---- activities ---- */

static Timebox__V1__Activity *
activity_make(struct call *c, uint64_t id, const struct activity_row *row)
{
	Timebox__V1__Activity *a = call_message(c, &timebox__v1__activity__descriptor);

	if (a == NULL)
		return NULL;
	a->seq = row->origin.seq;
	a->index = row->origin.index;
	a->leaf = call_bytes(c, row->origin.leaf, 32);
	a->item = call_code8(c, row->item);
	a->name = call_name(c, TEXT_ACTIVITY, id, NULL);
	a->start_us = row->start_us;
	a->end_us = row->end_us;
	a->present = row->present;
	return a;
}

/* Those that are not over, or where somebody is still checked in. */
enum result
call_get_activities(struct call *c)
{
	Timebox__V1__Activities *out = call_message(c, &timebox__v1__activities__descriptor);
	struct gather g;
	enum result err = gather_table(c, TABLE_ACTIVITY, &g);

	if (err != RESULT_OK)
		return err;
	if (out == NULL || (out->activities = call_alloc(c, g.n * sizeof(*out->activities))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < g.n; i++) {
		const struct activity_row *row = call_row(c, row_key3(TABLE_ACTIVITY, g.id[i], 0, 0));
		Timebox__V1__Activity *a;

		if (row->end_us <= c->now_us && row->present == 0)
			continue;
		if ((a = activity_make(c, g.id[i], row)) == NULL)
			return RESULT_NO_MEMORY;
		out->activities[out->n_activities++] = a;
	}
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_ACTIVITIES;
	c->answer->activities = out;
	return RESULT_OK;
}

/* ---- how the daemon is ---- */

static enum result
status_witnesses(struct call *c, Timebox__V1__Status *s)
{
	const struct witnesses *w = c->rpc->witnesses;

	s->signed_size = engine_newest(c->rpc->engine)->size;
	s->witnessed_size = w->witnessed.size;
	s->quorum = w->quorum;
	if ((s->witnesses = call_alloc(c, (w->n + 1) * sizeof(*s->witnesses))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < w->n; i++) {
		const struct witness_peer *p = &w->peer[i];
		Timebox__V1__WitnessStatus *out = call_message(c, &timebox__v1__witness_status__descriptor);

		if (out == NULL)
			return RESULT_NO_MEMORY;
		out->name = call_text(c, p->config->key.name);
		out->size = p->last.size;
		out->time = p->time;
		out->behind_since_us = p->behind_since_us;
		out->problem = call_text(c, p->problem);
		out->by_hand = p->config->port == 0;
		s->witnesses[s->n_witnesses++] = out;
	}
	return RESULT_OK;
}

enum result
call_get_status(struct call *c)
{
	Timebox__V1__Status *s = call_message(c, &timebox__v1__status__descriptor);
	const struct engine *engine = c->rpc->engine;

	if (s == NULL)
		return RESULT_NO_MEMORY;
	s->last_seq = engine_last_seq(engine);
	s->checkpoint_seq = engine_checkpoint_seq(engine);
	s->connections = net_counters(c->rpc->net)->connections;
	/* After a failed write the rows are not what the ledger holds. */
	if (!engine_failed(engine)) {
		s->members = engine_count(engine, TABLE_MEMBER);
		for (int t = 0; t < TABLE_LAST; t++)
			s->rows += engine_count(engine, (enum table)t);
	}
	s->clock_doubtful = engine_clock_doubtful(engine) != 0;
	s->log_dropped = log_dropped();
	s->started_us = engine_started_us(engine);
	s->scrub_seq = engine_scrub_state(engine)->seq;
	s->scrub_passes = engine_scrub_state(engine)->passes;
	s->scrub_ended_us = engine_scrub_state(engine)->ended_us;
	s->scrub_bad_seq = engine_scrub_state(engine)->bad_seq;
	s->behind = engine_behind(engine);
	if (status_witnesses(c, s) != RESULT_OK)
		return RESULT_NO_MEMORY;
	s->erasure_waits = engine_unclean(engine) != 0;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_STATUS;
	c->answer->status = s;
	return RESULT_OK;
}
