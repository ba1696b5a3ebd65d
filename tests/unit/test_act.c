#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/codec/act.h"
#include "proto/codes.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/codes.pb-c.h"

#define ORIGIN	   "station.example/box"
#define LIST_MAX   210
#define BODY_ROOM  512 /* of any command's message */
#define N_COMMANDS (timebox__v1__command__descriptor.n_fields)

/* Fields that a kind may do without; everything else is required. */
static const struct {
	const char *kind, *fields;
} optional[] = {
	{"genesis", " zone_minutes "},
	{"invite", " partner "},
	{"term_add", " parent "},
	{"member_add", " area trained_from_day trained_to_day birth_year "},
	{"member_update", " area trained_from_day trained_to_day commitment "},
	{"pin_slip", " reset "},
	{"pair_set", " to_day "},
	{"partner_set", " to_day "},
	{"service_item_set", " training "},
	{"item_set", " quota "},
	{"donation_add", " purpose best_before_day "},
	{"activity_add", " area "},
	{"check_in", " members ref beneficiary item minutes "},
	{"check_out", " members "},
	{"service_rows", " attempt part rows refused "},
	{"attest_batch", " records refs "},
	{"hold", " outlet "},
	{"confirm", " day "},
	{"erase", " member beneficiary "},
	{"text_open", " row member "},
	{"audit_finding", " digest "},
};

/* The largest value of a number, by its field's name. */
static const struct {
	const char *field;
	uint64_t max;
} limits[] = {
	{"member", (UINT64_C(1) << 35) - 1}, {"other", (UINT64_C(1) << 35) - 1},
	{"beneficiary", (UINT64_C(1) << 35) - 1}, {"start_us", UINT64_C(1) << 56},
	{"end_us", UINT64_C(1) << 56}, {"time_us", UINT64_C(1) << 56}, {"role", 7},
	{"count", 1000000}, {"points", 1000000}, {"minutes", 1000000}, {"quota", 1000000},
	{"parts", 1000000}, {"entries", 1000000}, {"class", 4}, {"status", 3},
	{"partner_kind", 5}, {"item_kind", 3}, {"quality", 2}, {"fate", 2}, {"term", 2},
	{"birth_year", 9999}, {"zone_minutes", 840}, {"day", 100000}, {"to_day", 100000},
	{"joined_day", 100000}, {"best_before_day", 100000}, {"scope", 3}, {"ground", 6}, {"outcome", 3},
};

/* ---- acts with every field set ---- */

/* An act of one command, and room for what its fields point to. */
struct fixture {
	Timebox__V1__Act act;
	Timebox__V1__Command command, *commands[1025];
	union {
		ProtobufCMessage head;
		uint8_t room[BODY_ROOM];
	} body;
	Timebox__V1__Ref ref, *refs[LIST_MAX];
	Timebox__V1__RuleSet rules;
	Timebox__V1__ServiceRow row, *rows[LIST_MAX];
	Timebox__V1__RefusedRow refused, *refused_rows[LIST_MAX];
	Timebox__V1__Provenance converts[8];
	ProtobufCBinaryData hashes[LIST_MAX];
	uint64_t members[LIST_MAX];
	char *outlets[LIST_MAX];
	uint8_t bytes[64];
	uint8_t packed[ACT_MAX_BYTES + 4096];
	size_t n;
	struct arena arena;
	struct act out;
	struct act_fault fault;
};

static char text_item[] = "RICE", text_receipt[] = "R-1/2", text_empty[] = "";
static char outlet_names[9][3] = {"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL || arena_init(&f->arena, ACT_ARENA_BYTES) != RESULT_OK)
		return -1;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	free(f);
	return 0;
}

static ProtobufCBinaryData
bytes_of(struct fixture *f, size_t n)
{
	return (ProtobufCBinaryData){n, f->bytes};
}

