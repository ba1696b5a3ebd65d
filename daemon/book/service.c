/*
 * Service as it happens: activities, check-in and check-out on the server's clock, and the times of
 * a day that accepted records take. The client never says how long.
 */
#include "daemon/book/book_int.h"

/* One may check in this long before an activity starts. */
#define EARLY_US    (60ull * MINUTE_US)
#define DAY_MINUTES 1440u

static struct row_key
day_key(uint64_t member, int32_t day, uint64_t chunk)
{
	return row_key3(TABLE_MEMBER_DAY, member, (uint64_t)(int64_t)day, chunk);
}

/* One day's stretch [start, end) against what is taken; the record's own times tell a duplicate. */
static enum result
day_judge(const struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end,
    uint32_t record_start, uint32_t record_end, code8 item)
{
	enum result verdict = RESULT_OK;

	for (uint64_t chunk = 0;; chunk++) {
		struct row_key k = day_key(member, day, chunk);
		const struct member_day_row *row = book_get(b, &k);

		if (row == NULL)
			return verdict;
		for (uint32_t i = 0; i < row->n; i++) {
			if (row->slot[i].start_minute >= end || row->slot[i].end_minute <= start)
				continue;
			if (row->slot[i].item == item &&
			    row->slot[i].record_start == record_start &&
			    row->slot[i].record_end == record_end)
				return RESULT_DUPLICATE;
			verdict = RESULT_OVERLAP;
		}
	}
}

enum result
member_day_judge(
    const struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end, code8 item)
{
	uint32_t first_end = end < DAY_MINUTES ? end : DAY_MINUTES;
	enum result verdict = day_judge(b, member, day, start, first_end, start, end, item);

	if (verdict == RESULT_OK && end > DAY_MINUTES)
		verdict = day_judge(b, member, day + 1, 0, end - DAY_MINUTES, start, end, item);
	return verdict;
}

static void
day_take(struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end,
    uint32_t record_start, uint32_t record_end, code8 item, uint64_t record)
{
	struct member_day_row *row;
	uint32_t i;

	for (uint64_t chunk = 0;; chunk++) {
		struct row_key k = day_key(member, day, chunk);

		row = book_upsert(b, &k);
		if (row->n < DAY_SLOTS)
			break;
		row->more = 1;
	}
	i = row->n++;
	row->slot[i].item = item;
	row->slot[i].record = record;
	row->slot[i].start_minute = (uint16_t)start;
	row->slot[i].end_minute = (uint16_t)end;
	row->slot[i].record_start = (uint16_t)record_start;
	row->slot[i].record_end = (uint16_t)record_end;
}

void
member_day_take(struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end,
    code8 item, uint64_t record)
{
	uint32_t first_end = end < DAY_MINUTES ? end : DAY_MINUTES;

	day_take(b, member, day, start, first_end, start, end, item, record);
	if (end > DAY_MINUTES)
		day_take(b, member, day + 1, 0, end - DAY_MINUTES, start, end, item, record);
}

static void
day_free(struct book *b, uint64_t member, int32_t day, uint64_t record)
{
	for (uint64_t chunk = 0;; chunk++) {
		struct row_key k = day_key(member, day, chunk);
		struct member_day_row *row = book_edit(b, &k);

		if (row == NULL)
			return;
		for (uint32_t i = 0; i < row->n; i++) {
			if (row->slot[i].record != record)
				continue;
			row->slot[i] = row->slot[--row->n];
			memset(&row->slot[row->n], 0, sizeof(row->slot[0]));
			return;
		}
	}
}

void
member_day_free(
    struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end, uint64_t record)
{
	(void)start;
	day_free(b, member, day, record);
	if (end > DAY_MINUTES)
		day_free(b, member, day + 1, record);
}

enum result
decide_activity_add(struct book *b, const struct command *c)
{
	struct row_key k = row_key3(TABLE_ACTIVITY, ref_id(b->in->seq, b->command), 0, 0);
	struct row_key tk = row_key3(TABLE_TERM, c->area, 0, 0);
	struct activity_row *row;

	if (book_rate_at(b->rows, c->item, b->in->now_us) == NULL)
		return RESULT_UNKNOWN_ITEM;
	if (c->area != 0 && book_get(b, &tk) == NULL)
		return book_refuse_field(b, "area");
	if (c->end_us <= c->start_us || c->end_us - c->start_us > DAY_US ||
	    c->end_us <= b->in->now_us)
		return book_refuse_field(b, "end_us");
	row = book_add(b, &k);
	row->item = c->item;
	row->area = c->area;
	row->start_us = c->start_us;
	row->end_us = c->end_us;
	return book_nameable(b, &k, &row->origin, b->command);
}

