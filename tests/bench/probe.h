/* What the machine itself can do, measured in the same run as everything else. */
#ifndef TIMEBOX_TESTS_BENCH_PROBE_H
#define TIMEBOX_TESTS_BENCH_PROBE_H

#include "tests/bench/hist.h"

/* Writes 4 KiB pages one after the other into a file of zeros in `folder`, with fdatasync after each,
 * for so long; the time of each pair goes into *out. The file is removed. */
void probe_fdatasync(const char *folder, double seconds, struct hist *out);

/* As many threads as there are cores do nothing but compute for the part `busy` of each ms, for so long: how late they begin with
 * each ms's work, what waits from the ms before included, goes into *out. What a latency on this machine has in it, whoever serves. */
void probe_wake(double busy, double seconds, struct hist *out);

/* SHA-256 of 240 bytes, one after the other: hashes a second. */
double probe_sha256(double seconds);

#endif
