/*
 * LD_PRELOAD: one call fails. FAULT_KIND says which kind of call, FAULT_N the how-manieth of them (0:
 * none) or FAULT_PLACE the first from which place, FAULT_ERRNO with what; with FAULT_STICKY all of the kind after it fail,
 * too. With FAULT_WHILE=file all of the kind fail as long as there is such a file. A write that fails writes half first; what runs out of room (ENOSPC) are files alone. FAULT_REPORT is a file of
 * struct report, kept up to date.
 *
 * With FAULT_PLACES=file no call fails, and the file gets a line per place that calls: the number of the
 * first and of the last call from there, and the place: a hash of the addresses on the stack, DEPTH of them.
 * Of memory, those within OpenSSL do not count: it asks for all of it through one function of the daemon, which
 * ends the process, whoever in there asked. FAULT_ALL counts them.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DEPTH	   12
#define STACK_MAX  48
#define PLACES_MAX 16384
#define EARLY	   65536

/* What the test reads: `path` is of the file whose call failed, `place` where that was called. */
struct report {
	_Atomic uint64_t calls;
	uint64_t hit_ns;
	uint64_t place;
	char path[104];
};

enum kind { KIND_NONE, KIND_MEMORY, KIND_READ, KIND_WRITE, KIND_SYNC, KIND_MAP, KIND_OPEN, KIND_CHANGE, KIND_THREAD };

static const char *const kind_names[] = {
    [KIND_NONE] = "", [KIND_MEMORY] = "memory", [KIND_READ] = "read", [KIND_WRITE] = "write", [KIND_SYNC] = "sync",
    [KIND_MAP] = "map", [KIND_OPEN] = "open", [KIND_CHANGE] = "change", [KIND_THREAD] = "thread"};

static struct place {
	uint64_t hash, first, last;
} places[PLACES_MAX];

static enum kind kind;
static uint64_t fail_at, fail_place;
static int fail_with, sticky;
static const char *places_path, *while_path;
static struct report nowhere, *report = &nowhere;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside;

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	int (*posix_memalign)(void **, size_t, size_t);
	ssize_t (*read)(int, void *, size_t);
	ssize_t (*readv)(int, const struct iovec *, int);
	ssize_t (*pread)(int, void *, size_t, off_t);
	ssize_t (*write)(int, const void *, size_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
	ssize_t (*writev)(int, const struct iovec *, int);
	int (*fsync)(int);
	int (*fdatasync)(int);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	int (*open)(const char *, int, ...);
	int (*openat)(int, const char *, int, ...);
	FILE *(*fopen)(const char *, const char *);
	DIR *(*opendir)(const char *);
	int (*socket)(int, int, int);
	int (*accept4)(int, struct sockaddr *, socklen_t *, int);
	int (*eventfd)(unsigned, int);
	int (*epoll_create1)(int);
	int (*mkdir)(const char *, mode_t);
	int (*rename)(const char *, const char *);
	int (*unlink)(const char *);
	int (*ftruncate)(int, off_t);
	int (*fallocate)(int, int, off_t, off_t);
	int (*posix_fallocate)(int, off_t, off_t);
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
} real;

/* What dlsym itself needs before it has found malloc. */
static _Alignas(16) char early[EARLY];
static size_t early_used;

static void
find(void *to, const char *name)
{
	void *at = dlsym(RTLD_NEXT, name);

	memcpy(to, &at, sizeof(at));
}

/* Other libraries call before our turn to begin. While it looks, memory is the early one. */
static void
ready(void)
{
	static int looking;

	if (real.malloc != NULL || looking)
		return;
	looking = 1;
	find(&real.free, "free");
	find(&real.calloc, "calloc");
	find(&real.realloc, "realloc");
	find(&real.posix_memalign, "posix_memalign");
	find(&real.read, "read");
	find(&real.readv, "readv");
	find(&real.pread, "pread");
	find(&real.write, "write");
	find(&real.pwrite, "pwrite");
	find(&real.writev, "writev");
	find(&real.fsync, "fsync");
	find(&real.fdatasync, "fdatasync");
	find(&real.mmap, "mmap");
	find(&real.open, "open");
	find(&real.openat, "openat");
	find(&real.fopen, "fopen");
	find(&real.opendir, "opendir");
	find(&real.socket, "socket");
	find(&real.accept4, "accept4");
	find(&real.eventfd, "eventfd");
	find(&real.epoll_create1, "epoll_create1");
	find(&real.mkdir, "mkdir");
	find(&real.rename, "rename");
	find(&real.unlink, "unlink");
	find(&real.ftruncate, "ftruncate");
	find(&real.fallocate, "fallocate");
	find(&real.posix_fallocate, "posix_fallocate");
	find(&real.pthread_create, "pthread_create");
	find(&real.malloc, "malloc");
}

