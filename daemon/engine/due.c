/*
 * What falls due by the clock becomes system entries. The heap only says where to look; the due
 * rows are the truth, and the book checks each time again.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/engine/engine_int.h"
#include "daemon/ops/log.h"

/* Holds or sessions that one system entry takes at most. */
#define DUE_GROUP 100

void
due_push(struct engine *e, enum due_kind kind, uint64_t due_us, uint64_t what)
{
	size_t i;

	if (e->n_due == e->cap_due) {
		e->cap_due = e->cap_due * 2 + 1024;
		e->due = realloc(e->due, e->cap_due * sizeof(*e->due));
		NEED(e->due);
	}
	for (i = e->n_due++; i > 0 && e->due[(i - 1) / 2].due_us > due_us; i = (i - 1) / 2)
		e->due[i] = e->due[(i - 1) / 2];
	e->due[i] = (struct due){due_us, what, kind};
}

static struct due
due_pop(struct engine *e)
{
	struct due top = e->due[0], last = e->due[--e->n_due];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= e->n_due)
			break;
		if (child + 1 < e->n_due && e->due[child + 1].due_us < e->due[child].due_us)
			child++;
		if (e->due[child].due_us >= last.due_us)
			break;
		e->due[i] = e->due[child];
		i = child;
	}
	if (e->n_due > 0)
		e->due[i] = last;
	return top;
}

static void
load_one(void *ctx, const struct row_key *key, const void *value)
{
	(void)value;
	due_push(ctx, (enum due_kind)key->tag[0], key->a, key->b);
}

void
due_load(struct engine *e)
{
	e->n_due = 0;
	rows_each(e->rows, TABLE_DUE, load_one, e);
}

static int
still_due(const struct engine *e, const struct due *d)
{
	struct row_key k = row_key_due(d->kind, d->due_us, d->what);

	return rows_get(e->rows, &k) != NULL;
}

uint64_t
engine_next_due_us(const struct engine *e)
{
	return e->n_due == 0 ? UINT64_MAX : e->due[0].due_us;
}

struct overdue {
	uint64_t now_us;
	uint64_t n;
};

static void
count_overdue(void *ctx, const struct row_key *key, const void *value)
{
	struct overdue *o = ctx;

	(void)value;
	o->n += key->a <= o->now_us;
}

uint64_t
engine_overdue(const struct engine *e)
{
	struct overdue o = {next_time_us(e), 0};

	rows_each(e->rows, TABLE_DUE, count_overdue, &o);
	return o.n;
}

/* ---- composing ---- */

/* A system act of one command over refs or members. */
struct draft {
	enum command_kind kind;
	Timebox__V1__Ref refs[ACT_MAX_ROWS];
	Timebox__V1__Ref *ref_list[ACT_MAX_ROWS];
	uint64_t members[ACT_MAX_ROWS];
	size_t n;
};

static void
draft_ref(struct draft *d, uint64_t seq, uint32_t index)
{
	Timebox__V1__Ref *ref = &d->refs[d->n];

	timebox__v1__ref__init(ref);
	ref->seq = seq;
	ref->index = index;
	d->ref_list[d->n++] = ref;
}

static enum result
draft_decide(struct engine *e, struct draft *d)
{
	Timebox__V1__SystemRelease release;
	Timebox__V1__SystemClose close;
	Timebox__V1__SystemCredit credit;
	Timebox__V1__SystemReverse reverse;
	Timebox__V1__Command command, *commands = &command;
	uint64_t seq = ledger_last_seq(e->ledger) + 1;
	uint8_t id[16] = {0}, packed[16384];
	Timebox__V1__Act act;

	timebox__v1__act__init(&act);
	timebox__v1__command__init(&command);
	timebox__v1__system_release__init(&release);
	timebox__v1__system_close__init(&close);
	timebox__v1__system_credit__init(&credit);
	timebox__v1__system_reverse__init(&reverse);
	release.refs = credit.refs = reverse.refs = d->ref_list;
	release.n_refs = credit.n_refs = reverse.n_refs = d->n;
	close.members = d->members;
	close.n_members = d->n;
	command.kind_case = (Timebox__V1__Command__KindCase)d->kind;
	if (d->kind == COMMAND_SYSTEM_RELEASE)
		command.system_release = &release;
	else if (d->kind == COMMAND_SYSTEM_CLOSE)
		command.system_close = &close;
	else if (d->kind == COMMAND_SYSTEM_CREDIT)
		command.system_credit = &credit;
	else
		command.system_reverse = &reverse;
	for (int i = 0; i < 8; i++)
		id[8 + i] = (uint8_t)(seq >> (56 - 8 * i));
	act.origin = e->origin;
	act.request_id = (ProtobufCBinaryData){16, id};
	act.commands = &commands;
	act.n_commands = 1;
	CHECK(timebox__v1__act__get_packed_size(&act) <= sizeof(packed));
	return engine_decide_own(e, packed, timebox__v1__act__pack(&act, packed), 1, 0);
}

