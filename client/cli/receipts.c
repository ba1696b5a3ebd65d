#include "client/cli/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/canonical.h"
#include "timebox/v1/entry.pb-c.h"

#define RECEIPTS_PAGE  1000
#define RECEIPTS_ARENA (8u << 20) /* one entry, its act unpacked too */

void
receipts_free(struct receipts *r)
{
	free(r->list);
	r->list = NULL;
	r->n = 0;
}

static int
receipt_compare(const void *a, const void *b)
{
	const struct receipt *x = a, *y = b;
	int order = strcmp(x->number, y->number);

	if (order == 0)
		order = strcmp(x->item, y->item);
	if (order == 0)
		order = strcmp(x->outlet, y->outlet);
	if (order == 0)
		order = (x->quality > y->quality) - (x->quality < y->quality);
	if (order == 0)
		order = (x->best_before_day > y->best_before_day) -
			(x->best_before_day < y->best_before_day);
	return order;
}

bool
receipts_have(const struct receipts *r, const struct receipt *line)
{
	return r->n > 0 &&
		bsearch(line, r->list, r->n, sizeof(*r->list), receipt_compare) != NULL;
}

/* ---- reading ---- */

static void
receipt_add(struct receipts *r, uint64_t seq, uint32_t index, const Timebox__V1__DonationAdd *d)
{
	struct receipt *to;

	r->list = reallocarray(r->list, r->n + 1, sizeof(*r->list));
	if (r->list == NULL)
		abort();
	to = &r->list[r->n++];
	*to = (struct receipt){.quality = (uint32_t)d->quality,
		.best_before_day = d->best_before_day, .seq = seq, .index = index};
	(void)snprintf(to->number, sizeof(to->number), "%.16s", d->receipt);
	(void)snprintf(to->item, sizeof(to->item), "%.8s", d->item);
	(void)snprintf(to->outlet, sizeof(to->outlet), "%.8s", d->outlet);
}

static void
receipt_drop(struct receipts *r, const Timebox__V1__Ref *ref)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].seq == ref->seq && r->list[i].index == ref->index) {
			r->list[i] = r->list[--r->n];
			return;
		}
}

static enum result
entry_take(struct receipts *r, struct arena *a, const ProtobufCBinaryData *bytes)
{
	const Timebox__V1__Entry *entry;
	const Timebox__V1__Act *act;
	ProtobufCMessage *m = NULL;
	enum result err;

	arena_reset(a);
	err = canonical_unpack(&timebox__v1__entry__descriptor, a, bytes->data, bytes->len, &m);
	if (err != RESULT_OK)
		return err;
	entry = (const Timebox__V1__Entry *)(const void *)m;
	err = canonical_unpack(&timebox__v1__act__descriptor, a, entry->act.data, entry->act.len, &m);
	if (err != RESULT_OK)
		return err;
	act = (const Timebox__V1__Act *)(const void *)m;
	for (uint32_t i = 0; i < act->n_commands; i++) {
		const Timebox__V1__Command *command = act->commands[i];

		if (command->kind_case == TIMEBOX__V1__COMMAND__KIND_DONATION_ADD)
			receipt_add(r, entry->seq, i, command->donation_add);
		else if (command->kind_case == TIMEBOX__V1__COMMAND__KIND_WITHDRAW &&
			command->withdraw->ref != NULL)
			receipt_drop(r, command->withdraw->ref);
	}
	return RESULT_OK;
}

/* One page from *seq on; *seq becomes the next page's, 0 at the end. */
static int
page_take(struct cli *c, struct timebox *tb, struct receipts *r, struct arena *a, uint64_t *seq)
{
	Timebox__V1__GetEntries ask = TIMEBOX__V1__GET_ENTRIES__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	enum result err = RESULT_OK;
	int rc;

	ask.from_seq = *seq;
	ask.limit = RECEIPTS_PAGE;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_ENTRIES;
	call.get_entries = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_ENTRIES, &answer);
	if (rc != CLI_DONE)
		return rc;
	for (size_t i = 0; i < answer->entries->n_entries && err == RESULT_OK; i++)
		err = entry_take(r, a, &answer->entries->entries[i]);
	*seq += answer->entries->n_entries;
	cli_progress(c, _("entries"), *seq - 1, answer->entries->last_seq);
	if (answer->entries->n_entries == 0 || *seq > answer->entries->last_seq)
		*seq = 0;
	timebox_response_free(answer);
	return err == RESULT_OK ? CLI_DONE : cli_fail_here(c, err, NULL, NULL);
}

int
receipts_read(struct cli *c, struct timebox *tb, struct receipts *out)
{
	struct arena a;
	uint64_t seq = 1;
	int rc = CLI_DONE;

	out->list = NULL;
	out->n = 0;
	if (arena_init(&a, RECEIPTS_ARENA) != RESULT_OK)
		return cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	while (rc == CLI_DONE && seq != 0)
		rc = page_take(c, tb, out, &a, &seq);
	cli_progress_end(c);
	arena_free(&a);
	if (out->n > 0)
		qsort(out->list, out->n, sizeof(*out->list), receipt_compare);
	return rc;
}
