#include "daemon/codec/act.h"

#include <string.h>

#include "daemon/codec/act_int.h"
#include "proto/canonical.h"
#include "proto/uuid7.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/entry.pb-c.h"

_Static_assert((int)PURPOSE_RECEIVED == TIMEBOX__V1__PURPOSE__PURPOSE_RECEIVED, "same numbers");
_Static_assert((int)PURPOSE_AVAILABLE == TIMEBOX__V1__PURPOSE__PURPOSE_AVAILABLE, "same numbers");
_Static_assert((int)ASSET_ITEM == TIMEBOX__V1__ASSET__ASSET_ITEM, "same numbers");
_Static_assert((int)ROLE_SYSTEM == TIMEBOX__V1__ROLE__ROLE_SYSTEM, "same numbers");
_Static_assert((int)EFFECT_GIFTED == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_GIFTED, "same numbers");
_Static_assert(
    (int)EFFECT_CREDITED == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_CREDITED, "same numbers");
_Static_assert(
    (int)PROVENANCE_OPENING == TIMEBOX__V1__PROVENANCE__PROVENANCE_OPENING, "same numbers");
_Static_assert(
    (int)COMMAND_SYSTEM_REVERSE == TIMEBOX__V1__COMMAND__KIND_SYSTEM_REVERSE, "same numbers");
_Static_assert(
    (int)COMMAND_AUDIT_FINDING == TIMEBOX__V1__COMMAND__KIND_AUDIT_FINDING, "same numbers");
_Static_assert(
    (int)EFFECT_FINDING == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_FINDING, "same numbers");
_Static_assert(
    (int)MEMBER_ERASED == TIMEBOX__V1__MEMBER_STATUS__MEMBER_STATUS_ERASED, "same numbers");
_Static_assert(
    (int)GROUND_ORDER == TIMEBOX__V1__LEGAL_GROUND__LEGAL_GROUND_ORDER, "same numbers");
_Static_assert((int)SCOPE_RECORDS == TIMEBOX__V1__ERASURE_SCOPE__ERASURE_SCOPE_RECORDS, "same numbers");
_Static_assert(
    (int)FINDING_DIFFERS == TIMEBOX__V1__FINDING_OUTCOME__FINDING_OUTCOME_DIFFERS, "same numbers");
_Static_assert((int)COMMAND_HOLD == TIMEBOX__V1__COMMAND__KIND_HOLD, "same numbers");
_Static_assert(
    (int)RECORD_REVERSED == TIMEBOX__V1__RECORD_STATE__RECORD_STATE_REVERSED, "same numbers");
_Static_assert(
    (int)BATCH_REVERSED == TIMEBOX__V1__BATCH_STATE__BATCH_STATE_REVERSED, "same numbers");
_Static_assert((int)HOLD_REVERSED == TIMEBOX__V1__HOLD_STATE__HOLD_STATE_REVERSED, "same numbers");

#define DAY_MAX	  100000
#define COUNT_MAX 1000000u

