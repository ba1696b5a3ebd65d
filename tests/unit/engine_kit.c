#include "tests/unit/engine_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/code32.h"
#include "proto/crypto.h"
#include "proto/tree.h"
#include "proto/uuid7.h"

static char *
text(const char *s)
{
	static char ring[64][64];
	static unsigned at;
	char *p = ring[at++ % 64];

	snprintf(p, 64, "%s", s);
	return p;
}

static ProtobufCBinaryData
blob(const void *p, size_t n)
{
	ProtobufCBinaryData b = {.len = n};

	memcpy(&b.data, &p, sizeof(p));
	return b;
}

static enum result
submit(struct kit *k, const struct actor *who, const Timebox__V1__Private *texts)
{
	struct engine_submission in = {.act = k->act,
	    .act_len = k->act_len,
	    .texts = texts,
	    .key = who->pub,
	    .session_member = who->member,
	    .session = who->session};
	struct engine_answer out;
	uint8_t entry[ENTRY_MAX_BYTES];
	size_t len;

	if (who->signs) {
		assert_int_equal(act_sign(who->seed, k->act, k->act_len, k->signature), RESULT_OK);
		in.signature = k->signature;
		in.signature_len = 64;
	}
	engine_decide(k->engine, &in, &out);
	assert_int_equal(engine_commit(k->engine), RESULT_OK);
	if (out.code != RESULT_OK)
		return out.code;
	k->seq = out.seq;
	assert_int_equal(engine_entry(k->engine, out.seq, entry, sizeof(entry), &len), RESULT_OK);
	tree_leaf_hash(entry, len, k->leaf);
	kit_assert_balanced(k);
	return RESULT_OK;
}

/* Packs one command into the act and asks. */
static enum result
ask_with(struct kit *k, const struct actor *who, Timebox__V1__Command *command,
    const Timebox__V1__Private *texts)
{
	Timebox__V1__Act act;
	uint8_t id[16];

	timebox__v1__act__init(&act);
	assert_int_equal(uuid7_make(id, clock_now_us() / 1000), RESULT_OK);
	act.origin = text(KIT_ORIGIN);
	act.request_id = blob(id, 16);
	act.made_at_us = clock_now_us() + k->ahead_us;
	act.actor_key = blob(who->pub, 32);
	if (who->member != 0) {
		act.actor_member = who->member;
		act.session = blob(who->session, 8);
	}
	act.commands = &command;
	act.n_commands = 1;
	k->act_len = timebox__v1__act__pack(&act, k->act);
	return submit(k, who, texts);
}

/* A private text for the command and its commitment. */
struct secret {
	Timebox__V1__Private private;
	Timebox__V1__PrivateText texts[200];
	Timebox__V1__PrivateText *list[200];
	uint8_t key[32];
	uint8_t bytes[200][256];
	uint8_t mac[200][32];
};
static struct secret secret;

static ProtobufCBinaryData
hide(const ProtobufCMessage *message, uint32_t row)
{
	size_t n = secret.private.n_texts++;
	struct sha256_part part = {
	    secret.bytes[n], protobuf_c_message_pack(message, secret.bytes[n])};

	timebox__v1__private_text__init(&secret.texts[n]);
	memset(secret.key, 7, 32);
	secret.texts[n].row = row;
	secret.texts[n].key = blob(secret.key, 32);
	secret.texts[n].text = blob(secret.bytes[n], part.n);
	secret.list[n] = &secret.texts[n];
	hmac_sha256(secret.key, 32, &part, 1, secret.mac[n]);
	return blob(secret.mac[n], 32);
}

static void
secret_begin(void)
{
	memset(&secret, 0, sizeof(secret));
	timebox__v1__private__init(&secret.private);
	secret.private.texts = secret.list;
}

static ProtobufCBinaryData
hide_name(const char *name)
{
	Timebox__V1__NameText t;

	timebox__v1__name_text__init(&t);
	t.name = text(name);
	return hide(&t.base, 0);
}

static unsigned name_count;

