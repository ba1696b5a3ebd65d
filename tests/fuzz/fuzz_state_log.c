/*
 * Generations in the state's log, of bases and numbers that the input says, and then damage of its own anywhere in the file. What
 * must hold: read back is what follows the environment's number, one generation after the other, up to the first that is damaged or
 * does not follow; whole, in order, and nothing else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/store/state_log.h"
#include "tests/fuzz/folder.h"

#define GENERATIONS 10
#define RECORDS	    6
#define VALUE_MOST  24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct generation {
	uint64_t base, seq;
	uint32_t records;
	size_t from, to; /* in the file */
	int damaged;
	uint8_t meta[8];
};

struct story {
	struct generation gen[GENERATIONS];
	size_t n;
	uint64_t merged;
	/* What is read back: generation and record that come next, and which generations count. */
	size_t at;
	uint32_t record;
	int counts[GENERATIONS];
};

static char path[FUZZ_PATH];
static const uint8_t layout[HASH_LEN] = "layout";

static void
set_up(void)
{
	if (path[0] == '\0')
		fuzz_path(path, "log-1");
	(void)unlink(path);
}

static uint8_t
take(const uint8_t **p, size_t *left)
{
	if (*left == 0)
		return 0;
	(*left)--;
	return *(*p)++;
}

/* A record that says where it belongs. */
static size_t
record_make(uint8_t *to, size_t gen, uint32_t i)
{
	struct record r = {
	    .key = {.table = 1, .a = gen, .b = i}, .size = 1 + i * 5 % VALUE_MOST, .live = i % 2};

	memset(to, 0, rows_record_bytes(r.size));
	memcpy(to, &r, sizeof(r));
	return rows_record_bytes(r.size);
}

static size_t
file_size(void)
{
	FILE *file = fopen(path, "rb");
	long size = 0;

	if (file != NULL) {
		CHECK(fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0);
		fclose(file);
	}
	return (size_t)size;
}

/* Mostly each follows the one before it. */
static void
log_fill(struct story *s, const uint8_t **p, size_t *left)
{
	static uint64_t block[4096];
	uint8_t *bytes = (uint8_t *)block;
	struct state_log *log;
	uint64_t seq = 0;

	CHECK(state_log_open(fuzz_folder(), layout, &log) == RESULT_OK);
	for (size_t n = take(p, left) % (GENERATIONS + 1); s->n < n; s->n++) {
		struct generation *g = &s->gen[s->n];
		uint8_t how = take(p, left);
		size_t used = 0;
		struct rows_log rows = {.blocks = &bytes, .n_blocks = 1, .used = &used};
		struct mark mark = {.meta_len = how % sizeof(g->meta)};

		g->base = how < 200 ? seq : how % 16;
		g->seq = mark.seq = seq = g->base + take(p, left) % 8;
		g->records = take(p, left) % (RECORDS + 1);
		memset(g->meta, how, mark.meta_len);
		memcpy(mark.meta, g->meta, mark.meta_len);
		for (uint32_t i = 0; i < g->records; i++)
			used += record_make(bytes + used, s->n, i);
		g->from = file_size();
		CHECK(state_log_append(log, g->base, &rows, &mark, 1) == 0);
		g->to = file_size();
	}
	state_log_close(log);
}

static void
log_damage(const uint8_t **p, size_t *left)
{
	size_t size = file_size();
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte, flip;

	for (size_t at; fd >= 0 && size > 0 && *left >= 3;) {
		at = (size_t)take(p, left) << 8;
		at = (at | take(p, left)) % size;
		flip = take(p, left);
		CHECK(pread(fd, &byte, 1, (off_t)at) == 1);
		byte ^= flip;
		CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
	}
	if (fd >= 0)
		close(fd);
}

/* A byte that was flipped twice may be whole again: the bytes tell. */
static void
damage_note(struct story *s, const uint8_t *before, const uint8_t *after)
{
	for (size_t i = 0; i < s->n; i++)
		s->gen[i].damaged = memcmp(before + s->gen[i].from, after + s->gen[i].from,
					s->gen[i].to - s->gen[i].from) != 0;
}

static uint8_t *
file_bytes(void)
{
	size_t size = file_size();
	uint8_t *bytes = malloc(size + 1);
	FILE *file = fopen(path, "rb");

	CHECK(
	    bytes != NULL && (size == 0 || (file != NULL && fread(bytes, 1, size, file) == size)));
	if (file != NULL)
		fclose(file);
	return bytes;
}

/* The number that must come out. */
static uint64_t
plain_find(struct story *s)
{
	uint64_t now = s->merged;

	for (size_t i = 0; i < s->n && !s->gen[i].damaged; i++) {
		const struct generation *g = &s->gen[i];

		if (g->seq <= s->merged)
			continue;
		if (g->base != now)
			break;
		s->counts[i] = 1;
		now = g->seq;
	}
	return now;
}

static void
read_one(struct story *s, const struct record *record)
{
	uint8_t want[sizeof(*record) + VALUE_MOST + 8];

	while (s->at < s->n && (!s->counts[s->at] || s->record == s->gen[s->at].records)) {
		s->at++;
		s->record = 0;
	}
	CHECK(s->at < s->n);
	CHECK(memcmp(record, want, record_make(want, s->at, s->record)) == 0);
	s->record++;
}

static void
read_some(void *ctx, const struct record *first, size_t bytes)
{
	const uint8_t *end = (const uint8_t *)first + bytes;

	for (const struct record *record = first; (const uint8_t *)record < end; record = rows_record_after(record))
		read_one(ctx, record);
}

static void
log_check(struct story *s)
{
	struct mark mark = {.seq = s->merged};
	uint64_t want = plain_find(s);
	struct state_log *log;
	size_t left = 0;

	CHECK(state_log_open(fuzz_folder(), layout, &log) == RESULT_OK);
	CHECK(state_log_find(log, &mark) == RESULT_OK && mark.seq == want);
	CHECK(state_log_replay(log, mark.seq, read_some, s) == RESULT_OK);
	for (size_t i = s->at; i < s->n; i++)
		left += s->counts[i] ? s->gen[i].records : 0;
	CHECK(left == s->record);
	state_log_close(log);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story s = {.n = 0};
	uint8_t *before, *after;

	set_up();
	log_fill(&s, &data, &size);
	s.merged = take(&data, &size) % 16;
	before = file_bytes();
	log_damage(&data, &size);
	after = file_bytes();
	damage_note(&s, before, after);
	free(before);
	free(after);
	log_check(&s);
	return 0;
}
