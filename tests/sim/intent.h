/*
 * What a client wants, in plain numbers: from it client.c makes the act's bytes, and the model
 * judges it. Items, service items and partners are indexes of the lists below (0: none).
 */
#ifndef TIMEBOX_TESTS_SIM_INTENT_H
#define TIMEBOX_TESTS_SIM_INTENT_H

#include <stdint.h>

#define INTENT_MEMBERS 3
#define INTENT_ROWS    6
#define INTENT_REFS    4
#define ACT_INTENTS    4

/* The last of each list is never set up. */
enum { ITEMS = 5, SERVICES = 5, PARTNERS = 4 };
extern const char *const item_names[ITEMS];
extern const char *const service_names[SERVICES];
extern const char *const partner_names[PARTNERS];

struct intent_ref {
	uint64_t seq;
	uint32_t index;
	/* The liar names another leaf. */
	int wrong_leaf;
};

struct intent_row {
	uint64_t member;
	uint32_t service;
	int32_t day;
	uint32_t start, end;
	int measured;
};

struct intent {
	/* A number of Command.kind. */
	uint32_t kind;
	uint64_t member, other, beneficiary;
	uint32_t item, outlet, partner, service;
	uint32_t count, points, minutes, quota;
	uint32_t member_class, status, fate, reset, training, role;
	/* Item: its outlets. Rules: gift policy, notice and hold days. */
	uint32_t outlets[2], n_outlets;
	uint32_t gift, notice_days, hold_days;
	int32_t day, to_day, best_before, trained_from;
	uint32_t quality;
	uint64_t receipt, batch;
	uint32_t attempt, part, parts, entries, records;
	uint64_t rules;
	int wrong_digest;
	/* Confirm: another code than the voucher's. Enrol, Invite: which code. */
	int wrong_code;
	uint64_t code;
	uint64_t start_us, end_us;
	struct intent_ref ref;
	uint64_t members[INTENT_MEMBERS];
	uint32_t n_members;
	struct intent_row rows[INTENT_ROWS];
	uint32_t n_rows;
	struct intent_ref refs[INTENT_REFS];
	uint32_t n_refs;
};

#endif
