#include "tests/bench/load.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS	    256
#define DRAIN_NS    UINT64_C(20000000000)
#define MEASURE_NS  UINT64_C(1000000000)

struct run {
	struct target *target;
	const struct load_spec *spec;
	struct load_result *out;
	int epoll;
	uint64_t start_ns, from_ns, end_ns; /* from_ns: what is answered before is warm-up */
	uint64_t sent, answered;	    /* acts */
	double due_step_ns;		    /* open loop */
	uint64_t due;			    /* acts that were due so far and are sent */
	unsigned next;			    /* open loop: connection that is asked first */
	int stopping;
};

/* ---- sending ---- */

static uint64_t
pick_receiver(const struct run *r, uint64_t self)
{
	const struct target *t = r->target;
	uint64_t id;

	do {
		double u = (double)(wire_random() >> 11) * 0x1p-53, x = u;

		for (double k = r->spec->skew; k > 1.0; k -= 1.0)
			x *= u;
		id = t->ids[(size_t)(x * (double)t->n_ids)];
	} while (id == self);
	return id;
}

static void
send_one(struct run *r, struct station_conn *s, uint64_t since_ns)
{
	static const uint8_t record[ECHO_RECORD];
	struct conn *c = s->conn;
	uint64_t to[WIRE_COMMANDS_MAX], now_us;

	now_us = (uint64_t)((int64_t)(bench_now_ns() / 1000) + r->target->server_us);
	s->since_ns[(c->number + 1) % LOAD_FLIGHT_MAX] = since_ns;
	if (s->reads) {
		wire_get_member(c, s->actor.member);
		return;
	}
	r->sent++;
	switch (r->spec->kind) {
	case LOAD_ECHO:
		memcpy(bytes_room(&c->out, sizeof(record)), record, sizeof(record));
		c->out.n += sizeof(record);
		c->number++;
		c->waiting++;
		break;
	case LOAD_GIFT:
		for (unsigned i = 0; i < r->spec->commands; i++)
			to[i] = pick_receiver(r, s->actor.member);
		wire_gift(c, &s->actor, now_us, to, r->spec->commands);
		break;
	case LOAD_BALANCE:
		wire_get_member(c, s->actor.member);
		break;
	case LOAD_REDEEM:
		wire_hold(c, &s->actor, now_us, r->target->item);
		break;
	}
}

/* What of a connection's window is used: a hold and its confirmation are one. */
static unsigned
in_flight(const struct station_conn *s)
{
	return s->conn->waiting + (s->outlet != NULL ? s->outlet->conn->waiting : 0);
}

static int
may_send(const struct run *r)
{
	return !r->stopping && (r->spec->acts == 0 || r->sent < r->spec->acts);
}

/* Closed loop: fills the connection's window. */
static void
top_up(struct run *r, struct station_conn *s, uint64_t now)
{
	unsigned flight = s->reads ? r->spec->read_flight : r->spec->flight;

	if (r->spec->rate > 0 && !s->reads)
		return;
	while (in_flight(s) < flight && may_send(r))
		send_one(r, s, now);
}

/* Open loop: sends what is due; what finds every window full waits, and its latency counts. */
static void
send_due(struct run *r, uint64_t now)
{
	const struct target *t = r->target;

	while (may_send(r)) {
		uint64_t due = r->start_ns + (uint64_t)((double)r->due * r->due_step_ns);
		struct station_conn *s = NULL;

		if (due > now)
			return;
		for (unsigned i = 0; i < r->spec->conns && s == NULL; i++) {
			s = t->conns[r->next++ % r->spec->conns];
			if (in_flight(s) >= r->spec->flight)
				s = NULL;
		}
		if (s == NULL)
			return;
		send_one(r, s, due);
		r->due++;
	}
}

