/*
 * The simulated machine: one random sequence, a clock that the simulator moves, and a disk that may
 * fail or lose power at any write. Everything that happens follows from the seed.
 *
 * It takes the place of daemon/ops/{clock,log}, daemon/engine/keys.c, daemon/store/{ledger,people,
 * rows_disk}.c and of the signatures and random bytes of proto/crypto.c, when linking.
 */
#ifndef TIMEBOX_TESTS_SIM_WORLD_H
#define TIMEBOX_TESTS_SIM_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

struct world {
	uint64_t random;
	uint64_t wall_us;
	uint64_t boot_us;
	/* The power went: no write reaches the disk until world_power_on. */
	int dead;
	/* Writes until the power goes, or until one fails; 0: not now. */
	uint32_t crash_in;
	uint32_t fail_in;
	/* The failing write is a checkpoint of the state only. */
	int fail_checkpoint;
	/* Counted for the report. */
	uint64_t crashes, failures, writes;
};
extern struct world world;

/* A new machine with an empty disk. */
void world_begin(uint64_t seed);
void world_end(void);
/* The process ended: what was not committed is gone, the power is back. */
void world_power_on(void);

uint64_t world_random(void);
/* 0 to n − 1. */
uint32_t world_below(uint32_t n);
/* 1 with a chance of `percent`. */
int world_chance(uint32_t percent);

/* What becomes of a write. */
enum fate {
	FATE_DONE,
	/* Nothing is on the disk, and the caller is told of a failure. */
	FATE_LOST,
	/* It is on the disk, but the caller is told of a failure (or never told: the power went). */
	FATE_UNTOLD
};
enum fate world_fate(int checkpoint);
/* How a failed write is told. */
enum result world_failure(void);

/* Signs as the fake of act_sign does; a public key is a function of its seed. */
void world_public(const uint8_t seed[32], uint8_t pub[32]);

/* The disk's parts: emptied, or left with what was committed. */
void store_ledger_reset(void);
void store_people_reset(void);
void store_rows_reset(void);
/* Loses the state's folder: the next start replays everything. */
void store_rows_lose(void);
uint64_t store_ledger_size(void);

#endif