static void
lists_make(struct fixture *f)
{
	for (size_t i = 0; i < sizeof(f->bytes); i++)
		f->bytes[i] = (uint8_t)(i + 1);
	timebox__v1__ref__init(&f->ref);
	f->ref.seq = 9;
	f->ref.leaf = bytes_of(f, 32);
	timebox__v1__rule_set__init(&f->rules);
	f->rules.session_cap_minutes = 480;
	f->converts[0] = TIMEBOX__V1__PROVENANCE__PROVENANCE_KIOSK;
	f->rules.converts = f->converts;
	f->rules.n_converts = 1;
	timebox__v1__service_row__init(&f->row);
	f->row.line = 2;
	f->row.member = 5;
	f->row.item = text_item;
	f->row.day = 20000;
	f->row.start_minute = 540;
	f->row.end_minute = 600;
	f->row.commitment = bytes_of(f, 32);
	timebox__v1__refused_row__init(&f->refused);
	f->refused.line = 3;
	f->refused.reason = TIMEBOX__V1__RESULT_CODE__RESULT_CODE_BAD_DATE;
	for (size_t i = 0; i < LIST_MAX; i++) {
		f->refs[i] = &f->ref;
		f->rows[i] = &f->row;
		f->refused_rows[i] = &f->refused;
		f->hashes[i] = bytes_of(f, 32);
		f->members[i] = i + 1;
		f->outlets[i] = outlet_names[i % 9];
	}
}

static void *
list_of(struct fixture *f, const char *name)
{
	static const char *const names[] = {
	    "refs", "rows", "refused", "members", "outlets", "staff_codes"};
	void *const lists[] = {
	    f->refs, f->rows, f->refused_rows, f->members, f->outlets, f->hashes};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return lists[i];
	fail_msg("a list that the test does not know: %s", name);
	return NULL;
}

static size_t
bytes_length(const char *name)
{
	return strcmp(name, "batch") == 0 ? 16 : strcmp(name, "signature") == 0 ? 64 : 32;
}

/* Sets a field of the command's message: `n` elements of a list, or a number. */
static void
field_set(struct fixture *f, const ProtobufCFieldDescriptor *d, uint64_t n)
{
	uint8_t *at = f->body.room + d->offset;
	uint32_t n32 = (uint32_t)n;
	ProtobufCBinaryData b = bytes_of(f, n != 0 ? bytes_length(d->name) : 0);
	void *p;

	if (d->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t count = (size_t)n;

		p = list_of(f, d->name);
		memcpy(at, &p, sizeof(p));
		memcpy(f->body.room + d->quantifier_offset, &count, sizeof(count));
	} else if (d->type == PROTOBUF_C_TYPE_MESSAGE) {
		p = strcmp(d->name, "ref") == 0 ? (void *)&f->ref : (void *)&f->rules;
		if (n == 0)
			p = NULL;
		memcpy(at, &p, sizeof(p));
	} else if (d->type == PROTOBUF_C_TYPE_STRING) {
		p = n == 0 ? text_empty : strcmp(d->name, "receipt") == 0 ? text_receipt : text_item;
		memcpy(at, &p, sizeof(p));
	} else if (d->type == PROTOBUF_C_TYPE_BYTES) {
		memcpy(at, &b, sizeof(b));
	} else if (d->type == PROTOBUF_C_TYPE_UINT64) {
		memcpy(at, &n, sizeof(n));
	} else {
		memcpy(at, &n32, sizeof(n32));
	}
}

static const ProtobufCFieldDescriptor *
kind_field(unsigned i)
{
	return &timebox__v1__command__descriptor.fields[i];
}

/* An act of the i-th kind with every field set. */
static void
act_make(struct fixture *f, unsigned i)
{
	const ProtobufCFieldDescriptor *kind = kind_field(i);
	const ProtobufCMessageDescriptor *body = kind->descriptor;
	void *p = &f->body;

	lists_make(f);
	assert_true(body->sizeof_message <= BODY_ROOM);
	body->message_init(&f->body.head);
	for (unsigned j = 0; j < body->n_fields; j++)
		field_set(f, &body->fields[j], 1);
	timebox__v1__command__init(&f->command);
	f->command.kind_case = (Timebox__V1__Command__KindCase)kind->id;
	memcpy((uint8_t *)&f->command + kind->offset, &p, sizeof(p));
	timebox__v1__act__init(&f->act);
}

/* The message of a kind. */
static const ProtobufCMessageDescriptor *
kind_body(unsigned i)
{
	return kind_field(i)->descriptor;
}

static unsigned
kind_named(const char *name)
{
	for (unsigned i = 0; i < N_COMMANDS; i++)
		if (strcmp(kind_field(i)->name, name) == 0)
			return i;
	fail_msg("no kind %s", name);
	return 0;
}

