/* The journal, seen through the ledger: what a power cut leaves is a copy of the two files. */
#include "daemon/store/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/store/ledger.h"
#include "tests/unit/scratch.h"

#define SECTOR	 512
#define FILE_MAX ((size_t)16 << 20)

struct fixture {
	char dir[256];
	struct ledger *ledger;
	/* A copy of the files, as of the last cut. */
	char cut[300], again[300];
	struct ledger *after;
};

static size_t
entry_of(uint64_t seq, uint8_t *out)
{
	size_t len = 1 + (size_t)(seq * 7919 % 700);

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(seq * 31 + i);
	return len;
}

static void
commit(struct ledger *ledger, uint64_t from, uint64_t to)
{
	uint8_t entry[1024];

	for (uint64_t seq = from; seq <= to; seq++)
		assert_int_equal(ledger_append(ledger, seq, entry, entry_of(seq, entry)), RESULT_OK);
	assert_int_equal(ledger_commit(ledger), RESULT_OK);
}

static enum result
check_entry(void *ctx, uint64_t seq, const uint8_t *entry, size_t len)
{
	uint8_t want[1024], have[1024];
	size_t n = entry_of(seq, want), read = 0;

	assert_int_equal(len, n);
	assert_memory_equal(entry, want, n);
	assert_int_equal(ledger_read(ctx, seq, have, sizeof(have), &read), RESULT_OK);
	assert_int_equal(read, n);
	assert_memory_equal(have, want, n);
	return RESULT_OK;
}

static void
assert_holds(struct ledger *ledger, uint64_t last)
{
	assert_int_equal(ledger_committed_seq(ledger), last);
	assert_int_equal(ledger_last_seq(ledger), last);
	assert_int_equal(ledger_scan(ledger, 1, last, check_entry, ledger), RESULT_OK);
}

static void
copy_file(const char *from_dir, const char *to_dir, const char *name)
{
	static uint8_t bytes[FILE_MAX];
	char path[400];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", from_dir, name);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	assert_true(n < sizeof(bytes));
	fclose(file);
	snprintf(path, sizeof(path), "%s/%s", to_dir, name);
	file = fopen(path, "r+e");
	if (file == NULL)
		file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void
cut(struct fixture *f)
{
	copy_file(f->dir, f->cut, "data.mdb");
	copy_file(f->dir, f->cut, "journal");
}

static enum result
open_cut(struct fixture *f, int read_only)
{
	ledger_close(f->after);
	f->after = NULL;
	return ledger_open(f->cut, read_only, &f->after);
}

/* The size of the file; a bit of it is flipped before. */
static long
journal_file(const char *dir, size_t at, int flip)
{
	char path[400];
	struct stat st;
	FILE *file;

	snprintf(path, sizeof(path), "%s/journal", dir);
	assert_int_equal(stat(path, &st), 0);
	if (flip) {
		int byte;

		file = fopen(path, "r+e");
		assert_non_null(file);
		assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
		byte = fgetc(file);
		assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
		fputc(byte ^ 0x40, file);
		assert_int_equal(fclose(file), 0);
	}
	return (long)st.st_size;
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	snprintf(f.dir, sizeof(f.dir), "%s", scratch_make());
	snprintf(f.cut, sizeof(f.cut), "%s/cut", f.dir);
	snprintf(f.again, sizeof(f.again), "%s/again", f.dir);
	assert_int_equal(mkdir(f.cut, 0700), 0);
	assert_int_equal(mkdir(f.again, 0700), 0);
	assert_int_equal(ledger_open(f.dir, 0, &f.ledger), RESULT_OK);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ledger_close(f->after);
	ledger_close(f->ledger);
	scratch_remove(f->dir);
	return 0;
}

static void
what_only_the_journal_has_is_there_after_a_cut(void **state)
{
	struct fixture *f = *state;
	uint64_t pages = ledger_bytes_used(f->ledger);

	for (uint64_t seq = 1; seq <= 30; seq++)
		commit(f->ledger, seq, seq);
	assert_int_equal(ledger_bytes_used(f->ledger), pages);
	cut(f);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, 30);
	commit(f->after, 31, 33);
	/* Closing leaves all in LMDB, and what is old in the journal is not taken again. */
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_true(ledger_bytes_used(f->after) > pages);
	assert_holds(f->after, 33);
	commit(f->after, 34, 34);
	assert_holds(f->after, 34);
}

