/* The model's station, catalogue, proposals and redemptions. */
#include "tests/sim/model.h"

#include <string.h>

#include "daemon/base/check.h"

#define DAY	   86400000000ull
#define ZONE	   (480ull * 60 * 1000000)
#define KIND(name) TIMEBOX__V1__COMMAND__KIND_##name

const char *const item_names[ITEMS] = {"", "RICE", "OIL", "CARE", "NONE"};
const char *const service_names[SERVICES] = {"", "101", "102", "201", "999"};
const char *const partner_names[PARTNERS] = {"", "SHOP", "MART", "NOWHERE"};

/* ---- time, reasons, look-ups ---- */

int32_t
model_day(uint64_t us)
{
	return (int32_t)((us + ZONE) / DAY);
}

uint64_t
model_day_start(int32_t day)
{
	return (unsigned long long)day * DAY - ZONE;
}

/* Counted from 1970 on, year by year. */
uint32_t
model_month(int32_t day)
{
	static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	uint32_t year = 1970, month = 0;

	for (;;) {
		int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		int days = length[month] + (month == 1 && leap);

		if (day < days)
			return year * 12 + month;
		day -= days;
		if (++month == 12) {
			month = 0;
			year++;
		}
	}
}

void
model_against(struct ask *a, enum result code)
{
	a->reasons[(unsigned)code / 64] |= 1ull << ((unsigned)code % 64);
}

int
model_clear(const struct ask *a)
{
	return (a->reasons[0] | a->reasons[1] | a->reasons[2] | a->reasons[3]) == 0;
}

int
model_refuses_with(const uint64_t reasons[4], enum result code)
{
	return (unsigned)code < 256 &&
	       (reasons[(unsigned)code / 64] >> ((unsigned)code % 64) & 1) != 0;
}

struct m_member *
model_member(struct model *m, uint64_t id)
{
	for (uint32_t i = 0; i < m->n_members; i++)
		if (m->member[i].id == id)
			return &m->member[i];
	return NULL;
}

const struct m_rules *
model_rules(const struct model *m, uint64_t at_us)
{
	for (uint32_t i = m->n_rules; i-- > 0;)
		if (m->rules[i].from_us <= at_us)
			return &m->rules[i];
	return &m->rules[0];
}

const struct m_rate *
model_rate_at(const struct model *m, uint32_t service, uint64_t at_us)
{
	for (uint32_t i = m->n_rates; i-- > 0;)
		if (m->rate[i].service == service && m->rate[i].from_us <= at_us)
			return &m->rate[i];
	return NULL;
}

static const struct m_item *
item_at(const struct model *m, uint32_t item, uint64_t at_us)
{
	for (uint32_t i = m->n_items; i-- > 0;)
		if (m->item[i].item == item && m->item[i].from_us <= at_us)
			return &m->item[i];
	return NULL;
}

static const struct m_partner *
partner_at(const struct model *m, uint32_t partner, uint64_t at_us)
{
	for (uint32_t i = m->n_partners; i-- > 0;)
		if (m->partner[i].partner == partner && m->partner[i].from_us <= at_us)
			return &m->partner[i];
	return NULL;
}

static int
partner_in_force(const struct model *m, uint32_t partner, uint64_t now_us, int32_t day)
{
	const struct m_partner *p = partner_at(m, partner, now_us);

	return p != NULL && day >= p->from_day && (p->to_day == 0 || day <= p->to_day);
}

static struct m_hold *
hold_of(struct model *m, const struct intent_ref *ref)
{
	for (uint32_t i = 0; i < m->n_holds; i++)
		if (m->hold[i].seq == ref->seq && m->hold[i].index == ref->index)
			return &m->hold[i];
	return NULL;
}

static struct m_member *
holder_of(struct model *m, const struct m_hold *h)
{
	struct m_member *member = model_member(m, h->member);

	CHECK(member != NULL);
	return member;
}

int
model_kin(struct model *m, uint64_t a, uint64_t b)
{
	const struct m_member *member = model_member(m, a);

	for (uint32_t i = 0; member != NULL && i < member->n_kin; i++)
		if (member->kin[i] == b)
			return 1;
	return 0;
}