static const struct act_field fields[] = {
#define AT(member) offsetof(struct command, member)
    {"member", F_U64, AT(member), ACT_ID_MAX},
    {"other", F_U64, AT(other), ACT_ID_MAX},
    {"beneficiary", F_U64, AT(beneficiary), ACT_ID_MAX},
    {"start_us", F_U64, AT(start_us), ACT_TIME_MAX},
    {"end_us", F_U64, AT(end_us), ACT_TIME_MAX},
    {"time_us", F_U64, AT(time_us), ACT_TIME_MAX},
    {"role", F_U32, AT(role), ROLE_SYSTEM},
    {"count", F_U32, AT(count), COUNT_MAX},
    {"points", F_U32, AT(points), COUNT_MAX},
    {"minutes", F_U32, AT(minutes), COUNT_MAX},
    {"quota", F_U32, AT(quota), COUNT_MAX},
    {"area", F_U32, AT(area), UINT32_MAX},
    {"parent", F_U32, AT(parent), UINT32_MAX},
    {"purpose", F_U32, AT(purpose), UINT32_MAX},
    {"term", F_U32, AT(term), TERM_LAST - 1},
    {"class", F_U32, AT(member_class), CLASS_LAST - 1},
    {"status", F_U32, AT(status), MEMBER_LEFT},
    {"partner_kind", F_U32, AT(partner_kind), PARTNER_KIND_LAST - 1},
    {"item_kind", F_U32, AT(item_kind), ITEM_KIND_LAST - 1},
    {"quality", F_U32, AT(quality), QUALITY_LAST - 1},
    {"fate", F_U32, AT(fate), FATE_LAST - 1},
    {"training", F_U32, AT(training), 1},
    {"reset", F_U32, AT(reset), 1},
    {"birth_year", F_U32, AT(birth_year), 9999},
    {"semantics", F_U32, AT(semantics), UINT32_MAX},
    {"scope", F_U32, AT(scope), SCOPE_LAST - 1},
    {"ground", F_U32, AT(ground), GROUND_LAST - 1},
    {"row", F_U32, AT(row), ACT_MAX_ROWS - 1},
    {"outcome", F_U32, AT(outcome), FINDING_LAST - 1},
    {"attempt", F_U32, AT(attempt), COUNT_MAX},
    {"part", F_U32, AT(part), COUNT_MAX},
    {"parts", F_U32, AT(parts), COUNT_MAX},
    {"entries", F_U32, AT(entries), COUNT_MAX},
    {"records", F_U32, AT(records), UINT32_MAX},
    {"zone_minutes", F_DAY, AT(zone_minutes), 14 * 60},
    {"day", F_DAY, AT(day), DAY_MAX},
    {"from_day", F_DAY, AT(from_day), DAY_MAX},
    {"to_day", F_DAY, AT(to_day), DAY_MAX},
    {"joined_day", F_DAY, AT(joined_day), DAY_MAX},
    {"trained_from_day", F_DAY, AT(trained_from_day), DAY_MAX},
    {"trained_to_day", F_DAY, AT(trained_to_day), DAY_MAX},
    {"best_before_day", F_DAY, AT(best_before_day), DAY_MAX},
    {"item", F_CODE, AT(item), 0},
    {"partner", F_CODE, AT(partner), 0},
    {"outlet", F_CODE, AT(outlet), 0},
    {"batch", F_BYTES, AT(batch), 16},
    {"key", F_BYTES, AT(key), 32},
    {"ledger_key", F_BYTES, AT(key), 32},
    {"code_hash", F_BYTES, AT(code_hash), 32},
    {"recovery_code", F_BYTES, AT(code_hash), 32},
    {"proof", F_BYTES, AT(proof), 32},
    {"digest", F_BYTES, AT(digest), 32},
    {"commitment", F_BYTES, AT(commitment), 32},
    {"receipt", F_RECEIPT, AT(receipt), 16},
    {"ref", F_REF, AT(ref), 0},
    /* AttestBatch.rules is a version, Genesis.rules and RulesSet.rules a rule set: told apart by
       type. */
    {"rules", F_U64, AT(rules_version), ACT_SEQ_MAX},
    {"rules", F_RULES, AT(rules), 0},
    {"members", F_MEMBERS, AT(members), ACT_ID_MAX},
    {"refs", F_REFS, AT(refs), 0},
    {"rows", F_ROWS, AT(rows), 0},
    {"refused", F_REFUSED, AT(refused), 0},
    {"outlets", F_OUTLETS, AT(outlets), 0},
    {"staff_codes", F_HASHES, AT(hashes), 0},
    {"signature", F_SIGNATURE, AT(signature), 64},
#undef AT
};

