/*
 * Refused request ids. An id is kept for one to two periods of 10 minutes: as long as its made_at
 * would still be accepted. After that "too old" says no in its place. Two hash tables, the older
 * thrown away as a whole.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/engine/engine_int.h"

#define PERIOD_US (ENGINE_MADE_AT_OLD_US + ENGINE_MADE_AT_AHEAD_US)
/* Twice the ids, so that probing stays short. */
#define SLOTS (ENGINE_RETIRED_MAX * 2u)

static const uint8_t empty[16];

enum result
retired_open(struct retired *r, uint64_t now_us)
{
	r->id[0] = calloc(SLOTS, 16);
	r->id[1] = calloc(SLOTS, 16);
	r->since_us = now_us;
	return r->id[0] == NULL || r->id[1] == NULL ? RESULT_NO_MEMORY : RESULT_OK;
}

void
retired_close(struct retired *r)
{
	free(r->id[0]);
	free(r->id[1]);
}

static void
turn_over(struct retired *r, uint64_t now_us)
{
	while (now_us >= r->since_us + PERIOD_US && (r->n[0] > 0 || r->n[1] > 0)) {
		uint8_t(*older)[16] = r->id[1];

		if (r->n[1] > 0)
			memset(older, 0, (size_t)SLOTS * 16);
		r->id[1] = r->id[0];
		r->n[1] = r->n[0];
		r->id[0] = older;
		r->n[0] = 0;
		r->since_us += PERIOD_US;
	}
	if (r->n[0] == 0 && r->n[1] == 0 && now_us >= r->since_us + PERIOD_US)
		r->since_us = now_us;
}

/* The slot of the id, or the empty one where it would go. The random tail of a UUIDv7 is the hash.
 */
static uint8_t *
slot_of(uint8_t (*table)[16], const uint8_t id[16])
{
	uint32_t at;

	memcpy(&at, id + 12, 4);
	for (at &= SLOTS - 1; memcmp(table[at], empty, 16) != 0; at = (at + 1) & (SLOTS - 1))
		if (memcmp(table[at], id, 16) == 0)
			break;
	return table[at];
}

void
retired_add(struct retired *r, const uint8_t id[16], uint64_t now_us)
{
	uint8_t *slot;

	turn_over(r, now_us);
	slot = slot_of(r->id[0], id);
	if (memcmp(slot, empty, 16) == 0 && r->n[0] < ENGINE_RETIRED_MAX) {
		memcpy(slot, id, 16);
		r->n[0]++;
	}
}

int
retired_has(struct retired *r, const uint8_t id[16], uint64_t now_us)
{
	turn_over(r, now_us);
	/* The tables are large: an empty one is not looked into. */
	for (int i = 0; i < 2; i++)
		if (r->n[i] > 0 && memcmp(slot_of(r->id[i], id), id, 16) == 0)
			return 1;
	return 0;
}

/* Ids of the younger table. After its period they count no more, even if nobody has asked since. */
static size_t
young(const struct retired *r, uint64_t now_us)
{
	return now_us >= r->since_us + PERIOD_US ? 0 : r->n[0];
}

int
retired_full(const struct retired *r, uint64_t now_us)
{
	return young(r, now_us) >= ENGINE_RETIRED_MAX;
}

int
retired_crowded(const struct retired *r, uint64_t now_us)
{
	return young(r, now_us) >= ENGINE_RETIRED_MAX / 2;
}
