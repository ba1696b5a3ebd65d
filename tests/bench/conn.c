#include "tests/bench/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_CHUNK ((size_t)32 * 1024)

void
bench_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fputs("timebox-bench: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

uint64_t
bench_now_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		abort();
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint8_t *
bytes_room(struct bytes *b, size_t n)
{
	if (b->size - b->n < n) {
		size_t size = b->size * 2 > b->n + n ? b->size * 2 : b->n + n;

		if ((b->p = realloc(b->p, size)) == NULL)
			bench_die("no memory");
		b->size = size;
	}
	return b->p + b->n;
}

SSL_CTX *
conn_context(const char *folder, const char *alpn)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char path[4096];

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		bench_die("the TLS library fails");
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (folder != NULL) {
		(void)snprintf(path, sizeof(path), "%s/cert.pem", folder);
		if (SSL_CTX_use_certificate_file(ctx, path, SSL_FILETYPE_PEM) != 1)
			bench_die("%s cannot be read", path);
		(void)snprintf(path, sizeof(path), "%s/key.pem", folder);
		if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
			bench_die("%s cannot be read", path);
	}
	if (alpn != NULL) {
		unsigned char list[64];
		size_t n = strlen(alpn);

		list[0] = (unsigned char)n;
		memcpy(list + 1, alpn, n);
		if (SSL_CTX_set_alpn_protos(ctx, list, (unsigned)n + 1) != 0)
			bench_die("ALPN %s is refused", alpn);
	}
	return ctx;
}

static int
tcp_connect(const char *address)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
	char host[256];
	const char *colon = strrchr(address, ':');
	int fd, one = 1;

	if (colon == NULL || (size_t)(colon - address) >= sizeof(host))
		bench_die("%s is not HOST:PORT", address);
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		bench_die("%s is no address", address);
	fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
		bench_die("connect to %s: %s", address, strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(found);
	return fd;
}

struct conn *
conn_open(SSL_CTX *ctx, const char *address)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->ssl = SSL_new(ctx)) == NULL)
		bench_die("no memory");
	c->fd = tcp_connect(address);
	if (SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
		bench_die("the handshake with %s failed", address);
	return c;
}

void
conn_nonblocking(struct conn *c)
{
	int flags = fcntl(c->fd, F_GETFL);

	if (flags < 0 || fcntl(c->fd, F_SETFL, flags | O_NONBLOCK) != 0)
		bench_die("fcntl: %s", strerror(errno));
}

void
conn_wait(struct conn *c)
{
	uint8_t *to = bytes_room(&c->in, READ_CHUNK);
	int n = SSL_read(c->ssl, to, (int)READ_CHUNK);

	if (n <= 0)
		bench_die("the server closed the connection");
	c->in.n += (size_t)n;
}

/* 1 when the socket is not ready; dies for all else. */
static int
not_ready(struct conn *c, int rc)
{
	int why = SSL_get_error(c->ssl, rc);

	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		bench_die("the server closed the connection with %u answers missing", c->waiting);
	return 1;
}

void
conn_flush(struct conn *c)
{
	size_t done = 0;

	c->blocked = 0;
	while (done < c->out.n) {
		size_t n = 0;
		int rc = SSL_write_ex(c->ssl, c->out.p + done, c->out.n - done, &n);

		if (rc != 1) {
			c->blocked = not_ready(c, rc);
			break;
		}
		done += n;
	}
	if (done != 0) {
		memmove(c->out.p, c->out.p + done, c->out.n - done);
		c->out.n -= done;
	}
}

void
conn_fill(struct conn *c)
{
	for (;;) {
		size_t n = 0;
		uint8_t *to = bytes_room(&c->in, READ_CHUNK);
		int rc = SSL_read_ex(c->ssl, to, READ_CHUNK, &n);

		if (rc != 1) {
			(void)not_ready(c, rc);
			return;
		}
		c->in.n += n;
		if (SSL_pending(c->ssl) == 0 && n < READ_CHUNK / 2)
			return;
	}
}

void
conn_consume(struct conn *c, size_t n)
{
	memmove(c->in.p, c->in.p + n, c->in.n - n);
	c->in.n -= n;
}
