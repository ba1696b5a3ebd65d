/*
 * The floor: the least that a durable, hashed answer over TLS can cost. A bare epoll loop with TLS
 * 1.3 that, each turn, reads what came, hashes every 240-byte record together with the hash before
 * it, writes the turn's records in one piece into a file of zeros, calls fdatasync once, and then
 * echoes them. Nothing is decided, decoded or looked up.
 *
 *	bench-floor CERT KEY FILE	prints "ready on HOST:PORT"; ends on SIGTERM
 */
#include "proto/crypto.h"
#include "tests/bench/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD	   240
#define EVENTS	   1024
#define FILE_BYTES ((off_t)1 << 30)
#define ZERO_CHUNK ((size_t)1 << 20)

struct floor {
	SSL_CTX *ctx;
	int epoll, listener, file;
	off_t at;
	struct bytes turn; /* records of this turn */
	struct sha256_ctx *sha;
	uint8_t head[HASH_LEN];
	struct conn *dirty[EVENTS];
	unsigned n_dirty;
};

static volatile sig_atomic_t floor_ended;

static void
end_floor(int signum)
{
	(void)signum;
	floor_ended = 1;
}

static void
fill_file(struct floor *f, const char *path)
{
	uint8_t *zeros = calloc(1, ZERO_CHUNK);

	f->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f->file < 0 || zeros == NULL)
		bench_die("%s: %s", path, strerror(errno));
	for (off_t at = 0; at < FILE_BYTES; at += (off_t)ZERO_CHUNK)
		if (pwrite(f->file, zeros, ZERO_CHUNK, at) != (ssize_t)ZERO_CHUNK)
			bench_die("%s: %s", path, strerror(errno));
	if (fsync(f->file) != 0)
		bench_die("%s: %s", path, strerror(errno));
	free(zeros);
}

static void
listen_on(struct floor *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	socklen_t n = sizeof(a);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&a, n) != 0 ||
	    listen(f->listener, 4096) != 0 ||
	    getsockname(f->listener, (struct sockaddr *)&a, &n) != 0 ||
	    epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &e) != 0)
		bench_die("listen: %s", strerror(errno));
	(void)printf("ready on 127.0.0.1:%u\n", ntohs(a.sin_port));
	(void)fflush(stdout);
}

static void
accept_all(struct floor *f)
{
	int fd, one = 1;

	while ((fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

		if (c == NULL || (c->ssl = SSL_new(f->ctx)) == NULL)
			bench_die("no memory");
		c->fd = fd;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		SSL_set_accept_state(c->ssl);
		if (SSL_set_fd(c->ssl, fd) != 1 ||
		    epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
			bench_die("epoll: %s", strerror(errno));
	}
}

static void
hang_up(struct floor *f, struct conn *c)
{
	(void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	SSL_free(c->ssl);
	(void)close(c->fd);
	free(c->in.p);
	free(c->out.p);
	free(c);
}

/* Reads what is there; 0, or -1 at the end of the connection. */
static int
read_all(struct conn *c)
{
	for (;;) {
		size_t n = 0, room = 16384;
		int rc = SSL_read_ex(c->ssl, bytes_room(&c->in, room), room, &n), why;

		if (rc == 1) {
			c->in.n += n;
			continue;
		}
		why = SSL_get_error(c->ssl, rc);
		return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
}

static void
hash_record(struct floor *f, const uint8_t *record)
{
	sha256_update(f->sha, f->head, sizeof(f->head));
	sha256_update(f->sha, record, RECORD);
	sha256_final(f->sha, f->head);
}

/* Takes the whole records of a connection into this turn. */
static void
take_records(struct floor *f, struct conn *c)
{
	size_t whole = c->in.n / RECORD * RECORD;

	if (whole == 0)
		return;
	for (size_t at = 0; at < whole; at += RECORD)
		hash_record(f, c->in.p + at);
	memcpy(bytes_room(&f->turn, whole), c->in.p, whole);
	f->turn.n += whole;
	memcpy(bytes_room(&c->out, whole), c->in.p, whole);
	c->out.n += whole;
	conn_consume(c, whole);
	f->dirty[f->n_dirty++] = c;
}

static void
end_turn(struct floor *f)
{
	if (f->turn.n == 0)
		return;
	if (f->at + (off_t)f->turn.n > FILE_BYTES)
		f->at = 0;
	if (pwrite(f->file, f->turn.p, f->turn.n, f->at) != (ssize_t)f->turn.n ||
	    fdatasync(f->file) != 0)
		bench_die("write: %s", strerror(errno));
	f->at += (off_t)f->turn.n;
	f->turn.n = 0;
	for (unsigned i = 0; i < f->n_dirty; i++)
		conn_flush(f->dirty[i]);
	f->n_dirty = 0;
}

static void
run_floor(struct floor *f)
{
	struct epoll_event events[EVENTS];

	while (!floor_ended) {
		int n = epoll_wait(f->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c == NULL)
				accept_all(f);
			else if (read_all(c) != 0)
				hang_up(f, c);
			else
				take_records(f, c);
		}
		end_turn(f);
	}
}

int
main(int argc, char **argv)
{
	static struct floor f;

	if (argc != 4)
		bench_die("usage: bench-floor CERT KEY FILE");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTERM, end_floor);
	f.ctx = SSL_CTX_new(TLS_server_method());
	if (f.ctx == NULL || SSL_CTX_set_min_proto_version(f.ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_use_certificate_file(f.ctx, argv[1], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(f.ctx, argv[2], SSL_FILETYPE_PEM) != 1)
		bench_die("the certificate cannot be read");
	SSL_CTX_set_mode(f.ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_mode(f.ctx, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_num_tickets(f.ctx, 0);
	f.sha = sha256_new();
	fill_file(&f, argv[3]);
	listen_on(&f);
	run_floor(&f);
	(void)unlink(argv[3]);
	return 0;
}
