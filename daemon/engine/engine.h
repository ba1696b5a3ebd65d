/*
 * The engine: one writer over the ledger.
 *
 *   submission ─▶ decode ─▶ known id? ─▶ who, when, signed? ─▶ book_decide ─▶ entry ─▶ leaf, tree
 *                                                                                        │
 *   answers ◀─ engine_commit (texts durable, then the ledger's one commit) ◀─ … batch … ◀─ append
 *
 * Within a turn acts are decided one after the other on the rows in memory; a refused one leaves
 * nothing. A failed commit is final: everything since the last commit is "unavailable, outcome
 * unknown", nothing more is written, and recovery is the next start, which replays the entries
 * after the state's checkpoint through the same book and compares every byte.
 *
 * Not for two threads. Time is an argument of what needs it; randomness is drawn here (ids of
 * people), never in the book.
 */
#ifndef TIMEBOX_ENGINE_ENGINE_H
#define TIMEBOX_ENGINE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/book/book.h"
#include "daemon/codec/act.h"
#include "daemon/codec/entry.h"
#include "daemon/engine/texts.h"
#include "daemon/ops/clock.h"
#include "daemon/store/people.h"
#include "proto/arena.h"
#include "proto/codes.h"
#include "proto/keychain.h"
#include "proto/note.h"
#include "timebox/v1/rpc.pb-c.h"

/* An act may be this old, or this far ahead, by the time its client was told. */
#define ENGINE_MADE_AT_OLD_US	(10ull * 60 * 1000000)
#define ENGINE_MADE_AT_AHEAD_US (5ull * 1000000)
/* The clock may not stand before the last entry at start, nor this far after it. */
#define ENGINE_START_GAP_US (30ull * DAY_US)
/* Refused ids remembered at a time; when full, engine_full says so and no new connection is taken.
 */
#define ENGINE_RETIRED_MAX (1u << 18)

struct engine;

/* The station's secrets, each 32 bytes, from files in DIR/keys that only the daemon's user reads.
 */
struct engine_keys {
	uint8_t ledger_seed[32];
	uint8_t ledger_pub[32];
	uint8_t tls_seed[32];
	uint8_t voucher_key[32];
};

/*
 * Makes a station in the folder `dir` (new or empty): keys, environments, entry 1 with the first
 * rule set. Writes the codes of the two first social workers and the recovery code (16-byte
 * secrets) to `secrets`. RESULT_EXISTS if there is one.
 */
MUST_CHECK enum result engine_init(const char *dir, const char *origin, int32_t zone_minutes,
    uint8_t secrets[3][16], struct engine_keys *keys);

/* Why an open failed, for people: what, where, what to do. */
struct engine_error {
	char text[256];
};

/*
 * Locks and opens the station, replays what the state lacks, sweeps orphaned texts. RESULT_BUSY if
 * another process has it; RESULT_NOT_FOUND if there is none; RESULT_CORRUPT if a replayed entry
 * does not come out the same, byte for byte.
 */
MUST_CHECK enum result engine_open(
    const char *dir, struct engine **out, struct engine_error *error);
/* Writes the state (unless a write failed) and closes. */
void engine_close(struct engine *engine);

/* An act's bytes, read: what it says, or what is wrong with it. */
struct engine_act {
	enum result code;
	struct act_fault fault;
	struct act act;
};
/* Reads an act before it is decided; its lists live in the arena, and it is only as good as the bytes it was read from. */
void engine_read(const struct engine *engine, const uint8_t *act, size_t len, struct arena *arena,
    struct engine_act *out);
/* Acts that will be decided soon, told in time, need not wait for memory: twice each, see book/row.h. */
void engine_expect(const struct engine *engine, const struct engine_act *act, enum row_expect when);

