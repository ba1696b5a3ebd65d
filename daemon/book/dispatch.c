/* Who may do what, and when: one row per command kind, and the one place that reads it. */
#include "daemon/book/book_int.h"

#define STAFF	 ROLE_BIT(ROLE_STAFF)
#define MEMBER	 ROLE_BIT(ROLE_MEMBER)
#define OUTLET	 ROLE_BIT(ROLE_OUTLET)
#define AUDITOR	 ROLE_BIT(ROLE_AUDITOR)
#define OPERATOR ROLE_BIT(ROLE_OPERATOR)
#define SYSTEM	 ROLE_BIT(ROLE_SYSTEM)
#define NOBODY	 ROLE_BIT(ROLE_NONE)

struct row {
	struct command_rule rule;
	enum result (*decide)(struct book *b, const struct command *c);
};

/* clang-format off */
#define ROW(KIND, fn, roles, set_up, open, unlinked_set_up, unlinked_open) \
	[COMMAND_##KIND] = { { COMMAND_##KIND, #fn, roles, WHEN_##set_up, WHEN_##open, unlinked_set_up, unlinked_open }, \
			     decide_##fn }
/* By kind, with holes. */
static const struct row table[] = {
	/*  kind              name              roles           set-up    open     unlinked staff keys: set-up, open */
	ROW(GENESIS,          genesis,          OPERATOR,       YES,      NO,       0, 0),
	ROW(CLOCK_ACCEPT,     clock_accept,     OPERATOR,       YES,      YES,      0, 0),
	ROW(SEMANTICS_RAISE,  semantics_raise,  OPERATOR,       YES,      YES,      0, 0),
	ROW(LEDGER_KEY,       ledger_key,       OPERATOR,       YES,      YES,      0, 0),
	ROW(ENROL,            enrol,            NOBODY,         YES,      YES,      0, 0),
	ROW(INVITE,           invite,           STAFF,          YES,      YES,      1, 0),
	ROW(KEY_LINK,         key_link,         STAFF,          PROPOSED, PROPOSED, 1, 1),
	ROW(APPROVE,          approve,          STAFF,          YES,      YES,      1, 1),
	ROW(WITHDRAW,         withdraw,         STAFF,          YES,      YES,      1, 1),
	ROW(KEY_REVOKE,       key_revoke,       STAFF,          YES,      YES,      0, 0),
	ROW(STATION_OPEN,     station_open,     STAFF,          YES,      NO,       0, 0),
	ROW(RULES_SET,        rules_set,        STAFF,          YES,      PROPOSED, 0, 0),
	ROW(TERM_ADD,         term_add,         STAFF,          YES,      YES,      1, 0),
	ROW(MEMBER_ADD,       member_add,       STAFF,          YES,      YES,      1, 0),
	ROW(MEMBER_UPDATE,    member_update,    STAFF,          YES,      YES,      0, 0),
	ROW(KIN_ADD,          kin_add,          STAFF,          YES,      PROPOSED, 1, 0),
	ROW(PIN_SLIP,         pin_slip,         STAFF,          YES,      YES,      0, 0),
	ROW(CARD_BIND,        card_bind,        STAFF,          YES,      YES,      0, 0),
	ROW(CARD_BLOCK,       card_block,       STAFF | MEMBER, YES,      YES,      0, 0),
	ROW(BENEFICIARY_ADD,  beneficiary_add,  STAFF,          YES,      YES,      1, 0),
	ROW(PAIR_SET,         pair_set,         STAFF,          YES,      YES,      1, 0),
	ROW(DELEGATE,         delegate,         STAFF,          PROPOSED, PROPOSED, 0, 0),
	ROW(PARTNER_SET,      partner_set,      STAFF,          YES,      PROPOSED, 1, 0),
	ROW(SERVICE_ITEM_SET, service_item_set, STAFF,          YES,      PROPOSED, 1, 0),
	ROW(ITEM_SET,         item_set,         STAFF,          YES,      PROPOSED, 1, 0),
	ROW(DONATION_ADD,     donation_add,     STAFF,          YES,      PROPOSED, 1, 0),
	ROW(ACTIVITY_ADD,     activity_add,     STAFF,          YES,      YES,      0, 0),
	ROW(CHECK_IN,         check_in,         STAFF | OUTLET | MEMBER, YES, YES,  0, 0),
	ROW(CHECK_OUT,        check_out,        STAFF | OUTLET | MEMBER, YES, YES,  0, 0),
	ROW(SERVICE_ROWS,     service_rows,     STAFF,          YES,      YES,      1, 0),
	ROW(ATTEST_BATCH,     attest_batch,     STAFF,          YES,      YES,      1, 0),
	ROW(ATTEST_RECORDS,   attest_records,   STAFF,          YES,      YES,      0, 0),
	ROW(REJECT_RECORDS,   reject_records,   STAFF,          YES,      YES,      0, 0),
	ROW(BATCH_WITHDRAW,   batch_withdraw,   STAFF,          YES,      YES,      1, 0),
	ROW(BATCH_REVERSE,    batch_reverse,    STAFF,          PROPOSED, PROPOSED, 0, 0),
	ROW(HOLD,             hold,             STAFF | MEMBER, NO,       YES,      0, 0),
	ROW(CONFIRM,          confirm,          OUTLET,         NO,       YES,      0, 0),
	ROW(CANCEL,           cancel,           STAFF | MEMBER, NO,       YES,      0, 0),
	ROW(REVERSE,          reverse,          STAFF,          NO,       PROPOSED, 0, 0),
	ROW(LATE_DELIVERY,    late_delivery,    STAFF,          NO,       PROPOSED, 0, 0),
	ROW(PERMIT,           permit,           STAFF,          NO,       YES,      0, 0),
	ROW(GIFT,             gift,             MEMBER,         NO,       YES,      0, 0),
	ROW(ERASE,            erase,            STAFF,          PROPOSED, PROPOSED, 0, 0),
	ROW(TEXT_OPEN,        text_open,        STAFF,          YES,      YES,      0, 0),
	ROW(AUDIT_FINDING,    audit_finding,    STAFF | AUDITOR, YES,     YES,      0, 0),
	ROW(SYSTEM_RELEASE,   system_release,   SYSTEM,         NO,       YES,      0, 0),
	ROW(SYSTEM_CLOSE,     system_close,     SYSTEM,         YES,      YES,      0, 0),
	ROW(SYSTEM_CREDIT,    system_credit,    SYSTEM,         YES,      YES,      0, 0),
	ROW(SYSTEM_REVERSE,   system_reverse,   SYSTEM,         YES,      YES,      0, 0),
};
/* clang-format on */

#define N_ROWS (sizeof(table) / sizeof(table[0]))

static const struct row *
row_find(uint32_t kind)
{
	return kind < N_ROWS && table[kind].decide != NULL ? &table[kind] : NULL;
}

const struct command_rule *
book_command_rule(size_t i)
{
	for (size_t kind = 0; kind < N_ROWS; kind++)
		if (table[kind].decide != NULL && i-- == 0)
			return &table[kind].rule;
	return NULL;
}

const struct command_rule *
book_command_find(uint32_t kind)
{
	const struct row *r = row_find(kind);

	return r == NULL ? NULL : &r->rule;
}

int
book_must_sign(enum role role, const struct act *act)
{
	(void)act;
	/* An enrolling key has no role yet, and signs for itself. */
	return role != ROLE_MEMBER && role != ROLE_KIOSK && role != ROLE_SYSTEM;
}

int
book_needs_proposal(const struct book *b, const struct command *c)
{
	const struct row *r = row_find(c->kind);
	const struct station *station = b->station;
	const struct key_row *key;
	struct row_key k;

	if (r == NULL || station == NULL)
		return 0;
	if ((station->opened ? r->rule.open : r->rule.set_up) == WHEN_PROPOSED)
		return 1;
	switch (c->kind) {
	case COMMAND_INVITE:
		/* A third social worker is admitted by two. */
		return c->role == ROLE_STAFF && station->staff_active >= 2;
	case COMMAND_KEY_REVOKE:
		k = row_key_hash(TABLE_KEY, c->key);
		key = book_get(b, &k);
		return key != NULL && key->role == ROLE_STAFF && station->staff_active >= 2;
	case COMMAND_HOLD:
		/* Only the member's own session holds; staff under a delegation, or by two. */
		if (b->role != ROLE_STAFF)
			return 0;
		if (b->in->act->on_behalf != c->member || b->person == 0)
			return 1;
		k = row_key3(TABLE_DELEGATION, c->member, b->person, 0);
		const struct delegation_row *d = book_get(b, &k);
		return d == NULL || d->to_day < b->today;
	default:
		return 0;
	}
}

/* Whether role, station state and link allow the command at all. */
static enum result
allowed(const struct book *b, const struct row *r)
{
	int opened = b->station != NULL && b->station->opened;
	enum command_when when = opened ? r->rule.open : r->rule.set_up;

	if ((r->rule.roles & ROLE_BIT(b->role)) == 0)
		return RESULT_NOT_ALLOWED;
	if (when == WHEN_NO)
		return opened ? RESULT_ALREADY_OPEN : RESULT_NOT_OPEN;
	if (b->role == ROLE_STAFF && b->person == 0 &&
	    !(opened ? r->rule.unlinked_open : r->rule.unlinked_set_up))
		return RESULT_KEY_NOT_LINKED;
	return RESULT_OK;
}

enum result
book_apply(struct book *b, const struct command *c)
{
	const struct row *r = row_find(c->kind);

	return r == NULL ? RESULT_BAD_MESSAGE : r->decide(b, c);
}

static enum result
decide_command(struct book *b, const struct command *c)
{
	const struct row *r = row_find(c->kind);
	enum result err;

	if (r == NULL)
		return RESULT_BAD_MESSAGE;
	if ((err = allowed(b, r)) != RESULT_OK)
		return err;
	if (b->station != NULL && book_needs_proposal(b, c))
		return book_propose(b, c);
	return r->decide(b, c);
}

/* Who asks: the system, the ledger key, a key row (a kiosk's with a session is the member), or an
 * unknown key. */
static enum result
resolve_actor(struct book *b)
{
	static const uint8_t zero[32];
	const struct act *act = b->in->act;
	const struct key_row *key;
	struct row_key k;

	if (b->in->system || memcmp(act->actor_key, zero, sizeof(zero)) == 0) {
		b->role = ROLE_SYSTEM;
		return b->in->system ? RESULT_OK : RESULT_WRONG_ACTOR;
	}
	if (b->station == NULL || memcmp(b->station->ledger_key, act->actor_key, 32) == 0) {
		b->role = ROLE_OPERATOR;
		return RESULT_OK;
	}
	k = row_key_hash(TABLE_KEY, act->actor_key);
	key = book_get(b, &k);
	if (key == NULL) {
		b->role = ROLE_NONE;
		return act->n_commands == 1 && act->commands[0].kind == COMMAND_ENROL
			   ? RESULT_OK
			   : RESULT_UNKNOWN_KEY;
	}
	if (key->status != KEY_ACTIVE)
		return RESULT_KEY_REVOKED;
	b->role = (enum role)key->role;
	b->key_no = key->no;
	b->person = key->member;
	b->partner = key->partner;
	if (act->actor_member == 0)
		return RESULT_OK;
	if (key->role != ROLE_KIOSK || book_member(b, act->actor_member) == NULL)
		return RESULT_WRONG_ACTOR;
	b->role = ROLE_MEMBER;
	b->person = act->actor_member;
	return book_touch(b, act->actor_member);
}

static enum result
check_semantics(const struct book *b)
{
	/* One version so far; older behaviour stays callable from here when there is a second. */
	return b->station == NULL || b->station->semantics == BOOK_SEMANTICS ? RESULT_OK
									     : RESULT_INTERNAL;
}

/* The station, the rules in force, and who asks. */
static enum result
decide_begin(struct book *b)
{
	struct row_key k = { .table = TABLE_STATION };
	struct book_out *out = b->out;
	enum result err;

	out->n_postings = out->n_effects = out->n_touched = out->n_sealed = 0;
	out->command = 0;
	out->field = "";
	out->rules = 1;
	out->semantics = BOOK_SEMANTICS;
	out->role = ROLE_NONE;
	b->station = book_get(b, &k);
	if (b->station == NULL && (b->in->act->n_commands != 1 ||
				   b->in->act->commands[0].kind != COMMAND_GENESIS))
		return RESULT_NOT_FOUND;
	if (b->station != NULL) {
		b->rules = book_rules_at(b->rows, b->in->now_us, &b->rules_version);
		b->today = book_day(b->station, b->in->now_us);
		out->rules = b->rules_version;
		out->semantics = b->station->semantics;
	}
	if ((err = check_semantics(b)) != RESULT_OK || (err = resolve_actor(b)) != RESULT_OK)
		return err;
	out->role = b->role;
	return RESULT_OK;
}

enum result
book_permits(const struct row_source *rows, const struct book_in *in, struct book_out *out)
{
	struct book b = { .rows = rows, .in = in, .out = out };
	enum result err = decide_begin(&b);

	for (uint32_t i = 0; i < in->act->n_commands && err == RESULT_OK; i++) {
		const struct row *r = row_find(in->act->commands[i].kind);

		out->command = i;
		err = r == NULL ? RESULT_BAD_MESSAGE : allowed(&b, r);
	}
	return err;
}

static void
expect_command(void *ctx, size_t command, enum row_expect when)
{
	const struct book *b = ctx;

	book_expect(b->rows, b->in->act, (uint32_t)command, when);
}

enum result
book_decide(const struct row_source *rows, const struct book_in *in, struct book_out *out)
{
	struct book b = { .rows = rows, .in = in, .out = out };
	enum result err = decide_begin(&b);

	for (uint32_t i = 0; i < in->act->n_commands && err == RESULT_OK; i++) {
		row_expect_ahead(rows, i, in->act->n_commands, expect_command, &b);
		out->command = b.command = i;
		err = decide_command(&b, &in->act->commands[i]);
	}
	return err;
}

void
book_seal(const struct row_source *rows, const struct book_out *out, const uint8_t leaf[32])
{
	for (uint32_t i = 0; i < out->n_sealed; i++) {
		struct origin *origin = rows->edit(rows->ctx, &out->sealed[i]);

		if (origin != NULL)
			memcpy(origin->leaf, leaf, 32);
	}
}
