#include "client/lib/timebox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATION_FILE_MAX 8192
#define STATION_LINES	 6

enum station_line { LINE_SERVER, LINE_SERVER_KEY, LINE_ORIGIN, LINE_VKEY, LINE_PARTNER, LINE_ROLE };

/* All lines must be there: the last to be written is "role", so a cut file never passes for whole. */
static const char *const station_names[STATION_LINES] = {
	"server", "server_key", "origin", "vkey", "partner", "role",
};

/* Words of the roles that a key can have; the index is the role's number. */
static const char *const station_roles[] = {"none", "staff", "kiosk", "outlet", "auditor"};
#define STATION_ROLES (sizeof(station_roles) / sizeof(station_roles[0]))

/* ---- files ---- */

/* DIR/NAME; the directory's length was checked when the home was opened. */
static void
home_path(char out[TIMEBOX_PATH_MAX + 32], const struct timebox_home *home, const char *name)
{
	(void)snprintf(out, TIMEBOX_PATH_MAX + 32, "%s/%s", home->dir, name);
}

static enum result
home_io_error(struct timebox_error *e, const char *path, const char *doing)
{
	return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_IO, doing, "%.180s: %s", path,
		strerror(errno));
}

/* Reads up to `size` bytes; the count, or -1 with errno. */
static ssize_t
home_read(int fd, void *out, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, (char *)out + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* 0, or -1 with errno. */
static int
home_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t put = write(fd, at, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

/* Makes the folder's names durable. */
static int
home_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	(void)close(fd);
	return rc;
}

/* Writes DIR/NAME whole or not at all: a new file beside it, synced, renamed; `keep` refuses to replace. */
static enum result
home_write_file(const struct timebox_home *home, const char *name, const void *p, size_t n, int keep,
	struct timebox_error *e)
{
	char path[TIMEBOX_PATH_MAX + 32], fresh[TIMEBOX_PATH_MAX + 32], tmp[32];
	enum result r = RESULT_OK;
	int fd;

	(void)snprintf(tmp, sizeof(tmp), ".%s.XXXXXX", name);
	home_path(path, home, name);
	home_path(fresh, home, tmp);
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return home_io_error(e, fresh, "write");
	if (fchmod(fd, 0600) != 0 || home_write_all(fd, p, n) != 0 || fsync(fd) != 0)
		r = home_io_error(e, fresh, "write");
	if (close(fd) != 0 && r == RESULT_OK)
		r = home_io_error(e, fresh, "write");
	if (r == RESULT_OK && (keep ? link(fresh, path) : rename(fresh, path)) != 0)
		r = home_io_error(e, path, "write");
	if (r != RESULT_OK || keep)
		(void)unlink(fresh);
	if (r == RESULT_OK && home_sync_dir(home->dir) != 0)
		r = home_io_error(e, home->dir, "write");
	return r;
}

/* ---- the station file ---- */

static enum result
station_copy(char *out, size_t size, const char *value)
{
	size_t n = strlen(value);

	if (n >= size)
		return RESULT_CORRUPT;
	memcpy(out, value, n + 1);
	return RESULT_OK;
}

static enum result
station_role(struct timebox_home *home, const char *value)
{
	size_t i;

	for (i = 0; i < STATION_ROLES; i++) {
		if (strcmp(value, station_roles[i]) == 0) {
			home->role = (Timebox__V1__Role)i;
			return RESULT_OK;
		}
	}
	return RESULT_CORRUPT;
}

static enum result
station_set(struct timebox_home *home, enum station_line line, const char *value)
{
	switch (line) {
	case LINE_SERVER:
		return station_copy(home->server, sizeof(home->server), value);
	case LINE_SERVER_KEY:
		return hex_decode(home->server_key, KEY_LEN, value, strlen(value));
	case LINE_ORIGIN:
		return station_copy(home->origin, sizeof(home->origin), value);
	case LINE_VKEY:
		return station_copy(home->vkey, sizeof(home->vkey), value);
	case LINE_PARTNER:
		return station_copy(home->partner, sizeof(home->partner), value);
	case LINE_ROLE:
		return station_role(home, value);
	}
	return RESULT_CORRUPT;
}

/* One line without its end; sets its bit in *seen. */
static enum result
station_parse_line(struct timebox_home *home, char *line, unsigned *seen)
{
	char *value = strchr(line, '=');
	unsigned i;

	if (value == NULL)
		return RESULT_CORRUPT;
	*value++ = '\0';
	for (i = 0; i < STATION_LINES; i++) {
		if (strcmp(line, station_names[i]) != 0)
			continue;
		if ((*seen & 1u << i) != 0)
			return RESULT_CORRUPT;
		*seen |= 1u << i;
		return station_set(home, (enum station_line)i, value);
	}
	return RESULT_CORRUPT;
}

/* `text` is taken apart. */
static enum result
station_parse(struct timebox_home *home, char *text, size_t n)
{
	unsigned seen = 0;
	char *end;

	if (n == 0 || text[n - 1] != '\n' || memchr(text, '\0', n) != NULL)
		return RESULT_CORRUPT;
	for (text[n] = '\0'; *text != '\0'; text = end + 1) {
		end = strchr(text, '\n');
		if (end == NULL)
			return RESULT_CORRUPT;
		*end = '\0';
		if (station_parse_line(home, text, &seen) != RESULT_OK)
			return RESULT_CORRUPT;
	}
	return seen == (1u << STATION_LINES) - 1 ? RESULT_OK : RESULT_CORRUPT;
}

static enum result
home_read_station(struct timebox_home *home, struct timebox_error *e)
{
	char path[TIMEBOX_PATH_MAX + 32], text[STATION_FILE_MAX + 1];
	ssize_t n;
	int fd;

	home_path(path, home, "station");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return RESULT_OK;
	if (fd < 0)
		return home_io_error(e, path, "read");
	n = home_read(fd, text, STATION_FILE_MAX);
	(void)close(fd);
	if (n < 0)
		return home_io_error(e, path, "read");
	if (n == STATION_FILE_MAX || station_parse(home, text, (size_t)n) != RESULT_OK)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_CORRUPT, "HOME/station",
			"%.180s is not whole: take it from a copy, or enrol this home again", path);
	home->enrolled = 1;
	return RESULT_OK;
}

