/* From backups to a station: every step checks what it takes (backup.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine/backup_int.h"

struct source {
	const char *folder;
	struct manifest manifest;
};

struct restore {
	const struct restore_ask *ask;
	struct engine_error *error;
	/* In order of their entries. */
	struct source *sources;
	/* The station until it has its name. */
	char fresh[ENGINE_PATH_MAX];
	char where[ENGINE_PATH_MAX];
	struct ledger *ledger;
	struct people *people;
	uint8_t leaf[32];
	/* As the entries say: the ledger's keys, and the zone of its days. */
	struct keychain chain;
	int32_t zone_minutes;
	/* The file at hand. */
	uint8_t *buf;
};

static const char *
path_of(struct restore *r, const char *folder, const char *name)
{
	/* A path that is cut is not there, and is said so. */
	int n = snprintf(r->where, sizeof(r->where), "%s/%s", folder, name);

	return n < 0 ? "" : r->where;
}

static enum result
broken(struct restore *r, const char *folder, const char *name, const char *what)
{
	return backup_error(r->error, RESULT_CORRUPT, "%s/%s: %s", folder, name, what);
}

/* ---- manifests ---- */

static enum result
load_manifest(struct restore *r, struct source *s)
{
	char *text = malloc(BACKUP_MANIFEST_MAX);
	FILE *file = fopen(path_of(r, s->folder, "manifest"), "re");
	size_t len = 0;
	enum result err = RESULT_OK;

	if (text == NULL)
		err = backup_error(r->error, RESULT_NO_MEMORY, "not enough memory");
	else if (file == NULL)
		err = backup_error(r->error, RESULT_NOT_FOUND, "%s: no whole backup: there is no manifest", s->folder);
	else
		len = fread(text, 1, BACKUP_MANIFEST_MAX, file);
	if (err == RESULT_OK &&
	    (ferror(file) || len == BACKUP_MANIFEST_MAX || manifest_read(&s->manifest, text, len) != RESULT_OK))
		err = broken(r, s->folder, "manifest", "not a manifest of this version");
	if (file != NULL)
		fclose(file);
	free(text);
	return err;
}

