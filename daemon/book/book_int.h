/* The book's private shapes: one decision under way, and the helpers that command files share. */
#ifndef TIMEBOX_BOOK_BOOK_INT_H
#define TIMEBOX_BOOK_BOOK_INT_H

#include "daemon/book/book.h"

struct book {
	const struct row_source *rows;
	const struct book_in *in;
	struct book_out *out;
	/* NULL only while Genesis is decided. */
	const struct station *station;
	/* In force at in->now_us. */
	const struct rule_set *rules;
	uint64_t rules_version;
	int32_t today;
	enum role role;
	/* The actor's key: its number and person (0: none, or not linked); for MEMBER the person is
	 * the session's member. */
	uint32_t key_no;
	uint64_t person;
	code8 partner;
	/* Index of the command being decided: in this act, or in the entry where it was proposed.
	 */
	uint32_t command;
	/* While a proposal takes effect: who proposed it. 0 otherwise. */
	uint32_t proposer_no;
	uint64_t on_behalf;
	size_t fresh_used;
	/* The members touched last: each is, by every movement. */
	uint64_t touched[2];
	/* The members whose heads were edited last; rows stay where they are. */
	struct {
		uint64_t id;
		struct member_head_row *row;
	} edited[2];
};

/* One file each; the contract is book_decide's. */
#define DECIDE(name) MUST_CHECK enum result decide_##name(struct book *b, const struct command *c)
DECIDE(genesis);
DECIDE(clock_accept);
DECIDE(semantics_raise);
DECIDE(ledger_key);
DECIDE(enrol);
DECIDE(invite);
DECIDE(key_link);
DECIDE(approve);
DECIDE(withdraw);
DECIDE(key_revoke);
DECIDE(station_open);
DECIDE(rules_set);
DECIDE(term_add);
DECIDE(member_add);
DECIDE(member_update);
DECIDE(kin_add);
DECIDE(pin_slip);
DECIDE(card_bind);
DECIDE(card_block);
DECIDE(beneficiary_add);
DECIDE(pair_set);
DECIDE(delegate);
DECIDE(partner_set);
DECIDE(service_item_set);
DECIDE(item_set);
DECIDE(donation_add);
DECIDE(activity_add);
DECIDE(check_in);
DECIDE(check_out);
DECIDE(service_rows);
DECIDE(attest_batch);
DECIDE(attest_records);
DECIDE(reject_records);
DECIDE(batch_withdraw);
DECIDE(batch_reverse);
DECIDE(hold);
DECIDE(confirm);
DECIDE(cancel);
DECIDE(reverse);
DECIDE(late_delivery);
DECIDE(permit);
DECIDE(gift);
DECIDE(erase);
DECIDE(text_open);
DECIDE(audit_finding);
DECIDE(system_release);
DECIDE(system_close);
DECIDE(system_credit);
DECIDE(system_reverse);
#undef DECIDE

/* ---- dispatch.c: permissions ---- */

/* Decides one command that may take effect now (permissions are settled). */
MUST_CHECK enum result book_apply(struct book *b, const struct command *c);
/* 1: the command waits for a second person, given who asks and the station's state. */
int book_needs_proposal(const struct book *b, const struct command *c);
MUST_CHECK enum result book_propose(struct book *b, const struct command *c);
/* Refuses with the field's name noted. */
enum result book_refuse_field(struct book *b, const char *field);

/* ---- rows ---- */

const void *book_get(const struct book *b, const struct row_key *key);
void *book_edit(struct book *b, const struct row_key *key);
void *book_add(struct book *b, const struct row_key *key);
void book_drop(struct book *b, const struct row_key *key);
/* The row to change, made if it is not there. */
void *book_upsert(struct book *b, const struct row_key *key);

/* Effects and touched members. RESULT_TOO_MANY_EFFECTS when full. book_effect clears the effect and
 * sets kind and command. */
MUST_CHECK enum result book_effect(struct book *b, enum effect_kind kind, struct effect **out);
MUST_CHECK enum result book_touch(struct book *b, uint64_t member);
/* Fills the row's origin with this entry and command `index` and has its leaf sealed. The key is
 * the row's. */
MUST_CHECK enum result book_nameable(
    struct book *b, const struct row_key *key, struct origin *origin, uint32_t index);
/* RESULT_OK if ref names exactly that origin; RESULT_WRONG_LEAF otherwise. */
MUST_CHECK enum result book_ref_matches(const struct ref *ref, const struct origin *origin);

/* Notes what falls due, and forgets it. */
void book_due_add(struct book *b, enum due_kind kind, uint64_t due_us, uint64_t what);
void book_due_drop(struct book *b, enum due_kind kind, uint64_t due_us, uint64_t what);

/* The member's row if it exists (any status); NULL otherwise. */
const struct member_row *book_member(const struct book *b, uint64_t member);
struct member_row *book_member_edit(struct book *b, uint64_t member);
/* The row to change, or NULL with *err: RESULT_UNKNOWN_MEMBER, RESULT_ERASED for one who is no longer to be changed. */
struct member_row *book_member_standing(struct book *b, uint64_t member, enum result *err);
/* The member's head, there for each member: the row if they exist, NULL otherwise. */
const struct member_head_row *book_head(const struct book *b, uint64_t member);
struct member_head_row *book_head_edit(struct book *b, uint64_t member);
/* The agreement of a partner covers the day. */
int book_partner_in_force(const struct book *b, code8 partner, int32_t day);
/* Training covers the day, both end days counting. */
int book_trained(const struct member_row *m, int32_t day);

