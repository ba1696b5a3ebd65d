/*
 * timebox-bench: load over TLS on one thread, told on stdin what to run, one line a run, and
 * answering each with one line of JSON. run.py makes the station and says what to measure.
 *
 *	timebox-bench station ADDRESS KEYS ORIGIN MEMBERS IDS ITEM
 *	timebox-bench floor ADDRESS
 *	timebox-bench probe
 *
 * KEYS/kiosk and KEYS/outlet hold key.pem and cert.pem. MEMBERS has a line "NUMBER PIN ID" for each
 * member that gives: connection i is logged in as the i-th (a session's acts are its own member's, so
 * the givers are as many as the connections). IDS has the ids of all who may receive, 8 bytes each.
 * Lines:
 *
 *	echo|gift|balance|redeem [conns=1] [flight=1] [commands=1] [readers=0] [read_flight=16]
 *		[seconds=3] [warm_up=0.3] [rate=0] [skew=1] [acts=0]
 *	idle n=N		opens connections that say nothing, beside those there are; n=0 closes them
 *	fdatasync seconds=S folder=DIR
 *	sha256 seconds=S
 *	wake seconds=S busy=PART
 */
#include "tests/bench/load.h"
#include "tests/bench/probe.h"

#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "timebox/v1/rpc.pb-c.h"

#define GIVERS_MAX   4096
#define COMMAND_MAX    512
#define KEEP_ALIVE_S 20

struct giver {
	char number[16], pin[16];
	uint64_t id;
};

struct bench {
	const char *address, *origin;
	SSL_CTX *kiosk, *outlet;
	struct target target;
	struct giver *givers;
	unsigned n_givers;
	struct conn **idle;
	unsigned n_idle;
	int echo;
	uint64_t last_ns; /* when the sessions last said something */
	struct load_result result;
};

/* ---- connections ---- */

/* Waits for one Response; to be freed. */
static Timebox__V1__Response *
read_response(struct conn *c)
{
	const uint8_t *body;
	Timebox__V1__Response *out;
	size_t len, n;

	while ((n = wire_frame(c, &body, &len)) == 0)
		conn_wait(c);
	out = timebox__v1__response__unpack(NULL, len, body);
	if (out == NULL || out->code != TIMEBOX__V1__RESULT_CODE__RESULT_CODE_OK)
		bench_die("the server says %s", out == NULL ? "nothing" : out->name);
	conn_consume(c, n);
	return out;
}

static void
read_keys(SSL_CTX *ctx, struct actor *a)
{
	EVP_PKEY *key = SSL_CTX_get0_privatekey(ctx);
	size_t seed = SEED_LEN, pub = KEY_LEN;

	if (key == NULL || EVP_PKEY_get_raw_private_key(key, a->seed, &seed) != 1 ||
	    EVP_PKEY_get_raw_public_key(key, a->key, &pub) != 1)
		bench_die("the key is not Ed25519");
}

/* Connects and waits for the server's hello, from which comes its clock. */
static struct station_conn *
station_open(struct bench *b, SSL_CTX *ctx)
{
	struct station_conn *s = calloc(1, sizeof(*s));
	Timebox__V1__Response *hello;

	if (s == NULL)
		bench_die("no memory");
	s->conn = conn_open(ctx, b->address);
	if (b->echo) {
		conn_nonblocking(s->conn);
		return s;
	}
	hello = read_response(s->conn);
	if (hello->hello == NULL)
		bench_die("the server does not say hello");
	b->target.server_us = (int64_t)hello->hello->time_us - (int64_t)(bench_now_ns() / 1000);
	timebox__v1__response__free_unpacked(hello, NULL);
	s->actor.origin = b->origin;
	read_keys(ctx, &s->actor);
	return s;
}

static void
log_in(struct station_conn *s, const struct giver *who)
{
	Timebox__V1__Response *answer;

	wire_login(s->conn, who->number, who->pin);
	conn_flush(s->conn);
	answer = read_response(s->conn);
	s->conn->waiting--;
	if (answer->session == NULL || answer->session->session.len != sizeof(s->actor.session))
		bench_die("no session");
	memcpy(s->actor.session, answer->session->session.data, sizeof(s->actor.session));
	s->actor.member = who->id;
	timebox__v1__response__free_unpacked(answer, NULL);
}

static void
keep_alive(struct bench *b)
{
	struct load_spec spec = {.kind = LOAD_BALANCE, .flight = 1, .seconds = 1};

	spec.conns = b->target.n_conns;
	spec.acts = spec.conns;
	if (!b->echo && spec.conns != 0)
		load_run(&b->target, &spec, &b->result);
	b->last_ns = bench_now_ns();
}

/* Logging in takes a while (the PIN is hashed slowly on purpose), so earlier sessions may need a
 * word meanwhile. */