/* The person who asks may not be the member, nor kin. */
void
model_apart(struct model *m, struct ask *a, uint64_t person, uint64_t member)
{
	if (person == 0 || member == 0)
		return;
	if (person == member)
		model_against(a, RESULT_SAME_PERSON);
	else if (model_kin(m, person, member))
		model_against(a, RESULT_KIN_CONFLICT);
}

uint64_t
model_person(const struct model *m, const struct ask *a)
{
	return a->session != 0 ? a->session : m->key[a->key - 1].person;
}

/* Debt first, then available. */
void
model_points_in(struct m_member *member, int64_t points)
{
	int64_t paid = member->debt < points ? member->debt : points;

	member->debt -= paid;
	member->available += points - paid;
}

struct m_quota *
model_quota(struct model *m, uint64_t member, uint32_t item, uint32_t month)
{
	struct m_quota *q;

	for (uint32_t i = 0; i < m->n_quotas; i++) {
		q = &m->quota[i];
		if (q->member == member && q->item == item && q->month == month)
			return q;
	}
	CHECK(m->n_quotas < M_QUOTAS);
	q = &m->quota[m->n_quotas++];
	*q = (struct m_quota){member, item, month, 0};
	return q;
}

static uint64_t
in_force_from(const struct model *m, const struct ask *a)
{
	return m->opened ? model_day_start(model_day(a->now_us) + 1) : a->now_us;
}

static struct m_rules *
new_rules(struct model *m, const struct ask *a)
{
	struct m_rules *r;

	if (m->rules[m->n_rules - 1].seq == a->seq)
		return &m->rules[m->n_rules - 1];
	CHECK(m->n_rules < M_VERSIONS);
	r = &m->rules[m->n_rules++];
	*r = r[-1];
	r->seq = a->seq;
	r->from_us = in_force_from(m, a);
	return r;
}

/* ---- redemptions ---- */

static int64_t
free_stock(const struct model *m, uint32_t outlet, uint32_t item, int32_t today)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < m->n_lots; i++)
		if (m->lot[i].outlet == outlet && m->lot[i].item == item &&
		    (m->lot[i].best_before == 0 || m->lot[i].best_before >= today))
			n += m->lot[i].shelf;
	return n;
}

static uint32_t
hold_outlet(
    const struct model *m, struct ask *a, const struct intent *i, const struct m_item *item)
{
	int32_t today = model_day(a->now_us);
	int offered = 0, in_force = 0;

	for (uint32_t o = 0; o < item->n_outlets; o++) {
		if (i->outlet != 0 && i->outlet != item->outlets[o])
			continue;
		offered = 1;
		if (!partner_in_force(m, item->outlets[o], a->now_us, today))
			continue;
		in_force = 1;
		if (free_stock(m, item->outlets[o], i->item, today) >= (int64_t)i->count)
			return item->outlets[o];
	}
	model_against(a, !offered    ? RESULT_NOT_OFFERED
			 : !in_force ? RESULT_NOT_IN_FORCE
				     : RESULT_OUT_OF_STOCK);
	return 0;
}

static void
take_stock(struct model *m, struct m_hold *h, int32_t today)
{
	uint32_t need = h->count;

	while (need > 0) {
		struct m_lot *best = NULL;

		/* Earliest best-before first, none last, ties by lot. */
		for (uint32_t i = 0; i < m->n_lots; i++) {
			struct m_lot *l = &m->lot[i];

			if (l->outlet != h->outlet || l->item != h->item || l->shelf == 0 ||
			    (l->best_before != 0 && l->best_before < today))
				continue;
			if (best == NULL ||
			    (l->best_before != 0 &&
				(best->best_before == 0 || l->best_before < best->best_before)) ||
			    (l->best_before == best->best_before && l->id < best->id))
				best = l;
		}
		CHECK(best != NULL);
		uint32_t take = best->shelf < (int64_t)need ? (uint32_t)best->shelf : need;

		best->shelf -= take;
		best->held += take;
		h->pieces[best - m->lot] += take;
		need -= take;
	}
}

