/* timebox member add: one new member. */
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/out.h"
#include "client/cli/person.h"

static int
add_send(struct cli *c, struct timebox *tb, const char *number, const struct person_words *w,
	Timebox__V1__MemberAdd *add)
{
	struct timebox_draft *d = timebox_draft_new();
	const Timebox__V1__Effect *added = NULL;
	Timebox__V1__Response *answer = NULL;
	uint8_t commitment[HASH_LEN];
	Timebox__V1__PersonText text;
	Timebox__V1__Command command;
	int rc;

	timebox__v1__command__init(&command);
	timebox__v1__person_text__init(&text);
	text.number = timebox_string(number);
	text.name = timebox_string(w->name);
	text.unit = timebox_string(w->unit == NULL ? "" : w->unit);
	text.zone = timebox_string(w->zone == NULL ? "" : w->zone);
	text.phone = timebox_string(w->phone == NULL ? "" : w->phone);
	add->commitment = timebox_bytes(commitment, sizeof(commitment));
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_MEMBER_ADD;
	command.member_add = add;
	if (d == NULL || timebox_draft_text(d, 0, 0, &text.base, commitment) != RESULT_OK ||
		timebox_draft_add(d, &command) != RESULT_OK)
		rc = cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	else
		rc = cli_act(c, tb, d, &answer);
	if (rc == CLI_DONE)
		added = done_effect(answer->receipt, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_MEMBER_ADDED, 0);
	if (rc == CLI_DONE && c->json)
		out_json_line(json_pack("{s:s,s:I,s:o}", "member", number, "internal",
			added == NULL ? (json_int_t)0 : (json_int_t)added->id, "id",
			out_json_id(answer->receipt->seq, 0)));
	else if (rc == CLI_DONE)
		printf(_("%s is a member now.\n"), number);
	timebox_response_free(answer);
	timebox_draft_free(d);
	return rc;
}

static int
add_run(struct cli *c, const char *number, const struct person_words *w, const struct person *p)
{
	struct timebox *tb = NULL;
	Timebox__V1__MemberAdd add;
	int rc = cli_connect(c, &tb);

	timebox__v1__member_add__init(&add);
	add.class_ = p->class;
	add.joined_day = p->joined_day;
	add.trained_from_day = p->trained_from_day;
	add.trained_to_day = p->trained_to_day;
	add.birth_year = p->birth_year;
	if (rc == CLI_DONE && p->joined_day == 0)
		add.joined_day = (int32_t)(((int64_t)(timebox_now_us(tb) / 60000000) +
			timebox_hello(tb)->zone_minutes) / 1440);
	if (rc == CLI_DONE && w->area != NULL)
		rc = person_area(c, tb, w->area, &add.area);
	if (rc == CLI_DONE)
		rc = add_send(c, tb, number, w, &add);
	timebox_close(tb);
	return rc;
}

int
cmd_member_add(struct cli *c, int argc, char **argv)
{
	const char *number = NULL;
	struct person_words w = {.name = NULL};
	struct person p = {.joined_day = 0};
	const struct cli_option options[] = {
		{.name = "number", .arg = "NO", .help = N_("8 digits, the last a check digit"), .text = &number},
		{.name = "name", .arg = "NAME", .help = N_("the person's name"), .text = &w.name},
		{.name = "class", .arg = "CLASS", .help = N_("resident, university, young_old or paid_staff"),
			.text = &w.class},
		{.name = "area", .arg = "NAME", .help = N_("the area (社区)"), .text = &w.area},
		{.name = "joined", .arg = "DAY", .help = N_("the day of joining; else today"), .text = &w.joined},
		{.name = "trained-from", .arg = "DAY", .help = N_("training is valid from"),
			.text = &w.trained_from},
		{.name = "trained-to", .arg = "DAY", .help = N_("training is valid to"), .text = &w.trained_to},
		{.name = "birth-year", .arg = "YEAR", .help = N_("the year of birth"), .text = &w.birth_year},
		{.name = "unit", .arg = "NAME", .help = N_("school or organisation"), .text = &w.unit},
		{.name = "zone", .arg = "NAME", .help = N_("zone (片区)"), .text = &w.zone},
		{.name = "phone", .arg = "PHONE", .help = N_("telephone"), .text = &w.phone},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.options = options,
		.help = N_("Adds one member. Name, unit, zone and telephone never enter the ledger."),
		.examples = "  timebox member add --number 20000016 --name 张三 --class resident --area 望城坡\n",
	};
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	if (number == NULL || w.name == NULL || w.class == NULL)
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--number, --name, --class", NULL);
	rc = cli_number(c, "--number", number);
	if (rc == CLI_DONE)
		rc = person_read(c, &w, &p);
	return rc == CLI_DONE ? add_run(c, number, &w, &p) : rc;
}
