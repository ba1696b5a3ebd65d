/*
 * A lap of the ledger's journal with batches that the input says, and then damage of its own anywhere in the file. What must hold:
 * what is read are the first batches, whole and in order; a batch that is missing was damaged itself (it may be the one that was
 * being written), or one before it was, and then the greatest seq says so; and the head of the file is damaged or it is not.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/store/journal.h"
#include "proto/tree.h"
#include "tests/fuzz/folder.h"

#define BATCHES	   12
#define HEAD	   64
#define FILE_HEAD  (8 + 32 + 32)
#define SECTOR	   512
#define BATCH_MOST 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct batch {
	size_t at, len; /* in the file, with its head */
	uint32_t entries;
	uint8_t bytes[BATCH_MOST];
	int damaged;
};

struct story {
	struct batch batch[BATCHES];
	size_t n;
	int head_damaged;
	/* What is read back. */
	uint64_t next;
	size_t in, offset;
};

static char path[FUZZ_PATH], path2[FUZZ_PATH];

static void
set_up(void)
{
	if (path[0] != '\0')
		return;
	fuzz_path(path, "journal");
	fuzz_path(path2, "journal2");
}

static uint8_t
take(const uint8_t **p, size_t *left)
{
	if (*left == 0)
		return 0;
	(*left)--;
	return *(*p)++;
}

/* Batches of one to four entries, whose bytes are the input's. */
static void
batch_make(struct batch *b, const uint8_t **p, size_t *left)
{
	b->entries = 1u + take(p, left) % 4u;
	b->len = HEAD;
	for (uint32_t i = 0; i < b->entries; i++) {
		uint32_t len = 1u + take(p, left), n;
		uint8_t *to = b->bytes + b->len - HEAD;

		n = (uint32_t)(len < *left ? len : *left);
		memset(to, 0, 4 + len);
		to[2] = (uint8_t)(len >> 8);
		to[3] = (uint8_t)len;
		if (n > 0)
			memcpy(to + 4, *p, n);
		*p += n;
		*left -= n;
		b->len += 4 + len;
	}
}

static void
batch_append(struct journal *j, uint64_t first, const struct batch *b)
{
	uint8_t leaves[4][HASH_LEN];
	size_t at = 0;

	for (uint32_t i = 0; i < b->entries; i++) {
		size_t len = (size_t)b->bytes[at + 2] << 8 | b->bytes[at + 3];

		tree_leaf_hash(b->bytes + at + 4, len, leaves[i]);
		at += 4 + len;
	}
	CHECK(journal_append(j, first, b->entries, b->bytes, at, (const uint8_t(*)[HASH_LEN])leaves) == 0);
}

static void
journal_fill(struct story *s, const uint8_t **p, size_t *left)
{
	size_t at = SECTOR, n = take(p, left) % (BATCHES + 1);
	struct journal *j;
	uint64_t first = 1;

	CHECK(journal_open(fuzz_folder(), 0, &j) == RESULT_OK && j != NULL);
	CHECK(journal_start(j, fuzz_folder()) == RESULT_OK);
	for (; s->n < n; s->n++) {
		struct batch *b = &s->batch[s->n];

		batch_make(b, p, left);
		b->at = at;
		CHECK(journal_fits(j, b->len - HEAD));
		batch_append(j, first, b);
		first += b->entries;
		at += (b->len + SECTOR - 1) / SECTOR * SECTOR;
	}
	journal_close(j);
}

/* The rest of the input: u16 where, and what is turned there. */
static void
journal_damage(struct story *s, const uint8_t *p, size_t left)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	CHECK(fd >= 0);
	for (; left >= 3; p += 3, left -= 3) {
		size_t at = (size_t)p[0] << 8 | p[1];

		if (p[2] == 0)
			continue;
		CHECK(pread(fd, &byte, 1, (off_t)at) == 1);
		byte ^= p[2];
		CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
		s->head_damaged |= at < FILE_HEAD;
		for (size_t i = 0; i < s->n; i++)
			s->batch[i].damaged |= at >= s->batch[i].at && at < s->batch[i].at + s->batch[i].len;
	}
	close(fd);
}

static enum result
entry_check(void *ctx, uint64_t seq, const uint8_t *entry, size_t len)
{
	struct story *s = ctx;
	struct batch *b = &s->batch[s->in];

	CHECK(seq == s->next++ && s->in < s->n);
	CHECK(len + 4 <= b->len - HEAD - s->offset && memcmp(b->bytes + s->offset + 4, entry, len) == 0);
	CHECK(((size_t)b->bytes[s->offset + 2] << 8 | b->bytes[s->offset + 3]) == len);
	s->offset += 4 + len;
	if (s->offset == b->len - HEAD) {
		s->in++;
		s->offset = 0;
	}
	return RESULT_OK;
}

static void
journal_check(struct story *s)
{
	struct journal *j;
	uint64_t greatest = 0;
	enum result err = journal_open(fuzz_folder(), 1, &j);

	if (err != RESULT_OK) {
		CHECK(err == RESULT_CORRUPT && s->head_damaged);
		return;
	}
	CHECK(j != NULL && journal_greatest(j, &greatest) == RESULT_OK);
	s->next = 1;
	CHECK(journal_read(j, 0, entry_check, s) == RESULT_OK);
	CHECK(s->offset == 0);
	CHECK(s->in == s->n || s->batch[s->in].damaged);
	for (size_t i = s->in; i < s->n; i++)
		CHECK(s->batch[i].damaged || greatest >= s->next);
	journal_close(j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story *s = calloc(1, sizeof(*s));
	const uint8_t *p = data;

	CHECK(s != NULL);
	set_up();
	journal_fill(s, &p, &size);
	journal_damage(s, p, size);
	journal_check(s);
	(void)unlink(path);
	(void)unlink(path2);
	free(s);
	return 0;
}
