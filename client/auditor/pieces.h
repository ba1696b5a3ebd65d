/*
 * The full bundles of an export, read, hashed and decoded by several threads, given in order.
 *
 * What depends on nothing but the bytes of one bundle is done here, at the same time for several
 * bundles: leaf hashes, the hash of the tile, the links inside, decoding, signatures. Memory is that
 * of a few bundles, whatever the ledger's size.
 */
#ifndef TIMEBOX_CLIENT_AUDITOR_PIECES_H
#define TIMEBOX_CLIENT_AUDITOR_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "client/auditor/said.h"
#include "proto/arena.h"
#include "proto/crypto.h"
#include "proto/tile.h"

/* What an entry says and its act. */
struct piece_entry {
	struct said_bytes bytes;
	struct said said;
	struct deed deed;
	enum result why; /* of deed_decode */
	/* The piece's memory did not suffice: to be decoded by whoever needs it. */
	bool undecoded;
};

struct piece {
	uint64_t n; /* of the bundle: it begins with entry 256 n + 1 */
	/* The file has 256 entries; each names the one before it, from the second on; they hash to
	 * tile/0/n as it is stored. Only then does the rest hold. */
	bool regular;
	uint8_t first_prev[HASH_LEN];
	uint8_t leaf[TILE_WIDTH][HASH_LEN];
	uint8_t root[HASH_LEN]; /* over the 256 leaves */
	struct piece_entry entry[TILE_WIDTH];
	/* Its memory. */
	struct arena arena;
	uint8_t *bytes;
	size_t size;
	enum { PIECE_TO_DO, PIECE_UNDER_WAY, PIECE_DONE, PIECE_OUT } state;
	enum result err; /* RESULT_IO, RESULT_NO_MEMORY */
	int error;	 /* errno then */
};

/* Of which entries signatures are verified: from this one on and, where there is a list, of it. */
struct picked {
	bool none;
	uint64_t from;
	const uint64_t *list; /* rising; NULL: all */
	uint64_t n;
};

struct pieces_options {
	const char *dir;
	const char *origin;
	uint64_t from, end; /* bundles: the first, and the one after the last */
	bool content;	    /* what entries say, not only hashes and links */
	struct picked picked;
	unsigned threads; /* the caller's included */
};

struct pieces;

/* Begins; NULL without memory or threads. The options' texts must outlive it. */
struct pieces *pieces_begin(const struct pieces_options *options);
/* The next bundle, valid until the next call. RESULT_NOT_FOUND after the last; RESULT_IO with errno,
 * RESULT_NO_MEMORY. */
MUST_CHECK enum result pieces_next(struct pieces *ps, const struct piece **out);
/* NULL is allowed. */
void pieces_end(struct pieces *ps);

/* Sets deed->signature: RESULT_OK, RESULT_BAD_SIGNATURE, or RESULT_NO_MEMORY; or, for an entry that is not
 * picked, deed->unverified. */
void deed_verify(const struct said *said, struct deed *deed, const struct picked *picked);

#endif
