/*
 * The private shapes of net/. Nobody outside the folder includes this.
 *
 *	net.c     the loop, stop, posts
 *	listen.c  sockets: address, listener, descriptors
 *	tls.c     certificate, contexts, what a handshake proved
 *	conn.c    one connection: frames, limits, its end
 *
 * Callbacks of libevent only note (a frame goes up, an end is marked with conn_cut or
 * net_conn_close); connections are freed in one place, conn_reap_all, after the turn's hook.
 */
#ifndef TIMEBOX_NET_NET_IMPL_H
#define TIMEBOX_NET_NET_IMPL_H

#include "daemon/net/net.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define NET_MAGIC 0x6e657421u  /* "net!" */
#define CONN_MAGIC 0x636f6e6eu /* "conn" */
#define NET_ADDRESS_SIZE 80
#define NET_SWEEP_MS 1000	/* how often time limits are looked at */
#define NET_STOP_LINGER_MS 200	/* instead of NET_LINGER_MS, after a stop */

enum conn_state {
	CONN_HANDSHAKE,
	CONN_OPEN,
	CONN_CLOSING, /* no more frames; what is queued is sent */
	CONN_LINGER,  /* all is sent and our end is shut; the rest is discarded */
	CONN_DEAD,    /* to be freed after this turn */
	CONN_STATES
};

struct net_conn {
	unsigned magic;
	enum conn_state state;
	struct net *net;
	struct bufferevent *bev;
	LIST_ENTRY(net_conn) link; /* net->conns */
	LIST_ENTRY(net_conn) end;  /* net->ending, from CONN_CLOSING on */
	uint64_t id;
	void *data;
	size_t frame_max;
	size_t frame_head, frame_body; /* of the frame that is coming, bytes; 0, 0: not known yet */

	unsigned paused : 1;  /* by the caller */
	unsigned choked : 1;  /* by NET_OUT_PAUSE */
	unsigned reading : 1; /* what conn_update_reading last told libevent */
	unsigned told : 1;    /* `opened` returned 0, so `closed` is owed */

	/* steady clock, ms */
	unsigned idle_ms;
	uint64_t since_ms;   /* in the present state since */
	uint64_t active_ms;  /* last whole frame in, or answer out */
	uint64_t frame_ms;   /* first byte of an unfinished frame, 0: none */
	uint64_t written_ms; /* last byte given to the kernel, or output queued anew */

	uint8_t key[NET_KEY_SIZE];
	char peer[NET_ADDRESS_SIZE];
};

struct post {
	void (*fn)(void *arg);
	void *arg;
};

LIST_HEAD(conn_list, net_conn);

struct net {
	unsigned magic;
	struct net_hooks hooks;
	struct net_counters counters;
	unsigned max_connections;
	unsigned handshake_ms, frame_ms, idle_ms, write_ms;
	size_t first_max;
	char address[NET_ADDRESS_SIZE];

	SSL_CTX *tls;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *tick;	/* wakes the loop for `turn` and the sweep */
	struct event *wake;	/* wake_fd: posts and net_stop */
	struct event *on_term, *on_int;
	int wake_fd;
	int listener_off;	/* descriptors ran out; on again with the next sweep */
	int stopping;		/* reading has ended */
	atomic_int stop_asked;

	struct conn_list conns;
	struct conn_list ending;
	uint64_t next_id;
	uint64_t swept_ms;
	unsigned sweep_ms;
	uint64_t handshake_last_ms;
	unsigned handshakes;	/* since memory was last given back */

	pthread_mutex_t post_lock;
	unsigned post_head, post_count;
	struct post posts[NET_POST_MAX];
};

/* -- tls.c -- */

/* A server context with a self-signed certificate for the key of `seed`. */
MUST_CHECK enum result tls_open(const uint8_t seed[NET_KEY_SIZE], SSL_CTX **out);

/* After a handshake: the client's key. RESULT_NOT_ALLOWED, with *why set, if this may not go on. */
MUST_CHECK enum result tls_accept_peer(SSL *ssl, uint8_t key[NET_KEY_SIZE], enum net_reason *why);

/* Why a handshake failed, from the connection's stored errors, which are emptied. */
enum net_reason tls_failure(struct bufferevent *bev);

/* Empties the connection's and the thread's error queue. */
void tls_drain_errors(struct bufferevent *bev);

/* -- listen.c -- */

/* Binds or takes over the socket and starts accepting into conn_accept. Sets net->address. */
MUST_CHECK enum result listen_open(struct net *net, const struct net_config *config);

/* Raises the limit of descriptors; lowers net->max_connections to what fits. */
void listen_raise_descriptors(struct net *net);

/* "HOST:PORT" or "[HOST]:PORT" of a socket address. */
struct sockaddr;
void listen_print_address(const struct sockaddr *address, size_t len, char out[NET_ADDRESS_SIZE]);

/* -- net.c -- */

/* Has the sweep look often enough for a limit of `limit_ms`. */
void net_sweep_for(struct net *net, unsigned limit_ms);

/* -- conn.c -- */

/* A socket came in: starts the handshake, or refuses. Takes over `fd`. */
void conn_accept(struct net *net, int fd, const struct sockaddr *address, size_t len);

/* Ends a connection without sending what is queued; counted under `why` unless NET_REASONS. */
void conn_cut(struct net_conn *conn, enum net_reason why);

/* Looks at every connection's time limits. */
void conn_sweep_all(struct net *net);

/* Moves ending connections on, and frees the dead, calling `closed`. Returns how many were told. */
unsigned conn_reap_all(struct net *net);

/* After net->stopping was set: stops reading from all. */
void conn_stop_all(struct net *net);

/* Closes all that are open, after sending; cuts those in the handshake. */
void conn_close_all(struct net *net);

/* Cuts all that are left. */
void conn_cut_all(struct net *net);

#endif