/* Fills the commitment that the command's kind needs. */
static void
hide_for(Timebox__V1__Command *c)
{
	char unique[32];

	snprintf(unique, sizeof(unique), "name %u", name_count++);
	switch ((int)c->kind_case) {
	case COMMAND_TERM_ADD:
		c->term_add->commitment = hide_name(unique);
		break;
	case COMMAND_BENEFICIARY_ADD:
		c->beneficiary_add->commitment = hide_name(unique);
		break;
	case COMMAND_PARTNER_SET:
		c->partner_set->commitment = hide_name(unique);
		break;
	case COMMAND_SERVICE_ITEM_SET:
		c->service_item_set->commitment = hide_name(unique);
		break;
	case COMMAND_ITEM_SET:
		c->item_set->commitment = hide_name(unique);
		break;
	case COMMAND_DONATION_ADD:
		c->donation_add->commitment = hide_name(unique);
		break;
	case COMMAND_ACTIVITY_ADD:
		c->activity_add->commitment = hide_name(unique);
		break;
	default:
		break;
	}
}

enum result
kit_ask(struct kit *k, const struct actor *who, Timebox__V1__Command *command)
{
	secret_begin();
	hide_for(command);
	return ask_with(k, who, command, secret.private.n_texts > 0 ? &secret.private : NULL);
}

enum result
kit_again(struct kit *k, const struct actor *who)
{
	return submit(k, who, secret.private.n_texts > 0 ? &secret.private : NULL);
}

unsigned
kit_sweep(struct kit *k)
{
	unsigned n = engine_sweep(k->engine, 1000);

	assert_int_equal(engine_commit(k->engine), RESULT_OK);
	kit_assert_balanced(k);
	return n;
}

/* ---- the station ---- */

void
kit_open(struct kit *k)
{
	struct engine_error error;
	struct engine_keys keys;

	memset(k, 0, sizeof(*k));
	snprintf(k->dir, sizeof(k->dir), "/tmp/timebox-kit-XXXXXX");
	assert_non_null(mkdtemp(k->dir));
	assert_int_equal(engine_init(k->dir, KIT_ORIGIN, 480, k->secrets, &keys), RESULT_OK);
	assert_int_equal(engine_open(k->dir, &k->engine, &error), RESULT_OK);
}

static void
enrol(struct kit *k, struct actor *who, const uint8_t secret_bytes[16])
{
	Timebox__V1__Command c;
	Timebox__V1__Enrol e;
	struct sha256_part part = {who->pub, 32};
	uint8_t hash[32], proof[32];
	int signs = who->signs;

	assert_int_equal(ed25519_generate(who->seed, who->pub), RESULT_OK);
	timebox__v1__command__init(&c);
	timebox__v1__enrol__init(&e);
	sha256(secret_bytes, 16, hash);
	hmac_sha256(secret_bytes, 16, &part, 1, proof);
	e.code_hash = blob(hash, 32);
	e.proof = blob(proof, 32);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_ENROL;
	c.enrol = &e;
	secret_begin();
	secret.private.code = blob(secret_bytes, 16);
	who->signs = 1;
	assert_int_equal(ask_with(k, who, &c, &secret.private), RESULT_OK);
	who->signs = signs;
}

static void
invite(struct kit *k, struct actor *who, enum role role, const char *partner)
{
	Timebox__V1__Command c;
	Timebox__V1__Invite i;
	uint8_t secret_bytes[16], hash[32];

	timebox__v1__command__init(&c);
	timebox__v1__invite__init(&i);
	assert_int_equal(crypto_random(secret_bytes, 16), RESULT_OK);
	sha256(secret_bytes, 16, hash);
	i.role = (Timebox__V1__Role)role;
	i.partner = text(partner);
	i.code_hash = blob(hash, 32);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_INVITE;
	c.invite = &i;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
	who->signs = role != ROLE_KIOSK;
	enrol(k, who, secret_bytes);
}

