/*
 * The plain model: what DOMAIN's tables and proto/README.md say, over arrays, with no thought of
 * speed. It shares no code with daemon/book.
 *
 * Where an act may be refused for several reasons the order is not part of the protocol, so the
 * model collects all that apply, and the daemon's must be one of them.
 */
#ifndef TIMEBOX_TESTS_SIM_MODEL_H
#define TIMEBOX_TESTS_SIM_MODEL_H

#include <stdint.h>

#include "proto/codes.h"
#include "tests/sim/intent.h"
#include "timebox/v1/act.pb-c.h"

#define M_KEYS	    8
#define M_MEMBERS   16
#define M_HOLDS	    256
#define M_PROPOSALS 256
#define M_RECORDS   512
#define M_BATCHES   64
#define M_LOTS	    64
#define M_VERSIONS  128
#define M_QUOTAS    512
#define M_PARTS	    4
#define M_RATIOS    8

enum m_role { M_STAFF = 1, M_KIOSK = 2, M_OUTLET = 3 };

struct m_key {
	enum m_role role;
	uint32_t partner;
	uint64_t person;
};

struct m_session {
	int open;
	uint64_t start_us, end_us;
	uint32_t service;
	uint64_t activity;
	uint32_t opener;
	int by_member;
};

struct m_carry {
	uint32_t per, gives;
	int64_t minutes;
};

struct m_member {
	uint64_t id;
	uint32_t member_class, status;
	int32_t joined, trained_from, trained_to;
	uint64_t kin[8];
	uint32_t n_kin;
	int64_t minutes[6];
	int64_t available, held, debt;
	struct m_carry carry[M_RATIOS];
	uint64_t reset_us, permit_us;
	/* Who issued the newest PIN slip: key plus 1. */
	uint32_t slip_by;
	int card;
	struct m_session session;
};

struct m_lot {
	uint64_t id;
	uint32_t item, outlet;
	int32_t best_before;
	int64_t shelf, held, delivered, written_off, adjusted, donated;
	uint64_t receipt;
};

enum m_hold_state { M_HELD = 1, M_CONFIRMED, M_CANCELLED, M_RELEASED, M_REVERSED };
struct m_hold {
	uint64_t seq;
	uint32_t index;
	uint64_t member;
	uint32_t item, outlet, count, points, month;
	enum m_hold_state state;
	uint64_t use_by_us, release_us;
	/* Pieces per lot, by the lot's place in the model. */
	uint32_t pieces[M_LOTS];
	uint32_t holder;
	int32_t day;
};

struct m_proposal {
	uint64_t seq;
	uint32_t index;
	int open;
	uint32_t proposer;
	struct intent what;
};

enum m_record_state { M_RECORDED = 1, M_ATTESTED, M_CREDITED, M_REJECTED, M_WITHDRAWN, M_TAKEN_BACK };
struct m_record {
	uint64_t seq;
	uint32_t index;
	uint64_t member;
	uint32_t service;
	int32_t day;
	uint32_t start, end;
	uint32_t provenance;
	int measured;
	enum m_record_state state;
	uint32_t recorder, closer;
	uint64_t due_us;
	/* Place of its batch plus 1; 0: alone. */
	uint32_t batch;
	uint32_t per, gives;
};

enum m_batch_state { M_INCOMPLETE = 1, M_COMPLETE, M_B_ATTESTED, M_B_CREDITED, M_B_WITHDRAWN, M_REVERSING, M_B_REVERSED };
struct m_batch {
	uint64_t id;
	enum m_batch_state state;
	uint32_t attempt, parts, done, importer, records;
	uint64_t part_seq[M_PARTS];
	uint64_t rules, due_us;
};

struct m_rules {
	uint64_t seq, from_us;
	uint32_t cap, notice_days, hold_days, grace_days, gift, guard_days, converts;
};
struct m_rate {
	uint64_t seq, from_us;
	uint32_t service, minutes, points, training;
};
struct m_item {
	uint64_t seq, from_us;
	uint32_t item, points, quota, outlets[2], n_outlets;
};
struct m_partner {
	uint64_t from_us;
	uint32_t partner;
	int32_t from_day, to_day;
};
struct m_activity {
	uint64_t seq;
	uint32_t index, service;
	uint64_t start_us, end_us;
};
struct m_quota {
	uint64_t member;
	uint32_t item, month, used;
};

