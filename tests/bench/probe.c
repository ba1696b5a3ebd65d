#include "tests/bench/probe.h"

#include "proto/crypto.h"
#include "tests/bench/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE	   4096
#define FILE_PAGES 16384
#define RECORD	   240
#define HASHES	   1000
#define WAKE_NS	   1000000u

/* A file of zeros that lie on the disk: blocks allocated and written. */
static int
zero_file(const char *path)
{
	static const uint8_t zeros[64 * PAGE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		bench_die("%s: %s", path, strerror(errno));
	for (unsigned i = 0; i < FILE_PAGES; i += 64)
		if (write(fd, zeros, sizeof(zeros)) != (ssize_t)sizeof(zeros))
			bench_die("%s: %s", path, strerror(errno));
	if (fsync(fd) != 0)
		bench_die("%s: %s", path, strerror(errno));
	return fd;
}

void
probe_fdatasync(const char *folder, double seconds, struct hist *out)
{
	uint8_t page[PAGE];
	char path[4096];
	uint64_t end, n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/probe", folder);
	fd = zero_file(path);
	memset(page, 0x5a, sizeof(page));
	hist_reset(out);
	end = bench_now_ns() + (uint64_t)(seconds * 1e9);
	for (uint64_t now = bench_now_ns(), then; now < end; now = then, n++) {
		if (pwrite(fd, page, PAGE, (off_t)(n % FILE_PAGES * PAGE)) != PAGE ||
		    fdatasync(fd) != 0)
			bench_die("%s: %s", path, strerror(errno));
		then = bench_now_ns();
		hist_record(out, then - now);
	}
	(void)close(fd);
	(void)unlink(path);
}

struct sleeper {
	pthread_t thread;
	uint64_t busy_ns, end_ns;
	struct hist late;
};

static void *
sleep_and_compute(void *arg)
{
	struct sleeper *s = arg;

	for (uint64_t due = bench_now_ns() + WAKE_NS, now; due < s->end_ns; due += WAKE_NS) {
		struct timespec t = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};

		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		now = bench_now_ns();
		hist_record(&s->late, now > due ? now - due : 0);
		while (bench_now_ns() < now + s->busy_ns)
			;
	}
	return NULL;
}

void
probe_wake(double busy, double seconds, struct hist *out)
{
	size_t n = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	struct sleeper *all = calloc(n, sizeof(*all));

	if (all == NULL)
		bench_die("no memory");
	hist_reset(out);
	for (size_t i = 0; i < n; i++) {
		all[i].busy_ns = (uint64_t)(busy * WAKE_NS);
		all[i].end_ns = bench_now_ns() + (uint64_t)(seconds * 1e9);
		if (pthread_create(&all[i].thread, NULL, sleep_and_compute, &all[i]) != 0)
			bench_die("no thread");
	}
	for (size_t i = 0; i < n; i++) {
		(void)pthread_join(all[i].thread, NULL);
		hist_add(out, &all[i].late);
	}
	free(all);
}

double
probe_sha256(double seconds)
{
	uint8_t record[RECORD] = {1}, hash[HASH_LEN];
	struct sha256_ctx *ctx = sha256_new();
	uint64_t start = bench_now_ns(), now = start, n = 0;

	while ((double)(now - start) < seconds * 1e9) {
		for (unsigned i = 0; i < HASHES; i++) {
			sha256_update(ctx, record, sizeof(record));
			sha256_final(ctx, hash);
			memcpy(record, hash, sizeof(hash));
		}
		n += HASHES;
		now = bench_now_ns();
	}
	sha256_free(ctx);
	return (double)n * 1e9 / (double)(now - start);
}
