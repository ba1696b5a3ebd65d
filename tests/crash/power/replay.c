/*
 * replay RECORDING LEAVES ACKED STATION TIMEBOXD SCRATCH WINDOWS SEED: what a power cut could have left.
 *
 * A window is what happened from one commit of the ledger to the next. In each of WINDOWS windows, spread
 * over the recording, and in those in which a key is written, the daemon checks the disk as it would have been
 *   - after each event, had all got there (prefixes);
 *   - after each event, with random subsets of what was not durable, 100 in the window (reorderings);
 *   - after each write, with a part of its 512-byte sectors (tears).
 * LEAVES: a line per entry, its leaf hash in hex. ACKED: lines "TIME seq LEAF" or "TIME pin MEMBER", in
 * order of time. STATION: the folder as it lies there at the end, which the recording must come to. An acknowledgement counts from the last thing that left the daemon before it came.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "proto/crypto.h"
#include "proto/tree.h"
#include "tests/crash/power/disk.h"
#include "tests/crash/power/station.h"

#define WORKERS	    2
#define REORDERINGS 100
#define TEARS	    8
#define SECTOR	    512
#define ENTRIES_MAX 65536
#define ACKS_MAX    65536
#define CACHE_SLOTS (1u << 18)
#define COMPLAINTS  5
/* How far it is, is told after so many windows. */
#define TOLD_EVERY 50

struct event {
	struct power_head head;
	char path[POWER_PATH_MAX];
	const uint8_t *bytes;
};

/* What the clients knew when the event was over: the largest seq, and how many PINs. */
struct known {
	uint64_t seq;
	size_t pins;
};

/* What a size of the ledger comes with, as the first state of that size said. */
struct expected {
	atomic_int state;
	uint64_t fingerprint, people;
};
enum { UNSET, BEING_SET, SET };

struct counts {
	atomic_ulong prefixes, reorderings, tears, checks, rebuilt, closed, windows_ok, windows_bad, complaints;
};

/* A state that was judged before. */
struct judged {
	uint64_t hash;
	uint64_t seq;
	size_t pins;
	int good;
};

static struct {
	struct event *events;
	size_t n_events;
	size_t n_windows;
	/* By size, from 0. */
	char (*roots)[BASE64_LEN(HASH_LEN) + 1];
	uint8_t (*leaves)[HASH_LEN];
	size_t n_entries;
	/* By event. */
	struct known *known;
	uint64_t *pins;
	size_t n_pins;
	const char *station, *timeboxd, *scratch;
	/* Shared by the workers. */
	struct expected *expected;
	struct counts *counts;
	uint64_t dice;
} run;

static struct disk disk;
static struct disk_image image;
static struct judged cache[CACHE_SLOTS];

static uint64_t
dice(void)
{
	run.dice ^= run.dice << 13;
	run.dice ^= run.dice >> 7;
	run.dice ^= run.dice << 17;
	return run.dice;
}

/* ---- what is given ---- */

static void
read_log(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const uint8_t *at, *end;
	struct stat st;

	CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(at != MAP_FAILED);
	close(fd);
	end = at + st.st_size;
	run.events = calloc((size_t)st.st_size / sizeof(struct power_head), sizeof(*run.events));
	CHECK(run.events != NULL);
	while (at < end) {
		struct event *e = &run.events[run.n_events++];

		CHECK((size_t)(end - at) >= sizeof(e->head));
		memcpy(&e->head, at, sizeof(e->head));
		CHECK(e->head.magic == POWER_MAGIC && e->head.path_len < POWER_PATH_MAX);
		memcpy(e->path, at + sizeof(e->head), e->head.path_len);
		e->bytes = at + sizeof(e->head) + e->head.path_len;
		at = e->bytes + e->head.len;
		CHECK(at <= end);
	}
}

static void
read_hash(const char *hex, uint8_t out[HASH_LEN])
{
	for (size_t i = 0; i < HASH_LEN; i++)
		CHECK(sscanf(hex + 2 * i, "%2hhx", &out[i]) == 1);
}

/* The roots of all sizes, from the leaves that the daemon gave when all was done. */
static void
read_leaves(const char *path)
{
	FILE *file = fopen(path, "re");
	struct tree_frontier tree;
	uint8_t root[HASH_LEN];
	char hex[128];

	CHECK(file != NULL);
	run.roots = calloc(ENTRIES_MAX + 1, sizeof(*run.roots));
	run.leaves = calloc(ENTRIES_MAX + 1, sizeof(*run.leaves));
	CHECK(run.roots != NULL && run.leaves != NULL);
	tree_frontier_init(&tree);
	while (fscanf(file, "%127s", hex) == 1) {
		CHECK(run.n_entries < ENTRIES_MAX && strlen(hex) == 2 * HASH_LEN);
		run.n_entries++;
		read_hash(hex, run.leaves[run.n_entries]);
		tree_frontier_append(&tree, run.leaves[run.n_entries]);
		tree_frontier_root(&tree, root);
		base64_encode(run.roots[run.n_entries], sizeof(run.roots[0]), root, sizeof(root));
	}
	fclose(file);
}

