#include "client/cli/qr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CODE "6H2K-9QWX-7F3M-0ZTA-V"

/* Halves of a line, a character each, as 0 blank, 1 upper, 2 lower, 3 both. */
static size_t
halves(const char *line, uint8_t *out)
{
	size_t n = 0;

	while (*line != '\0') {
		if (*line == ' ') {
			out[n++] = 0;
			line++;
			continue;
		}
		assert_memory_equal(line, "\xe2\x96", 2);
		out[n++] = (uint8_t)line[2] == 0x80 ? 1 : (uint8_t)line[2] == 0x84 ? 2 : 3;
		line += 3;
	}
	return n;
}

static int
module_dark(const struct qr *qr, size_t row, size_t column)
{
	uint8_t line[2 * QR_LINES_MAX];

	assert_true(halves(qr->line[row / 2], line) > column);
	return line[column] >> (row % 2) & 1;
}

static void
a_vouchers_code_fits_the_smallest_qr_with_its_quiet_zone(void **state)
{
	struct qr qr;
	uint8_t line[2 * QR_LINES_MAX];

	(void)state;
	assert_int_equal(qr_make(&qr, CODE), RESULT_OK);
	assert_int_equal(qr.columns, 21 + 2 * QR_QUIET);
	assert_int_equal(qr.n, (21 + 2 * QR_QUIET + 1) / 2);
	for (size_t i = 0; i < qr.n; i++)
		assert_int_equal(halves(qr.line[i], line), qr.columns);
	for (size_t i = 0; i < qr.columns; i++)
		for (size_t k = 0; k < QR_QUIET; k++) {
			assert_false(module_dark(&qr, k, i));
			assert_false(module_dark(&qr, i, k));
		}
}

static void
three_corners_have_the_finder_pattern(void **state)
{
	const size_t corners[3][2] = {{0, 0}, {0, 14}, {14, 0}};
	struct qr qr;

	(void)state;
	assert_int_equal(qr_make(&qr, CODE), RESULT_OK);
	for (size_t c = 0; c < 3; c++)
		for (size_t y = 0; y < 7; y++)
			for (size_t x = 0; x < 7; x++) {
				int edge = y == 0 || y == 6 || x == 0 || x == 6;
				int middle = y > 1 && y < 5 && x > 1 && x < 5;

				assert_int_equal(module_dark(&qr, QR_QUIET + corners[c][0] + y,
							 QR_QUIET + corners[c][1] + x),
					edge || middle);
			}
}

static void
other_than_ascii_or_too_long_a_text_is_refused(void **state)
{
	char long_text[2000];
	struct qr qr;

	(void)state;
	memset(long_text, 'A', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(qr_make(&qr, "兑换码"), RESULT_BAD_FIELD);
	assert_int_equal(qr_make(&qr, "A\nB"), RESULT_BAD_FIELD);
	assert_int_equal(qr_make(&qr, long_text), RESULT_BAD_FIELD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vouchers_code_fits_the_smallest_qr_with_its_quiet_zone),
		cmocka_unit_test(three_corners_have_the_finder_pattern),
		cmocka_unit_test(other_than_ascii_or_too_long_a_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
