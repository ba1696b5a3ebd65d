/* Which records' sheets the auditor wants to see: counted, drawn, found again. */
#include "client/auditor/auditor_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/book/words.h"

struct sample {
	uint64_t count;	    /* records seen so far */
	const uint64_t *drawn; /* rising; NULL while they are counted */
	uint64_t n, next;
	void (*record)(void *user, const struct auditor_record *r);
	void *user;
};

static void
record_take(struct sample *s, struct auditor_record *r)
{
	r->number = ++s->count;
	if (s->drawn == NULL || s->next == s->n || s->drawn[s->next] != s->count)
		return;
	s->next++;
	s->record(s->user, r);
}

static bool
is_refused(const struct said *said, uint32_t command, size_t index)
{
	for (size_t i = 0; i < said->n_effects; i++)
		if (said->effects[i].kind == EFFECT_ROW_REFUSED && said->effects[i].command == command &&
		    said->effects[i].index == index)
			return true;
	return false;
}

/* The rows of a part of an import that were accepted. */
static void
rows_take(struct sample *s, const struct said *said, const struct command *c, uint32_t command)
{
	for (uint32_t i = 0; i < c->n_rows; i++) {
		const struct service_row *row = &c->rows[i];
		struct auditor_record r = {.seq = said->seq,
		    .index = i,
		    .line = row->line,
		    .member = row->member,
		    .day = row->day,
		    .minutes = row->end_minute > row->start_minute ? row->end_minute - row->start_minute
								  : 0,
		    .has_batch = true};

		if (is_refused(said, command, i))
			continue;
		memcpy(r.batch, c->batch, sizeof(r.batch));
		record_take(s, &r);
	}
}

static enum result
entry_take(void *ctx, const struct walk *w, struct said_bytes bytes, const struct said *said,
    const struct deed *deed)
{
	struct sample *s = ctx;

	(void)w;
	(void)bytes;
	for (uint32_t i = 0; deed->refusal == RESULT_OK && i < deed->act.n_commands; i++)
		if (deed->act.commands[i].kind == COMMAND_SERVICE_ROWS)
			rows_take(s, said, &deed->act.commands[i], i);
	for (size_t i = 0; i < said->n_effects; i++) {
		const struct said_effect *f = &said->effects[i];
		struct auditor_record r = {.seq = said->seq,
		    .index = f->index,
		    .member = f->member,
		    .day = f->day,
		    .minutes = f->minutes};

		if (f->kind == EFFECT_RECORDED)
			record_take(s, &r);
	}
	return RESULT_OK;
}

/* The seed, bound to the checkpoint that was published before it. */
static char *
seed_make(const char *seed, const struct checkpoint *at)
{
	char root[BASE64_LEN(HASH_LEN) + 1];
	char *text = NULL;

	base64_encode(root, sizeof(root), at->root, HASH_LEN);
	return asprintf(&text, "%s\n%" PRIu64 "\n%s", seed, at->size, root) < 0 ? NULL : text;
}

enum result
auditor_sample(const char *dir, const char *vkey, const char *seed, uint64_t n,
    void (*record)(void *user, const struct auditor_record *r), void *user,
    struct auditor_sample *out, struct auditor_broken *why)
{
	struct sample s = {.record = record, .user = user, .n = n};
	uint64_t *drawn = NULL;
	char *text = NULL;
	struct walk w;
	enum result err;

	why->kind = NULL;
	if ((err = walk(dir, vkey, entry_take, &s, why, &w)) != RESULT_OK)
		return err;
	*out = (struct auditor_sample){.size = w.at.size, .records = s.count};
	memcpy(out->root, w.at.root, HASH_LEN);
	text = seed_make(seed, &w.at);
	if (text != NULL)
		drawn = auditor_sample_draw(text, s.count, &s.n);
	out->n = s.n;
	s.count = 0;
	s.drawn = drawn;
	err = drawn == NULL ? RESULT_NO_MEMORY : walk(dir, vkey, entry_take, &s, why, &w);
	free(drawn);
	free(text);
	return err;
}
