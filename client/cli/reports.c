#include "client/cli/reports.h"

#include <inttypes.h>

#define REPORT_PAGE 1000

int
reports_each(struct cli *c, struct timebox *tb,
	void (*each)(void *user, const Timebox__V1__Member *m), void *user)
{
	char after[16] = "";
	uint64_t after_member = 0;
	bool more = true;

	while (more) {
		Timebox__V1__GetReport ask;
		Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
		Timebox__V1__Response *answer = NULL;
		const Timebox__V1__Report *report;
		int rc;

		timebox__v1__get_report__init(&ask);
		ask.after_number = after;
		ask.after_member = after_member;
		ask.limit = REPORT_PAGE;
		call.kind_case = TIMEBOX__V1__CALL__KIND_GET_REPORT;
		call.get_report = &ask;
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_REPORT, &answer);
		if (rc != CLI_DONE)
			return rc;
		report = answer->report;
		for (size_t i = 0; i < report->n_members; i++)
			each(user, report->members[i]);
		more = report->more && report->n_members > 0;
		if (more) {
			const Timebox__V1__Member *last = report->members[report->n_members - 1];

			(void)snprintf(after, sizeof(after), "%.15s", last->number);
			after_member = after[0] == '\0' ? last->member : 0;
		}
		timebox_response_free(answer);
	}
	return CLI_DONE;
}

/* ---- findings ---- */

static void
finding_count(struct findings_count *n, const Timebox__V1__Finding *f)
{
	n->found += f->outcome == TIMEBOX__V1__FINDING_OUTCOME__FINDING_OUTCOME_FOUND;
	n->missing += f->outcome == TIMEBOX__V1__FINDING_OUTCOME__FINDING_OUTCOME_MISSING;
	n->differs += f->outcome == TIMEBOX__V1__FINDING_OUTCOME__FINDING_OUTCOME_DIFFERS;
	n->open += f->open != 0;
}

int
findings_each(struct cli *c, struct timebox *tb,
	void (*each)(void *user, const Timebox__V1__Finding *f), void *user, struct findings_count *out)
{
	Timebox__V1__GetFindings ask = TIMEBOX__V1__GET_FINDINGS__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	bool more = true;

	*out = (struct findings_count){0};
	ask.limit = REPORT_PAGE;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_FINDINGS;
	call.get_findings = &ask;
	while (more) {
		Timebox__V1__Response *answer = NULL;
		const Timebox__V1__Findings *page;
		int rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_FINDINGS, &answer);

		if (rc != CLI_DONE)
			return rc;
		page = answer->findings;
		for (size_t i = 0; i < page->n_findings; i++) {
			finding_count(out, page->findings[i]);
			if (each != NULL)
				each(user, page->findings[i]);
			ask.after_seq = page->findings[i]->record->seq;
			ask.after_index = page->findings[i]->record->index;
		}
		more = page->more && page->n_findings > 0;
		timebox_response_free(answer);
	}
	return CLI_DONE;
}

void
findings_print(const struct findings_count *n)
{
	if (n->found + n->missing + n->differs == 0)
		return;
	printf(_("Audits asked for the paper of %" PRIu64 " records: %" PRIu64 " found, %" PRIu64 " missing, %" PRIu64
		 " differ; %" PRIu64 " open.\n"),
		n->found + n->missing + n->differs, n->found, n->missing, n->differs, n->open);
}
