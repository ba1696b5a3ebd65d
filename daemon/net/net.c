#include "daemon/net/net_impl.h"

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"
#include "daemon/ops/log.h"
#include "proto/frame.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SWEEP_LEAST_MS 10
/* How often a turn looks again whether more came. */
#define GATHER_ROUNDS 8
#define STOP_TICK_MS 20
/* After this many handshakes and then so much quiet, the heap is given back: OpenSSL leaves 22 KiB
 * of holes per connection. */
#define TRIM_HANDSHAKES 64
#define TRIM_QUIET_MS 5000

static const char *const reason_names[NET_REASONS] = {
	[NET_REFUSED_FULL] = "refused_full",
	[NET_REFUSED_DESCRIPTORS] = "refused_descriptors",
	[NET_REFUSED_NO_CERT] = "refused_no_cert",
	[NET_REFUSED_KEY_TYPE] = "refused_key_type",
	[NET_REFUSED_VERSION] = "refused_version",
	[NET_REFUSED_ALPN] = "refused_alpn",
	[NET_REFUSED_TLS] = "refused_tls",
	[NET_REFUSED_HOOK] = "refused_hook",
	[NET_CUT_HANDSHAKE] = "cut_handshake",
	[NET_CUT_FRAME] = "cut_frame",
	[NET_CUT_IDLE] = "cut_idle",
	[NET_CUT_WRITE] = "cut_write",
	[NET_CUT_OUTPUT] = "cut_output",
	[NET_CUT_BAD_FRAME] = "cut_bad_frame",
	[NET_CUT_TOO_LARGE] = "cut_too_large",
	[NET_CUT_TRUNCATED] = "cut_truncated",
	[NET_CUT_ERROR] = "cut_error",
};

const char *
net_reason_name(enum net_reason reason)
{
	CHECK((unsigned)reason < NET_REASONS);
	return reason_names[reason];
}

void
net_config_init(struct net_config *config)
{
	*config = (struct net_config){
		.host = "127.0.0.1",
		.listen_fd = -1,
		.max_connections = 12000,
		.handshake_ms = 5000,
		.frame_ms = 10000,
		.idle_ms = 300000,
		.write_ms = 30000,
		.first_max = 64 * 1024,
	};
}

void
net_sweep_for(struct net *net, unsigned limit_ms)
{
	unsigned often = limit_ms / 4 < SWEEP_LEAST_MS ? SWEEP_LEAST_MS : limit_ms / 4;

	if (often < net->sweep_ms)
		net->sweep_ms = often;
}

/* Runs what was posted before this call. */
static void
net_run_posts(struct net *net)
{
	unsigned count;

	pthread_mutex_lock(&net->post_lock);
	count = net->post_count;
	pthread_mutex_unlock(&net->post_lock);
	while (count-- > 0) {
		struct post post;

		pthread_mutex_lock(&net->post_lock);
		post = net->posts[net->post_head];
		net->post_head = (net->post_head + 1) % NET_POST_MAX;
		net->post_count--;
		pthread_mutex_unlock(&net->post_lock);
		post.fn(post.arg);
	}
}

