#include "tests/crash/power/disk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/check.h"

#define PAGE 4096

/* ---- files ---- */

static void
file_grow(struct disk_file *f, size_t len)
{
	if (len > f->cap) {
		f->cap = len + len / 2 + PAGE;
		f->bytes = realloc(f->bytes, f->cap);
		CHECK(f->bytes != NULL);
	}
	if (len > f->len)
		memset(f->bytes + f->len, 0, len - f->len);
	f->len = len;
}

static void
file_write(struct disk_file *f, uint64_t offset, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return;
	if (offset + len > f->len)
		file_grow(f, offset + len);
	memcpy(f->bytes + offset, bytes, len);
}

static void
file_copy(struct disk_file *to, const struct disk_file *from)
{
	to->len = 0;
	file_write(to, 0, from->bytes, from->len);
}

/* ---- names ---- */

static struct disk_name *
name_find(struct disk_name *names, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i].path, path) == 0)
			return &names[i];
	return NULL;
}

static void
name_put(struct disk_name *names, size_t *n, const char *path, int file)
{
	struct disk_name *name = name_find(names, *n, path);

	if (name == NULL) {
		CHECK(*n < DISK_NAMES_MAX);
		name = &names[(*n)++];
		snprintf(name->path, sizeof(name->path), "%s", path);
	}
	name->file = file;
}

static int
name_take(struct disk_name *names, size_t *n, const char *path)
{
	struct disk_name *name = name_find(names, *n, path);
	int file;

	if (name == NULL)
		return -1;
	file = name->file;
	*name = names[--*n];
	return file;
}

static void
names_change(struct disk_name *names, size_t *n, const struct disk_op *op)
{
	int file;

	if (op->kind == POWER_CREATE || op->kind == POWER_MKDIR)
		name_put(names, n, op->path, op->file);
	else if ((file = name_take(names, n, op->path)) >= 0 && op->kind == POWER_RENAME)
		name_put(names, n, op->to, file);
}

/* "ledger" of "ledger/data.mdb", "" of "known". */
static int
is_in(const char *path, const char *folder)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	return n == strlen(folder) && memcmp(path, folder, n) == 0;
}

/* ---- taking records in ---- */

static int
is_name_op(const struct disk_op *op)
{
	return op->kind != POWER_WRITE && op->kind != POWER_TRUNCATE;
}

static void
apply(struct disk_file *files, struct disk_name *names, size_t *n, const struct disk_op *op)
{
	if (op->kind == POWER_WRITE)
		file_write(&files[op->file], op->offset, op->bytes, op->len);
	else if (op->kind == POWER_TRUNCATE)
		file_grow(&files[op->file], op->offset);
	else
		names_change(names, n, op);
}

/* What is durable, and has nothing undecided of its file (or of the names) before it, leaves the list. */
static void
settle(struct disk *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->n_ops; i++) {
		const struct disk_op *op = &d->ops[i];
		int blocked = !op->must;

		for (size_t j = 0; j < kept && !blocked; j++)
			blocked = is_name_op(op) ? is_name_op(&d->ops[j])
						 : !is_name_op(&d->ops[j]) && d->ops[j].file == op->file;
		if (blocked)
			d->ops[kept++] = *op;
		else
			apply(d->files, d->names, &d->n_names, op);
	}
	d->n_ops = kept;
}

static struct disk_op *
op_add(struct disk *d, enum power_kind kind, int file, const struct power_head *head, const char *path, size_t event)
{
	struct disk_op *op = &d->ops[d->n_ops++];

	CHECK(d->n_ops < DISK_PENDING_MAX);
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->file = file;
	op->number = head->number;
	op->event = event;
	snprintf(op->path, sizeof(op->path), "%s", path);
	return op;
}

static void
take_write(struct disk *d, int file, const struct power_head *head, const uint8_t *bytes, size_t event)
{
	for (size_t at = 0; at < head->len;) {
		struct disk_op *op = op_add(d, POWER_WRITE, file, head, "", event);

		op->offset = head->offset + at;
		op->len = PAGE - op->offset % PAGE;
		if (op->len > head->len - at)
			op->len = head->len - at;
		op->bytes = bytes + at;
		at += op->len;
	}
}

static void
take_name(struct disk *d, const struct power_head *head, const char *path, const uint8_t *bytes, size_t event)
{
	struct disk_op *op = op_add(d, head->kind, -1, head, path, event);

	if (head->kind == POWER_CREATE) {
		CHECK(d->n_files < DISK_FILES_MAX);
		op->file = (int)d->n_files++;
	}
	if (head->kind == POWER_RENAME)
		memcpy(op->to, bytes, head->len);
	names_change(d->seen, &d->n_seen, op);
}

static void
take_sync(struct disk *d, int file, const struct power_head *head, const char *path)
{
	struct disk_sync *sync = &d->syncs[d->n_syncs++];

	CHECK(d->n_syncs < DISK_SYNCS_MAX);
	sync->number = head->number;
	sync->ops_before = d->n_ops;
	sync->file = file;
	snprintf(sync->folder, sizeof(sync->folder), "%s", path);
}