struct engine_submission {
	const uint8_t *act;
	size_t act_len;
	/* As engine_read found it; NULL: not read yet. */
	const struct engine_act *read;
	const uint8_t *signature;
	size_t signature_len;
	/* NULL if there is none. */
	const Timebox__V1__Private *texts;
	/* The key that TLS proved. */
	const uint8_t *key;
	/* The connection's kiosk session; member 0: none. */
	uint64_t session_member;
	const uint8_t *session;
	/* Where the receipt is put. */
	struct arena *memory;
};

struct engine_answer {
	enum result code;
	/* On refusal: which field ("" if none) and command. */
	const char *field;
	uint32_t command;
	/* On RESULT_OK: the entry. `again`: it was accepted before. */
	uint64_t seq;
	int again;
	/* A new entry's receipt, as engine_receipt_bytes gives it; NULL: to be asked for, after the commit. */
	const uint8_t *receipt;
	size_t receipt_len;
};

/* Decides one act of this turn. An OK answer may be told only after engine_commit. */
void engine_decide(
    struct engine *engine, const struct engine_submission *in, struct engine_answer *out);

/* A refusal that was made before the engine was asked: the id stays refused, too. */
void engine_retire(struct engine *engine, const uint8_t request_id[16]);

/* Decides what fell due, at most `limit` entries; returns how many were made. */
unsigned engine_sweep(struct engine *engine, unsigned limit);

/* Makes the turn durable. Anything but RESULT_OK: see above. RESULT_OK at once if nothing was
 * decided. */
MUST_CHECK enum result engine_commit(struct engine *engine);

/* How many times its `entries` a checkpoint may stay behind: what a start after a crash replays at most. */
#define ENGINE_REPLAY_CHECKPOINTS 5

/*
 * Writes the state behind the commits, if `seconds` passed or `entries` came since the last time and nothing is being written:
 * begins it, and returns; the end is taken up by a later call. Lets rows go that the limit has no room for. To be called after
 * each commit, when nothing points to rows. Waits only if the entries not yet in the state are ENGINE_REPLAY_CHECKPOINTS times
 * `entries`. A failure is told once; the state is not written any more then.
 */
MUST_CHECK enum result engine_checkpoint(struct engine *engine, uint32_t seconds, uint64_t entries);
/* Bytes of memory that the state may take (0, at first: any); more if more must be there. */
void engine_limit(struct engine *engine, size_t bytes);

/*
 * Decides acts one after the other as engine_decide would, but signatures, ids, time and texts
 * aside, and forgets them. `result` is called for each with the book's output. Only within a turn
 * without open acts.
 */
typedef void (*engine_dry_fn)(void *ctx, size_t i, enum result code, const struct book_out *out);
void engine_dry_run(struct engine *engine, const uint8_t *key, const ProtobufCBinaryData *acts,
    size_t n, engine_dry_fn result, void *ctx);

/* ---- answers and queries ---- */

/*
 * The receipt of an entry: a pure function of its bytes and the voucher key. Lives in the arena.
 * RESULT_NOT_FOUND, or RESULT_NO_MEMORY.
 */
MUST_CHECK enum result engine_receipt(
    struct engine *engine, uint64_t seq, struct arena *arena, Timebox__V1__Receipt **out);
/* The same as it goes over the wire, a timebox.v1.Receipt in its canonical encoding. */
MUST_CHECK enum result engine_receipt_bytes(
    struct engine *engine, uint64_t seq, struct arena *arena, const uint8_t **out, size_t *len);
/* The entry that a request id led to, 0 if none did. */
uint64_t engine_seq_of(const struct engine *engine, const uint8_t request_id[16]);
/* The leaf hash of a committed entry, computed from its stored bytes. */
MUST_CHECK enum result engine_leaf(struct engine *engine, uint64_t seq, uint8_t leaf[32]);
/* Copies an entry's stored bytes. */
MUST_CHECK enum result engine_entry(
    struct engine *engine, uint64_t seq, uint8_t *buf, size_t cap, size_t *len);
