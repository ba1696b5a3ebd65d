#include "tests/sim/client.h"

#include <stdio.h>
#include <string.h>

#include "daemon/base/check.h"
#include "proto/crypto.h"
#include "proto/uuid7.h"
#include "tests/sim/world.h"
#include "timebox/v1/act.pb-c.h"

#define KIND(name) TIMEBOX__V1__COMMAND__KIND_##name

struct client clients[CLIENTS];
uint8_t code_secrets[CLIENTS][16];
static uint32_t serial;

void
clients_begin(void)
{
	serial = 0;
	for (uint32_t i = 0; i < CLIENTS; i++) {
		for (int j = 0; j < 32; j++)
			clients[i].seed[j] = (uint8_t)world_random();
		world_public(clients[i].seed, clients[i].pub);
		CHECK(crypto_random(code_secrets[i], 16) == RESULT_OK);
	}
}

static ProtobufCBinaryData
blob(const void *p, size_t n)
{
	ProtobufCBinaryData b = {.len = n};

	memcpy(&b.data, &p, sizeof(p));
	return b;
}

/* protobuf-c wants text that it may write; it does not. */
static char *
text(const char *s)
{
	char *p;

	memcpy(&p, &s, sizeof(p));
	return p;
}

void
batch_bytes(uint64_t batch, uint8_t out[16])
{
	memset(out, 0xb5, 16);
	memcpy(out, &batch, 8);
}

void
member_number(uint32_t n, char out[9])
{
	unsigned p = 10;

	snprintf(out, 9, "%07u", n % 10000000);
	for (int i = 0; i < 7; i++) {
		unsigned s = (p + (unsigned)(out[i] - '0')) % 10;

		p = (s == 0 ? 10 : s) * 2 % 11;
	}
	out[7] = (char)('0' + (11 - p) % 10);
	out[8] = 0;
}

/* ---- one command: the messages that it may be, side by side ---- */

struct draft {
	Timebox__V1__Command command;
	union {
		Timebox__V1__Enrol enrol;
		Timebox__V1__Invite invite;
		Timebox__V1__KeyLink key_link;
		Timebox__V1__Approve approve;
		Timebox__V1__Withdraw withdraw;
		Timebox__V1__StationOpen station_open;
		Timebox__V1__RulesSet rules_set;
		Timebox__V1__MemberAdd member_add;
		Timebox__V1__MemberUpdate member_update;
		Timebox__V1__KinAdd kin_add;
		Timebox__V1__PinSlip pin_slip;
		Timebox__V1__CardBind card_bind;
		Timebox__V1__CardBlock card_block;
		Timebox__V1__BeneficiaryAdd beneficiary_add;
		Timebox__V1__PairSet pair_set;
		Timebox__V1__PartnerSet partner_set;
		Timebox__V1__ServiceItemSet service_item_set;
		Timebox__V1__ItemSet item_set;
		Timebox__V1__DonationAdd donation_add;
		Timebox__V1__ActivityAdd activity_add;
		Timebox__V1__CheckIn check_in;
		Timebox__V1__CheckOut check_out;
		Timebox__V1__ServiceRows service_rows;
		Timebox__V1__AttestBatch attest_batch;
		Timebox__V1__AttestRecords attest_records;
		Timebox__V1__RejectRecords reject_records;
		Timebox__V1__BatchWithdraw batch_withdraw;
		Timebox__V1__BatchReverse batch_reverse;
		Timebox__V1__Hold hold;
		Timebox__V1__Confirm confirm;
		Timebox__V1__Cancel cancel;
		Timebox__V1__Reverse reverse;
		Timebox__V1__LateDelivery late_delivery;
		Timebox__V1__Permit permit;
		Timebox__V1__Gift gift;
	} u;
	Timebox__V1__Ref ref[1 + INTENT_REFS];
	Timebox__V1__Ref *refs[INTENT_REFS];
	uint8_t leaf[1 + INTENT_REFS][32];
	Timebox__V1__ServiceRow row[INTENT_ROWS];
	Timebox__V1__ServiceRow *rows[INTENT_ROWS];
	uint8_t commitment[INTENT_ROWS][32];
	char *outlets[2];
	Timebox__V1__RuleSet rules;
	Timebox__V1__Provenance converts[4];
	uint8_t hash[2][32];
	char receipt[20];
	uint64_t members[INTENT_MEMBERS];
};

