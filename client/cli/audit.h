/* What the audit commands share. */
#ifndef TIMEBOX_CLIENT_CLI_AUDIT_H
#define TIMEBOX_CLIENT_CLI_AUDIT_H

#include "client/auditor/auditor.h"
#include "client/cli/cli.h"

/* Says what is broken: in words, or {"ok":false,"kind":...,"entry":SEQ or null,"why":...}. Returns
 * CLI_VERIFY. */
int audit_broken(const struct cli *c, const struct auditor_broken *b);

/* Says that the folder could not be read or written (errno), or that memory is short; an exit code. */
int audit_failed(const struct cli *c, enum result code, const char *dir);

/* The daemon's checkpoint; CLI_DONE: to be freed with timebox_response_free. */
int audit_checkpoint(struct cli *c, struct timebox *tb, Timebox__V1__Response **out);
/* A page of entries from this one on; the same. */
int audit_entries(struct cli *c, struct timebox *tb, uint64_t from, Timebox__V1__Response **out);
/* This one entry, the only one in the answer; not_found, said of ID, where the ledger ends before it. */
int audit_entry(struct cli *c, struct timebox *tb, uint64_t seq, Timebox__V1__Response **out);

#endif