/* What a check-in is for: an activity that is on, or a visit to a paired beneficiary. Fills item,
 * area and planned end. */
static enum result
session_plan(struct book *b, const struct command *c, uint64_t member, struct session_row *s)
{
	struct row_key k;

	if (c->ref.seq != 0) {
		struct activity_row *a;
		enum result err;

		s->activity = ref_id(c->ref.seq, c->ref.index);
		k = row_key3(TABLE_ACTIVITY, s->activity, 0, 0);
		if ((a = book_edit(b, &k)) == NULL)
			return RESULT_NO_PLAN;
		if ((err = book_ref_matches(&c->ref, &a->origin)) != RESULT_OK)
			return err;
		if (b->in->now_us + EARLY_US < a->start_us || b->in->now_us >= a->end_us)
			return RESULT_NOT_NOW;
		s->item = a->item;
		s->area = a->area;
		s->end_us = a->end_us;
		a->present++;
		return RESULT_OK;
	}
	k = row_key3(TABLE_PAIR, member, c->beneficiary, 0);
	const struct pair_row *pair = book_get(b, &k);

	if (pair == NULL || b->today < pair->from_day ||
	    (pair->to_day != 0 && b->today > pair->to_day))
		return RESULT_NO_PLAN;
	if (c->minutes == 0 || c->minutes > b->rules->session_cap_minutes)
		return book_refuse_field(b, "minutes");
	s->item = c->item;
	s->beneficiary = c->beneficiary;
	s->end_us = b->in->now_us + c->minutes * MINUTE_US;
	return RESULT_OK;
}

