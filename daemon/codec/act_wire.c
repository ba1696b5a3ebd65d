/*
 * The short way from an act's bytes to the book's struct, for what arrives all day: gifts, holds, confirmations, check-ins.
 *
 * The long way (act.c) unpacks with protobuf-c, packs again to see that the bytes are canonical, and converts field by field:
 * four fifths of the instructions of a gift before it is decided. This one reads the bytes once, accepts only what is canonical
 * and in range, and leaves the rest, lists and system acts and everything wrong, to the long way. Its plan of fields is
 * made from the same table and descriptors; a fuzz target and a unit test compare the two.
 */
#include <pthread.h>
#include <string.h>

#include "daemon/codec/act_int.h"
#include "proto/uuid7.h"
#include "proto/wire.h"
#include "timebox/v1/act.pb-c.h"

/* A kind is a field number of Command, a field one of the command's own message. */
#define PLAN_KINDS  128
#define PLAN_FIELDS 16

enum { ACT_ORIGIN = 1, ACT_REQUEST_ID, ACT_MADE_AT, ACT_KEY, ACT_MEMBER, ACT_SESSION, ACT_BEHALF, ACT_BRANCH, ACT_COMMANDS };
enum { REF_SEQ = 1, REF_INDEX, REF_LEAF };

/* How a field is read; of an unknown one, and of what is left to the long way, nothing. */
enum plan_how { PLAN_LONG = 0, PLAN_U64, PLAN_U32, PLAN_CODE, PLAN_BYTES, PLAN_COMMITMENT, PLAN_REF };

struct plan_field {
	enum plan_how how;
	uint32_t offset;
	uint64_t max;
};

static struct plan {
	int known;
	/* A bit for each field that must be there. */
	uint32_t required;
	struct plan_field fields[PLAN_FIELDS];
} plans[PLAN_KINDS];

static pthread_once_t plans_once = PTHREAD_ONCE_INIT;

static enum plan_how
field_how(const ProtobufCFieldDescriptor *desc, const struct act_field *field)
{
	if (field == NULL || desc->label == PROTOBUF_C_LABEL_REPEATED)
		return PLAN_LONG;
	switch (field->type) {
	case F_U64:
		return desc->type == PROTOBUF_C_TYPE_UINT64 ? PLAN_U64 : PLAN_LONG;
	case F_U32:
		/* Wider values of narrow types are the long way's to refuse. */
		return PLAN_U32;
	case F_DAY:
		return desc->type == PROTOBUF_C_TYPE_INT32 ? PLAN_U32 : PLAN_LONG;
	case F_CODE:
		return PLAN_CODE;
	case F_BYTES:
		return field->offset == offsetof(struct command, commitment) ? PLAN_COMMITMENT : PLAN_BYTES;
	case F_REF:
		return PLAN_REF;
	case F_RECEIPT:
	case F_RULES:
	case F_MEMBERS:
	case F_REFS:
	case F_ROWS:
	case F_REFUSED:
	case F_OUTLETS:
	case F_HASHES:
	case F_SIGNATURE:
		break;
	}
	return PLAN_LONG;
}

static void
plan_make(struct plan *plan, uint32_t kind, const ProtobufCMessageDescriptor *desc)
{
	for (unsigned i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &desc->fields[i];
		const struct act_field *field = act_field_find(d);
		int required = act_field_required(kind, d->name);

		if (d->id >= PLAN_FIELDS) {
			/* None today; such a kind would go the long way whenever the field must be there. */
			if (required)
				return;
			continue;
		}
		plan->fields[d->id] = (struct plan_field){
		    .how = field_how(d, field),
		    .offset = field == NULL ? 0 : (uint32_t)field->offset,
		    .max = field == NULL ? 0 : field->max,
		};
		if (required)
			plan->required |= 1u << d->id;
	}
	plan->known = 1;
}

static void
plans_make(void)
{
	const ProtobufCMessageDescriptor *command = &timebox__v1__command__descriptor;

	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].id < PLAN_KINDS)
			plan_make(&plans[command->fields[i].id], command->fields[i].id, command->fields[i].descriptor);
}

static int
read_bytes(struct wire *w, unsigned type, size_t len, void *out)
{
	struct wire bytes;

	if (type != WIRE_BYTES || wire_bytes(w, &bytes) != 0 || wire_left(&bytes) != len)
		return -1;
	memcpy(out, bytes.p, len);
	return 0;
}

static int
read_ref(struct wire *w, unsigned type, struct ref *out)
{
	struct wire ref;
	uint32_t field, last = 0;
	uint64_t v;

	if (type != WIRE_BYTES || wire_bytes(w, &ref) != 0)
		return -1;
	while (ref.p < ref.end) {
		if (wire_key(&ref, &field, &type) != 0 || field <= last)
			return -1;
		last = field;
		if (field == REF_SEQ && wire_number(&ref, type, ACT_SEQ_MAX, &v) == 0)
			out->seq = v;
		else if (field == REF_INDEX && wire_number(&ref, type, UINT16_MAX, &v) == 0)
			out->index = (uint32_t)v;
		else if (field != REF_LEAF || read_bytes(&ref, type, 32, out->leaf) != 0)
			return -1;
	}
	return out->seq == 0 ? -1 : 0;
}

static int
read_code(struct wire *w, unsigned type, void *out)
{
	struct wire text;
	code8 code;

	if (type != WIRE_BYTES || wire_bytes(w, &text) != 0 ||
	    (code = code_pack((const char *)text.p, wire_left(&text))) == 0)
		return -1;
	memcpy(out, &code, sizeof(code));
	return 0;
}