static int
covers(const struct disk_sync *sync, const struct disk_op *op)
{
	if (sync->file >= 0)
		return !is_name_op(op) && op->file == sync->file;
	return is_name_op(op) && is_in(op->path, sync->folder);
}

/* The end of a sync, or of a write that is one by itself. Two at once would shift each other's count. */
static void
take_end(struct disk *d, const struct power_head *head)
{
	size_t i = 0;

	while (i < d->n_syncs && d->syncs[i].number != head->number)
		i++;
	for (size_t k = 0; k < d->n_ops; k++) {
		struct disk_op *op = &d->ops[k];

		if (i == d->n_syncs ? op->number == head->number && !is_name_op(op)
				    : op->number < head->number && covers(&d->syncs[i], op))
			op->must = 1;
	}
	if (i < d->n_syncs)
		d->syncs[i] = d->syncs[--d->n_syncs];
	settle(d);
}

void
disk_take(struct disk *d, const struct power_head *head, const char *path, const uint8_t *bytes, size_t event)
{
	struct disk_name *name = name_find(d->seen, d->n_seen, path);
	int file = name == NULL ? -1 : name->file;

	switch ((enum power_kind)head->kind) {
	case POWER_START:
		/* Numbers begin again; what an earlier process wrote is older than any of them. */
		for (size_t i = 0; i < d->n_ops; i++)
			d->ops[i].number = 0;
		d->n_syncs = 0;
		return;
	case POWER_WRITE:
	case POWER_WRITE_THROUGH:
		CHECK(file >= 0);
		take_write(d, file, head, bytes, event);
		return;
	case POWER_TRUNCATE:
		CHECK(file >= 0);
		op_add(d, POWER_TRUNCATE, file, head, "", event)->offset = head->offset;
		return;
	case POWER_SYNC:
		take_sync(d, file, head, path);
		return;
	case POWER_SYNC_END:
		take_end(d, head);
		return;
	case POWER_CREATE:
	case POWER_MKDIR:
	case POWER_RENAME:
	case POWER_UNLINK:
		take_name(d, head, path, bytes, event);
		return;
	case POWER_SENT:
		return;
	}
}

/* ---- images ---- */

void
disk_image(struct disk_image *out, const struct disk *d, const uint8_t *chosen, size_t torn_from, size_t torn_to)
{
	out->n_names = d->n_names;
	memcpy(out->names, d->names, d->n_names * sizeof(d->names[0]));
	for (size_t i = 0; i < d->n_files; i++)
		out->files[i].len = 0;
	/* Only files that have a name, now or after an operation, matter. */
	for (size_t i = 0; i < d->n_names; i++)
		if (d->names[i].file >= 0)
			file_copy(&out->files[d->names[i].file], &d->files[d->names[i].file]);
	for (size_t i = 0; i < d->n_ops; i++)
		if (d->ops[i].kind == POWER_CREATE)
			file_copy(&out->files[d->ops[i].file], &d->files[d->ops[i].file]);
	for (size_t i = 0; i < d->n_ops; i++) {
		struct disk_op op = d->ops[i];

		if (!op.must && !chosen[i])
			continue;
		if (i == d->n_ops - 1 && torn_to != 0) {
			op.offset += torn_from;
			op.bytes += torn_from;
			op.len = torn_to - torn_from;
		}
		apply(out->files, out->names, &out->n_names, &op);
	}
}

/* Its folder is there, too. */
static int
is_reachable(const struct disk_image *image, const struct disk_name *name)
{
	for (size_t i = 0; i < image->n_names; i++)
		if (image->names[i].file < 0 && is_in(name->path, image->names[i].path))
			return 1;
	return is_in(name->path, "");
}

static uint64_t
mix(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t word;

	h = (h ^ len) * 0x9e3779b97f4a7c15u;
	for (; len > 0; len -= len < 8 ? len : 8, p += 8) {
		word = 0;
		memcpy(&word, p, len < 8 ? len : 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return h;
}

/* Independent of the order of names. */
uint64_t
disk_image_hash(const struct disk_image *image)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < image->n_names; i++) {
		const struct disk_name *name = &image->names[i];
		uint64_t h = mix(1, name->path, strlen(name->path));

		if (!is_reachable(image, name))
			continue;
		if (name->file >= 0)
			h = mix(h, image->files[name->file].bytes, image->files[name->file].len);
		sum += h;
	}
	return sum;
}

static void
write_file(const struct disk_file *f, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t done = 0;

	CHECK(fd >= 0);
	while (done < f->len) {
		ssize_t n = write(fd, f->bytes + done, f->len - done);

		CHECK(n > 0);
		done += (size_t)n;
	}
	close(fd);
}

void
disk_image_write(const struct disk_image *image, const char *folder)
{
	char path[PATH_MAX];

	for (int folders = 1; folders >= 0; folders--) {
		for (size_t i = 0; i < image->n_names; i++) {
			const struct disk_name *name = &image->names[i];

			if ((name->file < 0) != folders || !is_reachable(image, name))
				continue;
			snprintf(path, sizeof(path), "%s/%s", folder, name->path);
			if (folders)
				CHECK(mkdir(path, 0700) == 0);
			else
				write_file(&image->files[name->file], path);
		}
	}
}
