/*
 * Hashes, signatures, random bytes, and the text forms of bytes.
 *
 * Over OpenSSL's EVP, whose types do not show here. SHA-256 is FIPS 180-4, HMAC RFC 2104, Ed25519
 * RFC 8032 (pure), base64 RFC 4648 section 4. Safe to call from several threads at once. Where a
 * function returns nothing, a failure of the library itself (no memory for its context) stops the
 * process with a line on stderr and exit code 1: a hash that might be wrong must not go on.
 */
#ifndef TIMEBOX_PROTO_CRYPTO_H
#define TIMEBOX_PROTO_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

#define HASH_LEN 32
#define KEY_LEN	 32
#define SEED_LEN 32
#define SIG_LEN	 64

/*
 * From now on memory that OpenSSL asks for and does not get ends the process, with a line on stderr and exit code 1. Without
 * this a signature that could not be checked is a wrong one, and OpenSSL 3.0 does not survive its own start.
 * Called once, before anything else of OpenSSL.
 */
void crypto_need_memory(void);

/* Bytes to be hashed as if they followed one another; `p` may be NULL where `n` is 0. */
struct sha256_part {
	const void *p;
	size_t n;
};

/* The SHA-256 of `n` bytes. */
void sha256(const void *p, size_t n, uint8_t out[HASH_LEN]);

/* The SHA-256 of the `n` parts one after the other. */
void sha256_parts(const struct sha256_part *parts, size_t n, uint8_t out[HASH_LEN]);

/* The SHA-256 of tag ‖ message for each of `n` messages; short ones take a quarter less time together than one by one. Copies of
 * them stay on the stack: not for secrets. out[i] may overlap messages up to the i-th. */
void sha256_each(
    uint8_t tag, const struct sha256_part *messages, size_t n, uint8_t (*out)[HASH_LEN]);

/* A hash over what comes in pieces. sha256_new never returns NULL; sha256_final writes the hash of
 * all updates since sha256_new or the last final, and starts anew; sha256_free takes NULL too. */
struct sha256_ctx;
struct sha256_ctx *sha256_new(void);
void sha256_update(struct sha256_ctx *c, const void *p, size_t n);
void sha256_final(struct sha256_ctx *c, uint8_t out[HASH_LEN]);
void sha256_free(struct sha256_ctx *c);

/* HMAC-SHA256 under a key of `klen` bytes (at least 1) over the `n` parts one after the other. */
void hmac_sha256(const uint8_t *key, size_t klen, const struct sha256_part *parts, size_t n,
    uint8_t out[HASH_LEN]);

/* A fresh key pair. RESULT_INTERNAL when there is no randomness. The seed is secret: wipe it. */
MUST_CHECK enum result ed25519_generate(uint8_t seed[SEED_LEN], uint8_t pub[KEY_LEN]);

/* The public key that belongs to a seed. */
MUST_CHECK enum result ed25519_public(const uint8_t seed[SEED_LEN], uint8_t pub[KEY_LEN]);

/* Signs `n` bytes; the same bytes and seed give the same signature. RESULT_INTERNAL on failure. */
MUST_CHECK enum result ed25519_sign(
    const uint8_t seed[SEED_LEN], const void *p, size_t n, uint8_t sig[SIG_LEN]);

/* RESULT_OK or RESULT_BAD_SIGNATURE (also for bytes that are no public key). */
MUST_CHECK enum result ed25519_verify(
    const uint8_t pub[KEY_LEN], const void *p, size_t n, const uint8_t sig[SIG_LEN]);

/* The signature of an act: Ed25519 over
 *	"timebox/v1/act\n" ‖ u32be length of the act ‖ the act's bytes as they are sent
 * so that no signature of an act is a signature of anything else. RESULT_NO_MEMORY or
 * RESULT_INTERNAL on failure, RESULT_OVERFLOW for an act over 4 GiB. */
MUST_CHECK enum result act_sign(
    const uint8_t seed[SEED_LEN], const uint8_t *act, size_t len, uint8_t sig[SIG_LEN]);

/* RESULT_OK, RESULT_BAD_SIGNATURE, or RESULT_NO_MEMORY. */
MUST_CHECK enum result act_verify(
    const uint8_t pub[KEY_LEN], const uint8_t *act, size_t len, const uint8_t sig[SIG_LEN]);

/* Fills `n` bytes from the system's generator. RESULT_INTERNAL when it has none. */
MUST_CHECK enum result crypto_random(void *out, size_t n);

/* 1 if the `n` bytes are equal, else 0, in a time that does not depend on where they differ. */
int crypto_equal(const void *a, const void *b, size_t n);

/* Overwrites `n` bytes with zeros, also where the compiler sees that nobody reads them again. */
void crypto_wipe(void *p, size_t n);

/* Characters of the base64 of `n` bytes, without the closing NUL. */
#define BASE64_LEN(n) (((size_t)(n) + 2) / 3 * 4)

/* Standard base64 with padding and a closing NUL; returns the length without it, BASE64_LEN(n).
 * `out_size` below BASE64_LEN(n) + 1 stops the process. */
size_t base64_encode(char *out, size_t out_size, const void *p, size_t n);

/* Reads exactly `len` characters as strict standard base64: padded, no blanks or newlines, the
 * unused bits zero, so that each byte string has one text only. *out_len is the number of bytes
 * written. RESULT_BAD_FIELD for anything else, and for more than `out_size` bytes. */
MUST_CHECK enum result base64_decode(
    void *out, size_t out_size, size_t *out_len, const char *text, size_t len);

/* Lower-case hexadecimal and a closing NUL; returns 2 * n. `out_size` below 2 * n + 1 stops the
 * process. */
size_t hex_encode(char *out, size_t out_size, const void *p, size_t n);

/* Reads `len` characters, either case, as exactly `want` bytes; RESULT_BAD_FIELD otherwise. */
MUST_CHECK enum result hex_decode(void *out, size_t want, const char *text, size_t len);

#endif
