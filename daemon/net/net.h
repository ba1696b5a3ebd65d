/*
 * The network: one event loop, one listener, TLS 1.3 with client certificates, and frames.
 *
 * What comes up is a whole frame's body with the connection it came on; what goes down is an
 * answer's body. Who the other side is comes up once, as the Ed25519 public key that TLS proved it
 * holds; what that key may do is not known here.
 *
 * Threads: everything is called on the thread that runs net_run, except net_post and net_stop,
 * which may be called from any thread. Hooks are called on the loop thread.
 *
 * Life of a connection:
 *
 *	accepted -> handshake -> open -> closing (what is queued is sent) -> lingering -> gone
 *	                 |         |                                                       ^
 *	                 +---------+----------------- cut (error, limit) ------------------+
 *
 * `closed` is called once for each connection whose `opened` returned 0, never from inside another
 * function of this header, and the pointer is invalid when it returns. Hooks that run in the same
 * turn still see a connection that is about to go; sending to it is harmless.
 *
 * A client that ends its sending side is gone: what it had sent in whole frames was handed up, what
 * waits for it is dropped. It asks again under the same request ids.
 *
 * One turn of net_run: the events that are due (frame hooks run) and what the hooks queued leaves,
 * a few times while more comes; then `turn` once (decide, commit, net_send), and what that queued
 * leaves, in one write per connection and 16 KiB; then the connections that ended go.
 *
 * Limits: see struct net_config, and NET_OUT_PAUSE and NET_OUT_MAX for what waits to be sent. A
 * client that sends byte by byte is cut frame_ms after the first byte of a frame, and one that does
 * not take its answers write_ms after the last byte it took.
 */
#ifndef TIMEBOX_NET_NET_H
#define TIMEBOX_NET_NET_H

#include "proto/codes.h"

#include <stddef.h>
#include <stdint.h>

#define NET_ALPN "timebox/1"
#define NET_KEY_SIZE 32

/* Bytes that may wait for one client: over the first, reading from it stops; over the second, it is
 * cut. */
#define NET_OUT_PAUSE ((size_t)256 * 1024)
#define NET_OUT_MAX ((size_t)4 * 1024 * 1024)
/* How long a closing connection discards what the client still sends, so that the last answer is
 * not lost to a reset. */
#define NET_LINGER_MS 1000
/* How long net_run goes on sending what is queued after a stop. */
#define NET_STOP_MS 2000
/* Functions posted and not yet run, at most. */
#define NET_POST_MAX 8192

struct net;
struct net_conn;

struct net_config {
	const char *host;	 /* address or name to listen on; not kept */
	uint16_t port;		 /* 0 picks a free one */
	int listen_fd;		 /* -1, or an inherited listening socket, which is taken over */
	const uint8_t *tls_seed; /* 32 bytes: seed of the server's Ed25519 key; not kept */
	unsigned max_connections;
	unsigned handshake_ms;
	unsigned frame_ms; /* from the first byte of a frame to its last */
	unsigned idle_ms;  /* without a whole frame in or an answer out */
	unsigned write_ms; /* while bytes wait for the client and it takes none */
	size_t first_max;  /* largest frame body of a fresh connection, 1..FRAME_MAX_BYTES */
};

/*
 * Defaults: 127.0.0.1, port 0, no inherited socket, no seed (it must be set), 12,000 connections,
 * 5 s for the handshake, 10 s for a frame, 5 minutes idle, 30 s for writing, frames of 64 KiB at
 * first. Always start from these, so that a new limit comes with its default.
 */
void net_config_init(struct net_config *config);

/* What a hook did with a frame. */
enum net_taken {
	NET_TAKEN,
	NET_LATER /* nothing: the frame is handed up again after the next `turn` */
};

struct net_hooks {
	void *ctx; /* first argument of each hook */
	/* The handshake is done; `key` is valid during the call (later: net_conn_key). Nonzero
	 * closes, after sending what the hook queued; `closed` is then not called. */
	int (*opened)(void *ctx, struct net_conn *conn, const uint8_t key[NET_KEY_SIZE]);
	/* A whole frame; `body` is valid during the call. `len` is at least 1. After NET_LATER the
	 * connection hands up nothing and is not read until `turn` was called; then those that wait
	 * come before all others, in the order in which they were put off. Their time limits for
	 * reading stand still meanwhile. */
	enum net_taken (*frame)(void *ctx, struct net_conn *conn, const uint8_t *body, size_t len);
	/* The connection ended, whoever ended it. Last use of `conn`. */
	void (*closed)(void *ctx, struct net_conn *conn);
	/* Framing failed: RESULT_BAD_FRAME or RESULT_FRAME_TOO_LARGE. The hook may net_send a
	 * last answer; afterwards the connection closes as with net_conn_close. */
	void (*broken)(void *ctx, struct net_conn *conn, enum result why);
	/* After every turn, and a last time after a stop. Returns in how many ms it wants to be
	 * called again at the latest (0: at once). */
	int (*turn)(void *ctx);
};

