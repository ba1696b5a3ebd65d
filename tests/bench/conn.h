/*
 * A TLS 1.3 connection of the load generator: connected and set up blocking, then non-blocking, with
 * what is to be sent and what was received in two buffers. Whatever breaks stops the process with a
 * line on stderr: a bench that lost a connection has measured nothing.
 */
#ifndef TIMEBOX_TESTS_BENCH_CONN_H
#define TIMEBOX_TESTS_BENCH_CONN_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *p;
	size_t n, size;
};

struct conn {
	SSL *ssl;
	int fd;
	int blocked; /* the socket took no more: waits for EPOLLOUT */
	struct bytes out, in;
	uint64_t number; /* frames sent */
	unsigned waiting; /* frames not yet answered */
};

/* Says what went wrong, printf-like, and exits. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* CLOCK_MONOTONIC. */
uint64_t bench_now_ns(void);

/* Makes room for `n` more bytes and returns where they go; the caller adds to b->n. */
uint8_t *bytes_room(struct bytes *b, size_t n);

/* A client's context; `folder` has key.pem and cert.pem, NULL: no certificate. `alpn` may be NULL. */
SSL_CTX *conn_context(const char *folder, const char *alpn);

/* Connects to HOST:PORT, blocking, handshake done. */
struct conn *conn_open(SSL_CTX *ctx, const char *address);
/* From here on nothing waits. */
void conn_nonblocking(struct conn *c);
/* Blocking: reads at least one byte more into c->in. */
void conn_wait(struct conn *c);
/* Sends what it can of c->out, in one SSL_write; sets c->blocked. */
void conn_flush(struct conn *c);
/* Reads all that is there into c->in. */
void conn_fill(struct conn *c);
/* Drops the first `n` bytes of c->in. */
void conn_consume(struct conn *c, size_t n);

#endif
