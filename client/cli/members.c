#include "client/cli/members.h"

#include <inttypes.h>

#include "client/cli/out.h"

int
members_get(struct cli *c, struct timebox *tb, const char *number, const char *pin_file,
	Timebox__V1__Response **out)
{
	Timebox__V1__GetMember ask;
	Timebox__V1__Call call;
	int rc;

	if (timebox_hello(tb)->role == TIMEBOX__V1__ROLE__ROLE_KIOSK &&
		timebox_session_member(tb) == 0)
		rc = cli_login(c, tb, number, pin_file, NULL);
	else
		rc = cli_number(c, "NO", number);
	if (rc != CLI_DONE)
		return rc;
	timebox__v1__get_member__init(&ask);
	timebox__v1__call__init(&call);
	ask.number = timebox_string(number);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_MEMBER;
	call.get_member = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_MEMBER, out);
}

/* null for no day. */
static json_t *
member_day(int32_t day)
{
	char text[OUT_TIME_SIZE];

	return day == 0 ? json_null() : json_string(out_day(text, day));
}

static json_t *
member_lots(const Timebox__V1__Member *m)
{
	json_t *lots = json_array();
	size_t i;

	for (i = 0; i < m->n_lots; i++)
		json_array_append_new(lots, json_pack("{s:o,s:I,s:I}", "expires",
			member_day(m->lots[i]->expiry_day), "available", (json_int_t)m->lots[i]->available,
			"held", (json_int_t)m->lots[i]->held));
	return lots;
}

static json_t *
member_carries(const Timebox__V1__Member *m)
{
	json_t *carries = json_array();
	size_t i;

	for (i = 0; i < m->n_carries; i++)
		json_array_append_new(carries, json_pack("{s:I,s:I,s:I}", "ratio_minutes",
			(json_int_t)m->carries[i]->ratio_minutes, "ratio_points",
			(json_int_t)m->carries[i]->ratio_points, "minutes",
			(json_int_t)m->carries[i]->minutes));
	return carries;
}

json_t *
members_json(const Timebox__V1__Member *m)
{
	json_t *j = json_pack("{s:s,s:I,s:s,s:s,s:s,s:I,s:I,s:{s:I,s:I},s:I,s:I,s:o,s:o}", "member",
		m->number, "id", (json_int_t)m->member, "name", m->name, "class",
		out_word(&timebox__v1__member_class__descriptor, (int)m->class_), "status",
		out_word(&timebox__v1__member_status__descriptor, (int)m->status), "records",
		(json_int_t)m->records, "minutes", (json_int_t)m->minutes, "points", "available",
		(json_int_t)m->available, "held", (json_int_t)m->held, "debt", (json_int_t)m->debt,
		"carry_minutes", (json_int_t)m->carry_minutes, "carries", member_carries(m), "lots",
		member_lots(m));
	json_t *kin = json_array();
	size_t i;

	for (i = 0; i < m->n_kin; i++)
		json_array_append_new(kin, json_integer((json_int_t)m->kin[i]));
	json_object_set_new(j, "joined", member_day(m->joined_day));
	json_object_set_new(j, "trained_from", member_day(m->trained_from_day));
	json_object_set_new(j, "trained_to", member_day(m->trained_to_day));
	json_object_set_new(j, "birth_year", json_integer(m->birth_year));
	json_object_set_new(j, "unit", json_string(m->unit));
	json_object_set_new(j, "phone", json_string(m->phone));
	json_object_set_new(j, "kin", kin);
	json_object_set_new(j, "pin_set", json_boolean(m->pin_set));
	json_object_set_new(j, "card_bound", json_boolean(m->card_bound));
	json_object_set_new(j, "checked_in", json_boolean(m->session_start_us != 0));
	json_object_set_new(j, "seq", json_integer((json_int_t)m->last_seq));
	return j;
}

static void
member_print_lots(const Timebox__V1__Member *m)
{
	char day[OUT_TIME_SIZE];
	size_t i;

	for (i = 0; i < m->n_lots; i++)
		if (m->lots[i]->expiry_day != 0 && m->lots[i]->available > 0)
			printf(_("             %" PRIu64 " of them until %s\n"), m->lots[i]->available,
				out_day(day, m->lots[i]->expiry_day));
}

void
members_print_balance(const struct cli *c, const Timebox__V1__Member *m)
{
	char time[OUT_TIME_SIZE];
	size_t i;

	printf(_("hours given  %s in %" PRIu32 " records\n"), out_minutes(time, m->minutes, c->zh),
		m->records);
	printf(_("points       %" PRIu64 "\n"), m->available);
	member_print_lots(m);
	if (m->held > 0)
		printf(_("set aside    %" PRIu64 " points\n"), m->held);
	if (m->debt > 0)
		printf(_("still owed   %" PRIu64 " points, made good from what comes next\n"), m->debt);
	for (i = 0; i < m->n_carries; i++) {
		const Timebox__V1__Carry *k = m->carries[i];

		if (k->minutes < k->ratio_minutes)
			printf(_("next         %" PRIu32 " more minutes give %" PRIu32 " points\n"),
				k->ratio_minutes - k->minutes, k->ratio_points);
	}
}
