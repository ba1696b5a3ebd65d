/* Who is who: words to ids, a member, a member's history, the report over all. */
#include <string.h>

#include "daemon/rpc/rpc_int.h"

#define RESOLVE_MAX 4096
#define HISTORY_MAX 100
#define REPORT_MAX 1000

/* ---- words to ids ---- */

static enum result
resolve_terms(struct call *c, enum term_kind kind, char **names, size_t n, uint32_t **out)
{
	*out = call_alloc(c, n * sizeof(**out));
	if (*out == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < n; i++)
		if (texts_term_by_name(engine_people(c->rpc->engine), kind, names[i], &(*out)[i]) !=
		    RESULT_OK)
			(*out)[i] = 0;
	return RESULT_OK;
}

static enum result
resolve_ids(struct call *c, enum result (*find)(struct people *, const char *, uint64_t *),
	    char **words, size_t n, uint64_t **out)
{
	*out = call_alloc(c, n * sizeof(**out));
	if (*out == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < n; i++)
		if (find(engine_people(c->rpc->engine), words[i], &(*out)[i]) != RESULT_OK)
			(*out)[i] = 0;
	return RESULT_OK;
}

/* Outlets and kiosks ask for the few members before them: who tries numbers finds out little, and waits. */
static enum result
resolve_guesses(struct call *c, const uint64_t *members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (members[i] != 0)
			continue;
		if ((c->answer->retry_after_s = guess_wait_s(c->rpc, c->key->no, GUESS_NUMBER)) > 0)
			return RESULT_BUSY;
		guess_note(c->rpc, c->key->no, GUESS_NUMBER);
	}
	return RESULT_OK;
}

enum result
call_resolve(struct call *c)
{
	const Timebox__V1__Resolve *ask = c->ask->resolve;
	Timebox__V1__Resolved *r = call_message(c, &timebox__v1__resolved__descriptor);
	int staff = c->role == ROLE_STAFF;
	enum result err;

	if (r == NULL)
		return RESULT_NO_MEMORY;
	if (ask->n_numbers + ask->n_areas + ask->n_purposes + ask->n_beneficiaries > RESOLVE_MAX)
		return RESULT_TOO_MANY;
	/* The station's other words are the staff's. */
	if (!staff && ask->n_areas + ask->n_purposes + ask->n_beneficiaries > 0)
		return RESULT_NOT_ALLOWED;
	if (!staff && ask->n_numbers > RPC_RESOLVE_FEW)
		return RESULT_TOO_MANY;
	if (!staff && (c->answer->retry_after_s = guess_wait_s(c->rpc, c->key->no, GUESS_NUMBER)) > 0)
		return RESULT_BUSY;
	if ((err = resolve_ids(c, texts_member_by_number, ask->numbers, ask->n_numbers,
			       &r->members)) != RESULT_OK ||
	    (!staff && (err = resolve_guesses(c, r->members, ask->n_numbers)) != RESULT_OK) ||
	    (err = resolve_terms(c, TERM_AREA, ask->areas, ask->n_areas, &r->areas)) != RESULT_OK ||
	    (err = resolve_terms(c, TERM_PURPOSE, ask->purposes, ask->n_purposes, &r->purposes)) !=
		    RESULT_OK ||
	    (err = resolve_ids(c, texts_beneficiary, ask->beneficiaries, ask->n_beneficiaries,
			       &r->beneficiaries)) != RESULT_OK)
		return err;
	r->n_members = ask->n_numbers;
	r->n_areas = ask->n_areas;
	r->n_purposes = ask->n_purposes;
	r->n_beneficiaries = ask->n_beneficiaries;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_RESOLVED;
	c->answer->resolved = r;
	return RESULT_OK;
}

/* ---- a member ---- */

static size_t
count_lots(const struct call *c, uint64_t member, uint64_t first)
{
	size_t n = 0;

	for (uint64_t order = first; order != 0; n++)
		order = ((const struct point_lot_row *)call_row(
				 c, row_key3(TABLE_POINT_LOT, member, order, 0)))
				->next;
	return n;
}

