/* The parts of a file of service records as acts: sent in order, or only tried. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/batch.h"
#include "client/cli/service_file.h"

#define RESUMES_MAX 3 /* after restarts of the daemon that made it forget what was under way */
#define TRY_ACTS    64	/* acts in one question: about 800 KiB */
#define TRY_ROWS    ((size_t)TRY_ACTS * PARTS_RECORDS)

/* ---- one part ---- */

void
service_part_begin(struct service_part *p, const struct service_file *f, uint32_t part)
{
	timebox__v1__service_rows__init(&p->message);
	p->message.batch = timebox_bytes(f->id, PARTS_ID_LEN);
	p->message.attempt = f->attempt;
	p->message.part = part;
	p->message.parts = f->parts;
	p->message.rows = p->row_list;
	p->message.refused = p->refused_list;
}

void
service_part_add(struct service_part *p, const struct service_file *f, size_t i)
{
	const struct part_row *row = &f->rows[i];
	const struct service_row *text = &f->texts[i];
	Timebox__V1__RefusedRow *refused;
	Timebox__V1__ServiceRow *r;

	if (row->verdict != RESULT_OK) {
		refused = &p->refused[p->message.n_refused];
		timebox__v1__refused_row__init(refused);
		refused->line = row->line;
		refused->reason = (Timebox__V1__ResultCode)row->verdict;
		p->refused_list[p->message.n_refused++] = refused;
		return;
	}
	r = &p->rows[p->message.n_rows];
	timebox__v1__service_row__init(r);
	r->line = row->line;
	r->member = row->member;
	r->item = timebox_string(text->item);
	r->day = text->day;
	r->start_minute = text->start_minute;
	r->end_minute = text->end_minute;
	r->area = row->area;
	r->beneficiary = row->beneficiary;
	r->measured = text->measured;
	p->row_list[p->message.n_rows++] = r;
}

/* The private text of each record, whose commitments then stand in the rows. */
static enum result
part_texts(struct service_part *p, const struct service_file *f, struct timebox_draft *d,
	const size_t *indexes)
{
	for (uint32_t k = 0; k < p->message.n_rows; k++) {
		const struct service_row *from = &f->texts[indexes[k]];
		Timebox__V1__RecordText text;
		enum result r;

		timebox__v1__record_text__init(&text);
		text.activity = timebox_string(from->activity);
		text.place = timebox_string(from->place);
		text.beneficiary = timebox_string(from->beneficiary);
		text.responsible = timebox_string(from->responsible);
		text.unit = timebox_string(from->unit);
		r = timebox_draft_text(d, 0, k, &text.base, p->commitments[k]);
		if (r != RESULT_OK)
			return r;
		p->rows[k].commitment = timebox_bytes(p->commitments[k], HASH_LEN);
	}
	return RESULT_OK;
}

enum result
service_part_draft(const struct service_part *p, struct timebox_draft *d)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;

	command.kind_case = TIMEBOX__V1__COMMAND__KIND_SERVICE_ROWS;
	command.service_rows = (Timebox__V1__ServiceRows *)(uintptr_t)&p->message;
	return timebox_draft_add(d, &command);
}

/* ---- sending ---- */

struct part_slot {
	struct service_part part;
	struct timebox_draft *draft;
};

struct part_sending {
	struct service_file *f;
	struct part_slot *slots; /* TIMEBOX_WINDOW; part p is in slots[p % TIMEBOX_WINDOW] */
	uint32_t next;
	enum result failed; /* the first failure; what follows it is not looked at */
	int rc;
};

static enum result
slot_compose(struct part_sending *s, struct part_slot *slot)
{
	size_t from, to, n = 0, indexes[PARTS_RECORDS];
	enum result r;

	timebox_draft_reset(slot->draft);
	service_part_begin(&slot->part, s->f, s->next);
	parts_range(s->next, s->f->n, &from, &to);
	for (size_t i = from; i < to; i++) {
		if (s->f->rows[i].verdict == RESULT_OK)
			indexes[n++] = i;
		service_part_add(&slot->part, s->f, i);
	}
	r = part_texts(&slot->part, s->f, slot->draft, indexes);
	return r == RESULT_OK ? service_part_draft(&slot->part, slot->draft) : r;
}

