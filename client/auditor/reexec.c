/* Would the rules in force have given exactly this entry? Decided again by the daemon's own book. */
#include "client/auditor/auditor_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/memory.h"
#include "daemon/codec/entry.h"

struct reexec {
	struct auditor_broken *broken;
	const char *origin;
	struct memory *memory;
	struct book_out out;
	uint8_t made[ENTRY_MAX_BYTES];
	uint8_t last_leaf[HASH_LEN];
	uint64_t time_us, seq;
	uint64_t late, worst_us;
	struct auditor_overdue overdue[AUDITOR_OVERDUE_MAX];
	size_t n_overdue;
};

/* ---- what falls due ---- */

static struct auditor_overdue
overdue_of(const struct row_key *due, uint64_t done_seq)
{
	bool is_ref = due->tag[0] == DUE_RELEASE || due->tag[0] == DUE_CREDIT_RECORD;

	return (struct auditor_overdue){
	    .kind = due->tag[0],
	    .what = is_ref ? due->b >> 16 : due->b,
	    .index = is_ref ? (uint32_t)(due->b & 0xffff) : 0,
	    .due_us = due->a,
	    .done_seq = done_seq,
	};
}

/* Something due was done, or is no longer to be done. */
static void
settled(void *ctx, const struct row_key *due)
{
	struct reexec *r = ctx;

	if (r->time_us < due->a || r->time_us - due->a <= AUDITOR_OVERDUE_GRACE_US)
		return;
	r->late++;
	if (r->time_us - due->a > r->worst_us)
		r->worst_us = r->time_us - due->a;
	if (r->n_overdue < AUDITOR_OVERDUE_MAX)
		r->overdue[r->n_overdue++] = overdue_of(due, r->seq);
}

struct missing {
	const struct reexec *r;
	struct auditor_result *out;
};

static void
missing_add(void *ctx, const struct row_key *due, const void *value)
{
	struct missing *m = ctx;
	struct auditor_result *out = m->out;
	uint64_t now_us = m->r->time_us;

	(void)value;
	if (now_us < due->a || now_us - due->a <= AUDITOR_OVERDUE_GRACE_US)
		return;
	out->overdue_missing++;
	if (now_us - due->a > out->overdue_worst_us)
		out->overdue_worst_us = now_us - due->a;
	if (out->n_overdue < AUDITOR_OVERDUE_MAX)
		out->overdue[out->n_overdue++] = overdue_of(due, 0);
}

void
reexec_report(const struct reexec *r, struct auditor_result *out)
{
	struct missing m = {r, out};

	out->overdue_late = r->late;
	out->overdue_worst_us = r->worst_us;
	memcpy(out->overdue, r->overdue, sizeof(out->overdue));
	out->n_overdue = r->n_overdue;
	memory_each(r->memory, TABLE_DUE, missing_add, &m);
}

struct memory *
reexec_memory(struct reexec *r)
{
	return r->memory;
}

void
reexec_dump(struct reexec *r, struct dump *d)
{
	dump_bytes(d, r->last_leaf, sizeof(r->last_leaf));
	dump_bytes(d, &r->time_us, sizeof(r->time_us));
	dump_bytes(d, &r->seq, sizeof(r->seq));
	dump_bytes(d, &r->late, sizeof(r->late));
	dump_bytes(d, &r->worst_us, sizeof(r->worst_us));
	dump_bytes(d, r->overdue, sizeof(r->overdue));
	dump_count(d, &r->n_overdue, AUDITOR_OVERDUE_MAX);
	memory_dump(r->memory, d);
}

/* ---- one entry ---- */

/* The ids that were drawn then, as the entry's effects state them. */
static size_t
stated_ids(const struct said *e, uint64_t ids[ACT_MAX_COMMANDS])
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_effects && n < ACT_MAX_COMMANDS; i++) {
		uint32_t kind = e->effects[i].kind;

		if (kind == EFFECT_MEMBER_ADDED || kind == EFFECT_BENEFICIARY_ADDED)
			ids[n++] = e->effects[i].id;
	}
	return n;
}

/* They are the book's input, so nobody else looks whether they were free. */
static enum result
ids_check(struct reexec *r, const uint64_t *ids, size_t n)
{
	const struct row_source *rows = memory_source(r->memory);

	for (size_t i = 0; i < n; i++) {
		struct row_key m = row_key3(TABLE_MEMBER, ids[i], 0, 0);
		struct row_key b = row_key3(TABLE_BENEFICIARY, ids[i], 0, 0);
		bool taken = ids[i] == 0 || ids[i] >> 35 != 0 || rows->get(rows->ctx, &m) != NULL ||
			     rows->get(rows->ctx, &b) != NULL;

		for (size_t j = 0; j < i; j++)
			taken |= ids[i] == ids[j];
		if (taken)
			return broken_set(r->broken, "outcome", r->seq,
			    _("it states %" PRIu64 " as a new id, which is taken or is none"),
			    ids[i]);
	}
	return RESULT_OK;
}