static const uint8_t text_key[32] = {7};

/* Keeps the text for the request's private side; returns its commitment. */
static ProtobufCBinaryData
hide(struct request *r, uint32_t command, uint32_t row, const ProtobufCMessage *message,
    uint8_t out[32])
{
	struct sha256_part part;
	size_t n = r->n_texts++;

	CHECK(protobuf_c_message_get_packed_size(message) <= sizeof(r->texts[n].text));
	r->texts[n].command = command;
	r->texts[n].row = row;
	r->texts[n].len = protobuf_c_message_pack(message, r->texts[n].text);
	part = (struct sha256_part){r->texts[n].text, r->texts[n].len};
	hmac_sha256(text_key, 32, &part, 1, out);
	return blob(out, 32);
}

static ProtobufCBinaryData
hide_name(struct request *r, uint32_t command, struct draft *d)
{
	Timebox__V1__NameText t;
	char name[24];

	timebox__v1__name_text__init(&t);
	snprintf(name, sizeof(name), "name %u", serial++);
	t.name = name;
	return hide(r, command, 0, &t.base, d->commitment[0]);
}

static Timebox__V1__Ref *
make_ref(struct draft *d, uint32_t at, const struct intent_ref *ref, const struct facts *facts)
{
	timebox__v1__ref__init(&d->ref[at]);
	facts->leaf(ref->seq, d->leaf[at]);
	if (ref->wrong_leaf)
		d->leaf[at][5] ^= 1;
	d->ref[at].seq = ref->seq;
	d->ref[at].index = ref->index;
	d->ref[at].leaf = blob(d->leaf[at], 32);
	return &d->ref[at];
}

static void
make_refs(struct draft *d, const struct intent *i, const struct facts *facts, int with_leaf)
{
	for (uint32_t n = 0; n < i->n_refs; n++) {
		d->refs[n] = make_ref(d, 1 + n, &i->refs[n], facts);
		if (!with_leaf)
			d->refs[n]->leaf = blob(NULL, 0);
	}
}

static void
make_key_command(struct request *r, struct draft *d, const struct intent *i)
{
	struct sha256_part part = {clients[r->client].pub, 32};
	const uint8_t *secret = code_secrets[i->code];

	sha256(secret, 16, d->hash[0]);
	if (i->kind == KIND(INVITE)) {
		timebox__v1__invite__init(&d->u.invite);
		d->u.invite.role = (Timebox__V1__Role)i->role;
		d->u.invite.partner = text(partner_names[i->partner]);
		d->u.invite.code_hash = blob(d->hash[0], 32);
		return;
	}
	timebox__v1__enrol__init(&d->u.enrol);
	hmac_sha256(secret, 16, &part, 1, d->hash[1]);
	d->u.enrol.code_hash = blob(d->hash[0], 32);
	d->u.enrol.proof = blob(d->hash[1], 32);
	memcpy(r->code, secret, 16);
	r->code_len = 16;
}

static void
make_person(struct request *r, struct draft *d, const struct intent *i, uint32_t command)
{
	Timebox__V1__PersonText person;
	Timebox__V1__CardText card;
	char number[9], token[24];

	if (i->kind == KIND(CARD_BIND)) {
		timebox__v1__card_bind__init(&d->u.card_bind);
		timebox__v1__card_text__init(&card);
		snprintf(token, sizeof(token), "card-token-%u", serial++);
		card.token = token;
		d->u.card_bind.member = i->member;
		d->u.card_bind.commitment = hide(r, command, 0, &card.base, d->commitment[0]);
		return;
	}
	timebox__v1__member_add__init(&d->u.member_add);
	timebox__v1__person_text__init(&person);
	member_number(1000 + serial++, number);
	person.number = number;
	d->u.member_add.class_ = (Timebox__V1__MemberClass)i->member_class;
	d->u.member_add.joined_day = i->day;
	d->u.member_add.trained_from_day = i->trained_from;
	d->u.member_add.commitment = hide(r, command, 0, &person.base, d->commitment[0]);
}

