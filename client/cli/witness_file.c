#include "client/cli/witness_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
witness_file_read(const struct cli *c, const char *path, char *out, size_t size, size_t *len)
{
	FILE *file = fopen(path, "re");
	int bad;

	if (file == NULL)
		return cli_fail_here(c, errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO, path, "%s", strerror(errno));
	*len = fread(out, 1, size, file);
	bad = ferror(file);
	(void)fclose(file);
	if (bad)
		return cli_fail_here(c, RESULT_IO, path, NULL);
	if (*len == size)
		return cli_fail_here(c, RESULT_BAD_FIELD, path, "%s", _("too long for such a file"));
	out[*len] = '\0';
	return CLI_DONE;
}

int
witness_file_write(const struct cli *c, const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	int ok;

	if (file == NULL)
		return cli_fail_here(c, RESULT_IO, path, "%s", strerror(errno));
	/* It may go onto a stick that is pulled out next. */
	ok = fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
	ok &= fclose(file) == 0;
	return ok ? CLI_DONE : cli_fail_here(c, RESULT_IO, path, "%s", strerror(errno));
}
