/* Where a backup is written: a folder that gets its name last, or a tar stream. Private to the engine. */
#ifndef TIMEBOX_ENGINE_BACKUP_OUT_H
#define TIMEBOX_ENGINE_BACKUP_OUT_H

#include "daemon/engine/backup_int.h"

struct backup_out {
	/* The folder's name while it is made, and its own; unused for a stream. */
	char fresh[ENGINE_PATH_MAX];
	const char *to;
	struct manifest *manifest;
	/* Records that wait for their file, its kind ("entries"), and how many of that kind were written. */
	uint8_t *buf;
	size_t len;
	const char *kind;
	unsigned n;
	uint64_t bytes;
};

/* `to` as in backup_ask; files are noted in the manifest. Close it in any case. */
MUST_CHECK enum result out_open(struct backup_out *o, const char *to, struct manifest *manifest);
/* A file as a whole. */
MUST_CHECK enum result out_file(
    struct backup_out *o, const char *name, const void *bytes, size_t len, int listed);
/* Room for a record of `len` bytes in the files of this kind; valid until the next call. */
MUST_CHECK enum result out_record(
    struct backup_out *o, const char *kind, size_t len, uint8_t **record);
/* Writes what waits. */
MUST_CHECK enum result out_flush(struct backup_out *o);
/* All was written: makes it durable and gives the folder its name. */
MUST_CHECK enum result out_finish(struct backup_out *o);
/* Removes what has no name yet. */
void out_close(struct backup_out *o);

#endif
