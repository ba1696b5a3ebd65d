#include "proto/note.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#include "proto/code32.h"

#define NOTE_DASH     "\xe2\x80\x94 " /* U+2014 and a blank */
#define NOTE_DASH_LEN (sizeof(NOTE_DASH) - 1)
#define NOTE_BLOB_MAX (NOTE_MAX_BYTES / 4 * 3)
#define COSIGNED_MAX  (NOTE_MAX_BYTES + 64)
#define RECEIPT_TITLE "c2sp.org/tlog-proof@v1"

/* ---- reading: a piece of text, used up from its beginning ---- */

struct text {
	const char *p;
	size_t n;
};

static int
text_is(struct text t, const char *s)
{
	return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0;
}

/* Takes `s` off the beginning; 0, or -1 if it does not stand there. */
static int
text_skip(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (t->n < n || memcmp(t->p, s, n) != 0)
		return -1;
	t->p += n;
	t->n -= n;
	return 0;
}

/* Takes what stands before the next `stop`, and `stop` itself; 0, or -1 if there is none. */
static int
text_take(struct text *t, char stop, struct text *out)
{
	const char *at = t->n == 0 ? NULL : memchr(t->p, stop, t->n);

	if (at == NULL)
		return -1;
	*out = (struct text){t->p, (size_t)(at - t->p)};
	t->n -= out->n + 1;
	t->p = at + 1;
	return 0;
}

/* The whole of `t` as a decimal number without leading zeros; 0 or -1. */
static int
text_number(struct text t, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (t.n == 0 || (t.n > 1 && t.p[0] == '0'))
		return -1;
	for (i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return -1;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (unsigned)(t.p[i] - '0'), &v))
			return -1;
	}
	*out = v;
	return 0;
}

/* The whole of `t` as the base64 of exactly `want` bytes; 0 or -1. */
static int
text_bytes(struct text t, uint8_t *out, size_t want)
{
	size_t n;

	return base64_decode(out, want, &n, t.p, t.n) == RESULT_OK && n == want ? 0 : -1;
}

static int
text_name_ok(struct text t)
{
	const uint8_t *p = (const uint8_t *)t.p;
	size_t left = t.n;

	if (t.n == 0 || t.n >= NOTE_NAME_SIZE)
		return 0;
	while (left > 0) {
		ucs4_t c;
		int n = u8_mbtoucr(&c, p, left);

		if (n <= 0 || c == '+' || !uc_is_print(c) || uc_is_property_white_space(c))
			return 0;
		p += n;
		left -= (size_t)n;
	}
	return 1;
}

/* Copies a name that text_name_ok or a length check let through. */
static void
text_copy_name(char out[NOTE_NAME_SIZE], struct text t)
{
	memset(out, 0, NOTE_NAME_SIZE);
	memcpy(out, t.p, t.n);
}

/* ---- writing: a buffer that remembers that it was too small ---- */

struct out {
	char *p;
	size_t size, len;
	int full;
};

__attribute__((format(printf, 2, 3))) static void
out_print(struct out *o, const char *format, ...)
{
	va_list args;
	int n;

	if (o->full)
		return;
	va_start(args, format);
	n = vsnprintf(o->p + o->len, o->size - o->len, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= o->size - o->len)
		o->full = 1;
	else
		o->len += (size_t)n;
}

static enum result
out_done(const struct out *o)
{
	return o->full ? RESULT_OVERFLOW : RESULT_OK;
}

/* ---- keys ---- */

int
note_name_ok(const char *name)
{
	return text_name_ok((struct text){name, strlen(name)});
}

