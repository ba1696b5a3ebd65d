/*
 * A turn: the acts that came are decided in order of arrival, what fell due follows, one commit makes all of it durable, and
 * only then does any answer leave. If the commit fails, nobody learns what was decided.
 */
#include <string.h>

#include "daemon/rpc/rpc_int.h"
#include "proto/crypto.h"

int
turn_acts_full(const struct rpc *rpc)
{
	uint32_t calls = rpc->load.calls > rpc->load_before.calls ? rpc->load.calls : rpc->load_before.calls;

	/* Calls that had a turn to themselves may have been any number. */
	if (calls > RPC_TURN_CALLS_SHARED)
		calls = RPC_TURN_CALLS_SHARED;
	return calls > 0 && rpc->load.acts >= RPC_TURN_ACTS_SHARED && rpc->load.acts >= RPC_TURN_ACTS_A_CALL * calls;
}

int
turn_calls_full(const struct rpc *rpc)
{
	return rpc->load.calls >= RPC_TURN_CALLS_SHARED && (rpc->load.acts > 0 || rpc->load_before.acts > 0);
}

void
turn_add(struct peer *peer, const Timebox__V1__Request *request)
{
	struct rpc *rpc = peer->rpc;
	struct waiting_act *w = &rpc->queue[rpc->n_queue++];

	memset(w, 0, sizeof(*w));
	w->peer = peer;
	w->number = peer->frames;
	w->session_member = peer->session_member;
	w->session_reset_us = peer->session_reset_us;
	memcpy(w->session, peer->session, sizeof(w->session));
	memcpy(w->key, net_conn_key(peer->conn), sizeof(w->key));
	w->request = request;
	engine_read(rpc->engine, request->act.data, request->act.len, &rpc->requests, &w->read);
	peer->waiting++;
	rpc->load.acts++;
	if (rpc->n_queue == RPC_QUEUE_ACTS || rpc->requests.used >= RPC_QUEUE_BYTES)
		turn_flush(rpc);
}

void
turn_forget(struct rpc *rpc, struct peer *peer)
{
	for (size_t i = 0; i < rpc->n_queue && peer->waiting > 0; i++)
		if (rpc->queue[i].peer == peer)
			rpc->queue[i].peer = NULL;
}

/* ---- what is looked at before the engine: strangers, a slip that would end a PIN unsaid, an outlet that guesses ---- */

static enum result
check_slip(struct rpc *rpc, const struct act *act, struct waiting_act *w)
{
	for (uint32_t i = 0; i < act->n_commands; i++) {
		const struct command *command = &act->commands[i];

		if (command->kind != COMMAND_PIN_SLIP || command->reset || !pin_set(rpc, command->member))
			continue;
		w->answer.field = "reset";
		w->answer.command = i;
		return RESULT_BAD_FIELD;
	}
	return RESULT_OK;
}

static enum result
check_codes(struct rpc *rpc, const struct act *act, uint32_t key_no, struct waiting_act *w)
{
	for (uint32_t i = 0; i < act->n_commands; i++) {
		if (act->commands[i].kind != COMMAND_CONFIRM)
			continue;
		w->retry_after_s = guess_wait_s(rpc, key_no, GUESS_VOUCHER);
		return w->retry_after_s == 0 ? RESULT_OK : RESULT_VOUCHER_LIMIT;
	}
	return RESULT_OK;
}

static enum result
check_stranger(struct rpc *rpc, const struct act *act, struct waiting_act *w)
{
	/* A stranger may enrol, and fills the list of refused ids with nothing else, and never to the brim. */
	if (act->n_commands != 1 || act->commands[0].kind != COMMAND_ENROL)
		return RESULT_UNKNOWN_KEY;
	if (!engine_crowded(rpc->engine))
		return RESULT_OK;
	w->retry_after_s = RPC_CROWDED_WAIT_S;
	return RESULT_BUSY;
}

static enum result
act_check(struct rpc *rpc, const struct key_row *key, struct waiting_act *w)
{
	const struct act *act = &w->read.act;
	enum result err;

	/* What cannot be read is refused by the engine, which says why. */
	if (w->read.code != RESULT_OK)
		return RESULT_OK;
	if (key == NULL)
		return check_stranger(rpc, act, w);
	/* An accepted act keeps its receipt, whatever came after. */
	if ((key->role != ROLE_STAFF && key->role != ROLE_OUTLET) ||
	    engine_seq_of(rpc->engine, act->request_id) != 0)
		return RESULT_OK;
	err = key->role == ROLE_STAFF ? check_slip(rpc, act, w) : check_codes(rpc, act, key->no, w);
	if (err != RESULT_OK)
		engine_retire(rpc->engine, act->request_id);
	return err;
}

/* ---- deciding ---- */

