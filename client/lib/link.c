/* One TLS 1.3 connection to the daemon, driven by poll with deadlines. */
#include "client/lib/lib_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_CHUNK 16384

uint64_t
lib_clock_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		abort();
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- who we are ---- */

/* A certificate only to carry the key: nobody but its owner signs it, and it never runs out. */
static X509 *
link_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	if (cert == NULL)
		return NULL;
	name = X509_get_subject_name(cert);
	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
		ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 ||
		ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), "20000101000000Z") != 1 ||
		ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "99991231235959Z") != 1 ||
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"timebox",
			-1, -1, 0) != 1 ||
		X509_set_issuer_name(cert, name) != 1 || X509_set_pubkey(cert, key) != 1 ||
		X509_sign(cert, key, NULL) == 0) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* Any certificate will do: what counts is its key, which is compared after the handshake. */
static int
link_verify(int preverified, X509_STORE_CTX *store)
{
	(void)preverified;
	(void)store;
	return 1;
}

static int
link_context_set(SSL_CTX *ctx, EVP_PKEY *key, X509 *cert)
{
	static const unsigned char alpn[] = "\x09" TIMEBOX_ALPN;
	char sigalgs[] = "ed25519";

	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, link_verify);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
		SSL_CTX_set1_sigalgs_list(ctx, sigalgs) == 1 &&
		SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) == 0 &&
		SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
}

SSL_CTX *
link_context(const uint8_t seed[SEED_LEN], struct timebox_error *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_LEN);
	X509 *cert = key == NULL ? NULL : link_certificate(key);

	if (ctx == NULL || cert == NULL || !link_context_set(ctx, key, cert)) {
		(void)timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_INTERNAL, "tls", "%s",
			"the TLS library refuses this key");
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ctx;
}

/* ---- TCP ---- */

static enum result
link_error(struct timebox_error *e, const char *server, const char *what)
{
	return timebox_error_set(e, TIMEBOX_FAILURE_REACH, RESULT_CONNECTION, "connect", "%s: %s",
		server, what);
}

/* Takes HOST:PORT or [HOST]:PORT apart, in place. RESULT_BAD_FIELD where it is neither. */
static enum result
link_split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');
	size_t n;

	if (colon == NULL || colon == text || colon[1] == '\0')
		return RESULT_BAD_FIELD;
	*colon = '\0';
	*port = colon + 1;
	n = strlen(text);
	if (text[0] == '[' && text[n - 1] == ']') {
		text[n - 1] = '\0';
		*host = text + 1;
	} else if (strchr(text, ':') != NULL) {
		return RESULT_BAD_FIELD;
	} else {
		*host = text;
	}
	return RESULT_OK;
}

/* Waits for `events`; 1, or 0 when the deadline has passed. */
static int
link_wait(int fd, short events, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events, .revents = 0};
		uint64_t now = lib_clock_ms();
		int n;

		n = poll(&p, 1, now >= deadline_ms ? 0 : (int)(deadline_ms - now));
		if (n > 0)
			return 1;
		if (n == 0 && lib_clock_ms() >= deadline_ms)
			return 0;
		if (n < 0 && errno != EINTR)
			return 1; /* the call that follows says what it is */
	}
}

/* A connected socket, or -1 with errno. */
static int
link_connect_one(const struct addrinfo *at, uint64_t deadline_ms)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int fault = 0, on = 1;
	socklen_t n = sizeof(fault);

	if (fd < 0)
		return -1;
	if (connect(fd, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS)
		goto fail;
	if (!link_wait(fd, POLLOUT, deadline_ms)) {
		errno = ETIMEDOUT;
		goto fail;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &n) != 0)
		goto fail;
	if (fault != 0) {
		errno = fault;
		goto fail;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
fail:
	fault = errno;
	(void)close(fd);
	errno = fault;
	return -1;
}

