/* The rules on a fake clock: no engine, no disk, commands as plain structs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/book_kit.h"


static void
a_hold_goes_back_only_at_its_release_time(void **state)
{
	struct ref ref;
	uint64_t held;

	(void)state;
	give_points(1, ANNA, 10);
	link_and_open();
	assert_int_equal(hold(ANNA, 2), RESULT_OK);
	held = seq;
	ref = ref_to(held);
	assert_int_equal(
	    by_system((struct command){.kind = COMMAND_SYSTEM_RELEASE, .refs = &ref, .n_refs = 1}),
	    RESULT_NOT_DUE);
	/* After use_by: only what was delivered by then, and no cancelling. */
	now_us += 8 * DAY_US;
	assert_int_equal(confirm(held, 0), RESULT_TOO_LATE);
	assert_int_equal(
	    by_member(ANNA, (struct command){.kind = COMMAND_CANCEL, .ref = ref}), RESULT_TOO_LATE);
	now_us += 3 * DAY_US;
	assert_int_equal(confirm(held, 20001), RESULT_RELEASED);
	assert_int_equal(
	    by_system((struct command){.kind = COMMAND_SYSTEM_RELEASE, .refs = &ref, .n_refs = 1}),
	    RESULT_OK);
	assert_int_equal(sums(ANNA).available, 10);
	assert_int_equal(
	    by_system((struct command){.kind = COMMAND_SYSTEM_RELEASE, .refs = &ref, .n_refs = 1}),
	    RESULT_RELEASED);
}

static void
a_confirm_that_says_delivered_in_time_counts_in_the_grace_days(void **state)
{
	uint64_t held;

	(void)state;
	give_points(1, ANNA, 10);
	link_and_open();
	assert_int_equal(hold(ANNA, 2), RESULT_OK);
	held = seq;
	now_us += 9 * DAY_US;
	assert_int_equal(confirm(held, 20009), RESULT_TOO_LATE);
	/* Nor before there was a voucher. */
	assert_int_equal(confirm(held, 19999), RESULT_BAD_FIELD);
	assert_int_equal(confirm(held, 20006), RESULT_OK);
	assert_int_equal(sums(ANNA).available, 6);
}

static void
a_late_delivery_takes_points_or_leaves_a_debt(void **state)
{
	struct ref ref;
	uint64_t held;

	(void)state;
	give_points(1, ANNA, 4);
	link_and_open();
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
	held = seq;
	ref = ref_to(held);
	now_us += 12 * DAY_US;
	assert_int_equal(
	    by_system((struct command){.kind = COMMAND_SYSTEM_RELEASE, .refs = &ref, .n_refs = 1}),
	    RESULT_OK);
	/* She spends everything else before the merchant's slip turns up. */
	assert_int_equal(hold(ANNA, 2), RESULT_OK);
	assert_int_equal(
	    propose_and_approve((struct command){.kind = COMMAND_LATE_DELIVERY, .ref = ref}),
	    RESULT_OK);
	assert_int_equal(sums(ANNA).debt, 2);
	assert_int_equal(sums(ANNA).available, 0);
	/* The quota that the release gave back is used after all. */
	assert_int_equal(quota_used(ANNA), 3);
	/* What comes back pays the debt first. */
	assert_int_equal(
	    by_member(ANNA, (struct command){.kind = COMMAND_CANCEL, .ref = ref_to(seq - 2)}),
	    RESULT_OK);
	assert_int_equal(sums(ANNA).debt, 0);
	assert_int_equal(sums(ANNA).available, 2);
}

static void
a_reversed_batch_takes_minutes_and_points_back(void **state)
{
	struct command c = {.kind = COMMAND_BATCH_REVERSE};
	uint64_t part, held;

	(void)state;
	c.batch[0] = 1;
	give_points(1, ANNA, 10);
	part = seq - 2;
	link_and_open();
	assert_int_equal(hold(ANNA, 4), RESULT_OK);
	held = seq;
	assert_int_equal(propose_and_approve(c), RESULT_OK);
	assert_int_equal(system_over_rows(COMMAND_SYSTEM_REVERSE, part, 10), RESULT_OK);
	assert_int_equal(sums(ANNA).minutes, 0);
	assert_int_equal(sums(ANNA).available, 0);
	assert_int_equal(sums(ANNA).debt, 8);
	assert_int_equal(
	    by_member(ANNA, (struct command){.kind = COMMAND_CANCEL, .ref = ref_to(held)}),
	    RESULT_OK);
	assert_int_equal(sums(ANNA).debt, 0);
	assert_int_equal(sums(ANNA).available, 0);
}

