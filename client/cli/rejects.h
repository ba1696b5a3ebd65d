/* The refused rows of a file of service records, as a file to be repaired. */
#ifndef TIMEBOX_CLIENT_CLI_REJECTS_H
#define TIMEBOX_CLIENT_CLI_REJECTS_H

#include "client/cli/cli.h"
#include "client/cli/parts.h"
#include "client/sheet/sheet.h"

/* Writes the head and each refused row as it stood in the file, with two columns more: the reason's
 * name and its text. UTF-8 with byte order mark; written beside `path` and then renamed. Exit code. */
int rejects_write(const struct cli *c, const char *path, const struct sheet *sheet,
	const struct part_row *rows, size_t n);

#endif