static enum result
link_connect(struct link *l, const char *server, uint64_t *deadline_ms, struct timebox_error *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found = NULL, *at;
	char text[TIMEBOX_SERVER_MAX], *host = NULL, *port = NULL;
	int fault;

	if (strlen(server) >= sizeof(text))
		return RESULT_BAD_FIELD;
	memcpy(text, server, strlen(server) + 1);
	if (link_split(text, &host, &port) != RESULT_OK)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_BAD_FIELD, "server",
			"%s: not HOST:PORT", server);
	fault = getaddrinfo(host, port, &hints, &found);
	if (fault != 0)
		return link_error(e, server, gai_strerror(fault));
	fault = EHOSTUNREACH;
	for (at = found; at != NULL && l->fd < 0; at = at->ai_next) {
		*deadline_ms = lib_clock_ms() + TIMEBOX_CONNECT_MS;
		l->fd = link_connect_one(at, *deadline_ms);
		if (l->fd < 0)
			fault = errno;
	}
	freeaddrinfo(found);
	return l->fd >= 0 ? RESULT_OK : link_error(e, server, strerror(fault));
}

/* ---- TLS ---- */

/* What OpenSSL last complained of, in few words; never NULL. */
static const char *
link_tls_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason != NULL ? reason : "the connection was closed";
}

/* Takes the result of an SSL call: waits and returns 1 to try again, 0 at the deadline, -1 when it is over. */
static int
link_again(struct link *l, int rc, uint64_t deadline_ms)
{
	switch (SSL_get_error(l->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return link_wait(l->fd, POLLIN, deadline_ms);
	case SSL_ERROR_WANT_WRITE:
		return link_wait(l->fd, POLLOUT, deadline_ms);
	default:
		return -1;
	}
}

static enum result
link_peer_key(struct link *l, uint8_t out[KEY_LEN])
{
	X509 *cert = SSL_get0_peer_certificate(l->ssl);
	EVP_PKEY *key = cert == NULL ? NULL : X509_get0_pubkey(cert);
	const unsigned char *alpn = NULL;
	unsigned alpn_n = 0;
	size_t n = KEY_LEN;

	SSL_get0_alpn_selected(l->ssl, &alpn, &alpn_n);
	if (alpn_n != strlen(TIMEBOX_ALPN) || memcmp(alpn, TIMEBOX_ALPN, alpn_n) != 0)
		return RESULT_CONNECTION;
	if (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
		EVP_PKEY_get_raw_public_key(key, out, &n) != 1 || n != KEY_LEN)
		return RESULT_CONNECTION;
	return RESULT_OK;
}

static enum result
link_handshake(struct link *l, SSL_CTX *ctx, const char *server, uint64_t deadline_ms,
	struct timebox_error *e)
{
	int rc, again;

	l->ssl = SSL_new(ctx);
	if (l->ssl == NULL || SSL_set_fd(l->ssl, l->fd) != 1)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_NO_MEMORY, "tls", "%s", "");
	for (;;) {
		ERR_clear_error();
		rc = SSL_connect(l->ssl);
		if (rc == 1)
			return RESULT_OK;
		again = link_again(l, rc, deadline_ms);
		if (again == 0)
			return link_error(e, server, "no answer to the TLS handshake in time");
		if (again < 0)
			return link_error(e, server, link_tls_reason());
	}
}

enum result
link_open(struct link *l, SSL_CTX *ctx, const char *server, uint8_t server_key[KEY_LEN],
	struct timebox_error *e)
{
	uint64_t deadline_ms = 0;
	enum result r;

	link_close(l);
	r = link_connect(l, server, &deadline_ms, e);
	if (r == RESULT_OK)
		r = link_handshake(l, ctx, server, deadline_ms, e);
	if (r == RESULT_OK && link_peer_key(l, server_key) != RESULT_OK)
		r = link_error(e, server, "this is not a timebox daemon");
	ERR_clear_error();
	if (r != RESULT_OK)
		link_close(l);
	return r;
}

void
link_close(struct link *l)
{
	SSL_free(l->ssl);
	if (l->fd >= 0)
		(void)close(l->fd);
	if (l->out.n > 0)
		crypto_wipe(l->out.p, l->out.n);
	if (l->in.n > 0)
		crypto_wipe(l->in.p, l->in.n);
	buf_free(&l->in);
	buf_free(&l->out);
	*l = (struct link){.fd = -1};
}

/* ---- frames ---- */

