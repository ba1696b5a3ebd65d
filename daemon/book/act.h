/*
 * An act as the book sees it: checked at the edge (codec/act.c made it from canonical bytes),
 * fixed-size, no pointers but to the lists that came with it.
 *
 * All commands share one struct: a field name means the same everywhere, and the fields a kind does
 * not use are zero. Which fields a kind must have, and their ranges, are checked by codec/act.c
 * from one table.
 */
#ifndef TIMEBOX_BOOK_ACT_H
#define TIMEBOX_BOOK_ACT_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/book/words.h"

#define ACT_MAX_COMMANDS 1024
#define ACT_MAX_ROWS	 200
#define ACT_MAX_REFS	 200
#define ITEM_MAX_OUTLETS 8
#define MEMBER_MAX_KIN	 8

/*
 * A code of 1 to 8 characters [A-Z0-9_-] (an item, a partner), packed: the characters in memory
 * order, then zeros. 0 is no code. code_pack returns 0 for anything else.
 */
typedef uint64_t code8;
code8 code_pack(const char *text, size_t len);
/* Writes the text and a NUL; returns its length. */
size_t code_unpack(code8 code, char out[9]);

/* Names an earlier entry's command (or row). A leaf of zeros means that none was given. */
struct ref {
	uint64_t seq;
	uint32_t index;
	uint32_t pad;
	uint8_t leaf[32];
};

/* One number for (seq, index): donation lots in postings, and row keys. index < 65,536. */
static inline uint64_t
ref_id(uint64_t seq, uint32_t index)
{
	return seq << 16 | index;
}

struct rule_set {
	uint32_t session_cap_minutes;
	uint32_t notice_days;
	uint32_t hold_days;
	uint32_t grace_days;
	uint32_t gift;
	uint32_t reset_guard_days;
	/* A bit per provenance. */
	uint32_t converts;
	uint32_t pad;
};

struct service_row {
	uint64_t member;
	code8 item;
	uint64_t beneficiary;
	uint32_t line;
	int32_t day;
	uint32_t start_minute;
	uint32_t end_minute;
	uint32_t area;
	uint32_t measured;
	uint8_t commitment[32];
};

struct refused_row {
	uint32_t line;
	uint32_t reason;
};

struct command {
	uint32_t kind;
	uint32_t role;
	uint64_t member;
	uint64_t other;
	uint64_t beneficiary;
	code8 item;
	code8 partner;
	code8 outlet;
	code8 outlets[ITEM_MAX_OUTLETS];
	uint32_t n_outlets;
	uint32_t count;
	uint32_t points;
	uint32_t minutes;
	uint32_t quota;
	uint32_t area;
	uint32_t parent;
	uint32_t purpose;
	uint32_t term;
	uint32_t member_class;
	uint32_t status;
	uint32_t partner_kind;
	uint32_t item_kind;
	uint32_t quality;
	uint32_t fate;
	uint32_t training;
	uint32_t reset;
	uint32_t birth_year;
	uint32_t semantics;
	int32_t zone_minutes;
	int32_t day;
	int32_t from_day;
	int32_t to_day;
	int32_t joined_day;
	int32_t trained_from_day;
	int32_t trained_to_day;
	int32_t best_before_day;
	uint32_t attempt;
	uint32_t part;
	uint32_t parts;
	uint32_t entries;
	uint32_t records;
	uint32_t scope;
	uint32_t ground;
	uint32_t row;
	uint32_t outcome;
	uint64_t rules_version;
	uint64_t start_us;
	uint64_t end_us;
	uint64_t time_us;
	uint8_t batch[16];
	char receipt[16];
	uint8_t key[32];
	uint8_t code_hash[32];
	uint8_t proof[32];
	uint8_t digest[32];
	uint8_t commitment[32];
	struct ref ref;
	struct rule_set rules;
	/* Lists; NULL and 0 in what is kept in a proposal. */
	const uint64_t *members;
	const struct ref *refs;
	const struct service_row *rows;
	const struct refused_row *refused;
	/* Genesis: the codes' hashes. */
	const uint8_t (*hashes)[32];
	/* LedgerKey: the new key's, 64 bytes; the book does not look at it. */
	const uint8_t *signature;
	uint32_t n_members;
	uint32_t n_refs;
	uint32_t n_rows;
	uint32_t n_refused;
	uint32_t n_hashes;
	uint32_t pad;
};

struct act {
	uint8_t request_id[16];
	uint64_t made_at_us;
	/* All zero in system entries. */
	uint8_t actor_key[32];
	uint64_t actor_member;
	uint8_t session[8];
	uint64_t on_behalf;
	uint32_t branch;
	uint32_t n_commands;
	const struct command *commands;
};

#endif
