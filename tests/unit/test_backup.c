/* Backups, what is known of a ledger, and the scrub. */
#include "daemon/engine/backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/engine/backup_int.h"
#include "tests/unit/engine_kit.h"
#include "tests/unit/scratch.h"

static struct kit k;
static char base[256];
static struct engine_error error;
static struct backup_done made;
static struct restore_done back;
/* In the station's zone (+08:00) the day has just begun. */
#define MADE_US (UINT64_C(1767225600) * 1000000 - 8 * HOUR_US)
#define HOUR_US (UINT64_C(3600) * 1000000)
#define KEEP_DAYS 30
/* When backups are restored, and whether past their day. */
static uint64_t restored_us;
static int past_keep_until;

static int
setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "%s", scratch_make());
	restored_us = MADE_US;
	past_keep_until = 0;
	kit_station(&k);
	kit_points(&k, k.member[0], 10);
	kit_open_station(&k);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	kit_close(&k);
	scratch_remove(base);
	return 0;
}

/* A path in the test's folder; a few at a time. */
static const char *
in(const char *name)
{
	static char ring[8][320];
	static unsigned at;
	char *path = ring[at++ % 8];

	snprintf(path, 320, "%s/%s", base, name);
	return path;
}

/* LMDB is not opened twice by one process, so the station sleeps meanwhile. */
static enum result
backup(const char *name, uint64_t since, int without)
{
	struct backup_ask ask = {.dir = k.dir,
	    .to = in(name),
	    .since = since,
	    .without_people = without,
	    .without_keys = without,
	    .tool = "test 1",
	    .now_us = MADE_US,
	    .keep_days = KEEP_DAYS};
	enum result err;

	engine_close(k.engine);
	err = backup_make(&ask, &made, &error);
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
	return err;
}

static enum result
restore(const char *one, const char *two, const char *keys, const char *known)
{
	const char *from[2] = {in(one), two == NULL ? NULL : in(two)};
	struct restore_ask ask = {
	    .from = from, .n = two == NULL ? 1 : 2, .into = in("back"), .keys = keys, .known = known,
	    .now_us = restored_us, .past_keep_until = past_keep_until};

	return backup_restore(&ask, &back, &error);
}

static uint64_t
fingerprint_of(const char *dir)
{
	struct engine *engine;
	uint64_t found;

	assert_int_equal(engine_open(dir, &engine, &error), RESULT_OK);
	found = engine_fingerprint(engine);
	engine_close(engine);
	return found;
}

static void
flip(const char *path, long at)
{
	FILE *file = fopen(path, "r+");
	int c;

	assert_non_null(file);
	assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	c = fgetc(file);
	assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
	fputc(c ^ 1, file);
	assert_int_equal(fclose(file), 0);
}

static void
a_restored_station_has_the_same_rows_and_people(void **state)
{
	uint64_t want = engine_fingerprint(k.engine), seq = engine_last_seq(k.engine);
	struct engine *engine;
	char number[9];

	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	assert_int_equal(made.from, 1);
	assert_int_equal(made.to, seq);
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_OK);
	assert_int_equal(back.last_seq, seq);
	assert_int_equal(back.behind, 0);
	assert_true(fingerprint_of(in("back")) == want);
	assert_int_equal(engine_open(in("back"), &engine, &error), RESULT_OK);
	assert_int_equal(texts_number(engine_people(engine), k.member[0], number), RESULT_OK);
	assert_int_equal(engine_writable(engine), RESULT_OK);
	engine_close(engine);
}

static void
parts_are_put_together_in_any_order(void **state)
{
	uint64_t seq = engine_last_seq(k.engine);

	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	assert_int_equal(backup("more", seq, 0), RESULT_OK);
	assert_int_equal(made.from, seq + 1);
	assert_int_equal(restore("more", "full", NULL, NULL), RESULT_OK);
	assert_int_equal(back.last_seq, seq + 1);
	assert_true(fingerprint_of(in("back")) == engine_fingerprint(k.engine));
}