static enum result
fill_lots(struct call *c, uint64_t member, uint64_t first, Timebox__V1__Member *m)
{
	size_t n = count_lots(c, member, first);

	m->lots = call_alloc(c, n * sizeof(*m->lots));
	if (m->lots == NULL)
		return RESULT_NO_MEMORY;
	for (uint64_t order = first; order != 0;) {
		const struct point_lot_row *at = call_row(c, row_key3(TABLE_POINT_LOT, member, order, 0));
		/* The list is ordered by expiry day + 1, those without one last; accounts have 0 for them. */
		uint64_t lot = order == LOT_NO_EXPIRY ? 0 : order - 1;
		Timebox__V1__PointsLot *l = call_message(c, &timebox__v1__points_lot__descriptor);

		if (l == NULL)
			return RESULT_NO_MEMORY;
		l->expiry_day = (int32_t)lot;
		l->available = (uint64_t)book_balance(c->rows, PURPOSE_AVAILABLE, ASSET_POINTS, member, 0, lot);
		l->held = (uint64_t)book_balance(c->rows, PURPOSE_HELD, ASSET_POINTS, member, 0, lot);
		if (l->available > 0 || l->held > 0)
			m->lots[m->n_lots++] = l;
		order = at->next;
	}
	return RESULT_OK;
}

static enum result
fill_carries(struct call *c, uint64_t member, const struct member_row *row, Timebox__V1__Member *m)
{
	size_t n = 0;

	for (uint64_t ratio = row->first_carry; ratio != 0; n++)
		ratio = ((const struct carry_row *)call_row(c, row_key3(TABLE_CARRY, member, ratio, 0)))->next;
	m->carries = call_alloc(c, n * sizeof(*m->carries));
	if (m->carries == NULL)
		return RESULT_NO_MEMORY;
	for (uint64_t ratio = row->first_carry; ratio != 0;) {
		const struct carry_row *at = call_row(c, row_key3(TABLE_CARRY, member, ratio, 0));
		Timebox__V1__Carry *carry = call_message(c, &timebox__v1__carry__descriptor);

		if (carry == NULL)
			return RESULT_NO_MEMORY;
		carry->ratio_minutes = (uint32_t)(ratio >> 32);
		carry->ratio_points = (uint32_t)ratio;
		carry->minutes = at->minutes;
		m->carries[m->n_carries++] = carry;
		ratio = at->next;
	}
	return RESULT_OK;
}

/* Names for staff and for the member; the telephone for staff. */
static void
fill_person(struct call *c, uint64_t member, Timebox__V1__Member *m)
{
	struct people *people = engine_people(c->rpc->engine);
	const Timebox__V1__PersonText *person;
	int own = c->role == ROLE_MEMBER && c->peer->session_member == member;
	int named = c->role == ROLE_STAFF || own;
	char number[9];
	enum result err = named ? texts_person(people, member, number, c->arena, &person)
				: texts_number(people, member, number);

	m->number = call_text(c, number);
	if (!named || err != RESULT_OK)
		return;
	m->name = person->name;
	m->unit = person->unit;
	if (c->role == ROLE_STAFF)
		m->phone = person->phone;
}

static enum result
fill_row(struct call *c, uint64_t member, const struct member_row *row, Timebox__V1__Member *m)
{
	const struct session_row *session = call_row(c, row_key3(TABLE_SESSION, member, 0, 0));
	const struct member_head_row *head = member_head(c->rpc, member);

	CHECK(head != NULL);
	m->member = member;
	m->class_ = (Timebox__V1__MemberClass)row->member_class;
	m->status = (Timebox__V1__MemberStatus)head->status;
	m->area = row->area;
	m->joined_day = row->joined_day;
	m->trained_from_day = row->trained_from_day;
	m->trained_to_day = row->trained_to_day;
	m->birth_year = row->birth_year;
	m->kin = call_alloc(c, sizeof(row->kin));
	if (m->kin == NULL)
		return RESULT_NO_MEMORY;
	memcpy(m->kin, row->kin, sizeof(row->kin));
	m->n_kin = row->n_kin;
	m->records = row->records;
	m->pin_set = pin_set(c->rpc, member);
	m->card_bound = row->card_seq != 0;
	m->reset_us = head->reset_us;
	m->last_seq = head->last_seq;
	if (session != NULL) {
		m->session_start_us = session->start_us;
		m->session_end_us = session->end_us;
	}
	return RESULT_OK;
}

