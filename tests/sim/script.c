/* What happens in a run: a station is set up, then clients ask for this and that, mostly sensible. */
#include <string.h>

#include "tests/sim/sim.h"
#include "tests/sim/world.h"
#include "timebox/v1/act.pb-c.h"

#define KIND(name) TIMEBOX__V1__COMMAND__KIND_##name
#define MS	   1000ull
#define S	   1000000ull
#define HOUR	   3600000000ull

static uint64_t next_batch, next_receipt;

static void
tick(uint64_t us)
{
	world.wall_us += us;
	world.boot_us += us;
}

static struct intent
want(uint32_t kind)
{
	struct intent i;

	memset(&i, 0, sizeof(i));
	i.kind = kind;
	return i;
}

/* ---- set-up: everything must be accepted ---- */

static struct request *
ask(uint32_t client, struct intent i)
{
	struct request *r;

	tick(5 * MS);
	r = sim_request(client, 0, world.wall_us, &i, 1);
	sim_decide(r, LIE_NONE);
	sim_turn_end();
	if (r->seq == 0)
		sim_diverge("set-up: kind %u is refused", i.kind);
	return r;
}

static void
enrol(uint32_t client, uint32_t role, uint32_t partner)
{
	struct intent i = want(KIND(INVITE));

	i.role = role;
	i.partner = partner;
	i.code = client;
	if (client > STAFF_B)
		ask(STAFF_A, i);
	i.kind = KIND(ENROL);
	ask(client, i);
}

static void
set_up_members(void)
{
	int32_t today = model_day(world.wall_us);

	for (uint32_t n = 0; n < 8; n++) {
		struct intent i = want(KIND(MEMBER_ADD));

		i.member_class = n < 2 ? 4 : 1 + n % 3;
		i.day = today - 200;
		i.trained_from = n % 2 ? today - 30 : 0;
		ask(n % 2 ? STAFF_B : STAFF_A, i);
	}
}

static void
set_up_catalogue(void)
{
	static const uint32_t rates[][3] = {{0, 0, 0}, {60, 1, 0}, {45, 2, 0}, {40, 3, 1}};
	static const uint32_t items[][5] = {{0}, {2, 3, 2, 1, 2}, {5, 0, 1, 2, 0}, {1, 2, 1, 1, 0}};
	int32_t today = model_day(world.wall_us);
	struct intent i;

	for (uint32_t n = 1; n <= 2; n++) {
		i = want(KIND(PARTNER_SET));
		i.partner = n;
		i.day = today - 300;
		i.to_day = n == 2 ? today + 40 : 0;
		ask(STAFF_A, i);
	}
	for (uint32_t n = 1; n <= 3; n++) {
		i = want(KIND(SERVICE_ITEM_SET));
		i.service = n;
		i.minutes = rates[n][0];
		i.points = rates[n][1];
		i.training = rates[n][2];
		ask(STAFF_A, i);
		i = want(KIND(ITEM_SET));
		i.item = n;
		i.points = items[n][0];
		i.quota = items[n][1];
		i.n_outlets = items[n][2];
		i.outlets[0] = items[n][3];
		i.outlets[1] = items[n][4];
		ask(STAFF_B, i);
	}
}

static struct intent
donation(void)
{
	int32_t today = model_day(world.wall_us);
	struct intent i = want(KIND(DONATION_ADD));

	i.item = 1 + world_below(3);
	i.outlet = i.item == 2 ? 2 : i.item == 3 ? 1 : 1 + world_below(2);
	i.partner = 1 + world_below(2);
	i.count = 1 + world_below(8);
	i.quality = world_chance(90) ? 1 : 2;
	i.receipt = world_chance(90) || next_receipt == 0 ? ++next_receipt : next_receipt;
	i.best_before = world_chance(50) ? today + 1 + (int32_t)world_below(60) : 0;
	i.day = today - 3;
	i.member = sim.now.member[world_below(2)].id;
	return i;
}

static void
random_row(struct intent_row *row)
{
	int32_t today = model_day(world.wall_us);

	row->member = world_chance(96) ? sim.now.member[world_below(sim.now.n_members)].id : 77;
	row->service = world_chance(95) ? 1 + world_below(3) : SERVICES - 1;
	row->day = today - (int32_t)world_below(60) + (world_chance(3) ? 70 : 0);
	row->start = 60 * world_below(23);
	row->end = row->start + (world_chance(95) ? 30 * (1 + world_below(16)) : 0);
	if (row->end > 1440)
		row->end = 1440;
	row->measured = world_chance(80);
}

