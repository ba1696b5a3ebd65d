/* PINs: which are allowed, and how long wrong ones make wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/rpc/pin_policy.h"

static void
four_to_eight_mixed_digits_are_a_pin(void **state)
{
	static const char *const good[] = { "482913", "000001", "112233", "121212", "123457", "890123",
					    "543211", "4829", "48291", "48291337" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(pin_allowed(good[i]));
}

static void
all_the_same_and_runs_are_refused(void **state)
{
	static const char *const weak[] = { "000000", "999999", "012345", "123456", "456789", "543210",
					    "987654", "1234", "7777", "23456789" };

	(void)state;
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		assert_false(pin_allowed(weak[i]));
}

static void
anything_but_four_to_eight_ascii_digits_is_refused(void **state)
{
	static const char *const wrong[] = { "", "482", "482913370", "48291a", " 48291", "48291 ", "-48291",
					     "\xef\xbc\x94\xef\xbc\x98" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(pin_allowed(wrong[i]));
}

static void
waiting_begins_with_the_third_wrong_one_and_doubles_to_five_minutes(void **state)
{
	static const uint32_t want[] = { 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };

	(void)state;
	for (uint32_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(pin_wait_s(i), want[i]);
	assert_int_equal(pin_wait_s(PIN_LOCK_FAILURES), PIN_WAIT_MOST_S);
	assert_int_equal(pin_wait_s(UINT32_MAX), PIN_WAIT_MOST_S);
}

static void
what_is_left_is_rounded_up_and_a_clock_set_back_does_not_lengthen_it(void **state)
{
	(void)state;
	assert_int_equal(pin_left_s(0, 0), 0);
	assert_int_equal(pin_left_s(5000000, 5000000), 0);
	assert_int_equal(pin_left_s(5000001, 5000000), 1);
	assert_int_equal(pin_left_s(6000000, 5000000), 1);
	assert_int_equal(pin_left_s(6000001, 5000000), 2);
	assert_int_equal(pin_left_s(UINT64_MAX / 2, 0), PIN_WAIT_MOST_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_to_eight_mixed_digits_are_a_pin),
		cmocka_unit_test(all_the_same_and_runs_are_refused),
		cmocka_unit_test(anything_but_four_to_eight_ascii_digits_is_refused),
		cmocka_unit_test(waiting_begins_with_the_third_wrong_one_and_doubles_to_five_minutes),
		cmocka_unit_test(what_is_left_is_rounded_up_and_a_clock_set_back_does_not_lengthen_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
