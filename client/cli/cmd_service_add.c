/* timebox service add: one record, typed in: a batch of one. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/batch.h"
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/out.h"
#include "client/cli/station_day.h"
#include "client/cli/words.h"
#include "client/sheet/field.h"

/* As it was typed; NULL: not said. */
struct typed {
	const char *member, *item, *day, *start, *end, *area, *place, *beneficiary, *activity,
		*responsible, *unit;
	bool measured;
};

static int
typed_time(const struct cli *c, const char *what, const char *text, uint32_t *minute)
{
	uint16_t m = 0;

	if (field_time(text, &m) != RESULT_OK)
		return cli_fail_here(c, RESULT_BAD_TIME, what, _("%s is no time, such as 14:05"), text);
	*minute = m;
	return CLI_DONE;
}

/* What needs nobody else. `item` is where the code is kept. */
static int
typed_row(const struct cli *c, const struct typed *t, char item[CLI_CODE_SIZE],
	Timebox__V1__ServiceRow *row)
{
	const struct {
		const char *what, *text;
	} needed[] = {{"--member", t->member}, {"--item", t->item}, {"--day", t->day},
		{"--start", t->start}, {"--end", t->end}};
	int rc;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (needed[i].text == NULL)
			return cli_fail_here(c, RESULT_MISSING_FIELD, needed[i].what, NULL);
	rc = cli_number(c, "--member", t->member);
	if (rc == CLI_DONE)
		rc = cli_code(c, "--item", t->item, item);
	if (rc == CLI_DONE)
		rc = cli_day(c, "--day", t->day, &row->day);
	if (rc == CLI_DONE && (row->day < 1 || row->day > STATION_DAY_LAST))
		rc = cli_fail_here(c, RESULT_BAD_DATE, "--day", NULL);
	if (rc == CLI_DONE)
		rc = typed_time(c, "--start", t->start, &row->start_minute);
	if (rc == CLI_DONE)
		rc = typed_time(c, "--end", t->end, &row->end_minute);
	row->line = 1;
	row->item = item;
	row->measured = t->measured;
	return rc;
}

/* The id of one word of the station's, created where it is new; NULL has none. */
static int
typed_word(struct cli *c, struct timebox *tb, enum words_kind kind, const char *text, uint64_t *id)
{
	struct words w = {.kind = kind};
	int rc;

	if (text == NULL || text[0] == '\0')
		return CLI_DONE;
	words_add(&w, text);
	rc = words_resolve(c, tb, &w);
	if (rc == CLI_DONE)
		rc = words_create(c, tb, &w);
	*id = words_id(&w, text);
	words_free(&w);
	return rc;
}

static const char *
or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static enum result
add_compose(struct timebox_draft *d, const struct typed *t, Timebox__V1__ServiceRows *rows,
	uint8_t commitment[HASH_LEN])
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__RecordText text;
	enum result r;

	timebox__v1__record_text__init(&text);
	text.activity = timebox_string(or_empty(t->activity));
	text.place = timebox_string(or_empty(t->place));
	text.beneficiary = timebox_string(or_empty(t->beneficiary));
	text.responsible = timebox_string(or_empty(t->responsible));
	text.unit = timebox_string(or_empty(t->unit));
	r = timebox_draft_text(d, 0, 0, &text.base, commitment);
	if (r != RESULT_OK)
		return r;
	rows->rows[0]->commitment = timebox_bytes(commitment, HASH_LEN);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_SERVICE_ROWS;
	command.service_rows = rows;
	return timebox_draft_add(d, &command);
}

/* Whether the daemon would take it: a batch of one refused row would be in everybody's way. */
static int
add_try(struct cli *c, struct timebox *tb, const struct timebox_draft *d)
{
	Timebox__V1__DryRun ask = TIMEBOX__V1__DRY_RUN__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	ProtobufCBinaryData act;
	struct timebox_error e;
	unsigned code = RESULT_OK;
	int rc;

	act.data = (uint8_t *)(uintptr_t)timebox_draft_act(d, &act.len);
	ask.n_acts = 1;
	ask.acts = &act;
	call.kind_case = TIMEBOX__V1__CALL__KIND_DRY_RUN;
	call.dry_run = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_DRY_RUN, &answer);
	if (rc != CLI_DONE)
		return rc;
	for (size_t i = 0; i < answer->dry_run->n_acts && code == RESULT_OK; i++) {
		const Timebox__V1__DryRunAct *one = answer->dry_run->acts[i];

		code = (unsigned)one->code;
		for (size_t k = 0; k < one->n_effects && code == RESULT_OK; k++)
			if (one->effects[k]->kind ==
				TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_ROW_REFUSED)
				code = (unsigned)one->effects[k]->verdict;
	}
	timebox_response_free(answer);
	if (code == RESULT_OK)
		return CLI_DONE;
	(void)timebox_error_set(&e, TIMEBOX_FAILURE_REFUSED,
		result_known(code) ? (enum result)code : RESULT_INTERNAL, "record", "%s", "");
	return cli_fail(c, &e);
}

