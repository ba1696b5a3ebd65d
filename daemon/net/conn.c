#include "daemon/net/net_impl.h"

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"
#include "daemon/ops/log.h"
#include "proto/frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reading from a client that did not take its answers goes on when this little is left. */
#define OUT_RESUME (NET_OUT_PAUSE / 4)
/* Bytes that an ending connection discards in one go. */
#define DISCARD_MOST ((size_t)64 * 1024)
/* Least allocation for the part of a frame that came. */
#define IN_FIRST ((size_t)512)

static const uint8_t allowed_moves[CONN_STATES][CONN_STATES] = {
	[CONN_HANDSHAKE] = { [CONN_OPEN] = 1, [CONN_DEAD] = 1 },
	[CONN_OPEN] = { [CONN_CLOSING] = 1, [CONN_DEAD] = 1 },
	[CONN_CLOSING] = { [CONN_LINGER] = 1, [CONN_DEAD] = 1 },
	[CONN_LINGER] = { [CONN_DEAD] = 1 },
};

/* Tells libevent whether to read, after paused, choked, the state or net->stopping changed. */
static void
conn_update_reading(struct net_conn *conn)
{
	unsigned want = 0;

	switch (conn->state) {
	case CONN_OPEN:
		want = !conn->paused && !conn->choked && !conn->net->stopping;
		break;
	case CONN_HANDSHAKE:
	case CONN_CLOSING:
	case CONN_LINGER:
		want = !conn->ended;
		break;
	case CONN_DEAD:
	case CONN_STATES:
		break;
	}
	if (want == conn->reading)
		return;
	conn->reading = want & 1u;
	/* Fails only for lack of memory; the time limits then end the connection. */
	if (want)
		(void)event_add(&conn->readable, NULL);
	else
		(void)event_del(&conn->readable);
}

/* Tells libevent whether to say when the socket takes more. */
static void
conn_update_writing(struct net_conn *conn, unsigned want)
{
	if (want == conn->writing)
		return;
	conn->writing = want & 1u;
	if (want)
		(void)event_add(&conn->writable, NULL);
	else
		(void)event_del(&conn->writable);
}

/* Has the connection read in the next turn, whatever the socket says. */
static void
conn_make_ready(struct net_conn *conn)
{
	if (conn->is_ready)
		return;
	conn->is_ready = 1;
	TAILQ_INSERT_TAIL(&conn->net->ready, conn, ready);
}

/* The one place where a state changes. */
static void
conn_move(struct net_conn *conn, enum conn_state to)
{
	int ending = conn->state == CONN_HANDSHAKE || conn->state == CONN_OPEN;

	CHECK(allowed_moves[conn->state][to]);
	if (ending && to != CONN_OPEN)
		LIST_INSERT_HEAD(&conn->net->ending, conn, end);
	conn->state = to;
	conn->since_ms = clock_steady_ms();
	conn_update_reading(conn);
	if (to == CONN_DEAD)
		conn_update_writing(conn, 0);
}

void
conn_cut(struct net_conn *conn, enum net_reason why)
{
	if (conn->state == CONN_DEAD)
		return;
	if (why != NET_REASONS) {
		conn->net->counters.reasons[why]++;
		log_event(LOG_LEVEL_INFO, "conn_cut", "conn=%llu peer=%s why=%s",
			  (unsigned long long)conn->id, conn->peer, net_reason_name(why));
	}
	conn_move(conn, CONN_DEAD);
}

/* Framing failed: the hook's last words, then the end. */
static void
conn_break(struct net_conn *conn, enum result why)
{
	struct net *net = conn->net;
	enum net_reason reason =
		why == RESULT_FRAME_TOO_LARGE ? NET_CUT_TOO_LARGE : NET_CUT_BAD_FRAME;

	net->counters.reasons[reason]++;
	log_event(LOG_LEVEL_INFO, "conn_broken", "conn=%llu peer=%s why=%s",
		  (unsigned long long)conn->id, conn->peer, result_name(why));
	net->hooks.broken(net->hooks.ctx, conn, why);
	net_conn_close(conn);
}

