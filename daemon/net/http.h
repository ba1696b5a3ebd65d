/*
 * Small questions to HTTP servers that the settings name (witnesses), on the loop and never in its way: at most one body each
 * way, no redirects, no names to look up. Plain HTTP: what is sent is public, what comes back is checked by its signature.
 */
#ifndef TIMEBOX_NET_HTTP_H
#define TIMEBOX_NET_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/net/net.h"

/* Bytes of an answer's body and of its head; longer ones count as no answer. */
#define NET_HTTP_BODY_MAX 16384
#define NET_HTTP_HEAD_MAX 8192

/* `status` 0: no answer came (refused, cut, too long, or not in time). `body` is valid during the call. */
typedef void (*net_http_fn)(void *ctx, unsigned status, const char *body, size_t len);

/*
 * Posts `body` to http://HOST:PORT/path; HOST is an address ("192.0.2.7", "::1"). The body is copied. `done` is called once, in a
 * coming turn, at the latest after `limit_ms`; not at all once net_close was called. RESULT_NO_MEMORY, RESULT_BAD_FIELD.
 */
MUST_CHECK enum result net_http_post(struct net *net, const char *host, uint16_t port,
				     const char *path, const void *body, size_t len,
				     unsigned limit_ms, net_http_fn done, void *ctx);

#endif
