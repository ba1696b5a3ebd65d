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

static void
expect_account(const struct row_source *rows, enum purpose purpose, uint64_t member, uint64_t lot, enum row_expect when)
{
	expect(rows, book_account_key(purpose, ASSET_POINTS, member, 0, lot), when);
}

static void
expect_member(const struct row_source *rows, uint64_t member, enum row_expect when)
{
	if (member == 0)
		return;
	expect(rows, row_key3(TABLE_MEMBER, member, 0, 0), when);
	expect(rows, row_key3(TABLE_MEMBER_HEAD, member, 0, 0), when);
}

/* Who is given to has the lot that the giver has, most likely. */
static void
expect_gift(const struct row_source *rows, const struct command *c, enum row_expect when)
{
	struct row_key k = row_key3(TABLE_MEMBER, c->member, 0, 0);
	const struct member_row *giver = rows->get(rows->ctx, &k);
	uint64_t order = giver == NULL ? 0 : giver->first_lot;

	if (order != 0)
		expect_account(rows, PURPOSE_AVAILABLE, c->other, book_lot_of_order(order), when);
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
	if (c->kind == COMMAND_GIFT)
		expect_gift(rows, c, when);
}
