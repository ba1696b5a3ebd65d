#include "tests/bench/probe.h"

#include "proto/crypto.h"
#include "tests/bench/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE	   4096
#define FILE_PAGES 16384
#define RECORD	   240
#define HASHES	   1000

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
