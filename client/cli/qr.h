/* QR codes as text: two modules in one character, for terminals and slips. ASCII payloads only. */
#ifndef TIMEBOX_CLIENT_CLI_QR_H
#define TIMEBOX_CLIENT_CLI_QR_H

#include <stddef.h>

#include "proto/codes.h"

#define QR_QUIET     4	/* light modules around the code, on each side */
#define QR_LINES_MAX 24 /* a code of up to 39 modules and its quiet zone */
#define QR_LINE_SIZE (3 * (2 * QR_LINES_MAX) + 1)

/* Lines of equal width, `columns` on a terminal. A dark module is drawn (half a block), a light one
 * is left blank: to be shown dark on light. */
struct qr {
	size_t n, columns;
	char line[QR_LINES_MAX][QR_LINE_SIZE];
};

/* The code of an ASCII text. RESULT_BAD_FIELD for other bytes or a text that does not fit
 * (21 characters of a voucher do, with room to spare); RESULT_NO_MEMORY. */
MUST_CHECK enum result qr_make(struct qr *out, const char *ascii);

#endif