/* Why a connection was refused before it was open, or cut. Numbers are for net_reason_name only. */
enum net_reason {
	NET_REFUSED_FULL,	 /* over max_connections */
	NET_REFUSED_DESCRIPTORS, /* the process has no descriptor left (counted per attempt) */
	NET_REFUSED_NO_CERT,	 /* the client showed no certificate */
	NET_REFUSED_KEY_TYPE,	 /* its key is not Ed25519 */
	NET_REFUSED_VERSION,	 /* it does not speak TLS 1.3 */
	NET_REFUSED_ALPN,	 /* it does not speak timebox/1 */
	NET_REFUSED_TLS,	 /* any other failure of the handshake, garbage included */
	NET_REFUSED_HOOK,	 /* `opened` said no */
	NET_CUT_HANDSHAKE,	 /* handshake_ms */
	NET_CUT_FRAME,		 /* frame_ms */
	NET_CUT_IDLE,		 /* idle time */
	NET_CUT_WRITE,		 /* write_ms */
	NET_CUT_OUTPUT,		 /* NET_OUT_MAX */
	NET_CUT_BAD_FRAME,	 /* malformed length */
	NET_CUT_TOO_LARGE,	 /* frame over the connection's limit */
	NET_CUT_TRUNCATED,	 /* the client went away inside a frame */
	NET_CUT_ERROR,		 /* reset, TLS record error */
	NET_REASONS
};

/* Counted since net_open. */
struct net_counters {
	uint64_t accepted;		/* sockets, whatever became of them */
	uint64_t opened;		/* handshakes done and accepted by the hook */
	uint64_t closed;		/* of the opened ones, those that ended */
	uint64_t reasons[NET_REASONS];	/* by enum net_reason */
	uint64_t frames_in, frames_out; /* whole frames */
	uint64_t bytes_in, bytes_out;	/* plaintext, frame heads included */
	unsigned connections;		/* now, handshakes included */
	unsigned connections_most;	/* the most at one time */
};

/*
 * Makes the server certificate, listens, ignores SIGPIPE, raises RLIMIT_NOFILE for max_connections
 * (and lowers that number, with a line in the log, where the hard limit is below), and handles
 * SIGTERM and SIGINT as net_stop. Clients can connect from here on and are served by net_run.
 * RESULT_IO if the address cannot be used, RESULT_BAD_FIELD if it is none, RESULT_INTERNAL or
 * RESULT_NO_MEMORY; the log tells why. *hooks is copied. Release with net_close.
 */
MUST_CHECK enum result net_open(const struct net_config *config, const struct net_hooks *hooks,
				struct net **out);

/*
 * Cuts every connection (`closed` is called), runs what was posted and has not run, frees all. Stop
 * the threads that post (work_close) before, free what hooks and posted functions use after. NULL
 * is fine.
 */
void net_close(struct net *net);

/* "HOST:PORT" ("[HOST]:PORT" for IPv6) as really bound; valid until net_close. */
const char *net_address(const struct net *net);

/*
 * Runs the loop until net_stop, SIGTERM or SIGINT: then stops accepting and reading, calls `turn` a
 * last time, sends what is queued for at most NET_STOP_MS, closes all connections and returns
 * RESULT_OK. RESULT_NO_MEMORY, RESULT_INTERNAL if the event loop itself fails.
 */
MUST_CHECK enum result net_run(struct net *net);

/* Ends net_run. From any thread or a signal handler. */
void net_stop(struct net *net);

/*
 * From any thread: has fn(arg) called on the loop thread, in order of posting, in a coming turn (or
 * by net_close). RESULT_BUSY when NET_POST_MAX wait already.
 */
MUST_CHECK enum result net_post(struct net *net, void (*fn)(void *arg), void *arg);

/* The counters so far; valid until net_close. */
const struct net_counters *net_counters(const struct net *net);

/* A reason as a word for log and metrics ("refused_no_cert"), static. */
const char *net_reason_name(enum net_reason reason);

/* From `frame`: the steady clock, ms, when the bytes at hand were read. */
uint64_t net_now_ms(const struct net *net);

/*
 * Queues a frame with this body (1 to FRAME_MAX_BYTES, or the process stops). The bytes are copied.
 * Nothing happens on a connection that is closing. Over NET_OUT_MAX the connection is cut.
 */
void net_send(struct net_conn *conn, const uint8_t *body, size_t len);

/* Bytes queued for this client and not yet given to the kernel. */
size_t net_conn_queued(const struct net_conn *conn);

/* One pointer for the caller, NULL at first. */
void net_conn_set_data(struct net_conn *conn, void *data);
void *net_conn_data(const struct net_conn *conn);

/* The client's 32-byte public key; valid as long as the connection. */
const uint8_t *net_conn_key(const struct net_conn *conn);

/* "127.0.0.1:40112", for the log; valid as long as the connection. */
const char *net_conn_peer(const struct net_conn *conn);

/* Counts from 1, never reused while the process runs. */
uint64_t net_conn_id(const struct net_conn *conn);

/* Largest frame body from now on, 1..FRAME_MAX_BYTES; for frames whose head was not read yet. */
void net_conn_limit(struct net_conn *conn, size_t max_frame);

/* No more frames are handed up; what is queued is sent, then the connection ends. */
void net_conn_close(struct net_conn *conn);

/*
 * Stops handing up frames and reading (at once, also between two frames that are here already), and
 * goes on. Not nested. The time limits for reading stand still meanwhile.
 */
void net_conn_pause(struct net_conn *conn);
void net_conn_resume(struct net_conn *conn);

/* Another idle limit for this connection. */
void net_conn_idle_ms(struct net_conn *conn, unsigned idle_ms);

#endif
