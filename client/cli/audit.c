#include "client/cli/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/cli/out.h"

#define PAGE 1000 /* entries asked for at once */

int
audit_broken(const struct cli *c, const struct auditor_broken *b)
{
	cli_progress_end(c);
	if (c->json) {
		json_t *j = json_pack("{s:b,s:s,s:i}", "ok", 0, "kind", b->kind, "depth",
			(int)auditor_kind_depth(b->kind));

		json_object_set_new(j, "entry",
			b->entry != 0 ? json_integer((json_int_t)b->entry) : json_null());
		if (b->code != RESULT_OK)
			json_object_set_new(j, "code", json_string(result_name(b->code)));
		json_object_set_new(j, "why", json_string(b->why));
		out_json_line(j);
	} else if (b->entry != 0) {
		printf(_("broken: entry %" PRIu64 ", %s: %s\n"), b->entry, b->kind, b->why);
	} else {
		printf(_("broken: %s: %s\n"), b->kind, b->why);
	}
	return CLI_VERIFY;
}

int
audit_failed(const struct cli *c, enum result code, const char *dir)
{
	return cli_fail_here(c, code, dir, code == RESULT_IO ? "%s" : NULL, strerror(errno));
}

int
audit_checkpoint(struct cli *c, struct timebox *tb, Timebox__V1__Response **out)
{
	Timebox__V1__GetCheckpoint ask;
	Timebox__V1__Call call;

	timebox__v1__get_checkpoint__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_CHECKPOINT;
	call.get_checkpoint = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_CHECKPOINT, out);
}

static int
entries_ask(struct cli *c, struct timebox *tb, uint64_t from, uint32_t limit, Timebox__V1__Response **out)
{
	Timebox__V1__GetEntries ask;
	Timebox__V1__Call call;

	timebox__v1__get_entries__init(&ask);
	timebox__v1__call__init(&call);
	ask.from_seq = from;
	ask.limit = limit;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_ENTRIES;
	call.get_entries = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_ENTRIES, out);
}

int
audit_entries(struct cli *c, struct timebox *tb, uint64_t from, Timebox__V1__Response **out)
{
	return entries_ask(c, tb, from, PAGE, out);
}

int
audit_entry(struct cli *c, struct timebox *tb, uint64_t seq, Timebox__V1__Response **out)
{
	int rc = entries_ask(c, tb, seq, 1, out);

	if (rc != CLI_DONE || (*out)->entries->n_entries > 0)
		return rc;
	timebox_response_free(*out);
	*out = NULL;
	return cli_fail_here(c, RESULT_NOT_FOUND, "ID", NULL);
}