enum result
member_fill(struct call *c, uint64_t member, int full, Timebox__V1__Member **out)
{
	const struct member_row *row = call_row(c, row_key3(TABLE_MEMBER, member, 0, 0));
	Timebox__V1__Member *m = call_message(c, &timebox__v1__member__descriptor);
	struct member_sums sums;
	enum result err;

	if (row == NULL)
		return RESULT_NOT_FOUND;
	if (m == NULL)
		return RESULT_NO_MEMORY;
	if ((err = fill_row(c, member, row, m)) != RESULT_OK)
		return err;
	book_member_sums(c->rows, member, &sums);
	m->minutes = (uint64_t)sums.minutes;
	m->available = (uint64_t)sums.available;
	m->held = (uint64_t)sums.held;
	m->debt = (uint64_t)sums.debt;
	m->carry_minutes = sums.carry_minutes;
	fill_person(c, member, m);
	/* Also where a restore erased again what this ledger does not tell of. */
	if (m->number[0] == 0)
		m->status = TIMEBOX__V1__MEMBER_STATUS__MEMBER_STATUS_ERASED;
	if (full && ((err = fill_lots(c, member, member_head(c->rpc, member)->first_lot, m)) != RESULT_OK ||
		     (err = fill_carries(c, member, row, m)) != RESULT_OK))
		return err;
	*out = m;
	return RESULT_OK;
}

enum result
call_get_member(struct call *c)
{
	const Timebox__V1__GetMember *ask = c->ask->get_member;
	uint64_t member = ask->member;
	enum result err;

	if (ask->number[0] != 0 && texts_member_by_number(engine_people(c->rpc->engine), ask->number,
							  &member) != RESULT_OK)
		return c->role == ROLE_MEMBER ? RESULT_NOT_ALLOWED : RESULT_UNKNOWN_MEMBER;
	if (c->role == ROLE_MEMBER && member == 0)
		member = c->peer->session_member;
	if (c->role == ROLE_MEMBER && member != c->peer->session_member)
		return RESULT_NOT_ALLOWED;
	err = member_fill(c, member, 1, &c->answer->member);
	if (err == RESULT_OK)
		c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_MEMBER;
	return err == RESULT_NOT_FOUND ? RESULT_UNKNOWN_MEMBER : err;
}

/* ---- history ---- */

/* The member's entry before this one; 0: there is none. *touches: whether this one is the member's at all. */
static uint64_t
previous(const Timebox__V1__Entry *entry, uint64_t member, int *touches)
{
	*touches = 0;
	for (size_t i = 0; i < entry->n_touched; i++) {
		if (entry->touched[i]->member != member)
			continue;
		*touches = 1;
		return entry->touched[i]->prev;
	}
	return 0;
}

static void
line_postings(const Timebox__V1__Entry *entry, uint64_t member, Timebox__V1__HistoryLine *line)
{
	for (size_t i = 0; i < entry->n_postings; i++) {
		const Timebox__V1__Posting *p = entry->postings[i];

		if (p->member != member)
			continue;
		if ((int)p->purpose == PURPOSE_MINUTES)
			line->minutes += p->amount;
		else if ((int)p->purpose == PURPOSE_AVAILABLE)
			line->available += p->amount;
		else if ((int)p->purpose == PURPOSE_HELD)
			line->held += p->amount;
		else if ((int)p->purpose == PURPOSE_DEBT)
			line->debt -= p->amount;
	}
}

/* Which of the act's commands the line is about, and what its effects say of item and outlet. An opening is never hidden behind
 * what else the act did: the person is to see it. */
static uint32_t
line_effects(const struct call_entry *e, uint64_t member, Timebox__V1__HistoryLine *line)
{
	uint32_t command = 0;
	int opened = 0;

	for (size_t i = 0; i < e->entry->n_effects; i++) {
		Timebox__V1__Effect *effect = e->entry->effects[i];
		int mine = effect->member == member;

		/* A confirmation names no member: an outlet's act has one hold. */
		if (!mine && (effect->member != 0 || e->entry->n_touched != 1))
			continue;
		opened |= (int)effect->kind == EFFECT_TEXT_OPENED;
		if (!opened || (int)effect->kind == EFFECT_TEXT_OPENED)
			command = effect->command;
		if ((int)effect->kind == EFFECT_CREDITED || (int)effect->kind == EFFECT_RECORDED)
			line->records++;
		if (effect->item[0] != 0) {
			line->item = effect->item;
			line->outlet = effect->outlet;
			line->count = effect->count;
		}
	}
	return command < e->act->n_commands ? command : 0;
}

