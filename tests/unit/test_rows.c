#include "daemon/store/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

enum { SMALL, ODD, LARGE, TABLES };

static const struct rows_table tables[TABLES] = {
    [SMALL] = {.name = "small", .value_size = 8},
    [ODD] = {.name = "odd", .value_size = 13, .flags = ROWS_EVICTABLE},
    [LARGE] = {.name = "large", .value_size = 72, .flags = ROWS_EVICTABLE},
};

struct fixture {
	char dir[256];
	struct rows *rows;
};

static void
reopen(struct fixture *f)
{
	rows_close(f->rows);
	f->rows = NULL;
	assert_int_equal(rows_open(f->dir, tables, TABLES, &f->rows), RESULT_OK);
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	snprintf(f.dir, sizeof(f.dir), "%s", scratch_make());
	reopen(&f);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rows_close(f->rows);
	scratch_remove(f->dir);
	return 0;
}

static struct row_key
key_of(uint8_t table, uint64_t n)
{
	struct row_key k = {.table = table, .a = n, .d = ~n};

	k.tag[6] = (uint8_t)(n % 3);
	return k;
}

static void
add(struct rows *r, uint8_t table, uint64_t n, uint8_t fill)
{
	struct row_key k = key_of(table, n);

	memset(rows_add(r, &k), fill, tables[table].value_size);
}

static void
edit(struct rows *r, uint8_t table, uint64_t n, uint8_t fill)
{
	struct row_key k = key_of(table, n);

	memset(rows_edit(r, &k), fill, tables[table].value_size);
}

static void
drop(struct rows *r, uint8_t table, uint64_t n)
{
	struct row_key k = key_of(table, n);

	rows_drop(r, &k);
}

/* The byte that fills the row; -1 if there is none. */
static int
fill_of(const struct rows *r, uint8_t table, uint64_t n)
{
	struct row_key k = key_of(table, n);
	const uint8_t *v = rows_get(r, &k);

	if (v == NULL)
		return -1;
	for (size_t i = 1; i < tables[table].value_size; i++)
		assert_int_equal(v[i], v[0]);
	return v[0];
}

static void
keep_and_checkpoint(struct rows *r, uint64_t seq)
{
	rows_keep(r);
	assert_int_equal(rows_checkpoint(r, seq, "meta", 4), RESULT_OK);
	assert_int_equal(rows_dirty(r), 0);
}

static void
a_new_row_is_zero_and_found(void **state)
{
	struct fixture *f = *state;
	struct row_key k = key_of(ODD, 7);
	uint8_t zero[13] = {0};
	struct row_source source;

	rows_source(f->rows, &source);
	assert_null(source.get(source.ctx, &k));
	assert_null(source.edit(source.ctx, &k));
	assert_memory_equal(source.add(source.ctx, &k), zero, sizeof(zero));
	assert_int_equal(rows_count(f->rows, ODD), 1);
	assert_ptr_equal(source.get(source.ctx, &k), source.edit(source.ctx, &k));
	memset(source.edit(source.ctx, &k), 9, sizeof(zero));
	source.drop(source.ctx, &k);
	assert_null(source.get(source.ctx, &k));
	/* Again in the same settle: zero again. */
	assert_memory_equal(source.add(source.ctx, &k), zero, sizeof(zero));
	k.table = SMALL;
	assert_null(source.get(source.ctx, &k));
}

static void
undo_puts_back_edits_adds_and_drops_of_many_acts(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	for (uint64_t n = 0; n < 100; n++)
		add(f->rows, LARGE, n, (uint8_t)n);
	rows_keep(f->rows);
	before = rows_fingerprint(f->rows);
	for (uint64_t n = 0; n < 100; n += 3)
		edit(f->rows, LARGE, n, 0xee);
	for (uint64_t n = 1; n < 100; n += 3)
		drop(f->rows, LARGE, n);
	for (uint64_t n = 1; n < 50; n += 3)
		add(f->rows, LARGE, n, 0xdd);
	for (uint64_t n = 100; n < 5000; n++)
		add(f->rows, LARGE, n, 0xcc);
	drop(f->rows, LARGE, 4000);
	rows_undo(f->rows);
	assert_int_equal(rows_count(f->rows, LARGE), 100);
	for (uint64_t n = 0; n < 100; n++)
		assert_int_equal(fill_of(f->rows, LARGE, n), n);
	assert_int_equal(fill_of(f->rows, LARGE, 100), -1);
	assert_true(rows_fingerprint(f->rows) == before);
	/* Nothing is left to undo. */
	rows_undo(f->rows);
	assert_true(rows_fingerprint(f->rows) == before);
}

