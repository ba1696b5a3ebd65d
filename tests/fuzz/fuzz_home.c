/*
 * Any bytes as HOME/station, which a client knows its station by. What must hold: it is refused in words, or saved again and read
 * again it is the same file.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/timebox.h"
#include "daemon/base/check.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char station[FUZZ_PATH], key[FUZZ_PATH];

static void
file_put(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n && close(fd) == 0);
}

static void
set_up(void)
{
	uint8_t seed[SEED_LEN] = {7};

	if (station[0] != '\0')
		return;
	fuzz_path(station, "station");
	fuzz_path(key, "key");
	file_put(key, seed, sizeof(seed));
}

static void
check_same(const struct timebox_home *a, const struct timebox_home *b)
{
	CHECK(strcmp(a->server, b->server) == 0 && strcmp(a->origin, b->origin) == 0 && strcmp(a->vkey, b->vkey) == 0);
	CHECK(strcmp(a->partner, b->partner) == 0 && a->role == b->role);
	CHECK(memcmp(a->server_key, b->server_key, KEY_LEN) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct timebox_home home, again;
	struct timebox_error e;
	enum result err;

	set_up();
	file_put(station, data, size);
	err = timebox_home_open(&home, fuzz_folder(), &e);
	if (err != RESULT_OK) {
		CHECK(err == RESULT_CORRUPT && e.text[0] != '\0');
		return 0;
	}
	CHECK(home.enrolled);
	CHECK(timebox_home_save(&home, &e) == RESULT_OK);
	CHECK(timebox_home_open(&again, fuzz_folder(), &e) == RESULT_OK);
	check_same(&home, &again);
	timebox_home_close(&home);
	timebox_home_close(&again);
	return 0;
}
