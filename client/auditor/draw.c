#include <stdlib.h>
#include <string.h>

#include "client/auditor/auditor.h"
#include "client/auditor/keymap.h"

#define LABEL "timebox/v1/sample\n"

static uint64_t
number(const char *seed, uint64_t i, uint64_t size)
{
	uint8_t hash[HASH_LEN], count[9] = {0};
	struct sha256_part parts[] = {
	    {LABEL, strlen(LABEL)}, {seed, strlen(seed)}, {count, sizeof(count)}};
	uint64_t v = 0;

	for (int b = 0; b < 8; b++)
		count[1 + b] = (uint8_t)(i >> (56 - 8 * b));
	sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), hash);
	for (int b = 0; b < 8; b++)
		v = v << 8 | hash[b];
	return v % size + 1;
}

static int
rising(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t *
auditor_sample_draw(const char *seed, uint64_t size, uint64_t *n)
{
	struct keymap *taken = keymap_new(sizeof(uint64_t), 1);
	uint64_t *list;
	uint64_t have = 0;

	if (*n > size)
		*n = size;
	list = calloc(*n + 1, sizeof(*list));
	for (uint64_t i = 0; taken != NULL && list != NULL && have < *n; i++) {
		uint64_t v = *n == size ? have + 1 : number(seed, i, size);

		if (keymap_find(taken, &v) != NULL)
			continue;
		if (keymap_add(taken, &v) == NULL) {
			free(list);
			list = NULL;
			break;
		}
		list[have++] = v;
	}
	keymap_free(taken);
	if (taken == NULL) {
		free(list);
		return NULL;
	}
	if (list != NULL)
		qsort(list, have, sizeof(*list), rising);
	return list;
}
