#include "daemon/store/state_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/ops/clock.h"
#include "daemon/store/env.h"

#define HEAD_BYTES     64
#define CHECKED_BYTES  32
#define MAGIC_BYTES    8
#define FRAME_MOST     ROWS_LOG_BLOCK
#define SHRINK_BYTES   ((off_t)1 << 20)
#define SHRINK_REST_US 2000

enum { KIND_ROWS = 1, KIND_END = 2 };

static const char frame_magic[] = "tbstate1";

/* Frames of generations that follow: file, and where in it. */
struct extent {
	uint64_t file;
	off_t from, to;
	uint64_t seq;
};

struct state_log {
	char dir[PATH_MAX - 32];
	uint8_t layout[HASH_LEN];
	/* Files there are, in order. */
	uint64_t *file;
	size_t n_files, cap_files;
	struct extent *found;
	size_t n_found, cap_found;
	/* The file that is appended to, -1: none yet; its number, or the next one's; where it ends. */
	int fd;
	uint64_t number;
	off_t at;
	/* A frame that is read. */
	uint8_t head[HEAD_BYTES];
	uint64_t body[FRAME_MOST / 8];
};

struct frame {
	uint32_t kind, len;
	uint64_t base, seq;
};

/* ---- files ---- */

static void
path_of(const struct state_log *l, uint64_t number, char out[PATH_MAX])
{
	CHECK(snprintf(out, PATH_MAX, "%s/log-%" PRIu64, l->dir, number) < PATH_MAX);
}

static void
file_note(struct state_log *l, uint64_t number)
{
	if (l->n_files == l->cap_files) {
		l->cap_files = l->cap_files * 2 + 16;
		l->file = rows_must(realloc(l->file, l->cap_files * sizeof(*l->file)));
	}
	l->file[l->n_files++] = number;
	if (number >= l->number)
		l->number = number + 1;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int
list_files(struct state_log *l)
{
	DIR *dir = opendir(l->dir);
	struct dirent *at;
	uint64_t number;
	char rest;

	if (dir == NULL)
		return errno;
	while ((errno = 0, at = readdir(dir)) != NULL)
		if (sscanf(at->d_name, "log-%" SCNu64 "%c", &number, &rest) == 1 &&
		    number < UINT64_MAX)
			file_note(l, number);
	closedir(dir);
	if (l->n_files > 0)
		qsort(l->file, l->n_files, sizeof(*l->file), by_number);
	return errno;
}

enum result
state_log_open(const char *dir, const uint8_t layout[HASH_LEN], struct state_log **out)
{
	struct state_log *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return RESULT_NO_MEMORY;
	l->fd = -1;
	l->number = 1;
	memcpy(l->layout, layout, HASH_LEN);
	rc = snprintf(l->dir, sizeof(l->dir), "%s", dir) < (int)sizeof(l->dir) ? list_files(l)
									       : ENAMETOOLONG;
	if (rc != 0) {
		state_log_close(l);
		return env_result(rc);
	}
	*out = l;
	return RESULT_OK;
}

void
state_log_close(struct state_log *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	free(l->file);
	free(l->found);
	free(l);
}

/*
 * A little at a time: where the file system tells the disk of blocks that are free, 128 MiB at once
 * stop it for 40 ms.
 */
static void
shrink(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0)
		for (off_t size = st.st_size - SHRINK_BYTES; size > 0 && ftruncate(fd, size) == 0;
		     size -= SHRINK_BYTES)
			env_rest(SHRINK_REST_US);
	close(fd);
}

void
state_log_drop(struct state_log *l, uint64_t before, int hurry)
{
	char path[PATH_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < l->n_files; i++) {
		path_of(l, l->file[i], path);
		if (l->file[i] < before && !hurry)
			shrink(path);
		if (l->file[i] >= before || (unlink(path) != 0 && errno != ENOENT))
			l->file[kept++] = l->file[i];
	}
	l->n_files = kept;
}

/* ---- frames ---- */

static void
check_of(const struct state_log *l, const uint8_t *head, const void *body, size_t len,
    uint8_t check[HASH_LEN])
{
	const struct sha256_part parts[] = {
	    {l->layout, HASH_LEN}, {head, CHECKED_BYTES}, {body, len}};

	sha256_parts(parts, 3, check);
}

