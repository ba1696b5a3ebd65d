/*
 * The state between its log and its environment: whatever moment the process dies at, the next start has the last checkpoint
 * that was durable. A copy of the folder is what a process that died would have left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/store/rows_int.h"
#include "daemon/store/rows_disk_merge.h"
#include "tests/unit/scratch.h"

#define KEYS 400

enum { TABLES = 2 };

static const struct rows_table tables[TABLES] = {
    {.name = "small", .value_size = 8}, {.name = "odd", .value_size = 13, .flags = ROWS_EVICTABLE}};

struct fixture {
	char dir[256];
	char copy[300];
	struct rows *rows;
	uint64_t seq, seed;
	/* The fill of each row, -1: absent; now, and as of the last checkpoint. */
	int now[TABLES][KEYS], written[TABLES][KEYS];
};

static uint64_t
draw(struct fixture *f, uint64_t below)
{
	f->seed = f->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (f->seed >> 33) % below;
}

static void
remove_copy(const struct fixture *f)
{
	if (access(f->copy, F_OK) == 0)
		scratch_remove(f->copy);
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	memset(f.now, 0xff, sizeof(f.now));
	f.seed = 7;
	snprintf(f.dir, sizeof(f.dir), "%s", scratch_make());
	snprintf(f.copy, sizeof(f.copy), "%s-copy", f.dir);
	assert_int_equal(rows_open(f.dir, tables, TABLES, &f.rows), RESULT_OK);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rows_close(f->rows);
	scratch_remove(f->dir);
	remove_copy(f);
	return 0;
}

static struct row_key
key_of(uint8_t table, uint64_t n)
{
	return (struct row_key){.table = table, .a = n, .c = n % 5};
}

static void
change_one(struct fixture *f)
{
	uint8_t t = (uint8_t)draw(f, TABLES), fill = (uint8_t)draw(f, 256);
	uint64_t n = draw(f, KEYS);
	struct row_key k = key_of(t, n);

	if (f->now[t][n] >= 0 && draw(f, 3) == 0) {
		rows_drop(f->rows, &k);
		f->now[t][n] = -1;
		return;
	}
	memset(f->now[t][n] < 0 ? rows_add(f->rows, &k) : rows_edit(f->rows, &k), fill,
	    tables[t].value_size);
	f->now[t][n] = fill;
}

/* Durable in the log; the thread merges nothing so soon. */
static void
checkpoint(struct fixture *f, int changes)
{
	for (int i = 0; i < changes; i++)
		change_one(f);
	rows_keep(f->rows);
	f->seq++;
	assert_int_equal(rows_checkpoint(f->rows, f->seq, &f->seq, sizeof(f->seq)), RESULT_OK);
	memcpy(f->written, f->now, sizeof(f->now));
}

static void
copy_folder(struct fixture *f)
{
	char command[900];

	remove_copy(f);
	snprintf(command, sizeof(command), "cp -r %s %s", f->dir, f->copy);
	assert_int_equal(system(command), 0);
}

static void
copy_is(struct fixture *f, const int want[TABLES][KEYS], uint64_t seq)
{
	struct rows *r;

	assert_int_equal(rows_open(f->copy, tables, TABLES, &r), RESULT_OK);
	assert_int_equal(rows_checkpoint_seq(r), seq);
	for (uint8_t t = 0; t < TABLES; t++) {
		uint64_t count = 0;

		for (uint64_t n = 0; n < KEYS; n++) {
			struct row_key k = key_of(t, n);
			const uint8_t *value = rows_get(r, &k);

			assert_int_equal(value == NULL ? -1 : value[0], want[t][n]);
			count += want[t][n] >= 0;
		}
		assert_int_equal(rows_count(r, t), count);
	}
	rows_close(r);
}

/* The last log's file: its name and size. */
static off_t
log_file(const struct fixture *f, char path[400])
{
	struct stat st = {.st_size = -1};

	for (int i = 1; i < 100; i++) {
		char at[400];

		snprintf(at, sizeof(at), "%s/log-%d", f->copy, i);
		if (stat(at, &st) == 0)
			memcpy(path, at, sizeof(at));
	}
	assert_true(stat(path, &st) == 0);
	return st.st_size;
}

static void
what_is_durable_in_the_log_is_there_after_a_crash(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		checkpoint(f, 300);
		copy_folder(f);
		copy_is(f, (const int(*)[KEYS])f->written, f->seq);
		/* That start merged it at its end; the next start finds it there. */
		copy_is(f, (const int(*)[KEYS])f->written, f->seq);
	}
}

static void
a_torn_end_leaves_the_checkpoint_before_it(void **state)
{
	struct fixture *f = *state;
	char path[400];
	int before[TABLES][KEYS];
	off_t first, whole;

	checkpoint(f, 300);
	copy_folder(f);
	first = log_file(f, path);
	memcpy(before, f->written, sizeof(before));
	checkpoint(f, 200);
	copy_folder(f);
	whole = log_file(f, path);
	for (off_t at = first; at < whole; at += at < first + 70 || whole - at < 70 ? 1 : 997) {
		copy_folder(f);
		assert_int_equal(truncate(path, at), 0);
		copy_is(f, (const int(*)[KEYS])before, 1);
	}
}

