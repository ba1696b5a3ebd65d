#include "daemon/rpc/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/net/http.h"
#include "daemon/rpc/rpc_int.h"
#include "proto/witness.h"

/* A round lasts so long at least, and at most while too few have signed. */
#define ROUND_SHORTEST_MS 1000
#define ROUND_LONGEST_MS  10000
/* A witness has so long to answer; after failures it is asked again after 1, 2, 4 … s. */
#define ASK_MS		 5000
#define AGAIN_MS	 1000
#define AGAIN_DOUBLINGS	 6

/* ---- what was signed ---- */

static void
signed_of(const struct engine_checkpoint *c, struct signed_note *out)
{
	out->size = c->size;
	out->at_us = c->at_us;
	memcpy(out->root, c->root, sizeof(out->root));
	memcpy(out->note, c->note, sizeof(out->note));
}

/* Appends the lines of all that signed this size last; how many. */
static unsigned
lines_append(const struct witnesses *w, uint64_t size, char *out, size_t cap)
{
	size_t at = strlen(out);
	unsigned count = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (w->peer[i].last.size != size || size == 0)
			continue;
		at += (size_t)snprintf(out + at, cap - at, "%s", w->peer[i].line);
		CHECK(at < cap);
		count++;
	}
	return count;
}

void
witnesses_lines(const struct witnesses *w, const struct engine_checkpoint *c, char *out)
{
	if (w != NULL && c->size == w->witnessed.size) {
		memcpy(out, w->witnessed_note, WITNESSED_SIZE);
		return;
	}
	snprintf(out, WITNESSED_SIZE, "%s", c->note);
	if (w != NULL)
		(void)lines_append(w, c->size, out, WITNESSED_SIZE);
}

static unsigned
signed_by(const struct witnesses *w, uint64_t size)
{
	unsigned count = 0;

	for (size_t i = 0; i < w->n; i++)
		count += size > 0 && w->peer[i].last.size == size;
	return count;
}

/* Enough have signed it, or one more has: it is published. */
static void
publish(struct witnesses *w, const struct signed_note *s)
{
	if (s->size < w->witnessed.size || signed_by(w, s->size) < w->quorum)
		return;
	w->witnessed = *s;
	snprintf(w->witnessed_note, sizeof(w->witnessed_note), "%s", s->note);
	(void)lines_append(w, s->size, w->witnessed_note, sizeof(w->witnessed_note));
	w->unsaved = 1;
}

/* A verified cosignature. */
static void
peer_signed(struct witness_peer *p, const struct signed_note *s, const char *line, size_t len, uint64_t time)
{
	struct witnesses *w = p->rpc->witnesses;

	if (s->size < p->last.size || len >= sizeof(p->line))
		return;
	p->last = *s;
	p->time = time;
	memcpy(p->line, line, len);
	p->line[len] = '\0';
	p->has = s->size;
	p->problem = "";
	p->failures = 0;
	p->unsaved = 1;
	if (p->last.size >= w->round.size)
		p->behind_since_us = 0;
	publish(w, s);
	witness_store_save(p->rpc, 0);
}

/* The note as it was before anybody cosigned it: its text and the ledger's own line. */
static enum result
bare_note(const char *note, size_t len, const struct note_vkey *ledger, struct signed_note *out)
{
	struct checkpoint c;
	const char *line;
	size_t n;
	enum result err = checkpoint_parse_verify(note, len, ledger, &c);

	if (err == RESULT_OK)
		err = note_line(note, len, ledger, &line, &n);
	if (err != RESULT_OK)
		return err;
	if (strcmp(c.origin, ledger->name) != 0)
		return RESULT_WRONG_ORIGIN;
	if ((size_t)snprintf(out->note, sizeof(out->note), "%.*s\n%.*s", (int)c.text_len, note, (int)n, line) >=
	    sizeof(out->note))
		return RESULT_BAD_FIELD;
	out->size = c.size;
	out->at_us = 0;
	memcpy(out->root, c.root, sizeof(out->root));
	return RESULT_OK;
}

enum result
witnesses_take(struct rpc *rpc, const char *note, size_t len, const struct witness_peer **who)
{
	struct witnesses *w = rpc->witnesses;
	enum result err = RESULT_NOT_FOUND;
	struct note_vkey ledger;
	struct signed_note s;

	if ((err = note_vkey_parse(engine_vkey(rpc->engine), &ledger)) != RESULT_OK ||
	    (err = bare_note(note, len, &ledger, &s)) != RESULT_OK)
		return err;
	err = RESULT_NOT_FOUND;
	for (size_t i = 0; i < w->n; i++) {
		struct witness_peer *p = &w->peer[i];
		const char *line;
		uint64_t time;
		size_t n;

		if (cosignature_verify(note, len, &p->config->key, &time) != RESULT_OK ||
		    note_line(note, len, &p->config->key, &line, &n) != RESULT_OK)
			continue;
		peer_signed(p, &s, line, n, time);
		*who = p;
		err = RESULT_OK;
	}
	return err;
}

/* ---- asking ---- */