/* Where OpenSSL lies. */
static struct {
	uintptr_t from, to;
} opaque[2];
static size_t n_opaque;

static int
note_opaque(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uintptr_t to = 0;

	(void)size;
	(void)ctx;
	if ((strstr(info->dlpi_name, "/libcrypto.so") == NULL && strstr(info->dlpi_name, "/libssl.so") == NULL) ||
	    n_opaque == sizeof(opaque) / sizeof(opaque[0]))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz > to)
			to = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
	opaque[n_opaque].from = info->dlpi_addr;
	opaque[n_opaque++].to = info->dlpi_addr + to;
	return 0;
}

static int
is_opaque(const void *p)
{
	for (size_t i = 0; i < n_opaque && kind == KIND_MEMORY; i++)
		if ((uintptr_t)p >= opaque[i].from && (uintptr_t)p < opaque[i].to)
			return 1;
	return 0;
}

static uint64_t
place_here(void)
{
	void *stack[STACK_MAX];
	uint64_t hash = 1;
	int depth, left = DEPTH;

	inside = 1;
	depth = backtrace(stack, STACK_MAX);
	inside = 0;
	/* Not this function, nor who counts. */
	for (int i = 3; i < depth && left > 0; i++) {
		if (is_opaque(stack[i]))
			continue;
		hash = (hash ^ (uintptr_t)stack[i]) * 0x9e3779b97f4a7c15u;
		left--;
	}
	return hash | 1;
}

static void
note_place(uint64_t hash, uint64_t n)
{
	pthread_mutex_lock(&mutex);
	for (size_t i = hash >> 40;; i++) {
		struct place *p = &places[i % PLACES_MAX];

		if (p->hash != 0 && p->hash != hash)
			continue;
		if (p->hash == 0)
			*p = (struct place){hash, n, n};
		p->last = n;
		break;
	}
	pthread_mutex_unlock(&mutex);
}

/* For whoever reads why a run failed. */
static void
say_stack(const char *what)
{
	void *stack[24];

	inside = 1;
	dprintf(STDERR_FILENO, "-- %s\n", what);
	backtrace_symbols_fd(stack, backtrace(stack, 24), STDERR_FILENO);
	inside = 0;
}

static void
on_crash(int number)
{
	kind = KIND_NONE;
	say_stack(number == SIGSEGV ? "SIGSEGV" : "SIGABRT");
	signal(number, SIG_DFL);
	raise(number);
}

static void
note_hit(int fd, uint64_t place)
{
	char link[64];
	struct timespec now;
	ssize_t n;

	if (report->hit_ns != 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, report->path, sizeof(report->path) - 1);
	report->path[n < 0 ? 0 : n] = 0;
	report->place = place;
	say_stack("the call that fails");
	report->hit_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int
is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* The pipe and the counter by which a process wakes itself are memory: no fault of a disk or a network is theirs. */
static int
can_fail(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || (S_ISSOCK(st.st_mode) && fail_with != ENOSPC));
}

/* 1 where the call is to fail; errno is set. */
static __attribute__((noinline)) int
fails(enum kind of, int fd)
{
	static atomic_int begun;
	uint64_t n;

	if (of != kind || inside || ((of == KIND_WRITE || of == KIND_READ) && !can_fail(fd)))
		return 0;
	n = atomic_fetch_add(&report->calls, 1) + 1;
	if (places_path != NULL) {
		note_place(place_here(), n);
		return 0;
	}
	if (while_path != NULL) {
		if (access(while_path, F_OK) != 0)
			return 0;
	} else if (fail_place != 0) {
		if (atomic_load(&begun) ? !sticky : place_here() != fail_place || atomic_exchange(&begun, 1))
			return 0;
	} else if (fail_at == 0 || (sticky ? n < fail_at : n != fail_at)) {
		return 0;
	}
	note_hit(fd, place_here());
	errno = fail_with;
	return 1;
}

