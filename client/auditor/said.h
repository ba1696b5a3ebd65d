/*
 * What an entry says, as the checks need it: pointers into its bytes and into an arena.
 *
 * Most entries are read in one pass over their bytes, which takes only what is canonical; all others
 * go through proto/canonical.h, whose verdict alone says that bytes are no canonical entry. The same
 * for the act: codec/act.h reads it, and what it does not take (a wrong length, a number out of
 * range) is read once more, as far as the first two depths look at it.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_SAID_H
#define TIMEBOX_CLIENT_AUDITOR_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/book/act.h"
#include "proto/arena.h"
#include "proto/codes.h"

struct said_bytes {
	const uint8_t *p;
	size_t n;
};

struct said_posting {
	struct said_bytes partner, item;
	uint64_t member, lot;
	int64_t amount;
	uint32_t asset, purpose;
};

/* The fields of Effect that somebody looks at. */
struct said_effect {
	uint64_t id;
	uint64_t member;
	uint32_t kind, command, index, minutes;
	int32_t day;
	uint32_t pad;
};

struct said_touched {
	uint64_t member, prev;
};

struct said {
	uint64_t seq, time_us, rules;
	uint32_t semantics;
	struct said_bytes prev, act, signature;
	const struct said_posting *postings;
	const struct said_effect *effects;
	const struct said_touched *touched;
	size_t n_postings, n_effects, n_touched;
};

/* What the act says. */
struct deed {
	struct act act;
	/* RESULT_OK: as the codec took it. Else it did not, with this field and command, and only what
	 * follows here and below is set in `act`: request_id, actor_key, actor_member, session,
	 * made_at_us, on_behalf, and of each command kind, role, ref, semantics, key, code_hash and, of
	 * Genesis, hashes. */
	enum result refusal;
	const char *field;
	uint32_t command;
	/* Lengths as they stand. */
	size_t request_id_len, actor_key_len, session_len;
	struct said_bytes origin;
	bool system; /* its request id begins with eight zero bytes */
	/* Nobody was asked to verify its signature. */
	bool unverified;
	/* RESULT_OK where the signature is the actor's over the act; RESULT_BAD_SIGNATURE where it is
	 * not or there is none. Set by whoever verifies it (deed_decode does not). */
	enum result signature;
	/* Per command: a code's hash or key does not have 32 bytes. NULL: all have. */
	const bool *odd;
};

/* RESULT_OK, RESULT_NO_MEMORY, or why the bytes are no canonical entry. */
MUST_CHECK enum result said_decode(
    const uint8_t *bytes, size_t n, struct arena *arena, struct said *out);

/* The same for its act. */
MUST_CHECK enum result deed_decode(
    struct said_bytes act, const char *origin, struct arena *arena, struct deed *out);

/* Both the long way only: what tests compare with. */
MUST_CHECK enum result said_decode_reference(
    const uint8_t *bytes, size_t n, struct arena *arena, struct said *out);

#endif