static void
peer_failed(struct witness_peer *p, const char *problem)
{
	unsigned shift = p->failures < AGAIN_DOUBLINGS ? p->failures : AGAIN_DOUBLINGS;

	if (strcmp(p->problem, problem) != 0)
		log_event(LOG_LEVEL_WARN, "witness_failed", "witness=%s problem=%s size=%" PRIu64,
			  p->config->key.name, problem, p->asked.size);
	p->problem = problem;
	p->failures++;
	p->next_ms = clock_steady_ms() + ((uint64_t)AGAIN_MS << shift);
}

/* It cosigned something that does not go on to what it was asked about: somebody saw two stories. */
static void
peer_alarm(struct witness_peer *p, const char *problem, uint64_t size)
{
	log_event(LOG_LEVEL_ERROR, "witness_disagrees",
		  "witness=%s problem=%s size=%" PRIu64 " has=%" PRIu64
		  " hint=\"it saw another history of this ledger, or a larger one: find out which is right\"",
		  p->config->key.name, problem, p->asked.size, size);
	peer_failed(p, problem);
}

static void
answer_cosigned(struct witness_peer *p, const char *body, size_t len)
{
	char note[CHECKPOINT_SIZE + NET_HTTP_BODY_MAX];
	const char *line;
	uint64_t time;
	size_t n;
	int total = snprintf(note, sizeof(note), "%s%.*s", p->asked.note, (int)len, body);

	if (total < 0 || (size_t)total != strlen(p->asked.note) + len ||
	    cosignature_verify(note, (size_t)total, &p->config->key, &time) != RESULT_OK ||
	    note_line(note, (size_t)total, &p->config->key, &line, &n) != RESULT_OK) {
		peer_failed(p, "bad_answer");
		return;
	}
	peer_signed(p, &p->asked, line, n, time);
}

static void
answer_conflict(struct witness_peer *p, const char *body, size_t len)
{
	uint64_t size, had = p->has;

	if (witness_size_parse(body, len, &size) != RESULT_OK) {
		peer_failed(p, "bad_answer");
		return;
	}
	p->has = size;
	if (size > engine_last_seq(p->rpc->engine))
		peer_alarm(p, "has_more", size);
	else if (size == p->asked.size && had == size)
		peer_alarm(p, "other_root", size);
	else if (size == had || p->failures > 0)
		peer_failed(p, "bad_answer");
	else
		/* Asked again in this turn, from what it has; once. */
		p->failures++;
}

static void
on_answer(void *ctx, unsigned status, const char *body, size_t len)
{
	struct witness_peer *p = ctx;

	p->asking = 0;
	p->next_ms = clock_steady_ms();
	switch (status) {
	case 200:
		answer_cosigned(p, body, len);
		return;
	case 409:
		answer_conflict(p, body, len);
		return;
	case 422:
		peer_alarm(p, "no_proof", p->has);
		return;
	case 0:
		peer_failed(p, "no_answer");
		return;
	case 400:
		peer_failed(p, "malformed");
		return;
	case 403:
		peer_failed(p, "key_not_trusted");
		return;
	case 404:
		peer_failed(p, "ledger_not_known");
		return;
	default:
		peer_failed(p, "error");
	}
}

/* The request that proves a checkpoint from what the witness has. */
static enum result
request_make(struct rpc *rpc, const struct signed_note *s, uint64_t from, char *out, size_t size)
{
	struct engine_checkpoint c = { .size = s->size };
	uint8_t path[TREE_PATH_MAX][32];
	size_t n;
	enum result err;

	memcpy(c.root, s->root, sizeof(c.root));
	if ((err = engine_prove_growth(rpc->engine, from, &c, path, &n)) != RESULT_OK)
		return err;
	return witness_request_format(out, size, from, (const uint8_t(*)[32])path, n, s->note);
}

static void
peer_ask(struct witness_peer *p)
{
	struct rpc *rpc = p->rpc;
	static char body[WITNESS_REQUEST_MAX];

	p->asked = rpc->witnesses->round;
	if (p->has > p->asked.size) {
		/* What was carried to it by hand was newer: the next round has it. */
		p->next_ms = clock_steady_ms() + AGAIN_MS;
		return;
	}
	if (request_make(rpc, &p->asked, p->has, body, sizeof(body)) != RESULT_OK) {
		peer_failed(p, "cannot_prove");
		return;
	}
	p->asking = 1;
	if (net_http_post(rpc->net, p->config->host, p->config->port, WITNESS_ADD_PATH, body, strlen(body), ASK_MS,
			  on_answer, p) != RESULT_OK) {
		p->asking = 0;
		peer_failed(p, "cannot_ask");
	}
}

/* ---- rounds ---- */

static void
round_begin(struct witnesses *w, const struct engine_checkpoint *newest, uint64_t now_ms)
{
	signed_of(newest, &w->round);
	w->round_ms = now_ms;
	for (size_t i = 0; i < w->n; i++)
		if (w->peer[i].last.size < newest->size && w->peer[i].behind_since_us == 0)
			w->peer[i].behind_since_us = newest->at_us;
}

