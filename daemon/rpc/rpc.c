/* The hooks of the network: who connects, what a frame is, what a turn does. */
#include "daemon/rpc/rpc.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_int.h"
#include "proto/canonical.h"
#include "proto/frame.h"

/* The turn comes round at least so often: idle sessions, the state's checkpoint. */
#define TURN_MS 1000
#define PIN_QUEUE 256
/* Entries are read again for so long in a turn, if no frame came for a while; among many frames, once in a long while. */
#define SCRUB_US 200
#define SCRUB_IDLE_MS 20
#define SCRUB_BUSY_MS 1000
/* A checkpoint is signed so often, if anything is new; entries are read back for it for a part of the time, so long in a turn. */
#define SEAL_MS 1000
#define SEAL_PART 10
#define SEAL_LEAST_US 200
#define SEAL_MOST_US 2000

const struct key_row *
peer_key(struct peer *peer)
{
	const struct row_source *rows = engine_rows(peer->rpc->engine);
	struct row_key k = row_key_hash(TABLE_KEY, net_conn_key(peer->conn));

	/* Rows of keys are never dropped and do not move. */
	if (peer->key == NULL)
		peer->key = rows->get(rows->ctx, &k);
	return peer->key;
}

void
peer_limit(struct peer *peer)
{
	const struct key_row *key = peer_key(peer);
	unsigned idle_ms = peer->rpc->idle_ms;
	size_t most = RPC_FRAME_UNKNOWN;

	if (key != NULL && key->status == KEY_ACTIVE)
		most = key->role == ROLE_STAFF ? RPC_FRAME_STAFF : RPC_FRAME_DEVICE;
	else if (idle_ms > RPC_UNKNOWN_IDLE_MS)
		/* Connections are few: who may only enrol does so, or goes. */
		idle_ms = RPC_UNKNOWN_IDLE_MS;
	net_conn_limit(peer->conn, most < FRAME_MAX_BYTES ? most : FRAME_MAX_BYTES);
	net_conn_idle_ms(peer->conn, idle_ms);
}

/* ---- connections ---- */

static void
hello_key(struct call *c, Timebox__V1__Hello *hello)
{
	if (c->key == NULL)
		return;
	hello->role = (Timebox__V1__Role)c->key->role;
	hello->key_status = (Timebox__V1__KeyStatus)c->key->status;
	hello->partner = call_code8(c, c->key->partner);
	hello->linked_member = c->key->member;
}

static void
hello_send(struct peer *peer)
{
	struct call c;
	const struct station *station;
	Timebox__V1__Hello *hello;
	uint64_t version = 0;

	call_begin(&c, peer, peer_key(peer), 0);
	hello = call_message(&c, &timebox__v1__hello__descriptor);
	station = book_station(c.rows);
	CHECK(hello != NULL && station != NULL);
	(void)book_rules_at(c.rows, c.now_us, &version);
	hello->origin = call_text(&c, engine_origin(peer->rpc->engine));
	hello->vkey = call_text(&c, engine_vkey(peer->rpc->engine));
	hello->time_us = c.now_us;
	hello->open = station->opened != 0;
	hello->rules = version;
	hello->zone_minutes = station->zone_minutes;
	hello_key(&c, hello);
	c.answer->body_case = TIMEBOX__V1__RESPONSE__BODY_HELLO;
	c.answer->hello = hello;
	answer_send(peer, c.answer);
}

static int
on_opened(void *ctx, struct net_conn *conn, const uint8_t key[NET_KEY_SIZE])
{
	struct rpc *rpc = ctx;
	struct peer *peer;

	(void)key;
	if (engine_full(rpc->engine)) {
		log_event(LOG_LEVEL_WARN, "conn_refused", "reason=refused_ids_full");
		return -1;
	}
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		return -1;
	peer->magic = PEER_MAGIC;
	peer->rpc = rpc;
	peer->conn = conn;
	peer->last_frame_ms = clock_steady_ms();
	net_conn_set_data(conn, peer);
	LIST_INSERT_HEAD(&rpc->peers, peer, link);
	peer_limit(peer);
	hello_send(peer);
	log_event(LOG_LEVEL_DEBUG, "conn_open", "conn=%llu",
		  (unsigned long long)net_conn_id(conn));
	return 0;
}