static void
a_confirmed_redemption_is_reversed_by_two(void **state)
{
	struct command c = {.kind = COMMAND_REVERSE, .fate = FATE_BACK_ON_SHELF};

	(void)state;
	give_points(1, ANNA, 10);
	link_and_open();
	assert_int_equal(hold(ANNA, 2), RESULT_OK);
	c.ref = ref_to(seq);
	assert_int_equal(propose_and_approve(c), RESULT_NOT_CONFIRMED);
	assert_int_equal(confirm(c.ref.seq, 0), RESULT_OK);
	assert_int_equal(by(STAFF_A, c), RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)}),
	    RESULT_SAME_PERSON);
	assert_int_equal(
	    by(STAFF_B, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)}), RESULT_OK);
	assert_int_equal(sums(ANNA).available, 10);
	assert_int_equal(book_shelf_free(&source, code("P03"), code("I01"), 20000), 10);
	assert_int_equal(propose_and_approve(c), RESULT_REVERSED);
}

static void
a_forgotten_check_out_closes_at_the_planned_end_and_waits(void **state)
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
	assert_int_equal(by_member(BEN, (struct command){.kind = COMMAND_CHECK_IN,
					    .beneficiary = 500,
					    .item = code("101"),
					    .minutes = 90}),
	    RESULT_NO_PLAN);
	assert_int_equal(by_member(ANNA, (struct command){.kind = COMMAND_CHECK_IN,
					     .beneficiary = 500,
					     .item = code("101"),
					     .minutes = 90}),
	    RESULT_OK);
	assert_int_equal(by_system((struct command){
			     .kind = COMMAND_SYSTEM_CLOSE, .members = &member, .n_members = 1}),
	    RESULT_NOT_DUE);
	now_us += DAY_US;
	assert_int_equal(by_system((struct command){
			     .kind = COMMAND_SYSTEM_CLOSE, .members = &member, .n_members = 1}),
	    RESULT_OK);
	ref = ref_to(seq);
	assert_int_equal(sums(ANNA).minutes, 0);
	assert_int_equal(
	    by_system((struct command){.kind = COMMAND_SYSTEM_CREDIT, .refs = &ref, .n_refs = 1}),
	    RESULT_RECORD_STATE);
	assert_int_equal(
	    by(STAFF_B,
		(struct command){.kind = COMMAND_ATTEST_RECORDS, .refs = &ref, .n_refs = 1}),
	    RESULT_OK);
	assert_int_equal(
	    by_system((struct command){.kind = COMMAND_SYSTEM_CREDIT, .refs = &ref, .n_refs = 1}),
	    RESULT_OK);
	assert_int_equal(sums(ANNA).minutes, 90);
	assert_int_equal(sums(ANNA).available, 1);
	assert_int_equal(sums(ANNA).carry_minutes, 30);
}

static void
a_new_price_needs_two_and_holds_from_the_next_day(void **state)
{
	struct command c = {.kind = COMMAND_ITEM_SET,
	    .item = code("I01"),
	    .item_kind = ITEM_GOODS,
	    .points = 5,
	    .n_outlets = 1,
	    .outlets = {code("P03")}};

	(void)state;
	give_points(1, ANNA, 20);
	link_and_open();
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
	assert_int_equal(propose_and_approve(c), RESULT_OK);
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
	assert_int_equal(sums(ANNA).held, 4);
	now_us += DAY_US;
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
	assert_int_equal(sums(ANNA).held, 9);
}

static void
rows_of_a_withdrawn_batch_are_free_again(void **state)
{
	struct command c = {.kind = COMMAND_BATCH_WITHDRAW};

	(void)state;
	c.batch[0] = 1;
	assert_int_equal(import(STAFF_A, 1, ANNA, 3), RESULT_OK);
	assert_int_equal(import(STAFF_A, 2, ANNA, 3), RESULT_OK);
	assert_int_equal(out.n_effects, 4);
	assert_int_equal(out.effects[0].verdict, RESULT_DUPLICATE);
	assert_int_equal(by(STAFF_A, c), RESULT_OK);
	assert_int_equal(import(STAFF_A, 3, ANNA, 3), RESULT_OK);
	assert_int_equal(out.n_effects, 1);
	assert_int_equal(out.effects[0].kind, EFFECT_BATCH_COMPLETE);
}