/* After a PIN reset somebody of the staff must have vouched just now. */
static void
against_guard(const struct model *m, struct ask *a, const struct m_member *member)
{
	uint64_t guard_us = model_rules(m, a->now_us)->guard_days * DAY;

	if (member->reset_us != 0 && a->now_us < member->reset_us + guard_us &&
	    a->now_us > member->permit_us)
		model_against(a, RESULT_SECOND_PERSON);
}

static void
hold(struct model *m, struct ask *a, const struct intent *i)
{
	const struct m_rules *rules = model_rules(m, a->now_us);
	struct m_member *member = model_member(m, i->member);
	const struct m_item *item = item_at(m, i->item, a->now_us);
	int32_t today = model_day(a->now_us);
	struct m_quota *q;
	struct m_hold *h;
	uint32_t outlet = 0;

	if (member == NULL) {
		model_against(a, RESULT_UNKNOWN_MEMBER);
		return;
	}
	if (member->status != 1)
		model_against(a, RESULT_NOT_ACTIVE);
	if (a->session != 0 && a->session != i->member)
		model_against(a, RESULT_WRONG_ACTOR);
	if (a->session != 0)
		against_guard(m, a, member);
	if (a->session == 0) {
		model_apart(m, a, m->key[a->proposer - 1].person, i->member);
		model_apart(m, a, model_person(m, a), i->member);
	}
	if (item == NULL) {
		model_against(a, RESULT_UNKNOWN_ITEM);
		return;
	}
	q = model_quota(m, i->member, i->item, model_month(today));
	if (item->quota != 0 && q->used + i->count > item->quota)
		model_against(a, RESULT_QUOTA);
	if (member->available < (int64_t)item->points * i->count)
		model_against(a, RESULT_INSUFFICIENT);
	outlet = hold_outlet(m, a, i, item);
	if (!model_clear(a))
		return;
	CHECK(m->n_holds < M_HOLDS);
	h = &m->hold[m->n_holds++];
	memset(h, 0, sizeof(*h));
	h->seq = a->seq;
	h->index = a->command;
	h->member = i->member;
	h->item = i->item;
	h->outlet = outlet;
	h->count = i->count;
	h->points = item->points * i->count;
	h->month = model_month(today);
	h->state = M_HELD;
	h->use_by_us = model_day_start(today + (int32_t)rules->hold_days + 1);
	h->release_us = h->use_by_us + rules->grace_days * DAY;
	h->day = today;
	h->holder = a->session != 0 ? 0 : a->proposer;
	q->used += i->count;
	member->available -= h->points;
	member->held += h->points;
	take_stock(m, h, today);
}

static void
against_state(struct ask *a, const struct m_hold *h)
{
	static const enum result code[] = {[M_CONFIRMED] = RESULT_CONFIRMED,
	    [M_CANCELLED] = RESULT_CANCELLED,
	    [M_RELEASED] = RESULT_RELEASED,
	    [M_REVERSED] = RESULT_REVERSED};

	if (h->state != M_HELD)
		model_against(a, code[h->state]);
}

static void
confirm(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_hold *h = hold_of(m, &i->ref);

	if (i->wrong_code)
		model_against(a, RESULT_WRONG_VOUCHER);
	if (h == NULL) {
		model_against(a, RESULT_WRONG_VOUCHER);
		return;
	}
	if (i->ref.wrong_leaf)
		model_against(a, RESULT_WRONG_LEAF);
	if (m->key[a->key - 1].partner != h->outlet)
		model_against(a, RESULT_WRONG_OUTLET);
	against_state(a, h);
	if (a->now_us >= h->release_us)
		model_against(a, RESULT_RELEASED);
	if (i->day > model_day(a->now_us) || (i->day != 0 && i->day < h->day))
		model_against(a, RESULT_BAD_FIELD);
	if (i->day == 0 ? a->now_us >= h->use_by_us : i->day > model_day(h->use_by_us - 1))
		model_against(a, RESULT_TOO_LATE);
	if (!model_clear(a))
		return;
	h->state = M_CONFIRMED;
	holder_of(m, h)->held -= h->points;
	m->received[h->outlet] += h->points;
	for (uint32_t l = 0; l < m->n_lots; l++) {
		m->lot[l].held -= h->pieces[l];
		m->lot[l].delivered += h->pieces[l];
	}
}