struct model {
	uint64_t last_seq, last_us;
	int opened;
	uint32_t open_signer;
	struct m_key key[M_KEYS];
	uint32_t n_keys;
	uint64_t beneficiary;
	/* Members paired with the beneficiary. */
	uint64_t paired[M_MEMBERS];
	uint32_t n_paired;
	struct m_member member[M_MEMBERS];
	uint32_t n_members;
	struct m_lot lot[M_LOTS];
	uint32_t n_lots;
	struct m_hold hold[M_HOLDS];
	uint32_t n_holds;
	struct m_proposal proposal[M_PROPOSALS];
	uint32_t n_proposals;
	struct m_record record[M_RECORDS];
	uint32_t n_records;
	struct m_batch batch[M_BATCHES];
	uint32_t n_batches;
	struct m_rules rules[M_VERSIONS];
	uint32_t n_rules;
	struct m_rate rate[M_VERSIONS];
	uint32_t n_rates;
	struct m_item item[M_VERSIONS];
	uint32_t n_items;
	struct m_partner partner[M_VERSIONS];
	uint32_t n_partners;
	struct m_activity activity[M_VERSIONS];
	uint32_t n_activities;
	struct m_quota quota[M_QUOTAS];
	uint32_t n_quotas;
	int64_t received[PARTNERS];
};

/* One act being judged. */
struct ask {
	/* Whose key, plus 1 (0: a stranger's); the kiosk session's member, else 0. */
	uint32_t key;
	uint64_t session;
	uint64_t now_us;
	uint64_t seq;
	const struct intent *intents;
	uint32_t n;
	/* Ids of what the act adds, in order, as the daemon drew them. */
	const uint64_t *fresh;
	uint32_t fresh_used;
	/* Out: the reasons against it, one bit per result code. */
	uint64_t reasons[4];
	/* Out, for ServiceRows: the reasons against each row. */
	uint64_t row_reasons[INTENT_ROWS][4];
	/* While it is judged. */
	uint32_t command;
	uint32_t proposer;
	int applying;
};

/* Entry 1 as the daemon makes it. */
void model_begin(struct model *m, uint64_t time_us);
/*
 * Judges an act; if nothing speaks against it the model has changed and is one entry further.
 * Returns 1 then, 0 if it is refused, with the model as before.
 */
int model_act(struct model *m, struct ask *a);
int model_refuses_with(const uint64_t reasons[4], enum result code);

/* What a system entry says happened; NULL, or what is wrong with that. */
const char *model_system(struct model *m, const Timebox__V1__Command *command, uint64_t seq,
    uint64_t time_us);
/* How much is due at a time and has not been done. */
uint32_t model_overdue(const struct model *m, uint64_t now_us);

/* The next moment at which something falls due or ends, after `now`; 0: none. */
uint64_t model_boundary(const struct model *m, uint64_t now_us);

struct m_member *model_member(struct model *m, uint64_t id);
int32_t model_day(uint64_t us);
uint64_t model_day_start(int32_t day);
uint32_t model_month(int32_t day);
const struct m_rules *model_rules(const struct model *m, uint64_t at_us);
/* Shared by model.c and model_service.c. */
void model_against(struct ask *a, enum result code);
int model_clear(const struct ask *a);
int model_kin(struct model *m, uint64_t a, uint64_t b);
void model_apart(struct model *m, struct ask *a, uint64_t person, uint64_t member);
uint64_t model_person(const struct model *m, const struct ask *a);
void model_points_in(struct m_member *member, int64_t points);
const struct m_rate *model_rate_at(const struct model *m, uint32_t service, uint64_t at_us);
void model_service_act(struct model *m, struct ask *a, const struct intent *i);
void model_hold_back(struct model *m, struct m_hold *h, enum m_hold_state to);
struct m_quota *model_quota(struct model *m, uint64_t member, uint32_t item, uint32_t month);

#endif
