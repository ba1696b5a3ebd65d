/* The append-only ledger environment, and the people environment beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/store/ledger.h"
#include "daemon/store/people.h"

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/timebox-store-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
remove_dir(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void
append(struct ledger *l, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++)
		assert_int_equal(ledger_append(l, seq, &seq, sizeof(seq)), RESULT_OK);
}

static void
assert_entry(struct ledger *l, uint64_t seq)
{
	uint64_t entry = 0;
	size_t len;

	assert_int_equal(ledger_read(l, seq, (uint8_t *)&entry, sizeof(entry), &len), RESULT_OK);
	assert_int_equal(len, sizeof(entry));
	assert_int_equal(entry, seq);
}

static void
committed_entries_survive_and_others_do_not(void **state)
{
	struct ledger *l;
	uint8_t small[4];
	size_t len;

	(void)state;
	assert_int_equal(ledger_open(dir, 0, &l), RESULT_OK);
	append(l, 1, 10);
	assert_entry(l, 10);
	assert_int_equal(ledger_committed_seq(l), 0);
	assert_int_equal(ledger_commit(l), RESULT_OK);
	append(l, 11, 12);
	ledger_abandon(l);
	assert_int_equal(ledger_last_seq(l), 10);
	append(l, 11, 11);
	ledger_close(l);
	assert_int_equal(ledger_open(dir, 0, &l), RESULT_OK);
	assert_int_equal(ledger_last_seq(l), 10);
	assert_entry(l, 1);
	assert_int_equal(ledger_read(l, 11, small, sizeof(small), &len), RESULT_NOT_FOUND);
	assert_int_equal(ledger_read(l, 1, small, sizeof(small), &len), RESULT_OVERFLOW);
	ledger_close(l);
}

static enum result
expect_next(void *ctx, uint64_t seq, const uint8_t *entry, size_t len)
{
	uint64_t *next = ctx;

	assert_int_equal(seq, *next);
	assert_int_equal(len, sizeof(seq));
	assert_memory_equal(entry, &seq, len);
	++*next;
	return seq == 2500 ? RESULT_TIMEOUT : RESULT_OK;
}

static void
a_scan_visits_each_entry_once_across_its_slices(void **state)
{
	struct ledger *l;
	uint64_t next = 5;

	(void)state;
	assert_int_equal(ledger_open(dir, 0, &l), RESULT_OK);
	append(l, 1, 3000);
	assert_int_equal(ledger_commit(l), RESULT_OK);
	assert_int_equal(ledger_scan(l, 5, 2400, expect_next, &next), RESULT_OK);
	assert_int_equal(next, 2401);
	assert_int_equal(ledger_scan(l, 2401, 3000, expect_next, &next), RESULT_TIMEOUT);
	assert_int_equal(next, 2501);
	assert_int_equal(ledger_scan(l, 1, 3001, expect_next, &next), RESULT_NOT_FOUND);
	ledger_close(l);
}

static void
people_rows_are_durable_with_their_batch(void **state)
{
	struct people *p;
	char value[8];
	size_t len;

	(void)state;
	assert_int_equal(people_open(dir, &p), RESULT_OK);
	assert_int_equal(people_put(p, PEOPLE_NUMBER, "a", 1, "one", 3), RESULT_OK);
	assert_int_equal(
	    people_get(p, PEOPLE_NUMBER, "a", 1, value, sizeof(value), &len), RESULT_OK);
	assert_int_equal(people_commit(p), RESULT_OK);
	assert_int_equal(people_put(p, PEOPLE_NUMBER, "b", 1, "two", 3), RESULT_OK);
	people_close(p);
	assert_int_equal(people_open(dir, &p), RESULT_OK);
	assert_int_equal(
	    people_get(p, PEOPLE_NUMBER, "a", 1, value, sizeof(value), &len), RESULT_OK);
	assert_memory_equal(value, "one", 3);
	assert_int_equal(
	    people_get(p, PEOPLE_NUMBER, "b", 1, value, sizeof(value), &len), RESULT_NOT_FOUND);
	assert_int_equal(
	    people_get(p, PEOPLE_CARD, "a", 1, value, sizeof(value), &len), RESULT_NOT_FOUND);
	assert_int_equal(people_delete(p, PEOPLE_NUMBER, "a", 1), RESULT_OK);
	assert_int_equal(people_delete(p, PEOPLE_NUMBER, "zz", 2), RESULT_OK);
	assert_int_equal(
	    people_get(p, PEOPLE_NUMBER, "a", 1, value, sizeof(value), &len), RESULT_NOT_FOUND);
	people_close(p);
}

static enum result
count_row(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	(void)key;
	(void)key_len;
	(void)value;
	(void)len;
	++*(unsigned *)ctx;
	return RESULT_OK;
}

static void
a_prefix_visits_its_rows_only(void **state)
{
	struct people *p;
	unsigned n = 0;

	(void)state;
	assert_int_equal(people_open(dir, &p), RESULT_OK);
	for (char c = '0'; c <= '9'; c++) {
		char key[2] = {'k', c}, other[2] = {'l', c};

		assert_int_equal(people_put(p, PEOPLE_NAME, key, 2, "v", 1), RESULT_OK);
		assert_int_equal(people_put(p, PEOPLE_NAME, other, 2, "v", 1), RESULT_OK);
	}
	assert_int_equal(people_each(p, PEOPLE_NAME, "k", 1, count_row, &n), RESULT_OK);
	assert_int_equal(n, 10);
	assert_int_equal(people_each(p, PEOPLE_NAME, "", 0, count_row, &n), RESULT_OK);
	assert_int_equal(n, 30);
	people_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		committed_entries_survive_and_others_do_not, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(
		a_scan_visits_each_entry_once_across_its_slices, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(
		people_rows_are_durable_with_their_batch, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(a_prefix_visits_its_rows_only, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
