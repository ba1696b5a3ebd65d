/* Questions and acts over a link that may break: numbering, resending, deadlines. */
#include "client/lib/timebox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/lib/lib_int.h"
#include "proto/canonical.h"

#define RESPONSE_ARENA	((size_t)32 << 20) /* a 1 MiB frame of tiny elements, unpacked */
#define QUIET_MS	10000		   /* no answer at all for so long: the link is taken for dead */
#define PAUSE_FIRST_MS	100
#define PAUSE_LAST_MS	2000

/* An act in flight. `number` is its frame's ordinal on the present connection; 0: to be sent. */
struct slot {
	struct timebox_draft *draft;
	void *user;
	uint64_t number;
	uint64_t deadline_ms;
	int sent; /* at least once, on any connection */
	int done; /* result, answer and error are final */
	enum result result;
	Timebox__V1__Response *answer;
	struct timebox_error error;
};

struct timebox {
	struct timebox_home *home;
	SSL_CTX *ctx;
	struct link link;
	uint8_t server_key[KEY_LEN];
	Timebox__V1__Response *hello;
	uint64_t hello_at_ms;
	uint64_t frames; /* sent on this connection */
	uint32_t limit_ms;
	uint64_t pause_ms;
	uint8_t session[TIMEBOX_SESSION_LEN];
	uint64_t session_member;
	struct slot slots[TIMEBOX_WINDOW]; /* a ring */
	unsigned first, waiting;
	uint64_t call_number; /* of the call that is waited for; 0: none */
	Timebox__V1__Response *call_answer;
	struct arena arena; /* where answers are checked before they are unpacked */
	void (*wait)(void *user, const struct timebox_error *why);
	void *wait_user;
	struct timebox_error error;
};

static struct slot *
tb_slot(struct timebox *tb, unsigned i)
{
	return &tb->slots[(tb->first + i) % TIMEBOX_WINDOW];
}

/* ---- answers ---- */

/* Checked (UTF-8, memory) in the arena first, because protobuf-c checks neither, then unpacked to
 * be owned by whoever asked. */
static enum result
tb_unpack(struct timebox *tb, const uint8_t *body, size_t n, Timebox__V1__Response **out)
{
	ProtobufCMessage *m = NULL;
	enum result r;

	arena_reset(&tb->arena);
	r = canonical_unpack_loose(&timebox__v1__response__descriptor, &tb->arena, body, n, &m);
	if (r != RESULT_OK)
		return r;
	*out = timebox__v1__response__unpack(NULL, n, body);
	return *out != NULL ? RESULT_OK : RESULT_NO_MEMORY;
}

void
timebox_response_free(Timebox__V1__Response *response)
{
	if (response != NULL)
		timebox__v1__response__free_unpacked(response, NULL);
}

/* The error that a refusal stands for; returns its code. */
static enum result
tb_refusal(struct timebox_error *e, const char *where, const Timebox__V1__Response *answer)
{
	unsigned number = (unsigned)answer->code;
	enum result code = result_known(number) ? (enum result)number : RESULT_INTERNAL;

	(void)timebox_error_set(e, TIMEBOX_FAILURE_REFUSED, code, where, "%s",
		result_known(number) ? "" : answer->text_en);
	if (answer->name[0] != '\0') {
		size_t n = strnlen(answer->name, sizeof(e->name) - 1);

		memcpy(e->name, answer->name, n);
		e->name[n] = '\0';
	}
	memcpy(e->field, answer->field, strnlen(answer->field, sizeof(e->field) - 1));
	e->command = answer->command;
	e->retry_after_s = answer->retry_after_s;
	return code;
}

static void
slot_finish(struct slot *s, Timebox__V1__Response *answer)
{
	s->done = 1;
	s->result = RESULT_OK;
	if ((unsigned)answer->code != RESULT_OK)
		s->result = tb_refusal(&s->error, "act", answer);
	else if (answer->body_case != TIMEBOX__V1__RESPONSE__BODY_RECEIPT)
		s->result = timebox_error_set(&s->error, TIMEBOX_FAILURE_UNKNOWN,
			RESULT_BAD_MESSAGE, "act", "%s", "the answer has no receipt");
	if (s->result == RESULT_OK)
		s->answer = answer;
	else
		timebox_response_free(answer);
}

