/*
 * One measured run: closed loop (each connection keeps so many frames in flight) or open loop (acts
 * are due at a fixed rate, and their latency counts from when they were due, sent or not, so that a
 * server that stalls cannot hide it).
 *
 * Connections stay between runs, with their kiosk sessions: connection i is member i's.
 */
#ifndef TIMEBOX_TESTS_BENCH_LOAD_H
#define TIMEBOX_TESTS_BENCH_LOAD_H

#include "tests/bench/conn.h"
#include "tests/bench/hist.h"
#include "tests/bench/wire.h"

#include <stddef.h>
#include <stdint.h>

#define LOAD_FLIGHT_MAX	 256
#define LOAD_SECONDS_MAX 120
#define ECHO_RECORD	 240

enum load_kind {
	LOAD_ECHO,    /* the floor: 240 bytes there and back */
	LOAD_GIFT,    /* an act of `commands` gifts of 1 point to random members */
	LOAD_BALANCE, /* GetMember of the session's own member */
	LOAD_REDEEM   /* a hold in the session, confirmed by the outlet's signed act: one act counted */
};

struct load_spec {
	enum load_kind kind;
	unsigned conns, flight;
	unsigned commands;		/* LOAD_GIFT: gifts in an act */
	unsigned readers, read_flight;	/* further connections that read balances meanwhile */
	double seconds, warm_up;
	double rate;		/* acts a second, all connections together; 0: closed loop */
	double skew;		/* receivers: index n·u^skew for a uniform u; 1 is uniform */
	uint64_t acts;		/* stop after so many; 0: by time */
};

struct load_result {
	double seconds;
	uint64_t acts, reads, refused;
	char refusal[40]; /* the first one's name */
	struct hist latency, read_latency;
	unsigned n_seconds;
	struct hist second[LOAD_SECONDS_MAX]; /* latency of acts, by the second of their answer */
	uint64_t started_unix_ms;
};

/* A connection with who speaks on it, and when each frame in flight was sent (or due). */
struct station_conn {
	struct conn *conn;
	struct actor actor;
	struct station_conn *outlet; /* LOAD_REDEEM: who confirms, and back */
	struct station_conn *kiosk;
	int reads;
	int epoll_out;
	uint64_t since_ns[LOAD_FLIGHT_MAX]; /* by frame number modulo LOAD_FLIGHT_MAX */
};

struct target {
	struct station_conn **conns; /* sessions */
	struct station_conn **outlets;
	unsigned n_conns, n_outlets;
	const uint64_t *ids; /* members that may receive */
	size_t n_ids;
	const char *item;
	int64_t server_us; /* server's clock minus ours */
};

/* Runs; *out is filled anew. The target must have the connections that the spec wants. */
void load_run(struct target *t, const struct load_spec *spec, struct load_result *out);

#endif
