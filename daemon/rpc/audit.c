/* The ledger itself: entries as stored, signed checkpoints, receipts, the texts that commitments stand for. */
#include <string.h>

#include "daemon/rpc/rpc_int.h"
#include "proto/note.h"

#define ENTRIES_MAX 1000
/* Of entries in one answer, so that it fits a frame. */
#define ENTRIES_BYTES (900u * 1024)

enum result
call_get_entries(struct call *c)
{
	const Timebox__V1__GetEntries *ask = c->ask->get_entries;
	uint32_t limit = ask->limit == 0 || ask->limit > ENTRIES_MAX ? ENTRIES_MAX : ask->limit;
	Timebox__V1__Entries *out = call_message(c, &timebox__v1__entries__descriptor);
	uint64_t last = engine_last_seq(c->rpc->engine);
	size_t total = 0;
	enum result err;

	if (ask->from_seq == 0)
		return call_bad_field(c, "from_seq");
	if (out == NULL || (out->entries = call_alloc(c, limit * sizeof(*out->entries))) == NULL)
		return RESULT_NO_MEMORY;
	for (uint64_t seq = ask->from_seq; seq <= last && out->n_entries < limit; seq++) {
		size_t mark = c->arena->used, len;
		uint8_t *bytes = arena_alloc(c->arena, ENTRY_MAX_BYTES);

		if (bytes == NULL)
			return RESULT_NO_MEMORY;
		if ((err = engine_entry(c->rpc->engine, seq, bytes, ENTRY_MAX_BYTES, &len)) != RESULT_OK)
			return err;
		if (total + len > ENTRIES_BYTES)
			break;
		total += len;
		/* What the entry did not need is handed out again; the bytes stay where they are. */
		c->arena->used = mark;
		bytes = arena_alloc(c->arena, len);
		out->entries[out->n_entries++] = (ProtobufCBinaryData){ len, bytes };
	}
	out->last_seq = last;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_ENTRIES;
	c->answer->entries = out;
	return RESULT_OK;
}

enum result
call_get_ledger_keys(struct call *c)
{
	Timebox__V1__LedgerKeys *out = call_message(c, &timebox__v1__ledger_keys__descriptor);
	struct keychain keys;
	enum result err;

	engine_keychain(c->rpc->engine, &keys);
	if (out == NULL || (out->entries = call_alloc(c, keys.n * sizeof(*out->entries))) == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < keys.n; i++) {
		uint8_t *bytes = call_alloc(c, KEYCHAIN_ENTRY_MAX);
		size_t len;

		if (bytes == NULL)
			return RESULT_NO_MEMORY;
		if ((err = engine_entry(c->rpc->engine, keys.list[i].from, bytes, KEYCHAIN_ENTRY_MAX, &len)) != RESULT_OK)
			return err;
		out->entries[out->n_entries++] = (ProtobufCBinaryData){ len, bytes };
	}
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_LEDGER_KEYS;
	c->answer->ledger_keys = out;
	return RESULT_OK;
}

enum result
call_get_checkpoint(struct call *c)
{
	Timebox__V1__Checkpoint *out = call_message(c, &timebox__v1__checkpoint__descriptor);
	const struct witnesses *w = c->rpc->witnesses;
	const struct engine_checkpoint *checkpoint;
	enum result err;

	if (out == NULL || (out->note = call_alloc(c, WITNESSED_SIZE)) == NULL)
		return RESULT_NO_MEMORY;
	if ((err = engine_signed(c->rpc->engine, &checkpoint)) != RESULT_OK)
		return err;
	witnesses_lines(w, checkpoint, out->note);
	out->quorum = w->quorum;
	out->soon = witnesses_answer(w);
	if (w->witnessed.size > 0)
		out->witnessed = call_text(c, w->witnessed_note);
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_CHECKPOINT;
	c->answer->checkpoint = out;
	return RESULT_OK;
}

/* The entry of an act that the asker may know of: their own key's; staff and auditors, anybody's. *own: it is the asker's. */
static enum result
own_entry(struct call *c, uint64_t seq, int *own)
{
	struct call_entry e;
	enum result err = call_entry(c, seq, &e);

	if (err != RESULT_OK)
		return err;
	*own = e.act->actor_key.len == 32 &&
	       memcmp(e.act->actor_key.data, net_conn_key(c->peer->conn), 32) == 0;
	return *own || c->role == ROLE_STAFF || c->role == ROLE_AUDITOR ? RESULT_OK : RESULT_NOT_FOUND;
}

enum result
call_get_receipt(struct call *c)
{
	const ProtobufCBinaryData *id = &c->ask->get_receipt->request_id;
	Timebox__V1__Receipt *receipt;
	uint64_t seq;
	enum result err;
	int own;

	if (id->len != 16)
		return call_bad_field(c, "request_id");
	if ((seq = engine_seq_of(c->rpc->engine, id->data)) == 0)
		return RESULT_NOT_FOUND;
	if ((err = own_entry(c, seq, &own)) != RESULT_OK ||
	    (err = engine_receipt(c->rpc->engine, seq, c->arena, &receipt)) != RESULT_OK)
		return err;
	/* Vouchers and slips are for whoever asked for them. */
	if (!own)
		receipt->n_codes = 0;
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_RECEIPT;
	c->answer->receipt = receipt;
	return RESULT_OK;
}