static void
pointers_stay_while_the_table_grows(void **state)
{
	enum { N = 20000 };
	struct fixture *f = *state;
	const uint8_t **at = calloc(N, sizeof(*at));

	assert_non_null(at);
	for (uint64_t n = 0; n < N; n++) {
		struct row_key k = key_of(SMALL, n);

		add(f->rows, SMALL, n, (uint8_t)n);
		at[n] = rows_get(f->rows, &k);
	}
	rows_keep(f->rows);
	for (uint64_t n = 0; n < N; n++) {
		struct row_key k = key_of(SMALL, n);

		assert_ptr_equal(rows_get(f->rows, &k), at[n]);
		assert_int_equal(at[n][0], (uint8_t)n);
	}
	free(at);
}

/* Keys of few bits and of many, in shards that grow and shrink. */
static struct row_key
spread_key(uint64_t n)
{
	struct row_key k = {.table = SMALL, .a = n % 7, .b = n / 7 << 32};

	if (n % 2 != 0)
		memcpy(k.tag, &n, sizeof(k.tag));
	return k;
}

static void
each_row_is_found_while_many_come_and_go(void **state)
{
	enum { N = 300000 };
	struct row_source source;
	struct rows *r = NULL;

	(void)state;
	assert_int_equal(rows_open(NULL, tables, TABLES, &r), RESULT_OK);
	rows_source(r, &source);
	for (uint64_t round = 0; round < 3; round++) {
		for (uint64_t n = round; n < N; n += round + 1) {
			struct row_key k = spread_key(n);

			/* Told in time or not, begun with or not: the rows are the same. */
			source.expect(source.ctx, &k, ROW_NEAR);
			source.expect(source.ctx, n % 100 == 0 ? NULL : &k, ROW_NEXT);
			if (rows_get(r, &k) == NULL)
				memcpy(rows_add(r, &k), &n, sizeof(n));
		}
		rows_keep(r);
		for (uint64_t n = 0; n < N; n++) {
			struct row_key k = spread_key(n);
			const uint64_t *value = rows_get(r, &k);

			if (n % (round + 1) == round)
				assert_non_null(value);
			if (value != NULL)
				assert_int_equal(*value, n);
			if (value != NULL && n % 3 != round)
				rows_drop(r, &k);
		}
		rows_keep(r);
		for (uint64_t n = 0; n < N; n++) {
			struct row_key k = spread_key(n);

			assert_true((rows_get(r, &k) == NULL) ==
			    (n % 3 != round || n % (round + 1) != round));
			if (n % 3 == round && rows_get(r, &k) != NULL)
				rows_drop(r, &k);
		}
		rows_keep(r);
		assert_int_equal(rows_count(r, SMALL), 0);
	}
	rows_close(r);
}

struct seen {
	size_t n[3];
	uint64_t last[3];
};

static void
note_change(void *ctx, const struct row_key *key, enum rows_change change)
{
	struct seen *s = ctx;

	s->n[change]++;
	s->last[change] = key->a;
}