/* The fields a kind must have (not absent, not zero). */
static const struct {
	uint32_t kind;
	const char *names;
} required[] = {
    {COMMAND_GENESIS, " ledger_key recovery_code staff_codes rules "},
    {COMMAND_CLOCK_ACCEPT, " time_us "},
    {COMMAND_SEMANTICS_RAISE, " semantics "},
    {COMMAND_LEDGER_KEY, " key ref signature "},
    {COMMAND_ENROL, " code_hash proof "},
    {COMMAND_INVITE, " role code_hash "},
    {COMMAND_KEY_LINK, " member "},
    {COMMAND_APPROVE, " ref "},
    {COMMAND_WITHDRAW, " ref "},
    {COMMAND_KEY_REVOKE, " key "},
    {COMMAND_RULES_SET, " rules "},
    {COMMAND_TERM_ADD, " term commitment "},
    {COMMAND_MEMBER_ADD, " class joined_day commitment "},
    {COMMAND_MEMBER_UPDATE, " member class status "},
    {COMMAND_KIN_ADD, " member other "},
    {COMMAND_PIN_SLIP, " member "},
    {COMMAND_CARD_BIND, " member commitment "},
    {COMMAND_CARD_BLOCK, " member "},
    {COMMAND_BENEFICIARY_ADD, " commitment "},
    {COMMAND_PAIR_SET, " member beneficiary from_day "},
    {COMMAND_DELEGATE, " member other to_day "},
    {COMMAND_PARTNER_SET, " partner partner_kind from_day commitment "},
    {COMMAND_SERVICE_ITEM_SET, " item minutes points commitment "},
    {COMMAND_ITEM_SET, " item item_kind points outlets commitment "},
    {COMMAND_DONATION_ADD, " receipt partner item count quality outlet member day commitment "},
    {COMMAND_ACTIVITY_ADD, " item start_us end_us commitment "},
    {COMMAND_SERVICE_ROWS, " batch parts "},
    {COMMAND_ATTEST_BATCH, " batch entries digest rules "},
    {COMMAND_ATTEST_RECORDS, " refs "},
    {COMMAND_REJECT_RECORDS, " refs "},
    {COMMAND_BATCH_WITHDRAW, " batch "},
    {COMMAND_BATCH_REVERSE, " batch "},
    {COMMAND_HOLD, " member item count "},
    {COMMAND_CONFIRM, " ref "},
    {COMMAND_CANCEL, " ref "},
    {COMMAND_REVERSE, " ref fate "},
    {COMMAND_LATE_DELIVERY, " ref "},
    {COMMAND_PERMIT, " member "},
    {COMMAND_GIFT, " member other points "},
    {COMMAND_ERASE, " scope ground "},
    {COMMAND_TEXT_OPEN, " ref ground commitment "},
    {COMMAND_AUDIT_FINDING, " ref outcome "},
    {COMMAND_SYSTEM_RELEASE, " refs "},
    {COMMAND_SYSTEM_CLOSE, " members "},
    {COMMAND_SYSTEM_CREDIT, " refs "},
    {COMMAND_SYSTEM_REVERSE, " refs "},
};

/* One conversion under way. */
struct decoder {
	struct arena *arena;
	struct command *c;
	const void *from; /* the protobuf-c field */
	const ProtobufCFieldDescriptor *desc;
	const struct act_field *field;
	size_t n; /* elements of a repeated field */
};

static int
name_listed(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = names; (at = strstr(at, name)) != NULL; at += n)
		if (at[-1] == ' ' && at[n] == ' ')
			return 1;
	return 0;
}

int
act_field_required(uint32_t kind, const char *name)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (required[i].kind == kind)
			return name_listed(required[i].names, name);
	return 0;
}

static int
is_message(const ProtobufCFieldDescriptor *d)
{
	return d->type == PROTOBUF_C_TYPE_MESSAGE;
}

const struct act_field *
act_field_find(const ProtobufCFieldDescriptor *d)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i].name, d->name) != 0)
			continue;
		if (strcmp(d->name, "rules") == 0 && (fields[i].type == F_RULES) != is_message(d))
			continue;
		return &fields[i];
	}
	return NULL;
}

/* ---- one function per field type: 0 means a zero or absent value, which is wrong only where it is
 * required ---- */

static enum result
take_number(struct decoder *d, uint64_t value, int *present)
{
	if (value > d->field->max)
		return RESULT_BAD_FIELD;
	*present = value != 0;
	if (d->field->type == F_U64)
		memcpy((uint8_t *)d->c + d->field->offset, &value, 8);
	else {
		uint32_t v = (uint32_t)value;

		memcpy((uint8_t *)d->c + d->field->offset, &v, 4);
	}
	return RESULT_OK;
}

static enum result
take_day(struct decoder *d, int *present)
{
	int32_t value;
	int negative_allowed = d->desc->type == PROTOBUF_C_TYPE_SINT32;

	memcpy(&value, d->from, 4);
	if (value > (int32_t)d->field->max ||
	    value < (negative_allowed ? -(int32_t)d->field->max : 0))
		return RESULT_BAD_FIELD;
	*present = value != 0;
	memcpy((uint8_t *)d->c + d->field->offset, &value, 4);
	return RESULT_OK;
}

