#include "daemon/store/people.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

struct fixture {
	char dir[256];
	struct people *people;
};

static void
reopen(struct fixture *f)
{
	people_close(f->people);
	f->people = NULL;
	assert_int_equal(people_open(f->dir, &f->people), RESULT_OK);
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

	people_close(f->people);
	scratch_remove(f->dir);
	return 0;
}

static void
put(struct fixture *f, enum people_table table, const char *key, const char *value)
{
	assert_int_equal(
	    people_put(f->people, table, key, strlen(key), value, strlen(value)), RESULT_OK);
}

static void
erase(struct fixture *f, enum people_table table, const char *key)
{
	assert_int_equal(people_delete(f->people, table, key, strlen(key)), RESULT_OK);
}

/* What stands there; "" if nothing does. Static until the next call. */
static const char *
get(struct fixture *f, enum people_table table, const char *key)
{
	static char buf[128];
	size_t len = 0;
	enum result err =
	    people_get(f->people, table, key, strlen(key), buf, sizeof(buf) - 1, &len);

	assert_true(err == RESULT_OK || err == RESULT_NOT_FOUND);
	buf[err == RESULT_OK ? len : 0] = '\0';
	return buf;
}

static void
commit(struct fixture *f)
{
	assert_int_equal(people_commit(f->people), RESULT_OK);
	assert_false(people_batch_open(f->people));
}

static void
reads_see_the_open_batch_and_reopening_what_was_committed(void **state)
{
	struct fixture *f = *state;

	assert_false(people_batch_open(f->people));
	put(f, PEOPLE_NUMBER, "1001", "a");
	assert_true(people_batch_open(f->people));
	assert_string_equal(get(f, PEOPLE_NUMBER, "1001"), "a");
	/* Tables are apart. */
	assert_string_equal(get(f, PEOPLE_MEMBER, "1001"), "");
	commit(f);
	put(f, PEOPLE_NUMBER, "1001", "b");
	put(f, PEOPLE_NUMBER, "1002", "c");
	reopen(f);
	assert_string_equal(get(f, PEOPLE_NUMBER, "1001"), "a");
	assert_string_equal(get(f, PEOPLE_NUMBER, "1002"), "");
	assert_int_equal(people_commit(f->people), RESULT_OK);
}

static void
an_abandoned_batch_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	put(f, PEOPLE_CARD, "x", "1");
	commit(f);
	put(f, PEOPLE_CARD, "x", "2");
	put(f, PEOPLE_CARD, "y", "3");
	erase(f, PEOPLE_CARD, "x");
	people_abandon(f->people);
	assert_false(people_batch_open(f->people));
	assert_string_equal(get(f, PEOPLE_CARD, "x"), "1");
	assert_string_equal(get(f, PEOPLE_CARD, "y"), "");
	people_abandon(f->people);
}

static void
deleting_what_is_not_there_is_fine(void **state)
{
	struct fixture *f = *state;

	erase(f, PEOPLE_PIN, "none");
	assert_int_equal(people_delete(f->people, PEOPLE_PIN, "", 0), RESULT_OK);
	put(f, PEOPLE_PIN, "one", "1");
	erase(f, PEOPLE_PIN, "one");
	assert_string_equal(get(f, PEOPLE_PIN, "one"), "");
	commit(f);
	reopen(f);
	assert_string_equal(get(f, PEOPLE_PIN, "one"), "");
}

static void
the_longest_keys_and_values_fit_and_a_short_buffer_is_told(void **state)
{
	static uint8_t key[PEOPLE_KEY_MAX], value[PEOPLE_VALUE_MAX], have[PEOPLE_VALUE_MAX];
	struct fixture *f = *state;
	size_t len = 0;

	memset(key, 0x33, sizeof(key));
	memset(value, 0x44, sizeof(value));
	assert_int_equal(
	    people_put(f->people, PEOPLE_PRIVATE, key, sizeof(key), value, sizeof(value)),
	    RESULT_OK);
	commit(f);
	assert_int_equal(
	    people_get(f->people, PEOPLE_PRIVATE, key, sizeof(key), have, sizeof(have), &len),
	    RESULT_OK);
	assert_int_equal(len, sizeof(value));
	assert_memory_equal(have, value, sizeof(value));
	assert_int_equal(
	    people_get(f->people, PEOPLE_PRIVATE, key, sizeof(key), have, sizeof(have) - 1, &len),
	    RESULT_OVERFLOW);
	assert_int_equal(len, sizeof(value));
	assert_int_equal(people_get(f->people, PEOPLE_PRIVATE, key, 0, have, sizeof(have), &len),
	    RESULT_NOT_FOUND);
	/* What cannot be there is not there. */
	len = PEOPLE_KEY_MAX + 1;
	assert_int_equal(
	    people_get(f->people, PEOPLE_PRIVATE, value, len, have, sizeof(have), &len),
	    RESULT_NOT_FOUND);
	assert_int_equal(people_delete(f->people, PEOPLE_PRIVATE, value, len), RESULT_OK);
	/* An empty value is not the same as none. */
	assert_int_equal(people_put(f->people, PEOPLE_PRIVATE, "e", 1, "", 0), RESULT_OK);
	assert_int_equal(people_get(f->people, PEOPLE_PRIVATE, "e", 1, NULL, 0, &len), RESULT_OK);
	assert_int_equal(len, 0);
}

