/*
 * A batch of service records as the daemon has it, and its entries as bytes that were checked here.
 */
#ifndef TIMEBOX_CLIENT_CLI_BATCH_H
#define TIMEBOX_CLIENT_CLI_BATCH_H

#include "client/cli/cli.h"
#include "client/cli/parts.h"
#include "proto/arena.h"
#include "timebox/v1/entry.pb-c.h"

/* The entry of one part. What it points to lives until batch_entry_free. */
struct batch_entry {
	struct arena arena;
	const Timebox__V1__Entry *entry;
	const Timebox__V1__ServiceRows *rows;
};

/* Reads a batch's id, 32 hexadecimal digits, for the option `what`; an exit code. */
int batch_id(const struct cli *c, const char *what, const char *text, uint8_t id[PARTS_ID_LEN]);

/* Asks for a batch; an exit code. CLI_DONE: *out is the answer with the body batch, to be freed, or
 * NULL where the daemon knows no such batch. */
int batch_find(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	Timebox__V1__Response **out);
/* The same, but not to know it is a failure. */
int batch_get(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	Timebox__V1__Response **out);

/* Fetches the entry of one part and checks that its bytes have the leaf hash that the batch states and
 * that they are a part of batch `id`; an exit code. CLI_DONE: *out is to be freed. */
int batch_read(struct cli *c, struct timebox *tb, const uint8_t id[PARTS_ID_LEN],
	const Timebox__V1__BatchPart *part, struct batch_entry *out);
void batch_entry_free(struct batch_entry *e);

/* Refuses in words: the batch is in a state that does not allow what was asked. */
int batch_refuse(const struct cli *c, enum result code, const Timebox__V1__Batch *batch);

#endif