static const ProtobufCFieldDescriptor *
body_field(unsigned kind, const char *name)
{
	const ProtobufCFieldDescriptor *d =
	    protobuf_c_message_descriptor_get_field_by_name(kind_body(kind), name);

	assert_non_null(d);
	return d;
}

/* ---- packing and decoding ---- */

static const uint8_t client_id[16] = {1, 0x9b, 0x76, 0xda, 0xf2, 0x38, 0x72, 0x2b, 0xb7, 0xc3};

static enum result
decode_as(struct fixture *f, int system)
{
	arena_reset(&f->arena);
	return act_decode(f->packed, f->n, ORIGIN, system, &f->arena, &f->out, &f->fault);
}

/* The head of an act by a client's key, or the system's. */
static void
head_make(struct fixture *f, int system)
{
	static char origin[] = ORIGIN;
	static uint8_t id[16];

	memcpy(id, client_id, sizeof(id));
	if (system)
		memset(id, 0, 8);
	f->act.origin = origin;
	f->act.request_id = (ProtobufCBinaryData){sizeof(id), id};
	f->act.actor_key = bytes_of(f, system ? 0 : 32);
	f->act.made_at_us = 1767225618750000;
	f->commands[0] = &f->command;
	f->act.commands = f->commands;
	f->act.n_commands = 1;
}

static void
pack(struct fixture *f)
{
	f->n = timebox__v1__act__get_packed_size(&f->act);
	assert_true(f->n <= sizeof(f->packed));
	timebox__v1__act__pack(&f->act, f->packed);
}

static enum result
decode(struct fixture *f)
{
	pack(f);
	return decode_as(f, 0);
}

/* A valid act with nothing special. */
static void
hold_make(struct fixture *f)
{
	act_make(f, kind_named("hold"));
	head_make(f, 0);
	pack(f);
}

static void
assert_fault(struct fixture *f, enum result want, enum result got, const char *field)
{
	assert_string_equal(result_name(want), result_name(got));
	assert_string_equal(f->fault.field, field);
}

/* ---- the tables ---- */

static void
every_field_of_the_schema_is_known(void **state)
{
	(void)state;
	if (act_unknown_field() != NULL)
		fail_msg("no row for the field %s", act_unknown_field());
}

static void
result_codes_are_those_of_the_schema(void **state)
{
	static const struct {
		int number;
		const char *name;
	} ours[] = {
#define X(NAME, number, wire, en, zh) {number, "RESULT_CODE_" #NAME},
	    RESULT_CODES(X)
#undef X
	};
	const ProtobufCEnumDescriptor *theirs = &timebox__v1__result_code__descriptor;

	(void)state;
	assert_int_equal(theirs->n_values, sizeof(ours) / sizeof(ours[0]));
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		const ProtobufCEnumValue *v =
		    protobuf_c_enum_descriptor_get_value(theirs, ours[i].number);

		if (v == NULL)
			fail_msg("the schema lacks %s", ours[i].name);
		else
			assert_string_equal(v->name, ours[i].name);
	}
}

/* ---- every kind ---- */

static void
an_act_of_each_kind_with_all_its_fields_is_accepted(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < N_COMMANDS; i++) {
		int system = kind_field(i)->id >= 90;

		act_make(f, i);
		head_make(f, system);
		pack(f);
		if (decode_as(f, system) != RESULT_OK)
			fail_msg("%s: %s", kind_field(i)->name, f->fault.field);
		assert_int_equal(f->out.n_commands, 1);
		assert_int_equal(f->out.commands[0].kind, kind_field(i)->id);
	}
}

static int
may_be_absent(const char *kind, const char *field)
{
	char word[64];

	(void)snprintf(word, sizeof(word), " %s ", field);
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (strcmp(optional[i].kind, kind) == 0)
			return strstr(optional[i].fields, word) != NULL;
	return 0;
}

