/* Private to client/lib: bytes that grow, and the TLS link under a connection. */
#ifndef TIMEBOX_CLIENT_LIB_INT_H
#define TIMEBOX_CLIENT_LIB_INT_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "client/lib/timebox.h"
#include "proto/frame.h"

/* ---- bytes that grow ---- */

struct buf {
	uint8_t *p;
	size_t n, cap;
};

/* Room for `n` more bytes behind buf->n. */
MUST_CHECK enum result buf_reserve(struct buf *b, size_t n);
MUST_CHECK enum result buf_append(struct buf *b, const void *p, size_t n);
/* A protobuf field of wire type 2: tag, length, bytes. */
MUST_CHECK enum result buf_append_field(struct buf *b, uint32_t field, const void *p, size_t n);
/* The same for a message. */
MUST_CHECK enum result buf_append_message(struct buf *b, uint32_t field, const ProtobufCMessage *m);
/* The size of the message as such a field. */
size_t buf_message_field_size(uint32_t field, const ProtobufCMessage *m);
void buf_free(struct buf *b);

/* ---- the link: one TLS connection, not blocking ---- */

struct link {
	int fd; /* -1: closed */
	SSL *ssl;
	struct buf in; /* received and not yet taken; `taken` bytes at its start are done with */
	size_t taken;
	struct buf out; /* to be sent; `sent` bytes at its start are out */
	size_t sent;
};

/* Milliseconds that only go forward, also while the machine sleeps. */
uint64_t lib_clock_ms(void);

/* A context with the self-signed certificate of this seed; NULL: *e says why. */
SSL_CTX *link_context(const uint8_t seed[SEED_LEN], struct timebox_error *e);

/* Connects TCP and TLS to HOST:PORT and gives the server's public key. On failure the link is closed. */
MUST_CHECK enum result link_open(struct link *l, SSL_CTX *ctx, const char *server,
	uint8_t server_key[KEY_LEN], struct timebox_error *e);

/* Closes; what is buffered is gone. A zeroed link with fd -1 may be closed again. */
void link_close(struct link *l);

/* Puts one frame behind what is to be sent. */
MUST_CHECK enum result link_queue(struct link *l, const uint8_t *body, size_t n);

/* Sends and receives until a whole frame is there: *body lives until the next call on the link.
 * RESULT_TIMEOUT when there is none at `deadline_ms` (a deadline in the past looks once);
 * RESULT_CONNECTION when the link is dead, and it is closed then. */
MUST_CHECK enum result link_next(struct link *l, uint64_t deadline_ms, const uint8_t **body,
	size_t *n, struct timebox_error *e);

#endif
