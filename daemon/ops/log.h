/*
 * The log: one logfmt line per event on stderr.
 *
 *   time=2024-05-01T08:00:00.123456Z level=info event=conn_open conn=17 peer=127.0.0.1:40112
 *
 * Never blocks its caller: a line goes into a bounded ring, and a thread writes it out. When the
 * ring is full the line is dropped, and counted; the count is reported as `event=log_dropped
 * count=N` once there is room. A line longer than LOG_LINE_MAX is cut. Control bytes come out as
 * \n, \t, \r or \xNN, so that one event is always one line.
 *
 * No name, phone, card number, place text, code or PIN is ever passed to log_event: ids and result
 * names only.
 */
#ifndef TIMEBOX_OPS_LOG_H
#define TIMEBOX_OPS_LOG_H

#include "proto/codes.h"

#include <stdint.h>

#define LOG_LINE_MAX 512  /* bytes of a line with its newline */
#define LOG_RING_LINES 1024 /* lines waiting at most */
#define LOG_DRAIN_MS 1000 /* how long log_close waits for the writer */

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * Starts the writer thread on stderr; lines above `level` are not written. Call once, after any
 * daemonising fork. RESULT_INTERNAL if the thread cannot be made.
 */
MUST_CHECK enum result log_open(enum log_level level);

/* The same on another descriptor, which stays the caller's and must outlive log_close. */
MUST_CHECK enum result log_open_fd(enum log_level level, int fd);

/* Writes out what waits, for at most LOG_DRAIN_MS, and stops the writer. Harmless when not open. */
void log_close(void);

/*
 * Logs one event from any thread. `event` is a word of [a-z0-9_]; `fmt` gives the other pairs in
 * logfmt ("conn=%llu reason=%s"; quote values that may hold blanks: why=\"%s\"), or "" for none.
 * Before log_open and after log_close the line is discarded.
 */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Lines dropped since log_open because the ring was full. */
uint64_t log_dropped(void);

/* "error", "warn", "info" or "debug", static. */
const char *log_level_name(enum log_level level);

/* Reads a level's name into *out; 0, or -1 for an unknown name. */
MUST_CHECK int log_level_parse(const char *name, enum log_level *out);

#endif
