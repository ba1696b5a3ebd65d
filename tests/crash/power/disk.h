/*
 * What a recording says the disk may hold: the bytes and names that are durable, and the operations
 * since, each of which may or may not have reached it.
 */
#ifndef TIMEBOX_TESTS_CRASH_POWER_DISK_H
#define TIMEBOX_TESTS_CRASH_POWER_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "tests/crash/power/log.h"

#define DISK_FILES_MAX	 4096
#define DISK_NAMES_MAX	 64
#define DISK_PENDING_MAX 65536
#define DISK_SYNCS_MAX	 64

struct disk_file {
	uint8_t *bytes;
	size_t len, cap;
};

/* A name; file -1 is a folder. */
struct disk_name {
	char path[POWER_PATH_MAX];
	int file;
};

/* Reaches the disk whole or not at all: at most a page of a write, or a change of a name. */
struct disk_op {
	enum power_kind kind;
	int file;
	/* It is durable. */
	int must;
	/* Of the record it comes from. */
	uint32_t number;
	size_t event;
	uint64_t offset;
	const uint8_t *bytes;
	size_t len;
	char path[POWER_PATH_MAX], to[POWER_PATH_MAX];
};

struct disk_sync {
	uint32_t number;
	size_t ops_before;
	int file;
	char folder[POWER_PATH_MAX];
};

struct disk {
	/* As the processes saw it: which file a name is. */
	struct disk_name seen[DISK_NAMES_MAX];
	size_t n_seen;
	struct disk_name names[DISK_NAMES_MAX];
	size_t n_names;
	struct disk_file files[DISK_FILES_MAX];
	size_t n_files;
	struct disk_op ops[DISK_PENDING_MAX];
	size_t n_ops;
	struct disk_sync syncs[DISK_SYNCS_MAX];
	size_t n_syncs;
};

/* One state that the disk could be in; reused from state to state. */
struct disk_image {
	struct disk_name names[DISK_NAMES_MAX];
	size_t n_names;
	struct disk_file files[DISK_FILES_MAX];
};

/* Takes the event-th record in. */
void disk_take(struct disk *d, const struct power_head *head, const char *path, const uint8_t *bytes, size_t event);

/* The durable part and every operation i with chosen[i] (what is durable is taken in any case); of the
 * last operation only the bytes from `torn_from` to before `torn_to`, if torn_to is not 0. */
void disk_image(struct disk_image *out, const struct disk *d, const uint8_t *chosen, size_t torn_from, size_t torn_to);

/* A hash of names and bytes. */
uint64_t disk_image_hash(const struct disk_image *image);

/* Writes the image into the empty folder. */
void disk_image_write(const struct disk_image *image, const char *folder);

#endif
