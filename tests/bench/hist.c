#include "tests/bench/hist.h"

#include <string.h>

static unsigned
slot_of(uint64_t ns)
{
	unsigned high, slot;

	if (ns < (1u << HIST_SUB_BITS))
		return (unsigned)ns;
	high = 63u - (unsigned)__builtin_clzll(ns);
	slot = ((high - HIST_SUB_BITS + 1) << HIST_SUB_BITS) +
	    (unsigned)((ns >> (high - HIST_SUB_BITS)) - (1u << HIST_SUB_BITS));
	return slot < HIST_SLOTS ? slot : HIST_SLOTS - 1;
}

/* The largest time that falls into the slot. */
static uint64_t
slot_end(unsigned slot)
{
	unsigned group = slot >> HIST_SUB_BITS;
	uint64_t step = slot & ((1u << HIST_SUB_BITS) - 1);

	if (group == 0)
		return step;
	return ((step + (1u << HIST_SUB_BITS) + 1) << (group - 1)) - 1;
}

void
hist_reset(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

void
hist_record(struct hist *h, uint64_t ns)
{
	h->slot[slot_of(ns)]++;
	h->total++;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

void
hist_add(struct hist *h, const struct hist *from)
{
	for (unsigned i = 0; i < HIST_SLOTS; i++)
		h->slot[i] += from->slot[i];
	h->total += from->total;
	if (from->max_ns > h->max_ns)
		h->max_ns = from->max_ns;
}

uint64_t
hist_quantile_ns(const struct hist *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->total), seen = 0;

	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		seen += h->slot[i];
		if (seen > want || (seen == h->total && seen != 0))
			return slot_end(i) < h->max_ns ? slot_end(i) : h->max_ns;
	}
	return 0;
}

/* Sum over all values of what is beyond `ns`. */
static double
beyond(const struct hist *h, uint64_t ns)
{
	double sum = 0;

	for (unsigned i = 0; i < HIST_SLOTS; i++)
		if (h->slot[i] != 0 && slot_end(i) > ns)
			sum += (double)h->slot[i] * (double)(slot_end(i) - ns);
	return sum;
}

uint64_t
hist_moment_ns(const struct hist *h, double q)
{
	double want = (1 - q) * beyond(h, 0);
	uint64_t low = 0, high = h->max_ns;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (beyond(h, middle) > want)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
