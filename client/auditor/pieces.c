#include "client/auditor/pieces.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/files.h"
#include "daemon/codec/entry.h"
#include "proto/tree.h"

#define PIECE_BYTES_FIRST (256u << 10)
#define PIECE_BYTES_MAX	  (TILE_WIDTH * (FILES_ENTRY_MAX + 2u) + 2u)
#define PIECE_ARENA	  (16u << 20)
#define THREADS_MAX	  64
#define AHEAD		  2 /* bundles per thread */

struct pieces {
	struct pieces_options options;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ending;
	struct piece *ring;
	size_t n_ring;
	uint64_t next; /* bundle that the caller gets next */
	struct piece *out;
	pthread_t threads[THREADS_MAX];
	unsigned n_threads;
};

static bool
is_picked(const struct picked *p, uint64_t seq)
{
	uint64_t low = 0, high = p->n;

	if (p->none || seq < p->from || p->list == NULL)
		return !p->none && seq >= p->from;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (p->list[middle] < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->n && p->list[low] == seq;
}

void
deed_verify(const struct said *said, struct deed *deed, const struct picked *picked)
{
	deed->signature = RESULT_BAD_SIGNATURE;
	if (!is_picked(picked, said->seq))
		deed->unverified = true;
	else if (said->signature.n == SIG_LEN && deed->actor_key_len == KEY_LEN)
		deed->signature = act_verify(
		    deed->act.actor_key, said->act.p, said->act.n, said->signature.p);
}

/* ---- one bundle ---- */

static enum result
bundle_read(const struct pieces *ps, struct piece *p, size_t *n)
{
	char name[TILE_PATH_SIZE];
	enum result err;

	tile_path(name, sizeof(name), TILE_ENTRIES, p->n, TILE_WIDTH);
	err = files_read(ps->options.dir, name, p->bytes, p->size, n);
	if (err == RESULT_OVERFLOW && p->size < PIECE_BYTES_MAX) {
		uint8_t *more = realloc(p->bytes, PIECE_BYTES_MAX);

		if (more == NULL)
			return RESULT_NO_MEMORY;
		p->bytes = more;
		p->size = PIECE_BYTES_MAX;
		err = files_read(ps->options.dir, name, p->bytes, p->size, n);
	}
	return err;
}

static bool
bundle_split(struct piece *p, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < TILE_WIDTH; i++) {
		size_t len;

		if (n - at < 2)
			return false;
		len = (size_t)p->bytes[at] << 8 | p->bytes[at + 1];
		at += 2;
		if (len == 0 || len > n - at)
			return false;
		p->entry[i].bytes = (struct said_bytes){p->bytes + at, len};
		at += len;
	}
	return at == n;
}

static enum result
tile_matches(const struct pieces *ps, const struct piece *p, bool *same)
{
	uint8_t stored[TILE_WIDTH * HASH_LEN + 2];
	char name[TILE_PATH_SIZE];
	size_t n;
	enum result err;

	tile_path(name, sizeof(name), 0, p->n, TILE_WIDTH);
	err = files_read(ps->options.dir, name, stored, sizeof(stored), &n);
	*same = err == RESULT_OK && n == sizeof(p->leaf) && memcmp(stored, p->leaf, n) == 0;
	return err == RESULT_IO ? err : RESULT_OK;
}

static void
leaves_make(struct piece *p)
{
	struct sha256_part entries[TILE_WIDTH];

	for (size_t i = 0; i < TILE_WIDTH; i++)
		entries[i] = (struct sha256_part){p->entry[i].bytes.p, p->entry[i].bytes.n};
	tree_leaf_hashes(entries, TILE_WIDTH, p->leaf);
}

static void
root_make(struct piece *p)
{
	uint8_t node[TILE_WIDTH / 2][HASH_LEN];
	size_t width = TILE_WIDTH / 2;

	tree_node_hashes(p->leaf, width, node);
	while ((width /= 2) > 0)
		tree_node_hashes(node, width, node);
	memcpy(p->root, node[0], HASH_LEN);
}

/* Number and prev of an entry; decoded, where what it says is wanted. */
static enum result
entry_read(const struct pieces *ps, struct piece *p, size_t i, uint64_t *seq, uint8_t prev[HASH_LEN])
{
	struct piece_entry *e = &p->entry[i];
	size_t mark = p->arena.used;
	enum result err;

	e->undecoded = false;
	if (!ps->options.content)
		return entry_link(e->bytes.p, e->bytes.n, seq, prev);
	err = said_decode(e->bytes.p, e->bytes.n, &p->arena, &e->said);
	if (err == RESULT_OK)
		err = e->why = deed_decode(
		    e->said.act, ps->options.origin, &p->arena, &e->deed);
	if (err == RESULT_NO_MEMORY) {
		p->arena.used = mark;
		e->undecoded = true;
		return entry_link(e->bytes.p, e->bytes.n, seq, prev);
	}
	*seq = e->said.seq;
	if (e->said.prev.n != HASH_LEN)
		return RESULT_CORRUPT;
	memcpy(prev, e->said.prev.p, HASH_LEN);
	if (e->why == RESULT_OK)
		deed_verify(&e->said, &e->deed, &ps->options.picked);
	/* What is wrong with its act only is not the bundle's. */
	return RESULT_OK;
}

