/*
 * Generations. What changes goes to the log of the current one (rows_log.c), each row once, as it is last. A checkpoint
 * freezes that log by handing it to the thread, which is all that the loop's thread does for it; later changes go to a new
 * one. So nothing is shared, and what is written is the state as of its sequence number.
 *
 * A generation is durable in the state's log first, and merged into the environment some time later. A row may leave the memory
 * when the generation that last changed it is merged: only then does the environment say the same. Dropped rows leave then; live
 * ones when there is more than the limit allows (rows_trim).
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/store/rows_int.h"

/* Dropped rows that leave the memory in one call, at most. */
#define BURY_ROWS 2048
/* Rows that the hand looks at in one trim, at least; and for each row that came since. */
#define TRIM_ROWS	256
#define TRIM_ROWS_EACH 4
/* Rows that leave together. */
#define TRIM_GROUP 32

uint64_t
rows_checkpoint_seq(const struct rows *r)
{
	return r->checkpoint_seq;
}

size_t
rows_checkpoint_meta(const struct rows *r, void *buf, size_t cap)
{
	memcpy(buf, r->meta, cap < r->meta_len ? cap : r->meta_len);
	return r->meta_len;
}

uint64_t
rows_dirty(const struct rows *r)
{
	return r->log.n_records + (r->writing ? r->frozen_records : 0);
}

/* ---- checkpoints ---- */

static void
done(struct rows *r, uint64_t seq, const void *meta, size_t meta_len)
{
	r->checkpoint_seq = seq;
	r->meta_len = meta_len;
	memcpy(r->meta, meta, meta_len);
}

enum result
rows_checkpoint_begin(struct rows *r, uint64_t seq, const void *meta, size_t meta_len,
    rows_durable_fn durable, void *ctx)
{
	struct rows_job *job = &r->job;
	struct rows_log emptied;

	CHECK(r->n_undo == 0 && meta_len <= ROWS_META_MAX);
	if (r->failed)
		return RESULT_UNAVAILABLE;
	if (r->writing)
		return RESULT_BUSY;
	r->frozen_records = r->log.n_records;
	r->frozen_bytes = rows_log_bytes(&r->log);
	emptied = job->log;
	job->log = r->log;
	r->log = emptied;
	job->gen = r->gen;
	job->base = r->checkpoint_seq;
	job->seq = seq;
	for (size_t i = 0; i < r->n_tables; i++)
		job->counts[i] = r->tables[i].count;
	job->meta_len = meta_len;
	if (meta_len > 0)
		memcpy(job->meta, meta, meta_len);
	job->durable = durable;
	job->ctx = ctx;
	job->result = RESULT_OK;
	r->gen++;
	r->writing = 1;
	if (r->disk != NULL)
		rows_disk_begin(r);
	return RESULT_OK;
}

static enum result
finish(struct rows *r)
{
	struct rows_job *job = &r->job;

	r->writing = 0;
	if (job->result == RESULT_OK) {
		r->merged = r->disk != NULL ? rows_disk_merged(r) : job->gen;
		done(r, job->seq, job->meta, job->meta_len);
		return RESULT_OK;
	}
	r->failed = 1;
	rows_log_free(&job->log);
	rows_log_free(&r->log);
	return job->result;
}

enum result
rows_checkpoint_poll(struct rows *r)
{
	CHECK(r->n_undo == 0);
	if (r->disk != NULL)
		r->merged = rows_disk_merged(r);
	rows_bury(r, BURY_ROWS);
	if (!r->writing)
		return RESULT_OK;
	if (r->disk != NULL && !rows_disk_poll(r, 0))
		return RESULT_BUSY;
	return finish(r);
}

enum result
rows_checkpoint_wait(struct rows *r)
{
	enum result err = RESULT_OK;

	CHECK(r->n_undo == 0);
	if (r->writing) {
		if (r->disk != NULL)
			(void)rows_disk_poll(r, 1);
		err = finish(r);
	}
	rows_bury(r, SIZE_MAX);
	return err;
}

enum result
rows_checkpoint(struct rows *r, uint64_t seq, const void *meta, size_t meta_len)
{
	enum result err = rows_checkpoint_wait(r);

	if (err == RESULT_OK)
		err = rows_checkpoint_begin(r, seq, meta, meta_len, NULL, NULL);
	return err != RESULT_OK ? err : rows_checkpoint_wait(r);
}

void
rows_job_done(struct rows_job *job, enum result result)
{
	job->result = result;
	rows_log_free(&job->log);
	if (result == RESULT_OK && job->durable != NULL)
		job->durable(job->ctx);
}

/* ---- what leaves the memory ---- */

