/* The write-back rows against a plain model, and across a reopening. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/store/rows.h"

#define KEYS 200

struct small {
	uint64_t v;
};
struct big {
	uint64_t v[9];
};

static const struct rows_table tables[] = {
    {"small", sizeof(struct small)},
    {"big", sizeof(struct big)},
};

/* What the rows should hold: 0 is no row. */
struct model {
	uint64_t value[2][KEYS];
};

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/timebox-rows-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
remove_dir(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct row_key
key_of(unsigned table, unsigned i)
{
	struct row_key k = {
	    .table = (uint8_t)table, .tag = {(uint8_t)(i % 3)}, .a = i, .d = i * 7u};

	return k;
}

static uint64_t
read_value(const struct rows *r, unsigned table, unsigned i)
{
	struct row_key k = key_of(table, i);
	const uint64_t *v = rows_get(r, &k);

	return v == NULL ? 0 : *v;
}

static void
assert_equal(const struct rows *r, const struct model *m)
{
	for (unsigned t = 0; t < 2; t++) {
		uint64_t n = 0;

		for (unsigned i = 0; i < KEYS; i++) {
			assert_int_equal(read_value(r, t, i), m->value[t][i]);
			n += m->value[t][i] != 0;
		}
		assert_int_equal(rows_count(r, (uint8_t)t), n);
	}
}

static void
change(struct rows *r, struct model *m)
{
	unsigned t = (unsigned)random() % 2, i = (unsigned)random() % KEYS;
	uint64_t value = (uint64_t)random() + 1, *v;
	struct row_key k = key_of(t, i);

	if (m->value[t][i] == 0) {
		assert_null(rows_edit(r, &k));
		v = rows_add(r, &k);
		assert_int_equal(*v, 0);
		*v = m->value[t][i] = value;
	} else if (random() % 3 == 0) {
		rows_drop(r, &k);
		m->value[t][i] = 0;
	} else {
		v = rows_edit(r, &k);
		assert_int_equal(*v, m->value[t][i]);
		*v = m->value[t][i] = value;
	}
}

static struct rows *
reopen(struct rows *r)
{
	struct rows *again;

	rows_close(r);
	assert_int_equal(rows_open(dir, tables, 2, &again), RESULT_OK);
	return again;
}

static void
rows_follow_a_plain_model(void **state)
{
	struct model kept = {0}, now;
	struct rows *r;
	uint64_t seq = 0, fingerprint;

	(void)state;
	srandom(7);
	assert_int_equal(rows_open(dir, tables, 2, &r), RESULT_OK);
	for (int round = 0; round < 3000; round++) {
		now = kept;
		for (long n = random() % 8; n >= 0; n--)
			change(r, &now);
		if (random() % 3 == 0) {
			rows_undo(r);
		} else {
			rows_keep(r);
			kept = now;
		}
		if (round % 50 == 0) {
			assert_equal(r, &kept);
			assert_int_equal(rows_checkpoint(r, ++seq, "meta", 4), RESULT_OK);
			assert_int_equal(rows_dirty(r), 0);
		}
		if (round % 400 == 0) {
			fingerprint = rows_fingerprint(r);
			assert_int_equal(rows_checkpoint(r, ++seq, "meta", 4), RESULT_OK);
			r = reopen(r);
			assert_int_equal(rows_checkpoint_seq(r), seq);
			assert_int_equal(rows_fingerprint(r), fingerprint);
			assert_equal(r, &kept);
		}
	}
	rows_close(r);
}

static void
what_was_not_checkpointed_is_forgotten(void **state)
{
	struct row_key k = key_of(0, 1);
	struct rows *r;
	char meta[ROWS_META_MAX];

	(void)state;
	assert_int_equal(rows_open(dir, tables, 2, &r), RESULT_OK);
	((struct small *)rows_add(r, &k))->v = 1;
	rows_keep(r);
	assert_int_equal(rows_checkpoint(r, 5, "five", 4), RESULT_OK);
	((struct small *)rows_edit(r, &k))->v = 2;
	rows_keep(r);
	r = reopen(r);
	assert_int_equal(read_value(r, 0, 1), 1);
	assert_int_equal(rows_checkpoint_seq(r), 5);
	assert_int_equal(rows_checkpoint_meta(r, meta, sizeof(meta)), 4);
	assert_memory_equal(meta, "five", 4);
	rows_close(r);
}

static void
another_layout_begins_empty(void **state)
{
	static const struct rows_table others[] = {{"small", sizeof(struct small)}, {"big", 8}};
	struct row_key k = key_of(0, 1);
	struct rows *r;

	(void)state;
	assert_int_equal(rows_open(dir, tables, 2, &r), RESULT_OK);
	((struct small *)rows_add(r, &k))->v = 1;
	rows_keep(r);
	assert_int_equal(rows_checkpoint(r, 5, "five", 4), RESULT_OK);
	rows_close(r);
	assert_int_equal(rows_open(dir, others, 2, &r), RESULT_OK);
	assert_int_equal(rows_checkpoint_seq(r), 0);
	assert_int_equal(rows_count(r, 0), 0);
	rows_close(r);
}

struct seen {
	unsigned n[3];
};

static void
count_change(void *ctx, const struct row_key *key, enum rows_change c)
{
	(void)key;
	((struct seen *)ctx)->n[c]++;
}

static void
changes_tell_what_will_be_settled(void **state)
{
	struct row_key one = key_of(0, 1), two = key_of(0, 2), three = key_of(0, 3),
		       four = key_of(0, 4);
	struct seen seen = {{0}};
	struct rows *r;

	(void)state;
	assert_int_equal(rows_open(NULL, tables, 2, &r), RESULT_OK);
	rows_add(r, &one);
	rows_add(r, &two);
	rows_keep(r);
	rows_edit(r, &one);
	rows_drop(r, &two);
	rows_add(r, &three);
	rows_add(r, &four);
	rows_drop(r, &four);
	rows_changes(r, count_change, &seen);
	assert_int_equal(seen.n[ROWS_ADDED], 1);
	assert_int_equal(seen.n[ROWS_EDITED], 1);
	assert_int_equal(seen.n[ROWS_DROPPED], 1);
	rows_keep(r);
	rows_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rows_follow_a_plain_model, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(
		what_was_not_checkpointed_is_forgotten, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(another_layout_begins_empty, make_dir, remove_dir),
	    cmocka_unit_test(changes_tell_what_will_be_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
