#include "client/auditor/auditor_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/auditor/marks.h"
#include "daemon/book/book.h"

#define ENTRY_ARENA    (16u << 20) /* any entry of 65,535 bytes and its act */
#define PROGRESS_EVERY 256

enum result
broken_set(struct auditor_broken *b, const char *kind, uint64_t entry, const char *format, ...)
{
	va_list args;

	if (b->kind != NULL)
		return RESULT_CORRUPT;
	b->kind = kind;
	b->entry = entry;
	va_start(args, format);
	vsnprintf(b->why, sizeof(b->why), format, args);
	va_end(args);
	return RESULT_CORRUPT;
}

unsigned
auditor_kind_depth(const char *kind)
{
	static const char first[] =
	    "checkpoint vkey witness framing leaf cut extra encoding sequence chain root tile fork time "
	    "made_at semantics rules origin act request_id genesis key signature effects";
	static const char *const kinds[] = {first, "postings balance touched", "refused outcome"};
	size_t n = strlen(kind);

	for (unsigned depth = 1; depth <= 3; depth++) {
		const char *all = kinds[depth - 1];

		for (const char *at = all; (at = strstr(at, kind)) != NULL; at += n)
			if ((at == all || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
				return depth;
	}
	return 0;
}

enum result
auditor_kept_parse(const char *text, struct auditor_kept *out)
{
	const char *colon = strchr(text, ':');
	size_t digits = strspn(text, "0123456789"), n;
	enum result err;

	if (colon == NULL || digits == 0 || digits > 18 || text + digits != colon)
		return RESULT_BAD_FIELD;
	err = base64_decode(out->root, HASH_LEN, &n, colon + 1, strlen(colon + 1));
	if (err != RESULT_OK || n != HASH_LEN)
		return RESULT_BAD_FIELD;
	out->size = strtoull(text, NULL, 10);
	return RESULT_OK;
}

/* ---- one verification ---- */

struct audit {
	const char *dir;
	const struct auditor_options *options;
	struct auditor_result *result;
	struct note_vkey vkey;
	struct keychain keys;
	struct checkpoint checkpoint;
	bool checkpoint_known;
	const char *checkpoint_problem;
	const char *origin;
	unsigned threads;
	struct arena arena; /* of one entry and its act */
	struct hashing hashing;
	struct ledger *ledger;
	struct reexec *reexec; /* at depth 3 */
	struct auditor_broken content; /* what the entries say */
	struct marks marks;
	struct picked picked;
	uint64_t *drawn;
};

static enum result
vkey_load(struct audit *a)
{
	struct auditor_broken *b = &a->result->broken;
	const char *text = a->options->vkey;
	char stored[NOTE_VKEY_SIZE];
	enum result err;

	a->result->pinned = text != NULL;
	if (text == NULL) {
		err = vkey_read(a->dir, stored);
		if (err == RESULT_NOT_FOUND)
			return broken_set(b, "vkey", 0,
			    _("there is no vkey, and none was given"));
		if (err == RESULT_IO)
			return err;
		text = err == RESULT_OK ? stored : "";
	}
	if (note_vkey_parse(text, &a->vkey) != RESULT_OK ||
	    a->vkey.type != NOTE_TYPE_ED25519)
		return broken_set(b, "vkey", 0, _("the verifier key is not one of a ledger"));
	return RESULT_OK;
}

/*
 * The keys by which notes are verified. A ledger whose entry 1 names the known key, and whose checkpoint that key signed, is not
 * looked through for others before: whether there are any shows at the end (keys_check).
 */
static enum result
keys_load(struct audit *a, const char *note, size_t n)
{
	struct checkpoint stated = {.size = FILES_SIZE_UNKNOWN}, c;
	enum result err = checkpoint_parse(note, n, &stated);
	bool first;

	if (err == RESULT_NO_MEMORY ||
	    (err = ledger_keys_first(a->dir, stated.size, &a->vkey, &first)) != RESULT_OK)
		return err;
	keychain_only(&a->keys, &a->vkey);
	if (first && keychain_checkpoint(&a->keys, note, n, &c) == RESULT_OK && !marks_given(a->dir, a->options))
		return RESULT_OK;
	return ledger_keys_read(a->dir, stated.size, &a->vkey, &a->keys);
}

/* The checkpoint was signed by the key that the ledger itself says. */
static enum result
keys_check(struct audit *a)
{
	uint64_t size = a->checkpoint.size;

	if (a->ledger == NULL || ledger_key_signs(a->ledger, a->keys.list[keychain_at(&a->keys, size)].key, size))
		return RESULT_OK;
	return broken_set(&a->result->broken, "checkpoint", 0, "%s",
	    _("the checkpoint is not signed by the key that the ledger has at its size, or was changed since"));
}

static enum result
checkpoint_load(struct audit *a)
{
	char note[NOTE_MAX_BYTES + 2];
	size_t n;
	enum result err = files_read(a->dir, "checkpoint", note, sizeof(note), &n);

	if (err == RESULT_NOT_FOUND)
		return broken_set(
		    &a->result->broken, "checkpoint", 0, _("there is no checkpoint"));
	if (err == RESULT_IO)
		return err;
	if ((err = vkey_load(a)) != RESULT_OK || (err = keys_load(a, note, n)) != RESULT_OK)
		return err;
	err = keychain_checkpoint(&a->keys, note, n, &a->checkpoint);
	a->checkpoint_known = err == RESULT_OK;
	a->checkpoint_problem =
	    err == RESULT_BAD_SIGNATURE
		? _("the checkpoint is not signed by the key that the ledger has at its size, or was changed since")
		: _("the checkpoint is not a signed note");
	if (err == RESULT_NO_MEMORY)
		return err;
	return marks_load(&a->marks, a->dir, a->options, &a->keys, note,
	    a->checkpoint_known ? n : 0, &a->result->broken);
}

/* ---- what was done, for another time ---- */

/* Everything that a run between two bundles knows; the head says of which ledger and with which options. */
static void
state_dump(struct audit *a, struct dump *d)
{
	static const char magic[] = "timebox audit state 1\n";
	const struct auditor_options *o = a->options;
	const char *seed = o->seed != NULL && o->sample != 0 ? o->seed : "";
	uint64_t numbers[] = {o->depth, o->no_signatures, o->from, o->sample,
	    o->sample != 0 ? a->checkpoint.size : 0, sizeof(struct audit),
	    TABLE_LAST, BOOK_SEMANTICS};

	dump_same(d, magic, sizeof(magic));
	dump_same(d, numbers, sizeof(numbers));
	dump_same(d, seed, strlen(seed) + 1);
	dump_same(d, a->origin, strlen(a->origin) + 1);
	dump_same(d, a->vkey.pub, sizeof(a->vkey.pub));
	marks_dump(&a->marks, d);
	hashing_dump(&a->hashing, d);
	if (a->ledger != NULL)
		ledger_dump(a->ledger, d);
	if (a->reexec != NULL)
		reexec_dump(a->reexec, d);
}

static enum result
state_save(struct audit *a)
{
	struct dump d;

	if (!hashing_fits(&a->hashing) || a->hashing.chain.n % TILE_WIDTH != 0)
		return RESULT_OK;
	dump_begin(&d, a->options->state, true);
	state_dump(a, &d);
	return dump_end(&d, a->options->state);
}

/* True where an earlier run was taken up; what is left otherwise is not to be used. */
static bool
state_load(struct audit *a)
{
	struct dump d;

	dump_begin(&d, a->options->state, false);
	state_dump(a, &d);
	if (dump_end(&d, a->options->state) != RESULT_OK ||
	    a->hashing.chain.n > a->checkpoint.size || !marks_resume(&a->marks, a->hashing.chain.n))
		return false; /* marks that an unusable file filled in are filled in anew */
	a->result->resumed = a->hashing.chain.n;
	return true;
}

/* ---- entries ---- */

/* What an entry says, after everything before it; what is wrong goes to a->content. */
static enum result
content_check(struct audit *a, struct said_bytes bytes, const struct said *said,
    const struct deed *deed, enum result why, const uint8_t leaf[HASH_LEN])
{
	enum result err = ledger_entry(a->ledger, said, deed, why);

	if (err == RESULT_OK && a->reexec != NULL)
		err = reexec_entry(a->reexec, bytes, said, deed, leaf);
	return err == RESULT_CORRUPT ? RESULT_OK : err;
}

/* The act of an entry that was decoded into a->arena. */
static enum result
act_check(struct audit *a, struct said_bytes bytes, const struct said *said)
{
	struct deed deed;
	enum result why = deed_decode(said->act, a->origin, &a->arena, &deed);

	if (why == RESULT_NO_MEMORY)
		return why;
	if (why == RESULT_OK)
		deed_verify(said, &deed, &a->picked);
	return content_check(a, bytes, said, &deed, why, a->hashing.chain.last);
}

static enum result
entry_check(struct audit *a, struct said_bytes bytes)
{
	enum result err, why;
	struct said said;

	arena_reset(&a->arena);
	why = said_decode(bytes.p, bytes.n, &a->arena, &said);
	if (why == RESULT_NO_MEMORY)
		return why;
	err = hashing_entry(
	    &a->hashing, bytes.p, bytes.n, why == RESULT_OK ? &said : NULL, why);
	if (err != RESULT_OK)
		return err;
	marks_at(&a->marks, &a->hashing.chain.leaves);
	if (why != RESULT_OK || a->ledger == NULL || a->content.kind != NULL ||
	    !hashing_fits(&a->hashing))
		return RESULT_OK;
	return act_check(a, bytes, &said);
}

static enum result
piece_content(struct audit *a, const struct piece *p)
{
	enum result err = RESULT_OK;

	for (size_t i = 0; i < TILE_WIDTH && a->content.kind == NULL && err == RESULT_OK; i++) {
		const struct piece_entry *e = &p->entry[i];
		struct said said;

		if (!e->undecoded) {
			err = content_check(a, e->bytes, &e->said, &e->deed, e->why, p->leaf[i]);
			continue;
		}
		arena_reset(&a->arena);
		err = said_decode(e->bytes.p, e->bytes.n, &a->arena, &said);
		if (err == RESULT_OK)
			err = act_check(a, e->bytes, &said);
	}
	return err;
}

static void
progress(const struct audit *a, uint64_t done)
{
	if (a->options->progress != NULL)
		a->options->progress(a->options->user, done,
		    a->checkpoint_known ? a->checkpoint.size : 0);
}

/* One full bundle; RESULT_NOT_FOUND where it is to be looked at entry by entry. */
static enum result
piece_check(struct audit *a, const struct piece *p)
{
	enum result err;

	marks_within(&a->marks, &a->hashing.chain.leaves, p->leaf);
	if (!hashing_piece(&a->hashing, p, &err))
		return RESULT_NOT_FOUND;
	marks_at(&a->marks, &a->hashing.chain.leaves);
	if (err == RESULT_OK && a->ledger != NULL)
		err = piece_content(a, p);
	progress(a, a->hashing.chain.n);
	return err;
}

static bool
stopped(struct audit *a)
{
	const struct auditor_options *o = a->options;

	if (a->content.kind == NULL && o->stop != NULL && o->stop(o->user))
		a->result->unfinished = true;
	return a->result->unfinished;
}

/* The full bundles, as long as nothing is wrong with the bytes. */
static enum result
pieces_check(struct audit *a)
{
	const struct pieces_options options = {
	    .dir = a->dir,
	    .origin = a->origin,
	    .from = a->hashing.chain.n / TILE_WIDTH,
	    .end = a->checkpoint.size / TILE_WIDTH,
	    .content = a->ledger != NULL,
	    .picked = a->picked,
	    .threads = a->threads,
	};
	struct pieces *ps;
	const struct piece *p;
	enum result err = RESULT_OK;

	if (options.from >= options.end)
		return RESULT_OK;
	if ((ps = pieces_begin(&options)) == NULL)
		return RESULT_NO_MEMORY;
	while (err == RESULT_OK && !stopped(a) && (err = pieces_next(ps, &p)) == RESULT_OK)
		err = piece_check(a, p);
	pieces_end(ps);
	if (err == RESULT_NOT_FOUND)
		err = RESULT_OK;
	if (err == RESULT_OK && a->options->state != NULL && a->content.kind == NULL)
		err = state_save(a);
	return err;
}

static enum result
entries_check(struct audit *a)
{
	uint64_t done;
	uint8_t *buf = malloc(FILES_ENTRY_MAX);
	struct tiles t;
	enum result err = RESULT_OK;
	size_t n;

	if (buf == NULL)
		return RESULT_NO_MEMORY;
	marks_at(&a->marks, &a->hashing.chain.leaves);
	if (a->checkpoint_known)
		err = pieces_check(a);
	if (err != RESULT_OK || a->result->unfinished) {
		free(buf);
		return err;
	}
	done = a->hashing.chain.n;
	tiles_begin(&t, a->dir, TILE_ENTRIES,
	    a->checkpoint_known ? a->checkpoint.size : FILES_SIZE_UNKNOWN);
	t.n = done / TILE_WIDTH;
	while (err == RESULT_OK && (err = tiles_entry(&t, buf, &n)) == RESULT_OK) {
		err = entry_check(a, (struct said_bytes){buf, n});
		if (++done % PROGRESS_EVERY == 0)
			progress(a, done);
	}
	if (err == RESULT_BAD_FRAME)
		a->hashing.framing = done + 1;
	tiles_end(&t);
	free(buf);
	if (err != RESULT_OK && err != RESULT_NOT_FOUND && err != RESULT_BAD_FRAME)
		return err;
	err = a->ledger == NULL ? RESULT_OK : ledger_end(a->ledger);
	return err == RESULT_CORRUPT ? RESULT_OK : err;
}

static enum result
verdict(struct audit *a)
{
	struct auditor_result *r = a->result;
	struct auditor_broken vague = {.kind = NULL}, found = {.kind = NULL};
	bool is_vague;
	enum result err;

	err = hashing_verdict(&a->hashing, a->checkpoint_problem, &found, &is_vague);
	if (err != RESULT_OK && !is_vague) {
		r->broken = found;
		return err;
	}
	if (is_vague)
		vague = found;
	err = marks_check(&a->marks, a->hashing.chain.n, &r->broken, &vague);
	if (err != RESULT_OK)
		return err;
	if (a->content.kind != NULL || vague.kind != NULL) {
		r->broken = a->content.kind != NULL ? a->content : vague;
		return RESULT_CORRUPT;
	}
	if (a->hashing.chain.n == 0)
		return broken_set(&r->broken, "genesis", 1, _("the ledger is empty"));
	if ((err = keys_check(a)) != RESULT_OK)
		return err;
	r->size = a->checkpoint.size;
	memcpy(r->root, a->checkpoint.root, HASH_LEN);
	r->anchors = a->marks.anchors;
	r->n_anchors = a->marks.n_anchors;
	a->marks.anchors = NULL;
	memcpy(r->origin, a->checkpoint.origin, sizeof(r->origin));
	if (a->ledger != NULL)
		ledger_report(a->ledger, r);
	if (a->reexec != NULL)
		reexec_report(a->reexec, r);
	if (a->options->account != NULL && a->options->depth >= 2)
		accounts_each(ledger_accounts(a->ledger), a->options->account, a->options->user);
	return RESULT_OK;
}

static void
parts_free(struct audit *a)
{
	hashing_end(&a->hashing);
	ledger_free(a->ledger);
	reexec_free(a->reexec);
	a->ledger = NULL;
	a->reexec = NULL;
}

/* What the depth needs. */
static enum result
parts_make(struct audit *a)
{
	const struct auditor_options *o = a->options;

	hashing_begin(&a->hashing, a->dir, &a->checkpoint, a->checkpoint_known);
	if (o->depth >= 1 &&
	    (a->ledger = ledger_new(a->origin, a->keys.list[0].key, o->depth, &a->content)) == NULL)
		return RESULT_NO_MEMORY;
	if (o->depth >= 3 && (a->reexec = reexec_new(a->origin, &a->content)) == NULL)
		return RESULT_NO_MEMORY;
	return RESULT_OK;
}

static enum result
prepare(struct audit *a)
{
	const struct auditor_options *o = a->options;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	enum result err;

	a->origin = a->checkpoint_known ? a->checkpoint.origin : a->vkey.name;
	a->threads = o->threads != 0 ? o->threads : processors < 1 ? 1 : (unsigned)processors;
	a->picked = (struct picked){.none = o->no_signatures, .from = o->from, .n = o->sample};
	if (arena_init(&a->arena, ENTRY_ARENA) != RESULT_OK)
		return RESULT_NO_MEMORY;
	if (o->sample != 0 && a->checkpoint_known) {
		a->drawn = auditor_sample_draw(
		    o->seed != NULL ? o->seed : "", a->checkpoint.size, &a->picked.n);
		if ((a->picked.list = a->drawn) == NULL)
			return RESULT_NO_MEMORY;
	}
	if ((err = parts_make(a)) != RESULT_OK || o->state == NULL || !a->checkpoint_known ||
	    state_load(a))
		return err;
	parts_free(a);
	return parts_make(a);
}

static enum result
audit_run(struct audit *a)
{
	enum result err;

	if ((err = checkpoint_load(a)) != RESULT_OK || (err = prepare(a)) != RESULT_OK ||
	    (err = entries_check(a)) != RESULT_OK)
		return err;
	if (!a->result->unfinished)
		return verdict(a);
	a->result->reached = a->hashing.chain.n;
	a->result->size = a->checkpoint.size;
	return RESULT_OK;
}

enum result
auditor_verify(
    const char *dir, const struct auditor_options *options, struct auditor_result *out)
{
	struct audit *a = calloc(1, sizeof(*a));
	enum result err;

	memset(out, 0, sizeof(*out));
	if (a == NULL)
		return RESULT_NO_MEMORY;
	a->dir = dir;
	a->options = options;
	a->result = out;
	err = audit_run(a);
	out->ok = err == RESULT_OK && !out->unfinished;
	parts_free(a);
	marks_free(&a->marks);
	free(a->drawn);
	arena_free(&a->arena);
	free(a);
	return err == RESULT_CORRUPT ? RESULT_OK : err;
}

void
auditor_result_free(struct auditor_result *r)
{
	free(r->roster);
	free(r->anchors);
	r->roster = NULL;
	r->anchors = NULL;
	r->n_roster = r->n_anchors = 0;
}
