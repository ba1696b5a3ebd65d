/* timebox catalogue list: service items and rates, what can be redeemed where, partners. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/out.h"
#include "client/cli/table.h"

static void
services_json(const Timebox__V1__Catalogue *k)
{
	size_t i;

	for (i = 0; i < k->n_service_items; i++) {
		const Timebox__V1__ServiceItem *s = k->service_items[i];

		out_json_line(json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:b}", "kind", "service_item", "item",
			s->item, "name", s->name, "group", s->group, "minutes", (json_int_t)s->minutes,
			"points", (json_int_t)s->points, "training", (int)s->training));
	}
}

static void
items_json(const Timebox__V1__Catalogue *k)
{
	size_t i, o;

	for (i = 0; i < k->n_items; i++) {
		const Timebox__V1__Item *item = k->items[i];
		json_t *outlets = json_array();

		for (o = 0; o < item->n_outlets; o++)
			json_array_append_new(outlets, json_pack("{s:s,s:I,s:I}", "outlet",
				item->outlets[o]->outlet, "free", (json_int_t)item->outlets[o]->free,
				"held", (json_int_t)item->outlets[o]->held));
		out_json_line(json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:o}", "kind", "item", "item",
			item->item, "name", item->name, "type",
			out_word(&timebox__v1__item_kind__descriptor, (int)item->item_kind), "points",
			(json_int_t)item->points, "quota", (json_int_t)item->quota, "outlets", outlets));
	}
}

static void
partners_json(const Timebox__V1__Catalogue *k)
{
	char from[OUT_TIME_SIZE], to[OUT_TIME_SIZE];
	size_t i;

	for (i = 0; i < k->n_partners; i++) {
		const Timebox__V1__Partner *p = k->partners[i];

		out_json_line(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "kind", "partner", "partner",
			p->partner, "name", p->name, "type",
			out_word(&timebox__v1__partner_kind__descriptor, (int)p->partner_kind), "from",
			out_day(from, p->from_day), "to", out_day(to, p->to_day)));
	}
	for (i = 0; i < k->n_terms; i++)
		out_json_line(json_pack("{s:s,s:I,s:s,s:I,s:s}", "kind", "term", "term",
			(json_int_t)k->terms[i]->term, "type",
			out_word(&timebox__v1__term_kind__descriptor, (int)k->terms[i]->term_kind),
			"parent", (json_int_t)k->terms[i]->parent, "name", k->terms[i]->name));
}

static void
services_table(const Timebox__V1__Catalogue *k)
{
	struct table *t = table_new(_("item|name|class|>minutes|>points|training"));
	size_t i;

	for (i = 0; i < k->n_service_items; i++) {
		const Timebox__V1__ServiceItem *s = k->service_items[i];

		table_cell(t, s->item);
		table_cell(t, s->name);
		table_cell(t, s->group);
		table_cellf(t, "%" PRIu32, s->minutes);
		table_cellf(t, "%" PRIu32, s->points);
		table_cell(t, s->training ? _("needed") : "");
	}
	table_print(t, stdout, _("No service items yet."));
	table_free(t);
}

/* A line for each outlet of an item. */
static void
items_table(const Timebox__V1__Catalogue *k)
{
	struct table *t = table_new(_("item|name|>points|>a month|outlet|>free|>set aside"));
	size_t i, o;

	for (i = 0; i < k->n_items; i++) {
		const Timebox__V1__Item *item = k->items[i];

		for (o = 0; o < item->n_outlets; o++) {
			table_cell(t, item->item);
			table_cell(t, item->name);
			table_cellf(t, "%" PRIu32, item->points);
			if (item->quota == 0)
				table_cell(t, "-");
			else
				table_cellf(t, "%" PRIu32, item->quota);
			table_cell(t, item->outlets[o]->outlet);
			table_cellf(t, "%" PRIu64, item->outlets[o]->free);
			table_cellf(t, "%" PRIu64, item->outlets[o]->held);
		}
	}
	table_print(t, stdout, _("Nothing to redeem yet."));
	table_free(t);
}

static void
partners_table(const Timebox__V1__Catalogue *k)
{
	struct table *t = table_new(_("partner|name|agreement from|to"));
	char day[OUT_TIME_SIZE];
	size_t i;

	for (i = 0; i < k->n_partners; i++) {
		table_cell(t, k->partners[i]->partner);
		table_cell(t, k->partners[i]->name);
		table_cell(t, out_day(day, k->partners[i]->from_day));
		table_cell(t, k->partners[i]->to_day == 0 ? _("open")
							  : out_day(day, k->partners[i]->to_day));
	}
	table_print(t, stdout, _("No partners yet."));
	table_free(t);
}

int
cmd_catalogue_list(struct cli *c, int argc, char **argv)
{
	const struct cli_usage usage = {
		.help = N_("Lists service items with their rates, what can be redeemed where, and partners."),
		.examples = "  timebox catalogue list\n  timebox catalogue list --json\n",
	};
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb = NULL;
	Timebox__V1__GetCatalogue ask;
	Timebox__V1__Call call;
	int rc;

	cli_parse(c, &usage, argc, argv, NULL);
	timebox__v1__get_catalogue__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_CATALOGUE;
	call.get_catalogue = &ask;
	rc = cli_connect(c, &tb);
	if (rc == CLI_DONE)
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_CATALOGUE, &answer);
	if (rc == CLI_DONE && c->json) {
		services_json(answer->catalogue);
		items_json(answer->catalogue);
		partners_json(answer->catalogue);
	} else if (rc == CLI_DONE) {
		services_table(answer->catalogue);
		putchar('\n');
		items_table(answer->catalogue);
		putchar('\n');
		partners_table(answer->catalogue);
	}
	timebox_response_free(answer);
	timebox_close(tb);
	return rc;
}
