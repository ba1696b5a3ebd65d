/*
 * What an erasure destroys, after its entry is durable.
 *
 *   entry durable ─▶ rows deleted, one commit: with them a mark of how far erasures are carried out ─▶ file renewed
 *
 * Cut off before the commit, the next start finds decided erasures beyond the mark and does it; cut off after it, the row
 * PEOPLE_UNCLEAN says that the file is to be renewed. The mark lies in the people env: where people come from a backup, they
 * bring their own, and what the ledger erased since is erased again.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/engine/erasure_int.h"
#include "daemon/ops/log.h"

/* The row of META: the ref_id of the last erasure that was carried out, as the machine has it. */
#define MARK "erased"
#define MARK_LEN 6

/* A backup holds the file: tried again. */
#define RENEW_AGAIN_US (2ull * 1000000)

/* ---- what is due ---- */

enum result
erasure_add(struct erasures *l, const struct texts_erasure *x)
{
	struct texts_erasure *more;

	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 16;
		if ((more = realloc(l->list, l->cap * sizeof(*more))) == NULL)
			return RESULT_NO_MEMORY;
		l->list = more;
	}
	l->list[l->n++] = *x;
	return RESULT_OK;
}

struct gathering {
	struct erasures *list;
	uint64_t after;
	enum result err;
};

static void
gather_row(void *ctx, const struct row_key *key, const void *value)
{
	const struct erasure_row *row = value;
	struct gathering *g = ctx;
	struct texts_erasure x = {key->a, row->member, row->beneficiary, row->scope};

	if (key->a > g->after && g->err == RESULT_OK)
		g->err = erasure_add(g->list, &x);
}

static int
compare_erasures(const void *a, const void *b)
{
	uint64_t x = ((const struct texts_erasure *)a)->id, y = ((const struct texts_erasure *)b)->id;

	return x < y ? -1 : x > y;
}

void
erasure_sort(struct erasures *l)
{
	if (l->n > 1)
		qsort(l->list, l->n, sizeof(*l->list), compare_erasures);
}

enum result
erasure_decided(const struct engine *e, uint64_t after, struct erasures *out)
{
	struct gathering g = {out, after, RESULT_OK};

	memset(out, 0, sizeof(*out));
	engine_each(e, TABLE_ERASURE, gather_row, &g);
	erasure_sort(out);
	return g.err;
}

static enum result
mark_read(struct engine *e, uint64_t *mark)
{
	size_t len;
	enum result err = people_get(e->people, PEOPLE_META, MARK, MARK_LEN, mark, sizeof(*mark), &len);

	if (err == RESULT_NOT_FOUND) {
		*mark = 0;
		return RESULT_OK;
	}
	return err == RESULT_OK && len != sizeof(*mark) ? RESULT_CORRUPT : err;
}

/* ---- doing it ---- */

struct finding_entry {
	struct engine *e;
	struct act act;
};

static enum result
find_entry(void *ctx, const uint8_t id[16], const Timebox__V1__Entry **entry, const struct act **act)
{
	struct finding_entry *f = ctx;
	struct engine *e = f->e;
	uint64_t seq = engine_seq_of(e, id);
	struct act_fault fault;
	size_t len;
	enum result err;

	if (seq == 0)
		return RESULT_NOT_FOUND;
	arena_reset(&e->arena);
	if ((err = ledger_read(e->ledger, seq, e->stored, sizeof(e->stored), &len)) != RESULT_OK ||
	    (err = entry_decode(e->stored, len, &e->arena, entry)) != RESULT_OK ||
	    (err = act_decode((*entry)->act.data, (*entry)->act.len, e->origin, 0, &e->arena, &f->act,
		 &fault)) != RESULT_OK)
		return err == RESULT_NO_MEMORY ? err : RESULT_CORRUPT;
	*act = &f->act;
	return RESULT_OK;
}

enum result
erasure_carry_out(struct engine *e, const struct erasures *l, uint64_t mark)
{
	struct finding_entry f = {.e = e};
	uint64_t rows = 0;
	enum result err = texts_erase(e->people, l->list, l->n, find_entry, &f, &rows);

	if (err == RESULT_OK)
		err = people_put(e->people, PEOPLE_META, PEOPLE_UNCLEAN, PEOPLE_UNCLEAN_LEN, "1", 1);
	if (err == RESULT_OK)
		err = people_put(e->people, PEOPLE_META, MARK, MARK_LEN, &mark, sizeof(mark));
	if (err == RESULT_OK)
		err = people_commit(e->people);
	if (err != RESULT_OK) {
		people_abandon(e->people);
		return err;
	}
	/* The undo rows of their texts went with the others. */
	e->n_text_ids = e->n_settled = 0;
	e->unclean = 1;
	e->renew_at_us = 0;
	log_event(LOG_LEVEL_INFO, "erased", "persons=%zu rows=%llu", l->n, (unsigned long long)rows);
	return RESULT_OK;
}

void
erasure_tidy(struct engine *e)
{
	uint64_t now = clock_now_us();
	enum result err;

	if (!e->unclean || e->failed || now < e->renew_at_us || people_batch_open(e->people))
		return;
	e->renew_at_us = now + RENEW_AGAIN_US;
	if (!engine_has_room(e))
		return;
	if ((err = people_renew(e->people)) == RESULT_OK) {
		e->unclean = 0;
		log_event(LOG_LEVEL_INFO, "people_renewed", "ms=%llu",
		    (unsigned long long)(clock_now_us() - now) / 1000);
	} else if (err != RESULT_BUSY) {
		log_event(LOG_LEVEL_ERROR, "people_not_renewed", "reason=%s", result_name(err));
		e->failed |= err == RESULT_UNAVAILABLE;
	}
}

enum result
erasure_run(struct engine *e)
{
	struct erasures due;
	uint64_t mark;
	uint8_t flag;
	size_t len;
	enum result err;

	e->erasing = 0;
	if ((err = mark_read(e, &mark)) != RESULT_OK)
		return err;
	err = erasure_decided(e, mark, &due);
	if (err == RESULT_OK && due.n > 0) {
		err = erasure_carry_out(e, &due, due.list[due.n - 1].id);
		if (err == RESULT_OK)
			erasure_list_write(e);
	} else if (err == RESULT_OK) {
		e->unclean |= people_get(e->people, PEOPLE_META, PEOPLE_UNCLEAN, PEOPLE_UNCLEAN_LEN, &flag,
				  sizeof(flag), &len) == RESULT_OK;
	}
	free(due.list);
	if (err == RESULT_OK)
		erasure_tidy(e);
	return err;
}

int
engine_unclean(const struct engine *e)
{
	return e->unclean;
}
