/* Cosignatures on the disk: a file each, replaced whole, written by a worker so that no act waits for it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/rpc/rpc_int.h"
#include "daemon/rpc/witness.h"

#define STORE_MAGIC 0x77697473u
#define NAME_SIZE   32
#define PATH_SIZE   4352

struct store_file {
	char name[NAME_SIZE];
	char text[WITNESSED_SIZE];
};

/* What one worker writes; the loop does not touch it meanwhile. */
struct store_job {
	uint32_t magic;
	struct rpc *rpc;
	char dir[4096];
	size_t n;
	int failed;
	struct store_file file[CONFIG_WITNESSES_MAX + 1];
};

enum result
witness_store_open(struct witnesses *w)
{
	w->job = calloc(1, sizeof(*w->job));
	if (w->job == NULL)
		return RESULT_NO_MEMORY;
	w->job->magic = STORE_MAGIC;
	return RESULT_OK;
}

void
witness_store_close(struct witnesses *w)
{
	free(w->job);
	w->job = NULL;
}

static void
peer_file(const struct witness_peer *p, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "witness-%08x", (unsigned)p->config->key.id);
}

/* ---- writing ---- */

static int
file_write(const char *dir, const struct store_file *f)
{
	char path[PATH_SIZE], fresh[PATH_SIZE];
	size_t len = strlen(f->text);
	int fd, ok;

	snprintf(path, sizeof(path), "%s/%s", dir, f->name);
	snprintf(fresh, sizeof(fresh), "%s/%s.new", dir, f->name);
	if ((fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return -1;
	ok = write(fd, f->text, len) == (ssize_t)len && fsync(fd) == 0;
	ok &= close(fd) == 0;
	return ok && rename(fresh, path) == 0 ? 0 : -1;
}

static void
job_run(void *arg)
{
	struct store_job *j = arg;
	int fd;

	OBJ_CHECK(j, STORE_MAGIC);
	j->failed = 0;
	for (size_t i = 0; i < j->n; i++)
		j->failed |= file_write(j->dir, &j->file[i]) != 0;
	if ((fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fsync(fd) != 0)
		j->failed = 1;
	if (fd >= 0)
		close(fd);
}

static void
job_done(void *arg)
{
	struct store_job *j = arg;

	OBJ_CHECK(j, STORE_MAGIC);
	j->rpc->witnesses->storing = 0;
	if (j->failed)
		log_event(LOG_LEVEL_WARN, "cosignatures_not_written", "hint=\"they are asked for again after a start\"");
	else
		witness_store_save(j->rpc, 0);
}

static void
job_add(struct store_job *j, const char *name, const char *text, const char *line)
{
	struct store_file *f = &j->file[j->n++];

	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->text, sizeof(f->text), "%s%s", text, line);
}

void
witness_store_save(struct rpc *rpc, int at_once)
{
	struct witnesses *w = rpc->witnesses;
	struct store_job *j = w->job;
	char name[NAME_SIZE];

	/* While the station closes, witnesses_close writes what is left. */
	if (w->storing || (rpc->work == NULL && !at_once))
		return;
	j->rpc = rpc;
	j->n = 0;
	snprintf(j->dir, sizeof(j->dir), "%s", engine_dir(rpc->engine));
	for (size_t i = 0; i < w->n; i++) {
		if (!w->peer[i].unsaved)
			continue;
		peer_file(&w->peer[i], name);
		job_add(j, name, w->peer[i].last.note, w->peer[i].line);
		w->peer[i].unsaved = 0;
	}
	if (w->unsaved)
		job_add(j, "witnessed", w->witnessed_note, "");
	w->unsaved = 0;
	if (j->n == 0)
		return;
	if (at_once) {
		job_run(j);
		return;
	}
	w->storing = 1;
	if (work_submit(rpc->work, job_run, job_done, j) != RESULT_OK) {
		w->storing = 0;
		log_event(LOG_LEVEL_WARN, "cosignatures_not_written", "hint=\"the work pool is full\"");
	}
}

/* ---- reading ---- */

static enum result
file_read(const struct rpc *rpc, const char *name, char out[WITNESSED_SIZE], size_t *len)
{
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", engine_dir(rpc->engine), name);
	if ((file = fopen(path, "re")) == NULL)
		return RESULT_NOT_FOUND;
	*len = fread(out, 1, WITNESSED_SIZE - 1, file);
	fclose(file);
	out[*len] = '\0';
	return RESULT_OK;
}

/* The checkpoint of a note that this station stored; a size that the ledger does not have is not believed. */
static enum result
note_take(const struct rpc *rpc, const char *text, size_t len, struct signed_note *out)
{
	struct checkpoint c;
	enum result err = checkpoint_parse(text, len, &c);
	const char *end;

	if (err != RESULT_OK)
		return err;
	if (strcmp(c.origin, engine_origin(rpc->engine)) != 0 || c.size > engine_last_seq(rpc->engine))
		return RESULT_NOT_FOUND;
	/* The ledger's line is the first one. */
	end = memchr(text + c.text_len + 1, '\n', len - c.text_len - 1);
	if (end == NULL || (size_t)(end - text) + 2 > sizeof(out->note))
		return RESULT_BAD_FIELD;
	memcpy(out->note, text, (size_t)(end - text) + 1);
	out->note[end - text + 1] = '\0';
	out->size = c.size;
	out->at_us = 0;
	memcpy(out->root, c.root, sizeof(out->root));
	return RESULT_OK;
}

static void
peer_load(struct rpc *rpc, struct witness_peer *p)
{
	char name[NAME_SIZE], text[WITNESSED_SIZE];
	struct signed_note s;
	const char *line;
	uint64_t time;
	size_t len, n;

	peer_file(p, name);
	if (file_read(rpc, name, text, &len) != RESULT_OK || note_take(rpc, text, len, &s) != RESULT_OK ||
	    cosignature_verify(text, len, &p->config->key, &time) != RESULT_OK ||
	    note_line(text, len, &p->config->key, &line, &n) != RESULT_OK || n >= sizeof(p->line))
		return;
	p->last = s;
	p->has = s.size;
	p->time = time;
	memcpy(p->line, line, n);
	p->line[n] = '\0';
}

void
witness_store_load(struct rpc *rpc)
{
	struct witnesses *w = rpc->witnesses;
	char text[WITNESSED_SIZE];
	struct signed_note s;
	unsigned count = 0;
	uint64_t time;
	size_t len;

	for (size_t i = 0; i < w->n; i++)
		peer_load(rpc, &w->peer[i]);
	if (w->n == 0 || file_read(rpc, "witnessed", text, &len) != RESULT_OK ||
	    note_take(rpc, text, len, &s) != RESULT_OK)
		return;
	/* By the settings of now: a witness that was removed counts no more. */
	for (size_t i = 0; i < w->n; i++)
		count += cosignature_verify(text, len, &w->config[i].key, &time) == RESULT_OK;
	if (count < w->quorum)
		return;
	w->witnessed = s;
	memcpy(w->witnessed_note, text, len + 1);
}
