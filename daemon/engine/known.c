/*
 * What is known of the ledger's size, from outside of it: so that a ledger that lost its end (restored from an older backup,
 * a disk put back) does not go on as if nothing had been there.
 *
 *   DIR/known   the last signed checkpoint: the daemon's own, or a larger one that it was told of (proto/note.h)
 *   DIR/nodes   32 bytes for each 256 entries: the roots that signed.c keeps; may be missing, short or wrong
 *   DIR/loss    a line per accepted loss: the size that was left, a blank, the size that was known. Checkpoints of
 *               sizes above the first and up to the second say nothing any more. What a crash left of a line is at most a part
 *               of that, and is ended before the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/engine/engine_int.h"
#include "daemon/ops/log.h"

/* A line of DIR/loss, and room for the longest. */
#define LOSS_LINE "%" PRIu64 " %" PRIu64 "\n"
#define LOSS_SIZE 64
/* Entries that are read back to be signed when the state is written. */
#define KNOWN_UNREAD_MAX 8192

static enum result
say(struct engine_error *error, enum result err, const char *path, const char *why)
{
	snprintf(error->text, sizeof(error->text), "%s: %s", path, why);
	return err;
}

static enum result
path_in(char out[ENGINE_PATH_MAX], const struct engine *e, const char *name)
{
	int n = snprintf(out, ENGINE_PATH_MAX, "%s/%s", e->dir, name);

	return n < 0 || n >= ENGINE_PATH_MAX ? RESULT_OVERFLOW : RESULT_OK;
}

static enum result
read_note(const char *path, char note[NOTE_MAX_BYTES], size_t *len)
{
	FILE *file = fopen(path, "re");
	enum result err = RESULT_OK;

	if (file == NULL)
		return errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO;
	*len = fread(note, 1, NOTE_MAX_BYTES, file);
	if (ferror(file) || *len == NOTE_MAX_BYTES)
		err = RESULT_BAD_FIELD;
	fclose(file);
	return err;
}

