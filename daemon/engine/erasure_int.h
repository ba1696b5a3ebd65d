/* What erasure.c and erasure_list.c share. */
#ifndef TIMEBOX_ENGINE_ERASURE_INT_H
#define TIMEBOX_ENGINE_ERASURE_INT_H

#include <stdio.h>

#include "daemon/engine/engine_int.h"

struct erasures {
	struct texts_erasure *list;
	size_t n, cap;
};

MUST_CHECK enum result erasure_add(struct erasures *l, const struct texts_erasure *x);
void erasure_sort(struct erasures *l);
/* Erasures of the ledger after a ref_id, in order; the list is to be freed, also after a failure. */
MUST_CHECK enum result erasure_decided(const struct engine *e, uint64_t after, struct erasures *out);
/* Deletes the rows of the persons, durably, and notes `mark` as the last erasure of the ledger that is carried out. */
MUST_CHECK enum result erasure_carry_out(struct engine *e, const struct erasures *l, uint64_t mark);

/* ---- erasure_list.c ---- */

#define ERASURE_LIST_PREFIX "timebox/erasures/v1\n"

/*
 * Reads a list of erasures of the ledger `origin`, whose signature is not looked at: what it is over goes to `signed_text`, the
 * prefix first, and the ledger's keys that it tells of to `keys`, which was begun. RESULT_BAD_FIELD, RESULT_WRONG_ORIGIN. The list is to be freed, also after a failure.
 */
MUST_CHECK enum result erasure_list_read(
    FILE *file, const char *origin, struct erasures *out, struct keychain *keys, FILE *signed_text,
    uint8_t signature[SIG_LEN]);
/* The prefix and then the file's text, with the lines `keys` of the ledger's keys, signed; to be freed, also after a failure. */
MUST_CHECK enum result erasure_list_print(const char *origin, const char *keys, const uint8_t seed[SEED_LEN],
    const struct erasures *l, char **text, size_t *len);

#endif
