#include "client/witness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE (WITNESS_DIR_MAX + 128)
#define LINE_SIZE 512

static void
path_in(char out[PATH_SIZE], const char *dir, const char *name)
{
	(void)snprintf(out, PATH_SIZE, "%s/%s", dir, name);
}

/* Writes DIR/NAME whole, durably, under another name first. RESULT_IO with errno. */
static enum result
file_write(const char *dir, const char *name, const void *p, size_t n)
{
	char path[PATH_SIZE], fresh[PATH_SIZE + 4];
	int fd, folder, ok;

	path_in(path, dir, name);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	if ((fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return RESULT_IO;
	ok = write(fd, p, n) == (ssize_t)n && fsync(fd) == 0;
	ok &= close(fd) == 0;
	if (!ok || rename(fresh, path) != 0)
		return RESULT_IO;
	if ((folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return RESULT_IO;
	ok = fsync(folder) == 0;
	close(folder);
	return ok ? RESULT_OK : RESULT_IO;
}

/* Reads DIR/NAME: RESULT_NOT_FOUND, RESULT_IO, or RESULT_OVERFLOW where it is `size` bytes or more. */
static enum result
file_read(const char *dir, const char *name, char *out, size_t size, size_t *len)
{
	char path[PATH_SIZE];
	FILE *file;
	int bad;

	path_in(path, dir, name);
	if ((file = fopen(path, "re")) == NULL)
		return errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO;
	*len = fread(out, 1, size, file);
	bad = ferror(file);
	fclose(file);
	if (bad)
		return RESULT_IO;
	if (*len == size)
		return RESULT_OVERFLOW;
	out[*len] = '\0';
	return RESULT_OK;
}

/* ---- the key ---- */

enum result
witness_make(const char *dir, const char *name, char vkey[NOTE_VKEY_SIZE])
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
	char path[PATH_SIZE], line[NOTE_VKEY_SIZE + 1];
	enum result err;
	int fd;

	if (!note_name_ok(name) || strlen(dir) >= WITNESS_DIR_MAX)
		return RESULT_BAD_FIELD;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return RESULT_IO;
	if ((err = ed25519_generate(seed, pub)) != RESULT_OK ||
	    (err = note_vkey_format_witness(vkey, NOTE_VKEY_SIZE, name, pub)) != RESULT_OK)
		return err;
	path_in(path, dir, "key");
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		err = errno == EEXIST ? RESULT_EXISTS : RESULT_IO;
	else if (write(fd, seed, sizeof(seed)) != (ssize_t)sizeof(seed) || fsync(fd) != 0)
		err = RESULT_IO;
	if (fd >= 0 && close(fd) != 0 && err == RESULT_OK)
		err = RESULT_IO;
	crypto_wipe(seed, sizeof(seed));
	(void)snprintf(line, sizeof(line), "%s\n", vkey);
	return err != RESULT_OK ? err : file_write(dir, "vkey", line, strlen(line));
}

static enum result
seed_read(struct witness *w)
{
	char path[PATH_SIZE];
	enum result err = RESULT_OK;
	struct stat st;
	int fd;

	path_in(path, w->dir, "key");
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO;
	if (fstat(fd, &st) != 0 || read(fd, w->seed, SEED_LEN) != SEED_LEN || st.st_size != SEED_LEN)
		err = RESULT_CORRUPT;
	else if ((st.st_mode & 077) != 0)
		err = RESULT_NOT_ALLOWED;
	close(fd);
	return err;
}

static enum result
name_read(struct witness *w)
{
	char text[NOTE_VKEY_SIZE + 1], want[NOTE_VKEY_SIZE];
	uint8_t pub[KEY_LEN];
	struct note_vkey key;
	size_t n;
	enum result err;

	if ((err = file_read(w->dir, "vkey", text, sizeof(text), &n)) != RESULT_OK)
		return err == RESULT_OVERFLOW ? RESULT_CORRUPT : err;
	text[strcspn(text, "\n")] = '\0';
	if (note_vkey_parse(text, &key) != RESULT_OK || ed25519_public(w->seed, pub) != RESULT_OK ||
	    note_vkey_format_witness(want, sizeof(want), key.name, pub) != RESULT_OK ||
	    strcmp(want, text) != 0)
		return RESULT_CORRUPT;
	memcpy(w->name, key.name, sizeof(w->name));
	memcpy(w->vkey, want, sizeof(w->vkey));
	return RESULT_OK;
}

/* ---- the ledgers ---- */

enum result
witness_trust(struct witness *w, const char *vkey)
{
	struct note_vkey *key = &w->log[w->n_logs];

	if (w->n_logs == WITNESS_LOGS_MAX)
		return RESULT_TOO_MANY;
	if (note_vkey_parse(vkey, key) != RESULT_OK || key->type != NOTE_TYPE_ED25519)
		return RESULT_BAD_FIELD;
	w->n_logs++;
	return RESULT_OK;
}

static enum result
logs_read(struct witness *w, unsigned *line)
{
	char path[PATH_SIZE], text[LINE_SIZE];
	enum result err = RESULT_OK;
	FILE *file;

	path_in(path, w->dir, "logs");
	if ((file = fopen(path, "re")) == NULL)
		return errno == ENOENT ? RESULT_OK : RESULT_IO;
	while (err == RESULT_OK && fgets(text, sizeof(text), file) != NULL) {
		++*line;
		text[strcspn(text, " \t\r\n")] = '\0';
		if (text[0] != '\0' && text[0] != '#')
			err = witness_trust(w, text);
	}
	fclose(file);
	return err;
}

enum result
witness_open(struct witness *w, const char *dir, unsigned *line)
{
	enum result err;

	memset(w, 0, sizeof(*w));
	*line = 0;
	if (strlen(dir) >= sizeof(w->dir))
		return RESULT_OVERFLOW;
	memcpy(w->dir, dir, strlen(dir) + 1);
	if ((err = seed_read(w)) != RESULT_OK || (err = name_read(w)) != RESULT_OK ||
	    (err = logs_read(w, line)) != RESULT_OK)
		witness_close(w);
	return err;
}

void
witness_close(struct witness *w)
{
	crypto_wipe(w->seed, sizeof(w->seed));
}

/* ---- the judgement ---- */

static enum witness_status
judge_signature(const struct witness_request *r, const struct note_vkey *log, size_t n_logs,
    struct checkpoint *out, const char **why)
{
	struct checkpoint c;
	int known = 0;

	*why = "the checkpoint is not a signed note of a checkpoint";
	if (checkpoint_parse(r->checkpoint, r->checkpoint_len, &c) != RESULT_OK)
		return WITNESS_MALFORMED;
	for (size_t i = 0; i < n_logs; i++) {
		if (strcmp(log[i].name, c.origin) != 0)
			continue;
		known = 1;
		if (checkpoint_parse_verify(r->checkpoint, r->checkpoint_len, &log[i], out) == RESULT_OK)
			return WITNESS_COSIGNED;
	}
	*out = c;
	*why = known ? "no signature by a key that is trusted for this origin"
		     : "this origin is not witnessed here";
	return known ? WITNESS_NOT_SIGNED : WITNESS_UNKNOWN_LOG;
}

enum witness_status
witness_judge(const struct witness_request *r, const struct note_vkey *log, size_t n_logs,
    const struct witness_last *last, struct checkpoint *out, const char **why)
{
	enum witness_status status = judge_signature(r, log, n_logs, out, why);

	if (status != WITNESS_COSIGNED)
		return status;
	*why = "the old size is above the checkpoint's";
	if (r->old_size > out->size)
		return WITNESS_MALFORMED;
	*why = "the old size is not what was cosigned last";
	if (r->old_size != last->size)
		return WITNESS_CONFLICT;
	*why = "another root was cosigned for this size: THE LEDGER TELLS TWO STORIES";
	if (out->size == last->size && memcmp(out->root, last->root, HASH_LEN) != 0)
		return WITNESS_CONFLICT;
	*why = "the proof does not lead from what was cosigned last to this checkpoint";
	/* From nothing everything goes on, and no proof belongs there. */
	if (r->old_size == 0 ? r->n != 0
			     : tree_consistency_verify(last->size, last->root, out->size, out->root,
				   (const uint8_t(*)[HASH_LEN])r->path, r->n) != RESULT_OK)
		return WITNESS_NO_PROOF;
	*why = "cosigned";
	return WITNESS_COSIGNED;
}

/* ---- the store ---- */

static void
store_name(const char *origin, char out[2 * HASH_LEN + 16])
{
	char hex[2 * HASH_LEN + 1];
	uint8_t hash[HASH_LEN];

	sha256(origin, strlen(origin), hash);
	hex_encode(hex, sizeof(hex), hash, sizeof(hash));
	(void)snprintf(out, 2 * HASH_LEN + 16, "%s.checkpoint", hex);
}

/* A file that is there and cannot be read is no reason to begin anew. */
static enum result
store_load(const struct witness *w, const char *origin, struct witness_last *out)
{
	char name[2 * HASH_LEN + 16], note[NOTE_MAX_BYTES + 1];
	struct checkpoint c;
	size_t n;
	enum result err;

	out->size = 0;
	sha256("", 0, out->root);
	store_name(origin, name);
	err = file_read(w->dir, name, note, sizeof(note), &n);
	if (err == RESULT_NOT_FOUND)
		return RESULT_OK;
	if (err != RESULT_OK || checkpoint_parse(note, n, &c) != RESULT_OK || strcmp(c.origin, origin) != 0)
		return RESULT_IO;
	out->size = c.size;
	memcpy(out->root, c.root, HASH_LEN);
	return RESULT_OK;
}

static enum result
store_save(const struct witness *w, const char *origin, const struct witness_request *r)
{
	char name[2 * HASH_LEN + 16];

	store_name(origin, name);
	return file_write(w->dir, name, r->checkpoint, r->checkpoint_len);
}

static int
store_lock(const struct witness *w)
{
	char path[PATH_SIZE];
	int fd;

	path_in(path, w->dir, "lock");
	if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return -1;
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	return fd;
}

static void
answer(struct witness_answer *out, enum witness_status status, const char *why)
{
	out->status = status;
	out->why = why;
	(void)snprintf(out->body, sizeof(out->body), "%s\n", why);
}

/* Under the lock. */
static void
add_locked(struct witness *w, const struct witness_request *r, uint64_t unix_time,
    struct witness_answer *out)
{
	struct witness_last last;
	struct checkpoint c;
	const char *why;
	enum witness_status status;

	if (checkpoint_parse(r->checkpoint, r->checkpoint_len, &c) == RESULT_OK)
		memcpy(out->origin, c.origin, sizeof(out->origin));
	if (store_load(w, out->origin, &last) != RESULT_OK) {
		answer(out, WITNESS_DISK, "what was cosigned last cannot be read: nothing is signed");
		return;
	}
	status = witness_judge(r, w->log, w->n_logs, &last, &c, &why);
	answer(out, status, why);
	if (status == WITNESS_CONFLICT) {
		out->size = last.size;
		(void)snprintf(out->body, sizeof(out->body), "%" PRIu64 "\n", last.size);
	}
	if (status != WITNESS_COSIGNED)
		return;
	out->size = c.size;
	if (cosignature_sign(out->body, sizeof(out->body), r->checkpoint, r->checkpoint_len, w->name, w->seed,
		unix_time) != RESULT_OK)
		answer(out, WITNESS_DISK, "cannot sign");
	else if (store_save(w, c.origin, r) != RESULT_OK)
		answer(out, WITNESS_DISK, "the checkpoint cannot be stored: nothing is signed");
}

void
witness_add(struct witness *w, const char *body, size_t len, uint64_t unix_time,
    struct witness_answer *out)
{
	struct witness_request r;
	int fd;

	memset(out, 0, sizeof(*out));
	if (witness_request_parse(body, len, &r) != RESULT_OK) {
		answer(out, WITNESS_MALFORMED, "not of the form: old SIZE, proof lines, empty line, checkpoint");
		return;
	}
	if ((fd = store_lock(w)) < 0) {
		answer(out, WITNESS_DISK, "the store cannot be locked: nothing is signed");
		return;
	}
	add_locked(w, &r, unix_time, out);
	close(fd);
}
