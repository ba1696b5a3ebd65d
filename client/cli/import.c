#include "client/cli/import.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/out.h"
#include "client/cli/station_day.h"
#include "client/cli/table.h"
#include "client/sheet/field.h"

struct counts {
	size_t accepted, refused, already;
};

/* ---- judging ---- */

bool
import_is_open(const struct import *im, size_t i)
{
	return im->lines[i].verdict == RESULT_OK;
}

void
import_refuse(struct import *im, size_t i, enum result verdict, const char *column)
{
	struct import_line *line = &im->lines[i];

	line->verdict = verdict;
	(void)snprintf(line->field, sizeof(line->field), "%s", column == NULL ? "" : column);
}

struct repeated {
	const char *text;
	size_t i;
};

static int
repeated_compare(const void *a, const void *b)
{
	const struct repeated *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order != 0 ? order : (x->i > y->i) - (x->i < y->i);
}

void
import_refuse_repeated(struct import *im, size_t offset, const char *column)
{
	struct repeated *list = calloc(im->n + 1, sizeof(*list));
	size_t n = 0;

	if (list == NULL)
		abort();
	for (size_t i = 0; i < im->n; i++)
		if (import_is_open(im, i))
			list[n++] = (struct repeated){
				(const char *)im->rows + i * im->kind->row_size + offset, i};
	qsort(list, n, sizeof(*list), repeated_compare);
	for (size_t i = 1; i < n; i++)
		if (strcmp(list[i - 1].text, list[i].text) == 0)
			import_refuse(im, list[i].i, RESULT_DUPLICATE, column);
	free(list);
}

void
import_day(struct import *im, size_t i, int32_t day, int32_t latest, const char *column)
{
	if (day != FIELD_NO_DAY && (day < 1 || day > STATION_DAY_LAST || day > latest))
		import_refuse(im, i, RESULT_BAD_DATE, column);
}

int32_t
import_act_day(int32_t day)
{
	return day == FIELD_NO_DAY ? 0 : day;
}

/* ---- looking up ---- */

int
import_catalogue(struct import *im)
{
	Timebox__V1__GetCatalogue ask = TIMEBOX__V1__GET_CATALOGUE__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;

	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_CATALOGUE;
	call.get_catalogue = &ask;
	return cli_call(im->c, im->tb, &call, TIMEBOX__V1__RESPONSE__BODY_CATALOGUE,
		&im->catalogue);
}

int
import_create(struct import *im, struct words *w)
{
	return im->dry_run ? CLI_DONE : words_create(im->c, im->tb, w);
}

/* ---- sending ---- */

static enum result
line_compose(void *ctx, struct timebox_draft *d, size_t i)
{
	const struct import *im = ctx;

	return im->kind->compose(im, d, i);
}

static void
line_accepted(void *ctx, size_t i, const Timebox__V1__Receipt *receipt, uint32_t command)
{
	struct import *im = ctx;

	(void)i;
	for (size_t j = 0; j < receipt->n_effects; j++) {
		const Timebox__V1__Effect *e = receipt->effects[j];

		if (e->command != command ||
			e->kind != TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_PROPOSED)
			continue;
		im->proposed++;
		json_array_append_new(im->ids, out_json_id(receipt->seq, command));
	}
}

static void
line_refused(void *ctx, size_t i, const struct timebox_error *why)
{
	struct import *im = ctx;
	const struct import_column *column = im->kind->columns;

	for (; column->column != NULL; column++)
		if ((column->code == RESULT_OK || column->code == why->code) &&
			(column->field[0] == '\0' || strcmp(column->field, why->field) == 0))
			break;
	import_refuse(im, i, why->code, column->column != NULL ? column->column : why->field);
}

static int
import_send(struct import *im)
{
	const struct acts a = {.ctx = im, .compose = line_compose, .accepted = line_accepted,
		.refused = line_refused, .label = _("rows")};
	size_t *items = calloc(im->n + 1, sizeof(*items)), n = 0;
	int rc;

	if (items == NULL)
		abort();
	for (size_t i = 0; i < im->n; i++)
		if (import_is_open(im, i))
			items[n++] = i;
	rc = acts_send(im->c, im->tb, &a, items, n);
	free(items);
	return rc;
}

/* ---- reporting ---- */

static struct counts
import_count(const struct import *im)
{
	struct counts n = {0, 0, 0};

	for (size_t i = 0; i < im->n; i++) {
		if (im->lines[i].verdict == RESULT_OK)
			n.accepted++;
		else if (im->lines[i].verdict == RESULT_EXISTS)
			n.already++;
		else
			n.refused++;
	}
	return n;
}