static void
gaps_and_overlaps_are_refused(void **state)
{
	uint64_t seq = engine_last_seq(k.engine);

	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	assert_int_equal(backup("late", seq + 1, 0), RESULT_OK);
	assert_int_equal(backup("early", seq - 1, 0), RESULT_OK);
	assert_int_equal(restore("full", "late", NULL, NULL), RESULT_NOT_FOUND);
	assert_non_null(strstr(error.text, "in none of the backups"));
	assert_int_equal(restore("full", "early", NULL, NULL), RESULT_EXISTS);
	assert_int_equal(restore("late", NULL, NULL, NULL), RESULT_NOT_FOUND);
	assert_int_not_equal(access(in("back"), F_OK), 0);
	assert_int_equal(backup("beyond", seq + 100, 0), RESULT_BAD_FIELD);
}

static void
keys_and_people_may_be_kept_apart(void **state)
{
	char keys[300];

	(void)state;
	snprintf(keys, sizeof(keys), "%s/keys", k.dir);
	assert_int_equal(backup("bare", 0, 1), RESULT_OK);
	assert_int_equal(restore("bare", NULL, NULL, NULL), RESULT_NOT_FOUND);
	assert_non_null(strstr(error.text, "no people"));
	assert_int_equal(backup("rest", made.to, 0), RESULT_OK);
	assert_int_equal(restore("bare", "rest", keys, NULL), RESULT_OK);
}

static void
other_keys_are_refused(void **state)
{
	struct engine_keys other;

	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	assert_int_equal(keys_make(in("other"), &other), RESULT_OK);
	assert_int_equal(restore("full", NULL, in("other/keys"), NULL), RESULT_BAD_SIGNATURE);
}

static void
every_altered_file_is_named(void **state)
{
	static const char *const files[] = {"entries-00001", "people-00001", "keys", "checkpoint", "manifest"};

	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "full/%s", files[i]);
		flip(in(path), -20);
		assert_int_not_equal(restore("full", NULL, NULL, NULL), RESULT_OK);
		assert_non_null(strstr(error.text, files[i]));
		assert_int_not_equal(access(in("back"), F_OK), 0);
		flip(in(path), -20);
	}
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_OK);
}

static void
nothing_is_restored_over_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	assert_int_equal(backup("full", 0, 0), RESULT_EXISTS);
	assert_int_equal(mkdir(in("back"), 0700), 0);
	assert_int_equal(mkdir(in("back/x"), 0700), 0);
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_EXISTS);
	assert_int_equal(rmdir(in("back/x")), 0);
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_OK);
}

static void
a_manifest_cut_anywhere_is_refused(void **state)
{
	struct manifest m = {.from = 1, .to = 9, .people = 1, .keys = 1, .origin = KIT_ORIGIN, .tool = "t 1",
	    .keep_until_day = 20484};
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
	struct manifest again;
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(ed25519_generate(seed, pub), RESULT_OK);
	assert_int_equal(manifest_add(&m, "entries-00001", "abc", 3), RESULT_OK);
	assert_int_equal(manifest_write(&m, seed, &text, &len), RESULT_OK);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(manifest_read(&again, text, cut), RESULT_BAD_FIELD);
		manifest_free(&again);
	}
	assert_int_equal(manifest_read(&again, text, len), RESULT_OK);
	assert_int_equal(manifest_verify(&again, pub), RESULT_OK);
	assert_int_equal(again.n_files, 1);
	assert_string_equal(again.origin, KIT_ORIGIN);
	assert_int_equal(again.keep_until_day, 20484);
	manifest_free(&again);
	manifest_free(&m);
	free(text);
}

static void
a_file_name_of_a_manifest_is_never_a_path(void **state)
{
	struct manifest m = {.from = 1, .to = 9, .origin = KIT_ORIGIN, .tool = "t 1"};
	uint8_t seed[SEED_LEN] = {1};
	struct manifest again;
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(manifest_add(&m, "../keys", "abc", 3), RESULT_OK);
	assert_int_equal(manifest_write(&m, seed, &text, &len), RESULT_OK);
	assert_int_equal(manifest_read(&again, text, len), RESULT_BAD_FIELD);
	manifest_free(&again);
	manifest_free(&m);
	free(text);
}