static enum result
piece_make(const struct pieces *ps, struct piece *p)
{
	size_t n;
	enum result err;

	p->regular = false;
	if ((err = bundle_read(ps, p, &n)) != RESULT_OK)
		return err == RESULT_IO || err == RESULT_NO_MEMORY ? err : RESULT_OK;
	if (!bundle_split(p, n))
		return RESULT_OK;
	leaves_make(p);
	if ((err = tile_matches(ps, p, &p->regular)) != RESULT_OK || !p->regular)
		return err;
	root_make(p);
	arena_reset(&p->arena);
	for (size_t i = 0; i < TILE_WIDTH && p->regular; i++) {
		uint8_t prev[HASH_LEN];
		uint64_t seq;

		if (entry_read(ps, p, i, &seq, prev) != RESULT_OK || seq != p->n * TILE_WIDTH + i + 1 ||
		    (i > 0 && memcmp(prev, p->leaf[i - 1], HASH_LEN) != 0))
			p->regular = false;
		if (i == 0)
			memcpy(p->first_prev, prev, HASH_LEN);
	}
	return RESULT_OK;
}

/* ---- several at a time ---- */

static struct piece *
to_do(struct pieces *ps)
{
	struct piece *best = NULL;

	for (size_t i = 0; i < ps->n_ring; i++) {
		struct piece *p = &ps->ring[i];

		if (p->state == PIECE_TO_DO && p->n < ps->options.end &&
		    (best == NULL || p->n < best->n))
			best = p;
	}
	return best;
}

/* Makes a piece; the lock is held before and after. */
static void
work(struct pieces *ps, struct piece *p)
{
	p->state = PIECE_UNDER_WAY;
	pthread_mutex_unlock(&ps->lock);
	p->err = piece_make(ps, p);
	p->error = errno;
	pthread_mutex_lock(&ps->lock);
	p->state = PIECE_DONE;
	pthread_cond_broadcast(&ps->changed);
}

static void *
worker(void *ctx)
{
	struct pieces *ps = ctx;
	struct piece *p;

	pthread_mutex_lock(&ps->lock);
	while (!ps->ending) {
		if ((p = to_do(ps)) != NULL)
			work(ps, p);
		else
			pthread_cond_wait(&ps->changed, &ps->lock);
	}
	pthread_mutex_unlock(&ps->lock);
	return NULL;
}

enum result
pieces_next(struct pieces *ps, const struct piece **out)
{
	struct piece *want, *other;

	pthread_mutex_lock(&ps->lock);
	if (ps->out != NULL) {
		ps->out->n += ps->n_ring;
		ps->out->state = PIECE_TO_DO;
		ps->out = NULL;
		pthread_cond_broadcast(&ps->changed);
	}
	if (ps->next >= ps->options.end) {
		pthread_mutex_unlock(&ps->lock);
		return RESULT_NOT_FOUND;
	}
	want = &ps->ring[(ps->next - ps->options.from) % ps->n_ring];
	while (want->state != PIECE_DONE) {
		if ((other = to_do(ps)) != NULL)
			work(ps, other);
		else
			pthread_cond_wait(&ps->changed, &ps->lock);
	}
	want->state = PIECE_OUT;
	ps->out = want;
	ps->next++;
	pthread_mutex_unlock(&ps->lock);
	*out = want;
	errno = want->error;
	return want->err;
}

static enum result
ring_make(struct pieces *ps)
{
	ps->ring = calloc(ps->n_ring, sizeof(*ps->ring));
	if (ps->ring == NULL)
		return RESULT_NO_MEMORY;
	for (size_t i = 0; i < ps->n_ring; i++) {
		struct piece *p = &ps->ring[i];

		p->n = ps->options.from + i;
		p->size = PIECE_BYTES_FIRST;
		p->bytes = malloc(p->size);
		if (p->bytes == NULL || arena_init(&p->arena, PIECE_ARENA) != RESULT_OK)
			return RESULT_NO_MEMORY;
	}
	return RESULT_OK;
}

struct pieces *
pieces_begin(const struct pieces_options *options)
{
	struct pieces *ps = calloc(1, sizeof(*ps));
	unsigned wanted = options->threads < THREADS_MAX ? options->threads : THREADS_MAX;

	if (ps == NULL)
		return NULL;
	ps->options = *options;
	ps->next = options->from;
	ps->n_ring = AHEAD * (size_t)(wanted > 0 ? wanted : 1) + 1;
	pthread_mutex_init(&ps->lock, NULL);
	pthread_cond_init(&ps->changed, NULL);
	if (ring_make(ps) != RESULT_OK) {
		pieces_end(ps);
		return NULL;
	}
	/* Fewer threads are slower, nothing else. */
	while (ps->n_threads + 1 < wanted &&
	       pthread_create(&ps->threads[ps->n_threads], NULL, worker, ps) == 0)
		ps->n_threads++;
	return ps;
}

void
pieces_end(struct pieces *ps)
{
	if (ps == NULL)
		return;
	pthread_mutex_lock(&ps->lock);
	ps->ending = true;
	pthread_cond_broadcast(&ps->changed);
	pthread_mutex_unlock(&ps->lock);
	for (unsigned i = 0; i < ps->n_threads; i++)
		pthread_join(ps->threads[i], NULL);
	for (size_t i = 0; ps->ring != NULL && i < ps->n_ring; i++) {
		arena_free(&ps->ring[i].arena);
		free(ps->ring[i].bytes);
	}
	free(ps->ring);
	pthread_cond_destroy(&ps->changed);
	pthread_mutex_destroy(&ps->lock);
	free(ps);
}