/* A whole batch part: all its accepted rows. */
static void
draft_part(const struct engine *e, struct draft *d, uint64_t seq)
{
	struct row_key k = row_key3(TABLE_BATCH_PART, seq, 0, 0);
	const struct batch_part_row *part = rows_get(e->rows, &k);

	for (uint32_t i = 0; part != NULL && i < part->n_rows; i++)
		if ((part->accepted[i / 8] >> i % 8 & 1) != 0)
			draft_ref(d, seq, i);
}

static enum command_kind
command_of(enum due_kind kind)
{
	switch (kind) {
	case DUE_RELEASE:
		return COMMAND_SYSTEM_RELEASE;
	case DUE_CLOSE:
		return COMMAND_SYSTEM_CLOSE;
	case DUE_CREDIT_PART:
	case DUE_CREDIT_RECORD:
		return COMMAND_SYSTEM_CREDIT;
	case DUE_REVERSE_PART:
		return COMMAND_SYSTEM_REVERSE;
	}
	return COMMAND_NONE;
}

static void
draft_add(const struct engine *e, struct draft *d, const struct due *due)
{
	if (due->kind == DUE_CREDIT_PART || due->kind == DUE_REVERSE_PART)
		draft_part(e, d, due->what);
	else if (due->kind == DUE_CLOSE)
		d->members[d->n++] = due->what;
	else
		draft_ref(d, due->what >> 16, (uint32_t)(due->what & 0xffff));
}

/* The things due now of the first one's kind, as one draft; parts of a batch go alone. */
static size_t
take_group(struct engine *e, uint64_t now_us, struct draft *d, struct due group[DUE_GROUP])
{
	size_t n = 0;

	while (e->n_due > 0 && e->due[0].due_us <= now_us && n < DUE_GROUP) {
		int whole = e->due[0].kind == DUE_CREDIT_PART || e->due[0].kind == DUE_REVERSE_PART;

		if (n > 0 && (whole || e->due[0].kind != group[0].kind))
			break;
		group[n] = due_pop(e);
		if (!still_due(e, &group[n]))
			continue;
		draft_add(e, d, &group[n++]);
		if (whole)
			break;
	}
	return n;
}

/* One by one, after a group was refused as a whole; what is refused alone stays overdue, and is
 * said. */
static unsigned
decide_singly(struct engine *e, struct draft *d, const struct due *group, size_t n)
{
	unsigned made = 0;

	for (size_t i = 0; i < n && !e->failed; i++) {
		enum result err;

		d->n = 0;
		d->kind = command_of(group[i].kind);
		draft_add(e, d, &group[i]);
		err = draft_decide(e, d);
		if (err == RESULT_OK)
			made++;
		else
			log_event(LOG_LEVEL_ERROR, "overdue", "kind=%d what=%llu reason=%s",
			    (int)group[i].kind, (unsigned long long)group[i].what,
			    result_name(err));
	}
	return made;
}

unsigned
engine_sweep(struct engine *e, unsigned limit)
{
	struct due group[DUE_GROUP];
	struct draft *d;
	unsigned made = 0;

	if (e->n_due == 0 || e->due[0].due_us > next_time_us(e) || e->failed ||
	    engine_clock_doubtful(e) || engine_writable(e) != RESULT_OK || !engine_has_room(e))
		return 0;
	if ((d = malloc(sizeof(*d))) == NULL)
		return 0;
	while (made < limit && !e->failed) {
		size_t n;

		d->n = 0;
		n = take_group(e, next_time_us(e), d, group);
		if (n == 0)
			break;
		d->kind = command_of(group[0].kind);
		if (draft_decide(e, d) == RESULT_OK)
			made++;
		else
			made += decide_singly(e, d, group, n);
	}
	free(d);
	return made;
}
