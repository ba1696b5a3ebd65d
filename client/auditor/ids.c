#include "client/auditor/ids.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHER	   (1u << 17) /* ids in memory: 3 MiB */
#define RUN_BUFFER 256	      /* of a run, while it is merged */

struct id {
	uint8_t id[UUID7_LEN];
	uint64_t seq;
};
_Static_assert(sizeof(struct id) == 24, "written as it is");

struct ids {
	struct id *gathered;
	size_t n;
	FILE *file;	 /* runs of GATHER ids, each sorted */
	size_t n_runs;
};

struct ids *
ids_new(void)
{
	struct ids *ids = calloc(1, sizeof(*ids));

	if (ids != NULL && (ids->gathered = malloc(GATHER * sizeof(struct id))) != NULL)
		return ids;
	free(ids);
	return NULL;
}

void
ids_free(struct ids *ids)
{
	if (ids == NULL)
		return;
	if (ids->file != NULL)
		fclose(ids->file);
	free(ids->gathered);
	free(ids);
}

static int
id_order(const void *a, const void *b)
{
	const struct id *x = a, *y = b;
	int order = memcmp(x->id, y->id, UUID7_LEN);

	return order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static enum result
put_aside(struct ids *ids)
{
	qsort(ids->gathered, ids->n, sizeof(struct id), id_order);
	if (ids->file == NULL && (ids->file = tmpfile()) == NULL)
		return RESULT_IO;
	if (fseeko(ids->file, 0, SEEK_END) != 0 ||
	    fwrite(ids->gathered, sizeof(struct id), ids->n, ids->file) != ids->n)
		return RESULT_IO;
	ids->n_runs++;
	ids->n = 0;
	return RESULT_OK;
}

enum result
ids_add(struct ids *ids, const uint8_t id[UUID7_LEN], uint64_t seq)
{
	struct id *slot = &ids->gathered[ids->n++];

	memcpy(slot->id, id, UUID7_LEN);
	slot->seq = seq;
	return ids->n == GATHER ? put_aside(ids) : RESULT_OK;
}

/* ---- the merge ---- */

/* A sorted run, read piece by piece; the gathered ids are one that is all in memory. */
struct run {
	const struct id *at, *end;
	size_t left; /* in the file, after `end` */
	off_t from;
	struct id *buffer;
};

static enum result
run_more(struct run *r, FILE *f)
{
	size_t n = r->left < RUN_BUFFER ? r->left : RUN_BUFFER;

	if (n == 0)
		return RESULT_OK;
	if (fseeko(f, r->from, SEEK_SET) != 0 || fread(r->buffer, sizeof(struct id), n, f) != n)
		return RESULT_IO;
	r->at = r->buffer;
	r->end = r->buffer + n;
	r->left -= n;
	r->from += (off_t)(n * sizeof(struct id));
	return RESULT_OK;
}

static bool
run_before(const struct run *a, const struct run *b)
{
	if (a->at == a->end || b->at == b->end)
		return a->at != a->end;
	return id_order(a->at, b->at) < 0;
}

/* A heap of runs, the one with the smallest id at its top. */
static void
sift(struct run *heap, size_t n, size_t i)
{
	for (;;) {
		size_t least = i;
		struct run other;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
			if (run_before(&heap[child], &heap[least]))
				least = child;
		if (least == i)
			return;
		other = heap[i];
		heap[i] = heap[least];
		heap[least] = other;
		i = least;
	}
}

static enum result
merge(struct run *heap, size_t n, FILE *f, uint64_t *first, uint64_t *again)
{
	struct id last = {.seq = 0};
	enum result err;

	*again = 0;
	while (heap[0].at != heap[0].end) {
		const struct id *id = heap[0].at;

		if (last.seq != 0 && memcmp(id->id, last.id, UUID7_LEN) == 0 &&
		    (*again == 0 || id->seq < *again)) {
			*again = id->seq;
			*first = last.seq;
		}
		last = *id;
		if (++heap[0].at == heap[0].end && (err = run_more(&heap[0], f)) != RESULT_OK)
			return err;
		sift(heap, n, 0);
	}
	return *again == 0 ? RESULT_OK : RESULT_CORRUPT;
}

static enum result
runs_open(struct ids *ids, struct run *runs, struct id *buffers)
{
	enum result err;

	qsort(ids->gathered, ids->n, sizeof(struct id), id_order);
	runs[0] = (struct run){.at = ids->gathered, .end = ids->gathered + ids->n};
	if (ids->file != NULL && fflush(ids->file) != 0)
		return RESULT_IO;
	for (size_t i = 1; i <= ids->n_runs; i++) {
		runs[i] = (struct run){.left = GATHER,
		    .from = (off_t)((i - 1) * GATHER * sizeof(struct id)),
		    .buffer = buffers + (i - 1) * RUN_BUFFER};
		if ((err = run_more(&runs[i], ids->file)) != RESULT_OK)
			return err;
	}
	for (size_t i = ids->n_runs + 1; i-- > 0;)
		sift(runs, ids->n_runs + 1, i);
	return RESULT_OK;
}

enum result
ids_twice(struct ids *ids, uint64_t *first, uint64_t *again)
{
	struct run *runs = calloc(ids->n_runs + 1, sizeof(*runs));
	struct id *buffers = calloc(ids->n_runs + 1, RUN_BUFFER * sizeof(*buffers));
	enum result err = RESULT_NO_MEMORY;

	if (runs != NULL && buffers != NULL && (err = runs_open(ids, runs, buffers)) == RESULT_OK)
		err = merge(runs, ids->n_runs + 1, ids->file, first, again);
	free(runs);
	free(buffers);
	return err;
}

void
ids_dump(struct ids *ids, struct dump *d)
{
	size_t runs = ids->n_runs, n = ids->n;
	struct id *run;

	dump_many(d, &runs, GATHER * sizeof(struct id));
	dump_count(d, &n, GATHER - 1);
	if (d->err != RESULT_OK || (run = malloc(GATHER * sizeof(*run))) == NULL) {
		d->err = d->err == RESULT_OK ? RESULT_NO_MEMORY : d->err;
		return;
	}
	if (ids->file != NULL)
		rewind(ids->file);
	for (size_t i = 0; i < runs && d->err == RESULT_OK; i++) {
		if (d->writing && fread(run, sizeof(*run), GATHER, ids->file) != GATHER)
			d->err = RESULT_IO;
		dump_bytes(d, run, GATHER * sizeof(*run));
		if (d->writing || d->err != RESULT_OK)
			continue;
		memcpy(ids->gathered, run, GATHER * sizeof(*run));
		ids->n = GATHER;
		d->err = put_aside(ids);
	}
	free(run);
	if (!d->writing)
		ids->n = n;
	dump_bytes(d, ids->gathered, n * sizeof(struct id));
}