uint32_t
note_key_id(const char *name, uint8_t type, const uint8_t pub[KEY_LEN])
{
	const struct sha256_part parts[] = {
	    {name, strlen(name)},
	    {"\n", 1},
	    {&type, 1},
	    {pub, KEY_LEN},
	};
	uint8_t h[HASH_LEN];

	sha256_parts(parts, 4, h);
	return (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
}

void
note_vkey_make(struct note_vkey *out, const char *name, uint8_t type, const uint8_t pub[KEY_LEN])
{
	text_copy_name(out->name, (struct text){name, strlen(name)});
	out->type = type;
	memcpy(out->pub, pub, KEY_LEN);
	out->id = note_key_id(name, type, pub);
}

static enum result
note_vkey_print(char *out, size_t size, const char *name, uint8_t type, const uint8_t pub[KEY_LEN])
{
	struct out o = {.p = out, .size = size};
	uint8_t key[1 + KEY_LEN];
	char text[BASE64_LEN(1 + KEY_LEN) + 1];

	if (!note_name_ok(name))
		return RESULT_BAD_FIELD;
	key[0] = type;
	memcpy(key + 1, pub, KEY_LEN);
	base64_encode(text, sizeof(text), key, sizeof(key));
	out_print(&o, "%s+%08" PRIx32 "+%s", name, note_key_id(name, type, pub), text);
	return out_done(&o);
}

enum result
note_vkey_format(char *out, size_t size, const char *name, const uint8_t pub[KEY_LEN])
{
	return note_vkey_print(out, size, name, NOTE_TYPE_ED25519, pub);
}

enum result
note_vkey_format_witness(char *out, size_t size, const char *name, const uint8_t pub[KEY_LEN])
{
	return note_vkey_print(out, size, name, NOTE_TYPE_COSIGNATURE, pub);
}

enum result
note_vkey_parse(const char *text, struct note_vkey *out)
{
	struct text t = {text, strlen(text)}, name, id;
	uint8_t key[1 + KEY_LEN], hash[4];

	if (text_take(&t, '+', &name) != 0 || !text_name_ok(name) || text_take(&t, '+', &id) != 0)
		return RESULT_BAD_FIELD;
	if (hex_decode(hash, sizeof(hash), id.p, id.n) != RESULT_OK)
		return RESULT_BAD_FIELD;
	if (text_bytes(t, key, sizeof(key)) != 0)
		return RESULT_BAD_FIELD;
	if (key[0] != NOTE_TYPE_ED25519 && key[0] != NOTE_TYPE_COSIGNATURE)
		return RESULT_BAD_FIELD;
	text_copy_name(out->name, name);
	out->type = key[0];
	memcpy(out->pub, key + 1, KEY_LEN);
	out->id =
	    (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
	return out->id == note_key_id(out->name, out->type, out->pub) ? RESULT_OK
								      : RESULT_BAD_FIELD;
}

/* ---- signed notes ---- */

struct note {
	struct text body; /* up to and including its last newline */
	struct text sigs; /* what follows the blank line */
};

/* Splits a note at its last blank line. The signature lines are looked at by note_signature. */
static enum result
note_open(const char *text, size_t len, struct note *out)
{
	size_t i;

	if (len < 3 || len > NOTE_MAX_BYTES || text[len - 1] != '\n')
		return RESULT_BAD_FIELD;
	if (u8_check((const uint8_t *)text, len) != NULL)
		return RESULT_BAD_FIELD;
	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
			return RESULT_BAD_FIELD;
	for (i = len - 2; i > 0; i--) {
		if (text[i] != '\n' || text[i - 1] != '\n')
			continue;
		out->body = (struct text){text, i};
		out->sigs = (struct text){text + i + 1, len - i - 1};
		return RESULT_OK;
	}
	return RESULT_BAD_FIELD;
}

/* Reads one signature line: its name, and key id and signature as bytes. 0 or -1. */
static int
note_sig_line(struct text line, struct text *name, uint8_t blob[NOTE_BLOB_MAX], size_t *n)
{
	if (text_skip(&line, NOTE_DASH) != 0 || text_take(&line, ' ', name) != 0)
		return -1;
	if (!text_name_ok(*name))
		return -1;
	if (base64_decode(blob, NOTE_BLOB_MAX, n, line.p, line.n) != RESULT_OK || *n < 5)
		return -1;
	return 0;
}

static int
note_sig_is_by(struct text name, const uint8_t *blob, const struct note_vkey *key)
{
	uint32_t id =
	    (uint32_t)blob[0] << 24 | (uint32_t)blob[1] << 16 | (uint32_t)blob[2] << 8 | blob[3];

	return id == key->id && text_is(name, key->name);
}

/*
 * Looks at every signature line and copies the first by `key`, without the key id, to `sig`, which
 * holds the `want` bytes that a signature of this type has. RESULT_BAD_FIELD for a malformed line,
 * RESULT_NOT_FOUND, or RESULT_BAD_SIGNATURE for another length.
 */
static enum result
note_signature(const struct note *note, const struct note_vkey *key, uint8_t *sig, size_t want)
{
	enum result found = RESULT_NOT_FOUND;
	struct text sigs = note->sigs, line, name;
	uint8_t blob[NOTE_BLOB_MAX];
	size_t n = 0, lines = 0;

	while (sigs.n > 0) {
		if (++lines > NOTE_MAX_SIGS || text_take(&sigs, '\n', &line) != 0)
			return RESULT_BAD_FIELD;
		if (note_sig_line(line, &name, blob, &n) != 0)
			return RESULT_BAD_FIELD;
		if (key == NULL || found != RESULT_NOT_FOUND || !note_sig_is_by(name, blob, key))
			continue;
		found = n == 4 + want ? RESULT_OK : RESULT_BAD_SIGNATURE;
		if (found == RESULT_OK)
			memcpy(sig, blob + 4, want);
	}
	return lines > 0 ? found : RESULT_BAD_FIELD;
}

enum result
note_line(const char *text, size_t len, const struct note_vkey *key, const char **out, size_t *out_len)
{
	struct text sigs, line, name;
	uint8_t blob[NOTE_BLOB_MAX];
	struct note note;
	size_t n;

	if (note_open(text, len, &note) != RESULT_OK)
		return RESULT_BAD_FIELD;
	for (sigs = note.sigs; sigs.n > 0;) {
		const char *from = sigs.p;

		if (text_take(&sigs, '\n', &line) != 0 || note_sig_line(line, &name, blob, &n) != 0)
			return RESULT_BAD_FIELD;
		if (!note_sig_is_by(name, blob, key))
			continue;
		*out = from;
		*out_len = line.n + 1;
		return RESULT_OK;
	}
	return RESULT_NOT_FOUND;
}

/* Writes a signature line: `n` bytes follow the key id. */
static void
note_print_sig(struct out *o, const char *name, uint32_t id, const uint8_t *sig, size_t n)
{
	uint8_t blob[4 + 8 + SIG_LEN];
	char text[BASE64_LEN(sizeof(blob)) + 1];

	blob[0] = (uint8_t)(id >> 24);
	blob[1] = (uint8_t)(id >> 16);
	blob[2] = (uint8_t)(id >> 8);
	blob[3] = (uint8_t)id;
	memcpy(blob + 4, sig, n);
	base64_encode(text, sizeof(text), blob, 4 + n);
	out_print(o, NOTE_DASH "%s %s\n", name, text);
}

/* ---- checkpoints ---- */

static enum result
checkpoint_read_body(struct text body, struct checkpoint *out)
{
	struct text t = body, origin, size, root, extension;

	if (text_take(&t, '\n', &origin) != 0 || text_take(&t, '\n', &size) != 0 ||
	    text_take(&t, '\n', &root) != 0)
		return RESULT_BAD_FIELD;
	if (origin.n == 0 || origin.n >= NOTE_NAME_SIZE)
		return RESULT_BAD_FIELD;
	if (text_number(size, &out->size) != 0 || out->size > TREE_SIZE_MAX)
		return RESULT_BAD_FIELD;
	if (text_bytes(root, out->root, HASH_LEN) != 0)
		return RESULT_BAD_FIELD;
	while (t.n > 0)
		if (text_take(&t, '\n', &extension) != 0 || extension.n == 0)
			return RESULT_BAD_FIELD;
	text_copy_name(out->origin, origin);
	out->text_len = body.n;
	return RESULT_OK;
}

enum result
checkpoint_sign(char *out, size_t size, const char *origin, uint64_t tree_size,
    const uint8_t root[HASH_LEN], const char *key_name, const uint8_t seed[SEED_LEN])
{
	struct out o = {.p = out, .size = size};
	uint8_t pub[KEY_LEN], sig[SIG_LEN];
	char text[BASE64_LEN(HASH_LEN) + 1];
	enum result r;

	if (!note_name_ok(origin) || !note_name_ok(key_name) || tree_size > TREE_SIZE_MAX)
		return RESULT_BAD_FIELD;
	base64_encode(text, sizeof(text), root, HASH_LEN);
	out_print(&o, "%s\n%" PRIu64 "\n%s\n", origin, tree_size, text);
	if (o.full)
		return RESULT_OVERFLOW;
	r = ed25519_public(seed, pub);
	if (r != RESULT_OK)
		return r;
	r = ed25519_sign(seed, out, o.len, sig);
	if (r != RESULT_OK)
		return r;
	out_print(&o, "\n");
	note_print_sig(&o, key_name, note_key_id(key_name, NOTE_TYPE_ED25519, pub), sig, SIG_LEN);
	return out_done(&o);
}

enum result
checkpoint_parse(const char *text, size_t len, struct checkpoint *out)
{
	struct checkpoint c;
	struct note note;
	enum result r = note_open(text, len, &note);

	if (r != RESULT_OK)
		return r;
	r = checkpoint_read_body(note.body, &c);
	if (r != RESULT_OK)
		return r;
	r = note_signature(&note, NULL, NULL, 0);
	if (r != RESULT_NOT_FOUND)
		return r;
	*out = c;
	return RESULT_OK;
}

enum result
checkpoint_parse_verify(
    const char *text, size_t len, const struct note_vkey *key, struct checkpoint *out)
{
	struct checkpoint c;
	struct note note;
	uint8_t sig[SIG_LEN];
	enum result r;

	if (key->type != NOTE_TYPE_ED25519)
		return RESULT_BAD_FIELD;
	r = note_open(text, len, &note);
	if (r != RESULT_OK)
		return r;
	r = checkpoint_read_body(note.body, &c);
	if (r != RESULT_OK)
		return r;
	r = note_signature(&note, key, sig, SIG_LEN);
	if (r == RESULT_OK)
		r = ed25519_verify(key->pub, note.body.p, note.body.n, sig);
	if (r != RESULT_OK)
		return r == RESULT_NOT_FOUND ? RESULT_BAD_SIGNATURE : r;
	*out = c;
	return RESULT_OK;
}

/* ---- cosignatures ---- */

/* What a witness signs; returns its length. */
static size_t
cosignature_message(char out[COSIGNED_MAX], struct text body, uint64_t unix_time)
{
	int n = snprintf(out, COSIGNED_MAX, "cosignature/v1\ntime %" PRIu64 "\n", unix_time);

	memcpy(out + n, body.p, body.n);
	return (size_t)n + body.n;
}

enum result
cosignature_sign(char *out, size_t size, const char *note, size_t len, const char *witness,
    const uint8_t seed[SEED_LEN], uint64_t unix_time)
{
	struct out o = {.p = out, .size = size};
	uint8_t pub[KEY_LEN], stamped[8 + SIG_LEN];
	struct checkpoint c;
	char message[COSIGNED_MAX];
	unsigned i;
	size_t n;
	enum result r;

	if (!note_name_ok(witness))
		return RESULT_BAD_FIELD;
	r = checkpoint_parse(note, len, &c);
	if (r != RESULT_OK)
		return r;
	r = ed25519_public(seed, pub);
	if (r != RESULT_OK)
		return r;
	n = cosignature_message(message, (struct text){note, c.text_len}, unix_time);
	for (i = 0; i < 8; i++)
		stamped[i] = (uint8_t)(unix_time >> (56 - 8 * i));
	r = ed25519_sign(seed, message, n, stamped + 8);
	if (r != RESULT_OK)
		return r;
	note_print_sig(&o, witness, note_key_id(witness, NOTE_TYPE_COSIGNATURE, pub), stamped,
	    sizeof(stamped));
	return out_done(&o);
}

enum result
cosignature_verify(
    const char *text, size_t len, const struct note_vkey *witness, uint64_t *unix_time)
{
	uint8_t stamped[8 + SIG_LEN];
	struct checkpoint c;
	struct note note;
	char message[COSIGNED_MAX];
	uint64_t when = 0;
	unsigned i;
	size_t n;
	enum result r;

	if (witness->type != NOTE_TYPE_COSIGNATURE)
		return RESULT_BAD_FIELD;
	r = note_open(text, len, &note);
	if (r != RESULT_OK)
		return r;
	r = checkpoint_read_body(note.body, &c);
	if (r != RESULT_OK)
		return r;
	r = note_signature(&note, witness, stamped, sizeof(stamped));
	if (r != RESULT_OK)
		return r;
	for (i = 0; i < 8; i++)
		when = when << 8 | stamped[i];
	n = cosignature_message(message, note.body, when);
	r = ed25519_verify(witness->pub, message, n, stamped + 8);
	if (r == RESULT_OK)
		*unix_time = when;
	return r;
}

/* ---- receipts ---- */

enum result
receipt_format(char *out, size_t size, uint64_t index, const uint8_t *leaf,
    const uint8_t (*path)[HASH_LEN], size_t n, const char *note)
{
	struct out o = {.p = out, .size = size};
	char text[BASE64_LEN(HASH_LEN) + 1];
	size_t i;

	if (n > TREE_PATH_MAX)
		return RESULT_BAD_FIELD;
	out_print(&o, RECEIPT_TITLE "\n");
	if (leaf != NULL) {
		base64_encode(text, sizeof(text), leaf, HASH_LEN);
		out_print(&o, "extra %s\n", text);
	}
	out_print(&o, "index %" PRIu64 "\n", index);
	for (i = 0; i < n; i++) {
		base64_encode(text, sizeof(text), path[i], HASH_LEN);
		out_print(&o, "%s\n", text);
	}
	out_print(&o, "\n%s", note);
	return out_done(&o);
}

enum result
receipt_parse(const char *text, size_t len, struct receipt *out)
{
	struct text t = {text, len}, line;

	if (len > RECEIPT_MAX_BYTES)
		return RESULT_BAD_FIELD;
	if (text_take(&t, '\n', &line) != 0 || !text_is(line, RECEIPT_TITLE))
		return RESULT_BAD_FIELD;
	if (text_take(&t, '\n', &line) != 0)
		return RESULT_BAD_FIELD;
	out->has_leaf = text_skip(&line, "extra ") == 0;
	if (out->has_leaf &&
	    (text_bytes(line, out->leaf, HASH_LEN) != 0 || text_take(&t, '\n', &line) != 0))
		return RESULT_BAD_FIELD;
	if (text_skip(&line, "index ") != 0 || text_number(line, &out->index) != 0)
		return RESULT_BAD_FIELD;
	for (out->n = 0;; out->n++) {
		if (text_take(&t, '\n', &line) != 0)
			return RESULT_BAD_FIELD;
		if (line.n == 0)
			break;
		if (out->n == TREE_PATH_MAX || text_bytes(line, out->path[out->n], HASH_LEN) != 0)
			return RESULT_BAD_FIELD;
	}
	if (t.n == 0)
		return RESULT_BAD_FIELD;
	out->checkpoint = t.p;
	out->checkpoint_len = t.n;
	return RESULT_OK;
}

enum result
receipt_verify(const struct receipt *r, const uint8_t leaf[HASH_LEN], const struct note_vkey *key,
    struct checkpoint *out)
{
	struct checkpoint c;
	enum result res = checkpoint_parse_verify(r->checkpoint, r->checkpoint_len, key, &c);

	if (res != RESULT_OK)
		return res;
	res = tree_inclusion_verify(leaf, r->index, c.size, r->path, r->n, c.root);
	if (res == RESULT_OK)
		*out = c;
	return res;
}

/* ---- the short form ---- */

void
receipt_short(char out[RECEIPT_SHORT_SIZE], uint64_t seq, const uint8_t leaf[HASH_LEN])
{
	char code[CODE32_SIZE(RECEIPT_SHORT_HASH)];

	code32_encode(code, sizeof(code), leaf, RECEIPT_SHORT_HASH);
	(void)snprintf(out, RECEIPT_SHORT_SIZE, "%" PRIu64 "-%s", seq, code);
}

enum result
receipt_short_parse(const char *text, uint64_t *seq, uint8_t hash[RECEIPT_SHORT_HASH])
{
	struct text number;

	text += strspn(text, " \t");
	number = (struct text){text, strspn(text, "0123456789")};
	if (text_number(number, seq) != 0 || *seq == 0)
		return RESULT_BAD_CODE;
	text += number.n;
	/* Without a mark between, nobody could tell where the number ends. */
	if (*text != '-' && *text != ' ')
		return RESULT_BAD_CODE;
	return code32_decode(text, hash, RECEIPT_SHORT_HASH);
}
