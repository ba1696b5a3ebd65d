/*
 * The recording that record.c writes and replay.c reads: records one after the other, as this machine
 * lays them out. Each is a head, the path below the station's folder (for WRITE .. UNLINK), and bytes.
 */
#ifndef TIMEBOX_TESTS_CRASH_POWER_LOG_H
#define TIMEBOX_TESTS_CRASH_POWER_LOG_H

#include <stdint.h>

#define POWER_MAGIC    0x52575054u
#define POWER_PATH_MAX 64

enum power_kind {
	/* A process begins. */
	POWER_START = 1,
	/* Bytes go to `offset`; noted before the call. */
	POWER_WRITE,
	/* The same, and durable once POWER_SYNC_END of the same number follows. */
	POWER_WRITE_THROUGH,
	/* The file is `offset` bytes long from here. */
	POWER_TRUNCATE,
	/* What was noted of this file (or folder) before POWER_SYNC is durable after its POWER_SYNC_END. */
	POWER_SYNC,
	POWER_SYNC_END,
	/* A file or folder that was not there. */
	POWER_CREATE,
	POWER_MKDIR,
	/* The bytes are the new path. */
	POWER_RENAME,
	POWER_UNLINK,
	/* Something left the process. */
	POWER_SENT,
};

struct power_head {
	uint32_t magic;
	uint16_t kind;
	uint16_t path_len;
	uint32_t len;
	/* Pairs POWER_WRITE_THROUGH or POWER_SYNC with its POWER_SYNC_END, within a process. */
	uint32_t number;
	uint64_t offset;
	/* CLOCK_MONOTONIC. */
	uint64_t time_ns;
};
_Static_assert(sizeof(struct power_head) == 32, "no padding");

#endif
