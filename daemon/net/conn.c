#include "daemon/net/net_impl.h"

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"
#include "daemon/ops/log.h"
#include "proto/frame.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reading from a client that did not take its answers goes on when this little is left. */
#define OUT_RESUME (NET_OUT_PAUSE / 4)
/* Bytes that are discarded when a connection is freed, so that a close is not a reset. */
#define DRAIN_MAX ((size_t)64 * 1024)

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
		want = 1;
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
		(void)bufferevent_enable(conn->bev, EV_READ);
	else
		(void)bufferevent_disable(conn->bev, EV_READ);
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
}

static size_t
conn_queued(const struct net_conn *conn)
{
	return evbuffer_get_length(bufferevent_get_output(conn->bev));
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
conn_read_head(struct net_conn *conn, struct evbuffer *input)
{
	uint8_t head[FRAME_HEAD_MAX];
	ev_ssize_t n;

	if (conn->frame_head != 0)
		return 1;
	n = evbuffer_copyout(input, head, sizeof(head));
	CHECK(n >= 0);
	switch (frame_parse(head, (size_t)n, conn->frame_max, &conn->frame_head,
			    &conn->frame_body)) {
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
	return conn->state == CONN_OPEN && !conn->paused && !conn->choked && !conn->net->stopping;
}

/* Hands up the whole frames that are here; notes since when an unfinished one is coming. */
static void
conn_deliver(struct net_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	struct net *net = conn->net;
	uint64_t now = clock_steady_ms();

	while (conn_may_deliver(conn) && evbuffer_get_length(input) > 0 &&
	       conn_read_head(conn, input)) {
		size_t head = conn->frame_head, body = conn->frame_body;
		const uint8_t *bytes;

		if (evbuffer_get_length(input) < head + body)
			break;
		bytes = evbuffer_pullup(input, (ev_ssize_t)(head + body));
		if (bytes == NULL) {
			conn_cut(conn, NET_CUT_ERROR);
			return;
		}
		conn->frame_head = conn->frame_body = 0;
		conn->frame_ms = 0;
		conn->active_ms = now;
		net->counters.frames_in++;
		net->hooks.frame(net->hooks.ctx, conn, bytes + head, body);
		CHECK(evbuffer_drain(input, head + body) == 0);
	}
	if (evbuffer_get_length(input) == 0)
		conn->frame_ms = 0;
	else if (conn->frame_ms == 0)
		conn->frame_ms = now;
}

/* Throws away what an ending connection still receives. */
static void
conn_discard(struct net_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);

	CHECK(evbuffer_drain(input, evbuffer_get_length(input)) == 0);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct net_conn *conn = arg;

	(void)bev;
	OBJ_CHECK(conn, CONN_MAGIC);
	if (conn->state == CONN_CLOSING || conn->state == CONN_LINGER)
		conn_discard(conn);
	else
		conn_deliver(conn);
}

/* Little is left to send. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct net_conn *conn = arg;

	(void)bev;
	OBJ_CHECK(conn, CONN_MAGIC);
	if (conn->state != CONN_OPEN || !conn->choked)
		return;
	conn->choked = 0;
	conn->frame_ms = 0; /* waiting was our doing */
	conn_update_reading(conn);
	conn_deliver(conn);
}

/* The handshake is done. */
static void
conn_opened(struct net_conn *conn)
{
	struct net *net = conn->net;
	enum net_reason why;

	if (tls_accept_peer(bufferevent_openssl_get_ssl(conn->bev), conn->key, &why) != RESULT_OK) {
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
conn_ended(struct net_conn *conn, short what)
{
	switch (conn->state) {
	case CONN_HANDSHAKE:
		conn_cut(conn, tls_failure(conn->bev));
		break;
	case CONN_OPEN:
		if (!(what & BEV_EVENT_EOF))
			conn_cut(conn, NET_CUT_ERROR);
		else if (evbuffer_get_length(bufferevent_get_input(conn->bev)) > 0)
			conn_cut(conn, NET_CUT_TRUNCATED);
		else
			conn_cut(conn, NET_REASONS);
		break;
	case CONN_CLOSING:
		/* It may have shut its sending side only, and wait for the last answer: libevent
		 * stopped both directions, so start writing anew. */
		if ((what & BEV_EVENT_EOF) && conn_queued(conn) > 0 &&
		    bufferevent_enable(conn->bev, EV_WRITE) == 0)
			break;
		conn_cut(conn, NET_REASONS);
		break;
	case CONN_LINGER:
		conn_cut(conn, NET_REASONS);
		break;
	case CONN_DEAD:
	case CONN_STATES:
		break;
	}
	tls_drain_errors(conn->bev);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct net_conn *conn = arg;

	(void)bev;
	OBJ_CHECK(conn, CONN_MAGIC);
	if ((what & BEV_EVENT_CONNECTED) && conn->state == CONN_HANDSHAKE)
		conn_opened(conn);
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		conn_ended(conn, what);
}

static void
on_input_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct net_conn *conn = arg;

	(void)buffer;
	OBJ_CHECK(conn, CONN_MAGIC);
	conn->net->counters.bytes_in += info->n_added;
}

static void
on_output_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct net_conn *conn = arg;

	(void)buffer;
	OBJ_CHECK(conn, CONN_MAGIC);
	conn->net->counters.bytes_out += info->n_deleted;
	if (info->n_deleted > 0 || info->orig_size == 0)
		conn->written_ms = clock_steady_ms();
}