static void
changes_say_what_happened_since_the_last_settle(void **state)
{
	struct fixture *f = *state;
	struct seen s = {{0}, {0}};

	add(f->rows, SMALL, 1, 1);
	add(f->rows, SMALL, 2, 2);
	add(f->rows, SMALL, 3, 3);
	rows_keep(f->rows);
	rows_changes(f->rows, note_change, &s);
	assert_int_equal(s.n[ROWS_ADDED] + s.n[ROWS_EDITED] + s.n[ROWS_DROPPED], 0);

	edit(f->rows, SMALL, 1, 11);
	edit(f->rows, SMALL, 1, 12);
	drop(f->rows, SMALL, 2);
	add(f->rows, SMALL, 4, 4);
	add(f->rows, SMALL, 5, 5);
	drop(f->rows, SMALL, 5);
	rows_changes(f->rows, note_change, &s);
	assert_int_equal(s.n[ROWS_ADDED], 1);
	assert_int_equal(s.last[ROWS_ADDED], 4);
	assert_int_equal(s.n[ROWS_EDITED], 1);
	assert_int_equal(s.last[ROWS_EDITED], 1);
	assert_int_equal(s.n[ROWS_DROPPED], 1);
	assert_int_equal(s.last[ROWS_DROPPED], 2);
	rows_undo(f->rows);
	memset(&s, 0, sizeof(s));
	rows_changes(f->rows, note_change, &s);
	assert_int_equal(s.n[ROWS_ADDED] + s.n[ROWS_EDITED] + s.n[ROWS_DROPPED], 0);
}

static void
a_checkpoint_is_what_reopening_finds(void **state)
{
	struct fixture *f = *state;
	uint64_t before;
	char meta[8] = "";

	assert_int_equal(rows_checkpoint_seq(f->rows), 0);
	assert_int_equal(rows_checkpoint_meta(f->rows, meta, sizeof(meta)), 0);
	for (uint64_t n = 0; n < 3000; n++)
		add(f->rows, (uint8_t)(n % TABLES), n, (uint8_t)n);
	rows_keep(f->rows);
	assert_int_equal(rows_dirty(f->rows), 3000);
	keep_and_checkpoint(f->rows, 41);
	before = rows_fingerprint(f->rows);
	/* What comes after the checkpoint is not written. */
	edit(f->rows, SMALL, 0, 0x77);
	drop(f->rows, ODD, 1);
	rows_keep(f->rows);
	assert_int_equal(rows_dirty(f->rows), 2);
	assert_true(rows_fingerprint(f->rows) != before);
	reopen(f);
	assert_int_equal(rows_checkpoint_seq(f->rows), 41);
	assert_int_equal(rows_checkpoint_meta(f->rows, meta, sizeof(meta)), 4);
	assert_memory_equal(meta, "meta", 4);
	assert_true(rows_fingerprint(f->rows) == before);
	assert_int_equal(rows_count(f->rows, ODD), 1000);
	assert_int_equal(rows_dirty(f->rows), 0);
	assert_int_equal(fill_of(f->rows, LARGE, 2999), (uint8_t)2999);
}

static void
dropped_rows_leave_the_environment(void **state)
{
	struct fixture *f = *state;

	add(f->rows, SMALL, 1, 1);
	add(f->rows, SMALL, 2, 2);
	keep_and_checkpoint(f->rows, 1);
	drop(f->rows, SMALL, 1);
	keep_and_checkpoint(f->rows, 2);
	/* Dropped, and there again before the next checkpoint. */
	drop(f->rows, SMALL, 2);
	rows_keep(f->rows);
	add(f->rows, SMALL, 2, 22);
	rows_keep(f->rows);
	/* There and gone between two checkpoints. */
	add(f->rows, SMALL, 3, 3);
	rows_keep(f->rows);
	drop(f->rows, SMALL, 3);
	keep_and_checkpoint(f->rows, 3);
	reopen(f);
	assert_int_equal(rows_count(f->rows, SMALL), 1);
	assert_int_equal(fill_of(f->rows, SMALL, 1), -1);
	assert_int_equal(fill_of(f->rows, SMALL, 2), 22);
	assert_int_equal(fill_of(f->rows, SMALL, 3), -1);
}