/* Codes that say nothing about the request itself: the daemon cannot commit now, or it gave up waiting
 * for a frame (which it may have said just before ours came). */
static int
answer_is_no_word(const Timebox__V1__Response *answer)
{
	return (unsigned)answer->code == RESULT_UNAVAILABLE || (unsigned)answer->code == RESULT_TIMEOUT;
}

/* Gives an answer to whoever waits for it. An act that got no word is not answered: the link is given
 * up, so that all in flight is sent again after a pause. */
static enum result
tb_deliver(struct timebox *tb, Timebox__V1__Response *answer)
{
	unsigned i;

	if (answer->number == 0) {
		enum result r = tb_refusal(&tb->error, "connection", answer);

		timebox_response_free(answer);
		return r == RESULT_OK ? RESULT_BAD_MESSAGE : r;
	}
	if (answer->number == tb->call_number && (unsigned)answer->code == RESULT_TIMEOUT) {
		(void)tb_refusal(&tb->error, "call", answer);
		timebox_response_free(answer);
		return RESULT_TIMEOUT;
	}
	if (answer->number == tb->call_number) {
		timebox_response_free(tb->call_answer);
		tb->call_answer = answer;
		tb->call_number = 0;
		return RESULT_OK;
	}
	for (i = 0; i < tb->waiting; i++) {
		struct slot *s = tb_slot(tb, i);

		if (s->done || s->number != answer->number)
			continue;
		if (answer_is_no_word(answer)) {
			enum result r = tb_refusal(&tb->error, "act", answer);

			timebox_response_free(answer);
			return r;
		}
		slot_finish(s, answer);
		tb->pause_ms = PAUSE_FIRST_MS;
		return RESULT_OK;
	}
	timebox_response_free(answer); /* of a call that was given up */
	return RESULT_OK;
}

/* ---- connecting ---- */

static void
tb_drop(struct timebox *tb)
{
	unsigned i;

	link_close(&tb->link);
	tb->frames = 0;
	tb->call_number = 0;
	tb->session_member = 0;
	crypto_wipe(tb->session, sizeof(tb->session));
	for (i = 0; i < tb->waiting; i++)
		tb_slot(tb, i)->number = 0;
}

/* The key must be the one that this home knows, or while it enrols the one that the code names. */
static enum result
tb_check_server(const struct timebox *tb, const uint8_t key[KEY_LEN], struct timebox_error *e)
{
	uint8_t hash[HASH_LEN];

	sha256(key, KEY_LEN, hash);
	if (tb->home->enrolled ? crypto_equal(key, tb->home->server_key, KEY_LEN)
			       : crypto_equal(hash, tb->home->server_pin, TIMEBOX_PIN_LEN))
		return RESULT_OK;
	return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_UNKNOWN_KEY, "connect",
		"%.150s is not the daemon that this home belongs to (its key is another): nothing was sent",
		tb->home->server);
}

static enum result
tb_read_hello(struct timebox *tb, struct timebox_error *e)
{
	Timebox__V1__Response *answer = NULL;
	const uint8_t *body = NULL;
	size_t n = 0;
	enum result r;

	r = link_next(&tb->link, lib_clock_ms() + TIMEBOX_CONNECT_MS, &body, &n, e);
	if (r != RESULT_OK)
		return r;
	if (tb_unpack(tb, body, n, &answer) != RESULT_OK)
		return timebox_error_set(e, TIMEBOX_FAILURE_REACH, RESULT_BAD_MESSAGE, "hello", "%s",
			"the daemon's greeting cannot be decoded");
	if ((unsigned)answer->code != RESULT_OK) {
		r = tb_refusal(e, "connect", answer);
	} else if (answer->body_case != TIMEBOX__V1__RESPONSE__BODY_HELLO) {
		r = timebox_error_set(e, TIMEBOX_FAILURE_REACH, RESULT_BAD_MESSAGE, "hello", "%s",
			"the daemon did not greet");
	} else if (tb->home->enrolled && strcmp(tb->home->origin, answer->hello->origin) != 0) {
		r = timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_WRONG_ORIGIN, "hello",
			"the daemon keeps the ledger %.100s, this home belongs to %.100s",
			answer->hello->origin, tb->home->origin);
	} else {
		timebox_response_free(tb->hello);
		tb->hello = answer;
		tb->hello_at_ms = lib_clock_ms();
		return RESULT_OK;
	}
	timebox_response_free(answer);
	return r;
}