/* ---- account.c: postings ---- */

struct account {
	enum purpose purpose;
	uint64_t owner; /* member, or partner's code; 0 for the programme */
	uint64_t lot;
};
/* Points that the member owes. Asks the account only of those who ever owed any. */
int64_t book_debt(const struct book *b, uint64_t member);
/*
 * Moves `amount` > 0 of an asset from one account to another: two postings that sum to zero.
 * RESULT_INSUFFICIENT if an account that may not be negative would be; RESULT_OVERFLOW. Amount 0
 * does nothing. Members are touched.
 */
MUST_CHECK enum result book_move(struct book *b, enum asset asset, code8 item, struct account from,
    struct account to, int64_t amount);
static inline struct account
account(enum purpose purpose, uint64_t owner, uint64_t lot)
{
	struct account a = {purpose, owner, lot};
	return a;
}

/* ---- points.c: a member's points ---- */

/* Puts points into the member's hands, debt first, the rest into the lot. `from` is where they come
 * from. */
MUST_CHECK enum result points_give(
    struct book *b, struct account from, uint64_t member, uint64_t lot, int64_t points);
/* Takes d points back after a correction: issued +d, from `lot` first, then the other lots, the
 * rest becomes debt. */
MUST_CHECK enum result points_correct(
    struct book *b, uint64_t member, uint64_t lot, int64_t points);
/* The station, to change it: the same place as b->station. */
struct station *book_station_edit(struct book *b);
/* The lot in a place of the member's list of lots (struct point_lot_row). */
uint64_t book_lot_of_order(uint64_t order);
/* The key of an account's row. */
struct row_key book_account_key(
    enum purpose purpose, enum asset asset, uint64_t owner, code8 item, uint64_t lot);
/* A member's available points, all lots. */
int64_t points_available(const struct row_source *rows, uint64_t member);
/* Visits lots earliest expiry first and moves `points` of available away; each part is told to
 * `part`. */
typedef enum result (*points_part)(struct book *b, void *ctx, uint64_t lot, int64_t points);
MUST_CHECK enum result points_take(
    struct book *b, uint64_t member, int64_t points, points_part part, void *ctx);
/* Adds minutes to the member's carry at a ratio and returns the whole points that come out of it;
 * minutes may be negative. */
MUST_CHECK enum result carry_add(
    struct book *b, uint64_t member, uint64_t ratio, int64_t minutes, int64_t *points);
/* minutes << 32 | points, in lowest terms. */
uint64_t ratio_make(uint32_t minutes, uint32_t points);

/* ---- versions.c ---- */

/* Adds a version of a thing: in set-up in force at once, later from the next day's start. Returns
 * the new row, zeroed but for the version. */
MUST_CHECK enum result version_add(
    struct book *b, enum table head, enum table rows, code8 code, void **out);
/* A new rule version by this entry (once per entry) with the newest rule set, or `rules` where it
 * is not NULL. */
MUST_CHECK enum result rules_version_add(struct book *b, const struct rule_set *rules);
/* The rate as it stood at a rule version. */
const struct rate_row *rate_of_version(const struct book *b, code8 item, uint64_t rules_version);
/* The rate that judges a record of that day: in force at its start, or the first there ever was. */
const struct rate_row *rate_of_day(const struct book *b, code8 item, int32_t day);

/* ---- service.c: records ---- */

/* Times of a record's day(s) against the member's accepted records: OK, DUPLICATE or OVERLAP. */
MUST_CHECK enum result member_day_judge(
    const struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end, code8 item);
void member_day_take(struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end,
    code8 item, uint64_t record);
void member_day_free(
    struct book *b, uint64_t member, int32_t day, uint32_t start, uint32_t end, uint64_t record);
/* Closes the member's open session at end_us and makes its record (index: which of this entry). */
MUST_CHECK enum result session_close(
    struct book *b, uint64_t member, uint64_t end_us, int by_clock, uint32_t index);
/* Whether this actor may attest or approve something about that member: not the same person, not
 * kin. */
MUST_CHECK enum result book_keep_apart(const struct book *b, uint64_t person, uint64_t member);

/* Whoever judges a record is none of: its volunteer, its recorder, its witness, kin of the volunteer. */
MUST_CHECK enum result book_judge_apart(const struct book *b, const struct record_row *r);

/* ---- privacy.c ---- */

/* Whether the erasure may be done now, by whoever proposes or approves it. */
MUST_CHECK enum result erase_check(struct book *b, const struct command *c);

/* ---- redemption.c ---- */

/* The hold named, if its leaf matches. */
MUST_CHECK enum result hold_find(struct book *b, const struct ref *ref, struct hold_row **out);
/* The code that says how a hold was resolved; RESULT_OK while it is held. */
enum result hold_resolved_code(const struct hold_row *h);
/* Moves a held hold to a state: points and stock go where that state says; its due row is dropped.
 */
MUST_CHECK enum result hold_resolve(struct book *b, struct hold_row *h, enum hold_state to);
/* Puts pieces on an outlet's shelf list (not the posting). */
void shelf_list_add(
    struct book *b, code8 outlet, code8 item, uint64_t lot, int32_t best_before_day);

#endif