static void
have_conns(struct bench *b, unsigned n)
{
	if (n > GIVERS_MAX || (!b->echo && n > b->n_givers))
		bench_die("%u connections, but only %u members that can log in", n, b->n_givers);
	while (b->target.n_conns < n) {
		struct station_conn *s = station_open(b, b->kiosk);

		if (!b->echo) {
			log_in(s, &b->givers[b->target.n_conns]);
			conn_nonblocking(s->conn);
		}
		b->target.conns[b->target.n_conns++] = s;
		if (bench_now_ns() - b->last_ns > KEEP_ALIVE_S * UINT64_C(1000000000))
			keep_alive(b);
	}
}

static void
have_outlets(struct bench *b, unsigned n)
{
	while (b->target.n_outlets < n) {
		struct station_conn *s = station_open(b, b->outlet);

		conn_nonblocking(s->conn);
		b->target.outlets[b->target.n_outlets++] = s;
	}
}

static void
set_idle(struct bench *b, unsigned n)
{
	while (b->n_idle > n) {
		struct conn *c = b->idle[--b->n_idle];

		SSL_free(c->ssl);
		(void)close(c->fd);
		free(c->in.p);
		free(c->out.p);
		free(c);
	}
	if ((b->idle = realloc(b->idle, (n + 1) * sizeof(struct conn *))) == NULL)
		bench_die("no memory");
	while (b->n_idle < n) {
		struct station_conn *s = station_open(b, b->kiosk);

		free(s->conn->in.p);
		memset(&s->conn->in, 0, sizeof(s->conn->in));
		b->idle[b->n_idle++] = s->conn;
		free(s);
		if (bench_now_ns() - b->last_ns > KEEP_ALIVE_S * UINT64_C(1000000000))
			keep_alive(b);
	}
	(void)printf("{\"idle\": %u}\n", b->n_idle);
}

/* ---- what was measured ---- */

static double
us(const struct hist *h, double q)
{
	return (double)hist_quantile_ns(h, q) / 1e3;
}

static void
print_latency(const char *name, const struct hist *h)
{
	(void)printf("\"%s\": {\"n\": %llu, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
		     "\"p999_us\": %.1f, \"max_us\": %.1f}",
	    name, (unsigned long long)h->total, us(h, 0.5), us(h, 0.9), us(h, 0.99), us(h, 0.999),
	    (double)h->max_ns / 1e3);
}

static void
print_result(const struct load_spec *spec, const struct load_result *r)
{
	(void)printf("{\"acts_per_s\": %.1f, \"commands_per_s\": %.1f, \"reads_per_s\": %.1f, "
		     "\"seconds\": %.3f, \"acts\": %llu, \"refused\": %llu, \"refusal\": \"%s\", ",
	    (double)r->acts / r->seconds, (double)r->acts * spec->commands / r->seconds,
	    (double)r->reads / r->seconds, r->seconds, (unsigned long long)r->acts,
	    (unsigned long long)r->refused, r->refusal);
	print_latency("latency", &r->latency);
	(void)printf(", ");
	print_latency("read_latency", &r->read_latency);
	(void)printf(", \"started_unix_ms\": %llu, \"p99_us_by_second\": [",
	    (unsigned long long)r->started_unix_ms);
	for (unsigned i = 0; i < r->n_seconds && i < LOAD_SECONDS_MAX; i++)
		(void)printf("%s%.1f", i == 0 ? "" : ", ", us(&r->second[i], 0.99));
	(void)printf("]}\n");
}

/* ---- lines ---- */

/* The number after NAME= in the line, or `otherwise`. */
static double
number_of(const char *line, const char *name, double otherwise)
{
	size_t n = strlen(name);

	for (const char *at = line; (at = strchr(at, ' ')) != NULL;) {
		at++;
		if (strncmp(at, name, n) == 0 && at[n] == '=')
			return strtod(at + n + 1, NULL);
	}
	return otherwise;
}

static void
run_load(struct bench *b, enum load_kind kind, const char *line)
{
	struct load_spec spec = {
		.kind = kind,
		.conns = (unsigned)number_of(line, "conns", 1),
		.flight = (unsigned)number_of(line, "flight", 1),
		.commands = (unsigned)number_of(line, "commands", 1),
		.readers = (unsigned)number_of(line, "readers", 0),
		.read_flight = (unsigned)number_of(line, "read_flight", 16),
		.seconds = number_of(line, "seconds", 3),
		.warm_up = number_of(line, "warm_up", 0.3),
		.rate = number_of(line, "rate", 0),
		.skew = number_of(line, "skew", 1),
		.acts = (uint64_t)number_of(line, "acts", 0),
	};

	if (spec.conns == 0 || spec.flight == 0 || spec.flight >= LOAD_FLIGHT_MAX ||
	    spec.read_flight >= LOAD_FLIGHT_MAX || spec.commands == 0 ||
	    spec.commands > WIRE_COMMANDS_MAX || (kind == LOAD_ECHO) != b->echo)
		bench_die("not a run: %s", line);
	have_conns(b, spec.conns + spec.readers);
	if (kind == LOAD_REDEEM)
		have_outlets(b, spec.conns);
	keep_alive(b);
	load_run(&b->target, &spec, &b->result);
	b->last_ns = bench_now_ns();
	print_result(&spec, &b->result);
}