/* The first moment at which a backup made at MADE_US is past its last day. */
#define OVERDUE_US (MADE_US + (KEEP_DAYS + 1) * 24 * HOUR_US)

static void
a_backup_past_its_day_is_restored_only_where_that_is_said(void **state)
{
	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	restored_us = OVERDUE_US;
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_NOT_ALLOWED);
	assert_non_null(strstr(error.text, "kept until 2026-01-31"));
	assert_non_null(strstr(error.text, "--past-keep-until"));
	assert_int_not_equal(access(in("back"), F_OK), 0);
	past_keep_until = 1;
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_OK);
	assert_int_equal(back.overdue, 1);
}

static void
a_backup_is_good_to_the_last_moment_of_its_day(void **state)
{
	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	restored_us = OVERDUE_US - 1;
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_OK);
	assert_int_equal(back.overdue, 0);
}

static void
only_the_day_of_the_backup_whose_people_come_back_matters(void **state)
{
	struct backup_ask ask = {.dir = k.dir, .to = in("more"), .tool = "test 1", .now_us = OVERDUE_US, .keep_days = 1};

	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	ask.since = made.to;
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	engine_close(k.engine);
	assert_int_equal(backup_make(&ask, &made, &error), RESULT_OK);
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
	restored_us = OVERDUE_US;
	assert_int_equal(restore("full", "more", NULL, NULL), RESULT_OK);
	assert_int_equal(back.overdue, 1);
}

static void
a_backup_without_people_may_be_kept_for_ever(void **state)
{
	char keys[300];

	(void)state;
	snprintf(keys, sizeof(keys), "%s/keys", k.dir);
	assert_int_equal(backup("bare", 0, 1), RESULT_OK);
	assert_int_equal(made.keep_until_day, 0);
	assert_int_equal(backup("rest", made.to, 0), RESULT_OK);
	assert_int_equal(made.keep_until_day, 20454 + KEEP_DAYS);
	assert_int_equal(restore("bare", "rest", keys, NULL), RESULT_OK);
}

