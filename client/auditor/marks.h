/*
 * What somebody kept of a ledger: sizes with their roots, on paper or in a signed checkpoint, and who
 * cosigned them. Each must be a beginning of the ledger that is verified.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_MARKS_H
#define TIMEBOX_CLIENT_AUDITOR_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/auditor/auditor.h"
#include "client/auditor/dump.h"
#include "proto/note.h"
#include "proto/tree.h"

struct mark {
	uint64_t size;
	uint8_t root[HASH_LEN];
	uint8_t found[HASH_LEN];
	bool seen;
};

struct marks {
	struct mark *all; /* by size */
	size_t n, next;	  /* the first that was not come to */
	struct auditor_anchor *anchors;
	size_t n_anchors;
};

/* True if there are notes that somebody kept. */
bool marks_given(const char *dir, const struct auditor_options *options);
/* Takes what the options name, the folder's checkpoint (`note`, of n bytes; not taken where n is 0) and
 * the notes in dir/anchors. RESULT_CORRUPT with *b set (kinds "checkpoint" and "witness");
 * RESULT_IO, RESULT_NO_MEMORY. To be freed in any case. */
MUST_CHECK enum result marks_load(struct marks *m, const char *dir,
    const struct auditor_options *options, const struct keychain *ledger, const char *note,
    size_t n, struct auditor_broken *b);
void marks_free(struct marks *m);

/* The tree has this size now. */
void marks_at(struct marks *m, const struct tree_frontier *leaves);
/* 256 more leaves come: for the sizes between. */
void marks_within(
    struct marks *m, const struct tree_frontier *leaves, const uint8_t (*more)[HASH_LEN]);
/* Writes those that were come to; reads what was found then into those of the same size. */
void marks_dump(struct marks *m, struct dump *d);
/* To go on from `size`: false if a mark of a smaller size was not come to. */
bool marks_resume(struct marks *m, uint64_t size);

/* After the last entry, of `n`. Kind "cut" goes to *b; "fork" to *vague, in place of what is there. */
MUST_CHECK enum result marks_check(const struct marks *m, uint64_t n, struct auditor_broken *b,
    struct auditor_broken *vague);

#endif
