/* Erasure, openings, findings: who may, of whom, and what they leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/book_kit.h"

#define AUDITOR	  5
#define STRANGER  6
#define ELDER	  500
#define AUDIT_TAG 13

/* Everybody is there: both staff keys are linked, the station is open, an auditor has a key, ANNA ten records of an hour. */
static uint64_t part;

static int
open_station(void **state)
{
	struct command invite = {.kind = COMMAND_INVITE, .role = ROLE_AUDITOR};

	open_rows(state);
	invite.code_hash[0] = AUDIT_TAG;
	assert_int_equal(by(STAFF_A, invite), RESULT_OK);
	admit(AUDITOR, AUDIT_TAG);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_BENEFICIARY_ADD, .other = ELDER}), RESULT_OK);
	assert_int_equal(import(STAFF_A, 1, ANNA, 10), RESULT_OK);
	part = seq;
	assert_int_equal(attest(STAFF_B, 1, 10, part), RESULT_OK);
	assert_int_equal(system_over_rows(COMMAND_SYSTEM_CREDIT, part, 10), RESULT_OK);
	link_and_open();
	return 0;
}

static int
touched(uint64_t member)
{
	for (uint32_t i = 0; i < out.n_touched; i++)
		if (out.touched[i].member == member)
			return 1;
	return 0;
}

static const struct effect *
only_effect(enum effect_kind kind)
{
	assert_int_equal(out.effects[out.n_effects - 1].kind, kind);
	return &out.effects[out.n_effects - 1];
}

static const struct member_row *
member(uint64_t id)
{
	struct row_key k = row_key3(TABLE_MEMBER, id, 0, 0);

	return rows_get(rows, &k);
}

static uint32_t
status(uint64_t id)
{
	struct row_key k = row_key3(TABLE_MEMBER_HEAD, id, 0, 0);

	return ((const struct member_head_row *)rows_get(rows, &k))->status;
}

/* ---- erasure ---- */

static struct command
erase(uint64_t who, uint32_t scope)
{
	return (struct command){.kind = COMMAND_ERASE, .member = who, .scope = scope, .ground = GROUND_REQUEST};
}

static enum result
approve(unsigned who, uint64_t proposal)
{
	return by(who, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(proposal)});
}

static void
an_erasure_takes_two_and_says_by_whom_and_why(void **state)
{
	const struct erasure_row *row;
	const struct effect *e;
	struct row_key k;
	uint64_t proposal;

	(void)state;
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_WHOLE)), RESULT_OK);
	(void)only_effect(EFFECT_PROPOSED);
	assert_true(touched(ANNA));
	assert_int_equal(status(ANNA), MEMBER_ACTIVE);
	proposal = seq;
	assert_int_equal(approve(STAFF_A, proposal), RESULT_SAME_PERSON);
	assert_int_equal(approve(STAFF_B, proposal), RESULT_OK);
	e = only_effect(EFFECT_ERASED);
	assert_int_equal(e->member, ANNA);
	assert_int_equal(e->id, 0);
	assert_int_equal(e->count, SCOPE_WHOLE);
	assert_true(touched(ANNA));
	assert_int_equal(status(ANNA), MEMBER_ERASED);
	k = row_key3(TABLE_ERASURE, ref_id(seq, 0), 0, 0);
	row = rows_get(rows, &k);
	assert_non_null(row);
	assert_int_equal(row->member, ANNA);
	assert_int_equal(row->scope, SCOPE_WHOLE);
	assert_int_equal(row->ground, GROUND_REQUEST);
	assert_int_equal(row->proposer_no, 1);
	assert_int_equal(row->approver_no, 2);
}

static void
neither_the_person_nor_kin_proposes_or_approves_it(void **state)
{
	(void)state;
	assert_int_equal(by(STAFF_A, erase(WORKER_A, SCOPE_WHOLE)), RESULT_SAME_PERSON);
	assert_int_equal(by(STAFF_B, erase(KIN_OF_B, SCOPE_WHOLE)), RESULT_KIN_CONFLICT);
	assert_int_equal(by(STAFF_A, erase(WORKER_B, SCOPE_WHOLE)), RESULT_OK);
	assert_int_equal(approve(STAFF_B, seq), RESULT_SAME_PERSON);
	assert_int_equal(by(STAFF_A, erase(KIN_OF_B, SCOPE_WHOLE)), RESULT_OK);
	assert_int_equal(approve(STAFF_B, seq), RESULT_KIN_CONFLICT);
	assert_int_equal(status(KIN_OF_B), MEMBER_ACTIVE);
}

