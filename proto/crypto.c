#include "proto/crypto.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* The hash functions of OpenSSL's older interface: without the new one's search and allocation around each
 * hash, which for a node of the tree costs as much as the hash itself. */
#define OPENSSL_API_COMPAT 0x10100000L

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

/* ---- contexts: algorithms fetched once, a set of contexts for each thread ---- */

/* What verifies by one key: made once, as the same few keys sign all day. */
struct verifier {
	uint8_t pub[KEY_LEN];
	EVP_MD_CTX *ctx; /* NULL before the first */
};

#define VERIFIERS 8 /* a key's place is by its first byte; another one in it is made anew */

struct crypto_local {
	EVP_MD_CTX *sign;
	EVP_MAC_CTX *mac;
	struct verifier verifier[VERIFIERS];
};

static pthread_once_t crypto_once = PTHREAD_ONCE_INIT;
static pthread_key_t crypto_key;
static EVP_MD *crypto_sha256;
static EVP_MAC *crypto_hmac;
static __thread struct crypto_local *crypto_mine;

/* Where OpenSSL has no memory, or does not do what it always does. */
static _Noreturn void
crypto_end(void)
{
	fputs("level=error event=no_memory at=openssl hint=\"what was acknowledged is durable: give it memory and "
	      "start it again\"\n",
	    stderr);
	_exit(1);
}

/* A hash or a context that cannot be had is not something to go on without. */
static void
crypto_require(int ok)
{
	if (!ok)
		crypto_end();
}

static void *
memory_take(size_t n, const char *file, int line)
{
	void *p = n == 0 ? NULL : malloc(n);

	(void)file;
	(void)line;
	crypto_require(n == 0 || p != NULL);
	return p;
}

static void
memory_give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static void *
memory_resize(void *old, size_t n, const char *file, int line)
{
	void *p;

	if (n == 0) {
		memory_give(old, file, line);
		return NULL;
	}
	p = realloc(old, n);
	crypto_require(p != NULL);
	return p;
}

void
crypto_need_memory(void)
{
	crypto_require(CRYPTO_set_mem_functions(memory_take, memory_resize, memory_give) == 1);
}

static void
crypto_local_free(void *p)
{
	struct crypto_local *l = p;

	EVP_MD_CTX_free(l->sign);
	EVP_MAC_CTX_free(l->mac);
	for (size_t i = 0; i < VERIFIERS; i++)
		EVP_MD_CTX_free(l->verifier[i].ctx);
	free(l);
	crypto_mine = NULL;
}

static void
crypto_fetch(void)
{
	crypto_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	crypto_hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	crypto_require(crypto_sha256 != NULL && crypto_hmac != NULL);
	crypto_require(pthread_key_create(&crypto_key, crypto_local_free) == 0);
}

static struct crypto_local *
crypto_local_make(void)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};
	struct crypto_local *l;

	crypto_require(pthread_once(&crypto_once, crypto_fetch) == 0);
	l = calloc(1, sizeof(*l));
	crypto_require(l != NULL);
	l->sign = EVP_MD_CTX_new();
	l->mac = EVP_MAC_CTX_new(crypto_hmac);
	crypto_require(l->sign != NULL && l->mac != NULL);
	crypto_require(EVP_MAC_CTX_set_params(l->mac, params) == 1);
	crypto_require(pthread_setspecific(crypto_key, l) == 0);
	crypto_mine = l;
	return l;
}

static struct crypto_local *
crypto_local(void)
{
	return crypto_mine != NULL ? crypto_mine : crypto_local_make();
}

/* ---- SHA-256 and HMAC ---- */

void
sha256(const void *p, size_t n, uint8_t out[HASH_LEN])
{
	struct sha256_part part = {p, n};

	sha256_parts(&part, 1, out);
}

void
sha256_parts(const struct sha256_part *parts, size_t n, uint8_t out[HASH_LEN])
{
	SHA256_CTX ctx;
	size_t i;

	crypto_require(SHA256_Init(&ctx) == 1);
	for (i = 0; i < n; i++)
		crypto_require(SHA256_Update(&ctx, parts[i].p, parts[i].n) == 1);
	crypto_require(SHA256_Final(out, &ctx) == 1);
}

