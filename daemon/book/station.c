/* The station itself: its first entry, its rules, its opening; and what the ledger key vouches for.
 */
#include "daemon/book/book_int.h"

/* A code lets one enrol within 72 hours; the recovery code waits in its envelope for as long as it
 * takes. */
#define CODE_LIFE_US (72ull * 3600 * 1000000)

static enum result
invite_add(
    struct book *b, const uint8_t hash[32], enum role role, uint32_t uses, uint64_t expires_us)
{
	struct row_key k = row_key_hash(TABLE_INVITE, hash);
	struct invite_row *row;

	if (book_get(b, &k) != NULL)
		return RESULT_EXISTS;
	row = book_add(b, &k);
	row->role = role;
	row->uses_left = uses;
	row->expires_us = expires_us;
	row->seq = b->in->seq;
	return RESULT_OK;
}

/* The ledger has this key from this entry on. */
static void
ledger_key_set(struct book *b, const uint8_t key[32])
{
	struct row_key k = row_key_hash(TABLE_LEDGER_KEY, key);
	struct station *station = book_station_edit(b);
	struct ledger_key_row *row = book_add(b, &k);

	row->from = b->in->seq;
	station->ledger_keys++;
	memcpy(station->ledger_key, key, 32);
}

enum result
decide_genesis(struct book *b, const struct command *c)
{
	struct row_key k = {.table = TABLE_STATION};
	struct station *station;
	uint64_t expires_us = b->in->now_us + CODE_LIFE_US;
	enum result err;

	if (b->station != NULL)
		return RESULT_EXISTS;
	if (b->in->seq != 1 || memcmp(c->key, b->in->act->actor_key, 32) != 0)
		return book_refuse_field(b, "ledger_key");
	if (c->n_hashes != 2)
		return book_refuse_field(b, "staff_codes");
	b->station = station = book_add(b, &k);
	ledger_key_set(b, c->key);
	station->zone_minutes = c->zone_minutes;
	station->semantics = BOOK_SEMANTICS;
	station->genesis_us = b->in->now_us;
	station->next_key_no = 1;
	station->next_term = 1;
	if ((err = rules_version_add(b, &c->rules)) != RESULT_OK)
		return err;
	for (uint32_t i = 0; i < c->n_hashes; i++)
		if ((err = invite_add(b, c->hashes[i], ROLE_STAFF, 1, expires_us)) != RESULT_OK)
			return err;
	return invite_add(b, c->code_hash, ROLE_STAFF, 2, 0);
}

enum result
decide_clock_accept(struct book *b, const struct command *c)
{
	/* The entry's own time is the clock's; the operator states the same to within a minute. */
	if (c->time_us > b->in->now_us + MINUTE_US || c->time_us + MINUTE_US < b->in->now_us)
		return book_refuse_field(b, "time_us");
	return RESULT_OK;
}

enum result
decide_semantics_raise(struct book *b, const struct command *c)
{
	if (c->semantics <= b->station->semantics || c->semantics > BOOK_SEMANTICS)
		return book_refuse_field(b, "semantics");
	book_station_edit(b)->semantics = c->semantics;
	return RESULT_OK;
}

/* Both signatures are looked at by whoever takes the act in: they are over bytes, and the origin, that the book does not see. */
enum result
decide_ledger_key(struct book *b, const struct command *c)
{
	struct row_key was = row_key_hash(TABLE_LEDGER_KEY, c->key), is = row_key_hash(TABLE_KEY, c->key);

	if (b->in->act->n_commands != 1)
		return RESULT_TOO_MANY;
	if (c->ref.seq + 1 != b->in->seq || c->ref.index != 0 || memcmp(c->ref.leaf, b->in->prev, 32) != 0)
		return RESULT_WRONG_LEAF;
	/* A key is the ledger's or somebody's, and once: who signed is never a question of when. */
	if (book_get(b, &was) != NULL || book_get(b, &is) != NULL)
		return RESULT_EXISTS;
	if (b->station->ledger_keys >= LEDGER_KEYS_MAX)
		return RESULT_TOO_MANY;
	ledger_key_set(b, c->key);
	return RESULT_OK;
}

enum result
decide_rules_set(struct book *b, const struct command *c)
{
	return rules_version_add(b, &c->rules);
}

enum result
decide_station_open(struct book *b, const struct command *c)
{
	struct station *station;
	struct effect *e;

	(void)c;
	if (b->station->staff_linked < 2)
		return RESULT_NEEDS_LINKS;
	if (b->station->open_signer == 0) {
		book_station_edit(b)->open_signer = b->key_no;
		return book_effect(b, EFFECT_PROPOSED, &e);
	}
	if (b->station->open_signer == b->key_no)
		return RESULT_ALREADY_DONE;
	if (book_key_person(b->rows, b->station->open_signer) == b->person)
		return RESULT_SAME_PERSON;
	station = book_station_edit(b);
	station->opened = 1;
	station->opened_us = b->in->now_us;
	return book_effect(b, EFFECT_OPENED, &e);
}

enum result
decide_invite(struct book *b, const struct command *c)
{
	struct row_key k = row_key_hash(TABLE_INVITE, c->code_hash);
	struct invite_row *row;
	enum result err;

	if (c->role != ROLE_STAFF && c->role != ROLE_KIOSK && c->role != ROLE_OUTLET &&
	    c->role != ROLE_AUDITOR)
		return book_refuse_field(b, "role");
	if ((c->role == ROLE_OUTLET) != (c->partner != 0))
		return book_refuse_field(b, "partner");
	if (c->partner != 0 && book_partner_at(b->rows, c->partner, b->in->now_us) == NULL)
		return RESULT_NOT_FOUND;
	if ((err = invite_add(b, c->code_hash, (enum role)c->role, 1,
		 b->in->now_us + CODE_LIFE_US)) != RESULT_OK)
		return err;
	row = book_edit(b, &k);
	row->partner = c->partner;
	return RESULT_OK;
}
