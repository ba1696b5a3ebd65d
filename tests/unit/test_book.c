/* The rules on a fake clock: no engine, no disk, commands as plain structs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/book/book.h"
#include "daemon/store/rows.h"
#include "proto/crypto.h"

#define START_US (20000ull * DAY_US)
#define STAFF_A	 1
#define STAFF_B	 2
#define KIOSK	 3
#define OUTLET	 4

/* Ids of the cast. */
enum { WORKER_A = 101, WORKER_B, ANNA, BEN, CARL, KIN_OF_B };

static struct rows *rows;
static struct row_source source;
static struct book_out out;
static uint64_t now_us, seq;

/* Leaf hashes in these tests are the sequence number, repeated. */
static void
leaf_of(uint64_t s, uint8_t leaf[32])
{
	memset(leaf, 0, 32);
	memcpy(leaf, &s, sizeof(s));
	leaf[31] = 1;
}

static void
add_sums(void *ctx, const struct row_key *key, const void *value)
{
	int64_t *sum = ctx, balance = ((const struct account_row *)value)->balance;

	assert_true(balance >= 0 || key->tag[0] <= PURPOSE_DEBT);
	assert_true(key->tag[0] != PURPOSE_DEBT || balance <= 0);
	sum[key->tag[1]] += balance;
}

static void
assert_books_balance(void)
{
	int64_t sum[4] = {0};

	rows_each(rows, TABLE_ACCOUNT, add_sums, sum);
	assert_true(sum[1] == 0 && sum[2] == 0 && sum[3] == 0);
	for (uint64_t m = ANNA; m <= KIN_OF_B; m++) {
		struct member_sums s;

		book_member_sums(&source, m, &s);
		assert_true(s.debt == 0 || s.available == 0);
	}
}

static enum result
act_by(unsigned who, uint64_t session_member, const struct command *c, int system)
{
	struct act act = {.n_commands = 1, .commands = c, .actor_member = session_member};
	uint64_t fresh[1] = {c->other};
	struct book_in in = {.act = &act,
	    .now_us = now_us,
	    .seq = seq + 1,
	    .system = system,
	    .fresh = fresh,
	    .n_fresh = 1};
	uint8_t leaf[32];
	enum result err;

	act.actor_key[0] = (uint8_t)who;
	now_us++;
	err = book_decide(&source, &in, &out);
	if (err != RESULT_OK) {
		rows_undo(rows);
		return err;
	}
	leaf_of(++seq, leaf);
	book_seal(&source, &out, leaf);
	rows_keep(rows);
	assert_books_balance();
	return RESULT_OK;
}

static enum result
by(unsigned who, struct command c)
{
	return act_by(who, 0, &c, 0);
}

static enum result
by_member(uint64_t member, struct command c)
{
	return act_by(KIOSK, member, &c, 0);
}

static enum result
by_system(struct command c)
{
	return act_by(0, 0, &c, 1);
}

static struct ref
ref_to(uint64_t s)
{
	struct ref r = {.seq = s};

	leaf_of(s, r.leaf);
	return r;
}

static struct member_sums
sums(uint64_t member)
{
	struct member_sums s;

	book_member_sums(&source, member, &s);
	return s;
}

static void
admit(unsigned who, uint8_t code)
{
	struct command c = {.kind = COMMAND_ENROL};

	c.code_hash[0] = code;
	assert_int_equal(by(who, c), RESULT_OK);
}

static void
invite(unsigned role, code8 partner, uint8_t code)
{
	struct command c = {.kind = COMMAND_INVITE, .role = role, .partner = partner};

	c.code_hash[0] = code;
	assert_int_equal(by(STAFF_A, c), RESULT_OK);
}

static void
genesis(void)
{
	static const uint8_t codes[2][32] = {{1}, {2}};
	struct command c = {
	    .kind = COMMAND_GENESIS, .zone_minutes = 480, .hashes = codes, .n_hashes = 2};

	c.key[0] = 99;
	c.code_hash[0] = 3;
	c.rules = (struct rule_set){.session_cap_minutes = 480,
	    .hold_days = 7,
	    .grace_days = 3,
	    .reset_guard_days = 7,
	    .converts =
		1u << PROVENANCE_KIOSK | 1u << PROVENANCE_WITNESSED | 1u << PROVENANCE_OPENING};
	assert_int_equal(by(99, c), RESULT_OK);
}

static code8
code(const char *s)
{
	return code_pack(s, strlen(s));
}

/* In set-up: two social workers, kiosk, outlet, members (ids as asked), one rate, one item at 2
 * points, 10 pieces. */
