/* The engine's private shape, and what its files give each other. */
#ifndef TIMEBOX_ENGINE_ENGINE_INT_H
#define TIMEBOX_ENGINE_ENGINE_INT_H

#include <stdio.h>

#include "daemon/codec/act.h"
#include "daemon/engine/engine.h"
#include "daemon/store/ledger.h"
#include "daemon/store/rows.h"
#include "proto/keychain.h"
#include "proto/note.h"
#include "proto/tree.h"
#include "timebox/v1/act.pb-c.h"

#define ENGINE_PATH_MAX 4096
/* An entry's effects, and a code of at most 48 bytes for each of them and each command. */
#define ENGINE_RECEIPT_MAX (ENTRY_MAX_BYTES + 48 * (BOOK_MAX_EFFECTS + ACT_MAX_COMMANDS) + 64)

/* Rows that are the engine's own, beside the book's tables; derived from the entries too. */
enum engine_table {
	/* key a, b: request id */
	ENGINE_TABLE_ID = TABLE_LAST,
	/* key a, b: voucher code, filled with zeros */
	ENGINE_TABLE_VOUCHER,
	ENGINE_TABLE_LAST
};

struct id_row {
	uint64_t seq;
};

struct voucher_row {
	uint64_t seq;
	uint64_t index;
};

/* What a state checkpoint carries: enough to go on appending. Stored; a change of layout must
 * change the size. */
struct engine_meta {
	struct tree_frontier tree;
	uint8_t last_leaf[32];
	uint64_t last_time_us;
};
_Static_assert(sizeof(struct engine_meta) <= ROWS_META_MAX, "fits a checkpoint");

/* One thing that falls due. */
struct due {
	uint64_t due_us;
	uint64_t what;
	enum due_kind kind;
};

/* Request ids that were refused: two generations, each kept at least as long as a client may retry.
 */
struct retired {
	uint8_t (*id[2])[16];
	size_t n[2];
	uint64_t since_us;
};

/* The largest checkpoint known of this ledger; size 0: none. */
struct known {
	uint64_t size;
	uint8_t root[32];
};

/* The checkpoint that is to be written to DIR/known, beside the state. */
struct known_draft {
	char note[CHECKPOINT_SIZE];
	/* 0: nothing new is known. */
	size_t len;
	struct known known;
	int written;
};

/* A pass over all entries: what it has hashed, and what it must come to. */
struct scrub {
	struct engine_scrub seen;
	struct tree_frontier tree;
	uint8_t leaf[32];
	uint64_t target;
	uint8_t root[32];
	int running;
	/* By the clock since boot. */
	uint64_t next_us;
};

/* Entries of a block; blocks that one reading back ends at most. */
#define READBACK_BLOCK ((uint64_t)1 << TREE_NODE_LEVEL)
#define READBACK_NODES 64
/* Fewer entries are not worth another thread. (The simulator is built with fewer.) */
#ifndef READBACK_LEAST
#define READBACK_LEAST 4096
#endif

/* Reading back from entry `from` on: what the signer had read before it, and then. */
struct readback {
	struct ledger *ledger;
	uint64_t from;
	struct tree_frontier part;
	uint8_t leaf[32];
	int has_leaf;
	/* Roots of the blocks that ended. */
	uint8_t node[READBACK_NODES][32];
	size_t n_nodes;
	uint64_t until_us;
	enum result result;
	/* The entry that is not what it should be, and why; 0: none. */
	uint64_t bad_seq;
	const char *bad;
};

/* Reading back on another thread, whose `back` is while it runs. */
struct aside {
	struct readback back;
	uint64_t to;
	int runs;
	/* By the clock since boot, after one that failed. */
	uint64_t not_before_us;
};

/* What was read back to be signed. `blocks` is the tree of whole blocks of 256 entries, `part` that of the entries after them;
 * node[i] is the root of block i, page[i] that of 256 blocks. */
