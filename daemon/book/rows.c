/* Rows, effects and days: the helpers that every command uses. */
#include "daemon/book/book_int.h"

static const struct {
	const char *name;
	uint32_t size;
} tables[TABLE_LAST] = {
    [TABLE_STATION] = {"station", sizeof(struct station)},
    [TABLE_RULES] = {"rules", sizeof(struct rules_row)},
    [TABLE_MEMBER] = {"member", sizeof(struct member_row)},
    [TABLE_MEMBER_HEAD] = {"member_head", sizeof(struct member_head_row)},
    [TABLE_ACCOUNT] = {"account", sizeof(struct account_row)},
    [TABLE_POINT_LOT] = {"point_lot", sizeof(struct point_lot_row)},
    [TABLE_CARRY] = {"carry", sizeof(struct carry_row)},
    [TABLE_KEY] = {"key", sizeof(struct key_row)},
    [TABLE_KEY_NO] = {"key_no", sizeof(struct key_no_row)},
    [TABLE_INVITE] = {"invite", sizeof(struct invite_row)},
    [TABLE_PROPOSAL] = {"proposal", sizeof(struct proposal_row)},
    [TABLE_TERM] = {"term", sizeof(struct term_row)},
    [TABLE_BENEFICIARY] = {"beneficiary", sizeof(struct beneficiary_row)},
    [TABLE_PAIR] = {"pair", sizeof(struct pair_row)},
    [TABLE_DELEGATION] = {"delegation", sizeof(struct delegation_row)},
    [TABLE_PARTNER] = {"partner", sizeof(struct version_head)},
    [TABLE_PARTNER_VERSION] = {"partner_version", sizeof(struct partner_row)},
    [TABLE_RATE] = {"rate", sizeof(struct version_head)},
    [TABLE_RATE_VERSION] = {"rate_version", sizeof(struct rate_row)},
    [TABLE_ITEM] = {"item", sizeof(struct version_head)},
    [TABLE_ITEM_VERSION] = {"item_version", sizeof(struct item_row)},
    [TABLE_DONATION] = {"donation", sizeof(struct donation_row)},
    [TABLE_RECEIPT] = {"receipt", sizeof(struct receipt_row)},
    [TABLE_SHELF] = {"shelf", sizeof(struct shelf_row)},
    [TABLE_SHELF_LOT] = {"shelf_lot", sizeof(struct shelf_lot_row)},
    [TABLE_ACTIVITY] = {"activity", sizeof(struct activity_row)},
    [TABLE_SESSION] = {"session", sizeof(struct session_row)},
    [TABLE_RECORD] = {"record", sizeof(struct record_row)},
    [TABLE_BATCH] = {"batch", sizeof(struct batch_row)},
    [TABLE_BATCH_PART] = {"batch_part", sizeof(struct batch_part_row)},
    [TABLE_MEMBER_DAY] = {"member_day", sizeof(struct member_day_row)},
    [TABLE_QUOTA] = {"quota", sizeof(struct quota_row)},
    [TABLE_HOLD] = {"hold", sizeof(struct hold_row)},
    [TABLE_HOLD_PART] = {"hold_part", sizeof(struct hold_part_row)},
    [TABLE_UNLINKED] = {"unlinked", sizeof(struct unlinked_row)},
    [TABLE_DUE] = {"due", sizeof(struct due_row)},
    [TABLE_ERASURE] = {"erasure", sizeof(struct erasure_row)},
    [TABLE_FINDING] = {"finding", sizeof(struct finding_row)},
    [TABLE_LEDGER_KEY] = {"ledger_key", sizeof(struct ledger_key_row)},
};

uint32_t
table_value_size(enum table t)
{
	return (unsigned)t < TABLE_LAST ? tables[t].size : 0;
}

const char *
table_name(enum table t)
{
	return (unsigned)t < TABLE_LAST ? tables[t].name : "?";
}

