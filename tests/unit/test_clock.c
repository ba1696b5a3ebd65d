#include "daemon/ops/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void
now_is_the_wall_clock(void **state)
{
	uint64_t seconds = clock_now_us() / 1000000;
	time_t real = time(NULL);

	(void)state;
	assert_true(seconds + 2 >= (uint64_t)real && seconds <= (uint64_t)real + 2);
}

static void
steady_clock_goes_forward(void **state)
{
	uint64_t before = clock_steady_ms();
	const struct timespec pause = { .tv_nsec = 5000000 };

	(void)state;
	nanosleep(&pause, NULL);
	assert_true(clock_steady_ms() >= before + 4);
}

static void
clock_is_not_doubtful_after_rebase(void **state)
{
	struct clock clock;

	(void)state;
	clock_rebase(&clock);
	assert_false(clock_doubtful(&clock));
}

static void
clock_is_doubtful_when_the_wall_clock_jumped(void **state)
{
	struct clock clock;

	(void)state;
	clock_rebase(&clock);
	clock.wall_us -= CLOCK_DOUBT_US + 1000000; /* it went forward since */
	assert_true(clock_doubtful(&clock));
	clock_rebase(&clock);
	clock.wall_us += CLOCK_DOUBT_US + 1000000; /* it went back since */
	assert_true(clock_doubtful(&clock));
	clock_rebase(&clock);
	assert_false(clock_doubtful(&clock));
}

static void
clock_is_not_doubtful_after_a_long_time_on_both(void **state)
{
	struct clock clock;

	(void)state;
	clock_rebase(&clock);
	clock.wall_us -= 3600u * 1000000u;
	clock.boot_us -= 3600u * 1000000u; /* may wrap: only differences count */
	assert_false(clock_doubtful(&clock));
}

#ifdef TIMEBOX_TEST_CLOCK
static void
tests_can_move_time(void **state)
{
	struct clock clock;
	uint64_t wall, boot;

	(void)state;
	clock_rebase(&clock);
	wall = clock_now_us();
	boot = clock_boot_us();
	setenv("TIMEBOX_TEST_CLOCK_OFFSET_S", "86400", 1);
	assert_true(clock_now_us() >= wall + 86400u * UINT64_C(1000000));
	assert_true(clock_boot_us() >= boot + 86400u * UINT64_C(1000000));
	assert_false(clock_doubtful(&clock));
	setenv("TIMEBOX_TEST_CLOCK_OFFSET_S", "0 60", 1);
	assert_true(clock_doubtful(&clock));
	unsetenv("TIMEBOX_TEST_CLOCK_OFFSET_S");
	assert_false(clock_doubtful(&clock));
}
#else
static void
tests_cannot_move_time_of_a_release(void **state)
{
	uint64_t wall = clock_now_us();

	(void)state;
	setenv("TIMEBOX_TEST_CLOCK_OFFSET_S", "86400", 1);
	assert_true(clock_now_us() < wall + 3600u * UINT64_C(1000000));
	unsetenv("TIMEBOX_TEST_CLOCK_OFFSET_S");
}
#endif

static void
time_is_written_as_utc(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	assert_string_equal(clock_text_utc(0, text), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(clock_text_utc(UINT64_C(1714550400123456), text),
			    "2024-05-01T08:00:00.123456Z");
	assert_int_equal(strlen(clock_text_utc(UINT64_MAX, text)), 27);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_is_the_wall_clock),
		cmocka_unit_test(steady_clock_goes_forward),
		cmocka_unit_test(clock_is_not_doubtful_after_rebase),
		cmocka_unit_test(clock_is_doubtful_when_the_wall_clock_jumped),
		cmocka_unit_test(clock_is_not_doubtful_after_a_long_time_on_both),
#ifdef TIMEBOX_TEST_CLOCK
		cmocka_unit_test(tests_can_move_time),
#else
		cmocka_unit_test(tests_cannot_move_time_of_a_release),
#endif
		cmocka_unit_test(time_is_written_as_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