static struct intent
rows_part(uint64_t batch, uint32_t part, uint32_t parts)
{
	struct intent i = want(KIND(SERVICE_ROWS));

	i.batch = batch;
	i.part = part;
	i.parts = parts;
	i.n_rows = 1 + world_below(INTENT_ROWS);
	for (uint32_t n = 0; n < i.n_rows; n++)
		random_row(&i.rows[n]);
	return i;
}

static struct intent
attest(const struct m_batch *b)
{
	struct intent i = want(KIND(ATTEST_BATCH));

	i.batch = b->id;
	i.entries = b->done + (uint32_t)world_chance(4);
	i.records = b->records + (uint32_t)world_chance(4);
	i.rules = world_chance(96) ? model_rules(&sim.now, sim_now_us())->seq : 1;
	i.wrong_digest = world_chance(4);
	for (uint32_t n = 0; n < sim.now.n_records && i.n_refs < 2; n++) {
		const struct m_record *r = &sim.now.record[n];

		if (&sim.now.batch[r->batch == 0 ? M_BATCHES - 1 : r->batch - 1] == b &&
		    world_chance(10))
			i.refs[i.n_refs++] = (struct intent_ref){r->seq, r->index, 0};
	}
	return i;
}

static void
set_up_history(void)
{
	for (uint32_t n = 0; n < 3; n++) {
		uint32_t parts = 1 + world_below(3);
		struct intent i;

		next_batch++;
		for (uint32_t p = 0; p < parts; p++) {
			i = rows_part(next_batch, p, parts);
			for (uint32_t r = 0; r < i.n_rows; r++)
				i.rows[r].member = sim.now.member[4 + world_below(4)].id;
			ask(STAFF_A, i);
		}
		do
			i = attest(&sim.now.batch[sim.now.n_batches - 1]);
		while (i.wrong_digest || i.entries != parts || i.rules == 1 ||
		       i.records != sim.now.batch[sim.now.n_batches - 1].records);
		ask(STAFF_B, i);
	}
}

static void
set_up(void)
{
	struct intent i;
	struct request *r;

	next_batch = next_receipt = 0;
	enrol(STAFF_A, M_STAFF, 0);
	enrol(STAFF_B, M_STAFF, 0);
	set_up_members();
	set_up_catalogue();
	enrol(KIOSK, M_KIOSK, 0);
	enrol(SHOP, M_OUTLET, 1);
	enrol(MART, M_OUTLET, 2);
	for (uint32_t n = 0; n < 5; n++) {
		i = donation();
		i.receipt = ++next_receipt;
		ask(STAFF_A, i);
	}
	ask(STAFF_A, want(KIND(BENEFICIARY_ADD)));
	for (uint32_t n = 2; n < 7; n++) {
		i = want(KIND(PAIR_SET));
		i.member = sim.now.member[n].id;
		i.beneficiary = sim.now.beneficiary;
		ask(STAFF_B, i);
	}
	i = want(KIND(KIN_ADD));
	i.member = sim.now.member[0].id;
	i.other = sim.now.member[2].id;
	ask(STAFF_A, i);
	i.member = sim.now.member[4].id;
	i.other = sim.now.member[5].id;
	ask(STAFF_A, i);
	set_up_history();
	for (uint32_t n = 0; n < 2; n++) {
		i = want(KIND(KEY_LINK));
		i.member = sim.now.member[n].id;
		r = ask(n == 0 ? STAFF_A : STAFF_B, i);
		i = want(KIND(APPROVE));
		i.ref.seq = r->seq;
		ask(n == 0 ? STAFF_B : STAFF_A, i);
	}
	i = want(KIND(RULES_SET));
	i.gift = world_below(3);
	i.notice_days = world_below(3);
	i.hold_days = 1 + world_below(7);
	ask(STAFF_A, i);
	ask(STAFF_A, want(KIND(STATION_OPEN)));
	ask(STAFF_B, want(KIND(STATION_OPEN)));
}

/* ---- afterwards ---- */

static uint64_t
some_member(void)
{
	return world_chance(98) ? sim.now.member[world_below(sim.now.n_members)].id : 123456;
}

static uint64_t
volunteer(void)
{
	return sim.now.member[2 + world_below(sim.now.n_members - 2)].id;
}