code8
code_pack(const char *text, size_t len)
{
	code8 code = 0;

	if (len == 0 || len > 8)
		return 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return 0;
	}
	memcpy(&code, text, len);
	return code;
}

size_t
code_unpack(code8 code, char out[9])
{
	memcpy(out, &code, 8);
	out[8] = 0;
	return strlen(out);
}

const void *
book_get(const struct book *b, const struct row_key *key)
{
	return b->rows->get(b->rows->ctx, key);
}

void *
book_edit(struct book *b, const struct row_key *key)
{
	return b->rows->edit(b->rows->ctx, key);
}

void *
book_add(struct book *b, const struct row_key *key)
{
	return b->rows->add(b->rows->ctx, key);
}

void
book_drop(struct book *b, const struct row_key *key)
{
	b->rows->drop(b->rows->ctx, key);
}

void *
book_upsert(struct book *b, const struct row_key *key)
{
	void *row = book_edit(b, key);

	return row != NULL ? row : book_add(b, key);
}

enum result
book_refuse_field(struct book *b, const char *field)
{
	b->out->field = field;
	return RESULT_BAD_FIELD;
}

enum result
book_effect(struct book *b, enum effect_kind kind, struct effect **out)
{
	struct effect *e;

	if (b->out->n_effects == BOOK_MAX_EFFECTS)
		return RESULT_TOO_MANY_EFFECTS;
	e = &b->out->effects[b->out->n_effects++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	/* The act's command: while a proposal takes effect, the Approve. */
	e->command = b->out->command;
	*out = e;
	return RESULT_OK;
}

enum result
book_touch(struct book *b, uint64_t member)
{
	struct member_head_row *head;

	if (member == 0 || member == b->touched[0] || member == b->touched[1] ||
	    (head = book_head_edit(b, member)) == NULL)
		return RESULT_OK;
	if (head->last_seq != b->in->seq) {
		if (b->out->n_touched == BOOK_MAX_TOUCHED)
			return RESULT_TOO_MANY_EFFECTS;
		b->out->touched[b->out->n_touched++] = (struct touched){member, head->last_seq};
		head->last_seq = b->in->seq;
	}
	b->touched[1] = b->touched[0];
	b->touched[0] = member;
	return RESULT_OK;
}

enum result
book_nameable(struct book *b, const struct row_key *key, struct origin *origin, uint32_t index)
{
	if (b->out->n_sealed == BOOK_MAX_SEALED)
		return RESULT_TOO_MANY_EFFECTS;
	origin->seq = b->in->seq;
	origin->index = index;
	b->out->sealed[b->out->n_sealed++] = *key;
	return RESULT_OK;
}

enum result
book_ref_matches(const struct ref *ref, const struct origin *origin)
{
	return ref->seq == origin->seq && ref->index == origin->index &&
		       memcmp(ref->leaf, origin->leaf, 32) == 0
		   ? RESULT_OK
		   : RESULT_WRONG_LEAF;
}

void
book_due_add(struct book *b, enum due_kind kind, uint64_t due_us, uint64_t what)
{
	struct row_key k = row_key_due(kind, due_us, what);
	struct due_row *due = book_add(b, &k);

	due->seq = b->in->seq;
}

void
book_due_drop(struct book *b, enum due_kind kind, uint64_t due_us, uint64_t what)
{
	struct row_key k = row_key_due(kind, due_us, what);

	if (book_get(b, &k) != NULL)
		book_drop(b, &k);
}

const struct member_row *
book_member(const struct book *b, uint64_t member)
{
	struct row_key k = row_key3(TABLE_MEMBER, member, 0, 0);

	return book_get(b, &k);
}

struct member_row *
book_member_edit(struct book *b, uint64_t member)
{
	struct row_key k = row_key3(TABLE_MEMBER, member, 0, 0);

	return book_edit(b, &k);
}

const struct member_head_row *
book_head(const struct book *b, uint64_t member)
{
	struct row_key k = row_key3(TABLE_MEMBER_HEAD, member, 0, 0);

	for (int i = 0; i < 2; i++)
		if (b->edited[i].id == member && member != 0)
			return b->edited[i].row;
	return book_get(b, &k);
}

struct member_head_row *
book_head_edit(struct book *b, uint64_t member)
{
	struct row_key k = row_key3(TABLE_MEMBER_HEAD, member, 0, 0);
	struct member_head_row *row;

	for (int i = 0; i < 2; i++)
		if (b->edited[i].id == member && member != 0)
			return b->edited[i].row;
	if ((row = book_edit(b, &k)) == NULL)
		return NULL;
	b->edited[1] = b->edited[0];
	b->edited[0].id = member;
	b->edited[0].row = row;
	return row;
}

struct member_row *
book_member_standing(struct book *b, uint64_t member, enum result *err)
{
	const struct member_head_row *head = book_head(b, member);

	*err = head == NULL ? RESULT_UNKNOWN_MEMBER : head->status == MEMBER_ERASED ? RESULT_ERASED : RESULT_OK;
	return *err == RESULT_OK ? book_member_edit(b, member) : NULL;
}

int
book_trained(const struct member_row *m, int32_t day)
{
	return m->trained_from_day != 0 && day >= m->trained_from_day &&
	       (m->trained_to_day == 0 || day <= m->trained_to_day);
}

const struct station *
book_station(const struct row_source *rows)
{
	struct row_key k = {.table = TABLE_STATION};

	return rows->get(rows->ctx, &k);
}

struct station *
book_station_edit(struct book *b)
{
	struct row_key k = {.table = TABLE_STATION};

	return book_edit(b, &k);
}

int32_t
book_day(const struct station *station, uint64_t at_us)
{
	int64_t local = (int64_t)at_us + (int64_t)station->zone_minutes * (int64_t)MINUTE_US;

	return (int32_t)(local / (int64_t)DAY_US - (local % (int64_t)DAY_US < 0));
}

uint64_t
book_day_start_us(const struct station *station, int32_t day)
{
	int64_t us =
	    (int64_t)day * (int64_t)DAY_US - (int64_t)station->zone_minutes * (int64_t)MINUTE_US;

	return us < 0 ? 0 : (uint64_t)us;
}

/* Civil month from days since 1970-01-01: H. Hinnant, "chrono-compatible low-level date
 * algorithms", civil_from_days. */
uint32_t
book_month(int32_t day)
{
	int64_t z = (int64_t)day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	int64_t year = yoe + era * 400 + (month <= 2);

	return (uint32_t)(year * 12 + month - 1);
}

uint64_t
book_key_person(const struct row_source *rows, uint32_t key_no)
{
	struct row_key k = row_key3(TABLE_KEY_NO, key_no, 0, 0);
	const struct key_no_row *no = rows->get(rows->ctx, &k);
	const struct key_row *key;

	if (no == NULL)
		return 0;
	k = row_key_hash(TABLE_KEY, no->key);
	key = rows->get(rows->ctx, &k);
	return key == NULL ? 0 : key->member;
}

int
book_same_or_kin(const struct row_source *rows, uint64_t a, uint64_t b)
{
	struct row_key k = row_key3(TABLE_MEMBER, a, 0, 0);
	const struct member_row *m;

	if (a == 0 || b == 0)
		return 0;
	if (a == b)
		return 1;
	m = rows->get(rows->ctx, &k);
	for (uint32_t i = 0; m != NULL && i < m->n_kin; i++)
		if (m->kin[i] == b)
			return 1;
	return 0;
}

enum result
book_keep_apart(const struct book *b, uint64_t person, uint64_t member)
{
	if (person != 0 && person == member)
		return RESULT_SAME_PERSON;
	return book_same_or_kin(b->rows, person, member) ? RESULT_KIN_CONFLICT : RESULT_OK;
}
