/* What erasure.c and erasure_list.c share. */
#ifndef TIMEBOX_ENGINE_ERASURE_INT_H
#define TIMEBOX_ENGINE_ERASURE_INT_H

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

#endif
