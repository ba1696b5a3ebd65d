/* How acts and calls share a turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/rpc/rpc_int.h"

/* A turn that took so much, after one that took `before`. */
static struct rpc
turn_of(uint32_t acts, uint32_t calls, struct load before)
{
	return (struct rpc){.load = {acts, calls}, .load_before = before};
}

static void
acts_alone_or_calls_alone_have_the_turn_to_themselves(void **state)
{
	struct rpc acts = turn_of(RPC_QUEUE_ACTS, 0, (struct load){RPC_QUEUE_ACTS, 0});
	struct rpc calls = turn_of(0, 100000, (struct load){0, 100000});

	(void)state;
	assert_false(turn_acts_full(&acts));
	assert_false(turn_calls_full(&calls));
}

static void
a_few_calls_wait_for_so_many_acts_and_no_more(void **state)
{
	struct rpc less = turn_of(RPC_TURN_ACTS_SHARED - 1, 1, (struct load){0});
	struct rpc full = turn_of(RPC_TURN_ACTS_SHARED, 1, (struct load){0});
	/* The calls are still to come: there were some in the turn before. */
	struct rpc early = turn_of(RPC_TURN_ACTS_SHARED, 0, (struct load){0, 1});

	(void)state;
	assert_false(turn_acts_full(&less));
	assert_true(turn_acts_full(&full));
	assert_true(turn_acts_full(&early));
}

static void
many_calls_leave_room_for_as_many_acts_by_the_ratio(void **state)
{
	const uint32_t calls = RPC_TURN_ACTS_SHARED, acts = RPC_TURN_ACTS_A_CALL * calls;
	struct rpc less = turn_of(acts - 1, calls, (struct load){0});
	struct rpc full = turn_of(acts, calls, (struct load){0});
	struct rpc early = turn_of(acts - 1, 0, (struct load){0, calls});
	/* So many calls came while no acts did. */
	struct rpc flood = turn_of(RPC_TURN_ACTS_A_CALL * RPC_TURN_CALLS_SHARED, 0, (struct load){0, 100000});

	(void)state;
	assert_false(turn_acts_full(&less));
	assert_true(turn_acts_full(&full));
	assert_false(turn_acts_full(&early));
	assert_true(turn_acts_full(&flood));
}

static void
acts_wait_for_so_many_calls_and_no_more(void **state)
{
	struct rpc less = turn_of(1, RPC_TURN_CALLS_SHARED - 1, (struct load){0});
	struct rpc full = turn_of(1, RPC_TURN_CALLS_SHARED, (struct load){0});
	struct rpc early = turn_of(0, RPC_TURN_CALLS_SHARED, (struct load){1, 0});

	(void)state;
	assert_false(turn_calls_full(&less));
	assert_true(turn_calls_full(&full));
	assert_true(turn_calls_full(&early));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acts_alone_or_calls_alone_have_the_turn_to_themselves),
		cmocka_unit_test(a_few_calls_wait_for_so_many_acts_and_no_more),
		cmocka_unit_test(many_calls_leave_room_for_as_many_acts_by_the_ratio),
		cmocka_unit_test(acts_wait_for_so_many_calls_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