/* The manifest of this backup as it was before manifests said a day, signed by the station's key. */
static void
manifest_without_a_day(const char *path)
{
	char *text = malloc(BACKUP_MANIFEST_MAX);
	FILE *file = fopen(path, "r+");
	struct engine_keys keys;
	struct manifest m;
	size_t len;

	assert_non_null(text);
	assert_non_null(file);
	assert_int_equal(keys_load(k.dir, &keys), RESULT_OK);
	assert_int_equal(manifest_read(&m, text, fread(text, 1, BACKUP_MANIFEST_MAX, file)), RESULT_OK);
	free(text);
	assert_int_not_equal(m.keep_until_day, 0);
	m.keep_until_day = 0;
	assert_int_equal(manifest_write(&m, keys.ledger_seed, &text, &len), RESULT_OK);
	assert_null(strstr(text, "keep-until"));
	rewind(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(ftruncate(fileno(file), (off_t)len), 0);
	assert_int_equal(fclose(file), 0);
	manifest_free(&m);
	free(text);
}

static void
an_older_backup_that_says_no_day_is_restored(void **state)
{
	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	manifest_without_a_day(in("full/manifest"));
	restored_us = OVERDUE_US;
	assert_int_equal(restore("full", NULL, NULL, NULL), RESULT_OK);
	assert_int_equal(back.overdue, 0);
}

/* In the text of a manifest, another day in the place of 2026-01-31. */
static enum result
read_with_day(const char *text, size_t len, const char *day)
{
	char *copy = malloc(len + 32), *at;
	struct manifest m;
	size_t head;
	enum result err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = 0;
	at = strstr(copy, "2026-01-31");
	assert_non_null(at);
	head = (size_t)(at - copy);
	snprintf(at, 32 + len - head, "%s%s", day, text + head + 10);
	err = manifest_read(&m, copy, strlen(copy));
	manifest_free(&m);
	free(copy);
	return err;
}

static void
a_day_has_one_form(void **state)
{
	static const char *const bad[] = {"2026-1-31", "2026-02-29", " 2026-01-31", "2026-01-31 ", "2026-13-01", "1970-01-01",
	    "1969-12-31", "", "20260131", "2026-01-31T00:00:00"};
	struct manifest m = {.from = 1, .to = 9, .people = 1, .origin = KIT_ORIGIN, .tool = "t 1", .keep_until_day = 20484};
	uint8_t seed[SEED_LEN] = {1};
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(manifest_write(&m, seed, &text, &len), RESULT_OK);
	text = realloc(text, len + 1);
	assert_non_null(text);
	text[len] = 0;
	assert_int_equal(read_with_day(text, len, "2026-01-31"), RESULT_OK);
	assert_int_equal(read_with_day(text, len, "2028-02-29"), RESULT_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_with_day(text, len, bad[i]), RESULT_BAD_FIELD);
	free(text);
	manifest_free(&m);
}

static void
file_put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
file_is(const char *path, const char *text)
{
	char there[128] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	there[fread(there, 1, sizeof(there) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(there, text);
}

static void
an_older_ledger_than_known_takes_no_acts_until_the_loss_is_accepted(void **state)
{
	char known[300], losses[64];
	uint64_t lost, seq;
	enum result err;

	(void)state;
	assert_int_equal(backup("full", 0, 0), RESULT_OK);
	seq = made.to;
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	engine_close(k.engine);
	snprintf(known, sizeof(known), "%s/known", k.dir);
	assert_int_equal(restore("full", NULL, NULL, known), RESULT_OK);
	assert_int_equal(back.behind, seq + 1);
	assert_int_equal(engine_open(in("back"), &k.engine, &error), RESULT_OK);
	assert_int_equal(engine_behind(k.engine), seq + 1);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_BEHIND);
	assert_int_equal(engine_sweep(k.engine, 10), 0);
	file_put(in("back/loss"), "1 2\n7");
	assert_int_equal(engine_accept_loss(k.engine, &lost), RESULT_OK);
	assert_int_equal(lost, seq + 1);
	snprintf(losses, sizeof(losses), "1 2\n7\n%llu %llu\n", (unsigned long long)seq, (unsigned long long)seq + 1);
	file_is(in("back/loss"), losses);
	assert_int_equal(engine_accept_loss(k.engine, &lost), RESULT_ALREADY_DONE);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	engine_close(k.engine);
	/* The same checkpoint, told again, says nothing new. */
	assert_int_equal(engine_open(in("back"), &k.engine, &error), RESULT_OK);
	err = engine_heed(k.engine, known, &error);
	assert_int_equal(err, RESULT_OK);
	assert_int_equal(engine_behind(k.engine), 0);
	engine_close(k.engine);
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
}

static void
a_line_of_a_loss_that_a_crash_cut_short_says_nothing_and_spoils_no_other(void **state)
{
	static char losses[] = "10 20\n30 450 60\n50 60\n70 80";
	const struct {
		uint64_t size;
		int covered;
	} sizes[] = {{10, 0}, {11, 1}, {20, 1}, {21, 0}, {40, 0}, {51, 1}, {60, 1}, {75, 0}, {80, 0}};
	FILE *file;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		file = fmemopen(losses, sizeof(losses) - 1, "r");
		assert_non_null(file);
		assert_int_equal(loss_covers(file, sizes[i].size), sizes[i].covered);
		fclose(file);
	}
}

static void
a_checkpoint_of_another_key_is_not_heeded(void **state)
{
	char note[CHECKPOINT_SIZE];
	uint8_t seed[SEED_LEN] = {9}, root[32] = {0};

	(void)state;
	assert_int_equal(
	    checkpoint_sign(note, sizeof(note), KIT_ORIGIN, 1u << 20, root, KIT_ORIGIN, seed), RESULT_OK);
	file_put(in("note"), note);
	assert_int_not_equal(engine_heed(k.engine, in("note"), &error), RESULT_OK);
	assert_int_equal(engine_writable(k.engine), RESULT_OK);
}

/* A byte of the middle of the entry, in the file of the ledger, which has all when it was closed. */
static void
flip_entry(uint64_t seq)
{
	uint8_t entry[ENTRY_MAX_BYTES], *bytes = malloc(64u << 20);
	char path[300];
	size_t len, n;
	FILE *file;

	assert_non_null(bytes);
	engine_close(k.engine);
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
	assert_int_equal(engine_entry(k.engine, seq, entry, sizeof(entry), &len), RESULT_OK);
	snprintf(path, sizeof(path), "%s/ledger/data.mdb", k.dir);
	file = fopen(path, "r+");
	assert_non_null(file);
	n = fread(bytes, 1, 64u << 20, file);
	for (size_t at = 0; at + len <= n; at++) {
		if (memcmp(bytes + at, entry, len) != 0)
			continue;
		assert_int_equal(fseek(file, (long)(at + len - 3), SEEK_SET), 0);
		fputc(bytes[at + len - 3] ^ 4, file);
	}
	assert_int_equal(fclose(file), 0);
	free(bytes);
}

static void
the_scrub_passes_a_whole_ledger(void **state)
{
	(void)state;
	while (engine_scrub(k.engine, 1))
		continue;
	assert_int_equal(engine_scrub_state(k.engine)->passes, 1);
	assert_int_equal(engine_scrub_state(k.engine)->seq, engine_last_seq(k.engine));
	assert_int_equal(engine_scrub_state(k.engine)->bad_seq, 0);
	assert_int_equal(engine_scrub(k.engine, 1000), 0);
}

static void
the_scrub_finds_a_flipped_bit_and_stops_writing(void **state)
{
	uint64_t last = engine_last_seq(k.engine);

	for (uint64_t seq = 2; seq <= last; seq += last - 2) {
		flip_entry(seq);
		while (engine_scrub(k.engine, 1000))
			continue;
		assert_int_equal(engine_scrub_state(k.engine)->bad_seq, seq);
		assert_int_equal(engine_scrub_state(k.engine)->passes, 0);
		assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_CORRUPT);
		if (seq != last) {
			teardown(state);
			setup(state);
		}
	}
}

