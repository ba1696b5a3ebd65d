/*
 * What an auditor does with a ledger: take a copy of it, and check a copy without trusting anybody.
 *
 * An export is the folder of proto/README.md section 10:
 *
 *	OUTDIR/checkpoint		the signed checkpoint
 *	OUTDIR/vkey			the verifier key's text and a newline
 *	OUTDIR/tile/<L>/<N>[.p/<W>]	hashes
 *	OUTDIR/tile/entries/<N>[.p/<W>]	entries, each u16be length ‖ bytes
 *
 * auditor_verify makes the checks of section 11 in one pass over the entries, offline. It needs the
 * memory of one entry, and beside that only what entries are compared with: balances, keys, codes,
 * request ids. It never writes.
 *
 * auditor_opening checks what a station opened: that a private text is the one that an entry committed to.
 *
 * auditor_export_* write an export, or carry on with one, from entries given in order. Files appear
 * whole or not at all, and the checkpoint last, so that an export which was interrupted is still the
 * one that it was before.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_AUDITOR_H
#define TIMEBOX_CLIENT_AUDITOR_AUDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/arena.h"
#include "proto/codes.h"
#include "proto/crypto.h"
#include "proto/keychain.h"
#include "proto/note.h"

#define AUDITOR_WHY_SIZE 512

/*
 * What is wrong first, in words for people; `kind` is static, one of the words below, and `entry` 0
 * where no single one can be named. The words are stable (proto/README.md section 11): they are only
 * added to.
 *
 *	depth 1	checkpoint vkey witness				the signed note, the keys
 *		framing leaf cut extra encoding sequence chain	bytes that are not what was hashed
 *		root tile fork					hashes that do not come out
 *		time made_at semantics rules origin act		what an entry says
 *		request_id genesis key signature effects
 *	depth 2	postings balance touched
 *	depth 3	refused						the book would not have accepted the act
 *		outcome						it would have given another entry
 */
struct auditor_broken {
	const char *kind;
	uint64_t entry;
	/* For "refused": the code that the book gives; else RESULT_OK. */
	enum result code;
	char why[AUDITOR_WHY_SIZE];
};

/* The depth (1 to 3) at which a kind is found; 0 for a word that is none. */
unsigned auditor_kind_depth(const char *kind);

/* ---- verify ---- */

struct auditor_account;
struct auditor_kept {
	uint64_t size;
	uint8_t root[HASH_LEN];
};

struct auditor_options {
	/* 0: bytes and hashes only. 1: and signatures, keys, what acts are. 2: and what postings come to. 3: and every act decided
	 * again by the rules in force, which takes memory as the daemon does. */
	unsigned depth;
	/* Signatures of acts are not verified: no verdict on who asked. */
	bool no_signatures;
	/* 0: as many as there are processors. */
	unsigned threads;
	/* The text of a verifier key that the ledger has or had, as the auditor knows it; NULL: the export's own is
	 * believed. */
	const char *vkey;
	/* Sizes and roots noted down earlier. */
	const struct auditor_kept *kept;
	size_t n_kept;
	/* Verifier keys' texts of witnesses: each must have cosigned the checkpoint or one of the notes. */
	const char *const *witnesses;
	size_t n_witnesses;
	/* Files with checkpoints that somebody kept, beside those in dir/anchors. */
	const char *const *anchors;
	size_t n_anchors;
	/* Entries before it are followed, but nobody's signature on them is verified; 0, 1: none. */
	uint64_t from;
	/* Of the rest, only these many signatures, drawn by this seed (auditor_sample_draw); 0: all. */
	uint64_t sample;
	const char *seed;
	/* Where an unfinished verification, and what a finished one knows of the full bundles, is put and taken up; NULL:
	 * nowhere. */
	const char *state;
	/* At depth 2 and 3, and only where nothing is broken: called with every account, in no order. May be NULL. */
	void (*account)(void *user, const struct auditor_account *account);
	/* Asked now and then; true: stop, and put what was done into `state`. May be NULL. */
	bool (*stop)(void *user);
	/* Called now and then; `total` is 0 where the checkpoint cannot be read. May be NULL. */
	void (*progress)(void *user, uint64_t done, uint64_t total);
	void *user;
};

