/* Rows that lie beside others (struct rows_table), against a plain model. */
#include "daemon/store/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

#define OWNERS 40
#define GUESTS 3
/* Between two openings there is more than a merge begins with (MERGE_LEAST, 1 MiB). */
#define TURNS  120000
#define REOPEN 40000

enum { OWNER = 1, GUEST };

static const struct rows_table beside[] = {{.name = "other", .value_size = 8},
    [OWNER] = {.name = "owner", .value_size = 24, .flags = ROWS_EVICTABLE},
    [GUEST] = {.name = "guest", .value_size = 8, .flags = ROWS_EVICTABLE, .beside = OWNER, .beside_tag = 5}};

/* What must be there: the owner, its guests that may lie beside it, and one that may not; 0: nothing. */
struct expected {
	uint64_t owner, guest[GUESTS];
};

static struct row_key
guest_key(uint64_t owner, uint64_t guest)
{
	struct row_key k = {.table = GUEST, .tag = {guest == 0 ? 4 : 5}, .a = owner, .c = guest};

	return k;
}

/* One of: added, changed, dropped. The others of the same `a` stay as they are. */
static void
change(struct rows *r, const struct row_key *k, uint64_t *expected, uint64_t value)
{
	if (*expected == 0) {
		*(uint64_t *)rows_add(r, k) = *expected = value;
	} else if (value % 3 == 0) {
		rows_drop(r, k);
		*expected = 0;
	} else {
		*(uint64_t *)rows_edit(r, k) = *expected = value;
	}
}

static void
must_be(const struct rows *r, const struct row_key *k, uint64_t expected)
{
	const uint64_t *value = rows_get(r, k);

	assert_int_equal(value != NULL, expected != 0);
	if (value != NULL)
		assert_true(*value == expected);
}

static void
count_and_sum(void *ctx, const struct row_key *key, const void *value)
{
	uint64_t *sum = ctx, v;

	memcpy(&v, value, sizeof(v));
	sum[0]++;
	sum[1] += v;
	assert_int_equal(key->table, sum[2]);
}

static void
must_all_be(const struct rows *r, const struct expected *all)
{
	uint64_t owners[3] = {0, 0, OWNER}, guests[3] = {0, 0, GUEST}, want[2] = {0, 0}, n[2] = {0, 0};

	for (uint64_t i = 0; i < OWNERS; i++) {
		n[0] += all[i].owner != 0;
		want[0] += all[i].owner;
		for (uint64_t g = 0; g < GUESTS; g++) {
			n[1] += all[i].guest[g] != 0;
			want[1] += all[i].guest[g];
		}
	}
	rows_each(r, OWNER, count_and_sum, owners);
	rows_each(r, GUEST, count_and_sum, guests);
	assert_true(owners[0] == n[0] && owners[1] == want[0] && rows_count(r, OWNER) == n[0]);
	assert_true(guests[0] == n[1] && guests[1] == want[1] && rows_count(r, GUEST) == n[1]);
}

static void
a_row_beside_another_is_found_wherever_it_lies(void **state)
{
	const char *dir = *state;
	struct expected all[OWNERS], before[OWNERS];
	struct rows *rows;
	unsigned dice = 7;

	memset(all, 0, sizeof(all));
	assert_int_equal(rows_open(dir, beside, 3, &rows), RESULT_OK);
	for (uint64_t turn = 1; turn <= TURNS; turn++) {
		uint64_t i = (uint64_t)rand_r(&dice) % OWNERS, g = (uint64_t)rand_r(&dice) % GUESTS;
		struct row_key owner = {.table = OWNER, .a = i}, guest = guest_key(i, g);

		memcpy(before, all, sizeof(all));
		if (rand_r(&dice) % 3 == 0)
			change(rows, &owner, &all[i].owner, turn);
		if (rand_r(&dice) % 3 != 0)
			change(rows, &guest, &all[i].guest[g], turn);
		if (rand_r(&dice) % 4 == 0) {
			rows_undo(rows);
			memcpy(all, before, sizeof(all));
		} else {
			rows_keep(rows);
		}
		if (rand_r(&dice) % 50 == 0)
			assert_int_equal(rows_checkpoint(rows, turn, "m", 1), RESULT_OK);
		/* With a limit of one byte all leave that may, and are not wanted. */
		rows_limit(rows, rand_r(&dice) % 4 == 0);
		rows_trim(rows);
		must_be(rows, &owner, all[i].owner);
		must_be(rows, &guest, all[i].guest[g]);
		if (turn % 100 == 0)
			must_all_be(rows, all);
		if (turn % REOPEN == 0) {
			assert_int_equal(rows_checkpoint(rows, turn, "m", 1), RESULT_OK);
			rows_close(rows);
			assert_int_equal(rows_open(dir, beside, 3, &rows), RESULT_OK);
		}
	}
	rows_close(rows);
}

static int
setup(void **state)
{
	*state = (void *)(uintptr_t)scratch_make();
	return 0;
}

static int
teardown(void **state)
{
	scratch_remove(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_row_beside_another_is_found_wherever_it_lies, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