static void
a_field_that_is_missing_is_named(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < N_COMMANDS; i++) {
		const ProtobufCFieldDescriptor *kind = kind_field(i);
		int system = kind->id >= 90;

		for (unsigned j = 0; j < kind_body(i)->n_fields; j++) {
			const ProtobufCFieldDescriptor *d = &kind_body(i)->fields[j];
			enum result err;

			act_make(f, i);
			field_set(f, d, 0);
			head_make(f, system);
			pack(f);
			err = decode_as(f, system);
			if ((err == RESULT_OK) != may_be_absent(kind->name, d->name))
				fail_msg("%s without %s: %s", kind->name, d->name, result_name(err));
			if (err != RESULT_OK)
				assert_fault(f, RESULT_BAD_FIELD, err, d->name);
		}
	}
}

static uint64_t
limit_of(const char *field)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(limits[i].field, field) == 0)
			return limits[i].max;
	return 0;
}

static void
numbers_beyond_their_range_are_named(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < N_COMMANDS; i++) {
		const ProtobufCFieldDescriptor *kind = kind_field(i);

		for (unsigned j = 0; j < kind_body(i)->n_fields && kind->id < 90; j++) {
			const ProtobufCFieldDescriptor *d = &kind_body(i)->fields[j];
			uint64_t max = limit_of(d->name);

			if (max == 0)
				continue;
			act_make(f, i);
			head_make(f, 0);
			field_set(f, d, max);
			assert_int_equal(decode(f), RESULT_OK);
			field_set(f, d, max + 1);
			assert_fault(f, RESULT_BAD_FIELD, decode(f), d->name);
		}
	}
}

static void
days_are_not_below_zero_but_zones_are(void **state)
{
	struct fixture *f = *state;
	unsigned genesis = kind_named("genesis"), member = kind_named("member_add");

	act_make(f, member);
	head_make(f, 0);
	field_set(f, body_field(member, "joined_day"), UINT32_MAX);
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "joined_day");
	act_make(f, genesis);
	head_make(f, 0);
	field_set(f, body_field(genesis, "zone_minutes"), (uint64_t)(uint32_t)-480);
	assert_int_equal(decode(f), RESULT_OK);
	assert_int_equal(f->out.commands[0].zone_minutes, -480);
	field_set(f, body_field(genesis, "zone_minutes"), (uint64_t)(uint32_t)-841);
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "zone_minutes");
}

static void
codes_are_short_and_plain(void **state)
{
	static char bad[][12] = {"rice", "RICE RICE", "RICERICER", "米", "A.B", "A B"};
	static char good[][12] = {"A", "RICERICE", "0_-Z"};
	struct fixture *f = *state;
	Timebox__V1__Hold *hold;

	hold_make(f);
	hold = f->command.hold;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hold->item = bad[i];
		assert_fault(f, RESULT_BAD_FIELD, decode(f), "item");
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		hold->item = good[i];
		assert_int_equal(decode(f), RESULT_OK);
	}
}

static void
receipts_have_sixteen_plain_characters(void **state)
{
	static char good[] = "AZaz09_/-1234567", longer[] = "12345678901234567", odd[] = "R 1";
	struct fixture *f = *state;
	unsigned kind = kind_named("donation_add");

	act_make(f, kind);
	head_make(f, 0);
	f->command.donation_add->receipt = good;
	assert_int_equal(decode(f), RESULT_OK);
	assert_memory_equal(f->out.commands[0].receipt, good, 16);
	f->command.donation_add->receipt = longer;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "receipt");
	f->command.donation_add->receipt = odd;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "receipt");
}

static void
bytes_have_their_exact_length(void **state)
{
	struct fixture *f = *state;

	act_make(f, kind_named("enrol"));
	head_make(f, 0);
	for (size_t n = 1; n < 64; n++) {
		f->command.enrol->proof = bytes_of(f, n);
		if (n == 32)
			assert_int_equal(decode(f), RESULT_OK);
		else
			assert_fault(f, RESULT_BAD_FIELD, decode(f), "proof");
	}
}

/* ---- lists ---- */

static void
lists_have_their_limits(void **state)
{
	static const struct {
		const char *kind, *list;
		size_t max;
	} rows[] = {
	    {"service_rows", "rows", 200}, {"service_rows", "refused", 200},
	    {"attest_records", "refs", 200}, {"check_out", "members", 200},
	    {"item_set", "outlets", 8}, {"genesis", "staff_codes", 8},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned kind = kind_named(rows[i].kind);

		act_make(f, kind);
		head_make(f, 0);
		field_set(f, body_field(kind, rows[i].list), rows[i].max);
		assert_int_equal(decode(f), RESULT_OK);
		field_set(f, body_field(kind, rows[i].list), rows[i].max + 1);
		assert_fault(f, RESULT_TOO_MANY, decode(f), rows[i].list);
	}
}

