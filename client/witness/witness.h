/*
 * A witness: whoever runs one sees checkpoints of a ledger before others rely on them, remembers the newest, and signs
 * ("cosigns") only what goes on from there. So a ledger that tells two stories, or takes an entry back, needs a witness's key
 * to be believed.
 *
 *	DIR/key		32 bytes, the seed of the witness's Ed25519 key, mode 0600
 *	DIR/vkey	its verifier key's text and a newline: what stations and auditors are told
 *	DIR/logs	a verifier key a line: the ledgers that are witnessed ('#' begins a comment); several for one
 *			origin only while its ledger key is changed: the old one then goes
 *	DIR/<origin>	the checkpoint that was cosigned last, for each origin (its SHA-256 in hexadecimal, ".checkpoint")
 *
 * The checkpoint is on the disk, durably, before its cosignature leaves: a file that is renamed into place, under a lock, so that
 * two programs on one DIR cannot sign two stories either. Whoever puts an older copy of DIR back makes the witness forget: rather
 * make a new key.
 */
#ifndef TIMEBOX_CLIENT_WITNESS_WITNESS_H
#define TIMEBOX_CLIENT_WITNESS_WITNESS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/note.h"
#include "proto/witness.h"

#define WITNESS_LOGS_MAX   64
#define WITNESS_DIR_MAX	   3072
#define WITNESS_ANSWER_MAX 512

struct witness {
	char dir[WITNESS_DIR_MAX];
	char name[NOTE_NAME_SIZE];
	char vkey[NOTE_VKEY_SIZE];
	uint8_t seed[SEED_LEN]; /* secret: witness_close wipes it */
	size_t n_logs;
	struct note_vkey log[WITNESS_LOGS_MAX];
};

/* Makes DIR (its parent must be there) with a fresh key of this name. RESULT_EXISTS if it has one, RESULT_BAD_FIELD for a name that
 * cannot be one, RESULT_IO (errno). */
MUST_CHECK enum result witness_make(const char *dir, const char *name, char vkey[NOTE_VKEY_SIZE]);

/* Opens DIR: its key, name and DIR/logs. RESULT_NOT_FOUND, RESULT_IO, RESULT_NOT_ALLOWED (others may read the key), RESULT_CORRUPT
 * (key and vkey do not belong together), RESULT_BAD_FIELD (DIR/logs; *line says which). To be closed. */
MUST_CHECK enum result witness_open(struct witness *w, const char *dir, unsigned *line);
/* One more ledger, by its verifier key's text. RESULT_BAD_FIELD, RESULT_TOO_MANY. */
MUST_CHECK enum result witness_trust(struct witness *w, const char *vkey);
void witness_close(struct witness *w);

/* The status codes of tlog-witness, and 500 where the disk failed: then nothing was signed. */
enum witness_status {
	WITNESS_COSIGNED = 200,
	WITNESS_MALFORMED = 400,  /* not of the form, or the old size is above the new */
	WITNESS_NOT_SIGNED = 403, /* by no key that is trusted for the origin */
	WITNESS_UNKNOWN_LOG = 404,
	WITNESS_CONFLICT = 409,	 /* the old size is not what was cosigned last, or another root of the same size */
	WITNESS_NO_PROOF = 422,	 /* it does not go on from what was cosigned last */
	WITNESS_DISK = 500,
};

struct witness_answer {
	enum witness_status status;
	const char *why;	       /* in English, static */
	char body[WITNESS_ANSWER_MAX]; /* 200: the cosignature; 409: the size; else `why` */
	uint64_t size;		       /* 200: what was cosigned; 409: what the witness has */
	char origin[NOTE_NAME_SIZE];   /* "" where it could not be read */
};

/* Judges an add-checkpoint request; on WITNESS_COSIGNED the checkpoint is durable. `unix_time` in seconds. */
void witness_add(struct witness *w, const char *body, size_t len, uint64_t unix_time,
    struct witness_answer *out);

/* The judgement alone: what status the request deserves from a witness that trusts `log` and cosigned `last` (size 0, root of the
 * empty tree: nothing yet). `*out` is the checkpoint on WITNESS_COSIGNED and WITNESS_CONFLICT. */
struct witness_last {
	uint64_t size;
	uint8_t root[HASH_LEN];
};
enum witness_status witness_judge(const struct witness_request *r, const struct note_vkey *log,
    size_t n_logs, const struct witness_last *last, struct checkpoint *out, const char **why);

/* ---- HTTP ---- */

/*
 * Serves POST /add-checkpoint on HOST:PORT (port 0 picks one; HOST an address) until SIGTERM or SIGINT. `ready` is called
 * with the address as bound, `tell` with each answer. RESULT_BAD_FIELD (the address), RESULT_IO (errno), RESULT_NO_MEMORY.
 */
struct witness_hooks {
	void *user;
	void (*ready)(void *user, const char *address);
	void (*tell)(void *user, const struct witness_answer *answer);
};
MUST_CHECK enum result witness_serve(
    struct witness *w, const char *address, const struct witness_hooks *hooks);

#endif
