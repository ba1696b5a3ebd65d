/* What a PIN may be, and how long wrong ones make wait: pure functions, no state. */
#ifndef TIMEBOX_RPC_PIN_POLICY_H
#define TIMEBOX_RPC_PIN_POLICY_H

#include <stdint.h>

/* 6 are recommended everywhere a PIN is chosen. */
#define PIN_DIGITS_LEAST 4
#define PIN_DIGITS_MOST 8
/* Wrong PINs in a row after which only a new slip helps. */
#define PIN_LOCK_FAILURES 30u
/* The wrong one after which waiting begins, with so many seconds, doubling up to the most. */
#define PIN_WAIT_FAILURES 3u
#define PIN_WAIT_FIRST_S 2u
#define PIN_WAIT_MOST_S 300u

/* 1 if it is 4 to 8 digits, not all the same, not a run up or down (123456, 987654). */
int pin_allowed(const char *pin);

/* Seconds to wait after so many wrong ones in a row. */
uint32_t pin_wait_s(uint32_t failures);

/* Seconds still to wait, rounded up; a clock that was set back never makes it longer than PIN_WAIT_MOST_S. */
uint32_t pin_left_s(uint64_t next_try_us, uint64_t now_us);

#endif
