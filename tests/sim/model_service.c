/* The model's service: sessions, records, batches, and what the daemon does by the clock. */
#include <string.h>

#include "daemon/base/check.h"
#include "tests/sim/model.h"

#define DAY	   86400000000ull
#define MINUTE	   60000000ull
#define KIND(name) TIMEBOX__V1__COMMAND__KIND_##name

enum { KIOSK = 1, WITNESSED = 2, BACKFILLED = 4, OPENING = 5, PAID_STAFF = 4 };

static struct m_record *
record_of(struct model *m, uint64_t seq, uint32_t index)
{
	for (uint32_t i = 0; i < m->n_records; i++)
		if (m->record[i].seq == seq && m->record[i].index == index)
			return &m->record[i];
	return NULL;
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
counts(const struct m_record *r)
{
	return r->state == M_RECORDED || r->state == M_ATTESTED || r->state == M_CREDITED;
}

/* DUPLICATE, OVERLAP or OK against the member's records that stand. */
static enum result
times(const struct model *m, uint64_t member, int32_t day, uint32_t start, uint32_t end,
    uint32_t service)
{
	int64_t from = (int64_t)day * 1440 + start, to = (int64_t)day * 1440 + end;
	enum result verdict = RESULT_OK;

	for (uint32_t i = 0; i < m->n_records; i++) {
		const struct m_record *r = &m->record[i];
		int64_t its = (int64_t)r->day * 1440;

		if (r->member != member || !counts(r) || its + r->start >= to || its + r->end <= from)
			continue;
		if (r->service == service && r->start == start && r->end == end)
			return RESULT_DUPLICATE;
		verdict = RESULT_OVERLAP;
	}
	return verdict;
}

static int
trained(const struct m_member *member, int32_t day)
{
	return member->trained_from != 0 && day >= member->trained_from &&
	       (member->trained_to == 0 || day <= member->trained_to);
}

static struct m_record *
new_record(struct model *m)
{
	struct m_record *r;

	CHECK(m->n_records < M_RECORDS);
	r = &m->record[m->n_records++];
	memset(r, 0, sizeof(*r));
	r->state = M_RECORDED;
	return r;
}

/* ---- sessions ---- */

static void
activity_add(struct model *m, struct ask *a, const struct intent *i)
{
	if (model_rate_at(m, i->service, a->now_us) == NULL)
		model_against(a, RESULT_UNKNOWN_ITEM);
	if (i->end_us <= i->start_us || i->end_us - i->start_us > DAY || i->end_us <= a->now_us)
		model_against(a, RESULT_BAD_FIELD);
	if (!model_clear(a))
		return;
	CHECK(m->n_activities < M_VERSIONS);
	m->activity[m->n_activities++] =
	    (struct m_activity){a->seq, a->command, i->service, i->start_us, i->end_us};
}

static int
is_paired(const struct model *m, uint64_t member, uint64_t beneficiary)
{
	for (uint32_t i = 0; i < m->n_paired; i++)
		if (m->paired[i] == member && beneficiary == m->beneficiary)
			return 1;
	return 0;
}

/* What the session is for, and until when. */
static void
plan(struct model *m, struct ask *a, const struct intent *i, uint64_t member, struct m_session *s)
{
	if (i->ref.seq == 0) {
		if (!is_paired(m, member, i->beneficiary))
			model_against(a, RESULT_NO_PLAN);
		if (i->minutes == 0 || i->minutes > model_rules(m, a->now_us)->cap)
			model_against(a, RESULT_BAD_FIELD);
		s->service = i->service;
		s->end_us = a->now_us + i->minutes * MINUTE;
		return;
	}
	for (uint32_t n = 0; n < m->n_activities; n++) {
		const struct m_activity *activity = &m->activity[n];

		if (activity->seq != i->ref.seq || activity->index != i->ref.index)
			continue;
		if (i->ref.wrong_leaf)
			model_against(a, RESULT_WRONG_LEAF);
		if (a->now_us + 60 * MINUTE < activity->start_us || a->now_us >= activity->end_us)
			model_against(a, RESULT_NOT_NOW);
		s->service = activity->service;
		s->end_us = activity->end_us;
		s->activity = activity->seq;
		return;
	}
	model_against(a, RESULT_NO_PLAN);
}

static void
check_in_one(struct model *m, struct ask *a, const struct intent *i, uint64_t id)
{
	struct m_member *member = model_member(m, id);
	struct m_session s = {.open = 1, .start_us = a->now_us, .opener = a->key};
	const struct m_rate *rate;

	if (a->session == 0)
		model_apart(m, a, model_person(m, a), id);
	if (member == NULL) {
		model_against(a, RESULT_UNKNOWN_MEMBER);
		return;
	}
	if (member->status != 1)
		model_against(a, RESULT_NOT_ACTIVE);
	if (member->member_class == PAID_STAFF)
		model_against(a, RESULT_PAID_STAFF);
	if (member->session.open)
		model_against(a, RESULT_SESSION_OPEN);
	plan(m, a, i, id, &s);
	rate = model_rate_at(m, s.service, a->now_us);
	if (rate == NULL && s.service != 0)
		model_against(a, RESULT_UNKNOWN_ITEM);
	if (rate != NULL && rate->training && !trained(member, model_day(a->now_us)))
		model_against(a, RESULT_TRAINING_MISSING);
	s.by_member = a->session != 0;
	if (model_clear(a))
		member->session = s;
}

static void
close_session(struct model *m, struct ask *a, uint64_t id, uint64_t end_us, int by_clock,
    uint32_t index)
{
	struct m_member *member = model_member(m, id);
	uint32_t cap = model_rules(m, a->now_us)->cap, start, minutes;
	enum result verdict;
	struct m_record *r;
	struct m_session *s;
	int32_t day;

	if (member == NULL || !member->session.open) {
		model_against(a, RESULT_NO_SESSION);
		return;
	}
	s = &member->session;
	if (end_us > s->end_us)
		end_us = s->end_us;
	day = model_day(s->start_us);
	start = (uint32_t)((s->start_us - model_day_start(day)) / MINUTE);
	minutes = (uint32_t)((end_us - s->start_us) / MINUTE);
	if (minutes > cap)
		minutes = cap;
	verdict = minutes == 0 ? RESULT_TOO_SHORT
			       : times(m, id, day, start, start + minutes, s->service);
	if (verdict != RESULT_OK && !by_clock) {
		model_against(a, verdict);
		return;
	}
	if (!model_clear(a))
		return;
	s->open = 0;
	if (verdict != RESULT_OK)
		return;
	r = new_record(m);
	r->seq = a->seq;
	r->index = index;
	r->member = id;
	r->service = s->service;
	r->day = day;
	r->start = start;
	r->end = start + minutes;
	r->measured = 1;
	r->provenance =
	    s->by_member && (by_clock || a->session != 0) ? KIOSK : WITNESSED;
	r->recorder = s->opener;
	r->closer = by_clock ? 0 : a->key;
}

static void
sessions(struct model *m, struct ask *a, const struct intent *i)
{
	uint64_t own[1] = {a->session};
	const uint64_t *list = a->session != 0 ? own : i->members;
	uint32_t n = a->session != 0 ? 1 : i->n_members;

	if (a->session != 0 && i->n_members == 1 && i->members[0] != a->session) {
		model_against(a, RESULT_WRONG_ACTOR);
		return;
	}
	for (uint32_t k = 0; k < n && model_clear(a); k++) {
		if (i->kind == KIND(CHECK_IN)) {
			check_in_one(m, a, i, list[k]);
			continue;
		}
		if (a->session == 0)
			model_apart(m, a, model_person(m, a), list[k]);
		close_session(m, a, list[k], a->now_us, 0, a->command * 256 + k);
	}
}

/* ---- batches ---- */

/* The rate in force at the start of the day, or the first there ever was. */
static const struct m_rate *
rate_of_day(const struct model *m, uint32_t service, int32_t day)
{
	const struct m_rate *rate = model_rate_at(m, service, model_day_start(day));

	for (uint32_t i = 0; i < m->n_rates && rate == NULL; i++)
		if (m->rate[i].service == service)
			rate = &m->rate[i];
	return rate;
}

/* Row checks in their stated order; the verdict is exact. */
static enum result
judge_row(struct model *m, const struct ask *a, const struct intent_row *row)
{
	const struct m_member *member = model_member(m, row->member);
	const struct m_rate *rate = m->opened ? rate_of_day(m, row->service, row->day)
					      : model_rate_at(m, row->service, a->now_us);

	if (row->day > model_day(a->now_us))
		return RESULT_BAD_DATE;
	if (member == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (rate == NULL)
		return RESULT_UNKNOWN_ITEM;
	if (member->member_class == PAID_STAFF)
		return RESULT_PAID_STAFF;
	if (row->end <= row->start)
		return RESULT_END_BEFORE_START;
	if (row->day < member->joined)
		return RESULT_BEFORE_JOINING;
	if (row->end - row->start > model_rules(m, a->now_us)->cap)
		return RESULT_OVER_SESSION_CAP;
	if (rate->training && !trained(member, row->day))
		return RESULT_TRAINING_MISSING;
	return times(m, row->member, row->day, row->start, row->end, row->service);
}

static void
take_row(struct model *m, const struct ask *a, const struct intent_row *row, uint32_t index,
    uint32_t batch)
{
	struct m_record *r = new_record(m);

	r->seq = a->seq;
	r->index = index;
	r->member = row->member;
	r->service = row->service;
	r->day = row->day;
	r->start = row->start;
	r->end = row->end;
	r->measured = row->measured;
	r->provenance = m->opened ? BACKFILLED : OPENING;
	r->recorder = a->key;
	r->batch = batch + 1;
}

static void
service_rows(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_batch *b = batch_of(m, i->batch);

	if (i->part >= i->parts)
		model_against(a, RESULT_BAD_FIELD);
	if (b != NULL && b->state != M_INCOMPLETE)
		model_against(a, RESULT_BATCH_STATE);
	if (b == NULL ? i->part != 0
		      : b->importer != a->key || b->parts != i->parts ||
			    b->attempt != i->attempt || b->done != i->part)
		model_against(a, RESULT_BATCH_MISMATCH);
	if (!model_clear(a))
		return;
	if (b == NULL) {
		CHECK(m->n_batches < M_BATCHES && i->parts <= M_PARTS);
		b = &m->batch[m->n_batches++];
		*b = (struct m_batch){.id = i->batch,
		    .state = M_INCOMPLETE,
		    .attempt = i->attempt,
		    .parts = i->parts,
		    .importer = a->key};
	}
	b->part_seq[b->done++] = a->seq;
	for (uint32_t r = 0; r < i->n_rows; r++) {
		enum result verdict = judge_row(m, a, &i->rows[r]);

		a->row_reasons[r][(unsigned)verdict / 64] |= 1ull << ((unsigned)verdict % 64);
		if (verdict != RESULT_OK)
			continue;
		take_row(m, a, &i->rows[r], r, (uint32_t)(b - m->batch));
		b->records++;
	}
	if (b->done == b->parts)
		b->state = M_COMPLETE;
}

static void
leave_out(struct model *m, struct ask *a, const struct intent *i, const struct m_batch *b)
{
	for (uint32_t n = 0; n < i->n_refs; n++) {
		struct m_record *r = record_of(m, i->refs[n].seq, i->refs[n].index);

		if (r == NULL || r->batch != (uint32_t)(b - m->batch) + 1)
			model_against(a, RESULT_NOT_FOUND);
		else if (r->state != M_RECORDED)
			model_against(a, RESULT_RECORD_STATE);
		else
			r->state = M_REJECTED;
	}
}

static uint32_t
waiting(const struct model *m, const struct m_batch *b, enum m_record_state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_records; i++)
		n += m->record[i].batch == (uint32_t)(b - m->batch) + 1 &&
		     m->record[i].state == state;
	return n;
}

static void
attest_checks(struct model *m, struct ask *a, const struct intent *i, const struct m_batch *b)
{
	uint64_t importer = m->key[b->importer - 1].person, person = model_person(m, a);

	if (b->state == M_INCOMPLETE)
		model_against(a, RESULT_BATCH_INCOMPLETE);
	else if (b->state != M_COMPLETE)
		model_against(a, RESULT_BATCH_STATE);
	if (b->importer == a->key)
		model_against(a, RESULT_SAME_PERSON);
	else
		model_apart(m, a, person, importer);
	if (i->rules != model_rules(m, a->now_us)->seq)
		model_against(a, RESULT_RATES_CHANGED);
	if (i->wrong_digest || i->entries != b->done || i->records != b->records)
		model_against(a, RESULT_BATCH_MISMATCH);
}

static void
attest_batch(struct model *m, struct ask *a, const struct intent *i)
{
	static struct m_record before[M_RECORDS];
	struct m_batch *b = batch_of(m, i->batch);

	if (b == NULL) {
		model_against(a, RESULT_NOT_FOUND);
		return;
	}
	attest_checks(m, a, i, b);
	memcpy(before, m->record, sizeof(before));
	leave_out(m, a, i, b);
	for (uint32_t n = 0; n < m->n_records; n++)
		if (m->record[n].batch == (uint32_t)(b - m->batch) + 1 &&
		    m->record[n].state == M_RECORDED)
			model_apart(m, a, model_person(m, a), m->record[n].member);
	if (!model_clear(a)) {
		memcpy(m->record, before, sizeof(before));
		return;
	}
	b->rules = i->rules;
	b->due_us = a->now_us + model_rules(m, a->now_us)->notice_days * DAY;
	b->state = waiting(m, b, M_RECORDED) == 0 ? M_B_CREDITED : M_B_ATTESTED;
}

static void
batch_end(struct model *m, struct ask *a, const struct intent *i)
{
	struct m_batch *b = batch_of(m, i->batch);
	int withdraws = i->kind == KIND(BATCH_WITHDRAW);

	if (b == NULL)
		model_against(a, RESULT_NOT_FOUND);
	else if (withdraws ? b->state != M_INCOMPLETE && b->state != M_COMPLETE
			   : b->state != M_B_CREDITED)
		model_against(a, RESULT_BATCH_STATE);
	if (!model_clear(a))
		return;
	if (withdraws) {
		for (uint32_t n = 0; n < m->n_records; n++)
			if (m->record[n].batch == (uint32_t)(b - m->batch) + 1)
				m->record[n].state = M_WITHDRAWN;
		b->state = M_B_WITHDRAWN;
		return;
	}
	b->due_us = a->now_us;
	b->state = waiting(m, b, M_CREDITED) == 0 ? M_B_REVERSED : M_REVERSING;
}

static void
judge_records(struct model *m, struct ask *a, const struct intent *i)
{
	uint64_t person = model_person(m, a);
	int attests = i->kind == KIND(ATTEST_RECORDS);
	static struct m_record before[M_RECORDS];

	memcpy(before, m->record, sizeof(before));
	for (uint32_t n = 0; n < i->n_refs && model_clear(a); n++) {
		struct m_record *r = record_of(m, i->refs[n].seq, i->refs[n].index);

		if (r == NULL) {
			model_against(a, RESULT_NOT_FOUND);
			break;
		}
		if (i->refs[n].wrong_leaf || r->batch != 0)
			model_against(a, RESULT_WRONG_LEAF);
		if (r->state != M_RECORDED || r->batch != 0)
			model_against(a, RESULT_RECORD_STATE);
		if (attests) {
			if (r->recorder == a->key || r->closer == a->key)
				model_against(a, RESULT_SAME_PERSON);
			model_apart(m, a, person, r->member);
			r->due_us = a->now_us + model_rules(m, a->now_us)->notice_days * DAY;
		}
		r->state = attests ? M_ATTESTED : M_REJECTED;
	}
	if (!model_clear(a))
		memcpy(m->record, before, sizeof(before));
}

void
model_service_act(struct model *m, struct ask *a, const struct intent *i)
{
	switch ((int)i->kind) {
	case KIND(ACTIVITY_ADD): activity_add(m, a, i); break;
	case KIND(CHECK_IN):
	case KIND(CHECK_OUT): sessions(m, a, i); break;
	case KIND(SERVICE_ROWS): service_rows(m, a, i); break;
	case KIND(ATTEST_BATCH): attest_batch(m, a, i); break;
	case KIND(BATCH_WITHDRAW):
	case KIND(BATCH_REVERSE): batch_end(m, a, i); break;
	case KIND(ATTEST_RECORDS):
	case KIND(REJECT_RECORDS): judge_records(m, a, i); break;
	default: CHECK(0);
	}
}

/* ---- what the daemon does by the clock ---- */

static uint32_t
divisor(uint32_t a, uint32_t b)
{
	return b == 0 ? a : divisor(b, a % b);
}

/* Whole points out of the carry: the floor, also below zero. */
static int64_t
carry(struct m_member *member, uint32_t per, uint32_t gives, int64_t minutes)
{
	struct m_carry *c = member->carry;
	int64_t units = 0;

	while (c < member->carry + M_RATIOS - 1 && c->per != 0 && (c->per != per || c->gives != gives))
		c++;
	CHECK(c->per == 0 || (c->per == per && c->gives == gives));
	c->per = per;
	c->gives = gives;
	c->minutes += minutes;
	for (; c->minutes >= per; c->minutes -= per)
		units++;
	for (; c->minutes < 0; c->minutes += per)
		units--;
	return units * gives;
}

static const struct m_rate *
rate_of_version(const struct model *m, uint32_t service, uint64_t version)
{
	for (uint32_t i = m->n_rates; i-- > 0;)
		if (m->rate[i].service == service && m->rate[i].seq <= version)
			return &m->rate[i];
	return NULL;
}

static void
credit(struct model *m, struct m_record *r)
{
	const struct m_rules *rules = model_rules(m, model_day_start(r->day));
	const struct m_rate *rate = rate_of_day(m, r->service, r->day);
	struct m_member *member = model_member(m, r->member);
	int64_t minutes = (int64_t)r->end - r->start;
	uint32_t g;

	if (r->provenance == OPENING) {
		uint64_t version = m->batch[r->batch - 1].rules;

		for (uint32_t i = 0; i < m->n_rules; i++)
			if (m->rules[i].seq == version)
				rules = &m->rules[i];
		rate = rate_of_version(m, r->service, version);
	}
	member->minutes[r->provenance] += minutes;
	r->state = M_CREDITED;
	if ((rules->converts >> r->provenance & 1) == 0 ||
	    (r->provenance == OPENING && !r->measured))
		return;
	g = divisor(rate->minutes, rate->points);
	r->per = rate->minutes / g;
	r->gives = rate->points / g;
	model_points_in(member, carry(member, r->per, r->gives, minutes));
}

static void
take_back(struct model *m, struct m_record *r)
{
	struct m_member *member = model_member(m, r->member);
	int64_t minutes = (int64_t)r->end - r->start, points, first;

	member->minutes[r->provenance] -= minutes;
	r->state = M_TAKEN_BACK;
	if (r->per == 0)
		return;
	points = -carry(member, r->per, r->gives, -minutes);
	first = member->available < points ? member->available : points;
	member->available -= first;
	member->debt += points - first;
}

static const char *
do_credit(struct model *m, const Timebox__V1__Ref *ref, uint64_t time_us, int back)
{
	struct m_record *r = record_of(m, ref->seq, ref->index);
	struct m_batch *b = r == NULL || r->batch == 0 ? NULL : &m->batch[r->batch - 1];

	if (r == NULL)
		return "it credits a record that is not there";
	if (back) {
		if (b == NULL || b->state != M_REVERSING || r->state != M_CREDITED)
			return "it takes back a record that is not to be";
		take_back(m, r);
		if (waiting(m, b, M_CREDITED) == 0)
			b->state = M_B_REVERSED;
		return NULL;
	}
	if (b == NULL ? r->state != M_ATTESTED || r->due_us > time_us
		      : b->state != M_B_ATTESTED || b->due_us > time_us || r->state != M_RECORDED)
		return "it credits a record that is not due";
	credit(m, r);
	if (b != NULL && waiting(m, b, M_RECORDED) == 0)
		b->state = M_B_CREDITED;
	return NULL;
}

static const char *
do_release(struct model *m, const Timebox__V1__Ref *ref, uint64_t time_us)
{
	for (uint32_t i = 0; i < m->n_holds; i++) {
		struct m_hold *h = &m->hold[i];

		if (h->seq != ref->seq || h->index != ref->index)
			continue;
		if (h->state != M_HELD || h->release_us > time_us)
			return "it releases a hold that is not due";
		model_hold_back(m, h, M_RELEASED);
		return NULL;
	}
	return "it releases a hold that is not there";
}

static const char *
do_close(struct model *m, uint64_t id, uint64_t seq, uint64_t time_us, uint32_t index)
{
	struct m_member *member = model_member(m, id);
	struct ask a = {.seq = seq, .now_us = time_us};

	if (member == NULL || !member->session.open || member->session.end_us > time_us)
		return "it closes a session that is not due";
	close_session(m, &a, id, member->session.end_us, 1, index);
	return NULL;
}

const char *
model_system(struct model *m, const Timebox__V1__Command *c, uint64_t seq, uint64_t time_us)
{
	const char *wrong = NULL;

	switch ((int)c->kind_case) {
	case KIND(SYSTEM_RELEASE):
		for (size_t i = 0; i < c->system_release->n_refs && wrong == NULL; i++)
			wrong = do_release(m, c->system_release->refs[i], time_us);
		break;
	case KIND(SYSTEM_CLOSE):
		for (size_t i = 0; i < c->system_close->n_members && wrong == NULL; i++)
			wrong = do_close(
			    m, c->system_close->members[i], seq, time_us, (uint32_t)i);
		break;
	case KIND(SYSTEM_CREDIT):
		for (size_t i = 0; i < c->system_credit->n_refs && wrong == NULL; i++)
			wrong = do_credit(m, c->system_credit->refs[i], time_us, 0);
		break;
	case KIND(SYSTEM_REVERSE):
		for (size_t i = 0; i < c->system_reverse->n_refs && wrong == NULL; i++)
			wrong = do_credit(m, c->system_reverse->refs[i], time_us, 1);
		break;
	case KIND(CLOCK_ACCEPT):
		break;
	default:
		wrong = "it is no act of the daemon's";
	}
	m->last_seq = seq;
	m->last_us = time_us;
	return wrong;
}

uint32_t
model_overdue(const struct model *m, uint64_t now_us)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_holds; i++)
		n += m->hold[i].state == M_HELD && m->hold[i].release_us <= now_us;
	for (uint32_t i = 0; i < m->n_members; i++)
		n += m->member[i].session.open && m->member[i].session.end_us <= now_us;
	for (uint32_t i = 0; i < m->n_records; i++)
		n += m->record[i].batch == 0 && m->record[i].state == M_ATTESTED &&
		     m->record[i].due_us <= now_us;
	for (uint32_t i = 0; i < m->n_batches; i++)
		n += (m->batch[i].state == M_B_ATTESTED || m->batch[i].state == M_REVERSING) &&
		     m->batch[i].due_us <= now_us;
	return n;
}

static void
earlier(uint64_t *best, uint64_t now_us, uint64_t at_us)
{
	if (at_us > now_us && (*best == 0 || at_us < *best))
		*best = at_us;
}

uint64_t
model_boundary(const struct model *m, uint64_t now_us)
{
	uint64_t best = 0;

	for (uint32_t i = 0; i < m->n_holds; i++) {
		if (m->hold[i].state != M_HELD)
			continue;
		earlier(&best, now_us, m->hold[i].use_by_us);
		earlier(&best, now_us, m->hold[i].release_us);
	}
	for (uint32_t i = 0; i < m->n_members; i++)
		if (m->member[i].session.open)
			earlier(&best, now_us, m->member[i].session.end_us);
	for (uint32_t i = 0; i < m->n_batches; i++)
		if (m->batch[i].state == M_B_ATTESTED)
			earlier(&best, now_us, m->batch[i].due_us);
	return best;
}
