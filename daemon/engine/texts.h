/*
 * The private texts beside the ledger: what commitments stand for, and the words that lead to ids.
 *
 * An act's texts are checked against its commitments, and written durably under its request id
 * before its entry is (engine_commit keeps that order). If the entry then never comes, because of a
 * crash in between, the rows are orphans: `pending` rows remember how to undo them, and texts_sweep
 * does so at the next start.
 */
#ifndef TIMEBOX_ENGINE_TEXTS_H
#define TIMEBOX_ENGINE_TEXTS_H

#include "daemon/book/book.h"
#include "daemon/store/people.h"
#include "proto/arena.h"
#include "proto/codes.h"
#include "timebox/v1/rpc.pb-c.h"

#define TEXT_MAX_BYTES 4096

/* What a name belongs to; the number of the thing is a code8, a term, a ref_id. */
enum text_of {
	TEXT_PARTNER = 'P',
	TEXT_ITEM = 'I',
	TEXT_SERVICE_ITEM = 'S',
	TEXT_TERM = 'T',
	TEXT_ACTIVITY = 'A',
	TEXT_DONATION = 'D',
	TEXT_BENEFICIARY = 'B',
};

/* Whether the act has any commitment to be opened. */
int texts_needed(const struct act *act);
/*
 * Checks that each commitment of the act is opened by exactly one private text of the right form,
 * and that numbers, references, terms and cards are not taken. RESULT_PRIVATE_MISSING,
 * RESULT_COMMITMENT, RESULT_BAD_FIELD, RESULT_EXISTS.
 */
MUST_CHECK enum result texts_check(struct people *people, const struct act *act,
    const Timebox__V1__Private *texts, struct arena *arena, uint32_t *command, const char **field);

/* Writes the act's texts and mappings into the open batch, with the ids that the book's effects
 * state. */
MUST_CHECK enum result texts_store(struct people *people, const struct act *act,
    const Timebox__V1__Private *texts, const struct book_out *out, uint64_t seq,
    struct arena *arena);

/*
 * Command `command` of the act `request_id` (entry `seq`) approved command `index` of an earlier act: the name that was
 * proposed is the thing's name from now on. Until then a proposal changes no name.
 */
MUST_CHECK enum result texts_apply(struct people *people, const uint8_t request_id[16],
    uint32_t command, uint64_t seq, const struct act *proposal, uint32_t index);

/* The entry of this request id is durable: its pending rows go with the next batch. */
MUST_CHECK enum result texts_settled(struct people *people, const uint8_t request_id[16]);

/* At start: undoes what belongs to request ids that `known` does not know. *undone: how many rows.
 */
MUST_CHECK enum result texts_sweep(struct people *people,
    int (*known)(void *ctx, const uint8_t id[16]), void *ctx, uint64_t *undone);

/* ---- looking up; RESULT_NOT_FOUND where there is nothing ---- */

MUST_CHECK enum result texts_member_by_number(
    struct people *people, const char *number, uint64_t *member);
/* The number of a member, 8 digits and NUL. */
MUST_CHECK enum result texts_number(struct people *people, uint64_t member, char out[9]);
/* A member's text, and the number as texts_number gives it, also where there is no text. */
MUST_CHECK enum result texts_person(struct people *people, uint64_t member, char number[9],
    struct arena *arena, const Timebox__V1__PersonText **out);
MUST_CHECK enum result texts_name(struct people *people, enum text_of of, uint64_t id,
    struct arena *arena, const Timebox__V1__NameText **out);
MUST_CHECK enum result texts_term_by_name(
    struct people *people, enum term_kind kind, const char *name, uint32_t *term);
MUST_CHECK enum result texts_beneficiary(
    struct people *people, const char *reference, uint64_t *id);
/* The member a card's token belongs to, and the entry that bound it. */
MUST_CHECK enum result texts_card(
    struct people *people, const char *token, uint64_t *member, uint64_t *seq);
/* Each private text of a request id: key (32 bytes) and text. */
typedef enum result (*texts_fn)(
    void *ctx, uint32_t command, uint32_t row, const uint8_t *key, const uint8_t *text, size_t len);
MUST_CHECK enum result texts_each(
    struct people *people, const uint8_t request_id[16], texts_fn fn, void *ctx);

/* RESULT_OK if the text and its key are there, RESULT_NOT_FOUND if not. */
MUST_CHECK enum result texts_there(
    struct people *people, const uint8_t request_id[16], uint32_t command, uint32_t row);

/* ---- erasing ---- */

/* A person whose data is to be destroyed. */
struct texts_erasure {
	/* ref_id of the entry and command that decided it: texts of later entries are not meant. */
	uint64_t id;
	/* One of them. */
	uint64_t member;
	uint64_t beneficiary;
	uint32_t scope;
};

/* Finds a stored entry by the request id of its texts: RESULT_NOT_FOUND if there is none. Valid until the next call. */
typedef enum result (*texts_entry_fn)(
    void *ctx, const uint8_t request_id[16], const Timebox__V1__Entry **entry, const struct act **act);

/*
 * Deletes, in the open batch, all rows of the people env that the erasures mean, and every pending row: only when all entries
 * that wrote texts are durable. *rows: how many went.
 */
MUST_CHECK enum result texts_erase(struct people *people, const struct texts_erasure *list, size_t n,
    texts_entry_fn entry, void *ctx, uint64_t *rows);

/* Whether a number is 8 digits with a right check digit (ISO 7064 MOD 11,10). */
int texts_number_valid(const char *number);

#endif