static Timebox__V1__Role
actor_role(const struct call *c, const Timebox__V1__Act *act)
{
	const struct station *station = book_station(c->rows);
	const struct key_row *key;

	if (act->actor_member != 0)
		return TIMEBOX__V1__ROLE__ROLE_MEMBER;
	if (act->actor_key.len != 32)
		return TIMEBOX__V1__ROLE__ROLE_SYSTEM;
	if (memcmp(act->actor_key.data, station->ledger_key, 32) == 0)
		return TIMEBOX__V1__ROLE__ROLE_OPERATOR;
	key = call_row(c, row_key_hash(TABLE_KEY, act->actor_key.data));
	return key == NULL ? TIMEBOX__V1__ROLE__ROLE_UNSPECIFIED : (Timebox__V1__Role)key->role;
}

/* The line keeps nothing of the decoded entry: that memory is used again for the next one. */
static enum result
line_make(struct call *c, const struct call_entry *e, uint64_t member, Timebox__V1__HistoryLine *line)
{
	uint32_t command = line_effects(e, member, line);

	line->seq = e->entry->seq;
	line->time_us = e->entry->time_us;
	line->command = (uint32_t)e->act->commands[command]->kind_case;
	line->by = actor_role(c, e->act);
	line_postings(e->entry, member, line);
	return RESULT_OK;
}

/* What outlives the decoded entry of a line. */
struct line_copy {
	char item[9];
	char outlet[9];
	uint8_t leaf[32];
};

static void
text_copy(char out[9], const char *text)
{
	size_t n = strnlen(text, 8);

	memcpy(out, text, n);
	out[n] = 0;
}

/* Reads one entry of the chain. *line is NULL where the entry is not the member's. */
static enum result
line_read(struct call *c, uint64_t seq, uint64_t member, Timebox__V1__HistoryLine **line,
	  uint64_t *prev)
{
	Timebox__V1__HistoryLine *l = call_message(c, &timebox__v1__history_line__descriptor);
	struct line_copy *copy = call_alloc(c, sizeof(*copy));
	size_t mark = c->arena->used;
	struct call_entry e;
	int touches;
	enum result err;

	*line = NULL;
	if (l == NULL || copy == NULL)
		return RESULT_NO_MEMORY;
	if ((err = call_entry(c, seq, &e)) != RESULT_OK)
		return err;
	*prev = previous(e.entry, member, &touches);
	if (touches && e.act->n_commands > 0 && (err = line_make(c, &e, member, l)) == RESULT_OK) {
		text_copy(copy->item, l->item);
		text_copy(copy->outlet, l->outlet);
		memcpy(copy->leaf, e.leaf, 32);
		l->item = copy->item;
		l->outlet = copy->outlet;
		l->leaf = (ProtobufCBinaryData){ 32, copy->leaf };
		*line = l;
	}
	c->arena->used = mark;
	return err;
}

/* Where in the chain to begin: the member's newest entry before `before`. */
static enum result
history_start(struct call *c, uint64_t member, uint64_t newest, uint64_t before, uint64_t *seq)
{
	Timebox__V1__HistoryLine *line;
	enum result err;

	*seq = newest;
	if (before == 0 || before > newest)
		return RESULT_OK;
	/* Mostly it is an entry of the member: the last one of the page before. */
	if ((err = line_read(c, before, member, &line, seq)) != RESULT_OK || line != NULL)
		return err;
	for (*seq = newest; *seq >= before && err == RESULT_OK;)
		err = line_read(c, *seq, member, &line, seq);
	return err;
}

