/* timebox audit sample: which records' sheets and scans the auditor wants to see. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

struct sample_print {
	const struct cli *c;
	struct table *table;
};

static void
record_print(void *user, const struct auditor_record *r)
{
	const struct sample_print *p = user;
	char day[OUT_TIME_SIZE], batch[33] = "";

	if (r->has_batch)
		hex_encode(batch, sizeof(batch), r->batch, sizeof(r->batch));
	out_day(day, r->day);
	if (p->c->json) {
		json_t *j = json_pack("{s:I,s:I,s:i,s:I,s:s,s:I}", "number", (json_int_t)r->number, "entry",
			(json_int_t)r->seq, "index", (int)r->index, "member", (json_int_t)r->member, "day",
			day, "minutes", (json_int_t)r->minutes);

		json_object_set_new(j, "batch", r->has_batch ? json_string(batch) : json_null());
		json_object_set_new(j, "line", r->line != 0 ? json_integer((json_int_t)r->line) : json_null());
		out_json_line(j);
		return;
	}
	table_cellf(p->table, "%" PRIu64, r->number);
	table_cellf(p->table, "%" PRIu64 ".%" PRIu32, r->seq, r->index);
	table_cellf(p->table, "%" PRIu64, r->member);
	table_cell(p->table, day);
	table_cellf(p->table, "%" PRIu32, r->minutes);
	table_cell(p->table, batch);
	if (r->line != 0)
		table_cellf(p->table, "%" PRIu32, r->line);
	else
		table_cell(p->table, "-");
}

static int
sample_end(const struct cli *c, const struct auditor_sample *s, struct table *t)
{
	char root[BASE64_LEN(HASH_LEN) + 1];
	json_t *j;

	base64_encode(root, sizeof(root), s->root, sizeof(s->root));
	if (c->json) {
		j = json_pack("{s:I,s:I,s:I,s:s}", "drawn", (json_int_t)s->n, "records",
			(json_int_t)s->records, "size", (json_int_t)s->size, "root", root);
		out_json_line(j);
		return CLI_DONE;
	}
	table_print(t, stdout, _("there are no records"));
	printf(_("%" PRIu64 " of %" PRIu64 " records, drawn from the checkpoint %" PRIu64 ":%s\n"), s->n,
		s->records, s->size, root);
	return CLI_DONE;
}

int
cmd_audit_sample(struct cli *c, int argc, char **argv)
{
	const char *args[1], *seed = NULL, *vkey = NULL;
	uint32_t n = 0;
	const struct cli_option options[] = {
		{.name = "n", .arg = "N", .help = N_("how many records"), .number = &n},
		{.name = "seed", .arg = "TEXT", .help = N_("a seed that was made public after the checkpoint"),
			.text = &seed},
		{.name = "vkey", .arg = "TEXT", .help = N_("a verifier key of the ledger, as you know it"),
			.text = &vkey},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "OUTDIR", .min = 1, .max = 1, .options = options,
		.help = N_("Draws the records whose sheets and scans are to be shown. Everybody who has the "
			   "published checkpoint and the seed draws the same: take as seed something that "
			   "nobody could know when the checkpoint was published, such as a lottery's numbers."),
		.examples = "  timebox audit sample copy --n 30 --seed \"2026-03-01 07 11 23 31 32 40\"\n",
	};
	struct sample_print p = {.c = c};
	struct auditor_sample s;
	struct auditor_broken why;
	enum result err;

	cli_parse(c, &usage, argc, argv, args);
	if (n == 0)
		return cli_fail_here(c, RESULT_BAD_FIELD, "--n", NULL);
	if (seed == NULL || seed[0] == '\0')
		return cli_fail_here(c, RESULT_BAD_FIELD, "--seed", NULL);
	p.table = table_new(_(">record|>entry|>member's id|day|>minutes|batch|>line"));
	err = auditor_sample(args[0], vkey, seed, n, record_print, &p, &s, &why);
	if (err == RESULT_OK)
		sample_end(c, &s, p.table);
	table_free(p.table);
	if (err == RESULT_CORRUPT)
		return audit_broken(c, &why);
	return err == RESULT_OK ? CLI_DONE : audit_failed(c, err, args[0]);
}
