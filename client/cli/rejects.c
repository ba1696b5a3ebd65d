#include "client/cli/rejects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD_NAME "原因代码"
#define HEAD_TEXT "原因"

/* A field in quotes; our own texts hold none. */
static void
rejects_line(FILE *out, const struct sheet *sheet, size_t record, const char *name, const char *text)
{
	size_t size = 0;
	const char *raw = sheet_raw(sheet, record, &size);

	(void)fwrite(raw, 1, size, out);
	fprintf(out, ",%s,\"%s\"\r\n", name, text);
}

static int
rejects_fill(FILE *out, const struct cli *c, const struct sheet *sheet, const struct part_row *rows,
	size_t n)
{
	fputs("\xef\xbb\xbf", out);
	rejects_line(out, sheet, 0, HEAD_NAME, HEAD_TEXT);
	for (size_t i = 0; i < n; i++)
		if (rows[i].verdict != RESULT_OK)
			rejects_line(out, sheet, rows[i].line - 1, result_name(rows[i].verdict),
				cli_result_text(c, rows[i].verdict));
	if (fflush(out) != 0 || ferror(out) || fsync(fileno(out)) != 0)
		return -1;
	return 0;
}

int
rejects_write(const struct cli *c, const char *path, const struct sheet *sheet,
	const struct part_row *rows, size_t n)
{
	char temporary[TIMEBOX_PATH_MAX];
	FILE *out = NULL;
	int length, fd, failed;

	length = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
	if (length < 0 || (size_t)length >= sizeof(temporary))
		return cli_fail_here(c, RESULT_BAD_FIELD, "--rejects", NULL);
	/* It holds what people wrote about people. */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		out = fdopen(fd, "w");
	if (out == NULL)
		return cli_fail_here(c, RESULT_IO, temporary, "%s", strerror(errno));
	failed = rejects_fill(out, c, sheet, rows, n);
	if (fclose(out) != 0 || failed != 0 || rename(temporary, path) != 0) {
		int why = errno;

		(void)unlink(temporary);
		return cli_fail_here(c, RESULT_IO, path, "%s", strerror(why));
	}
	return CLI_DONE;
}