void
model_hold_back(struct model *m, struct m_hold *h, enum m_hold_state to)
{
	struct m_member *member = holder_of(m, h);

	h->state = to;
	member->held -= h->points;
	model_points_in(member, h->points);
	model_quota(m, h->member, h->item, h->month)->used -= h->count;
	for (uint32_t l = 0; l < m->n_lots; l++) {
		m->lot[l].held -= h->pieces[l];
		m->lot[l].shelf += h->pieces[l];
	}
}

static void
cancel(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_hold *h = hold_of(m, &i->ref);

	if (h == NULL || (a->session != 0 && h->member != a->session))
		model_against(a, RESULT_WRONG_VOUCHER);
	if (i->ref.wrong_leaf)
		model_against(a, RESULT_WRONG_LEAF);
	if (h == NULL)
		return;
	against_state(a, h);
	if (a->now_us >= h->release_us)
		model_against(a, RESULT_RELEASED);
	if (a->now_us >= h->use_by_us)
		model_against(a, RESULT_TOO_LATE);
	if (model_clear(a))
		model_hold_back(m, h, M_CANCELLED);
}

static void
reverse(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_hold *h = hold_of(m, &i->ref);

	CHECK(h != NULL);
	if (i->ref.wrong_leaf)
		model_against(a, RESULT_WRONG_LEAF);
	if (h->state == M_HELD)
		model_against(a, RESULT_NOT_CONFIRMED);
	else if (h->state != M_CONFIRMED)
		against_state(a, h);
	if (!model_clear(a))
		return;
	h->state = M_REVERSED;
	m->received[h->outlet] -= h->points;
	model_points_in(holder_of(m, h), h->points);
	for (uint32_t l = 0; l < m->n_lots; l++) {
		m->lot[l].delivered -= h->pieces[l];
		*(i->fate == 1 ? &m->lot[l].shelf : &m->lot[l].written_off) += h->pieces[l];
	}
}

static void
late_delivery(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_hold *h = hold_of(m, &i->ref);
	struct m_member *member;
	int64_t have;

	CHECK(h != NULL);
	member = holder_of(m, h);
	if (i->ref.wrong_leaf)
		model_against(a, RESULT_WRONG_LEAF);
	if (h->state == M_HELD)
		model_against(a, RESULT_NOT_DUE);
	else if (h->state != M_RELEASED)
		against_state(a, h);
	if (!model_clear(a))
		return;
	have = member->available < (int64_t)h->points ? member->available : (int64_t)h->points;
	h->state = M_CONFIRMED;
	model_quota(m, h->member, h->item, h->month)->used += h->count;
	member->available -= have;
	member->debt += h->points - have;
	m->received[h->outlet] += h->points;
	for (uint32_t l = 0; l < m->n_lots; l++) {
		int64_t take = m->lot[l].shelf < (int64_t)h->pieces[l] ? m->lot[l].shelf
									: (int64_t)h->pieces[l];

		m->lot[l].shelf -= take;
		m->lot[l].adjusted -= h->pieces[l] - take;
		m->lot[l].delivered += h->pieces[l];
	}
}

