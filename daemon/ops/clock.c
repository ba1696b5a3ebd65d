#include "daemon/ops/clock.h"

#include "daemon/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define US_PER_S 1000000

struct offsets {
	int64_t both_us; /* added to wall and boot clock */
	int64_t wall_us; /* added to the wall clock besides */
};

#ifdef TIMEBOX_TEST_CLOCK
static struct offsets
clock_offsets(void)
{
	const char *path = getenv("TIMEBOX_TEST_CLOCK_FILE");
	const char *text = getenv("TIMEBOX_TEST_CLOCK_OFFSET_S");
	double both_s = 0, wall_s = 0;
	char line[128];

	if (path != NULL) {
		FILE *file = fopen(path, "re");

		text = NULL;
		if (file != NULL) {
			text = fgets(line, sizeof(line), file);
			fclose(file);
		}
	}
	if (text != NULL && sscanf(text, "%lf %lf", &both_s, &wall_s) < 1)
		both_s = 0;
	return (struct offsets){
		.both_us = (int64_t)(both_s * US_PER_S),
		.wall_us = (int64_t)(wall_s * US_PER_S),
	};
}
#else
static struct offsets
clock_offsets(void)
{
	return (struct offsets){ 0, 0 };
}
#endif

static int64_t
clock_read_us(clockid_t id)
{
	struct timespec ts;

	CHECK(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

uint64_t
clock_now_us(void)
{
	struct offsets offsets = clock_offsets();
	int64_t now = clock_read_us(CLOCK_REALTIME) + offsets.both_us + offsets.wall_us;

	return now < 0 ? 0 : (uint64_t)now;
}

uint64_t
clock_boot_us(void)
{
	struct offsets offsets = clock_offsets();
	int64_t now = clock_read_us(CLOCK_BOOTTIME) + offsets.both_us;

	return now < 0 ? 0 : (uint64_t)now;
}

uint64_t
clock_steady_ms(void)
{
	return (uint64_t)clock_read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t
clock_steady_us(void)
{
	return (uint64_t)clock_read_us(CLOCK_MONOTONIC);
}

void
clock_rebase(struct clock *clock)
{
	clock->wall_us = clock_now_us();
	clock->boot_us = clock_boot_us();
}

int
clock_doubtful(const struct clock *clock)
{
	/* Unsigned wrap-around is meant: the difference of the two differences is what counts. */
	int64_t drift = (int64_t)((clock_now_us() - clock->wall_us) -
				  (clock_boot_us() - clock->boot_us));

	return drift > CLOCK_DOUBT_US || drift < -CLOCK_DOUBT_US;
}

char *
clock_text_utc(uint64_t time_us, char out[CLOCK_TEXT_SIZE])
{
	time_t seconds = (time_t)(time_us / US_PER_S);
	struct tm tm;
	size_t len = 0;

	/* Years beyond 9999 do not fit the form; gmtime_r itself fails far later. */
	if (gmtime_r(&seconds, &tm) != NULL && tm.tm_year <= 9999 - 1900)
		len = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	if (len == 0)
		len = (size_t)snprintf(out, CLOCK_TEXT_SIZE, "9999-12-31T23:59:59");
	snprintf(out + len, CLOCK_TEXT_SIZE - len, ".%06uZ", (unsigned)(time_us % US_PER_S));
	return out;
}
