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

	if (rows->expect == NULL || command >= act->n_commands)
		return;
	c = &act->commands[command];
	expect_member(rows, c->member, when);
	expect_member(rows, c->other, when);
	if (c->ref.seq != 0)
		expect(rows, row_key3(TABLE_HOLD, ref_id(c->ref.seq, c->ref.index), 0, 0), when);
}