static void
another_layout_is_dropped(void **state)
{
	static const struct rows_table other[][TABLES] = {
	    {{.name = "small", .value_size = 8}, {.name = "odd", .value_size = 14}, {.name = "large", .value_size = 72}},
	    {{.name = "small", .value_size = 8}, {.name = "odd2", .value_size = 14}, {.name = "large", .value_size = 72}},
	    {{.name = "odd2", .value_size = 14}, {.name = "small", .value_size = 8}, {.name = "large", .value_size = 72}},
	};
	struct fixture *f = *state;
	char meta[8];

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		add(f->rows, SMALL, 1, 1);
		keep_and_checkpoint(f->rows, 9);
		rows_close(f->rows);
		assert_int_equal(rows_open(f->dir, other[i], TABLES, &f->rows), RESULT_OK);
		assert_int_equal(rows_checkpoint_seq(f->rows), 0);
		assert_int_equal(rows_checkpoint_meta(f->rows, meta, sizeof(meta)), 0);
		for (uint8_t t = 0; t < TABLES; t++)
			assert_int_equal(rows_count(f->rows, t), 0);
		reopen(f);
		assert_int_equal(rows_checkpoint_seq(f->rows), 0);
		assert_int_equal(rows_count(f->rows, SMALL), 0);
	}
}

static void
a_failed_checkpoint_is_final_and_the_old_one_stays(void **state)
{
	struct fixture *f = *state;

	add(f->rows, LARGE, 1, 1);
	keep_and_checkpoint(f->rows, 5);
	for (uint64_t n = 2; n < 3000; n++)
		add(f->rows, LARGE, n, 1);
	rows_keep(f->rows);
	scratch_limit_files(65536);
	assert_int_equal(rows_checkpoint(f->rows, 6, "", 0), RESULT_UNAVAILABLE);
	scratch_limit_files(0);
	assert_int_equal(rows_checkpoint(f->rows, 6, "", 0), RESULT_UNAVAILABLE);
	assert_int_equal(rows_checkpoint_seq(f->rows), 5);
	assert_int_equal(rows_count(f->rows, LARGE), 2999);
	reopen(f);
	assert_int_equal(rows_checkpoint_seq(f->rows), 5);
	assert_int_equal(rows_count(f->rows, LARGE), 1);
}

/* More rows than are read at start, of keys in order and not, with another table on each side. */
#define MANY 100000

static struct row_key
timed_key(uint64_t n)
{
	struct row_key k = {.table = 1, .a = __builtin_bswap64(n), .b = n * 7};

	return k;
}

static void
a_large_table_is_read_when_asked_for(void **state)
{
	static const struct rows_table large[] = {{.name = "before", .value_size = 8},
	    {.name = "ids", .value_size = 8, .flags = ROWS_EVICTABLE | ROWS_FRESH | ROWS_NEWEST},
	    {.name = "after", .value_size = 8, .flags = ROWS_EVICTABLE}};
	struct fixture *f = *state;
	uint64_t before;

	rows_close(f->rows);
	assert_int_equal(rows_open(f->dir, large, 3, &f->rows), RESULT_OK);
	for (uint64_t n = 1; n <= MANY; n++) {
		struct row_key k = timed_key(n), other = {.table = 2, .a = n * n};

		memcpy(rows_add(f->rows, &k), &n, sizeof(n));
		memcpy(rows_add(f->rows, &other), &n, sizeof(n));
		if (n <= 10) {
			other.table = 0;
			(void)rows_add(f->rows, &other);
		}
	}
	keep_and_checkpoint(f->rows, 1);
	before = rows_fingerprint(f->rows);
	rows_close(f->rows);
	assert_int_equal(rows_open(f->dir, large, 3, &f->rows), RESULT_OK);
	assert_true(rows_bytes(f->rows) < 16u << 20);
	assert_int_equal(rows_count(f->rows, 0), 10);
	assert_int_equal(rows_count(f->rows, 1), MANY);
	assert_int_equal(rows_count(f->rows, 2), MANY);
	assert_true(rows_fingerprint(f->rows) == before);
	for (uint64_t n = 1; n <= MANY + 1000; n++) {
		struct row_key k = timed_key(n), other = {.table = 2, .a = n * n};
		const uint64_t *id = rows_get(f->rows, &k), *value = rows_get(f->rows, &other);

		assert_int_equal(id != NULL, n <= MANY);
		assert_int_equal(value != NULL, n <= MANY);
		if (n <= MANY && n % 3 == 0)
			rows_drop(f->rows, &other);
		if (n <= MANY)
			assert_true(*id == n && *value == n);
		if (n > MANY)
			memcpy(rows_add(f->rows, &k), &n, sizeof(n));
	}
	keep_and_checkpoint(f->rows, 2);
	/* All of it may go now, over some calls: what is asked for lately in the second round. */
	rows_limit(f->rows, 1);
	for (int i = 0; i < 2000; i++)
		rows_trim(f->rows);
	assert_true(rows_bytes(f->rows) < 16u << 20);
	assert_int_equal(rows_count(f->rows, 1), MANY + 1000);
	assert_int_equal(rows_count(f->rows, 2), MANY - MANY / 3);
	for (uint64_t n = MANY + 1000; n > 0; n -= 7) {
		struct row_key k = timed_key(n), other = {.table = 2, .a = n * n};

		assert_non_null(rows_get(f->rows, &k));
		assert_int_equal(rows_get(f->rows, &other) != NULL, n <= MANY && n % 3 != 0);
		if (n < 7)
			break;
	}
}