/* The asking key's row, or NULL; its connection may have ended meanwhile. */
static const struct key_row *
act_key(struct rpc *rpc, const struct waiting_act *w)
{
	const struct row_source *rows = engine_rows(rpc->engine);
	struct row_key k = row_key_hash(TABLE_KEY, w->key);

	return w->peer != NULL ? peer_key(w->peer) : rows->get(rows->ctx, &k);
}

static void
act_decide(struct rpc *rpc, struct waiting_act *w)
{
	const Timebox__V1__Request *request = w->request;
	struct engine_submission in = {
		.act = request->act.data,
		.act_len = request->act.len,
		.read = &w->read,
		.signature = request->signature.data,
		.signature_len = request->signature.len,
		.texts = request->private_,
		.key = w->key,
		.session_member = w->session_member,
		.session = w->session,
		.memory = &rpc->requests,
	};
	const struct key_row *key = act_key(rpc, w);
	uint32_t key_no = key != NULL && key->role == ROLE_OUTLET ? key->no : 0;

	/* An act before it in this turn may have ended the session. */
	if (!session_stands(rpc, w->session_member, w->session_reset_us))
		in.session_member = 0;
	w->unknown = key == NULL;
	w->answer.field = "";
	w->answer.code = act_check(rpc, key, w);
	if (w->answer.code == RESULT_OK)
		engine_decide(rpc->engine, &in, &w->answer);
	if (w->answer.code == RESULT_WRONG_VOUCHER && key_no != 0)
		guess_note(rpc, key_no, GUESS_VOUCHER);
}

static void
refusal_note(struct peer *peer, const struct waiting_act *w, enum result code)
{
	log_event(LOG_LEVEL_INFO, "act_refused", "conn=%llu code=%s",
		  (unsigned long long)net_conn_id(peer->conn), result_name(code));
	if (w->unknown && ++peer->refused >= RPC_UNKNOWN_REFUSALS)
		peer->closing = 1;
}

static void
act_refuse(struct rpc *rpc, const struct waiting_act *w, enum result code)
{
	Response *r = answer_begin(rpc, w->number);

	answer_code(rpc, r, code);
	r->field = answer_text(rpc, w->answer.field);
	r->command = w->answer.command;
	r->retry_after_s = w->retry_after_s;
	answer_send(w->peer, r);
	refusal_note(w->peer, w, code);
}

/* The receipt was made with the entry; that of an entry made before is read now. */
static enum result
act_receipt(struct rpc *rpc, struct waiting_act *w)
{
	if (w->answer.receipt != NULL)
		return RESULT_OK;
	arena_reset(&rpc->answers);
	return engine_receipt_bytes(rpc->engine, w->answer.seq, &rpc->answers, &w->answer.receipt,
				    &w->answer.receipt_len);
}

static void
act_answer(struct rpc *rpc, struct waiting_act *w)
{
	enum result code = w->answer.code;

	if (code == RESULT_OK && (code = act_receipt(rpc, w)) != RESULT_OK) {
		/* It is done; only its receipt cannot be read now. */
		log_event(LOG_LEVEL_ERROR, "receipt_failed", "seq=%llu reason=%s",
			  (unsigned long long)w->answer.seq, result_name(code));
		code = RESULT_UNAVAILABLE;
	}
	if (code == RESULT_OK)
		answer_receipt(w->peer, w->number, w->answer.receipt, w->answer.receipt_len);
	else
		act_refuse(rpc, w, code);
	/* An enrolled key may send more than an unknown one. */
	if (w->unknown)
		peer_limit(w->peer);
	if (w->peer->closing)
		net_conn_close(w->peer->conn);
}

static void
expect_act(void *ctx, size_t i, enum row_expect when)
{
	const struct rpc *rpc = ctx;

	engine_expect(rpc->engine, &rpc->queue[i].read, when);
}

void
turn_flush(struct rpc *rpc)
{
	enum result err;

	for (size_t i = 0; i < rpc->n_queue; i++) {
		row_expect_ahead(engine_rows(rpc->engine), i, rpc->n_queue, expect_act, rpc);
		act_decide(rpc, &rpc->queue[i]);
	}
	(void)engine_sweep(rpc->engine, RPC_SWEEP_ENTRIES);
	err = engine_commit(rpc->engine);
	for (size_t i = 0; i < rpc->n_queue; i++) {
		struct waiting_act *w = &rpc->queue[i];

		if (w->peer == NULL)
			continue;
		w->peer->waiting--;
		if (err != RESULT_OK) {
			w->answer.code = RESULT_UNAVAILABLE;
			w->answer.field = "";
		}
		act_answer(rpc, w);
	}
	rpc->n_queue = 0;
	arena_reset(&rpc->requests);
}