static void
nothing_is_lost_at_any_commit_of_many_laps(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;

	for (uint64_t i = 1; i <= 900; i++) {
		uint64_t n = i % 101 == 0 ? 600 : i % 7 == 0 ? 1 + i % 90 : 1;

		commit(f->ledger, last + 1, last + n);
		last += n;
		if (i % 13 != 0 && i % 101 > 1)
			continue;
		assert_int_equal(ledger_committed_seq(f->ledger), last);
		ledger_close(f->after);
		f->after = NULL;
		cut(f);
		assert_int_equal(open_cut(f, i % 2), RESULT_OK);
		assert_int_equal(ledger_committed_seq(f->after), last);
		assert_int_equal(ledger_scan(f->after, last - last / 3, last, check_entry, f->after), RESULT_OK);
	}
	assert_holds(f->ledger, last);
	assert_true(journal_file(f->dir, 0, 0) > (long)JOURNAL_FIRST_BYTES);
	assert_true(journal_file(f->dir, 0, 0) <= (long)JOURNAL_MOST_BYTES);
}

/* Entry 3 alone is in the third record; entries 4 to 12 are torn at each of their sectors. */
static void
a_torn_record_is_not_there_and_its_place_is_used_again(void **state)
{
	struct fixture *f = *state;
	uint8_t entry[1024];
	size_t at = SECTOR, len = 0, end;

	for (uint64_t seq = 1; seq <= 3; seq++) {
		commit(f->ledger, seq, seq);
		at += (64 + 4 + entry_of(seq, entry) + SECTOR - 1) / SECTOR * SECTOR;
	}
	commit(f->ledger, 4, 12);
	for (uint64_t seq = 4; seq <= 12; seq++)
		len += 4 + entry_of(seq, entry);
	end = at + 64 + len;
	for (; at < end; at += SECTOR) {
		ledger_close(f->after);
		f->after = NULL;
		cut(f);
		journal_file(f->cut, at + 50 < end ? at + 50 : end - 1, 1);
		assert_int_equal(open_cut(f, 1), RESULT_OK);
		assert_holds(f->after, 3);
		assert_int_equal(open_cut(f, 0), RESULT_OK);
		assert_holds(f->after, 3);
		commit(f->after, 4, 4);
		commit(f->after, 5, 9);
		/* Another cut, before LMDB has them. */
		copy_file(f->cut, f->again, "data.mdb");
		copy_file(f->cut, f->again, "journal");
		ledger_close(f->after);
		f->after = NULL;
		assert_int_equal(ledger_open(f->again, 0, &f->after), RESULT_OK);
		assert_holds(f->after, 9);
	}
}

static void
a_damaged_record_with_others_behind_it_is_said(void **state)
{
	struct fixture *f = *state;

	for (uint64_t seq = 1; seq <= 5; seq++)
		commit(f->ledger, seq, seq);
	for (size_t at = SECTOR; at < SECTOR + 100; at += 9) {
		cut(f);
		journal_file(f->cut, at, 1);
		assert_int_equal(open_cut(f, 0), RESULT_CORRUPT);
		assert_int_equal(open_cut(f, 1), RESULT_CORRUPT);
	}
	cut(f);
	journal_file(f->cut, 20, 1);
	assert_int_equal(open_cut(f, 0), RESULT_CORRUPT);
	cut(f);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, 5);
}

static void
an_older_lmdb_file_beside_the_journal_is_said(void **state)
{
	struct fixture *f = *state;

	commit(f->ledger, 1, 5);
	cut(f);
	ledger_close(f->ledger);
	assert_int_equal(ledger_open(f->dir, 0, &f->ledger), RESULT_OK);
	commit(f->ledger, 6, 7);
	copy_file(f->dir, f->cut, "journal");
	assert_int_equal(open_cut(f, 0), RESULT_CORRUPT);
	cut(f);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, 7);
}

/* Within a lap: LMDB tells its readers of a commit by the lock file, which is not copied. */
static void
a_reader_follows_the_writer(void **state)
{
	struct fixture *f = *state;

	commit(f->ledger, 1, 2);
	cut(f);
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, 2);
	for (uint64_t seq = 3; seq <= 50; seq++) {
		commit(f->ledger, seq, seq);
		cut(f);
		assert_int_equal(ledger_refresh(f->after), RESULT_OK);
		assert_int_equal(ledger_committed_seq(f->after), seq);
	}
	assert_holds(f->after, 50);
}

static void
a_ledger_of_before_the_journal_is_opened(void **state)
{
	struct fixture *f = *state;
	char path[400];

	commit(f->ledger, 1, 9);
	ledger_close(f->ledger);
	f->ledger = NULL;
	cut(f);
	snprintf(path, sizeof(path), "%s/journal", f->cut);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, 9);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, 9);
	assert_int_equal(access(path, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(what_only_the_journal_has_is_there_after_a_cut),
	    T(nothing_is_lost_at_any_commit_of_many_laps),
	    T(a_torn_record_is_not_there_and_its_place_is_used_again),
	    T(a_damaged_record_with_others_behind_it_is_said),
	    T(an_older_lmdb_file_beside_the_journal_is_said),
	    T(a_reader_follows_the_writer),
	    T(a_ledger_of_before_the_journal_is_opened),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