/* What a thread of its own writes is the state as of the beginning, whatever changed since. */
static void
a_checkpoint_is_the_state_as_of_its_beginning(void **state)
{
	struct fixture *f = *state;
	enum result err;

	for (uint64_t n = 0; n < 5000; n++)
		add(f->rows, LARGE, n, 1);
	rows_keep(f->rows);
	assert_int_equal(rows_checkpoint_begin(f->rows, 7, "seven", 5, NULL, NULL), RESULT_OK);
	for (uint64_t n = 0; n < 5000; n += 2) {
		if (n % 4 == 0)
			drop(f->rows, LARGE, n);
		else
			edit(f->rows, LARGE, n, 2);
		add(f->rows, ODD, n, 3);
		rows_keep(f->rows);
	}
	while ((err = rows_checkpoint_poll(f->rows)) == RESULT_BUSY)
		continue;
	assert_int_equal(err, RESULT_OK);
	assert_int_equal(rows_checkpoint_seq(f->rows), 7);
	assert_int_equal(rows_dirty(f->rows), 5000);
	reopen(f);
	assert_int_equal(rows_checkpoint_seq(f->rows), 7);
	assert_int_equal(rows_count(f->rows, LARGE), 5000);
	assert_int_equal(rows_count(f->rows, ODD), 0);
	for (uint64_t n = 0; n < 5000; n++)
		assert_int_equal(fill_of(f->rows, LARGE, n), 1);
}

static void
note_durable(void *ctx)
{
	*(int *)ctx = 1;
}

static void
the_owner_is_told_of_what_is_durable_before_it_is_seen(void **state)
{
	struct fixture *f = *state;
	int told = 0;

	add(f->rows, ODD, 1, 1);
	rows_keep(f->rows);
	assert_int_equal(rows_checkpoint_begin(f->rows, 1, "", 0, note_durable, &told), RESULT_OK);
	while (rows_checkpoint_poll(f->rows) == RESULT_BUSY)
		continue;
	assert_int_equal(told, 1);
	told = 0;
	for (uint64_t n = 2; n < 9000; n++)
		add(f->rows, ODD, n, 1);
	rows_keep(f->rows);
	scratch_limit_files(65536);
	assert_int_equal(rows_checkpoint_begin(f->rows, 2, "", 0, note_durable, &told), RESULT_OK);
	while (rows_checkpoint_poll(f->rows) == RESULT_BUSY)
		continue;
	scratch_limit_files(0);
	assert_int_equal(told, 0);
	assert_int_equal(rows_checkpoint_seq(f->rows), 1);
	/* The rows live on; nothing leaves the memory any more. */
	rows_limit(f->rows, 1);
	for (uint64_t n = 3; n < 9000; n += 2) {
		drop(f->rows, ODD, n);
		rows_keep(f->rows);
		rows_trim(f->rows);
	}
	assert_int_equal(rows_count(f->rows, ODD), 4500);
	for (uint64_t n = 1; n < 9000; n++)
		assert_int_equal(fill_of(f->rows, ODD, n), n % 2 == 0 || n == 1 ? 1 : -1);
}

