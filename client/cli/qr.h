/* QR codes as text: two modules in one character, for terminals and slips. ASCII payloads only. */
#ifndef TIMEBOX_CLIENT_CLI_QR_H
#define TIMEBOX_CLIENT_CLI_QR_H

#include <stddef.h>

#include "proto/codes.h"

#define QR_QUIET     4	/* light modules around the code, on each side */
#define QR_LINES_MAX 40 /* a code of up to 71 modules and its quiet zone */
#define QR_LINES_SMALL 24 /* of 39 modules: what a slip or a screen has room for */
#define QR_LINE_SIZE (3 * (2 * QR_LINES_MAX) + 1)

/* Lines of equal width, `columns` on a terminal. A dark module is drawn (half a block), a light one
 * is left blank: to be shown dark on light. */
struct qr {
	size_t n, columns;
	char line[QR_LINES_MAX][QR_LINE_SIZE];
};

/* The code of an ASCII text. RESULT_BAD_FIELD for other bytes or a text that does not fit
 * (21 characters of a voucher do, with room to spare); RESULT_NO_MEMORY. At most QR_LINES_SMALL lines. */
MUST_CHECK enum result qr_make(struct qr *out, const char *ascii);

/* The same for up to 400 characters, newlines among them: for paper, not for a screen of 24 lines. */
MUST_CHECK enum result qr_make_wide(struct qr *out, const char *ascii);

#endif
