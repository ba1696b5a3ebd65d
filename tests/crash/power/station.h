/* A rebuilt folder, judged by the daemon: what `timeboxd check` says, and what the people env holds then. */
#ifndef TIMEBOX_TESTS_CRASH_POWER_STATION_H
#define TIMEBOX_TESTS_CRASH_POWER_STATION_H

#include <stddef.h>
#include <stdint.h>

#define STATION_SAID_MAX 512

struct station_found {
	/* The exit code; -1 where a signal ended it or it had to be ended. */
	int code;
	char said[STATION_SAID_MAX];
	/* What follows is set where the code is 0. */
	uint64_t seq, fingerprint;
	char root[64];
	int sums_zero;
	/* Over all texts, without PINs; and how many rows wait to be undone. */
	uint64_t people;
	unsigned pending;
	/* How many of the PINs asked for are there, from the first. */
	size_t pins;
};

void station_check(const char *timeboxd, const char *dir, const uint64_t *pins, size_t n_pins, struct station_found *out);

/* Removes what is in the folder, and one folder below it at most. */
void station_remove(const char *dir);

#endif
