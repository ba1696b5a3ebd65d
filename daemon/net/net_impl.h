/*
 * The private shapes of net/. Nobody outside the folder includes this.
 *
 *	net.c     the loop, stop, posts
 *	listen.c  sockets: address, listener, descriptors
 *	tls.c     certificate, contexts, what a handshake proved
 *	stream.c  one connection's bytes: TLS on the socket, what waits to be read or sent
 *	conn.c    one connection: frames, limits, its end
 *
 * Callbacks of libevent only note (a frame goes up, an end is marked with conn_cut or
 * net_conn_close); what was queued is sent in one place, conn_send_all, after the turn's hook, and
 * connections are freed in one place, conn_reap_all, after that.
 */
#ifndef TIMEBOX_NET_NET_IMPL_H
#define TIMEBOX_NET_NET_IMPL_H

#include "daemon/net/net.h"

#include <event2/event.h>
#include <event2/event_struct.h>
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

/* Bytes of one read from TLS: a record's most. */
#define NET_SCRATCH_BYTES ((size_t)16 * 1024)
/* What is read from one connection before the others of a turn have theirs. */
#define NET_READ_MOST ((size_t)64 * 1024)
/* Buffers for output that are kept for the next answer, and their size: some dozen answers. */
#define NET_SPARE_MAX	512
#define NET_SPARE_BYTES ((size_t)8 * 1024)

enum conn_state {
	CONN_HANDSHAKE,
	CONN_OPEN,
	CONN_CLOSING, /* no more frames; what is queued is sent */
	CONN_LINGER,  /* all is sent and our end is shut; the rest is discarded */
	CONN_DEAD,    /* to be freed after this turn */
	CONN_STATES
};

/* Bytes that wait: p[at..at + len). Empty: nothing is allocated. */
struct net_bytes {
	uint8_t *p;
	size_t at, len, cap;
};

struct net_conn {
	unsigned magic;
	enum conn_state state;
	struct net *net;
	int fd;
	SSL *ssl;
	struct event readable, writable;
	struct net_bytes in;  /* the rest of what was read: no whole frame, unless reading stopped */
	struct net_bytes out; /* frames not yet given to the kernel */
	LIST_ENTRY(net_conn) link;   /* net->conns */
	LIST_ENTRY(net_conn) end;    /* net->ending, from CONN_CLOSING on */
	TAILQ_ENTRY(net_conn) ready; /* net->ready, while is_ready */
	TAILQ_ENTRY(net_conn) dirty; /* net->dirty, while is_dirty */
	TAILQ_ENTRY(net_conn) late;  /* late_in, while that is not NULL */
	struct conn_queue *late_in;  /* its next frame waits for the turn's end */
	uint64_t taken_turn;	     /* the last turn in which a frame of it was taken */
	uint64_t id;
	void *data;
	size_t frame_max;
	size_t frame_head, frame_body; /* of the frame that is coming, bytes; 0, 0: not known yet */

	unsigned paused : 1;  /* by the caller */
	unsigned choked : 1;  /* by NET_OUT_PAUSE */
	unsigned reading : 1; /* what conn_update_reading last told libevent */
	unsigned told : 1;    /* `opened` returned 0, so `closed` is owed */
	unsigned writing : 1; /* a write was short: libevent says when it can go on */
	unsigned drained : 1; /* the socket gave less than asked: asking again would be in vain */
	unsigned eof : 1;     /* the socket said so */
	unsigned ended : 1;   /* the other side's sending end is shut */
	unsigned is_ready : 1;
	unsigned is_dirty : 1;

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

struct http;

LIST_HEAD(http_list, http);
LIST_HEAD(conn_list, net_conn);
TAILQ_HEAD(conn_queue, net_conn);

struct net {
	unsigned magic;
	struct net_hooks hooks;
	struct net_counters counters;
	unsigned max_connections;
	unsigned handshake_ms, frame_ms, idle_ms, write_ms;
	size_t first_max;
	char address[NET_ADDRESS_SIZE];

