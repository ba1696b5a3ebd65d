/* A disk that fills up and is given room again: fstatvfs is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/statvfs.h>

#include <cmocka.h>

#include "tests/unit/engine_kit.h"

static struct kit k;
static int asked, full;

int
fstatvfs(int fd, struct statvfs *out)
{
	(void)fd;
	asked++;
	memset(out, 0, sizeof(*out));
	out->f_frsize = 4096;
	out->f_bavail = full ? 1023 : (fsblkcnt_t)1 << 20;
	return 0;
}

static void
begin(void)
{
	full = 0;
	kit_station(&k);
	kit_points(&k, k.member[0], 10);
	kit_open_station(&k);
}

static void
acts_are_refused_and_taken_again_without_a_restart(void **state)
{
	uint64_t seq;

	(void)state;
	begin();
	seq = engine_last_seq(k.engine);
	full = 1;
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_DISK_FULL);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_DISK_FULL);
	assert_false(engine_failed(k.engine));
	assert_int_equal(engine_last_seq(k.engine), seq);
	full = 0;
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	assert_int_equal(engine_last_seq(k.engine), seq + 1);
	kit_assert_balanced(&k);
	kit_close(&k);
}

static void
reads_go_on_and_a_known_act_keeps_its_receipt(void **state)
{
	uint64_t seq;

	(void)state;
	begin();
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	seq = k.seq;
	full = 1;
	assert_int_equal(kit_again(&k, &k.kiosk), RESULT_OK);
	assert_int_equal(k.seq, seq);
	assert_int_equal(kit_sums(&k, k.member[0]).available, 8);
	kit_close(&k);
}

static void
what_was_refused_for_the_disk_stays_refused(void **state)
{
	(void)state;
	begin();
	full = 1;
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_DISK_FULL);
	full = 0;
	assert_int_equal(kit_again(&k, &k.kiosk), RESULT_USE_NEW_ID);
	assert_int_equal(kit_sums(&k, k.member[0]).held, 0);
	kit_close(&k);
}

static void
a_station_opens_on_a_full_disk_and_takes_no_acts(void **state)
{
	uint64_t seq;

	(void)state;
	begin();
	seq = engine_last_seq(k.engine);
	full = 1;
	kit_reopen(&k);
	assert_int_equal(engine_last_seq(k.engine), seq);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_DISK_FULL);
	kit_close(&k);
}

static void
the_disk_is_asked_once_a_turn(void **state)
{
	int before;

	(void)state;
	begin();
	before = asked;
	assert_true(engine_has_room(k.engine));
	assert_true(engine_has_room(k.engine));
	assert_int_equal(asked, before + 1);
	assert_int_equal(engine_commit(k.engine), RESULT_OK);
	full = 1;
	assert_false(engine_has_room(k.engine));
	full = 0;
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acts_are_refused_and_taken_again_without_a_restart),
		cmocka_unit_test(reads_go_on_and_a_known_act_keeps_its_receipt),
		cmocka_unit_test(what_was_refused_for_the_disk_stays_refused),
		cmocka_unit_test(a_station_opens_on_a_full_disk_and_takes_no_acts),
		cmocka_unit_test(the_disk_is_asked_once_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
