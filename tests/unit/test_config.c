#include "daemon/ops/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config config;
static char err[CONFIG_ERROR_SIZE];

static enum result
parse(const char *text)
{
	return config_parse("timeboxd.yaml", text, strlen(text), &config, err, sizeof(err));
}

static void
assert_refused(const char *text, const char *message)
{
	assert_int_equal(parse(text), RESULT_BAD_FIELD);
	assert_string_equal(err, message);
}

static void
missing_file_gives_the_defaults(void **state)
{
	(void)state;
	assert_int_equal(config_load("/nonexistent/timeboxd.yaml", &config, err, sizeof(err)),
			 RESULT_OK);
	assert_string_equal(config.host, "127.0.0.1");
	assert_int_equal(config.port, 7600);
	assert_int_equal(config.max_connections, 12000);
	assert_int_equal(config.handshake_seconds, 5);
	assert_int_equal(config.frame_seconds, 10);
	assert_int_equal(config.idle_seconds, 300);
	assert_int_equal(config.checkpoint_seconds, 5);
	assert_int_equal(config.checkpoint_entries, 50000);
	assert_int_equal(config.memory_mib, 1024);
	assert_int_equal(config.backup_keep_days, 90);
	assert_int_equal(config.pin_threads, 1);
	assert_int_equal(config.log_level, LOG_LEVEL_INFO);
}

static void
empty_text_or_comments_give_the_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(""), RESULT_OK);
	assert_int_equal(config.port, 7600);
	assert_int_equal(parse("# nothing is set\n"), RESULT_OK);
	assert_int_equal(config.port, 7600);
}

static void
every_setting_is_taken(void **state)
{
	(void)state;
	assert_int_equal(parse("---\n"
			       "listen: 0.0.0.0:0 # any port\n"
			       "max_connections: 1\n"
			       "handshake_seconds: 60\n"
			       "frame_seconds: 300\n"
			       "idle_seconds: 10\n"
			       "checkpoint_seconds: 3600\n"
			       "checkpoint_entries: 10000000\n"
			       "memory_mib: 16\n"
			       "backup_keep_days: 36500\n"
			       "pin_threads: 16\n"
			       "log_level: debug\n"),
			 RESULT_OK);
	assert_string_equal(config.host, "0.0.0.0");
	assert_int_equal(config.port, 0);
	assert_int_equal(config.max_connections, 1);
	assert_int_equal(config.handshake_seconds, 60);
	assert_int_equal(config.frame_seconds, 300);
	assert_int_equal(config.idle_seconds, 10);
	assert_int_equal(config.checkpoint_seconds, 3600);
	assert_int_equal(config.checkpoint_entries, 10000000);
	assert_int_equal(config.memory_mib, 16);
	assert_int_equal(config.backup_keep_days, 36500);
	assert_int_equal(config.pin_threads, 16);
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
}

static void
unknown_key_is_refused_with_its_place(void **state)
{
	(void)state;
	assert_refused("max_connections: 5\n  \n\"lissten\": a:1\n",
		       "timeboxd.yaml, line 3, column 2: there is no setting \"lissten\": "
		       "correct its name or remove the line");
}

static void
value_out_of_its_range_is_refused(void **state)
{
	static const char *const bad[] = { "0", "17", "-1", "+1", "5x", "010", "0x1", "",
					   "1.5", "four", "99999999999999999999" };
	char text[80], message[200];

	(void)state;
	assert_refused("pin_threads: 2\nidle_seconds: 9\n",
		       "timeboxd.yaml, line 2, column 1: idle_seconds is \"9\": give a whole "
		       "number from 10 to 86400");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "pin_threads: %s\n", bad[i]);
		snprintf(message, sizeof(message),
			 "timeboxd.yaml, line 1, column 1: pin_threads is \"%s\": give a whole "
			 "number from 1 to 16",
			 bad[i]);
		assert_refused(text, message);
	}
}

static void
bad_address_and_level_are_refused(void **state)
{
	(void)state;
	assert_refused("listen: localhost\n",
		       "timeboxd.yaml, line 1, column 1: listen is \"localhost\": give HOST:PORT, "
		       "as in 127.0.0.1:7600 or \"[::1]:7600\"");
	assert_refused("log_level: loud\n", "timeboxd.yaml, line 1, column 1: log_level is \"loud\""
					    ": give error, warn, info or debug");
}

