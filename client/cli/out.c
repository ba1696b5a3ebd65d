#include "client/cli/out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/sheet/field.h"
#include "timebox/v1/act.pb-c.h"

/* ---- JSON ---- */

void
out_json_line(json_t *object)
{
	char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);

	if (text == NULL)
		abort();
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(object);
}

json_t *
out_json_hex(const uint8_t *p, size_t n)
{
	char *text = malloc(2 * n + 1);
	json_t *j;

	if (text == NULL)
		abort();
	(void)hex_encode(text, 2 * n + 1, p, n);
	j = json_string(text);
	free(text);
	return j;
}

json_t *
out_json_base64(const uint8_t *p, size_t n)
{
	char *text = malloc(BASE64_LEN(n) + 1);
	json_t *j;

	if (text == NULL)
		abort();
	(void)base64_encode(text, BASE64_LEN(n) + 1, p, n);
	j = json_string(text);
	free(text);
	return j;
}

const char *
out_id(char buf[OUT_ID_SIZE], uint64_t seq, uint32_t index)
{
	if (index == 0)
		(void)snprintf(buf, OUT_ID_SIZE, "%" PRIu64, seq);
	else
		(void)snprintf(buf, OUT_ID_SIZE, "%" PRIu64 ".%" PRIu32, seq, index);
	return buf;
}

json_t *
out_json_id(uint64_t seq, uint32_t index)
{
	char buf[OUT_ID_SIZE];

	return json_string(out_id(buf, seq, index));
}

/* ---- values ---- */

const char *
out_minutes(char buf[OUT_TIME_SIZE], uint64_t minutes, bool zh)
{
	uint64_t h = minutes / 60, m = minutes % 60;

	if (h == 0)
		(void)snprintf(buf, OUT_TIME_SIZE, zh ? "%" PRIu64 "分" : "%" PRIu64 " min", m);
	else if (m == 0)
		(void)snprintf(buf, OUT_TIME_SIZE, zh ? "%" PRIu64 "小时" : "%" PRIu64 " h", h);
	else
		(void)snprintf(buf, OUT_TIME_SIZE,
			zh ? "%" PRIu64 "小时%" PRIu64 "分" : "%" PRIu64 " h %" PRIu64 " min", h, m);
	return buf;
}

const char *
out_minutes_signed(char buf[OUT_TIME_SIZE], int64_t minutes, bool zh)
{
	char plain[OUT_TIME_SIZE];
	uint64_t size = minutes < 0 ? 0 - (uint64_t)minutes : (uint64_t)minutes;

	(void)snprintf(buf, OUT_TIME_SIZE, "%s%.60s", minutes < 0 ? "-" : minutes > 0 ? "+" : "",
		out_minutes(plain, size, zh));
	return buf;
}

const char *
out_day(char buf[OUT_TIME_SIZE], int32_t day)
{
	char text[11] = "-";

	if (day != 0)
		day_format(day, text);
	memcpy(buf, text, sizeof(text));
	return buf;
}

const char *
out_time(char buf[OUT_TIME_SIZE], uint64_t time_us, int32_t zone_minutes)
{
	char day[11];
	int64_t minute;

	if (time_us == 0 || time_us > (uint64_t)INT64_MAX / 2) {
		(void)snprintf(buf, OUT_TIME_SIZE, "-");
		return buf;
	}
	minute = (int64_t)(time_us / 60000000) + zone_minutes;
	if (minute < 0 || minute / 1440 > INT32_MAX)
		minute = 0;
	day_format((int32_t)(minute / 1440), day);
	(void)snprintf(buf, OUT_TIME_SIZE, "%s %02d:%02d", day, (int)(minute % 1440 / 60),
		(int)(minute % 60));
	return buf;
}

/* ---- words ---- */

/* The text of `value` in a list of message ids, translated. */
static const char *
out_text(const char *const *texts, size_t n, int value)
{
	return _(value < 0 || (size_t)value >= n ? texts[0] : texts[value]);
}
#define TEXT(texts, value) out_text(texts, sizeof(texts) / sizeof((texts)[0]), (int)(value))

const char *
out_role(Timebox__V1__Role role)
{
	static const char *const texts[] = {N_("unknown"), N_("social worker"), N_("kiosk"),
		N_("outlet"), N_("auditor"), N_("volunteer"), N_("operator"), N_("system")};

	return TEXT(texts, role);
}

const char *
out_class(Timebox__V1__MemberClass c)
{
	static const char *const texts[] = {N_("unknown"), N_("resident"), N_("university"),
		N_("younger senior"), N_("paid staff")};

	return TEXT(texts, c);
}

const char *
out_member_status(Timebox__V1__MemberStatus s)
{
	static const char *const texts[] = {N_("unknown"), N_("active"), N_("suspended"), N_("left"),
		N_("erased")};

	return TEXT(texts, s);
}

