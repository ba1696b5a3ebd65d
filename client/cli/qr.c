#include "client/cli/qr.h"

#include <errno.h>
#include <string.h>

#include <qrencode.h>

/* Upper half, lower half, both; a blank where both are light. */
static const char *const halves[4] = {" ", "\u2580", "\u2584", "\u2588"};

/* 1 for a dark module; what lies around the code is light. */
static unsigned
qr_dark(const QRcode *code, int row, int column)
{
	if (row < 0 || column < 0 || row >= code->width || column >= code->width)
		return 0;
	return code->data[row * code->width + column] & 1u;
}

static void
qr_draw(struct qr *out, const QRcode *code)
{
	int side = code->width + 2 * QR_QUIET;

	out->n = ((size_t)side + 1) / 2;
	out->columns = (size_t)side;
	for (size_t i = 0; i < out->n; i++) {
		int row = 2 * (int)i - QR_QUIET;
		char *at = out->line[i];

		for (int column = -QR_QUIET; column < code->width + QR_QUIET; column++) {
			const char *half = halves[qr_dark(code, row, column) |
						  qr_dark(code, row + 1, column) << 1];
			size_t n = strlen(half);

			memcpy(at, half, n);
			at += n;
		}
		*at = '\0';
	}
}

static enum result
qr_encode(struct qr *out, const char *text, int lines)
{
	QRcode *code;

	/* The lowest correction gives the largest modules, which is what a camera before a screen needs. */
	code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (code == NULL)
		return errno == ENOMEM ? RESULT_NO_MEMORY : RESULT_BAD_FIELD;
	if (code->width + 2 * QR_QUIET > 2 * lines - 1) {
		QRcode_free(code);
		return RESULT_BAD_FIELD;
	}
	qr_draw(out, code);
	QRcode_free(code);
	return RESULT_OK;
}

enum result
qr_make(struct qr *out, const char *ascii)
{
	for (const char *at = ascii; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			return RESULT_BAD_FIELD;
	return qr_encode(out, ascii, QR_LINES_SMALL);
}

enum result
qr_make_wide(struct qr *out, const char *ascii)
{
	for (const char *at = ascii; *at != '\0'; at++)
		if ((*at < ' ' && *at != '\n') || *at > '~')
			return RESULT_BAD_FIELD;
	return qr_encode(out, ascii, QR_LINES_MAX);
}
