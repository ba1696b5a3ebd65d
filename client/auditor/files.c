#include "client/auditor/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static int
path_join(char out[PATH_SIZE], const char *dir, const char *name, const char *more)
{
	int n = dir == NULL ? snprintf(out, PATH_SIZE, "%s%s", name, more)
			    : snprintf(out, PATH_SIZE, "%s/%s%s", dir, name, more);

	if (n > 0 && n < PATH_SIZE)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* Opens a regular file; *out is below 0 where there is none. */
static enum result
open_regular(const char *path, int *out)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*out = fd;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ENXIO ? RESULT_OK : RESULT_IO;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return RESULT_OK;
	close(fd);
	*out = -1;
	return RESULT_OK;
}

/* Reads to the end of the file, or until `size` bytes are there. */
static enum result
read_all(int fd, uint8_t *out, size_t size, size_t *n)
{
	*n = 0;
	while (*n < size) {
		ssize_t got = read(fd, out + *n, size - *n);

		if (got == 0)
			return RESULT_OK;
		if (got > 0)
			*n += (size_t)got;
		else if (errno != EINTR)
			return RESULT_IO;
	}
	return RESULT_OK;
}

enum result
files_read(const char *dir, const char *name, void *out, size_t size, size_t *n)
{
	char path[PATH_SIZE];
	enum result err;
	int fd, error;

	*n = 0;
	if (path_join(path, dir, name, "") != 0 || open_regular(path, &fd) != RESULT_OK)
		return RESULT_IO;
	if (fd < 0)
		return RESULT_NOT_FOUND;
	err = read_all(fd, out, size, n);
	error = errno;
	close(fd);
	errno = error;
	/* The byte that the NUL takes tells whether the file is longer. */
	if (err == RESULT_OK && *n == size) {
		err = RESULT_OVERFLOW;
		--*n;
	}
	((char *)out)[*n] = '\0';
	return err;
}

/* ---- writing ---- */

/* Makes the folders of `path` from its `from`-th character on. */
static int
folders_make(char *path, size_t from)
{
	for (char *slash = strchr(path + from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int rc;

		*slash = '\0';
		rc = mkdir(path, 0777);
		*slash = '/';
		if (rc != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int
folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_SIZE];
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	int fd, rc;

	memcpy(folder, path, n);
	if (n == 0)
		folder[n++] = slash == NULL ? '.' : '/';
	folder[n] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int
write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t did = write(fd, p, n);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return -1;
		p += did;
		n -= (size_t)did;
	}
	return fsync(fd);
}

enum result
files_write(const char *dir, const char *name, const void *p, size_t n)
{
	char path[PATH_SIZE], temp[PATH_SIZE];
	int fd, rc, error;

	if (path_join(path, dir, name, "") != 0 || path_join(temp, dir, name, ".new") != 0 ||
	    (dir != NULL && folders_make(path, strlen(dir) + 1) != 0))
		return RESULT_IO;
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return RESULT_IO;
	rc = write_all(fd, p, n);
	if (close(fd) == 0 && rc == 0 && rename(temp, path) == 0 && folder_sync(path) == 0)
		return RESULT_OK;
	error = errno;
	unlink(temp);
	errno = error;
	return RESULT_IO;
}

void
files_remove(const char *dir, const char *name)
{
	char path[PATH_SIZE];
	char *slash;

	if (path_join(path, dir, name, "") != 0)
		return;
	unlink(path);
	slash = strrchr(path, '/');
	*slash = '\0';
	rmdir(path);
}

/* ---- reading a level ---- */

void
tiles_begin(struct tiles *t, const char *dir, int level, uint64_t size)
{
	*t = (struct tiles){.dir = dir, .level = level, .size = size};
}

void
tiles_end(struct tiles *t)
{
	if (t->file != NULL)
		fclose(t->file);
	t->file = NULL;
}

void
tiles_skip(struct tiles *t)
{
	tiles_end(t);
	t->n++;
}

/* The widest partial tile in the folder; 0 where there is none. */
static unsigned
widest(const struct tiles *t)
{
	char name[TILE_PATH_SIZE], path[PATH_SIZE];
	struct dirent *e;
	unsigned best = 0;
	DIR *d;

	tile_path(name, sizeof(name), t->level, t->n, TILE_WIDTH);
	if (path_join(path, t->dir, name, ".p") != 0 || (d = opendir(path)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		char *end;
		unsigned long w = strtoul(e->d_name, &end, 10);

		if (*end == '\0' && w > best && w < TILE_WIDTH && e->d_name[0] != '0')
			best = (unsigned)w;
	}
	closedir(d);
	return best;
}

static enum result
open_width(struct tiles *t, unsigned width)
{
	char name[TILE_PATH_SIZE], path[PATH_SIZE];
	int fd;

	tile_path(name, sizeof(name), t->level, t->n, width);
	if (path_join(path, t->dir, name, "") != 0 || open_regular(path, &fd) != RESULT_OK)
		return RESULT_IO;
	if (fd < 0 || (t->file = fdopen(fd, "rb")) != NULL)
		return RESULT_OK;
	close(fd);
	return RESULT_IO;
}

/* Opens the next tile: of the width that the size tells, else full, else the widest that is there;
 * RESULT_NOT_FOUND where the level ends. */
static enum result
open_next(struct tiles *t)
{
	uint64_t left = t->size == FILES_SIZE_UNKNOWN ? TILE_WIDTH : t->size - t->n * TILE_WIDTH;
	unsigned width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
	enum result err;

	tiles_end(t);
	if (t->n >= UINT64_MAX / TILE_WIDTH || t->n * TILE_WIDTH >= t->size)
		return RESULT_NOT_FOUND;
	err = open_width(t, width);
	if (err == RESULT_OK && t->file == NULL && width != TILE_WIDTH)
		err = open_width(t, TILE_WIDTH);
	if (err == RESULT_OK && t->file == NULL && (width = widest(t)) != 0)
		err = open_width(t, width);
	if (err == RESULT_OK && t->file == NULL)
		err = RESULT_NOT_FOUND;
	t->n++;
	return err;
}

enum result
tiles_entry(struct tiles *t, uint8_t *buf, size_t *n)
{
	enum result err;
	int high, low;

	while (t->file == NULL || (high = fgetc(t->file)) == EOF) {
		if (t->file != NULL && ferror(t->file))
			return RESULT_IO;
		if ((err = open_next(t)) != RESULT_OK)
			return err;
	}
	if ((low = fgetc(t->file)) == EOF)
		return ferror(t->file) ? RESULT_IO : RESULT_BAD_FRAME;
	*n = (size_t)high << 8 | (size_t)low;
	if (*n == 0 || fread(buf, 1, *n, t->file) != *n)
		return ferror(t->file) ? RESULT_IO : RESULT_BAD_FRAME;
	return RESULT_OK;
}

enum result
tiles_hash(struct tiles *t, uint8_t out[32])
{
	size_t have = 0;
	enum result err;

	while (have < 32) {
		size_t got = t->file == NULL ? 0 : fread(out + have, 1, 32 - have, t->file);

		have += got;
		if (got != 0)
			continue;
		if (t->file != NULL && ferror(t->file))
			return RESULT_IO;
		if ((err = open_next(t)) != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}
