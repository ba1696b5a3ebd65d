#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/lib/timebox.h"

static char root[64];
static char dir[128];

static char *
path(char out[256], const char *name)
{
	(void)snprintf(out, 256, "%s/%s", dir, name);
	return out;
}

static void
write_file(const char *name, const void *p, size_t n)
{
	char at[256];
	FILE *f = fopen(path(at, name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(at, 0600), 0);
}

static size_t
read_file(const char *name, char *out, size_t size)
{
	char at[256];
	FILE *f = fopen(path(at, name), "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, size, f);
	(void)fclose(f);
	return n;
}

static int
fresh_folder(void **state)
{
	static int count;

	(void)state;
	if (count == 0) {
		(void)snprintf(root, sizeof(root), "/tmp/timebox-home.XXXXXX");
		if (mkdtemp(root) == NULL)
			return -1;
	}
	(void)snprintf(dir, sizeof(dir), "%s/%d", root, count++);
	return 0;
}

static void
fill_station(struct timebox_home *home)
{
	(void)snprintf(home->server, sizeof(home->server), "127.0.0.1:7443");
	(void)snprintf(home->origin, sizeof(home->origin), "station.example/box");
	(void)snprintf(home->vkey, sizeof(home->vkey), "station.example/box+1a2b3c4d+AQ==");
	(void)snprintf(home->partner, sizeof(home->partner), "P01");
	memset(home->server_key, 0xa5, KEY_LEN);
	home->role = TIMEBOX__V1__ROLE__ROLE_OUTLET;
}

static void
a_new_home_has_a_private_key_and_is_found_again(void **state)
{
	struct timebox_home home, again;
	struct timebox_error e;
	struct stat st;
	char at[256];

	(void)state;
	assert_int_equal(timebox_home_open(&home, dir, &e), RESULT_NOT_FOUND);
	assert_int_equal(timebox_home_create(&home, dir, &e), RESULT_OK);
	assert_int_equal(home.enrolled, 0);
	assert_int_equal(stat(path(at, "key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, SEED_LEN);
	assert_int_equal(timebox_home_create(&again, dir, &e), RESULT_OK);
	assert_memory_equal(home.key, again.key, KEY_LEN);
	timebox_home_close(&home);
	timebox_home_close(&again);
}

static void
a_saved_station_reads_back(void **state)
{
	struct timebox_home home, again;
	struct timebox_error e;

	(void)state;
	assert_int_equal(timebox_home_create(&home, dir, &e), RESULT_OK);
	fill_station(&home);
	assert_int_equal(timebox_home_save(&home, &e), RESULT_OK);
	assert_int_equal(timebox_home_save(&home, &e), RESULT_OK);
	assert_int_equal(timebox_home_open(&again, dir, &e), RESULT_OK);
	assert_int_equal(again.enrolled, 1);
	assert_string_equal(again.server, home.server);
	assert_string_equal(again.origin, home.origin);
	assert_string_equal(again.vkey, home.vkey);
	assert_string_equal(again.partner, "P01");
	assert_int_equal(again.role, TIMEBOX__V1__ROLE__ROLE_OUTLET);
	assert_memory_equal(again.server_key, home.server_key, KEY_LEN);
}

static void
every_truncation_of_the_station_file_is_refused(void **state)
{
	struct timebox_home home, again;
	struct timebox_error e;
	char text[2048];
	size_t n, cut;

	(void)state;
	assert_int_equal(timebox_home_create(&home, dir, &e), RESULT_OK);
	fill_station(&home);
	assert_int_equal(timebox_home_save(&home, &e), RESULT_OK);
	n = read_file("station", text, sizeof(text));
	for (cut = 0; cut < n; cut++) {
		write_file("station", text, cut);
		assert_int_equal(timebox_home_open(&again, dir, &e), RESULT_CORRUPT);
	}
	write_file("station", text, n);
	assert_int_equal(timebox_home_open(&again, dir, &e), RESULT_OK);
}

static void
a_station_file_with_other_lines_is_refused(void **state)
{
	static const char head[] = "server=h:1\nserver_key="
				   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
				   "origin=o\nvkey=v\npartner=\n";
	static const char *const tails[] = {"role=staff\nrole=staff\n", "role=queen\n",
		"role=staff\nnew=1\n", "role\n", "=\n", "role=staff\n\n"};
	struct timebox_home home;
	struct timebox_error e;
	char text[1024];
	size_t i;

	(void)state;
	assert_int_equal(timebox_home_create(&home, dir, &e), RESULT_OK);
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", head, tails[i]);
		write_file("station", text, strlen(text));
		assert_int_equal(timebox_home_open(&home, dir, &e), RESULT_CORRUPT);
		assert_non_null(strstr(e.text, "station"));
	}
	(void)snprintf(text, sizeof(text), "%srole=staff\n", head);
	write_file("station", text, strlen(text));
	assert_int_equal(timebox_home_open(&home, dir, &e), RESULT_OK);
}

static void
a_key_that_is_cut_or_open_to_others_is_refused(void **state)
{
	struct timebox_home home;
	struct timebox_error e;
	uint8_t key[SEED_LEN + 1] = {1};
	char at[256];

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	write_file("key", key, SEED_LEN - 1);
	assert_int_equal(timebox_home_open(&home, dir, &e), RESULT_CORRUPT);
	assert_int_equal(timebox_home_create(&home, dir, &e), RESULT_CORRUPT);
	write_file("key", key, SEED_LEN + 1);
	assert_int_equal(timebox_home_open(&home, dir, &e), RESULT_CORRUPT);
	write_file("key", key, SEED_LEN);
	assert_int_equal(timebox_home_open(&home, dir, &e), RESULT_OK);
	assert_int_equal(chmod(path(at, "key"), 0640), 0);
	assert_int_equal(timebox_home_open(&home, dir, &e), RESULT_NOT_ALLOWED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_home_has_a_private_key_and_is_found_again, fresh_folder),
		cmocka_unit_test_setup(a_saved_station_reads_back, fresh_folder),
		cmocka_unit_test_setup(every_truncation_of_the_station_file_is_refused, fresh_folder),
		cmocka_unit_test_setup(a_station_file_with_other_lines_is_refused, fresh_folder),
		cmocka_unit_test_setup(a_key_that_is_cut_or_open_to_others_is_refused, fresh_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
