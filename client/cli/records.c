#include "client/cli/records.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/acts.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

#define RECORDS_PAGE 200

/* ---- asking ---- */

void
records_free(struct records *r)
{
	free(r->list);
	r->list = NULL;
	r->n = 0;
}

/* Rows of a batch are attested with their batch. */
static bool
is_single(const Timebox__V1__Record *r)
{
	return r->provenance != TIMEBOX__V1__PROVENANCE__PROVENANCE_BACKFILLED &&
		r->provenance != TIMEBOX__V1__PROVENANCE__PROVENANCE_OPENING &&
		r->state == TIMEBOX__V1__RECORD_STATE__RECORD_STATE_RECORDED &&
		r->leaf.len == HASH_LEN;
}

static void
records_add(struct records *out, const Timebox__V1__Records *page)
{
	out->list = reallocarray(out->list, out->n + page->n_records + 1, sizeof(*out->list));
	if (out->list == NULL)
		abort();
	for (size_t i = 0; i < page->n_records; i++) {
		const Timebox__V1__Record *from = page->records[i];
		struct record *to = &out->list[out->n];

		if (!is_single(from))
			continue;
		*to = (struct record){.seq = from->seq, .index = from->index, .day = from->day,
			.start_minute = from->start_minute, .minutes = from->minutes,
			.provenance = from->provenance, .auto_closed = from->auto_closed != 0};
		memcpy(to->leaf, from->leaf.data, HASH_LEN);
		(void)snprintf(to->number, sizeof(to->number), "%.8s", from->number);
		(void)snprintf(to->item, sizeof(to->item), "%.8s", from->item);
		out->n++;
	}
}

int
records_get(struct cli *c, struct timebox *tb, struct records *out)
{
	Timebox__V1__GetRecords ask = TIMEBOX__V1__GET_RECORDS__INIT;
	bool more = true;

	out->list = NULL;
	out->n = 0;
	ask.limit = RECORDS_PAGE;
	while (more) {
		Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
		Timebox__V1__Response *answer = NULL;
		const Timebox__V1__Records *page;
		int rc;

		call.kind_case = TIMEBOX__V1__CALL__KIND_GET_RECORDS;
		call.get_records = &ask;
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_RECORDS, &answer);
		if (rc != CLI_DONE)
			return rc;
		page = answer->records;
		records_add(out, page);
		more = page->more && page->n_records > 0;
		if (more) {
			ask.after_seq = page->records[page->n_records - 1]->seq;
			ask.after_index = page->records[page->n_records - 1]->index;
		}
		timebox_response_free(answer);
	}
	return CLI_DONE;
}

int
records_pick(struct records *r, const struct cli *c, const char *const *ids, size_t n)
{
	struct record *picked = calloc(n + 1, sizeof(*picked));
	int rc = CLI_DONE;

	if (picked == NULL)
		abort();
	for (size_t k = 0; k < n && rc == CLI_DONE; k++) {
		uint64_t seq = 0;
		uint32_t index = 0;
		size_t i = 0;

		rc = cli_id(c, "SEQ.INDEX", ids[k], &seq, &index);
		while (i < r->n && (r->list[i].seq != seq || r->list[i].index != index))
			i++;
		if (rc == CLI_DONE && i == r->n)
			rc = cli_fail_here(c, RESULT_NOT_FOUND, ids[k], "%s",
				_("no record of this id waits for attestation"));
		else if (rc == CLI_DONE)
			picked[k] = r->list[i];
	}
	free(r->list);
	r->list = picked;
	r->n = rc == CLI_DONE ? n : 0;
	return rc;
}

/* ---- showing ---- */

static json_t *
record_json(const struct record *r)
{
	char day[OUT_TIME_SIZE];

	return json_pack("{s:o,s:s,s:s,s:s,s:I,s:I,s:s,s:b}", "id", out_json_id(r->seq, r->index),
		"member", r->number, "item", r->item, "day", out_day(day, r->day), "start",
		(json_int_t)r->start_minute, "minutes", (json_int_t)r->minutes, "provenance",
		out_word(&timebox__v1__provenance__descriptor, (int)r->provenance), "auto_closed",
		(int)r->auto_closed);
}