static void
a_backup_of_an_altered_ledger_is_refused(void **state)
{
	struct backup_ask ask = {.dir = k.dir, .to = in("full"), .tool = "test 1", .now_us = MADE_US, .keep_days = 1};

	(void)state;
	flip_entry(3);
	engine_close(k.engine);
	assert_int_equal(backup_make(&ask, &made, &error), RESULT_CORRUPT);
	assert_non_null(strstr(error.text, "entry 4"));
	assert_int_not_equal(access(in("full"), F_OK), 0);
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_restored_station_has_the_same_rows_and_people),
	    TEST(parts_are_put_together_in_any_order),
	    TEST(gaps_and_overlaps_are_refused),
	    TEST(keys_and_people_may_be_kept_apart),
	    TEST(other_keys_are_refused),
	    TEST(every_altered_file_is_named),
	    TEST(nothing_is_restored_over_what_is_there),
	    cmocka_unit_test(a_manifest_cut_anywhere_is_refused),
	    cmocka_unit_test(a_file_name_of_a_manifest_is_never_a_path),
	    TEST(a_backup_past_its_day_is_restored_only_where_that_is_said),
	    TEST(a_backup_is_good_to_the_last_moment_of_its_day),
	    TEST(only_the_day_of_the_backup_whose_people_come_back_matters),
	    TEST(a_backup_without_people_may_be_kept_for_ever),
	    TEST(an_older_backup_that_says_no_day_is_restored),
	    cmocka_unit_test(a_day_has_one_form),
	    TEST(an_older_ledger_than_known_takes_no_acts_until_the_loss_is_accepted),
	    TEST(a_line_of_a_loss_that_a_crash_cut_short_says_nothing_and_spoils_no_other),
	    TEST(a_checkpoint_of_another_key_is_not_heeded),
	    TEST(the_scrub_passes_a_whole_ledger),
	    TEST(the_scrub_finds_a_flipped_bit_and_stops_writing),
	    TEST(a_backup_of_an_altered_ledger_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