static void
on_closed(void *ctx, struct net_conn *conn)
{
	struct rpc *rpc = ctx;
	struct peer *peer = net_conn_data(conn);

	OBJ_CHECK(peer, PEER_MAGIC);
	log_event(LOG_LEVEL_DEBUG, "conn_closed", "conn=%llu frames=%llu",
		  (unsigned long long)net_conn_id(conn), (unsigned long long)peer->frames);
	pin_forget(peer);
	turn_forget(rpc, peer);
	LIST_REMOVE(peer, link);
	peer->magic = 0;
	free(peer);
}

static void
on_broken(void *ctx, struct net_conn *conn, enum result why)
{
	struct peer *peer = net_conn_data(conn);

	(void)ctx;
	OBJ_CHECK(peer, PEER_MAGIC);
	/* What had no right head was no frame. */
	answer_refuse(peer, 0, why);
}

/* ---- frames ---- */

static void
frame_refuse(struct peer *peer, enum result code)
{
	log_event(LOG_LEVEL_INFO, "frame_refused", "conn=%llu code=%s",
		  (unsigned long long)net_conn_id(peer->conn), result_name(code));
	answer_refuse(peer, peer->frames, code);
	if (peer_key(peer) == NULL && ++peer->refused >= RPC_UNKNOWN_REFUSALS)
		net_conn_close(peer->conn);
}

/* The request of a frame, in the arena of requests. */
static enum result
request_read(struct rpc *rpc, const uint8_t *body, size_t len, const Timebox__V1__Request **out)
{
	ProtobufCMessage *message;
	enum result err;

	err = canonical_unpack_loose(&timebox__v1__request__descriptor, &rpc->requests, body, len, &message);
	if (err != RESULT_OK)
		return err == RESULT_NO_MEMORY ? RESULT_TOO_MANY : err;
	*out = (const Timebox__V1__Request *)(const void *)message;
	return RESULT_OK;
}

static enum net_taken
on_call(struct peer *peer, const struct key_row *key, const Timebox__V1__Call *call)
{
	struct rpc *rpc = peer->rpc;

	if (turn_calls_full(rpc)) {
		peer->put_off = PUT_OFF_CALL;
		return NET_LATER;
	}
	rpc->load.calls++;
	session_check(peer, peer->last_frame_ms);
	call_serve(peer, key, call);
	return NET_TAKEN;
}

/* An act stays in the arena of requests until the turn's end; anything else leaves it as it was. */
static enum net_taken
on_request(struct peer *peer, const struct key_row *key, const uint8_t *body, size_t len)
{
	struct rpc *rpc = peer->rpc;
	size_t mark = rpc->requests.used;
	enum net_taken taken = NET_TAKEN;
	const Timebox__V1__Request *request;
	enum result err = request_read(rpc, body, len, &request);

	if (err == RESULT_OK && (request->act.len > 0) == (request->call != NULL))
		err = RESULT_BAD_MESSAGE;
	if (err == RESULT_OK && request->call == NULL && !turn_acts_full(rpc)) {
		turn_add(peer, request);
		return NET_TAKEN;
	}
	if (err != RESULT_OK) {
		frame_refuse(peer, err);
	} else if (request->call != NULL) {
		taken = on_call(peer, key, request->call);
	} else {
		peer->put_off = PUT_OFF_ACT;
		taken = NET_LATER;
	}
	rpc->requests.used = mark;
	return taken;
}

/* A frame that was put off, and is again: a long one would cost its decoding each time. */
static int
still_put_off(const struct peer *peer)
{
	return (peer->put_off == PUT_OFF_ACT && turn_acts_full(peer->rpc)) ||
	       (peer->put_off == PUT_OFF_CALL && turn_calls_full(peer->rpc));
}