static void
make_rules(struct draft *d, const struct intent *i)
{
	static const int converts[4] = {1, 2, 3, 5};

	timebox__v1__rules_set__init(&d->u.rules_set);
	timebox__v1__rule_set__init(&d->rules);
	for (int n = 0; n < 4; n++)
		d->converts[n] = (Timebox__V1__Provenance)converts[n];
	d->rules.session_cap_minutes = 480;
	d->rules.notice_days = i->notice_days;
	d->rules.hold_days = i->hold_days;
	d->rules.grace_days = 3;
	d->rules.gift = (Timebox__V1__GiftPolicy)i->gift;
	d->rules.reset_guard_days = 7;
	d->rules.converts = d->converts;
	d->rules.n_converts = 4;
	d->u.rules_set.rules = &d->rules;
}

static void
make_catalogue(struct request *r, struct draft *d, const struct intent *i, uint32_t command)
{
	if (i->kind == KIND(PARTNER_SET)) {
		timebox__v1__partner_set__init(&d->u.partner_set);
		d->u.partner_set.partner = text(partner_names[i->partner]);
		d->u.partner_set.partner_kind = TIMEBOX__V1__PARTNER_KIND__PARTNER_KIND_MERCHANT;
		d->u.partner_set.from_day = i->day;
		d->u.partner_set.to_day = i->to_day;
		d->u.partner_set.commitment = hide_name(r, command, d);
	} else if (i->kind == KIND(SERVICE_ITEM_SET)) {
		timebox__v1__service_item_set__init(&d->u.service_item_set);
		d->u.service_item_set.item = text(service_names[i->service]);
		d->u.service_item_set.minutes = i->minutes;
		d->u.service_item_set.points = i->points;
		d->u.service_item_set.training = i->training != 0;
		d->u.service_item_set.commitment = hide_name(r, command, d);
	} else {
		timebox__v1__item_set__init(&d->u.item_set);
		d->u.item_set.item = text(item_names[i->item]);
		d->u.item_set.item_kind = TIMEBOX__V1__ITEM_KIND__ITEM_KIND_GOODS;
		d->u.item_set.points = i->points;
		d->u.item_set.quota = i->quota;
		for (uint32_t n = 0; n < i->n_outlets; n++)
			d->outlets[n] = text(partner_names[i->outlets[n]]);
		d->u.item_set.outlets = d->outlets;
		d->u.item_set.n_outlets = i->n_outlets;
		d->u.item_set.commitment = hide_name(r, command, d);
	}
}

static void
make_donation(struct request *r, struct draft *d, const struct intent *i, uint32_t command)
{
	timebox__v1__donation_add__init(&d->u.donation_add);
	snprintf(d->receipt, sizeof(d->receipt), "R%u", (unsigned)i->receipt);
	d->u.donation_add.receipt = d->receipt;
	d->u.donation_add.partner = text(partner_names[i->partner]);
	d->u.donation_add.item = text(item_names[i->item]);
	d->u.donation_add.count = i->count;
	d->u.donation_add.quality = (Timebox__V1__Quality)i->quality;
	d->u.donation_add.best_before_day = i->best_before;
	d->u.donation_add.outlet = text(partner_names[i->outlet]);
	d->u.donation_add.member = i->member;
	d->u.donation_add.day = i->day;
	d->u.donation_add.commitment = hide_name(r, command, d);
}

