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

#define SECTOR	      ((size_t)512)
#define NONCE	      32
#define RECORD_HEAD   64
#define CHECKED_BYTES 32
#define MAGIC_BYTES   8
/* A lap of fewer batches than this is short. */
#define LAP_BATCHES 64

static const char file_magic[] = "tbjrnl/1", record_magic[] = "tbbatch1";

struct journal {
	int fd;
	size_t size;
	/* Where the next record goes. */
	size_t at;
	unsigned batches;
	/* Its zeros could not be made durable: it is not used any more. */
	int broken;
	uint8_t nonce[NONCE];
	uint8_t *image;
	size_t image_len;
	/* One record. */
	uint8_t buf[RECORD_HEAD + JOURNAL_BATCH_MOST + SECTOR];
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

/* 0 or errno. */
static int
write_all(int fd, const uint8_t *p, size_t n, size_t at)
{
	while (n > 0) {
		ssize_t some = pwrite(fd, p, n, (off_t)at);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return some < 0 ? errno : EIO;
		p += some;
		n -= (size_t)some;
		at += (size_t)some;
	}
	return 0;
}

/* Real zeros: blocks that are only reserved would have to be noted as written with every flush. */
static int
write_zeros(int fd, size_t from, size_t to)
{
	static const uint8_t zeros[16 * 1024];
	int rc = 0;

	for (size_t n; from < to && rc == 0; from += n) {
		n = to - from < sizeof(zeros) ? to - from : sizeof(zeros);
		rc = write_all(fd, zeros, n, from);
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
	memcpy(head, file_magic, MAGIC_BYTES);
	if (crypto_random(head + MAGIC_BYTES, NONCE) != RESULT_OK)
		return EIO;
	sha256(head, MAGIC_BYTES + NONCE, head + MAGIC_BYTES + NONCE);
	if ((fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return errno;
	if ((rc = write_all(fd, head, sizeof(head), 0)) == 0 &&
	    (rc = write_zeros(fd, SECTOR, JOURNAL_FIRST_BYTES)) == 0 && fsync(fd) != 0)
		rc = errno;
	close(fd);
	if (rc == 0 && rename(fresh, path) != 0)
		rc = errno;
	if (rc != 0)
		(void)unlink(fresh);
	return rc != 0 ? rc : sync_folder(dir);
}

static void
set_size(struct journal *j, const struct stat *st)
{
	j->size = (size_t)st->st_size / SECTOR * SECTOR;
	if (j->size > JOURNAL_MOST_BYTES)
		j->size = JOURNAL_MOST_BYTES;
}

static enum result
read_head(struct journal *j)
{
	uint8_t head[MAGIC_BYTES + NONCE + HASH_LEN], want[HASH_LEN];
	struct stat st;

	if (fstat(j->fd, &st) != 0)
		return env_result(errno);
	if (st.st_size < (off_t)(2 * SECTOR) ||
	    pread(j->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return RESULT_CORRUPT;
	sha256(head, MAGIC_BYTES + NONCE, want);
	if (memcmp(head, file_magic, MAGIC_BYTES) != 0 ||
	    memcmp(head + MAGIC_BYTES + NONCE, want, HASH_LEN) != 0)
		return RESULT_CORRUPT;
	memcpy(j->nonce, head + MAGIC_BYTES, NONCE);
	set_size(j, &st);
	return RESULT_OK;
}

enum result
journal_open(const char *dir, int read_only, struct journal **out)
{
	struct journal *j;
	enum result err;
	char path[PATH_MAX];
	int rc = 0;

	*out = NULL;
	if (snprintf(path, sizeof(path), "%s/journal", dir) >= (int)sizeof(path))
		return RESULT_OVERFLOW;
	if (access(path, F_OK) != 0) {
		if (errno != ENOENT)
			return env_result(errno);
		/* Without a journal every batch goes to LMDB; the next start tries again. */
		if (read_only || (rc = make(dir, path)) == ENOSPC || rc == EDQUOT || rc == EFBIG)
			return RESULT_OK;
		if (rc != 0)
			return env_result(rc);
	}
	if ((j = calloc(1, sizeof(*j))) == NULL)
		return RESULT_NO_MEMORY;
	j->at = SECTOR;
	j->fd = read_only ? open(path, O_RDONLY | O_CLOEXEC) : open(path, O_RDWR | O_CLOEXEC);
	err = j->fd < 0 ? env_result(errno) : read_head(j);
	if (err != RESULT_OK) {
		journal_close(j);
		return err;
	}
	*out = j;
	return RESULT_OK;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	free(j->image);
	free(j);
}

/* ---- reading ---- */

enum result
journal_read(struct journal *j)
{
	struct stat st;
	ssize_t n;

	if (fstat(j->fd, &st) != 0)
		return env_result(errno);
	set_size(j, &st);
	free(j->image);
	if ((j->image = malloc(j->size)) == NULL)
		return RESULT_NO_MEMORY;
	for (j->image_len = 0; j->image_len < j->size; j->image_len += (size_t)n) {
		n = pread(j->fd, j->image + j->image_len, j->size - j->image_len,
			  (off_t)j->image_len);
		if (n <= 0)
			return n < 0 ? env_result(errno) : RESULT_CORRUPT;
	}
	/* A writer may have died, or be, between its write and its flush; a disk that cannot be
	 * written has nothing to flush. */
	return fdatasync(j->fd) == 0 || errno == EROFS ? RESULT_OK : env_result(errno);
}

static void
record_check(const struct journal *j, const uint8_t *head, const uint8_t *bytes, size_t len,
	     uint8_t check[HASH_LEN])
{
	const struct sha256_part parts[] = {
		{ j->nonce, NONCE }, { head, CHECKED_BYTES }, { bytes, len } };

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

/* 1 if a whole record is here. */
static int
record_at(const struct journal *j, size_t at, struct record *r)
{
	const uint8_t *head = j->image + at;
	uint8_t check[HASH_LEN];

	if (j->image_len - at < RECORD_HEAD || memcmp(head, record_magic, MAGIC_BYTES) != 0)
		return 0;
	r->first = get64(head + 8);
	r->entries = get32(head + 16);
	r->len = get32(head + 20);
	r->bytes = head + RECORD_HEAD;
	if (r->len > j->image_len - at - RECORD_HEAD || !lengths_fit(r))
		return 0;
	record_check(j, head, r->bytes, r->len, check);
	return memcmp(check, head + CHECKED_BYTES, HASH_LEN) == 0;
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

enum result
journal_replay(struct journal *j, uint64_t after, journal_fn fn, void *ctx)
{
	enum result err = RESULT_OK;
	struct record r;

	j->at = SECTOR;
	j->batches = 0;
	while (err == RESULT_OK && j->at < j->image_len && record_at(j, j->at, &r) &&
	       r.first == after + 1) {
		err = record_visit(&r, fn, ctx);
		after += r.entries;
		j->at += to_sector(RECORD_HEAD + r.len);
		j->batches++;
	}
	for (size_t at = j->at; at < j->image_len && err == RESULT_OK; at += SECTOR)
		if (record_at(j, at, &r) && r.first > after)
			err = RESULT_CORRUPT;
	free(j->image);
	j->image = NULL;
	j->image_len = 0;
	return err;
}

/* ---- writing ---- */

int
journal_fits(const struct journal *j, size_t len)
{
	return j != NULL && !j->broken && len <= JOURNAL_BATCH_MOST &&
	       j->at + to_sector(RECORD_HEAD + len) <= j->size;
}

int
journal_append(struct journal *j, uint64_t first, uint32_t entries, const uint8_t *bytes,
	       size_t len)
{
	const uint64_t first_be = htobe64(first);
	const uint32_t entries_be = htobe32(entries), len_be = htobe32((uint32_t)len);
	size_t whole = to_sector(RECORD_HEAD + len);
	int rc;

	CHECK(journal_fits(j, len));
	memset(j->buf, 0, RECORD_HEAD);
	memcpy(j->buf, record_magic, MAGIC_BYTES);
	memcpy(j->buf + 8, &first_be, sizeof(first_be));
	memcpy(j->buf + 16, &entries_be, sizeof(entries_be));
	memcpy(j->buf + 20, &len_be, sizeof(len_be));
	record_check(j, j->buf, bytes, len, j->buf + CHECKED_BYTES);
	memcpy(j->buf + RECORD_HEAD, bytes, len);
	memset(j->buf + RECORD_HEAD + len, 0, whole - RECORD_HEAD - len);
	if ((rc = write_all(j->fd, j->buf, whole, j->at)) != 0)
		return rc;
	if (fdatasync(j->fd) != 0)
		return errno;
	j->at += whole;
	j->batches++;
	return 0;
}

void
journal_restart(struct journal *j)
{
	struct stat st;
	int rc;

	if (j == NULL)
		return;
	if (j->batches < LAP_BATCHES && j->size < JOURNAL_MOST_BYTES && !j->broken) {
		rc = write_zeros(j->fd, j->size, 2 * j->size);
		if (rc != 0 && rc != ENOSPC && rc != EDQUOT && rc != EFBIG)
			j->broken = 1;
		if (rc == 0 && fstat(j->fd, &st) == 0 && (size_t)st.st_size >= 2 * j->size)
			j->size *= 2;
	}
	j->at = SECTOR;
	j->batches = 0;
}