static void
outlets_are_named_once(void **state)
{
	struct fixture *f = *state;

	act_make(f, kind_named("item_set"));
	head_make(f, 0);
	f->command.item_set->n_outlets = 2;
	f->outlets[1] = f->outlets[0];
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "outlets");
}

static void
a_bad_row_refuses_the_act(void **state)
{
	struct fixture *f = *state;
	Timebox__V1__ServiceRow bad;

	act_make(f, kind_named("service_rows"));
	head_make(f, 0);
	f->command.service_rows->n_rows = 2;
	f->rows[1] = &bad;
#define WITH(member, value)                                           \
	bad = f->row;                                                 \
	bad.member = value;                                           \
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "rows")
	WITH(line, 0);
	WITH(member, 0);
	WITH(member, UINT64_C(1) << 35);
	WITH(beneficiary, UINT64_C(1) << 35);
	WITH(item, text_empty);
	WITH(day, 0);
	WITH(day, -1);
	WITH(day, 100001);
	WITH(start_minute, 1440);
	WITH(end_minute, 1441);
	WITH(commitment, bytes_of(f, 31));
#undef WITH
	bad = f->row;
	assert_int_equal(decode(f), RESULT_OK);
}

static void
refused_rows_name_a_known_reason(void **state)
{
	struct fixture *f = *state;

	act_make(f, kind_named("service_rows"));
	head_make(f, 0);
	f->refused.reason = (Timebox__V1__ResultCode)9999;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "refused");
	f->refused.reason = TIMEBOX__V1__RESULT_CODE__RESULT_CODE_OK;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "refused");
}

static void
refs_name_an_entry(void **state)
{
	struct fixture *f = *state;

	act_make(f, kind_named("cancel"));
	head_make(f, 0);
	f->ref.index = UINT16_MAX;
	assert_int_equal(decode(f), RESULT_OK);
	f->ref.index = UINT16_MAX + 1;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "ref");
	f->ref.index = 0;
	f->ref.seq = 0;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "ref");
	f->ref.seq = UINT64_C(1) << 47;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "ref");
}

static void
rule_sets_are_within_reason(void **state)
{
	struct fixture *f = *state;
	Timebox__V1__RuleSet *r = &f->rules;

	act_make(f, kind_named("rules_set"));
	head_make(f, 0);
	r->session_cap_minutes = 1440;
	r->notice_days = r->hold_days = r->grace_days = r->reset_guard_days = 365;
	assert_int_equal(decode(f), RESULT_OK);
	assert_int_equal(f->out.commands[0].rules.converts, 1u << PROVENANCE_KIOSK);
	r->session_cap_minutes = 1441;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "rules");
	r->session_cap_minutes = 0;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "rules");
	r->session_cap_minutes = 480;
	r->hold_days = 366;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "rules");
	r->hold_days = 7;
	r->gift = (Timebox__V1__GiftPolicy)3;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "rules");
	r->gift = TIMEBOX__V1__GIFT_POLICY__GIFT_POLICY_ANYONE;
	f->converts[1] = f->converts[0];
	r->n_converts = 2;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "rules");
	f->converts[1] = (Timebox__V1__Provenance)6;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "rules");
}

static void
an_act_has_one_to_1024_commands(void **state)
{
	struct fixture *f = *state;

	act_make(f, kind_named("station_open"));
	head_make(f, 0);
	for (size_t i = 0; i < 1025; i++)
		f->commands[i] = &f->command;
	f->act.n_commands = 1024;
	assert_int_equal(decode(f), RESULT_OK);
	assert_int_equal(f->out.n_commands, 1024);
	f->act.n_commands = 1025;
	assert_fault(f, RESULT_TOO_MANY, decode(f), "commands");
	f->act.n_commands = 0;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "commands");
}

