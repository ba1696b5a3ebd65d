/* Shared inside the auditor: what is wrong, tiles made from leaves, and the ledger's content. */
#ifndef TIMEBOX_CLIENT_AUDITOR_AUDITOR_INT_H
#define TIMEBOX_CLIENT_AUDITOR_AUDITOR_INT_H

#include <libintl.h>
#include <stddef.h>
#include <stdint.h>

#include "client/auditor/auditor.h"
#include "client/auditor/dump.h"
#include "client/auditor/files.h"
#include "client/auditor/pieces.h"
#include "client/auditor/said.h"
#include "proto/arena.h"
#include "proto/tile.h"
#include "proto/tree.h"

#define _(text) gettext(text)

#define TILE_BYTES (TILE_WIDTH * HASH_LEN)

/* ---- what is wrong ---- */

/* Notes it, unless something else was noted before; always RESULT_CORRUPT. The text is translated. */
enum result broken_set(struct auditor_broken *b, const char *kind, uint64_t entry,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- tiles (tiler.c): every level's hashes from the leaf hashes ---- */

#define TILER_LEVELS 8 /* 256^8 leaves are all that there can be */

/* Takes a finished tile; what it returns other than RESULT_OK ends the work. */
typedef enum result (*tiler_emit)(
    void *ctx, int level, uint64_t n, const uint8_t *hashes, unsigned width);

struct tiler_level {
	uint64_t n; /* of the tile being filled */
	unsigned width;
	struct tree_frontier sub; /* over the tile's hashes */
	uint8_t hashes[TILE_BYTES];
};

struct tiler {
	tiler_emit emit;
	void *ctx;
	struct tiler_level level[TILER_LEVELS];
};

/* Without leaves; the struct is large. */
void tiler_init(struct tiler *t, tiler_emit emit, void *ctx);
MUST_CHECK enum result tiler_leaf(struct tiler *t, const uint8_t leaf[HASH_LEN]);
/* Passes over a tile of leaves that is known to be right: 256 leaves by their root. Only between tiles. */
MUST_CHECK enum result tiler_tile(struct tiler *t, const uint8_t root[HASH_LEN]);
/* Emits the tiles that are not full. */
MUST_CHECK enum result tiler_end(struct tiler *t);

/* ---- content (ledger.c, accounts.c): what the entries say, each against all before it ---- */

struct ledger;

/* A ledger before its first entry, which has to name `first_key`; NULL without memory. `b` takes what is wrong.
 * Below depth 2 postings are not looked at. */
struct ledger *ledger_new(const char *origin, const uint8_t first_key[KEY_LEN], unsigned depth,
    struct auditor_broken *b);
void ledger_free(struct ledger *l);

/* The next entry, from 1, and its act; `why` is what deed_decode returned. RESULT_CORRUPT with *b set,
 * RESULT_NO_MEMORY, RESULT_IO (a temporary file); no more entries then. */
MUST_CHECK enum result ledger_entry(
    struct ledger *l, const struct said *e, const struct deed *d, enum result why);

/* After the last entry: whether a request id came twice, which replaces what breaks later. */
MUST_CHECK enum result ledger_end(struct ledger *l);

/* Writes it, or reads it into one before its first entry. */
void ledger_dump(struct ledger *l, struct dump *d);

/* The accounts as they are. */
const struct accounts *ledger_accounts(const struct ledger *l);

/* 1 if the ledger says that this key signs checkpoints of that size. */
bool ledger_key_signs(const struct ledger *l, const uint8_t key[KEY_LEN], uint64_t size);

/* Counts, and the roster, which becomes the result's. */
void ledger_report(struct ledger *l, struct auditor_result *out);

struct accounts;

struct accounts *accounts_new(struct auditor_broken *b);
void accounts_free(struct accounts *a);
/* Postings and touched members of an entry; results as ledger_entry. */
MUST_CHECK enum result accounts_entry(struct accounts *a, const struct said *e);
void accounts_dump(struct accounts *a, struct dump *d);
/* Calls back with every account. */
void accounts_each(const struct accounts *a,
    void (*fn)(void *user, const struct auditor_account *account), void *user);
/* The account of a posting, its balance 0; results as ledger_entry. */
MUST_CHECK enum result account_read(struct auditor_broken *b, uint64_t seq,
    const struct said_posting *p, struct auditor_account *out);
/* Accounts and members seen. */
uint64_t accounts_count(const struct accounts *a);
uint64_t accounts_members(const struct accounts *a);

/* ---- re-execution (reexec.c): would the rules in force have given exactly this entry? ---- */

struct reexec;
struct memory;

/* The book before its first entry, rows in memory; NULL without memory. */
struct reexec *reexec_new(const char *origin, struct auditor_broken *b);
void reexec_free(struct reexec *r);

/* The next entry, from 1: its bytes, what they and its act say, and its leaf hash. RESULT_CORRUPT with *b
 * set (kinds "refused" and "outcome"), RESULT_NO_MEMORY; no more entries then. */
MUST_CHECK enum result reexec_entry(struct reexec *r, struct said_bytes bytes,
    const struct said *e, const struct deed *d, const uint8_t leaf[HASH_LEN]);

/* The rows as they are after the last entry. */
struct memory *reexec_memory(struct reexec *r);

/* Writes it, or reads it into one before its first entry. */
void reexec_dump(struct reexec *r, struct dump *d);

/* What came late or is missing after the last entry. */
void reexec_report(const struct reexec *r, struct auditor_result *out);

/* ---- hashes (hashes.c): the stored bytes against tiles, chain and checkpoint ---- */

/* Follows seq and prev, and names the first entry that breaks them. */
struct chain {
	uint64_t n;		    /* entries seen */
	uint8_t last[HASH_LEN];	    /* leaf of the last one; zeros before the first */
	struct tree_frontier leaves; /* over all of them */
	struct tree_frontier before; /* over all but the last */
	/* After a piece, `before` is the tree before the piece, and these are its leaves. */
	bool after_piece;
	uint8_t piece_leaf[TILE_WIDTH][HASH_LEN];
	/* The last entry names another one before it: the next entry, or the root, tells which of the
	 * two was changed. */
	bool undecided;
	struct tree_frontier as_named; /* the tree if the entry before were the one named */
	struct auditor_broken broken;
};

struct hashing {
	const char *dir;
	struct checkpoint at; /* what the export should be */
	bool at_known;	      /* else the checkpoint is broken, and `at` says nothing */
	struct chain chain;
	struct tiles tiles; /* level 0, as it is stored */
	struct tree_frontier tree; /* over the stored hashes */
	bool tiles_ended;
	uint64_t differs; /* the first entry whose hash is not the tile's; 0: none */
	uint64_t framing; /* the entry at which a bundle's framing breaks; 0: none */
	struct tiler tiler;
	int tile_level; /* of the lowest level with a tile that is not as recomputed */
	struct auditor_broken tile;
};

/* The struct is large. `dir` must outlive it; to be ended. */
void hashing_begin(
    struct hashing *h, const char *dir, const struct checkpoint *at, bool at_known);
void hashing_end(struct hashing *h);

/* The next entry as stored; `e` is NULL where it cannot be decoded, for the reason `why`. */
MUST_CHECK enum result hashing_entry(struct hashing *h, const uint8_t *bytes, size_t n,
    const struct said *e, enum result why);

/* The next 256 entries, of which a thread found that they fit each other and their tile. False, and
 * nothing was done, where they do not fit what came before: they are to be given one by one. */
MUST_CHECK bool hashing_piece(struct hashing *h, const struct piece *p, enum result *err);

/* Writes it between pieces, or reads it in place of the beginning. */
void hashing_dump(struct hashing *h, struct dump *d);

/* True as long as everything fits, so that a look at what entries say is worth while. */
bool hashing_fits(const struct hashing *h);

/* All entries were given. RESULT_OK: bytes, hashes and checkpoint are one. RESULT_CORRUPT: *b says
 * what is wrong; where *vague, only that something is, and what entries say may tell more. */
MUST_CHECK enum result hashing_verdict(
    struct hashing *h, const char *checkpoint_problem, struct auditor_broken *b, bool *vague);

/* ---- one entry after the other (walk.c), for what is no verification ---- */

struct walk {
	struct checkpoint at;
	int zone_minutes; /* of the station, from entry 1 on */
};

/* What it returns other than RESULT_OK ends the walk. */
typedef enum result (*walk_fn)(void *ctx, const struct walk *w, struct said_bytes bytes,
    const struct said *said, const struct deed *deed);

/* Reads the export in `dir`, whose checkpoint the verifier key (NULL: the export's own) must have signed, calls
 * back with every entry, and compares the root at the end. RESULT_CORRUPT with *why set; RESULT_IO,
 * RESULT_NO_MEMORY, or what `fn` returned. */
MUST_CHECK enum result walk(const char *dir, const char *vkey, walk_fn fn, void *ctx,
    struct auditor_broken *why, struct walk *w);

/* ---- the ledger's keys (ledger_keys.c) ---- */

/* As auditor_keys, of a key that was read, and an export whose checkpoint is of `size`, or FILES_SIZE_UNKNOWN.
 * RESULT_IO, RESULT_NO_MEMORY. */
MUST_CHECK enum result ledger_keys_read(
    const char *dir, uint64_t size, const struct note_vkey *known, struct keychain *out);

/* Whether entry 1 names that key: then the others matter only where another key signed. */
MUST_CHECK enum result ledger_keys_first(
    const char *dir, uint64_t size, const struct note_vkey *known, bool *is_known);

/* Reads dir/vkey, without the newline at its end; RESULT_NOT_FOUND, RESULT_IO, RESULT_BAD_FIELD. */
MUST_CHECK enum result vkey_read(const char *dir, char out[NOTE_VKEY_SIZE]);

#endif