static void
flush(const struct run *r, struct station_conn *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	if (s->conn->out.n != 0)
		conn_flush(s->conn);
	if (s->conn->blocked == s->epoll_out)
		return;
	s->epoll_out = s->conn->blocked;
	if (s->epoll_out)
		e.events |= EPOLLOUT;
	if (epoll_ctl(r->epoll, EPOLL_CTL_MOD, s->conn->fd, &e) != 0)
		bench_die("epoll: %s", strerror(errno));
}

/* ---- answers ---- */

static void
count(struct run *r, int read, uint64_t since, uint64_t now)
{
	uint64_t ns = now > since ? now - since : 0, second;

	if (!read)
		r->answered++;
	if (now < r->from_ns || now >= r->end_ns)
		return;
	if (read) {
		r->out->reads++;
		hist_record(&r->out->read_latency, ns);
		return;
	}
	r->out->acts++;
	hist_record(&r->out->latency, ns);
	second = (now - r->from_ns) / MEASURE_NS;
	if (second < LOAD_SECONDS_MAX)
		hist_record(&r->out->second[second], ns);
}

static void
refuse(struct run *r, const struct answer *a)
{
	if (r->out->refused++ == 0)
		memcpy(r->out->refusal, a->name, sizeof(r->out->refusal));
}

static void
take_answer(struct run *r, struct station_conn *s, const struct answer *a, uint64_t now)
{
	uint64_t since = s->since_ns[a->number % LOAD_FLIGHT_MAX];
	struct conn *outlet;

	s->conn->waiting--;
	if (a->code != 0) {
		refuse(r, a);
		r->answered++;
		return;
	}
	if (s->outlet == NULL) {
		count(r, s->reads, since, now);
		return;
	}
	outlet = s->outlet->conn;
	s->outlet->since_ns[(outlet->number + 1) % LOAD_FLIGHT_MAX] = since;
	wire_confirm(outlet, &s->outlet->actor,
	    (uint64_t)((int64_t)(now / 1000) + r->target->server_us), a);
}

static void
take_echoes(struct run *r, struct station_conn *s, uint64_t now)
{
	size_t n = s->conn->in.n / ECHO_RECORD;

	for (size_t i = 0; i < n; i++) {
		uint64_t frame = s->conn->number - s->conn->waiting + 1;

		s->conn->waiting--;
		count(r, 0, s->since_ns[frame % LOAD_FLIGHT_MAX], now);
	}
	conn_consume(s->conn, n * ECHO_RECORD);
}

static void
take_frames(struct run *r, struct station_conn *s, uint64_t now)
{
	struct conn *c = s->conn, rest = *c;
	const uint8_t *body;
	size_t body_len, n, done = 0;

	while ((n = wire_frame(&rest, &body, &body_len)) != 0) {
		struct answer a;

		wire_answer(body, body_len, &a);
		if (a.number == 0)
			bench_die("the server says %s", a.name);
		take_answer(r, s, &a, now);
		done += n;
		rest.in.p += n;
		rest.in.n -= n;
	}
	conn_consume(c, done);
}

static void
take(struct run *r, struct station_conn *s)
{
	uint64_t now;

	conn_fill(s->conn);
	now = bench_now_ns();
	if (r->spec->kind == LOAD_ECHO)
		take_echoes(r, s, now);
	else
		take_frames(r, s, now);
	if (s->outlet != NULL)
		flush(r, s->outlet);
	if (s->kiosk != NULL)
		s = s->kiosk;
	top_up(r, s, now);
	flush(r, s);
}

/* ---- the run ---- */

static void
watch(const struct run *r, struct station_conn *s, int add)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	s->epoll_out = 0;
	if (epoll_ctl(r->epoll, add ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->conn->fd, &e) != 0)
		bench_die("epoll: %s", strerror(errno));
}