static void
put_too_long(void *arg)
{
	static uint8_t value[PEOPLE_VALUE_MAX + 1];
	struct fixture *f = arg;

	(void)!people_put(f->people, PEOPLE_PRIVATE, "k", 1, value, sizeof(value));
}

static void
put_without_key(void *arg)
{
	(void)!people_put(((struct fixture *)arg)->people, PEOPLE_PRIVATE, "", 0, "v", 1);
}

static void
commit_with_a_mark(void *arg)
{
	struct fixture *f = arg;

	if (people_mark(f->people) == RESULT_OK)
		(void)!people_commit(f->people);
}

static enum result
write_within(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	(void)value;
	(void)len;
	return people_delete(((struct fixture *)ctx)->people, PEOPLE_NAME, key, key_len);
}

static void
write_while_visiting(void *arg)
{
	struct fixture *f = arg;

	(void)!people_each(f->people, PEOPLE_NAME, "", 0, write_within, f);
}

static void
wrong_use_stops_the_process(void **state)
{
	struct fixture *f = *state;

	put(f, PEOPLE_NAME, "n", "v");
	assert_true(scratch_stops(put_too_long, f));
	assert_true(scratch_stops(put_without_key, f));
	assert_true(scratch_stops(write_while_visiting, f));
	commit(f);
	assert_true(scratch_stops(commit_with_a_mark, f));
}

static void
a_mark_is_undone_without_the_batch_before_it(void **state)
{
	struct fixture *f = *state;

	put(f, PEOPLE_MEMBER, "a", "1");
	assert_int_equal(people_mark(f->people), RESULT_OK);
	put(f, PEOPLE_MEMBER, "a", "2");
	put(f, PEOPLE_MEMBER, "b", "3");
	assert_string_equal(get(f, PEOPLE_MEMBER, "a"), "2");
	people_undo(f->people);
	assert_string_equal(get(f, PEOPLE_MEMBER, "a"), "1");
	assert_string_equal(get(f, PEOPLE_MEMBER, "b"), "");
	commit(f);
	reopen(f);
	assert_string_equal(get(f, PEOPLE_MEMBER, "a"), "1");
	assert_string_equal(get(f, PEOPLE_MEMBER, "b"), "");
}

static void
a_kept_mark_is_part_of_the_batch(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 50; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(people_mark(f->people), RESULT_OK);
		put(f, PEOPLE_MEMBER, key, "v");
		if (i % 2 == 0)
			assert_int_equal(people_keep(f->people), RESULT_OK);
		else
			people_undo(f->people);
	}
	assert_true(people_batch_open(f->people));
	commit(f);
	reopen(f);
	assert_string_equal(get(f, PEOPLE_MEMBER, "48"), "v");
	assert_string_equal(get(f, PEOPLE_MEMBER, "49"), "");
	/* Abandoning ends a mark, too; and so does closing. */
	assert_int_equal(people_mark(f->people), RESULT_OK);
	put(f, PEOPLE_MEMBER, "48", "w");
	people_abandon(f->people);
	assert_string_equal(get(f, PEOPLE_MEMBER, "48"), "v");
	assert_int_equal(people_mark(f->people), RESULT_OK);
	put(f, PEOPLE_MEMBER, "48", "w");
	reopen(f);
	assert_string_equal(get(f, PEOPLE_MEMBER, "48"), "v");
}

struct visit {
	struct fixture *f;
	char seen[64];
	const char *stop;
};

static enum result
visit_one(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct visit *v = ctx;
	size_t n = strlen(v->seen);

	snprintf(v->seen + n, sizeof(v->seen) - n, "%.*s=%.*s ", (int)key_len, (const char *)key,
	    (int)len, (const char *)value);
	/* Reading within is fine. */
	assert_string_equal(get(v->f, PEOPLE_NUMBER, "none"), "");
	return v->stop != NULL && key_len == strlen(v->stop) && memcmp(key, v->stop, key_len) == 0
		   ? RESULT_NOT_DUE
		   : RESULT_OK;
}

static const char *
visit(struct fixture *f, const char *prefix, const char *stop, enum result want)
{
	static struct visit v;

	v = (struct visit){f, "", stop};
	assert_int_equal(
	    people_each(f->people, PEOPLE_NAME, prefix, strlen(prefix), visit_one, &v), want);
	return v.seen;
}

