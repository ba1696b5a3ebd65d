/*
 * The station's witnesses: each checkpoint is offered to them in rounds, and what they sign is kept and published.
 *
 *   signed checkpoint ─▶ round ─▶ every witness in turn (HTTP, on the loop, one question each) ─▶ cosignature, verified
 *                          │                                                                      │
 *                          └── ends when enough have signed it, or after ROUND_LONGEST ◀──────────┘
 *
 * All are asked about the same checkpoint, so that enough signatures come together on one. Acts never wait for any of this: a
 * witness that hangs has its question cut, is asked again later and later, and stands in Status as behind.
 *
 *   DIR/witnessed        the newest checkpoint that enough signed, with their lines (a signed note)
 *   DIR/witness-<key id> the newest that this witness signed, with its line
 *
 * Both are written whole, by a worker, soon after the answer; a start finds them again.
 */
#ifndef TIMEBOX_RPC_WITNESS_H
#define TIMEBOX_RPC_WITNESS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/engine/engine.h"
#include "daemon/ops/config.h"
#include "proto/note.h"

struct rpc;

/* A note with the lines of all witnesses that there may be. */
#define WITNESSED_SIZE (CHECKPOINT_SIZE + CONFIG_WITNESSES_MAX * COSIGNATURE_SIZE)

/* A checkpoint without cosignatures. */
struct signed_note {
	uint64_t size;
	uint8_t root[32];
	uint64_t at_us;
	char note[CHECKPOINT_SIZE];
};

struct witness_peer {
	struct rpc *rpc;
	const struct config_witness *config;
	/* What it signed last, as far as this station has it, and its line. size 0: nothing. */
	struct signed_note last;
	char line[COSIGNATURE_SIZE];
	uint64_t time;
	/* What it says that it has: the size to prove from. */
	uint64_t has;
	/* The question under way. */
	int asking;
	struct signed_note asked;
	/* How the last one ended: "" well. Static. */
	const char *problem;
	unsigned failures;
	uint64_t next_ms;
	uint64_t behind_since_us;
	/* To be written to its file. */
	int unsaved;
};

struct witnesses {
	struct config_witness config[CONFIG_WITNESSES_MAX];
	struct witness_peer peer[CONFIG_WITNESSES_MAX];
	size_t n;
	unsigned quorum;
	struct signed_note round;
	uint64_t round_ms;
	/* What is given to be carried by hand, until all that are asked so have signed it. */
	struct signed_note hand;
	/* size 0: none yet; its note with all its lines. */
	struct signed_note witnessed;
	char witnessed_note[WITNESSED_SIZE];
	int unsaved;
	struct store_job *job;
	int storing;
};

/* Takes up the settings and what was stored. RESULT_NO_MEMORY. */
MUST_CHECK enum result witnesses_open(struct rpc *rpc, const struct config *config);
/* Stores what is not stored yet; after the work pool is closed. */
void witnesses_close(struct rpc *rpc);
/* Begins a round if it is time, asks whom it is time to ask. For every turn: at least once a second. */
void witnesses_turn(struct rpc *rpc);

/* Takes a note with a witness's line: verified under its key, and of this ledger. RESULT_NOT_FOUND if none of the lines is by a
 * witness of the settings; RESULT_BAD_FIELD, RESULT_BAD_SIGNATURE, RESULT_WRONG_ORIGIN. *who is whose line it was. */
MUST_CHECK enum result witnesses_take(
	struct rpc *rpc, const char *note, size_t len, const struct witness_peer **who);

/* Whether enough witnesses answer at present. */
int witnesses_answer(const struct witnesses *w);

/* Writes the checkpoint `c` with the lines that it has; `out` has WITNESSED_SIZE bytes. */
void witnesses_lines(const struct witnesses *w, const struct engine_checkpoint *c, char *out);

/* ---- witness_store.c ---- */

struct store_job;

MUST_CHECK enum result witness_store_open(struct witnesses *w);
void witness_store_close(struct witnesses *w);
/* Reads the files of DIR; what is not there or not right is as if nothing had been signed. */
void witness_store_load(struct rpc *rpc);
/* Begins to write what is unsaved, if nothing is being written; `at_once` on this thread. */
void witness_store_save(struct rpc *rpc, int at_once);

#endif
