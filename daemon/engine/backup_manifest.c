/* The manifest of a backup (backup.h): written, read, signed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/engine/backup_int.h"

#define PREFIX "timebox/backup/v1\n"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

enum result
manifest_add(struct manifest *m, const char *name, const void *bytes, size_t len)
{
	struct backup_file *more = realloc(m->files, (m->n_files + 1) * sizeof(*more));

	if (more == NULL)
		return RESULT_NO_MEMORY;
	m->files = more;
	more += m->n_files++;
	snprintf(more->name, sizeof(more->name), "%s", name);
	more->size = len;
	sha256(bytes, len, more->sha);
	return RESULT_OK;
}

/* ---- days ---- */

#define DAY_S 86400

int32_t
backup_day(uint64_t at_us, int32_t zone_minutes)
{
	return (int32_t)(((int64_t)(at_us / 1000000) + (int64_t)zone_minutes * 60) / DAY_S);
}

void
backup_day_text(int32_t day, char out[BACKUP_DAY_SIZE])
{
	time_t seconds = (time_t)day * DAY_S;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(out, BACKUP_DAY_SIZE, "%Y-%m-%d", &tm) == 0)
		out[0] = 0;
}

/* Only the very text that the day has. */
static int
day_of(const char *text, int32_t *out)
{
	char again[BACKUP_DAY_SIZE];
	struct tm tm = {0};

	if (strptime(text, "%Y-%m-%d", &tm) == NULL)
		return -1;
	*out = (int32_t)(timegm(&tm) / DAY_S);
	backup_day_text(*out, again);
	return *out > 0 && strcmp(text, again) == 0 ? 0 : -1;
}

/* ---- writing ---- */

static void
write_lines(FILE *file, const struct manifest *m)
{
	char prev[65], leaf[65], sha[65], day[BACKUP_DAY_SIZE];

	hex_encode(prev, sizeof(prev), m->prev, 32);
	hex_encode(leaf, sizeof(leaf), m->leaf, 32);
	fprintf(file,
	    PREFIX "timebox-backup 1\ntool %s\norigin %s\nfrom %" PRIu64 "\nto %" PRIu64
		   "\nprev %s\nleaf %s\npeople %d\nkeys %d\n",
	    m->tool, m->origin, m->from, m->to, prev, leaf, m->people, m->keys);
	backup_day_text(m->keep_until_day, day);
	if (m->keep_until_day != 0)
		fprintf(file, "keep-until %s\n", day);
	for (size_t i = 0; i < m->n_files; i++) {
		hex_encode(sha, sizeof(sha), m->files[i].sha, 32);
		fprintf(file, "file %s %" PRIu64 " %s\n", m->files[i].name, m->files[i].size, sha);
	}
}

enum result
manifest_write(const struct manifest *m, const uint8_t seed[SEED_LEN], char **out, size_t *len)
{
	char hex[2 * SIG_LEN + 1], *text = NULL;
	uint8_t signature[SIG_LEN];
	size_t n = 0;
	FILE *file = open_memstream(&text, &n);
	enum result err = RESULT_NO_MEMORY;

	if (file == NULL)
		return err;
	write_lines(file, m);
	if (fflush(file) == 0 &&
	    (err = ed25519_sign(seed, text, n, signature)) == RESULT_OK) {
		hex_encode(hex, sizeof(hex), signature, SIG_LEN);
		fprintf(file, "signature %s\n", hex);
	}
	if (fclose(file) != 0 && err == RESULT_OK)
		err = RESULT_NO_MEMORY;
	if (err != RESULT_OK) {
		free(text);
		return err;
	}
	/* The prefix is signed, and not in the file. */
	*len = n - PREFIX_LEN;
	memmove(text, text + PREFIX_LEN, *len);
	*out = text;
	return RESULT_OK;
}

/* ---- reading ---- */