static enum result
tb_open(struct timebox *tb, struct timebox_error *e)
{
	enum result r;

	tb_drop(tb);
	r = link_open(&tb->link, tb->ctx, tb->home->server, tb->server_key, e);
	if (r == RESULT_OK)
		r = tb_check_server(tb, tb->server_key, e);
	if (r == RESULT_OK)
		r = tb_read_hello(tb, e);
	if (r != RESULT_OK)
		link_close(&tb->link);
	return r;
}

enum result
timebox_connect(struct timebox_home *home, struct timebox **out, struct timebox_error *e)
{
	struct timebox *tb = calloc(1, sizeof(*tb));
	enum result r;

	*out = NULL;
	if (tb == NULL || arena_init(&tb->arena, RESPONSE_ARENA) != RESULT_OK) {
		free(tb);
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_NO_MEMORY, "connect", "%s", "");
	}
	tb->home = home;
	tb->link.fd = -1;
	tb->limit_ms = TIMEBOX_LIMIT_MS;
	tb->pause_ms = PAUSE_FIRST_MS;
	tb->ctx = link_context(home->seed, e);
	r = tb->ctx == NULL ? RESULT_INTERNAL : tb_open(tb, e);
	if (r != RESULT_OK) {
		timebox_close(tb);
		return r;
	}
	*out = tb;
	return RESULT_OK;
}

void
timebox_close(struct timebox *tb)
{
	unsigned i;

	if (tb == NULL)
		return;
	tb_drop(tb);
	for (i = 0; i < tb->waiting; i++)
		timebox_response_free(tb_slot(tb, i)->answer);
	timebox_response_free(tb->call_answer);
	timebox_response_free(tb->hello);
	SSL_CTX_free(tb->ctx);
	arena_free(&tb->arena);
	free(tb);
}

const Timebox__V1__Hello *
timebox_hello(const struct timebox *tb)
{
	return tb->hello->hello;
}

const uint8_t *
timebox_server_key(const struct timebox *tb)
{
	return tb->server_key;
}

uint64_t
timebox_now_us(const struct timebox *tb)
{
	return tb->hello->hello->time_us + (lib_clock_ms() - tb->hello_at_ms) * 1000;
}

void
timebox_set_limit_ms(struct timebox *tb, uint32_t limit_ms)
{
	tb->limit_ms = limit_ms;
}

void
timebox_on_wait(struct timebox *tb, void (*wait)(void *user, const struct timebox_error *why),
	void *user)
{
	tb->wait = wait;
	tb->wait_user = user;
}

const struct timebox_error *
timebox_last_error(const struct timebox *tb)
{
	return &tb->error;
}

/* ---- sending and waiting ---- */

static void
tb_sleep(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) != 0)
		;
}

/* Queues every act that this connection has not seen, oldest first. */
static enum result
tb_queue_acts(struct timebox *tb)
{
	enum result r = RESULT_OK;
	unsigned i;

	for (i = 0; i < tb->waiting && r == RESULT_OK; i++) {
		struct slot *s = tb_slot(tb, i);
		const uint8_t *p;
		size_t n;

		if (s->done || s->number != 0)
			continue;
		p = timebox_draft_request(s->draft, &n);
		r = link_queue(&tb->link, p, n);
		s->number = ++tb->frames;
		s->sent = 1;
	}
	return r;
}