static enum result
take_code(const char *text, code8 *out)
{
	*out = code_pack(text, strlen(text));
	return *text != 0 && *out == 0 ? RESULT_BAD_FIELD : RESULT_OK;
}

static enum result
take_bytes(const ProtobufCBinaryData *b, size_t len, void *out, int *present)
{
	*present = b->len != 0;
	if (b->len == 0)
		return RESULT_OK;
	if (b->len != len)
		return RESULT_BAD_FIELD;
	memcpy(out, b->data, len);
	return RESULT_OK;
}

static enum result
take_receipt(const char *text, char out[16], int *present)
{
	size_t len = strlen(text);

	*present = len != 0;
	if (len > 16)
		return RESULT_BAD_FIELD;
	for (size_t i = 0; i < len; i++) {
		char ch = text[i];

		if (!((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
			(ch >= '0' && ch <= '9') || ch == '_' || ch == '/' || ch == '-'))
			return RESULT_BAD_FIELD;
	}
	memcpy(out, text, len);
	return RESULT_OK;
}

static enum result
take_ref(const Timebox__V1__Ref *ref, struct ref *out)
{
	int present;

	if (ref->seq == 0 || ref->seq > ACT_SEQ_MAX || ref->index > UINT16_MAX)
		return RESULT_BAD_FIELD;
	out->seq = ref->seq;
	out->index = ref->index;
	return take_bytes(&ref->leaf, 32, out->leaf, &present);
}

static enum result
take_rules(const Timebox__V1__RuleSet *r, struct rule_set *out)
{
	if (r->session_cap_minutes == 0 || r->session_cap_minutes > 1440 || r->notice_days > 365 ||
	    r->hold_days > 365 || r->grace_days > 365 || (uint32_t)r->gift >= GIFT_LAST ||
	    r->reset_guard_days > 365)
		return RESULT_BAD_FIELD;
	out->session_cap_minutes = r->session_cap_minutes;
	out->notice_days = r->notice_days;
	out->hold_days = r->hold_days;
	out->grace_days = r->grace_days;
	out->gift = (uint32_t)r->gift;
	out->reset_guard_days = r->reset_guard_days;
	for (size_t i = 0; i < r->n_converts; i++) {
		unsigned p = (unsigned)r->converts[i];

		if (p == 0 || p >= PROVENANCE_LAST || (out->converts >> p & 1) != 0)
			return RESULT_BAD_FIELD;
		out->converts |= 1u << p;
	}
	return RESULT_OK;
}

static enum result
take_members(struct decoder *d, const uint64_t *from)
{
	uint64_t *to = arena_alloc(d->arena, d->n * sizeof(*to));

	if (to == NULL)
		return RESULT_NO_MEMORY;
	if (d->n > ACT_MAX_REFS)
		return RESULT_TOO_MANY;
	for (size_t i = 0; i < d->n; i++) {
		if (from[i] == 0 || from[i] > ACT_ID_MAX)
			return RESULT_BAD_FIELD;
		to[i] = from[i];
	}
	d->c->members = to;
	d->c->n_members = (uint32_t)d->n;
	return RESULT_OK;
}

static enum result
take_refs(struct decoder *d, Timebox__V1__Ref *const *from)
{
	struct ref *to = arena_alloc(d->arena, d->n * sizeof(*to));
	enum result err;

	if (to == NULL)
		return RESULT_NO_MEMORY;
	if (d->n > ACT_MAX_REFS)
		return RESULT_TOO_MANY;
	memset(to, 0, d->n * sizeof(*to));
	for (size_t i = 0; i < d->n; i++)
		if ((err = take_ref(from[i], &to[i])) != RESULT_OK)
			return err;
	d->c->refs = to;
	d->c->n_refs = (uint32_t)d->n;
	return RESULT_OK;
}

static enum result
take_row(const Timebox__V1__ServiceRow *from, struct service_row *to)
{
	int present;

	memset(to, 0, sizeof(*to));
	to->line = from->line;
	to->member = from->member;
	to->beneficiary = from->beneficiary;
	to->day = from->day;
	to->start_minute = from->start_minute;
	to->end_minute = from->end_minute;
	to->area = from->area;
	to->measured = from->measured != 0;
	if (from->line == 0 || from->member == 0 || from->member > ACT_ID_MAX ||
	    from->beneficiary > ACT_ID_MAX || from->day < 1 || from->day > DAY_MAX ||
	    from->start_minute >= 1440 || from->end_minute > 1440)
		return RESULT_BAD_FIELD;
	if (take_code(from->item, &to->item) != RESULT_OK || to->item == 0)
		return RESULT_BAD_FIELD;
	return take_bytes(&from->commitment, 32, to->commitment, &present);
}

static enum result
take_rows(struct decoder *d, Timebox__V1__ServiceRow *const *from)
{
	struct service_row *to = arena_alloc(d->arena, d->n * sizeof(*to));
	enum result err;

	if (to == NULL)
		return RESULT_NO_MEMORY;
	if (d->n > ACT_MAX_ROWS)
		return RESULT_TOO_MANY;
	for (size_t i = 0; i < d->n; i++)
		if ((err = take_row(from[i], &to[i])) != RESULT_OK)
			return err;
	d->c->rows = to;
	d->c->n_rows = (uint32_t)d->n;
	return RESULT_OK;
}

static enum result
take_refused(struct decoder *d, Timebox__V1__RefusedRow *const *from)
{
	struct refused_row *to = arena_alloc(d->arena, d->n * sizeof(*to));

	if (to == NULL)
		return RESULT_NO_MEMORY;
	if (d->n > ACT_MAX_ROWS)
		return RESULT_TOO_MANY;
	for (size_t i = 0; i < d->n; i++) {
		if (from[i]->line == 0 || from[i]->reason == 0 ||
		    !result_known((unsigned)from[i]->reason))
			return RESULT_BAD_FIELD;
		to[i].line = from[i]->line;
		to[i].reason = (uint32_t)from[i]->reason;
	}
	d->c->refused = to;
	d->c->n_refused = (uint32_t)d->n;
	return RESULT_OK;
}

static enum result
take_outlets(struct decoder *d, char *const *from)
{
	if (d->n > ITEM_MAX_OUTLETS)
		return RESULT_TOO_MANY;
	for (size_t i = 0; i < d->n; i++) {
		if (take_code(from[i], &d->c->outlets[i]) != RESULT_OK || d->c->outlets[i] == 0)
			return RESULT_BAD_FIELD;
		for (size_t j = 0; j < i; j++)
			if (d->c->outlets[j] == d->c->outlets[i])
				return RESULT_BAD_FIELD;
	}
	d->c->n_outlets = (uint32_t)d->n;
	return RESULT_OK;
}

static enum result
take_hashes(struct decoder *d, const ProtobufCBinaryData *from)
{
	uint8_t(*to)[32] = arena_alloc(d->arena, d->n * 32);

	if (to == NULL)
		return RESULT_NO_MEMORY;
	if (d->n > 8)
		return RESULT_TOO_MANY;
	for (size_t i = 0; i < d->n; i++) {
		if (from[i].len != 32)
			return RESULT_BAD_FIELD;
		memcpy(to[i], from[i].data, 32);
	}
	d->c->hashes = (const uint8_t(*)[32])to;
	d->c->n_hashes = (uint32_t)d->n;
	return RESULT_OK;
}

static enum result
take_signature(struct decoder *d, const ProtobufCBinaryData *b, int *present)
{
	uint8_t *to;

	if (b->len == 0)
		return RESULT_OK;
	if ((to = arena_alloc(d->arena, d->field->max)) == NULL)
		return RESULT_NO_MEMORY;
	d->c->signature = to;
	return take_bytes(b, d->field->max, to, present);
}

static uint64_t
number_at(const ProtobufCFieldDescriptor *desc, const void *from)
{
	uint64_t v64;
	uint32_t v32;

	if (desc->type == PROTOBUF_C_TYPE_UINT64) {
		memcpy(&v64, from, 8);
		return v64;
	}
	/* uint32, enum and bool are all 4 bytes in protobuf-c; a negative enum number becomes large
	 * and is refused. */
	memcpy(&v32, from, 4);
	return v32;
}

static enum result
take_scalar(struct decoder *d, int *present)
{
	static const uint8_t no_commitment[32];
	const void *p = NULL;
	void *to = (uint8_t *)d->c + d->field->offset;
	code8 code;
	enum result err;

	if (d->desc->type == PROTOBUF_C_TYPE_STRING || is_message(d->desc))
		memcpy(&p, d->from, sizeof(p));
	switch (d->field->type) {
	case F_U64:
	case F_U32:
		return take_number(d, number_at(d->desc, d->from), present);
	case F_DAY:
		return take_day(d, present);
	case F_CODE:
		err = take_code(p, &code);
		*present = code != 0;
		memcpy(to, &code, 8);
		return err;
	case F_BYTES:
		err = take_bytes(d->from, d->field->max, to, present);
		/* A commitment of zeros is none (texts.c): nobody is added without a text. */
		if (d->field->offset == offsetof(struct command, commitment))
			*present = memcmp(d->c->commitment, no_commitment, 32) != 0;
		return err;
	case F_RECEIPT:
		return take_receipt(p, to, present);
	case F_REF:
		*present = p != NULL;
		return p == NULL ? RESULT_OK : take_ref(p, to);
	case F_RULES:
		*present = p != NULL;
		return p == NULL ? RESULT_OK : take_rules(p, to);
	case F_SIGNATURE:
		return take_signature(d, d->from, present);
	case F_MEMBERS:
	case F_REFS:
	case F_ROWS:
	case F_REFUSED:
	case F_OUTLETS:
	case F_HASHES:
		break;
	}
	return RESULT_INTERNAL;
}

static enum result
take_list(struct decoder *d)
{
	void *list = *(void *const *)d->from;

	switch (d->field->type) {
	case F_MEMBERS:
		return take_members(d, list);
	case F_REFS:
		return take_refs(d, list);
	case F_ROWS:
		return take_rows(d, list);
	case F_REFUSED:
		return take_refused(d, list);
	case F_OUTLETS:
		return take_outlets(d, list);
	case F_HASHES:
		return take_hashes(d, list);
	case F_U64:
	case F_U32:
	case F_DAY:
	case F_CODE:
	case F_BYTES:
	case F_RECEIPT:
	case F_REF:
	case F_RULES:
	case F_SIGNATURE:
		break;
	}
	return RESULT_INTERNAL;
}

static enum result
command_decode(
    struct arena *arena, const ProtobufCMessage *message, struct command *c, const char **fault)
{
	const ProtobufCMessageDescriptor *desc = message->descriptor;
	enum result err;

	for (unsigned i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[i];
		const uint8_t *base = (const uint8_t *)message;
		struct decoder d = {.arena = arena, .c = c, .from = base + f->offset, .desc = f};
		int present = 0;

		*fault = f->name;
		if ((d.field = act_field_find(f)) == NULL)
			return RESULT_INTERNAL;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			memcpy(&d.n, base + f->quantifier_offset, sizeof(d.n));
			present = d.n != 0;
			err = present ? take_list(&d) : RESULT_OK;
		} else {
			err = take_scalar(&d, &present);
		}
		if (err != RESULT_OK)
			return err;
		if (!present && act_field_required(c->kind, f->name))
			return RESULT_BAD_FIELD;
	}
	*fault = "";
	return RESULT_OK;
}

