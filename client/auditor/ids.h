/*
 * Whether a request id comes twice, for any number of entries in a fixed amount of memory: ids are
 * gathered, sorted, put aside in a temporary file, and merged at the end.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_IDS_H
#define TIMEBOX_CLIENT_AUDITOR_IDS_H

#include <stdint.h>

#include "client/auditor/dump.h"
#include "proto/codes.h"
#include "proto/uuid7.h"

struct ids;

/* Without ids; NULL without memory. */
struct ids *ids_new(void);
/* NULL is allowed. */
void ids_free(struct ids *ids);

/* Notes the id of entry `seq`. RESULT_IO (errno): the temporary file cannot be written. */
MUST_CHECK enum result ids_add(struct ids *ids, const uint8_t id[UUID7_LEN], uint64_t seq);

/* RESULT_OK: no id came twice. RESULT_CORRUPT: one did; of all that did, `again` is the first entry with an
 * id that entry `first` had before. RESULT_IO, RESULT_NO_MEMORY. May be called again, with more ids
 * added between. */
MUST_CHECK enum result ids_twice(struct ids *ids, uint64_t *first, uint64_t *again);

/* Writes them, or reads them into an empty one. */
void ids_dump(struct ids *ids, struct dump *d);

#endif
