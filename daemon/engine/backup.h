/*
 * Backups: made beside the running daemon, restored into a new folder.
 *
 * A backup is a folder (or the same files as a tar stream), and covers the entries `from` to `to`:
 *
 *   entries-00001 …   for each entry u16be length ‖ its bytes; a new file before one would exceed 8 MiB
 *   people-00001 …    for each row u8 table ‖ u16be key length ‖ u16be value length ‖ key ‖ value
 *   keys              ledger seed ‖ TLS seed ‖ voucher key, 32 bytes each
 *   checkpoint        the signed checkpoint of the ledger up to `to`
 *   manifest          a line each, written last:
 *       timebox-backup 1
 *       tool <program and version>
 *       origin <origin>
 *       from <seq>, to <seq>                    two lines; from = to + 1 where there are no entries
 *       prev <leaf of from - 1>, leaf <of to>   two lines, hexadecimal; zeros where there is none
 *       people <0 or 1>, keys <0 or 1>          two lines: whether they are in this backup
 *       keep-until <YYYY-MM-DD>                 with people: the last day, in the station's zone, on which it may be kept.
 *                                               Without them, and in older backups, there is no such line
 *       file <name> <bytes> <SHA-256>           of each of the above
 *       signature <Ed25519 by the ledger key of size `to` over "timebox/backup/v1\n" and all lines before this one>
 *
 * Entries and people must fit. People's rows are durable before their entry, and the rows that say how to undo them go
 * after it: people as of a moment at which the last seq did not change hold the texts of all entries up to that seq, and
 * of later ones none that cannot be undone. So such a moment is looked for; the entries, which never change, are then
 * read at leisure.
 *
 * What was erased from the station is in its older backups still; so a backup with people says how long it may be kept. Past
 * that day it is restored only where somebody says so: nobody has the data of who was erased back by accident, and a station
 * that has no other backup loses nothing by being asked.
 */
#ifndef TIMEBOX_ENGINE_BACKUP_H
#define TIMEBOX_ENGINE_BACKUP_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/engine/engine.h"
#include "proto/codes.h"

struct backup_ask {
	/* The station. */
	const char *dir;
	/* The folder to be made, or NULL: a tar stream onto standard output. */
	const char *to;
	/* Entries after this one only. */
	uint64_t since;
	int without_people;
	int without_keys;
	/* Program and version. */
	const char *tool;
	/* The time, and how many days from its day on a backup with people may be kept. */
	uint64_t now_us;
	uint32_t keep_days;
};

/* A day since 1970-01-01 as "2026-01-31" and NUL. */
#define BACKUP_DAY_SIZE 16
void backup_day_text(int32_t day, char out[BACKUP_DAY_SIZE]);

struct backup_done {
	uint64_t from;
	uint64_t to;
	uint64_t bytes;
	/* The last day on which it may be kept; 0: no people are in it. */
	int32_t keep_until_day;
};

/*
 * Makes a backup, whether or not a daemon runs. All entries are read, also those before `since`, and the chain is checked:
 * RESULT_CORRUPT if it does not hold. RESULT_EXISTS if `to` is there. The folder has its name only when all of it is
 * durable; what failed leaves nothing.
 */
MUST_CHECK enum result backup_make(
    const struct backup_ask *ask, struct backup_done *out, struct engine_error *error);

struct restore_ask {
	/* Backups, in any order, which together hold all entries from 1. */
	const char *const *from;
	size_t n;
	/* The station to be made; not there, or an empty folder. */
	const char *into;
	/* NULL, or the folder with the files `ledger`, `tls` and `voucher`, if the newest backup has no keys. */
	const char *keys;
	/* NULL, or a checkpoint that somebody kept: see engine_heed. */
	const char *known;
	/* NULL, or a list of erasures that was kept: see engine_erase_listed. */
	const char *erasures;
	/* The time, and whether people may come from a backup that was to be destroyed by now. */
	uint64_t now_us;
	int past_keep_until;
};

struct restore_done {
	uint64_t last_seq;
	/* What engine_behind says. */
	uint64_t behind;
	/* Erasures of that list that this ledger does not tell of. */
	uint64_t erased;
	/* How many of the backups were to be destroyed by now. */
	size_t overdue;
};

/*
 * Makes a station of backups: checks every file against its manifest, that no entry is missing or altered, whose key
 * signed, and that the newest may be kept still (else RESULT_NOT_ALLOWED, unless that was allowed); then opens it, which replays all entries, and compares with the signed checkpoint. People come from the newest
 * backup, which must have them. `into` has its name only when all of that went well. The error says what, and where.
 */
MUST_CHECK enum result backup_restore(
    const struct restore_ask *ask, struct restore_done *out, struct engine_error *error);

#endif
