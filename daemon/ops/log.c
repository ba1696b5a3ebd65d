/*
 * The ring and its writer.
 *
 *	log_event --copy--> [line][line][line]... --batch--> writer thread --write(2)--> fd
 *
 * The lock is held for a copy of at most LOG_BATCH bytes, never over a write, so that a reader of
 * stderr who stands still stops the writer only. The writer waits with poll and writes at most
 * LOG_BATCH bytes (PIPE_BUF: what a pipe that polls writable takes without blocking), so that
 * log_close ends in time; a writer that a stopped terminal holds all the same is left behind.
 */
#include "daemon/ops/log.h"

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_BATCH  4096
#define LOG_WAIT_MS 100
#define LOG_JOIN_MS (LOG_DRAIN_MS + 5 * LOG_WAIT_MS)

_Static_assert(LOG_LINE_MAX <= LOG_BATCH, "a line must fit a batch");

struct line {
	uint16_t len;
	char text[LOG_LINE_MAX];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more; /* a line came, or stopping was set */
	pthread_t writer;
	int open;
	int stopping;
	int fd;
	enum log_level level;
	unsigned head, count; /* oldest line, and how many wait */
	uint64_t dropped, dropped_told;
	uint64_t give_up_ms; /* steady clock; set when stopping */
	struct line ring[LOG_RING_LINES];
} logger = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
};

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};
#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

const char *
log_level_name(enum log_level level)
{
	CHECK((unsigned)level < LEVELS);
	return level_names[level];
}

int
log_level_parse(const char *name, enum log_level *out)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

/* Appends one byte in its escaped form; returns the new length, or `len` if it does not fit. */
static size_t
line_put(char *out, size_t size, size_t len, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	char text[4] = { '\\', 0, 0, 0 };
	size_t need = 2;

	if (byte >= 0x20 && byte != 0x7f) {
		text[0] = (char)byte;
		need = 1;
	} else if (byte == '\n') {
		text[1] = 'n';
	} else if (byte == '\t') {
		text[1] = 't';
	} else if (byte == '\r') {
		text[1] = 'r';
	} else {
		text[1] = 'x';
		text[2] = hex[byte >> 4];
		text[3] = hex[byte & 15];
		need = 4;
	}
	if (need > size - len)
		return len;
	memcpy(out + len, text, need);
	return len + need;
}

/* Cuts a UTF-8 character that the end of a full line divided. */
static size_t
line_trim(const char *text, size_t len)
{
	size_t start = len;
	size_t back = 0;

	while (start > 0 && back < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
		start--;
		back++;
	}
	if (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0xc0) {
		unsigned char lead = (unsigned char)text[start - 1];
		size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;

		return back < want ? start - 1 : len;
	}
	return len;
}

/* Formats a whole line with its newline into *line. */
static void
line_format(struct line *line, enum log_level level, const char *event, const char *pairs)
{
	const size_t size = LOG_LINE_MAX - 1;
	char time_text[CLOCK_TEXT_SIZE];
	size_t len;
	int n;

	n = snprintf(line->text, size, "time=%s level=%s event=%s",
		     clock_text_utc(clock_now_us(), time_text), log_level_name(level), event);
	CHECK(n > 0);
	len = (size_t)n < size ? (size_t)n : size - 1;
	if (*pairs != '\0')
		len = line_put(line->text, size, len, ' ');
	for (; *pairs != '\0'; pairs++) {
		size_t next = line_put(line->text, size, len, (unsigned char)*pairs);

		if (next == len)
			break;
		len = next;
	}
	if (*pairs != '\0')
		len = line_trim(line->text, len);
	line->text[len++] = '\n';
	line->len = (uint16_t)len;
}

