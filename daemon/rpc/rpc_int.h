/* The private shapes of rpc/, and what its files give each other. */
#ifndef TIMEBOX_RPC_RPC_INT_H
#define TIMEBOX_RPC_RPC_INT_H

#include <sys/queue.h>

#include "daemon/base/check.h"
#include "daemon/net/net.h"
#include "daemon/ops/log.h"
#include "daemon/ops/work.h"
#include "daemon/rpc/rpc.h"
#include "daemon/rpc/witness.h"
#include "proto/arena.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/entry.pb-c.h"
#include "timebox/v1/rpc.pb-c.h"

#define PEER_MAGIC 0x70656572u
#define PIN_JOB_MAGIC 0x70696e6au

typedef Timebox__V1__Response Response;

struct pin_job;

/* A connection. */
struct peer {
	uint32_t magic;
	struct rpc *rpc;
	struct net_conn *conn;
	/* The key's row once it has one: ask peer_key. */
	const struct key_row *key;
	/* Frames so far: the number of the newest. */
	uint64_t frames;
	uint64_t last_frame_ms;
	/* The kiosk session; member 0: none. */
	uint64_t session_member;
	uint64_t session_reset_us;
	uint8_t session[8];
	/* The PIN that is being checked; the connection is paused meanwhile. */
	struct pin_job *job;
	/* Acts of this connection in the turn's queue. */
	uint32_t waiting;
	uint32_t refused;
	int closing;
	/* What the frame at hand is, if it was put off: it need not be decoded to be put off again. */
	enum { PUT_OFF_NOTHING, PUT_OFF_ACT, PUT_OFF_CALL } put_off;
	LIST_ENTRY(peer) link;
};

/* How many acts and calls a turn took. */
struct load {
	uint32_t acts, calls;
};

/* An act that waits for the end of the turn. Everything it points to lives in the queue's arena. */
struct waiting_act {
	/* NULL: the connection ended; the act is decided all the same. */
	struct peer *peer;
	uint64_t number;
	/* The session when it came. */
	uint64_t session_member;
	uint64_t session_reset_us;
	uint8_t session[8];
	uint8_t key[32];
	const Timebox__V1__Request *request;
	struct engine_act read;
	struct engine_answer answer;
	uint32_t retry_after_s;
	/* The key was nobody's when the act was decided. */
	int unknown;
};

enum guess { GUESS_VOUCHER, GUESS_NUMBER };

/* When one key's last wrong guesses came, as a ring; by the clock since boot. */
struct guesses {
	uint32_t key_no;
	enum guess what;
	uint32_t next;
	uint64_t at_us[RPC_GUESS_WRONG];
};

struct rpc {
	struct engine *engine;
	struct net *net;
	struct work *work;
	uint32_t checkpoint_seconds;
	uint64_t checkpoint_entries;
	/* After so long without a frame a connection ends. */
	unsigned idle_ms;
	LIST_HEAD(, peer) peers;
	/* This turn, so far, and the one before. */
	struct load load, load_before;
	/* The turn's acts. */
	struct arena requests;
	struct waiting_act *queue;
	size_t n_queue;
	/* Of one answer at a time. */
	struct arena answers;
	uint8_t *packed;
	LIST_HEAD(, pin_job) jobs;
	/* A hash that nothing matches, for numbers that nobody has. */
	char dummy_hash[128];
	struct guesses *guesses;
	size_t n_guesses;
	struct witnesses *witnesses;
	uint64_t swept_ms;
	/* When the last frame came, and when entries were last read again. */
	uint64_t frame_ms;
	uint64_t scrubbed_ms;
	/* The last slice of reading back what is to be signed. */
	uint64_t sealed_us;
};

/* A call under way. */
struct call {
	struct rpc *rpc;
	struct peer *peer;
	/* The asking key's row. */
	const struct key_row *key;
	/* ROLE_MEMBER in a kiosk session. */
	enum role role;
	uint64_t now_us;
	const struct row_source *rows;
	struct arena *arena;
	const Timebox__V1__Call *ask;
	Response *answer;
	/* The answer comes later: nothing is sent now. */
	int later;
};

/* ---- answer.c ---- */

/* An empty answer in the (reset) arena of answers. */
Response *answer_begin(struct rpc *rpc, uint64_t number);
/* Makes it say a code. */
void answer_code(struct rpc *rpc, Response *r, enum result code);
/* Packs and queues it; one that is larger than a frame becomes "too many". */
void answer_send(struct peer *peer, Response *r);
/* A text for an answer; "" where memory is short. */
char *answer_text(struct rpc *rpc, const char *text);
/* The whole of an answer to an accepted act: its receipt, packed already. */
void answer_receipt(struct peer *peer, uint64_t number, const uint8_t *receipt, size_t len);
/* The whole of a refusal. */
void answer_refuse(struct peer *peer, uint64_t number, enum result code);