static void
make_rows(struct request *r, struct draft *d, const struct intent *i, uint32_t command)
{
	Timebox__V1__RecordText record;

	timebox__v1__service_rows__init(&d->u.service_rows);
	timebox__v1__record_text__init(&record);
	for (uint32_t n = 0; n < i->n_rows; n++) {
		Timebox__V1__ServiceRow *row = d->rows[n] = &d->row[n];

		timebox__v1__service_row__init(row);
		row->line = n + 2;
		row->member = i->rows[n].member;
		row->item = text(service_names[i->rows[n].service]);
		row->day = i->rows[n].day;
		row->start_minute = i->rows[n].start;
		row->end_minute = i->rows[n].end;
		row->measured = i->rows[n].measured != 0;
		row->commitment = hide(r, command, n, &record.base, d->commitment[n]);
	}
	batch_bytes(i->batch, d->hash[0]);
	d->u.service_rows.batch = blob(d->hash[0], 16);
	d->u.service_rows.attempt = i->attempt;
	d->u.service_rows.part = i->part;
	d->u.service_rows.parts = i->parts;
	d->u.service_rows.rows = d->rows;
	d->u.service_rows.n_rows = i->n_rows;
}

static void
make_batch(struct draft *d, const struct intent *i, const struct facts *facts)
{
	batch_bytes(i->batch, d->hash[0]);
	if (i->kind == KIND(BATCH_WITHDRAW)) {
		timebox__v1__batch_withdraw__init(&d->u.batch_withdraw);
		d->u.batch_withdraw.batch = blob(d->hash[0], 16);
	} else if (i->kind == KIND(BATCH_REVERSE)) {
		timebox__v1__batch_reverse__init(&d->u.batch_reverse);
		d->u.batch_reverse.batch = blob(d->hash[0], 16);
	} else {
		timebox__v1__attest_batch__init(&d->u.attest_batch);
		facts->digest(i->batch, d->hash[1]);
		if (i->wrong_digest)
			d->hash[1][3] ^= 1;
		make_refs(d, i, facts, 0);
		d->u.attest_batch.batch = blob(d->hash[0], 16);
		d->u.attest_batch.entries = i->entries;
		d->u.attest_batch.records = i->records;
		d->u.attest_batch.digest = blob(d->hash[1], 32);
		d->u.attest_batch.rules = i->rules;
		d->u.attest_batch.refs = d->refs;
		d->u.attest_batch.n_refs = i->n_refs;
	}
}

static void
make_session(struct draft *d, const struct intent *i, const struct facts *facts)
{
	memcpy(d->members, i->members, sizeof(d->members));
	if (i->kind == KIND(CHECK_OUT)) {
		timebox__v1__check_out__init(&d->u.check_out);
		d->u.check_out.members = d->members;
		d->u.check_out.n_members = i->n_members;
		return;
	}
	timebox__v1__check_in__init(&d->u.check_in);
	d->u.check_in.members = d->members;
	d->u.check_in.n_members = i->n_members;
	if (i->ref.seq != 0) {
		d->u.check_in.ref = make_ref(d, 0, &i->ref, facts);
		return;
	}
	d->u.check_in.beneficiary = i->beneficiary;
	d->u.check_in.item = text(service_names[i->service]);
	d->u.check_in.minutes = i->minutes;
}

/* Commands that name an earlier entry. */
static void
make_named(struct request *r, struct draft *d, const struct intent *i, const struct facts *facts)
{
	Timebox__V1__Ref *ref = i->n_refs == 0 ? make_ref(d, 0, &i->ref, facts) : NULL;

	switch ((int)i->kind) {
	case KIND(APPROVE):
		timebox__v1__approve__init(&d->u.approve);
		d->u.approve.ref = ref;
		break;
	case KIND(WITHDRAW):
		timebox__v1__withdraw__init(&d->u.withdraw);
		d->u.withdraw.ref = ref;
		break;
	case KIND(CANCEL):
		timebox__v1__cancel__init(&d->u.cancel);
		d->u.cancel.ref = ref;
		break;
	case KIND(REVERSE):
		timebox__v1__reverse__init(&d->u.reverse);
		d->u.reverse.ref = ref;
		d->u.reverse.fate = (Timebox__V1__GoodsFate)i->fate;
		break;
	case KIND(LATE_DELIVERY):
		timebox__v1__late_delivery__init(&d->u.late_delivery);
		d->u.late_delivery.ref = ref;
		break;
	case KIND(CONFIRM):
		timebox__v1__confirm__init(&d->u.confirm);
		d->u.confirm.ref = ref;
		d->u.confirm.day = i->day;
		facts->voucher(i->ref.seq, i->ref.index, r->code);
		if (i->wrong_code)
			r->code[4] ^= 1;
		r->code_len = 10;
		break;
	default:
		make_refs(d, i, facts, 1);
		timebox__v1__attest_records__init(&d->u.attest_records);
		if (i->kind == KIND(REJECT_RECORDS))
			timebox__v1__reject_records__init(&d->u.reject_records);
		/* The two have the same fields. */
		d->u.attest_records.refs = d->refs;
		d->u.attest_records.n_refs = i->n_refs;
	}
}