/* Wraps the socket; on failure the socket is closed. */
static struct bufferevent *
conn_wrap(struct net *net, int fd)
{
	struct bufferevent *bev = NULL;
	const int on = 1;
	SSL *ssl;

	/* Answers are small and awaited. A socket that refuses these options works all the same. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	ssl = SSL_new(net->tls);
	if (ssl != NULL)
		bev = bufferevent_openssl_socket_new(net->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
						     BEV_OPT_CLOSE_ON_FREE |
							     BEV_OPT_DEFER_CALLBACKS);
	if (bev == NULL) {
		SSL_free(ssl);
		close(fd);
		ERR_clear_error();
	}
	return bev;
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
	conn->bev = conn_wrap(net, fd);
	if (conn->bev == NULL) {
		free(conn);
		return;
	}
	conn->magic = CONN_MAGIC;
	conn->net = net;
	conn->id = ++net->next_id;
	conn->frame_max = net->first_max;
	conn->idle_ms = net->idle_ms;
	conn->since_ms = clock_steady_ms();
	listen_print_address(address, len, conn->peer);
	LIST_INSERT_HEAD(&net->conns, conn, link);
	if (++net->counters.connections > net->counters.connections_most)
		net->counters.connections_most = net->counters.connections;

	bufferevent_setcb(conn->bev, on_read, on_written, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_WRITE, OUT_RESUME, 0);
	if (evbuffer_add_cb(bufferevent_get_input(conn->bev), on_input_changed, conn) == NULL ||
	    evbuffer_add_cb(bufferevent_get_output(conn->bev), on_output_changed, conn) == NULL ||
	    bufferevent_enable(conn->bev, EV_READ | EV_WRITE) != 0)
		conn_cut(conn, NET_CUT_ERROR);
	else
		conn->reading = 1;
}

/* Says goodbye in TLS and TCP; the peer reads an end, not an error. */
static void
conn_shut(struct net_conn *conn)
{
	SSL *ssl = bufferevent_openssl_get_ssl(conn->bev);

	if (SSL_is_init_finished(ssl) && conn_queued(conn) == 0)
		(void)SSL_shutdown(ssl);
	(void)shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
	ERR_clear_error();
}

/* Empties the socket's receive buffer: closing with bytes in it would be a reset. */
static void
conn_drain_socket(struct net_conn *conn)
{
	int fd = bufferevent_getfd(conn->bev);
	char scrap[4096];

	for (size_t total = 0; total < DRAIN_MAX;) {
		ssize_t n = recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT);

		if (n <= 0)
			return;
		total += (size_t)n;
	}
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
	conn_shut(conn);
	conn_drain_socket(conn);
	/* libevent frees the bufferevent in a later turn: nothing of it may point here any more. */
	bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
	(void)evbuffer_remove_cb(bufferevent_get_input(conn->bev), on_input_changed, conn);
	(void)evbuffer_remove_cb(bufferevent_get_output(conn->bev), on_output_changed, conn);
	bufferevent_free(conn->bev);
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
		if (conn->state == CONN_CLOSING && conn_queued(conn) == 0) {
			conn_shut(conn);
			conn_move(conn, CONN_LINGER);
		} else if (conn->state == CONN_DEAD) {
			told += conn_free(conn);
		}
	}
	return told;
}

/* The limit that an open connection is over, or NET_REASONS. */
static enum net_reason
conn_over_limit(const struct net_conn *conn, uint64_t now)
{
	if (conn_queued(conn) > 0 && now - conn->written_ms > conn->net->write_ms)
		return NET_CUT_WRITE;
	if (conn->paused || conn->choked)
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
	struct evbuffer *output;
	size_t head_len, queued;

	OBJ_CHECK(conn, CONN_MAGIC);
	CHECK(len >= 1 && len <= FRAME_MAX_BYTES);
	if (conn->state != CONN_OPEN)
		return;
	output = bufferevent_get_output(conn->bev);
	head_len = frame_head(head, (uint32_t)len);
	if (evbuffer_expand(output, head_len + len) != 0 ||
	    evbuffer_add(output, head, head_len) != 0 || evbuffer_add(output, body, len) != 0) {
		conn_cut(conn, NET_CUT_ERROR);
		return;
	}
	conn->net->counters.frames_out++;
	conn->active_ms = clock_steady_ms();
	queued = conn_queued(conn);
	if (queued > NET_OUT_MAX) {
		conn_cut(conn, NET_CUT_OUTPUT);
	} else if (queued > NET_OUT_PAUSE && !conn->choked) {
		conn->choked = 1;
		conn_update_reading(conn);
	}
}

size_t
net_conn_queued(const struct net_conn *conn)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	return conn_queued(conn);
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
		bufferevent_trigger(conn->bev, EV_READ,
				    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void
net_conn_idle_ms(struct net_conn *conn, unsigned idle_ms)
{
	OBJ_CHECK(conn, CONN_MAGIC);
	conn->idle_ms = idle_ms;
	net_sweep_for(conn->net, idle_ms);
}
