/* What an opening names: the entry as stored, a commitment in it, and whether its text is still there. */
#include <string.h>

#include "daemon/codec/commitment.h"
#include "daemon/engine/engine_int.h"

static enum result
refuse(const char **field, enum result err, const char *name)
{
	*field = name;
	return err;
}

static enum result
opening_check(struct engine *e, const struct command *c, const char **field)
{
	const Timebox__V1__Entry *entry;
	struct commitment found;
	struct act_fault fault;
	uint8_t leaf[32];
	struct act act;
	size_t len;
	enum result err;

	if (ledger_read(e->ledger, c->ref.seq, e->stored, sizeof(e->stored), &len) != RESULT_OK)
		return refuse(field, RESULT_NOT_FOUND, "ref");
	tree_leaf_hash(e->stored, len, leaf);
	if (memcmp(leaf, c->ref.leaf, sizeof(leaf)) != 0)
		return refuse(field, RESULT_WRONG_LEAF, "ref");
	if ((err = entry_decode(e->stored, len, &e->arena, &entry)) != RESULT_OK)
		return err;
	/* What the system decided has no texts. */
	if (act_decode(entry->act.data, entry->act.len, e->origin, 0, &e->arena, &act, &fault) != RESULT_OK)
		return refuse(field, RESULT_NOT_FOUND, "ref");
	commitment_find(entry, &act, c->ref.index, c->row, &found);
	if (found.bytes == NULL)
		return refuse(field, RESULT_NOT_FOUND, "ref");
	if (found.member != c->member)
		return refuse(field, RESULT_BAD_FIELD, "member");
	err = texts_there(e->people, act.request_id, c->ref.index, c->row);
	return err == RESULT_NOT_FOUND ? RESULT_ERASED : err;
}

enum result
openings_check(struct engine *e, const struct act *act, uint32_t *command, const char **field)
{
	enum result err = RESULT_OK;

	for (uint32_t i = 0; i < act->n_commands && err == RESULT_OK; i++) {
		if (act->commands[i].kind != COMMAND_TEXT_OPEN)
			continue;
		*command = i;
		err = opening_check(e, &act->commands[i], field);
	}
	return err;
}
