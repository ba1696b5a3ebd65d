#include "daemon/ops/log.h"

#include "daemon/ops/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_MAX ((size_t)2 * 1024 * 1024)
static char text[TEXT_MAX];

/* Reads what is in the pipe, up to its end or until it is empty. */
static size_t
read_all(int fd)
{
	size_t len = 0;
	ssize_t n;

	while (len < TEXT_MAX - 1 && (n = read(fd, text + len, TEXT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return len;
}

static unsigned
count_lines(void)
{
	unsigned lines = 0;

	for (const char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	return lines;
}

static void
event_comes_out_as_one_logfmt_line(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(log_open_fd(LOG_LEVEL_INFO, fds[1]), RESULT_OK);
	log_event(LOG_LEVEL_INFO, "conn_open", "conn=%d peer=%s", 17, "127.0.0.1:1");
	log_event(LOG_LEVEL_WARN, "bare", "%s", "");
	log_close();
	close(fds[1]);
	read_all(fds[0]);
	close(fds[0]);
	assert_int_equal(strncmp(text, "time=20", 7), 0);
	assert_non_null(strstr(text, "Z level=info event=conn_open conn=17 peer=127.0.0.1:1\n"));
	assert_non_null(strstr(text, " level=warn event=bare\n"));
	assert_int_equal(count_lines(), 2);
}

static void
levels_above_the_chosen_one_are_silent(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log_event(LOG_LEVEL_ERROR, "before_open", "x=%d", 1);
	assert_int_equal(log_open_fd(LOG_LEVEL_WARN, fds[1]), RESULT_OK);
	log_event(LOG_LEVEL_INFO, "info", "x=%d", 1);
	log_event(LOG_LEVEL_DEBUG, "debug", "x=%d", 1);
	log_event(LOG_LEVEL_ERROR, "error", "x=%d", 1);
	log_close();
	log_event(LOG_LEVEL_ERROR, "after_close", "x=%d", 1);
	close(fds[1]);
	read_all(fds[0]);
	close(fds[0]);
	assert_int_equal(count_lines(), 1);
	assert_non_null(strstr(text, "event=error x=1\n"));
}

static void
control_bytes_cannot_make_a_second_line(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(log_open_fd(LOG_LEVEL_INFO, fds[1]), RESULT_OK);
	log_event(LOG_LEVEL_INFO, "odd", "v=%s", "a\nb\tc\rd\x1b[0m\x7f时");
	log_close();
	close(fds[1]);
	read_all(fds[0]);
	close(fds[0]);
	assert_int_equal(count_lines(), 1);
	assert_non_null(strstr(text, "v=a\\nb\\tc\\rd\\x1b[0m\\x7f时\n"));
}

static void
long_line_is_cut_between_characters(void **state)
{
	char value[LOG_LINE_MAX * 2];
	size_t len;
	int fds[2];

	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		memset(value, 'x', sizeof(value));
		for (size_t i = shift; i + 3 < sizeof(value); i += 3)
			memcpy(value + i, "时", 3);
		value[sizeof(value) - 1] = '\0';
		assert_int_equal(pipe(fds), 0);
		assert_int_equal(log_open_fd(LOG_LEVEL_INFO, fds[1]), RESULT_OK);
		log_event(LOG_LEVEL_INFO, "long", "v=%s", value);
		log_close();
		close(fds[1]);
		len = read_all(fds[0]);
		close(fds[0]);
		assert_true(len <= LOG_LINE_MAX && len > LOG_LINE_MAX - 8);
		assert_int_equal(text[len - 1], '\n');
		assert_memory_equal(text + len - 4, "时", 3);
	}
}

static void
full_ring_drops_counts_and_never_waits(void **state)
{
	char filler[400];
	uint64_t begin;
	unsigned told = 0;
	const char *report;
	int fds[2];

	(void)state;
	memset(filler, 'f', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	assert_int_equal(pipe(fds), 0); /* holds 64 KiB, and nobody reads */
	assert_int_equal(log_open_fd(LOG_LEVEL_INFO, fds[1]), RESULT_OK);
	begin = clock_steady_ms();
	for (int i = 0; i < 5 * LOG_RING_LINES; i++)
		log_event(LOG_LEVEL_INFO, "flood", "i=%d v=%s", i, filler);
	assert_true(clock_steady_ms() - begin < 1000);
	assert_true(log_dropped() > LOG_RING_LINES);

	/* A reader comes: what waits is written, and the drops are reported. */
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 500 && told < log_dropped(); i++) {
		unsigned count;

		/* One report, or several: each counts what was dropped since the one before. */
		read_all(fds[0]);
		for (report = text; (report = strstr(report, "event=log_dropped count=")) != NULL;
			report++) {
			assert_int_equal(sscanf(report, "event=log_dropped count=%u", &count), 1);
			told += count;
		}
		usleep(10000);
	}
	assert_int_equal(told, log_dropped());
	log_close();
	close(fds[0]);
	close(fds[1]);
}

static void
close_gives_up_on_a_reader_that_stands_still(void **state)
{
	char filler[400];
	uint64_t begin;
	int fds[2];

	(void)state;
	memset(filler, 'f', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(log_open_fd(LOG_LEVEL_INFO, fds[1]), RESULT_OK);
	for (int i = 0; i < LOG_RING_LINES; i++)
		log_event(LOG_LEVEL_INFO, "flood", "i=%d v=%s", i, filler);
	begin = clock_steady_ms();
	log_close();
	assert_true(clock_steady_ms() - begin <= LOG_DRAIN_MS + 1000);
	close(fds[0]);
	close(fds[1]);
}

static void
reader_that_went_away_does_not_end_the_process(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(log_open_fd(LOG_LEVEL_INFO, fds[1]), RESULT_OK);
	for (int i = 0; i < 100; i++)
		log_event(LOG_LEVEL_INFO, "nobody", "i=%d", i);
	log_close();
	close(fds[1]);
}

static void *
log_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		log_event(LOG_LEVEL_INFO, "many", "i=%d", i);
	return NULL;
}

static void
threads_may_log_at_once(void **state)
{
	pthread_t threads[4];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(log_open_fd(LOG_LEVEL_INFO, fds[1]), RESULT_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	log_close();
	close(fds[1]);
	read_all(fds[0]);
	close(fds[0]);
	assert_int_equal(count_lines(), 400);
}

static void
level_names_are_read_back(void **state)
{
	enum log_level level;

	(void)state;
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		assert_int_equal(log_level_parse(log_level_name((enum log_level)i), &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(log_level_parse("verbose", &level), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_comes_out_as_one_logfmt_line),
		cmocka_unit_test(levels_above_the_chosen_one_are_silent),
		cmocka_unit_test(control_bytes_cannot_make_a_second_line),
		cmocka_unit_test(long_line_is_cut_between_characters),
		cmocka_unit_test(full_ring_drops_counts_and_never_waits),
		cmocka_unit_test(close_gives_up_on_a_reader_that_stands_still),
		cmocka_unit_test(reader_that_went_away_does_not_end_the_process),
		cmocka_unit_test(threads_may_log_at_once),
		cmocka_unit_test(level_names_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