/*
 * Short messages are put with their padding (FIPS 180-4 section 5.1.1) into whole blocks, and several of them before the first
 * is hashed: what was written only just now, in pieces, is read slowly, and SHA256_Final does that for every message. (Two messages
 * at a time by SHA instructions were not faster where it was measured: 95 ns for a block of each, 46 ns for one block.)
 */
#define GROUP	   8
#define PADDED_MAX ((size_t)512)

struct padded {
	_Alignas(SHA256_CBLOCK) uint8_t blocks[PADDED_MAX];
	size_t n;
};

/* False for a message that is too long. */
static bool
padded_put(struct padded *p, uint8_t tag, const struct sha256_part *m)
{
	size_t n = 1 + m->n;
	uint64_t bits = htobe64((uint64_t)n << 3);

	if (m->n >= PADDED_MAX - sizeof(bits) - 1)
		return false;
	p->n = (n + sizeof(bits)) / SHA256_CBLOCK * SHA256_CBLOCK + SHA256_CBLOCK;
	p->blocks[0] = tag;
	if (m->n > 0)
		memcpy(p->blocks + 1, m->p, m->n);
	memset(p->blocks + n, 0, p->n - n);
	p->blocks[n] = 0x80;
	memcpy(p->blocks + p->n - sizeof(bits), &bits, sizeof(bits));
	return true;
}

static void
padded_hash(const struct padded *p, uint8_t out[HASH_LEN])
{
	SHA256_CTX ctx;

	crypto_require(SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, p->blocks, p->n) == 1);
	for (size_t i = 0; i < HASH_LEN / sizeof(uint32_t); i++) {
		uint32_t word = htobe32(ctx.h[i]);

		memcpy(out + i * sizeof(word), &word, sizeof(word));
	}
}

void
sha256_each(uint8_t tag, const struct sha256_part *messages, size_t n, uint8_t (*out)[HASH_LEN])
{
	struct padded group[GROUP];

	while (n > 0) {
		size_t filled = 0;

		while (filled < GROUP && filled < n && padded_put(&group[filled], tag, &messages[filled]))
			filled++;
		for (size_t i = 0; i < filled; i++)
			padded_hash(&group[i], out[i]);
		if (filled == 0) {
			const struct sha256_part parts[] = {{&tag, 1}, messages[0]};

			sha256_parts(parts, 2, out[0]);
			filled = 1;
		}
		messages += filled;
		out += filled;
		n -= filled;
	}
}

struct sha256_ctx {
	EVP_MD_CTX *md;
};

struct sha256_ctx *
sha256_new(void)
{
	struct sha256_ctx *c = malloc(sizeof(*c));

	crypto_require(c != NULL);
	crypto_local(); /* fetches the digest */
	c->md = EVP_MD_CTX_new();
	crypto_require(c->md != NULL && EVP_DigestInit_ex2(c->md, crypto_sha256, NULL) == 1);
	return c;
}

void
sha256_update(struct sha256_ctx *c, const void *p, size_t n)
{
	crypto_require(EVP_DigestUpdate(c->md, p, n) == 1);
}

void
sha256_final(struct sha256_ctx *c, uint8_t out[HASH_LEN])
{
	crypto_require(EVP_DigestFinal_ex(c->md, out, NULL) == 1);
	crypto_require(EVP_DigestInit_ex2(c->md, crypto_sha256, NULL) == 1);
}

void
sha256_free(struct sha256_ctx *c)
{
	if (c == NULL)
		return;
	EVP_MD_CTX_free(c->md);
	free(c);
}

void
hmac_sha256(const uint8_t *key, size_t klen, const struct sha256_part *parts, size_t n,
    uint8_t out[HASH_LEN])
{
	EVP_MAC_CTX *ctx = crypto_local()->mac;
	size_t i, got = 0;

	assert(klen > 0);
	crypto_require(EVP_MAC_init(ctx, key, klen, NULL) == 1);
	for (i = 0; i < n; i++)
		crypto_require(EVP_MAC_update(ctx, parts[i].p, parts[i].n) == 1);
	crypto_require(EVP_MAC_final(ctx, out, &got, HASH_LEN) == 1 && got == HASH_LEN);
}