/* ---- memory ---- */

static int
is_early(const void *p)
{
	return (uintptr_t)p >= (uintptr_t)early && (uintptr_t)p < (uintptr_t)(early + sizeof(early));
}

void *
malloc(size_t size)
{
	ready();
	if (real.malloc == NULL) {
		char *p = early + early_used;

		early_used += (size + 31) / 16 * 16;
		return early_used <= sizeof(early) ? p : NULL;
	}
	return fails(KIND_MEMORY, -1) ? NULL : real.malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	ready();
	/* The early memory is zero, and never given twice. */
	if (real.malloc == NULL)
		return malloc(n * size);
	return fails(KIND_MEMORY, -1) ? NULL : real.calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	ready();
	if (real.malloc == NULL || is_early(old))
		abort();
	return fails(KIND_MEMORY, -1) ? NULL : real.realloc(old, size);
}

int
posix_memalign(void **out, size_t align, size_t size)
{
	ready();
	return fails(KIND_MEMORY, -1) ? ENOMEM : real.posix_memalign(out, align, size);
}

void
free(void *p)
{
	if (!is_early(p) && real.free != NULL)
		real.free(p);
}

/* ---- files and sockets ---- */

ssize_t
read(int fd, void *buf, size_t len)
{
	ready();
	return fails(KIND_READ, fd) ? -1 : real.read(fd, buf, len);
}

ssize_t
readv(int fd, const struct iovec *iov, int n)
{
	ready();
	return fails(KIND_READ, fd) ? -1 : real.readv(fd, iov, n);
}

ssize_t
pread(int fd, void *buf, size_t len, off_t offset)
{
	ready();
	return fails(KIND_READ, fd) ? -1 : real.pread(fd, buf, len, offset);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	int saved;

	ready();
	if (!fails(KIND_WRITE, fd))
		return real.write(fd, buf, len);
	saved = errno;
	if (is_file(fd) && real.write(fd, buf, len / 2) < 0)
		saved = errno;
	errno = saved;
	return -1;
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	int saved;

	ready();
	if (!fails(KIND_WRITE, fd))
		return real.pwrite(fd, buf, len, offset);
	saved = errno;
	/* What goes past the page cache comes in whole sectors. */
	if ((fcntl(fd, F_GETFL) & O_DIRECT) != 0)
		(void)!real.pwrite(fd, buf, len / 2 / 512 * 512, offset);
	else if (real.pwrite(fd, buf, len / 2, offset) < 0)
		saved = errno;
	errno = saved;
	return -1;
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	ready();
	if (!fails(KIND_WRITE, fd))
		return real.writev(fd, iov, n);
	/* A disk that fills up takes what fits and says so. */
	return is_file(fd) && n > 1 ? real.writev(fd, iov, n / 2) : -1;
}

int
fsync(int fd)
{
	ready();
	return fails(KIND_SYNC, fd) ? -1 : real.fsync(fd);
}

int
fdatasync(int fd)
{
	ready();
	return fails(KIND_SYNC, fd) ? -1 : real.fdatasync(fd);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	ready();
	return fails(KIND_MAP, fd) ? MAP_FAILED : real.mmap(at, len, prot, flags, fd, offset);
}

#define MODE(flags) \
	va_list ap; \
	mode_t mode; \
\
	va_start(ap, flags); \
	mode = (flags & O_CREAT) != 0 ? (mode_t)va_arg(ap, unsigned) : 0; \
	va_end(ap)