static void
gift(struct model *m, struct ask *a, const struct intent *i)
{
	const struct m_rules *rules = model_rules(m, a->now_us);
	struct m_member *from = model_member(m, i->member), *to = model_member(m, i->other);

	if (a->session != i->member)
		model_against(a, RESULT_WRONG_ACTOR);
	if (rules->gift == 0)
		model_against(a, RESULT_GIFT_OFF);
	if (to == NULL)
		model_against(a, RESULT_UNKNOWN_MEMBER);
	if (i->member == i->other)
		model_against(a, RESULT_SAME_PERSON);
	if (from == NULL || to == NULL)
		return;
	if (from->status != 1 || to->status != 1)
		model_against(a, RESULT_NOT_ACTIVE);
	if (rules->gift == 1 && i->member != i->other && !model_kin(m, i->member, i->other))
		model_against(a, RESULT_NOT_ALLOWED);
	against_guard(m, a, from);
	if (from->available < (int64_t)i->points)
		model_against(a, RESULT_INSUFFICIENT);
	if (!model_clear(a))
		return;
	from->available -= i->points;
	model_points_in(to, i->points);
}

/* ---- people, catalogue, donations ---- */

static void
member_add(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_member *member;

	if (i->day > model_day(a->now_us))
		model_against(a, RESULT_BAD_FIELD);
	if (!model_clear(a))
		return;
	CHECK(m->n_members < M_MEMBERS);
	member = &m->member[m->n_members++];
	memset(member, 0, sizeof(*member));
	member->id = a->fresh[a->fresh_used++];
	member->member_class = i->member_class;
	member->status = 1;
	member->joined = i->day;
	member->trained_from = i->trained_from;
}

static void
member_update(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_member *member = model_member(m, i->member);

	if (member == NULL)
		model_against(a, RESULT_UNKNOWN_MEMBER);
	model_apart(m, a, model_person(m, a), i->member);
	if (member == NULL || !model_clear(a))
		return;
	member->member_class = i->member_class;
	member->status = i->status;
	member->trained_from = i->trained_from;
	member->trained_to = 0;
}

static void
kin_one(struct m_member *member, uint64_t other)
{
	for (uint32_t i = 0; i < member->n_kin; i++)
		if (member->kin[i] == other)
			return;
	CHECK(member->n_kin < 8);
	member->kin[member->n_kin++] = other;
}

static void
kin_add(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_member *x = model_member(m, i->member), *y = model_member(m, i->other);

	if (x == NULL || y == NULL)
		model_against(a, RESULT_UNKNOWN_MEMBER);
	if (i->member == i->other)
		model_against(a, RESULT_SAME_PERSON);
	if (x == NULL || y == NULL || !model_clear(a))
		return;
	kin_one(x, i->other);
	kin_one(y, i->member);
}

static void
slip(struct m_member *member, const struct ask *a, const struct intent *i)
{
	member->slip_by = a->key;
	if (i->reset)
		member->reset_us = a->now_us;
}

static void
about_member(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_member *member = model_member(m, i->member);

	if (member == NULL)
		model_against(a, RESULT_UNKNOWN_MEMBER);
	if (i->kind == KIND(PERMIT)) {
		model_apart(m, a, model_person(m, a), i->member);
		if (member != NULL && member->reset_us != 0 && member->slip_by == a->key)
			model_against(a, RESULT_SAME_PERSON);
	}
	if (i->kind == KIND(CARD_BLOCK)) {
		if (a->session != 0 && a->session != i->member)
			model_against(a, RESULT_WRONG_ACTOR);
		if (member != NULL && !member->card)
			model_against(a, RESULT_ALREADY_DONE);
	}
	if (member == NULL || !model_clear(a))
		return;
	if (i->kind == KIND(PERMIT))
		member->permit_us = a->now_us + 30ull * 60 * 1000000;
	else if (i->kind == KIND(PIN_SLIP))
		slip(member, a, i);
	else if (i->kind == KIND(CARD_BLOCK))
		member->card = 0;
	else if (i->kind == KIND(CARD_BIND))
		member->card = 1;
}