const char *
out_key_status(Timebox__V1__KeyStatus s)
{
	static const char *const texts[] = {N_("unknown"), N_("active"), N_("revoked"),
		N_("waiting for approval")};

	return TEXT(texts, s);
}

const char *
out_hold_state(Timebox__V1__HoldState s)
{
	static const char *const texts[] = {N_("unknown"), N_("held"), N_("confirmed"),
		N_("cancelled"), N_("released"), N_("reversed")};

	return TEXT(texts, s);
}

const char *
out_batch_state(Timebox__V1__BatchState s)
{
	static const char *const texts[] = {N_("unknown"), N_("incomplete"), N_("recorded"),
		N_("attested"), N_("credited"), N_("withdrawn"), N_("being reversed"), N_("reversed")};

	return TEXT(texts, s);
}

const char *
out_provenance(Timebox__V1__Provenance p)
{
	static const char *const texts[] = {N_("unknown"), N_("own check-in"), N_("witnessed"),
		N_("visit code"), N_("backfilled"), N_("opening")};

	return TEXT(texts, p);
}

const char *
out_record_state(Timebox__V1__RecordState s)
{
	static const char *const texts[] = {N_("unknown"), N_("recorded"), N_("attested"), N_("credited"),
		N_("rejected"), N_("withdrawn"), N_("reversed")};

	return TEXT(texts, s);
}

const char *
out_finding(Timebox__V1__FindingOutcome o)
{
	static const char *const texts[] = {N_("unknown"), N_("paper found"), N_("paper missing"),
		N_("paper differs")};

	return TEXT(texts, o);
}

const char *
out_ground(Timebox__V1__LegalGround g)
{
	static const char *const texts[] = {N_("unknown"), N_("the person's request"),
		N_("the person's consent"), N_("an inspection"), N_("the time is over"), N_("next of kin"),
		N_("an order")};

	return TEXT(texts, g);
}

/* "MEMBER_CLASS_" of "MemberClass": as many bytes of each value's name go. */
static size_t
out_prefix_size(const char *type)
{
	size_t n = 0;

	for (; *type != '\0'; type++)
		n += *type >= 'A' && *type <= 'Z' ? 2 : 1;
	return n;
}

const char *
out_word(const ProtobufCEnumDescriptor *desc, int value)
{
	static struct {
		const ProtobufCEnumValue *of;
		char word[48];
	} known[128];
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(desc, value);
	size_t i, k, from = out_prefix_size(desc->short_name);

	if (v == NULL || strlen(v->name) <= from)
		return "unknown";
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].of == v)
			return known[i].word;
		if (known[i].of != NULL)
			continue;
		known[i].of = v;
		for (k = 0; v->name[from + k] != '\0' && k < sizeof(known[i].word) - 1; k++) {
			char l = v->name[from + k];

			known[i].word[k] = (char)(l >= 'A' && l <= 'Z' ? l - 'A' + 'a' : l);
		}
		return known[i].word;
	}
	return "unknown";
}

const char *
out_command_name(uint32_t number)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(&timebox__v1__command__descriptor, number);

	return field == NULL ? "unknown" : field->name;
}

const char *
out_command_text(uint32_t number)
{
	static const struct {
		uint32_t number;
		const char *text;
	} texts[] = {
		{1, N_("the station's first entry")}, {2, N_("the clock accepted")},
		{3, N_("newer rules of the book")}, {4, N_("another ledger key")}, {10, N_("a key admitted")},
		{11, N_("an invitation")}, {12, N_("a key linked to its person")},
		{13, N_("an approval")}, {14, N_("a proposal withdrawn")}, {15, N_("a key revoked")},
		{16, N_("the station opened")}, {17, N_("new rules")}, {20, N_("a new word")},
		{21, N_("a new member")}, {22, N_("a member's data")}, {23, N_("kin")},
		{24, N_("a PIN slip")}, {25, N_("a card bound")}, {26, N_("a card blocked")},
		{27, N_("a beneficiary")}, {28, N_("a pairing")}, {29, N_("a delegation")},
		{30, N_("a partner")}, {31, N_("a service item")}, {32, N_("a redemption item")},
		{33, N_("a donation")}, {40, N_("an activity")}, {41, N_("checked in")},
		{42, N_("checked out")}, {43, N_("service recorded")}, {44, N_("a batch attested")},
		{45, N_("service attested")}, {46, N_("service rejected")}, {47, N_("a batch withdrawn")},
		{48, N_("a batch reversed")}, {60, N_("points set aside")}, {61, N_("handed over")},
		{62, N_("cancelled")}, {63, N_("a redemption reversed")}, {64, N_("a late delivery")},
		{65, N_("a permit to redeem")}, {66, N_("a gift of points")},
		{80, N_("personal data erased")}, {81, N_("a private text opened")},
		{82, N_("the paper behind a record looked for")},
		{90, N_("points given back, not collected")}, {91, N_("checked out at the planned end")},
		{92, N_("service credited")}, {93, N_("a credit reversed")},
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].number == number)
			return _(texts[i].text);
	return _("unknown");
}
