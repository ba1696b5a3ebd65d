#include "proto/keychain.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire.h"

#define CHANGE_PREFIX "timebox/v1/ledger-key\n"

/* Tags in the one order that canonical bytes have: of Entry, Act, Command, the commands that make keys, Ref. */
enum {
	ENTRY_SEQ = 0x08,
	ENTRY_PREV = 0x12,
	ENTRY_TIME = 0x18,
	ENTRY_RULES = 0x20,
	ENTRY_SEMANTICS = 0x28,
	ENTRY_ACT = 0x32,
	ENTRY_SIGNATURE = 0x3a
};
enum { ACT_ORIGIN = 0x0a, ACT_ID = 0x12, ACT_MADE_AT = 0x18, ACT_KEY = 0x22, ACT_BRANCH = 0x40, ACT_COMMAND = 0x4a };
enum { KIND_GENESIS = 0x0a, KIND_LEDGER_KEY = 0x22 };
enum { BODY_KEY = 0x0a, BODY_REF = 0x12, BODY_SIGNATURE = 0x1a };
enum { REF_SEQ = 0x08, REF_LEAF = 0x1a };

/* ---- the new key's signature ---- */

struct change_text {
	uint8_t bytes[sizeof(CHANGE_PREFIX) + NOTE_NAME_SIZE + 2 * KEY_LEN + 8 + HASH_LEN];
	struct wire_out out;
};

static void
change_text(struct change_text *t, const struct key_change *c)
{
	uint8_t seq[8];

	for (int i = 0; i < 8; i++)
		seq[i] = (uint8_t)(c->seq >> (56 - 8 * i));
	t->out = (struct wire_out){.buf = t->bytes, .cap = sizeof(t->bytes)};
	wire_put(&t->out, CHANGE_PREFIX, sizeof(CHANGE_PREFIX) - 1);
	wire_put(&t->out, c->origin, strlen(c->origin) + 1);
	wire_put(&t->out, c->before, KEY_LEN);
	wire_put(&t->out, c->key, KEY_LEN);
	wire_put(&t->out, seq, sizeof(seq));
	wire_put(&t->out, c->leaf, HASH_LEN);
}

enum result
key_change_sign(const struct key_change *c, const uint8_t seed[SEED_LEN], uint8_t sig[SIG_LEN])
{
	struct change_text t;

	change_text(&t, c);
	return t.out.full ? RESULT_BAD_FIELD : ed25519_sign(seed, t.bytes, t.out.len, sig);
}

enum result
key_change_verify(const struct key_change *c, const uint8_t sig[SIG_LEN])
{
	struct change_text t;

	change_text(&t, c);
	return t.out.full ? RESULT_BAD_SIGNATURE : ed25519_verify(c->key, t.bytes, t.out.len, sig);
}

/* ---- reading entries ---- */

/* The next field, if it has this tag: 0, or -1. Nearly all entries end with one of these, so it is quick. */
static int
take_bytes(struct wire *w, uint8_t tag, struct wire *out)
{
	if (w->p == w->end || *w->p != tag)
		return -1;
	w->p++;
	return wire_bytes(w, out);
}

static int
take_number(struct wire *w, uint8_t tag, uint64_t *out)
{
	if (w->p == w->end || *w->p != tag)
		return -1;
	w->p++;
	return wire_varint(w, out);
}

/* What an act says of keys. */
struct made {
	uint8_t kind;
	struct wire origin, actor, body;
	struct wire key, proof, leaf;
	uint64_t ref_seq;
};