static void
catalogue(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_rules *rules;

	CHECK(m->n_items < M_VERSIONS && m->n_rates < M_VERSIONS && m->n_partners < M_VERSIONS);
	if (i->kind == KIND(PARTNER_SET)) {
		m->partner[m->n_partners++] = (struct m_partner){
		    in_force_from(m, a), i->partner, i->day, i->to_day};
		return;
	}
	if (i->kind == KIND(ITEM_SET)) {
		for (uint32_t o = 0; o < i->n_outlets; o++)
			if (partner_at(m, i->outlets[o], a->now_us) == NULL)
				model_against(a, RESULT_BAD_FIELD);
		if (!model_clear(a))
			return;
		m->item[m->n_items++] = (struct m_item){a->seq, in_force_from(m, a), i->item,
		    i->points, i->quota, {i->outlets[0], i->outlets[1]}, i->n_outlets};
	}
	if (i->kind == KIND(SERVICE_ITEM_SET))
		m->rate[m->n_rates++] = (struct m_rate){a->seq, in_force_from(m, a), i->service,
		    i->minutes, i->points, i->training};
	rules = new_rules(m, a);
	if (i->kind == KIND(RULES_SET)) {
		rules->gift = i->gift;
		rules->notice_days = i->notice_days;
		rules->hold_days = i->hold_days;
	}
}

static void
donation(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_lot *l;

	if (item_at(m, i->item, a->now_us) == NULL)
		model_against(a, RESULT_UNKNOWN_ITEM);
	if (partner_at(m, i->outlet, a->now_us) == NULL || i->day > model_day(a->now_us))
		model_against(a, RESULT_BAD_FIELD);
	if (!partner_in_force(m, i->partner, a->now_us, i->day))
		model_against(a, RESULT_NOT_IN_FORCE);
	if (model_member(m, i->member) == NULL)
		model_against(a, RESULT_UNKNOWN_MEMBER);
	for (uint32_t n = 0; n < m->n_lots; n++)
		if (m->lot[n].receipt == i->receipt)
			model_against(a, RESULT_EXISTS);
	if (!model_clear(a))
		return;
	CHECK(m->n_lots < M_LOTS);
	l = &m->lot[m->n_lots++];
	memset(l, 0, sizeof(*l));
	l->id = a->seq * 65536 + a->command;
	l->item = i->item;
	l->outlet = i->outlet;
	l->best_before = i->best_before;
	l->receipt = i->receipt;
	if (i->quality == 1)
		l->shelf = l->donated = i->count;
}

/* ---- the station and its proposals ---- */

static void
station_open(struct model *m, struct ask *a)
{
	uint32_t linked = 0;

	for (uint32_t k = 0; k < m->n_keys; k++)
		linked += m->key[k].role == M_STAFF && m->key[k].person != 0;
	if (linked < 2)
		model_against(a, RESULT_NEEDS_LINKS);
	if (m->open_signer == a->key)
		model_against(a, RESULT_ALREADY_DONE);
	if (!model_clear(a))
		return;
	if (m->open_signer != 0)
		m->opened = 1;
	m->open_signer = a->key;
}

static struct m_batch *
batch_of(struct model *m, uint64_t id)
{
	for (uint32_t i = 0; i < m->n_batches; i++)
		if (m->batch[i].id == id)
			return &m->batch[i];
	return NULL;
}

static int
needs_two(const struct model *m, const struct ask *a, const struct intent *i)
{
	switch ((int)i->kind) {
	case KIND(KEY_LINK):
	case KIND(BATCH_REVERSE):
		return 1;
	case KIND(RULES_SET):
	case KIND(KIN_ADD):
	case KIND(PARTNER_SET):
	case KIND(SERVICE_ITEM_SET):
	case KIND(ITEM_SET):
	case KIND(DONATION_ADD):
	case KIND(REVERSE):
	case KIND(LATE_DELIVERY):
		return m->opened;
	case KIND(HOLD):
		return a->session == 0;
	default:
		return 0;
	}
}

