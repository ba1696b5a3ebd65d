/*
 * LD_PRELOAD: notes what the daemon does to the files below POWER_DIR, and when something leaves the
 * process, in the file POWER_LOG. Lock files hold nothing that outlives a power cut and are left out;
 * maps are read-only (the store never writes through them). POWER_LIE says what the disk only pretends:
 * "sync" or "through".
 */
#include "tests/crash/power/log.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FD_MAX 1024

/* What an open file is called below the folder; through: its writes are durable when they return. */
static struct open_file {
	char path[POWER_PATH_MAX];
	int known;
	int through;
} files[FD_MAX];

static char root[PATH_MAX];
static size_t root_len;
static int log_fd = -1;
static int lie_sync, lie_through;
static uint32_t numbers;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) \
	static __typeof__(&name) real; \
	if (real == NULL) \
		*(void **)&real = dlsym(RTLD_NEXT, #name)

static void
lost(const char *why)
{
	fprintf(stderr, "power recorder: %s\n", why);
	abort();
}

static uint32_t
note(enum power_kind kind, const char *path, uint64_t offset, const void *bytes, size_t len, uint32_t number)
{
	static ssize_t (*real_writev)(int, const struct iovec *, int);
	struct power_head head = {.magic = POWER_MAGIC,
	    .kind = (uint16_t)kind,
	    .path_len = (uint16_t)strlen(path),
	    .len = (uint32_t)len,
	    .offset = offset};
	struct iovec iov[3] = {{&head, sizeof(head)}, {NULL, head.path_len}, {NULL, len}};
	struct timespec now;

	if (log_fd < 0)
		return 0;
	memcpy(&iov[1].iov_base, &path, sizeof(path));
	memcpy(&iov[2].iov_base, &bytes, sizeof(bytes));
	pthread_mutex_lock(&mutex);
	if (real_writev == NULL)
		*(void **)&real_writev = dlsym(RTLD_NEXT, "writev");
	clock_gettime(CLOCK_MONOTONIC, &now);
	head.time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	head.number = number != 0 ? number : ++numbers;
	if (real_writev(log_fd, iov, 3) != (ssize_t)(sizeof(head) + head.path_len + len))
		lost("cannot write the recording");
	pthread_mutex_unlock(&mutex);
	return head.number;
}

/* The path below the folder, or NULL: not ours, or a lock file. */
static const char *
inside(const char *path, char out[POWER_PATH_MAX])
{
	char where[PATH_MAX];
	const char *below;

	if (log_fd < 0)
		return NULL;
	if (path[0] == '/')
		snprintf(where, sizeof(where), "%s", path);
	else
		lost("a relative path");
	if (strncmp(where, root, root_len) != 0 || (where[root_len] != '/' && where[root_len] != 0))
		return NULL;
	below = where[root_len] == '/' ? where + root_len + 1 : "";
	if (strcmp(below, "lock") == 0 || strstr(below, "lock.mdb") != NULL)
		return NULL;
	if (strlen(below) >= POWER_PATH_MAX)
		lost("a long path");
	return strcpy(out, below);
}

static int
there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
opened(int fd, const char *path, int flags)
{
	if (fd < 0)
		return;
	if (fd >= FD_MAX)
		lost("too many files");
	snprintf(files[fd].path, sizeof(files[fd].path), "%s", path);
	files[fd].known = 1;
	files[fd].through = (flags & O_DSYNC) != 0 && !lie_through;
}

static const struct open_file *
file_of(int fd)
{
	return fd >= 0 && fd < FD_MAX && files[fd].known ? &files[fd] : NULL;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 ? (mode_t)va_arg(ap, unsigned) : 0;
}

#define OPENING(call) \
	char below[POWER_PATH_MAX]; \
	const char *ours; \
	va_list ap; \
	mode_t mode; \
	int fd; \
\
	va_start(ap, flags); \
	mode = mode_of(flags, ap); \
	va_end(ap); \
	ours = inside(path, below); \
	if (ours != NULL && (flags & O_CREAT) != 0 && !there(path)) \
		note(POWER_CREATE, ours, 0, NULL, 0, 0); \
	if (ours != NULL && (flags & O_TRUNC) != 0) \
		note(POWER_TRUNCATE, ours, 0, NULL, 0, 0); \
	fd = call; \
	if (ours != NULL) \
		opened(fd, ours, flags); \
	return fd

int
open(const char *path, int flags, ...)
{
	REAL(open);
	OPENING(real(path, flags, mode));
}

int
open64(const char *path, int flags, ...)
{
	REAL(open64);
	OPENING(real(path, flags, mode));
}

/* Relative to a folder of ours: the kernel knows the whole path afterwards. */
int
openat(int dir, const char *name, int flags, ...)
{
	char link[64], path[PATH_MAX], below[POWER_PATH_MAX];
	const char *ours;
	va_list ap;
	mode_t mode;
	ssize_t n;
	int fd;
	REAL(openat);

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	if (file_of(dir) != NULL && (flags & (O_CREAT | O_TRUNC)) != 0)
		lost("openat makes a file");
	if ((fd = real(dir, name, flags, mode)) < 0)
		return fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if ((n = readlink(link, path, sizeof(path) - 1)) > 0 && path[0] == '/') {
		path[n] = 0;
		if ((ours = inside(path, below)) != NULL)
			opened(fd, ours, flags);
	}
	return fd;
}

int
close(int fd)
{
	REAL(close);

	if (fd >= 0 && fd < FD_MAX)
		files[fd].known = 0;
	return real(fd);
}

/* ---- what is written ---- */

static uint32_t
writing(int fd, const void *bytes, size_t len, off_t offset)
{
	const struct open_file *file = file_of(fd);

	if (file == NULL)
		return 0;
	return note(file->through ? POWER_WRITE_THROUGH : POWER_WRITE, file->path, (uint64_t)offset, bytes, len, 0);
}

static void
written(int fd, uint32_t number, ssize_t rc)
{
	const struct open_file *file = file_of(fd);

	if (file != NULL && file->through && rc >= 0)
		note(POWER_SYNC_END, file->path, 0, NULL, 0, number);
}

static void
writing_parts(int fd, const struct iovec *iov, int n, off_t offset)
{
	for (int i = 0; i < n; i++) {
		writing(fd, iov[i].iov_base, iov[i].iov_len, offset);
		offset += (off_t)iov[i].iov_len;
	}
}

static void
sending(int fd)
{
	struct stat st;

	if (log_fd >= 0 && fd != STDERR_FILENO && fd != log_fd && fstat(fd, &st) == 0 &&
	    (S_ISSOCK(st.st_mode) || fd == STDOUT_FILENO))
		note(POWER_SENT, "", 0, NULL, 0, 0);
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
	uint32_t number = 0;
	ssize_t rc;
	REAL(write);

	if (file_of(fd) != NULL)
		number = writing(fd, bytes, len, lseek(fd, 0, SEEK_CUR));
	else
		sending(fd);
	rc = real(fd, bytes, len);
	written(fd, number, rc);
	return rc;
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	uint32_t number = writing(fd, bytes, len, offset);
	ssize_t rc;
	REAL(pwrite);

	rc = real(fd, bytes, len, offset);
	written(fd, number, rc);
	return rc;
}

ssize_t
pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
	return pwrite(fd, bytes, len, offset);
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	REAL(writev);

	if (file_of(fd) != NULL) {
		if (file_of(fd)->through)
			lost("writev through");
		writing_parts(fd, iov, n, lseek(fd, 0, SEEK_CUR));
	} else {
		sending(fd);
	}
	return real(fd, iov, n);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	REAL(pwritev);

	if (file_of(fd) != NULL && file_of(fd)->through)
		lost("pwritev through");
	writing_parts(fd, iov, n, offset);
	return real(fd, iov, n, offset);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	REAL(sendmsg);

	sending(fd);
	return real(fd, message, flags);
}

