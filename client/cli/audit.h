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

#endif