/* By which checkpoint it is proved, and its note with the lines that it has. */
static enum result
proof_checkpoint(struct call *c, int witnessed, struct engine_checkpoint *out, char note[WITNESSED_SIZE])
{
	const struct witnesses *w = c->rpc->witnesses;
	const struct engine_checkpoint *newest;
	enum result err = engine_signed(c->rpc->engine, &newest);

	if (err != RESULT_OK)
		return err;
	*out = *newest;
	if (!witnessed) {
		witnesses_lines(w, newest, note);
		return RESULT_OK;
	}
	if (w->witnessed.size == 0)
		return RESULT_NOT_FOUND;
	out->size = w->witnessed.size;
	memcpy(out->root, w->witnessed.root, sizeof(out->root));
	memcpy(note, w->witnessed_note, WITNESSED_SIZE);
	return RESULT_OK;
}

enum result
proof_make(struct call *c, uint64_t seq, int witnessed, uint8_t leaf[32], char **out)
{
	struct engine_checkpoint checkpoint;
	char note[WITNESSED_SIZE];
	uint8_t path[TREE_PATH_MAX][32];
	size_t n;
	enum result err;

	if ((*out = call_alloc(c, RECEIPT_MAX_BYTES)) == NULL)
		return RESULT_NO_MEMORY;
	if ((err = proof_checkpoint(c, witnessed, &checkpoint, note)) != RESULT_OK ||
	    (err = engine_prove_entry(c->rpc->engine, seq, &checkpoint, leaf, path, &n)) != RESULT_OK)
		return err;
	return receipt_format(*out, RECEIPT_MAX_BYTES, seq - 1, leaf, (const uint8_t(*)[32])path, n, note);
}

enum result
call_get_proof(struct call *c)
{
	const Timebox__V1__GetProof *ask = c->ask->get_proof;
	Timebox__V1__Proof *out = call_message(c, &timebox__v1__proof__descriptor);
	uint8_t leaf[32];
	uint64_t seq = ask->seq;
	enum result err;
	int own;

	if (ask->request_id.len != 0 && ask->request_id.len != 16)
		return call_bad_field(c, "request_id");
	if ((ask->request_id.len != 0) == (seq != 0))
		return call_bad_field(c, "seq");
	if (seq == 0 && (seq = engine_seq_of(c->rpc->engine, ask->request_id.data)) == 0)
		return RESULT_NOT_FOUND;
	if (out == NULL || (out->short_form = call_alloc(c, RECEIPT_SHORT_SIZE)) == NULL)
		return RESULT_NO_MEMORY;
	if ((err = own_entry(c, seq, &own)) != RESULT_OK ||
	    (err = proof_make(c, seq, ask->witnessed, leaf, &out->proof)) != RESULT_OK)
		return err;
	receipt_short(out->short_form, seq, leaf);
	out->seq = seq;
	out->leaf = call_bytes(c, leaf, 32);
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_PROOF;
	c->answer->proof = out;
	return RESULT_OK;
}

/* ---- texts ---- */

struct texts_list {
	struct call *c;
	Timebox__V1__Texts *out;
	size_t cap;
};

static enum result
text_add(void *ctx, uint32_t command, uint32_t row, const uint8_t *key, const uint8_t *text, size_t len)
{
	struct texts_list *l = ctx;
	Timebox__V1__Text *t = call_message(l->c, &timebox__v1__text__descriptor);

	if (t == NULL)
		return RESULT_NO_MEMORY;
	if (l->out->n_texts == l->cap)
		return RESULT_TOO_MANY;
	/* The key proves the text to anybody: that takes an opening, of which the person learns. */
	(void)key;
	t->command = command;
	t->row = row;
	t->text = call_bytes(l->c, text, len);
	l->out->texts[l->out->n_texts++] = t;
	return RESULT_OK;
}

enum result
call_get_texts(struct call *c)
{
	struct texts_list l = { c, call_message(c, &timebox__v1__texts__descriptor), ACT_MAX_COMMANDS };
	struct call_entry e;
	enum result err;

	if (l.out == NULL || (l.out->texts = call_alloc(c, l.cap * sizeof(*l.out->texts))) == NULL)
		return RESULT_NO_MEMORY;
	if ((err = call_entry(c, c->ask->get_texts->seq, &e)) != RESULT_OK)
		return err;
	if (e.act->request_id.len != 16)
		return RESULT_CORRUPT;
	err = texts_each(engine_people(c->rpc->engine), e.act->request_id.data, text_add, &l);
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_TEXTS;
	c->answer->texts = l.out;
	return err;
}
