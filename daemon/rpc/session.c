/* Kiosk sessions: 8 random bytes, bound to the connection. */
#include <string.h>

#include "daemon/rpc/rpc_int.h"
#include "proto/crypto.h"

const struct member_head_row *
member_head(const struct rpc *rpc, uint64_t member)
{
	const struct row_source *rows = engine_rows(rpc->engine);
	struct row_key k = row_key3(TABLE_MEMBER_HEAD, member, 0, 0);

	return rows->get(rows->ctx, &k);
}

void
session_end(struct peer *peer)
{
	peer->session_member = 0;
	peer->session_reset_us = 0;
	crypto_wipe(peer->session, sizeof(peer->session));
}

int
session_stands(const struct rpc *rpc, uint64_t member, uint64_t reset_us)
{
	const struct member_head_row *head = member_head(rpc, member);

	return head != NULL && head->status == MEMBER_ACTIVE && head->reset_us == reset_us;
}

void
session_idle_check(struct peer *peer, uint64_t now_ms)
{
	if (peer->session_member != 0 && now_ms - peer->last_frame_ms > RPC_SESSION_IDLE_MS)
		session_end(peer);
}

void
session_check(struct peer *peer, uint64_t now_ms)
{
	session_idle_check(peer, now_ms);
	if (peer->session_member != 0 &&
	    !session_stands(peer->rpc, peer->session_member, peer->session_reset_us))
		session_end(peer);
}

enum result
session_begin(struct call *c, uint64_t member)
{
	const struct member_head_row *head = member_head(c->rpc, member);
	Timebox__V1__Session *session = call_message(c, &timebox__v1__session__descriptor);
	enum result err;

	if (head == NULL || head->status != MEMBER_ACTIVE)
		return RESULT_NOT_ACTIVE;
	if (session == NULL)
		return RESULT_NO_MEMORY;
	if ((err = crypto_random(c->peer->session, sizeof(c->peer->session))) != RESULT_OK)
		return err;
	c->peer->session_member = member;
	c->peer->session_reset_us = head->reset_us;
	c->role = ROLE_MEMBER;
	if ((err = member_fill(c, member, 1, &session->member)) != RESULT_OK) {
		session_end(c->peer);
		return err;
	}
	session->session = call_bytes(c, c->peer->session, sizeof(c->peer->session));
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_SESSION;
	c->answer->session = session;
	return RESULT_OK;
}

enum result
call_logout(struct call *c)
{
	session_end(c->peer);
	return RESULT_OK;
}
