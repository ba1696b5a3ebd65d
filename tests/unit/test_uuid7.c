#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/uuid7.h"

static void
ids_carry_their_time_and_differ(void **state)
{
	uint8_t a[UUID7_LEN], b[UUID7_LEN];

	(void)state;
	assert_int_equal(uuid7_make(a, 0x0123456789ab), RESULT_OK);
	assert_int_equal(uuid7_make(b, 0x0123456789ab), RESULT_OK);
	assert_memory_equal(a, "\x01\x23\x45\x67\x89\xab", 6);
	assert_memory_not_equal(a, b, UUID7_LEN);
	assert_int_equal(uuid7_check(a), RESULT_OK);
	assert_int_equal(uuid7_make(a, 0), RESULT_OK);
	assert_int_equal(uuid7_check(a), RESULT_OK);
	assert_int_equal(uuid7_make(a, ((uint64_t)1 << 48) - 1), RESULT_OK);
	assert_int_equal(uuid7_check(a), RESULT_OK);
	assert_int_equal(uuid7_make(a, (uint64_t)1 << 48), RESULT_OVERFLOW);
}

static void
only_version_7_of_the_rfc_variant_is_an_id(void **state)
{
	uint8_t id[UUID7_LEN];
	unsigned v;

	(void)state;
	assert_int_equal(uuid7_make(id, 1700000000000), RESULT_OK);
	for (v = 0; v < 16; v++) {
		id[6] = (uint8_t)(v << 4 | 5);
		assert_int_equal(uuid7_check(id), v == 7 ? RESULT_OK : RESULT_BAD_REQUEST_ID);
	}
	id[6] = 0x75;
	for (v = 0; v < 4; v++) {
		id[8] = (uint8_t)(v << 6 | 9);
		assert_int_equal(uuid7_check(id), v == 2 ? RESULT_OK : RESULT_BAD_REQUEST_ID);
	}
}

static void
ids_of_system_entries_are_not_accepted(void **state)
{
	uint8_t id[UUID7_LEN] = {0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 1};

	(void)state;
	assert_int_equal(uuid7_check(id), RESULT_BAD_REQUEST_ID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_carry_their_time_and_differ),
	    cmocka_unit_test(only_version_7_of_the_rfc_variant_is_an_id),
	    cmocka_unit_test(ids_of_system_entries_are_not_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
