#include "client/cli/person.h"

#include "client/cli/done.h"

#define YEAR_FIRST 1900
#define YEAR_LAST  2100

/* The words and what the spreadsheets say; two of each class, in the order of its number. */
static const char *const person_classes[] = {"resident", "居民", "university", "高校", "young_old",
	"低龄老人", "paid_staff", "专职", NULL};

int
person_read(const struct cli *c, const struct person_words *w, struct person *p)
{
	unsigned which = 0;
	int rc = CLI_DONE;

	if (w->class != NULL) {
		rc = cli_choice(c, "--class", w->class, person_classes, &which);
		p->class = (Timebox__V1__MemberClass)(which / 2 + 1);
	}
	if (rc == CLI_DONE && w->joined != NULL)
		rc = cli_day(c, "--joined", w->joined, &p->joined_day);
	if (rc == CLI_DONE && w->trained_from != NULL)
		rc = cli_day(c, "--trained-from", w->trained_from, &p->trained_from_day);
	if (rc == CLI_DONE && w->trained_to != NULL)
		rc = cli_day(c, "--trained-to", w->trained_to, &p->trained_to_day);
	if (rc == CLI_DONE && w->birth_year != NULL)
		rc = cli_count(c, "--birth-year", w->birth_year, YEAR_FIRST, YEAR_LAST, &p->birth_year);
	return rc;
}

/* 0 where there is no such term yet. */
static int
area_find(struct cli *c, struct timebox *tb, const char *name, uint32_t *area)
{
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Resolve resolve;
	Timebox__V1__Call call;
	char *names[1] = {timebox_string(name)};
	int rc;

	timebox__v1__resolve__init(&resolve);
	timebox__v1__call__init(&call);
	resolve.n_areas = 1;
	resolve.areas = names;
	call.kind_case = TIMEBOX__V1__CALL__KIND_RESOLVE;
	call.resolve = &resolve;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_RESOLVED, &answer);
	if (rc == CLI_DONE)
		*area = answer->resolved->n_areas == 1 ? answer->resolved->areas[0] : 0;
	timebox_response_free(answer);
	return rc;
}

static int
area_add(struct cli *c, struct timebox *tb, const char *name, uint32_t *area)
{
	struct timebox_draft *d = timebox_draft_new();
	const Timebox__V1__Effect *added = NULL;
	Timebox__V1__Response *answer = NULL;
	uint8_t commitment[HASH_LEN];
	Timebox__V1__Command command;
	Timebox__V1__TermAdd term;
	int rc;

	timebox__v1__command__init(&command);
	timebox__v1__term_add__init(&term);
	term.term = TIMEBOX__V1__TERM_KIND__TERM_KIND_AREA;
	term.commitment = timebox_bytes(commitment, sizeof(commitment));
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_TERM_ADD;
	command.term_add = &term;
	if (d == NULL || timebox_draft_name(d, name, NULL, commitment) != RESULT_OK ||
		timebox_draft_add(d, &command) != RESULT_OK)
		rc = cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	else
		rc = cli_act(c, tb, d, &answer);
	if (rc == CLI_DONE)
		added = done_effect(answer->receipt, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_TERM_ADDED, 0);
	if (rc == CLI_DONE && added == NULL)
		rc = cli_fail_here(c, RESULT_BAD_MESSAGE, "--area", NULL);
	else if (added != NULL)
		*area = (uint32_t)added->id;
	timebox_response_free(answer);
	timebox_draft_free(d);
	return rc;
}

int
person_area(struct cli *c, struct timebox *tb, const char *name, uint32_t *area)
{
	int rc = area_find(c, tb, name, area);

	if (rc == CLI_DONE && *area == 0)
		rc = area_add(c, tb, name, area);
	return rc;
}