/* The last thing that left the daemon before that time. What init and rotate-key print goes past the recorder: until
 * something was seen to leave a process, it is the last thing that was done. */
static size_t
event_of(uint64_t time_ns)
{
	static size_t at, sent;
	static int seen;

	for (; at < run.n_events && run.events[at].head.time_ns <= time_ns; at++) {
		if (run.events[at].head.kind == POWER_START)
			seen = 0;
		seen |= run.events[at].head.kind == POWER_SENT;
		if (!seen || run.events[at].head.kind == POWER_SENT)
			sent = at;
	}
	return sent;
}

/* Returns how many receipts name other bytes than the ledger has. */
static unsigned
read_acked(const char *path)
{
	char line[256], hex[128];
	FILE *file = fopen(path, "re");
	unsigned wrong = 0;
	struct known *known;
	uint64_t time_ns, n;
	uint8_t leaf[HASH_LEN];

	run.known = calloc(run.n_events + 1, sizeof(*run.known));
	run.pins = calloc(ACKS_MAX, sizeof(*run.pins));
	CHECK(file != NULL && run.known != NULL && run.pins != NULL);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%" SCNu64 " pin %" SCNu64, &time_ns, &n) == 2) {
			CHECK(run.n_pins < ACKS_MAX);
			run.pins[run.n_pins++] = n;
			run.known[event_of(time_ns)].pins = run.n_pins;
			continue;
		}
		CHECK(sscanf(line, "%" SCNu64 " %" SCNu64 " %127s", &time_ns, &n, hex) == 3);
		known = &run.known[event_of(time_ns)];
		read_hash(hex, leaf);
		if (n == 0 || n > run.n_entries || memcmp(leaf, run.leaves[n], HASH_LEN) != 0)
			wrong++;
		if (n > known->seq)
			known->seq = n;
	}
	fclose(file);
	for (size_t i = 1; i < run.n_events; i++) {
		if (run.known[i].seq < run.known[i - 1].seq)
			run.known[i].seq = run.known[i - 1].seq;
		if (run.known[i].pins < run.known[i - 1].pins)
			run.known[i].pins = run.known[i - 1].pins;
	}
	return wrong;
}

/* ---- one state ---- */

static void
keep_image(const char *dir)
{
	char command[2 * PATH_MAX + 64];

	snprintf(command, sizeof(command), "rm -rf '%s.bad' && mkdir -p '%s.bad'", dir, dir);
	CHECK(system(command) == 0);
	snprintf(command, sizeof(command), "%s.bad", dir);
	disk_image_write(&image, command);
}

static int
complain(const char *what, size_t event, const char *dir, const struct station_found *found)
{
	if (atomic_fetch_add(&run.counts->complaints, 1) < COMPLAINTS) {
		fprintf(stderr, "FAILED after event %zu: %s; the ledger ends at %" PRIu64 " of %zu; %s\n", event, what,
		    found->seq, run.n_entries, found->said);
		keep_image(dir);
		fprintf(stderr, "  the state is kept in %s.bad\n", dir);
	}
	return 0;
}

/* The same size, the same state and texts: whichever way the disk came to hold it. */
static int
is_expected(const struct station_found *found)
{
	struct expected *x = &run.expected[found->seq];
	int was = UNSET;

	if (atomic_compare_exchange_strong(&x->state, &was, BEING_SET)) {
		x->fingerprint = found->fingerprint;
		x->people = found->people;
		atomic_store(&x->state, SET);
	}
	while (atomic_load(&x->state) != SET)
		usleep(10);
	return x->fingerprint == found->fingerprint && x->people == found->people;
}

static int
judge(const char *dir, size_t event, const struct station_found *found)
{
	if (found->code < 0)
		return complain("the check did not end well", event, dir, found);
	if (found->code != 0) {
		/* Until init has said that it is done, there may be no station. */
		atomic_fetch_add(&run.counts->closed, 1);
		return run.known[event].seq == 0 ? 1 : complain("it does not open", event, dir, found);
	}
	if (!found->sums_zero)
		return complain("an asset does not add up", event, dir, found);
	if (found->seq == 0 || found->seq > run.n_entries || strcmp(found->root, run.roots[found->seq]) != 0)
		return complain("another root", event, dir, found);
	if (found->pending != 0)
		return complain("texts of acts that were not accepted are left", event, dir, found);
	return is_expected(found) ? 1 : complain("another state or other texts at this size", event, dir, found);
}