static void
each_visits_a_prefix_in_order(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(visit(f, "", NULL, RESULT_OK), "");
	put(f, PEOPLE_NAME, "b1", "2");
	put(f, PEOPLE_NAME, "b", "1");
	put(f, PEOPLE_NAME, "b2", "3");
	put(f, PEOPLE_NAME, "a", "0");
	commit(f);
	put(f, PEOPLE_NAME, "c", "4");
	assert_string_equal(visit(f, "", NULL, RESULT_OK), "a=0 b=1 b1=2 b2=3 c=4 ");
	assert_string_equal(visit(f, "b", NULL, RESULT_OK), "b=1 b1=2 b2=3 ");
	assert_string_equal(visit(f, "b1", NULL, RESULT_OK), "b1=2 ");
	assert_string_equal(visit(f, "bb", NULL, RESULT_OK), "");
	assert_string_equal(visit(f, "", "b1", RESULT_NOT_DUE), "a=0 b=1 b1=2 ");
	people_abandon(f->people);
	assert_string_equal(visit(f, "", NULL, RESULT_OK), "a=0 b=1 b1=2 b2=3 ");
}

static void
a_failed_commit_is_final_until_the_next_start(void **state)
{
	static const uint8_t value[PEOPLE_VALUE_MAX];
	struct fixture *f = *state;

	put(f, PEOPLE_NUMBER, "1", "a");
	commit(f);
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    people_put(f->people, PEOPLE_PRIVATE, &i, sizeof(i), value, sizeof(value)),
		    RESULT_OK);
	scratch_limit_files(131072);
	assert_int_equal(people_commit(f->people), RESULT_UNAVAILABLE);
	scratch_limit_files(0);
	assert_int_equal(people_put(f->people, PEOPLE_NUMBER, "2", 1, "b", 1), RESULT_UNAVAILABLE);
	assert_int_equal(people_delete(f->people, PEOPLE_NUMBER, "1", 1), RESULT_UNAVAILABLE);
	assert_int_equal(people_mark(f->people), RESULT_UNAVAILABLE);
	assert_int_equal(people_commit(f->people), RESULT_UNAVAILABLE);
	assert_string_equal(get(f, PEOPLE_NUMBER, "1"), "a");
	reopen(f);
	put(f, PEOPLE_NUMBER, "2", "b");
	commit(f);
	assert_string_equal(get(f, PEOPLE_NUMBER, "1"), "a");
}

/* 1 if the file holds the words. */
static int
file_has(const char *dir, const char *words)
{
	char path[600];
	struct stat st;
	char *data;
	int fd, found;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	data = malloc((size_t)st.st_size);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	found = memmem(data, (size_t)st.st_size, words, strlen(words)) != NULL;
	free(data);
	close(fd);
	return found;
}

static void
a_compacted_copy_holds_nothing_that_was_deleted(void **state)
{
	struct fixture *f = *state;
	char copy[300];
	struct fixture g = {.people = NULL};

	put(f, PEOPLE_PRIVATE, "k1", "the name of somebody erased");
	put(f, PEOPLE_PRIVATE, "k2", "the name of somebody else");
	put(f, PEOPLE_PRIVATE, "k3", "the phone of somebody erased");
	commit(f);
	erase(f, PEOPLE_PRIVATE, "k1");
	erase(f, PEOPLE_PRIVATE, "k3");
	commit(f);
	assert_true(file_has(f->dir, "somebody erased"));
	snprintf(copy, sizeof(copy), "%s/copy", f->dir);
	assert_int_equal(people_compact(f->people, copy), RESULT_NOT_FOUND);
	assert_int_equal(mkdir(copy, 0700), 0);
	assert_int_equal(people_compact(f->people, copy), RESULT_OK);
	assert_int_equal(people_compact(f->people, copy), RESULT_EXISTS);
	assert_false(file_has(copy, "somebody erased"));
	assert_true(file_has(copy, "somebody else"));
	snprintf(g.dir, sizeof(g.dir), "%.250s", copy);
	reopen(&g);
	assert_string_equal(get(&g, PEOPLE_PRIVATE, "k1"), "");
	assert_string_equal(get(&g, PEOPLE_PRIVATE, "k2"), "the name of somebody else");
	people_close(g.people);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(reads_see_the_open_batch_and_reopening_what_was_committed),
	    T(an_abandoned_batch_leaves_nothing),
	    T(deleting_what_is_not_there_is_fine),
	    T(the_longest_keys_and_values_fit_and_a_short_buffer_is_told),
	    T(wrong_use_stops_the_process),
	    T(a_mark_is_undone_without_the_batch_before_it),
	    T(a_kept_mark_is_part_of_the_batch),
	    T(each_visits_a_prefix_in_order),
	    T(a_failed_commit_is_final_until_the_next_start),
	    T(a_compacted_copy_holds_nothing_that_was_deleted),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
