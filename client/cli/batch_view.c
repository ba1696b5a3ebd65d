#include "client/cli/batch_view.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/out.h"
#include "client/cli/reports.h"
#include "client/cli/table.h"

void
batch_view_free(struct batch_view *v)
{
	free(v->records);
	free(v->members);
	timebox_response_free(v->catalogue);
	memset(v, 0, sizeof(*v));
}

/* ---- the records ---- */

static bool
is_refused(const Timebox__V1__Entry *entry, size_t row)
{
	for (size_t i = 0; i < entry->n_effects; i++)
		if (entry->effects[i]->kind == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_ROW_REFUSED &&
			entry->effects[i]->index == row)
			return true;
	return false;
}

static void
view_add(struct batch_view *v, const struct batch_entry *e)
{
	v->records = reallocarray(v->records, v->n_records + e->rows->n_rows + 1,
		sizeof(*v->records));
	if (v->records == NULL)
		abort();
	for (size_t i = 0; i < e->rows->n_rows; i++) {
		const Timebox__V1__ServiceRow *row = e->rows->rows[i];
		struct view_record *r = &v->records[v->n_records];

		if (is_refused(e->entry, i))
			continue;
		*r = (struct view_record){.seq = e->entry->seq, .index = (uint32_t)i,
			.line = row->line, .member = row->member, .day = row->day,
			.start_minute = row->start_minute, .end_minute = row->end_minute,
			.measured = row->measured != 0};
		(void)snprintf(r->item, sizeof(r->item), "%.8s", row->item);
		v->n_records++;
	}
}

int
batch_view_read(struct batch_view *v, struct cli *c, struct timebox *tb,
	const uint8_t id[PARTS_ID_LEN], const Timebox__V1__Batch *batch)
{
	struct sha256_ctx *digest = sha256_new();
	uint64_t seq = 0;
	int rc = CLI_DONE;

	memset(v, 0, sizeof(*v));
	memcpy(v->id, id, PARTS_ID_LEN);
	v->rules = batch->rules;
	v->entries = (uint32_t)batch->n_parts_done;
	for (size_t i = 0; i < batch->n_parts_done && rc == CLI_DONE; i++) {
		const Timebox__V1__BatchPart *part = batch->parts_done[i];
		struct batch_entry e;

		rc = part->seq > seq ? batch_read(c, tb, id, part, &e)
				     : batch_refuse(c, RESULT_BATCH_MISMATCH, batch);
		if (rc != CLI_DONE)
			break;
		seq = part->seq;
		sha256_update(digest, part->leaf.data, part->leaf.len);
		view_add(v, &e);
		batch_entry_free(&e);
		cli_progress(c, _("entries"), i + 1, batch->n_parts_done);
	}
	cli_progress_end(c);
	sha256_final(digest, v->digest);
	sha256_free(digest);
	return rc;
}

int
batch_view_leave_out(struct batch_view *v, const struct cli *c, const char *line)
{
	uint32_t number = 0;
	int rc = cli_count(c, "--leave-out", line, 1, UINT32_MAX, &number);

	if (rc != CLI_DONE)
		return rc;
	for (size_t i = 0; i < v->n_records; i++) {
		if (v->records[i].line != number)
			continue;
		v->left_out += v->records[i].left_out ? 0 : 1;
		v->records[i].left_out = true;
		return CLI_DONE;
	}
	return cli_fail_here(c, RESULT_NOT_FOUND, "--leave-out",
		_("there is no accepted record from line %s"), line);
}

/* ---- sums ---- */

static int
member_compare(const void *a, const void *b)
{
	const struct view_member *x = a, *y = b;

	return (x->member > y->member) - (x->member < y->member);
}

static int
number_compare(const void *a, const void *b)
{
	const struct view_member *x = a, *y = b;

	return strcmp(x->number, y->number);
}

/* One line for each record first, then those of one member together. */
static void
sum_members(struct batch_view *v)
{
	size_t n = 0, kept = 0;

	v->members = calloc(v->n_records + 1, sizeof(*v->members));
	if (v->members == NULL)
		abort();
	for (size_t i = 0; i < v->n_records; i++) {
		const struct view_record *r = &v->records[i];

		if (r->left_out)
			continue;
		v->members[n].member = r->member;
		v->members[n].records = 1;
		v->members[n++].minutes = r->end_minute - r->start_minute;
		v->minutes += r->end_minute - r->start_minute;
	}
	qsort(v->members, n, sizeof(*v->members), member_compare);
	for (size_t i = 0; i < n; i++) {
		struct view_member *last = kept > 0 ? &v->members[kept - 1] : NULL;

		if (last != NULL && last->member == v->members[i].member) {
			last->records += v->members[i].records;
			last->minutes += v->members[i].minutes;
		} else {
			v->members[kept++] = v->members[i];
		}
	}
	v->n_members = kept;
}

