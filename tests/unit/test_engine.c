/* The engine and the book together: the main job without a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/crypto.h"
#include "tests/unit/engine_kit.h"

static struct kit k;

static void
a_new_station_has_one_entry_and_reopens(void **state)
{
	(void)state;
	kit_open(&k);
	assert_int_equal(engine_last_seq(k.engine), 1);
	assert_string_equal(engine_origin(k.engine), KIT_ORIGIN);
	kit_reopen(&k);
	assert_int_equal(engine_last_seq(k.engine), 1);
	kit_close(&k);
}

static void
minutes_become_points_and_carry(void **state)
{
	struct member_sums s;

	(void)state;
	kit_station(&k);
	kit_points(&k, k.member[0], 7);
	s = kit_sums(&k, k.member[0]);
	assert_int_equal(s.minutes, 420);
	assert_int_equal(s.available, 7);
	assert_int_equal(s.carry_minutes, 0);
	kit_close(&k);
}

static void
a_redemption_is_held_confirmed_and_told_once(void **state)
{
	struct member_sums s;
	uint64_t hold;

	(void)state;
	kit_station(&k);
	kit_points(&k, k.member[0], 10);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_NOT_OPEN);
	kit_open_station(&k);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 2), RESULT_OK);
	hold = k.seq;
	s = kit_sums(&k, k.member[0]);
	assert_int_equal(s.available, 6);
	assert_int_equal(s.held, 4);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 2), RESULT_QUOTA);
	assert_int_equal(kit_hold(&k, k.member[1], "I01", 1), RESULT_INSUFFICIENT);
	assert_int_equal(kit_hold(&k, k.member[0], "I99", 1), RESULT_UNKNOWN_ITEM);
	assert_int_equal(kit_confirm(&k, hold), RESULT_OK);
	assert_int_equal(kit_confirm(&k, hold), RESULT_CONFIRMED);
	assert_int_equal(kit_cancel(&k, k.member[0], hold), RESULT_CONFIRMED);
	s = kit_sums(&k, k.member[0]);
	assert_int_equal(s.held, 0);
	assert_int_equal(book_balance(engine_rows(k.engine), PURPOSE_RECEIVED, ASSET_POINTS,
			     code_pack("P03", 3), 0, 0),
	    4);
	kit_close(&k);
}

static void
a_cancelled_hold_gives_everything_back(void **state)
{
	uint64_t hold;

	(void)state;
	kit_station(&k);
	kit_points(&k, k.member[0], 6);
	kit_open_station(&k);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 3), RESULT_OK);
	hold = k.seq;
	assert_int_equal(kit_cancel(&k, k.member[1], hold), RESULT_WRONG_VOUCHER);
	assert_int_equal(kit_cancel(&k, k.member[0], hold), RESULT_OK);
	assert_int_equal(kit_sums(&k, k.member[0]).available, 6);
	assert_int_equal(kit_confirm(&k, hold), RESULT_CANCELLED);
	/* Quota and stock came back too. */
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 3), RESULT_OK);
	kit_close(&k);
}

static void
the_same_act_gives_the_same_receipt_and_a_no_stays_no(void **state)
{
	uint64_t seq;

	(void)state;
	kit_station(&k);
	kit_points(&k, k.member[0], 6);
	kit_open_station(&k);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	seq = k.seq;
	assert_int_equal(kit_again(&k, &k.kiosk), RESULT_OK);
	assert_int_equal(k.seq, seq);
	assert_int_equal(kit_again(&k, &k.outlet), RESULT_ID_TAKEN);
	kit_reopen(&k);
	assert_int_equal(kit_again(&k, &k.kiosk), RESULT_OK);
	assert_int_equal(k.seq, seq);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 3), RESULT_QUOTA);
	assert_int_equal(kit_again(&k, &k.kiosk), RESULT_USE_NEW_ID);
	/* Not even a restart makes it acceptable: its time is before the daemon's start. */
	kit_reopen(&k);
	assert_int_equal(kit_again(&k, &k.kiosk), RESULT_USE_NEW_ID);
	kit_close(&k);
}

static void
replay_from_nothing_gives_the_same_rows(void **state)
{
	uint64_t fingerprint;

	(void)state;
	kit_station(&k);
	kit_points(&k, k.member[0], 9);
	kit_points(&k, k.member[1], 3);
	kit_open_station(&k);
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	assert_int_equal(kit_hold(&k, k.member[1], "I01", 1), RESULT_OK);
	assert_int_equal(kit_confirm(&k, k.seq), RESULT_OK);
	fingerprint = engine_fingerprint(k.engine);
	kit_reopen(&k);
	assert_int_equal(engine_fingerprint(k.engine), fingerprint);
	kit_rebuild(&k);
	assert_int_equal(engine_fingerprint(k.engine), fingerprint);
	kit_close(&k);
}

