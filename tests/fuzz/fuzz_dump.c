/*
 * Any bytes as what a verification put into a file: a table, request ids, or the book's rows; or what is really put there, and
 * then damage anywhere in it; under the hash that makes the file whole, if the first byte says so. What must hold: what was written
 * is read, and without its hash refused; what is read can be searched, added to and visited; and written again it is read as the same.
 */
#include <stdio.h>
#include <string.h>

#include "client/auditor/dump.h"
#include "client/auditor/ids.h"
#include "client/auditor/keymap.h"
#include "client/auditor/memory.h"
#include "daemon/base/check.h"
#include "tests/fuzz/folder.h"

#define KEY_SIZE   12
#define VALUE_SIZE 8
#define WHOLE	   0x80u
#define MADE	   0x40u
#define MADE_MOST  64u
#define FILE_MOST  (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum part { TABLE, IDS, ROWS, PARTS };

/* One of them, empty at first. */
struct kept {
	enum part part;
	struct keymap *table;
	struct ids *ids;
	struct memory *rows;
	/* The rows that are looked at: a visit to all of them takes too long. */
	enum table looked_at;
};

static char path[FUZZ_PATH], again[FUZZ_PATH];

static void
set_up(void)
{
	if (path[0] != '\0')
		return;
	fuzz_path(path, "state");
	fuzz_path(again, "again");
}

static struct kept
kept_new(enum part part, uint8_t looked_at)
{
	struct kept k = {.part = part, .looked_at = (enum table)(looked_at % TABLE_LAST)};

	k.table = part == TABLE ? keymap_new(KEY_SIZE, VALUE_SIZE) : NULL;
	k.ids = part == IDS ? ids_new() : NULL;
	k.rows = part == ROWS ? memory_new(NULL, NULL) : NULL;
	CHECK(k.table != NULL || k.ids != NULL || k.rows != NULL);
	return k;
}

static void
kept_free(struct kept *k)
{
	keymap_free(k->table);
	ids_free(k->ids);
	memory_free(k->rows);
}

static enum result
kept_dump(struct kept *k, const char *file, bool writing)
{
	struct dump d;

	dump_begin(&d, file, writing);
	if (k->part == TABLE)
		keymap_dump(k->table, &d);
	else if (k->part == IDS)
		ids_dump(k->ids, &d);
	else
		memory_dump(k->rows, &d);
	return dump_end(&d, file);
}

static void
file_write(const uint8_t *data, size_t size, int whole)
{
	FILE *file = fopen(path, "wbe");
	uint8_t hash[HASH_LEN];

	CHECK(file != NULL && fwrite(data, 1, size, file) == size);
	sha256(data, size, hash);
	if (whole)
		CHECK(fwrite(hash, 1, HASH_LEN, file) == HASH_LEN);
	CHECK(fclose(file) == 0);
}

/* Puts `n` things in. */
static void
kept_fill(struct kept *k, uint8_t n)
{
	for (uint8_t i = 0; i < n; i++) {
		struct row_key row = row_key3(1 + i % (TABLE_LAST - 1), i, 2, 3);
		uint8_t key[UUID7_LEN] = {i, i / 2};

		if (k->part == TABLE)
			CHECK(keymap_add(k->table, key) != NULL);
		else if (k->part == IDS)
			CHECK(ids_add(k->ids, key, i) == RESULT_OK);
		else
			(void)memory_source(k->rows)->add(k->rows, &row);
	}
}

/* A file as it is written, without its hash, and each three bytes of the input flip bits of one of its bytes. */
static size_t
file_make(enum part part, const uint8_t *data, size_t size, uint8_t out[FILE_MOST])
{
	struct kept k = kept_new(part, 0);
	FILE *file;
	size_t n;

	kept_fill(&k, data[0] % MADE_MOST);
	CHECK(kept_dump(&k, path, true) == RESULT_OK);
	kept_free(&k);
	file = fopen(path, "rbe");
	CHECK(file != NULL && (n = fread(out, 1, FILE_MOST, file)) > HASH_LEN && n < FILE_MOST);
	fclose(file);
	n -= HASH_LEN;
	for (size_t i = 1; i + 2 < size; i += 3)
		out[((size_t)data[i] << 8 | data[i + 1]) % n] ^= data[i + 2];
	return n;
}