static void
sending_begin(struct part_sending *s)
{
	struct part_slot *slot = &s->slots[s->next % TIMEBOX_WINDOW];
	enum result r = slot_compose(s, slot);

	if (r == RESULT_OK)
		r = timebox_act_begin(s->f->tb, slot->draft, slot);
	s->next++;
	if (r == RESULT_OK)
		return;
	s->failed = r;
	s->rc = cli_fail_here(s->f->c, r, NULL, NULL);
}

static void
sending_next(struct part_sending *s)
{
	struct service_file *f = s->f;
	Timebox__V1__Response *answer = NULL;
	void *user = NULL;
	enum result r = timebox_act_next(f->tb, &user, &answer);
	struct part_slot *slot = user;

	if (s->failed == RESULT_OK && r == RESULT_OK) {
		r = parts_merge(f->rows, f->n, &slot->part.message, answer->receipt->effects,
			answer->receipt->n_effects);
		f->parts_done++;
		cli_progress(f->c, _("parts"), f->parts_done, f->parts);
		if (r != RESULT_OK)
			s->rc = cli_fail_here(f->c, r, NULL, NULL);
	} else if (s->failed == RESULT_OK && r != RESULT_USE_NEW_ID) {
		s->rc = cli_fail_tb(f->c, f->tb);
	}
	if (s->failed == RESULT_OK)
		s->failed = r;
	timebox_response_free(answer);
}

/* From parts_done on, as many as the daemon takes. */
static void
sending_run(struct part_sending *s)
{
	s->next = s->f->parts_done;
	s->failed = RESULT_OK;
	s->rc = CLI_DONE;
	while ((s->failed == RESULT_OK && s->next < s->f->parts) ||
		timebox_act_waiting(s->f->tb) > 0) {
		if (s->failed == RESULT_OK && s->next < s->f->parts &&
			timebox_act_waiting(s->f->tb) < TIMEBOX_WINDOW)
			sending_begin(s);
		else
			sending_next(s);
	}
	cli_progress_end(s->f->c);
}

/* A restarted daemon does not know what was under way and will not take it under the old request ids:
 * what it has of the batch is read again, and the rest sent anew. */
static int
sending_resume(struct part_sending *s)
{
	for (int i = 0; i < RESUMES_MAX; i++) {
		int rc;

		sending_run(s);
		if (s->failed != RESULT_USE_NEW_ID || s->rc != CLI_DONE)
			return s->rc;
		rc = service_file_find(s->f);
		if (rc != CLI_DONE || s->f->complete)
			return rc;
	}
	return cli_fail_here(s->f->c, RESULT_USE_NEW_ID, NULL, NULL);
}

int
service_file_send(struct service_file *f)
{
	struct part_sending s = {.f = f, .slots = calloc(TIMEBOX_WINDOW, sizeof(*s.slots))};
	bool ready = s.slots != NULL;
	int rc;

	for (size_t i = 0; ready && i < TIMEBOX_WINDOW; i++) {
		s.slots[i].draft = timebox_draft_new();
		ready = s.slots[i].draft != NULL;
	}
	rc = ready ? sending_resume(&s) : cli_fail_here(f->c, RESULT_NO_MEMORY, NULL, NULL);
	for (size_t i = 0; s.slots != NULL && i < TIMEBOX_WINDOW; i++)
		timebox_draft_free(s.slots[i].draft);
	free(s.slots);
	return rc;
}

/* ---- trying ---- */

struct trying {
	struct service_file *f;
	size_t *order; /* rows to be tried */
	size_t n;
	struct service_part part;
	struct timebox_draft *drafts[TRY_ACTS];
	ProtobufCBinaryData acts[TRY_ACTS];
	size_t n_acts;
};

/* The act of order[from..to), unsigned. */
static enum result
trying_add(struct trying *t, size_t from, size_t to)
{
	const struct timebox_seal seal = {.origin = timebox_hello(t->f->tb)->origin,
		.now_us = timebox_now_us(t->f->tb), .key = t->f->c->home.key};
	struct timebox_draft *d = t->drafts[t->n_acts];
	size_t n = 0;
	enum result r;

	timebox_draft_reset(d);
	service_part_begin(&t->part, t->f, t->f->parts_done + (uint32_t)t->n_acts);
	for (size_t i = from; i < to; i++)
		service_part_add(&t->part, t->f, t->order[i]);
	r = service_part_draft(&t->part, d);
	if (r == RESULT_OK)
		r = timebox_draft_seal(d, &seal);
	if (r != RESULT_OK)
		return r;
	t->acts[t->n_acts].data = (uint8_t *)(uintptr_t)timebox_draft_act(d, &n);
	t->acts[t->n_acts++].len = n;
	return RESULT_OK;
}

