/* timebox audit finding: what came of looking for the paper behind a record. */
#include <stdio.h>
#include <string.h>

#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "proto/crypto.h"
#include "proto/tree.h"

/* SHA-256 of a whole file. */
static int
scan_hash(struct cli *c, const char *path, uint8_t out[HASH_LEN])
{
	struct sha256_ctx *ctx = sha256_new();
	FILE *file = fopen(path, "rb");
	uint8_t buf[16384];
	size_t n;
	int rc = CLI_DONE;

	while (file != NULL && (n = fread(buf, 1, sizeof(buf), file)) > 0)
		sha256_update(ctx, buf, n);
	if (file == NULL || ferror(file))
		rc = cli_fail_here(c, RESULT_IO, path, NULL);
	if (file != NULL)
		fclose(file);
	sha256_final(ctx, out);
	sha256_free(ctx);
	return rc;
}

static int
finding_send(struct cli *c, const char *id, unsigned outcome, const char *scan)
{
	uint8_t leaf[HASH_LEN], digest[HASH_LEN];
	Timebox__V1__AuditFinding finding;
	Timebox__V1__Command command;
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	Timebox__V1__Ref ref;
	int rc;

	timebox__v1__command__init(&command);
	timebox__v1__audit_finding__init(&finding);
	timebox__v1__ref__init(&ref);
	rc = cli_id(c, "ID", id, &ref.seq, &ref.index);
	if (rc == CLI_DONE && scan != NULL && (rc = scan_hash(c, scan, digest)) == CLI_DONE)
		finding.digest = timebox_bytes(digest, sizeof(digest));
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = audit_entry(c, tb, ref.seq, &answer);
	if (rc == CLI_DONE)
		tree_leaf_hash(answer->entries->entries[0].data, answer->entries->entries[0].len, leaf);
	ref.leaf = timebox_bytes(leaf, sizeof(leaf));
	finding.ref = &ref;
	finding.outcome = (Timebox__V1__FindingOutcome)(outcome + 1);
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_AUDIT_FINDING;
	command.audit_finding = &finding;
	if (rc == CLI_DONE)
		rc = done_send(c, tb, &command, _("Entered."));
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}

int
cmd_audit_finding(struct cli *c, int argc, char **argv)
{
	static const char *const outcomes[] = {"found", "missing", "differs", NULL};
	const char *args[2], *scan = NULL;
	const struct cli_option options[] = {
		{.name = "scan", .arg = "FILE", .help = N_("the scan that was shown: its hash is entered"),
			.text = &scan},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "ID OUTCOME", .min = 2, .max = 2, .options = options,
		.help = N_("Enters what came of looking for the paper behind a record: found, missing or differs. "
			   "ID is the record's, as SEQ.ROW."),
		.examples = "  timebox audit finding 120.3 found --scan sheet.pdf\n"
			    "  timebox audit finding 120.4 missing\n",
	};
	unsigned outcome = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	rc = cli_choice(c, "OUTCOME", args[1], outcomes, &outcome);
	return rc == CLI_DONE ? finding_send(c, args[0], outcome, scan) : rc;
}