/* ---- Ed25519 ---- */

enum result
ed25519_generate(uint8_t seed[SEED_LEN], uint8_t pub[KEY_LEN])
{
	enum result r = crypto_random(seed, SEED_LEN);

	return r != RESULT_OK ? r : ed25519_public(seed, pub);
}

enum result
ed25519_public(const uint8_t seed[SEED_LEN], uint8_t pub[KEY_LEN])
{
	enum result r = RESULT_INTERNAL;
	size_t n = KEY_LEN;
	EVP_PKEY *key;

	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_LEN);
	if (key != NULL && EVP_PKEY_get_raw_public_key(key, pub, &n) == 1 && n == KEY_LEN)
		r = RESULT_OK;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

enum result
ed25519_sign(const uint8_t seed[SEED_LEN], const void *p, size_t n, uint8_t sig[SIG_LEN])
{
	EVP_MD_CTX *ctx = crypto_local()->sign;
	enum result r = RESULT_INTERNAL;
	size_t got = SIG_LEN;
	EVP_PKEY *key;

	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_LEN);
	if (key != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, sig, &got, n == 0 ? (const void *)"" : p, n) == 1 && got == SIG_LEN)
		r = RESULT_OK;
	EVP_MD_CTX_reset(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

/* A context for the key; NULL where there can be none. */
static EVP_MD_CTX *
verifier_make(const uint8_t pub[KEY_LEN])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (key == NULL || ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) != 1) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_PKEY_free(key);
	return ctx;
}

/* This thread's context for the key, ready for a signature; NULL as above. */
static EVP_MD_CTX *
verifier_get(const uint8_t pub[KEY_LEN])
{
	struct verifier *v = &crypto_local()->verifier[pub[0] % VERIFIERS];

	if (v->ctx != NULL && memcmp(v->pub, pub, KEY_LEN) == 0 &&
	    EVP_DigestVerifyInit(v->ctx, NULL, NULL, NULL, NULL) == 1)
		return v->ctx;
	EVP_MD_CTX_free(v->ctx);
	v->ctx = verifier_make(pub);
	memcpy(v->pub, pub, KEY_LEN);
	return v->ctx;
}

enum result
ed25519_verify(const uint8_t pub[KEY_LEN], const void *p, size_t n, const uint8_t sig[SIG_LEN])
{
	EVP_MD_CTX *ctx = verifier_get(pub);
	enum result r = RESULT_BAD_SIGNATURE;

	if (ctx != NULL && EVP_DigestVerify(ctx, sig, SIG_LEN, n == 0 ? (const void *)"" : p, n) == 1)
		r = RESULT_OK;
	/* What a wrong signature leaves here would be read as an error of some TLS connection. */
	ERR_clear_error();
	return r;
}

/* ---- the signature of an act ---- */

#define ACT_PREFIX     "timebox/v1/act\n"
#define ACT_PREFIX_LEN (sizeof(ACT_PREFIX) - 1)

/* Ed25519 reads its message twice, so it has to stand in one piece; the caller frees it. */
static enum result
act_message(const uint8_t *act, size_t len, uint8_t **out, size_t *out_len)
{
	uint8_t *m;

	if (len > UINT32_MAX)
		return RESULT_OVERFLOW;
	m = malloc(ACT_PREFIX_LEN + 4 + len);
	if (m == NULL)
		return RESULT_NO_MEMORY;
	memcpy(m, ACT_PREFIX, ACT_PREFIX_LEN);
	m[ACT_PREFIX_LEN] = (uint8_t)(len >> 24);
	m[ACT_PREFIX_LEN + 1] = (uint8_t)(len >> 16);
	m[ACT_PREFIX_LEN + 2] = (uint8_t)(len >> 8);
	m[ACT_PREFIX_LEN + 3] = (uint8_t)len;
	if (len > 0)
		memcpy(m + ACT_PREFIX_LEN + 4, act, len);
	*out = m;
	*out_len = ACT_PREFIX_LEN + 4 + len;
	return RESULT_OK;
}

