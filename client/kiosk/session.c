#include "client/kiosk/session.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/voucher.h"

#define EARLY_US	3600000000ull /* a check-in is possible this long before an activity begins */
#define NUMBER_DIGITS	8

/* Milliseconds that only go forward. */
static uint64_t
desk_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
desk_init(struct desk *desk, struct timebox_home *home,
	void (*wait)(void *user, const struct timebox_error *why), void *user)
{
	*desk = (struct desk){.home = home, .wait = wait, .user = user};
}

static void
answer_replace(Timebox__V1__Response **at, Timebox__V1__Response *answer)
{
	timebox_response_free(*at);
	*at = answer;
}

static void
desk_forget(struct desk *desk)
{
	answer_replace(&desk->member, NULL);
	answer_replace(&desk->holds, NULL);
	answer_replace(&desk->activities, NULL);
	answer_replace(&desk->history, NULL);
}

void
desk_close(struct desk *desk)
{
	desk_forget(desk);
	answer_replace(&desk->catalogue, NULL);
	timebox_close(desk->tb);
	desk->tb = NULL;
}

bool
desk_over(enum result r)
{
	return r == RESULT_CONNECTION || r == RESULT_TIMEOUT || r == RESULT_UNAVAILABLE ||
		r == RESULT_SESSION_NEEDED;
}

/* ---- questions ---- */

/* Keeps the answer at `at`, whose body is `body`. */
static enum result
desk_ask(struct desk *desk, const Timebox__V1__Call *call, Timebox__V1__Response__BodyCase body,
	Timebox__V1__Response **at)
{
	Timebox__V1__Response *answer = NULL;
	enum result r;

	if (desk->tb == NULL)
		return RESULT_CONNECTION;
	r = timebox_call(desk->tb, call, &answer);
	desk->error = *timebox_last_error(desk->tb);
	desk->last_call_ms = desk_clock_ms();
	if (r == RESULT_OK && answer->body_case != body) {
		timebox_response_free(answer);
		return RESULT_BAD_MESSAGE;
	}
	if (r == RESULT_OK)
		answer_replace(at, answer);
	return r;
}

static enum result
desk_get_catalogue(struct desk *desk)
{
	Timebox__V1__GetCatalogue ask = TIMEBOX__V1__GET_CATALOGUE__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;

	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_CATALOGUE;
	call.get_catalogue = &ask;
	return desk_ask(desk, &call, TIMEBOX__V1__RESPONSE__BODY_CATALOGUE, &desk->catalogue);
}

static enum result
desk_get_member(struct desk *desk)
{
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__GetMember ask;

	timebox__v1__get_member__init(&ask);
	ask.member = timebox_session_member(desk->tb);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_MEMBER;
	call.get_member = &ask;
	return desk_ask(desk, &call, TIMEBOX__V1__RESPONSE__BODY_MEMBER, &desk->member);
}

static enum result
desk_get_holds(struct desk *desk)
{
	Timebox__V1__GetHolds ask = TIMEBOX__V1__GET_HOLDS__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;

	ask.member = timebox_session_member(desk->tb);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_HOLDS;
	call.get_holds = &ask;
	return desk_ask(desk, &call, TIMEBOX__V1__RESPONSE__BODY_HOLDS, &desk->holds);
}

enum result
desk_get_activities(struct desk *desk)
{
	Timebox__V1__GetActivities ask = TIMEBOX__V1__GET_ACTIVITIES__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;

	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_ACTIVITIES;
	call.get_activities = &ask;
	return desk_ask(desk, &call, TIMEBOX__V1__RESPONSE__BODY_ACTIVITIES, &desk->activities);
}

enum result
desk_get_history(struct desk *desk, uint64_t before, uint32_t limit)
{
	Timebox__V1__GetHistory ask = TIMEBOX__V1__GET_HISTORY__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;

	if (desk->tb == NULL)
		return RESULT_CONNECTION;
	ask.member = timebox_session_member(desk->tb);
	ask.before_seq = before;
	ask.limit = limit;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_HISTORY;
	call.get_history = &ask;
	return desk_ask(desk, &call, TIMEBOX__V1__RESPONSE__BODY_HISTORY, &desk->history);
}