/* The verdicts of one question, which began with order[from]. */
static int
trying_take(struct trying *t, size_t from, const Timebox__V1__DryRunResult *result)
{
	struct timebox_error e;

	if (result->n_acts != t->n_acts)
		return cli_fail_here(t->f->c, RESULT_BAD_MESSAGE, NULL, NULL);
	for (size_t k = 0; k < result->n_acts; k++) {
		const Timebox__V1__DryRunAct *act = result->acts[k];

		if ((unsigned)act->code != RESULT_OK) {
			(void)timebox_error_set(&e, TIMEBOX_FAILURE_REFUSED,
				result_known((unsigned)act->code) ? (enum result)act->code
								  : RESULT_INTERNAL,
				"dry run", "%s", "");
			return cli_fail(t->f->c, &e);
		}
		for (size_t i = 0; i < act->n_effects; i++) {
			const Timebox__V1__Effect *f = act->effects[i];
			size_t at = from + k * PARTS_RECORDS + f->index;
			struct part_row *row;

			if (f->kind != TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_ROW_REFUSED ||
				f->index >= PARTS_RECORDS || at >= t->n)
				continue;
			row = &t->f->rows[t->order[at]];
			row->verdict = result_known((unsigned)f->verdict) ? (enum result)f->verdict
									  : RESULT_INTERNAL;
			row->field = parts_field(row->verdict);
		}
	}
	return CLI_DONE;
}

/* Asks about order[from..to). */
static int
trying_ask(struct trying *t, size_t from, size_t to)
{
	Timebox__V1__DryRun ask = TIMEBOX__V1__DRY_RUN__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	enum result r = RESULT_OK;
	int rc;

	t->n_acts = 0;
	for (size_t i = from; i < to && r == RESULT_OK; i += PARTS_RECORDS)
		r = trying_add(t, i, i + PARTS_RECORDS < to ? i + PARTS_RECORDS : to);
	if (r != RESULT_OK)
		return cli_fail_here(t->f->c, r, NULL, NULL);
	ask.n_acts = t->n_acts;
	ask.acts = t->acts;
	call.kind_case = TIMEBOX__V1__CALL__KIND_DRY_RUN;
	call.dry_run = &ask;
	rc = cli_call(t->f->c, t->f->tb, &call, TIMEBOX__V1__RESPONSE__BODY_DRY_RUN, &answer);
	if (rc == CLI_DONE)
		rc = trying_take(t, from, answer->dry_run);
	timebox_response_free(answer);
	return rc;
}

/* Duplicates and overlaps are between rows of one member: those go into one question. */
static int
trying_run(struct trying *t)
{
	int rc = CLI_DONE;

	if (t->n > TRY_ROWS)
		parts_sort_by_member(t->f->rows, t->order, t->n);
	for (size_t from = 0, to; from < t->n && rc == CLI_DONE; from = to) {
		to = parts_cut(t->f->rows, t->order, t->n, from, TRY_ROWS);
		rc = trying_ask(t, from, to);
		cli_progress(t->f->c, _("rows"), to, t->n);
	}
	cli_progress_end(t->f->c);
	return rc;
}

int
service_file_try(struct service_file *f)
{
	struct trying *t = calloc(1, sizeof(*t));
	size_t from = (size_t)f->parts_done * PARTS_RECORDS;
	bool ready;
	int rc;

	if (t == NULL)
		return cli_fail_here(f->c, RESULT_NO_MEMORY, NULL, NULL);
	t->f = f;
	t->order = calloc(f->n + 1, sizeof(*t->order));
	ready = t->order != NULL;
	for (size_t i = from; ready && i < f->n; i++)
		if (f->rows[i].verdict == RESULT_OK)
			t->order[t->n++] = i;
	for (size_t i = 0; ready && i < TRY_ACTS; i++) {
		t->drafts[i] = timebox_draft_new();
		ready = t->drafts[i] != NULL;
	}
	rc = ready ? trying_run(t) : cli_fail_here(f->c, RESULT_NO_MEMORY, NULL, NULL);
	for (size_t i = 0; i < TRY_ACTS; i++)
		timebox_draft_free(t->drafts[i]);
	free(t->order);
	free(t);
	return rc;
}
