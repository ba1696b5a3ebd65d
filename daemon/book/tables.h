/*
 * The rows of the book: one fixed-size struct per table, stored as it is (see row.h). Adding a
 * table or a field changes the state's layout only; the state is then rebuilt from the ledger. Keys
 * are made by the key_* functions below; what the words a, b, c, d hold is said there.
 */
#ifndef TIMEBOX_BOOK_TABLES_H
#define TIMEBOX_BOOK_TABLES_H

#include <string.h>

#include "daemon/book/act.h"
#include "daemon/book/row.h"

enum table {
	TABLE_STATION,
	TABLE_RULES,
	TABLE_MEMBER,
	TABLE_MEMBER_HEAD,
	TABLE_ACCOUNT,
	TABLE_POINT_LOT,
	TABLE_CARRY,
	TABLE_KEY,
	TABLE_KEY_NO,
	TABLE_INVITE,
	TABLE_PROPOSAL,
	TABLE_TERM,
	TABLE_BENEFICIARY,
	TABLE_PAIR,
	TABLE_DELEGATION,
	TABLE_PARTNER,
	TABLE_PARTNER_VERSION,
	TABLE_RATE,
	TABLE_RATE_VERSION,
	TABLE_ITEM,
	TABLE_ITEM_VERSION,
	TABLE_DONATION,
	TABLE_RECEIPT,
	TABLE_SHELF,
	TABLE_SHELF_LOT,
	TABLE_ACTIVITY,
	TABLE_SESSION,
	TABLE_RECORD,
	TABLE_BATCH,
	TABLE_BATCH_PART,
	TABLE_MEMBER_DAY,
	TABLE_QUOTA,
	TABLE_HOLD,
	TABLE_HOLD_PART,
	TABLE_UNLINKED,
	TABLE_DUE,
	TABLE_ERASURE,
	TABLE_FINDING,
	TABLE_LEDGER_KEY,
	TABLE_LAST
};

/* Bytes of a row of the table; and its name. */
uint32_t table_value_size(enum table table);
const char *table_name(enum table table);

/* Rows that other entries name begin with where they came from; the leaf is written by book_seal.
 */
struct origin {
	uint64_t seq;
	uint32_t index;
	uint32_t pad;
	uint8_t leaf[32];
};

/* key: all zero. */
struct station {
	uint8_t ledger_key[32];
	int32_t zone_minutes;
	uint32_t semantics;
	/* The newest rule version, in force or to come. */
	uint64_t rules_latest;
	uint32_t opened;
	/* The key number that signed `station open` first. */
	uint32_t open_signer;
	uint32_t next_key_no;
	uint32_t next_term;
	uint32_t staff_active;
	uint32_t staff_linked;
	uint64_t genesis_us;
	uint64_t opened_us;
	/* How many keys the ledger had, this one too. */
	uint64_t ledger_keys;
};

/* key a to d: a key that the ledger has or had. */
struct ledger_key_row {
	/* The entry that named it: it signs checkpoints of this size and more. */
	uint64_t from;
};
/* More changes of the ledger's key are refused (proto/keychain.h). */
#define LEDGER_KEYS_MAX 256

/* key a: version (the entry's seq). */
struct rules_row {
	uint64_t from_us;
	uint64_t prev;
	struct rule_set rules;
};

/* key tag[0]: purpose, tag[1]: asset; a: member or partner; b: item; c: lot. */
struct account_row {
	int64_t balance;
};

/* key a: member. */
struct member_row {
	uint32_t member_class;
	uint32_t area;
	uint32_t birth_year;
	int32_t joined_day;
	int32_t trained_from_day;
	int32_t trained_to_day;
	uint32_t n_kin;
	/* What was erased of one who is: ERASED_ bits. */
	uint32_t erased;
	uint64_t kin[MEMBER_MAX_KIN];
	/* Ratio (minutes << 32 | points) of the first carry. */
	uint64_t first_carry;
	/* The newest PIN slip: its entry and command. */
	uint64_t slip_seq;
	uint64_t permit_until_us;
	uint32_t slip_index;
	uint32_t records;
	/* The card's commitment is in that entry; 0: no card, or blocked. */
	uint64_t card_seq;
	/* Newest hold (ref_id), 0: none; holds are chained by hold_row.prev_hold. */
	uint64_t last_hold;
	/* The key number that issued the newest PIN slip. */
	uint32_t slip_by_no;
	uint32_t pad;
};

/*
 * key a: member; there for each member row. What nearly every entry that touches a member asks or changes of them: apart,
 * so that a gift reads and writes this little of each of the two and not their whole rows.
 */
struct member_head_row {
	/* The member's previous entry: head of the history chain. */
	uint64_t last_seq;
	/* First of the member's point lots (expiry day + 1, so that 0 is the end). */
	uint64_t first_lot;
	/* When the PIN was reset last: sessions and PINs of before have ended. 0: never. */
	uint64_t reset_us;
	/* enum member_status. */
	uint32_t status;
	/* 1: the member owed points once, so that the account of debt is to be asked. */
	uint32_t had_debt;
};