/* ---- connection and session ---- */

enum result
desk_connect(struct desk *desk)
{
	enum result r;

	if (desk->tb == NULL) {
		r = timebox_connect(desk->home, &desk->tb, &desk->error);
		if (r != RESULT_OK)
			return r;
		timebox_set_limit_ms(desk->tb, DESK_CALL_MS);
		timebox_on_wait(desk->tb, desk->wait, desk->user);
	}
	r = desk_get_catalogue(desk);
	if (desk_over(r)) {
		timebox_close(desk->tb);
		desk->tb = NULL;
	}
	return r;
}

enum result
desk_refresh(struct desk *desk)
{
	enum result r;

	if (desk->tb == NULL || timebox_session_member(desk->tb) == 0)
		return RESULT_SESSION_NEEDED;
	r = desk_get_member(desk);
	if (r == RESULT_OK)
		r = desk_get_holds(desk);
	if (r == RESULT_OK)
		r = desk_get_catalogue(desk);
	return r;
}

static bool
is_number(const char *who)
{
	return strlen(who) == NUMBER_DIGITS && strspn(who, "0123456789") == NUMBER_DIGITS;
}

enum result
desk_login(struct desk *desk, const char *who, const char *pin)
{
	bool number = is_number(who);
	enum result r = desk_connect(desk);

	if (r != RESULT_OK)
		return r;
	r = timebox_login(desk->tb, number ? who : NULL, number ? NULL : who, pin, NULL);
	desk->error = *timebox_last_error(desk->tb);
	desk->last_call_ms = desk_clock_ms();
	if (r == RESULT_OK)
		r = desk_refresh(desk);
	return r;
}

void
desk_leave(struct desk *desk)
{
	if (desk->tb != NULL && timebox_session_member(desk->tb) != 0 &&
		timebox_logout(desk->tb) != RESULT_OK) {
		/* Without an answer the session is ended by ending the connection. */
		timebox_close(desk->tb);
		desk->tb = NULL;
	}
	desk_forget(desk);
}

enum result
desk_keep_alive(struct desk *desk)
{
	if (desk_clock_ms() - desk->last_call_ms < DESK_KEEP_ALIVE_MS)
		return RESULT_OK;
	if (desk->tb == NULL || timebox_session_member(desk->tb) == 0)
		return RESULT_SESSION_NEEDED;
	return desk_get_member(desk);
}

enum result
desk_set_pin(struct desk *desk, const char *number, const char *slip, const char *pin)
{
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	enum result r = desk_connect(desk);
	Timebox__V1__SetPin ask;

	if (r != RESULT_OK)
		return r;
	timebox__v1__set_pin__init(&ask);
	ask.number = timebox_string(number);
	ask.slip = timebox_string(slip);
	ask.pin = timebox_string(pin);
	call.kind_case = TIMEBOX__V1__CALL__KIND_SET_PIN;
	call.set_pin = &ask;
	r = timebox_call(desk->tb, &call, NULL);
	desk->error = *timebox_last_error(desk->tb);
	return r;
}

/* ---- what was learnt, as it is shown ---- */

void
desk_offer(const struct desk *desk, size_t i, struct desk_offer *out)
{
	const Timebox__V1__Item *item = desk->catalogue->catalogue->items[i];
	uint64_t have = desk->member->member->available, free_most = 0;

	*out = (struct desk_offer){.item = item};
	out->missing = item->points > have ? item->points - have : 0;
	for (size_t k = 0; k < item->n_outlets; k++) {
		if (item->outlets[k]->free == 0 || out->n_outlets == DESK_OUTLETS_MAX)
			continue;
		out->outlets[out->n_outlets++] = item->outlets[k];
		if (item->outlets[k]->free > free_most)
			free_most = item->outlets[k]->free;
	}
	out->most = item->points > 0 ? have / item->points : free_most;
	if (out->most > free_most)
		out->most = free_most;
	if (item->quota != 0 && out->most > item->quota)
		out->most = item->quota;
}

