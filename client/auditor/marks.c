#include "client/auditor/marks.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/auditor/auditor_int.h"

#define PATH_SIZE 4096

static enum result
mark_add(struct marks *m, uint64_t size, const uint8_t root[HASH_LEN])
{
	struct mark *more = reallocarray(m->all, m->n + 1, sizeof(*more));
	size_t at = m->n;

	if (more == NULL)
		return RESULT_NO_MEMORY;
	m->all = more;
	for (; at > 0 && more[at - 1].size > size; at--)
		more[at] = more[at - 1];
	more[at] = (struct mark){.size = size};
	memcpy(more[at].root, root, HASH_LEN);
	m->n++;
	return RESULT_OK;
}

static enum result
anchor_add(struct marks *m, const char *witness, uint64_t size, uint64_t unix_time)
{
	struct auditor_anchor *more = reallocarray(m->anchors, m->n_anchors + 1, sizeof(*more));

	if (more == NULL)
		return RESULT_NO_MEMORY;
	m->anchors = more;
	more[m->n_anchors] = (struct auditor_anchor){.size = size, .unix_time = unix_time};
	snprintf(more[m->n_anchors].witness, sizeof(more->witness), "%s", witness);
	m->n_anchors++;
	return RESULT_OK;
}

/* Who of the witnesses cosigned it. */
static enum result
cosigned(struct marks *m, const struct auditor_options *o, const char *note, size_t n,
    uint64_t size, const char *from, struct auditor_broken *b)
{
	for (size_t i = 0; i < o->n_witnesses; i++) {
		struct note_vkey key;
		uint64_t when;
		enum result err;

		if (note_vkey_parse(o->witnesses[i], &key) != RESULT_OK ||
		    key.type != NOTE_TYPE_COSIGNATURE)
			return broken_set(b, "witness", 0,
			    _("\"%.128s\" is no verifier key of a witness"), o->witnesses[i]);
		err = cosignature_verify(note, n, &key, &when);
		if (err == RESULT_OK)
			err = anchor_add(m, key.name, size, when);
		else if (err == RESULT_BAD_SIGNATURE || err == RESULT_BAD_FIELD)
			return broken_set(b, "witness", 0,
			    _("%.256s: the cosignature of %s is wrong"), from, key.name);
		else if (err == RESULT_NOT_FOUND)
			err = RESULT_OK;
		if (err != RESULT_OK)
			return err;
	}
	return RESULT_OK;
}

/* A checkpoint that somebody kept. */
static enum result
note_take(struct marks *m, const char *dir, const char *name, const struct auditor_options *o,
    const struct keychain *ledger, struct auditor_broken *b)
{
	char note[NOTE_MAX_BYTES + 2];
	struct checkpoint c;
	size_t n;
	enum result err = files_read(dir, name, note, sizeof(note), &n);

	if (err == RESULT_IO)
		return err;
	if (err == RESULT_OK)
		err = keychain_checkpoint(ledger, note, n, &c);
	if (err == RESULT_NO_MEMORY)
		return err;
	if (err != RESULT_OK || strcmp(c.origin, ledger->origin) != 0)
		return broken_set(b, "checkpoint", 0,
		    _("%.256s is no checkpoint signed by the key that the ledger has at its size"), name);
	err = mark_add(m, c.size, c.root);
	return err == RESULT_OK ? cosigned(m, o, note, n, c.size, name, b) : err;
}

bool
marks_given(const char *dir, const struct auditor_options *o)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/anchors", dir);
	return o->n_anchors > 0 || access(path, F_OK) == 0;
}

