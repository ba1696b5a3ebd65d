/*
 * The bytes of a connection. TLS stands directly on the socket, through a BIO of our own that knows
 * when the socket is empty: a read that got less than it asked for is not followed by one that only
 * learns EAGAIN. Output gathers in plain text and is encrypted when it is sent, so that the answers
 * of a turn share records.
 */
#include "daemon/net/net_impl.h"

#include "daemon/base/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes that are discarded when a connection is freed, so that a close is not a reset. */
#define DRAIN_MAX ((size_t)64 * 1024)

/* -- the BIO -- */

static int
would_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static int
bio_read(BIO *bio, char *buf, int size)
{
	struct net_conn *conn = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (conn->drained) {
		BIO_set_retry_read(bio);
		return -1;
	}
	n = recv(conn->fd, buf, (size_t)size, 0);
	if (n < size)
		conn->drained = 1;
	if (n < 0 && would_wait())
		BIO_set_retry_read(bio);
	conn->eof |= n == 0;
	return (int)n;
}

static int
bio_write(BIO *bio, const char *buf, int size)
{
	const struct net_conn *conn = BIO_get_data(bio);
	ssize_t n = send(conn->fd, buf, (size_t)size, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && would_wait())
		BIO_set_retry_write(bio);
	return (int)n;
}

static long
bio_ctrl(BIO *bio, int what, long number, void *p)
{
	const struct net_conn *conn = BIO_get_data(bio);

	(void)number;
	(void)p;
	if (what == BIO_CTRL_EOF)
		return conn->eof;
	return what == BIO_CTRL_FLUSH;
}

enum result
stream_open_all(struct net *net)
{
	net->bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "timebox");
	if (net->bio == NULL || BIO_meth_set_read(net->bio, bio_read) != 1 ||
	    BIO_meth_set_write(net->bio, bio_write) != 1 ||
	    BIO_meth_set_ctrl(net->bio, bio_ctrl) != 1)
		return RESULT_NO_MEMORY;
	return RESULT_OK;
}

void
stream_close_all(struct net *net)
{
	while (net->n_spare > 0)
		free(net->spare[--net->n_spare]);
	BIO_meth_free(net->bio);
}

/* -- bytes that wait -- */

static uint8_t *
bytes_alloc(struct net *net, size_t size)
{
	if (size == NET_SPARE_BYTES && net->n_spare > 0)
		return net->spare[--net->n_spare];
	return malloc(size);
}

static void
bytes_free(struct net *net, struct net_bytes *b)
{
	if (b->cap == NET_SPARE_BYTES && net->n_spare < NET_SPARE_MAX)
		net->spare[net->n_spare++] = b->p;
	else
		free(b->p);
	*b = (struct net_bytes){.p = NULL};
}

int
bytes_add(struct net *net, struct net_bytes *b, const void *p, size_t n, size_t first)
{
	size_t cap = b->cap > first ? b->cap : first;
	uint8_t *room;

	if (b->at + b->len + n > b->cap) {
		while (cap < b->len + n)
			cap *= 2;
		/* What was dropped makes room only where it is worth the move. */
		if (cap == b->cap && b->at < cap / 2)
			cap *= 2;
		room = cap == b->cap ? b->p : bytes_alloc(net, cap);
		if (room == NULL)
			return -1;
		if (b->len > 0)
			memmove(room, b->p + b->at, b->len);
		if (room != b->p && b->p != NULL) {
			struct net_bytes old = *b;

			bytes_free(net, &old);
		}
		b->p = room;
		b->cap = cap;
		b->at = 0;
	}
	memcpy(b->p + b->at + b->len, p, n);
	b->len += n;
	return 0;
}

void
bytes_drop(struct net *net, struct net_bytes *b, size_t n)
{
	CHECK(n <= b->len);
	b->at += n;
	b->len -= n;
	if (b->len == 0 && b->p != NULL)
		bytes_free(net, b);
}

/* -- the stream -- */

int
stream_open(struct net_conn *conn)
{
	const int on = 1;
	BIO *bio;

	/* Answers are small and awaited. A socket that refuses these options works all the same. */
	(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(conn->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	conn->ssl = SSL_new(conn->net->tls);
	bio = conn->ssl != NULL ? BIO_new(conn->net->bio) : NULL;
	if (bio == NULL) {
		SSL_free(conn->ssl);
		conn->ssl = NULL;
		ERR_clear_error();
		return -1;
	}
	BIO_set_data(bio, conn);
	BIO_set_init(bio, 1);
	SSL_set_bio(conn->ssl, bio, bio);
	SSL_set_accept_state(conn->ssl);
	return 0;
}

static enum stream_result
stream_failure(const struct net_conn *conn, int rc)
{
	switch (SSL_get_error(conn->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return STREAM_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return STREAM_END;
	default:
		return STREAM_ERROR;
	}
}

enum stream_result
stream_shake(struct net_conn *conn)
{
	int rc = SSL_do_handshake(conn->ssl);

	return rc == 1 ? STREAM_OK : stream_failure(conn, rc);
}

enum stream_result
stream_read(struct net_conn *conn, size_t *n)
{
	int rc = SSL_read_ex(conn->ssl, conn->net->scratch, NET_SCRATCH_BYTES, n);

	return rc == 1 ? STREAM_OK : stream_failure(conn, rc);
}

int
stream_has_more(const struct net_conn *conn)
{
	return !conn->drained || SSL_has_pending(conn->ssl);
}

enum stream_result
stream_write(struct net_conn *conn, size_t *n)
{
	*n = 0;
	while (conn->out.len > 0) {
		size_t some;
		int rc = SSL_write_ex(conn->ssl, conn->out.p + conn->out.at, conn->out.len, &some);

		if (rc != 1)
			return stream_failure(conn, rc);
		bytes_drop(conn->net, &conn->out, some);
		*n += some;
	}
	return STREAM_OK;
}

enum stream_result
stream_discard(struct net_conn *conn, size_t most)
{
	for (size_t total = 0; total < most;) {
		ssize_t n = recv(conn->fd, conn->net->scratch, NET_SCRATCH_BYTES, MSG_DONTWAIT);

		if (n == 0)
			return STREAM_END;
		if (n < 0)
			return would_wait() ? STREAM_WAIT : STREAM_ERROR;
		total += (size_t)n;
	}
	return STREAM_OK;
}

void
stream_shut(struct net_conn *conn)
{
	if (SSL_is_init_finished(conn->ssl) && conn->out.len == 0)
		(void)SSL_shutdown(conn->ssl);
	(void)shutdown(conn->fd, SHUT_WR);
	ERR_clear_error();
}

void
stream_close(struct net_conn *conn)
{
	/* Closing with bytes in the receive buffer would be a reset. */
	if (stream_discard(conn, DRAIN_MAX) == STREAM_OK)
		ERR_clear_error();
	SSL_free(conn->ssl);
	close(conn->fd);
	bytes_drop(conn->net, &conn->in, conn->in.len);
	bytes_drop(conn->net, &conn->out, conn->out.len);
}