static void
only_linked_staff_erase(void **state)
{
	(void)state;
	assert_int_equal(by(AUDITOR, erase(ANNA, SCOPE_WHOLE)), RESULT_NOT_ALLOWED);
	assert_int_equal(by(OUTLET, erase(ANNA, SCOPE_WHOLE)), RESULT_NOT_ALLOWED);
	assert_int_equal(by_member(ANNA, erase(ANNA, SCOPE_WHOLE)), RESULT_NOT_ALLOWED);
	assert_int_equal(by(STRANGER, erase(ANNA, SCOPE_WHOLE)), RESULT_UNKNOWN_KEY);
	assert_int_equal(by_system(erase(ANNA, SCOPE_WHOLE)), RESULT_NOT_ALLOWED);
}

static void
an_unlinked_key_does_nothing_of_it(void **state)
{
	(void)state;
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_WHOLE)), RESULT_KEY_NOT_LINKED);
	assert_int_equal(
	    by(STAFF_A, (struct command){.kind = COMMAND_TEXT_OPEN, .ref = ref_to(1), .ground = GROUND_CONSENT}),
	    RESULT_KEY_NOT_LINKED);
	assert_int_equal(
	    by(STAFF_A, (struct command){.kind = COMMAND_AUDIT_FINDING, .ref = ref_to(1), .outcome = FINDING_FOUND}),
	    RESULT_KEY_NOT_LINKED);
}

static void
assert_field(struct command c, const char *field)
{
	assert_int_equal(by(STAFF_A, c), RESULT_BAD_FIELD);
	assert_string_equal(out.field, field);
}

static void
an_erasure_names_one_person_and_a_ground_of_its_own(void **state)
{
	struct command c = erase(0, SCOPE_WHOLE);

	(void)state;
	assert_field(c, "member");
	c.member = ANNA;
	c.beneficiary = ELDER;
	assert_field(c, "member");
	c.beneficiary = 0;
	c.ground = GROUND_CONSENT;
	assert_field(c, "ground");
	c.ground = GROUND_INSPECTION;
	assert_field(c, "ground");
	for (c.ground = GROUND_ENDED; c.ground <= GROUND_ORDER; c.ground++)
		assert_int_equal(by(STAFF_A, c), RESULT_OK);
	assert_int_equal(by(STAFF_A, erase(99999, SCOPE_WHOLE)), RESULT_UNKNOWN_MEMBER);
}

static void
who_has_something_under_way_is_not_erased_yet(void **state)
{
	uint64_t proposal, held, who = BEN;

	(void)state;
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_WHOLE)), RESULT_OK);
	proposal = seq;
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
	held = seq;
	assert_int_equal(approve(STAFF_B, proposal), RESULT_NOT_CONFIRMED);
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_DETAILS)), RESULT_NOT_CONFIRMED);
	/* What records say is needed by nobody to end it. */
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_RECORDS)), RESULT_OK);
	assert_int_equal(confirm(held, 0), RESULT_OK);
	assert_int_equal(approve(STAFF_B, proposal), RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_PAIR_SET,
					 .member = BEN,
					 .beneficiary = ELDER,
					 .from_day = 19000}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_CHECK_IN,
					 .members = &who,
					 .n_members = 1,
					 .beneficiary = ELDER,
					 .item = code("101"),
					 .minutes = 90}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, erase(BEN, SCOPE_WHOLE)), RESULT_SESSION_OPEN);
}

/* Erases by both. */
static void
erase_now(struct command c)
{
	assert_int_equal(propose_and_approve(c), RESULT_OK);
}

