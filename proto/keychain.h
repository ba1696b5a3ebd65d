/*
 * The keys that a ledger had, as its own entries prove.
 *
 * Entry 1 (Genesis) names the first key and is signed by it. Each entry with a LedgerKey is signed by the key before it, and
 * carries a signature of the key that it names over
 *
 *	"timebox/v1/ledger-key\n" ‖ origin ‖ 0x00 ‖ the key before (32 bytes) ‖ the key (32 bytes)
 *	‖ u64be number of the entry before ‖ leaf hash of the entry before (32 bytes)
 *
 * so that both keys sign to each other and to one history, and no signature of a checkpoint or an act is one of these.
 *
 * A checkpoint of size n is signed by the key in force at n: the last one named by an entry up to n.
 *
 * Whoever trusts one key of a chain can trust the others: each signed for the next one, and the next one for it. The entries
 * that make keys prove that alone; a file of them has each as u16be length ‖ bytes, in order (HOME/ledger-keys, a watch's).
 */
#ifndef TIMEBOX_PROTO_KEYCHAIN_H
#define TIMEBOX_PROTO_KEYCHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/crypto.h"
#include "proto/note.h"

/* Keys that a ledger may have had; more changes are refused. */
#define KEYCHAIN_MAX 256
/* An entry that makes a key is shorter than this; and a file of them. */
#define KEYCHAIN_ENTRY_MAX 1024
#define KEYCHAIN_FILE_MAX  (KEYCHAIN_MAX * (KEYCHAIN_ENTRY_MAX + 2))

struct keychain {
	char origin[NOTE_NAME_SIZE];
	size_t n;
	struct {
		uint8_t key[KEY_LEN];
		/* The entry that named it, and the smallest size that it signs; of a first key whose entry is not known, 0. */
		uint64_t from;
	} list[KEYCHAIN_MAX];
};

/* What a change of the ledger's key says. */
struct key_change {
	const char *origin;
	const uint8_t *before;	/* the key before: KEY_LEN bytes */
	const uint8_t *key;	/* the new one: KEY_LEN bytes */
	uint64_t seq;		/* of the entry before */
	const uint8_t *leaf;	/* its leaf hash: HASH_LEN bytes */
};

/* The new key's signature of a change. */
MUST_CHECK enum result key_change_sign(
    const struct key_change *c, const uint8_t seed[SEED_LEN], uint8_t sig[SIG_LEN]);
/* RESULT_OK, or RESULT_BAD_SIGNATURE if it is not the new key's over this change. */
MUST_CHECK enum result key_change_verify(const struct key_change *c, const uint8_t sig[SIG_LEN]);

/* Without a key. */
void keychain_begin(struct keychain *k);
/* The one key that somebody knows of a ledger. */
void keychain_only(struct keychain *k, const struct note_vkey *known);

/*
 * Takes an entry's bytes, in order from entry 1: adds its key if it makes one, with both signatures verified.
 * RESULT_NOT_FOUND: it makes none. RESULT_BAD_SIGNATURE, RESULT_BAD_FIELD (malformed, or not what follows the last key),
 * RESULT_TOO_MANY: it is not taken, and `k` as before.
 */
MUST_CHECK enum result keychain_entry(struct keychain *k, const uint8_t *entry, size_t len);
/* The same of an entry that was taken apart; what is not there has no bytes. */
struct key_entry {
	uint64_t seq;
	const uint8_t *prev, *act, *signature;
	size_t prev_len, act_len, signature_len;
};
MUST_CHECK enum result keychain_take(struct keychain *k, const struct key_entry *e);
/* All entries of a file's bytes; RESULT_BAD_FIELD or RESULT_BAD_SIGNATURE where one is not taken. */
MUST_CHECK enum result keychain_file(struct keychain *k, const uint8_t *bytes, size_t len);

/* 1 if the key is one of them, whenever it was in force. */
int keychain_has(const struct keychain *k, const uint8_t key[KEY_LEN]);
/* 1 if the verifier key is of this ledger and one of them. */
int keychain_knows(const struct keychain *k, const struct note_vkey *key);
/* 1 if what `part` says of the ledger's keys `whole` says too: the same keys from the same entries on. */
int keychain_within(const struct keychain *part, const struct keychain *whole);
/* The place of the key in force at a size (0: the first); there must be one. */
size_t keychain_at(const struct keychain *k, uint64_t size);
/* The verifier key of that key, and its text. */
void keychain_vkey(const struct keychain *k, uint64_t size, struct note_vkey *out);
MUST_CHECK enum result keychain_vkey_text(const struct keychain *k, uint64_t size, char out[NOTE_VKEY_SIZE]);

/* As checkpoint_parse_verify, by the key in force at the checkpoint's size. */
MUST_CHECK enum result keychain_checkpoint(
    const struct keychain *k, const char *text, size_t len, struct checkpoint *out);

#endif