enum result
link_queue(struct link *l, const uint8_t *body, size_t n)
{
	uint8_t head[FRAME_HEAD_MAX];
	enum result r;

	if (n == 0 || n > FRAME_MAX_BYTES)
		return RESULT_FRAME_TOO_LARGE;
	if (l->sent == l->out.n)
		l->sent = l->out.n = 0;
	r = buf_append(&l->out, head, frame_head(head, (uint32_t)n));
	return r == RESULT_OK ? buf_append(&l->out, body, n) : r;
}

/* One step of an SSL call. */
enum step { STEP_DONE, STEP_WANT_READ, STEP_WANT_WRITE, STEP_DEAD };

static enum step
link_step(struct link *l, int rc)
{
	switch (SSL_get_error(l->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return STEP_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STEP_WANT_WRITE;
	default:
		return STEP_DEAD;
	}
}

/* Sends what the socket takes. STEP_DONE: nothing is left. */
static enum step
link_send_some(struct link *l)
{
	while (l->sent < l->out.n) {
		size_t n = 0;
		int rc;

		ERR_clear_error();
		rc = SSL_write_ex(l->ssl, l->out.p + l->sent, l->out.n - l->sent, &n);
		if (rc != 1)
			return link_step(l, rc);
		l->sent += n;
	}
	return STEP_DONE;
}

/* Receives once. STEP_DONE: there is more than before. */
static enum step
link_receive_some(struct link *l)
{
	size_t n = 0;
	int rc;

	if (l->taken > 0) {
		memmove(l->in.p, l->in.p + l->taken, l->in.n - l->taken);
		l->in.n -= l->taken;
		l->taken = 0;
	}
	if (buf_reserve(&l->in, READ_CHUNK) != RESULT_OK)
		return STEP_DEAD;
	ERR_clear_error();
	rc = SSL_read_ex(l->ssl, l->in.p + l->in.n, l->in.cap - l->in.n, &n);
	if (rc != 1)
		return link_step(l, rc);
	l->in.n += n;
	return STEP_DONE;
}

/* Takes the next whole frame from what is here. RESULT_TIMEOUT: not yet. */
static enum result
link_take(struct link *l, const uint8_t **body, size_t *n)
{
	size_t head = 0, size = 0;

	switch (frame_parse(l->in.p + l->taken, l->in.n - l->taken, FRAME_MAX_BYTES, &head, &size)) {
	case FRAME_READY:
		*body = l->in.p + l->taken + head;
		*n = size;
		l->taken += head + size;
		return RESULT_OK;
	case FRAME_MORE:
		return RESULT_TIMEOUT;
	case FRAME_BAD:
	case FRAME_OVERSIZED:
		break;
	}
	return RESULT_BAD_FRAME;
}

static enum result
link_dead(struct link *l, struct timebox_error *e, const char *why)
{
	enum result r = timebox_error_set(e, TIMEBOX_FAILURE_REACH, RESULT_CONNECTION, "connection",
		"%s", why);

	link_close(l);
	return r;
}

enum result
link_next(struct link *l, uint64_t deadline_ms, const uint8_t **body, size_t *n,
	struct timebox_error *e)
{
	if (l->fd < 0)
		return link_dead(l, e, "the connection is closed");
	for (;;) {
		enum step put, got;
		enum result r = l->in.n > l->taken ? link_take(l, body, n) : RESULT_TIMEOUT;

		if (r == RESULT_OK)
			return r;
		if (r != RESULT_TIMEOUT)
			return link_dead(l, e, "the daemon sent what is no frame");
		put = link_send_some(l);
		got = link_receive_some(l);
		if (got == STEP_DONE)
			continue;
		if (put == STEP_DEAD || got == STEP_DEAD)
			return link_dead(l, e, link_tls_reason());
		if (!link_wait(l->fd, put == STEP_WANT_WRITE || got == STEP_WANT_WRITE
					? POLLIN | POLLOUT : POLLIN, deadline_ms))
			return timebox_error_set(e, TIMEBOX_FAILURE_REACH, RESULT_TIMEOUT,
				"connection", "%s", "no answer in time");
	}
}