static int
add_send(struct cli *c, struct timebox *tb, const struct typed *t, Timebox__V1__ServiceRow *row)
{
	Timebox__V1__ServiceRows rows = TIMEBOX__V1__SERVICE_ROWS__INIT;
	Timebox__V1__ServiceRow *list[1] = {row};
	struct timebox_draft *d = timebox_draft_new();
	Timebox__V1__Response *answer = NULL;
	uint8_t id[PARTS_ID_LEN], commitment[HASH_LEN];
	enum result r = d == NULL ? RESULT_NO_MEMORY : crypto_random(id, sizeof(id));
	char hex[2 * PARTS_ID_LEN + 1];
	int rc;

	rows.batch = timebox_bytes(id, sizeof(id));
	rows.attempt = PARTS_ATTEMPT;
	rows.parts = 1;
	rows.n_rows = 1;
	rows.rows = list;
	if (r == RESULT_OK)
		r = add_compose(d, t, &rows, commitment);
	if (r == RESULT_OK)
		r = timebox_draft_seal_for(d, tb);
	rc = r == RESULT_OK ? add_try(c, tb, d) : cli_fail_here(c, r, NULL, NULL);
	if (rc == CLI_DONE)
		rc = cli_act(c, tb, d, &answer);
	(void)hex_encode(hex, sizeof(hex), id, sizeof(id));
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:s,s:o}", "batch", hex, "id",
			out_json_id(answer->receipt->seq, 0)));
	else if (rc == CLI_DONE)
		printf(_("Recorded. A colleague attests it: timebox service attest --batch %s\n"), hex);
	timebox_response_free(answer);
	timebox_draft_free(d);
	return rc;
}

static int
add_run(struct cli *c, const struct typed *t)
{
	Timebox__V1__ServiceRow row;
	char item[CLI_CODE_SIZE] = "";
	struct timebox *tb = NULL;
	uint64_t area = 0;
	int rc;

	timebox__v1__service_row__init(&row);
	rc = typed_row(c, t, item, &row);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_member_id(c, tb, t->member, &row.member);
	if (rc == CLI_DONE)
		rc = typed_word(c, tb, WORDS_AREAS, t->area, &area);
	if (rc == CLI_DONE)
		rc = typed_word(c, tb, WORDS_BENEFICIARIES, t->beneficiary, &row.beneficiary);
	row.area = (uint32_t)area;
	if (rc == CLI_DONE)
		rc = add_send(c, tb, t, &row);
	timebox_close(tb);
	return rc;
}

int
cmd_service_add(struct cli *c, int argc, char **argv)
{
	struct typed t = {.measured = false};
	const struct cli_option options[] = {
		{.name = "member", .arg = "NO", .help = N_("who served"), .text = &t.member},
		{.name = "item", .arg = "CODE", .help = N_("the service item"), .text = &t.item},
		{.name = "day", .arg = "DAY", .help = N_("as in 2026-01-31"), .text = &t.day},
		{.name = "start", .arg = "TIME", .help = N_("as in 14:05"), .text = &t.start},
		{.name = "end", .arg = "TIME", .help = N_("as in 16:00; 24:00 is midnight"),
			.text = &t.end},
		{.name = "area", .arg = "NAME", .help = N_("the community"), .text = &t.area},
		{.name = "place", .arg = "TEXT", .help = N_("where"), .text = &t.place},
		{.name = "beneficiary", .arg = "REF", .help = N_("for whom: the station's own reference"),
			.text = &t.beneficiary},
		{.name = "activity", .arg = "TEXT", .help = N_("what it was called"),
			.text = &t.activity},
		{.name = "responsible", .arg = "NAME", .help = N_("the person in charge"),
			.text = &t.responsible},
		{.name = "unit", .arg = "NAME", .help = N_("the recording unit"), .text = &t.unit},
		{.name = "measured", .help = N_("it was clocked at the time; counts only during set-up"),
			.flag = &t.measured},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Types in one service record afterwards. It is a batch of one, which a colleague "
			   "attests."),
		.examples = "  timebox service add --member 20000016 --item 203 --day 2026-01-31 \\\n"
			    "    --start 14:00 --end 16:00 --area 向阳社区 --beneficiary D006\n",
	};

	cli_parse(c, &usage, argc, argv, NULL);
	return add_run(c, &t);
}