static void
run_probe(const char *line)
{
	static struct hist h;
	const char *folder = strstr(line, "folder=");

	if (strncmp(line, "sha256", 6) == 0) {
		(void)printf("{\"per_s\": %.0f}\n", probe_sha256(number_of(line, "seconds", 1)));
		return;
	}
	if (strncmp(line, "wake", 4) == 0) {
		probe_wake(number_of(line, "busy", 0), number_of(line, "seconds", 1), &h);
		(void)printf("{");
	} else if (folder == NULL) {
		bench_die("where: %s", line);
	} else {
		probe_fdatasync(folder + 7, number_of(line, "seconds", 1), &h);
		(void)printf("{\"moment_p99_us\": %.1f, ", (double)hist_moment_ns(&h, 0.99) / 1e3);
	}
	print_latency("latency", &h);
	(void)printf("}\n");
}

static void
run_line(struct bench *b, const char *line)
{
	static const struct {
		const char *name;
		enum load_kind kind;
	} kinds[] = {
		{"echo", LOAD_ECHO}, {"gift", LOAD_GIFT}, {"balance", LOAD_BALANCE},
		{"redeem", LOAD_REDEEM},
	};
	size_t n = strcspn(line, " ");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == n && strncmp(line, kinds[i].name, n) == 0) {
			run_load(b, kinds[i].kind, line);
			return;
		}
	if (strncmp(line, "idle", n) == 0)
		set_idle(b, (unsigned)number_of(line, "n", 0));
	else
		run_probe(line);
}

/* Reads lines until the end, keeping the sessions alive meanwhile. */
static void
serve(struct bench *b)
{
	char line[COMMAND_MAX];
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	(void)setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		int n = poll(&p, 1, KEEP_ALIVE_S * 1000);

		if (n == 0) {
			keep_alive(b);
			continue;
		}
		if (fgets(line, sizeof(line), stdin) == NULL)
			return;
		line[strcspn(line, "\n")] = '\0';
		run_line(b, line);
		(void)fflush(stdout);
	}
}

/* ---- start ---- */

static void
read_givers(struct bench *b, const char *path)
{
	FILE *f = fopen(path, "r");
	struct giver g;
	unsigned long long id;

	if (f == NULL || (b->givers = calloc(GIVERS_MAX, sizeof(g))) == NULL)
		bench_die("%s: %s", path, strerror(errno));
	while (b->n_givers < GIVERS_MAX && fscanf(f, "%15s %15s %llu", g.number, g.pin, &id) == 3) {
		g.id = id;
		b->givers[b->n_givers++] = g;
	}
	(void)fclose(f);
}

static void
read_ids(struct target *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint64_t *ids;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 16 ||
	    fseek(f, 0, SEEK_SET) != 0 || (ids = malloc((size_t)size)) == NULL)
		bench_die("%s: not two ids", path);
	t->n_ids = fread(ids, sizeof(*ids), (size_t)size / sizeof(*ids), f);
	t->ids = ids;
	(void)fclose(f);
}

static void
start_station(struct bench *b, char **argv)
{
	char folder[4096];

	b->address = argv[0];
	b->origin = argv[2];
	(void)snprintf(folder, sizeof(folder), "%s/kiosk", argv[1]);
	b->kiosk = conn_context(folder, "timebox/1");
	(void)snprintf(folder, sizeof(folder), "%s/outlet", argv[1]);
	b->outlet = conn_context(folder, "timebox/1");
	read_givers(b, argv[3]);
	read_ids(&b->target, argv[4]);
	b->target.item = argv[5];
}

static void
raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int
main(int argc, char **argv)
{
	static struct bench b;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	raise_files();
	b.target.conns = calloc(GIVERS_MAX, sizeof(*b.target.conns));
	b.target.outlets = calloc(GIVERS_MAX, sizeof(*b.target.outlets));
	b.last_ns = bench_now_ns();
	if (b.target.conns == NULL || b.target.outlets == NULL)
		bench_die("no memory");
	if (argc == 8 && strcmp(argv[1], "station") == 0) {
		start_station(&b, argv + 2);
	} else if (argc == 3 && strcmp(argv[1], "floor") == 0) {
		b.echo = 1;
		b.address = argv[2];
		b.kiosk = conn_context(NULL, NULL);
	} else if (argc != 2 || strcmp(argv[1], "probe") != 0) {
		bench_die("usage: timebox-bench station ADDRESS KEYS ORIGIN MEMBERS IDS ITEM | "
			  "floor ADDRESS | probe");
	}
	serve(&b);
	return 0;
}
