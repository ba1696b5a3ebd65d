#include "tests/crash/power/station.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "daemon/store/people.h"

#define CHECK_MS 20000

/* Everything that comes, until the end or the time is over; then the process is ended. */
static void
listen_to(int fd, pid_t pid, char *text, size_t cap)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	while (len < cap - 1) {
		ssize_t n;

		if (poll(&p, 1, CHECK_MS) <= 0 || (n = read(fd, text + len, cap - 1 - len)) < 0) {
			kill(pid, SIGKILL);
			break;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	text[len] = 0;
}

static int
run_check(const char *timeboxd, const char *dir, char *text, size_t cap)
{
	char check[] = "check", json[] = "--json", program[PATH_MAX], station[PATH_MAX];
	char *argv[] = {program, check, station, json, NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], status;
	pid_t pid;

	snprintf(program, sizeof(program), "%s", timeboxd);
	snprintf(station, sizeof(station), "%s", dir);
	CHECK(pipe2(ends, O_CLOEXEC) == 0 && posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0 &&
	      posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO) == 0);
	CHECK(posix_spawn(&pid, program, &actions, NULL, argv, env) == 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	listen_to(ends[0], pid, text, cap);
	close(ends[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the people env ---- */

struct digest {
	uint64_t sum;
	uint64_t table;
	unsigned rows;
};

static uint64_t
mix(uint64_t h, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * 0x100000001b3u;
	return (h ^ len) * 0x9e3779b97f4a7c15u;
}

static enum result
add_row(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value, size_t len)
{
	struct digest *d = ctx;
	uint64_t h = mix(mix(d->table + 0xcbf29ce484222325u, key, key_len), value, len);

	d->sum += h ^ h >> 31;
	d->rows++;
	return RESULT_OK;
}

static int
has_pin(struct people *people, uint64_t member)
{
	uint8_t key[8], value[PEOPLE_VALUE_MAX];
	size_t len;

	for (int i = 0; i < 8; i++)
		key[i] = (uint8_t)(member >> (56 - 8 * i));
	return people_get(people, PEOPLE_PIN, key, sizeof(key), value, sizeof(value), &len) == RESULT_OK;
}

static void
read_people(const char *dir, const uint64_t *pins, size_t n_pins, struct station_found *out)
{
	char path[PATH_MAX];
	struct digest texts = {0}, pending = {0};
	struct people *people;

	snprintf(path, sizeof(path), "%s/people", dir);
	CHECK(people_open(path, &people) == RESULT_OK);
	for (int table = 0; table < PEOPLE_TABLES; table++) {
		struct digest *d = table == PEOPLE_PENDING ? &pending : &texts;

		d->table = (uint64_t)table;
		if (table != PEOPLE_PIN && table != PEOPLE_META)
			CHECK(people_each(people, (enum people_table)table, "", 0, add_row, d) == RESULT_OK);
	}
	out->people = texts.sum;
	out->pending = pending.rows;
	while (out->pins < n_pins && has_pin(people, pins[out->pins]))
		out->pins++;
	people_close(people);
}

void
station_check(const char *timeboxd, const char *dir, const uint64_t *pins, size_t n_pins, struct station_found *out)
{
	char zero[8] = "";
	const char *json;

	memset(out, 0, sizeof(*out));
	out->code = run_check(timeboxd, dir, out->said, sizeof(out->said));
	if (out->code != 0)
		return;
	/* The log goes before the answer. */
	if ((json = strstr(out->said, "{\"seq\":")) == NULL ||
	    sscanf(json, "{\"seq\":%" SCNu64 ",\"root\":\"%63[^\"]\",\"fingerprint\":\"%" SCNx64 "\",\"sums_zero\":%7[a-z]}",
		&out->seq, out->root, &out->fingerprint, zero) != 4) {
		out->code = -1;
		return;
	}
	out->sums_zero = strcmp(zero, "true") == 0;
	read_people(dir, pins, n_pins, out);
}

void
station_remove(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder = opendir(dir);

	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (unlink(path) != 0) {
			station_remove(path);
			rmdir(path);
		}
	}
	closedir(folder);
}
