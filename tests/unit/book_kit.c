#include "tests/unit/book_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/crypto.h"

struct rows *rows;
struct row_source source;
struct book_out out;
uint64_t now_us, seq;

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
act_of(const uint8_t key[32], uint64_t session_member, const struct command *c, uint32_t n, int system)
{
	struct act act = {.n_commands = n, .commands = c, .actor_member = session_member};
	uint64_t fresh[1] = {c->other};
	uint8_t leaf[32];
	struct book_in in = {.act = &act,
	    .now_us = now_us,
	    .seq = seq + 1,
	    .prev = leaf,
	    .system = system,
	    .fresh = fresh,
	    .n_fresh = 1};
	enum result err;

	leaf_of(seq, leaf);
	memcpy(act.actor_key, key, sizeof(act.actor_key));
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
act_by(unsigned who, uint64_t session_member, const struct command *c, int system)
{
	const uint8_t key[32] = {(uint8_t)who};

	return act_of(key, session_member, c, 1, system);
}

enum result
by_key(const uint8_t key[32], const struct command *c, uint32_t n)
{
	return act_of(key, 0, c, n, 0);
}

enum result
by(unsigned who, struct command c)
{
	return act_by(who, 0, &c, 0);
}

enum result
by_member(uint64_t member, struct command c)
{
	return act_by(KIOSK, member, &c, 0);
}

enum result
by_system(struct command c)
{
	return act_by(0, 0, &c, 1);
}

struct ref
ref_to(uint64_t s)
{
	struct ref r = {.seq = s};

	leaf_of(s, r.leaf);
	return r;
}

struct member_sums
sums(uint64_t member)
{
	struct member_sums s;

	book_member_sums(&source, member, &s);
	return s;
}

void
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

	c.key[0] = LEDGER;
	c.code_hash[0] = 3;
	c.rules = (struct rule_set){.session_cap_minutes = 480,
	    .hold_days = 7,
	    .grace_days = 3,
	    .reset_guard_days = 7,
	    .converts =
		1u << PROVENANCE_KIOSK | 1u << PROVENANCE_WITNESSED | 1u << PROVENANCE_OPENING};
	assert_int_equal(by(LEDGER, c), RESULT_OK);
}

code8
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
		tables[i] = (struct rows_table){
		    .name = table_name((enum table)i), .value_size = table_value_size((enum table)i)};
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

void
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
enum result
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

enum result
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

enum result
system_over_rows(enum command_kind kind, uint64_t part_seq, uint32_t n)
{
	static struct ref refs[ACT_MAX_ROWS];

	for (uint32_t i = 0; i < n; i++)
		refs[i] = (struct ref){.seq = part_seq, .index = i};
	return by_system((struct command){.kind = kind, .refs = refs, .n_refs = n});
}

void
give_points(uint8_t batch, uint64_t member, uint32_t n)
{
	uint64_t part;

	assert_int_equal(import(STAFF_A, batch, member, n), RESULT_OK);
	part = seq;
	assert_int_equal(attest(STAFF_B, batch, n, part), RESULT_OK);
	assert_int_equal(system_over_rows(COMMAND_SYSTEM_CREDIT, part, n), RESULT_OK);
}

enum result
hold(uint64_t member, uint32_t count)
{
	return by_member(member,
	    (struct command){
		.kind = COMMAND_HOLD, .member = member, .item = code("I01"), .count = count});
}

enum result
confirm(uint64_t s, int32_t day)
{
	return by(OUTLET, (struct command){.kind = COMMAND_CONFIRM, .ref = ref_to(s), .day = day});
}

enum result
propose_and_approve(struct command c)
{
	enum result err = by(STAFF_A, c);

	if (err != RESULT_OK)
		return err;
	return by(STAFF_B, (struct command){.kind = COMMAND_APPROVE, .ref = ref_to(seq)});
}

uint32_t
quota_used(uint64_t member)
{
	struct row_key k = row_key3(TABLE_QUOTA, member, code("I01"), book_month(20000));
	const struct quota_row *row = rows_get(rows, &k);

	return row == NULL ? 0 : row->used;
}

int
close_rows(void **state)
{
	(void)state;
	rows_close(rows);
	return 0;
}

int
open_rows(void **state)
{
	(void)state;
	set_up();
	return 0;
}
