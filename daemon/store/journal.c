#include "daemon/store/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/store/env.h"
#include "proto/crypto.h"
#include "proto/tree.h"

#define SECTOR	      ((size_t)512)
#define NONCE	      32
#define RECORD_HEAD   64
#define CHECKED_BYTES 32
#define MAGIC_BYTES   8
/* A lap of fewer batches than this is short. */
#define LAP_BATCHES 64
/* What writing past the page cache asks of memory, on whatever disk; of the place in the file it asks a sector, on most. */
#define DIRECT_ALIGN ((size_t)4096)

static const char magic[] = "tbjrnl/3", magics[] = "tbjrnl/";
static const char record_magic[] = "tbbatch1";
static const char *const names[] = {"journal", "journal2"};

struct lap {
	/* -1: not there. */
	int fd;
	/* The same file, to be written past the page cache; -1: the file system does not do that. */
	int direct;
	/* The checks have the entries themselves: a file of one of the forms before. */
	int old;
	/* How much of it may be written; 0: nothing. */
	size_t size;
	uint8_t nonce[NONCE];
};

struct journal {
	struct lap lap[2];
	/* The lap that is written, or was read last, and where its next record goes. */
	unsigned here;
	size_t at;
	unsigned batches;
	/* One record, in `memory`, at a multiple of DIRECT_ALIGN. */
	uint8_t *buf, *memory;
	size_t cap;
	/* Of a record that is read. */
	uint8_t (*leaves)[HASH_LEN];
	size_t cap_leaves;
};

struct record {
	uint64_t first;
	uint32_t entries, len;
	const uint8_t *bytes;
};

static size_t
to_sector(size_t n)
{
	return (n + SECTOR - 1) / SECTOR * SECTOR;
}

static uint64_t
get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static uint32_t
get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* Real zeros: blocks that are only reserved would have to be noted as written with every flush. */
static int
write_zeros(int fd, size_t from, size_t to)
{
	static const uint8_t zeros[16 * 1024];
	int rc = 0;

	for (size_t n; from < to && rc == 0; from += n) {
		n = to - from < sizeof(zeros) ? to - from : sizeof(zeros);
		rc = env_write_all(fd, zeros, n, from);
	}
	return rc != 0 || fdatasync(fd) == 0 ? rc : errno;
}

/* ---- opening ---- */

static int
sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd) != 0)
		rc = errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Makes the file under another name first: it is whole, or not there. 0 or errno. */
