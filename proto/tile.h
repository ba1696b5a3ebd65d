/*
 * The names of tiles: C2SP tlog-tiles, for export and static serving.
 *
 *	tile/<level>/<N>[.p/<W>]	up to 256 hashes of 32 bytes
 *	tile/entries/<N>[.p/<W>]	up to 256 entries, each u16be length ‖ bytes
 *
 * N is written in groups of three digits, all but the last led by "x": 1234067 is x001/x234/067.
 * W, 1 to 255, is there only while the tile is not full.
 */
#ifndef TIMEBOX_PROTO_TILE_H
#define TIMEBOX_PROTO_TILE_H

#include <stddef.h>
#include <stdint.h>

#define TILE_WIDTH     256
#define TILE_ENTRIES   (-1) /* the level of the entry bundles */
#define TILE_LEVEL_MAX 63
#define TILE_PATH_SIZE 64 /* the longest path and its NUL */

/* Writes the path of tile `n` at `level` (TILE_ENTRIES, or 0 to TILE_LEVEL_MAX) that holds `width`
 * (1 to TILE_WIDTH) hashes or entries; returns its length. Arguments beyond these bounds, or a
 * `size` below TILE_PATH_SIZE, stop the process. */
size_t tile_path(char *out, size_t size, int level, uint64_t n, unsigned width);

#endif
