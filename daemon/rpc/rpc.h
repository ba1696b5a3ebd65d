/*
 * What clients reach: frames become acts for the engine, or calls that are answered from the rows.
 *
 *   frame ─▶ who (key row, session) ─▶ size, arena ─▶ act:  queued ─▶ end of the turn: decide … commit ─▶ answers
 *                                                 ├▶ call: its row in the table (roles) ─▶ handler ─▶ answer at once
 *                                                 └▶ either, where the turn has enough of its kind: the next turn
 *
 * Calls see the rows between turns only, so what they answer is committed. Once a write has failed, the rows may hold what
 * was not: from then on only calls that read the committed ledger itself are answered, all others, and all acts, are
 * "unavailable, outcome unknown".
 *
 * Everything runs on the thread of rpc_run, but Argon2id and, where that has nothing to do, reading back what is to be signed: the work pool.
 */
#ifndef TIMEBOX_RPC_RPC_H
#define TIMEBOX_RPC_RPC_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/engine/engine.h"
#include "daemon/ops/config.h"
#include "proto/codes.h"

/* Frames by who sends them. */
#define RPC_FRAME_UNKNOWN 4096u
#define RPC_FRAME_DEVICE (64u * 1024)
#define RPC_FRAME_STAFF (1024u * 1024)
/* A turn's acts: so many, or so many bytes decoded; when full they are decided at once. */
#define RPC_QUEUE_ACTS 4096u
#define RPC_QUEUE_BYTES (8u << 20)
/* Where both acts and calls come, a turn takes so many calls, and so many acts or so many for each call of this turn or the one
   before, whichever is more; what is past that waits for the next turn. So neither waits long for the others, and many calls do
   not make the turns too short to be worth their flushes. */
#define RPC_TURN_ACTS_SHARED 256u
#define RPC_TURN_CALLS_SHARED 256u
#define RPC_TURN_ACTS_A_CALL 2u
/* What one request may take when decoded, and what one answer may. */
#define RPC_REQUEST_ARENA (16u << 20)
#define RPC_ANSWER_ARENA (16u << 20)
/* System entries per turn. */
#define RPC_SWEEP_ENTRIES 64u
/* Refusals after which a connection of an unknown key ends, and how long it may say nothing. */
#define RPC_UNKNOWN_REFUSALS 3u
#define RPC_UNKNOWN_IDLE_MS 10000u
/* What a stranger is told to wait when too many request ids were refused of late. */
#define RPC_CROWDED_WAIT_S 60u
/* A kiosk session ends after so long without a frame. */
#define RPC_SESSION_IDLE_MS 90000u
/* Wrong guesses of one key within the window, after which it waits: an outlet's voucher codes; members' numbers that nobody
   has, asked by any key but staff's. */
#define RPC_GUESS_WRONG 10u
#define RPC_GUESS_WINDOW_US (15ull * 60 * 1000000)
/* Members' numbers that such a key may ask for at once: a team that checks in. */
#define RPC_RESOLVE_FEW 200u

struct rpc;

/*
 * Decides what fell due while nobody looked, then listens. `engine` must outlive the rpc. RESULT_IO, RESULT_BAD_FIELD (the
 * address), RESULT_NO_MEMORY, RESULT_INTERNAL, or what the engine's commit says; the log tells why. Release with rpc_close.
 */
MUST_CHECK enum result rpc_open(struct engine *engine, const struct config *config, struct rpc **out);
/* "HOST:PORT" as bound; valid until rpc_close. */
const char *rpc_address(const struct rpc *rpc);
/* Serves until SIGTERM or SIGINT; the last turn's acts are decided and answered. */
MUST_CHECK enum result rpc_run(struct rpc *rpc);
/* NULL is fine. */
void rpc_close(struct rpc *rpc);

/* The permissions of calls, one row per Call kind: for the dispatch, its test and the printed list. */
struct call_rule {
	/* The field number in Call.kind. */
	uint32_t kind;
	const char *name;
	/* A mask of ROLE_BIT; ROLE_MEMBER: a kiosk connection with an open session. */
	uint32_t roles;
	/* A staff key not linked to its person may ask it. */
	int unlinked;
	/* Answered from the committed ledger alone, so also after a failed write. */
	int committed;
};
/* In order of kind; NULL past the end. */
const struct call_rule *rpc_call_rule(size_t i);

#endif