/* 1 if all `n` bytes are there. */
static int
read_all(int fd, void *p, size_t n, off_t at)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t some = pread(fd, to, n, at);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return 0;
		to += some;
		n -= (size_t)some;
		at += some;
	}
	return 1;
}

/* Reads the frame at `at` into l->body; 1 if there is one as far as its head and length tell. */
static int
frame_read(struct state_log *l, int fd, off_t at, struct frame *f)
{
	if (!read_all(fd, l->head, HEAD_BYTES, at) ||
	    memcmp(l->head, frame_magic, MAGIC_BYTES) != 0)
		return 0;
	memcpy(&f->kind, l->head + 8, 4);
	memcpy(&f->len, l->head + 12, 4);
	memcpy(&f->base, l->head + 16, 8);
	memcpy(&f->seq, l->head + 24, 8);
	return f->len <= FRAME_MOST && f->len % 8 == 0 &&
	       read_all(fd, l->body, f->len, at + HEAD_BYTES);
}

static int
frame_whole(const struct state_log *l, const struct frame *f)
{
	uint8_t check[HASH_LEN];

	check_of(l, l->head, l->body, f->len, check);
	return memcmp(check, l->head + CHECKED_BYTES, HASH_LEN) == 0;
}

/* ---- finding what follows ---- */

static void
found_add(struct state_log *l, uint64_t file, off_t from, off_t to, uint64_t seq)
{
	if (l->n_found == l->cap_found) {
		l->cap_found = l->cap_found * 2 + 16;
		l->found = rows_must(realloc(l->found, l->cap_found * sizeof(*l->found)));
	}
	l->found[l->n_found++] = (struct extent){file, from, to, seq};
}

/* 1 if the frame is a mark. */
static int
mark_take(const struct state_log *l, const struct frame *f, struct mark *out)
{
	struct mark mark = {.seq = 0};

	if (f->len < offsetof(struct mark, meta) || f->len > sizeof(mark))
		return 0;
	memcpy(&mark, l->body, f->len);
	if (mark.seq != f->seq || mark.meta_len > sizeof(mark.meta) ||
	    rows_mark_bytes(&mark) > f->len)
		return 0;
	*out = mark;
	return 1;
}

/* Looks through one file; `merged` is the environment's seq. */
static void
find_in(struct state_log *l, int fd, uint64_t file, uint64_t merged, struct mark *mark)
{
	off_t from = 0, at = 0;
	uint64_t base = 0, seq = 0;
	struct frame f;

	for (; frame_read(l, fd, at, &f) && frame_whole(l, &f); at += HEAD_BYTES + (off_t)f.len) {
		if (at != from && (f.base != base || f.seq != seq))
			return;
		base = f.base;
		seq = f.seq;
		if (f.kind != KIND_END)
			continue;
		if (seq > merged) {
			if (base != mark->seq || !mark_take(l, &f, mark))
				return;
			found_add(l, file, from, at, seq);
		}
		from = at + HEAD_BYTES + (off_t)f.len;
	}
}

static int
holds_found(const struct state_log *l, uint64_t file)
{
	for (size_t i = 0; i < l->n_found; i++)
		if (l->found[i].file == file)
			return 1;
	return 0;
}

/* So that what does not follow today can never seem to follow later. */
static enum result
remove_rest(struct state_log *l)
{
	char path[PATH_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < l->n_files; i++) {
		path_of(l, l->file[i], path);
		if (holds_found(l, l->file[i]))
			l->file[kept++] = l->file[i];
		else if (unlink(path) != 0)
			return env_result(errno);
	}
	l->n_files = kept;
	return RESULT_OK;
}

enum result
state_log_find(struct state_log *l, struct mark *mark)
{
	uint64_t merged = mark->seq;
	char path[PATH_MAX];
	int fd;

	for (size_t i = 0; i < l->n_files; i++) {
		path_of(l, l->file[i], path);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			return env_result(errno);
		/* A process may have died between a write and its flush. */
		if (fdatasync(fd) == 0)
			find_in(l, fd, l->file[i], merged, mark);
		close(fd);
	}
	return RESULT_OK;
}