/* Commands of a member and a number or two. */
static void
make_plain(struct request *r, struct draft *d, const struct intent *i, uint32_t command)
{
	switch ((int)i->kind) {
	case KIND(KEY_LINK):
		timebox__v1__key_link__init(&d->u.key_link);
		d->u.key_link.member = i->member;
		break;
	case KIND(STATION_OPEN):
		timebox__v1__station_open__init(&d->u.station_open);
		break;
	case KIND(MEMBER_UPDATE):
		timebox__v1__member_update__init(&d->u.member_update);
		d->u.member_update.member = i->member;
		d->u.member_update.class_ = (Timebox__V1__MemberClass)i->member_class;
		d->u.member_update.status = (Timebox__V1__MemberStatus)i->status;
		d->u.member_update.trained_from_day = i->trained_from;
		break;
	case KIND(KIN_ADD):
		timebox__v1__kin_add__init(&d->u.kin_add);
		d->u.kin_add.member = i->member;
		d->u.kin_add.other = i->other;
		break;
	case KIND(PIN_SLIP):
		timebox__v1__pin_slip__init(&d->u.pin_slip);
		d->u.pin_slip.member = i->member;
		d->u.pin_slip.reset = i->reset != 0;
		break;
	case KIND(CARD_BLOCK):
		timebox__v1__card_block__init(&d->u.card_block);
		d->u.card_block.member = i->member;
		break;
	case KIND(BENEFICIARY_ADD):
		timebox__v1__beneficiary_add__init(&d->u.beneficiary_add);
		d->u.beneficiary_add.commitment = hide_name(r, command, d);
		break;
	case KIND(PAIR_SET):
		timebox__v1__pair_set__init(&d->u.pair_set);
		d->u.pair_set.member = i->member;
		d->u.pair_set.beneficiary = i->beneficiary;
		d->u.pair_set.from_day = 18000;
		break;
	case KIND(ACTIVITY_ADD):
		timebox__v1__activity_add__init(&d->u.activity_add);
		d->u.activity_add.item = text(service_names[i->service]);
		d->u.activity_add.start_us = i->start_us;
		d->u.activity_add.end_us = i->end_us;
		d->u.activity_add.commitment = hide_name(r, command, d);
		break;
	case KIND(HOLD):
		timebox__v1__hold__init(&d->u.hold);
		d->u.hold.member = i->member;
		d->u.hold.item = text(item_names[i->item]);
		d->u.hold.outlet = text(partner_names[i->outlet]);
		d->u.hold.count = i->count;
		break;
	case KIND(PERMIT):
		timebox__v1__permit__init(&d->u.permit);
		d->u.permit.member = i->member;
		break;
	case KIND(GIFT):
		timebox__v1__gift__init(&d->u.gift);
		d->u.gift.member = i->member;
		d->u.gift.other = i->other;
		d->u.gift.points = i->points;
		break;
	default:
		CHECK(0);
	}
}