int
open(const char *path, int flags, ...)
{
	MODE(flags);
	ready();
	return fails(KIND_OPEN, -1) ? -1 : real.open(path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	MODE(flags);
	ready();
	return fails(KIND_OPEN, -1) ? -1 : real.openat(dir, path, flags, mode);
}

FILE *
fopen(const char *path, const char *mode)
{
	ready();
	return fails(KIND_OPEN, -1) ? NULL : real.fopen(path, mode);
}

DIR *
opendir(const char *path)
{
	ready();
	return fails(KIND_OPEN, -1) ? NULL : real.opendir(path);
}

int
socket(int domain, int type, int protocol)
{
	ready();
	return fails(KIND_OPEN, -1) ? -1 : real.socket(domain, type, protocol);
}

int
accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	ready();
	return fails(KIND_OPEN, -1) ? -1 : real.accept4(fd, addr, len, flags);
}

int
eventfd(unsigned count, int flags)
{
	ready();
	return fails(KIND_OPEN, -1) ? -1 : real.eventfd(count, flags);
}

int
epoll_create1(int flags)
{
	ready();
	return fails(KIND_OPEN, -1) ? -1 : real.epoll_create1(flags);
}

/* ---- names and sizes of files ---- */

int
mkdir(const char *path, mode_t mode)
{
	ready();
	return fails(KIND_CHANGE, -1) ? -1 : real.mkdir(path, mode);
}

int
rename(const char *from, const char *to)
{
	ready();
	return fails(KIND_CHANGE, -1) ? -1 : real.rename(from, to);
}

int
unlink(const char *path)
{
	ready();
	return fails(KIND_CHANGE, -1) ? -1 : real.unlink(path);
}

int
ftruncate(int fd, off_t size)
{
	ready();
	return fails(KIND_CHANGE, fd) ? -1 : real.ftruncate(fd, size);
}

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	ready();
	return fails(KIND_CHANGE, fd) ? -1 : real.fallocate(fd, mode, offset, len);
}

int
posix_fallocate(int fd, off_t offset, off_t len)
{
	ready();
	return fails(KIND_CHANGE, fd) ? errno : real.posix_fallocate(fd, offset, len);
}

/* ---- threads ---- */

int
pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	ready();
	return fails(KIND_THREAD, -1) ? fail_with : real.pthread_create(out, attr, fn, arg);
}

/* ---- begin and end ---- */

static void
open_report(void)
{
	const char *path = getenv("FAULT_REPORT");
	int fd = path == NULL ? -1 : real.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *p;

	if (fd < 0)
		return;
	if (ftruncate(fd, sizeof(*report)) == 0 &&
	    (p = real.mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) != MAP_FAILED)
		report = p;
	close(fd);
}

__attribute__((constructor)) static void
start(void)
{
	const char *name = getenv("FAULT_KIND"), *n = getenv("FAULT_N"), *with = getenv("FAULT_ERRNO");
	const char *place = getenv("FAULT_PLACE");
	void *stack[4];

	ready();
	/* It takes memory the first time. */
	(void)backtrace(stack, 4);
	open_report();
	signal(SIGSEGV, on_crash);
	signal(SIGABRT, on_crash);
	if (getenv("FAULT_ALL") == NULL)
		dl_iterate_phdr(note_opaque, NULL);
	places_path = getenv("FAULT_PLACES");
	while_path = getenv("FAULT_WHILE");
	sticky = getenv("FAULT_STICKY") != NULL;
	fail_place = place == NULL ? 0 : strtoull(place, NULL, 10);
	fail_at = n == NULL ? 0 : strtoull(n, NULL, 10);
	fail_with = with == NULL ? EIO : atoi(with);
	for (unsigned k = 1; name != NULL && k < sizeof(kind_names) / sizeof(kind_names[0]); k++)
		if (strcmp(name, kind_names[k]) == 0)
			kind = (enum kind)k;
}

__attribute__((destructor)) static void
end(void)
{
	FILE *file;

	kind = KIND_NONE;
	if (places_path == NULL || (file = fopen(places_path, "we")) == NULL)
		return;
	for (size_t i = 0; i < PLACES_MAX; i++)
		if (places[i].hash != 0)
			fprintf(file, "%llu %llu %llu\n", (unsigned long long)places[i].first,
			    (unsigned long long)places[i].last, (unsigned long long)places[i].hash);
	fclose(file);
}