/* The same as engine_signed, copied. */
MUST_CHECK enum result engine_sign_checkpoint(struct engine *engine, char *out, size_t size);
/* The hold (seq, index) that a voucher code belongs to. */
MUST_CHECK enum result engine_voucher_find(
    struct engine *engine, const uint8_t code[10], uint64_t *seq, uint32_t *index);
/* The text of the voucher or slip code of (seq, index); 24 bytes suffice. */
void engine_code(const struct engine *engine, const char *label, uint64_t seq, uint32_t index,
    char *out, size_t size);
/* 1 if the slip text is the one that was issued as (seq, index). */
int engine_slip_matches(
    const struct engine *engine, uint64_t seq, uint32_t index, const char *slip);

const struct row_source *engine_rows(const struct engine *engine);
/* Visits all rows of a table (for lists; linear). */
void engine_each(const struct engine *engine, enum table table,
    void (*fn)(void *ctx, const struct row_key *key, const void *value), void *ctx);
uint64_t engine_count(const struct engine *engine, enum table table);
uint64_t engine_fingerprint(const struct engine *engine);
struct people *engine_people(struct engine *engine);
/* The station's folder, as it was opened. */
const char *engine_dir(const struct engine *engine);
const char *engine_origin(const struct engine *engine);
const char *engine_vkey(const struct engine *engine);
const struct engine_keys *engine_keys(const struct engine *engine);
uint64_t engine_last_seq(const struct engine *engine);
uint64_t engine_checkpoint_seq(const struct engine *engine);
/* The time that the next entry would get, at the earliest. */
uint64_t engine_now_us(const struct engine *engine);
/* When this process opened the station. */
uint64_t engine_started_us(const struct engine *engine);
/* When the next thing falls due, UINT64_MAX if nothing will; and how much is overdue now. */
uint64_t engine_next_due_us(const struct engine *engine);
uint64_t engine_overdue(const struct engine *engine);
/* No entry is made while the clock cannot be trusted. */
int engine_clock_doubtful(const struct engine *engine);
/* The operator vouches for the clock: an entry by the ledger key. For `timeboxd clock accept`, with
 * the daemon stopped. */
MUST_CHECK enum result engine_clock_accept(struct engine *engine);

/*
 * Gives the ledger another key, in an entry signed by both, and destroys the one before: see rotate.c. For `timeboxd rotate-key`,
 * with the daemon stopped. After a failure the next start finishes or drops it, as the entries say.
 */
MUST_CHECK enum result engine_rotate_key(struct engine *engine);
/* The keys that the ledger has had. */
void engine_keychain(const struct engine *engine, struct keychain *out);

/* ---- checkpoints and proofs ---- */

/* Entries that engine_signed reads back at once, at most. */
#define ENGINE_UNREAD_MAX 200000u

/* A signed checkpoint; at_us is the daemon's time. */
struct engine_checkpoint {
	uint64_t size;
	uint64_t at_us;
	uint8_t root[32];
	char note[CHECKPOINT_SIZE];
};

/*
 * Signs what is committed if something is new and `every_ms` have passed since it last did so: reads the entries back for
 * at most `budget_us`; 1 while there is more for it to read (what is signed then is what was committed at first). At most one root
 * is ever signed for a size. Entries that do not come to the root that was decided are logged, and then engine_writable is
 * RESULT_CORRUPT.
 */
int engine_seal(struct engine *engine, uint32_t every_ms, uint32_t budget_us);
/*
 * The checkpoint of all that is committed; signed now if it was not yet. *out is valid until the next signing. RESULT_BUSY
 * while more than ENGINE_UNREAD_MAX entries wait to be read back (engine_seal does it), RESULT_CORRUPT as above.
 */
MUST_CHECK enum result engine_signed(struct engine *engine, const struct engine_checkpoint **out);
/*
 * Reading back on another thread, so that the loop has less of it: engine_readback_begin says whether LMDB has enough for that to be
 * worth it; then engine_readback_run may be called once, on any thread, while the loop goes on, and after it, on the loop again,
 * engine_readback_end, which takes up what was read (`ran` 0: it was not called, nothing happened). It takes 50 ms at most, and
 * engine_seal reads and signs nothing meanwhile (0). The engine may not be closed while it runs. After a failure (of memory, of the disk)
 * it is not begun again for a minute.
 */