static int
source_order(const void *a, const void *b)
{
	const struct manifest *x = &((const struct source *)a)->manifest;
	const struct manifest *y = &((const struct source *)b)->manifest;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

/* Do they join, from entry 1 on? */
static enum result
check_joins(struct restore *r)
{
	static const struct manifest start;
	const struct manifest *before = &start;

	for (size_t i = 0; i < r->ask->n; i++) {
		const struct source *s = &r->sources[i];
		const struct manifest *m = &s->manifest;

		if (i > 0 && strcmp(m->origin, before->origin) != 0)
			return backup_error(r->error, RESULT_WRONG_ORIGIN, "%s: a backup of another ledger: %s",
			    s->folder, m->origin);
		if (m->from > before->to + 1)
			return backup_error(r->error, RESULT_NOT_FOUND,
			    "entries %" PRIu64 " to %" PRIu64 " are in none of the backups", before->to + 1,
			    m->from - 1);
		if (m->from <= before->to)
			return backup_error(r->error, RESULT_EXISTS,
			    "%s: begins at entry %" PRIu64 ", which another of the backups holds too", s->folder,
			    m->from);
		if (memcmp(m->prev, before->leaf, sizeof(m->prev)) != 0)
			return broken(r, s->folder, "manifest", "does not follow the backup before it: another history");
		before = m;
	}
	return RESULT_OK;
}

static enum result
load_sources(struct restore *r)
{
	enum result err = RESULT_OK;

	for (size_t i = 0; i < r->ask->n && err == RESULT_OK; i++) {
		r->sources[i].folder = r->ask->from[i];
		err = load_manifest(r, &r->sources[i]);
	}
	if (err != RESULT_OK)
		return err;
	qsort(r->sources, r->ask->n, sizeof(*r->sources), source_order);
	return check_joins(r);
}

static const struct source *
newest(const struct restore *r)
{
	return &r->sources[r->ask->n - 1];
}

/* ---- files ---- */

static enum result
load_file(struct restore *r, const struct source *s, const struct backup_file *f)
{
	FILE *file = fopen(path_of(r, s->folder, f->name), "re");
	uint8_t sha[32];
	size_t len;

	if (file == NULL)
		return broken(r, s->folder, f->name, "is missing");
	len = fread(r->buf, 1, BACKUP_FILE_MAX + 1, file);
	fclose(file);
	sha256(r->buf, len < BACKUP_FILE_MAX ? len : BACKUP_FILE_MAX, sha);
	if (len != f->size || memcmp(sha, f->sha, sizeof(sha)) != 0)
		return broken(r, s->folder, f->name, "is not as the manifest says: it was altered, or cut");
	return RESULT_OK;
}

typedef enum result (*file_fn)(struct restore *r, const struct source *s, const struct backup_file *f);

/* Loads each file of a kind, checked, and hands it on (NULL: to nobody). */
static enum result
each_file(struct restore *r, const struct source *s, const char *kind, file_fn fn)
{
	enum result err = RESULT_OK;

	for (size_t i = 0; i < s->manifest.n_files && err == RESULT_OK; i++) {
		const struct backup_file *f = &s->manifest.files[i];

		if (strncmp(f->name, kind, strlen(kind)) != 0)
			continue;
		if ((err = load_file(r, s, f)) == RESULT_OK && fn != NULL)
			err = fn(r, s, f);
	}
	return err;
}

/* Who signed is asked of entry 1, to which all others are chained, and of those that changed the key. */
static enum result
put_key(struct restore *r, const char *folder, const char *name, uint64_t seq, const uint8_t *bytes, size_t len)
{
	enum result err = keychain_entry(&r->chain, bytes, len);

	if (err == RESULT_OK && seq == 1)
		err = backup_zone(bytes, len, &r->zone_minutes);
	if (err == RESULT_OK || (err == RESULT_NOT_FOUND && seq > 1))
		return RESULT_OK;
	if (seq == 1)
		return broken(r, folder, name, "entry 1 makes no station");
	return backup_error(r->error, RESULT_CORRUPT,
	    "%s/%s: entry %" PRIu64 " changes the ledger's key, and is not signed by both keys", folder, name, seq);
}

static enum result
put_entries(struct restore *r, const struct source *s, const struct backup_file *f)
{
	enum result err = RESULT_OK;

	for (size_t at = 0; at < f->size;) {
		uint64_t seq = ledger_last_seq(r->ledger) + 1, said;
		size_t len = f->size - at < 2 ? 0 : (size_t)(r->buf[at] << 8 | r->buf[at + 1]);
		uint8_t prev[32];

		if (len == 0 || f->size - at - 2 < len)
			return broken(r, s->folder, f->name, "ends within an entry");
		if (entry_link(r->buf + at + 2, len, &said, prev) != RESULT_OK || said != seq ||
		    memcmp(prev, r->leaf, sizeof(prev)) != 0 || seq > s->manifest.to)
			return backup_error(r->error, RESULT_CORRUPT,
			    "%s/%s: entry %" PRIu64 " does not follow the one before it", s->folder, f->name, seq);
		tree_leaf_hash(r->buf + at + 2, len, r->leaf);
		if ((err = put_key(r, s->folder, f->name, seq, r->buf + at + 2, len)) != RESULT_OK)
			return err;
		if ((err = ledger_append(r->ledger, seq, r->buf + at + 2, len, r->leaf)) != RESULT_OK)
			break;
		at += len + 2;
	}
	if (err == RESULT_OK)
		err = ledger_commit(r->ledger);
	return err == RESULT_OK ? err : backup_error(r->error, err, "%s/ledger: %s", r->fresh, result_text_en(err));
}

static enum result
put_people(struct restore *r, const struct source *s, const struct backup_file *f)
{
	enum result err = RESULT_OK;

	for (size_t at = 0; at < f->size && err == RESULT_OK;) {
		const uint8_t *p = r->buf + at;
		size_t left = f->size - at;
		size_t key_len = left < 5 ? 0 : (size_t)(p[1] << 8 | p[2]);
		size_t len = left < 5 ? 0 : (size_t)(p[3] << 8 | p[4]);

		if (key_len == 0 || key_len > PEOPLE_KEY_MAX || len > PEOPLE_VALUE_MAX ||
		    left - 5 < key_len + len || p[0] >= PEOPLE_TABLES)
			return broken(r, s->folder, f->name, "ends within a row");
		err = people_put(r->people, (enum people_table)p[0], p + 5, key_len, p + 5 + key_len, len);
		at += 5 + key_len + len;
	}
	if (err == RESULT_OK)
		err = people_commit(r->people);
	return err == RESULT_OK ? err : backup_error(r->error, err, "%s/people: %s", r->fresh, result_text_en(err));
}

/* ---- the parts of the station ---- */

static enum result
make_ledger(struct restore *r)
{
	enum result err = ledger_open(path_of(r, r->fresh, "ledger"), 0, &r->ledger);

	if (err != RESULT_OK)
		return backup_error(r->error, err, "%s/ledger: %s", r->fresh, result_text_en(err));
	for (size_t i = 0; i < r->ask->n; i++) {
		const struct source *s = &r->sources[i];

		if ((err = each_file(r, s, "entries-", put_entries)) != RESULT_OK)
			return err;
		if (ledger_last_seq(r->ledger) != s->manifest.to)
			return broken(r, s->folder, "manifest", "has fewer entries than it says");
		if (memcmp(r->leaf, s->manifest.leaf, sizeof(r->leaf)) != 0)
			return broken(r, s->folder, "manifest", "names another last entry");
	}
	return RESULT_OK;
}

static enum result
check_signatures(struct restore *r)
{
	for (size_t i = 0; i < r->ask->n; i++) {
		const struct manifest *m = &r->sources[i].manifest;

		if (manifest_verify(m, r->chain.list[keychain_at(&r->chain, m->to)].key) != RESULT_OK)
			return backup_error(r->error, RESULT_BAD_SIGNATURE,
			    "%s/manifest: not signed by the key that this ledger had at entry %" PRIu64, r->sources[i].folder,
			    m->to);
	}
	return RESULT_OK;
}

static int
is_overdue(const struct source *s, int32_t today)
{
	return s->manifest.keep_until_day != 0 && s->manifest.keep_until_day < today;
}

/* People come from the newest one alone: only of that one it matters. */
static enum result
check_kept(struct restore *r, struct restore_done *done)
{
	int32_t today = backup_day(r->ask->now_us, r->zone_minutes);
	char day[BACKUP_DAY_SIZE];

	done->overdue = 0;
	for (size_t i = 0; i < r->ask->n; i++)
		if (is_overdue(&r->sources[i], today))
			done->overdue++;
	if (r->ask->past_keep_until || !is_overdue(newest(r), today))
		return RESULT_OK;
	backup_day_text(newest(r)->manifest.keep_until_day, day);
	return backup_error(r->error, RESULT_NOT_ALLOWED,
	    "%s: was to be kept until %s and then destroyed, as it holds people who may have been erased since: take a newer "
	    "backup, or, if there is none, say --past-keep-until, and give the newest --erasures that was kept",
	    newest(r)->folder, day);
}

static enum result
make_people(struct restore *r)
{
	enum result err;

	if (!newest(r)->manifest.people)
		return backup_error(r->error, RESULT_NOT_FOUND,
		    "%s: the newest backup has no people: add one made with --since %" PRIu64
		    ", or leave out those after the last that has them",
		    newest(r)->folder, newest(r)->manifest.to);
	if ((err = people_open(path_of(r, r->fresh, "people"), &r->people)) != RESULT_OK)
		return backup_error(r->error, err, "%s/people: %s", r->fresh, result_text_en(err));
	return each_file(r, newest(r), "people-", put_people);
}

static enum result
put_keys(struct restore *r, const struct source *s, const struct backup_file *f)
{
	struct engine_keys keys;
	enum result err = RESULT_CORRUPT;

	if (f->size != BACKUP_KEYS_LEN)
		return broken(r, s->folder, f->name, "is not three keys");
	memcpy(keys.ledger_seed, r->buf, 32);
	memcpy(keys.tls_seed, r->buf + 32, 32);
	memcpy(keys.voucher_key, r->buf + 64, 32);
	crypto_wipe(r->buf, BACKUP_KEYS_LEN);
	if ((err = keys_write(r->fresh, &keys)) != RESULT_OK)
		(void)backup_error(r->error, err, "%s/keys: %s", r->fresh, result_text_en(err));
	crypto_wipe(&keys, sizeof(keys));
	return err;
}

static enum result
make_keys(struct restore *r)
{
	const char *folder = r->ask->keys;
	struct engine_keys keys;
	enum result err = RESULT_OK;

	if (folder == NULL && !newest(r)->manifest.keys)
		return backup_error(r->error, RESULT_NOT_FOUND, "%s: the newest backup has no keys: say where they are",
		    newest(r)->folder);
	if (folder == NULL)
		err = each_file(r, newest(r), "keys", put_keys);
	else if ((err = keys_read(folder, &keys)) != RESULT_OK || (err = keys_write(r->fresh, &keys)) != RESULT_OK)
		(void)backup_error(r->error, err, "%s: %s", folder, result_text_en(err));
	if (err == RESULT_OK && (err = keys_load(r->fresh, &keys)) != RESULT_OK)
		(void)backup_error(r->error, err, "%s/keys: %s", r->fresh, result_text_en(err));
	if (err == RESULT_OK && memcmp(keys.ledger_pub, r->chain.list[r->chain.n - 1].key, 32) != 0)
		err = backup_error(r->error, RESULT_BAD_SIGNATURE,
		    "%s: not the keys of this ledger as of its last entry: after a change of its key the keys kept before it fit "
		    "older backups only, and the keys since newer ones",
		    folder != NULL ? folder : newest(r)->folder);
	crypto_wipe(&keys, sizeof(keys));
	return err;
}

/* Everything is replayed, and must come to the root that was signed. */
static enum result
replay(struct restore *r, struct restore_done *done)
{
	struct engine *engine;
	enum result err = each_file(r, newest(r), "checkpoint", NULL);

	if (err != RESULT_OK || (err = engine_open(r->fresh, &engine, r->error)) != RESULT_OK)
		return err;
	err = engine_heed(engine, path_of(r, newest(r)->folder, "checkpoint"), r->error);
	if (err == RESULT_OK && engine_behind(engine) != 0)
		err = broken(r, newest(r)->folder, "checkpoint", "is of more entries than the manifest");
	if (err == RESULT_OK && r->ask->known != NULL)
		err = engine_heed(engine, r->ask->known, r->error);
	done->erased = 0;
	if (err == RESULT_OK && r->ask->erasures != NULL)
		err = engine_erase_listed(engine, r->ask->erasures, &done->erased, r->error);
	done->last_seq = engine_last_seq(engine);
	done->behind = engine_behind(engine);
	engine_close(engine);
	return err;
}

/* ---- the whole ---- */

static enum result
begin(struct restore *r)
{
	DIR *dir = opendir(r->ask->into);
	struct dirent *entry;
	int n, empty = dir != NULL || errno == ENOENT;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	if (!empty)
		return backup_error(
		    r->error, RESULT_EXISTS, "%s: not an empty folder: nothing is restored over what is there", r->ask->into);
	n = snprintf(r->fresh, sizeof(r->fresh), "%s.restoring-XXXXXX", r->ask->into);
	if (n < 0 || (size_t)n >= sizeof(r->fresh) || mkdtemp(r->fresh) == NULL) {
		r->fresh[0] = 0;
		return backup_error(r->error, RESULT_IO, "%s: cannot make a folder beside it", r->ask->into);
	}
	r->sources = calloc(r->ask->n, sizeof(*r->sources));
	r->buf = malloc(BACKUP_FILE_MAX + 1);
	if (r->sources == NULL || r->buf == NULL)
		return backup_error(r->error, RESULT_NO_MEMORY, "not enough memory");
	return RESULT_OK;
}

static void
close_parts(struct restore *r)
{
	people_close(r->people);
	r->people = NULL;
	ledger_close(r->ledger);
	r->ledger = NULL;
}

static enum result
finish(struct restore *r)
{
	char parent[ENGINE_PATH_MAX + 4];

	/* Only an empty folder is ever replaced by a folder. */
	if (backup_sync_folder(r->fresh) != RESULT_OK || rename(r->fresh, r->ask->into) != 0)
		return backup_error(r->error, RESULT_IO, "%s: cannot be given its name", r->fresh);
	r->fresh[0] = 0;
	snprintf(parent, sizeof(parent), "%s/..", r->ask->into);
	return backup_sync_folder(parent);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

enum result
backup_restore(const struct restore_ask *ask, struct restore_done *done, struct engine_error *error)
{
	struct restore *r = calloc(1, sizeof(*r));
	enum result err;

	error->text[0] = 0;
	if (r == NULL || ask->n == 0) {
		free(r);
		return backup_error(error, RESULT_BAD_FIELD, "no backup, or no memory");
	}
	r->ask = ask;
	r->error = error;
	keychain_begin(&r->chain);
	if ((err = begin(r)) == RESULT_OK && (err = load_sources(r)) == RESULT_OK &&
	    (err = make_ledger(r)) == RESULT_OK && (err = check_signatures(r)) == RESULT_OK &&
	    (err = check_kept(r, done)) == RESULT_OK && (err = make_people(r)) == RESULT_OK && (err = make_keys(r)) == RESULT_OK) {
		close_parts(r);
		if ((err = replay(r, done)) == RESULT_OK)
			err = finish(r);
	}
	close_parts(r);
	if (r->fresh[0] != 0)
		(void)nftw(r->fresh, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; r->sources != NULL && i < ask->n; i++)
		manifest_free(&r->sources[i].manifest);
	free(r->sources);
	free(r->buf);
	free(r);
	return err;
}