static void
the_command_that_is_wrong_is_named(void **state)
{
	struct fixture *f = *state;
	Timebox__V1__Command good;
	Timebox__V1__StationOpen open;

	hold_make(f);
	timebox__v1__station_open__init(&open);
	timebox__v1__command__init(&good);
	good.kind_case = TIMEBOX__V1__COMMAND__KIND_STATION_OPEN;
	good.station_open = &open;
	f->commands[0] = &good;
	f->commands[1] = &good;
	f->commands[2] = &f->command;
	f->act.n_commands = 3;
	f->command.hold->count = 0;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "count");
	assert_int_equal(f->fault.command, 2);
}

static void
a_command_that_says_nothing_is_refused(void **state)
{
	struct fixture *f = *state;

	hold_make(f);
	f->command.kind_case = TIMEBOX__V1__COMMAND__KIND__NOT_SET;
	assert_int_equal(decode(f), RESULT_BAD_MESSAGE);
}

/* ---- the head ---- */

static void
another_ledgers_act_is_refused(void **state)
{
	static char shorter[] = "station.example/bo", longer[] = ORIGIN "2";
	struct fixture *f = *state;

	hold_make(f);
	f->act.origin = shorter;
	assert_int_equal(decode(f), RESULT_WRONG_ORIGIN);
	f->act.origin = longer;
	assert_int_equal(decode(f), RESULT_WRONG_ORIGIN);
	f->act.origin = text_empty;
	assert_int_equal(decode(f), RESULT_WRONG_ORIGIN);
}

static void
request_ids_are_those_of_their_maker(void **state)
{
	struct fixture *f = *state;

	hold_make(f);
	assert_int_equal(decode_as(f, 1), RESULT_BAD_REQUEST_ID);
	f->act.request_id.len = 15;
	assert_int_equal(decode(f), RESULT_BAD_REQUEST_ID);
	f->act.request_id = bytes_of(f, 16);
	assert_int_equal(decode(f), RESULT_BAD_REQUEST_ID);
	head_make(f, 1);
	f->act.actor_key = bytes_of(f, 32);
	pack(f);
	assert_int_equal(decode_as(f, 0), RESULT_BAD_REQUEST_ID);
	/* The daemon's own acts have no actor. */
	assert_fault(f, RESULT_WRONG_ACTOR, decode_as(f, 1), "actor_key");
	head_make(f, 0);
	f->act.actor_key = bytes_of(f, 0);
	assert_fault(f, RESULT_WRONG_ACTOR, decode(f), "actor_key");
}

static void
session_and_member_come_together(void **state)
{
	struct fixture *f = *state;

	hold_make(f);
	f->act.session = bytes_of(f, 8);
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "actor_member");
	f->act.actor_member = 7;
	assert_int_equal(decode(f), RESULT_OK);
	assert_int_equal(f->out.actor_member, 7);
	f->act.session = bytes_of(f, 7);
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "session");
	f->act.session = bytes_of(f, 0);
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "actor_member");
	f->act.actor_member = 0;
	f->act.made_at_us = UINT64_MAX;
	assert_fault(f, RESULT_BAD_FIELD, decode(f), "made_at_us");
}

/* ---- bytes ---- */

static void
truncated_twins_are_refused(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < N_COMMANDS; i++) {
		int system = kind_field(i)->id >= 90;
		size_t whole;

		act_make(f, i);
		head_make(f, system);
		pack(f);
		whole = f->n;
		for (f->n = 0; f->n < whole; f->n++) {
			/* An exact copy, so that a look beyond its end is seen. */
			uint8_t *cut = malloc(f->n + 1);

			assert_non_null(cut);
			memcpy(cut, f->packed, f->n);
			arena_reset(&f->arena);
			assert_int_not_equal(act_decode(cut, f->n, ORIGIN, system, &f->arena, &f->out,
						 &f->fault), RESULT_OK);
			free(cut);
		}
	}
}

/* Puts bytes in at a place. */
static void
insert(struct fixture *f, size_t at, const void *p, size_t n)
{
	memmove(f->packed + at + n, f->packed + at, f->n - at);
	memcpy(f->packed + at, p, n);
	f->n += n;
}