struct signer {
	struct tree_frontier blocks, part;
	uint8_t (*node)[32];
	uint8_t (*page)[32];
	size_t n_nodes, cap_nodes, n_pages, cap_pages;
	/* Nodes that came from DIR/nodes, and those that stand there. */
	size_t n_loaded, n_saved;
	/* Of the last entry that was read; has_leaf 0: none yet. */
	uint8_t leaf[32];
	int has_leaf;
	struct engine_checkpoint newest;
	/* What is to be signed next, once it is read; size 0: nothing. */
	struct {
		uint64_t size;
		uint8_t root[32];
	} due;
	/* By the clock since boot. */
	uint64_t next_us;
	struct aside aside;
};

struct engine {
	int lock_fd;
	char dir[ENGINE_PATH_MAX];
	char origin[NOTE_NAME_SIZE];
	char vkey[NOTE_VKEY_SIZE];
	struct engine_keys keys;
	struct ledger *ledger;
	struct rows *rows;
	struct row_source source;
	struct people *people;
	struct clock clock;
	uint64_t started_us;
	/* The clock at start stood before the last entry, or too far after it. */
	int start_doubtful;
	int failed;
	/* Whether the disk has room, asked once between two commits. */
	enum { ROOM_UNASKED, ROOM_FOUND, ROOM_NONE } room;
	/* Whether the clock can be trusted, asked once between two commits: 1 + the answer; 0: not asked yet. */
	int clock_asked;
	struct engine_meta meta;
	/* The tree as of the last commit: what may be signed. */
	struct tree_frontier committed_tree;
	/* A min-heap by due_us. Entries may be stale: the row says whether the thing is still due.
	 */
	struct due *due;
	size_t n_due, cap_due;
	struct retired retired;
	struct known known;
	struct known_draft known_draft;
	struct scrub scrub;
	struct signer signer;
	/* When the last checkpoint began; one is being written; one failed, and no other is begun. */
	uint64_t checkpoint_at_us;
	int checkpointing;
	int checkpoint_off;
	/* An erasure was decided in this turn; deleted bytes may still be in the people file, to be renewed from then on. */
	int erasing;
	int unclean;
	uint64_t renew_at_us;
	/*
	 * Request ids whose texts were written: those before `n_settled` are committed, and their
	 * pending rows go with the next batch of texts.
	 */
	uint8_t (*text_ids)[16];
	size_t n_text_ids, n_settled, cap_text_ids;
	/* Reused for every act. */
	struct arena arena;
	struct book_out out;
	uint8_t entry[ENTRY_MAX_BYTES];
	uint8_t stored[ENTRY_MAX_BYTES];
	uint8_t receipt[ENGINE_RECEIPT_MAX];
};

/* keys.c: reads DIR/keys; makes them (RESULT_EXISTS if they are there). */
MUST_CHECK enum result keys_load(const char *dir, struct engine_keys *out);
MUST_CHECK enum result keys_make(const char *dir, struct engine_keys *out);
/* Reads them from `folder` itself; writes given ones into DIR/keys (RESULT_EXISTS if they are there). */
MUST_CHECK enum result keys_read(const char *folder, struct engine_keys *out);
MUST_CHECK enum result keys_write(const char *dir, const struct engine_keys *keys);

/*
 * The ledger's key is changed in two files, keys/ledger and keys/ledger.new, each 32 bytes (rotate.c). A fresh key into the
 * second, durably, in place of what a failure left there.
 */
MUST_CHECK enum result keys_next(const char *dir, uint8_t seed[32], uint8_t pub[32]);
/* Takes the one with this public key into `keys`. RESULT_BAD_SIGNATURE if neither has it. */
MUST_CHECK enum result keys_find(const char *dir, const uint8_t ledger_key[32], struct engine_keys *keys);
/* The same, and it is keys/ledger from then on; the other is overwritten and removed. */
MUST_CHECK enum result keys_settle(const char *dir, const uint8_t ledger_key[32], struct engine_keys *keys);

/* open.c: an operator's act of one command, signed by the ledger key and committed. */
MUST_CHECK enum result operator_act(struct engine *e, Timebox__V1__Command *command);
/* rotate.c: has the key that the entries name last in DIR/keys and in memory; RESULT_BAD_SIGNATURE if it is not there. */
MUST_CHECK enum result ledger_key_settle(struct engine *e);

