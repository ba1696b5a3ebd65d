/* What the files that make and read backups share. */
#ifndef TIMEBOX_ENGINE_BACKUP_INT_H
#define TIMEBOX_ENGINE_BACKUP_INT_H

#include "daemon/engine/backup.h"
#include "daemon/engine/engine_int.h"

/* Of a file with entries or rows. */
#define BACKUP_FILE_MAX (8u << 20)
#define BACKUP_KEYS_LEN 96
#define BACKUP_NAME_SIZE 32
#define BACKUP_MANIFEST_MAX (16u << 20)

struct backup_file {
	char name[BACKUP_NAME_SIZE];
	uint64_t size;
	uint8_t sha[32];
};

struct manifest {
	char tool[64];
	char origin[NOTE_NAME_SIZE];
	uint64_t from;
	uint64_t to;
	uint8_t prev[32];
	uint8_t leaf[32];
	int people;
	int keys;
	/* Since 1970-01-01; 0: not said. */
	int32_t keep_until_day;
	struct backup_file *files;
	size_t n_files;
	/* As read: what was signed (its prefix included), and the signature. */
	uint8_t *text;
	size_t text_len;
	uint8_t signature[SIG_LEN];
};

/* Adds a file. */
MUST_CHECK enum result manifest_add(
    struct manifest *m, const char *name, const void *bytes, size_t len);
/* The signed text, to be freed. */
MUST_CHECK enum result manifest_write(
    const struct manifest *m, const uint8_t seed[SEED_LEN], char **out, size_t *len);
/* Reads a text; RESULT_BAD_FIELD if it has not the form above. The signature is not looked at. */
MUST_CHECK enum result manifest_read(struct manifest *m, const char *text, size_t len);
MUST_CHECK enum result manifest_verify(const struct manifest *m, const uint8_t pub[KEY_LEN]);
void manifest_free(struct manifest *m);

/* The day of a time, in a zone of so many minutes east of UTC. */
int32_t backup_day(uint64_t at_us, int32_t zone_minutes);

/* Says what went wrong and passes the code on. */
enum result backup_error(struct engine_error *error, enum result err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The zone of the station's days, as entry 1 says; RESULT_CORRUPT for an entry that makes no station. */
MUST_CHECK enum result backup_zone(const uint8_t *entry, size_t len, int32_t *zone_minutes);
MUST_CHECK enum result backup_sync_folder(const char *path);

#endif