void
records_print(const struct records *r, const struct cli *c)
{
	struct table *t = table_new(_("Id|Member|Item|Day|From|>Time|Way|Note"));
	char text[OUT_TIME_SIZE], id[OUT_ID_SIZE];

	for (size_t i = 0; i < r->n; i++) {
		const struct record *one = &r->list[i];

		if (c->json) {
			out_json_line(record_json(one));
			continue;
		}
		table_cell(t, out_id(id, one->seq, one->index));
		table_cell(t, one->number);
		table_cell(t, one->item);
		table_cell(t, out_day(text, one->day));
		table_cellf(t, "%02u:%02u", one->start_minute / 60, one->start_minute % 60);
		table_cell(t, out_minutes(text, one->minutes, c->zh));
		table_cell(t, out_provenance(one->provenance));
		table_cell(t, one->auto_closed ? _("closed by the planned end") : "");
	}
	if (!c->json)
		table_print(t, stdout, _("No records wait for attestation."));
	table_free(t);
}

/* ---- judging ---- */

struct judging {
	struct records *r;
	bool attest;
};

static enum result
judge_compose(void *ctx, struct timebox_draft *d, size_t i)
{
	const struct judging *j = ctx;
	const struct record *r = &j->r->list[i];
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__AttestRecords attest = TIMEBOX__V1__ATTEST_RECORDS__INIT;
	Timebox__V1__RejectRecords reject = TIMEBOX__V1__REJECT_RECORDS__INIT;
	Timebox__V1__Ref ref = TIMEBOX__V1__REF__INIT, *refs[1] = {&ref};

	ref.seq = r->seq;
	ref.index = r->index;
	ref.leaf = timebox_bytes(r->leaf, HASH_LEN);
	attest.n_refs = reject.n_refs = 1;
	attest.refs = reject.refs = refs;
	if (j->attest) {
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_ATTEST_RECORDS;
		command.attest_records = &attest;
	} else {
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_REJECT_RECORDS;
		command.reject_records = &reject;
	}
	return timebox_draft_add(d, &command);
}

static void
judge_refused(void *ctx, size_t i, const struct timebox_error *why)
{
	const struct judging *j = ctx;

	j->r->list[i].verdict = why->code;
}

static int
judge_report(const struct records *r, const struct cli *c, bool attest)
{
	const char *word = attest ? "attested" : "rejected";
	size_t done = 0;
	char id[OUT_ID_SIZE];

	for (size_t i = 0; i < r->n; i++) {
		const struct record *one = &r->list[i];

		done += one->verdict == RESULT_OK;
		if (c->json)
			out_json_line(json_pack("{s:o,s:s}", "id", out_json_id(one->seq, one->index),
				"verdict", result_name(one->verdict)));
		else if (one->verdict != RESULT_OK)
			printf("%s: %s\n", out_id(id, one->seq, one->index),
				cli_result_text(c, one->verdict));
	}
	if (c->json)
		out_json_line(json_pack("{s:I,s:I,s:I}", "records", (json_int_t)r->n, word,
			(json_int_t)done, "refused", (json_int_t)(r->n - done)));
	else
		printf(attest ? _("%zu of %zu records attested.\n") : _("%zu of %zu records rejected.\n"),
			done, r->n);
	if (done == r->n)
		return CLI_DONE;
	return done > 0 ? CLI_ROWS : CLI_REFUSED;
}

int
records_judge(struct records *r, struct cli *c, struct timebox *tb, bool attest)
{
	struct judging j = {r, attest};
	const struct acts a = {.ctx = &j, .compose = judge_compose, .refused = judge_refused,
		.label = _("records")};
	size_t *items = calloc(r->n + 1, sizeof(*items));
	int rc;

	if (items == NULL)
		abort();
	for (size_t i = 0; i < r->n; i++)
		items[i] = i;
	rc = acts_send(c, tb, &a, items, r->n);
	free(items);
	return rc == CLI_DONE ? judge_report(r, c, attest) : rc;
}
