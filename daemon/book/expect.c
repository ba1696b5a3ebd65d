/*
 * What a command will ask of the rows, said before it is decided. With a million members nearly every row is a cache miss, or
 * two; asked for in time, they come while other commands are decided.
 */
#include "daemon/book/book_int.h"

static void
expect(const struct row_source *rows, struct row_key key, enum row_expect when)
{
	rows->expect(rows->ctx, &key, when);
}

/* A member's points lie beside the head, mostly (engine/open.c). */
static void
expect_member(const struct row_source *rows, uint64_t member, enum row_expect when)
{
	if (member != 0)
		expect(rows, row_key3(TABLE_MEMBER_HEAD, member, 0, 0), when);
}

void
book_expect(const struct row_source *rows, const struct act *act, uint32_t command, enum row_expect when)
{
	const struct command *c;

	if (command >= act->n_commands)
		return;
	c = &act->commands[command];
	expect_member(rows, c->member, when);
	expect_member(rows, c->other, when);
	if (c->ref.seq != 0)
		expect(rows, row_key3(TABLE_HOLD, ref_id(c->ref.seq, c->ref.index), 0, 0), when);
}

/* Items of a group. Slots are fetched two groups ahead, rows one. */
#define GROUP ((size_t)8)

static void
expect_some(const struct row_source *rows, size_t from, size_t to, size_t n, row_expect_fn fn, void *ctx,
    enum row_expect when)
{
	for (; from < to && from < n; from++)
		fn(ctx, from, when);
	rows->expect(rows->ctx, NULL, when);
}

void
row_expect_ahead(const struct row_source *rows, size_t item, size_t n, row_expect_fn fn, void *ctx)
{
	if (item % GROUP != 0 || n == 1 || rows->expect == NULL)
		return;
	expect_some(rows, item == 0 ? 0 : item + 2 * GROUP, item + 3 * GROUP, n, fn, ctx, ROW_NEAR);
	expect_some(rows, item == 0 ? 0 : item + GROUP, item + 2 * GROUP, n, fn, ctx, ROW_NEXT);
}
