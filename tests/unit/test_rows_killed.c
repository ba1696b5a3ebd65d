/* What a killed process leaves of its rows: generations in the state's log that nobody merged. */
#include "daemon/store/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/check.h"
#include "tests/unit/scratch.h"

#define ROWS 2000

static const struct rows_table tables[] = {{.name = "one", .value_size = sizeof(uint64_t), .flags = ROWS_EVICTABLE}};

static struct row_key
key_of(uint64_t n)
{
	return (struct row_key){.a = n, .d = ~n};
}

static void
add(struct rows *r, uint64_t n, uint64_t value)
{
	struct row_key k = key_of(n);

	*(uint64_t *)rows_add(r, &k) = value;
}

static void
edit(struct rows *r, uint64_t n, uint64_t value)
{
	struct row_key k = key_of(n);

	*(uint64_t *)rows_edit(r, &k) = value;
}

static void
drop(struct rows *r, uint64_t n)
{
	struct row_key k = key_of(n);

	rows_drop(r, &k);
}

static void
checkpoint(struct rows *r, uint64_t seq)
{
	rows_keep(r);
	CHECK(rows_checkpoint(r, seq, "meta", 4) == RESULT_OK);
}

static struct rows *
open_rows(const char *dir)
{
	struct rows *r;

	CHECK(rows_open(dir, tables, 1, &r) == RESULT_OK);
	return r;
}

/* Some rows are in several generations; 7 is gone, 9 was. */
static void
die_with_generations(const char *dir)
{
	struct rows *r = open_rows(dir);

	for (uint64_t n = 0; n < ROWS; n++)
		add(r, n, n);
	checkpoint(r, 1);
	for (uint64_t n = 0; n < ROWS; n += 2)
		edit(r, n, 2 * ROWS + n);
	drop(r, 7);
	drop(r, 9);
	checkpoint(r, 2);
	edit(r, 2, 77);
	add(r, 9, 99);
	checkpoint(r, 3);
	_exit(0);
}

/* What it found is not merged either. */
static void
die_with_one_more(const char *dir)
{
	struct rows *r = open_rows(dir);

	edit(r, 4, 55);
	checkpoint(r, 4);
	edit(r, 4, 2 * ROWS + 4);
	checkpoint(r, 5);
	_exit(0);
}

static void
run_to_death(void (*run)(const char *dir), const char *dir)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		run(dir);
	assert_true(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* Bytes of the log's files. */
static size_t
log_bytes(const char *dir)
{
	size_t bytes = 0;
	struct stat st;
	char path[400];

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/log-%d", dir, i);
		bytes += stat(path, &st) == 0 ? (size_t)st.st_size : 0;
	}
	return bytes;
}

static void
compare(const struct rows *r, uint64_t two)
{
	for (uint64_t n = 0; n < ROWS; n++) {
		uint64_t want = n == 2 ? two : n == 9 ? 99 : n % 2 == 0 ? 2 * ROWS + n : n;
		struct row_key k = key_of(n);
		const uint64_t *have = rows_get(r, &k);

		if (n == 7)
			assert_null(have);
		else
			assert_true(have != NULL && *have == want);
	}
	assert_int_equal(rows_count(r, 0), ROWS - 1);
}

static void
generations_are_taken_up_and_merged_and_not_written_again(void **state)
{
	const char *dir = scratch_make();
	struct rows *r;
	size_t first;

	(void)state;
	run_to_death(die_with_generations, dir);
	first = log_bytes(dir);
	run_to_death(die_with_one_more, dir);
	assert_true(first > ROWS * sizeof(uint64_t) && log_bytes(dir) < first + 4096);
	r = open_rows(dir);
	assert_int_equal(rows_checkpoint_seq(r), 5);
	assert_int_equal(rows_dirty(r), 0);
	compare(r, 77);
	edit(r, 2, 78);
	checkpoint(r, 6);
	/* Closing merges. */
	rows_close(r);
	assert_int_equal(log_bytes(dir), 0);
	r = open_rows(dir);
	compare(r, 78);
	rows_close(r);
	scratch_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generations_are_taken_up_and_merged_and_not_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