static void
what_was_erased_is_not_erased_again_but_more_may_be(void **state)
{
	(void)state;
	erase_now(erase(ANNA, SCOPE_DETAILS));
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_DETAILS)), RESULT_ALREADY_DONE);
	erase_now(erase(ANNA, SCOPE_WHOLE));
	for (uint32_t scope = SCOPE_WHOLE; scope <= SCOPE_RECORDS; scope++)
		assert_int_equal(by(STAFF_A, erase(ANNA, scope)), RESULT_ALREADY_DONE);
}

static void
records_texts_of_a_living_member_may_go_again_and_again(void **state)
{
	(void)state;
	erase_now(erase(ANNA, SCOPE_RECORDS));
	assert_int_equal(status(ANNA), MEMBER_ACTIVE);
	erase_now(erase(ANNA, SCOPE_RECORDS));
	assert_int_equal(hold(ANNA, 1), RESULT_OK);
}

static void
two_proposals_of_one_erasure_take_effect_once(void **state)
{
	uint64_t first;

	(void)state;
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_WHOLE)), RESULT_OK);
	first = seq;
	assert_int_equal(by(STAFF_A, erase(ANNA, SCOPE_WHOLE)), RESULT_OK);
	assert_int_equal(approve(STAFF_B, seq), RESULT_OK);
	assert_int_equal(approve(STAFF_B, first), RESULT_ALREADY_DONE);
}

static void
hours_and_points_stay_and_nothing_is_done_with_them(void **state)
{
	struct command slip = {.kind = COMMAND_PIN_SLIP, .member = ANNA}, card = {.kind = COMMAND_CARD_BIND, .member = ANNA};
	struct command update = {
	    .kind = COMMAND_MEMBER_UPDATE, .member = ANNA, .status = MEMBER_ACTIVE, .member_class = CLASS_RESIDENT};
	struct command pair = {
	    .kind = COMMAND_PAIR_SET, .member = ANNA, .beneficiary = ELDER, .from_day = 19000};
	struct command kin = {.kind = COMMAND_KIN_ADD, .member = ANNA, .other = BEN};
	uint64_t proposal;

	(void)state;
	assert_int_equal(by(STAFF_A, card), RESULT_OK);
	assert_int_equal(by(STAFF_A, slip), RESULT_OK);
	assert_int_equal(by(STAFF_A, kin), RESULT_OK);
	proposal = seq;
	erase_now(erase(ANNA, SCOPE_WHOLE));
	assert_int_equal(sums(ANNA).minutes, 600);
	assert_int_equal(sums(ANNA).available, 10);
	assert_int_equal(member(ANNA)->card_seq, 0);
	assert_int_equal(member(ANNA)->slip_seq, 0);
	assert_int_equal(hold(ANNA, 1), RESULT_NOT_ACTIVE);
	assert_int_equal(by(STAFF_A, slip), RESULT_ERASED);
	assert_int_equal(by(STAFF_A, card), RESULT_ERASED);
	assert_int_equal(by(STAFF_A, update), RESULT_ERASED);
	assert_int_equal(by(STAFF_A, pair), RESULT_ERASED);
	assert_int_equal(import(STAFF_A, 9, ANNA, 1), RESULT_OK);
	assert_int_equal(only_effect(EFFECT_BATCH_COMPLETE)->count, 0);
	assert_int_equal(out.effects[0].kind, EFFECT_ROW_REFUSED);
	assert_int_equal(out.effects[0].verdict, RESULT_ERASED);
	assert_int_equal(approve(STAFF_B, proposal), RESULT_ERASED);
	assert_int_equal(status(ANNA), MEMBER_ERASED);
}

static void
no_key_is_linked_to_who_was_erased(void **state)
{
	struct command invite = {.kind = COMMAND_INVITE, .role = ROLE_STAFF}, link = {.kind = COMMAND_KEY_LINK, .member = BEN};

	(void)state;
	invite.code_hash[0] = 21;
	assert_int_equal(propose_and_approve(invite), RESULT_OK);
	admit(STRANGER, 21);
	assert_int_equal(by(STRANGER, link), RESULT_OK);
	erase_now(erase(BEN, SCOPE_WHOLE));
	assert_int_equal(approve(STAFF_A, seq - 2), RESULT_ERASED);
	assert_int_equal(by(STRANGER, link), RESULT_ERASED);
	link.member = ANNA;
	assert_int_equal(by(STRANGER, link), RESULT_OK);
}