/* Reads the head of the next frame. 1 if it is known now, else 0 (more is needed, or it broke). */
static int
conn_read_head(struct net_conn *conn, const uint8_t *p, size_t n)
{
	if (conn->frame_head != 0)
		return 1;
	switch (frame_parse(p, n < FRAME_HEAD_MAX ? n : FRAME_HEAD_MAX, conn->frame_max,
			    &conn->frame_head, &conn->frame_body)) {
	case FRAME_MORE:
	case FRAME_READY:
		return conn->frame_head != 0;
	case FRAME_BAD:
		conn_break(conn, RESULT_BAD_FRAME);
		return 0;
	case FRAME_OVERSIZED:
		conn_break(conn, RESULT_FRAME_TOO_LARGE);
		return 0;
	}
	return 0;
}

static int
conn_may_deliver(const struct net_conn *conn)
{
	return conn->state == CONN_OPEN && !conn->paused && !conn->choked && conn->late_in == NULL &&
	       !conn->net->stopping;
}

/*
 * The hook did not take the frame whose head is known: nothing more is handed up in this turn. Who had a frame taken in it
 * waits behind those who had none, whatever the order of coming: else one that has always more to say would be first each time.
 */
static void
conn_put_off(struct net_conn *conn)
{
	struct net *net = conn->net;

	conn->late_in = conn->taken_turn == net->turns ? &net->late_served : &net->late;
	TAILQ_INSERT_TAIL(conn->late_in, conn, late);
}

static void
conn_release(struct conn_queue *late)
{
	struct net_conn *conn;

	while ((conn = TAILQ_FIRST(late)) != NULL) {
		TAILQ_REMOVE(late, conn, late);
		conn->late_in = NULL;
		conn->frame_ms = 0; /* waiting was not the client's doing */
		if (conn->state == CONN_OPEN)
			conn_make_ready(conn);
	}
}

void
conn_release_late(struct net *net)
{
	net->turns++;
	conn_release(&net->late);
	conn_release(&net->late_served);
}

/*
 * Hands up the whole frames of p[0..n); notes since when an unfinished one is coming. Returns how
 * many bytes are done with.
 */
static size_t
conn_deliver(struct net_conn *conn, const uint8_t *p, size_t n)
{
	struct net *net = conn->net;
	uint64_t now = net->now_ms = clock_steady_ms();
	size_t used = 0;

	while (conn_may_deliver(conn) && used < n && conn_read_head(conn, p + used, n - used)) {
		size_t head = conn->frame_head, body = conn->frame_body;

		if (n - used < head + body)
			break;
		conn->active_ms = now;
		if (net->hooks.frame(net->hooks.ctx, conn, p + used + head, body) == NET_LATER) {
			conn_put_off(conn);
			break;
		}
		conn->frame_head = conn->frame_body = 0;
		conn->frame_ms = 0;
		net->counters.frames_in++;
		conn->taken_turn = net->turns;
		used += head + body;
	}
	if (used == n)
		conn->frame_ms = 0;
	else if (conn->frame_ms == 0)
		conn->frame_ms = now;
	return used;
}

/* Hands up what was left of earlier reads. */
static void
conn_deliver_rest(struct net_conn *conn)
{
	if (conn->in.len > 0)
		bytes_drop(conn->net, &conn->in,
			   conn_deliver(conn, conn->in.p + conn->in.at, conn->in.len));
}

/* Hands up what was read just now, with the rest of earlier reads before it. */
static void
conn_deliver_scratch(struct net_conn *conn, size_t n)
{
	struct net *net = conn->net;
	size_t used = 0;

	net->counters.bytes_in += n;
	if (conn->in.len == 0)
		used = conn_deliver(conn, net->scratch, n);
	if (used < n && conn->state == CONN_OPEN &&
	    bytes_add(net, &conn->in, net->scratch + used, n - used, IN_FIRST) != 0) {
		conn_cut(conn, NET_CUT_ERROR);
		return;
	}
	if (used == 0)
		conn_deliver_rest(conn);
}

/* The handshake is done. */
static void
conn_opened(struct net_conn *conn)
{
	struct net *net = conn->net;
	enum net_reason why;

	if (tls_accept_peer(conn->ssl, conn->key, &why) != RESULT_OK) {
		conn_cut(conn, why);
		return;
	}
	conn_move(conn, CONN_OPEN);
	conn->active_ms = conn->written_ms = clock_steady_ms();
	net->handshakes++;
	net->handshake_last_ms = conn->active_ms;
	if (net->hooks.opened(net->hooks.ctx, conn, conn->key) != 0) {
		net->counters.reasons[NET_REFUSED_HOOK]++;
		net_conn_close(conn);
		return;
	}
	conn->told = 1;
	net->counters.opened++;
	log_event(LOG_LEVEL_DEBUG, "conn_open", "conn=%llu peer=%s",
		  (unsigned long long)conn->id, conn->peer);
	conn_update_reading(conn);
}