	SSL_CTX *tls;
	BIO_METHOD *bio;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *tick;	/* wakes the loop for `turn` and the sweep */
	struct event *wake;	/* wake_fd: posts and net_stop */
	struct event *on_term, *on_int;
	int wake_fd;
	int listener_off;	/* descriptors ran out; on again with the next sweep */
	int stopping;		/* reading has ended */
	atomic_int stop_asked;

	struct http_list https; /* questions to others that are under way */
	struct conn_list conns;
	struct conn_list ending;
	struct conn_queue ready; /* to be read without waiting for the socket */
	struct conn_queue dirty; /* something was queued in this turn */
	struct conn_queue late;	 /* to be ready when this turn is over, first */
	struct conn_queue late_served; /* and behind those */
	uint64_t turns;		       /* this one's number */
	uint64_t next_id;
	uint64_t now_ms; /* steady clock, when frames were last looked for */
	uint64_t swept_ms;
	unsigned sweep_ms;
	uint64_t handshake_last_ms;
	unsigned handshakes;	/* since memory was last given back */

	uint8_t *spare[NET_SPARE_MAX]; /* of NET_SPARE_BYTES each */
	unsigned n_spare;
	uint8_t scratch[NET_SCRATCH_BYTES];

	pthread_mutex_t post_lock;
	unsigned post_head, post_count;
	struct post posts[NET_POST_MAX];
};

/* -- http.c -- */

/* Ends all questions; nobody is told. */
void http_drop_all(struct net *net);

/* -- tls.c -- */

/* A server context with a self-signed certificate for the key of `seed`. */
MUST_CHECK enum result tls_open(const uint8_t seed[NET_KEY_SIZE], SSL_CTX **out);

/* After a handshake: the client's key. RESULT_NOT_ALLOWED, with *why set, if this may not go on. */
MUST_CHECK enum result tls_accept_peer(SSL *ssl, uint8_t key[NET_KEY_SIZE], enum net_reason *why);

/* Why a handshake failed, from the thread's error queue, which is emptied. */
enum net_reason tls_failure(void);

/* -- stream.c -- */

enum stream_result {
	STREAM_OK,
	STREAM_WAIT, /* the socket has nothing more, or takes nothing more */
	STREAM_END,  /* the other side shut its sending end */
	STREAM_ERROR /* reset, TLS error; the thread's error queue may say more */
};

/* Makes what connections share, and frees it. */
MUST_CHECK enum result stream_open_all(struct net *net);
void stream_close_all(struct net *net);

/* TLS for an accepted socket. 0; -1 for lack of memory: conn->ssl is NULL then. */
MUST_CHECK int stream_open(struct net_conn *conn);
/* Frees TLS and buffers; closes the socket so that what was sent still arrives. */
void stream_close(struct net_conn *conn);

/* Goes on with the handshake. */
MUST_CHECK enum stream_result stream_shake(struct net_conn *conn);
/* Reads decrypted bytes into net->scratch: *n of them, at least 1, with STREAM_OK. */
MUST_CHECK enum stream_result stream_read(struct net_conn *conn, size_t *n);
/* 1 if a read would not be in vain. */
int stream_has_more(const struct net_conn *conn);
/* Gives what waits in conn->out to the kernel: *n bytes of it, also if the answer is not OK. */
MUST_CHECK enum stream_result stream_write(struct net_conn *conn, size_t *n);
/* Throws away what the socket holds, at most so many bytes. STREAM_OK: there may be more. */
MUST_CHECK enum stream_result stream_discard(struct net_conn *conn, size_t most);
/* Says goodbye in TLS (unless output was left half sent) and TCP; the peer reads an end. */
void stream_shut(struct net_conn *conn);

/* Adds bytes; nonzero for lack of memory. A first allocation has `first` bytes at least. */
MUST_CHECK int bytes_add(struct net *net, struct net_bytes *b, const void *p, size_t n,
			 size_t first);
/* Drops the first n bytes. */
void bytes_drop(struct net *net, struct net_bytes *b, size_t n);

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

/* Reads what is here already, of connections that stopped in the middle. */
void conn_read_ready(struct net *net);

/* Has those read in the next turn whose frames were put off in this one. */
void conn_release_late(struct net *net);

/* Gives to the kernel what was queued since the last time. */
void conn_send_all(struct net *net);

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
