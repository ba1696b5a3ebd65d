/*
 * The book: the rules of 时间宝盒 as a pure function.
 *
 * book_decide takes the rows as they are, one act, the time and the next sequence number, and
 * either refuses with a code or changes the rows and says which postings and effects the entry
 * gets. It reads no clock, draws no number, allocates nothing and depends on nothing but its
 * arguments, so replaying the ledger from empty rows gives the same rows bit for bit.
 *
 * After the entry's bytes are made and hashed, book_seal writes the leaf hash into the rows that
 * later acts will name.
 */
#ifndef TIMEBOX_BOOK_BOOK_H
#define TIMEBOX_BOOK_BOOK_H

#include "daemon/book/act.h"
#include "daemon/book/row.h"
#include "daemon/book/tables.h"
#include "proto/codes.h"

/* The newest version of the book's behaviour. */
#define BOOK_SEMANTICS 1

#define BOOK_MAX_POSTINGS 4096
#define BOOK_POSTING_SLOTS (2 * BOOK_MAX_POSTINGS)
#define BOOK_MAX_EFFECTS  2048
#define BOOK_MAX_TOUCHED  2048
#define BOOK_MAX_SEALED	  1024

#define DAY_US	  86400000000ull
#define MINUTE_US 60000000ull

struct posting {
	enum asset asset;
	enum purpose purpose;
	uint64_t member;
	code8 partner;
	code8 item;
	uint64_t lot;
	int64_t amount;
};

/* See Effect in entry.proto; fields that a kind does not name are zero. */
struct effect {
	uint32_t kind;
	uint32_t command;
	uint64_t id;
	uint64_t member;
	uint64_t rules;
	code8 item;
	code8 outlet;
	uint64_t until_us;
	uint64_t release_us;
	uint32_t index;
	uint32_t verdict;
	uint32_t minutes;
	uint32_t points;
	uint32_t count;
	int32_t day;
	uint32_t provenance;
	uint32_t pad;
};

struct touched {
	uint64_t member;
	uint64_t prev;
};

struct book_in {
	const struct act *act;
	/* The entry's time: later than every entry before. */
	uint64_t now_us;
	uint64_t seq;
	/* Leaf hash of the entry before; zeros for entry 1. */
	const uint8_t *prev;
	/* A system act: made by the daemon for what falls due. */
	int system;
	/* Member and beneficiary ids drawn for this act, used in order, none of them taken; at
	 * least one per command that adds. */
	const uint64_t *fresh;
	size_t n_fresh;
};

/* The caller's, reused from act to act; large. */
struct book_out {
	struct posting postings[BOOK_MAX_POSTINGS];
	struct effect effects[BOOK_MAX_EFFECTS];
	struct touched touched[BOOK_MAX_TOUCHED];
	struct row_key sealed[BOOK_MAX_SEALED];
	/* Where a posting on an account is, 1 + its index, by a hash of the account: once there are many. The book's own. */
	uint16_t posting_at[BOOK_POSTING_SLOTS];
	uint32_t n_postings;
	uint32_t n_effects;
	uint32_t n_touched;
	uint32_t n_sealed;
	/* For the entry: the rule version in force, and the semantics. */
	uint64_t rules;
	uint32_t semantics;
	/* On refusal: the command's index, and the field where one is wrong ("" otherwise). */
	uint32_t command;
	const char *field;
	/* What the actor turned out to be. */
	enum role role;
};

/*
 * Decides one act. On RESULT_OK the rows have changed and `out` says how; on anything else rows may
 * be half changed and the caller undoes them. The first act of an empty ledger must be Genesis.
 */
MUST_CHECK enum result book_decide(
    const struct row_source *rows, const struct book_in *in, struct book_out *out);

/*
 * Whether whoever asks may do this at all now: role, station state and link, for each command; on
 * refusal out->command says which. What is asked before anything else is looked at, so that a
 * stranger learns nothing from how an act is refused. The rows are as after a refused book_decide.
 */
MUST_CHECK enum result book_permits(
    const struct row_source *rows, const struct book_in *in, struct book_out *out);

/*
 * Says to the rows which of them a command of the act will ask for, as far as it is known before. For who decides many acts at
 * once; book_decide does it for the commands of one act.
 */
void book_expect(const struct row_source *rows, const struct act *act, uint32_t command, enum row_expect when);

/* Writes the entry's leaf hash into the rows that the decision made nameable. */
void book_seal(const struct row_source *rows, const struct book_out *out, const uint8_t leaf[32]);

/* Whether the act must carry a signature of its actor's key: by the roles of its commands. Kiosk
 * and system acts need none. */
int book_must_sign(enum role role, const struct act *act);

/*
 * The permissions, one row per command kind: for the dispatch table, its test and the printed list.
 * `roles` is a mask of ROLE_BIT. In set-up and after the opening a command may be allowed, or
 * become a proposal for a second person.
 */
enum command_when {
	WHEN_NO = 0,
	WHEN_YES,
	/* Accepted as a proposal; a second person approves it. */
	WHEN_PROPOSED
};
struct command_rule {
	enum command_kind kind;
	const char *name;
	uint32_t roles;
	enum command_when set_up;
	enum command_when open;
	/* A staff key that is not linked to its person may do it (in set-up, after the opening). */
	int unlinked_set_up;
	int unlinked_open;
};
/* The rows, in order of kind; NULL past the end. */
const struct command_rule *book_command_rule(size_t i);
/* The row of a kind, or NULL. */
const struct command_rule *book_command_find(uint32_t kind);

/* ---- Reading the rows, for answers to queries. All of them read only. ---- */

/* The station, or NULL before Genesis. */
const struct station *book_station(const struct row_source *rows);
/* The rule set in force at a time, and its version. */
const struct rule_set *book_rules_at(
    const struct row_source *rows, uint64_t at_us, uint64_t *version);
/* An account's balance, 0 without one. */
int64_t book_balance(const struct row_source *rows, enum purpose purpose, enum asset asset,
    uint64_t owner, code8 item, uint64_t lot);
/* A member's sums over lots and provenances. */
struct member_sums {
	int64_t minutes;
	int64_t available;
	int64_t held;
	/* What is owed, not negative. */
	int64_t debt;
	uint32_t carry_minutes;
};
void book_member_sums(const struct row_source *rows, uint64_t member, struct member_sums *out);
/* The version in force at a time, or NULL. */
const struct item_row *book_item_at(const struct row_source *rows, code8 item, uint64_t at_us);
const struct rate_row *book_rate_at(const struct row_source *rows, code8 item, uint64_t at_us);
const struct partner_row *book_partner_at(
    const struct row_source *rows, code8 partner, uint64_t at_us);
/* Pieces on an outlet's shelf that nobody holds and whose best-before day is not past. */
int64_t book_shelf_free(const struct row_source *rows, code8 outlet, code8 item, int32_t today);
/* The day (since 1970-01-01) of a moment in the station's zone, and the first moment of a day. */
int32_t book_day(const struct station *station, uint64_t at_us);
uint64_t book_day_start_us(const struct station *station, int32_t day);
/* The month number (year × 12 + month − 1) of a day. */
uint32_t book_month(int32_t day);
/* The member a key number stands for, 0 if not linked. */
uint64_t book_key_person(const struct row_source *rows, uint32_t key_no);
/* 1 if the two are the same person or kin. 0 ids are nobody. */
int book_same_or_kin(const struct row_source *rows, uint64_t a, uint64_t b);

#endif