/* The command's own message inside the oneof. */
static const ProtobufCMessage *
command_message(const Timebox__V1__Command *command)
{
	/* All members of the oneof are message pointers and share one place. */
	return (const ProtobufCMessage *)command->genesis;
}

static enum result
request_id_check(const ProtobufCBinaryData *id, int system)
{
	if (id->len != 16)
		return RESULT_BAD_REQUEST_ID;
	if (system)
		return memcmp(id->data, "\0\0\0\0\0\0\0\0", 8) == 0 ? RESULT_OK
								    : RESULT_BAD_REQUEST_ID;
	return uuid7_check(id->data);
}

static enum result
head_decode(const Timebox__V1__Act *pb, const char *origin, int system, struct act *out,
    struct act_fault *fault)
{
	int present;
	enum result err;

	if ((err = request_id_check(&pb->request_id, system)) != RESULT_OK)
		return err;
	memcpy(out->request_id, pb->request_id.data, 16);
	if (strcmp(pb->origin, origin) != 0)
		return RESULT_WRONG_ORIGIN;
	fault->field = "actor_key";
	if ((err = take_bytes(&pb->actor_key, 32, out->actor_key, &present)) != RESULT_OK)
		return err;
	if (present == system)
		return RESULT_WRONG_ACTOR;
	fault->field = "session";
	if ((err = take_bytes(&pb->session, 8, out->session, &present)) != RESULT_OK)
		return err;
	fault->field = "actor_member";
	if (pb->actor_member > ACT_ID_MAX || pb->on_behalf > ACT_ID_MAX ||
	    (pb->actor_member != 0) != present)
		return RESULT_BAD_FIELD;
	fault->field = "made_at_us";
	if (pb->made_at_us > ACT_TIME_MAX)
		return RESULT_BAD_FIELD;
	out->made_at_us = pb->made_at_us;
	out->actor_member = pb->actor_member;
	out->on_behalf = pb->on_behalf;
	out->branch = pb->branch;
	fault->field = "commands";
	if (pb->n_commands == 0)
		return RESULT_BAD_FIELD;
	if (pb->n_commands > ACT_MAX_COMMANDS)
		return RESULT_TOO_MANY;
	fault->field = "";
	return RESULT_OK;
}