static void
other_encodings_of_the_same_act_are_refused(void **state)
{
	struct fixture *f = *state;
	size_t origin_end = 2 + strlen(ORIGIN), head;

	hold_make(f);
	insert(f, f->n, "\x78\x01", 2); /* field 15, unknown */
	assert_int_equal(decode_as(f, 0), RESULT_NOT_CANONICAL);
	hold_make(f);
	insert(f, origin_end, "\x0a\x13" ORIGIN, origin_end); /* origin twice */
	assert_int_equal(decode_as(f, 0), RESULT_NOT_CANONICAL);
	hold_make(f);
	/* request_id before origin */
	memmove(f->packed, f->packed + origin_end, 18);
	memcpy(f->packed + 18, "\x0a\x13" ORIGIN, origin_end);
	assert_int_equal(decode_as(f, 0), RESULT_NOT_CANONICAL);
	hold_make(f);
	head = f->n - 2 - timebox__v1__command__get_packed_size(&f->command);
	insert(f, head, "\x40\x00", 2); /* branch 0, written */
	assert_int_equal(decode_as(f, 0), RESULT_NOT_CANONICAL);
	f->packed[head + 1] = 1; /* branch 1 in its place is well */
	assert_int_equal(decode_as(f, 0), RESULT_OK);
	f->packed[head + 1] = 0x81;
	insert(f, head + 2, "\x00", 1); /* 1 in two bytes */
	assert_int_equal(decode_as(f, 0), RESULT_NOT_CANONICAL);
}

static void
text_is_utf8_without_nul(void **state)
{
	struct fixture *f = *state;

	hold_make(f);
	f->packed[5] = 0xff;
	assert_int_equal(decode_as(f, 0), RESULT_NOT_UTF8);
	f->packed[5] = 0;
	assert_int_equal(decode_as(f, 0), RESULT_NOT_UTF8);
}

static void
an_act_that_no_entry_can_hold_is_refused(void **state)
{
	struct fixture *f = *state;

	hold_make(f);
	f->n = ACT_MAX_BYTES + 1;
	assert_int_equal(decode_as(f, 0), RESULT_TOO_MANY_EFFECTS);
}

static void
a_small_arena_ends_in_no_memory(void **state)
{
	struct fixture *f = *state;

	hold_make(f);
	for (size_t cap = 1; cap < 4096; cap += 13) {
		struct arena small;
		enum result err;

		assert_int_equal(arena_init(&small, cap), RESULT_OK);
		err = act_decode(f->packed, f->n, ORIGIN, 0, &small, &f->out, &f->fault);
		arena_free(&small);
		assert_true(err == RESULT_NO_MEMORY || err == RESULT_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_field_of_the_schema_is_known),
	    cmocka_unit_test(result_codes_are_those_of_the_schema),
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	    WITH_FIXTURE(an_act_of_each_kind_with_all_its_fields_is_accepted),
	    WITH_FIXTURE(a_field_that_is_missing_is_named),
	    WITH_FIXTURE(numbers_beyond_their_range_are_named),
	    WITH_FIXTURE(days_are_not_below_zero_but_zones_are),
	    WITH_FIXTURE(codes_are_short_and_plain),
	    WITH_FIXTURE(receipts_have_sixteen_plain_characters),
	    WITH_FIXTURE(bytes_have_their_exact_length),
	    WITH_FIXTURE(lists_have_their_limits),
	    WITH_FIXTURE(outlets_are_named_once),
	    WITH_FIXTURE(a_bad_row_refuses_the_act),
	    WITH_FIXTURE(refused_rows_name_a_known_reason),
	    WITH_FIXTURE(refs_name_an_entry),
	    WITH_FIXTURE(rule_sets_are_within_reason),
	    WITH_FIXTURE(an_act_has_one_to_1024_commands),
	    WITH_FIXTURE(the_command_that_is_wrong_is_named),
	    WITH_FIXTURE(a_command_that_says_nothing_is_refused),
	    WITH_FIXTURE(another_ledgers_act_is_refused),
	    WITH_FIXTURE(request_ids_are_those_of_their_maker),
	    WITH_FIXTURE(session_and_member_come_together),
	    WITH_FIXTURE(truncated_twins_are_refused),
	    WITH_FIXTURE(other_encodings_of_the_same_act_are_refused),
	    WITH_FIXTURE(text_is_utf8_without_nul),
	    WITH_FIXTURE(an_act_that_no_entry_can_hold_is_refused),
	    WITH_FIXTURE(a_small_arena_ends_in_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
