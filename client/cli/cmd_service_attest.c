/* timebox service attest: a second person vouches for a batch, or for single records. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/batch_view.h"
#include "client/cli/commands.h"
#include "client/cli/done.h"
#include "client/cli/out.h"
#include "client/cli/records.h"

#define LEAVE_OUT_MAX	200 /* refs in one act */
#define POLL_FIRST_MS	20
#define POLL_LAST_MS	400
#define POLL_QUIET_MS	60000 /* nothing was credited for so long */
#define NOTICE_SHORT_US 5000000 /* due within this: worth waiting for */

static void
sleep_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

/* ---- the batch's end ---- */

/* What became of it; minutes -1: not known here. */
static void
batch_done(const struct cli *c, const uint8_t id[PARTS_ID_LEN], const Timebox__V1__Batch *batch,
	int64_t minutes, uint64_t due_us, int32_t zone_minutes)
{
	char text[OUT_TIME_SIZE];
	json_t *j;

	if (c->json) {
		j = json_pack("{s:o,s:s,s:I}", "batch", out_json_hex(id, PARTS_ID_LEN), "state",
			out_word(&timebox__v1__batch_state__descriptor, (int)batch->state), "records",
			(json_int_t)(due_us != 0 ? batch->records : batch->credited));
		if (minutes >= 0)
			json_object_set_new(j, "minutes", json_integer(minutes));
		if (due_us != 0)
			json_object_set_new(j, "due",
				json_string(out_time(text, due_us, zone_minutes)));
		out_json_line(j);
	} else if (due_us != 0) {
		printf(_("Attested. The notice is out; the minutes are credited on %s.\n"),
			out_time(text, due_us, zone_minutes));
	} else if (minutes >= 0) {
		printf(_("Attested and credited: %u records, %s.\n"), batch->credited,
			out_minutes(text, (uint64_t)minutes, c->zh));
	} else {
		printf(_("Attested and credited: %u records.\n"), batch->credited);
	}
}

/* Waits until every record is credited, or shows when it will be. */
static int
batch_wait(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN], int64_t minutes,
	uint64_t due_us)
{
	unsigned pause_ms = POLL_FIRST_MS, quiet_ms = 0;
	bool waits = due_us <= timebox_now_us(tb) + NOTICE_SHORT_US, open = true;
	uint32_t credited = 0;

	while (open) {
		Timebox__V1__Response *answer = NULL;
		int rc = batch_get(c, tb, id, &answer);

		if (rc != CLI_DONE)
			return rc;
		open = waits && answer->batch->state == TIMEBOX__V1__BATCH_STATE__BATCH_STATE_ATTESTED;
		quiet_ms = answer->batch->credited != credited ? 0 : quiet_ms + pause_ms;
		credited = answer->batch->credited;
		cli_progress(c, _("credited"), credited, answer->batch->records);
		if (!open) {
			cli_progress_end(c);
			batch_done(c, id, answer->batch, minutes, waits ? 0 : due_us,
				timebox_hello(tb)->zone_minutes);
		}
		timebox_response_free(answer);
		if (open && quiet_ms > POLL_QUIET_MS) {
			struct timebox_error e;

			(void)timebox_error_set(&e, TIMEBOX_FAILURE_REACH, RESULT_TIMEOUT, "batch", "%s",
				_("it is attested, but the daemon does not go on crediting"));
			return cli_fail(c, &e);
		}
		if (open)
			sleep_ms(pause_ms);
		pause_ms = pause_ms * 2 > POLL_LAST_MS ? POLL_LAST_MS : pause_ms * 2;
	}
	return CLI_DONE;
}

/* ---- the act ---- */

static int
batch_sign(const struct batch_view *v, struct cli *c, struct timebox *tb, uint64_t *due_us)
{
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__AttestBatch attest = TIMEBOX__V1__ATTEST_BATCH__INIT;
	Timebox__V1__Ref refs[LEAVE_OUT_MAX], *list[LEAVE_OUT_MAX];
	Timebox__V1__Response *answer = NULL;
	const Timebox__V1__Effect *effect;
	int rc;

	for (size_t i = 0; i < v->n_records; i++) {
		if (!v->records[i].left_out)
			continue;
		timebox__v1__ref__init(&refs[attest.n_refs]);
		refs[attest.n_refs].seq = v->records[i].seq;
		refs[attest.n_refs].index = v->records[i].index;
		list[attest.n_refs] = &refs[attest.n_refs];
		attest.n_refs++;
	}
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_ATTEST_BATCH;
	command.attest_batch = &attest;
	attest.batch = timebox_bytes(v->id, PARTS_ID_LEN);
	attest.entries = v->entries;
	attest.records = (uint32_t)v->n_records;
	attest.digest = timebox_bytes(v->digest, HASH_LEN);
	attest.rules = v->rules;
	attest.refs = list;
	rc = cli_act_one(c, tb, &command, &answer);
	if (rc == CLI_DONE) {
		effect = done_effect(answer->receipt, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_ATTESTED, 0);
		*due_us = effect == NULL ? 0 : effect->until_us;
	}
	timebox_response_free(answer);
	return rc;
}

