/* Proofs that an entry is in the ledger, checked without a connection: in a file, or against an export. */
#ifndef TIMEBOX_CLIENT_CLI_PROOF_H
#define TIMEBOX_CLIENT_CLI_PROOF_H

#include "client/cli/cli.h"
#include "proto/keychain.h"
#include "proto/note.h"

/* Says that `what` (a file, a slip) proves nothing, and why (translated): in words, or {"ok":false,"file":...,"why":...};
 * returns CLI_VERIFY. */
int proof_broken(const struct cli *c, const char *what, const char *why);

/* Checks a tlog-proof that states its leaf hash: NULL, with *out and *at filled, or what is wrong with it, translated.
 * out->checkpoint points into `text`. */
const char *proof_wrong(const char *text, size_t n, const struct keychain *keys, struct receipt *out,
	struct checkpoint *at);

/* The leaf hash of an entry as the export's tiles have it; the export itself is verified by `audit verify`. An exit code:
 * CLI_VERIFY, said of `what`, where the export ends before the entry. */
int proof_in_export(const struct cli *c, const char *dir, const char *what, uint64_t seq,
	uint8_t leaf[HASH_LEN]);

#endif
