#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/lib/timebox.h"
#include "proto/canonical.h"

#define NOW_US 1780000000000000u

static const uint8_t seed[SEED_LEN] = {1, 2, 3};

static struct timebox_seal
seal_of(uint8_t key[KEY_LEN], int sign)
{
	assert_int_equal(ed25519_public(seed, key), RESULT_OK);
	return (struct timebox_seal){
		.origin = "station.example/box",
		.now_us = NOW_US,
		.key = key,
		.seed = sign ? seed : NULL,
	};
}

static enum result
add_kin(struct timebox_draft *d, uint64_t member, uint64_t other)
{
	Timebox__V1__Command command;
	Timebox__V1__KinAdd kin;

	timebox__v1__command__init(&command);
	timebox__v1__kin_add__init(&kin);
	kin.member = member;
	kin.other = other;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_KIN_ADD;
	command.kin_add = &kin;
	return timebox_draft_add(d, &command);
}

static enum result
add_term(struct timebox_draft *d, const char *name)
{
	Timebox__V1__Command command;
	Timebox__V1__TermAdd term;
	uint8_t commitment[HASH_LEN];
	enum result r = timebox_draft_name(d, name, NULL, commitment);

	timebox__v1__command__init(&command);
	timebox__v1__term_add__init(&term);
	term.term = TIMEBOX__V1__TERM_KIND__TERM_KIND_AREA;
	term.commitment = timebox_bytes(commitment, sizeof(commitment));
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_TERM_ADD;
	command.term_add = &term;
	return r == RESULT_OK ? timebox_draft_add(d, &command) : r;
}

/* The sealed draft's request, strictly decoded. */
static Timebox__V1__Request *
request_of(const struct timebox_draft *d, struct arena *a)
{
	ProtobufCMessage *m = NULL;
	const uint8_t *p;
	size_t n;

	p = timebox_draft_request(d, &n);
	assert_int_equal(canonical_unpack(&timebox__v1__request__descriptor, a, p, n, &m), RESULT_OK);
	return (Timebox__V1__Request *)m;
}

static Timebox__V1__Act *
act_of(const struct timebox_draft *d, struct arena *a)
{
	ProtobufCMessage *m = NULL;
	const uint8_t *p;
	size_t n;

	p = timebox_draft_act(d, &n);
	assert_int_equal(canonical_unpack(&timebox__v1__act__descriptor, a, p, n, &m), RESULT_OK);
	return (Timebox__V1__Act *)m;
}

static void
a_sealed_act_is_canonical_and_says_what_was_added(void **state)
{
	struct timebox_draft *d = timebox_draft_new();
	uint8_t key[KEY_LEN];
	struct timebox_seal s = seal_of(key, 1);
	struct arena a;
	Timebox__V1__Act *act;
	size_t i;

	(void)state;
	assert_int_equal(arena_init(&a, 1 << 20), RESULT_OK);
	for (i = 0; i < 300; i++)
		assert_int_equal(add_kin(d, 1000 + i, 1ull << (i % 40)), RESULT_OK);
	timebox_draft_branch(d, 7);
	timebox_draft_on_behalf(d, 99);
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	act = act_of(d, &a);
	assert_string_equal(act->origin, "station.example/box");
	assert_int_equal(act->made_at_us, NOW_US);
	assert_int_equal(act->branch, 7);
	assert_int_equal(act->on_behalf, 99);
	assert_int_equal(act->session.len, 0);
	assert_memory_equal(act->actor_key.data, key, KEY_LEN);
	assert_int_equal(uuid7_check(act->request_id.data), RESULT_OK);
	assert_int_equal(act->n_commands, 300);
	assert_int_equal(act->commands[299]->kin_add->member, 1299);
	arena_free(&a);
	timebox_draft_free(d);
}

static void
a_signed_request_is_canonical_and_its_signature_holds(void **state)
{
	struct timebox_draft *d = timebox_draft_new();
	uint8_t key[KEY_LEN];
	struct timebox_seal s = seal_of(key, 1);
	Timebox__V1__Request *request;
	struct arena a;

	(void)state;
	assert_int_equal(arena_init(&a, 1 << 20), RESULT_OK);
	assert_int_equal(add_kin(d, 1, 2), RESULT_OK);
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	request = request_of(d, &a);
	assert_int_equal(request->signature.len, SIG_LEN);
	assert_int_equal(act_verify(key, request->act.data, request->act.len, request->signature.data),
		RESULT_OK);
	assert_null(request->private_);
	arena_free(&a);
	timebox_draft_free(d);
}

static void
a_kiosk_act_is_unsigned_and_names_session_and_member(void **state)
{
	static const uint8_t session[TIMEBOX_SESSION_LEN] = {9, 8, 7, 6, 5, 4, 3, 2};
	struct timebox_draft *d = timebox_draft_new();
	uint8_t key[KEY_LEN];
	struct timebox_seal s = seal_of(key, 0);
	struct arena a;

	(void)state;
	s.session = session;
	s.member = 4711;
	assert_int_equal(arena_init(&a, 1 << 20), RESULT_OK);
	assert_int_equal(add_kin(d, 1, 2), RESULT_OK);
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	assert_null(timebox_draft_signature(d));
	assert_int_equal(request_of(d, &a)->signature.len, 0);
	assert_int_equal(act_of(d, &a)->actor_member, 4711);
	assert_memory_equal(act_of(d, &a)->session.data, session, sizeof(session));
	arena_free(&a);
	timebox_draft_free(d);
}