void
rows_bury_later(struct rows *r, struct row *row)
{
	if (r->first_dropped + r->n_dropped == r->cap_dropped && r->first_dropped > r->n_dropped) {
		memcpy(r->dropped, r->dropped + r->first_dropped,
		    r->n_dropped * sizeof(*r->dropped));
		r->first_dropped = 0;
	}
	if (r->first_dropped + r->n_dropped == r->cap_dropped) {
		r->cap_dropped = r->cap_dropped * 2 + 256;
		r->dropped = rows_must(realloc(r->dropped, r->cap_dropped * sizeof(*r->dropped)));
	}
	r->dropped[r->first_dropped + r->n_dropped++] = (struct dropped){row, row->gen};
}

/*
 * A row in the queue may be live again, or dropped again since (then it stands in it once more), or its place may be another
 * row's by now, which then was not changed by that generation: it was durable already.
 */
void
rows_bury(struct rows *r, size_t limit)
{
	for (; r->n_dropped > 0 && limit > 0; limit--) {
		struct dropped *d = &r->dropped[r->first_dropped];

		if (d->gen > r->merged)
			return;
		if (d->row->place != ROW_UNUSED && !d->row->live && !d->row->journalled && d->row->gen == d->gen)
			rows_discard(r, d->row);
		r->first_dropped++;
		r->n_dropped--;
	}
	if (r->n_dropped == 0)
		r->first_dropped = 0;
}

static void
evict(struct rows *r, struct row *row)
{
	struct table *t = &r->tables[row->key.table];

	if (t->flags & ROWS_NEWEST &&
	    (t->cold == 0 || memcmp(&row->key, &t->cold_last, sizeof(row->key)) > 0))
		t->cold_last = row->key;
	t->cold++;
	rows_discard(r, row);
}

/* Moves the hand to the next place of a table that may be evicted; NULL once it comes round. */
static struct row *
hand_next(struct rows *r)
{
	for (size_t turned = 0; turned <= r->n_tables;) {
		struct table *t = &r->tables[r->hand_table];

		if (t->flags & ROWS_EVICTABLE && r->hand_slab < t->n_slabs) {
			if (r->hand_row < rows_slab_used(t, r->hand_slab))
				return rows_row_at(t, &t->slabs[r->hand_slab], r->hand_row++);
			r->hand_slab++;
		} else {
			r->hand_table = (r->hand_table + 1) % r->n_tables;
			r->hand_slab = 0;
			turned++;
		}
		r->hand_row = 0;
	}
	return NULL;
}

void
rows_limit(struct rows *r, size_t bytes)
{
	r->limit = bytes;
	if (r->disk != NULL)
		rows_disk_limit(r, bytes);
}

size_t
rows_bytes(const struct rows *r)
{
	return r->bytes + rows_index_bytes(&r->index) + rows_log_bytes(&r->log) + rows_log_spare_bytes() +
	       (r->writing ? r->frozen_bytes : 0) + (r->disk != NULL ? rows_disk_kept_bytes(r) : 0);
}

/* Whether it may go, and was not asked for since the hand came by. */
static int
unwanted(const struct rows *r, struct row *row)
{
	if (row->place == ROW_UNUSED || !row->live || row->gen > r->merged)
		return 0;
	if (!row->wanted)
		return 1;
	row->wanted = 0;
	return 0;
}

/* Rows to send away. */
struct victims {
	size_t n;
	struct row *row[TRIM_GROUP];
};

static void
victim_add(const struct rows *r, struct victims *v, struct row *row)
{
	if (!unwanted(r, row))
		return;
	/* Where there are few, the hand comes round and meets them again. */
	for (size_t i = 0; i < v->n; i++)
		if (v->row[i] == row)
			return;
	/* Their slots come while others are looked at. */
	if (row->place != ROW_BESIDE)
		rows_index_prefetch_slots(&r->index, rows_index_hash(&r->index, &row->key));
	v->row[v->n++] = row;
}

/* Looks at places until there is a group of victims, or the allowance is used up. */
static void
victims_find(struct rows *r, struct victims *v, size_t *allowance)
{
	struct row *row, *other;

	v->n = 0;
	while (v->n + 2 <= TRIM_GROUP && *allowance > 0 && (row = hand_next(r)) != NULL) {
		other = rows_beside(&r->tables[r->hand_table], row);
		/* What lies beside it goes first: else it would be left behind. */
		if (other != NULL && r->tables[other->key.table].flags & ROWS_EVICTABLE)
			victim_add(r, v, other);
		victim_add(r, v, row);
		(*allowance)--;
	}
}

void
rows_trim(struct rows *r)
{
	size_t allowance = r->came * TRIM_ROWS_EACH + TRIM_ROWS, fixed;
	struct victims v;

	CHECK(r->n_undo == 0 && !r->walking);
	r->came = 0;
	if (r->limit == 0 || r->disk == NULL || r->failed)
		return;
	fixed = rows_bytes(r) - r->bytes;
	while (fixed + r->bytes > r->limit && allowance > 0) {
		victims_find(r, &v, &allowance);
		if (v.n == 0)
			return;
		for (size_t i = 0; i < v.n; i++)
			evict(r, v.row[i]);
	}
}
