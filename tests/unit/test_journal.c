/* The journal, seen through the ledger: what a power cut leaves is a copy of the three files. */
#include "daemon/store/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/store/ledger.h"
#include "proto/crypto.h"
#include "proto/tree.h"
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

/* A disk whose sectors are larger than ours does not take what goes past the page cache. */
static int large_sectors;
static unsigned written_past_the_cache;

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	if ((fcntl(fd, F_GETFL) & O_DIRECT) != 0) {
		if (large_sectors) {
			errno = EINVAL;
			return -1;
		}
		written_past_the_cache++;
	}
	return syscall(SYS_pwrite64, fd, bytes, n, at);
}

static enum result
append_one(struct ledger *ledger, uint64_t seq, const void *entry, size_t len)
{
	uint8_t leaf[HASH_LEN];

	tree_leaf_hash(entry, len, leaf);
	return ledger_append(ledger, seq, entry, len, leaf);
}

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
		assert_int_equal(append_one(ledger, seq, entry, entry_of(seq, entry)), RESULT_OK);
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
copy_journal(const char *from_dir, const char *to_dir)
{
	copy_file(from_dir, to_dir, "journal");
	copy_file(from_dir, to_dir, "journal2");
}

static void
cut(struct fixture *f)
{
	ledger_close(f->after);
	f->after = NULL;
	copy_file(f->dir, f->cut, "data.mdb");
	copy_journal(f->dir, f->cut);
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
lap_file(const char *dir, const char *name, size_t at, int flip)
{
	char path[400];
	struct stat st;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
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

static long
journal_file(const char *dir, size_t at, int flip)
{
	return lap_file(dir, "journal", at, flip);
}

/* The seq that a lap begins with; 0: none was written. */
static uint64_t
lap_first(const char *dir, const char *name)
{
	uint64_t first = 0;
	char path[400];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fseek(file, SECTOR + 8, SEEK_SET), 0);
	assert_int_equal(fread(&first, sizeof(first), 1, file), 1);
	fclose(file);
	return be64toh(first);
}

/* Commits one by one, until a lap begins in that file; returns the seq it begins with. */
static uint64_t
fill_until(struct fixture *f, const char *name)
{
	uint64_t before = lap_first(f->dir, name), seq = ledger_committed_seq(f->ledger);

	while (lap_first(f->dir, name) == before) {
		seq++;
		commit(f->ledger, seq, seq);
	}
	return seq;
}

/* The thread has put something into LMDB's file, which had so many bytes before. */
static void
wait_for_fold(struct fixture *f, uint64_t bytes)
{
	for (int i = 0; i < 10000 && ledger_bytes_used(f->ledger) == bytes; i++)
		usleep(1000);
	assert_true(ledger_bytes_used(f->ledger) > bytes);
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
		copy_journal(f->cut, f->again);
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
	copy_journal(f->dir, f->cut);
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
		copy_journal(f->dir, f->cut);
		assert_int_equal(ledger_refresh(f->after), RESULT_OK);
		assert_int_equal(ledger_committed_seq(f->after), seq);
	}
	assert_holds(f->after, 50);
}

/* Each of these states is made of an LMDB file and a journal of two moments, between which no lap was begun over. */
static void
a_full_lap_is_there_before_and_after_it_is_folded(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes = ledger_bytes_used(f->ledger), last;

	cut(f);
	last = fill_until(f, "journal2");
	copy_journal(f->dir, f->cut);
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, last);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, last);
	wait_for_fold(f, bytes);
	assert_holds(f->ledger, last);
	cut(f);
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, last);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	commit(f->after, last + 1, last + 3);
	assert_holds(f->after, last + 3);
}

static void
a_full_lap_whose_end_is_damaged_is_said(void **state)
{
	struct fixture *f = *state;
	uint64_t second;

	cut(f);
	second = fill_until(f, "journal2");
	copy_journal(f->dir, f->cut);
	/* The last record of the first lap: only the other lap tells that it was acknowledged. */
	for (size_t at = JOURNAL_FIRST_BYTES - SECTOR; at >= JOURNAL_FIRST_BYTES - 3 * SECTOR; at -= SECTOR)
		journal_file(f->cut, at, 1);
	assert_int_equal(open_cut(f, 0), RESULT_CORRUPT);
	assert_int_equal(open_cut(f, 1), RESULT_CORRUPT);
	/* Without a record of the other lap it might have been torn. */
	lap_file(f->cut, "journal2", SECTOR, 1);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_true(ledger_committed_seq(f->after) < second - 1);
}