/* A key that the ledger admitted; seqs are entries, revoked_seq 0 for a key in force. */
struct auditor_key {
	uint8_t key[KEY_LEN];
	uint32_t role; /* timebox.v1.Role */
	uint64_t admitted_seq;
	uint64_t invited_seq; /* the entry that made its code valid */
	uint64_t revoked_seq;
};

/* A checkpoint that a witness cosigned: entries 1 to `size` are anchored. */
struct auditor_anchor {
	char witness[NOTE_NAME_SIZE];
	uint64_t size;
	uint64_t unix_time; /* seconds */
};

/* Something that fell due and was not done, or late. */
struct auditor_overdue {
	uint32_t kind;	 /* 1 release of a hold, 2 close, 3 credit of a part, 4 of a record, 5 reversal */
	uint64_t what;	 /* the entry, or the member for 2 */
	uint32_t index;	 /* in that entry */
	uint64_t due_us;
	uint64_t done_seq; /* 0: it was never done */
};
#define AUDITOR_OVERDUE_GRACE_US (UINT64_C(60) * 1000000)
#define AUDITOR_OVERDUE_MAX	 64

struct auditor_result {
	bool ok;
	/* It was stopped: not ok, nothing broken was found in the entries before `reached`. */
	bool unfinished;
	uint64_t reached;
	uint64_t resumed; /* entries that an earlier run had done */
	struct auditor_broken broken; /* where not ok */
	bool pinned;		      /* the verifier key was given, not found in the export */
	/* Where ok: */
	char origin[NOTE_NAME_SIZE];
	uint64_t size;
	uint8_t root[HASH_LEN];
	uint64_t signatures; /* acts whose signature was verified */
	uint64_t system;     /* entries that the daemon made */
	uint64_t members;
	uint64_t accounts;
	struct keychain keys; /* that the ledger had, at depth 1 and above */
	struct auditor_key *roster; /* in order of admission */
	size_t n_roster;
	struct auditor_anchor *anchors;
	size_t n_anchors;
	/* At depth 3: how many came more than a minute late, how many never came by the last entry's
	 * time, the longest delay, and the first of them. */
	uint64_t overdue_late, overdue_missing, overdue_worst_us;
	struct auditor_overdue overdue[AUDITOR_OVERDUE_MAX];
	size_t n_overdue;
};

/* Checks the export in `dir`. RESULT_OK: *out has the verdict and is to be freed; RESULT_IO where
 * files could not be read although they are there, RESULT_NO_MEMORY: no verdict, nothing to free. */
MUST_CHECK enum result auditor_verify(
    const char *dir, const struct auditor_options *options, struct auditor_result *out);

/* Frees what the result holds. Safe to repeat. */
void auditor_result_free(struct auditor_result *r);

/*
 * The keys that the ledger in `dir` had, as its entries prove, if the verifier key is one of them; else that key alone. The
 * export may be anybody's: what is no proof is passed over. RESULT_BAD_FIELD for a text that is no verifier key of a ledger;
 * RESULT_IO, RESULT_NO_MEMORY.
 */
MUST_CHECK enum result auditor_keys(const char *dir, const char *vkey, struct keychain *out);

/* Reads "SIZE:ROOT", the root in base64; RESULT_BAD_FIELD. */
MUST_CHECK enum result auditor_kept_parse(const char *text, struct auditor_kept *out);

/*
 * Draws `n` different numbers from 1 to `size` (all of them if n >= size), in rising order, into a list to be freed; NULL
 * without memory. Anybody can draw them again: for i = 0, 1, 2, ... the number
 *	u64be(SHA-256("timebox/v1/sample\n" ‖ seed ‖ 0x00 ‖ u64be i)[0:8]) mod size + 1
 * is taken unless it was taken before.
 */
uint64_t *auditor_sample_draw(const char *seed, uint64_t size, uint64_t *n);

/* ---- accounts and journals ---- */