static uint64_t
effect_id(struct kit *k, int kind)
{
	struct arena arena;
	Timebox__V1__Receipt *r;
	uint64_t id = 0;

	assert_int_equal(arena_init(&arena, 4u << 20), RESULT_OK);
	assert_int_equal(engine_receipt(k->engine, k->seq, &arena, &r), RESULT_OK);
	for (size_t i = 0; i < r->n_effects; i++)
		if ((int)r->effects[i]->kind == kind)
			id = r->effects[i]->id;
	arena_free(&arena);
	return id;
}

static uint64_t
add_member(struct kit *k, enum member_class class, const char *number)
{
	Timebox__V1__Command c;
	Timebox__V1__MemberAdd m;
	Timebox__V1__PersonText p;

	timebox__v1__command__init(&c);
	timebox__v1__member_add__init(&m);
	timebox__v1__person_text__init(&p);
	p.number = text(number);
	p.name = text("somebody");
	secret_begin();
	m.class_ = (Timebox__V1__MemberClass) class;
	m.joined_day = 18000;
	m.commitment = hide(&p.base, 0);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_MEMBER_ADD;
	c.member_add = &m;
	assert_int_equal(ask_with(k, &k->staff[0], &c, &secret.private), RESULT_OK);
	return effect_id(k, EFFECT_MEMBER_ADDED);
}

static void
add_catalogue(struct kit *k)
{
	Timebox__V1__Command c;
	Timebox__V1__ServiceItemSet s;
	Timebox__V1__PartnerSet p;
	Timebox__V1__ItemSet i;
	Timebox__V1__DonationAdd d;
	char *outlets[] = {text("P03")};

	timebox__v1__command__init(&c);
	timebox__v1__service_item_set__init(&s);
	timebox__v1__partner_set__init(&p);
	timebox__v1__item_set__init(&i);
	timebox__v1__donation_add__init(&d);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_SERVICE_ITEM_SET;
	c.service_item_set = &s;
	s.item = text("101");
	s.minutes = 60;
	s.points = 1;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
	s.item = text("201");
	s.minutes = 40;
	s.training = 1;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_PARTNER_SET;
	c.partner_set = &p;
	p.partner = text("P03");
	p.partner_kind = TIMEBOX__V1__PARTNER_KIND__PARTNER_KIND_MERCHANT;
	p.from_day = 18000;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_ITEM_SET;
	c.item_set = &i;
	i.item = text("I01");
	i.item_kind = TIMEBOX__V1__ITEM_KIND__ITEM_KIND_GOODS;
	i.points = 2;
	i.quota = 3;
	i.outlets = outlets;
	i.n_outlets = 1;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_DONATION_ADD;
	c.donation_add = &d;
	d.receipt = text("R1");
	d.partner = text("P03");
	d.item = text("I01");
	d.count = 5;
	d.quality = TIMEBOX__V1__QUALITY__QUALITY_GOOD;
	d.outlet = text("P03");
	d.member = k->worker[0];
	d.day = 19000;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
}

void
kit_station(struct kit *k)
{
	static const char *const numbers[] = {"77763179", "15000804", "83533745", "58683444"};
	Timebox__V1__Command c;
	Timebox__V1__BeneficiaryAdd b;
	Timebox__V1__PairSet p;

	kit_open(k);
	k->staff[0].signs = k->staff[1].signs = 1;
	enrol(k, &k->staff[0], k->secrets[0]);
	enrol(k, &k->staff[1], k->secrets[1]);
	k->worker[0] = add_member(k, CLASS_PAID_STAFF, "39951158");
	k->worker[1] = add_member(k, CLASS_PAID_STAFF, "08631475");
	for (int i = 0; i < 4; i++)
		k->member[i] = add_member(k, CLASS_RESIDENT, numbers[i]);
	add_catalogue(k);
	invite(k, &k->kiosk, ROLE_KIOSK, "");
	invite(k, &k->outlet, ROLE_OUTLET, "P03");
	timebox__v1__command__init(&c);
	timebox__v1__beneficiary_add__init(&b);
	timebox__v1__pair_set__init(&p);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_BENEFICIARY_ADD;
	c.beneficiary_add = &b;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
	k->beneficiary = p.beneficiary = effect_id(k, EFFECT_BENEFICIARY_ADDED);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_PAIR_SET;
	c.pair_set = &p;
	p.member = k->member[0];
	p.from_day = 18000;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
}