/* The entry that ends a hold is as large as the one that made it: a bound keeps room for it. */
static void
a_hold_takes_from_so_many_lots_only(void **state)
{
	struct command c = {.kind = COMMAND_DONATION_ADD,
	    .partner = code("P03"),
	    .item = code("I01"),
	    .outlet = code("P03"),
	    .member = WORKER_A,
	    .count = 1,
	    .quality = QUALITY_GOOD,
	    .day = 19000};
	struct command free_item = {.kind = COMMAND_ITEM_SET,
	    .item = code("I01"),
	    .item_kind = ITEM_GOODS,
	    .points = 1,
	    .n_outlets = 1,
	    .outlets = {code("P03")}};

	(void)state;
	assert_int_equal(by(STAFF_A, free_item), RESULT_OK);
	for (int i = 0; i < 180; i++) {
		snprintf(c.receipt, sizeof(c.receipt), "LOT-%d", i);
		assert_int_equal(by(STAFF_A, c), RESULT_OK);
	}
	give_points(1, ANNA, 190);
	link_and_open();
	assert_int_equal(hold(ANNA, 180), RESULT_TOO_MANY_EFFECTS);
	assert_int_equal(hold(ANNA, 130), RESULT_OK);
	assert_int_equal(
	    by_member(ANNA, (struct command){.kind = COMMAND_CANCEL, .ref = ref_to(seq)}),
	    RESULT_OK);
	assert_int_equal(sums(ANNA).available, 190);
}

static void
a_receipt_is_entered_once(void **state)
{
	struct command c = {.kind = COMMAND_DONATION_ADD,
	    .partner = code("P03"),
	    .item = code("I01"),
	    .outlet = code("P03"),
	    .member = WORKER_A,
	    .count = 10,
	    .quality = QUALITY_GOOD,
	    .day = 19000,
	    .receipt = "R2019-0001"};

	(void)state;
	assert_int_equal(by(STAFF_A, c), RESULT_OK);
	assert_int_equal(by(STAFF_B, c), RESULT_EXISTS);
	assert_string_equal(out.field, "receipt");
	assert_int_equal(book_shelf_free(&source, code("P03"), code("I01"), 20000), 20);
}

/* Random commands by everybody: whatever is accepted keeps the books (asserted after each act), and
 * replays the same. */
static void
no_sequence_of_commands_unbalances_the_books(void **state)
{
	uint64_t holds[64] = {0}, version;
	struct command rules = {.kind = COMMAND_RULES_SET};
	unsigned accepted = 0;

	(void)state;
	srandom(11);
	rules.rules = *book_rules_at(&source, now_us, &version);
	rules.rules.gift = GIFT_ANYONE;
	for (uint8_t i = 0; i < 3; i++)
		give_points((uint8_t)(10 + i), ANNA + i, 30);
	link_and_open();
	assert_int_equal(propose_and_approve(rules), RESULT_OK);
	now_us += DAY_US;
	for (int i = 0; i < 4000; i++) {
		uint64_t member = ANNA + (uint64_t)random() % 3, *slot = &holds[random() % 64];
		struct ref ref = ref_to(*slot);
		enum result err = RESULT_INTERNAL;

		now_us += (uint64_t)random() % (DAY_US / 8);
		switch (random() % 7) {
		case 0:
		case 1:
			if ((err = hold(member, 1 + (uint32_t)random() % 3)) == RESULT_OK)
				*slot = seq;
			break;
		case 2:
			err = confirm(*slot, 0);
			break;
		case 3:
			err =
			    by_member(member, (struct command){.kind = COMMAND_CANCEL, .ref = ref});
			break;
		case 4:
			err = by_system((struct command){
			    .kind = COMMAND_SYSTEM_RELEASE, .refs = &ref, .n_refs = 1});
			break;
		case 5:
			err = by_member(member, (struct command){.kind = COMMAND_GIFT,
						    .member = member,
						    .other = ANNA + (uint64_t)random() % 3,
						    .points = 1 + (uint32_t)random() % 9});
			break;
		default:
			err = propose_and_approve((struct command){
			    .kind = random() % 2 ? COMMAND_REVERSE : COMMAND_LATE_DELIVERY,
			    .ref = ref,
			    .fate = FATE_BACK_ON_SHELF});
			break;
		}
		assert_int_not_equal(err, RESULT_INTERNAL);
		assert_int_not_equal(err, RESULT_CORRUPT);
		accepted += err == RESULT_OK;
	}
	assert_true(accepted > 300);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_rows, close_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_hold_goes_back_only_at_its_release_time),
	    TEST(a_confirm_that_says_delivered_in_time_counts_in_the_grace_days),
	    TEST(a_late_delivery_takes_points_or_leaves_a_debt),
	    TEST(a_reversed_batch_takes_minutes_and_points_back),
	    TEST(a_confirmed_redemption_is_reversed_by_two),
	    TEST(a_forgotten_check_out_closes_at_the_planned_end_and_waits),
	    TEST(a_new_price_needs_two_and_holds_from_the_next_day),
	    TEST(rows_of_a_withdrawn_batch_are_free_again),
	    TEST(a_hold_takes_from_so_many_lots_only),
	    TEST(a_receipt_is_entered_once),
	    TEST(no_sequence_of_commands_unbalances_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