/* Makes the loop's descriptor readable. Safe in a signal handler. */
static void
net_wake(struct net *net)
{
	const uint64_t one = 1;
	int saved = errno;

	/* The only failure is a full counter, and then it is readable already. */
	if (write(net->wake_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct net *net = arg;
	uint64_t count;

	(void)what;
	OBJ_CHECK(net, NET_MAGIC);
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		net_run_posts(net);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg; /* being woken is all */
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct net *net = arg;

	(void)what;
	OBJ_CHECK(net, NET_MAGIC);
	log_event(LOG_LEVEL_INFO, "signal", "number=%d", (int)number);
	atomic_store(&net->stop_asked, 1);
}

static void
on_libevent(int severity, const char *what)
{
	enum log_level level = severity == EVENT_LOG_ERR    ? LOG_LEVEL_ERROR
			       : severity == EVENT_LOG_WARN ? LOG_LEVEL_WARN
							    : LOG_LEVEL_DEBUG;

	log_event(level, "libevent", "why=\"%s\"", what);
}

/* It has said why, and would not return. */
static void
on_libevent_fatal(int code)
{
	(void)code;
	log_close();
	_exit(1);
}

static enum result
net_open_events(struct net *net)
{
	event_set_log_callback(on_libevent);
	event_set_fatal_callback(on_libevent_fatal);
	net->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (net->wake_fd < 0)
		return RESULT_INTERNAL;
	net->base = event_base_new();
	if (net->base == NULL)
		return RESULT_INTERNAL;
	net->tick = evtimer_new(net->base, on_tick, net);
	net->wake = event_new(net->base, net->wake_fd, EV_READ | EV_PERSIST, on_wake, net);
	net->on_term = evsignal_new(net->base, SIGTERM, on_signal, net);
	net->on_int = evsignal_new(net->base, SIGINT, on_signal, net);
	if (net->tick == NULL || net->wake == NULL || net->on_term == NULL || net->on_int == NULL)
		return RESULT_NO_MEMORY;
	return event_add(net->wake, NULL) == 0 ? RESULT_OK : RESULT_INTERNAL;
}

/* The last step of opening: before it, a signal ends the process as usual. */
static enum result
net_catch_signals(struct net *net)
{
	if (event_add(net->on_term, NULL) != 0 || event_add(net->on_int, NULL) != 0)
		return RESULT_INTERNAL;
	return RESULT_OK;
}

enum result
net_open(const struct net_config *config, const struct net_hooks *hooks, struct net **out)
{
	struct net *net;
	enum result r;

	CHECK(config->tls_seed != NULL && config->max_connections > 0);
	CHECK(config->first_max >= 1 && config->first_max <= FRAME_MAX_BYTES);
	net = calloc(1, sizeof(*net));
	if (net == NULL)
		return RESULT_NO_MEMORY;
	net->magic = NET_MAGIC;
	net->hooks = *hooks;
	net->max_connections = config->max_connections;
	net->handshake_ms = config->handshake_ms;
	net->frame_ms = config->frame_ms;
	net->idle_ms = config->idle_ms;
	net->write_ms = config->write_ms;
	net->first_max = config->first_max;
	net->wake_fd = -1;
	net->sweep_ms = NET_SWEEP_MS;
	net_sweep_for(net, config->handshake_ms);
	net_sweep_for(net, config->frame_ms);
	net_sweep_for(net, config->idle_ms);
	net_sweep_for(net, config->write_ms);
	LIST_INIT(&net->https);
	LIST_INIT(&net->conns);
	LIST_INIT(&net->ending);
	TAILQ_INIT(&net->ready);
	TAILQ_INIT(&net->dirty);
	TAILQ_INIT(&net->late);
	TAILQ_INIT(&net->late_served);
	net->turns = 1;
	pthread_mutex_init(&net->post_lock, NULL);
	signal(SIGPIPE, SIG_IGN);
	listen_raise_descriptors(net);

	r = net_open_events(net);
	if (r == RESULT_OK)
		r = tls_open(config->tls_seed, &net->tls);
	if (r == RESULT_OK)
		r = stream_open_all(net);
	if (r == RESULT_OK)
		r = listen_open(net, config);
	if (r == RESULT_OK)
		r = net_catch_signals(net);
	if (r != RESULT_OK) {
		net_close(net);
		return r;
	}
	*out = net;
	return RESULT_OK;
}

static void
event_drop(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void
net_close(struct net *net)
{
	if (net == NULL)
		return;
	OBJ_CHECK(net, NET_MAGIC);
	net->stopping = 1;
	if (net->listener != NULL)
		evconnlistener_free(net->listener);
	net_run_posts(net);
	http_drop_all(net);
	conn_cut_all(net);
	conn_reap_all(net);
	CHECK(LIST_EMPTY(&net->conns));
	event_drop(net->on_int);
	event_drop(net->on_term);
	event_drop(net->wake);
	event_drop(net->tick);
	if (net->base != NULL)
		event_base_free(net->base);
	if (net->wake_fd >= 0)
		close(net->wake_fd);
	stream_close_all(net);
	SSL_CTX_free(net->tls);
	pthread_mutex_destroy(&net->post_lock);
	net->magic = 0;
	free(net);
}

uint64_t
net_now_ms(const struct net *net)
{
	OBJ_CHECK(net, NET_MAGIC);
	return net->now_ms;
}

const char *
net_address(const struct net *net)
{
	OBJ_CHECK(net, NET_MAGIC);
	return net->address;
}

const struct net_counters *
net_counters(const struct net *net)
{
	OBJ_CHECK(net, NET_MAGIC);
	return &net->counters;
}

/* The loop cannot go on, as errno says. */
static enum result
loop_failed(void)
{
	int why = errno;

	log_event(LOG_LEVEL_ERROR, "loop_failed", "why=\"%s\"", strerror(why));
	return why == ENOMEM ? RESULT_NO_MEMORY : RESULT_INTERNAL;
}

/* Reads from those who wait already, then waits for events, at most `wait_ms`, and runs them. */
static enum result
net_wait(struct net *net, unsigned wait_ms)
{
	const struct timeval wait = {
		.tv_sec = wait_ms / 1000,
		.tv_usec = (suseconds_t)(wait_ms % 1000) * 1000,
	};

	conn_read_ready(net);
	if (event_add(net->tick, &wait) != 0 || event_base_loop(net->base, EVLOOP_ONCE) < 0)
		return loop_failed();
	conn_send_all(net);
	return RESULT_OK;
}

/*
 * While frames came, more may have come: a turn that commits pays for the disk once, whoever is in it. Ends when nobody sent
 * anything meanwhile, or after a few rounds, so that those who did need not wait for those who go on.
 */
static enum result
net_gather(struct net *net, uint64_t before)
{
	enum result r = RESULT_OK;

	for (int round = 0; round < GATHER_ROUNDS && net->counters.frames_in != before && r == RESULT_OK; round++) {
		before = net->counters.frames_in;
		conn_read_ready(net);
		if (event_base_loop(net->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) < 0)
			r = loop_failed();
		conn_send_all(net);
	}
	return r;
}

/* What is looked at regularly; returns the ms until the next time. */
static unsigned
net_sweep(struct net *net)
{
	uint64_t now = clock_steady_ms();
	uint64_t past = now - net->swept_ms;

	if (past < net->sweep_ms)
		return net->sweep_ms - (unsigned)past;
	net->swept_ms = now;
	conn_sweep_all(net);
	if (net->listener_off && !net->stopping && evconnlistener_enable(net->listener) == 0)
		net->listener_off = 0;
	if (net->handshakes >= TRIM_HANDSHAKES && now - net->handshake_last_ms > TRIM_QUIET_MS) {
		net->handshakes = 0;
		malloc_trim(0);
	}
	return net->sweep_ms;
}

/* After a stop: what is queued goes out, for a limited time. */
static enum result
net_wind_down(struct net *net)
{
	uint64_t until = clock_steady_ms() + NET_STOP_MS;
	enum result r = RESULT_OK;

	net->stopping = 1;
	evconnlistener_disable(net->listener);
	net_sweep_for(net, 0);
	conn_stop_all(net);
	(void)net->hooks.turn(net->hooks.ctx);
	conn_close_all(net);
	conn_send_all(net);
	conn_reap_all(net);
	while (r == RESULT_OK && !LIST_EMPTY(&net->conns) && clock_steady_ms() < until) {
		r = net_wait(net, STOP_TICK_MS);
		net_sweep(net);
		conn_reap_all(net);
	}
	conn_cut_all(net);
	conn_reap_all(net);
	return r;
}

enum result
net_run(struct net *net)
{
	unsigned wait_ms = 0;

	OBJ_CHECK(net, NET_MAGIC);
	net->swept_ms = clock_steady_ms();
	while (!atomic_load(&net->stop_asked)) {
		uint64_t frames = net->counters.frames_in;
		unsigned sweep_in_ms;
		enum result r;
		int turn_in_ms;

		if ((r = net_wait(net, wait_ms)) != RESULT_OK || (r = net_gather(net, frames)) != RESULT_OK)
			return r;
		sweep_in_ms = net_sweep(net);
		turn_in_ms = net->hooks.turn(net->hooks.ctx);
		conn_release_late(net);
		conn_send_all(net);
		wait_ms = turn_in_ms < 0 ? 0 : (unsigned)turn_in_ms;
		if (wait_ms > sweep_in_ms)
			wait_ms = sweep_in_ms;
		/* `closed` may have left something for `turn` */
		if (conn_reap_all(net) > 0 || !TAILQ_EMPTY(&net->ready))
			wait_ms = 0;
	}
	return net_wind_down(net);
}

void
net_stop(struct net *net)
{
	OBJ_CHECK(net, NET_MAGIC);
	atomic_store(&net->stop_asked, 1);
	net_wake(net);
}

enum result
net_post(struct net *net, void (*fn)(void *arg), void *arg)
{
	enum result r = RESULT_BUSY;

	OBJ_CHECK(net, NET_MAGIC);
	pthread_mutex_lock(&net->post_lock);
	if (net->post_count < NET_POST_MAX) {
		net->posts[(net->post_head + net->post_count) % NET_POST_MAX] =
			(struct post){ .fn = fn, .arg = arg };
		net->post_count++;
		r = RESULT_OK;
	}
	pthread_mutex_unlock(&net->post_lock);
	if (r == RESULT_OK)
		net_wake(net);
	return r;
}
