/*
 * Codes that people read out, type and scan: enrolment codes, vouchers, PIN slips.
 *
 * Crockford's base 32 (0-9 and A-Z without I, L, O, U) of the bytes, most significant bit first,
 * the last character filled with zero bits, then one check character; groups of four with '-'.
 * Reading takes lower case, o or O for 0, i, I, l or L for 1, and passes over '-' and blanks.
 *
 * Crockford's own check symbols (mod 37) include * ~ $ =, which no kiosk keyboard has, so the check
 * character is of the same 32 letters: each letter is an element of GF(32) (x^5 + x^2 + 1), and
 *
 *	check + sum over i = 1 … k of a^i · d(i) = 0,	a = x (the element 2),
 *
 * where d(1) is the character next to the check and d(k) the first. One wrong character changes the
 * sum by a^i · e, which is never 0; two swapped neighbours by a^i · (1 + a) · (d - d'), which is 0
 * only where they are equal; and since a has order 31, so is any swap up to 30 places apart found.
 */
#ifndef TIMEBOX_PROTO_CODE32_H
#define TIMEBOX_PROTO_CODE32_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/crypto.h"

#define CODE32_MAX_BYTES 32
/* Letters of the code of `n` bytes, the check character among them, without '-'. */
#define CODE32_LETTERS(n) (((size_t)(n)*8 + 4) / 5 + 1)
/* Bytes that hold the printed code of `n` bytes and its NUL. */
#define CODE32_SIZE(n) (CODE32_LETTERS(n) + (CODE32_LETTERS(n) - 1) / 4 + 1)

#define VOUCHER_CODE_LEN 10 /* 80 bits: 16 letters and the check */
#define VOUCHER_LABEL	 "voucher\n"
#define SLIP_LABEL	 "slip\n"

/* Writes the code of `n` bytes (1 to CODE32_MAX_BYTES) and a NUL; returns its length. `size` below
 * CODE32_SIZE(n) stops the process. */
size_t code32_encode(char *out, size_t size, const uint8_t *p, size_t n);

/* Reads a NUL-terminated code of exactly `want` bytes. RESULT_BAD_CODE for a wrong length, a letter
 * that is none, a wrong check character, or fill bits that are not zero; `out` is then all zero. */
MUST_CHECK enum result code32_decode(const char *text, uint8_t *out, size_t want);

/* The bytes of a voucher's or slip's code, which stand nowhere in the ledger: the first 80 bits of
 * HMAC-SHA256(key, label ‖ origin ‖ 0x00 ‖ u64be seq ‖ u32be index). `label` is VOUCHER_LABEL or
 * SLIP_LABEL; `seq` and `index` name the entry and the command in it. */
void voucher_code(const uint8_t key[KEY_LEN], const char *origin, const char *label, uint64_t seq,
    uint32_t index, uint8_t out[VOUCHER_CODE_LEN]);

#endif
