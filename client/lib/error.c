#include "client/lib/timebox.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* printf into a field of the error, cut at its end. */
static void error_vtext(char *out, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void
error_vtext(char *out, size_t size, const char *format, va_list args)
{
	if (vsnprintf(out, size, format, args) < 0)
		out[0] = '\0';
}

enum result
timebox_error_set(struct timebox_error *e, enum timebox_failure failure, enum result code,
	const char *where, const char *format, ...)
{
	va_list args;

	memset(e, 0, sizeof(*e));
	e->failure = failure;
	e->code = code;
	(void)snprintf(e->where, sizeof(e->where), "%s", where);
	(void)snprintf(e->name, sizeof(e->name), "%s", result_name(code));
	va_start(args, format);
	error_vtext(e->text, sizeof(e->text), format, args);
	va_end(args);
	return code;
}