static enum result
replay_frame(const struct state_log *l, const struct frame *f, state_log_fn fn, void *ctx)
{
	for (size_t at = 0; at < f->len;) {
		const struct record *record = (const void *)((const uint8_t *)l->body + at);

		if (f->len - at < sizeof(*record) || record->size > f->len - at - sizeof(*record))
			return RESULT_CORRUPT;
		at += rows_record_bytes(record->size);
	}
	fn(ctx, (const void *)l->body, f->len);
	return RESULT_OK;
}

enum result
state_log_replay(struct state_log *l, uint64_t seq, state_log_fn fn, void *ctx)
{
	enum result err;
	char path[PATH_MAX];
	struct frame f;

	while (l->n_found > 0 && l->found[l->n_found - 1].seq > seq)
		l->n_found--;
	err = remove_rest(l);
	for (size_t i = 0; i < l->n_found && err == RESULT_OK; i++) {
		const struct extent *x = &l->found[i];
		int fd;

		path_of(l, x->file, path);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			return env_result(errno);
		for (off_t at = x->from; at < x->to && err == RESULT_OK;
		     at += HEAD_BYTES + (off_t)f.len)
			err = frame_read(l, fd, at, &f) ? replay_frame(l, &f, fn, ctx) : RESULT_IO;
		close(fd);
	}
	free(l->found);
	l->found = NULL;
	l->n_found = l->cap_found = 0;
	return err;
}

/* ---- writing ---- */

static int
begin_file(struct state_log *l)
{
	char path[PATH_MAX];
	int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	path_of(l, l->number, path);
	l->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (l->fd < 0 || dir < 0 || fsync(dir) != 0)
		rc = errno;
	if (dir >= 0)
		close(dir);
	l->at = 0;
	if (l->fd >= 0)
		file_note(l, l->number);
	return rc;
}

/* Durable; then, without hurry, as long a pause as that took: the disk is the ledger's first. */
static int
write_piece(struct state_log *l, const uint8_t *p, size_t n, int hurry)
{
	uint64_t began_us = clock_steady_us();
	int rc;

	if ((rc = env_write_all(l->fd, p, n, (size_t)l->at)) != 0)
		return rc;
	l->at += (off_t)n;
	if (fdatasync(l->fd) != 0)
		return errno;
	if (!hurry)
		env_rest(clock_steady_us() - began_us);
	return 0;
}

static int
write_frame(struct state_log *l, struct frame f, const void *body, int hurry)
{
	const uint8_t *p = body;
	int rc;

	memcpy(l->head, frame_magic, MAGIC_BYTES);
	memcpy(l->head + 8, &f.kind, 4);
	memcpy(l->head + 12, &f.len, 4);
	memcpy(l->head + 16, &f.base, 8);
	memcpy(l->head + 24, &f.seq, 8);
	check_of(l, l->head, body, f.len, l->head + CHECKED_BYTES);
	if ((rc = env_write_all(l->fd, l->head, HEAD_BYTES, (size_t)l->at)) != 0)
		return rc;
	l->at += HEAD_BYTES;
	for (size_t n; f.len > 0 && rc == 0; p += n, f.len -= (uint32_t)n) {
		n = f.len < STATE_LOG_PIECE ? f.len : STATE_LOG_PIECE;
		rc = write_piece(l, p, n, hurry);
	}
	return rc;
}

int
state_log_append(struct state_log *l, uint64_t base, const struct rows_log *rows,
    const struct mark *mark, int hurry)
{
	struct frame f = {.kind = KIND_ROWS, .base = base, .seq = mark->seq};
	/* A frame is a multiple of 8 bytes long. */
	struct mark end = *mark;
	int rc = 0;

	if (l->fd < 0 && (rc = begin_file(l)) != 0)
		return rc;
	for (size_t i = 0; i < rows->n_blocks && rc == 0; i++) {
		if (rows->used[i] == 0)
			continue;
		f.len = (uint32_t)rows->used[i];
		rc = write_frame(l, f, rows->blocks[i], hurry);
	}
	f.kind = KIND_END;
	f.len = (uint32_t)((rows_mark_bytes(mark) + 7) / 8 * 8);
	return rc != 0 ? rc : write_frame(l, f, &end, hurry);
}

uint64_t
state_log_turn(struct state_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	return l->number;
}
