/* Who may ask what: one row per call, and the one place that reads it. */
#include <string.h>

#include "daemon/rpc/rpc_int.h"

#define STAFF ROLE_BIT(ROLE_STAFF)
#define KIOSK ROLE_BIT(ROLE_KIOSK)
#define MEMBER ROLE_BIT(ROLE_MEMBER)
#define OUTLET ROLE_BIT(ROLE_OUTLET)
#define AUDITOR ROLE_BIT(ROLE_AUDITOR)
/* A kiosk, with a session or without. */
#define DEVICE (KIOSK | MEMBER)

struct row {
	struct call_rule rule;
	enum result (*handle)(struct call *c);
};

/* clang-format off */
#define ROW(KIND, fn, roles, unlinked, committed) \
	{ { TIMEBOX__V1__CALL__KIND_##KIND, #fn, roles, unlinked, committed }, call_##fn }
static const struct row table[] = {
	/*  kind            name            roles                             unlinked, committed */
	ROW(LOGIN,          login,          DEVICE,                            0, 0),
	ROW(LOGOUT,         logout,         DEVICE,                            0, 1),
	ROW(SET_PIN,        set_pin,        DEVICE,                            0, 0),
	ROW(RESOLVE,        resolve,        STAFF | MEMBER | OUTLET,           1, 0),
	ROW(GET_MEMBER,     get_member,     STAFF | MEMBER,                    1, 0),
	ROW(GET_HISTORY,    get_history,    STAFF | MEMBER,                    1, 0),
	ROW(GET_CATALOGUE,  get_catalogue,  STAFF | DEVICE | OUTLET | AUDITOR, 1, 0),
	ROW(GET_VOUCHER,    get_voucher,    STAFF | OUTLET,                    1, 0),
	ROW(GET_HOLDS,      get_holds,      STAFF | MEMBER,                    1, 0),
	ROW(GET_BATCH,      get_batch,      STAFF | AUDITOR,                   1, 0),
	ROW(GET_REPORT,     get_report,     STAFF | AUDITOR,                   1, 0),
	ROW(GET_TODO,       get_todo,       STAFF,                             1, 0),
	ROW(GET_ENTRIES,    get_entries,    STAFF | AUDITOR,                   1, 1),
	ROW(GET_CHECKPOINT, get_checkpoint, STAFF | AUDITOR,                   1, 1),
	ROW(GET_KEYS,       get_keys,       STAFF | AUDITOR,                   1, 0),
	ROW(GET_RECORDS,    get_records,    STAFF,                             1, 0),
	ROW(GET_RECEIPT,    get_receipt,    STAFF | DEVICE | OUTLET | AUDITOR, 1, 0),
	ROW(GET_TEXTS,      get_texts,      STAFF,                             1, 0),
	ROW(GET_PROPOSALS,  get_proposals,  STAFF,                             1, 0),
	ROW(DRY_RUN,        dry_run,        STAFF,                             1, 0),
	ROW(GET_ACTIVITIES, get_activities, STAFF | DEVICE | OUTLET,           1, 0),
	ROW(GET_STATUS,     get_status,     STAFF | DEVICE | OUTLET | AUDITOR, 1, 1),
	ROW(GET_PROOF,      get_proof,      STAFF | DEVICE | OUTLET | AUDITOR, 1, 0),
	ROW(GET_WITNESS_REQUEST, get_witness_request, STAFF | AUDITOR,         1, 1),
	ROW(ADD_COSIGNATURE, add_cosignature, STAFF | AUDITOR,                 1, 1),
	ROW(GET_OPENING,    get_opening,    STAFF,                             0, 0),
	ROW(GET_FINDINGS,   get_findings,   STAFF | AUDITOR,                   1, 0),
	ROW(GET_LEDGER_KEYS, get_ledger_keys, STAFF | DEVICE | OUTLET | AUDITOR, 1, 1),
};
/* clang-format on */

#define N_ROWS (sizeof(table) / sizeof(table[0]))

const struct call_rule *
rpc_call_rule(size_t i)
{
	return i < N_ROWS ? &table[i].rule : NULL;
}

static const struct row *
row_find(uint32_t kind)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (table[i].rule.kind == kind)
			return &table[i];
	return NULL;
}

void
call_begin(struct call *c, struct peer *peer, const struct key_row *key, uint64_t number)
{
	memset(c, 0, sizeof(*c));
	c->rpc = peer->rpc;
	c->peer = peer;
	c->key = key;
	c->role = key == NULL ? ROLE_NONE : (enum role)key->role;
	if (c->role == ROLE_KIOSK && peer->session_member != 0)
		c->role = ROLE_MEMBER;
	c->now_us = engine_now_us(peer->rpc->engine);
	c->rows = engine_rows(peer->rpc->engine);
	c->answer = answer_begin(peer->rpc, number);
	c->arena = &peer->rpc->answers;
}

static enum result
call_allowed(const struct call *c, const struct call_rule *rule)
{
	if (c->role == ROLE_NONE)
		return RESULT_UNKNOWN_KEY;
	if ((rule->roles & ROLE_BIT(c->role)) == 0)
		return c->role == ROLE_KIOSK && (rule->roles & MEMBER) ? RESULT_SESSION_NEEDED
								       : RESULT_NOT_ALLOWED;
	if (c->role == ROLE_STAFF && c->key->member == 0 && !rule->unlinked)
		return RESULT_KEY_NOT_LINKED;
	/* Rows may hold what a failed commit did not keep: nothing of it may be told. */
	if (!rule->committed && engine_failed(c->rpc->engine))
		return RESULT_UNAVAILABLE;
	return RESULT_OK;
}

void
call_serve(struct peer *peer, const struct key_row *key, const Timebox__V1__Call *ask)
{
	const struct row *row = row_find((uint32_t)ask->kind_case);
	struct call c;
	enum result err;

	call_begin(&c, peer, key, peer->frames);
	c.ask = ask;
	err = row == NULL ? RESULT_BAD_MESSAGE : call_allowed(&c, &row->rule);
	if (err == RESULT_OK && row != NULL)
		err = row->handle(&c);
	if (c.later)
		return;
	if (err != RESULT_OK)
		log_event(LOG_LEVEL_INFO, "call_refused", "conn=%llu call=%s code=%s",
			  (unsigned long long)net_conn_id(peer->conn), row == NULL ? "?" : row->rule.name,
			  result_name(err));
	if (err == RESULT_NO_MEMORY) {
		/* What was gathered filled the memory that the refusal's words need; or the machine has none. */
		err = c.arena->full ? RESULT_TOO_MANY : RESULT_NO_MEMORY;
		c.answer = answer_begin(peer->rpc, peer->frames);
	}
	answer_code(peer->rpc, c.answer, err);
	answer_send(peer, c.answer);
	if (err == RESULT_UNKNOWN_KEY && ++peer->refused >= RPC_UNKNOWN_REFUSALS)
		net_conn_close(peer->conn);
}