/* The act's command, if it makes a key; RESULT_BAD_FIELD if another stands beside it. */
static enum result
command_read(struct wire act, struct made *m)
{
	struct wire id, command;
	uint64_t number;

	if (take_bytes(&act, ACT_ORIGIN, &m->origin) != 0 || take_bytes(&act, ACT_ID, &id) != 0)
		return RESULT_NOT_FOUND;
	(void)take_number(&act, ACT_MADE_AT, &number);
	if (take_bytes(&act, ACT_KEY, &m->actor) != 0)
		return RESULT_NOT_FOUND;
	(void)take_number(&act, ACT_BRANCH, &number);
	if (take_bytes(&act, ACT_COMMAND, &command) != 0 || command.p == command.end ||
	    (*command.p != KIND_GENESIS && *command.p != KIND_LEDGER_KEY))
		return RESULT_NOT_FOUND;
	m->kind = *command.p;
	return take_bytes(&command, m->kind, &m->body) == 0 && command.p == command.end && act.p == act.end &&
		       wire_left(&m->actor) == KEY_LEN && wire_left(&m->origin) < NOTE_NAME_SIZE
		   ? RESULT_OK
		   : RESULT_BAD_FIELD;
}

/* What the command says; the place that both keys signed to is the entry's own. */
static enum result
body_read(const struct key_entry *e, struct made *m)
{
	struct wire ref, body = m->body;

	if (take_bytes(&body, BODY_KEY, &m->key) != 0 || wire_left(&m->key) != KEY_LEN)
		return RESULT_BAD_FIELD;
	if (m->kind == KIND_GENESIS)
		return memcmp(m->key.p, m->actor.p, KEY_LEN) == 0 && e->seq == 1 ? RESULT_OK : RESULT_BAD_FIELD;
	return take_bytes(&body, BODY_REF, &ref) == 0 && take_bytes(&body, BODY_SIGNATURE, &m->proof) == 0 &&
		       take_number(&ref, REF_SEQ, &m->ref_seq) == 0 && take_bytes(&ref, REF_LEAF, &m->leaf) == 0 &&
		       wire_left(&m->proof) == SIG_LEN && wire_left(&m->leaf) == HASH_LEN && e->prev_len == HASH_LEN &&
		       memcmp(m->leaf.p, e->prev, HASH_LEN) == 0 && e->seq > 1 && m->ref_seq == e->seq - 1
		   ? RESULT_OK
		   : RESULT_BAD_FIELD;
}

/* ---- the chain ---- */

void
keychain_begin(struct keychain *k)
{
	/* All of it: auditors write it to their files as it is. */
	memset(k, 0, sizeof(*k));
}

void
keychain_only(struct keychain *k, const struct note_vkey *known)
{
	keychain_begin(k);
	memcpy(k->origin, known->name, sizeof(k->origin));
	memcpy(k->list[0].key, known->pub, KEY_LEN);
	k->n = 1;
}

/* Whether the entry's key follows the last one. */
static int
follows(const struct keychain *k, const struct key_entry *e, const struct made *m)
{
	if (m->kind == KIND_GENESIS)
		return k->n == 0;
	return k->n > 0 && memcmp(m->actor.p, k->list[k->n - 1].key, KEY_LEN) == 0 &&
	       e->seq > k->list[k->n - 1].from && !keychain_has(k, m->key.p) &&
	       wire_left(&m->origin) == strlen(k->origin) &&
	       memcmp(m->origin.p, k->origin, wire_left(&m->origin)) == 0;
}

static enum result
signed_by_both(const struct keychain *k, const struct key_entry *e, const struct made *m)
{
	struct key_change change = {k->origin, m->actor.p, m->key.p, m->ref_seq, m->leaf.p};

	if (e->signature_len != SIG_LEN || act_verify(m->actor.p, e->act, e->act_len, e->signature) != RESULT_OK)
		return RESULT_BAD_SIGNATURE;
	return m->kind == KIND_GENESIS ? RESULT_OK : key_change_verify(&change, m->proof.p);
}

enum result
keychain_take(struct keychain *k, const struct key_entry *e)
{
	struct made m = {.kind = 0};
	enum result err = command_read((struct wire){e->act, e->act + e->act_len}, &m);

	if (err != RESULT_OK || (err = body_read(e, &m)) != RESULT_OK)
		return err;
	if (!follows(k, e, &m))
		return RESULT_BAD_FIELD;
	if (k->n == KEYCHAIN_MAX)
		return RESULT_TOO_MANY;
	if ((err = signed_by_both(k, e, &m)) != RESULT_OK)
		return err;
	if (m.kind == KIND_GENESIS)
		snprintf(k->origin, sizeof(k->origin), "%.*s", (int)wire_left(&m.origin), (const char *)m.origin.p);
	memcpy(k->list[k->n].key, m.key.p, KEY_LEN);
	k->list[k->n++].from = e->seq;
	return RESULT_OK;
}