static enum net_taken
on_frame(void *ctx, struct net_conn *conn, const uint8_t *body, size_t len)
{
	struct rpc *rpc = ctx;
	struct peer *peer = net_conn_data(conn);
	uint64_t now_ms = net_now_ms(rpc->net);
	const struct key_row *key;

	OBJ_CHECK(peer, PEER_MAGIC);
	session_idle_check(peer, now_ms);
	peer->frames++;
	peer->last_frame_ms = rpc->frame_ms = now_ms;
	key = peer_key(peer);
	if (key != NULL && key->status != KEY_ACTIVE) {
		frame_refuse(peer, RESULT_KEY_REVOKED);
		net_conn_close(conn);
		return NET_TAKEN;
	}
	if (!still_put_off(peer)) {
		peer->put_off = PUT_OFF_NOTHING;
		if (on_request(peer, key, body, len) == NET_TAKEN)
			return NET_TAKEN;
	}
	/* It counts when it is taken. */
	peer->frames--;
	return NET_LATER;
}

/* ---- the turn ---- */

static void
sessions_sweep(struct rpc *rpc)
{
	uint64_t now_ms = clock_steady_ms();
	struct peer *peer;

	if (now_ms - rpc->swept_ms < TURN_MS)
		return;
	rpc->swept_ms = now_ms;
	LIST_FOREACH(peer, &rpc->peers, link)
		session_check(peer, now_ms);
}

/* Until the next thing falls due; what is overdue although the sweep had its chance waits for a full turn. */
static int
due_in_ms(struct rpc *rpc, uint64_t seq_before)
{
	uint64_t due_us = engine_next_due_us(rpc->engine), now_us = engine_now_us(rpc->engine);

	if (due_us <= now_us)
		return engine_last_seq(rpc->engine) != seq_before ? 0 : TURN_MS;
	if (due_us - now_us >= TURN_MS * 1000ull)
		return TURN_MS;
	return (int)((due_us - now_us) / 1000) + 1;
}

/* In how many ms there is more to read again. */
static int
scrub_slice(struct rpc *rpc)
{
	uint64_t now_ms = clock_steady_ms();

	if (now_ms - rpc->frame_ms < SCRUB_IDLE_MS && now_ms - rpc->scrubbed_ms < SCRUB_BUSY_MS)
		return SCRUB_IDLE_MS;
	rpc->scrubbed_ms = now_ms;
	return engine_scrub(rpc->engine, SCRUB_US) ? SCRUB_IDLE_MS : TURN_MS;
}

static void
readback_run(void *arg)
{
	struct rpc *rpc = arg;

	engine_readback_run(rpc->engine);
}

static void
readback_done(void *arg)
{
	struct rpc *rpc = arg;

	engine_readback_end(rpc->engine, 1);
}

/* In how many ms there is more to read back. */
static int
seal_slice(struct rpc *rpc)
{
	uint64_t now_us = clock_steady_us(), part_us = (now_us - rpc->sealed_us) / SEAL_PART;

	rpc->sealed_us = now_us;
	/* People who wait for their PIN come first. */
	if (work_pending(rpc->work) == 0 && engine_readback_begin(rpc->engine) &&
	    work_submit(rpc->work, readback_run, readback_done, rpc) != RESULT_OK)
		engine_readback_end(rpc->engine, 0);
	if (part_us < SEAL_LEAST_US)
		part_us = SEAL_LEAST_US;
	return engine_seal(rpc->engine, SEAL_MS, part_us < SEAL_MOST_US ? (uint32_t)part_us : SEAL_MOST_US) ? 0 : TURN_MS;
}

static int
on_turn(void *ctx)
{
	struct rpc *rpc = ctx;
	uint64_t before = engine_last_seq(rpc->engine);
	int due_ms, scrub_ms, seal_ms;

	sessions_sweep(rpc);
	turn_flush(rpc);
	rpc->load_before = rpc->load;
	rpc->load = (struct load){ 0 };
	if (engine_checkpoint(rpc->engine, rpc->checkpoint_seconds, rpc->checkpoint_entries) != RESULT_OK)
		log_event(LOG_LEVEL_ERROR, "checkpoint_failed", "hint=\"the next start replays more\"");
	seal_ms = seal_slice(rpc);
	scrub_ms = scrub_slice(rpc);
	due_ms = due_in_ms(rpc, before);
	witnesses_turn(rpc);
	if (seal_ms < due_ms)
		due_ms = seal_ms;
	return due_ms < scrub_ms ? due_ms : scrub_ms;
}

