#include "daemon/store/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/tree.h"
#include "tests/unit/scratch.h"

struct fixture {
	char dir[256];
	struct ledger *ledger;
};

static void
reopen(struct fixture *f)
{
	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(ledger_open(f->dir, 0, &f->ledger), RESULT_OK);
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	snprintf(f.dir, sizeof(f.dir), "%s", scratch_make());
	reopen(&f);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ledger_close(f->ledger);
	scratch_remove(f->dir);
	return 0;
}

static enum result
append_one(struct ledger *ledger, uint64_t seq, const void *entry, size_t len)
{
	uint8_t leaf[HASH_LEN];

	tree_leaf_hash(entry, len, leaf);
	return ledger_append(ledger, seq, entry, len, leaf);
}

/* Entry n is of this length and these bytes. */
static size_t
entry_of(uint64_t seq, uint8_t *out)
{
	size_t len = 1 + (size_t)(seq * 7919 % 700);

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(seq * 31 + i);
	return len;
}

static void
append(struct fixture *f, uint64_t from, uint64_t to)
{
	uint8_t entry[1024];

	for (uint64_t seq = from; seq <= to; seq++) {
		size_t len = entry_of(seq, entry);

		assert_int_equal(append_one(f->ledger, seq, entry, len), RESULT_OK);
	}
}

static void
assert_entry(struct fixture *f, uint64_t seq)
{
	uint8_t want[1024], have[1024];
	size_t len = 0, n = entry_of(seq, want);

	assert_int_equal(ledger_read(f->ledger, seq, have, sizeof(have), &len), RESULT_OK);
	assert_int_equal(len, n);
	assert_memory_equal(have, want, n);
}

static enum result
read_code(struct fixture *f, uint64_t seq)
{
	uint8_t buf[1024];
	size_t len;

	return ledger_read(f->ledger, seq, buf, sizeof(buf), &len);
}

static void
a_new_ledger_is_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ledger_last_seq(f->ledger), 0);
	assert_int_equal(ledger_committed_seq(f->ledger), 0);
	assert_int_equal(read_code(f, 0), RESULT_NOT_FOUND);
	assert_int_equal(read_code(f, 1), RESULT_NOT_FOUND);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	ledger_abandon(f->ledger);
}

static void
what_was_committed_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;

	append(f, 1, 300);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	append(f, 301, 301);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	reopen(f);
	assert_int_equal(ledger_committed_seq(f->ledger), 301);
	assert_int_equal(ledger_last_seq(f->ledger), 301);
	for (uint64_t seq = 1; seq <= 301; seq++)
		assert_entry(f, seq);
	assert_true(ledger_bytes_used(f->ledger) > 301 * 300);
}

static void
entries_of_the_open_batch_are_read_but_not_committed(void **state)
{
	struct fixture *f = *state;

	append(f, 1, 2);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	append(f, 3, 5);
	assert_int_equal(ledger_last_seq(f->ledger), 5);
	assert_int_equal(ledger_committed_seq(f->ledger), 2);
	assert_entry(f, 1);
	assert_entry(f, 5);
	assert_int_equal(read_code(f, 6), RESULT_NOT_FOUND);
	reopen(f);
	assert_int_equal(ledger_last_seq(f->ledger), 2);
	assert_int_equal(read_code(f, 3), RESULT_NOT_FOUND);
}

static void
an_abandoned_batch_leaves_nothing_and_its_numbers_are_free(void **state)
{
	struct fixture *f = *state;

	append(f, 1, 10);
	ledger_abandon(f->ledger);
	assert_int_equal(ledger_last_seq(f->ledger), 0);
	assert_int_equal(read_code(f, 1), RESULT_NOT_FOUND);
	append(f, 1, 3);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	append(f, 4, 4);
	ledger_abandon(f->ledger);
	assert_int_equal(ledger_last_seq(f->ledger), 3);
	append(f, 4, 4);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	assert_entry(f, 4);
}

static void
append_gap(void *arg)
{
	(void)!append_one(((struct fixture *)arg)->ledger, 3, "x", 1);
}

static void
append_again(void *arg)
{
	(void)!append_one(((struct fixture *)arg)->ledger, 1, "x", 1);
}

static void
append_empty(void *arg)
{
	(void)!append_one(((struct fixture *)arg)->ledger, 2, "", 0);
}

static void
append_too_long(void *arg)
{
	static uint8_t entry[LEDGER_ENTRY_MAX + 1];

	(void)!append_one(((struct fixture *)arg)->ledger, 2, entry, sizeof(entry));
}

static void
append_next(void *arg)
{
	(void)!append_one(((struct fixture *)arg)->ledger, 2, "x", 1);
}

static void
open_again(void *arg)
{
	struct ledger *second;

	(void)!ledger_open(((struct fixture *)arg)->dir, 0, &second);
}

static void
a_gap_a_repetition_or_a_wrong_length_stops_the_process(void **state)
{
	struct fixture *f = *state;

	append(f, 1, 1);
	assert_true(scratch_stops(append_gap, f));
	assert_true(scratch_stops(append_again, f));
	assert_true(scratch_stops(append_empty, f));
	assert_true(scratch_stops(append_too_long, f));
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
}

static void
a_second_open_or_use_after_a_fork_stops_the_process(void **state)
{
	struct fixture *f = *state;

	append(f, 1, 1);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	assert_true(scratch_stops(open_again, f));
	assert_true(scratch_stops(append_next, f));
	assert_entry(f, 1);
}