struct auditor_account {
	const char *purpose; /* "GIVEN", ...: proto/README.md section 7 */
	const char *asset;   /* "MINUTES", "POINTS", "ITEM" */
	uint64_t member;     /* the owner, where it is a member */
	char partner[16];    /* the owner, where it is a partner */
	char item[16];
	uint64_t lot;
	int64_t balance;
};

#define AUDITOR_ACCOUNT_SIZE   96
#define AUDITOR_COMMODITY_SIZE 24

/*
 * Names that hledger and beancount take, as the journals have them:
 *	Equity:Programme:Issued		Assets:Member-4711:Available:Lot-20818	Liabilities:Member-4711:Debt
 *	Assets:Partner-SHOP:Shelf:Lot-720896	Equity:Partner-SHOP:Donated:Lot-720896
 * and MINUTES, POINTS, ITEM-RICE-X.
 */
void auditor_account_name(char out[AUDITOR_ACCOUNT_SIZE], const struct auditor_account *a);
void auditor_commodity_name(char out[AUDITOR_COMMODITY_SIZE], const struct auditor_account *a);

enum auditor_format { AUDITOR_HLEDGER, AUDITOR_BEANCOUNT, AUDITOR_CSV };

/* Writes the postings of the export in `dir` as a journal. It is read, not verified. RESULT_CORRUPT with *why where
 * it cannot be read; RESULT_IO with errno, RESULT_NO_MEMORY. */
MUST_CHECK enum result auditor_journal(
    const char *dir, enum auditor_format format, FILE *out, struct auditor_broken *why);

/* ---- sampling for evidence ---- */

/* A record of service whose sheet and scans the auditor wants to see. */
struct auditor_record {
	uint64_t number; /* among all accepted records of the ledger, from 1, by entry and index */
	uint64_t seq;
	uint32_t index;
	uint32_t line; /* of the imported file; 0: no row of one */
	uint64_t member;
	int32_t day; /* since 1970-01-01 */
	uint32_t minutes;
	bool has_batch;
	uint8_t batch[16];
};

struct auditor_sample {
	uint64_t size; /* the checkpoint's */
	uint8_t root[HASH_LEN];
	uint64_t records; /* accepted ones */
	uint64_t n;	  /* drawn */
};

/*
 * Draws `n` of the accepted records of the export in `dir` by a seed that was made public after the checkpoint: numbers as
 * auditor_sample_draw gives them for the seed text
 *	<seed> \n <size in decimal> \n <root in base64>
 * among as many as there are records, counted by entry and index. Calls back in that order. Results as auditor_journal's.
 */
MUST_CHECK enum result auditor_sample(const char *dir, const char *vkey, const char *seed, uint64_t n,
    void (*record)(void *user, const struct auditor_record *r), void *user,
    struct auditor_sample *out, struct auditor_broken *why);

/* ---- openings ---- */

#define AUDITOR_OPENING_MAX ((size_t)256 << 10) /* bytes of one */

/* What an opening says, once everything in it fits together. Pointers are into the arena. */
struct auditor_opening {
	/* The entry of the TextOpen. */
	uint64_t seq, time_us;
	uint8_t leaf[HASH_LEN];
	uint64_t member; /* whose text it is; 0: nobody's */
	uint32_t ground; /* timebox.v1.LegalGround */
	const char *reference; /* of the consent or order */
	/* The entry that carries the commitment, and where in it. */
	uint64_t entry_seq, entry_time_us;
	uint8_t entry_leaf[HASH_LEN];
	uint32_t kind; /* the command's field number in Command.kind */
	uint32_t command, row;
	const ProtobufCMessage *text; /* PersonText, NameText, RecordText or CardText */
	/* tlog-proofs of both entries: not looked at yet. */
	const char *proof, *entry_proof;
};

/*
 * Reads an opening (a serialized timebox.v1.Opening) of the ledger `origin`, and checks that its first entry opens this command
 * and row of the other one, for the member whose text that is, and that text and reference are what the entries committed to. Whether
 * entries with these leaf hashes are in the ledger is the caller's to check. RESULT_CORRUPT: *why says what is wrong, translated;
 * RESULT_NO_MEMORY. The arena holds AUDITOR_OPENING_ARENA bytes.
 */