enum result
keychain_entry(struct keychain *k, const uint8_t *entry, size_t len)
{
	struct wire w = {entry, entry + len}, prev, act, signature = {NULL, NULL};
	uint64_t seq, number;

	if (take_number(&w, ENTRY_SEQ, &seq) != 0 || take_bytes(&w, ENTRY_PREV, &prev) != 0)
		return RESULT_NOT_FOUND;
	(void)take_number(&w, ENTRY_TIME, &number);
	(void)take_number(&w, ENTRY_RULES, &number);
	(void)take_number(&w, ENTRY_SEMANTICS, &number);
	if (take_bytes(&w, ENTRY_ACT, &act) != 0)
		return RESULT_NOT_FOUND;
	(void)take_bytes(&w, ENTRY_SIGNATURE, &signature);
	return keychain_take(k, &(struct key_entry){seq, prev.p, act.p, signature.p, wire_left(&prev), wire_left(&act),
				    wire_left(&signature)});
}

enum result
keychain_file(struct keychain *k, const uint8_t *bytes, size_t len)
{
	enum result err;

	for (size_t at = 0; at < len;) {
		size_t n = len - at < 2 ? 0 : (size_t)(bytes[at] << 8 | bytes[at + 1]);

		if (n == 0 || n > len - at - 2)
			return RESULT_BAD_FIELD;
		if ((err = keychain_entry(k, bytes + at + 2, n)) != RESULT_OK)
			return err == RESULT_NOT_FOUND ? RESULT_BAD_FIELD : err;
		at += n + 2;
	}
	return RESULT_OK;
}

int
keychain_has(const struct keychain *k, const uint8_t key[KEY_LEN])
{
	for (size_t i = 0; i < k->n; i++)
		if (memcmp(k->list[i].key, key, KEY_LEN) == 0)
			return 1;
	return 0;
}

int
keychain_knows(const struct keychain *k, const struct note_vkey *key)
{
	return strcmp(k->origin, key->name) == 0 && keychain_has(k, key->pub);
}

int
keychain_within(const struct keychain *part, const struct keychain *whole)
{
	size_t at = 0;

	/* The first key of a part may be any, where its entry is not known. */
	while (at < whole->n && memcmp(whole->list[at].key, part->list[0].key, KEY_LEN) != 0)
		at++;
	if (strcmp(part->origin, whole->origin) != 0 || part->n > whole->n - at)
		return 0;
	for (size_t i = 0; i < part->n; i++)
		if (memcmp(part->list[i].key, whole->list[at + i].key, KEY_LEN) != 0 ||
		    (part->list[i].from != 0 && part->list[i].from != whole->list[at + i].from))
			return 0;
	return 1;
}

size_t
keychain_at(const struct keychain *k, uint64_t size)
{
	size_t i = k->n - 1;

	while (i > 0 && k->list[i].from > size)
		i--;
	return i;
}

void
keychain_vkey(const struct keychain *k, uint64_t size, struct note_vkey *out)
{
	note_vkey_make(out, k->origin, NOTE_TYPE_ED25519, k->list[keychain_at(k, size)].key);
}

enum result
keychain_vkey_text(const struct keychain *k, uint64_t size, char out[NOTE_VKEY_SIZE])
{
	return note_vkey_format(out, NOTE_VKEY_SIZE, k->origin, k->list[keychain_at(k, size)].key);
}

enum result
keychain_checkpoint(const struct keychain *k, const char *text, size_t len, struct checkpoint *out)
{
	struct note_vkey key;
	struct checkpoint c;
	enum result err = checkpoint_parse(text, len, &c);

	if (err != RESULT_OK)
		return err;
	keychain_vkey(k, c.size, &key);
	return checkpoint_parse_verify(text, len, &key, out);
}