static void
count_row(void *ctx, const struct row_key *key, const void *value)
{
	struct seen *s = ctx;

	assert_int_equal(key->table, ODD);
	assert_int_equal(((const uint8_t *)value)[0], (uint8_t)key->a);
	s->n[0]++;
	s->last[0] += key->a;
}

static void
each_visits_the_rows_of_one_table(void **state)
{
	struct fixture *f = *state;
	struct seen s = {{0}, {0}};

	for (uint64_t n = 0; n < 10000; n++) {
		add(f->rows, ODD, n, (uint8_t)n);
		add(f->rows, SMALL, n, 0xff);
	}
	rows_keep(f->rows);
	for (uint64_t n = 0; n < 10000; n += 2)
		drop(f->rows, ODD, n);
	rows_keep(f->rows);
	rows_each(f->rows, ODD, count_row, &s);
	assert_int_equal(s.n[0], 5000);
	assert_int_equal(s.last[0], 5000 * 5000);
	keep_and_checkpoint(f->rows, 1);
	reopen(f);
	memset(&s, 0, sizeof(s));
	rows_each(f->rows, ODD, count_row, &s);
	assert_int_equal(s.n[0], 5000);
}

static void
the_fingerprint_tells_rows_apart(void **state)
{
	struct rows *a = NULL, *b = NULL;

	(void)state;
	assert_int_equal(rows_open(NULL, tables, TABLES, &a), RESULT_OK);
	assert_int_equal(rows_open(NULL, tables, TABLES, &b), RESULT_OK);
	assert_true(rows_fingerprint(a) == 0);
	for (uint64_t n = 0; n < 50; n++) {
		add(a, ODD, n, (uint8_t)n);
		add(b, ODD, 49 - n, (uint8_t)(49 - n));
	}
	/* In any order, and whether settled or not. */
	rows_keep(a);
	assert_true(rows_fingerprint(a) == rows_fingerprint(b));
	edit(b, ODD, 3, 4);
	edit(b, ODD, 4, 3);
	assert_true(rows_fingerprint(a) != rows_fingerprint(b));
	edit(b, ODD, 3, 3);
	edit(b, ODD, 4, 4);
	assert_true(rows_fingerprint(a) == rows_fingerprint(b));
	drop(b, ODD, 0);
	assert_true(rows_fingerprint(a) != rows_fingerprint(b));
	rows_close(a);
	rows_close(b);
}

static void
rows_in_memory_are_never_dirty(void **state)
{
	struct rows *r = NULL;

	(void)state;
	assert_int_equal(rows_open(NULL, tables, TABLES, &r), RESULT_OK);
	for (uint64_t n = 0; n < 100; n++) {
		add(r, SMALL, n % 7, 1);
		rows_keep(r);
		drop(r, SMALL, n % 7);
		rows_keep(r);
	}
	add(r, SMALL, 1, 5);
	rows_keep(r);
	assert_int_equal(rows_dirty(r), 0);
	assert_int_equal(rows_checkpoint(r, 100, "m", 1), RESULT_OK);
	assert_int_equal(rows_checkpoint_seq(r), 100);
	assert_int_equal(fill_of(r, SMALL, 1), 5);
	rows_close(r);
}

static void
add_twice(void *arg)
{
	add(((struct fixture *)arg)->rows, SMALL, 1, 1);
}

static void
drop_missing(void *arg)
{
	drop(((struct fixture *)arg)->rows, SMALL, 2);
}

static void
add_to_no_table(void *arg)
{
	struct row_key k = {.table = TABLES};

	rows_add(((struct fixture *)arg)->rows, &k);
}

static void
checkpoint_unsettled(void *arg)
{
	(void)!rows_checkpoint(((struct fixture *)arg)->rows, 1, "", 0);
}

static void
wrong_use_stops_the_process(void **state)
{
	struct fixture *f = *state;

	add(f->rows, SMALL, 1, 1);
	assert_true(scratch_stops(add_twice, f));
	assert_true(scratch_stops(drop_missing, f));
	assert_true(scratch_stops(add_to_no_table, f));
	assert_true(scratch_stops(checkpoint_unsettled, f));
}

