#include "daemon/net/net_impl.h"

#include "daemon/base/check.h"
#include "daemon/ops/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
/* Descriptors for all that is not a connection: files of the store, log, event loop. */
#define DESCRIPTORS_OWN 64

void
listen_raise_descriptors(struct net *net)
{
	rlim_t want = (rlim_t)net->max_connections + DESCRIPTORS_OWN;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	if (limit.rlim_cur >= want)
		return;
	net->max_connections = limit.rlim_cur > 2 * DESCRIPTORS_OWN
				       ? (unsigned)limit.rlim_cur - DESCRIPTORS_OWN
				       : (unsigned)limit.rlim_cur / 2;
	log_event(LOG_LEVEL_WARN, "connections_lowered", "max_connections=%u limit_nofile=%llu",
		  net->max_connections, (unsigned long long)limit.rlim_cur);
}

void
listen_print_address(const struct sockaddr *address, size_t len, char out[NET_ADDRESS_SIZE])
{
	char host[INET6_ADDRSTRLEN + 20], port[8]; /* room for a scope */

	if (getnameinfo(address, (socklen_t)len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(out, NET_ADDRESS_SIZE, "unknown");
	else if (address->sa_family == AF_INET6)
		snprintf(out, NET_ADDRESS_SIZE, "[%s]:%s", host, port);
	else
		snprintf(out, NET_ADDRESS_SIZE, "%s:%s", host, port);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len,
	  void *arg)
{
	struct net *net = arg;

	(void)listener;
	OBJ_CHECK(net, NET_MAGIC);
	conn_accept(net, fd, address, (size_t)len);
}

/* Out of descriptors or memory: accepting again at once would fail again, and spin. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct net *net = arg;
	int error = errno;

	OBJ_CHECK(net, NET_MAGIC);
	net->counters.reasons[NET_REFUSED_DESCRIPTORS]++;
	net->listener_off = 1;
	evconnlistener_disable(listener);
	log_event(LOG_LEVEL_WARN, "accept_failed", "why=\"%s\"", strerror(error));
}

/* A socket bound to the first usable address of the host; -1 with errno. */
static int
bind_host(const char *host, uint16_t port, enum result *why)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	const int on = 1;
	char text[8];
	int fd = -1, error = 0;

	snprintf(text, sizeof(text), "%u", (unsigned)port);
	*why = RESULT_BAD_FIELD;
	if (getaddrinfo(host, text, &hints, &list) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	*why = RESULT_IO;
	for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			error = errno;
			continue;
		}
		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		    bind(fd, at->ai_addr, at->ai_addrlen) != 0) {
			error = errno;
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	errno = error;
	return fd;
}

enum result
listen_open(struct net *net, const struct net_config *config)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	enum result why = RESULT_IO;
	int fd = config->listen_fd;

	if (fd < 0)
		fd = bind_host(config->host, config->port, &why);
	else if (evutil_make_socket_nonblocking(fd) != 0 || /* inherited ones are blocking */
		 evutil_make_socket_closeonexec(fd) != 0)
		goto fail;
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		goto fail;
	listen_print_address((struct sockaddr *)&address, len, net->address);
	/* Enabled by itself it would not say that it could not, and nobody would ever be accepted. */
	net->listener = evconnlistener_new(net->base, on_accept, net,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED,
					   LISTEN_BACKLOG, fd);
	if (net->listener == NULL)
		goto fail;
	fd = -1;
	evconnlistener_set_error_cb(net->listener, on_accept_error);
	if (evconnlistener_enable(net->listener) != 0) {
		why = RESULT_NO_MEMORY;
		goto fail;
	}
	return RESULT_OK;
fail:
	log_event(LOG_LEVEL_ERROR, "listen_failed", "host=\"%s\" port=%u why=\"%s\"",
		  config->host != NULL ? config->host : "", (unsigned)config->port,
		  strerror(errno));
	if (fd >= 0)
		close(fd);
	return why;
}
