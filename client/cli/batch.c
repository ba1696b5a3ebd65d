#include "client/cli/batch.h"

#include <string.h>

#include "client/cli/out.h"
#include "proto/canonical.h"
#include "proto/tree.h"

/* An entry of 64 KiB, unpacked twice (the act inside it too). */
#define ENTRY_ARENA (8u << 20)

int
batch_id(const struct cli *c, const char *what, const char *text, uint8_t id[PARTS_ID_LEN])
{
	if (text != NULL && hex_decode(id, PARTS_ID_LEN, text, strlen(text)) == RESULT_OK)
		return CLI_DONE;
	return cli_fail_here(c, RESULT_BAD_FIELD, what, "%s",
		_("the id of a batch is 32 hexadecimal digits"));
}

int
batch_find(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	Timebox__V1__Response **out)
{
	Timebox__V1__GetBatch ask = TIMEBOX__V1__GET_BATCH__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	enum result r;

	ask.batch = timebox_bytes(id, PARTS_ID_LEN);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_BATCH;
	call.get_batch = &ask;
	r = timebox_call(tb, &call, out);
	if (r == RESULT_NOT_FOUND && timebox_last_error(tb)->failure == TIMEBOX_FAILURE_REFUSED)
		return CLI_DONE;
	if (r != RESULT_OK)
		return cli_fail_tb(c, tb);
	if ((*out)->body_case == TIMEBOX__V1__RESPONSE__BODY_BATCH)
		return CLI_DONE;
	timebox_response_free(*out);
	*out = NULL;
	return cli_fail_here(c, RESULT_BAD_MESSAGE, NULL, NULL);
}

int
batch_get(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	Timebox__V1__Response **out)
{
	int rc = batch_find(c, tb, id, out);

	return rc == CLI_DONE && *out == NULL ? cli_fail_tb(c, tb) : rc;
}

/* ---- entries ---- */

void
batch_entry_free(struct batch_entry *e)
{
	arena_free(&e->arena);
	e->entry = NULL;
	e->rows = NULL;
}

/* From bytes to the rows of the part that they are, all checked. */
static enum result
entry_open(const ProtobufCBinaryData *bytes, const uint8_t id[PARTS_ID_LEN],
	const Timebox__V1__BatchPart *part, struct batch_entry *e)
{
	uint8_t leaf[HASH_LEN];
	ProtobufCMessage *m = NULL;
	const Timebox__V1__Act *act;
	enum result r;

	tree_leaf_hash(bytes->data, bytes->len, leaf);
	if (part->leaf.len != HASH_LEN || memcmp(leaf, part->leaf.data, HASH_LEN) != 0)
		return RESULT_WRONG_LEAF;
	r = canonical_unpack(&timebox__v1__entry__descriptor, &e->arena, bytes->data, bytes->len, &m);
	if (r != RESULT_OK)
		return r;
	e->entry = (const Timebox__V1__Entry *)(const void *)m;
	r = canonical_unpack(&timebox__v1__act__descriptor, &e->arena, e->entry->act.data,
		e->entry->act.len, &m);
	if (r != RESULT_OK)
		return r;
	act = (const Timebox__V1__Act *)(const void *)m;
	if (e->entry->seq != part->seq || act->n_commands != 1 ||
		act->commands[0]->kind_case != TIMEBOX__V1__COMMAND__KIND_SERVICE_ROWS)
		return RESULT_BATCH_MISMATCH;
	e->rows = act->commands[0]->service_rows;
	if (e->rows->batch.len != PARTS_ID_LEN || memcmp(e->rows->batch.data, id, PARTS_ID_LEN) != 0 ||
		e->rows->part != part->part)
		return RESULT_BATCH_MISMATCH;
	return RESULT_OK;
}

int
batch_read(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	const Timebox__V1__BatchPart *part, struct batch_entry *out)
{
	Timebox__V1__GetEntries ask = TIMEBOX__V1__GET_ENTRIES__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	enum result r;
	int rc;

	memset(out, 0, sizeof(*out));
	ask.from_seq = part->seq;
	ask.limit = 1;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_ENTRIES;
	call.get_entries = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_ENTRIES, &answer);
	if (rc != CLI_DONE)
		return rc;
	r = arena_init(&out->arena, ENTRY_ARENA);
	if (r == RESULT_OK)
		r = answer->entries->n_entries == 1
			? entry_open(&answer->entries->entries[0], id, part, out) : RESULT_NOT_FOUND;
	timebox_response_free(answer);
	if (r == RESULT_OK)
		return CLI_DONE;
	batch_entry_free(out);
	(void)cli_fail_here(c, r, NULL, _("entry %llu is not the part that the batch says"),
		(unsigned long long)part->seq);
	return CLI_VERIFY;
}

int
batch_refuse(const struct cli *c, enum result code, const Timebox__V1__Batch *batch)
{
	struct timebox_error e;

	(void)timebox_error_set(&e, TIMEBOX_FAILURE_REFUSED, code, "batch", _("the batch is %s"),
		out_batch_state(batch->state));
	return cli_fail(c, &e);
}