static enum result
decode_long(const uint8_t *bytes, size_t len, const char *origin, int system, struct arena *arena,
    struct act *out, struct act_fault *fault)
{
	ProtobufCMessage *message;
	const Timebox__V1__Act *pb;
	struct command *commands;
	enum result err;

	memset(out, 0, sizeof(*out));
	err = canonical_unpack(&timebox__v1__act__descriptor, arena, bytes, len, &message);
	if (err != RESULT_OK)
		return err;
	pb = (const Timebox__V1__Act *)message;
	if ((err = head_decode(pb, origin, system, out, fault)) != RESULT_OK)
		return err;
	commands = arena_alloc(arena, pb->n_commands * sizeof(*commands));
	if (commands == NULL)
		return RESULT_NO_MEMORY;
	memset(commands, 0, pb->n_commands * sizeof(*commands));
	for (size_t i = 0; i < pb->n_commands; i++) {
		fault->command = (uint32_t)i;
		commands[i].kind = (uint32_t)pb->commands[i]->kind_case;
		if (commands[i].kind == COMMAND_NONE)
			return RESULT_BAD_MESSAGE;
		err = command_decode(
		    arena, command_message(pb->commands[i]), &commands[i], &fault->field);
		if (err != RESULT_OK)
			return err;
	}
	out->n_commands = (uint32_t)pb->n_commands;
	out->commands = commands;
	return RESULT_OK;
}