static void
name_member(void *user, const Timebox__V1__Member *m)
{
	struct batch_view *v = user;
	struct view_member key = {.member = m->member};
	struct view_member *found = v->n_members == 0 ? NULL
		: bsearch(&key, v->members, v->n_members, sizeof(key), member_compare);

	if (found == NULL)
		return;
	(void)snprintf(found->number, sizeof(found->number), "%.8s", m->number);
	(void)snprintf(found->name, sizeof(found->name), "%.60s", m->name);
}

int
batch_view_sum(struct batch_view *v, struct cli *c, struct timebox *tb)
{
	Timebox__V1__GetCatalogue ask = TIMEBOX__V1__GET_CATALOGUE__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	struct timebox_error e;
	int rc;

	sum_members(v);
	rc = reports_each(c, tb, name_member, v);
	if (rc != CLI_DONE)
		return rc;
	qsort(v->members, v->n_members, sizeof(*v->members), number_compare);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_CATALOGUE;
	call.get_catalogue = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_CATALOGUE, &v->catalogue);
	if (rc != CLI_DONE || v->catalogue->catalogue->rules == v->rules)
		return rc;
	(void)timebox_error_set(&e, TIMEBOX_FAILURE_REFUSED, RESULT_RATES_CHANGED, "batch", "%s", "");
	return cli_fail(c, &e);
}

/* ---- showing ---- */

static const struct view_member *
view_member(const struct batch_view *v, uint64_t member)
{
	for (size_t i = 0; i < v->n_members; i++)
		if (v->members[i].member == member)
			return &v->members[i];
	return NULL;
}

/* How many records (not left out) have this item. */
static uint32_t
item_records(const struct batch_view *v, const char *item)
{
	uint32_t n = 0;

	for (size_t i = 0; i < v->n_records; i++)
		n += !v->records[i].left_out && strcmp(v->records[i].item, item) == 0;
	return n;
}

static int
minutes_compare(const void *a, const void *b)
{
	const struct view_member *x = *(const struct view_member *const *)a;
	const struct view_member *y = *(const struct view_member *const *)b;

	if (x->minutes != y->minutes)
		return x->minutes > y->minutes ? -1 : 1;
	return strcmp(x->number, y->number);
}

/* The members with most minutes; returns how many, at most VIEW_TOP. */
static size_t
view_top(const struct batch_view *v, const struct view_member *top[VIEW_TOP])
{
	const struct view_member **all = calloc(v->n_members + 1, sizeof(*all));
	size_t n = v->n_members < VIEW_TOP ? v->n_members : VIEW_TOP;

	if (all == NULL)
		abort();
	for (size_t i = 0; i < v->n_members; i++)
		all[i] = &v->members[i];
	qsort(all, v->n_members, sizeof(*all), minutes_compare);
	memcpy(top, all, n * sizeof(*all));
	free(all);
	return n;
}

/* Records drawn by chance, each at most once; returns how many. Whoever imported cannot know which. */
static size_t
view_sample(const struct batch_view *v, const struct view_record *sample[VIEW_SAMPLE])
{
	size_t left = v->n_records - v->left_out, want = left < VIEW_SAMPLE ? left : VIEW_SAMPLE;
	size_t n = 0;

	for (size_t i = 0; i < v->n_records && n < want; i++) {
		uint64_t random = 0;

		if (v->records[i].left_out)
			continue;
		if (crypto_random(&random, sizeof(random)) != RESULT_OK)
			abort();
		if (random % left-- < want - n)
			sample[n++] = &v->records[i];
	}
	return n;
}

static void
print_rates(const struct batch_view *v)
{
	struct table *t = table_new(_("Item|Service|>Minutes|>Points|>Records"));
	const Timebox__V1__Catalogue *catalogue = v->catalogue->catalogue;

	for (size_t i = 0; i < catalogue->n_service_items; i++) {
		const Timebox__V1__ServiceItem *item = catalogue->service_items[i];
		uint32_t records = item_records(v, item->item);

		if (records == 0)
			continue;
		table_cell(t, item->item);
		table_cell(t, item->name);
		table_cellf(t, "%u", item->minutes);
		table_cellf(t, "%u", item->points);
		table_cellf(t, "%u", records);
	}
	printf("%s\n", _("Rates: so many minutes give so many points"));
	table_print(t, stdout, _("None."));
	table_free(t);
}