/* decide.c */
/* Time of the next entry. */
uint64_t next_time_us(const struct engine *e);
/* Decides an act made here (operator or system), signed if `sign`. */
MUST_CHECK enum result engine_decide_own(
    struct engine *e, const uint8_t *act, size_t len, int system, int sign);
/* Replays one stored entry on the rows: RESULT_CORRUPT if it does not come out the same. */
MUST_CHECK enum result engine_replay(void *ctx, uint64_t seq, const uint8_t *entry, size_t len);

/* known.c: takes up DIR/known (RESULT_CORRUPT if this ledger cannot be the one it tells of). */
MUST_CHECK enum result known_load(struct engine *e, struct engine_error *error);
/*
 * Writes the last committed checkpoint there, unless a larger one is known, in three steps: the second may be another
 * thread's, while the engine goes on. `ctx` is the engine.
 */
void known_draft(struct engine *e);
void known_write(void *ctx);
void known_settle(struct engine *e);
/* Whether a line of DIR/loss, which is read to its end, gave up this size. */
int loss_covers(FILE *file, uint64_t size);
/* Takes up DIR/nodes as far as it fits the committed tree; adds to it what was read since. Only a failure of memory counts. */
MUST_CHECK enum result nodes_load(struct engine *e);
void nodes_save(struct engine *e);

/* scrub.c: entry `seq` is not what its hash says: logged, and nothing is written any more. Returns RESULT_CORRUPT. */
enum result scrub_found(struct engine *e, uint64_t seq, const char *what);

/*
 * readback.c: begins where the signer stands; reads committed entries up to `to`, and, with RESULT_TIMEOUT, no more once it is `until_us`
 * (since boot; UINT64_MAX: never); has the signer stand behind what was read, also after a timeout. readback_take answers what reading did
 * otherwise, and says, as scrub_found does, what is wrong with an entry.
 */
void readback_begin(struct readback *b, const struct engine *e);
MUST_CHECK enum result readback_run(struct readback *b, uint64_t to, uint64_t until_us);
MUST_CHECK enum result readback_take(struct engine *e, const struct readback *b);

/* signed.c: entries that were read back. */
uint64_t signed_read(const struct signer *s);
/* The root of the next 256 entries that were read; starts anew; frees. */
MUST_CHECK enum result signed_block(struct signer *s, const uint8_t node[32]);
void signed_forget(struct signer *s);
void signed_close(struct signer *s);

/* receipt.c: the receipt's message as bytes, from an entry's bytes and leaf hash; `act`: what its act says, where that is known,
 * else NULL. RESULT_CORRUPT for bytes that are no entry, RESULT_TOO_MANY if it is longer than `cap`. */
MUST_CHECK enum result receipt_encode(const struct engine *e, const struct entry_view *entry, const struct act *act,
    const uint8_t leaf[32], uint8_t *buf, size_t cap, size_t *out_len);

/* erasure.c: destroys what was decided and is durable, and is not destroyed yet; no people batch may be open. */
MUST_CHECK enum result erasure_run(struct engine *e);
/* Renews the people file if deleted bytes may be in it, once in a while. */
void erasure_tidy(struct engine *e);
/* erasure_list.c: writes DIR/erasures. */
void erasure_list_write(struct engine *e);

/* openings.c: whether what the act's openings name is there to be opened. */
MUST_CHECK enum result openings_check(struct engine *e, const struct act *act, uint32_t *command, const char **field);

/* due.c */
void due_push(struct engine *e, enum due_kind kind, uint64_t due_us, uint64_t what);
void due_load(struct engine *e);

/* retired.c: ids that said no stay no. */
MUST_CHECK enum result retired_open(struct retired *r, uint64_t now_us);
void retired_close(struct retired *r);
void retired_add(struct retired *r, const uint8_t id[16], uint64_t now_us);
int retired_has(struct retired *r, const uint8_t id[16], uint64_t now_us);
int retired_full(const struct retired *r, uint64_t now_us);
/* Half of the room is taken. */
int retired_crowded(const struct retired *r, uint64_t now_us);

#endif