static void
private_texts_open_the_commitments_of_their_commands(void **state)
{
	static const uint8_t code[16] = {42};
	struct timebox_draft *d = timebox_draft_new();
	uint8_t key[KEY_LEN], mac[HASH_LEN];
	struct timebox_seal s = seal_of(key, 1);
	Timebox__V1__Private *secret;
	Timebox__V1__Act *act;
	struct arena a;
	size_t i;

	(void)state;
	assert_int_equal(arena_init(&a, 1 << 20), RESULT_OK);
	assert_int_equal(add_term(d, "望城坡"), RESULT_OK);
	assert_int_equal(add_term(d, ""), RESULT_OK);
	assert_int_equal(timebox_draft_code(d, code, sizeof(code)), RESULT_OK);
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	secret = request_of(d, &a)->private_;
	act = act_of(d, &a);
	assert_int_equal(secret->n_texts, 2);
	assert_int_equal(secret->code.len, 16);
	for (i = 0; i < 2; i++) {
		const Timebox__V1__PrivateText *t = secret->texts[i];
		struct sha256_part part = {t->text.data, t->text.len};

		assert_int_equal(t->command, i);
		assert_int_equal(t->key.len, KEY_LEN);
		hmac_sha256(t->key.data, t->key.len, &part, 1, mac);
		assert_memory_equal(mac, act->commands[i]->term_add->commitment.data, HASH_LEN);
	}
	assert_memory_not_equal(secret->texts[0]->key.data, secret->texts[1]->key.data, KEY_LEN);
	arena_free(&a);
	timebox_draft_free(d);
}

static void
sealing_again_changes_nothing_and_unsealing_gives_a_new_id(void **state)
{
	struct timebox_draft *d = timebox_draft_new();
	uint8_t key[KEY_LEN], id[UUID7_LEN];
	struct timebox_seal s = seal_of(key, 1);

	(void)state;
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_BAD_FIELD);
	assert_int_equal(add_kin(d, 1, 2), RESULT_OK);
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	memcpy(id, timebox_draft_request_id(d), UUID7_LEN);
	s.now_us += 1000000;
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	assert_memory_equal(id, timebox_draft_request_id(d), UUID7_LEN);
	timebox_draft_unseal(d);
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	assert_memory_not_equal(id, timebox_draft_request_id(d), UUID7_LEN);
	timebox_draft_free(d);
}

static void
a_full_draft_refuses_more_and_stays_good(void **state)
{
	struct timebox_draft *d = timebox_draft_new();
	uint8_t key[KEY_LEN];
	struct timebox_seal s = seal_of(key, 1);
	struct arena a;
	unsigned n = 0;
	size_t size;

	(void)state;
	assert_int_equal(arena_init(&a, 4 << 20), RESULT_OK);
	while (add_kin(d, UINT64_MAX, UINT64_MAX) == RESULT_OK)
		n++;
	assert_int_equal(n, TIMEBOX_COMMANDS_MAX);
	assert_int_equal(add_kin(d, 1, 2), RESULT_TOO_MANY);
	assert_int_equal(timebox_draft_seal(d, &s), RESULT_OK);
	(void)timebox_draft_act(d, &size);
	assert_true(size <= TIMEBOX_ACT_MAX);
	assert_int_equal(act_of(d, &a)->n_commands, n);
	timebox_draft_reset(d);
	n = 0;
	while (add_term(d, "a") == RESULT_OK && n < 3000)
		n++;
	assert_true(n > 100);
	arena_free(&a);
	timebox_draft_free(d);
}

static void
a_text_beyond_its_limit_and_a_command_of_no_kind_are_refused(void **state)
{
	struct timebox_draft *d = timebox_draft_new();
	uint8_t commitment[HASH_LEN];
	Timebox__V1__Command command;
	char *text = calloc(1, 5000);

	(void)state;
	memset(text, 'x', 4999);
	assert_int_equal(timebox_draft_name(d, text, NULL, commitment), RESULT_TOO_MANY);
	timebox__v1__command__init(&command);
	assert_int_equal(timebox_draft_add(d, &command), RESULT_BAD_FIELD);
	free(text);
	timebox_draft_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_act_is_canonical_and_says_what_was_added),
		cmocka_unit_test(a_signed_request_is_canonical_and_its_signature_holds),
		cmocka_unit_test(a_kiosk_act_is_unsigned_and_names_session_and_member),
		cmocka_unit_test(private_texts_open_the_commitments_of_their_commands),
		cmocka_unit_test(sealing_again_changes_nothing_and_unsealing_gives_a_new_id),
		cmocka_unit_test(a_full_draft_refuses_more_and_stays_good),
		cmocka_unit_test(a_text_beyond_its_limit_and_a_command_of_no_kind_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