ssize_t
send(int fd, const void *bytes, size_t len, int flags)
{
	REAL(send);

	sending(fd);
	return real(fd, bytes, len, flags);
}

int
ftruncate(int fd, off_t size)
{
	REAL(ftruncate);

	if (file_of(fd) != NULL)
		note(POWER_TRUNCATE, file_of(fd)->path, (uint64_t)size, NULL, 0, 0);
	return real(fd, size);
}

/* A file that grows by zeros; LMDB reads what is beyond the end of the file as never written. */
int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	REAL(fallocate);

	if (file_of(fd) != NULL) {
		if (mode != 0 || offset + len < lseek(fd, 0, SEEK_END))
			lost("fallocate other than at the end");
		note(POWER_TRUNCATE, file_of(fd)->path, (uint64_t)(offset + len), NULL, 0, 0);
	}
	return real(fd, mode, offset, len);
}

int
posix_fallocate(int fd, off_t offset, off_t len)
{
	REAL(posix_fallocate);

	if (file_of(fd) != NULL && offset + len > lseek(fd, 0, SEEK_END))
		note(POWER_TRUNCATE, file_of(fd)->path, (uint64_t)(offset + len), NULL, 0, 0);
	return real(fd, offset, len);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	REAL(mmap);

	if (file_of(fd) != NULL && (prot & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0)
		lost("a file is written through a map");
	return real(at, len, prot, flags, fd, offset);
}

/* ---- what is made durable ---- */

#define SYNCING(call) \
	uint32_t number = 0; \
	int rc; \
\
	if (file_of(fd) != NULL && !lie_sync) \
		number = note(POWER_SYNC, file_of(fd)->path, 0, NULL, 0, 0); \
	rc = call; \
	if (number != 0 && rc == 0) \
		note(POWER_SYNC_END, file_of(fd)->path, 0, NULL, 0, number); \
	return rc

int
fdatasync(int fd)
{
	REAL(fdatasync);
	SYNCING(real(fd));
}

int
fsync(int fd)
{
	REAL(fsync);
	SYNCING(real(fd));
}

/* ---- names ---- */

int
mkdir(const char *path, mode_t mode)
{
	char below[POWER_PATH_MAX];
	const char *ours = inside(path, below);
	REAL(mkdir);

	if (ours != NULL && ours[0] != 0 && !there(path))
		note(POWER_MKDIR, ours, 0, NULL, 0, 0);
	return real(path, mode);
}

int
rename(const char *from, const char *to)
{
	char below[POWER_PATH_MAX], there_to[POWER_PATH_MAX];
	const char *ours = inside(from, below), *ours_to = inside(to, there_to);
	REAL(rename);

	if ((ours == NULL) != (ours_to == NULL))
		lost("a file moves in or out");
	if (ours != NULL) {
		note(POWER_RENAME, ours, 0, ours_to, strlen(ours_to), 0);
		for (int i = 0; i < FD_MAX; i++)
			if (files[i].known && strcmp(files[i].path, ours) == 0)
				snprintf(files[i].path, sizeof(files[i].path), "%s", ours_to);
	}
	return real(from, to);
}

int
unlink(const char *path)
{
	char below[POWER_PATH_MAX];
	const char *ours = inside(path, below);
	REAL(unlink);

	if (ours != NULL)
		note(POWER_UNLINK, ours, 0, NULL, 0, 0);
	return real(path);
}

__attribute__((constructor)) static void
start(void)
{
	const char *dir = getenv("POWER_DIR"), *path = getenv("POWER_LOG"), *lie = getenv("POWER_LIE");
	int fd;

	if (dir == NULL || path == NULL)
		return;
	root_len = (size_t)snprintf(root, sizeof(root), "%s", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || root_len >= sizeof(root))
		lost("no recording");
	log_fd = fd;
	lie_sync = lie != NULL && strcmp(lie, "sync") == 0;
	lie_through = lie != NULL && strcmp(lie, "through") == 0;
	note(POWER_START, "", 0, NULL, 0, 0);
}
