#include "client/cli/words.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/acts.h"

#define WORDS_CALL 4096 /* words in one question */

void
words_free(struct words *w)
{
	free(w->word);
	w->word = NULL;
	w->n = w->room = 0;
}

void
words_add(struct words *w, const char *text)
{
	if (text[0] == '\0')
		return;
	if (w->n == w->room) {
		w->room = w->room == 0 ? 256 : w->room * 2;
		w->word = reallocarray(w->word, w->room, sizeof(*w->word));
		if (w->word == NULL)
			abort();
	}
	w->word[w->n++] = (struct word){.text = text};
}

static int
word_compare(const void *a, const void *b)
{
	return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

static void
words_sort(struct words *w)
{
	size_t kept = 0;

	if (w->n == 0)
		return;
	qsort(w->word, w->n, sizeof(*w->word), word_compare);
	for (size_t i = 1; i < w->n; i++)
		if (word_compare(&w->word[kept], &w->word[i]) != 0)
			w->word[++kept] = w->word[i];
	w->n = kept + 1;
}

uint64_t
words_id(const struct words *w, const char *text)
{
	struct word key = {.text = text};
	const struct word *found;

	if (w->n == 0)
		return 0;
	found = bsearch(&key, w->word, w->n, sizeof(*w->word), word_compare);
	return found == NULL ? 0 : found->id;
}

/* ---- looking up ---- */

static void
resolve_ask(enum words_kind kind, Timebox__V1__Resolve *ask, char **texts, size_t n)
{
	switch (kind) {
	case WORDS_NUMBERS:
		ask->numbers = texts;
		ask->n_numbers = n;
		break;
	case WORDS_AREAS:
		ask->areas = texts;
		ask->n_areas = n;
		break;
	case WORDS_PURPOSES:
		ask->purposes = texts;
		ask->n_purposes = n;
		break;
	case WORDS_BENEFICIARIES:
		ask->beneficiaries = texts;
		ask->n_beneficiaries = n;
		break;
	}
}

/* The id of the i-th word of a question, 0 also where the answer is shorter. */
static uint64_t
resolve_id(enum words_kind kind, const Timebox__V1__Resolved *answer, size_t i)
{
	switch (kind) {
	case WORDS_NUMBERS:
		return i < answer->n_members ? answer->members[i] : 0;
	case WORDS_AREAS:
		return i < answer->n_areas ? answer->areas[i] : 0;
	case WORDS_PURPOSES:
		return i < answer->n_purposes ? answer->purposes[i] : 0;
	case WORDS_BENEFICIARIES:
		return i < answer->n_beneficiaries ? answer->beneficiaries[i] : 0;
	}
	return 0;
}

int
words_resolve(struct cli *c, struct timebox *tb, struct words *w)
{
	char *texts[WORDS_CALL];

	words_sort(w);
	for (size_t from = 0, n; from < w->n; from += n) {
		Timebox__V1__Resolve ask = TIMEBOX__V1__RESOLVE__INIT;
		Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
		Timebox__V1__Response *answer = NULL;
		int rc;

		n = w->n - from < WORDS_CALL ? w->n - from : WORDS_CALL;
		for (size_t i = 0; i < n; i++)
			texts[i] = timebox_string(w->word[from + i].text);
		resolve_ask(w->kind, &ask, texts, n);
		call.kind_case = TIMEBOX__V1__CALL__KIND_RESOLVE;
		call.resolve = &ask;
		rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_RESOLVED, &answer);
		if (rc != CLI_DONE)
			return rc;
		for (size_t i = 0; i < n; i++)
			w->word[from + i].id = resolve_id(w->kind, answer->resolved, i);
		timebox_response_free(answer);
	}
	return CLI_DONE;
}

/* ---- creating ---- */

struct creating {
	struct words *w;
	size_t refused;
};

static enum result
word_compose(void *ctx, struct timebox_draft *d, size_t i)
{
	const struct creating *k = ctx;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__TermAdd term = TIMEBOX__V1__TERM_ADD__INIT;
	Timebox__V1__BeneficiaryAdd beneficiary = TIMEBOX__V1__BENEFICIARY_ADD__INIT;
	uint8_t commitment[HASH_LEN];
	enum result r = timebox_draft_name(d, k->w->word[i].text, NULL, commitment);

	if (r != RESULT_OK)
		return r;
	if (k->w->kind == WORDS_BENEFICIARIES) {
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_BENEFICIARY_ADD;
		command.beneficiary_add = &beneficiary;
		beneficiary.commitment = timebox_bytes(commitment, sizeof(commitment));
	} else {
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_TERM_ADD;
		command.term_add = &term;
		term.term = k->w->kind == WORDS_AREAS
			? TIMEBOX__V1__TERM_KIND__TERM_KIND_AREA
			: TIMEBOX__V1__TERM_KIND__TERM_KIND_PURPOSE;
		term.commitment = timebox_bytes(commitment, sizeof(commitment));
	}
	return timebox_draft_add(d, &command);
}

static void
word_accepted(void *ctx, size_t i, const Timebox__V1__Receipt *receipt, uint32_t command)
{
	struct creating *k = ctx;

	for (size_t j = 0; j < receipt->n_effects; j++) {
		const Timebox__V1__Effect *e = receipt->effects[j];

		if (e->command == command &&
			(e->kind == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_TERM_ADDED ||
				e->kind == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_BENEFICIARY_ADDED))
			k->w->word[i].id = e->id;
	}
}

static void
word_refused(void *ctx, size_t i, const struct timebox_error *why)
{
	struct creating *k = ctx;

	(void)i;
	(void)why;
	k->refused++;
}

int
words_create(struct cli *c, struct timebox *tb, struct words *w)
{
	struct creating k = {.w = w};
	const struct acts a = {.ctx = &k, .compose = word_compose, .accepted = word_accepted,
		.refused = word_refused, .label = _("new words")};
	size_t *items = calloc(w->n + 1, sizeof(*items)), n = 0;
	int rc;

	if (items == NULL)
		abort();
	for (size_t i = 0; i < w->n; i++)
		if (w->word[i].id == 0)
			items[n++] = i;
	rc = n == 0 ? CLI_DONE : acts_send(c, tb, &a, items, n);
	free(items);
	/* A colleague may have created the same word in between. */
	if (rc == CLI_DONE && k.refused > 0)
		rc = words_resolve(c, tb, w);
	return rc;
}