static int
read_field(struct wire *w, unsigned type, const struct plan_field *f, struct command *c)
{
	static const uint8_t none[32];
	uint8_t *to = (uint8_t *)c + f->offset;
	uint32_t narrow;
	uint64_t v;

	switch (f->how) {
	case PLAN_U64:
		if (wire_number(w, type, f->max, &v) != 0)
			return -1;
		memcpy(to, &v, sizeof(v));
		return 0;
	case PLAN_U32:
		if (wire_number(w, type, f->max, &v) != 0)
			return -1;
		narrow = (uint32_t)v;
		memcpy(to, &narrow, sizeof(narrow));
		return 0;
	case PLAN_CODE:
		return read_code(w, type, to);
	case PLAN_BYTES:
		return read_bytes(w, type, f->max, to);
	case PLAN_COMMITMENT:
		/* A commitment of zeros is none. */
		return read_bytes(w, type, 32, to) == 0 && memcmp(to, none, 32) != 0 ? 0 : -1;
	case PLAN_REF:
		return read_ref(w, type, &c->ref);
	case PLAN_LONG:
		break;
	}
	return -1;
}

static int
read_command(struct wire w, struct command *c)
{
	uint32_t kind, field, last = 0, seen = 0;
	const struct plan *plan;
	struct wire body;
	unsigned type;

	memset(c, 0, sizeof(*c));
	if (wire_key(&w, &kind, &type) != 0 || kind >= PLAN_KINDS || !plans[kind].known || type != WIRE_BYTES ||
	    wire_bytes(&w, &body) != 0 || w.p != w.end)
		return -1;
	plan = &plans[kind];
	c->kind = kind;
	while (body.p < body.end) {
		if (wire_key(&body, &field, &type) != 0 || field <= last || field >= PLAN_FIELDS ||
		    read_field(&body, type, &plan->fields[field], c) != 0)
			return -1;
		last = field;
		seen |= 1u << field;
	}
	return (seen & plan->required) == plan->required ? 0 : -1;
}

/* One field of the act's head; 0 or -1. */
static int
read_head(struct wire *w, uint32_t field, unsigned type, const char *origin, struct act *out)
{
	struct wire text;
	uint64_t v;

	switch (field) {
	case ACT_ORIGIN:
		return type == WIRE_BYTES && wire_bytes(w, &text) == 0 && wire_left(&text) == strlen(origin) &&
			       memcmp(text.p, origin, wire_left(&text)) == 0
			   ? 0
			   : -1;
	case ACT_REQUEST_ID:
		return read_bytes(w, type, 16, out->request_id);
	case ACT_MADE_AT:
		return wire_number(w, type, ACT_TIME_MAX, &out->made_at_us);
	case ACT_KEY:
		return read_bytes(w, type, 32, out->actor_key);
	case ACT_MEMBER:
		return wire_number(w, type, ACT_ID_MAX, &out->actor_member);
	case ACT_SESSION:
		return read_bytes(w, type, 8, out->session);
	case ACT_BEHALF:
		return wire_number(w, type, ACT_ID_MAX, &out->on_behalf);
	case ACT_BRANCH:
		if (wire_number(w, type, UINT32_MAX, &v) != 0)
			return -1;
		out->branch = (uint32_t)v;
		return 0;
	default:
		return -1;
	}
}

/* The commands, from the first on to the act's end: how many, or 0 if something else stands among them. */
static size_t
count_commands(struct wire w)
{
	struct wire command;
	uint32_t field;
	unsigned type;
	size_t n = 0;

	while (w.p < w.end) {
		if (wire_key(&w, &field, &type) != 0 || field != ACT_COMMANDS || type != WIRE_BYTES ||
		    wire_bytes(&w, &command) != 0)
			return 0;
		n++;
	}
	return n;
}

static enum result
read_commands(struct wire w, struct arena *arena, struct act *out)
{
	size_t n = count_commands(w), mark = arena->used;
	struct command *commands;
	struct wire command;
	uint32_t field;
	unsigned type;

	if (n == 0 || n > ACT_MAX_COMMANDS || (commands = arena_alloc(arena, n * sizeof(*commands))) == NULL)
		return RESULT_BAD_MESSAGE;
	for (size_t i = 0; i < n; i++) {
		if (wire_key(&w, &field, &type) != 0 || wire_bytes(&w, &command) != 0 ||
		    read_command(command, &commands[i]) != 0) {
			arena->used = mark;
			return RESULT_BAD_MESSAGE;
		}
	}
	out->commands = commands;
	out->n_commands = (uint32_t)n;
	return RESULT_OK;
}

enum result
act_decode_plain(const uint8_t *bytes, size_t len, const char *origin, struct arena *arena, struct act *out)
{
	/* Of no bytes there may be no pointer. */
	struct wire w = {bytes, len == 0 ? bytes : bytes + len}, commands = w;
	uint32_t field, seen = 0, last = 0;
	const uint32_t needed = 1u << ACT_ORIGIN | 1u << ACT_REQUEST_ID | 1u << ACT_KEY;
	unsigned type;

	(void)pthread_once(&plans_once, plans_make);
	memset(out, 0, sizeof(*out));
	while (w.p < w.end) {
		commands = w;
		if (wire_key(&w, &field, &type) != 0 || field <= last)
			return RESULT_BAD_MESSAGE;
		if (field == ACT_COMMANDS)
			break;
		if (read_head(&w, field, type, origin, out) != 0)
			return RESULT_BAD_MESSAGE;
		last = field;
		seen |= 1u << field;
	}
	if ((seen & needed) != needed || uuid7_check(out->request_id) != RESULT_OK ||
	    (seen >> ACT_MEMBER & 1) != (seen >> ACT_SESSION & 1))
		return RESULT_BAD_MESSAGE;
	return read_commands(commands, arena, out);
}