static void
propose(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_proposal *p;

	if (i->kind == KIND(KEY_LINK) && m->key[a->key - 1].person != 0)
		model_against(a, RESULT_ALREADY_DONE);
	if ((i->kind == KIND(REVERSE) || i->kind == KIND(LATE_DELIVERY))) {
		if (hold_of(m, &i->ref) == NULL)
			model_against(a, RESULT_NOT_FOUND);
	} else if (i->kind == KIND(BATCH_REVERSE)) {
		if (batch_of(m, i->batch) == NULL)
			model_against(a, RESULT_NOT_FOUND);
	} else if (i->member != 0 && model_member(m, i->member) == NULL) {
		model_against(a, RESULT_UNKNOWN_MEMBER);
	}
	if (!model_clear(a))
		return;
	CHECK(m->n_proposals < M_PROPOSALS);
	p = &m->proposal[m->n_proposals++];
	*p = (struct m_proposal){a->seq, a->command, 1, a->key, *i};
}

static struct m_proposal *
proposal_of(struct model *m, const struct intent_ref *ref)
{
	for (uint32_t i = 0; i < m->n_proposals; i++)
		if (m->proposal[i].open && m->proposal[i].seq == ref->seq &&
		    m->proposal[i].index == ref->index)
			return &m->proposal[i];
	return NULL;
}

static void
link_key(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_key *key = &m->key[a->proposer - 1];

	if (key->person != 0)
		model_against(a, RESULT_ALREADY_DONE);
	if (model_clear(a))
		key->person = i->member;
}

static void apply(struct model *m, struct ask *a, const struct intent *i);

static void
approve(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_proposal *p = proposal_of(m, &i->ref);
	uint64_t person = model_person(m, a);
	const struct intent *what;
	const struct m_hold *h;

	if (p == NULL) {
		model_against(a, RESULT_NOT_FOUND);
		return;
	}
	what = &p->what;
	if (i->ref.wrong_leaf)
		model_against(a, RESULT_WRONG_LEAF);
	if (p->proposer == a->key)
		model_against(a, RESULT_SAME_PERSON);
	if (person == 0 && what->kind != KIND(KEY_LINK))
		model_against(a, RESULT_KEY_NOT_LINKED);
	if (what->kind == KIND(REVERSE) || what->kind == KIND(LATE_DELIVERY)) {
		h = hold_of(m, &what->ref);
		CHECK(h != NULL);
		model_apart(m, a, person, h->member);
	} else if (what->kind != KIND(KEY_LINK)) {
		model_apart(m, a, person, what->member);
		if (what->kind == KIND(KIN_ADD))
			model_apart(m, a, person, what->other);
	}
	if (!model_clear(a))
		return;
	a->proposer = p->proposer;
	apply(m, a, what);
	if (model_clear(a))
		p->open = 0;
	a->proposer = 0;
}

static void
withdraw(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_proposal *p = proposal_of(m, &i->ref);

	if (p == NULL)
		model_against(a, RESULT_NOT_FOUND);
	else if (i->ref.wrong_leaf)
		model_against(a, RESULT_WRONG_LEAF);
	else
		p->open = 0;
}

static void
apply(struct model *m, struct ask *a, const struct intent *i)
{
	switch ((int)i->kind) {
	case KIND(HOLD): hold(m, a, i); break;
	case KIND(CONFIRM): confirm(m, a, i); break;
	case KIND(CANCEL): cancel(m, a, i); break;
	case KIND(REVERSE): reverse(m, a, i); break;
	case KIND(LATE_DELIVERY): late_delivery(m, a, i); break;
	case KIND(GIFT): gift(m, a, i); break;
	case KIND(MEMBER_ADD): member_add(m, a, i); break;
	case KIND(MEMBER_UPDATE): member_update(m, a, i); break;
	case KIND(KIN_ADD): kin_add(m, a, i); break;
	case KIND(PERMIT):
	case KIND(PIN_SLIP):
	case KIND(CARD_BIND):
	case KIND(CARD_BLOCK): about_member(m, a, i); break;
	case KIND(PARTNER_SET):
	case KIND(SERVICE_ITEM_SET):
	case KIND(ITEM_SET):
	case KIND(RULES_SET): catalogue(m, a, i); break;
	case KIND(DONATION_ADD): donation(m, a, i); break;
	case KIND(STATION_OPEN): station_open(m, a); break;
	case KIND(KEY_LINK): link_key(m, a, i); break;
	case KIND(APPROVE): approve(m, a, i); break;
	case KIND(WITHDRAW): withdraw(m, a, i); break;
	case KIND(ENROL):
		m->key[m->n_keys++] = (struct m_key){(enum m_role)i->role, i->partner, 0};
		break;
	case KIND(INVITE): break;
	case KIND(BENEFICIARY_ADD): m->beneficiary = a->fresh[a->fresh_used++]; break;
	case KIND(PAIR_SET): m->paired[m->n_paired++] = i->member; break;
	default: model_service_act(m, a, i); break;
	}
}