static void
flip(const char *path, off_t at)
{
	FILE *file = fopen(path, "r+b");
	int c;

	assert_non_null(file);
	assert_int_equal(fseeko(file, at, SEEK_SET), 0);
	c = fgetc(file);
	assert_int_equal(fseeko(file, at, SEEK_SET), 0);
	assert_int_equal(fputc(c ^ 4, file), c ^ 4);
	assert_int_equal(fclose(file), 0);
}

static void
a_flipped_bit_ends_the_log_where_it_is(void **state)
{
	struct fixture *f = *state;
	char path[400];
	int before[TABLES][KEYS];
	off_t first, second;

	checkpoint(f, 300);
	memcpy(before, f->written, sizeof(before));
	copy_folder(f);
	first = log_file(f, path);
	checkpoint(f, 200);
	copy_folder(f);
	second = log_file(f, path);
	checkpoint(f, 200);
	for (off_t at = first; at < second; at += at < first + 70 ? 1 : 1499) {
		copy_folder(f);
		flip(path, at);
		copy_is(f, (const int(*)[KEYS])before, 1);
	}
}

/* The process dies, and another starts on what it left. */
static void
crash(struct fixture *f)
{
	copy_folder(f);
	rows_close(f->rows);
	scratch_remove(f->dir);
	assert_int_equal(rename(f->copy, f->dir), 0);
	assert_int_equal(rows_open(f->dir, tables, TABLES, &f->rows), RESULT_OK);
	assert_int_equal(rows_checkpoint_seq(f->rows), f->seq);
}

/* Merges `steps` small parts of what a start found: before its first checkpoint there is no thread that would. */
static void
merge(struct fixture *f, int steps)
{
	assert_int_equal(f->rows->disk->threaded, 0);
	for (int i = 0; i < steps && rows_merge_due(f->rows->disk, MERGE_IDLE); i++)
		assert_int_equal(rows_merge_step(f->rows->disk, MERGE_ALL), 0);
}

static void
a_crash_at_any_step_of_a_merge_loses_nothing(void **state)
{
	struct fixture *f = *state;

	for (int steps = 1; steps < 12; steps++) {
		checkpoint(f, 200);
		checkpoint(f, 100);
		crash(f);
		merge(f, steps);
		copy_folder(f);
		copy_is(f, (const int(*)[KEYS])f->written, f->seq);
	}
}

static void
a_merge_whose_log_is_lost_leaves_an_empty_state(void **state)
{
	static int nothing[TABLES][KEYS];
	struct fixture *f = *state;
	char path[400];

	memset(nothing, 0xff, sizeof(nothing));
	checkpoint(f, 300);
	crash(f);
	merge(f, 2);
	copy_folder(f);
	(void)log_file(f, path);
	assert_int_equal(unlink(path), 0);
	copy_is(f, (const int(*)[KEYS])nothing, 0);
	/* And so it stays: the ledger has everything. */
	copy_is(f, (const int(*)[KEYS])nothing, 0);
}

static void
an_old_file_that_comes_back_says_nothing(void **state)
{
	struct fixture *f = *state;
	char command[900];

	checkpoint(f, 300);
	snprintf(command, sizeof(command), "cp %s/log-1 %s-old", f->dir, f->dir);
	assert_int_equal(system(command), 0);
	crash(f);
	merge(f, 1000);
	checkpoint(f, 100);
	copy_folder(f);
	snprintf(command, sizeof(command), "mv %s-old %s/log-1", f->dir, f->copy);
	assert_int_equal(system(command), 0);
	copy_is(f, (const int(*)[KEYS])f->written, f->seq);
	snprintf(command, sizeof(command), "%s/log-1", f->copy);
	assert_int_not_equal(access(command, F_OK), 0);
}

static void
what_was_taken_up_and_changed_again_is_there_after_the_next_crash(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 4; round++) {
		checkpoint(f, 200);
		crash(f);
		merge(f, round);
		crash(f);
		checkpoint(f, 50);
		copy_folder(f);
		copy_is(f, (const int(*)[KEYS])f->written, f->seq);
	}
}

static void
a_clean_end_leaves_no_log(void **state)
{
	struct fixture *f = *state;
	char path[400];

	checkpoint(f, 300);
	rows_close(f->rows);
	f->rows = NULL;
	snprintf(path, sizeof(path), "%s/log-1", f->dir);
	assert_int_not_equal(access(path, F_OK), 0);
	copy_folder(f);
	copy_is(f, (const int(*)[KEYS])f->written, f->seq);
	assert_int_equal(rows_open(f->dir, tables, TABLES, &f->rows), RESULT_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(what_is_durable_in_the_log_is_there_after_a_crash),
	    T(a_torn_end_leaves_the_checkpoint_before_it),
	    T(a_flipped_bit_ends_the_log_where_it_is),
	    T(a_crash_at_any_step_of_a_merge_loses_nothing),
	    T(a_merge_whose_log_is_lost_leaves_an_empty_state),
	    T(an_old_file_that_comes_back_says_nothing),
	    T(what_was_taken_up_and_changed_again_is_there_after_the_next_crash),
	    T(a_clean_end_leaves_no_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