/* ---- random operations against a plain array ---- */

#define MODEL_KEYS 300

struct model {
	int now[TABLES][MODEL_KEYS];	 /* the fill, -1: absent */
	int settled[TABLES][MODEL_KEYS]; /* as of the last settle */
	int frozen[TABLES][MODEL_KEYS];  /* as of the last checkpoint begun */
	int written[TABLES][MODEL_KEYS]; /* as of the last one known to be done */
	uint64_t frozen_seq;
	uint64_t seq;
	int writing;
	uint64_t changed;
};

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 33) % below;
}

static void
check_change(void *ctx, const struct row_key *key, enum rows_change change)
{
	struct model *m = ctx;
	int now = m->now[key->table][key->a], was = m->settled[key->table][key->a];

	m->changed++;
	switch (change) {
	case ROWS_ADDED:
		assert_true(was < 0 && now >= 0);
		break;
	case ROWS_EDITED:
		assert_true(was >= 0 && now >= 0);
		break;
	case ROWS_DROPPED:
		assert_true(was >= 0 && now < 0);
		break;
	}
}

/* A walk that looks rows up, and so loads some, sees each once all the same. */
struct walk {
	const struct model *m;
	const struct rows *r;
	uint64_t n;
	uint8_t seen[MODEL_KEYS];
};

static void
walk_row(void *ctx, const struct row_key *key, const void *value)
{
	struct walk *w = ctx;

	assert_int_equal(((const uint8_t *)value)[0], w->m->now[key->table][key->a]);
	assert_int_equal(w->seen[key->a], 0);
	w->seen[key->a] = 1;
	for (uint64_t i = 0; i < 3; i++) {
		uint64_t other = (key->a * 7 + w->n * i) % MODEL_KEYS;

		assert_int_equal(fill_of(w->r, key->table, other), w->m->now[key->table][other]);
	}
	w->n++;
}

static void
model_walk(const struct model *m, const struct rows *r)
{
	for (uint8_t t = 0; t < TABLES; t++) {
		struct walk w = {.m = m, .r = r};

		rows_each(r, t, walk_row, &w);
		assert_int_equal(w.n, rows_count(r, t));
	}
}

static void
model_compare(const struct model *m, const struct rows *r)
{
	for (uint8_t t = 0; t < TABLES; t++) {
		uint64_t count = 0;

		for (uint64_t n = 0; n < MODEL_KEYS; n++) {
			assert_int_equal(fill_of(r, t, n), m->now[t][n]);
			count += m->now[t][n] >= 0;
		}
		assert_int_equal(rows_count(r, t), count);
	}
}

static void
model_change(struct model *m, struct rows *r, uint64_t *seed)
{
	uint8_t t = (uint8_t)draw(seed, TABLES), fill = (uint8_t)draw(seed, 256);
	uint64_t n = draw(seed, MODEL_KEYS);
	int *now = &m->now[t][n];

	if (*now < 0) {
		add(r, t, n, fill);
		*now = fill;
	} else if (draw(seed, 3) == 0) {
		drop(r, t, n);
		*now = -1;
	} else {
		edit(r, t, n, fill);
		*now = fill;
	}
}

static void
model_settle(struct model *m, struct rows *r, int keep)
{
	uint64_t differing = 0;

	for (uint8_t t = 0; t < TABLES; t++)
		for (uint64_t n = 0; n < MODEL_KEYS; n++)
			differing += m->now[t][n] != m->settled[t][n];
	m->changed = 0;
	rows_changes(r, check_change, m);
	assert_true(m->changed >= differing);
	if (keep) {
		rows_keep(r);
		memcpy(m->settled, m->now, sizeof(m->now));
	} else {
		rows_undo(r);
		memcpy(m->now, m->settled, sizeof(m->now));
	}
}

static void
model_written(struct model *m)
{
	memcpy(m->written, m->frozen, sizeof(m->frozen));
	m->seq = m->frozen_seq;
	m->writing = 0;
}

