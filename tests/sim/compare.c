/* Balances, stock, quotas and states: the daemon's rows against the model. */
#include <string.h>

#include "daemon/book/book.h"
#include "tests/sim/sim.h"

static void
same(const char *what, uint64_t of, int64_t have, int64_t want)
{
	if (have != want)
		sim_diverge("%s of %llu: the daemon has %lld, the model %lld", what,
		    (unsigned long long)of, (long long)have, (long long)want);
}

void
compare_members(void)
{
	const struct row_source *rows = engine_rows(sim.engine);

	sim.counts.checks++;
	for (uint32_t i = 0; i < sim.now.n_members; i++) {
		const struct m_member *m = &sim.now.member[i];
		struct member_sums sums;
		int64_t minutes = 0, carry = 0;

		for (int p = 0; p < 6; p++)
			minutes += m->minutes[p];
		for (int c = 0; c < M_RATIOS; c++)
			carry += m->carry[c].minutes;
		book_member_sums(rows, m->id, &sums);
		same("minutes", m->id, sums.minutes, minutes);
		same("carry", m->id, sums.carry_minutes, carry);
		same("available points", m->id, sums.available, m->available);
		same("held points", m->id, sums.held, m->held);
		same("debt", m->id, sums.debt, m->debt);
		if (sums.debt > 0 && sums.available > 0)
			sim_diverge("member %llu owes and has", (unsigned long long)m->id);
	}
}

static code8
code_of(const char *name)
{
	return code_pack(name, strlen(name));
}

static void
compare_lots(const struct row_source *rows)
{
	for (uint32_t i = 0; i < sim.now.n_lots; i++) {
		const struct m_lot *l = &sim.now.lot[i];
		code8 item = code_of(item_names[l->item]);
		code8 outlet = code_of(partner_names[l->outlet]);

		same("shelf", l->id,
		    book_balance(rows, PURPOSE_SHELF, ASSET_ITEM, outlet, item, l->id), l->shelf);
		same("pieces held", l->id,
		    book_balance(rows, PURPOSE_OUTLET_HELD, ASSET_ITEM, outlet, item, l->id),
		    l->held);
		same("pieces delivered", l->id,
		    book_balance(rows, PURPOSE_DELIVERED, ASSET_ITEM, 0, item, l->id),
		    l->delivered);
		same("pieces written off", l->id,
		    book_balance(rows, PURPOSE_WRITTEN_OFF, ASSET_ITEM, 0, item, l->id),
		    l->written_off);
		same("pieces adjusted", l->id,
		    book_balance(rows, PURPOSE_ADJUSTED, ASSET_ITEM, 0, item, l->id), l->adjusted);
		if (-l->adjusted + l->donated !=
		    l->shelf + l->held + l->delivered + l->written_off)
			sim_diverge("lot %llu does not add up", (unsigned long long)l->id);
	}
}

static void
compare_holds(const struct row_source *rows)
{
	for (uint32_t i = 0; i < sim.now.n_holds; i++) {
		const struct m_hold *h = &sim.now.hold[i];
		struct row_key k = row_key3(TABLE_HOLD, ref_id(h->seq, h->index), 0, 0);
		const struct hold_row *row = rows->get(rows->ctx, &k);

		if (row == NULL)
			sim_diverge("hold %llu is not there", (unsigned long long)h->seq);
		same("state of hold", h->seq, row->state, h->state);
		same("points of hold", h->seq, row->points, h->points);
		same("use_by of hold", h->seq, (int64_t)row->use_by_us, (int64_t)h->use_by_us);
		same("release of hold", h->seq, (int64_t)row->release_us, (int64_t)h->release_us);
		if (row->outlet != code_of(partner_names[h->outlet]))
			sim_diverge("hold %llu is at another outlet", (unsigned long long)h->seq);
	}
	for (uint32_t i = 0; i < sim.now.n_quotas; i++) {
		const struct m_quota *q = &sim.now.quota[i];
		struct row_key k =
		    row_key3(TABLE_QUOTA, q->member, code_of(item_names[q->item]), q->month);
		const struct quota_row *row = rows->get(rows->ctx, &k);

		same("quota used", q->member, row == NULL ? 0 : row->used, q->used);
	}
}

static void
compare_records(const struct row_source *rows)
{
	for (uint32_t i = 0; i < sim.now.n_records; i++) {
		const struct m_record *r = &sim.now.record[i];
		struct row_key k = row_key3(TABLE_RECORD, ref_id(r->seq, r->index), 0, 0);
		const struct record_row *row = rows->get(rows->ctx, &k);

		if (row == NULL)
			sim_diverge("record %llu.%u is not there", (unsigned long long)r->seq,
			    r->index);
		same("minutes of record", r->seq, (int64_t)row->end_minute - row->start_minute,
		    (int64_t)r->end - r->start);
		same("state of record", r->seq, row->state, r->state);
		same("provenance of record", r->seq, row->provenance, r->provenance);
	}
}

struct totals {
	int64_t sum[4];
};

static void
add_up(void *ctx, const struct row_key *key, const void *value)
{
	const struct account_row *row = value;
	struct totals *t = ctx;

	if (row->balance < 0 && key->tag[0] > PURPOSE_DEBT)
		sim_diverge("an account of purpose %u is below zero", key->tag[0]);
	if (row->balance > 0 && key->tag[0] == PURPOSE_DEBT)
		sim_diverge("a debt is above zero");
	t->sum[key->tag[1] & 3] += row->balance;
}

void
compare_all(void)
{
	const struct row_source *rows = engine_rows(sim.engine);
	struct totals t = {{0}};

	compare_members();
	compare_lots(rows);
	compare_holds(rows);
	compare_records(rows);
	for (uint32_t p = 1; p < PARTNERS; p++)
		same("points received", p,
		    book_balance(rows, PURPOSE_RECEIVED, ASSET_POINTS, code_of(partner_names[p]),
			0, 0),
		    sim.now.received[p]);
	engine_each(sim.engine, TABLE_ACCOUNT, add_up, &t);
	for (int i = 0; i < 4; i++)
		same("sum over all accounts of asset", (uint64_t)i, t.sum[i], 0);
	same("holds", 0, (int64_t)engine_count(sim.engine, TABLE_HOLD), sim.now.n_holds);
	same("records", 0, (int64_t)engine_count(sim.engine, TABLE_RECORD), sim.now.n_records);
	same("members", 0, (int64_t)engine_count(sim.engine, TABLE_MEMBER), sim.now.n_members);
}
