/*
 * Checkpoints, cosignatures and receipts: what the outside world keeps of the ledger.
 *
 * The texts are those of the C2SP specifications (github.com/C2SP/C2SP), so that tools which know
 * nothing of us can check them:
 *
 * verifier key (signed-note)	<name>+<key id, 8 hex digits>+<base64(type ‖ 32-byte public key)>
 *		key id = SHA-256(name ‖ 0x0A ‖ type ‖ public key)[0:4]
 *		type   = 0x01 Ed25519, 0x04 Ed25519 cosignature
 *
 * checkpoint (tlog-checkpoint)	<origin>\n
 *				<size in decimal>\n
 *				<base64(root)>\n
 *				[extension lines, none of them empty]
 *   in a signed note		\n
 *				— <key name> <base64(key id ‖ signature)>\n	(one line or more)
 *		the dash is U+2014; the signature is over the text up to and including its last
 *		newline, that is without the blank line
 *
 * cosignature (tlog-cosignature), a further line of the same note
 *				— <witness> <base64(key id ‖ u64be time ‖ signature)>\n
 *		over "cosignature/v1\ntime <time in decimal>\n" ‖ the checkpoint's text
 *
 * receipt (tlog-proof)		c2sp.org/tlog-proof@v1\n
 *				extra <base64(leaf hash)>\n	(may be missing)
 *				index <index in decimal>\n
 *				<base64(hash)>\n	(the audit path, lowest first; may be none)
 *				\n
 *				<the signed checkpoint, to the end>
 *		the line "extra" is the specification's place for what an application adds; ours
 *		is the leaf hash, 32 bytes, so that a receipt can be verified without the entry.
 *		It proves nothing by itself: the path must lead from it to the root
 *
 * The writers end with a NUL and answer RESULT_OVERFLOW where `size` bytes do not hold the text and
 * RESULT_BAD_FIELD for a name that cannot stand in it. The readers take a length, so nothing need
 * end with a NUL, and answer RESULT_BAD_FIELD for a text that is not exactly of the form above.
 */
#ifndef TIMEBOX_PROTO_NOTE_H
#define TIMEBOX_PROTO_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/crypto.h"
#include "proto/tree.h"

#define NOTE_NAME_SIZE	  128	/* a key name or origin with its NUL */
#define NOTE_VKEY_SIZE	  192	/* a verifier key's text with its NUL */
#define NOTE_MAX_BYTES	  16384 /* a signed note; longer ones are refused */
#define NOTE_MAX_SIGS	  64	/* signature lines of a note; more are refused */
#define CHECKPOINT_SIZE	  512	/* a checkpoint signed by one key, with its NUL */
#define COSIGNATURE_SIZE  256	/* a cosignature line with its NUL */
#define RECEIPT_MAX_BYTES (NOTE_MAX_BYTES + 8192)

#define NOTE_TYPE_ED25519     0x01
#define NOTE_TYPE_COSIGNATURE 0x04

struct note_vkey {
	char name[NOTE_NAME_SIZE];
	uint32_t id; /* the first four bytes of the hash, big-endian */
	uint8_t type;
	uint8_t pub[KEY_LEN];
};

/* 1 if `name` may be a key name or an origin of ours: 1 to NOTE_NAME_SIZE - 1 bytes of printable
 * UTF-8 without blanks and without '+'. */
int note_name_ok(const char *name);

/* The key id of a name, type and public key. */
uint32_t note_key_id(const char *name, uint8_t type, const uint8_t pub[KEY_LEN]);

/* A key of which name, type and public key are known; the name is one that note_name_ok lets through. */
void note_vkey_make(
    struct note_vkey *out, const char *name, uint8_t type, const uint8_t pub[KEY_LEN]);

/* The text of a ledger's key (type Ed25519), which verifies its checkpoints. */
MUST_CHECK enum result note_vkey_format(
    char *out, size_t size, const char *name, const uint8_t pub[KEY_LEN]);

/* The same for a witness's key (type cosignature). */
MUST_CHECK enum result note_vkey_format_witness(
    char *out, size_t size, const char *name, const uint8_t pub[KEY_LEN]);

/* Reads a verifier key's text, to its NUL; the id must be the one that the key has. */
MUST_CHECK enum result note_vkey_parse(const char *text, struct note_vkey *out);

struct checkpoint {
	char origin[NOTE_NAME_SIZE];
	uint64_t size;
	uint8_t root[HASH_LEN];
	size_t text_len; /* bytes of the note that are signed, from its beginning */
};

