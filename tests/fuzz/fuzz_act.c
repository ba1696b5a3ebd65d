/*
 * Any bytes as an act, of a client and of the daemon itself (the first byte says which). What must
 * hold for whatever is accepted: it is the one canonical encoding of what it says, the book's struct
 * says the same, everything is within its limits, and decoding it again gives the same. What is
 * refused names a field or nothing, never garbage.
 */
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/codec/act.h"
#include "proto/canonical.h"
#include "proto/uuid7.h"
#include "timebox/v1/act.pb-c.h"

#define ORIGIN "fuzz.example/1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena first, second;

static void
check_code(code8 code)
{
	char text[9];
	size_t n = code_unpack(code, text);

	CHECK(code == 0 || (n >= 1 && n <= 8 && code_pack(text, n) == code));
}

static void
check_rows(const struct command *c)
{
	for (uint32_t i = 0; i < c->n_rows; i++) {
		CHECK(c->rows[i].line > 0 && c->rows[i].member != 0 && c->rows[i].item != 0);
		CHECK(c->rows[i].start_minute < 1440 && c->rows[i].end_minute <= 1440);
		check_code(c->rows[i].item);
	}
	for (uint32_t i = 0; i < c->n_refused; i++)
		CHECK(c->refused[i].line > 0 && result_known(c->refused[i].reason));
}

static void
check_command(const struct command *c)
{
	CHECK(c->n_members <= ACT_MAX_REFS && c->n_refs <= ACT_MAX_REFS);
	CHECK(c->n_rows <= ACT_MAX_ROWS && c->n_refused <= ACT_MAX_ROWS);
	CHECK(c->n_outlets <= ITEM_MAX_OUTLETS && c->n_hashes <= 8);
	check_code(c->item);
	check_code(c->partner);
	check_code(c->outlet);
	for (uint32_t i = 0; i < c->n_outlets; i++) {
		CHECK(c->outlets[i] != 0);
		check_code(c->outlets[i]);
	}
	for (uint32_t i = 0; i < c->n_members; i++)
		CHECK(c->members[i] != 0);
	for (uint32_t i = 0; i < c->n_refs; i++)
		CHECK(c->refs[i].seq != 0 && c->refs[i].index <= UINT16_MAX);
	check_rows(c);
}

static void
check_same(const struct act *act, const Timebox__V1__Act *pb, int system)
{
	CHECK(strcmp(pb->origin, ORIGIN) == 0);
	CHECK(pb->request_id.len == 16 && memcmp(pb->request_id.data, act->request_id, 16) == 0);
	CHECK(system || uuid7_check(act->request_id) == RESULT_OK);
	CHECK((pb->actor_key.len == 0) == (system != 0));
	CHECK(system || memcmp(pb->actor_key.data, act->actor_key, 32) == 0);
	CHECK(pb->made_at_us == act->made_at_us && pb->actor_member == act->actor_member);
	CHECK(pb->on_behalf == act->on_behalf && pb->branch == act->branch);
	CHECK(act->n_commands >= 1 && act->n_commands <= ACT_MAX_COMMANDS);
	CHECK(pb->n_commands == act->n_commands);
	for (uint32_t i = 0; i < act->n_commands; i++) {
		CHECK((uint32_t)pb->commands[i]->kind_case == act->commands[i].kind);
		check_command(&act->commands[i]);
	}
}

/* The bytes once more, through protobuf-c alone. */
static void
check_canonical(const uint8_t *data, size_t size, const struct act *act, int system)
{
	ProtobufCMessage *pb;
	uint8_t *again;

	arena_reset(&second);
	CHECK(canonical_unpack(&timebox__v1__act__descriptor, &second, data, size, &pb) == RESULT_OK);
	again = arena_alloc(&second, size);
	CHECK(again != NULL && protobuf_c_message_get_packed_size(pb) == size);
	CHECK(protobuf_c_message_pack(pb, again) == size && memcmp(again, data, size) == 0);
	check_same(act, (const Timebox__V1__Act *)pb, system);
}

static void
check_fault(enum result err, const struct act_fault *fault, const struct act *act)
{
	CHECK(result_known((unsigned)err) && err != RESULT_INTERNAL);
	CHECK(fault->field != NULL && strlen(fault->field) < 64);
	CHECK(fault->command < ACT_MAX_COMMANDS);
	CHECK(err != RESULT_BAD_FIELD || fault->field[0] != '\0');
	CHECK(act->n_commands == 0);
}

/* The short way and the long way say the same, lists aside, which only one of them reads. */
static void
check_reference(const uint8_t *data, size_t size, const struct act *act, enum result err, int system)
{
	struct act slow;

	arena_reset(&second);
	CHECK(act_decode_reference(data, size, ORIGIN, system, &second, &slow) == err);
	if (err != RESULT_OK)
		return;
	CHECK(memcmp(slow.request_id, act->request_id, 16) == 0 && memcmp(slow.actor_key, act->actor_key, 32) == 0);
	CHECK(slow.made_at_us == act->made_at_us && slow.actor_member == act->actor_member);
	CHECK(memcmp(slow.session, act->session, 8) == 0 && slow.on_behalf == act->on_behalf);
	CHECK(slow.branch == act->branch && slow.n_commands == act->n_commands);
	for (uint32_t i = 0; i < slow.n_commands; i++)
		CHECK(memcmp(&slow.commands[i], &act->commands[i], offsetof(struct command, members)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct act_fault fault;
	struct act act, same;
	enum result err;
	int system;

	if (size < 1)
		return 0;
	if (first.base == NULL)
		CHECK(arena_init(&first, ACT_ARENA_BYTES) == RESULT_OK &&
		      arena_init(&second, 2 * ACT_ARENA_BYTES) == RESULT_OK);
	system = data[0] & 1;
	data++;
	size--;
	arena_reset(&first);
	err = act_decode(data, size, ORIGIN, system, &first, &act, &fault);
	check_reference(data, size, &act, err, system);
	if (err != RESULT_OK) {
		check_fault(err, &fault, &act);
		return 0;
	}
	check_canonical(data, size, &act, system);
	arena_reset(&second);
	CHECK(act_decode(data, size, ORIGIN, system, &second, &same, &fault) == RESULT_OK);
	CHECK(same.n_commands == act.n_commands && memcmp(same.request_id, act.request_id, 16) == 0);
	/* The same bytes are nobody else's act. */
	arena_reset(&second);
	CHECK(act_decode(data, size, ORIGIN, !system, &second, &same, &fault) != RESULT_OK);
	return 0;
}
