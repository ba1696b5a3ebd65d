/*
 * The simulator: the real book and engine in one process with the simulated machine, clients that
 * ask, and the model that knows what the answers must be.
 *
 *   script ─▶ request ─▶ sim_decide ─▶ engine_decide          model_act, and both are compared
 *                        sim_turn_end ─▶ sweep, commit        model_system, and everything is compared
 *                        sim_restart ─▶ close, power, open    what was acknowledged must be there
 */
#ifndef TIMEBOX_TESTS_SIM_SIM_H
#define TIMEBOX_TESTS_SIM_SIM_H

#include "daemon/engine/engine.h"
#include "proto/tree.h"
#include "tests/sim/client.h"
#include "tests/sim/model.h"

struct sim_counts {
	uint64_t acts, accepted, again, refused, lies, turns, restarts, entries, checks;
	uint64_t crashes, failures, checkpoints_failed, signed_roots, read_aside;
	uint64_t by_code[256];
};

struct sim {
	uint64_t seed;
	uint32_t step;
	char dir[64];
	struct engine *engine;
	/* As of the acts decided, and as of the last commit that was answered. */
	struct model now, kept;
	/* Of the last entry that was looked at; and the tree up to it. */
	uint8_t leaf[32];
	struct tree_frontier tree;
	/* Another thread reads back, or would. */
	enum { READS_NOTHING, READS_SOON, READS_DONE } reads;
	uint64_t started_us;
	/* The clocks at start, and whether that start doubted them. */
	uint64_t base_wall_us, base_boot_us;
	int start_doubtful;
	/* A write failed: nothing is accepted until the next start. */
	int failed;
	struct request *requests;
	uint32_t n_requests;
	/* What the turn decided and the clients wait for. */
	uint32_t waiting[64];
	uint32_t n_waiting;
	struct sim_counts counts;
};
extern struct sim sim;

enum lie { LIE_NONE, LIE_KEY, LIE_SIGNATURE, LIE_TEXTS, LIE_SESSION, LIES };

/* Stops the run: the daemon and the model disagree. */
void sim_diverge(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

void sim_begin(uint64_t seed);
void sim_end(void);
/* A fresh request, kept for ever. */
struct request *sim_request(uint32_t client, uint64_t session, uint64_t made_at_us,
    const struct intent *intents, uint32_t n);
/* Sends it (again) in this turn, and compares the answer. */
void sim_decide(struct request *r, enum lie lie);
/* Sends other bytes under the id of a request that was decided. */
void sim_decide_changed(const struct request *r, const struct intent *other);
void sim_turn_end(void);
/* Some of what the daemon does to sign what is committed, and a look at what it signed. */
void sim_sign(void);
/* Ends the process, cleanly or not, and starts it again `later_us` later. */
void sim_restart(int clean, uint64_t later_us);
/* Everything once more, at the end. */
void sim_last_checks(void);
int sim_doubtful(void);
/* The time of the next entry. */
uint64_t sim_now_us(void);

/* compare.c: the rows against the model. */
void compare_members(void);
void compare_all(void);

/* script.c: sets the station up, and goes on for a while. */
void script_run(uint32_t turns);

#endif
