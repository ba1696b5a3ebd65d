#include "client/sheet/internal.h"

#include <errno.h>
#include <iconv.h>
#include <libintl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unictype.h>
#include <unistr.h>

enum result
sheet_fault(char *err, size_t err_size, enum result r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(err, err_size, format, arguments);
	va_end(arguments);
	return r;
}

const char *
sheet_trim(const char *s, size_t *size)
{
	const uint8_t *from = (const uint8_t *)s;
	const uint8_t *to = from + *size;
	ucs4_t c;

	while (from < to) {
		int step = u8_mbtouc(&c, from, (size_t)(to - from));

		if (!uc_is_property_white_space(c))
			break;
		from += step;
	}
	while (to > from) {
		const uint8_t *before = u8_prev(&c, to, from);

		if (!before || !uc_is_property_white_space(c))
			break;
		to = before;
	}
	*size = (size_t)(to - from);
	return (const char *)from;
}

static size_t
line_of(const uint8_t *bytes, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += bytes[i] == '\n';
	return line;
}

/*
 * GB18030 to UTF-8; *stopped is where in the input it ended. A GB18030 character of 2 bytes
 * makes at most 3.
 */
static enum result
decode_gb18030(const uint8_t *bytes, size_t size, char **text, size_t *text_size, size_t *stopped)
{
	iconv_t converter = iconv_open("UTF-8", "GB18030");
	size_t room = size + size / 2 + 4;
	char *buffer = malloc(room);
	char *in = (char *)(uintptr_t)bytes; /* iconv's prototype: it does not write there */
	char *out = buffer;
	size_t left = size;
	enum result r = RESULT_NO_MEMORY;

	*stopped = 0;
	if (converter == (iconv_t)-1 || !buffer)
		goto out;
	if (iconv(converter, &in, &left, &out, &room) == (size_t)-1) {
		*stopped = size - left;
		r = RESULT_NOT_UTF8;
		goto out;
	}
	*text = buffer;
	*text_size = (size_t)(out - buffer);
	buffer = NULL;
	r = RESULT_OK;
out:
	if (converter != (iconv_t)-1)
		iconv_close(converter);
	free(buffer);
	return r;
}

static enum result
copy_text(const uint8_t *bytes, size_t size, char **text, size_t *text_size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		return RESULT_NO_MEMORY;
	if (size > 0)
		memcpy(copy, bytes, size);
	*text = copy;
	*text_size = size;
	return RESULT_OK;
}

enum result
sheet_decode(
    const uint8_t *bytes, size_t size, char **text, size_t *text_size, char *err, size_t err_size)
{
	static const uint8_t mark[3] = {0xEF, 0xBB, 0xBF};
	int marked = size >= sizeof mark && memcmp(bytes, mark, sizeof mark) == 0;
	size_t skip = marked ? sizeof mark : 0;
	const uint8_t *nul = size > 0 ? memchr(bytes, 0, size) : NULL;
	const uint8_t *invalid = size > skip ? u8_check(bytes + skip, size - skip) : NULL;
	size_t stopped = 0;
	enum result r;

	if (nul)
		return sheet_fault(err, err_size, RESULT_NOT_UTF8,
		    gettext("line %zu holds a NUL byte: this is not a CSV text file"),
		    line_of(bytes, (size_t)(nul - bytes)));
	if (marked && invalid)
		return sheet_fault(err, err_size, RESULT_NOT_UTF8,
		    gettext("line %zu is not valid UTF-8, although the file begins as UTF-8"),
		    line_of(bytes, (size_t)(invalid - bytes)));
	if (!invalid)
		r = copy_text(bytes + skip, size - skip, text, text_size);
	else
		r = decode_gb18030(bytes, size, text, text_size, &stopped);
	if (r == RESULT_NOT_UTF8)
		return sheet_fault(err, err_size, r,
		    gettext("line %zu is neither UTF-8 nor GB18030: save the sheet as CSV UTF-8"),
		    line_of(bytes, stopped));
	if (r != RESULT_OK)
		return sheet_fault(err, err_size, r, gettext("not enough memory for this file"));
	return RESULT_OK;
}