static struct intent_ref
some_hold(void)
{
	uint32_t n = sim.now.n_holds, back = n > 12 ? 12 : n;

	if (n == 0)
		return (struct intent_ref){3, 0, 0};
	const struct m_hold *h = &sim.now.hold[n - 1 - world_below(back)];

	return (struct intent_ref){h->seq, h->index, world_chance(3)};
}

static struct intent_ref
some_proposal(void)
{
	uint32_t n = sim.now.n_proposals, back = n > 6 ? 6 : n;
	const struct m_proposal *p = &sim.now.proposal[n - 1 - world_below(back)];

	return (struct intent_ref){p->seq, p->index, world_chance(3)};
}

struct plan {
	uint32_t client;
	uint64_t session;
	struct intent i;
};

static void
at_kiosk(struct plan *p, uint64_t member)
{
	p->client = KIOSK;
	p->session = member;
}

static void
plan_redemption(struct plan *p)
{
	uint32_t dice = world_below(100);

	if (dice < 45 && sim.now.n_holds < M_HOLDS - 16) {
		p->i = want(KIND(HOLD));
		p->i.member = volunteer();
		p->i.item = world_chance(97) ? 1 + world_below(3) : ITEMS - 1;
		p->i.count = 1 + world_below(3);
		p->i.outlet = world_chance(70) ? 0 : 1 + world_below(2);
		if (world_chance(90))
			at_kiosk(p, world_chance(97) ? p->i.member : volunteer());
	} else if (dice < 70) {
		p->i = want(KIND(CONFIRM));
		p->i.ref = some_hold();
		p->client = SHOP + world_below(2);
		p->i.wrong_code = world_chance(4);
		p->i.day = world_chance(70) ? 0 : model_day(world.wall_us) - (int32_t)world_below(5) + 1;
	} else if (dice < 85) {
		p->i = want(KIND(CANCEL));
		p->i.ref = some_hold();
		for (uint32_t n = 0; n < sim.now.n_holds && world_chance(99); n++)
			if (sim.now.hold[n].seq == p->i.ref.seq && p->client != STAFF_B)
				at_kiosk(p, sim.now.hold[n].member);
	} else {
		p->i = want(world_chance(50) ? KIND(REVERSE) : KIND(LATE_DELIVERY));
		p->i.ref = some_hold();
		p->i.fate = p->i.kind == KIND(REVERSE) ? 1 + world_below(2) : 0;
	}
}

static void
plan_session(struct plan *p)
{
	p->i = want(world_chance(55) ? KIND(CHECK_IN) : KIND(CHECK_OUT));
	if (p->i.kind == KIND(CHECK_IN)) {
		p->i.service = 1 + world_below(3);
		p->i.minutes = 30 * world_below(12) + 15;
		p->i.beneficiary = sim.now.beneficiary;
		if (sim.now.n_activities > 0 && world_chance(40))
			p->i.ref = (struct intent_ref){
			    sim.now.activity[sim.now.n_activities - 1].seq, 0, world_chance(3)};
	}
	if (world_chance(60)) {
		at_kiosk(p, volunteer());
		return;
	}
	p->client = world_chance(50) ? p->client : SHOP;
	p->i.n_members = 1 + world_below(2);
	p->i.members[0] = some_member();
	p->i.members[1] = volunteer();
}

static void
plan_batch(struct plan *p)
{
	const struct m_batch *b = &sim.now.batch[sim.now.n_batches - 1 - world_below(3)];
	uint32_t dice = world_below(100);

	if (b->state == M_INCOMPLETE && dice < 70) {
		p->i = rows_part(b->id, b->done, b->parts);
		p->client = world_chance(90) ? b->importer - 1 : p->client;
	} else if (dice < 30 && sim.now.n_batches < M_BATCHES - 8 &&
		   sim.now.n_records < M_RECORDS - 64) {
		p->i = rows_part(++next_batch, world_chance(95) ? 0 : 1, 1 + world_below(3));
	} else if (dice < 70) {
		p->i = attest(b);
		p->client = world_chance(90) ? STAFF_A + STAFF_B - (b->importer - 1) : p->client;
	} else {
		p->i = want(dice < 80 ? KIND(BATCH_WITHDRAW) : KIND(BATCH_REVERSE));
		p->i.batch = sim.now.batch[world_below(sim.now.n_batches)].id;
	}
}

