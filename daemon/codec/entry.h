/*
 * An entry's bytes: made once from an accepted act and what the book decided, never changed
 * afterwards.
 *
 * The layout is timebox.v1.Entry (proto/README.md, "The entry") in its canonical encoding: fields
 * in order of number, default values left out, varints minimal. It is written by hand, without
 * allocation, because it is on the commit path; a unit test keeps it equal to what protobuf-c
 * packs.
 */
#ifndef TIMEBOX_CODEC_ENTRY_H
#define TIMEBOX_CODEC_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/book/book.h"
#include "proto/arena.h"
#include "proto/codes.h"
#include "timebox/v1/entry.pb-c.h"

#define ENTRY_MAX_BYTES 65535

/* Field numbers of timebox.v1.Entry (entry.proto), and the first of Effect. */
enum {
	ENTRY_SEQ = 1,
	ENTRY_PREV,
	ENTRY_TIME,
	ENTRY_RULES,
	ENTRY_SEMANTICS,
	ENTRY_ACT,
	ENTRY_SIGNATURE,
	ENTRY_POSTINGS,
	ENTRY_EFFECTS,
	ENTRY_TOUCHED
};
enum { ENTRY_EFFECT_KIND = 1, ENTRY_EFFECT_COMMAND, ENTRY_EFFECT_ID };

struct entry_source {
	uint64_t seq;
	const uint8_t *prev; /* 32 bytes */
	uint64_t time_us;
	const uint8_t *act;
	size_t act_len;
	const uint8_t *signature;
	size_t signature_len;
	const struct book_out *out;
};

/*
 * Writes the entry into buf; returns its length, or 0 if it is longer than `cap`. *rest (may be NULL): where in it the postings
 * begin, and what follows them.
 */
size_t entry_encode(uint8_t *buf, size_t cap, const struct entry_source *src, size_t *rest);

/* What links an entry to the one before it, without decoding the rest. RESULT_CORRUPT for bytes that do not begin like
 * an entry. */
MUST_CHECK enum result entry_link(
    const uint8_t *bytes, size_t len, uint64_t *seq, uint8_t prev[32]);

/*
 * The parts of an entry that replaying it needs, found in place: pointers into `bytes`. RESULT_CORRUPT for bytes whose fields
 * up to the signature do not stand there once and in order. What comes after is not looked at: whoever replays makes the
 * entry again and compares.
 */
struct entry_view {
	uint64_t seq;
	uint64_t time_us;
	const uint8_t *prev; /* 32 bytes */
	const uint8_t *act;
	size_t act_len;
	const uint8_t *signature;
	size_t signature_len;
	/* Postings, effects, touched. */
	const uint8_t *rest;
	size_t rest_len;
};
MUST_CHECK enum result entry_view(const uint8_t *bytes, size_t len, struct entry_view *out);
/* The ids drawn for the people it added, at most `cap`, as its effects state them; returns how many. */
size_t entry_fresh_ids(const struct entry_view *entry, uint64_t *ids, size_t cap);

/* Decodes stored bytes; the message lives in the arena. RESULT_CORRUPT for bytes that are no
 * canonical entry. */
MUST_CHECK enum result entry_decode(
    const uint8_t *bytes, size_t len, struct arena *arena, const Timebox__V1__Entry **out);

#endif