static void
the_longest_entry_fits_and_a_short_buffer_is_told(void **state)
{
	static uint8_t entry[LEDGER_ENTRY_MAX], have[LEDGER_ENTRY_MAX];
	struct fixture *f = *state;
	size_t len = 0;

	memset(entry, 0xa5, sizeof(entry));
	assert_int_equal(append_one(f->ledger, 1, entry, sizeof(entry)), RESULT_OK);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	assert_int_equal(ledger_read(f->ledger, 1, have, sizeof(have), &len), RESULT_OK);
	assert_int_equal(len, sizeof(entry));
	assert_memory_equal(have, entry, sizeof(entry));
	len = 0;
	assert_int_equal(ledger_read(f->ledger, 1, have, sizeof(have) - 1, &len), RESULT_OVERFLOW);
	assert_int_equal(len, sizeof(entry));
}

struct scan {
	struct fixture *f;
	uint64_t next;
	uint64_t stop_at;
};

static enum result
scan_one(void *ctx, uint64_t seq, const uint8_t *entry, size_t len)
{
	struct scan *s = ctx;
	uint8_t want[1024];

	assert_int_equal(seq, s->next++);
	assert_int_equal(len, entry_of(seq, want));
	assert_memory_equal(entry, want, len);
	return seq == s->stop_at ? RESULT_NOT_DUE : RESULT_OK;
}

static void
scan_range(struct fixture *f, uint64_t from, uint64_t to)
{
	struct scan s = {f, from, 0};

	assert_int_equal(ledger_scan(f->ledger, from, to, scan_one, &s), RESULT_OK);
	assert_int_equal(s.next, to + 1);
}

static void
a_scan_visits_each_entry_once_across_its_transactions(void **state)
{
	struct fixture *f = *state;
	struct scan s = {f, 900, 1500};

	append(f, 1, 3500);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	scan_range(f, 1, 3500);
	scan_range(f, 1, 1000);
	scan_range(f, 1000, 2001);
	scan_range(f, 3500, 3500);
	scan_range(f, 5, 4);
	assert_int_equal(ledger_scan(f->ledger, 900, 3500, scan_one, &s), RESULT_NOT_DUE);
	assert_int_equal(s.next, 1501);
}

static void
a_scan_sees_committed_entries_only(void **state)
{
	struct fixture *f = *state;
	struct scan s = {f, 1, 0};

	append(f, 1, 3);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	append(f, 4, 4);
	scan_range(f, 1, 3);
	assert_int_equal(ledger_scan(f->ledger, 1, 4, scan_one, &s), RESULT_NOT_FOUND);
	assert_int_equal(ledger_scan(f->ledger, 0, 1, scan_one, &s), RESULT_NOT_FOUND);
	assert_int_equal(s.next, 1);
}

static enum result
scan_and_append(void *ctx, uint64_t seq, const uint8_t *entry, size_t len)
{
	struct scan *s = ctx;

	(void)entry;
	(void)len;
	append(s->f, 2000 + seq, 2000 + seq);
	assert_entry(s->f, seq);
	return seq % 500 == 0 ? ledger_commit(s->f->ledger) : RESULT_OK;
}

static void
a_scan_may_be_written_beside(void **state)
{
	struct fixture *f = *state;
	struct scan s = {f, 1, 0};

	append(f, 1, 2000);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	assert_int_equal(ledger_scan(f->ledger, 1, 2000, scan_and_append, &s), RESULT_OK);
	assert_int_equal(ledger_committed_seq(f->ledger), 4000);
	scan_range(f, 1, 4000);
}

static void
a_failed_commit_is_final_until_the_next_start(void **state)
{
	struct fixture *f = *state;

	append(f, 1, 50);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	append(f, 51, 500);
	scratch_limit_files((unsigned long)ledger_bytes_used(f->ledger));
	assert_int_equal(ledger_commit(f->ledger), RESULT_UNAVAILABLE);
	scratch_limit_files(0);
	assert_int_equal(ledger_last_seq(f->ledger), 50);
	assert_int_equal(append_one(f->ledger, 51, "x", 1), RESULT_UNAVAILABLE);
	assert_int_equal(ledger_commit(f->ledger), RESULT_UNAVAILABLE);
	assert_entry(f, 50);
	reopen(f);
	assert_int_equal(ledger_last_seq(f->ledger), 50);
	append(f, 51, 60);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	scan_range(f, 1, 60);
}

static void
read_only_reads_and_makes_nothing(void **state)
{
	struct fixture *f = *state;
	struct ledger *none = NULL;
	char missing[300];

	append(f, 1, 3);
	assert_int_equal(ledger_commit(f->ledger), RESULT_OK);
	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(ledger_open(f->dir, 1, &f->ledger), RESULT_OK);
	scan_range(f, 1, 3);
	snprintf(missing, sizeof(missing), "%s/missing", f->dir);
	assert_int_equal(ledger_open(missing, 1, &none), RESULT_NOT_FOUND);
	assert_int_equal(access(missing, F_OK), -1);
	snprintf(missing, sizeof(missing), "%s/no/parent", f->dir);
	assert_int_not_equal(ledger_open(missing, 0, &none), RESULT_OK);
	assert_null(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(a_new_ledger_is_empty),
	    T(what_was_committed_is_there_after_reopening),
	    T(entries_of_the_open_batch_are_read_but_not_committed),
	    T(an_abandoned_batch_leaves_nothing_and_its_numbers_are_free),
	    T(a_gap_a_repetition_or_a_wrong_length_stops_the_process),
	    T(a_second_open_or_use_after_a_fork_stops_the_process),
	    T(the_longest_entry_fits_and_a_short_buffer_is_told),
	    T(a_scan_visits_each_entry_once_across_its_transactions),
	    T(a_scan_sees_committed_entries_only),
	    T(a_scan_may_be_written_beside),
	    T(a_failed_commit_is_final_until_the_next_start),
	    T(read_only_reads_and_makes_nothing),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