/* The other side ended, or the stream failed. */
static void
conn_ended(struct net_conn *conn, enum stream_result how)
{
	switch (conn->state) {
	case CONN_HANDSHAKE:
		conn_cut(conn, tls_failure());
		break;
	case CONN_OPEN:
		if (how == STREAM_ERROR)
			conn_cut(conn, NET_CUT_ERROR);
		else if (conn->in.len > 0)
			conn_cut(conn, NET_CUT_TRUNCATED);
		else
			conn_cut(conn, NET_REASONS);
		break;
	case CONN_CLOSING:
		/* It may have shut its sending side only, and wait for the last answer. */
		conn->ended = 1;
		if (how == STREAM_ERROR || conn->out.len == 0)
			conn_cut(conn, NET_REASONS);
		else
			conn_update_reading(conn);
		break;
	case CONN_LINGER:
		conn_cut(conn, NET_REASONS);
		break;
	case CONN_DEAD:
	case CONN_STATES:
		break;
	}
	ERR_clear_error();
}

/* Goes on with the handshake; what follows it may be here already. */
static void
conn_shake(struct net_conn *conn)
{
	enum stream_result how = stream_shake(conn);

	if (how == STREAM_WAIT) {
		conn_update_writing(conn, SSL_want_write(conn->ssl));
		return;
	}
	conn_update_writing(conn, 0);
	if (how == STREAM_OK)
		conn_opened(conn);
	else
		conn_ended(conn, how);
}

/* Reads and hands up, until there is no more, or the others should have their turn. */
static void
conn_receive(struct net_conn *conn)
{
	enum stream_result how;
	size_t total = 0, n = 0;

	conn_deliver_rest(conn);
	while (conn_may_deliver(conn) && stream_has_more(conn)) {
		if (total >= NET_READ_MOST) {
			conn_make_ready(conn);
			return;
		}
		how = stream_read(conn, &n);
		if (how == STREAM_WAIT)
			return;
		if (how != STREAM_OK) {
			conn_ended(conn, how);
			return;
		}
		conn_deliver_scratch(conn, n);
		total += n;
	}
}

/* Throws away what an ending connection still receives. */
static void
conn_discard(struct net_conn *conn)
{
	enum stream_result how = stream_discard(conn, DISCARD_MOST);

	if (how == STREAM_END || how == STREAM_ERROR)
		conn_ended(conn, how);
}

static void
conn_read(struct net_conn *conn)
{
	if (conn->state == CONN_HANDSHAKE)
		conn_shake(conn);
	if (conn->state == CONN_OPEN)
		conn_receive(conn);
	else if (conn->state == CONN_CLOSING || conn->state == CONN_LINGER)
		conn_discard(conn);
}