static void
report_json(const struct import *im, const struct counts *n)
{
	json_t *sum;

	for (size_t i = 0; i < im->n; i++) {
		const struct import_line *line = &im->lines[i];
		json_t *j;

		if (line->verdict == RESULT_OK)
			continue;
		j = json_pack("{s:I,s:s}", "line", (json_int_t)line->line, "verdict",
			result_name(line->verdict));
		if (line->field[0] != '\0')
			json_object_set_new(j, "field", json_string(line->field));
		json_object_set_new(j, "text",
			json_string(cli_result_text(im->c, line->verdict)));
		out_json_line(j);
	}
	sum = json_pack("{s:I,s:I,s:I,s:I}", "rows", (json_int_t)im->n, "accepted",
		(json_int_t)n->accepted, "refused", (json_int_t)n->refused, "already",
		(json_int_t)n->already);
	if (im->dry_run)
		json_object_set_new(sum, "dry_run", json_true());
	if (im->proposed > 0) {
		json_object_set_new(sum, "proposed", json_integer((json_int_t)im->proposed));
		json_object_set(sum, "ids", im->ids);
	}
	out_json_line(sum);
}

static void
report_words(const struct import *im, const struct counts *n)
{
	struct table *t = table_new(_(">Line|Column|Why"));

	for (size_t i = 0; i < im->n; i++) {
		const struct import_line *line = &im->lines[i];

		if (line->verdict == RESULT_OK || line->verdict == RESULT_EXISTS)
			continue;
		table_cellf(t, "%zu", line->line);
		table_cell(t, line->field);
		table_cell(t, cli_result_text(im->c, line->verdict));
	}
	if (table_rows(t) > 0)
		table_print(t, stdout, NULL);
	table_free(t);
	printf(_("%zu rows: %zu accepted, %zu refused, %zu there already.\n"), im->n, n->accepted,
		n->refused, n->already);
	if (im->dry_run)
		printf("%s\n", _("Nothing was changed."));
	if (im->proposed > 0)
		printf(_("%zu wait for a colleague: timebox proposal list\n"), im->proposed);
}

static int
import_report(const struct import *im)
{
	const struct counts n = import_count(im);

	if (im->c->json)
		report_json(im, &n);
	else
		report_words(im, &n);
	if (n.refused > 0)
		return n.accepted + n.already + im->extra > 0 ? CLI_ROWS : CLI_REFUSED;
	return n.accepted + im->extra > 0 ? CLI_DONE : CLI_NOTHING;
}

/* ---- the whole ---- */

static void
import_close(struct import *im)
{
	timebox_response_free(im->catalogue);
	words_free(&im->numbers);
	words_free(&im->areas);
	words_free(&im->purposes);
	words_free(&im->beneficiaries);
	json_decref(im->ids);
	free(im->lines);
	free(im->rows);
	sheet_free(im->sheet);
	timebox_close(im->tb);
}

static int
import_read(struct import *im, const char *path)
{
	char err[256] = "";
	enum result r = sheet_read(path, &im->sheet, err, sizeof(err));

	if (r == RESULT_OK)
		r = im->kind->parse(im->sheet, &im->rows, &im->n, err, sizeof(err));
	if (r != RESULT_OK)
		return cli_fail_here(im->c, r, path, "%s", err);
	im->lines = calloc(im->n + 1, sizeof(*im->lines));
	if (im->lines == NULL)
		abort();
	for (size_t i = 0; i < im->n; i++) {
		const char *row = (const char *)im->rows + i * im->kind->row_size;
		enum result verdict;
		const char *column;

		memcpy(&im->lines[i].line, row + im->kind->line_at, sizeof(im->lines[i].line));
		memcpy(&verdict, row + im->kind->verdict_at, sizeof(verdict));
		memcpy(&column, row + im->kind->field_at, sizeof(column));
		import_refuse(im, i, verdict, column);
	}
	return CLI_DONE;
}

int
import_run(struct cli *c, int argc, char **argv, const char *help, const char *examples,
	const struct import_kind *kind)
{
	struct import im = {.c = c, .kind = kind, .numbers = {.kind = WORDS_NUMBERS},
		.areas = {.kind = WORDS_AREAS}, .purposes = {.kind = WORDS_PURPOSES},
		.beneficiaries = {.kind = WORDS_BENEFICIARIES}};
	const struct cli_option options[] = {
		{.name = "dry-run", .help = N_("only look: change nothing"), .flag = &im.dry_run},
		{.name = NULL},
	};
	const struct cli_usage usage = {.args = "FILE", .min = 1, .max = 1, .options = options,
		.help = help, .examples = examples};
	const char *args[1];
	int rc;

	cli_parse(c, &usage, argc, argv, args);
	im.ids = json_array();
	rc = import_read(&im, args[0]);
	if (rc == CLI_DONE)
		rc = cli_connect(c, &im.tb);
	if (rc == CLI_DONE) {
		im.today = station_today(im.tb);
		rc = kind->prepare(&im);
	}
	if (rc == CLI_DONE && !im.dry_run)
		rc = import_send(&im);
	if (rc == CLI_DONE && !im.dry_run && kind->finish != NULL)
		rc = kind->finish(&im);
	if (rc == CLI_DONE)
		rc = import_report(&im);
	import_close(&im);
	return rc;
}