/* What follows `word` and a blank on the next line, ended by a NUL in the newline's place; NULL if the line is another. */
static char *
line_of(char **at, const char *word)
{
	size_t n = strlen(word);
	char *line = *at, *end = strchr(line, '\n');

	if (end == NULL || strncmp(line, word, n) != 0 || line[n] != ' ')
		return NULL;
	*end = 0;
	*at = end + 1;
	return line + n + 1;
}

static int
number(const char *text, uint64_t *out)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	*out = strtoull(text, &end, 10);
	return *end == 0 && *out <= TREE_SIZE_MAX ? 0 : -1;
}

static int
flag(const char *text, int *out)
{
	uint64_t n;

	if (number(text, &n) != 0 || n > 1)
		return -1;
	*out = (int)n;
	return 0;
}

static int
hash(const char *text, uint8_t *out, size_t len)
{
	return text != NULL && hex_decode(out, len, text, strlen(text)) == RESULT_OK ? 0 : -1;
}

static int
word(const char *text, char *out, size_t size)
{
	if (text == NULL || strlen(text) >= size)
		return -1;
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

/* "NAME BYTES SHA": a name of ours, not a path. */
static int
file_of(struct manifest *m, char *text)
{
	char *size = strchr(text, ' '), *sha = size == NULL ? NULL : strchr(size + 1, ' ');
	struct backup_file file, *more;

	if (sha == NULL)
		return -1;
	*size = *sha = 0;
	if (*text == 0 || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] != 0 ||
	    word(text, file.name, sizeof(file.name)) != 0 || number(size + 1, &file.size) != 0 ||
	    file.size > BACKUP_FILE_MAX || hash(sha + 1, file.sha, 32) != 0)
		return -1;
	if ((more = realloc(m->files, (m->n_files + 1) * sizeof(*more))) == NULL)
		return -1;
	m->files = more;
	m->files[m->n_files++] = file;
	return 0;
}

static int
read_lines(struct manifest *m, char *at)
{
	char *line, *start = at;
	uint64_t version;

	if (number(line_of(&at, "timebox-backup"), &version) != 0 || version != 1 ||
	    word(line_of(&at, "tool"), m->tool, sizeof(m->tool)) != 0 ||
	    word(line_of(&at, "origin"), m->origin, sizeof(m->origin)) != 0 ||
	    number(line_of(&at, "from"), &m->from) != 0 || number(line_of(&at, "to"), &m->to) != 0 ||
	    hash(line_of(&at, "prev"), m->prev, 32) != 0 || hash(line_of(&at, "leaf"), m->leaf, 32) != 0 ||
	    flag(line_of(&at, "people"), &m->people) != 0 || flag(line_of(&at, "keys"), &m->keys) != 0)
		return -1;
	if ((line = line_of(&at, "keep-until")) != NULL && day_of(line, &m->keep_until_day) != 0)
		return -1;
	while ((line = line_of(&at, "file")) != NULL)
		if (file_of(m, line) != 0)
			return -1;
	m->text_len = PREFIX_LEN + (size_t)(at - start);
	if (hash(line_of(&at, "signature"), m->signature, SIG_LEN) != 0 || *at != 0)
		return -1;
	return m->from == 0 || m->from > m->to + 1 ? -1 : 0;
}

enum result
manifest_read(struct manifest *m, const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	int rc = -1;

	memset(m, 0, sizeof(*m));
	m->text = malloc(PREFIX_LEN + len + 1);
	if (copy != NULL && m->text != NULL && memchr(text, 0, len) == NULL) {
		memcpy(m->text, PREFIX, PREFIX_LEN);
		memcpy(m->text + PREFIX_LEN, text, len);
		memcpy(copy, text, len);
		copy[len] = 0;
		rc = read_lines(m, copy);
	}
	free(copy);
	return rc == 0 ? RESULT_OK : RESULT_BAD_FIELD;
}

enum result
manifest_verify(const struct manifest *m, const uint8_t pub[KEY_LEN])
{
	return ed25519_verify(pub, m->text, m->text_len, m->signature);
}

void
manifest_free(struct manifest *m)
{
	free(m->files);
	free(m->text);
	memset(m, 0, sizeof(*m));
}
