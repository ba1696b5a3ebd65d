/* timebox service records, reject: single records that wait for a judgement. */
#include "client/cli/commands.h"
#include "client/cli/parts.h"
#include "client/cli/records.h"

int
cmd_service_records(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists single records that wait for attestation: from check-ins at a kiosk, on site "
			   "or by telephone. Batches of imports are in the to-do list."),
		.examples = "  timebox service records\n",
	};
	struct records r = {NULL, 0};
	struct timebox *tb = NULL;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = records_get(c, tb, &r);
	if (rc == CLI_DONE)
		records_print(&r, c);
	records_free(&r);
	timebox_close(tb);
	return rc;
}

int
cmd_service_reject(struct cli *c, int argc, char **argv)
{
	const char *args[PARTS_RECORDS] = {NULL};
	const struct cli_usage usage = {
		.args = "SEQ.INDEX...", .min = 1, .max = PARTS_RECORDS,
		.help = N_("Rejects single records: they are never credited, and their time is free for another "
			   "record."),
		.examples = "  timebox service reject 120 121.1\n",
	};
	struct records r = {NULL, 0};
	struct timebox *tb = NULL;
	size_t n = 0;
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	while (n < PARTS_RECORDS && args[n] != NULL)
		n++;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = records_get(c, tb, &r);
	if (rc == CLI_DONE)
		rc = records_pick(&r, c, args, n);
	if (rc == CLI_DONE && !cli_confirm(c, _("Reject these %zu records for good?"), r.n))
		rc = CLI_USAGE;
	if (rc == CLI_DONE)
		rc = records_judge(&r, c, tb, false);
	records_free(&r);
	timebox_close(tb);
	return rc;
}