/* Whether trying again later may help: not against another daemon, or where we are turned away. */
static int
tb_may_reopen(const struct timebox_error *e)
{
	return e->failure == TIMEBOX_FAILURE_REACH ||
		(e->failure == TIMEBOX_FAILURE_REFUSED &&
			(e->code == RESULT_BUSY || e->code == RESULT_UNAVAILABLE ||
				e->code == RESULT_TIMEOUT));
}

/* After a loss: pauses, connects, queues again, until it stands or `deadline_ms` passes. tb->error
 * is why it does not. */
static enum result
tb_reopen(struct timebox *tb, uint64_t deadline_ms)
{
	for (;;) {
		uint64_t now = lib_clock_ms();
		enum result r;

		if (now + tb->pause_ms >= deadline_ms)
			return RESULT_TIMEOUT;
		if (tb->wait != NULL)
			tb->wait(tb->wait_user, &tb->error);
		tb_sleep(tb->pause_ms);
		tb->pause_ms = tb->pause_ms * 2 > PAUSE_LAST_MS ? PAUSE_LAST_MS : tb->pause_ms * 2;
		r = tb_open(tb, &tb->error);
		if (r == RESULT_OK)
			r = tb_queue_acts(tb);
		if (r == RESULT_OK)
			return r;
		if (!tb_may_reopen(&tb->error))
			return r;
	}
}

/* Receives one answer and gives it to whoever waits. Anything but RESULT_OK: the link is no use any
 * more (tb->error says why). */
static enum result
tb_turn(struct timebox *tb, uint64_t deadline_ms)
{
	Timebox__V1__Response *answer = NULL;
	const uint8_t *body = NULL;
	size_t n = 0;
	enum result r;

	r = link_next(&tb->link, deadline_ms, &body, &n, &tb->error);
	if (r != RESULT_OK)
		return r;
	r = tb_unpack(tb, body, n, &answer);
	if (r != RESULT_OK)
		return timebox_error_set(&tb->error, TIMEBOX_FAILURE_REACH, r, "answer", "%s",
			"the daemon's answer cannot be decoded");
	return tb_deliver(tb, answer);
}

/* An idle connection may have been closed by the daemon meanwhile: look, and open it again. */
static enum result
tb_ensure(struct timebox *tb)
{
	const uint8_t *body = NULL;
	size_t n = 0;

	if (tb->link.fd >= 0 && tb->waiting == 0 &&
		link_next(&tb->link, 0, &body, &n, &tb->error) != RESULT_TIMEOUT)
		link_close(&tb->link);
	if (tb->link.fd >= 0)
		return RESULT_OK;
	return tb_open(tb, &tb->error);
}

/* ---- questions ---- */

/* Those that change something beside the ledger are not asked twice. */
static int
call_repeats(const Timebox__V1__Call *call)
{
	return call->kind_case != TIMEBOX__V1__CALL__KIND_LOGIN &&
		call->kind_case != TIMEBOX__V1__CALL__KIND_LOGOUT &&
		call->kind_case != TIMEBOX__V1__CALL__KIND_SET_PIN;
}

static enum result
tb_call_queue(struct timebox *tb, const Timebox__V1__Call *call)
{
	Timebox__V1__Request request;
	uint8_t *packed;
	size_t n;
	enum result r;

	timebox__v1__request__init(&request);
	request.call = (Timebox__V1__Call *)(uintptr_t)call;
	n = timebox__v1__request__get_packed_size(&request);
	packed = malloc(n + 1);
	if (packed == NULL)
		return timebox_error_set(&tb->error, TIMEBOX_FAILURE_HERE, RESULT_NO_MEMORY, "call",
			"%s", "");
	timebox__v1__request__pack(&request, packed);
	r = link_queue(&tb->link, packed, n);
	crypto_wipe(packed, n); /* it may be a PIN */
	free(packed);
	if (r != RESULT_OK)
		return timebox_error_set(&tb->error, TIMEBOX_FAILURE_HERE, r, "call", "%s", "");
	tb->call_number = ++tb->frames;
	return RESULT_OK;
}