/* The state is written beside the acts, and what may leave the memory does: nothing of it shows. */
static void
acts_go_on_while_the_state_is_written(void **state)
{
	uint64_t fingerprint, held;

	(void)state;
	kit_station(&k);
	kit_points(&k, k.member[0], 9);
	kit_open_station(&k);
	engine_limit(k.engine, 1);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
		held = k.seq;
		assert_int_equal(engine_checkpoint(k.engine, 3600, 2), RESULT_OK);
		assert_int_equal(kit_cancel(&k, k.member[0], held), RESULT_OK);
		assert_int_equal(engine_checkpoint(k.engine, 3600, 2), RESULT_OK);
		assert_true(engine_last_seq(k.engine) - engine_checkpoint_seq(k.engine) <
			    2 * ENGINE_REPLAY_CHECKPOINTS);
	}
	kit_assert_balanced(&k);
	fingerprint = engine_fingerprint(k.engine);
	kit_reopen(&k);
	assert_int_equal(engine_fingerprint(k.engine), fingerprint);
	kit_rebuild(&k);
	assert_int_equal(engine_fingerprint(k.engine), fingerprint);
	kit_close(&k);
}

static void
only_who_may_is_heard(void **state)
{
	struct actor stranger = {.signs = 1};
	Timebox__V1__Command c;
	Timebox__V1__StationOpen o;

	(void)state;
	kit_station(&k);
	timebox__v1__command__init(&c);
	timebox__v1__station_open__init(&o);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_STATION_OPEN;
	c.station_open = &o;
	assert_int_equal(ed25519_generate(stranger.seed, stranger.pub), RESULT_OK);
	assert_int_equal(kit_ask(&k, &stranger, &c), RESULT_UNKNOWN_KEY);
	assert_int_equal(kit_ask(&k, &k.outlet, &c), RESULT_NOT_ALLOWED);
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_KEY_NOT_LINKED);
	k.staff[0].signs = 0;
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_SIGNATURE_MISSING);
	kit_close(&k);
}

static void
a_witnessed_session_is_measured_by_the_servers_clock(void **state)
{
	Timebox__V1__Command c;
	Timebox__V1__CheckIn in;
	Timebox__V1__CheckOut out;

	(void)state;
	kit_station(&k);
	kit_open_station(&k);
	timebox__v1__command__init(&c);
	timebox__v1__check_in__init(&in);
	timebox__v1__check_out__init(&out);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_CHECK_IN;
	c.check_in = &in;
	in.members = &k.member[0];
	in.n_members = 1;
	in.beneficiary = k.beneficiary;
	in.item = (char[]){"101"};
	in.minutes = 60;
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_OK);
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_SESSION_OPEN);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_CHECK_OUT;
	c.check_out = &out;
	out.members = &k.member[0];
	out.n_members = 1;
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_TOO_SHORT);
	out.members = &k.member[1];
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_NO_SESSION);
	kit_close(&k);
}

/* The name that an item has now, as a number: the kit calls things "name N". */
static unsigned
item_name(const char *item)
{
	const Timebox__V1__NameText *name;
	struct arena arena;
	unsigned n = 0;

	assert_int_equal(arena_init(&arena, 1u << 16), RESULT_OK);
	assert_int_equal(texts_name(engine_people(k.engine), TEXT_ITEM,
			     code_pack(item, strlen(item)), &arena, &name),
	    RESULT_OK);
	assert_int_equal(sscanf(name->name, "name %u", &n), 1);
	arena_free(&arena);
	return n;
}

static void
a_proposed_name_is_shown_from_its_approval(void **state)
{
	char *outlets[] = {(char[]){"P03"}};
	Timebox__V1__Command c;
	Timebox__V1__ItemSet i;
	unsigned before;

	(void)state;
	kit_station(&k);
	kit_open_station(&k);
	timebox__v1__command__init(&c);
	timebox__v1__item_set__init(&i);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_ITEM_SET;
	c.item_set = &i;
	i.item = (char[]){"I01"};
	i.item_kind = TIMEBOX__V1__ITEM_KIND__ITEM_KIND_GOODS;
	i.points = 5;
	i.outlets = outlets;
	i.n_outlets = 1;
	before = item_name("I01");
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_OK);
	assert_int_equal(item_name("I01"), before);
	assert_int_equal(kit_approve(&k, &k.staff[1], k.seq), RESULT_OK);
	assert_int_not_equal(item_name("I01"), before);
	kit_reopen(&k);
	assert_int_not_equal(item_name("I01"), before);
	kit_close(&k);
}

