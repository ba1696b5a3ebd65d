/*
 * A log-linear histogram of times: 64 steps in each power of two, so that a value is kept to within
 * 1.6 %, from 1 ns to over an hour. Recording is a shift and an addition.
 */
#ifndef TIMEBOX_TESTS_BENCH_HIST_H
#define TIMEBOX_TESTS_BENCH_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_SLOTS    ((43 - HIST_SUB_BITS) << HIST_SUB_BITS)

struct hist {
	uint64_t total;
	uint64_t max_ns;
	uint32_t slot[HIST_SLOTS];
};

void hist_reset(struct hist *h);
void hist_record(struct hist *h, uint64_t ns);
/* Adds what `from` holds. */
void hist_add(struct hist *h, const struct hist *from);
/* The time that the share `q` (0 to 1) of all values stays at or below; 0 without values. */
uint64_t hist_quantile_ns(const struct hist *h, double q);
/* Of times that followed each other without a gap: what is left of the one that a moment falls into, which the share `q` of all
 * moments stays at or below. An operation that stalls is one value, but many would have wanted to begin meanwhile. 0 without
 * values. */
uint64_t hist_moment_ns(const struct hist *h, double q);

#endif