enum result
kit_approve(struct kit *k, const struct actor *who, uint64_t seq)
{
	Timebox__V1__Command c;
	Timebox__V1__Approve a;
	Timebox__V1__Ref ref;
	uint8_t leaf[32];

	timebox__v1__command__init(&c);
	timebox__v1__approve__init(&a);
	timebox__v1__ref__init(&ref);
	assert_int_equal(engine_leaf(k->engine, seq, leaf), RESULT_OK);
	ref.seq = seq;
	ref.leaf = blob(leaf, 32);
	a.ref = &ref;
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_APPROVE;
	c.approve = &a;
	return kit_ask(k, who, &c);
}

void
kit_open_station(struct kit *k)
{
	Timebox__V1__Command c;
	Timebox__V1__KeyLink l;
	Timebox__V1__StationOpen o;

	timebox__v1__command__init(&c);
	timebox__v1__key_link__init(&l);
	timebox__v1__station_open__init(&o);
	for (int i = 0; i < 2; i++) {
		c.kind_case = TIMEBOX__V1__COMMAND__KIND_KEY_LINK;
		c.key_link = &l;
		l.member = k->worker[i];
		assert_int_equal(kit_ask(k, &k->staff[i], &c), RESULT_OK);
		assert_int_equal(kit_approve(k, &k->staff[i], k->seq), RESULT_SAME_PERSON);
		assert_int_equal(kit_approve(k, &k->staff[1 - i], k->seq), RESULT_OK);
	}
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_STATION_OPEN;
	c.station_open = &o;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_OK);
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_ALREADY_DONE);
	assert_int_equal(kit_ask(k, &k->staff[1], &c), RESULT_OK);
}

/* An attestation of a batch of one part, as its entry stands. */
static enum result
attest(struct kit *k, const uint8_t batch[16], uint32_t records)
{
	Timebox__V1__Command c;
	Timebox__V1__AttestBatch a;
	uint8_t digest[32];

	timebox__v1__command__init(&c);
	timebox__v1__attest_batch__init(&a);
	sha256(k->leaf, 32, digest);
	a.batch = blob(batch, 16);
	a.entries = 1;
	a.records = records;
	a.digest = blob(digest, 32);
	book_rules_at(engine_rows(k->engine), engine_now_us(k->engine), &a.rules);
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_ATTEST_BATCH;
	c.attest_batch = &a;
	assert_int_equal(kit_ask(k, &k->staff[0], &c), RESULT_SAME_PERSON);
	return kit_ask(k, &k->staff[1], &c);
}

void
kit_points(struct kit *k, uint64_t member, uint32_t points)
{
	Timebox__V1__ServiceRow rows[100], *list[100];
	Timebox__V1__RecordText record;
	Timebox__V1__ServiceRows s;
	Timebox__V1__Command c;
	uint8_t batch[16];

	assert_true(points <= 100);
	timebox__v1__command__init(&c);
	timebox__v1__service_rows__init(&s);
	timebox__v1__record_text__init(&record);
	assert_int_equal(crypto_random(batch, 16), RESULT_OK);
	secret_begin();
	for (uint32_t i = 0; i < points; i++) {
		timebox__v1__service_row__init(&rows[i]);
		list[i] = &rows[i];
		rows[i].line = i + 2;
		rows[i].member = member;
		rows[i].item = text("101");
		rows[i].day = 18500 + (int32_t)i;
		rows[i].start_minute = 600;
		rows[i].end_minute = 660;
		rows[i].measured = 1;
		rows[i].commitment = hide(&record.base, i);
	}
	s.batch = blob(batch, 16);
	s.parts = 1;
	s.rows = list;
	s.n_rows = points;
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_SERVICE_ROWS;
	c.service_rows = &s;
	assert_int_equal(ask_with(k, &k->staff[0], &c, &secret.private), RESULT_OK);
	assert_int_equal(attest(k, batch, points), RESULT_OK);
	assert_int_equal(kit_sweep(k), 1);
}

