/*
 * The only source of time in the daemon.
 *
 * Three clocks, and which to use:
 *   clock_now_us      what people call the time (wall clock); goes into entries
 *   clock_boot_us     counts since boot, also through suspend; tells whether the wall clock jumped
 *   clock_steady_ms   for time limits and intervals inside the process
 *
 * The engine takes `now` as an argument, so these are called at the edges only.
 *
 * Built with -DTIMEBOX_TEST_CLOCK (the test build of the daemon, never the installed one), tests
 * can move time: the file named by TIMEBOX_TEST_CLOCK_FILE, read again at every call, or else the
 * variable TIMEBOX_TEST_CLOCK_OFFSET_S holds one or two decimal numbers of seconds. The first is
 * added to the wall and the boot clock (time went by), the second, if there, to the wall clock only
 * (somebody set the clock). The steady clock is never moved, so that connections survive.
 */
#ifndef TIMEBOX_OPS_CLOCK_H
#define TIMEBOX_OPS_CLOCK_H

#include <stdint.h>

/* How far wall and boot clock may drift apart before the wall clock is doubted. */
#define CLOCK_DOUBT_US 5000000

/* What the two clocks said when they were last known to agree. Open, so that it can be embedded. */
struct clock {
	uint64_t wall_us; /* since 1970-01-01T00:00:00Z */
	uint64_t boot_us; /* since boot */
};

/* Microseconds since 1970-01-01T00:00:00Z. Thread-safe; not monotonic; 0 if set before 1970. */
uint64_t clock_now_us(void);
/* Microseconds since boot, suspend included (CLOCK_BOOTTIME). Thread-safe. */
uint64_t clock_boot_us(void);
/* Milliseconds, and microseconds, of a clock that only goes forward (CLOCK_MONOTONIC). Thread-safe. */
uint64_t clock_steady_ms(void);
uint64_t clock_steady_us(void);

/* Takes the present reading of both clocks as trusted: at start, and after `clock accept`. */
void clock_rebase(struct clock *clock);
/* 1 if wall and boot clock went apart by more than CLOCK_DOUBT_US since clock_rebase, else 0. */
int clock_doubtful(const struct clock *clock);

/*
 * Writes `time_us` as UTC, "2024-05-01T08:00:00.123456Z", into `out` (always terminated) and
 * returns `out`. CLOCK_TEXT_SIZE bytes suffice.
 */
#define CLOCK_TEXT_SIZE 40
char *clock_text_utc(uint64_t time_us, char out[CLOCK_TEXT_SIZE]);

#endif
