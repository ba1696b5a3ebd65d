/* Keys: admission by a code, the link to a person, revocation. */
#include "daemon/book/book_int.h"

enum result
decide_enrol(struct book *b, const struct command *c)
{
	const uint8_t *pub = b->in->act->actor_key;
	struct row_key ik = row_key_hash(TABLE_INVITE, c->code_hash);
	struct row_key kk = row_key_hash(TABLE_KEY, pub), lk = row_key_hash(TABLE_LEDGER_KEY, pub);
	struct invite_row *invite = book_edit(b, &ik);
	struct row_key nk;
	struct key_row *key;
	struct key_no_row *no;
	struct effect *e;
	enum result err;

	if (invite == NULL)
		return RESULT_BAD_CODE;
	if (invite->uses_left == 0 ||
	    (invite->expires_us != 0 && b->in->now_us > invite->expires_us))
		return RESULT_CODE_USED;
	if (book_get(b, &lk) != NULL)
		return RESULT_EXISTS;
	invite->uses_left--;
	key = book_add(b, &kk);
	key->no = book_station_edit(b)->next_key_no++;
	key->role = invite->role;
	key->status = KEY_ACTIVE;
	key->partner = invite->partner;
	key->admitted_seq = b->in->seq;
	nk = row_key3(TABLE_KEY_NO, key->no, 0, 0);
	no = book_add(b, &nk);
	memcpy(no->key, pub, 32);
	if (key->role == ROLE_STAFF)
		book_station_edit(b)->staff_active++;
	if ((err = book_effect(b, EFFECT_KEY_ADMITTED, &e)) != RESULT_OK)
		return err;
	e->id = invite->seq;
	return RESULT_OK;
}

/* Opening records that the key attested while nobody knew whose it was: said aloud, for the to-do
 * list. */
static enum result
link_conflicts(struct book *b, uint32_t key_no, uint64_t person)
{
	const struct member_row *m = book_member(b, person);
	uint64_t who[1 + MEMBER_MAX_KIN] = {person};
	enum result err;

	memcpy(who + 1, m->kin, sizeof(m->kin));
	for (uint32_t i = 0; i <= m->n_kin; i++) {
		struct row_key k = row_key3(TABLE_UNLINKED, key_no, who[i], 0);
		const struct unlinked_row *row = book_get(b, &k);
		struct effect *e;

		if (row == NULL)
			continue;
		if ((err = book_effect(b, EFFECT_LINK_CONFLICT, &e)) != RESULT_OK)
			return err;
		e->id = row->first_record >> 16;
		e->index = (uint32_t)(row->first_record & 0xffff);
		e->member = who[i];
		e->count = row->count;
	}
	return RESULT_OK;
}

enum result
decide_key_link(struct book *b, const struct command *c)
{
	/* Takes effect by a second person's approval: the key is the proposer's. */
	struct row_key nk = row_key3(TABLE_KEY_NO, b->proposer_no, 0, 0);
	const struct key_no_row *no = book_get(b, &nk);
	struct row_key kk = row_key_hash(TABLE_KEY, no->key);
	struct key_row *key = book_edit(b, &kk);
	enum result err;

	if (book_member_standing(b, c->member, &err) == NULL)
		return err;
	if (key->status != KEY_ACTIVE)
		return RESULT_KEY_REVOKED;
	if (key->member != 0)
		return RESULT_ALREADY_DONE;
	/*
	 * A person may have two keys for a while: after a loss, the new one is linked and then
	 * revokes the old. It gives nobody a second voice: whoever must differ is compared by
	 * person, not by key.
	 */
	key->member = c->member;
	book_station_edit(b)->staff_linked++;
	if ((err = book_touch(b, c->member)) != RESULT_OK)
		return err;
	return link_conflicts(b, key->no, c->member);
}

enum result
decide_key_revoke(struct book *b, const struct command *c)
{
	struct row_key kk = row_key_hash(TABLE_KEY, c->key);
	struct key_row *key = book_edit(b, &kk);

	if (key == NULL)
		return RESULT_NOT_FOUND;
	if (key->status != KEY_ACTIVE)
		return RESULT_ALREADY_DONE;
	key->status = KEY_REVOKED;
	key->revoked_seq = b->in->seq;
	if (key->role == ROLE_STAFF) {
		book_station_edit(b)->staff_active--;
		if (key->member != 0)
			book_station_edit(b)->staff_linked--;
		if (!b->station->opened && b->station->open_signer == key->no)
			book_station_edit(b)->open_signer = 0;
	}
	return RESULT_OK;
}
