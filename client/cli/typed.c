/* What people type: arguments, PINs, answers. */
#include "client/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "client/sheet/field.h"

#define PIN_DIGITS_LEAST 4
#define PIN_DIGITS_MOST	 (CLI_PIN_SIZE - 1)

int
cli_number(const struct cli *c, const char *what, const char *text)
{
	if (member_number_valid(text))
		return CLI_DONE;
	return cli_fail_here(c, RESULT_BAD_FIELD, what,
		_("%s is no member number: 8 digits, the last one a check digit"), text);
}

int
cli_day(const struct cli *c, const char *what, const char *text, int32_t *day)
{
	if (field_date(text, day) == RESULT_OK)
		return CLI_DONE;
	return cli_fail_here(c, RESULT_BAD_DATE, what, _("%s is no date, such as 2026-01-31"), text);
}

int
cli_count(const struct cli *c, const char *what, const char *text, uint32_t low, uint32_t high,
	uint32_t *out)
{
	if (field_number(text, low, high, out) == RESULT_OK)
		return CLI_DONE;
	return cli_fail_here(c, RESULT_BAD_FIELD, what, _("%s is no number from %u to %u"), text, low,
		high);
}

int
cli_code(const struct cli *c, const char *what, const char *text, char out[CLI_CODE_SIZE])
{
	if (field_code(out, CLI_CODE_SIZE - 1, text) == RESULT_OK)
		return CLI_DONE;
	return cli_fail_here(c, RESULT_BAD_FIELD, what,
		_("%s is no code: 1 to 8 letters, digits, - or _"), text);
}

/* Digits up to *end, below 2^63; 0 or -1. */
static int
typed_number(const char *text, const char **end, uint64_t *out)
{
	*out = 0;
	*end = text;
	while (**end >= '0' && **end <= '9') {
		if (*out > ((uint64_t)INT64_MAX - 9) / 10)
			return -1;
		*out = *out * 10 + (uint64_t)(*(*end)++ - '0');
	}
	return *end == text ? -1 : 0;
}

int
cli_id(const struct cli *c, const char *what, const char *text, uint64_t *seq, uint32_t *index)
{
	const char *end = NULL;
	uint64_t n = 0;
	int ok = typed_number(text, &end, seq) == 0 && *seq > 0;

	if (ok && *end == '.')
		ok = typed_number(end + 1, &end, &n) == 0 && n <= UINT32_MAX;
	if (!ok || *end != '\0')
		return cli_fail_here(c, RESULT_BAD_FIELD, what, _("%s is no id, such as 120 or 120.3"),
			text);
	*index = (uint32_t)n;
	return CLI_DONE;
}

int
cli_choice(const struct cli *c, const char *what, const char *text, const char *const *words,
	unsigned *index)
{
	char all[256] = "";
	size_t n = 0;

	for (*index = 0; words[*index] != NULL; (*index)++) {
		int put;

		if (strcasecmp(text, words[*index]) == 0)
			return CLI_DONE;
		put = snprintf(all + n, sizeof(all) - n, "%s%s", n > 0 ? ", " : "", words[*index]);
		if (put > 0 && n + (size_t)put < sizeof(all))
			n += (size_t)put;
	}
	return cli_fail_here(c, RESULT_BAD_FIELD, what, _("%s is none of: %s"), text, all);
}

/* ---- PINs ---- */

/* The digits at the start of a line, nothing but a line end behind them. */
static int
pin_take(const struct cli *c, const char *what, char *line, char out[CLI_PIN_SIZE])
{
	size_t n = strspn(line, "0123456789");

	line[strcspn(line, "\r\n")] = '\0';
	if (n < PIN_DIGITS_LEAST || n > PIN_DIGITS_MOST || line[n] != '\0')
		return cli_fail_here(c, RESULT_BAD_PIN, what, _("a PIN is %d to %d digits"),
			PIN_DIGITS_LEAST, PIN_DIGITS_MOST);
	memcpy(out, line, n + 1);
	return CLI_DONE;
}

static int
pin_from_file(const struct cli *c, const char *path, char out[CLI_PIN_SIZE])
{
	FILE *f = fopen(path, "re");
	char line[64] = "";
	int rc;

	if (f == NULL || (fgets(line, sizeof(line), f) == NULL && ferror(f)))
		rc = cli_fail_here(c, RESULT_BAD_FIELD, path, "%s", strerror(errno));
	else
		rc = pin_take(c, path, line, out);
	if (f != NULL)
		(void)fclose(f);
	crypto_wipe(line, sizeof(line));
	return rc;
}

static int
pin_from_terminal(const struct cli *c, char out[CLI_PIN_SIZE])
{
	struct termios before, quiet;
	char line[64] = "";
	ssize_t n;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0 || tcgetattr(fd, &before) != 0) {
		if (fd >= 0)
			(void)close(fd);
		return cli_fail_here(c, RESULT_BAD_FIELD, "--pin-file",
			_("there is no terminal to type the PIN on: give --pin-file"));
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	dprintf(fd, "%s", _("PIN: "));
	n = read(fd, line, sizeof(line) - 1);
	(void)tcsetattr(fd, TCSAFLUSH, &before);
	dprintf(fd, "\n");
	(void)close(fd);
	line[n > 0 ? n : 0] = '\0';
	rc = pin_take(c, "PIN", line, out);
	crypto_wipe(line, sizeof(line));
	return rc;
}

int
cli_pin(const struct cli *c, const char *pin_file, char out[CLI_PIN_SIZE])
{
	return pin_file != NULL ? pin_from_file(c, pin_file, out) : pin_from_terminal(c, out);
}

/* ---- yes or no ---- */

bool
cli_confirm(const struct cli *c, const char *format, ...)
{
	char line[16] = "";
	va_list args;

	if (c->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		(void)cli_fail_here(c, RESULT_BAD_FIELD, "--yes", "%s",
			_("this wants a yes: say --yes where there is no terminal"));
		return false;
	}
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " %s ", _("[y/N]"));
	fflush(stderr);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	return line[0] == 'y' || line[0] == 'Y' || strncmp(line, "是", 3) == 0;
}

/* ---- progress ---- */

void
cli_progress(const struct cli *c, const char *label, uint64_t done, uint64_t total)
{
	if (c->json || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K%s %llu/%llu", label, (unsigned long long)done,
		(unsigned long long)total);
	fflush(stderr);
}

void
cli_progress_end(const struct cli *c)
{
	if (!c->json && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}
