#include "proto/tile.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* The longest: "tile/entries/", 2^64 in seven groups (six "xNNN/" and "NNN"), ".p/255". */
static_assert(TILE_PATH_SIZE > 13 + 6 * 5 + 3 + 6, "the longest path fits");

size_t
tile_path(char *out, size_t size, int level, uint64_t n, unsigned width)
{
	uint64_t unit = 1;
	int len;

	assert(size >= TILE_PATH_SIZE);
	assert(level >= TILE_ENTRIES && level <= TILE_LEVEL_MAX);
	assert(width >= 1 && width <= TILE_WIDTH);
	if (level == TILE_ENTRIES)
		len = snprintf(out, size, "tile/entries/");
	else
		len = snprintf(out, size, "tile/%d/", level);
	while (n / unit >= 1000)
		unit *= 1000;
	for (; unit > 1; unit /= 1000)
		len += snprintf(out + len, size - (size_t)len, "x%03" PRIu64 "/", n / unit % 1000);
	len += snprintf(out + len, size - (size_t)len, "%03" PRIu64, n % 1000);
	if (width < TILE_WIDTH)
		len += snprintf(out + len, size - (size_t)len, ".p/%u", width);
	return (size_t)len;
}
