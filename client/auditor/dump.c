#include "client/auditor/dump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static int
path_new(char out[PATH_SIZE], const char *path)
{
	int n = snprintf(out, PATH_SIZE, "%s.new", path);

	return n > 0 && n < PATH_SIZE ? 0 : -1;
}

void
dump_begin(struct dump *d, const char *path, bool writing)
{
	char temp[PATH_SIZE];
	struct stat st;

	*d = (struct dump){.writing = writing, .hash = sha256_new()};
	if (!writing)
		d->file = fopen(path, "rbe");
	else if (path_new(temp, path) == 0)
		d->file = fopen(temp, "wbe");
	if (d->file == NULL || (!writing && fstat(fileno(d->file), &st) != 0))
		d->err = RESULT_IO;
	else if (!writing)
		d->left = (uint64_t)st.st_size;
}

void
dump_bytes(struct dump *d, void *p, size_t n)
{
	if (d->err != RESULT_OK || n == 0)
		return;
	if (d->writing ? fwrite(p, 1, n, d->file) != n : fread(p, 1, n, d->file) != n) {
		d->err = d->writing || ferror(d->file) ? RESULT_IO : RESULT_CORRUPT;
		return;
	}
	d->left -= d->writing || n > d->left ? 0 : n;
	sha256_update(d->hash, p, n);
}

void
dump_same(struct dump *d, const void *p, size_t n)
{
	uint8_t *copy = malloc(n + 1);

	if (copy == NULL) {
		d->err = RESULT_NO_MEMORY;
		return;
	}
	memcpy(copy, p, n);
	dump_bytes(d, copy, n);
	if (d->err == RESULT_OK && memcmp(copy, p, n) != 0)
		d->err = RESULT_CORRUPT;
	free(copy);
}

void
dump_count(struct dump *d, size_t *n, size_t most)
{
	uint64_t v = *n;

	dump_bytes(d, &v, sizeof(v));
	if (d->err == RESULT_OK && !d->writing && v > most)
		d->err = RESULT_CORRUPT;
	*n = d->err == RESULT_OK ? (size_t)v : 0;
}

void
dump_many(struct dump *d, size_t *n, size_t each)
{
	dump_count(d, n, d->writing || d->left < sizeof(uint64_t) ? 0 : (d->left - sizeof(uint64_t)) / each);
}

/* The hash at the end, which is not in itself. */
static void
hash_end(struct dump *d)
{
	uint8_t hash[HASH_LEN], stored[HASH_LEN];

	sha256_final(d->hash, hash);
	if (d->err != RESULT_OK)
		return;
	if (d->writing) {
		if (fwrite(hash, 1, HASH_LEN, d->file) != HASH_LEN || fflush(d->file) != 0 ||
		    fsync(fileno(d->file)) != 0)
			d->err = RESULT_IO;
	} else if (fread(stored, 1, HASH_LEN, d->file) != HASH_LEN ||
		   memcmp(hash, stored, HASH_LEN) != 0 || fgetc(d->file) != EOF) {
		d->err = RESULT_CORRUPT;
	}
}

enum result
dump_end(struct dump *d, const char *path)
{
	char temp[PATH_SIZE];

	hash_end(d);
	sha256_free(d->hash);
	if (d->file != NULL && fclose(d->file) != 0 && d->err == RESULT_OK)
		d->err = RESULT_IO;
	if (!d->writing || path_new(temp, path) != 0)
		return d->err;
	if (d->err == RESULT_OK && rename(temp, path) != 0)
		d->err = RESULT_IO;
	if (d->err != RESULT_OK)
		unlink(temp);
	return d->err;
}
