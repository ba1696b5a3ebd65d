/* Vouchers: what an outlet learns of a code, and a member's holds. */
#include "daemon/rpc/rpc_int.h"
#include "proto/code32.h"

#define HOLDS_MAX 50
/* Of one member's chain of holds, looked at most. */
#define HOLDS_LOOK 4096

/* ---- a voucher, as its asker may see it ---- */

static enum result
voucher_fill(struct call *c, const struct hold_row *h, Timebox__V1__Voucher **out)
{
	Timebox__V1__Voucher *v = call_message(c, &timebox__v1__voucher__descriptor);
	char code[CODE32_SIZE(VOUCHER_CODE_LEN)];

	if (v == NULL)
		return RESULT_NO_MEMORY;
	v->seq = h->origin.seq;
	v->index = h->origin.index;
	v->leaf = call_bytes(c, h->origin.leaf, 32);
	v->state = (Timebox__V1__HoldState)h->state;
	v->item = call_code8(c, h->item);
	v->item_name = call_name(c, TEXT_ITEM, h->item, NULL);
	v->outlet = call_code8(c, h->outlet);
	v->count = h->count;
	v->use_by_us = h->use_by_us;
	v->release_us = h->release_us;
	*out = v;
	if (c->role == ROLE_OUTLET)
		return RESULT_OK;
	v->member = h->member;
	v->points = h->points;
	engine_code(c->rpc->engine, VOUCHER_LABEL, h->origin.seq, h->origin.index, code, sizeof(code));
	v->code = call_text(c, code);
	return RESULT_OK;
}

static enum result
voucher_find(struct call *c, const char *text, const struct hold_row **out)
{
	uint8_t code[VOUCHER_CODE_LEN];
	uint64_t seq;
	uint32_t index;

	if (code32_decode(text, code, sizeof(code)) != RESULT_OK ||
	    engine_voucher_find(c->rpc->engine, code, &seq, &index) != RESULT_OK)
		return RESULT_WRONG_VOUCHER;
	*out = call_row(c, row_key3(TABLE_HOLD, ref_id(seq, index), 0, 0));
	return *out == NULL ? RESULT_WRONG_VOUCHER : RESULT_OK;
}

enum result
call_get_voucher(struct call *c)
{
	const struct hold_row *h;
	uint32_t wait_s = c->role == ROLE_OUTLET ? guess_wait_s(c->rpc, c->key->no, GUESS_VOUCHER) : 0;
	enum result err;

	if (wait_s > 0) {
		c->answer->retry_after_s = wait_s;
		return RESULT_VOUCHER_LIMIT;
	}
	if ((err = voucher_find(c, c->ask->get_voucher->code, &h)) != RESULT_OK) {
		if (c->role == ROLE_OUTLET)
			guess_note(c->rpc, c->key->no, GUESS_VOUCHER);
		return err;
	}
	if (c->role == ROLE_OUTLET && h->outlet != c->key->partner)
		return RESULT_WRONG_OUTLET;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_VOUCHER;
	return voucher_fill(c, h, &c->answer->voucher);
}

/* ---- holds ---- */

/* Adds those of the chain that are open, or those that are not, newest first, while there is room. */
static enum result
holds_add(struct call *c, uint64_t newest, int open, Timebox__V1__Holds *out)
{
	enum result err = RESULT_OK;
	size_t looked = 0;

	for (uint64_t id = newest; id != 0 && out->n_holds < HOLDS_MAX && looked < HOLDS_LOOK; looked++) {
		const struct hold_row *h = call_row(c, row_key3(TABLE_HOLD, id, 0, 0));

		if (h == NULL)
			return RESULT_CORRUPT;
		if ((h->state == HOLD_HELD) == open &&
		    (err = voucher_fill(c, h, &out->holds[out->n_holds++])) != RESULT_OK)
			return err;
		id = h->prev_hold;
	}
	return RESULT_OK;
}

static void
gather_open(void *ctx, const struct row_key *key, const void *value)
{
	const struct hold_row *h = value;

	if (h->state == HOLD_HELD)
		gather_add(ctx, key->a);
}

/* Without a member: what waits at the station's outlets, newest first. */
static enum result
holds_of_station(struct call *c, Timebox__V1__Holds *out)
{
	struct gather g = { .call = c };
	enum result err;

	engine_each(c->rpc->engine, TABLE_HOLD, gather_open, &g);
	if (g.full)
		return RESULT_NO_MEMORY;
	gather_sort(&g);
	for (size_t i = g.n; i-- > 0 && out->n_holds < HOLDS_MAX;) {
		const struct hold_row *h = call_row(c, row_key3(TABLE_HOLD, g.id[i], 0, 0));

		if ((err = voucher_fill(c, h, &out->holds[out->n_holds++])) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}

enum result
call_get_holds(struct call *c)
{
	uint64_t member = c->ask->get_holds->member;
	Timebox__V1__Holds *out = call_message(c, &timebox__v1__holds__descriptor);
	const struct member_row *row;
	enum result err;

	if (c->role == ROLE_MEMBER && member == 0)
		member = c->peer->session_member;
	if (c->role == ROLE_MEMBER && member != c->peer->session_member)
		return RESULT_NOT_ALLOWED;
	if (out == NULL || (out->holds = call_alloc(c, HOLDS_MAX * sizeof(*out->holds))) == NULL)
		return RESULT_NO_MEMORY;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_HOLDS;
	c->answer->holds = out;
	if (member == 0)
		return holds_of_station(c, out);
	if ((row = call_row(c, row_key3(TABLE_MEMBER, member, 0, 0))) == NULL)
		return RESULT_UNKNOWN_MEMBER;
	err = holds_add(c, row->last_hold, 1, out);
	return err != RESULT_OK ? err : holds_add(c, row->last_hold, 0, out);
}