/* key a: member, b: expiry day + 1 (EXPIRY_NONE for none). Sorted by b; next: the following b, 0 at
 * the end. */
#define LOT_NO_EXPIRY (1ull << 32)
struct point_lot_row {
	uint64_t next;
};

/* key a: member, b: ratio (minutes << 32 | points, in lowest terms). */
struct carry_row {
	uint64_t next;
	uint32_t minutes;
	uint32_t pad;
};

/* key a–d: the public key. */
struct key_row {
	uint32_t no;
	uint32_t role;
	uint32_t status;
	uint32_t pad;
	code8 partner;
	/* The person's member id, 0: not linked. */
	uint64_t member;
	uint64_t admitted_seq;
	uint64_t revoked_seq;
};

/* key a: key number. */
struct key_no_row {
	uint8_t key[32];
};

/* key a–d: SHA-256 of the code. */
struct invite_row {
	uint32_t role;
	uint32_t uses_left;
	code8 partner;
	/* 0: never. */
	uint64_t expires_us;
	uint64_t seq;
};

/* key a: ref_id. Dropped when it was approved or withdrawn. */
struct proposal_row {
	struct origin origin;
	uint32_t proposer_no;
	uint32_t pad;
	/* On whose behalf, for a hold. */
	uint64_t on_behalf;
	struct command command;
};

/* key a: term. */
struct term_row {
	uint32_t term_kind;
	uint32_t parent;
};

/* key a: beneficiary. */
struct beneficiary_row {
	uint64_t seq;
	/* ERASED_ bits. */
	uint64_t erased;
};

/* key a: member, b: beneficiary. */
struct pair_row {
	int32_t from_day;
	int32_t to_day;
};

/* key a: member, b: the social worker's member id. */
struct delegation_row {
	int32_t to_day;
	uint32_t pad;
};

/*
 * Versioned things (partners, rates, items): a head row (key a: code) names the newest version;
 * version rows (a: code, b: ref_id) are chained backwards. The one in force at a time is the newest
 * whose from_us is not after it.
 */
struct version_head {
	uint64_t latest;
};
struct version {
	uint64_t from_us;
	uint64_t prev;
};

struct partner_row {
	struct version version;
	uint32_t partner_kind;
	int32_t from_day;
	int32_t to_day;
	uint32_t pad;
};

struct rate_row {
	struct version version;
	uint32_t minutes;
	uint32_t points;
	uint32_t training;
	uint32_t pad;
};

struct item_row {
	struct version version;
	uint32_t item_kind;
	uint32_t points;
	uint32_t quota;
	uint32_t n_outlets;
	code8 outlets[ITEM_MAX_OUTLETS];
};

/* key a: the lot's id (ref_id). */
struct donation_row {
	code8 donor;
	code8 item;
	code8 outlet;
	uint64_t handler;
	uint32_t count;
	uint32_t quality;
	uint32_t purpose;
	int32_t best_before_day;
	int32_t day;
	uint32_t pad;
	char receipt[16];
};

/* key a, b: the printed receipt's number. Each is entered once. */
struct receipt_row {
	/* The lot (ref_id) it stands for. */
	uint64_t lot;
};

/* key a: outlet, b: item. first: the first lot of the list, 0: none. */
struct shelf_row {
	uint64_t first;
};

/* key a: outlet, b: item, c: lot. In order of best before (none last), then lot. */
struct shelf_lot_row {
	uint64_t next;
	int32_t best_before_day;
	uint32_t pad;
};

/* key a: ref_id. */
struct activity_row {
	struct origin origin;
	code8 item;
	uint64_t start_us;
	uint64_t end_us;
	uint32_t area;
	uint32_t present;
};

/* key a: member. An open session; dropped when it closes. */
struct session_row {
	uint64_t start_us;
	uint64_t end_us;
	code8 item;
	/* ref_id of the activity, or 0. */
	uint64_t activity;
	uint64_t beneficiary;
	uint32_t opener_no;
	uint32_t provenance;
	uint32_t area;
	uint32_t pad;
};

/* key a: ref_id. For rows of a batch the leaf stands in the batch part, and origin.leaf is zero. */
struct record_row {
	struct origin origin;
	uint64_t member;
	code8 item;
	uint64_t beneficiary;
	int32_t day;
	uint32_t start_minute;
	/* May exceed 1,440 for a session over midnight. */
	uint32_t end_minute;
	uint32_t area;
	uint16_t provenance;
	uint16_t measured;
	uint16_t state;
	uint16_t auto_closed;
	/* Who recorded or opened it, who closed it, who attested it: key numbers. */
	uint32_t recorder_no;
	uint32_t closer_no;
	uint32_t attester_no;
	uint32_t pad;
	/* 1: a row of a batch part; the part's row has the key origin.seq. */
	uint64_t in_batch;
	/* The rule version it was judged by, and the ratio that its minutes went to; 0: not
	 * converted. */
	uint64_t rules;
	uint64_t ratio;
	/* End of its notice, for a record that stands alone. */
	uint64_t due_us;
};

