/* timebox service import: a file of service records as a batch, with a verdict for each row. */
#include <stdlib.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/rejects.h"
#include "client/cli/service_file.h"
#include "client/cli/table.h"

#define ROWS_SHOWN 50 /* refused ones; of more only how many for each reason */

struct outcome {
	bool dry_run;
	bool already; /* the whole file was in the ledger before */
	size_t accepted, refused;
};

static void
outcome_count(struct outcome *o, const struct service_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->rows[i].verdict == RESULT_OK)
			o->accepted++;
		else
			o->refused++;
	}
}

/* How many rows have this verdict. */
static size_t
reason_count(const struct service_file *f, enum result verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->rows[i].verdict == verdict;
	return n;
}

/* ---- JSON ---- */

static json_t *
reasons_json(const struct service_file *f)
{
	json_t *j = json_object();

	for (unsigned code = 1; code < 256; code++) {
		size_t n = result_known(code) ? reason_count(f, (enum result)code) : 0;

		if (n > 0)
			json_object_set_new(j, result_name((enum result)code),
				json_integer((json_int_t)n));
	}
	return j;
}

static void
outcome_json(const struct service_file *f, const struct outcome *o)
{
	json_t *sum;

	for (size_t i = 0; i < f->n; i++) {
		json_t *j = json_pack("{s:I,s:s}", "line", (json_int_t)f->rows[i].line, "verdict",
			result_name(f->rows[i].verdict));

		if (f->rows[i].verdict != RESULT_OK && f->rows[i].field != NULL)
			json_object_set_new(j, "field", json_string(f->rows[i].field));
		if (f->rows[i].verdict != RESULT_OK)
			json_object_set_new(j, "text",
				json_string(cli_result_text(f->c, f->rows[i].verdict)));
		out_json_line(j);
	}
	sum = json_pack("{s:o,s:I,s:I,s:I,s:o}", "batch", out_json_hex(f->id, PARTS_ID_LEN), "rows",
		(json_int_t)f->n, "accepted", (json_int_t)o->accepted, "refused",
		(json_int_t)o->refused, "by_reason", reasons_json(f));
	if (o->dry_run)
		json_object_set_new(sum, "dry_run", json_true());
	if (o->already)
		json_object_set_new(sum, "already", json_true());
	out_json_line(sum);
}

/* ---- words ---- */

static void
refused_rows(const struct service_file *f)
{
	struct table *t = table_new(_(">Line|Column|Why"));

	for (size_t i = 0; i < f->n; i++) {
		if (f->rows[i].verdict == RESULT_OK)
			continue;
		table_cellf(t, "%u", f->rows[i].line);
		table_cell(t, f->rows[i].field);
		table_cell(t, cli_result_text(f->c, f->rows[i].verdict));
	}
	table_print(t, stdout, NULL);
	table_free(t);
}

static void
refused_reasons(const struct service_file *f)
{
	struct table *t = table_new(_(">Rows|Why"));

	for (unsigned code = 1; code < 256; code++) {
		size_t n = result_known(code) ? reason_count(f, (enum result)code) : 0;

		if (n == 0)
			continue;
		table_cellf(t, "%zu", n);
		table_cell(t, cli_result_text(f->c, (enum result)code));
	}
	table_print(t, stdout, NULL);
	table_free(t);
	printf("%s\n", _("--rejects FILE writes the refused rows to a file, to be repaired."));
}

static void
outcome_words(const struct service_file *f, const struct outcome *o)
{
	char id[2 * PARTS_ID_LEN + 1];

	if (o->refused > ROWS_SHOWN)
		refused_reasons(f);
	else if (o->refused > 0)
		refused_rows(f);
	(void)hex_encode(id, sizeof(id), f->id, PARTS_ID_LEN);
	printf(_("%zu rows: %zu accepted, %zu refused.\n"), f->n, o->accepted, o->refused);
	if (o->already)
		printf(_("This file was imported before, as batch %s.\n"), id);
	else if (o->dry_run)
		printf("%s\n", _("Nothing was changed."));
	else
		printf(_("A colleague attests it: timebox service attest --batch %s\n"), id);
}

/* ---- the whole ---- */

static int
import_file(struct service_file *f, struct outcome *o)
{
	int rc = service_file_find(f);

	if (rc == CLI_DONE && f->complete)
		o->already = true;
	if (rc != CLI_DONE || f->complete)
		return rc;
	rc = service_file_prepare(f, !o->dry_run);
	if (rc != CLI_DONE)
		return rc;
	return o->dry_run ? service_file_try(f) : service_file_send(f);
}

static int
import_report(const struct service_file *f, struct outcome *o)
{
	outcome_count(o, f);
	if (f->c->json)
		outcome_json(f, o);
	else
		outcome_words(f, o);
	if (o->already)
		return CLI_NOTHING;
	if (o->refused > 0)
		return o->accepted > 0 ? CLI_ROWS : CLI_REFUSED;
	return CLI_DONE;
}

int
cmd_service_import(struct cli *c, int argc, char **argv)
{
	struct outcome o = {.dry_run = false};
	const char *args[1], *rejects = NULL;
	const struct cli_option options[] = {
		{.name = "dry-run", .help = N_("only judge the rows: change nothing"),
			.flag = &o.dry_run},
		{.name = "rejects", .arg = "FILE", .help = N_("write the refused rows to this file; its last two columns say why, and go "
			"before it is imported"),
			.text = &rejects},
		{.name = NULL},
	};
	const struct cli_usage usage = {
		.args = "FILE", .min = 1, .max = 1, .options = options,
		.help = N_("Takes in a sheet of service records as a batch. Rows that are right go in although "
			   "others are refused; a colleague attests the batch. The same file again resumes an "
			   "import that broke off, or says that it is there already."),
		.examples = "  timebox service import services.csv --dry-run\n"
			    "  timebox service import services.csv --rejects repair.csv\n",
	};
	struct service_file f;
	int rc, written = CLI_DONE;

	cli_parse(c, &usage, argc, argv, args);
	rc = service_file_open(&f, c, args[0]);
	if (rc == CLI_DONE && f.n == 0)
		rc = cli_nothing(c, "%s", _("There are no rows in this file."));
	if (rc == CLI_DONE)
		rc = import_file(&f, &o);
	if (rc == CLI_DONE) {
		/* The batch is in the ledger whether or not its refused rows can be written. */
		if (rejects != NULL)
			written = rejects_write(c, rejects, f.sheet, f.rows, f.n);
		rc = import_report(&f, &o);
		rc = written != CLI_DONE ? written : rc;
	}
	service_file_close(&f);
	return rc;
}
