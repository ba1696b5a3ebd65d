/* Who is kept apart from whom: the rules of test_book.c where they concern two people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/book_kit.h"

static void
after_a_pin_reset_a_hold_needs_a_second_person(void **state)
{
	(void)state;
	give_points(1, ANNA, 10);
	link_and_open();
	assert_int_equal(
	    by(STAFF_A, (struct command){.kind = COMMAND_PIN_SLIP, .member = ANNA}), RESULT_OK);
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
	assert_int_equal(
	    by(STAFF_A, (struct command){.kind = COMMAND_PIN_SLIP, .member = ANNA, .reset = 1}),
	    RESULT_OK);
	assert_int_equal(hold(ANNA, 1), RESULT_SECOND_PERSON);
	/* Whoever has the slip is the first person. */
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_PERMIT, .member = ANNA}),
	    RESULT_SAME_PERSON);
	assert_int_equal(
	    by(STAFF_B, (struct command){.kind = COMMAND_PERMIT, .member = ANNA}), RESULT_OK);
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
	now_us += 3600 * 1000000ull;
	assert_int_equal(hold(ANNA, 1), RESULT_SECOND_PERSON);
	now_us += 7 * DAY_US;
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
}

static void
kin_and_recorders_are_kept_apart(void **state)
{
	uint64_t part;

	(void)state;
	link_and_open();
	/* Once the station is open typed rows are backfilled: minutes, no points. */
	assert_int_equal(import(STAFF_A, 1, KIN_OF_B, 2), RESULT_OK);
	part = seq;
	assert_int_equal(attest(STAFF_A, 1, 2, part), RESULT_SAME_PERSON);
	assert_int_equal(attest(STAFF_B, 1, 2, part), RESULT_KIN_CONFLICT);
	assert_int_equal(import(STAFF_B, 2, ANNA, 2), RESULT_OK);
	part = seq;
	assert_int_equal(attest(STAFF_A, 2, 2, part), RESULT_OK);
	assert_int_equal(system_over_rows(COMMAND_SYSTEM_CREDIT, part, 2), RESULT_OK);
	assert_int_equal(sums(ANNA).minutes, 120);
	assert_int_equal(sums(ANNA).available, 0);
	assert_int_equal(by(STAFF_B, (struct command){.kind = COMMAND_PERMIT, .member = KIN_OF_B}),
	    RESULT_KIN_CONFLICT);
}

/* A change of the ledger's key to that of `key`, after the entry `after`. */
static struct command
ledger_key(unsigned key, uint64_t after)
{
	struct command c = {.kind = COMMAND_LEDGER_KEY, .ref = ref_to(after)};

	c.key[0] = (uint8_t)key;
	return c;
}

static void
from_its_change_on_the_new_ledger_key_alone_is_the_operator(void **state)
{
	struct command clock = {.kind = COMMAND_CLOCK_ACCEPT};

	(void)state;
	assert_int_equal(by(STAFF_A, ledger_key(77, seq)), RESULT_NOT_ALLOWED);
	assert_int_equal(by(LEDGER, ledger_key(77, seq)), RESULT_OK);
	assert_int_equal(out.role, ROLE_OPERATOR);
	clock.time_us = now_us;
	assert_int_equal(by(LEDGER, clock), RESULT_UNKNOWN_KEY);
	assert_int_equal(by(77, clock), RESULT_OK);
	link_and_open();
	assert_int_equal(by(77, ledger_key(78, seq)), RESULT_OK);
	assert_int_equal(book_station(&source)->ledger_key[0], 78);
}

static void
the_ledger_key_changes_at_its_own_place_only(void **state)
{
	struct command two[2] = {{.kind = COMMAND_CLOCK_ACCEPT, .time_us = now_us}, ledger_key(77, seq)};
	struct command c;

	(void)state;
	assert_int_equal(by(LEDGER, ledger_key(77, seq - 1)), RESULT_WRONG_LEAF);
	c = ledger_key(77, seq);
	c.ref.leaf[0] ^= 1;
	assert_int_equal(by(LEDGER, c), RESULT_WRONG_LEAF);
	c = ledger_key(77, seq);
	c.ref.index = 1;
	assert_int_equal(by(LEDGER, c), RESULT_WRONG_LEAF);
	two[1] = ledger_key(77, seq);
	assert_int_equal(by_key((const uint8_t[32]){LEDGER}, two, 2), RESULT_TOO_MANY);
	assert_int_equal(by(LEDGER, ledger_key(77, seq)), RESULT_OK);
}

static void
a_key_is_the_ledgers_once_or_somebodys(void **state)
{
	struct command c = {.kind = COMMAND_ENROL};

	(void)state;
	assert_int_equal(by(LEDGER, ledger_key(LEDGER, seq)), RESULT_EXISTS);
	assert_int_equal(by(LEDGER, ledger_key(STAFF_B, seq)), RESULT_EXISTS);
	assert_int_equal(by(LEDGER, ledger_key(77, seq)), RESULT_OK);
	assert_int_equal(by(77, ledger_key(LEDGER, seq)), RESULT_EXISTS);
	/* The recovery code admits keys of nobody. */
	c.code_hash[0] = 3;
	assert_int_equal(by(LEDGER, c), RESULT_EXISTS);
	assert_int_equal(by(80, c), RESULT_OK);
}

