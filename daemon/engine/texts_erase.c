/* Which rows of the people env are a person's, and their end. */
#include <stdlib.h>
#include <string.h>

#include "daemon/codec/commitment.h"
#include "daemon/engine/texts_int.h"

/* ---- gathering: rows are deleted when all of a table have been looked at ---- */

struct doomed {
	enum people_table table;
	uint16_t key_len;
	uint8_t key[PEOPLE_KEY_MAX];
};

struct erase {
	struct people *people;
	const struct texts_erasure *list;
	size_t n;
	texts_entry_fn find;
	void *ctx;
	/* The table that is being looked at. */
	enum people_table table;
	struct doomed *doomed;
	size_t n_doomed, cap;
	/* The entry of the rows at hand; act NULL: there is none. */
	uint8_t id[16];
	int id_known;
	const Timebox__V1__Entry *entry;
	const struct act *act;
};

static enum result
doom(struct erase *e, enum people_table table, const void *key, size_t key_len)
{
	struct doomed *more;

	if (e->n_doomed == e->cap) {
		e->cap = e->cap * 2 + 64;
		if ((more = realloc(e->doomed, e->cap * sizeof(*more))) == NULL)
			return RESULT_NO_MEMORY;
		e->doomed = more;
	}
	more = &e->doomed[e->n_doomed++];
	more->table = table;
	more->key_len = (uint16_t)key_len;
	memcpy(more->key, key, key_len);
	return RESULT_OK;
}

static enum result
doom_each(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct erase *e = ctx;

	(void)value;
	(void)len;
	return doom(e, e->table, key, key_len);
}

/* Rows whose value begins with the id of somebody whose details go: cards, numbers, references. */
static enum result
doom_leading_to(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct erase *e = ctx;
	uint64_t id;

	if (len < sizeof(id))
		return RESULT_CORRUPT;
	memcpy(&id, value, sizeof(id));
	for (size_t i = 0; i < e->n; i++) {
		const struct texts_erasure *x = &e->list[i];
		uint64_t who = e->table == PEOPLE_BENEFICIARY ? x->beneficiary : x->member;

		if (who != 0 && who == id && (erased_bits(x->scope) & ERASED_DETAILS) != 0)
			return doom(e, e->table, key, key_len);
	}
	return RESULT_OK;
}

static int
is_meant(const struct erase *e, const struct commitment *owner)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct texts_erasure *x = &e->list[i];

		if ((owner->bits & erased_bits(x->scope)) != 0 && e->entry->seq <= x->id >> 16 &&
		    ((x->member != 0 && x->member == owner->member) ||
			(x->beneficiary != 0 && x->beneficiary == owner->beneficiary)))
			return 1;
	}
	return 0;
}

static enum result
doom_text(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct erase *e = ctx;
	struct commitment owner;
	enum result err;

	(void)value;
	(void)len;
	if (key_len != PRIVATE_KEY_LEN)
		return RESULT_CORRUPT;
	if (!e->id_known || memcmp(e->id, key, sizeof(e->id)) != 0) {
		memcpy(e->id, key, sizeof(e->id));
		e->id_known = 1;
		err = e->find(e->ctx, e->id, &e->entry, &e->act);
		if (err == RESULT_NOT_FOUND)
			e->act = NULL;
		else if (err != RESULT_OK)
			return err;
	}
	if (e->act == NULL)
		return RESULT_OK;
	commitment_find(e->entry, e->act, (uint32_t)key[16] << 8 | key[17],
	    (uint32_t)key[18] << 8 | key[19], &owner);
	return is_meant(e, &owner) ? doom(e, PEOPLE_PRIVATE, key, key_len) : RESULT_OK;
}

static enum result
visit(struct erase *e, enum people_table table, people_fn fn)
{
	e->table = table;
	return people_each(e->people, table, "", 0, fn, e);
}

/* The rows whose key says whose they are. */
static enum result
doom_named(struct erase *e)
{
	enum result err = RESULT_OK;

	for (size_t i = 0; i < e->n && err == RESULT_OK; i++) {
		const struct texts_erasure *x = &e->list[i];
		uint8_t key[9] = {(uint8_t)TEXT_BENEFICIARY};

		if ((erased_bits(x->scope) & ERASED_DETAILS) == 0)
			continue;
		texts_be64(key + 1, x->member != 0 ? x->member : x->beneficiary);
		if (x->member == 0)
			err = doom(e, PEOPLE_NAME, key, 9);
		else if ((err = doom(e, PEOPLE_MEMBER, key + 1, 8)) == RESULT_OK)
			err = doom(e, PEOPLE_PIN, key + 1, 8);
	}
	return err;
}

enum result
texts_erase(struct people *people, const struct texts_erasure *list, size_t n, texts_entry_fn entry,
    void *ctx, uint64_t *rows)
{
	struct erase e = {.people = people, .list = list, .n = n, .find = entry, .ctx = ctx};
	enum result err;

	*rows = 0;
	if ((err = doom_named(&e)) == RESULT_OK &&
	    (err = visit(&e, PEOPLE_NUMBER, doom_leading_to)) == RESULT_OK &&
	    (err = visit(&e, PEOPLE_CARD, doom_leading_to)) == RESULT_OK &&
	    (err = visit(&e, PEOPLE_BENEFICIARY, doom_leading_to)) == RESULT_OK &&
	    (err = visit(&e, PEOPLE_PRIVATE, doom_text)) == RESULT_OK)
		/* They hold what was, words too; of durable entries none is needed. */
		err = visit(&e, PEOPLE_PENDING, doom_each);
	for (size_t i = 0; i < e.n_doomed && err == RESULT_OK; i++)
		err = people_delete(people, e.doomed[i].table, e.doomed[i].key, e.doomed[i].key_len);
	*rows = e.n_doomed;
	free(e.doomed);
	return err;
}