static void
a_beneficiary_is_erased_whole_and_never_visited_again(void **state)
{
	struct command c = erase(0, SCOPE_DETAILS);
	const struct effect *e;

	(void)state;
	c.beneficiary = 12345;
	assert_int_equal(by(STAFF_A, c), RESULT_NOT_FOUND);
	c.beneficiary = ELDER;
	assert_field(c, "scope");
	c.scope = SCOPE_WHOLE;
	erase_now(c);
	e = only_effect(EFFECT_ERASED);
	assert_int_equal(e->id, ELDER);
	assert_int_equal(e->member, 0);
	assert_int_equal(by(STAFF_A, c), RESULT_ALREADY_DONE);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_PAIR_SET,
					 .member = ANNA,
					 .beneficiary = ELDER,
					 .from_day = 19000}),
	    RESULT_ERASED);
}

/* ---- openings ---- */

/* Of the first row of ANNA's records. */
static struct command
text_open(uint64_t who, uint32_t ground)
{
	return (struct command){.kind = COMMAND_TEXT_OPEN, .ref = ref_to(part), .member = who, .ground = ground};
}

static void
an_opening_is_an_entry_that_the_person_finds(void **state)
{
	const struct effect *e;
	struct command c = text_open(ANNA, GROUND_CONSENT);

	(void)state;
	c.row = 3;
	assert_int_equal(by(STAFF_A, c), RESULT_OK);
	e = only_effect(EFFECT_TEXT_OPENED);
	assert_int_equal(e->id, part);
	assert_int_equal(e->index, 0);
	assert_int_equal(e->count, 3);
	assert_int_equal(e->member, ANNA);
	assert_true(touched(ANNA));
	assert_int_equal(by(STAFF_B, text_open(ANNA, GROUND_INSPECTION)), RESULT_OK);
}

static void
only_staff_open_and_not_their_own_or_their_kin_s(void **state)
{
	struct command c = {.kind = COMMAND_TEXT_OPEN, .ref = ref_to(2), .ground = GROUND_INSPECTION};

	(void)state;
	assert_int_equal(by(AUDITOR, text_open(ANNA, GROUND_INSPECTION)), RESULT_NOT_ALLOWED);
	assert_int_equal(by(OUTLET, text_open(ANNA, GROUND_INSPECTION)), RESULT_NOT_ALLOWED);
	assert_int_equal(by_member(ANNA, text_open(ANNA, GROUND_CONSENT)), RESULT_NOT_ALLOWED);
	c.member = WORKER_A;
	assert_int_equal(by(STAFF_A, c), RESULT_SAME_PERSON);
	assert_int_equal(by(STAFF_B, c), RESULT_OK);
	c.member = KIN_OF_B;
	assert_int_equal(by(STAFF_B, c), RESULT_KIN_CONFLICT);
	assert_int_equal(by(STAFF_A, c), RESULT_OK);
}

static void
an_opening_wants_consent_or_an_inspection(void **state)
{
	(void)state;
	for (uint32_t ground = GROUND_REQUEST; ground <= GROUND_ORDER; ground++)
		if (ground != GROUND_CONSENT && ground != GROUND_INSPECTION)
			assert_field(text_open(ANNA, ground), "ground");
}

static void
an_opening_names_an_earlier_entry_and_whose_text_it_is(void **state)
{
	struct command c = text_open(BEN, GROUND_CONSENT);

	(void)state;
	assert_field(c, "member");
	c.member = 0;
	assert_field(c, "member");
	c.member = 99999;
	assert_int_equal(by(STAFF_A, c), RESULT_UNKNOWN_MEMBER);
	c = text_open(ANNA, GROUND_CONSENT);
	c.ref.seq = seq + 1; /* this very entry */
	assert_int_equal(by(STAFF_A, c), RESULT_NOT_FOUND);
	/* A text that is nobody's touches nobody. */
	c = (struct command){.kind = COMMAND_TEXT_OPEN, .ref = ref_to(2), .ground = GROUND_CONSENT};
	assert_int_equal(by(STAFF_A, c), RESULT_OK);
	assert_int_equal(out.n_touched, 0);
}