static void
set_up(void)
{
	struct rows_table tables[TABLE_LAST];

	for (unsigned i = 0; i < TABLE_LAST; i++)
		tables[i] =
		    (struct rows_table){table_name((enum table)i), table_value_size((enum table)i)};
	assert_int_equal(rows_open(NULL, tables, TABLE_LAST, &rows), RESULT_OK);
	rows_source(rows, &source);
	now_us = START_US;
	seq = 0;
	genesis();
	admit(STAFF_A, 1);
	admit(STAFF_B, 2);
	for (uint64_t id = WORKER_A; id <= KIN_OF_B; id++)
		assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_MEMBER_ADD,
						 .other = id,
						 .member_class = id <= WORKER_B ? CLASS_PAID_STAFF
										: CLASS_RESIDENT,
						 .joined_day = 18000}),
		    RESULT_OK);
	assert_int_equal(
	    by(STAFF_A,
		(struct command){.kind = COMMAND_KIN_ADD, .member = KIN_OF_B, .other = WORKER_B}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_SERVICE_ITEM_SET,
					 .item = code("101"),
					 .minutes = 60,
					 .points = 1}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_PARTNER_SET,
					 .partner = code("P03"),
					 .partner_kind = 3,
					 .from_day = 18000}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_ITEM_SET,
					 .item = code("I01"),
					 .item_kind = ITEM_GOODS,
					 .points = 2,
					 .quota = 6,
					 .n_outlets = 1,
					 .outlets = {code("P03")}}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_DONATION_ADD,
					 .partner = code("P03"),
					 .item = code("I01"),
					 .outlet = code("P03"),
					 .member = WORKER_A,
					 .count = 10,
					 .quality = QUALITY_GOOD,
					 .day = 19000}),
	    RESULT_OK);
	invite(ROLE_KIOSK, 0, 11);
	admit(KIOSK, 11);
	invite(ROLE_OUTLET, code("P03"), 12);
	admit(OUTLET, 12);
}

static void
link_and_open(void)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned who = i == 0 ? STAFF_A : STAFF_B, other = i == 0 ? STAFF_B : STAFF_A;

		assert_int_equal(
		    by(who, (struct command){.kind = COMMAND_KEY_LINK, .member = WORKER_A + i}),
		    RESULT_OK);
		assert_int_equal(
		    by(other, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)}),
		    RESULT_OK);
	}
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_STATION_OPEN}), RESULT_OK);
	assert_int_equal(by(STAFF_B, (struct command){.kind = COMMAND_STATION_OPEN}), RESULT_OK);
}

/* Rows of an hour each on successive days, in one part. */
static enum result
import(unsigned who, uint8_t batch, uint64_t member, uint32_t n)
{
	static struct service_row list[ACT_MAX_ROWS];
	struct command c = {.kind = COMMAND_SERVICE_ROWS, .parts = 1, .rows = list, .n_rows = n};

	c.batch[0] = batch;
	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct service_row){.member = member,
		    .item = code("101"),
		    .line = i + 2,
		    .day = 18500 + (int32_t)i,
		    .start_minute = 600,
		    .end_minute = 660,
		    .measured = 1};
	return by(who, c);
}

static enum result
attest(unsigned who, uint8_t batch, uint32_t records, uint64_t part_seq)
{
	struct command c = {.kind = COMMAND_ATTEST_BATCH, .entries = 1, .records = records};
	uint8_t leaf[32];

	c.batch[0] = batch;
	book_rules_at(&source, now_us, &c.rules_version);
	leaf_of(part_seq, leaf);
	sha256(leaf, 32, c.digest);
	return by(who, c);
}

static enum result
system_over_rows(enum command_kind kind, uint64_t part_seq, uint32_t n)
{
	static struct ref refs[ACT_MAX_ROWS];

	for (uint32_t i = 0; i < n; i++)
		refs[i] = (struct ref){.seq = part_seq, .index = i};
	return by_system((struct command){.kind = kind, .refs = refs, .n_refs = n});
}

static void
give_points(uint8_t batch, uint64_t member, uint32_t n)
{
	uint64_t part;

	assert_int_equal(import(STAFF_A, batch, member, n), RESULT_OK);
	part = seq;
	assert_int_equal(attest(STAFF_B, batch, n, part), RESULT_OK);
	assert_int_equal(system_over_rows(COMMAND_SYSTEM_CREDIT, part, n), RESULT_OK);
}

static enum result
hold(uint64_t member, uint32_t count)
{
	return by_member(member,
	    (struct command){
		.kind = COMMAND_HOLD, .member = member, .item = code("I01"), .count = count});
}

static enum result
confirm(uint64_t s, int32_t day)
{
	return by(OUTLET, (struct command){.kind = COMMAND_CONFIRM, .ref = ref_to(s), .day = day});
}

static enum result
propose_and_approve(struct command c)
{
	enum result err = by(STAFF_A, c);

	if (err != RESULT_OK)
		return err;
	return by(STAFF_B, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)});
}

static uint32_t
quota_used(uint64_t member)
{
	struct row_key k = row_key3(TABLE_QUOTA, member, code("I01"), book_month(20000));
	const struct quota_row *row = rows_get(rows, &k);

	return row == NULL ? 0 : row->used;
}

static int
close_rows(void **state)
{
	(void)state;
	rows_close(rows);
	return 0;
}

static int
open_rows(void **state)
{
	(void)state;
	set_up();
	return 0;
}

/* ---- */

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
	    TEST(after_a_pin_reset_a_hold_needs_a_second_person),
	    TEST(kin_and_recorders_are_kept_apart),
	    TEST(a_forgotten_check_out_closes_at_the_planned_end_and_waits),
	    TEST(whoever_witnessed_may_not_attest),
	    TEST(a_new_price_needs_two_and_holds_from_the_next_day),
	    TEST(gifts_are_off_until_a_rule_says_otherwise),
	    TEST(rows_of_a_withdrawn_batch_are_free_again),
	    TEST(a_receipt_is_entered_once),
	    TEST(both_staff_keys_lost_are_replaced_by_the_recovery_code),
	    TEST(no_sequence_of_commands_unbalances_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
