/*
 * Where the commitments of an act stand, which message each one's text is, and whose text: what the daemon keeps, erases and
 * opens by, and what somebody who was given an opening checks it by.
 */
#ifndef TIMEBOX_CODEC_COMMITMENT_H
#define TIMEBOX_CODEC_COMMITMENT_H

#include <stdint.h>

#include "daemon/book/act.h"
#include "timebox/v1/entry.pb-c.h"

struct commitment {
	/* 32 bytes, in the act; NULL: there is none. */
	const uint8_t *bytes;
	/* The message that its text is. */
	const ProtobufCMessageDescriptor *form;
	/* Whose text it stands for; 0: nobody's. */
	uint64_t member;
	uint64_t beneficiary;
	/* ERASED_ bits: which kind of erasure takes it; 0: none does. */
	uint32_t bits;
};

/* The message that the texts of a kind of command are. */
const ProtobufCMessageDescriptor *commitment_form(uint32_t kind);

/* Finds what command `command` and `row` (0 but for ServiceRows) of the entry's act carry; `act` is the entry's, decoded. */
void commitment_find(const Timebox__V1__Entry *entry, const struct act *act, uint32_t command, uint32_t row,
    struct commitment *out);

#endif
