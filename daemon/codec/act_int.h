/* What the two ways of decoding an act share. */
#ifndef TIMEBOX_CODEC_ACT_INT_H
#define TIMEBOX_CODEC_ACT_INT_H

#include <protobuf-c/protobuf-c.h>

#include "daemon/codec/act.h"

#define ACT_ID_MAX   ((1ull << 35) - 1)
#define ACT_TIME_MAX (1ull << 56)
#define ACT_SEQ_MAX  ((1ull << 47) - 1)

enum field_type {
	F_U64,
	F_U32,
	F_DAY,
	F_CODE,
	F_BYTES,
	F_RECEIPT,
	F_REF,
	F_RULES,
	F_MEMBERS,
	F_REFS,
	F_ROWS,
	F_REFUSED,
	F_OUTLETS,
	F_HASHES,
	F_SIGNATURE,
};

/* What a field name means: where it goes and its largest value (for F_BYTES its exact length). */
struct act_field {
	const char *name;
	enum field_type type;
	size_t offset;
	uint64_t max;
};

/* act.c: the row of a command's field, or NULL; whether a kind must have it. */
const struct act_field *act_field_find(const ProtobufCFieldDescriptor *desc);
int act_field_required(uint32_t kind, const char *name);

/*
 * act_wire.c: decodes an act of plain fields (numbers, codes, hashes, one ref) straight from its bytes. RESULT_OK says the
 * same as the long way would; anything else says nothing: the long way then finds out what is wrong, if anything is.
 */
MUST_CHECK enum result act_decode_plain(
    const uint8_t *bytes, size_t len, const char *origin, struct arena *arena, struct act *out);

#endif
