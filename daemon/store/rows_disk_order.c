#include "daemon/store/rows_disk_order.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"

#define BYTES	16
#define BUCKETS 256

static uint64_t
word_at(const struct row_key *key, size_t at)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)key + at, sizeof(word));
	return __builtin_bswap64(word);
}

/* The key's byte number `at`, the last of 16 first. */
static unsigned
byte_of(const struct ordered *o, size_t at)
{
	return (unsigned)(o->word[at < 8] >> (at % 8 * 8)) & (BUCKETS - 1);
}

static size_t
list_log(struct ordered *list, size_t n, const struct rows_log *log)
{
	const struct record *record;
	size_t block = 0, offset = 0;

	for (; (record = rows_log_next(log, &block, &offset)) != NULL; n++)
		list[n] = (struct ordered){{word_at(&record->key, 0), word_at(&record->key, 8)}, record};
	return n;
}

/* By that byte, those of the same as they were; 0 if all have the same, and nothing was done. */
static int
order_by(const struct ordered *from, struct ordered *to, size_t n, size_t at, const size_t *count)
{
	size_t place[BUCKETS], next = 0;

	if (n == 0 || count[byte_of(&from[0], at)] == n)
		return 0;
	for (size_t b = 0; b < BUCKETS; b++) {
		place[b] = next;
		next += count[b];
	}
	for (size_t i = 0; i < n; i++)
		to[place[byte_of(&from[i], at)]++] = from[i];
	return 1;
}

/*
 * A radix sort from the last byte on (D. E. Knuth, The Art of Computer Programming, volume 3, section 5.2.5): linear, and it
 * asks no record for its key. 2.5 million records took 0.39 s, with qsort 1.0 s.
 */
static struct ordered *
order(struct ordered *list, struct ordered *other, size_t n)
{
	static const size_t none[BUCKETS];
	size_t count[BYTES][BUCKETS];

	for (size_t at = 0; at < BYTES; at++)
		memcpy(count[at], none, sizeof(none));
	for (size_t i = 0; i < n; i++)
		for (size_t at = 0; at < BYTES; at++)
			count[at][byte_of(&list[i], at)]++;
	for (size_t at = 0; at < BYTES; at++) {
		struct ordered *from = list;

		if (!order_by(from, other, n, at, count[at]))
			continue;
		list = other;
		other = from;
	}
	free(other);
	return list;
}

/* Without those that are followed by one of the same row. */
static size_t
keep_last(struct ordered *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || memcmp(list[i].word, list[i + 1].word, BYTES) != 0 ||
		    memcmp(&list[i].record->key, &list[i + 1].record->key, sizeof(struct row_key)) != 0)
			list[kept++] = list[i];
	return kept;
}

struct ordered *
rows_disk_order(const struct rows_log *logs, size_t n_logs, size_t *n)
{
	struct ordered *list, *other;
	size_t records = 0, listed = 0;

	for (size_t i = 0; i < n_logs; i++)
		records += logs[i].n_records;
	list = rows_must(malloc((records + 1) * sizeof(*list)));
	other = rows_must(malloc((records + 1) * sizeof(*other)));
	for (size_t i = 0; i < n_logs; i++)
		listed = list_log(list, listed, &logs[i]);
	CHECK(listed == records);
	list = order(list, other, records);
	*n = keep_last(list, records);
	return list;
}
