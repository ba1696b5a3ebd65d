#include "tests/fuzz/folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/check.h"

static char folder[32];

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

static void
folder_remove(void)
{
	DIR *dir = opendir(folder);

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	(void)rmdir(folder);
}

const char *
fuzz_folder(void)
{
	if (folder[0] != '\0')
		return folder;
	snprintf(folder, sizeof(folder), "%s/fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(folder) != NULL && atexit(folder_remove) == 0);
	return folder;
}

void
fuzz_path(char out[FUZZ_PATH], const char *name)
{
	CHECK(snprintf(out, FUZZ_PATH, "%s/%s", fuzz_folder(), name) < FUZZ_PATH);
}