static void
plan_records(struct plan *p)
{
	p->i = want(world_chance(80) ? KIND(ATTEST_RECORDS) : KIND(REJECT_RECORDS));
	for (uint32_t n = sim.now.n_records; n-- > 0 && p->i.n_refs < 3;) {
		const struct m_record *r = &sim.now.record[n];

		if ((r->state == M_RECORDED && r->batch == 0) ? world_chance(60) : world_chance(1))
			p->i.refs[p->i.n_refs++] =
			    (struct intent_ref){r->seq, r->index, world_chance(2)};
	}
	if (p->i.n_refs == 0)
		p->i.refs[p->i.n_refs++] = (struct intent_ref){5, 0, 0};
}

static void
plan_person(struct plan *p)
{
	static const uint32_t kinds[] = {KIND(PIN_SLIP), KIND(PERMIT), KIND(CARD_BIND),
	    KIND(CARD_BLOCK), KIND(MEMBER_UPDATE), KIND(KIN_ADD), KIND(MEMBER_ADD)};

	p->i = want(kinds[world_below(7)]);
	p->i.member = some_member();
	if (p->i.kind == KIND(PIN_SLIP))
		p->i.reset = world_chance(50) ? 1 : 0;
	if (p->i.kind == KIND(KIN_ADD)) {
		p->i.other = volunteer();
		if (!world_chance(15))
			p->i.kind = KIND(PERMIT);
	}
	if (p->i.kind == KIND(CARD_BLOCK) && world_chance(50))
		at_kiosk(p, volunteer());
	if (p->i.kind == KIND(MEMBER_UPDATE)) {
		p->i.status = world_chance(85) ? 1 : 2;
		p->i.member_class = 1 + world_below(3);
		p->i.trained_from = model_day(world.wall_us) - 20;
	}
	if (p->i.kind == KIND(MEMBER_ADD)) {
		p->i.member = 0;
		p->i.member_class = 1;
		p->i.day = model_day(world.wall_us) - 10 + (world_chance(5) ? 20 : 0);
		if (sim.now.n_members > 10)
			p->i = want(KIND(STATION_OPEN));
	}
}

static void
plan_rules(struct plan *p)
{
	uint32_t dice = world_below(4);

	if (sim.now.n_rules > M_VERSIONS - 16 || sim.now.n_lots > M_LOTS - 8 ||
	    sim.now.n_activities > M_VERSIONS - 8 || dice == 0) {
		p->i = want(KIND(RULES_SET));
		p->i.gift = 1 + world_below(2);
		p->i.notice_days = world_below(2);
		p->i.hold_days = 1 + world_below(6);
		if (sim.now.n_rules > M_VERSIONS - 16)
			p->i = want(KIND(STATION_OPEN));
	} else if (dice == 1) {
		p->i = donation();
	} else if (dice == 2) {
		p->i = want(KIND(ITEM_SET));
		p->i.item = 1 + world_below(3);
		p->i.points = 1 + world_below(5);
		p->i.quota = world_below(5);
		p->i.n_outlets = 1;
		p->i.outlets[0] = p->i.item == 2 ? 2 : 1;
	} else {
		p->i = want(world_chance(50) ? KIND(SERVICE_ITEM_SET) : KIND(ACTIVITY_ADD));
		p->i.service = 1 + world_below(2);
		if (p->i.kind == KIND(SERVICE_ITEM_SET)) {
			p->i.minutes = p->i.service == 1 ? 60 : 45;
			p->i.points = 1 + world_below(2);
		} else {
			p->i.start_us = world.wall_us + world_below(2) * HOUR;
			p->i.end_us = p->i.start_us + (1 + world_below(4)) * HOUR;
		}
	}
}

static void
plan_one(struct plan *p)
{
	uint32_t dice = world_below(100);

	memset(p, 0, sizeof(*p));
	p->client = STAFF_A + world_below(2);
	if (dice < 34) {
		plan_redemption(p);
	} else if (dice < 44) {
		p->i = want(KIND(GIFT));
		p->i.member = volunteer();
		p->i.other = world_chance(95) ? volunteer() : some_member();
		p->i.points = 1 + world_below(6);
		at_kiosk(p, world_chance(97) ? p->i.member : volunteer());
	} else if (dice < 60) {
		plan_session(p);
	} else if (dice < 70) {
		plan_batch(p);
	} else if (dice < 76) {
		plan_records(p);
	} else if (dice < 82) {
		plan_person(p);
	} else if (dice < 86) {
		plan_rules(p);
	} else if (sim.now.n_proposals < M_PROPOSALS - 32) {
		p->i = want(world_chance(92) ? KIND(APPROVE) : KIND(WITHDRAW));
		p->i.ref = some_proposal();
	} else {
		p->i = want(KIND(STATION_OPEN));
	}
	if (world_chance(1))
		p->client = STRANGER;
	if (p->client != KIOSK)
		p->session = 0;
}