const char *
desk_partner_name(const struct desk *desk, const char *code)
{
	const Timebox__V1__Catalogue *c = desk->catalogue->catalogue;

	for (size_t i = 0; i < c->n_partners; i++)
		if (strcmp(c->partners[i]->partner, code) == 0 && c->partners[i]->name[0] != '\0')
			return c->partners[i]->name;
	return code;
}

const char *
desk_item_name(const struct desk *desk, const char *code)
{
	const Timebox__V1__Catalogue *c = desk->catalogue->catalogue;

	for (size_t i = 0; i < c->n_items; i++)
		if (strcmp(c->items[i]->item, code) == 0 && c->items[i]->name[0] != '\0')
			return c->items[i]->name;
	for (size_t i = 0; i < c->n_service_items; i++)
		if (strcmp(c->service_items[i]->item, code) == 0 && c->service_items[i]->name[0] != '\0')
			return c->service_items[i]->name;
	return code;
}

const Timebox__V1__Voucher *
desk_held(const struct desk *desk, size_t i)
{
	const Timebox__V1__Holds *holds = desk->holds->holds;

	for (size_t k = 0; k < holds->n_holds; k++) {
		if (holds->holds[k]->state != TIMEBOX__V1__HOLD_STATE__HOLD_STATE_HELD)
			continue;
		if (i-- == 0)
			return holds->holds[k];
	}
	return NULL;
}

bool
desk_activity_on(const struct desk *desk, const Timebox__V1__Activity *a)
{
	uint64_t now = desk_now_us(desk);

	return now + EARLY_US >= a->start_us && now < a->end_us;
}

uint32_t
desk_minutes_missing(const struct desk *desk, uint32_t *points)
{
	const Timebox__V1__Member *m = desk->member->member;
	uint32_t best = 0;

	for (size_t i = 0; i < m->n_carries; i++) {
		const Timebox__V1__Carry *carry = m->carries[i];
		uint32_t missing = carry->ratio_minutes - carry->minutes;

		if (carry->minutes >= carry->ratio_minutes || (best != 0 && missing >= best))
			continue;
		best = missing;
		*points = carry->ratio_points;
	}
	return best;
}

uint64_t
desk_now_us(const struct desk *desk)
{
	return desk->tb == NULL ? 0 : timebox_now_us(desk->tb);
}

const char *
desk_time(const struct desk *desk, uint64_t time_us, char out[DESK_TIME_SIZE])
{
	return out_time(out, time_us, desk->tb == NULL ? 0 : timebox_hello(desk->tb)->zone_minutes);
}

const char *
desk_last_day(const struct desk *desk, uint64_t end_us, char out[DESK_TIME_SIZE])
{
	return out_day(out, voucher_last_day(end_us,
		desk->tb == NULL ? 0 : timebox_hello(desk->tb)->zone_minutes));
}

/* ---- acts ---- */

static enum result
draft_send(struct desk *desk, struct timebox_draft *d, Timebox__V1__Response **out)
{
	enum result r = RESULT_UNAVAILABLE;

	for (int i = 0; i < DESK_TRIES; i++) {
		r = timebox_act(desk->tb, d, out);
		desk->error = *timebox_last_error(desk->tb);
		desk->last_call_ms = desk_clock_ms();
		if (r == RESULT_OK || desk->error.failure != TIMEBOX_FAILURE_UNKNOWN)
			break;
		r = RESULT_UNAVAILABLE;
	}
	return r;
}