/* ---- findings ---- */

static struct command
finding(uint64_t entry, uint32_t row, uint32_t outcome)
{
	struct command c = {.kind = COMMAND_AUDIT_FINDING, .ref = ref_to(entry), .outcome = outcome};

	c.ref.index = row;
	return c;
}

static const struct finding_row *
found(uint64_t entry, uint32_t row)
{
	struct row_key k = row_key3(TABLE_FINDING, ref_id(entry, row), 0, 0);

	return rows_get(rows, &k);
}

static void
a_finding_is_the_person_s_to_see_and_the_newest_counts(void **state)
{
	struct command c = finding(part, 2, FINDING_MISSING);
	const struct effect *e;

	(void)state;
	c.digest[0] = 7;
	assert_int_equal(by(AUDITOR, c), RESULT_OK);
	e = only_effect(EFFECT_FINDING);
	assert_int_equal(e->id, part);
	assert_int_equal(e->index, 2);
	assert_int_equal(e->count, FINDING_MISSING);
	assert_int_equal(e->member, ANNA);
	assert_true(touched(ANNA));
	assert_int_equal(found(part, 2)->outcome, FINDING_MISSING);
	assert_int_equal(found(part, 2)->digest[0], 7);
	assert_int_equal(found(part, 2)->count, 1);
	assert_null(found(part, 1));
	assert_int_equal(by(AUDITOR, finding(part, 2, FINDING_DIFFERS)), RESULT_OK);
	assert_int_equal(by(AUDITOR, finding(part, 2, FINDING_FOUND)), RESULT_OK);
	assert_int_equal(found(part, 2)->outcome, FINDING_FOUND);
	assert_int_equal(found(part, 2)->digest[0], 0);
	assert_int_equal(found(part, 2)->count, 3);
	assert_int_equal(found(part, 2)->origin.seq, seq);
}

static void
a_finding_changes_nothing_of_the_record(void **state)
{
	struct row_key k = row_key3(TABLE_RECORD, ref_id(part, 2), 0, 0);

	(void)state;
	assert_int_equal(by(AUDITOR, finding(part, 2, FINDING_MISSING)), RESULT_OK);
	assert_int_equal(((const struct record_row *)rows_get(rows, &k))->state, RECORD_CREDITED);
	assert_int_equal(sums(ANNA).minutes, 600);
	assert_int_equal(sums(ANNA).available, 10);
	assert_int_equal(out.n_postings, 0);
}

static void
who_imported_or_attested_a_record_finds_nothing_about_it(void **state)
{
	uint64_t mine;

	(void)state;
	assert_int_equal(by(STAFF_A, finding(part, 0, FINDING_FOUND)), RESULT_SAME_PERSON);
	assert_int_equal(by(STAFF_B, finding(part, 0, FINDING_FOUND)), RESULT_SAME_PERSON);
	/* Before anybody attested it, and between that and its crediting. */
	assert_int_equal(import(STAFF_A, 2, BEN, 2), RESULT_OK);
	mine = seq;
	assert_int_equal(by(STAFF_B, finding(mine, 0, FINDING_FOUND)), RESULT_OK);
	assert_int_equal(attest(STAFF_B, 2, 2, mine), RESULT_OK);
	assert_int_equal(by(STAFF_B, finding(mine, 0, FINDING_FOUND)), RESULT_SAME_PERSON);
	assert_int_equal(by(AUDITOR, finding(mine, 0, FINDING_FOUND)), RESULT_OK);
}