/* Zeroed memory that lives as long as the answer, or NULL. */
void *call_alloc(struct call *c, size_t n);
/* A message in such memory, initialised, or NULL. */
void *call_message(struct call *c, const ProtobufCMessageDescriptor *desc);
/* Texts for answers; "" where memory is short. */
char *call_text(struct call *c, const char *text);
char *call_code8(struct call *c, code8 code);
char *call_number(struct call *c, uint64_t member);
char *call_name(struct call *c, enum text_of of, uint64_t id, char **group);
ProtobufCBinaryData call_bytes(struct call *c, const void *p, size_t n);
/* Refuses, naming the field. */
enum result call_bad_field(struct call *c, const char *field);
/* A row, or NULL. */
const void *call_row(const struct call *c, struct row_key key);
/* A stored entry and its act, decoded. */
struct call_entry {
	const Timebox__V1__Entry *entry;
	const Timebox__V1__Act *act;
	uint8_t leaf[32];
};
MUST_CHECK enum result call_entry(struct call *c, uint64_t seq, struct call_entry *out);

/* Row keys gathered from a table, for sorting; grows in the answer's arena. */
struct gather {
	struct call *call;
	uint64_t *id;
	size_t n, cap;
	/* There was no memory for more. */
	int full;
};
void gather_add(struct gather *g, uint64_t id);
/* Ascending. */
void gather_sort(struct gather *g);

/* ---- turn.c ---- */

/* Whether the turn has enough acts, or calls, to let those wait that are still to come: never for want of the other kind. */
int turn_acts_full(const struct rpc *rpc);
int turn_calls_full(const struct rpc *rpc);
/* Queues an act; decides all at once if the queue is full. */
void turn_add(struct peer *peer, const Timebox__V1__Request *request);
/* Decides, commits, answers. */
void turn_flush(struct rpc *rpc);
/* Forgets a connection that ended. */
void turn_forget(struct rpc *rpc, struct peer *peer);

/* ---- rpc.c ---- */

/* The key's row, or NULL: unknown. */
const struct key_row *peer_key(struct peer *peer);
/* Sets the limits of what the key is now: the size of frames, how long it may say nothing. */
void peer_limit(struct peer *peer);

/* ---- calls.c ---- */

void call_serve(struct peer *peer, const struct key_row *key, const Timebox__V1__Call *ask);
/* Fills the frame of a call: rows, role, time, arena; `answer` is new. */
void call_begin(struct call *c, struct peer *peer, const struct key_row *key, uint64_t number);

/* ---- session.c ---- */

/* Ends a session that was idle too long. */
void session_idle_check(struct peer *peer, uint64_t now_ms);
/* Ends a session that was idle too long, or whose member's PIN was reset or status changed since. */
void session_check(struct peer *peer, uint64_t now_ms);
void session_end(struct peer *peer);
/* What nearly everything asks of a member; NULL if there is none. */
const struct member_head_row *member_head(const struct rpc *rpc, uint64_t member);
/* Whether a session of the member, begun when their last PIN reset was `reset_us`, stands. */
int session_stands(const struct rpc *rpc, uint64_t member, uint64_t reset_us);
/* Opens one and fills the answer. */
MUST_CHECK enum result session_begin(struct call *c, uint64_t member);

/* ---- pin.c ---- */

/* 1 if the member has a PIN that works (not ended by a reset). */
int pin_set(struct rpc *rpc, uint64_t member);
/* A connection ended while its PIN was being checked. */
void pin_forget(struct peer *peer);
/* Drops the jobs that never came back; the pool is closed. */
void pin_drop_all(struct rpc *rpc);
MUST_CHECK enum result pin_open(struct rpc *rpc);

/* ---- guess.c ---- */

/* Seconds the key has to wait, 0: none. */
uint32_t guess_wait_s(struct rpc *rpc, uint32_t key_no, enum guess what);
/* One more was wrong. */
void guess_note(struct rpc *rpc, uint32_t key_no, enum guess what);

/* ---- people.c ---- */

/* What the asker may see of a member. `full`: with lots and carries. RESULT_NOT_FOUND. */
MUST_CHECK enum result member_fill(struct call *c, uint64_t member, int full, Timebox__V1__Member **out);

/* ---- service.c ---- */

/* A record as lists show it, or NULL without memory. */
Timebox__V1__Record *record_make(struct call *c, const struct record_row *r);

/* ---- audit.c ---- */

/* The tlog-proof of an entry as text, in the answer's arena, and the leaf hash that it states; by the newest checkpoint, or by
 * the newest that enough witnesses signed (RESULT_NOT_FOUND where there is none). */
MUST_CHECK enum result proof_make(struct call *c, uint64_t seq, int witnessed, uint8_t leaf[32], char **out);

/* ---- privacy.c ---- */

/* Whether a finding is still to be dealt with; `r`: the record that it is about, or NULL. */
int finding_open(const struct finding_row *f, const struct record_row *r);

/* ---- handlers, one per call ---- */

#define CALL(name) MUST_CHECK enum result call_##name(struct call *c)
CALL(login);
CALL(logout);
CALL(set_pin);
CALL(resolve);
CALL(get_member);
CALL(get_history);
CALL(get_catalogue);
CALL(get_voucher);
CALL(get_holds);
CALL(get_batch);
CALL(get_report);
CALL(get_todo);
CALL(get_entries);
CALL(get_checkpoint);
CALL(get_keys);
CALL(get_records);
CALL(get_receipt);
CALL(get_texts);
CALL(get_proposals);
CALL(dry_run);
CALL(get_activities);
CALL(get_status);
CALL(get_proof);
CALL(get_witness_request);
CALL(add_cosignature);
CALL(get_opening);
CALL(get_findings);
CALL(get_ledger_keys);
#undef CALL

#endif