/* One command, already filled; *out has the body receipt. */
static enum result
desk_act(struct desk *desk, const Timebox__V1__Command *command, Timebox__V1__Response **out)
{
	struct timebox_draft *d = timebox_draft_new();
	enum result r;

	*out = NULL;
	if (desk->tb == NULL || d == NULL) {
		r = d == NULL ? RESULT_NO_MEMORY : RESULT_CONNECTION;
	} else if ((r = timebox_draft_add(d, command)) == RESULT_OK) {
		r = draft_send(desk, d, out);
		if (r == RESULT_USE_NEW_ID) {
			timebox_draft_unseal(d);
			r = draft_send(desk, d, out);
		}
	}
	timebox_draft_free(d);
	return r;
}

static const Timebox__V1__Effect *
effect_find(const Timebox__V1__Response *answer, Timebox__V1__EffectKind kind)
{
	for (size_t i = 0; i < answer->receipt->n_effects; i++)
		if (answer->receipt->effects[i]->kind == kind)
			return answer->receipt->effects[i];
	return NULL;
}

enum result
desk_hold(struct desk *desk, const char *item, const char *outlet, uint32_t count,
	struct desk_voucher *out)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Response *answer = NULL;
	const Timebox__V1__Effect *held;
	Timebox__V1__Hold hold;
	enum result r;

	timebox__v1__hold__init(&hold);
	hold.member = desk->member->member->member;
	hold.item = timebox_string(item);
	hold.outlet = timebox_string(outlet);
	hold.count = count;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_HOLD;
	command.hold = &hold;
	r = desk_act(desk, &command, &answer);
	if (r != RESULT_OK)
		return r;
	held = effect_find(answer, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_HELD);
	if (held == NULL || answer->receipt->n_codes == 0 || answer->receipt->leaf.len != HASH_LEN) {
		r = RESULT_BAD_MESSAGE;
	} else {
		receipt_short(out->receipt, answer->receipt->seq, answer->receipt->leaf.data);
		(void)snprintf(out->code, sizeof(out->code), "%s", answer->receipt->codes[0]->code);
		(void)snprintf(out->item, sizeof(out->item), "%s", held->item);
		(void)snprintf(out->outlet, sizeof(out->outlet), "%s", held->outlet);
		out->count = held->count;
		out->use_by_us = held->until_us;
	}
	timebox_response_free(answer);
	return r;
}

enum result
desk_cancel(struct desk *desk, const Timebox__V1__Voucher *v)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Cancel cancel = TIMEBOX__V1__CANCEL__INIT;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;
	Timebox__V1__Response *answer = NULL;
	enum result r;

	ref.seq = v->seq;
	ref.index = v->index;
	ref.leaf = v->leaf;
	cancel.ref = &ref;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CANCEL;
	command.cancel = &cancel;
	r = desk_act(desk, &command, &answer);
	timebox_response_free(answer);
	return r;
}

enum result
desk_check_in(struct desk *desk, const Timebox__V1__Activity *a, uint64_t *until_us)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT;
	Timebox__V1__Response *answer = NULL;
	const Timebox__V1__Effect *e;
	Timebox__V1__CheckIn in;
	enum result r;

	timebox__v1__check_in__init(&in);
	ref.seq = a->seq;
	ref.index = a->index;
	ref.leaf = a->leaf;
	in.ref = &ref;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CHECK_IN;
	command.check_in = &in;
	r = desk_act(desk, &command, &answer);
	if (r != RESULT_OK)
		return r;
	e = effect_find(answer, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_CHECKED_IN);
	*until_us = e == NULL ? a->end_us : e->until_us;
	timebox_response_free(answer);
	return RESULT_OK;
}

enum result
desk_check_out(struct desk *desk, uint32_t *minutes)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__CheckOut out = TIMEBOX__V1__CHECK_OUT__INIT;
	Timebox__V1__Response *answer = NULL;
	const Timebox__V1__Effect *e;
	enum result r;

	command.kind_case = TIMEBOX__V1__COMMAND__KIND_CHECK_OUT;
	command.check_out = &out;
	r = desk_act(desk, &command, &answer);
	if (r != RESULT_OK)
		return r;
	e = effect_find(answer, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_RECORDED);
	*minutes = e == NULL ? 0 : e->minutes;
	timebox_response_free(answer);
	return RESULT_OK;
}