/* Writes the signed checkpoint of a tree. Never call it for two roots of one size, nor before the
 * entries are durable. */
MUST_CHECK enum result checkpoint_sign(char *out, size_t size, const char *origin,
    uint64_t tree_size, const uint8_t root[HASH_LEN], const char *key_name,
    const uint8_t seed[SEED_LEN]);

/* Reads a signed checkpoint. RESULT_BAD_SIGNATURE if no line is by `key` (type Ed25519) or the
 * first that is does not verify; lines by other keys must be well formed and are otherwise ignored.
 * The caller compares the origin with the one it expects. `out` is set on RESULT_OK only. */
MUST_CHECK enum result checkpoint_parse_verify(
    const char *text, size_t len, const struct note_vkey *key, struct checkpoint *out);

/* The same without a look at the signatures: for a checkpoint that is its owner's own. */
MUST_CHECK enum result checkpoint_parse(const char *text, size_t len, struct checkpoint *out);

/* Writes the witness's line for the checkpoint in `note`, to be appended to it. `unix_time` in
 * seconds. */
MUST_CHECK enum result cosignature_sign(char *out, size_t size, const char *note, size_t len,
    const char *witness, const uint8_t seed[SEED_LEN], uint64_t unix_time);

/* Looks for the witness's first line in `note` and verifies it: RESULT_NOT_FOUND if there is none,
 * RESULT_BAD_SIGNATURE if it is wrong. *unix_time (seconds) is set on RESULT_OK. A witness's key
 * has type cosignature; any other is RESULT_BAD_FIELD. */
MUST_CHECK enum result cosignature_verify(
    const char *note, size_t len, const struct note_vkey *witness, uint64_t *unix_time);

/* The first line by `key` (any type) in a signed note, its newline included: *line points into `note`. The signature is not
 * verified. RESULT_NOT_FOUND, or RESULT_BAD_FIELD for what is no note. */
MUST_CHECK enum result note_line(const char *note, size_t len, const struct note_vkey *key,
    const char **line, size_t *line_len);

struct receipt {
	uint64_t index; /* of the leaf: seq - 1 */
	bool has_leaf;
	uint8_t leaf[HASH_LEN]; /* as the receipt states it */
	size_t n;
	uint8_t path[TREE_PATH_MAX][HASH_LEN];
	const char *checkpoint; /* into the text that was parsed */
	size_t checkpoint_len;
};

/* Writes a receipt for the leaf `index`; `leaf` is its hash to be stated, or NULL; `note` is the
 * signed checkpoint, NUL-terminated. */
MUST_CHECK enum result receipt_format(char *out, size_t size, uint64_t index, const uint8_t *leaf,
    const uint8_t (*path)[HASH_LEN], size_t n, const char *note);

/* Reads the form only; out->checkpoint points into `text` and lives as long as it does. */
MUST_CHECK enum result receipt_parse(const char *text, size_t len, struct receipt *out);

/* Verifies the checkpoint under `key` and the path from `leaf` (a leaf hash) to its root.
 * RESULT_BAD_SIGNATURE or RESULT_CORRUPT tell which did not hold; `out` is the checkpoint. */
MUST_CHECK enum result receipt_verify(const struct receipt *r, const uint8_t leaf[HASH_LEN],
    const struct note_vkey *key, struct checkpoint *out);

/*
 * The short form of a receipt, for a slip or a line of a passbook: the entry's number, the beginning of its leaf hash, and a
 * check character, "1234-9RJQ-4CKM-N" (code32.h, of the first 40 bits; a slip of the pen in the number shows as another hash).
 * Whoever has the entry or a receipt sees that it is the same; it proves nothing alone.
 */
#define RECEIPT_SHORT_SIZE 40 /* with its NUL */
#define RECEIPT_SHORT_HASH 5  /* bytes of the leaf hash in it */

/* Writes the short form of entry `seq` (from 1). */
void receipt_short(char out[RECEIPT_SHORT_SIZE], uint64_t seq, const uint8_t leaf[HASH_LEN]);

/* Reads one as it was typed (any case, blanks, O for 0); RESULT_BAD_CODE where it cannot be right. */
MUST_CHECK enum result receipt_short_parse(
    const char *text, uint64_t *seq, uint8_t hash[RECEIPT_SHORT_HASH]);

#endif
