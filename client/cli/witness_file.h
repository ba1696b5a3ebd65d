/* Files that are carried between a station and a witness: short texts. */
#ifndef TIMEBOX_CLIENT_CLI_WITNESS_FILE_H
#define TIMEBOX_CLIENT_CLI_WITNESS_FILE_H

#include <stddef.h>

#include "client/cli/cli.h"

/* Reads a whole file of fewer than `size` bytes and puts a NUL behind it; an exit code. */
int witness_file_read(const struct cli *c, const char *path, char *out, size_t size, size_t *len);

/* Writes a text as a new file, or over an older one; an exit code. */
int witness_file_write(const struct cli *c, const char *path, const char *text);

#endif
