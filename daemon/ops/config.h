/*
 * The station's settings: `timeboxd.yaml` in its folder. Every setting has a default and a range; a
 * missing file means all defaults. Rules of the station (rates, quotas, days) are not settings:
 * they are entries in the ledger.
 *
 *   key                 default           range
 *   listen              127.0.0.1:7600    HOST:PORT or [IPV6]:PORT; port 0 picks a free one
 *   max_connections     12000             1 to 100000
 *   handshake_seconds   5                 1 to 60
 *   frame_seconds       10                1 to 300       from the first byte of a frame to its last
 *   idle_seconds        300               10 to 86400    without a whole frame
 *   checkpoint_seconds  5                 1 to 3600      between checkpoints of the state
 *   checkpoint_entries  50000             100 to 10000000   bounds the replay after a crash
 *   memory_mib          1024              16 to 1000000  that the state may take; more rows are read when asked for
 *   backup_keep_days    90                1 to 36500     after which a backup with people's data is to be destroyed
 *   pin_threads         1                 1 to 16        threads that check PINs; they read back for the signer, too
 *   log_level           info              error, warn, info, debug
 *   witnesses           none              at most 16, each with
 *     vkey                                its verifier key's text
 *     address           none: by hand     ADDRESS:PORT, not a name; plain HTTP: a trusted network or a tunnel
 *   quorum              1, if any is there   how many witnesses of one checkpoint are enough; 1 to their number
 *
 * Unknown keys are refused, so that a typing error does not become a default silently.
 */
#ifndef TIMEBOX_OPS_CONFIG_H
#define TIMEBOX_OPS_CONFIG_H

#include "daemon/ops/log.h"
#include "proto/codes.h"
#include "proto/note.h"

#include <stddef.h>
#include <stdint.h>

#define CONFIG_HOST_SIZE 256
#define CONFIG_ERROR_SIZE 512 /* suffices for every error text */
#define CONFIG_FILE_MAX 65536 /* bytes of a settings file */

#define CONFIG_WITNESSES_MAX 16

/* A witness that is asked to cosign checkpoints; port 0: its cosignatures are carried by hand. */
struct config_witness {
	struct note_vkey key;
	char host[CONFIG_HOST_SIZE];
	uint16_t port;
};

struct config {
	char host[CONFIG_HOST_SIZE]; /* of `listen`, without brackets */
	uint16_t port;		     /* of `listen` */
	uint32_t max_connections;
	uint32_t handshake_seconds;
	uint32_t frame_seconds;
	uint32_t idle_seconds;
	uint32_t checkpoint_seconds;
	uint32_t checkpoint_entries;
	uint32_t memory_mib;
	uint32_t backup_keep_days;
	uint32_t pin_threads;
	enum log_level log_level;
	uint32_t quorum; /* 0: no witnesses */
	uint32_t n_witnesses;
	struct config_witness witnesses[CONFIG_WITNESSES_MAX];
};

/* All defaults. */
void config_init(struct config *out);

/*
 * Reads the file at `path` into *out; a missing file gives the defaults. On failure (RESULT_IO, or
 * RESULT_BAD_FIELD for what the file says) `err` tells in one English sentence what is wrong, where
 * (file, line and column where known), and what to do; *out is then unspecified.
 */
MUST_CHECK enum result config_load(const char *path, struct config *out, char *err,
				   size_t err_size);

/* The same for a text in memory, which `name` stands for in the error text. */
MUST_CHECK enum result config_parse(const char *name, const char *text, size_t len,
				    struct config *out, char *err, size_t err_size);

/*
 * Splits "HOST:PORT" or "[IPV6]:PORT" into a terminated host without brackets and a port; also for
 * the command line. RESULT_BAD_FIELD if it is not of that form.
 */
MUST_CHECK enum result config_parse_address(const char *text, char host[CONFIG_HOST_SIZE],
					    uint16_t *port);

#endif