#define AUDITOR_OPENING_ARENA ((size_t)16 << 20)
MUST_CHECK enum result auditor_opening(const uint8_t *bytes, size_t n, const char *origin,
    struct arena *arena, struct auditor_opening *out, const char **why);

/* ---- watch ---- */

/*
 * Keeps the last trusted checkpoint of a ledger in a folder (checkpoint, frontier, keys, vkey), and takes a new one only where the
 * tree of the trusted one is its beginning. Where it is not, both notes are put into the folder's evidence/.
 *
 *	auditor_watch_note(w, note)		RESULT_CORRUPT: not signed, or of a smaller ledger
 *	auditor_watch_leaf(w, leaf) ...		as long as auditor_watch_wants(w) is not 0; or auditor_watch_folder
 *	auditor_watch_accept(w)			RESULT_CORRUPT: a fork
 *
 * After anything but RESULT_OK it is to be freed and opened again.
 */
struct auditor_watch;

/* Opens the watch in `dir`, which is made where it is not there. `keys`: those of the ledger, one of which the caller knew; they
 * must go on from those that the watch saw, or the other way round. RESULT_CORRUPT with *why where it is not, or the watch was damaged;
 * RESULT_IO, RESULT_NO_MEMORY. */
MUST_CHECK enum result auditor_watch_open(const char *dir, const struct keychain *keys,
    struct auditor_watch **out, struct auditor_broken *why);
/* NULL is allowed. */
void auditor_watch_free(struct auditor_watch *w);
/* The size of the trusted checkpoint, 0 before the first; and its note. */
uint64_t auditor_watch_size(const struct auditor_watch *w);
const char *auditor_watch_trusted(const struct auditor_watch *w);
MUST_CHECK enum result auditor_watch_note(
    struct auditor_watch *w, const char *note, struct auditor_broken *why);
/* The entry whose leaf hash is wanted next, 0 for none; and the size that is wanted. */
uint64_t auditor_watch_wants(const struct auditor_watch *w);
uint64_t auditor_watch_total(const struct auditor_watch *w);
void auditor_watch_leaf(struct auditor_watch *w, const uint8_t leaf[HASH_LEN]);
/* All of them from the tiles in `dir`; they need not be trusted. */
MUST_CHECK enum result auditor_watch_folder(
    struct auditor_watch *w, const char *dir, struct auditor_broken *why);
MUST_CHECK enum result auditor_watch_accept(struct auditor_watch *w, struct auditor_broken *why);

/* ---- export ---- */

struct auditor_export;

/* Begins an export into `dir`, which is made where it is not there, of the ledger whose keys and signed
 * checkpoint are given. Where an export is there already, it is read again and must be a
 * beginning of this one.
 *	RESULT_OK		*out is to be finished and freed
 *	RESULT_CORRUPT		*why says what does not fit: the checkpoint, the export, or both
 *	RESULT_IO, RESULT_NO_MEMORY	errno says why */
MUST_CHECK enum result auditor_export_begin(const char *dir, const struct keychain *keys, const char *note,
    struct auditor_export **out, struct auditor_broken *why);

/* The next entry that is wanted, from 1; 0 when all that the checkpoint covers are there. */
uint64_t auditor_export_wants(const struct auditor_export *x);
/* The size that the checkpoint covers. */
uint64_t auditor_export_size(const struct auditor_export *x);

/* Takes that entry. RESULT_BAD_FIELD for one that cannot be an entry (empty, over 65,535 bytes). */
MUST_CHECK enum result auditor_export_entry(
    struct auditor_export *x, const uint8_t *entry, size_t n);

/* All entries are there: writes what is left, the checkpoint last, and gives the root. RESULT_CORRUPT
 * as above where the entries do not have the checkpoint's root; the older export then stays. */
MUST_CHECK enum result auditor_export_finish(
    struct auditor_export *x, uint8_t root[HASH_LEN], struct auditor_broken *why);

/* NULL is allowed. */
void auditor_export_free(struct auditor_export *x);

#endif