static void
what_is_no_list_of_settings_is_refused(void **state)
{
	static const char *const bad[] = {
		"- listen\n",
		"listen: {a: b}\n",
		"listen: [::1]:7600\n",
		"listen\n",
		"\tlisten: a:1\n",
		"pin_threads: 1\npin_threads: 2\n",
		"pin_threads: 1\n---\npin_threads: 2\n",
		"pin_threads: &a 1\nlog_level: *a\n",
		"{",
		"\xff\xff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i]), RESULT_BAD_FIELD);
		assert_int_equal(strncmp(err, "timeboxd.yaml", 13), 0);
	}
}

static void
truncated_text_never_crashes_nor_reads_beyond(void **state)
{
	static const char whole[] = "listen: \"[::1]:7600\"\npin_threads: 2\nlog_level: warn\n";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		char *copy = malloc(len > 0 ? len : 1);
		enum result r;

		assert_non_null(copy);
		memcpy(copy, whole, len);
		r = config_parse("x", copy, len, &config, err, sizeof(err));
		assert_true(r == RESULT_OK || r == RESULT_BAD_FIELD);
		assert_true(r == RESULT_OK || err[0] != '\0');
		free(copy);
	}
}

static void
file_is_read_and_a_bad_one_named(void **state)
{
	char path[] = "/tmp/timebox-test-config-XXXXXX";
	int fd = mkstemp(path);
	FILE *file;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "pin_threads: 3\n", 15), 15);
	assert_int_equal(config_load(path, &config, err, sizeof(err)), RESULT_OK);
	assert_int_equal(config.pin_threads, 3);
	assert_int_equal(config_load("/tmp", &config, err, sizeof(err)), RESULT_IO);
	assert_non_null(strstr(err, "/tmp"));

	file = fdopen(fd, "w");
	assert_non_null(file);
	for (int i = 0; i < CONFIG_FILE_MAX; i++)
		fputs("# ", file);
	fclose(file);
	assert_int_equal(config_load(path, &config, err, sizeof(err)), RESULT_BAD_FIELD);
	assert_non_null(strstr(err, "65536 bytes"));
	unlink(path);
}

static void
address_is_split(void **state)
{
	static const char *const bad[] = { "",	   ":1",   "a",	     "a:",     "a:65536", "a:-1",
					   "::1:1", "[]:1", "[::1:1", "[::1]", "a b:1",	  "a:1x" };
	char host[CONFIG_HOST_SIZE], text[CONFIG_HOST_SIZE + 8];
	uint16_t port;

	(void)state;
	assert_int_equal(config_parse_address("[fe80::1]:65535", host, &port), RESULT_OK);
	assert_string_equal(host, "fe80::1");
	assert_int_equal(port, 65535);
	assert_int_equal(config_parse_address("station.example:0", host, &port), RESULT_OK);
	assert_string_equal(host, "station.example");
	assert_int_equal(port, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(config_parse_address(bad[i], host, &port), RESULT_BAD_FIELD);
	memset(text, 'a', CONFIG_HOST_SIZE);
	memcpy(text + CONFIG_HOST_SIZE, ":1", 3);
	assert_int_equal(config_parse_address(text, host, &port), RESULT_BAD_FIELD);
	assert_int_equal(config_parse_address(text + 1, host, &port), RESULT_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_file_gives_the_defaults),
		cmocka_unit_test(empty_text_or_comments_give_the_defaults),
		cmocka_unit_test(every_setting_is_taken),
		cmocka_unit_test(unknown_key_is_refused_with_its_place),
		cmocka_unit_test(value_out_of_its_range_is_refused),
		cmocka_unit_test(bad_address_and_level_are_refused),
		cmocka_unit_test(what_is_no_list_of_settings_is_refused),
		cmocka_unit_test(truncated_text_never_crashes_nor_reads_beyond),
		cmocka_unit_test(file_is_read_and_a_bad_one_named),
		cmocka_unit_test(address_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