static int
make(const char *dir, const char *path)
{
	uint8_t head[SECTOR] = {0};
	char fresh[PATH_MAX];
	int fd, rc;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return ENAMETOOLONG;
	memcpy(head, magic, MAGIC_BYTES);
	if (crypto_random(head + MAGIC_BYTES, NONCE) != RESULT_OK)
		return EIO;
	sha256(head, MAGIC_BYTES + NONCE, head + MAGIC_BYTES + NONCE);
	if ((fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return errno;
	if ((rc = env_write_all(fd, head, sizeof(head), 0)) == 0 &&
	    (rc = write_zeros(fd, SECTOR, JOURNAL_FIRST_BYTES)) == 0 && fsync(fd) != 0)
		rc = errno;
	close(fd);
	if (rc == 0 && rename(fresh, path) != 0)
		rc = errno;
	if (rc != 0)
		(void)unlink(fresh);
	return rc != 0 ? rc : sync_folder(dir);
}

static enum result
read_head(struct lap *lap)
{
	uint8_t head[MAGIC_BYTES + NONCE + HASH_LEN], want[HASH_LEN];
	struct stat st;

	if (fstat(lap->fd, &st) != 0)
		return env_result(errno);
	if (st.st_size < (off_t)(2 * SECTOR) ||
	    pread(lap->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return RESULT_CORRUPT;
	sha256(head, MAGIC_BYTES + NONCE, want);
	lap->old = memcmp(head, magic, MAGIC_BYTES) != 0;
	if (memcmp(head, magics, MAGIC_BYTES - 1) != 0 || head[MAGIC_BYTES - 1] < '1' ||
	    head[MAGIC_BYTES - 1] > '3' ||
	    memcmp(head + MAGIC_BYTES + NONCE, want, HASH_LEN) != 0)
		return RESULT_CORRUPT;
	memcpy(lap->nonce, head + MAGIC_BYTES, NONCE);
	return RESULT_OK;
}

/* No such file is RESULT_OK. */
static enum result
lap_open(struct lap *lap, const char *path, int read_only)
{
	lap->fd = read_only ? open(path, O_RDONLY | O_CLOEXEC) : open(path, O_RDWR | O_CLOEXEC);
	if (lap->fd < 0)
		return errno == ENOENT ? RESULT_OK : env_result(errno);
	return read_head(lap);
}

static int
lap_path(char path[PATH_MAX], const char *dir, unsigned i)
{
	return snprintf(path, PATH_MAX, "%s/%s", dir, names[i]) < PATH_MAX;
}

enum result
journal_open(const char *dir, int read_only, struct journal **out)
{
	struct journal *j = calloc(1, sizeof(*j));
	enum result err = RESULT_OK;
	char path[PATH_MAX];

	if (j == NULL)
		return RESULT_NO_MEMORY;
	j->at = SECTOR;
	j->lap[0].fd = j->lap[1].fd = j->lap[0].direct = j->lap[1].direct = -1;
	for (unsigned i = 0; i < 2 && err == RESULT_OK; i++)
		err = lap_path(path, dir, i) ? lap_open(&j->lap[i], path, read_only)
					     : RESULT_OVERFLOW;
	if (err != RESULT_OK) {
		journal_close(j);
		return err;
	}
	*out = j;
	return RESULT_OK;
}

static void
lap_close(struct lap *lap)
{
	if (lap->fd >= 0)
		close(lap->fd);
	if (lap->direct >= 0)
		close(lap->direct);
	lap->fd = lap->direct = -1;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	lap_close(&j->lap[0]);
	lap_close(&j->lap[1]);
	free(j->memory);
	free(j->leaves);
	free(j);
}

static int
no_room(int rc)
{
	return rc == ENOSPC || rc == EDQUOT || rc == EFBIG;
}

static enum result
lap_start(struct lap *lap, const char *dir, const char *path)
{
	enum result err = RESULT_OK;
	struct stat st;
	int rc;

	if (lap->fd < 0 || lap->old) {
		lap_close(lap);
		if ((rc = make(dir, path)) != 0)
			return no_room(rc) ? RESULT_DISK_FULL : env_result(rc);
		err = lap_open(lap, path, 0);
	}
	if (err != RESULT_OK)
		return err;
	if (lap->fd < 0 || fstat(lap->fd, &st) != 0)
		return RESULT_IO;
	lap->size = (size_t)st.st_size / SECTOR * SECTOR;
	if (lap->size > JOURNAL_MOST_BYTES)
		lap->size = JOURNAL_MOST_BYTES;
	lap->direct = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
	return RESULT_OK;
}

enum result
journal_start(struct journal *j, const char *dir)
{
	enum result err = RESULT_OK;
	char path[PATH_MAX];

	for (unsigned i = 0; i < 2 && err == RESULT_OK; i++)
		err = lap_path(path, dir, i) ? lap_start(&j->lap[i], dir, path) : RESULT_OVERFLOW;
	j->here = 0;
	journal_restart(j);
	return err;
}

/* ---- reading ---- */

/* Room for a record of so many bytes after its head, to the end of its last sector. 0 or errno. */
static int
buf_room(struct journal *j, size_t len)
{
	size_t whole = to_sector(RECORD_HEAD + len);
	uint8_t *p;

	if (whole <= j->cap)
		return 0;
	if ((p = malloc(whole + DIRECT_ALIGN)) == NULL)
		return ENOMEM;
	free(j->memory);
	j->memory = p;
	j->buf = p + (DIRECT_ALIGN - (uintptr_t)p % DIRECT_ALIGN);
	j->cap = whole;
	return 0;
}

/* Over the leaf hashes, or, in a file of before, the entries. */
static void
record_check(const struct lap *lap, const uint8_t *head, const uint8_t *bytes, size_t len,
	     uint8_t check[HASH_LEN])
{
	const struct sha256_part parts[] = {
		{ lap->nonce, NONCE }, { head, CHECKED_BYTES }, { bytes, len } };

	sha256_parts(parts, 3, check);
}

/* 1 if the entries fill the record. */
static int
lengths_fit(const struct record *r)
{
	size_t at = 0;

	for (uint32_t i = 0; i < r->entries; i++) {
		if (r->len - at < sizeof(uint32_t) ||
		    r->len - at - sizeof(uint32_t) < get32(r->bytes + at))
			return 0;
		at += sizeof(uint32_t) + get32(r->bytes + at);
	}
	return at == r->len && r->entries > 0;
}

/* The leaf hashes of a record whose lengths fit. */
static enum result
leaves_of(struct journal *j, const struct record *r)
{
	size_t at = 0;

	if (r->entries > j->cap_leaves) {
		void *p = realloc(j->leaves, r->entries * sizeof(*j->leaves));

		if (p == NULL)
			return RESULT_NO_MEMORY;
		j->leaves = p;
		j->cap_leaves = r->entries;
	}
	for (uint32_t i = 0; i < r->entries; i++) {
		size_t len = get32(r->bytes + at);

		tree_leaf_hash(r->bytes + at + sizeof(uint32_t), len, j->leaves[i]);
		at += sizeof(uint32_t) + len;
	}
	return RESULT_OK;
}

/* RESULT_NOT_FOUND if it is not the record that was written. */
static enum result
record_verify(struct journal *j, const struct lap *lap, const uint8_t *head, const struct record *r)
{
	uint8_t check[HASH_LEN];
	enum result err;

	if (!lengths_fit(r))
		return RESULT_NOT_FOUND;
	if (lap->old) {
		record_check(lap, head, r->bytes, r->len, check);
	} else {
		if ((err = leaves_of(j, r)) != RESULT_OK)
			return err;
		record_check(lap, head, j->leaves[0], r->entries * sizeof(*j->leaves), check);
	}
	return memcmp(check, head + CHECKED_BYTES, HASH_LEN) == 0 ? RESULT_OK : RESULT_NOT_FOUND;
}

/* Reads so many bytes; RESULT_NOT_FOUND if the file ends before. */
static enum result
read_all(int fd, uint8_t *p, size_t n, size_t at)
{
	while (n > 0) {
		ssize_t some = pread(fd, p, n, (off_t)at);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return some < 0 ? env_result(errno) : RESULT_NOT_FOUND;
		p += some;
		n -= (size_t)some;
		at += (size_t)some;
	}
	return RESULT_OK;
}

/* What the head says of a record; RESULT_NOT_FOUND if there is none. */
static enum result
head_at(const struct lap *lap, size_t at, uint8_t head[RECORD_HEAD], struct record *r)
{
	enum result err = lap->fd < 0 ? RESULT_NOT_FOUND : read_all(lap->fd, head, RECORD_HEAD, at);

	if (err != RESULT_OK)
		return err;
	r->first = get64(head + 8);
	r->entries = get32(head + 16);
	r->len = get32(head + 20);
	return memcmp(head, record_magic, MAGIC_BYTES) == 0 && r->len <= JOURNAL_MOST_BYTES
		   ? RESULT_OK
		   : RESULT_NOT_FOUND;
}

/* A whole record; it is valid until the next reading. `first`: its seq must be that, unless 0. */
static enum result
record_at(struct journal *j, const struct lap *lap, size_t at, uint64_t first, struct record *r)
{
	uint8_t head[RECORD_HEAD];
	enum result err = head_at(lap, at, head, r);

	if (err != RESULT_OK)
		return err;
	if (first != 0 && r->first != first)
		return RESULT_NOT_FOUND;
	if (buf_room(j, r->len) != 0)
		return RESULT_NO_MEMORY;
	r->bytes = j->buf + RECORD_HEAD;
	if ((err = read_all(lap->fd, j->buf + RECORD_HEAD, r->len, at + RECORD_HEAD)) != RESULT_OK)
		return err;
	return record_verify(j, lap, head, r);
}

static enum result
lap_greatest(struct journal *j, const struct lap *lap, uint64_t *seq)
{
	struct record r;
	struct stat st;
	size_t size;

	if (lap->fd < 0)
		return RESULT_OK;
	if (fstat(lap->fd, &st) != 0)
		return env_result(errno);
	size = (size_t)st.st_size;
	for (size_t at = SECTOR, step; at < size; at += step) {
		enum result err = record_at(j, lap, at, 0, &r);

		if (err != RESULT_OK && err != RESULT_NOT_FOUND)
			return err;
		step = err == RESULT_OK ? to_sector(RECORD_HEAD + r.len) : SECTOR;
		if (err == RESULT_OK && r.first > *seq)
			*seq = r.first;
	}
	return RESULT_OK;
}

enum result
journal_greatest(struct journal *j, uint64_t *seq)
{
	enum result err;

	*seq = 0;
	err = lap_greatest(j, &j->lap[0], seq);
	return err != RESULT_OK ? err : lap_greatest(j, &j->lap[1], seq);
}

static enum result
record_visit(const struct record *r, journal_fn fn, void *ctx)
{
	enum result err = RESULT_OK;
	size_t at = 0;

	for (uint32_t i = 0; i < r->entries && err == RESULT_OK; i++) {
		size_t len = get32(r->bytes + at);

		err = fn(ctx, r->first + i, r->bytes + at + sizeof(uint32_t), len);
		at += sizeof(uint32_t) + len;
	}
	return err;
}

/* Finds the record that begins with `first`, and makes its end the place. */
static enum result
next_record(struct journal *j, uint64_t first, struct record *r)
{
	const struct {
		unsigned lap;
		size_t at;
	} places[] = {{j->here, j->at}, {0, SECTOR}, {1, SECTOR}};
	enum result err = RESULT_NOT_FOUND;

	for (size_t i = 0; i < 3 && err == RESULT_NOT_FOUND; i++) {
		err = record_at(j, &j->lap[places[i].lap], places[i].at, first, r);
		if (err == RESULT_OK) {
			j->here = places[i].lap;
			j->at = places[i].at + to_sector(RECORD_HEAD + r->len);
		}
	}
	return err;
}

/* A writer may have died, or be, between its write and its flush; a disk that cannot be written
 * has nothing to flush. */
static enum result
flush_read(const struct lap *lap)
{
	if (lap->fd < 0 || fdatasync(lap->fd) == 0 || errno == EROFS)
		return RESULT_OK;
	return env_result(errno);
}

enum result
journal_read(struct journal *j, uint64_t after, journal_fn fn, void *ctx)
{
	uint64_t next = after + 1;
	enum result err, told;
	struct record r;

	while ((err = next_record(j, next, &r)) == RESULT_OK) {
		if ((told = record_visit(&r, fn, ctx)) != RESULT_OK)
			return told;
		next += r.entries;
	}
	if (err != RESULT_NOT_FOUND)
		return err;
	if (next == after + 1)
		return RESULT_OK;
	err = flush_read(&j->lap[0]);
	return err != RESULT_OK ? err : flush_read(&j->lap[1]);
}

/* ---- writing ---- */

int
journal_fits(const struct journal *j, size_t len)
{
	return j != NULL && len <= JOURNAL_BATCH_MOST &&
	       j->at + to_sector(RECORD_HEAD + len) <= j->lap[j->here].size;
}

/* Where the disk's sectors are larger than ours, or the file system wants more, it goes through the page cache. */
static int
lap_write(struct lap *lap, const uint8_t *p, size_t n, size_t at)
{
	int rc;

	if (lap->direct >= 0) {
		if ((rc = env_write_all(lap->direct, p, n, at)) != EINVAL)
			return rc;
		close(lap->direct);
		lap->direct = -1;
	}
	return env_write_all(lap->fd, p, n, at);
}

int
journal_append(struct journal *j, uint64_t first, uint32_t entries, const uint8_t *bytes, size_t len,
	       const uint8_t (*leaves)[HASH_LEN])
{
	const uint64_t first_be = htobe64(first);
	const uint32_t entries_be = htobe32(entries), len_be = htobe32((uint32_t)len);
	struct lap *lap = &j->lap[j->here];
	size_t whole = to_sector(RECORD_HEAD + len);
	int rc;

	CHECK(journal_fits(j, len));
	if ((rc = buf_room(j, len)) != 0)
		return rc;
	memset(j->buf, 0, RECORD_HEAD);
	memcpy(j->buf, record_magic, MAGIC_BYTES);
	memcpy(j->buf + 8, &first_be, sizeof(first_be));
	memcpy(j->buf + 16, &entries_be, sizeof(entries_be));
	memcpy(j->buf + 20, &len_be, sizeof(len_be));
	record_check(lap, j->buf, leaves[0], entries * sizeof(*leaves), j->buf + CHECKED_BYTES);
	memcpy(j->buf + RECORD_HEAD, bytes, len);
	memset(j->buf + RECORD_HEAD + len, 0, whole - RECORD_HEAD - len);
	if ((rc = lap_write(lap, j->buf, whole, j->at)) != 0)
		return rc;
	if (fdatasync(lap->fd) != 0)
		return errno;
	j->at += whole;
	j->batches++;
	return 0;
}

/* ---- laps ---- */

void
journal_restart(struct journal *j)
{
	j->at = SECTOR;
	j->batches = 0;
}

size_t
journal_turn(struct journal *j, size_t len)
{
	size_t size = j->lap[j->here].size, grown = size;
	size_t need = SECTOR + to_sector(RECORD_HEAD + len);

	if (j->batches < LAP_BATCHES)
		grown *= 2;
	while (grown > 0 && grown < need)
		grown *= 2;
	if (grown > JOURNAL_MOST_BYTES)
		grown = JOURNAL_MOST_BYTES;
	j->here = !j->here;
	journal_restart(j);
	return grown > size ? grown : 0;
}

void
journal_grow(struct journal *j, size_t bytes)
{
	struct lap *lap = &j->lap[!j->here];
	int rc = write_zeros(lap->fd, lap->size, bytes);

	if (rc == 0)
		lap->size = bytes;
	/* Zeros that could not be made durable: it is not used any more. */
	else if (!no_room(rc))
		lap->size = 0;
}