/* Begins a checkpoint, or takes up one. */
static void
model_checkpoint(struct model *m, struct rows *r)
{
	enum result err;

	model_settle(m, r, 1);
	err = rows_checkpoint_poll(r);
	if (err == RESULT_OK && m->writing)
		model_written(m);
	assert_int_equal(rows_checkpoint_seq(r), m->seq);
	m->frozen_seq += !m->writing;
	err = rows_checkpoint_begin(
	    r, m->frozen_seq, &m->frozen_seq, sizeof(m->frozen_seq), NULL, NULL);
	assert_int_equal(err, m->writing ? RESULT_BUSY : RESULT_OK);
	if (!m->writing)
		memcpy(m->frozen, m->now, sizeof(m->now));
	m->writing = 1;
}

/* Closing waits for what is being written. */
static void
model_reopen(struct model *m, struct fixture *f, uint64_t *seed)
{
	uint64_t seq = 0;

	if (draw(seed, 2) == 0) {
		model_settle(m, f->rows, 1);
		m->frozen_seq++;
		assert_int_equal(rows_checkpoint(f->rows, m->frozen_seq, &m->frozen_seq,
				     sizeof(m->frozen_seq)),
		    RESULT_OK);
		memcpy(m->frozen, m->now, sizeof(m->now));
		assert_int_equal(rows_dirty(f->rows), 0);
		m->writing = 1;
	}
	reopen(f);
	rows_limit(f->rows, draw(seed, 2));
	if (m->writing)
		model_written(m);
	memcpy(m->now, m->written, sizeof(m->now));
	memcpy(m->settled, m->written, sizeof(m->now));
	assert_int_equal(rows_checkpoint_seq(f->rows), m->seq);
	if (m->seq > 0) {
		assert_int_equal(rows_checkpoint_meta(f->rows, &seq, sizeof(seq)), sizeof(seq));
		assert_int_equal(seq, m->seq);
	}
	model_compare(m, f->rows);
}

static void
random_operations_equal_a_plain_model(void **state)
{
	struct fixture *f = *state;
	struct model *m = calloc(1, sizeof(*m));
	uint64_t seed = 20190601;

	assert_non_null(m);
	memset(m->now, 0xff, sizeof(m->now));
	memset(m->settled, 0xff, sizeof(m->settled));
	memset(m->frozen, 0xff, sizeof(m->frozen));
	memset(m->written, 0xff, sizeof(m->written));
	for (int i = 0; i < 100000; i++) {
		uint64_t what = draw(&seed, 2000);

		if (what < 1900)
			model_change(m, f->rows, &seed);
		else if (what < 1960)
			model_settle(m, f->rows, 1);
		else if (what < 1995)
			model_settle(m, f->rows, 0);
		else if (what < 1999)
			model_checkpoint(m, f->rows);
		else
			model_reopen(m, f, &seed);
		if (what >= 1990)
			model_walk(m, f->rows);
		if (what >= 1900)
			model_compare(m, f->rows);
		if (what >= 1980 && what < 1995)
			rows_trim(f->rows);
	}
	assert_true(m->seq > 20);
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(a_new_row_is_zero_and_found),
	    T(undo_puts_back_edits_adds_and_drops_of_many_acts),
	    T(pointers_stay_while_the_table_grows),
	    cmocka_unit_test(each_row_is_found_while_many_come_and_go),
	    T(changes_say_what_happened_since_the_last_settle),
	    T(a_checkpoint_is_what_reopening_finds),
	    T(dropped_rows_leave_the_environment),
	    T(another_layout_is_dropped),
	    T(a_failed_checkpoint_is_final_and_the_old_one_stays),
	    T(a_large_table_is_read_when_asked_for),
	    T(a_checkpoint_is_the_state_as_of_its_beginning),
	    T(the_owner_is_told_of_what_is_durable_before_it_is_seen),
	    T(each_visits_the_rows_of_one_table),
	    cmocka_unit_test(the_fingerprint_tells_rows_apart),
	    cmocka_unit_test(rows_in_memory_are_never_dirty),
	    T(wrong_use_stops_the_process),
	    T(random_operations_equal_a_plain_model),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