enum result
act_sign(const uint8_t seed[SEED_LEN], const uint8_t *act, size_t len, uint8_t sig[SIG_LEN])
{
	uint8_t *m = NULL;
	size_t n = 0;
	enum result r = act_message(act, len, &m, &n);

	if (r == RESULT_OK)
		r = ed25519_sign(seed, m, n, sig);
	free(m);
	return r;
}

enum result
act_verify(const uint8_t pub[KEY_LEN], const uint8_t *act, size_t len, const uint8_t sig[SIG_LEN])
{
	uint8_t *m = NULL;
	size_t n = 0;
	enum result r = act_message(act, len, &m, &n);

	if (r == RESULT_OK)
		r = ed25519_verify(pub, m, n, sig);
	free(m);
	return r == RESULT_OVERFLOW ? RESULT_BAD_SIGNATURE : r;
}

/* ---- random bytes, comparing, wiping ---- */

enum result
crypto_random(void *out, size_t n)
{
	uint8_t *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return RESULT_INTERNAL;
		p += got;
		n -= (size_t)got;
	}
	return RESULT_OK;
}

int
crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

/* ---- base64 and hexadecimal ---- */

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
base64_encode(char *out, size_t out_size, const void *p, size_t n)
{
	const uint8_t *in = p;
	size_t i, o = 0;

	assert(n < SIZE_MAX / 2 && out_size > BASE64_LEN(n));
	for (i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)in[i] << 16;

		if (left > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			v |= in[i + 2];
		out[o++] = base64_letters[v >> 18];
		out[o++] = base64_letters[v >> 12 & 63];
		out[o++] = left > 1 ? base64_letters[v >> 6 & 63] : '=';
		out[o++] = left > 2 ? base64_letters[v & 63] : '=';
	}
	out[o] = '\0';
	return o;
}

/* The value of a letter, or 64. */
static uint32_t
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

enum result
base64_decode(void *out, size_t out_size, size_t *out_len, const char *text, size_t len)
{
	uint8_t *o = out;
	size_t pad = 0, n, i, k;

	*out_len = 0;
	if (len % 4 != 0)
		return RESULT_BAD_FIELD;
	if (len > 0 && text[len - 1] == '=')
		pad = text[len - 2] == '=' ? 2 : 1;
	n = len / 4 * 3 - pad;
	if (n > out_size)
		return RESULT_BAD_FIELD;
	for (i = 0; i < len; i += 4) {
		size_t letters = i + 4 == len ? 4 - pad : 4;
		uint32_t v = 0;

		for (k = 0; k < 4; k++) {
			uint32_t d = k < letters ? base64_value(text[i + k]) : 0;

			if (d > 63)
				return RESULT_BAD_FIELD;
			v = v << 6 | d;
		}
		/* 3 letters carry 2 bytes and 2 bits, 2 carry 1 byte and 4 bits: all zero. */
		if ((letters == 3 && (v & 0xff) != 0) || (letters == 2 && (v & 0xffff) != 0))
			return RESULT_BAD_FIELD;
		for (k = 0; k + 1 < letters; k++)
			*o++ = (uint8_t)(v >> (16 - 8 * k));
	}
	*out_len = n;
	return RESULT_OK;
}

size_t
hex_encode(char *out, size_t out_size, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = p;
	size_t i;

	assert(n < SIZE_MAX / 2 && out_size > 2 * n);
	for (i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * n] = '\0';
	return 2 * n;
}

/* The value of a hexadecimal digit, or 16. */
static unsigned
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

enum result
hex_decode(void *out, size_t want, const char *text, size_t len)
{
	uint8_t *o = out;
	size_t i;

	if (len % 2 != 0 || len / 2 != want)
		return RESULT_BAD_FIELD;
	for (i = 0; i < want; i++) {
		unsigned hi = hex_value(text[2 * i]), lo = hex_value(text[2 * i + 1]);

		if (hi > 15 || lo > 15)
			return RESULT_BAD_FIELD;
		o[i] = (uint8_t)(hi << 4 | lo);
	}
	return RESULT_OK;
}