static void
who_witnessed_or_is_kin_finds_nothing_either(void **state)
{
	uint64_t kin_s, who = BEN;

	(void)state;
	assert_int_equal(import(STAFF_A, 3, KIN_OF_B, 1), RESULT_OK);
	kin_s = seq;
	assert_int_equal(by(STAFF_B, finding(kin_s, 0, FINDING_FOUND)), RESULT_KIN_CONFLICT);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_PAIR_SET,
					 .member = BEN,
					 .beneficiary = ELDER,
					 .from_day = 19000}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, (struct command){.kind = COMMAND_CHECK_IN,
					 .members = &who,
					 .n_members = 1,
					 .beneficiary = ELDER,
					 .item = code("101"),
					 .minutes = 90}),
	    RESULT_OK);
	now_us += 45 * MINUTE_US;
	assert_int_equal(
	    by(STAFF_A, (struct command){.kind = COMMAND_CHECK_OUT, .members = &who, .n_members = 1}),
	    RESULT_OK);
	assert_int_equal(by(STAFF_A, finding(seq, 0, FINDING_FOUND)), RESULT_SAME_PERSON);
	assert_int_equal(by(STAFF_B, finding(seq, 0, FINDING_FOUND)), RESULT_OK);
}

static void
findings_are_of_staff_and_auditors_about_records_that_are_there(void **state)
{
	struct command c = finding(part, 0, FINDING_FOUND);

	(void)state;
	assert_int_equal(by(OUTLET, c), RESULT_NOT_ALLOWED);
	assert_int_equal(by_member(BEN, c), RESULT_NOT_ALLOWED);
	assert_int_equal(by(AUDITOR, finding(part, 10, FINDING_FOUND)), RESULT_NOT_FOUND);
	assert_int_equal(by(AUDITOR, finding(part + 1, 0, FINDING_FOUND)), RESULT_NOT_FOUND);
	c.ref.leaf[5] ^= 1;
	assert_int_equal(by(AUDITOR, c), RESULT_WRONG_LEAF);
	assert_null(found(part, 0));
}

static void
a_record_that_was_taken_back_is_looked_for_too(void **state)
{
	struct command reverse = {.kind = COMMAND_BATCH_REVERSE};

	(void)state;
	reverse.batch[0] = 1;
	assert_int_equal(propose_and_approve(reverse), RESULT_OK);
	assert_int_equal(by(AUDITOR, finding(part, 0, FINDING_MISSING)), RESULT_OK);
	assert_int_equal(system_over_rows(COMMAND_SYSTEM_REVERSE, part, 10), RESULT_OK);
	assert_int_equal(by(AUDITOR, finding(part, 0, FINDING_FOUND)), RESULT_OK);
	assert_int_equal(found(part, 0)->count, 2);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_station, close_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_erasure_takes_two_and_says_by_whom_and_why),
	    TEST(neither_the_person_nor_kin_proposes_or_approves_it),
	    TEST(only_linked_staff_erase),
	    cmocka_unit_test_setup_teardown(an_unlinked_key_does_nothing_of_it, open_rows, close_rows),
	    TEST(an_erasure_names_one_person_and_a_ground_of_its_own),
	    TEST(who_has_something_under_way_is_not_erased_yet),
	    TEST(what_was_erased_is_not_erased_again_but_more_may_be),
	    TEST(records_texts_of_a_living_member_may_go_again_and_again),
	    TEST(two_proposals_of_one_erasure_take_effect_once),
	    TEST(hours_and_points_stay_and_nothing_is_done_with_them),
	    TEST(no_key_is_linked_to_who_was_erased),
	    TEST(a_beneficiary_is_erased_whole_and_never_visited_again),
	    TEST(an_opening_is_an_entry_that_the_person_finds),
	    TEST(only_staff_open_and_not_their_own_or_their_kin_s),
	    TEST(an_opening_wants_consent_or_an_inspection),
	    TEST(an_opening_names_an_earlier_entry_and_whose_text_it_is),
	    TEST(a_finding_is_the_person_s_to_see_and_the_newest_counts),
	    TEST(a_finding_changes_nothing_of_the_record),
	    TEST(who_imported_or_attested_a_record_finds_nothing_about_it),
	    TEST(who_witnessed_or_is_kin_finds_nothing_either),
	    TEST(findings_are_of_staff_and_auditors_about_records_that_are_there),
	    TEST(a_record_that_was_taken_back_is_looked_for_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
