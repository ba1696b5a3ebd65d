/* The witness's HTTP server, by libevent's evhttp. Requests are small, few, and judged one after the other. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/witness/witness.h"

#define HEADERS_MAX   8192
#define BODY_MAX      WITNESS_REQUEST_MAX
#define TIMEOUT_S     20
#define BIND_HOST_MAX 256

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct event *on_term, *on_int;
	struct witness *witness;
	const struct witness_hooks *hooks;
};

static const char *
status_reason(enum witness_status status)
{
	switch (status) {
	case WITNESS_COSIGNED:
		return "OK";
	case WITNESS_MALFORMED:
		return "Bad Request";
	case WITNESS_NOT_SIGNED:
		return "Forbidden";
	case WITNESS_UNKNOWN_LOG:
		return "Not Found";
	case WITNESS_CONFLICT:
		return "Conflict";
	case WITNESS_NO_PROOF:
		return "Unprocessable Entity";
	case WITNESS_DISK:
		return "Internal Server Error";
	}
	return "Internal Server Error";
}

static void
reply(struct evhttp_request *req, int code, const char *reason, const char *type, const char *body)
{
	struct evbuffer *buf = evbuffer_new();

	if (buf == NULL || evbuffer_add(buf, body, strlen(body)) != 0) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
	} else {
		(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", type);
		evhttp_send_reply(req, code, reason, buf);
	}
	if (buf != NULL)
		evbuffer_free(buf);
}

static void
on_add(struct evhttp_request *req, void *arg)
{
	struct server *s = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);
	struct witness_answer answer;
	const char *body;

	if (evhttp_request_get_command(req) != EVHTTP_REQ_POST) {
		(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "POST");
		reply(req, HTTP_BADMETHOD, "Method Not Allowed", "text/plain", "POST it\n");
		return;
	}
	body = len == 0 ? "" : (const char *)evbuffer_pullup(in, -1);
	if (body == NULL) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	witness_add(s->witness, body, len, (uint64_t)time(NULL), &answer);
	if (s->hooks->tell != NULL)
		s->hooks->tell(s->hooks->user, &answer);
	reply(req, (int)answer.status, status_reason(answer.status),
	    answer.status == WITNESS_CONFLICT ? WITNESS_SIZE_TYPE : "text/plain; charset=utf-8", answer.body);
}

static void
on_other(struct evhttp_request *req, void *arg)
{
	(void)arg;
	reply(req, HTTP_NOTFOUND, "Not Found", "text/plain", "a witness has " WITNESS_ADD_PATH " only\n");
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)event_base_loopexit(arg, NULL);
}

/* "HOST:PORT" or "[HOST]:PORT", split in place. */
static enum result
address_split(const char *text, char host[BIND_HOST_MAX], uint16_t *port)
{
	const char *colon = strrchr(text, ':'), *from = text, *to = colon;
	char *end;
	unsigned long n;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return RESULT_BAD_FIELD;
	n = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || n > UINT16_MAX)
		return RESULT_BAD_FIELD;
	if (*from == '[' && to > from + 1 && to[-1] == ']') {
		from++;
		to--;
	}
	if (to == from || to - from >= BIND_HOST_MAX)
		return RESULT_BAD_FIELD;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*port = (uint16_t)n;
	return RESULT_OK;
}

static enum result
server_bind(struct server *s, const char *address)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_storage at;
	struct sockaddr *sa = (struct sockaddr *)&at;
	socklen_t len = sizeof(at);
	char host[BIND_HOST_MAX], shown[BIND_HOST_MAX + 16];
	uint16_t port;

	if (address_split(address, host, &port) != RESULT_OK)
		return RESULT_BAD_FIELD;
	if ((bound = evhttp_bind_socket_with_handle(s->http, host, port)) == NULL ||
	    getsockname(evhttp_bound_socket_get_fd(bound), sa, &len) != 0)
		return RESULT_IO;
	port = ntohs(sa->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)&at)->sin6_port
					       : ((const struct sockaddr_in *)(const void *)&at)->sin_port);
	(void)snprintf(shown, sizeof(shown), strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
	if (s->hooks->ready != NULL)
		s->hooks->ready(s->hooks->user, shown);
	return RESULT_OK;
}

static enum result
server_open(struct server *s)
{
	if ((s->base = event_base_new()) == NULL || (s->http = evhttp_new(s->base)) == NULL ||
	    (s->on_term = evsignal_new(s->base, SIGTERM, on_signal, s->base)) == NULL ||
	    (s->on_int = evsignal_new(s->base, SIGINT, on_signal, s->base)) == NULL ||
	    event_add(s->on_term, NULL) != 0 || event_add(s->on_int, NULL) != 0)
		return RESULT_NO_MEMORY;
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_max_body_size(s->http, BODY_MAX);
	evhttp_set_timeout(s->http, TIMEOUT_S);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_POST | EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT);
	evhttp_set_gencb(s->http, on_other, s);
	return evhttp_set_cb(s->http, WITNESS_ADD_PATH, on_add, s) == 0 ? RESULT_OK : RESULT_NO_MEMORY;
}

enum result
witness_serve(struct witness *w, const char *address, const struct witness_hooks *hooks)
{
	struct server s = {.witness = w, .hooks = hooks};
	enum result err = server_open(&s);

	if (err == RESULT_OK)
		err = server_bind(&s, address);
	if (err == RESULT_OK && event_base_dispatch(s.base) < 0)
		err = RESULT_IO;
	if (s.http != NULL)
		evhttp_free(s.http);
	if (s.on_term != NULL)
		event_free(s.on_term);
	if (s.on_int != NULL)
		event_free(s.on_int);
	if (s.base != NULL)
		event_base_free(s.base);
	return err;
}