static void
print_members(const char *title, const struct view_member *const *list, size_t n, bool zh)
{
	struct table *t = table_new(_("Member|Name|>Records|>Time"));
	char text[OUT_TIME_SIZE];

	for (size_t i = 0; i < n; i++) {
		table_cell(t, list[i]->number);
		table_cell(t, list[i]->name);
		table_cellf(t, "%u", list[i]->records);
		table_cell(t, out_minutes(text, list[i]->minutes, zh));
	}
	printf("\n%s\n", title);
	table_print(t, stdout, _("None."));
	table_free(t);
}

static void
print_sample(const struct batch_view *v)
{
	struct table *t = table_new(_(">Line|Member|Item|Day|Time|Way"));
	const struct view_record *sample[VIEW_SAMPLE];
	char day[OUT_TIME_SIZE];
	size_t n = view_sample(v, sample);

	for (size_t i = 0; i < n; i++) {
		const struct view_record *r = sample[i];
		const struct view_member *m = view_member(v, r->member);

		table_cellf(t, "%u", r->line);
		table_cell(t, m == NULL ? "" : m->number);
		table_cell(t, r->item);
		table_cell(t, out_day(day, r->day));
		table_cellf(t, "%02u:%02u-%02u:%02u", r->start_minute / 60, r->start_minute % 60,
			r->end_minute / 60, r->end_minute % 60);
		table_cell(t, r->measured ? _("clocked") : _("typed in afterwards"));
	}
	printf("\n%s\n", _("A sample, drawn by chance: compare it with the paper"));
	table_print(t, stdout, _("None."));
	table_free(t);
}

static void
print_words(const struct batch_view *v, bool zh)
{
	const struct view_member *top[VIEW_TOP], **all = calloc(v->n_members + 1, sizeof(*all));
	char text[OUT_TIME_SIZE];

	if (all == NULL)
		abort();
	for (size_t i = 0; i < v->n_members; i++)
		all[i] = &v->members[i];
	print_rates(v);
	print_members(_("Totals"), all, v->n_members, zh);
	print_members(_("Most time"), top, view_top(v, top), zh);
	print_sample(v);
	printf(_("\n%zu records of %zu members, %s; %zu left out.\n"), v->n_records - v->left_out,
		v->n_members, out_minutes(text, v->minutes, zh), v->left_out);
	free(all);
}

static json_t *
json_members(const struct view_member *const *list, size_t n)
{
	json_t *j = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(j, json_pack("{s:s,s:I,s:I}", "member", list[i]->number, "records",
			(json_int_t)list[i]->records, "minutes", (json_int_t)list[i]->minutes));
	return j;
}

static json_t *
json_rates(const struct batch_view *v)
{
	const Timebox__V1__Catalogue *catalogue = v->catalogue->catalogue;
	json_t *j = json_array();

	for (size_t i = 0; i < catalogue->n_service_items; i++) {
		const Timebox__V1__ServiceItem *item = catalogue->service_items[i];
		uint32_t records = item_records(v, item->item);

		if (records > 0)
			json_array_append_new(j, json_pack("{s:s,s:I,s:I,s:I}", "item", item->item,
				"minutes", (json_int_t)item->minutes, "points",
				(json_int_t)item->points, "records", (json_int_t)records));
	}
	return j;
}

static json_t *
json_sample(const struct batch_view *v)
{
	const struct view_record *sample[VIEW_SAMPLE];
	size_t n = view_sample(v, sample);
	json_t *j = json_array();
	char day[OUT_TIME_SIZE];

	for (size_t i = 0; i < n; i++) {
		const struct view_record *r = sample[i];
		const struct view_member *m = view_member(v, r->member);

		json_array_append_new(j, json_pack("{s:I,s:s,s:s,s:s,s:I,s:I,s:b}", "line",
			(json_int_t)r->line, "member", m == NULL ? "" : m->number, "item", r->item, "day",
			out_day(day, r->day), "start", (json_int_t)r->start_minute, "end",
			(json_int_t)r->end_minute, "measured", (int)r->measured));
	}
	return j;
}

static void
print_json(const struct batch_view *v)
{
	const struct view_member *top[VIEW_TOP], **all = calloc(v->n_members + 1, sizeof(*all));
	size_t n = view_top(v, top);

	if (all == NULL)
		abort();
	for (size_t i = 0; i < v->n_members; i++)
		all[i] = &v->members[i];
	out_json_line(json_pack("{s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "batch",
		out_json_hex(v->id, PARTS_ID_LEN), "records",
		(json_int_t)(v->n_records - v->left_out), "minutes", (json_int_t)v->minutes, "left_out",
		(json_int_t)v->left_out, "rules", (json_int_t)v->rules, "rates", json_rates(v), "top",
		json_members(top, n), "members", json_members(all, v->n_members), "sample",
		json_sample(v)));
	free(all);
}

void
batch_view_print(const struct batch_view *v, const struct cli *c)
{
	if (c->json)
		print_json(v);
	else
		print_words(v, c->zh);
}