/* ---- life ---- */

static enum result
post(void *ctx, void (*fn)(void *), void *arg)
{
	struct rpc *rpc = ctx;

	return net_post(rpc->net, fn, arg);
}

static enum result
memory_open(struct rpc *rpc)
{
	rpc->queue = calloc(RPC_QUEUE_ACTS, sizeof(*rpc->queue));
	rpc->packed = malloc(FRAME_MAX_BYTES);
	if (rpc->queue == NULL || rpc->packed == NULL)
		return RESULT_NO_MEMORY;
	if (arena_init(&rpc->requests, RPC_QUEUE_BYTES + RPC_REQUEST_ARENA) != RESULT_OK)
		return RESULT_NO_MEMORY;
	return arena_init(&rpc->answers, RPC_ANSWER_ARENA);
}

/* Everything that fell due while the daemon was down, before anybody is served. */
static enum result
backlog(struct rpc *rpc)
{
	enum result err = RESULT_OK;
	unsigned made;

	do {
		made = engine_sweep(rpc->engine, RPC_SWEEP_ENTRIES);
		err = engine_commit(rpc->engine);
	} while (made > 0 && err == RESULT_OK);
	return err;
}

static enum result
listen_on(struct rpc *rpc, const struct config *config)
{
	struct net_hooks hooks = { .ctx = rpc,
				   .opened = on_opened,
				   .frame = on_frame,
				   .closed = on_closed,
				   .broken = on_broken,
				   .turn = on_turn };
	struct net_config net;

	net_config_init(&net);
	net.host = config->host;
	net.port = config->port;
	net.tls_seed = engine_keys(rpc->engine)->tls_seed;
	net.max_connections = config->max_connections;
	net.handshake_ms = config->handshake_seconds * 1000;
	net.frame_ms = config->frame_seconds * 1000;
	net.idle_ms = rpc->idle_ms = config->idle_seconds * 1000;
	net.first_max = RPC_FRAME_UNKNOWN;
	return net_open(&net, &hooks, &rpc->net);
}

enum result
rpc_open(struct engine *engine, const struct config *config, struct rpc **out)
{
	struct rpc *rpc = calloc(1, sizeof(*rpc));
	enum result err;

	if (rpc == NULL)
		return RESULT_NO_MEMORY;
	rpc->engine = engine;
	rpc->checkpoint_seconds = config->checkpoint_seconds;
	rpc->checkpoint_entries = config->checkpoint_entries;
	engine_limit(rpc->engine, (size_t)config->memory_mib << 20);
	if ((err = memory_open(rpc)) != RESULT_OK || (err = pin_open(rpc)) != RESULT_OK ||
	    (err = backlog(rpc)) != RESULT_OK || (err = listen_on(rpc, config)) != RESULT_OK ||
	    (err = work_open(config->pin_threads, PIN_QUEUE, post, rpc, &rpc->work)) != RESULT_OK ||
	    (err = witnesses_open(rpc, config)) != RESULT_OK) {
		rpc_close(rpc);
		return err;
	}
	*out = rpc;
	return RESULT_OK;
}

const char *
rpc_address(const struct rpc *rpc)
{
	return net_address(rpc->net);
}

enum result
rpc_run(struct rpc *rpc)
{
	return net_run(rpc->net);
}

void
rpc_close(struct rpc *rpc)
{
	if (rpc == NULL)
		return;
	work_close(rpc->work);
	rpc->work = NULL;
	net_close(rpc->net);
	witnesses_close(rpc);
	pin_drop_all(rpc);
	arena_free(&rpc->requests);
	arena_free(&rpc->answers);
	free(rpc->queue);
	free(rpc->packed);
	free(rpc->guesses);
	free(rpc);
}