static void
check_image(const char *dir, struct station_found *found)
{
	station_remove(dir);
	disk_image_write(&image, dir);
	station_check(run.timeboxd, dir, run.pins, run.n_pins, found);
	atomic_fetch_add(&run.counts->checks, 1);
}

/* 1 if the station opens on `image`, with all that was acknowledged by then. */
static int
try_image(const char *dir, size_t event)
{
	uint64_t hash = disk_image_hash(&image) | 1;
	struct judged *j = &cache[hash % CACHE_SLOTS];
	struct station_found found;

	if (j->hash != hash) {
		check_image(dir, &found);
		*j = (struct judged){hash, found.seq, found.pins, judge(dir, event, &found)};
	}
	memset(&found, 0, sizeof(found));
	found.seq = j->seq;
	if (j->good && j->seq < run.known[event].seq)
		return complain("what was acknowledged is lost", event, dir, &found);
	if (j->good && j->pins < run.known[event].pins)
		return complain("a PIN that was set is lost", event, dir, &found);
	return j->good;
}

/* All entries replayed from nothing come to the same state. */
static int
try_rebuild(const char *dir, size_t event)
{
	size_t kept = 0;
	struct station_found found;

	if (run.known[event].seq == 0)
		return 1;
	for (size_t i = 0; i < image.n_names; i++)
		if (strncmp(image.names[i].path, "state", 5) != 0)
			image.names[kept++] = image.names[i];
	image.n_names = kept;
	check_image(dir, &found);
	atomic_fetch_add(&run.counts->rebuilt, 1);
	return judge(dir, event, &found);
}

/* ---- one window ---- */

static uint8_t all[DISK_PENDING_MAX], some[DISK_PENDING_MAX];

static int
try_tears(const char *dir, size_t event)
{
	const struct disk_op *last = &disk.ops[disk.n_ops - 1];
	size_t sectors = (last->len + SECTOR - 1) / SECTOR;
	int good = 1;

	for (size_t n = 0; n < TEARS && n + 1 < sectors; n++) {
		size_t at = (1 + (sectors <= TEARS ? n : dice() % (sectors - 1))) * SECTOR;

		/* The beginning got there, or the end. */
		if (n % 2 == 0)
			disk_image(&image, &disk, all, 0, at);
		else
			disk_image(&image, &disk, all, at, last->len);
		good &= try_image(dir, event);
		atomic_fetch_add(&run.counts->tears, 1);
	}
	return good;
}

static int
try_subsets(const char *dir, size_t event, size_t n)
{
	int good = 1;

	for (size_t i = 0; i < n; i++) {
		uint64_t density = dice() % 7 + 1;

		for (size_t k = 0; k < disk.n_ops; k++)
			some[k] = i > 0 && dice() % 8 < density;
		disk_image(&image, &disk, some, 0, 0);
		good &= try_image(dir, event);
	}
	atomic_fetch_add(&run.counts->reorderings, n);
	return good;
}

static int
changes_disk(const struct event *e)
{
	return e->head.kind != POWER_SENT && e->head.kind != POWER_START && e->head.kind != POWER_SYNC;
}

/* Something was acknowledged then. */
static int
learnt_at(size_t i)
{
	return i > 0 && memcmp(&run.known[i], &run.known[i - 1], sizeof(run.known[i])) != 0;
}

static int
try_window(const char *dir, size_t from, size_t to)
{
	size_t moments = 0;
	int good = 1;

	for (size_t i = from; i < to; i++)
		moments += (size_t)changes_disk(&run.events[i]);
	for (size_t i = from; i < to; i++) {
		const struct event *e = &run.events[i];

		disk_take(&disk, &e->head, e->path, e->bytes, i);
		if (!changes_disk(e) && !learnt_at(i))
			continue;
		disk_image(&image, &disk, all, 0, 0);
		good &= try_image(dir, i);
		atomic_fetch_add(&run.counts->prefixes, 1);
		good &= try_subsets(dir, i, changes_disk(e) ? (REORDERINGS + moments - 1) / moments : 1);
		if (e->head.kind == POWER_WRITE || e->head.kind == POWER_WRITE_THROUGH)
			good &= try_tears(dir, i);
	}
	disk_image(&image, &disk, all, 0, 0);
	return good & try_rebuild(dir, to - 1);
}

/* ---- all ---- */

/* A commit of the ledger is over: a flush of the journal, or LMDB's meta page. */
static int
ends_window(size_t i)
{
	const struct event *e = &run.events[i];

	return i + 1 == run.n_events ||
	       (e->head.kind == POWER_SYNC_END &&
		   (strcmp(e->path, "ledger/journal") == 0 || strcmp(e->path, "ledger/journal2") == 0 ||
		       (strcmp(e->path, "ledger/data.mdb") == 0 && run.events[i - 1].head.kind == POWER_WRITE_THROUGH)));
}

