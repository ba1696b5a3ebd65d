/*
 * The keys of the station's ledger, from the one that somebody knows to all others, by the entries that changed them.
 *
 *	HOME/ledger-keys	those entries, as the daemon last gave them: each u16be length ‖ bytes (proto/keychain.h)
 */
#ifndef TIMEBOX_CLIENT_CLI_LEDGER_KEYS_H
#define TIMEBOX_CLIENT_CLI_LEDGER_KEYS_H

#include "client/cli/cli.h"
#include "proto/keychain.h"

/* Asks the daemon, and keeps what it proves in the home. CLI_VERIFY where nothing leads from the keys that the home knows to the
 * daemon's. Where a ledger lost its end the home knows more. */
int ledger_keys_ask(struct cli *c, struct timebox *tb, struct keychain *out);

/* Without a connection: `vkey` is what somebody knows (NULL: the home's), `from` a file of `timebox station keys` or an export
 * (NULL: what the home keeps, where `vkey` is the home's). Where that tells of no other key, the known one alone. */
int ledger_keys_known(struct cli *c, const char *vkey, const char *from, struct keychain *out);

#endif
