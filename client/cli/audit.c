#include "client/cli/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/cli/out.h"

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