/* Replaces DIR/known, durably. */
static enum result
write_note(const struct engine *e, const char *note, size_t len)
{
	char path[ENGINE_PATH_MAX], fresh[ENGINE_PATH_MAX];
	enum result err;
	int fd;

	if ((err = path_in(path, e, "known")) != RESULT_OK ||
	    (err = path_in(fresh, e, "known.new")) != RESULT_OK)
		return err;
	if ((fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return RESULT_IO;
	if (write(fd, note, len) != (ssize_t)len || fsync(fd) != 0)
		err = RESULT_IO;
	if (close(fd) != 0 || (err == RESULT_OK && rename(fresh, path) != 0))
		err = RESULT_IO;
	return err;
}

/* 1 if the line is one as it is written, whole, and gave up this size. */
static int
line_covers(const char *line, uint64_t size)
{
	uint64_t left, known;
	char whole[LOSS_SIZE];

	if (sscanf(line, "%" SCNu64 " %" SCNu64, &left, &known) != 2)
		return 0;
	snprintf(whole, sizeof(whole), LOSS_LINE, left, known);
	return strcmp(line, whole) == 0 && size > left && size <= known;
}

int
loss_covers(FILE *file, uint64_t size)
{
	char *line = NULL;
	size_t room = 0;
	int found = 0;

	while (getline(&line, &room, file) > 0)
		found |= line_covers(line, size);
	free(line);
	return found;
}

/* 1 if the size belongs to a part that was given up. */
static int
given_up(const struct engine *e, uint64_t size)
{
	char path[ENGINE_PATH_MAX];
	FILE *file;
	int found;

	if (path_in(path, e, "loss") != RESULT_OK || (file = fopen(path, "re")) == NULL)
		return 0;
	found = loss_covers(file, size);
	fclose(file);
	return found;
}

/* Keeps the checkpoint in mind if it is larger than what is known. */
static enum result
take(struct engine *e, const struct checkpoint *c)
{
	uint8_t root[32];

	if (c->size <= e->known.size || given_up(e, c->size))
		return RESULT_OK;
	tree_frontier_root(&e->committed_tree, root);
	if (c->size == e->committed_tree.size && memcmp(root, c->root, sizeof(root)) != 0)
		return RESULT_CORRUPT;
	e->known.size = c->size;
	memcpy(e->known.root, c->root, sizeof(e->known.root));
	if (engine_behind(e) != 0)
		log_event(LOG_LEVEL_ERROR, "ledger_behind",
		    "entries=%" PRIu64 " known=%" PRIu64
		    " hint=\"restore a newer backup, or timeboxd accept-loss\"",
		    e->committed_tree.size, c->size);
	return RESULT_OK;
}

enum result
engine_heed(struct engine *e, const char *path, struct engine_error *error)
{
	char note[NOTE_MAX_BYTES];
	struct keychain keys;
	struct checkpoint c;
	size_t len;
	enum result err;

	if ((err = read_note(path, note, &len)) != RESULT_OK)
		return say(error, err, path, "cannot be read");
	engine_keychain(e, &keys);
	if ((err = keychain_checkpoint(&keys, note, len, &c)) != RESULT_OK)
		return say(error, err, path,
		    "no checkpoint signed by the key that this ledger has at its size; if the ledger's key was changed since, "
		    "this ledger lacks that entry: restore a newer backup");
	if (strcmp(c.origin, e->origin) != 0)
		return say(error, RESULT_WRONG_ORIGIN, path, "a checkpoint of another ledger");
	if ((err = take(e, &c)) != RESULT_OK)
		return say(error, err, path, "the ledger of this size had another root: its history was changed");
	/* Told once, it is not forgotten. */
	if (engine_behind(e) == c.size && write_note(e, note, len) != RESULT_OK)
		return say(error, RESULT_IO, path, "cannot be copied into the station's folder");
	return RESULT_OK;
}

enum result
known_load(struct engine *e, struct engine_error *error)
{
	char path[ENGINE_PATH_MAX];
	enum result err = path_in(path, e, "known");

	if (err == RESULT_OK)
		err = engine_heed(e, path, error);
	/* A file that a crash or a hand left torn says nothing; the entries are what counts. */
	if (err == RESULT_BAD_FIELD || err == RESULT_BAD_SIGNATURE)
		log_event(LOG_LEVEL_WARN, "known_unreadable", "hint=\"DIR/known is written anew\"");
	return err == RESULT_CORRUPT || err == RESULT_WRONG_ORIGIN ? err : RESULT_OK;
}

void
known_draft(struct engine *e)
{
	const struct engine_checkpoint *c = engine_newest(e);
	struct known_draft *d = &e->known_draft;

	d->len = 0;
	d->written = 0;
	nodes_save(e);
	/* Not at the price of a pause: where much was not read back yet, what was signed last has to do. */
	if (engine_unread(e) <= KNOWN_UNREAD_MAX && engine_signed(e, &c) != RESULT_OK)
		return;
	if (c->size <= e->known.size)
		return;
	d->len = strlen(c->note);
	memcpy(d->note, c->note, d->len + 1);
	d->known.size = c->size;
	memcpy(d->known.root, c->root, sizeof(d->known.root));
}

void
known_write(void *ctx)
{
	struct engine *e = ctx;
	struct known_draft *d = &e->known_draft;

	d->written = d->len > 0 && write_note(e, d->note, d->len) == RESULT_OK;
}

void
known_settle(struct engine *e)
{
	const struct known_draft *d = &e->known_draft;

	if (d->len > 0 && !d->written)
		log_event(LOG_LEVEL_WARN, "known_not_written", "hint=\"DIR/known stays as it was\"");
	else if (d->len > 0 && d->known.size > e->known.size)
		e->known = d->known;
}

static void
known_save(struct engine *e)
{
	known_draft(e);
	known_write(e);
	known_settle(e);
}

/* ---- DIR/nodes ---- */

/* 1 if the nodes are those of the committed tree, as far as they go. */
static int
nodes_fit(const struct engine *e)
{
	const struct tree_frontier *have = &e->signer.blocks, *want = &e->committed_tree;

	/* Where blocks are missing the roots differ in shape: what was read is compared before anything is signed. */
	if (have->size >> TREE_NODE_LEVEL != want->size >> TREE_NODE_LEVEL)
		return 1;
	for (unsigned level = TREE_NODE_LEVEL; level < 64; level++)
		if ((want->size >> level & 1) != 0 && memcmp(have->hash[level], want->hash[level], 32) != 0)
			return 0;
	return 1;
}

enum result
nodes_load(struct engine *e)
{
	char path[ENGINE_PATH_MAX];
	uint64_t most = e->committed_tree.size >> TREE_NODE_LEVEL;
	struct signer *s = &e->signer;
	enum result err = RESULT_OK;
	uint8_t node[32];
	FILE *file;

	if (path_in(path, e, "nodes") != RESULT_OK || (file = fopen(path, "re")) == NULL)
		return RESULT_OK;
	while (err == RESULT_OK && s->n_nodes < most && fread(node, sizeof(node), 1, file) == 1)
		err = signed_block(s, node);
	fclose(file);
	s->n_loaded = s->n_saved = s->n_nodes;
	if (err != RESULT_OK || nodes_fit(e))
		return err;
	log_event(LOG_LEVEL_WARN, "nodes_unusable", "hint=\"all entries are read again\"");
	signed_forget(s);
	return RESULT_OK;
}

void
nodes_save(struct engine *e)
{
	char path[ENGINE_PATH_MAX];
	struct signer *s = &e->signer;
	size_t n = (s->n_nodes - s->n_saved) * 32;
	int fd;

	if (n == 0 || path_in(path, e, "nodes") != RESULT_OK ||
	    (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return;
	/* A line that is cut short, or lost with the power, is read from the entries again. */
	if (pwrite(fd, s->node + s->n_saved, n, (off_t)(s->n_saved * 32)) == (ssize_t)n)
		s->n_saved = s->n_nodes;
	close(fd);
}

uint64_t
engine_behind(const struct engine *e)
{
	return e->known.size > e->committed_tree.size ? e->known.size : 0;
}

/* What a crash left of a line is ended, so that it does not run into the next. */
static void
end_torn_line(FILE *file)
{
	int torn = fseek(file, -1, SEEK_END) == 0 && fgetc(file) != '\n';

	(void)fseek(file, 0, SEEK_END);
	if (torn)
		fputc('\n', file);
}

enum result
engine_accept_loss(struct engine *e, uint64_t *lost)
{
	char path[ENGINE_PATH_MAX];
	enum result err = path_in(path, e, "loss");
	FILE *file;

	*lost = engine_behind(e);
	if (*lost == 0 || err != RESULT_OK)
		return *lost == 0 ? RESULT_ALREADY_DONE : err;
	if ((file = fopen(path, "a+e")) == NULL)
		return RESULT_IO;
	end_torn_line(file);
	fprintf(file, LOSS_LINE, e->committed_tree.size, *lost);
	if (fflush(file) != 0 || fsync(fileno(file)) != 0)
		err = RESULT_IO;
	if (fclose(file) != 0 || err != RESULT_OK)
		return RESULT_IO;
	log_event(LOG_LEVEL_WARN, "loss_accepted", "entries=%" PRIu64 " known=%" PRIu64,
	    e->committed_tree.size, *lost);
	e->known.size = 0;
	known_save(e);
	return RESULT_OK;
}