static int
may_repeat(const struct plan *p)
{
	return p->i.kind == KIND(GIFT) || p->i.kind == KIND(HOLD) || p->i.kind == KIND(CANCEL);
}

/* A new act: now and then of several commands, now and then with a lie, or dated wrongly. */
static void
new_act(void)
{
	struct intent list[ACT_INTENTS];
	struct request *r;
	uint64_t made_at_us;
	struct plan p, more;
	uint32_t n = 1;

	if (sim.n_requests == REQUESTS_MAX || sim.now.n_quotas > M_QUOTAS - 16)
		return;
	plan_one(&p);
	list[0] = p.i;
	for (int tries = 0; may_repeat(&p) && tries < 3 && world_chance(15); tries++) {
		plan_one(&more);
		if (may_repeat(&more) && more.client == p.client && n < ACT_INTENTS) {
			list[n] = more.i;
			if (p.session != 0 && more.i.member != 0)
				list[n].member = p.session;
			n++;
		}
	}
	made_at_us = sim_now_us();
	if (world_chance(2))
		made_at_us -= world_chance(50) ? 11 * 60 * S : 9 * 60 * S;
	else if (world_chance(1))
		made_at_us += world_chance(50) ? 20 * S : 4 * S;
	r = sim_request(p.client, p.session, made_at_us, list, n);
	/* Some are lost on the way, or come late: they are sent again later. */
	if (world_chance(6))
		return;
	sim_decide(r, world_chance(4) ? (enum lie)(1 + world_below(LIES - 1)) : LIE_NONE);
}

/* An old act once more: mostly of the last ones, whose answers may have been lost. */
static void
old_act(void)
{
	uint32_t back = world_chance(80) ? 8 : sim.n_requests;
	struct request *r;

	if (back > sim.n_requests)
		back = sim.n_requests;
	r = &sim.requests[sim.n_requests - 1 - world_below(back)];
	if (world_chance(8)) {
		struct intent other = want(KIND(STATION_OPEN));

		if (r->client <= STAFF_B)
			sim_decide_changed(r, &other);
		return;
	}
	sim_decide(r, world_chance(8) ? (enum lie)(1 + world_below(LIES - 1)) : LIE_NONE);
}

static void
time_goes_by(void)
{
	uint32_t dice = world_below(100);
	uint64_t at;

	if (dice < 50)
		tick(MS + world_below(2000) * MS);
	else if (dice < 72)
		tick(S + world_below(900) * S);
	else if (dice < 86)
		tick(world_below(6) * HOUR);
	else if (dice < 92)
		tick(world_below(72) * HOUR);
	else if (dice < 99 && (at = model_boundary(&sim.now, sim_now_us())) != 0)
		/* To the very microsecond, or just before. */
		tick(at - world.wall_us - world_below(2));
	else if (world_chance(40))
		/* Somebody set the clock. */
		world.wall_us += world_chance(70) ? world_below(7200) * S : 0 - world_below(60) * S;
	/* A checkpoint may fail: the ledger has everything, and the daemon goes on. */
	if (world_chance(30) &&
	    engine_checkpoint(sim.engine, world_below(2) * 300, 1 + world_below(64)) != RESULT_OK)
		sim.counts.checkpoints_failed++;
}

static void
plan_faults(void)
{
	if (world_chance(5))
		world.crash_in = 1 + world_below(10);
	if (world_chance(1))
		world.fail_in = 1 + world_below(8);
	if (world_chance(1))
		world.fail_checkpoint = 1;
}

void
script_run(uint32_t turns)
{
	set_up();
	for (sim.step = 1; sim.step <= turns; sim.step++) {
		plan_faults();
		for (uint32_t n = 1 + world_below(6); n > 0; n--) {
			if (world_chance(20))
				old_act();
			else
				new_act();
			if (world_chance(50))
				tick(world_below(3) * 100 * MS);
		}
		sim_turn_end();
		if (!world.dead && !sim.failed)
			sim_sign();
		time_goes_by();
		if (world.dead || ((sim.failed || sim_doubtful()) && world_chance(60)))
			sim_restart(0, world_below(20) * S);
		else if (world_chance(3))
			sim_restart(world_chance(60),
			    world_chance(80) ? world_below(3600) * S : world_below(32) * DAY_US);
	}
}
