#include "daemon/net/http.h"

#include "daemon/base/check.h"
#include "daemon/net/net_impl.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_MAGIC 0x68747470u

struct http {
	uint32_t magic;
	struct net *net;
	struct evhttp_connection *conn;
	/* Ends it: at the limit, or in the turn after the answer, when libevent has let go of it. */
	struct event *timer;
	int answered;
	net_http_fn done;
	void *ctx;
	LIST_ENTRY(http) link;
};

static void
http_free(struct http *h)
{
	LIST_REMOVE(h, link);
	if (h->timer != NULL)
		event_free(h->timer);
	/* Its request goes with it, and its callback is not called. */
	if (h->conn != NULL)
		evhttp_connection_free(h->conn);
	h->magic = 0;
	free(h);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd;
	(void)what;
	OBJ_CHECK(h, HTTP_MAGIC);
	if (!h->answered)
		h->done(h->ctx, 0, "", 0);
	http_free(h);
}

static void
on_answer(struct evhttp_request *req, void *arg)
{
	const struct timeval now = { 0, 0 };
	struct http *h = arg;
	struct evbuffer *in = req == NULL ? NULL : evhttp_request_get_input_buffer(req);
	size_t len = in == NULL ? 0 : evbuffer_get_length(in);
	int status = req == NULL ? 0 : evhttp_request_get_response_code(req);
	const char *body = len == 0 ? "" : (const char *)evbuffer_pullup(in, -1);

	OBJ_CHECK(h, HTTP_MAGIC);
	if (h->answered)
		return;
	h->answered = 1;
	if (body == NULL || status < 100 || status > 599)
		h->done(h->ctx, 0, "", 0);
	else
		h->done(h->ctx, (unsigned)status, body, len);
	CHECK(event_add(h->timer, &now) == 0);
}

static enum result
http_send(struct http *h, const char *host, uint16_t port, const char *path, const void *body,
	  size_t len)
{
	struct evhttp_request *req = evhttp_request_new(on_answer, h);
	struct evkeyvalq *head;
	char name[300];

	if (req == NULL)
		return RESULT_NO_MEMORY;
	head = evhttp_request_get_output_headers(req);
	snprintf(name, sizeof(name), strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
	if (evhttp_add_header(head, "Host", name) != 0 ||
	    evhttp_add_header(head, "Content-Type", "text/plain; charset=utf-8") != 0 ||
	    evhttp_add_header(head, "Connection", "close") != 0 ||
	    evbuffer_add(evhttp_request_get_output_buffer(req), body, len) != 0) {
		evhttp_request_free(req);
		return RESULT_NO_MEMORY;
	}
	/* From here on the request is the connection's, also where this fails. */
	return evhttp_make_request(h->conn, req, EVHTTP_REQ_POST, path) == 0 ? RESULT_OK
									       : RESULT_BAD_FIELD;
}

enum result
net_http_post(struct net *net, const char *host, uint16_t port, const char *path, const void *body,
	      size_t len, unsigned limit_ms, net_http_fn done, void *ctx)
{
	const struct timeval limit = { .tv_sec = limit_ms / 1000,
				       .tv_usec = (suseconds_t)(limit_ms % 1000) * 1000 };
	struct http *h = calloc(1, sizeof(*h));
	enum result err = RESULT_NO_MEMORY;
	int told;

	OBJ_CHECK(net, NET_MAGIC);
	if (h == NULL)
		return err;
	*h = (struct http){ .magic = HTTP_MAGIC, .net = net, .done = done, .ctx = ctx };
	LIST_INSERT_HEAD(&net->https, h, link);
	h->timer = evtimer_new(net->base, on_timer, h);
	h->conn = evhttp_connection_base_new(net->base, NULL, host, port);
	if (h->timer != NULL && h->conn != NULL && event_add(h->timer, &limit) == 0) {
		evhttp_connection_set_max_body_size(h->conn, NET_HTTP_BODY_MAX);
		evhttp_connection_set_max_headers_size(h->conn, NET_HTTP_HEAD_MAX);
		err = http_send(h, host, port, path, body, len);
	}
	/* What failed at once may have called on_answer: nobody is told twice. */
	told = h->answered;
	if (err != RESULT_OK && !told)
		http_free(h);
	return told ? RESULT_OK : err;
}

void
http_drop_all(struct net *net)
{
	while (!LIST_EMPTY(&net->https))
		http_free(LIST_FIRST(&net->https));
}
