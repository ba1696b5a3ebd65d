/*
 * The ledger's key, changed: an entry signed by the key before, which names the new one and carries its signature.
 *
 *   keys/ledger.new durable ─▶ entry durable ─▶ keys/ledger overwritten ─▶ keys/ledger.new renamed to keys/ledger
 *
 * Cut off anywhere, the next start does what the entries say: the file whose key they name last stays and is keys/ledger,
 * the other is overwritten and gone. The key before is not kept: nothing is signed with it any more, and who finds it later
 * could sign another past. A restored backup has the keys of its own time.
 */
#include <string.h>

#include "daemon/engine/engine_int.h"
#include "daemon/ops/log.h"

_Static_assert(LEDGER_KEYS_MAX == KEYCHAIN_MAX, "what the book accepts a chain holds");

enum result
ledger_key_settle(struct engine *e)
{
	const struct station *station = book_station(&e->source);
	enum result err = station == NULL ? RESULT_CORRUPT : keys_settle(e->dir, station->ledger_key, &e->keys);

	return err != RESULT_OK ? err
				: note_vkey_format(e->vkey, sizeof(e->vkey), e->origin, e->keys.ledger_pub);
}

/* In order of their entries. */
static void
gather_key(void *ctx, const struct row_key *key, const void *value)
{
	const struct ledger_key_row *row = value;
	struct keychain *k = ctx;
	size_t at = k->n++;

	for (; at > 0 && k->list[at - 1].from > row->from; at--)
		k->list[at] = k->list[at - 1];
	k->list[at].from = row->from;
	memcpy(k->list[at].key, &key->a, KEY_LEN);
}

void
engine_keychain(const struct engine *e, struct keychain *out)
{
	keychain_begin(out);
	memcpy(out->origin, e->origin, sizeof(out->origin));
	engine_each(e, TABLE_LEDGER_KEY, gather_key, out);
}

/* The entry, by the key before. */
static enum result
change_enter(struct engine *e, const uint8_t seed[SEED_LEN], uint8_t pub[KEY_LEN])
{
	const struct key_change change = {
	    e->origin, e->keys.ledger_pub, pub, ledger_last_seq(e->ledger), e->meta.last_leaf};
	Timebox__V1__LedgerKey body;
	Timebox__V1__Command command;
	Timebox__V1__Ref ref;
	uint8_t signature[SIG_LEN];
	enum result err = key_change_sign(&change, seed, signature);

	if (err != RESULT_OK)
		return err;
	timebox__v1__command__init(&command);
	timebox__v1__ledger_key__init(&body);
	timebox__v1__ref__init(&ref);
	ref.seq = change.seq;
	ref.leaf = (ProtobufCBinaryData){HASH_LEN, e->meta.last_leaf};
	body.key = (ProtobufCBinaryData){KEY_LEN, pub};
	body.ref = &ref;
	body.signature = (ProtobufCBinaryData){SIG_LEN, signature};
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_LEDGER_KEY;
	command.ledger_key = &body;
	return operator_act(e, &command);
}

enum result
engine_rotate_key(struct engine *e)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
	enum result err, settled = RESULT_OK;

	if (engine_clock_doubtful(e))
		return RESULT_CLOCK_DOUBTFUL;
	if ((err = engine_writable(e)) != RESULT_OK)
		return err;
	if (!engine_has_room(e))
		return RESULT_DISK_FULL;
	if ((err = keys_next(e->dir, seed, pub)) == RESULT_OK)
		err = change_enter(e, seed, pub);
	crypto_wipe(seed, sizeof(seed));
	/* After a failed commit only the next start knows; whoever cannot say which key is the ledger's signs nothing more. */
	if (!e->failed && (settled = ledger_key_settle(e)) != RESULT_OK)
		e->failed = 1;
	if (err == RESULT_OK && settled == RESULT_OK)
		log_event(LOG_LEVEL_WARN, "ledger_key_changed", "seq=%llu", (unsigned long long)engine_last_seq(e));
	return err != RESULT_OK ? err : settled;
}
