#include "daemon/engine/texts.h"

#include <string.h>
#include <unistr.h>

#include "daemon/codec/commitment.h"
#include "daemon/engine/texts_int.h"
#include "proto/canonical.h"
#include "proto/crypto.h"

static void
be16(uint8_t *out, uint32_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

void
texts_be64(uint8_t out[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--) {
		out[i] = (uint8_t)v;
		v >>= 8;
	}
}

void
texts_private_key(uint8_t out[PRIVATE_KEY_LEN], const uint8_t id[16], uint32_t command, uint32_t row)
{
	memcpy(out, id, 16);
	be16(out + 16, command);
	be16(out + 18, row);
}

int
texts_number_valid(const char *number)
{
	/* ISO 7064 MOD 11,10. */
	unsigned p = 10;

	if (strlen(number) != 8)
		return 0;
	for (int i = 0; i < 8; i++) {
		unsigned d = (unsigned)(number[i] - '0'), s;

		if (d > 9)
			return 0;
		if (i == 7)
			return (p + d) % 10 == 1;
		s = (p + d) % 10;
		p = (s == 0 ? 10 : s) * 2 % 11;
	}
	return 0;
}

/* ---- which text a command's commitment stands for ---- */

/* One place of an act where a commitment may stand. */
struct place {
	const struct command *c;
	uint32_t command;
	uint32_t row;
	const uint8_t *commitment;
	const ProtobufCMessageDescriptor *desc;
};

static int
is_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

/* Visits the places with a commitment, in order of command and row. */
typedef enum result (*place_fn)(void *ctx, const struct place *place);
static enum result
places_each(const struct act *act, place_fn fn, void *ctx)
{
	enum result err;

	for (uint32_t i = 0; i < act->n_commands; i++) {
		const struct command *c = &act->commands[i];
		struct place p = {c, i, 0, c->commitment, commitment_form(c->kind)};

		if (!is_zero(c->commitment, 32) && (err = fn(ctx, &p)) != RESULT_OK)
			return err;
		for (uint32_t r = 0; r < c->n_rows; r++) {
			p.row = r;
			p.commitment = c->rows[r].commitment;
			if (!is_zero(p.commitment, 32) && (err = fn(ctx, &p)) != RESULT_OK)
				return err;
		}
	}
	return RESULT_OK;
}

/* ---- checking ---- */

struct check {
	struct people *people;
	const Timebox__V1__Private *texts;
	struct arena *arena;
	uint32_t *command;
	const char **field;
	/* Texts come in the order of their places: each is looked at once. */
	size_t next;
};

static enum result
refuse(struct check *k, enum result err, const char *field)
{
	*k->field = field;
	return err;
}

/* Whether an earlier command of the same kind in this act has a text that begins with the same `n`
 * bytes (0: the same text). */
static int
seen_in_act(const struct check *k, const struct place *p, size_t n)
{
	const struct command *commands = p->c - p->command;
	const Timebox__V1__PrivateText *mine = k->texts->texts[k->next - 1];

	for (size_t i = 0; i + 1 < k->next; i++) {
		const Timebox__V1__PrivateText *t = k->texts->texts[i];
		size_t len = n == 0 ? mine->text.len : n;

		if (commands[t->command].kind == p->c->kind &&
		    commands[t->command].term == p->c->term && (n != 0 || t->text.len == len) &&
		    t->text.len >= len && mine->text.len >= len &&
		    memcmp(t->text.data, mine->text.data, len) == 0)
			return 1;
	}
	return 0;
}

static enum result
number_free(struct check *k, const struct place *p, const char *number)
{
	uint64_t have;
	enum result err;

	if (!texts_number_valid(number))
		return refuse(k, RESULT_BAD_FIELD, "number");
	/* A canonical PersonText begins with the number: tag, length 8, digits. */
	if (seen_in_act(k, p, 10))
		return refuse(k, RESULT_EXISTS, "number");
	err = texts_member_by_number(k->people, number, &have);
	if (p->c->kind == COMMAND_MEMBER_UPDATE)
		return err == RESULT_OK && have == p->c->member
			   ? RESULT_OK
			   : refuse(k, RESULT_BAD_FIELD, "number");
	return err == RESULT_NOT_FOUND ? RESULT_OK
	       : err == RESULT_OK      ? refuse(k, RESULT_EXISTS, "number")
				       : err;
}

static enum result
name_check(struct check *k, const struct place *p, const Timebox__V1__NameText *text)
{
	uint32_t term;
	uint64_t id;
	enum result err = RESULT_NOT_FOUND;

	if (*text->name == 0 || strlen(text->name) > 256)
		return refuse(k, RESULT_BAD_FIELD, "name");
	if ((p->c->kind == COMMAND_TERM_ADD || p->c->kind == COMMAND_BENEFICIARY_ADD) &&
	    (strlen(text->name) > 250 || seen_in_act(k, p, 0)))
		return refuse(k, RESULT_EXISTS, "name");
	if (p->c->kind == COMMAND_TERM_ADD)
		err = texts_term_by_name(k->people, (enum term_kind)p->c->term, text->name, &term);
	if (p->c->kind == COMMAND_BENEFICIARY_ADD)
		err = texts_beneficiary(k->people, text->name, &id);
	return err == RESULT_NOT_FOUND ? RESULT_OK
	       : err == RESULT_OK      ? refuse(k, RESULT_EXISTS, "name")
				       : err;
}

static enum result
form_check(struct check *k, const struct place *p, ProtobufCMessage *m)
{
	if (p->desc == &timebox__v1__person_text__descriptor)
		return number_free(k, p, ((Timebox__V1__PersonText *)(void *)m)->number);
	if (p->desc == &timebox__v1__name_text__descriptor)
		return name_check(k, p, (Timebox__V1__NameText *)(void *)m);
	if (p->desc == &timebox__v1__card_text__descriptor) {
		const char *token = ((Timebox__V1__CardText *)(void *)m)->token;
		uint64_t member, seq;
		enum result err;

		if (strlen(token) < 8 || strlen(token) > 64)
			return refuse(k, RESULT_BAD_FIELD, "token");
		err = texts_card(k->people, token, &member, &seq);
		return err == RESULT_NOT_FOUND ? RESULT_OK
		       : err == RESULT_OK      ? refuse(k, RESULT_EXISTS, "token")
					       : err;
	}
	return RESULT_OK;
}

static enum result
place_check(void *ctx, const struct place *p)
{
	struct check *k = ctx;
	const Timebox__V1__PrivateText *t;
	struct sha256_part part;
	ProtobufCMessage *m;
	uint8_t mac[32];
	enum result err;

	*k->command = p->command;
	if (k->texts == NULL || k->next == k->texts->n_texts)
		return refuse(k, RESULT_PRIVATE_MISSING, "texts");
	t = k->texts->texts[k->next++];
	if (t->command != p->command || t->row != p->row)
		return refuse(k, RESULT_PRIVATE_MISSING, "texts");
	if (t->key.len != 32 || t->text.len > TEXT_MAX_BYTES)
		return refuse(k, RESULT_BAD_FIELD, "text");
	part = (struct sha256_part){t->text.data, t->text.len};
	hmac_sha256(t->key.data, 32, &part, 1, mac);
	if (!crypto_equal(mac, p->commitment, 32))
		return refuse(k, RESULT_COMMITMENT, "commitment");
	err = canonical_unpack(p->desc, k->arena, t->text.data, t->text.len, &m);
	if (err != RESULT_OK)
		return refuse(k, err, "text");
	return form_check(k, p, m);
}

enum result
texts_check(struct people *people, const struct act *act, const Timebox__V1__Private *texts,
    struct arena *arena, uint32_t *command, const char **field)
{
	struct check k = {people, texts, arena, command, field, 0};
	enum result err = places_each(act, place_check, &k);

	if (err == RESULT_OK && texts != NULL && k.next != texts->n_texts)
		return refuse(&k, RESULT_BAD_FIELD, "texts");
	return err;
}

static enum result
place_found(void *ctx, const struct place *p)
{
	(void)ctx;
	(void)p;
	return RESULT_EXISTS;
}

int
texts_needed(const struct act *act)
{
	return places_each(act, place_found, NULL) != RESULT_OK;
}

/* ---- storing ---- */

struct store {
	struct people *people;
	const struct act *act;
	const Timebox__V1__Private *texts;
	const struct book_out *out;
	uint64_t seq;
	struct arena *arena;
	size_t next;
	uint32_t n_pending;
};

/*
 * Writes a row, after a pending row that says how to undo it:
 * u64be seq ‖ table (1) ‖ key length (1) ‖ key ‖ there was an old value (1) ‖ old value.
 */
static enum result
put(struct store *s, enum people_table table, const void *key, size_t key_len, const void *value,
    size_t len)
{
	uint8_t pending_key[18], undo[8 + 2 + 255 + 1 + PEOPLE_VALUE_MAX / 2];
	size_t old_len = 0, at = 8;
	enum result err;

	if (key_len > 255)
		return RESULT_BAD_FIELD;
	texts_be64(undo, s->seq);
	undo[at++] = (uint8_t)table;
	undo[at++] = (uint8_t)key_len;
	memcpy(undo + at, key, key_len);
	at += key_len;
	/* The texts themselves are only ever added: no old value to keep. */
	err = table == PEOPLE_PRIVATE ? RESULT_NOT_FOUND
				      : people_get(s->people, table, key, key_len, undo + at + 1,
					    sizeof(undo) - at - 1, &old_len);
	if (err != RESULT_OK && err != RESULT_NOT_FOUND)
		return err;
	undo[at] = err == RESULT_OK;
	memcpy(pending_key, s->act->request_id, 16);
	be16(pending_key + 16, s->n_pending++);
	if ((err = people_put(s->people, PEOPLE_PENDING, pending_key, sizeof(pending_key), undo,
		 at + 1 + old_len)) != RESULT_OK)
		return err;
	return people_put(s->people, table, key, key_len, value, len);
}

/* The id that an effect of this command states. */
static uint64_t
effect_id(const struct store *s, uint32_t command, enum effect_kind kind)
{
	for (uint32_t i = 0; i < s->out->n_effects; i++)
		if (s->out->effects[i].command == command &&
		    s->out->effects[i].kind == (uint32_t)kind)
			return s->out->effects[i].id;
	return 0;
}

static enum result
put_name(struct store *s, enum text_of of, uint64_t id, const uint8_t private[PRIVATE_KEY_LEN])
{
	uint8_t key[9] = {(uint8_t)of};

	texts_be64(key + 1, id);
	return put(s, PEOPLE_NAME, key, sizeof(key), private, PRIVATE_KEY_LEN);
}

static size_t
term_key(uint8_t out[2 + 256], enum term_kind kind, const char *name)
{
	size_t n = strlen(name);

	out[0] = 'n';
	out[1] = (uint8_t)kind;
	memcpy(out + 2, name, n);
	return n + 2;
}

static enum result
put_person(struct store *s, const struct place *p, const Timebox__V1__PersonText *text,
    const uint8_t private[PRIVATE_KEY_LEN])
{
	uint64_t id = p->c->kind == COMMAND_MEMBER_ADD
			  ? effect_id(s, p->command, EFFECT_MEMBER_ADDED)
			  : p->c->member;
	uint8_t key[8], value[8 + PRIVATE_KEY_LEN];
	enum result err;

	texts_be64(key, id);
	memcpy(value, text->number, 8);
	memcpy(value + 8, private, PRIVATE_KEY_LEN);
	if ((err = put(s, PEOPLE_MEMBER, key, 8, value, sizeof(value))) != RESULT_OK)
		return err;
	return put(s, PEOPLE_NUMBER, text->number, 8, &id, sizeof(id));
}

/* The name of a thing that has a code, or that command `command` of this entry made. */
static enum result
put_thing(struct store *s, const struct command *c, uint32_t command,
    const uint8_t private[PRIVATE_KEY_LEN])
{
	switch (c->kind) {
	case COMMAND_PARTNER_SET:
		return put_name(s, TEXT_PARTNER, c->partner, private);
	case COMMAND_ITEM_SET:
		return put_name(s, TEXT_ITEM, c->item, private);
	case COMMAND_SERVICE_ITEM_SET:
		return put_name(s, TEXT_SERVICE_ITEM, c->item, private);
	case COMMAND_ACTIVITY_ADD:
		return put_name(s, TEXT_ACTIVITY, ref_id(s->seq, command), private);
	case COMMAND_DONATION_ADD:
		return put_name(s, TEXT_DONATION, ref_id(s->seq, command), private);
	default:
		return RESULT_OK;
	}
}

static enum result
put_mapping(struct store *s, const struct place *p, ProtobufCMessage *m,
    const uint8_t private[PRIVATE_KEY_LEN])
{
	const Timebox__V1__NameText *name = (const Timebox__V1__NameText *)(void *)m;
	uint8_t key[2 + 256];
	uint64_t id;
	uint32_t term;
	enum result err;

	switch (p->c->kind) {
	case COMMAND_MEMBER_ADD:
	case COMMAND_MEMBER_UPDATE:
		return put_person(s, p, (const Timebox__V1__PersonText *)(void *)m, private);
	case COMMAND_TERM_ADD:
		term = (uint32_t)effect_id(s, p->command, EFFECT_TERM_ADDED);
		if ((err = put_name(s, TEXT_TERM, term, private)) != RESULT_OK)
			return err;
		return put(s, PEOPLE_NAME, key,
		    term_key(key, (enum term_kind)p->c->term, name->name), &term, sizeof(term));
	case COMMAND_BENEFICIARY_ADD:
		id = effect_id(s, p->command, EFFECT_BENEFICIARY_ADDED);
		if ((err = put_name(s, TEXT_BENEFICIARY, id, private)) != RESULT_OK)
			return err;
		return put(s, PEOPLE_BENEFICIARY, name->name, strlen(name->name), &id, sizeof(id));
	case COMMAND_CARD_BIND: {
		const char *token = ((const Timebox__V1__CardText *)(void *)m)->token;
		uint64_t value[2] = {p->c->member, s->seq};

		sha256(token, strlen(token), key);
		return put(s, PEOPLE_CARD, key, 32, value, sizeof(value));
	}
	default:
		return put_thing(s, p->c, p->command, private);
	}
}

static int
is_proposed(const struct store *s, uint32_t command)
{
	for (uint32_t i = 0; i < s->out->n_effects; i++)
		if (s->out->effects[i].command == command &&
		    s->out->effects[i].kind == EFFECT_PROPOSED)
			return 1;
	return 0;
}

static enum result
place_store(void *ctx, const struct place *p)
{
	struct store *s = ctx;
	const Timebox__V1__PrivateText *t = s->texts->texts[s->next++];
	uint8_t key[PRIVATE_KEY_LEN], value[PRIVATE_MAX];
	ProtobufCMessage *m;
	enum result err;

	texts_private_key(key, s->act->request_id, p->command, p->row);
	memcpy(value, t->key.data, 32);
	memcpy(value + 32, t->text.data, t->text.len);
	if (p->c->kind == COMMAND_CARD_BIND) {
		/* Of a card only the digest is kept: the token itself is forgotten here. */
		sha256(t->text.data, t->text.len, value + 32);
		if ((err = put(s, PEOPLE_PRIVATE, key, sizeof(key), value, 64)) != RESULT_OK)
			return err;
	} else if ((err = put(s, PEOPLE_PRIVATE, key, sizeof(key), value, 32 + t->text.len)) !=
		   RESULT_OK) {
		return err;
	}
	/* What is only proposed gives nothing a name yet. */
	if (is_proposed(s, p->command))
		return RESULT_OK;
	err = canonical_unpack(p->desc, s->arena, t->text.data, t->text.len, &m);
	return err != RESULT_OK ? err : put_mapping(s, p, m, key);
}

enum result
texts_store(struct people *people, const struct act *act, const Timebox__V1__Private *texts,
    const struct book_out *out, uint64_t seq, struct arena *arena)
{
	struct store s = {people, act, texts, out, seq, arena, 0, 0};

	return places_each(act, place_store, &s);
}

/* Pending rows of approvals are numbered from here, beyond those of the act's own texts. */
#define APPLIED_PENDING 0x8000u

enum result
texts_apply(struct people *people, const uint8_t request_id[16], uint32_t command, uint64_t seq,
    const struct act *proposal, uint32_t index)
{
	struct act act = {.n_commands = 0};
	struct store s = {.people = people, .act = &act, .seq = seq};
	uint8_t key[PRIVATE_KEY_LEN];

	memcpy(act.request_id, request_id, 16);
	s.n_pending = APPLIED_PENDING + command;
	texts_private_key(key, proposal->request_id, index, 0);
	return put_thing(&s, &proposal->commands[index], command, key);
}

/* ---- pending rows ---- */

#define SETTLE_SLICE 64

struct pending_keys {
	uint8_t key[SETTLE_SLICE][18];
	/* Big-endian, as it is stored: seq and the row's number within its act. */
	uint8_t order[SETTLE_SLICE][10];
	size_t n;
};

static enum result
pending_note(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct pending_keys *keys = ctx;

	(void)value;
	(void)len;
	if (key_len == 18 && keys->n < SETTLE_SLICE)
		memcpy(keys->key[keys->n++], key, 18);
	return RESULT_OK;
}

enum result
texts_settled(struct people *people, const uint8_t request_id[16])
{
	struct pending_keys keys;
	enum result err;

	do {
		keys.n = 0;
		err = people_each(people, PEOPLE_PENDING, request_id, 16, pending_note, &keys);
		for (size_t i = 0; i < keys.n && err == RESULT_OK; i++)
			err = people_delete(people, PEOPLE_PENDING, keys.key[i], 18);
	} while (err == RESULT_OK && keys.n == SETTLE_SLICE);
	return err;
}

/* Puts back what one pending row says. */
static enum result
undo_one(struct people *people, const uint8_t key[18])
{
	uint8_t row[8 + 2 + 255 + 1 + PEOPLE_VALUE_MAX], *undo = row + 8;
	size_t len, at;
	enum result err = people_get(people, PEOPLE_PENDING, key, 18, row, sizeof(row), &len);

	if (err != RESULT_OK)
		return err;
	if (len < 8 + 3)
		return RESULT_CORRUPT;
	len -= 8;
	if (undo[0] >= PEOPLE_TABLES || len < 3u + undo[1])
		return RESULT_CORRUPT;
	at = 2u + undo[1];
	if (undo[at])
		err = people_put(people, (enum people_table)undo[0], undo + 2, undo[1],
		    undo + at + 1, len - at - 1);
	else
		err = people_delete(people, (enum people_table)undo[0], undo + 2, undo[1]);
	return err != RESULT_OK ? err : people_delete(people, PEOPLE_PENDING, key, 18);
}

/* Keeps the newest rows of those visited, newest first. */
static enum result
pending_newest(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct pending_keys *keys = ctx;
	uint8_t order[10];
	size_t i;

	if (key_len != 18 || len < 8)
		return RESULT_CORRUPT;
	memcpy(order, value, 8);
	memcpy(order + 8, key + 16, 2);
	for (i = keys->n; i > 0 && memcmp(keys->order[i - 1], order, sizeof(order)) < 0; i--)
		if (i < SETTLE_SLICE) {
			memcpy(keys->order[i], keys->order[i - 1], sizeof(order));
			memcpy(keys->key[i], keys->key[i - 1], 18);
		}
	if (i == SETTLE_SLICE)
		return RESULT_OK;
	memcpy(keys->order[i], order, sizeof(order));
	memcpy(keys->key[i], key, 18);
	keys->n += keys->n < SETTLE_SLICE;
	return RESULT_OK;
}

enum result
texts_sweep(struct people *people, int (*known)(void *ctx, const uint8_t id[16]), void *ctx,
    uint64_t *undone)
{
	struct pending_keys keys;
	enum result err;

	*undone = 0;
	do {
		keys.n = 0;
		err = people_each(people, PEOPLE_PENDING, "", 0, pending_newest, &keys);
		/* Newest first: where a row was written twice, the first old value is put back last. */
		for (size_t i = 0; i < keys.n && err == RESULT_OK; i++) {
			if (known(ctx, keys.key[i])) {
				err = people_delete(people, PEOPLE_PENDING, keys.key[i], 18);
			} else {
				err = undo_one(people, keys.key[i]);
				++*undone;
			}
		}
	} while (err == RESULT_OK && keys.n > 0);
	return err != RESULT_OK ? err : people_commit(people);
}

/* ---- looking up ---- */

enum result
texts_member_by_number(struct people *people, const char *number, uint64_t *member)
{
	size_t len;

	if (strlen(number) != 8)
		return RESULT_NOT_FOUND;
	return people_get(people, PEOPLE_NUMBER, number, 8, member, sizeof(*member), &len);
}

static enum result
member_row(struct people *people, uint64_t member, uint8_t out[8 + PRIVATE_KEY_LEN])
{
	uint8_t key[8];
	size_t len;

	texts_be64(key, member);
	return people_get(people, PEOPLE_MEMBER, key, 8, out, 8 + PRIVATE_KEY_LEN, &len);
}

/* The number, and the key of the text. */
static enum result
number_read(
    struct people *people, uint64_t member, char number[9], uint8_t key[PRIVATE_KEY_LEN])
{
	uint8_t row[8 + PRIVATE_KEY_LEN];
	enum result err = member_row(people, member, row);

	number[0] = 0;
	if (err != RESULT_OK)
		return err;
	memcpy(number, row, 8);
	number[8] = 0;
	memcpy(key, row + 8, PRIVATE_KEY_LEN);
	return RESULT_OK;
}

enum result
texts_number(struct people *people, uint64_t member, char out[9])
{
	uint8_t key[PRIVATE_KEY_LEN];

	return number_read(people, member, out, key);
}

/* Reads and decodes the text under a key of PRIVATE. */
static enum result
text_read(struct people *people, const uint8_t key[PRIVATE_KEY_LEN],
    const ProtobufCMessageDescriptor *desc, struct arena *arena, ProtobufCMessage **out)
{
	uint8_t value[PRIVATE_MAX];
	size_t len;
	enum result err =
	    people_get(people, PEOPLE_PRIVATE, key, PRIVATE_KEY_LEN, value, sizeof(value), &len);

	if (err != RESULT_OK)
		return err;
	return len < 32 ? RESULT_CORRUPT : canonical_unpack(desc, arena, value + 32, len - 32, out);
}

enum result
texts_person(struct people *people, uint64_t member, char number[9], struct arena *arena,
    const Timebox__V1__PersonText **out)
{
	uint8_t key[PRIVATE_KEY_LEN];
	ProtobufCMessage *m;
	enum result err = number_read(people, member, number, key);

	if (err == RESULT_OK)
		err = text_read(people, key, &timebox__v1__person_text__descriptor, arena, &m);
	if (err == RESULT_OK)
		*out = (const Timebox__V1__PersonText *)(void *)m;
	return err;
}

enum result
texts_name(struct people *people, enum text_of of, uint64_t id, struct arena *arena,
    const Timebox__V1__NameText **out)
{
	uint8_t key[9] = {(uint8_t)of}, at[PRIVATE_KEY_LEN];
	ProtobufCMessage *m;
	size_t len;
	enum result err;

	texts_be64(key + 1, id);
	err = people_get(people, PEOPLE_NAME, key, sizeof(key), at, sizeof(at), &len);
	if (err == RESULT_OK)
		err = text_read(people, at, &timebox__v1__name_text__descriptor, arena, &m);
	if (err == RESULT_OK)
		*out = (const Timebox__V1__NameText *)(void *)m;
	return err;
}

enum result
texts_term_by_name(struct people *people, enum term_kind kind, const char *name, uint32_t *term)
{
	uint8_t key[2 + 256];
	size_t len;

	if (strlen(name) == 0 || strlen(name) > 250)
		return RESULT_NOT_FOUND;
	return people_get(
	    people, PEOPLE_NAME, key, term_key(key, kind, name), term, sizeof(*term), &len);
}

enum result
texts_beneficiary(struct people *people, const char *reference, uint64_t *id)
{
	size_t len;

	if (strlen(reference) == 0 || strlen(reference) > 250)
		return RESULT_NOT_FOUND;
	return people_get(
	    people, PEOPLE_BENEFICIARY, reference, strlen(reference), id, sizeof(*id), &len);
}

enum result
texts_card(struct people *people, const char *token, uint64_t *member, uint64_t *seq)
{
	uint64_t value[2];
	uint8_t digest[32];
	size_t len;
	enum result err;

	sha256(token, strlen(token), digest);
	err = people_get(people, PEOPLE_CARD, digest, 32, value, sizeof(value), &len);
	if (err == RESULT_OK) {
		*member = value[0];
		*seq = value[1];
	}
	return err;
}

struct each {
	texts_fn fn;
	void *ctx;
};

static enum result
each_text(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	const struct each *e = ctx;

	if (key_len != PRIVATE_KEY_LEN || len < 32)
		return RESULT_CORRUPT;
	return e->fn(e->ctx, (uint32_t)key[16] << 8 | key[17], (uint32_t)key[18] << 8 | key[19],
	    value, value + 32, len - 32);
}

enum result
texts_each(struct people *people, const uint8_t request_id[16], texts_fn fn, void *ctx)
{
	struct each e = {fn, ctx};

	return people_each(people, PEOPLE_PRIVATE, request_id, 16, each_text, &e);
}

enum result
texts_there(struct people *people, const uint8_t request_id[16], uint32_t command, uint32_t row)
{
	uint8_t key[PRIVATE_KEY_LEN], value[PRIVATE_MAX];
	size_t len;

	texts_private_key(key, request_id, command, row);
	return people_get(people, PEOPLE_PRIVATE, key, sizeof(key), value, sizeof(value), &len);
}
