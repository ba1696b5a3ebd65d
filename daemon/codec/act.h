/*
 * From an act's bytes to the book's checked struct, once, at the edge.
 *
 * One table says what each field name means (its place in struct command, its range), because a
 * field name means the same in every command; another says which fields a kind must have. Bytes
 * that are not canonical are refused: they are what is signed, stored and hashed.
 */
#ifndef TIMEBOX_CODEC_ACT_H
#define TIMEBOX_CODEC_ACT_H

#include "daemon/book/act.h"
#include "proto/arena.h"
#include "proto/codes.h"

/* Largest act; with effects it must still fit an entry of 65,535 bytes. */
#define ACT_MAX_BYTES 61440
/* Arena that suffices for any act within the limits. */
#define ACT_ARENA_BYTES (4u << 20)

/* What was wrong, where a field is: the field's name (static) and the command's index. */
struct act_fault {
	const char *field;
	uint32_t command;
};

/*
 * Decodes `len` bytes into *out, whose lists live in the arena until it is reset. `origin` must be
 *the act's. `system`: an act that the daemon made (no actor, request id of 8 zero bytes and the
 *seq). RESULT_BAD_MESSAGE, RESULT_NOT_CANONICAL, RESULT_NOT_UTF8, RESULT_NO_MEMORY	see
 *proto/canonical.h RESULT_WRONG_ORIGIN	another ledger's RESULT_BAD_REQUEST_ID	not a UUIDv7
 *	RESULT_TOO_MANY		more commands, rows or refs than the limits
 *	RESULT_BAD_FIELD	fault->field says which
 */
MUST_CHECK enum result act_decode(const uint8_t *bytes, size_t len, const char *origin, int system,
    struct arena *arena, struct act *out, struct act_fault *fault);

/* The same the long way only, through protobuf-c and back: what tests compare act_decode with. */
MUST_CHECK enum result act_decode_reference(const uint8_t *bytes, size_t len, const char *origin, int system,
    struct arena *arena, struct act *out);

/* The name of the first field of act.proto's commands that no table row knows, or NULL: for a test.
 */
const char *act_unknown_field(void);

#endif
