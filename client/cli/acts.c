#include "client/cli/acts.h"

#include <stdlib.h>
#include <string.h>

/* Commands and texts of one act; a little more comes with the last command. */
#define ACT_BYTES 40000

struct chunk {
	struct timebox_draft *draft;
	size_t n;
	size_t items[ACTS_COMMANDS];
};

struct sending {
	struct cli *c;
	struct timebox *tb;
	const struct acts *a;
	const size_t *items;
	size_t n, next, done;
	struct chunk *chunks[TIMEBOX_WINDOW]; /* those not in flight: chunks[0..idle) */
	unsigned idle;
};

/* Whether a refusal is about the one command that it names; others would befall every act. */
static bool
is_of_command(enum result code)
{
	switch ((int)code) {
	case RESULT_BAD_FIELD:
	case RESULT_NOT_FOUND:
	case RESULT_EXISTS:
	case RESULT_WRONG_LEAF:
	case RESULT_OVERFLOW:
	case RESULT_TOO_MANY:
	case RESULT_ALREADY_DONE:
	case RESULT_SAME_PERSON:
	case RESULT_KIN_CONFLICT:
	case RESULT_BAD_DATE:
	case RESULT_UNKNOWN_MEMBER:
	case RESULT_UNKNOWN_ITEM:
	case RESULT_RECORD_STATE:
	case RESULT_NOT_IN_FORCE:
	case RESULT_NOT_ACTIVE:
		return true;
	default:
		return false;
	}
}

static enum result
chunk_compose(const struct sending *s, struct chunk *k)
{
	enum result r = RESULT_OK;

	timebox_draft_reset(k->draft);
	for (size_t i = 0; i < k->n && r == RESULT_OK; i++)
		r = s->a->compose(s->a->ctx, k->draft, k->items[i]);
	return r;
}

/* The next items, as many as go in. */
static enum result
chunk_fill(struct sending *s, struct chunk *k)
{
	enum result r = RESULT_OK;

	timebox_draft_reset(k->draft);
	for (k->n = 0; s->next < s->n && r == RESULT_OK; k->n++) {
		if (k->n == ACTS_COMMANDS || timebox_draft_size(k->draft) > ACT_BYTES)
			break;
		k->items[k->n] = s->items[s->next++];
		r = s->a->compose(s->a->ctx, k->draft, k->items[k->n]);
	}
	return r;
}

static int
chunk_begin(struct sending *s, struct chunk *k, enum result r)
{
	if (r == RESULT_OK)
		r = timebox_act_begin(s->tb, k->draft, k);
	return r == RESULT_OK ? CLI_DONE : cli_fail_here(s->c, r, NULL, NULL);
}

static void
chunk_rest(struct sending *s, struct chunk *k)
{
	s->chunks[s->idle++] = k;
}

static void
chunk_accepted(struct sending *s, struct chunk *k, const Timebox__V1__Receipt *receipt)
{
	for (size_t i = 0; i < k->n && s->a->accepted != NULL; i++)
		s->a->accepted(s->a->ctx, k->items[i], receipt, (uint32_t)i);
	s->done += k->n;
	cli_progress(s->c, s->a->label, s->done, s->n);
}

/* Without the command that was refused, again. */
static int
chunk_refused(struct sending *s, struct chunk *k, const struct timebox_error *why)
{
	size_t at = why->command;

	s->a->refused(s->a->ctx, k->items[at], why);
	s->done++;
	k->n--;
	memmove(k->items + at, k->items + at + 1, (k->n - at) * sizeof(k->items[0]));
	if (k->n > 0)
		return chunk_begin(s, k, chunk_compose(s, k));
	chunk_rest(s, k);
	return CLI_DONE;
}

/* Takes the oldest answer. */
static int
sending_next(struct sending *s)
{
	Timebox__V1__Response *answer = NULL;
	void *user = NULL;
	enum result r = timebox_act_next(s->tb, &user, &answer);
	const struct timebox_error *e = timebox_last_error(s->tb);
	struct chunk *k = user;
	int rc = CLI_DONE;

	if (r == RESULT_OK) {
		chunk_accepted(s, k, answer->receipt);
		chunk_rest(s, k);
	} else if (e->failure == TIMEBOX_FAILURE_REFUSED && r == RESULT_USE_NEW_ID) {
		timebox_draft_unseal(k->draft);
		rc = chunk_begin(s, k, RESULT_OK);
	} else if (e->failure == TIMEBOX_FAILURE_REFUSED && is_of_command(r) && e->command < k->n) {
		struct timebox_error why = *e;

		rc = chunk_refused(s, k, &why);
	} else {
		rc = cli_fail_tb(s->c, s->tb);
		chunk_rest(s, k);
	}
	timebox_response_free(answer);
	return rc;
}

/* After a failure: what is still under way is waited for, but nothing more is said or sent. */
static void
sending_drain(struct sending *s)
{
	while (timebox_act_waiting(s->tb) > 0) {
		Timebox__V1__Response *answer = NULL;
		void *user = NULL;

		if (timebox_act_next(s->tb, &user, &answer) == RESULT_OK)
			chunk_accepted(s, user, answer->receipt);
		timebox_response_free(answer);
	}
}

static int
sending_run(struct sending *s)
{
	int rc = CLI_DONE;

	while (rc == CLI_DONE && (s->next < s->n || timebox_act_waiting(s->tb) > 0)) {
		if (s->next < s->n && s->idle > 0) {
			struct chunk *k = s->chunks[--s->idle];

			rc = chunk_begin(s, k, chunk_fill(s, k));
		} else {
			rc = sending_next(s);
		}
	}
	sending_drain(s);
	cli_progress_end(s->c);
	return rc;
}

int
acts_send(struct cli *c, struct timebox *tb, const struct acts *a, const size_t *items, size_t n)
{
	struct sending s = {.c = c, .tb = tb, .a = a, .items = items, .n = n};
	struct chunk *chunks = calloc(TIMEBOX_WINDOW, sizeof(*chunks));
	int rc = CLI_DONE;
	unsigned i;

	if (chunks == NULL)
		return cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	for (i = 0; i < TIMEBOX_WINDOW && rc == CLI_DONE; i++) {
		chunks[i].draft = timebox_draft_new();
		chunk_rest(&s, &chunks[i]);
		if (chunks[i].draft == NULL)
			rc = cli_fail_here(c, RESULT_NO_MEMORY, NULL, NULL);
	}
	if (rc == CLI_DONE)
		rc = sending_run(&s);
	for (i = 0; i < TIMEBOX_WINDOW; i++)
		timebox_draft_free(chunks[i].draft);
	free(chunks);
	return rc;
}
