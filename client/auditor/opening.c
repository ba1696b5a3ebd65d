/* Whether a text that a station opened is what its ledger committed to. */
#include <string.h>

#include "client/auditor/auditor_int.h"
#include "daemon/codec/act.h"
#include "daemon/codec/commitment.h"
#include "daemon/codec/entry.h"
#include "proto/canonical.h"
#include "timebox/v1/rpc.pb-c.h"

struct opened {
	const Timebox__V1__Entry *entry;
	struct act act;
};

static enum result
wrong(const char **why, const char *text)
{
	*why = text;
	return RESULT_CORRUPT;
}

static enum result
entry_read(const ProtobufCBinaryData *bytes, const char *origin, struct arena *arena, struct opened *out,
    const char **why)
{
	struct act_fault fault;
	enum result err = entry_decode(bytes->data, bytes->len, arena, &out->entry);

	if (err == RESULT_OK)
		err = act_decode(out->entry->act.data, out->entry->act.len, origin, 0, arena, &out->act, &fault);
	if (err == RESULT_WRONG_ORIGIN)
		return wrong(why, _("it is of another ledger"));
	return err == RESULT_OK || err == RESULT_NO_MEMORY ? err : wrong(why, _("its entries are none"));
}

/* Whether this command opens what stands at this place of that entry. */
static bool
opens(const struct command *c, const Timebox__V1__Opening *m, const struct auditor_opening *o)
{
	return c->kind == COMMAND_TEXT_OPEN && c->ref.seq == o->entry_seq && c->ref.index == m->command &&
	    c->row == m->row && memcmp(c->ref.leaf, o->entry_leaf, HASH_LEN) == 0;
}

static enum result
text_check(const ProtobufCBinaryData *key, const ProtobufCBinaryData *text, const struct commitment *found,
    struct arena *arena, const ProtobufCMessage **out, const char **why)
{
	struct sha256_part part = {text->data, text->len};
	uint8_t hash[HASH_LEN];
	ProtobufCMessage *unpacked;
	enum result err;

	if (found->bytes == NULL)
		return wrong(why, _("the entry commits to nothing there"));
	if (key->len == KEY_LEN)
		hmac_sha256(key->data, key->len, &part, 1, hash);
	if (key->len != KEY_LEN || memcmp(hash, found->bytes, HASH_LEN) != 0)
		return wrong(why, _("the text is not what the entry committed to"));
	err = canonical_unpack(found->form, arena, text->data, text->len, &unpacked);
	if (err != RESULT_OK)
		return err == RESULT_NO_MEMORY ? err : wrong(why, _("the text is none of its kind"));
	*out = unpacked;
	return RESULT_OK;
}

/* The TextOpen of this opening, and its reference. */
static enum result
ground_check(const Timebox__V1__Opening *m, const struct opened *opening, struct arena *arena,
    struct auditor_opening *o, const char **why)
{
	const ProtobufCMessage *reference;
	struct commitment found;
	uint32_t i = 0;
	enum result err;

	while (i < opening->act.n_commands && !opens(&opening->act.commands[i], m, o))
		i++;
	if (i == opening->act.n_commands)
		return wrong(why, _("its first entry opens something else"));
	commitment_find(opening->entry, &opening->act, i, 0, &found);
	if ((err = text_check(&m->reference_key, &m->reference, &found, arena, &reference, why)) != RESULT_OK)
		return err;
	o->member = opening->act.commands[i].member;
	o->ground = opening->act.commands[i].ground;
	o->reference = ((const Timebox__V1__NameText *)(const void *)reference)->name;
	return RESULT_OK;
}

static enum result
opening_check(const Timebox__V1__Opening *m, const char *origin, struct arena *arena,
    struct auditor_opening *o, const char **why)
{
	struct opened opening, entry;
	struct commitment found;
	enum result err;

	if ((err = entry_read(&m->opening, origin, arena, &opening, why)) != RESULT_OK ||
	    (err = entry_read(&m->entry, origin, arena, &entry, why)) != RESULT_OK)
		return err;
	tree_leaf_hash(m->opening.data, m->opening.len, o->leaf);
	tree_leaf_hash(m->entry.data, m->entry.len, o->entry_leaf);
	o->seq = opening.entry->seq;
	o->time_us = opening.entry->time_us;
	o->entry_seq = entry.entry->seq;
	o->entry_time_us = entry.entry->time_us;
	commitment_find(entry.entry, &entry.act, m->command, m->row, &found);
	if ((err = ground_check(m, &opening, arena, o, why)) != RESULT_OK ||
	    (err = text_check(&m->key, &m->text, &found, arena, &o->text, why)) != RESULT_OK)
		return err;
	if (o->member != found.member)
		return wrong(why, _("the text is of another member than the opening says"));
	o->kind = entry.act.commands[m->command].kind;
	return RESULT_OK;
}

enum result
auditor_opening(const uint8_t *bytes, size_t n, const char *origin, struct arena *arena,
    struct auditor_opening *out, const char **why)
{
	const Timebox__V1__Opening *m;
	ProtobufCMessage *unpacked;
	enum result err = canonical_unpack(&timebox__v1__opening__descriptor, arena, bytes, n, &unpacked);

	if (err != RESULT_OK)
		return err == RESULT_NO_MEMORY ? err : wrong(why, _("it is no opening"));
	m = (const Timebox__V1__Opening *)(const void *)unpacked;
	*out = (struct auditor_opening){.command = m->command,
	    .row = m->row,
	    .proof = m->opening_proof,
	    .entry_proof = m->entry_proof};
	return opening_check(m, origin, arena, out, why);
}
