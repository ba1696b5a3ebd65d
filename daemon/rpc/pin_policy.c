#include "daemon/rpc/pin_policy.h"

#include <string.h>

int
pin_allowed(const char *pin)
{
	int same = 1, up = 1, down = 1;

	size_t n = strlen(pin);

	if (n < PIN_DIGITS_LEAST || n > PIN_DIGITS_MOST)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (pin[i] < '0' || pin[i] > '9')
			return 0;
		if (i == 0)
			continue;
		same &= pin[i] == pin[i - 1];
		up &= pin[i] == pin[i - 1] + 1;
		down &= pin[i] == pin[i - 1] - 1;
	}
	return !same && !up && !down;
}

uint32_t
pin_wait_s(uint32_t failures)
{
	uint32_t wait_s = PIN_WAIT_FIRST_S;

	if (failures < PIN_WAIT_FAILURES)
		return 0;
	for (uint32_t i = PIN_WAIT_FAILURES; i < failures && wait_s < PIN_WAIT_MOST_S; i++)
		wait_s *= 2;
	return wait_s < PIN_WAIT_MOST_S ? wait_s : PIN_WAIT_MOST_S;
}

uint32_t
pin_left_s(uint64_t next_try_us, uint64_t now_us)
{
	uint64_t left_s;

	if (next_try_us <= now_us)
		return 0;
	left_s = (next_try_us - now_us + 999999) / 1000000;
	return left_s < PIN_WAIT_MOST_S ? (uint32_t)left_s : PIN_WAIT_MOST_S;
}