static int
writes_key(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (strncmp(run.events[i].path, "keys/", 5) == 0)
			return 1;
	return 0;
}

static void
count_window(int good, size_t windows)
{
	struct counts *c = run.counts;
	unsigned long done;

	atomic_fetch_add(good ? &c->windows_ok : &c->windows_bad, 1);
	done = c->windows_ok + c->windows_bad;
	if (done % TOLD_EVERY == 0)
		fprintf(stderr, "%lu windows of %zu, %lu states checked\n", done, windows, c->checks);
}

static void
work(size_t worker, size_t windows)
{
	char dir[PATH_MAX];
	size_t from = 0, window = 0, chosen = 0;

	run.dice += worker * 0x9e3779b9u;
	snprintf(dir, sizeof(dir), "%s/w%zu", run.scratch, worker);
	CHECK(mkdir(dir, 0700) == 0);
	for (size_t i = 0; i < run.n_events; i++) {
		int mine;

		if (!ends_window(i))
			continue;
		mine = window * windows / run.n_windows != (window + 1) * windows / run.n_windows || writes_key(from, i + 1);
		if (mine && chosen++ % WORKERS == worker) {
			count_window(try_window(dir, from, i + 1), windows);
		} else {
			for (size_t k = from; k <= i; k++)
				disk_take(&disk, &run.events[k].head, run.events[k].path, run.events[k].bytes, k);
		}
		from = i + 1;
		window++;
	}
}

/* All that was recorded, done in order, is the folder: nothing went past the recorder. */
static unsigned
differences(void)
{
	unsigned differ = 0;

	disk_image(&image, &disk, all, 0, 0);
	for (size_t i = 0; i < image.n_names; i++) {
		const struct disk_name *name = &image.names[i];
		const struct disk_file *file = name->file < 0 ? NULL : &image.files[name->file];
		char path[PATH_MAX];
		uint8_t *bytes;
		FILE *there;

		if (file == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", run.station, name->path);
		CHECK((bytes = malloc(file->len + 1)) != NULL);
		there = fopen(path, "re");
		if (there == NULL || fread(bytes, 1, file->len + 1, there) != file->len ||
		    memcmp(bytes, file->bytes, file->len) != 0) {
			fprintf(stderr, "FAILED: the recording does not come to what %s is\n", name->path);
			differ++;
		}
		if (there != NULL)
			fclose(there);
		free(bytes);
	}
	return differ;
}

static void *
shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static unsigned
work_all(size_t windows)
{
	unsigned broken = 0;
	int status;

	for (size_t w = 0; w < WORKERS; w++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			work(w, windows);
			_exit(w == 0 && differences() != 0);
		}
	}
	while (wait(&status) > 0)
		broken += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	return broken;
}

int
main(int argc, char **argv)
{
	struct counts *c;
	size_t windows;
	unsigned bad;

	if (argc != 9) {
		fprintf(stderr, "replay RECORDING LEAVES ACKED STATION TIMEBOXD SCRATCH WINDOWS SEED\n");
		return 2;
	}
	read_log(argv[1]);
	read_leaves(argv[2]);
	bad = read_acked(argv[3]);
	if (bad > 0)
		fprintf(stderr, "FAILED: %u receipts are not of this ledger\n", bad);
	run.station = argv[4];
	run.timeboxd = argv[5];
	run.scratch = argv[6];
	windows = strtoul(argv[7], NULL, 10);
	run.dice = strtoull(argv[8], NULL, 10) * 2 + 1;
	run.expected = shared((ENTRIES_MAX + 1) * sizeof(*run.expected));
	run.counts = c = shared(sizeof(*c));
	memset(all, 1, sizeof(all));
	for (size_t i = 0; i < run.n_events; i++)
		run.n_windows += (size_t)ends_window(i);
	if (windows > run.n_windows)
		windows = run.n_windows;
	bad += work_all(windows);
	printf("%zu windows of %zu, %zu entries, %zu events: %lu prefixes, %lu reorderings, %lu tears; %lu different states "
	       "checked, %lu rebuilt from the ledger alone, %lu before init was done\n",
	    windows, run.n_windows, run.n_entries, run.n_events, c->prefixes, c->reorderings, c->tears, c->checks,
	    c->rebuilt, c->closed);
	printf("%lu passed, %lu failed\n", c->windows_ok, c->windows_bad + bad);
	return c->windows_bad + bad == 0 && c->windows_ok > 0 ? 0 : 1;
}
