#include "daemon/codec/commitment.h"

#include <string.h>

#include "daemon/book/tables.h"
#include "timebox/v1/rpc.pb-c.h"

const ProtobufCMessageDescriptor *
commitment_form(uint32_t kind)
{
	switch (kind) {
	case COMMAND_MEMBER_ADD:
	case COMMAND_MEMBER_UPDATE:
		return &timebox__v1__person_text__descriptor;
	case COMMAND_CARD_BIND:
		return &timebox__v1__card_text__descriptor;
	case COMMAND_SERVICE_ROWS:
		return &timebox__v1__record_text__descriptor;
	default:
		return &timebox__v1__name_text__descriptor;
	}
}

static uint64_t
stated_id(const Timebox__V1__Entry *entry, uint32_t command, enum effect_kind kind)
{
	for (size_t i = 0; i < entry->n_effects; i++)
		if (entry->effects[i]->command == command && (int)entry->effects[i]->kind == (int)kind)
			return entry->effects[i]->id;
	return 0;
}

static void
command_owner(const Timebox__V1__Entry *entry, const struct command *c, uint32_t command,
    struct commitment *out)
{
	switch (c->kind) {
	case COMMAND_MEMBER_ADD:
		out->member = stated_id(entry, command, EFFECT_MEMBER_ADDED);
		out->bits = ERASED_DETAILS;
		return;
	case COMMAND_MEMBER_UPDATE:
	case COMMAND_CARD_BIND:
		out->member = c->member;
		out->bits = ERASED_DETAILS;
		return;
	case COMMAND_BENEFICIARY_ADD:
		out->beneficiary = stated_id(entry, command, EFFECT_BENEFICIARY_ADDED);
		out->bits = ERASED_DETAILS;
		return;
	default:
		return;
	}
}

void
commitment_find(const Timebox__V1__Entry *entry, const struct act *act, uint32_t command, uint32_t row,
    struct commitment *out)
{
	static const uint8_t none[32];
	const struct command *c = command < act->n_commands ? &act->commands[command] : NULL;

	memset(out, 0, sizeof(*out));
	if (c == NULL)
		return;
	out->form = commitment_form(c->kind);
	if (c->kind == COMMAND_SERVICE_ROWS && row < c->n_rows) {
		out->bytes = c->rows[row].commitment;
		out->member = c->rows[row].member;
		out->beneficiary = c->rows[row].beneficiary;
		out->bits = ERASED_RECORDS;
	} else if (c->kind != COMMAND_SERVICE_ROWS && row == 0) {
		out->bytes = c->commitment;
		command_owner(entry, c, command, out);
	}
	if (out->bytes != NULL && memcmp(out->bytes, none, sizeof(none)) == 0)
		out->bytes = NULL;
}
