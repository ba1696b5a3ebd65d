#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistr.h>

#include <cmocka.h>

#include "proto/codes.h"

static const struct {
	unsigned number;
	const char *name, *wire, *en, *zh;
} codes[] = {
#define X(NAME, number, wire, en, zh) {number, #NAME, wire, en, zh},
    RESULT_CODES(X)
#undef X
};

#define N_CODES (sizeof(codes) / sizeof(codes[0]))

static void
every_code_has_its_name_and_both_texts(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_CODES; i++) {
		enum result r = (enum result)codes[i].number;

		assert_true(result_known(codes[i].number));
		assert_string_equal(result_name(r), codes[i].wire);
		assert_string_equal(result_text_en(r), codes[i].en);
		assert_string_equal(result_text_zh(r), codes[i].zh);
	}
}

static void
numbers_and_names_are_used_once(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < N_CODES; i++)
		for (j = 0; j < i; j++) {
			assert_int_not_equal(codes[i].number, codes[j].number);
			assert_string_not_equal(codes[i].wire, codes[j].wire);
		}
}

static void
wire_names_are_lower_case_words(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_CODES; i++) {
		const char *w = codes[i].wire;

		assert_true(w[0] >= 'a' && w[0] <= 'z');
		assert_int_equal(strspn(w, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(w));
	}
}

static void
texts_are_utf8_and_in_their_language(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < N_CODES; i++) {
		size_t chinese = 0, n = strlen(codes[i].zh);

		/* Quoting a Chinese word is fine, starting with one is not. */
		assert_in_range(codes[i].en[0], 'a', 'z');
		assert_null(u8_check((const uint8_t *)codes[i].en, strlen(codes[i].en)));
		assert_null(u8_check((const uint8_t *)codes[i].zh, n));
		for (k = 0; k < n; k++)
			chinese += (codes[i].zh[k] & 0x80) != 0;
		assert_true(chinese > 0);
	}
}

static void
no_text_speaks_of_banks_money_or_buying(void **state)
{
	static const char *const words[] = {"银行", "货币", "购买", "bank", "currency", "money"};
	size_t i, k;

	(void)state;
	for (i = 0; i < N_CODES; i++)
		for (k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
			assert_null(strstr(codes[i].zh, words[k]));
			assert_null(strstr(codes[i].en, words[k]));
		}
}

static void
numbers_outside_the_list_are_unknown(void **state)
{
	(void)state;
	assert_false(result_known(6 + 1));
	assert_false(result_known(100000));
	assert_string_equal(result_name((enum result)100000), "unknown");
	assert_true(strlen(result_text_en((enum result)100000)) > 0);
	assert_true(strlen(result_text_zh((enum result)100000)) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_code_has_its_name_and_both_texts),
	    cmocka_unit_test(numbers_and_names_are_used_once),
	    cmocka_unit_test(wire_names_are_lower_case_words),
	    cmocka_unit_test(texts_are_utf8_and_in_their_language),
	    cmocka_unit_test(no_text_speaks_of_banks_money_or_buying),
	    cmocka_unit_test(numbers_outside_the_list_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