/* One question on one connection; RESULT_OK: tb->call_answer is there. */
static enum result
tb_ask(struct timebox *tb, const Timebox__V1__Call *call, uint64_t deadline_ms)
{
	enum result r = tb_call_queue(tb, call);

	while (r == RESULT_OK && tb->call_answer == NULL)
		r = tb_turn(tb, deadline_ms);
	if (r != RESULT_OK)
		tb_drop(tb);
	return r;
}

enum result
timebox_call(struct timebox *tb, const Timebox__V1__Call *call, Timebox__V1__Response **out)
{
	uint64_t deadline_ms = lib_clock_ms() + tb->limit_ms;
	Timebox__V1__Response *answer;
	enum result r;

	if (out != NULL)
		*out = NULL;
	r = tb_ensure(tb);
	if (r == RESULT_OK)
		r = tb_ask(tb, call, deadline_ms);
	if (r != RESULT_OK && call_repeats(call) && tb_may_reopen(&tb->error)) {
		r = tb_reopen(tb, deadline_ms);
		if (r == RESULT_OK)
			r = tb_ask(tb, call, deadline_ms);
	}
	if (r != RESULT_OK) {
		if (call->kind_case == TIMEBOX__V1__CALL__KIND_SET_PIN &&
			tb->error.failure == TIMEBOX_FAILURE_REACH)
			tb->error.failure = TIMEBOX_FAILURE_UNKNOWN;
		return tb->error.code;
	}
	answer = tb->call_answer;
	tb->call_answer = NULL;
	if ((unsigned)answer->code != RESULT_OK) {
		r = tb_refusal(&tb->error, "call", answer);
	} else if (out != NULL) {
		*out = answer;
		return RESULT_OK;
	}
	timebox_response_free(answer);
	return r;
}

enum result
timebox_login(struct timebox *tb, const char *number, const char *card, const char *pin,
	Timebox__V1__Response **out)
{
	Timebox__V1__Login login;
	Timebox__V1__Call call;
	Timebox__V1__Response *answer = NULL;
	enum result r;

	if (out != NULL)
		*out = NULL;
	timebox__v1__login__init(&login);
	timebox__v1__call__init(&call);
	if (number != NULL)
		login.number = timebox_string(number);
	else
		login.card = timebox_string(card);
	login.pin = timebox_string(pin);
	call.kind_case = TIMEBOX__V1__CALL__KIND_LOGIN;
	call.login = &login;
	r = timebox_call(tb, &call, &answer);
	if (r != RESULT_OK)
		return r;
	if (answer->body_case != TIMEBOX__V1__RESPONSE__BODY_SESSION ||
		answer->session->session.len != TIMEBOX_SESSION_LEN || answer->session->member == NULL) {
		timebox_response_free(answer);
		return timebox_error_set(&tb->error, TIMEBOX_FAILURE_REACH, RESULT_BAD_MESSAGE, "login",
			"%s", "the answer has no session");
	}
	memcpy(tb->session, answer->session->session.data, TIMEBOX_SESSION_LEN);
	tb->session_member = answer->session->member->member;
	if (out != NULL)
		*out = answer;
	else
		timebox_response_free(answer);
	return RESULT_OK;
}

enum result
timebox_logout(struct timebox *tb)
{
	Timebox__V1__Logout logout;
	Timebox__V1__Call call;

	if (tb->session_member == 0)
		return RESULT_OK;
	timebox__v1__logout__init(&logout);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_LOGOUT;
	call.logout = &logout;
	tb->session_member = 0;
	crypto_wipe(tb->session, sizeof(tb->session));
	return timebox_call(tb, &call, NULL);
}

uint64_t
timebox_session_member(const struct timebox *tb)
{
	return tb->session_member;
}

/* ---- acts ---- */

enum result
timebox_draft_seal_for(struct timebox_draft *d, const struct timebox *tb)
{
	struct timebox_seal s = {
		.origin = tb->hello->hello->origin,
		.now_us = timebox_now_us(tb),
		.key = tb->home->key,
		.seed = tb->hello->hello->role == TIMEBOX__V1__ROLE__ROLE_KIOSK ? NULL : tb->home->seed,
		.session = tb->session_member != 0 ? tb->session : NULL,
		.member = tb->session_member,
	};

	return timebox_draft_seal(d, &s);
}