static void
a_lap_begun_over_a_folded_one_may_be_torn(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes = ledger_bytes_used(f->ledger), third;

	fill_until(f, "journal2");
	wait_for_fold(f, bytes);
	/* LMDB has the first lap; the second is full when this ends, the first is begun over. */
	cut(f);
	third = fill_until(f, "journal");
	copy_journal(f->dir, f->cut);
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, third);
	/* What is left of the first lap lies behind the torn record. */
	journal_file(f->cut, SECTOR + 66, 1);
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, third - 1);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, third - 1);
	commit(f->after, third, third + 1);
	copy_file(f->cut, f->again, "data.mdb");
	copy_journal(f->cut, f->again);
	ledger_close(f->after);
	f->after = NULL;
	assert_int_equal(ledger_open(f->again, 0, &f->after), RESULT_OK);
	assert_holds(f->after, third + 1);
}

static void
a_large_batch_goes_past_small_laps_and_through_grown_ones(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 2000, bytes;

	commit(f->ledger, 1, last);
	bytes = ledger_bytes_used(f->ledger);
	assert_true(bytes > 2000 * 350);
	for (int i = 0; i < 3; i++, last += 2000)
		commit(f->ledger, last + 1, last + 2000);
	assert_true(journal_file(f->dir, 0, 0) >= 1 << 20);
	assert_true(lap_file(f->dir, "journal2", 0, 0) >= 1 << 20);
	bytes = ledger_bytes_used(f->ledger);
	commit(f->ledger, last + 1, last + 1);
	/* Larger than any lap. */
	commit(f->ledger, last + 2, last + 26001);
	last += 26001;
	assert_true(ledger_bytes_used(f->ledger) > bytes + 26000 * 350);
	assert_true(journal_file(f->dir, 0, 0) <= (long)JOURNAL_MOST_BYTES);
	commit(f->ledger, last + 1, last + 2);
	assert_holds(f->ledger, last + 2);
	ledger_close(f->ledger);
	assert_int_equal(ledger_open(f->dir, 0, &f->ledger), RESULT_OK);
	assert_holds(f->ledger, last + 2);
}

static void
what_a_failed_fold_left_in_the_journal_is_found_by_the_next_start(void **state)
{
	struct fixture *f = *state;
	enum result err = RESULT_OK;
	uint64_t last = 3000;
	uint8_t entry[1024];

	commit(f->ledger, 1, last);
	ledger_close(f->ledger);
	assert_int_equal(ledger_open(f->dir, 0, &f->ledger), RESULT_OK);
	scratch_limit_files((unsigned long)ledger_bytes_used(f->ledger));
	while (err == RESULT_OK) {
		assert_true(last < 30000);
		err = append_one(f->ledger, last + 1, entry, entry_of(last + 1, entry));
		assert_int_equal(err, RESULT_OK);
		if ((err = ledger_commit(f->ledger)) == RESULT_OK)
			last++;
	}
	scratch_limit_files(0);
	assert_int_equal(err, RESULT_UNAVAILABLE);
	assert_true(last > 3060);
	assert_holds(f->ledger, last);
	assert_int_equal(append_one(f->ledger, last + 1, "x", 1), RESULT_UNAVAILABLE);
	ledger_close(f->ledger);
	assert_int_equal(ledger_open(f->dir, 0, &f->ledger), RESULT_OK);
	assert_holds(f->ledger, last);
	commit(f->ledger, last + 1, last + 1);
}

struct shared {
	_Atomic uint64_t committed;
	atomic_int end;
};

static enum result
same_entry(void *ctx, uint64_t seq, const uint8_t *entry, size_t len)
{
	uint8_t want[1024];

	(void)ctx;
	return len == entry_of(seq, want) && memcmp(entry, want, len) == 0 ? RESULT_OK : RESULT_CORRUPT;
}

/* In a process of its own: what was committed before a look is seen by it. 0: all well. */
static int
read_beside(const char *dir, struct shared *shared)
{
	struct ledger *ledger;
	uint64_t looks = 0, begin = 1;

	while (!atomic_load(&shared->end) || looks == 0) {
		uint64_t before = atomic_load(&shared->committed), last;

		if (looks++ % 50 == 0 && ledger_open(dir, 1, &ledger) != RESULT_OK)
			return 1;
		if (looks % 50 != 1 && ledger_refresh(ledger) != RESULT_OK)
			return 2;
		last = ledger_committed_seq(ledger);
		if (last < before)
			return 3;
		begin = last > 2000 ? last - 2000 : 1;
		if (ledger_scan(ledger, begin, last, same_entry, NULL) != RESULT_OK)
			return 4;
		if (looks % 50 == 0)
			ledger_close(ledger);
	}
	return 0;
}