static void
watch_all(struct run *r, int add)
{
	struct target *t = r->target;

	for (unsigned i = 0; i < r->spec->conns + r->spec->readers; i++) {
		struct station_conn *s = t->conns[i];

		s->reads = add && i >= r->spec->conns;
		watch(r, s, add);
		if (r->spec->kind != LOAD_REDEEM || s->reads)
			continue;
		s->outlet = add ? t->outlets[i] : NULL;
		t->outlets[i]->kiosk = add ? s : NULL;
		watch(r, t->outlets[i], add);
	}
}

static unsigned
all_in_flight(const struct run *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->spec->conns + r->spec->readers; i++)
		n += in_flight(r->target->conns[i]);
	return n;
}

/* How long epoll may wait: until the next act is due, or 10 ms. Sleeping to the microsecond, not
 * spinning: the server needs the cores. */
static struct timespec
wait_time(const struct run *r, uint64_t now)
{
	struct timespec t = {.tv_nsec = 10000000};
	uint64_t due;

	if (r->spec->rate <= 0 || r->stopping)
		return t;
	due = r->start_ns + (uint64_t)((double)r->due * r->due_step_ns);
	if (due < now + 10000000)
		t.tv_nsec = due > now ? (long)(due - now) : 50000; /* due: every window is full */
	return t;
}

static void
turn(struct run *r)
{
	struct epoll_event events[EVENTS];
	struct timespec wait = wait_time(r, bench_now_ns());
	int n = epoll_pwait2(r->epoll, events, EVENTS, &wait, NULL);

	for (int i = 0; i < n; i++)
		take(r, events[i].data.ptr);
	if (r->spec->rate > 0) {
		send_due(r, bench_now_ns());
		for (unsigned i = 0; i < r->spec->conns; i++)
			if (r->target->conns[i]->conn->out.n != 0)
				flush(r, r->target->conns[i]);
	}
}

static int
is_over(const struct run *r, uint64_t now)
{
	if (r->spec->acts != 0)
		return r->answered >= r->spec->acts;
	return now >= r->end_ns;
}

static void
prepare(struct run *r)
{
	struct timespec wall;

	memset(r->out, 0, sizeof(*r->out));
	if ((r->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		bench_die("epoll: %s", strerror(errno));
	watch_all(r, 1);
	r->start_ns = bench_now_ns();
	r->from_ns = r->start_ns;
	if (r->spec->acts == 0)
		r->from_ns += (uint64_t)(r->spec->warm_up * 1e9);
	r->end_ns = r->spec->acts != 0 ? UINT64_MAX :
					 r->from_ns + (uint64_t)(r->spec->seconds * 1e9);
	r->due_step_ns = r->spec->rate > 0 ? 1e9 / r->spec->rate : 0;
	if (clock_gettime(CLOCK_REALTIME, &wall) != 0)
		bench_die("no clock");
	r->out->started_unix_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000 +
	    (uint64_t)(r->spec->warm_up * 1e3);
}

void
load_run(struct target *t, const struct load_spec *spec, struct load_result *out)
{
	struct run r = {.target = t, .spec = spec, .out = out};
	uint64_t now;

	prepare(&r);
	for (unsigned i = 0; i < spec->conns + spec->readers; i++) {
		top_up(&r, t->conns[i], r.start_ns);
		flush(&r, t->conns[i]);
	}
	while (!is_over(&r, now = bench_now_ns()))
		turn(&r);
	r.stopping = 1;
	out->seconds = (double)(now - r.from_ns) * 1e-9;
	if (spec->acts == 0)
		out->seconds = spec->seconds;
	r.end_ns = spec->acts == 0 ? r.end_ns : now;
	out->n_seconds = out->seconds < LOAD_SECONDS_MAX ? (unsigned)out->seconds : LOAD_SECONDS_MAX;
	while (all_in_flight(&r) != 0) {
		turn(&r);
		if (bench_now_ns() - now > DRAIN_NS)
			bench_die("no answer for %u frames", all_in_flight(&r));
	}
	watch_all(&r, 0);
	(void)close(r.epoll);
}