unsigned
timebox_act_waiting(const struct timebox *tb)
{
	return tb->waiting;
}

enum result
timebox_act_begin(struct timebox *tb, struct timebox_draft *d, void *user)
{
	struct slot *s;
	enum result r;

	if (tb->waiting == TIMEBOX_WINDOW)
		return timebox_error_set(&tb->error, TIMEBOX_FAILURE_HERE, RESULT_BUSY, "act", "%s",
			"too many acts in flight");
	if (tb->waiting == 0 && tb->link.fd >= 0)
		(void)tb_ensure(tb); /* what is lost now is opened again in timebox_act_next */
	r = timebox_draft_seal_for(d, tb);
	if (r != RESULT_OK)
		return timebox_error_set(&tb->error, TIMEBOX_FAILURE_HERE, r, "act", "%s", "");
	s = tb_slot(tb, tb->waiting++);
	memset(s, 0, sizeof(*s));
	s->draft = d;
	s->user = user;
	s->deadline_ms = lib_clock_ms() + tb->limit_ms;
	if (tb->link.fd >= 0 && tb_queue_acts(tb) != RESULT_OK)
		tb_drop(tb);
	return RESULT_OK;
}

/* Takes the oldest out of the ring: its result, *user and *out. */
static enum result
tb_take(struct timebox *tb, void **user, Timebox__V1__Response **out)
{
	struct slot *s = tb_slot(tb, 0);
	enum result r = s->result;

	if (user != NULL)
		*user = s->user;
	if (r == RESULT_OK && out != NULL)
		*out = s->answer;
	else
		timebox_response_free(s->answer);
	if (r != RESULT_OK)
		tb->error = s->error;
	memset(s, 0, sizeof(*s));
	tb->first = (tb->first + 1) % TIMEBOX_WINDOW;
	tb->waiting--;
	return r;
}

/* Until when one turn may wait for acts: a link that says nothing at all is taken for dead early, so
 * that there is time to send again. */
static uint64_t
slot_turn_deadline(const struct slot *s)
{
	uint64_t quiet_ms = lib_clock_ms() + QUIET_MS;

	return s->deadline_ms < quiet_ms ? s->deadline_ms : quiet_ms;
}

/* No word about the oldest act: what the last trouble was is why. */
static void
slot_give_up(struct slot *s, const struct timebox_error *why)
{
	s->error = *why;
	s->error.failure = s->sent ? TIMEBOX_FAILURE_UNKNOWN : TIMEBOX_FAILURE_REACH;
	s->result = why->code == RESULT_OK ? RESULT_TIMEOUT : why->code;
	s->error.code = s->result;
	s->done = 1;
}

enum result
timebox_act_next(struct timebox *tb, void **user, Timebox__V1__Response **out)
{
	struct slot *s = tb_slot(tb, 0);
	enum result r = RESULT_OK;

	assert(tb->waiting > 0);
	if (out != NULL)
		*out = NULL;
	while (!s->done) {
		if (tb->link.fd >= 0)
			r = tb_turn(tb, slot_turn_deadline(s));
		if (s->done)
			break;
		if (tb->link.fd >= 0 && r == RESULT_OK)
			continue;
		tb_drop(tb);
		if (r != RESULT_OK && !tb_may_reopen(&tb->error)) {
			slot_give_up(s, &tb->error);
			break;
		}
		r = tb_reopen(tb, s->deadline_ms);
		if (r != RESULT_OK)
			slot_give_up(s, &tb->error);
	}
	return tb_take(tb, user, out);
}

enum result
timebox_act(struct timebox *tb, struct timebox_draft *d, Timebox__V1__Response **out)
{
	enum result r;

	assert(tb->waiting == 0);
	if (out != NULL)
		*out = NULL;
	r = timebox_act_begin(tb, d, NULL);
	return r == RESULT_OK ? timebox_act_next(tb, NULL, out) : r;
}
