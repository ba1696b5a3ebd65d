/*
 * What a log and its witnesses say to each other: C2SP tlog-witness, add-checkpoint.
 *
 * request body		old <size in decimal>\n		what the witness last cosigned; 0 at first
 *			<base64(hash)>\n		the consistency proof from there, at most 63 lines
 *			\n
 *			<the signed checkpoint, to the end>
 * answer, 200		cosignature lines (note.h), one or more
 * answer, 409		<size in decimal>\n		as text/x.tlog.size: what the witness has
 *
 * The same request as a file is what is carried to a witness that has no network.
 */
#ifndef TIMEBOX_PROTO_WITNESS_H
#define TIMEBOX_PROTO_WITNESS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "proto/crypto.h"
#include "proto/note.h"
#include "proto/tree.h"

#define WITNESS_PATH_MAX    63
#define WITNESS_REQUEST_MAX (NOTE_MAX_BYTES + 4096)
#define WITNESS_ADD_PATH    "/add-checkpoint"
#define WITNESS_SIZE_TYPE   "text/x.tlog.size"

struct witness_request {
	uint64_t old_size;
	size_t n;
	uint8_t path[WITNESS_PATH_MAX][HASH_LEN];
	const char *checkpoint; /* into the text that was parsed */
	size_t checkpoint_len;
};

/* Writes a request; `note` is the signed checkpoint, NUL-terminated. RESULT_OVERFLOW, or RESULT_BAD_FIELD for a proof that is
 * too long. */
MUST_CHECK enum result witness_request_format(char *out, size_t size, uint64_t old_size,
    const uint8_t (*path)[HASH_LEN], size_t n, const char *note);

/* Reads the form only: the checkpoint is not looked at. RESULT_BAD_FIELD for any other. */
MUST_CHECK enum result witness_request_parse(
    const char *text, size_t len, struct witness_request *out);

/* Reads the body of a 409; RESULT_BAD_FIELD. */
MUST_CHECK enum result witness_size_parse(const char *text, size_t len, uint64_t *size);

#endif
