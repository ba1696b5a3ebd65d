#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tile.h"

static void
assert_path(int level, uint64_t n, unsigned width, const char *want)
{
	char out[TILE_PATH_SIZE];

	assert_int_equal(tile_path(out, sizeof(out), level, n, width), strlen(want));
	assert_string_equal(out, want);
}

static void
paths_are_those_of_tlog_tiles(void **state)
{
	(void)state;
	assert_path(0, 0, 256, "tile/0/000");
	assert_path(0, 5, 256, "tile/0/005");
	assert_path(1, 999, 256, "tile/1/999");
	assert_path(0, 1000, 256, "tile/0/x001/000");
	assert_path(0, 1234067, 256, "tile/0/x001/x234/067");
	assert_path(63, 0, 1, "tile/63/000.p/1");
	assert_path(3, 1234067, 8, "tile/3/x001/x234/067.p/8");
	assert_path(0, 273, 112, "tile/0/273.p/112");
}

static void
entry_bundles_have_a_level_of_their_own(void **state)
{
	(void)state;
	assert_path(TILE_ENTRIES, 0, 256, "tile/entries/000");
	assert_path(TILE_ENTRIES, 1234067, 255, "tile/entries/x001/x234/067.p/255");
}

static void
the_longest_path_fits(void **state)
{
	(void)state;
	assert_path(
	    TILE_ENTRIES, UINT64_MAX, 255, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_are_those_of_tlog_tiles),
	    cmocka_unit_test(entry_bundles_have_a_level_of_their_own),
	    cmocka_unit_test(the_longest_path_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
