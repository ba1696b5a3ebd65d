/* timebox member update: what may change of a member. */
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/members.h"
#include "client/cli/person.h"

/* Private text is restated as a whole: what was not said is as it was. */
static int
update_send(struct cli *c, struct timebox *tb, const Timebox__V1__Member *m,
	const struct person_words *w, Timebox__V1__MemberUpdate *update)
{
	struct timebox_draft *d = timebox_draft_new();
	enum result r = d == NULL ? RESULT_NO_MEMORY : RESULT_OK;
	uint8_t commitment[HASH_LEN];
	Timebox__V1__PersonText text;
	Timebox__V1__Command command;
	int rc;

	timebox__v1__command__init(&command);
	timebox__v1__person_text__init(&text);
	text.number = m->number;
	text.name = w->name == NULL ? m->name : timebox_string(w->name);
	text.unit = w->unit == NULL ? m->unit : timebox_string(w->unit);
	text.phone = w->phone == NULL ? m->phone : timebox_string(w->phone);
	text.zone = timebox_string(w->zone == NULL ? "" : w->zone);
	if (r == RESULT_OK && w->zone != NULL) {
		r = timebox_draft_text(d, 0, 0, &text.base, commitment);
		update->commitment = timebox_bytes(commitment, sizeof(commitment));
	}
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_MEMBER_UPDATE;
	command.member_update = update;
	if (r == RESULT_OK)
		r = timebox_draft_add(d, &command);
	rc = r == RESULT_OK ? done_send_draft(c, tb, d, _("Changed.")) : cli_fail_here(c, r, NULL, NULL);
	timebox_draft_free(d);
	return rc;
}

static int
update_run(struct cli *c, const char *number, const struct person_words *w, unsigned status)
{
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	Timebox__V1__MemberUpdate update;
	struct person p;
	int rc = cli_connect(c, &tb);

	if (rc == CLI_DONE)
		rc = members_get(c, tb, number, NULL, &answer);
	if (rc != CLI_DONE)
		goto out;
	p = (struct person){
		.class = answer->member->class_,
		.trained_from_day = answer->member->trained_from_day,
		.trained_to_day = answer->member->trained_to_day,
	};
	rc = person_read(c, w, &p);
	timebox__v1__member_update__init(&update);
	update.member = answer->member->member;
	update.class_ = p.class;
	update.area = answer->member->area;
	update.trained_from_day = p.trained_from_day;
	update.trained_to_day = p.trained_to_day;
	update.status = status == 0 ? answer->member->status : (Timebox__V1__MemberStatus)status;
	if (rc == CLI_DONE && w->area != NULL)
		rc = person_area(c, tb, w->area, &update.area);
	if (rc == CLI_DONE)
		rc = update_send(c, tb, answer->member, w, &update);
out:
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}

int
cmd_member_update(struct cli *c, int argc, char **argv)
{
	static const char *const statuses[] = {"active", "suspended", "left", NULL};
	const char *args[1], *status = NULL;
	struct person_words w = {.name = NULL};
	const struct cli_option options[] = {
		{.name = "class", .arg = "CLASS", .help = N_("resident, university, young_old or paid_staff"),
			.text = &w.class},
		{.name = "area", .arg = "NAME", .help = N_("the area (社区)"), .text = &w.area},
		{.name = "trained-from", .arg = "DAY", .help = N_("training is valid from"),
			.text = &w.trained_from},
		{.name = "trained-to", .arg = "DAY", .help = N_("training is valid to"), .text = &w.trained_to},
		{.name = "status", .arg = "STATUS", .help = N_("active, suspended or left"), .text = &status},
		{.name = "name", .arg = "NAME", .help = N_("the person's name (say --zone too)"), .text = &w.name},
		{.name = "unit", .arg = "NAME", .help = N_("school or organisation (say --zone too)"),
			.text = &w.unit},
		{.name = "phone", .arg = "PHONE", .help = N_("telephone (say --zone too)"), .text = &w.phone},
		{.name = "zone", .arg = "NAME", .help = N_("zone (片区)"), .text = &w.zone},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "NO", .min = 1, .max = 1, .options = options,
		.help = N_("Changes what is said of a member; what is not mentioned stays."),
		.examples = "  timebox member update 20000016 --trained-from 2026-03-01 --trained-to 2028-02-29\n"
			    "  timebox member update 20000016 --phone 13800000000 --zone 东片区\n",
	};
	unsigned which = 0;
	int rc = CLI_DONE;

	cli_parse(c, &usage, argc, argv, args);
	if (w.zone == NULL && (w.name != NULL || w.unit != NULL || w.phone != NULL))
		return cli_fail_here(c, RESULT_MISSING_FIELD, "--zone", "%s",
			_("name, unit, telephone and zone are stated anew together"));
	if (status != NULL) {
		rc = cli_choice(c, "--status", status, statuses, &which);
		which++;
	}
	return rc == CLI_DONE ? update_run(c, args[0], &w, which) : rc;
}