enum result
timebox_home_save(const struct timebox_home *home, struct timebox_error *e)
{
	char text[STATION_FILE_MAX], key[2 * KEY_LEN + 1];
	unsigned role = (unsigned)home->role;
	int n;

	(void)hex_encode(key, sizeof(key), home->server_key, KEY_LEN);
	n = snprintf(text, sizeof(text),
		"server=%s\nserver_key=%s\norigin=%s\nvkey=%s\npartner=%s\nrole=%s\n", home->server, key,
		home->origin, home->vkey, home->partner, station_roles[role < STATION_ROLES ? role : 0]);
	if (n < 0 || (size_t)n >= sizeof(text))
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_INTERNAL, "HOME/station",
			"%s", "the station's data is too long");
	return home_write_file(home, "station", text, (size_t)n, 0, e);
}

/* ---- the key ---- */

static enum result
home_read_key(struct timebox_home *home, struct timebox_error *e)
{
	char path[TIMEBOX_PATH_MAX + 32];
	uint8_t bytes[SEED_LEN + 1];
	struct stat st;
	ssize_t n;
	int fd;

	home_path(path, home, "key");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_NOT_FOUND, "HOME/key",
			"%.160s: no key here: enrol first, or name the home with --home", path);
	if (fd < 0)
		return home_io_error(e, path, "read");
	n = fstat(fd, &st) == 0 ? home_read(fd, bytes, sizeof(bytes)) : -1;
	(void)close(fd);
	if (n < 0)
		return home_io_error(e, path, "read");
	if ((st.st_mode & 077) != 0)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_NOT_ALLOWED, "HOME/key",
			"%.160s: others may read this key: chmod 600", path);
	if (n != SEED_LEN)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_CORRUPT, "HOME/key",
			"%.160s: not the %d bytes of a key", path, SEED_LEN);
	memcpy(home->seed, bytes, SEED_LEN);
	crypto_wipe(bytes, sizeof(bytes));
	if (ed25519_public(home->seed, home->key) != RESULT_OK)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_INTERNAL, "HOME/key", "%s", "");
	return RESULT_OK;
}

static enum result
home_make_key(struct timebox_home *home, struct timebox_error *e)
{
	enum result r;

	if (mkdir(home->dir, 0700) != 0 && errno != EEXIST)
		return home_io_error(e, home->dir, "create");
	if (ed25519_generate(home->seed, home->key) != RESULT_OK)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_INTERNAL, "HOME/key", "%s",
			"no randomness");
	r = home_write_file(home, "key", home->seed, SEED_LEN, 1, e);
	return r;
}

static enum result
home_start(struct timebox_home *home, const char *dir, struct timebox_error *e)
{
	size_t n = strlen(dir);

	memset(home, 0, sizeof(*home));
	if (n == 0 || n >= sizeof(home->dir))
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_BAD_FIELD, "home", "%s",
			"the home's path is empty or too long");
	memcpy(home->dir, dir, n + 1);
	return home_read_key(home, e);
}

enum result
timebox_home_open(struct timebox_home *home, const char *dir, struct timebox_error *e)
{
	enum result r = home_start(home, dir, e);

	if (r == RESULT_OK)
		r = home_read_station(home, e);
	if (r != RESULT_OK)
		timebox_home_close(home);
	return r;
}

enum result
timebox_home_create(struct timebox_home *home, const char *dir, struct timebox_error *e)
{
	enum result r = home_start(home, dir, e);

	if (r == RESULT_NOT_FOUND)
		r = home_make_key(home, e);
	if (r == RESULT_OK)
		r = home_read_station(home, e);
	if (r != RESULT_OK)
		timebox_home_close(home);
	return r;
}

void
timebox_home_close(struct timebox_home *home)
{
	crypto_wipe(home->seed, sizeof(home->seed));
}