/* ---- who may ---- */

static void
permission(const struct model *m, struct ask *a, const struct intent *i)
{
	uint32_t kind = i->kind;
	enum m_role role;
	int member_kind = kind == KIND(CARD_BLOCK) || kind == KIND(CHECK_IN) ||
			  kind == KIND(CHECK_OUT) || kind == KIND(HOLD) || kind == KIND(CANCEL) ||
			  kind == KIND(GIFT);
	int outlet_kind =
	    kind == KIND(CHECK_IN) || kind == KIND(CHECK_OUT) || kind == KIND(CONFIRM);

	if (kind == KIND(ENROL))
		return;
	if (a->key == 0) {
		model_against(a, RESULT_UNKNOWN_KEY);
		return;
	}
	role = m->key[a->key - 1].role;
	if (a->session != 0 ? !member_kind
	    : role == M_STAFF ? kind == KIND(CONFIRM) || kind == KIND(GIFT)
	    : role == M_OUTLET ? !outlet_kind
			       : 1)
		model_against(a, RESULT_NOT_ALLOWED);
	if (!m->opened && kind >= KIND(HOLD) && kind <= KIND(GIFT))
		model_against(a, RESULT_NOT_OPEN);
	if (m->opened && kind == KIND(STATION_OPEN))
		model_against(a, RESULT_ALREADY_OPEN);
	if (role == M_STAFF && m->key[a->key - 1].person == 0 &&
	    (kind == KIND(STATION_OPEN) || kind == KIND(RULES_SET) ||
		kind == KIND(MEMBER_UPDATE) || kind == KIND(PIN_SLIP) || kind == KIND(CARD_BIND) ||
		kind == KIND(CARD_BLOCK) || (kind >= KIND(ACTIVITY_ADD) && kind <= KIND(CHECK_OUT)) ||
		kind == KIND(ATTEST_RECORDS) || kind == KIND(REJECT_RECORDS) ||
		kind == KIND(BATCH_REVERSE)))
		model_against(a, RESULT_KEY_NOT_LINKED);
}

int
model_act(struct model *m, struct ask *a)
{
	static struct model before;
	int whole;

	memset(a->reasons, 0, sizeof(a->reasons));
	memset(a->row_reasons, 0, sizeof(a->row_reasons));
	a->fresh_used = 0;
	for (uint32_t n = 0; n < a->n; n++)
		permission(m, a, &a->intents[n]);
	if (!model_clear(a))
		return 0;
	/* All or nothing: an act of several commands, a command about several members. */
	whole = a->n == 1 && a->intents[0].n_members < 2;
	if (!whole)
		before = *m;
	for (uint32_t n = 0; n < a->n && model_clear(a); n++) {
		a->command = n;
		a->proposer = 0;
		if (needs_two(m, a, &a->intents[n]))
			propose(m, a, &a->intents[n]);
		else
			apply(m, a, &a->intents[n]);
	}
	if (!model_clear(a)) {
		if (!whole)
			*m = before;
		return 0;
	}
	m->last_seq = a->seq;
	m->last_us = a->now_us;
	return 1;
}

void
model_begin(struct model *m, uint64_t time_us)
{
	memset(m, 0, sizeof(*m));
	m->last_seq = 1;
	m->last_us = time_us;
	/* KIOSK, WITNESSED, CODE and OPENING convert. */
	m->rules[m->n_rules++] =
	    (struct m_rules){1, time_us, 480, 0, 7, 3, 0, 7, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 5};
}
