/* daemon/store/ledger.h in memory: entries on a disk that outlives the process. */
#include "daemon/store/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "proto/tree.h"
#include "tests/sim/world.h"

#define ENTRIES_MAX 8192

struct stored {
	uint8_t *bytes;
	size_t len;
};

static struct {
	struct stored entry[ENTRIES_MAX];
	uint64_t n;
} disk;

struct ledger {
	uint64_t committed, last;
	int failed;
};
static struct ledger open_ledger;

static void
cut_to(uint64_t n, uint64_t last)
{
	for (uint64_t i = n; i < last; i++)
		free(disk.entry[i].bytes);
}

void
store_ledger_reset(void)
{
	cut_to(0, disk.n);
	disk.n = 0;
}

uint64_t
store_ledger_size(void)
{
	return disk.n;
}

enum result
ledger_open(const char *dir, int read_only, struct ledger **out)
{
	(void)dir;
	(void)read_only;
	if (world.dead)
		return RESULT_IO;
	open_ledger = (struct ledger){disk.n, disk.n, 0};
	*out = &open_ledger;
	return RESULT_OK;
}

void
ledger_close(struct ledger *l)
{
	if (l != NULL)
		ledger_abandon(l);
}

uint64_t
ledger_committed_seq(const struct ledger *l)
{
	return l->committed;
}

uint64_t
ledger_last_seq(const struct ledger *l)
{
	return l->last;
}

void
ledger_abandon(struct ledger *l)
{
	cut_to(disk.n, l->last > disk.n ? l->last : disk.n);
	l->last = l->committed;
}

static enum result
fail(struct ledger *l)
{
	ledger_abandon(l);
	l->failed = 1;
	return world_failure();
}

enum result
ledger_append(struct ledger *l, uint64_t seq, const void *entry, size_t len, const uint8_t leaf[HASH_LEN])
{
	struct stored *s = &disk.entry[l->last];
	uint8_t want[HASH_LEN];

	if (l->failed)
		return RESULT_UNAVAILABLE;
	CHECK(seq == l->last + 1 && len > 0 && len <= LEDGER_ENTRY_MAX && l->last < ENTRIES_MAX);
	tree_leaf_hash(entry, len, want);
	CHECK(memcmp(leaf, want, sizeof(want)) == 0);
	/* An append is lost either way: only the commit makes it durable. */
	if (world_fate(0) != FATE_DONE)
		return fail(l);
	s->bytes = malloc(len);
	CHECK(s->bytes != NULL);
	memcpy(s->bytes, entry, len);
	s->len = len;
	l->last = seq;
	return RESULT_OK;
}

enum result
ledger_commit(struct ledger *l)
{
	enum fate fate;

	if (l->failed)
		return RESULT_UNAVAILABLE;
	if (l->last == l->committed)
		return RESULT_OK;
	if ((fate = world_fate(0)) != FATE_LOST)
		disk.n = l->last;
	if (fate != FATE_DONE)
		return fail(l);
	l->committed = l->last;
	return RESULT_OK;
}

enum result
ledger_read(struct ledger *l, uint64_t seq, uint8_t *buf, size_t cap, size_t *len)
{
	const struct stored *s;

	if (seq == 0 || seq > l->last)
		return RESULT_NOT_FOUND;
	s = &disk.entry[seq - 1];
	*len = s->len;
	if (s->len > cap)
		return RESULT_OVERFLOW;
	memcpy(buf, s->bytes, s->len);
	return RESULT_OK;
}

enum result
ledger_scan(struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	if (from == 0 || to > l->committed)
		return RESULT_NOT_FOUND;
	return ledger_scan_folded(l, from, to, fn, ctx);
}

/* What the last turns committed is not there yet. */
uint64_t
ledger_folded_seq(const struct ledger *l)
{
	return l->committed / 8 * 8;
}

enum result
ledger_scan_folded(const struct ledger *l, uint64_t from, uint64_t to, ledger_fn fn, void *ctx)
{
	enum result err = RESULT_OK;

	CHECK(from > 0 && to <= l->committed);
	for (uint64_t seq = from; seq <= to && err == RESULT_OK; seq++)
		err = fn(ctx, seq, disk.entry[seq - 1].bytes, disk.entry[seq - 1].len);
	return err;
}

int
ledger_has_room(const struct ledger *l)
{
	(void)l;
	return 1;
}

uint64_t
ledger_bytes_used(const struct ledger *l)
{
	(void)l;
	return 0;
}