static int
round_over(const struct witnesses *w, uint64_t now_ms)
{
	uint64_t lasts = now_ms - w->round_ms;

	return w->round.size == 0 || lasts >= ROUND_LONGEST_MS ||
	       (lasts >= ROUND_SHORTEST_MS && signed_by(w, w->round.size) >= w->quorum);
}

void
witnesses_turn(struct rpc *rpc)
{
	struct witnesses *w = rpc->witnesses;
	const struct engine_checkpoint *newest = engine_newest(rpc->engine);
	uint64_t now_ms = clock_steady_ms();

	if (w->n == 0 || newest->size == 0)
		return;
	if (newest->size > w->round.size && round_over(w, now_ms))
		round_begin(w, newest, now_ms);
	for (size_t i = 0; i < w->n; i++) {
		struct witness_peer *p = &w->peer[i];

		if (p->config->port != 0 && !p->asking && p->last.size < w->round.size && now_ms >= p->next_ms)
			peer_ask(p);
	}
}

int
witnesses_answer(const struct witnesses *w)
{
	unsigned count = 0;

	for (size_t i = 0; i < w->n; i++)
		count += w->peer[i].config->port != 0 && w->peer[i].problem[0] == '\0';
	return w->quorum > 0 && count >= w->quorum;
}

/* ---- life ---- */

enum result
witnesses_open(struct rpc *rpc, const struct config *config)
{
	struct witnesses *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return RESULT_NO_MEMORY;
	rpc->witnesses = w;
	w->n = config->n_witnesses;
	w->quorum = config->quorum;
	memcpy(w->config, config->witnesses, sizeof(w->config));
	for (size_t i = 0; i < w->n; i++) {
		w->peer[i].rpc = rpc;
		w->peer[i].config = &w->config[i];
		w->peer[i].problem = "";
	}
	if (witness_store_open(w) != RESULT_OK)
		return RESULT_NO_MEMORY;
	witness_store_load(rpc);
	return RESULT_OK;
}

void
witnesses_close(struct rpc *rpc)
{
	if (rpc->witnesses == NULL)
		return;
	rpc->witnesses->storing = 0;
	if (rpc->witnesses->job != NULL)
		witness_store_save(rpc, 1);
	witness_store_close(rpc->witnesses);
	free(rpc->witnesses);
	rpc->witnesses = NULL;
}

/* ---- calls: what is carried by hand ---- */

static struct witness_peer *
peer_named(struct witnesses *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->peer[i].config->key.name, name) == 0)
			return &w->peer[i];
	return NULL;
}

/* The same checkpoint for all, until each has signed it: so that enough come together. */
static enum result
hand_pick(struct rpc *rpc, const struct witness_peer *p, uint64_t from)
{
	struct witnesses *w = rpc->witnesses;
	const struct engine_checkpoint *newest;
	enum result err = engine_signed(rpc->engine, &newest);

	if (err != RESULT_OK)
		return err;
	if (w->hand.size <= p->last.size || w->hand.size < from || signed_by(w, w->hand.size) >= w->quorum)
		signed_of(newest, &w->hand);
	return RESULT_OK;
}

enum result
call_get_witness_request(struct call *c)
{
	const Timebox__V1__GetWitnessRequest *ask = c->ask->get_witness_request;
	Timebox__V1__WitnessRequest *out = call_message(c, &timebox__v1__witness_request__descriptor);
	struct witness_peer *p = peer_named(c->rpc->witnesses, ask->witness);
	uint64_t from;
	enum result err;

	if (p == NULL)
		return call_bad_field(c, "witness");
	from = ask->has_size ? ask->size : p->has;
	if (out == NULL || (out->body = call_alloc(c, WITNESS_REQUEST_MAX)) == NULL)
		return RESULT_NO_MEMORY;
	if ((err = hand_pick(c->rpc, p, from)) != RESULT_OK)
		return err;
	if (from > c->rpc->witnesses->hand.size)
		return call_bad_field(c, "size");
	if ((err = request_make(c->rpc, &c->rpc->witnesses->hand, from, out->body, WITNESS_REQUEST_MAX)) != RESULT_OK)
		return err;
	out->size = c->rpc->witnesses->hand.size;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_WITNESS_REQUEST;
	c->answer->witness_request = out;
	return RESULT_OK;
}

enum result
call_add_cosignature(struct call *c)
{
	const char *note = c->ask->add_cosignature->note;
	Timebox__V1__Witnessed *out = call_message(c, &timebox__v1__witnessed__descriptor);
	const struct witness_peer *p;
	enum result err;

	if (out == NULL)
		return RESULT_NO_MEMORY;
	err = witnesses_take(c->rpc, note, strlen(note), &p);
	if (err == RESULT_BAD_FIELD)
		return call_bad_field(c, "note");
	if (err != RESULT_OK)
		return err;
	out->witness = call_text(c, p->config->key.name);
	out->size = p->last.size;
	out->time = p->time;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_WITNESSED;
	c->answer->witnessed = out;
	return RESULT_OK;
}