static enum result
check_in_one(struct book *b, const struct command *c, uint64_t member)
{
	struct row_key k = row_key3(TABLE_SESSION, member, 0, 0);
	const struct member_row *m = book_member(b, member);
	struct session_row plan = {.start_us = b->in->now_us, .opener_no = b->key_no}, *row;
	const struct rate_row *rate;
	struct effect *e;
	enum result err;

	if (m == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (book_head(b, member)->status != MEMBER_ACTIVE)
		return RESULT_NOT_ACTIVE;
	if (m->member_class == CLASS_PAID_STAFF)
		return RESULT_PAID_STAFF;
	if (book_get(b, &k) != NULL)
		return RESULT_SESSION_OPEN;
	if ((err = session_plan(b, c, member, &plan)) != RESULT_OK)
		return err;
	if ((rate = book_rate_at(b->rows, plan.item, b->in->now_us)) == NULL)
		return RESULT_UNKNOWN_ITEM;
	if (rate->training && !book_trained(m, b->today))
		return RESULT_TRAINING_MISSING;
	plan.provenance = b->role == ROLE_MEMBER ? PROVENANCE_KIOSK : PROVENANCE_WITNESSED;
	row = book_add(b, &k);
	*row = plan;
	book_due_add(b, DUE_CLOSE, plan.end_us, member);
	if ((err = book_effect(b, EFFECT_CHECKED_IN, &e)) != RESULT_OK)
		return err;
	e->member = member;
	e->item = plan.item;
	e->until_us = plan.end_us;
	return book_touch(b, member);
}

enum result
decide_check_in(struct book *b, const struct command *c)
{
	enum result err;

	if (b->role == ROLE_MEMBER) {
		if (c->n_members > 1 || (c->n_members == 1 && c->members[0] != b->person))
			return RESULT_WRONG_ACTOR;
		return check_in_one(b, c, b->person);
	}
	if (c->n_members == 0)
		return book_refuse_field(b, "members");
	for (uint32_t i = 0; i < c->n_members; i++) {
		/* Nobody witnesses for themselves or their kin. */
		if ((err = book_keep_apart(b, b->person, c->members[i])) != RESULT_OK ||
		    (err = check_in_one(b, c, c->members[i])) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}

/* Forgets the open session: its due row, and its place in the activity. */
static void
session_drop(struct book *b, uint64_t member, const struct session_row *s)
{
	struct row_key k = row_key3(TABLE_ACTIVITY, s->activity, 0, 0);
	struct activity_row *a = s->activity == 0 ? NULL : book_edit(b, &k);

	if (a != NULL && a->present > 0)
		a->present--;
	book_due_drop(b, DUE_CLOSE, s->end_us, member);
	k = row_key3(TABLE_SESSION, member, 0, 0);
	book_drop(b, &k);
}

static enum result
record_from_session(struct book *b, uint64_t member, const struct session_row *s, uint32_t start,
    uint32_t minutes, int32_t day, uint32_t index, int by_clock)
{
	struct row_key k = row_key3(TABLE_RECORD, ref_id(b->in->seq, index), 0, 0);
	struct record_row *r = book_add(b, &k);
	struct effect *e;
	enum result err;

	r->member = member;
	r->item = s->item;
	r->beneficiary = s->beneficiary;
	r->day = day;
	r->start_minute = start;
	r->end_minute = start + minutes;
	r->area = s->area;
	/* Only a session that the member opened and closed with the own PIN is the member's own. */
	r->provenance =
	    (uint16_t)(b->role == ROLE_OUTLET || b->role == ROLE_STAFF ? PROVENANCE_WITNESSED
								       : s->provenance);
	r->measured = 1;
	r->state = RECORD_RECORDED;
	r->auto_closed = (uint16_t)by_clock;
	r->recorder_no = s->opener_no;
	r->closer_no = b->key_no;
	member_day_take(b, member, day, start, start + minutes, s->item, ref_id(b->in->seq, index));
	if ((err = book_nameable(b, &k, &r->origin, index)) != RESULT_OK ||
	    (err = book_effect(b, EFFECT_RECORDED, &e)) != RESULT_OK)
		return err;
	e->index = index;
	e->member = member;
	e->minutes = minutes;
	e->item = s->item;
	e->day = day;
	e->provenance = r->provenance;
	return RESULT_OK;
}

enum result
session_close(struct book *b, uint64_t member, uint64_t end_us, int by_clock, uint32_t index)
{
	struct row_key k = row_key3(TABLE_SESSION, member, 0, 0);
	const struct session_row *open = book_get(b, &k);
	struct session_row s;
	uint32_t minutes, start;
	int32_t day;
	enum result verdict;
	struct effect *e;

	if (open == NULL)
		return RESULT_NO_SESSION;
	s = *open;
	if (end_us > s.end_us)
		end_us = s.end_us;
	day = book_day(b->station, s.start_us);
	start = (uint32_t)((s.start_us - book_day_start_us(b->station, day)) / MINUTE_US);
	minutes = (uint32_t)((end_us - s.start_us) / MINUTE_US);
	if (minutes > b->rules->session_cap_minutes)
		minutes = b->rules->session_cap_minutes;
	verdict = minutes == 0 ? RESULT_TOO_SHORT
			       : member_day_judge(b, member, day, start, start + minutes, s.item);
	if (verdict != RESULT_OK && !by_clock)
		return verdict;
	session_drop(b, member, &s);
	if ((by_clock ? book_touch(b, member) : RESULT_OK) != RESULT_OK)
		return RESULT_TOO_MANY_EFFECTS;
	if (verdict == RESULT_OK)
		return record_from_session(b, member, &s, start, minutes, day, index, by_clock);
	/* The planned end came, and there is nothing that may be recorded: the session ends all the
	 * same. */
	if ((verdict = book_effect(b, EFFECT_ROW_REFUSED, &e)) != RESULT_OK)
		return verdict;
	e->index = index;
	e->member = member;
	e->verdict = minutes == 0 ? RESULT_TOO_SHORT : RESULT_OVERLAP;
	return RESULT_OK;
}

enum result
decide_check_out(struct book *b, const struct command *c)
{
	/* Records of this command: its index in the upper byte, the member's in the lower (a list
	 * holds at most 200). */
	uint32_t index = b->command << 8;
	enum result err;

	if (b->command > UINT8_MAX)
		return RESULT_TOO_MANY;
	if (b->role == ROLE_MEMBER) {
		if (c->n_members > 1 || (c->n_members == 1 && c->members[0] != b->person))
			return RESULT_WRONG_ACTOR;
		if ((err = book_touch(b, b->person)) != RESULT_OK)
			return err;
		return session_close(b, b->person, b->in->now_us, 0, index);
	}
	if (c->n_members == 0)
		return book_refuse_field(b, "members");
	for (uint32_t i = 0; i < c->n_members; i++) {
		if ((err = book_keep_apart(b, b->person, c->members[i])) != RESULT_OK ||
		    (err = session_close(b, c->members[i], b->in->now_us, 0, index + i)) !=
			RESULT_OK ||
		    (err = book_touch(b, c->members[i])) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}

enum result
decide_system_close(struct book *b, const struct command *c)
{
	enum result err;

	for (uint32_t i = 0; i < c->n_members; i++) {
		struct row_key k = row_key3(TABLE_SESSION, c->members[i], 0, 0);
		const struct session_row *s = book_get(b, &k);

		if (s == NULL)
			return RESULT_NO_SESSION;
		if (b->in->now_us < s->end_us)
			return RESULT_NOT_DUE;
		if ((err = session_close(b, c->members[i], s->end_us, 1, i)) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}