/* Shows, asks, signs. */
static int
batch_attest(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	const Timebox__V1__Batch *batch, const struct cli_list *leave_out)
{
	struct batch_view v;
	uint64_t due_us = 0;
	int rc = batch_view_read(&v, c, tb, id, batch);

	for (size_t i = 0; i < leave_out->n && rc == CLI_DONE; i++)
		rc = batch_view_leave_out(&v, c, leave_out->item[i]);
	if (rc == CLI_DONE && v.left_out > LEAVE_OUT_MAX)
		rc = cli_fail_here(c, RESULT_TOO_MANY, "--leave-out", NULL);
	if (rc == CLI_DONE)
		rc = batch_view_sum(&v, c, tb);
	/* A script that said yes beforehand gets one line: what became of it. */
	if (rc == CLI_DONE && !(c->json && c->yes))
		batch_view_print(&v, c);
	if (rc == CLI_DONE && !cli_confirm(c, _("Do you vouch for these %zu records, at these rates?"),
			v.n_records - v.left_out))
		rc = CLI_USAGE;
	if (rc == CLI_DONE)
		rc = batch_sign(&v, c, tb, &due_us);
	if (rc == CLI_DONE)
		rc = batch_wait(c, tb, id, (int64_t)v.minutes, due_us);
	batch_view_free(&v);
	return rc;
}

static int
attest_batch(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	const struct cli_list *leave_out)
{
	Timebox__V1__Response *answer = NULL;
	int rc = batch_get(c, tb, id, &answer);

	if (rc != CLI_DONE)
		return rc;
	switch (answer->batch->state) {
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_RECORDED:
		rc = batch_attest(c, tb, id, answer->batch, leave_out);
		break;
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_ATTESTED:
		rc = batch_wait(c, tb, id, -1, 0);
		break;
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_CREDITED:
		rc = cli_nothing(c, "%s", _("This batch is attested and credited already."));
		break;
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_INCOMPLETE:
		rc = batch_refuse(c, RESULT_BATCH_INCOMPLETE, answer->batch);
		break;
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_UNSPECIFIED:
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_WITHDRAWN:
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_REVERSING:
	case TIMEBOX__V1__BATCH_STATE__BATCH_STATE_REVERSED:
	case _TIMEBOX__V1__BATCH_STATE_IS_INT_SIZE:
		rc = batch_refuse(c, RESULT_BATCH_STATE, answer->batch);
		break;
	}
	timebox_response_free(answer);
	return rc;
}

/* ---- single records ---- */

static int
attest_records(struct cli *c, struct timebox *tb, const char *const *ids, size_t n)
{
	struct records r;
	int rc = records_get(c, tb, &r);

	if (rc == CLI_DONE && n > 0)
		rc = records_pick(&r, c, ids, n);
	if (rc == CLI_DONE && r.n == 0)
		rc = cli_nothing(c, "%s", _("No records wait for attestation."));
	if (rc == CLI_DONE && !(c->json && c->yes))
		records_print(&r, c);
	if (rc == CLI_DONE && !cli_confirm(c, _("Do you vouch for these %zu records?"), r.n))
		rc = CLI_USAGE;
	if (rc == CLI_DONE)
		rc = records_judge(&r, c, tb, true);
	records_free(&r);
	return rc;
}

int
cmd_service_attest(struct cli *c, int argc, char **argv)
{
	const char *args[PARTS_RECORDS] = {NULL}, *batch = NULL;
	struct cli_list *leave_out = calloc(1, sizeof(*leave_out));
	bool pending = false;
	const struct cli_option options[] = {
		{.name = "batch", .arg = "ID", .help = N_("the batch of an import"), .text = &batch},
		{.name = "leave-out", .arg = "LINE", .help = N_("leave out the record from this line of "
			"the file (may be given again)"), .list = leave_out},
		{.name = "pending", .help = N_("all single records that wait (see service records)"),
			.flag = &pending},
		{.name = "records", .help = N_("the same as --pending"), .flag = &pending},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "[SEQ.INDEX...]", .min = 0, .max = PARTS_RECORDS, .options = options,
		.help = N_("Vouches for the records of a batch, or for single records. First it shows what its "
			   "entries say: totals, most hours, rates, a sample. Nobody attests what they "
			   "imported, witnessed, or did themselves."),
		.examples = "  timebox service attest --batch 0f3a...\n"
			    "  timebox service attest --batch 0f3a... --leave-out 17 --yes\n"
			    "  timebox service attest --pending\n",
	};
	uint8_t id[PARTS_ID_LEN];
	struct timebox *tb = NULL;
	size_t n = 0;
	int rc = CLI_DONE;

	if (leave_out == NULL)
		abort();
	cli_parse(c, &usage, argc, argv, args);
	while (n < PARTS_RECORDS && args[n] != NULL)
		n++;
	if ((batch != NULL) + pending + (n > 0) != 1)
		rc = cli_fail_here(c, RESULT_MISSING_FIELD, "--batch", "%s",
			_("one of --batch ID, --pending, SEQ.INDEX..."));
	if (rc == CLI_DONE && batch != NULL)
		rc = batch_id(c, "--batch", batch, id);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = batch != NULL ? attest_batch(c, tb, id, leave_out) : attest_records(c, tb, args, n);
	timebox_close(tb);
	free(leave_out);
	return rc;
}