static enum result
refused(struct reexec *r, enum result code, const char *field)
{
	struct auditor_broken *b = r->broken;

	if (code == RESULT_NO_MEMORY)
		return code;
	b->code = code;
	if (field != NULL && field[0] != '\0')
		return broken_set(b, "refused", r->seq,
		    _("the rules in force refuse its command %" PRIu32 ": %s (%s)"), r->out.command,
		    result_name(code), field);
	return broken_set(b, "refused", r->seq,
	    _("the rules in force refuse its command %" PRIu32 ": %s"), r->out.command,
	    result_name(code));
}

/* Says where the entry is not what the book gives. */
static enum result
outcome(struct reexec *r, const struct said *e)
{
	const struct book_out *out = &r->out;
	struct auditor_broken *b = r->broken;

	if (e->rules != out->rules)
		return broken_set(b, "outcome", r->seq,
		    _("the rules in force are those of entry %" PRIu64 ", not %" PRIu64), out->rules,
		    e->rules);
	for (size_t i = 0; i < e->n_postings && i < out->n_postings; i++) {
		const struct said_posting *p = &e->postings[i];

		if (p->purpose != (unsigned)out->postings[i].purpose ||
		    p->member != out->postings[i].member || p->amount != out->postings[i].amount)
			return broken_set(b, "outcome", r->seq,
			    _("posting %zu is %" PRId64 " to account %d of %" PRIu64
			      "; the rules give %" PRId64 " to account %d of %" PRIu64),
			    i, p->amount, (int)p->purpose, p->member, out->postings[i].amount,
			    (int)out->postings[i].purpose, out->postings[i].member);
	}
	if (e->n_postings != out->n_postings || e->n_effects != out->n_effects ||
	    e->n_touched != out->n_touched)
		return broken_set(b, "outcome", r->seq,
		    _("it has %zu postings, %zu effects, %zu touched members; the rules give %" PRIu32
		      ", %" PRIu32 ", %" PRIu32),
		    e->n_postings, e->n_effects, e->n_touched, out->n_postings, out->n_effects,
		    out->n_touched);
	return broken_set(b, "outcome", r->seq,
	    _("the rules give other postings, effects or touched members"));
}

enum result
reexec_entry(struct reexec *r, struct said_bytes bytes, const struct said *e, const struct deed *d,
    const uint8_t leaf[HASH_LEN])
{
	uint64_t fresh[ACT_MAX_COMMANDS];
	struct book_in in = {
	    .act = &d->act, .now_us = e->time_us, .seq = e->seq, .prev = r->last_leaf, .system = d->system, .fresh = fresh};
	struct entry_source src = {.seq = e->seq,
	    .prev = r->last_leaf,
	    .time_us = e->time_us,
	    .act = e->act.p,
	    .act_len = e->act.n,
	    .signature = e->signature.p,
	    .signature_len = e->signature.n,
	    .out = &r->out};
	const struct row_source *rows = memory_source(r->memory);
	enum result err;

	r->seq = e->seq;
	r->time_us = e->time_us;
	r->out.command = d->command;
	if (d->refusal != RESULT_OK)
		return refused(r, d->refusal, d->field);
	in.n_fresh = stated_ids(e, fresh);
	if ((err = ids_check(r, fresh, in.n_fresh)) != RESULT_OK)
		return err;
	r->out.field = "";
	if ((err = book_decide(rows, &in, &r->out)) != RESULT_OK)
		return refused(r, err, r->out.field);
	if (entry_encode(r->made, sizeof(r->made), &src, NULL) != bytes.n ||
	    memcmp(r->made, bytes.p, bytes.n) != 0)
		return outcome(r, e);
	book_seal(rows, &r->out, leaf);
	memcpy(r->last_leaf, leaf, HASH_LEN);
	return RESULT_OK;
}

/* ---- the whole ---- */

struct reexec *
reexec_new(const char *origin, struct auditor_broken *b)
{
	struct reexec *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->broken = b;
	r->origin = origin;
	r->memory = memory_new(settled, r);
	if (r->memory != NULL)
		return r;
	reexec_free(r);
	return NULL;
}

void
reexec_free(struct reexec *r)
{
	if (r == NULL)
		return;
	memory_free(r->memory);
	free(r);
}