static void
a_process_reads_beside_a_writer_that_folds(void **state)
{
	struct fixture *f = *state;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	assert_ptr_not_equal(shared, MAP_FAILED);
	ledger_close(f->ledger);
	f->ledger = NULL;
	if ((pid = fork()) == 0)
		_exit(read_beside(f->dir, shared));
	assert_int_equal(ledger_open(f->dir, 0, &f->ledger), RESULT_OK);
	for (uint64_t i = 0, last = 0; i < 2500; i++) {
		uint64_t n = i % 500 == 499 ? 1500 : 1 + i % 40;

		commit(f->ledger, last + 1, last + n);
		last += n;
		atomic_store(&shared->committed, last);
	}
	atomic_store(&shared->end, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	munmap(shared, sizeof(*shared));
}

/* Whether the folder's file system writes past its page cache. */
static int
goes_past(const char *dir)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/journal", dir);
	if ((fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC)) < 0)
		return 0;
	close(fd);
	return 1;
}

static void
a_disk_with_larger_sectors_is_written_through_the_page_cache(void **state)
{
	struct fixture *f = *state;

	written_past_the_cache = 0;
	commit(f->ledger, 1, 3);
	assert_int_equal(written_past_the_cache, goes_past(f->dir));
	large_sectors = 1;
	commit(f->ledger, 4, 6);
	large_sectors = 0;
	written_past_the_cache = 0;
	commit(f->ledger, 7, 9);
	/* It is not tried again. */
	assert_int_equal(written_past_the_cache, 0);
	cut(f);
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, 9);
}

static uint32_t
number_at(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return be32toh(n);
}

/* A file as daemons of before made it: another magic, and checks of records over the entries themselves. */
static void
make_old(const char *dir, const char *name, char form)
{
	static uint8_t bytes[FILE_MAX];
	char path[400];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r+e");
	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	assert_memory_equal(bytes, "tbjrnl/3", 8);
	bytes[7] = (uint8_t)form;
	sha256(bytes, 40, bytes + 40);
	for (size_t at = SECTOR; at + SECTOR <= n && memcmp(bytes + at, "tbbatch1", 8) == 0;) {
		size_t len = number_at(bytes + at + 20);
		const struct sha256_part parts[] = {{bytes + 8, 32}, {bytes + at, 32}, {bytes + at + 64, len}};

		sha256_parts(parts, 3, bytes + at + 32);
		at += (64 + len + SECTOR - 1) / SECTOR * SECTOR;
	}
	assert_int_equal(fseek(file, 0, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void
assert_magic(const char *dir, const char *name)
{
	char magic[9] = "", path[400];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fread(magic, 1, 8, file), 8);
	fclose(file);
	assert_string_equal(magic, "tbjrnl/3");
}

/* The cut is read as it is, and then by a daemon, which makes the old files anew. */
static void
assert_made_anew(struct fixture *f, uint64_t last)
{
	assert_int_equal(open_cut(f, 1), RESULT_OK);
	assert_holds(f->after, last);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, last);
	commit(f->after, last + 1, last + 1);
	assert_holds(f->after, last + 1);
	assert_magic(f->cut, "journal");
	assert_magic(f->cut, "journal2");
	assert_int_equal(lap_first(f->cut, "journal"), last + 1);
	assert_int_equal(lap_file(f->cut, "journal2", 0, 0), JOURNAL_FIRST_BYTES);
	assert_int_equal(open_cut(f, 0), RESULT_OK);
	assert_holds(f->after, last + 1);
}

static void
a_journal_of_one_lap_is_taken_and_made_anew(void **state)
{
	struct fixture *f = *state;
	char path[400];

	for (uint64_t seq = 1; seq <= 20; seq++)
		commit(f->ledger, seq, seq);
	cut(f);
	make_old(f->cut, "journal", '1');
	snprintf(path, sizeof(path), "%s/journal2", f->cut);
	assert_int_equal(unlink(path), 0);
	assert_made_anew(f, 20);
}

static void
a_journal_with_entries_in_its_checks_is_taken_and_made_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t last = fill_until(f, "journal2");

	commit(f->ledger, last + 1, last + 5);
	cut(f);
	make_old(f->cut, "journal", '2');
	make_old(f->cut, "journal2", '2');
	assert_made_anew(f, last + 5);
	/* One was made anew before a crash. */
	cut(f);
	make_old(f->cut, "journal2", '2');
	assert_made_anew(f, last + 5);
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
	snprintf(path, sizeof(path), "%s/journal2", f->cut);
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
	    T(a_full_lap_is_there_before_and_after_it_is_folded),
	    T(a_full_lap_whose_end_is_damaged_is_said),
	    T(a_lap_begun_over_a_folded_one_may_be_torn),
	    T(a_large_batch_goes_past_small_laps_and_through_grown_ones),
	    T(what_a_failed_fold_left_in_the_journal_is_found_by_the_next_start),
	    T(a_disk_with_larger_sectors_is_written_through_the_page_cache),
	    T(a_process_reads_beside_a_writer_that_folds),
	    T(a_journal_of_one_lap_is_taken_and_made_anew),
	    T(a_journal_with_entries_in_its_checks_is_taken_and_made_anew),
	    T(a_ledger_of_before_the_journal_is_opened),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