enum result
call_get_history(struct call *c)
{
	const Timebox__V1__GetHistory *ask = c->ask->get_history;
	uint64_t member = ask->member, seq;
	uint32_t limit = ask->limit == 0 || ask->limit > HISTORY_MAX ? HISTORY_MAX : ask->limit;
	Timebox__V1__History *h = call_message(c, &timebox__v1__history__descriptor);
	const struct member_head_row *head;
	enum result err;

	if (c->role == ROLE_MEMBER && member == 0)
		member = c->peer->session_member;
	if (c->role == ROLE_MEMBER && member != c->peer->session_member)
		return RESULT_NOT_ALLOWED;
	if ((head = member_head(c->rpc, member)) == NULL)
		return RESULT_UNKNOWN_MEMBER;
	if (h == NULL || (h->lines = call_alloc(c, limit * sizeof(*h->lines))) == NULL)
		return RESULT_NO_MEMORY;
	err = history_start(c, member, head->last_seq, ask->before_seq, &seq);
	while (err == RESULT_OK && seq != 0 && h->n_lines < limit) {
		Timebox__V1__HistoryLine *line;

		err = line_read(c, seq, member, &line, &seq);
		if (err == RESULT_OK && line == NULL)
			err = RESULT_CORRUPT;
		else if (err == RESULT_OK)
			h->lines[h->n_lines++] = line;
	}
	if (seq != 0 && h->n_lines > 0)
		h->next_before_seq = h->lines[h->n_lines - 1]->seq;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_HISTORY;
	c->answer->history = h;
	return err;
}

/* ---- the report ---- */

struct report {
	const char *after;
	uint64_t *member;
	size_t n, limit;
};

/* ---- members without a number: erased ---- */

struct unnumbered {
	struct gather g;
	uint64_t after;
};

static void
unnumbered_note(void *ctx, const struct row_key *key, const void *value)
{
	struct unnumbered *u = ctx;
	char number[9];

	(void)value;
	if (key->a > u->after &&
	    texts_number(engine_people(u->g.call->rpc->engine), key->a, number) == RESULT_NOT_FOUND)
		gather_add(&u->g, key->a);
}

/* Behind all numbers, as many as go in. */
static enum result
report_unnumbered(struct call *c, struct report *r, uint64_t after, int *more)
{
	struct unnumbered u = { .g = { .call = c }, .after = after };

	engine_each(c->rpc->engine, TABLE_MEMBER, unnumbered_note, &u);
	if (u.g.full)
		return RESULT_NO_MEMORY;
	gather_sort(&u.g);
	for (size_t i = 0; i < u.g.n && r->n < r->limit; i++)
		r->member[r->n++] = u.g.id[i];
	*more = u.g.n > 0 && r->n > 0 && r->member[r->n - 1] != u.g.id[u.g.n - 1];
	return RESULT_OK;
}

/* Stops with RESULT_TOO_MANY when the page is full. */
static enum result
report_note(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct report *r = ctx;

	if (key_len != 8 || len != sizeof(uint64_t))
		return RESULT_CORRUPT;
	if (r->after[0] != 0 && memcmp(key, r->after, 8) <= 0)
		return RESULT_OK;
	if (r->n == r->limit)
		return RESULT_TOO_MANY;
	memcpy(&r->member[r->n++], value, sizeof(uint64_t));
	return RESULT_OK;
}

enum result
call_get_report(struct call *c)
{
	const Timebox__V1__GetReport *ask = c->ask->get_report;
	struct report r = { .after = ask->after_number };
	Timebox__V1__Report *report = call_message(c, &timebox__v1__report__descriptor);
	int more = 0;
	enum result err;

	r.limit = ask->limit == 0 || ask->limit > REPORT_MAX ? REPORT_MAX : ask->limit;
	if (r.after[0] != 0 && strlen(r.after) != 8)
		return call_bad_field(c, "after_number");
	r.member = call_alloc(c, r.limit * sizeof(*r.member));
	if (report == NULL || r.member == NULL ||
	    (report->members = call_alloc(c, r.limit * sizeof(*report->members))) == NULL)
		return RESULT_NO_MEMORY;
	err = ask->after_member != 0
		? RESULT_OK
		: people_each(engine_people(c->rpc->engine), PEOPLE_NUMBER, "", 0, report_note, &r);
	report->more = err == RESULT_TOO_MANY;
	if (err == RESULT_OK) {
		err = report_unnumbered(c, &r, ask->after_member, &more);
		report->more = more;
	}
	if (err != RESULT_OK && err != RESULT_TOO_MANY)
		return err;
	for (size_t i = 0; i < r.n; i++) {
		err = member_fill(c, r.member[i], 0, &report->members[report->n_members]);
		if (err == RESULT_OK)
			report->n_members++;
		else if (err != RESULT_NOT_FOUND)
			return err;
	}
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_REPORT;
	c->answer->report = report;
	return RESULT_OK;
}