static void
an_act_from_the_future_is_not_accepted_when_its_time_has_come(void **state)
{
	(void)state;
	kit_station(&k);
	kit_points(&k, k.member[0], 6);
	kit_open_station(&k);
	k.ahead_us = ENGINE_MADE_AT_AHEAD_US + 300000;
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_USE_NEW_ID);
	usleep(500000);
	assert_int_equal(kit_again(&k, &k.kiosk), RESULT_USE_NEW_ID);
	/* The same clock a little less ahead is fine. */
	k.ahead_us = ENGINE_MADE_AT_AHEAD_US - 1000000;
	assert_int_equal(kit_hold(&k, k.member[0], "I01", 1), RESULT_OK);
	kit_close(&k);
}

static void
a_commitment_of_zeros_is_none(void **state)
{
	static uint8_t zeros[32];
	Timebox__V1__Command c;
	Timebox__V1__CardBind bind;

	(void)state;
	kit_station(&k);
	kit_open_station(&k);
	timebox__v1__command__init(&c);
	timebox__v1__card_bind__init(&bind);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_CARD_BIND;
	c.card_bind = &bind;
	bind.member = k.member[0];
	bind.commitment = (ProtobufCBinaryData){32, zeros};
	assert_int_equal(kit_ask(&k, &k.staff[0], &c), RESULT_BAD_FIELD);
	kit_close(&k);
}

/* Writes a partner's name as an act of that request id would, and leaves it without its entry. */
static void
orphan_name(uint8_t first_of_id, uint64_t seq, char *name)
{
	struct command c = {.kind = COMMAND_PARTNER_SET, .partner = code_pack("P03", 3)};
	struct act act = {.n_commands = 1, .commands = &c, .request_id = {first_of_id}};
	Timebox__V1__PrivateText t, *list[] = {&t};
	Timebox__V1__Private texts;
	Timebox__V1__NameText n;
	static struct book_out out;
	uint8_t key[32] = {1}, bytes[64];
	struct arena arena;

	timebox__v1__private_text__init(&t);
	timebox__v1__private__init(&texts);
	timebox__v1__name_text__init(&n);
	c.commitment[0] = 1;
	n.name = name;
	t.key = (ProtobufCBinaryData){32, key};
	t.text = (ProtobufCBinaryData){timebox__v1__name_text__pack(&n, bytes), bytes};
	texts.texts = list;
	texts.n_texts = 1;
	assert_int_equal(arena_init(&arena, 1u << 16), RESULT_OK);
	assert_int_equal(
	    texts_store(engine_people(k.engine), &act, &texts, &out, seq, &arena), RESULT_OK);
	assert_int_equal(people_commit(engine_people(k.engine)), RESULT_OK);
	arena_free(&arena);
}

static void
orphaned_texts_are_undone_newest_first(void **state)
{
	const Timebox__V1__NameText *name;
	struct arena arena;
	uint64_t last;

	(void)state;
	kit_station(&k);
	last = engine_last_seq(k.engine);
	/* Two clients: the later act has the smaller request id. */
	orphan_name(2, last + 1, (char[]){"first"});
	orphan_name(1, last + 2, (char[]){"second"});
	kit_reopen(&k);
	assert_int_equal(arena_init(&arena, 1u << 16), RESULT_OK);
	assert_int_equal(texts_name(engine_people(k.engine), TEXT_PARTNER, code_pack("P03", 3),
			     &arena, &name),
	    RESULT_OK);
	assert_memory_equal(name->name, "name ", 5);
	arena_free(&arena);
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_station_has_one_entry_and_reopens),
	    cmocka_unit_test(minutes_become_points_and_carry),
	    cmocka_unit_test(a_redemption_is_held_confirmed_and_told_once),
	    cmocka_unit_test(a_cancelled_hold_gives_everything_back),
	    cmocka_unit_test(the_same_act_gives_the_same_receipt_and_a_no_stays_no),
	    cmocka_unit_test(replay_from_nothing_gives_the_same_rows),
	    cmocka_unit_test(acts_go_on_while_the_state_is_written),
	    cmocka_unit_test(only_who_may_is_heard),
	    cmocka_unit_test(a_witnessed_session_is_measured_by_the_servers_clock),
		cmocka_unit_test(a_proposed_name_is_shown_from_its_approval),
	    cmocka_unit_test(an_act_from_the_future_is_not_accepted_when_its_time_has_come),
	    cmocka_unit_test(a_commitment_of_zeros_is_none),
	    cmocka_unit_test(orphaned_texts_are_undone_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