static enum result
folder_take(struct marks *m, const char *dir, const struct auditor_options *o,
    const struct keychain *ledger, struct auditor_broken *b)
{
	char path[PATH_SIZE];
	struct dirent *e;
	enum result err = RESULT_OK;
	DIR *d;

	snprintf(path, sizeof(path), "%s/anchors", dir);
	if ((d = opendir(path)) == NULL)
		return errno == ENOENT || errno == ENOTDIR ? RESULT_OK : RESULT_IO;
	while (err == RESULT_OK && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			err = note_take(m, path, e->d_name, o, ledger, b);
	closedir(d);
	return err;
}

static enum result
witnesses_check(const struct marks *m, const struct auditor_options *o, struct auditor_broken *b)
{
	for (size_t i = 0; i < o->n_witnesses; i++) {
		struct note_vkey key;
		bool found = false;

		if (note_vkey_parse(o->witnesses[i], &key) != RESULT_OK)
			return RESULT_INTERNAL;
		for (size_t j = 0; j < m->n_anchors; j++)
			found |= strcmp(m->anchors[j].witness, key.name) == 0;
		if (!found)
			return broken_set(
			    b, "witness", 0, _("%s did not cosign the checkpoint"), key.name);
	}
	return RESULT_OK;
}

enum result
marks_load(struct marks *m, const char *dir, const struct auditor_options *o,
    const struct keychain *ledger, const char *note, size_t n, struct auditor_broken *b)
{
	struct checkpoint c;
	enum result err = RESULT_OK;

	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < o->n_kept && err == RESULT_OK; i++)
		err = mark_add(m, o->kept[i].size, o->kept[i].root);
	if (err == RESULT_OK && n > 0 && (err = checkpoint_parse(note, n, &c)) == RESULT_OK)
		err = cosigned(m, o, note, n, c.size, "checkpoint", b);
	if (err == RESULT_OK)
		err = folder_take(m, dir, o, ledger, b);
	for (size_t i = 0; i < o->n_anchors && err == RESULT_OK; i++)
		err = note_take(m, NULL, o->anchors[i], o, ledger, b);
	return err == RESULT_OK && n > 0 ? witnesses_check(m, o, b) : err;
}

void
marks_free(struct marks *m)
{
	free(m->all);
	free(m->anchors);
	memset(m, 0, sizeof(*m));
}

void
marks_at(struct marks *m, const struct tree_frontier *leaves)
{
	for (; m->next < m->n && m->all[m->next].size == leaves->size; m->next++) {
		tree_frontier_root(leaves, m->all[m->next].found);
		m->all[m->next].seen = true;
	}
}

void
marks_within(struct marks *m, const struct tree_frontier *leaves, const uint8_t (*more)[HASH_LEN])
{
	uint64_t end = leaves->size + TILE_WIDTH;
	struct tree_frontier f;

	if (m->next == m->n || m->all[m->next].size >= end)
		return;
	f = *leaves;
	for (size_t i = 0; f.size + 1 < end; i++) {
		tree_frontier_append(&f, more[i]);
		marks_at(m, &f);
	}
}

void
marks_dump(struct marks *m, struct dump *d)
{
	size_t n = m->next;

	dump_count(d, &n, 1u << 20);
	for (size_t i = 0; i < n && d->err == RESULT_OK; i++) {
		struct mark k = {.size = 0};

		if (d->writing)
			k = m->all[i];
		dump_bytes(d, &k.size, sizeof(k.size));
		dump_bytes(d, k.found, sizeof(k.found));
		for (size_t j = 0; j < m->n && !d->writing && d->err == RESULT_OK; j++) {
			if (m->all[j].size != k.size)
				continue;
			m->all[j].seen = true;
			memcpy(m->all[j].found, k.found, HASH_LEN);
		}
	}
}

bool
marks_resume(struct marks *m, uint64_t size)
{
	bool whole = true;

	for (m->next = 0; m->next < m->n && m->all[m->next].size <= size; m->next++)
		whole &= m->all[m->next].seen;
	if (!whole)
		m->next = 0;
	return whole;
}

enum result
marks_check(const struct marks *m, uint64_t n, struct auditor_broken *b,
    struct auditor_broken *vague)
{
	const struct mark *most = m->n > 0 ? &m->all[m->n - 1] : NULL;

	if (most != NULL && n < most->size)
		return broken_set(b, "cut", n + 1,
		    _("%" PRIu64 " entries were there once, now %" PRIu64 " are"), most->size, n);
	for (size_t i = 0; i < m->n; i++) {
		const struct mark *k = &m->all[i];

		if (k->seen && memcmp(k->found, k->root, HASH_LEN) == 0)
			continue;
		vague->kind = NULL;
		return broken_set(vague, "fork", 0,
			   _("the first %" PRIu64 " entries are not those whose root was kept"),
			   k->size) == RESULT_CORRUPT ? RESULT_OK : RESULT_INTERNAL;
	}
	return RESULT_OK;
}
