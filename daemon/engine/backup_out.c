#include "daemon/engine/backup_out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/check.h"

/* Of a tar stream (POSIX.1 ustar). */
#define TAR_BLOCK 512

static enum result
write_result(void)
{
	return errno == ENOSPC || errno == EDQUOT ? RESULT_DISK_FULL : RESULT_IO;
}

static enum result
write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return write_result();
		at += n;
		len -= (size_t)n;
	}
	return RESULT_OK;
}

enum result
backup_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum result err = fd >= 0 && fsync(fd) == 0 ? RESULT_OK : RESULT_IO;

	if (fd >= 0)
		close(fd);
	return err;
}

enum result
out_open(struct backup_out *o, const char *to, struct manifest *manifest)
{
	struct stat st;
	int n;

	memset(o, 0, sizeof(*o));
	o->to = to;
	o->manifest = manifest;
	if ((o->buf = malloc(BACKUP_FILE_MAX)) == NULL)
		return RESULT_NO_MEMORY;
	if (to == NULL)
		return RESULT_OK;
	if (lstat(to, &st) == 0)
		return RESULT_EXISTS;
	n = snprintf(o->fresh, sizeof(o->fresh), "%s.partial-XXXXXX", to);
	if (n < 0 || (size_t)n >= sizeof(o->fresh))
		return RESULT_OVERFLOW;
	if (mkdtemp(o->fresh) == NULL) {
		o->fresh[0] = 0;
		return write_result();
	}
	return RESULT_OK;
}

static enum result
folder_file(const struct backup_out *o, const char *name, const void *bytes, size_t len)
{
	char path[ENGINE_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", o->fresh, name), fd;
	enum result err;

	if (n < 0 || (size_t)n >= sizeof(path))
		return RESULT_OVERFLOW;
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return write_result();
	err = write_all(fd, bytes, len);
	if (err == RESULT_OK && fsync(fd) != 0)
		err = write_result();
	if (close(fd) != 0 && err == RESULT_OK)
		err = write_result();
	return err;
}

static enum result
tar_file(const char *name, const void *bytes, size_t len)
{
	static const uint8_t zeros[TAR_BLOCK];
	char head[TAR_BLOCK + 1] = {0};
	unsigned sum = 0;
	enum result err;

	CHECK(strlen(name) < 100);
	memcpy(head, name, strlen(name));
	snprintf(head + 100, 8, "%07o", 0600u);
	snprintf(head + 108, 8, "%07o", 0u);
	snprintf(head + 116, 8, "%07o", 0u);
	snprintf(head + 124, 12, "%011zo", len);
	snprintf(head + 136, 12, "%011llo", (unsigned long long)(clock_now_us() / 1000000) & 077777777777ull);
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\0" "00", 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (uint8_t)head[i];
	snprintf(head + 148, 7, "%06o", sum & 0777777);
	if ((err = write_all(STDOUT_FILENO, head, TAR_BLOCK)) != RESULT_OK ||
	    (err = write_all(STDOUT_FILENO, bytes, len)) != RESULT_OK)
		return err;
	return write_all(STDOUT_FILENO, zeros, (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK);
}

enum result
out_file(struct backup_out *o, const char *name, const void *bytes, size_t len, int listed)
{
	enum result err = listed ? manifest_add(o->manifest, name, bytes, len) : RESULT_OK;

	if (err == RESULT_OK)
		err = o->to != NULL ? folder_file(o, name, bytes, len) : tar_file(name, bytes, len);
	o->bytes += len;
	return err;
}

enum result
out_flush(struct backup_out *o)
{
	char name[BACKUP_NAME_SIZE];
	size_t len = o->len;

	o->len = 0;
	if (len == 0)
		return RESULT_OK;
	snprintf(name, sizeof(name), "%s-%05u", o->kind, ++o->n);
	return out_file(o, name, o->buf, len, 1);
}

enum result
out_record(struct backup_out *o, const char *kind, size_t len, uint8_t **record)
{
	enum result err;

	CHECK(len <= BACKUP_FILE_MAX);
	if (o->len + len > BACKUP_FILE_MAX || o->kind != kind) {
		if ((err = out_flush(o)) != RESULT_OK)
			return err;
		if (o->kind != kind)
			o->n = 0;
		o->kind = kind;
	}
	*record = o->buf + o->len;
	o->len += len;
	return RESULT_OK;
}

/* The folder that the path stands in. */
static enum result
sync_parent(const char *path)
{
	char parent[ENGINE_PATH_MAX];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = 0;
	slash = strrchr(parent, '/');
	if (slash == NULL)
		return backup_sync_folder(".");
	slash[slash == parent] = 0;
	return backup_sync_folder(parent);
}

enum result
out_finish(struct backup_out *o)
{
	static const uint8_t zeros[2 * TAR_BLOCK];
	enum result err;

	if (o->to == NULL)
		return write_all(STDOUT_FILENO, zeros, sizeof(zeros));
	if ((err = backup_sync_folder(o->fresh)) != RESULT_OK)
		return err;
	/* Only an empty folder is ever replaced by a folder. */
	if (rename(o->fresh, o->to) != 0)
		return errno == ENOTEMPTY || errno == EEXIST ? RESULT_EXISTS : write_result();
	o->fresh[0] = 0;
	return sync_parent(o->to);
}

void
out_close(struct backup_out *o)
{
	DIR *dir = o->fresh[0] == 0 ? NULL : opendir(o->fresh);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL) {
		closedir(dir);
		(void)rmdir(o->fresh);
	}
	free(o->buf);
	o->buf = NULL;
}