int engine_readback_begin(struct engine *engine);
void engine_readback_run(struct engine *engine);
void engine_readback_end(struct engine *engine, int ran);
/* Committed entries that were not read back yet. */
uint64_t engine_unread(const struct engine *engine);
/* The newest checkpoint that was signed since the start; size 0: none yet. Valid until the next signing. */
const struct engine_checkpoint *engine_newest(const struct engine *engine);

/* The leaf hash of entry `seq` and its audit path in a checkpoint (`path`: TREE_PATH_MAX hashes), verified before it is given.
 * RESULT_NOT_FOUND for an entry that it does not cover. */
MUST_CHECK enum result engine_prove_entry(struct engine *engine, uint64_t seq,
    const struct engine_checkpoint *checkpoint, uint8_t leaf[32], uint8_t (*path)[32], size_t *n);
/* The proof that the ledger of `old_size` entries is the beginning of the checkpoint's. RESULT_NOT_FOUND if it is larger. */
MUST_CHECK enum result engine_prove_growth(struct engine *engine, uint64_t old_size,
    const struct engine_checkpoint *checkpoint, uint8_t (*path)[32], size_t *n);

/* ---- erasure ---- */

/* What was erased is deleted, but its bytes are still in the people file: a backup reads it, or there is no room. */
int engine_unclean(const struct engine *engine);
/*
 * Erases what the list says, a copy of the DIR/erasures that a later state of this station kept: persons who were erased after
 * the entries that this ledger has. *done: how many of them this ledger does not tell of. RESULT_BAD_FIELD if it is no such
 * list, RESULT_BAD_SIGNATURE if the key of this ledger did not sign it.
 */
MUST_CHECK enum result engine_erase_listed(
    struct engine *engine, const char *path, uint64_t *done, struct engine_error *error);

/* ---- is this the whole ledger, and as it was? ---- */

/*
 * Takes a signed checkpoint that somebody kept (a file; of this ledger and its key, else refused): if it is of a larger
 * ledger, this one has lost its end, and remembers so in DIR/known. RESULT_CORRUPT if it tells of another history.
 */
MUST_CHECK enum result engine_heed(
    struct engine *engine, const char *path, struct engine_error *error);
/* How large the ledger is known to have been, if it is smaller now; else 0. */
uint64_t engine_behind(const struct engine *engine);
/* The operator gives up what is missing: *lost is the size that was known. RESULT_ALREADY_DONE if nothing is missing. */
MUST_CHECK enum result engine_accept_loss(struct engine *engine, uint64_t *lost);

struct engine_scrub {
	/* The last entry that was read again, and how many passes came to their end; when the last did. */
	uint64_t seq;
	uint64_t passes;
	uint64_t ended_us;
	/* An entry that does not match its hash; 0: none was found. */
	uint64_t bad_seq;
};
/* Reads entries again for at most `budget_us`; 1 while there is more to read in this pass. */
int engine_scrub(struct engine *engine, uint32_t budget_us);
const struct engine_scrub *engine_scrub_state(const struct engine *engine);
/* Why no entry is made here, whatever it says: RESULT_BEHIND, RESULT_CORRUPT; else RESULT_OK. */
MUST_CHECK enum result engine_writable(const struct engine *engine);

/* No more refused ids can be remembered for now. */
int engine_full(const struct engine *engine);
/* Half of that room is taken: the rest is for those who are known. */
int engine_crowded(const struct engine *engine);
/*
 * 0: the disk is nearly full. Until there is room again no entry is made and no state written, so that no write fails half
 * done; asked of the disk once a turn.
 */
int engine_has_room(struct engine *engine);
/* A write failed: nothing is accepted until the next start. */
int engine_failed(const struct engine *engine);

#endif