static void __attribute__((format(printf, 3, 4)))
line_make(struct line *line, const char *event, const char *fmt, ...)
{
	char pairs[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(pairs, sizeof(pairs), fmt, args);
	va_end(args);
	line_format(line, LOG_LEVEL_WARN, event, pairs);
}

/* Takes waiting lines into `batch`, as many as fit, behind a report of drops; returns the bytes. */
static size_t
log_take_locked(char batch[LOG_BATCH])
{
	size_t len = 0;

	if (logger.dropped > logger.dropped_told) {
		struct line report;

		line_make(&report, "log_dropped", "count=%llu",
			  (unsigned long long)(logger.dropped - logger.dropped_told));
		logger.dropped_told = logger.dropped;
		memcpy(batch, report.text, report.len);
		len = report.len;
	}
	while (logger.count > 0) {
		const struct line *line = &logger.ring[logger.head];

		if (line->len > LOG_BATCH - len)
			break;
		memcpy(batch + len, line->text, line->len);
		len += line->len;
		logger.head = (logger.head + 1) % LOG_RING_LINES;
		logger.count--;
	}
	return len;
}

/* 1 when log_close has waited long enough. */
static int
log_given_up(void)
{
	int over;

	pthread_mutex_lock(&logger.lock);
	over = logger.stopping && clock_steady_ms() >= logger.give_up_ms;
	pthread_mutex_unlock(&logger.lock);
	return over;
}

/* Writes all of it; -1 if the descriptor is of no more use, or time is up. */
static int
log_write(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		struct pollfd ready = { .fd = fd, .events = POLLOUT };
		ssize_t n;

		if (log_given_up())
			return -1;
		if (poll(&ready, 1, LOG_WAIT_MS) <= 0)
			continue;
		n = write(fd, bytes, len);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
			return -1;
		}
	}
	return 0;
}

/* The writer takes no signals: those are the loop's, and a reader that left is no reason to die. */
static void
log_block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
}

static void *
log_writer(void *arg)
{
	static char batch[LOG_BATCH]; /* there is one writer */

	(void)arg;
	log_block_signals();
	for (;;) {
		size_t len;
		int fd;

		pthread_mutex_lock(&logger.lock);
		while (logger.count == 0 && logger.dropped == logger.dropped_told &&
		       !logger.stopping)
			pthread_cond_wait(&logger.more, &logger.lock);
		len = log_take_locked(batch);
		fd = logger.fd;
		pthread_mutex_unlock(&logger.lock);
		if (len == 0)
			return NULL; /* stopping, and nothing waits */
		/* A failed write loses its batch: there is nobody left to tell. */
		if (log_write(fd, batch, len) != 0 && log_given_up())
			return NULL;
	}
}

enum result
log_open(enum log_level level)
{
	return log_open_fd(level, STDERR_FILENO);
}

enum result
log_open_fd(enum log_level level, int fd)
{
	CHECK(!logger.open);
	logger.level = level;
	logger.fd = fd;
	logger.stopping = 0;
	logger.head = logger.count = 0;
	logger.dropped = logger.dropped_told = 0;
	if (pthread_create(&logger.writer, NULL, log_writer, NULL) != 0)
		return RESULT_INTERNAL;
	pthread_mutex_lock(&logger.lock);
	logger.open = 1;
	pthread_mutex_unlock(&logger.lock);
	return RESULT_OK;
}

void
log_close(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t until;

	if (!logger.open)
		return;
	pthread_mutex_lock(&logger.lock);
	logger.open = 0;
	logger.stopping = 1;
	logger.give_up_ms = clock_steady_ms() + LOG_DRAIN_MS;
	pthread_cond_signal(&logger.more);
	pthread_mutex_unlock(&logger.lock);
	until = clock_steady_ms() + LOG_JOIN_MS;
	while (pthread_tryjoin_np(logger.writer, NULL) != 0) {
		if (clock_steady_ms() >= until) {
			pthread_detach(logger.writer);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

void
log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char pairs[LOG_LINE_MAX];
	struct line line;
	va_list args;
	int wanted;

	pthread_mutex_lock(&logger.lock);
	wanted = logger.open && level <= logger.level;
	pthread_mutex_unlock(&logger.lock);
	if (!wanted)
		return;

	va_start(args, fmt);
	if (vsnprintf(pairs, sizeof(pairs), fmt, args) < 0)
		pairs[0] = '\0';
	va_end(args);
	line_format(&line, level, event, pairs);

	pthread_mutex_lock(&logger.lock);
	if (logger.open && logger.count < LOG_RING_LINES) {
		struct line *slot =
			&logger.ring[(logger.head + logger.count) % LOG_RING_LINES];

		slot->len = line.len;
		memcpy(slot->text, line.text, line.len);
		logger.count++;
		pthread_cond_signal(&logger.more);
	} else {
		logger.dropped++;
	}
	pthread_mutex_unlock(&logger.lock);
}

uint64_t
log_dropped(void)
{
	uint64_t dropped;

	pthread_mutex_lock(&logger.lock);
	dropped = logger.dropped;
	pthread_mutex_unlock(&logger.lock);
	return dropped;
}