enum result
act_decode(const uint8_t *bytes, size_t len, const char *origin, int system, struct arena *arena,
    struct act *out, struct act_fault *fault)
{
	fault->field = "";
	fault->command = 0;
	if (len > ACT_MAX_BYTES) {
		memset(out, 0, sizeof(*out));
		return RESULT_TOO_MANY_EFFECTS;
	}
	if (!system && act_decode_plain(bytes, len, origin, arena, out) == RESULT_OK)
		return RESULT_OK;
	return decode_long(bytes, len, origin, system, arena, out, fault);
}

enum result
act_decode_reference(const uint8_t *bytes, size_t len, const char *origin, int system, struct arena *arena,
    struct act *out)
{
	struct act_fault fault = {"", 0};

	return len > ACT_MAX_BYTES ? RESULT_TOO_MANY_EFFECTS
				   : decode_long(bytes, len, origin, system, arena, out, &fault);
}

const char *
act_unknown_field(void)
{
	const ProtobufCMessageDescriptor *command = &timebox__v1__command__descriptor;

	for (unsigned i = 0; i < command->n_fields; i++) {
		const ProtobufCMessageDescriptor *desc = command->fields[i].descriptor;

		for (unsigned j = 0; j < desc->n_fields; j++)
			if (act_field_find(&desc->fields[j]) == NULL)
				return desc->fields[j].name;
	}
	return NULL;
}