static void
make_command(struct request *r, struct draft *d, uint32_t command, const struct facts *facts)
{
	const struct intent *i = &r->intents[command];

	timebox__v1__command__init(&d->command);
	d->command.kind_case = (Timebox__V1__Command__KindCase)i->kind;
	/* All members of the oneof are pointers in one place. */
	d->command.genesis = (Timebox__V1__Genesis *)(void *)&d->u;
	switch ((int)i->kind) {
	case KIND(ENROL):
	case KIND(INVITE): make_key_command(r, d, i); break;
	case KIND(MEMBER_ADD):
	case KIND(CARD_BIND): make_person(r, d, i, command); break;
	case KIND(RULES_SET): make_rules(d, i); break;
	case KIND(PARTNER_SET):
	case KIND(SERVICE_ITEM_SET):
	case KIND(ITEM_SET): make_catalogue(r, d, i, command); break;
	case KIND(DONATION_ADD): make_donation(r, d, i, command); break;
	case KIND(SERVICE_ROWS): make_rows(r, d, i, command); break;
	case KIND(ATTEST_BATCH):
	case KIND(BATCH_WITHDRAW):
	case KIND(BATCH_REVERSE): make_batch(d, i, facts); break;
	case KIND(CHECK_IN):
	case KIND(CHECK_OUT): make_session(d, i, facts); break;
	case KIND(APPROVE):
	case KIND(WITHDRAW):
	case KIND(CONFIRM):
	case KIND(CANCEL):
	case KIND(REVERSE):
	case KIND(LATE_DELIVERY):
	case KIND(ATTEST_RECORDS):
	case KIND(REJECT_RECORDS): make_named(r, d, i, facts); break;
	default: make_plain(r, d, i, command); break;
	}
}

void
request_make(struct request *r, uint32_t client, uint64_t session, uint64_t made_at_us,
    const struct intent *intents, uint32_t n, const struct facts *facts)
{
	static struct draft drafts[ACT_INTENTS];
	Timebox__V1__Command *commands[ACT_INTENTS];
	Timebox__V1__Act act;
	uint8_t session_bytes[8];

	memset(r, 0, sizeof(*r));
	CHECK(n > 0 && n <= ACT_INTENTS);
	r->client = client;
	r->session = session;
	r->made_at_us = made_at_us;
	r->n = n;
	memcpy(r->intents, intents, n * sizeof(*intents));
	CHECK(uuid7_make(r->id, made_at_us / 1000) == RESULT_OK);
	timebox__v1__act__init(&act);
	act.origin = text(SIM_ORIGIN);
	act.request_id = blob(r->id, 16);
	act.made_at_us = made_at_us;
	act.actor_key = blob(clients[client].pub, 32);
	if (session != 0) {
		memset(session_bytes, 5, 8);
		act.actor_member = session;
		act.session = blob(session_bytes, 8);
	}
	for (uint32_t i = 0; i < n; i++) {
		memset(&drafts[i], 0, sizeof(drafts[i]));
		make_command(r, &drafts[i], i, facts);
		commands[i] = &drafts[i].command;
	}
	act.commands = commands;
	act.n_commands = n;
	r->len = timebox__v1__act__get_packed_size(&act);
	CHECK(r->len <= ACT_ROOM);
	timebox__v1__act__pack(&act, r->act);
	if (client == KIOSK && session != 0)
		return;
	r->signature_len = 64;
	CHECK(act_sign(clients[client].seed, r->act, r->len, r->signature) == RESULT_OK);
}

const Timebox__V1__Private *
request_private(const struct request *r)
{
	static Timebox__V1__Private private;
	static Timebox__V1__PrivateText texts[INTENT_ROWS + ACT_INTENTS];
	static Timebox__V1__PrivateText *list[INTENT_ROWS + ACT_INTENTS];

	if (r->n_texts == 0 && r->code_len == 0)
		return NULL;
	timebox__v1__private__init(&private);
	for (uint32_t i = 0; i < r->n_texts; i++) {
		timebox__v1__private_text__init(&texts[i]);
		texts[i].command = r->texts[i].command;
		texts[i].row = r->texts[i].row;
		texts[i].key = blob(text_key, 32);
		texts[i].text = blob(r->texts[i].text, r->texts[i].len);
		list[i] = &texts[i];
	}
	private.texts = list;
	private.n_texts = r->n_texts;
	private.code = blob(r->code, r->code_len);
	return &private;
}
