#include "proto/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Takes a line off the beginning of the text: its length without the newline, or -1 if none ends. */
static ptrdiff_t
take_line(const char **text, size_t *len, const char **line)
{
	const char *end = *len == 0 ? NULL : memchr(*text, '\n', *len);

	if (end == NULL)
		return -1;
	*line = *text;
	*len -= (size_t)(end - *text) + 1;
	*text = end + 1;
	return end - *line;
}

/* A decimal number without leading zeros, up to the largest tree. */
static enum result
number_parse(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > 19 || (len > 1 && text[0] == '0'))
		return RESULT_BAD_FIELD;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return RESULT_BAD_FIELD;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*out = v;
	return v <= TREE_SIZE_MAX ? RESULT_OK : RESULT_BAD_FIELD;
}

enum result
witness_request_format(char *out, size_t size, uint64_t old_size, const uint8_t (*path)[HASH_LEN],
    size_t n, const char *note)
{
	char hash[BASE64_LEN(HASH_LEN) + 1];
	size_t at;
	int len;

	if (n > WITNESS_PATH_MAX)
		return RESULT_BAD_FIELD;
	len = snprintf(out, size, "old %" PRIu64 "\n", old_size);
	if (len < 0 || (size_t)len >= size)
		return RESULT_OVERFLOW;
	at = (size_t)len;
	for (size_t i = 0; i < n; i++) {
		base64_encode(hash, sizeof(hash), path[i], HASH_LEN);
		len = snprintf(out + at, size - at, "%s\n", hash);
		if (len < 0 || (size_t)len >= size - at)
			return RESULT_OVERFLOW;
		at += (size_t)len;
	}
	len = snprintf(out + at, size - at, "\n%s", note);
	return len < 0 || (size_t)len >= size - at ? RESULT_OVERFLOW : RESULT_OK;
}

enum result
witness_request_parse(const char *text, size_t len, struct witness_request *out)
{
	static const char old[] = "old ";
	const char *line;
	ptrdiff_t n;
	size_t got;

	if (len > WITNESS_REQUEST_MAX || (n = take_line(&text, &len, &line)) < 0)
		return RESULT_BAD_FIELD;
	if ((size_t)n < sizeof(old) || memcmp(line, old, sizeof(old) - 1) != 0 ||
	    number_parse(line + sizeof(old) - 1, (size_t)n - sizeof(old) + 1, &out->old_size) != RESULT_OK)
		return RESULT_BAD_FIELD;
	for (out->n = 0;; out->n++) {
		if ((n = take_line(&text, &len, &line)) < 0)
			return RESULT_BAD_FIELD;
		if (n == 0)
			break;
		if (out->n == WITNESS_PATH_MAX ||
		    base64_decode(out->path[out->n], HASH_LEN, &got, line, (size_t)n) != RESULT_OK ||
		    got != HASH_LEN)
			return RESULT_BAD_FIELD;
	}
	if (len == 0)
		return RESULT_BAD_FIELD;
	out->checkpoint = text;
	out->checkpoint_len = len;
	return RESULT_OK;
}

enum result
witness_size_parse(const char *text, size_t len, uint64_t *size)
{
	if (len < 2 || text[len - 1] != '\n')
		return RESULT_BAD_FIELD;
	return number_parse(text, len - 1, size);
}