/* What is in it, in whatever order. */
struct sight {
	size_t things;
	uint64_t sum;
};

static void
see(struct sight *s, const void *a, size_t a_len, const void *b, size_t b_len)
{
	uint8_t hash[HASH_LEN], both[2][HASH_LEN];
	uint64_t word;

	sha256(a, a_len, both[0]);
	sha256(b, b_len, both[1]);
	sha256(both, sizeof(both), hash);
	memcpy(&word, hash, sizeof(word));
	s->sum += word;
	s->things++;
}

static void
see_pair(void *ctx, const void *key, const void *value)
{
	see(ctx, key, KEY_SIZE, value, VALUE_SIZE);
}

static void
see_row(void *ctx, const struct row_key *key, const void *value)
{
	see(ctx, key, sizeof(*key), value, table_value_size((enum table)key->table));
}

static struct sight
kept_see(const struct kept *k)
{
	struct sight s = {0};
	uint64_t first, second;

	if (k->part == TABLE)
		keymap_each(k->table, see_pair, &s);
	if (k->part == ROWS)
		memory_each(k->rows, k->looked_at, see_row, &s);
	if (k->part == IDS && ids_twice(k->ids, &first, &second) == RESULT_CORRUPT)
		s.sum = first + 3 * second;
	CHECK(k->part != TABLE || s.things == keymap_count(k->table));
	return s;
}

/* Goes on where the file ended. */
static void
go_on(struct kept *k)
{
	static const uint8_t id[UUID7_LEN] = {1};
	struct row_key row = row_key3(TABLE_MEMBER, UINT64_MAX, UINT64_MAX, UINT64_MAX);
	const struct row_source *rows = k->part == ROWS ? memory_source(k->rows) : NULL;
	char key[KEY_SIZE] = "new";

	for (char i = 0; i < 100 && k->part == TABLE; i++) {
		key[4] = i;
		CHECK(keymap_add(k->table, key) != NULL && keymap_find(k->table, key) != NULL);
	}
	if (k->part == IDS)
		CHECK(ids_add(k->ids, id, 1) == RESULT_OK);
	if (rows == NULL)
		return;
	if (rows->get(rows->ctx, &row) == NULL)
		rows->add(rows->ctx, &row);
	rows->drop(rows->ctx, &row);
	CHECK(rows->get(rows->ctx, &row) == NULL);
}

static void
check_again(struct kept *k)
{
	struct kept other = kept_new(k->part, (uint8_t)k->looked_at);
	struct sight a = kept_see(k), b;

	CHECK(kept_dump(k, again, true) == RESULT_OK);
	CHECK(kept_dump(&other, again, false) == RESULT_OK);
	b = kept_see(&other);
	CHECK(a.things == b.things && a.sum == b.sum);
	kept_free(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t made[FILE_MOST];
	enum part part;
	struct kept k;
	enum result err;
	int whole;

	if (size < 2)
		return 0;
	set_up();
	part = (enum part)((data[0] & ~(WHOLE | MADE)) % PARTS);
	whole = (data[0] & WHOLE) != 0;
	if ((data[0] & MADE) != 0)
		file_write(made, file_make(part, data + 1, size - 1, made), whole);
	else
		file_write(data + 1, size - 1, whole);
	k = kept_new(part, data[1]);
	err = kept_dump(&k, path, false);
	CHECK(err == RESULT_OK || err == RESULT_CORRUPT);
	/* Its hash is what counts; bytes that are the input's may end with the right one. */
	CHECK(whole || (data[0] & MADE) == 0 || err == RESULT_CORRUPT);
	/* As it was written. */
	CHECK(err == RESULT_OK || !whole || (data[0] & MADE) == 0 || size >= 5);
	if (err == RESULT_OK) {
		check_again(&k);
		go_on(&k);
	}
	kept_free(&k);
	return 0;
}
