/* timebox audit journal: the postings of an export for hledger, beancount or a spreadsheet. */
#include <errno.h>
#include <string.h>

#include "client/cli/audit.h"
#include "client/cli/commands.h"

int
cmd_audit_journal(struct cli *c, int argc, char **argv)
{
	static const char *const formats[] = {"hledger", "beancount", "csv", NULL};
	const char *args[1], *format = "hledger";
	const struct cli_option options[] = {
		{.name = "format", .arg = "hledger|beancount|csv", .help = N_("for which tool (hledger)"),
			.text = &format},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "OUTDIR", .min = 1, .max = 1, .options = options,
		.help = N_("Prints the postings of an export as a journal, with which a tool that nobody here "
			   "wrote computes the same balances. Verify the export first."),
		.examples = "  timebox audit journal copy >station.journal && hledger -f station.journal balance\n"
			    "  timebox audit journal copy --format csv >station.csv\n",
	};
	struct auditor_broken why;
	enum result err;
	unsigned which;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	if ((rc = cli_choice(c, "--format", format, formats, &which)) != CLI_DONE)
		return rc;
	err = auditor_journal(args[0], (enum auditor_format)which, stdout, &why);
	if (err == RESULT_CORRUPT)
		return audit_broken(c, &why);
	return err == RESULT_OK ? CLI_DONE : audit_failed(c, err, args[0]);
}