void
conn_read_ready(struct net *net)
{
	struct net_conn *last = TAILQ_LAST(&net->ready, conn_queue), *conn = NULL;

	/* Those that become ready meanwhile have the next turn. */
	while (last != NULL && conn != last) {
		conn = TAILQ_FIRST(&net->ready);
		TAILQ_REMOVE(&net->ready, conn, ready);
		conn->is_ready = 0;
		conn_read(conn);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_conn *conn = arg;

	(void)fd;
	(void)what;
	OBJ_CHECK(conn, CONN_MAGIC);
	conn->drained = 0;
	conn_read(conn);
}

/* Sends what is queued; where the kernel takes no more, libevent says when it does again. */
static void
conn_write(struct net_conn *conn)
{
	enum stream_result how = STREAM_OK;
	size_t n = 0;

	if (conn->state != CONN_OPEN && conn->state != CONN_CLOSING)
		return;
	if (conn->out.len > 0) {
		how = stream_write(conn, &n);
		conn->net->counters.bytes_out += n;
		if (n > 0)
			conn->written_ms = clock_steady_ms();
	}
	if (how == STREAM_ERROR || how == STREAM_END) {
		conn_ended(conn, STREAM_ERROR);
		return;
	}
	conn_update_writing(conn, how == STREAM_WAIT);
	if (conn->state == CONN_OPEN && conn->choked && conn->out.len <= OUT_RESUME) {
		conn->choked = 0;
		conn->frame_ms = 0; /* waiting was our doing */
		conn_update_reading(conn);
		conn_make_ready(conn);
	}
}

void
conn_send_all(struct net *net)
{
	struct net_conn *conn;

	while ((conn = TAILQ_FIRST(&net->dirty)) != NULL) {
		TAILQ_REMOVE(&net->dirty, conn, dirty);
		conn->is_dirty = 0;
		/* Where a write was short, the socket says when. */
		if (!conn->writing)
			conn_write(conn);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct net_conn *conn = arg;

	(void)fd;
	(void)what;
	OBJ_CHECK(conn, CONN_MAGIC);
	if (conn->state == CONN_HANDSHAKE)
		conn_read(conn);
	else
		conn_write(conn);
}

void
conn_accept(struct net *net, int fd, const struct sockaddr *address, size_t len)
{
	struct net_conn *conn;

	net->counters.accepted++;
	if (net->counters.connections >= net->max_connections || net->stopping) {
		net->counters.reasons[NET_REFUSED_FULL]++;
		close(fd);
		return;
	}
	conn = calloc(1, sizeof(*conn));
	if (conn == NULL) {
		close(fd);
		return;
	}
	conn->magic = CONN_MAGIC;
	conn->net = net;
	conn->fd = fd;
	if (stream_open(conn) != 0) {
		close(fd);
		free(conn);
		return;
	}
	conn->id = ++net->next_id;
	conn->frame_max = net->first_max;
	conn->idle_ms = net->idle_ms;
	conn->since_ms = clock_steady_ms();
	listen_print_address(address, len, conn->peer);
	LIST_INSERT_HEAD(&net->conns, conn, link);
	if (++net->counters.connections > net->counters.connections_most)
		net->counters.connections_most = net->counters.connections;

	if (event_assign(&conn->readable, net->base, fd, EV_READ | EV_PERSIST, on_readable, conn) ||
	    event_assign(&conn->writable, net->base, fd, EV_WRITE | EV_PERSIST, on_writable, conn) ||
	    event_add(&conn->readable, NULL) != 0)
		conn_cut(conn, NET_CUT_ERROR);
	else
		conn->reading = 1;
}

/* Returns 1 if `closed` was called. */
static unsigned
conn_free(struct net_conn *conn)
{
	struct net *net = conn->net;
	unsigned told = conn->told;

	if (told) {
		net->hooks.closed(net->hooks.ctx, conn);
		net->counters.closed++;
		log_event(LOG_LEVEL_DEBUG, "conn_closed", "conn=%llu",
			  (unsigned long long)conn->id);
	}
	LIST_REMOVE(conn, link);
	LIST_REMOVE(conn, end);
	net->counters.connections--;
	if (conn->is_ready)
		TAILQ_REMOVE(&net->ready, conn, ready);
	if (conn->is_dirty)
		TAILQ_REMOVE(&net->dirty, conn, dirty);
	if (conn->late_in != NULL)
		TAILQ_REMOVE(conn->late_in, conn, late);
	stream_shut(conn);
	stream_close(conn);
	conn->magic = 0;
	free(conn);
	return told;
}

unsigned
conn_reap_all(struct net *net)
{
	struct net_conn *conn, *next;
	unsigned told = 0;

	for (conn = LIST_FIRST(&net->ending); conn != NULL; conn = next) {
		next = LIST_NEXT(conn, end);
		if (conn->state == CONN_CLOSING && conn->out.len == 0) {
			stream_shut(conn);
			conn_move(conn, CONN_LINGER);
			if (conn->ended)
				conn_cut(conn, NET_REASONS);
		}
		if (conn->state == CONN_DEAD) {
			told += conn_free(conn);
		}
	}
	return told;
}

/* The limit that an open connection is over, or NET_REASONS. */
static enum net_reason
conn_over_limit(const struct net_conn *conn, uint64_t now)
{
	if (conn->out.len > 0 && now - conn->written_ms > conn->net->write_ms)
		return NET_CUT_WRITE;
	if (conn->paused || conn->choked || conn->late_in != NULL)
		return NET_REASONS;
	if (conn->frame_ms != 0 && now - conn->frame_ms > conn->net->frame_ms)
		return NET_CUT_FRAME;
	if (now - conn->active_ms > conn->idle_ms)
		return NET_CUT_IDLE;
	return NET_REASONS;
}

static void
conn_sweep(struct net_conn *conn, uint64_t now)
{
	unsigned linger_ms = conn->net->stopping ? NET_STOP_LINGER_MS : NET_LINGER_MS;
	enum net_reason why;

	switch (conn->state) {
	case CONN_HANDSHAKE:
		if (now - conn->since_ms > conn->net->handshake_ms)
			conn_cut(conn, NET_CUT_HANDSHAKE);
		break;
	case CONN_OPEN:
		why = conn_over_limit(conn, now);
		if (why != NET_REASONS)
			conn_cut(conn, why);
		break;
	case CONN_CLOSING:
		if (now - conn->since_ms > conn->net->write_ms)
			conn_cut(conn, NET_CUT_WRITE);
		break;
	case CONN_LINGER:
		if (now - conn->since_ms > linger_ms)
			conn_cut(conn, NET_REASONS);
		break;
	case CONN_DEAD:
	case CONN_STATES:
		break;
	}
}

void
conn_sweep_all(struct net *net)
{
	uint64_t now = clock_steady_ms();
	struct net_conn *conn;

	LIST_FOREACH(conn, &net->conns, link)
		conn_sweep(conn, now);
}

void
conn_stop_all(struct net *net)
{
	struct net_conn *conn;

	LIST_FOREACH(conn, &net->conns, link)
		conn_update_reading(conn);
}

void
conn_close_all(struct net *net)
{
	struct net_conn *conn;

	LIST_FOREACH(conn, &net->conns, link) {
		if (conn->state == CONN_HANDSHAKE)
			conn_cut(conn, NET_REASONS);
		else
			net_conn_close(conn);
	}
}

void
conn_cut_all(struct net *net)
{
	struct net_conn *conn;

	LIST_FOREACH(conn, &net->conns, link)
		conn_cut(conn, NET_REASONS);
}

void
net_send(struct net_conn *conn, const uint8_t *body, size_t len)
{
	uint8_t head[FRAME_HEAD_MAX];
	struct net *net = conn->net;
	size_t head_len;

	OBJ_CHECK(conn, CONN_MAGIC);
	CHECK(len >= 1 && len <= FRAME_MAX_BYTES);
	if (conn->state != CONN_OPEN)
		return;
	head_len = frame_head(head, (uint32_t)len);
	/* Answers that follow leave with this one. */
	if (conn->out.len == 0)
		conn->written_ms = conn->active_ms = clock_steady_ms();
	if (bytes_add(net, &conn->out, head, head_len, NET_SPARE_BYTES) != 0 ||
	    bytes_add(net, &conn->out, body, len, NET_SPARE_BYTES) != 0) {
		conn_cut(conn, NET_CUT_ERROR);
		return;
	}
	if (!conn->is_dirty) {
		conn->is_dirty = 1;
		TAILQ_INSERT_TAIL(&net->dirty, conn, dirty);
	}
	net->counters.frames_out++;
	if (conn->out.len > NET_OUT_MAX) {
		conn_cut(conn, NET_CUT_OUTPUT);
	} else if (conn->out.len > NET_OUT_PAUSE && !conn->choked) {
		conn->choked = 1;
		conn_update_reading(conn);
	}
}

size_t
net_conn_queued(const struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	return conn->out.len;
}

void
net_conn_set_data(struct net_conn *conn, void *data)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	conn->data = data;
}

void *
net_conn_data(const struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	return conn->data;
}

const uint8_t *
net_conn_key(const struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	return conn->key;
}

const char *
net_conn_peer(const struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	return conn->peer;
}

uint64_t
net_conn_id(const struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	return conn->id;
}

void
net_conn_limit(struct net_conn *conn, size_t max_frame)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	CHECK(max_frame >= 1 && max_frame <= FRAME_MAX_BYTES);
	conn->frame_max = max_frame;
}

void
net_conn_close(struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	if (conn->state == CONN_OPEN)
		conn_move(conn, CONN_CLOSING);
}

void
net_conn_pause(struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	conn->paused = 1;
	conn_update_reading(conn);
}

void
net_conn_resume(struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	if (!conn->paused)
		return;
	conn->paused = 0;
	conn->frame_ms = 0; /* waiting was not the client's doing */
	conn->active_ms = clock_steady_ms();
	conn_update_reading(conn);
	/* Frames may be here already, which no event of the socket will announce. */
	if (conn->state == CONN_OPEN)
		conn_make_ready(conn);
}

void
net_conn_idle_ms(struct net_conn *conn, unsigned idle_ms)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	conn->idle_ms = idle_ms;
	net_sweep_for(conn->net, idle_ms);
}