static void
the_ledger_has_so_many_keys_and_no_more(void **state)
{
	uint8_t key[32] = {LEDGER};
	struct command c;

	(void)state;
	for (unsigned i = 1; i < LEDGER_KEYS_MAX; i++) {
		c = ledger_key(0, seq);
		c.key[1] = (uint8_t)i;
		assert_int_equal(by_key(key, &c, 1), RESULT_OK);
		memcpy(key, c.key, sizeof(key));
	}
	c = ledger_key(77, seq);
	assert_int_equal(by_key(key, &c, 1), RESULT_TOO_MANY);
}

static void
whoever_witnessed_may_not_attest(void **state)
{
	uint64_t member = ANNA;
	struct ref ref;

	(void)state;
	assert_int_equal(
	    by(STAFF_A, (struct command){.kind = COMMAND_BENEFICIARY_ADD, .other = 500}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_PAIR_SET,
					 .member = ANNA,
					 .beneficiary = 500,
					 .from_day = 19000}),
	    RESULT_OK);
	link_and_open();
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_CHECK_IN,
					 .members = &member,
					 .n_members = 1,
					 .beneficiary = 500,
					 .item = code("101"),
					 .minutes = 90}),
	    RESULT_OK);
	now_us += 45 * MINUTE_US;
	assert_int_equal(
	    by(STAFF_A,
		(struct command){.kind = COMMAND_CHECK_OUT, .members = &member, .n_members = 1}),
	    RESULT_OK);
	ref = ref_to(seq);
	assert_int_equal(
	    by(STAFF_A,
		(struct command){.kind = COMMAND_ATTEST_RECORDS, .refs = &ref, .n_refs = 1}),
	    RESULT_SAME_PERSON);
	assert_int_equal(
	    by(STAFF_B,
		(struct command){.kind = COMMAND_ATTEST_RECORDS, .refs = &ref, .n_refs = 1}),
	    RESULT_OK);
}

static void
gifts_are_off_until_a_rule_says_otherwise(void **state)
{
	struct command gift = {.kind = COMMAND_GIFT, .member = ANNA, .other = BEN, .points = 3};
	struct command rules = {.kind = COMMAND_RULES_SET};
	uint64_t version;

	(void)state;
	give_points(1, ANNA, 10);
	link_and_open();
	assert_int_equal(by_member(ANNA, gift), RESULT_GIFT_OFF);
	rules.rules = *book_rules_at(&source, now_us, &version);
	rules.rules.gift = GIFT_ANYONE;
	assert_int_equal(propose_and_approve(rules), RESULT_OK);
	now_us += DAY_US;
	assert_int_equal(by_member(BEN, gift), RESULT_WRONG_ACTOR);
	assert_int_equal(by_member(ANNA, gift), RESULT_OK);
	assert_int_equal(sums(BEN).available, 3);
	gift.points = 8;
	assert_int_equal(by_member(ANNA, gift), RESULT_INSUFFICIENT);
	/* After a PIN reset a gift is guarded as a hold is. */
	assert_int_equal(
	    by(STAFF_A, (struct command){.kind = COMMAND_PIN_SLIP, .member = ANNA, .reset = 1}),
	    RESULT_OK);
	gift.points = 1;
	assert_int_equal(by_member(ANNA, gift), RESULT_SECOND_PERSON);
}

static void
both_staff_keys_lost_are_replaced_by_the_recovery_code(void **state)
{
	struct command revoke = {.kind = COMMAND_KEY_REVOKE};

	(void)state;
	link_and_open();
	admit(5, 3);
	admit(6, 3);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(by(5 + i, (struct command){.kind = COMMAND_KEY_LINK, .member = WORKER_A + i}),
		    RESULT_OK);
		assert_int_equal(by(6 - i, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)}),
		    RESULT_OK);
	}
	revoke.key[0] = STAFF_A;
	assert_int_equal(by(5, revoke), RESULT_OK);
	/* The lost key is the same person's: it is no second one. */
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)}),
	    RESULT_SAME_PERSON);
	assert_int_equal(by(6, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)}), RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_PERMIT, .member = ANNA}),
	    RESULT_KEY_REVOKED);
	/* The code admits two, not three. */
	revoke = (struct command){.kind = COMMAND_ENROL};
	revoke.code_hash[0] = 3;
	assert_int_equal(by(7, revoke), RESULT_CODE_USED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_rows, close_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(after_a_pin_reset_a_hold_needs_a_second_person),
	    TEST(kin_and_recorders_are_kept_apart),
	    TEST(from_its_change_on_the_new_ledger_key_alone_is_the_operator),
	    TEST(the_ledger_key_changes_at_its_own_place_only),
	    TEST(a_key_is_the_ledgers_once_or_somebodys),
	    TEST(the_ledger_has_so_many_keys_and_no_more),
	    TEST(whoever_witnessed_may_not_attest),
	    TEST(gifts_are_off_until_a_rule_says_otherwise),
	    TEST(both_staff_keys_lost_are_replaced_by_the_recovery_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
