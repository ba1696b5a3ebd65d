#include "client/cli/reports.h"

#define REPORT_PAGE 1000

int
reports_each(struct cli *c, struct timebox *tb,
	void (*each)(void *user, const Timebox__V1__Member *m), void *user)
{
	char after[16] = "";
	bool more = true;

	while (more) {
		Timebox__V1__GetReport ask;
		Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
		Timebox__V1__Response *answer = NULL;
		const Timebox__V1__Report *report;
		int rc;

		timebox__v1__get_report__init(&ask);
		ask.after_number = after;
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
		if (more)
			(void)snprintf(after, sizeof(after), "%.15s",
				report->members[report->n_members - 1]->number);
		timebox_response_free(answer);
	}
	return CLI_DONE;
}