/* key a, b: the batch id. Its parts are a chain from first_part. */
struct batch_row {
	uint32_t state;
	uint32_t attempt;
	uint32_t parts;
	uint32_t parts_done;
	/* Accepted records, and those the daemon or the client refused. */
	uint32_t records;
	uint32_t refused;
	/* Accepted records not yet credited (or, while reversing, not yet reversed). */
	uint32_t waiting;
	uint32_t importer_no;
	uint32_t attester_no;
	uint32_t pad;
	uint64_t first_part;
	uint64_t last_part;
	/* The rule version whose rates the attester signed. */
	uint64_t rules;
	/* When its parts' crediting (or reversal) falls due. */
	uint64_t due_us;
};

/* key a: the part's seq. */
struct batch_part_row {
	struct origin origin;
	/* The next part's seq, 0 at the end. */
	uint64_t next;
	uint32_t part;
	uint32_t n_rows;
	/* Accepted records of this part not yet credited (or reversed). */
	uint32_t waiting;
	uint32_t pad;
	/* A bit per row: accepted, and not left out since. */
	uint8_t accepted[32];
	uint8_t batch[16];
};

/* key a: member, b: day (as int64), c: chunk. Times that accepted records take of one day. */
#define DAY_SLOTS 8
struct member_day_row {
	struct {
		code8 item;
		uint64_t record;
		uint16_t start_minute;
		uint16_t end_minute;
		/* The whole record's times, for telling a duplicate. */
		uint16_t record_start;
		uint16_t record_end;
	} slot[DAY_SLOTS];
	uint32_t n;
	/* 1: there is a further chunk. */
	uint32_t more;
};

/* key a: member, b: item, c: month (year × 12 + month − 1). */
struct quota_row {
	uint32_t used;
	uint32_t pad;
};

/* key a: ref_id. */
struct hold_row {
	struct origin origin;
	uint64_t member;
	code8 item;
	code8 outlet;
	uint64_t prev_hold;
	uint64_t use_by_us;
	uint64_t release_us;
	uint64_t resolved_seq;
	uint32_t state;
	uint32_t count;
	uint32_t points;
	uint32_t month;
	/* Parts: points first, then stock. */
	uint32_t n_parts;
	/* Staff who held it for the member, else 0. */
	uint32_t holder_no;
	uint32_t second_no;
	/* The day it was held. */
	int32_t day;
};

/* key a: the hold's ref_id, b: index. */
struct hold_part_row {
	uint64_t lot;
	uint32_t amount;
	/* ASSET_POINTS or ASSET_ITEM. */
	uint32_t asset;
};

/* key a: key number, b: member. Opening records that a key attested before it was linked to its
 * person. */
struct unlinked_row {
	uint64_t first_record;
	uint32_t count;
	uint32_t pad;
};

/* What falls due by the clock. key tag[0]: enum due_kind, a: due_us, b, c: of what. */
enum due_kind {
	/* b: hold (ref_id). */
	DUE_RELEASE = 1,
	/* b: member. */
	DUE_CLOSE = 2,
	/* b: seq of a batch part. */
	DUE_CREDIT_PART = 3,
	/* b: record (ref_id). */
	DUE_CREDIT_RECORD = 4,
	/* b: seq of a batch part. */
	DUE_REVERSE_PART = 5,
};
struct due_row {
	uint64_t seq;
};

/* What an erasure takes: details (name, number, PIN, cards), texts of records. */
#define ERASED_DETAILS 1u
#define ERASED_RECORDS 2u
static inline uint32_t
erased_bits(uint32_t scope)
{
	return scope == SCOPE_DETAILS	? ERASED_DETAILS
	       : scope == SCOPE_RECORDS ? ERASED_RECORDS
					: ERASED_DETAILS | ERASED_RECORDS;
}

/* key a: ref_id of the entry and command by which it took effect. What the engine destroys, after that entry is durable. */
struct erasure_row {
	/* One of them. */
	uint64_t member;
	uint64_t beneficiary;
	uint32_t scope;
	uint32_t ground;
	uint32_t proposer_no;
	uint32_t approver_no;
};

/* key a: the record (ref_id). The newest finding about it. */
struct finding_row {
	struct origin origin;
	uint64_t time_us;
	uint32_t outcome;
	uint32_t by_no;
	uint32_t count;
	uint32_t pad;
	/* Of the scan; zeros without. */
	uint8_t digest[32];
};

static inline struct row_key
row_key3(enum table table, uint64_t a, uint64_t b, uint64_t c)
{
	struct row_key key = {.table = (uint8_t)table, .a = a, .b = b, .c = c};
	return key;
}

static inline struct row_key
row_key_hash(enum table table, const uint8_t bytes[32])
{
	struct row_key key = {.table = (uint8_t)table};
	memcpy(&key.a, bytes, 32);
	return key;
}

static inline struct row_key
row_key_batch(const uint8_t batch[16])
{
	struct row_key key = {.table = TABLE_BATCH};
	memcpy(&key.a, batch, 16);
	return key;
}

static inline struct row_key
row_key_due(enum due_kind kind, uint64_t due_us, uint64_t b)
{
	struct row_key key = {.table = TABLE_DUE, .tag = {(uint8_t)kind}, .a = due_us, .b = b};
	return key;
}

#endif
