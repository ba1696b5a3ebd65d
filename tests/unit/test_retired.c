/* Refused request ids: remembered as long as they could be tried again, and no longer in the way after that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/engine/engine_int.h"

#define NOW_US (1750000000ull * 1000000)
#define PERIOD_US (ENGINE_MADE_AT_OLD_US + ENGINE_MADE_AT_AHEAD_US)

static struct retired retired;

static int
open_retired(void **state)
{
	(void)state;
	return retired_open(&retired, NOW_US) == RESULT_OK ? 0 : -1;
}

static int
close_retired(void **state)
{
	(void)state;
	retired_close(&retired);
	memset(&retired, 0, sizeof(retired));
	return 0;
}

static void
id_of(uint32_t i, uint8_t id[16])
{
	memset(id, 0, 16);
	id[0] = 1;
	memcpy(id + 12, &i, sizeof(i));
}

static void
add(uint32_t from, uint32_t to)
{
	uint8_t id[16];

	for (uint32_t i = from; i < to; i++) {
		id_of(i, id);
		retired_add(&retired, id, NOW_US);
	}
}

static void
an_id_is_remembered_for_as_long_as_it_may_be_tried(void **state)
{
	uint8_t id[16];

	(void)state;
	id_of(7, id);
	assert_false(retired_has(&retired, id, NOW_US));
	retired_add(&retired, id, NOW_US);
	assert_true(retired_has(&retired, id, NOW_US));
	assert_true(retired_has(&retired, id, NOW_US + PERIOD_US - 1));
	assert_false(retired_has(&retired, id, NOW_US + 2 * PERIOD_US));
}

static void
when_half_the_room_is_taken_it_is_crowded_and_then_full(void **state)
{
	(void)state;
	add(0, ENGINE_RETIRED_MAX / 2 - 1);
	assert_false(retired_crowded(&retired, NOW_US));
	add(ENGINE_RETIRED_MAX / 2 - 1, ENGINE_RETIRED_MAX / 2);
	assert_true(retired_crowded(&retired, NOW_US));
	assert_false(retired_full(&retired, NOW_US));
	add(ENGINE_RETIRED_MAX / 2, ENGINE_RETIRED_MAX);
	assert_true(retired_full(&retired, NOW_US));
}

static void
fullness_passes_with_time_although_nobody_can_connect_and_ask(void **state)
{
	uint8_t id[16];

	(void)state;
	add(0, ENGINE_RETIRED_MAX);
	assert_true(retired_full(&retired, NOW_US + PERIOD_US - 1));
	assert_false(retired_full(&retired, NOW_US + PERIOD_US));
	assert_false(retired_crowded(&retired, NOW_US + PERIOD_US));
	id_of(3, id);
	assert_true(retired_has(&retired, id, NOW_US + PERIOD_US));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_id_is_remembered_for_as_long_as_it_may_be_tried, open_retired,
						close_retired),
		cmocka_unit_test_setup_teardown(when_half_the_room_is_taken_it_is_crowded_and_then_full,
						open_retired, close_retired),
		cmocka_unit_test_setup_teardown(fullness_passes_with_time_although_nobody_can_connect_and_ask,
						open_retired, close_retired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