/* ---- redemption ---- */

static void
session(struct kit *k, uint64_t member)
{
	k->kiosk.member = member;
	memset(k->kiosk.session, 5, 8);
}

enum result
kit_hold(struct kit *k, uint64_t member, const char *item, uint32_t count)
{
	Timebox__V1__Command c;
	Timebox__V1__Hold h;

	timebox__v1__command__init(&c);
	timebox__v1__hold__init(&h);
	session(k, member);
	h.member = member;
	h.item = text(item);
	h.count = count;
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_HOLD;
	c.hold = &h;
	return kit_ask(k, &k->kiosk, &c);
}

static void
ref_of(struct kit *k, uint64_t seq, Timebox__V1__Ref *ref)
{
	static uint8_t leaf[32];

	timebox__v1__ref__init(ref);
	assert_int_equal(engine_leaf(k->engine, seq, leaf), RESULT_OK);
	ref->seq = seq;
	ref->leaf = blob(leaf, 32);
}

enum result
kit_confirm(struct kit *k, uint64_t seq)
{
	Timebox__V1__Command c;
	Timebox__V1__Confirm x;
	Timebox__V1__Ref ref;
	uint8_t code[VOUCHER_CODE_LEN];

	timebox__v1__command__init(&c);
	timebox__v1__confirm__init(&x);
	ref_of(k, seq, &ref);
	x.ref = &ref;
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_CONFIRM;
	c.confirm = &x;
	voucher_code(engine_keys(k->engine)->voucher_key, KIT_ORIGIN, VOUCHER_LABEL, seq, 0, code);
	secret_begin();
	secret.private.code = blob(code, sizeof(code));
	return ask_with(k, &k->outlet, &c, &secret.private);
}

enum result
kit_cancel(struct kit *k, uint64_t member, uint64_t seq)
{
	Timebox__V1__Command c;
	Timebox__V1__Cancel x;
	Timebox__V1__Ref ref;

	timebox__v1__command__init(&c);
	timebox__v1__cancel__init(&x);
	ref_of(k, seq, &ref);
	session(k, member);
	x.ref = &ref;
	c.kind_case = TIMEBOX__V1__COMMAND__KIND_CANCEL;
	c.cancel = &x;
	return kit_ask(k, &k->kiosk, &c);
}

/* ---- looking and leaving ---- */

struct member_sums
kit_sums(struct kit *k, uint64_t member)
{
	struct member_sums sums;

	book_member_sums(engine_rows(k->engine), member, &sums);
	return sums;
}

struct balance {
	int64_t sum[4];
	code8 item;
};

static void
add_balance(void *ctx, const struct row_key *key, const void *value)
{
	struct balance *b = ctx;
	const struct account_row *row = value;
	int may = key->tag[0] <= PURPOSE_DEBT;

	assert_true(row->balance >= 0 || may);
	assert_true(key->tag[1] <= ASSET_ITEM);
	b->sum[key->tag[1]] += row->balance;
}

void
kit_assert_balanced(struct kit *k)
{
	struct balance b = {0};

	engine_each(k->engine, TABLE_ACCOUNT, add_balance, &b);
	for (int i = 0; i < 4; i++)
		assert_int_equal(b.sum[i], 0);
}

void
kit_reopen(struct kit *k)
{
	struct engine_error error;

	engine_close(k->engine);
	assert_int_equal(engine_open(k->dir, &k->engine, &error), RESULT_OK);
}

void
kit_rebuild(struct kit *k)
{
	struct engine_error error;
	char command[128];

	engine_close(k->engine);
	snprintf(command, sizeof(command), "rm -r %s/state", k->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(engine_open(k->dir, &k->engine, &error), RESULT_OK);
}

void
kit_close(struct kit *k)
{
	char command[128];

	engine_close(k->engine);
	snprintf(command, sizeof(command), "rm -r %s", k->dir);
	assert_int_equal(system(command), 0);
}
