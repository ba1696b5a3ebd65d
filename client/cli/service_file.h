/*
 * A file of service records on its way into the ledger: read, judged, sent in parts, read back.
 *
 * Steps, in this order: service_file_open, service_file_find, then, unless it is all there already,
 * service_file_prepare and one of service_file_send and service_file_try. Each is an exit code.
 */
#ifndef TIMEBOX_CLIENT_CLI_SERVICE_FILE_H
#define TIMEBOX_CLIENT_CLI_SERVICE_FILE_H

#include "client/cli/cli.h"
#include "client/cli/parts.h"
#include "client/cli/words.h"
#include "client/sheet/service_sheet.h"
#include "client/sheet/sheet.h"

struct service_file {
	struct cli *c;
	struct timebox *tb;
	struct sheet *sheet;
	struct service_row *texts; /* what stands in the rows: n */
	struct part_row *rows;	   /* what is known of them: n, in file order */
	size_t n;
	struct words numbers, areas, beneficiaries;
	uint8_t id[PARTS_ID_LEN]; /* of the batch */
	uint32_t attempt;
	uint32_t parts, parts_done;
	bool complete; /* all parts are in the ledger already */
};

/* Reads and judges the file and connects. Whatever it returns, service_file_close is due. */
int service_file_open(struct service_file *f, struct cli *c, const char *path);
void service_file_close(struct service_file *f);

/* Finds out whether this file is in the ledger: sets id, attempt, parts, parts_done, complete, and the
 * verdicts of rows in parts that are done. */
int service_file_find(struct service_file *f);

/* Looks up members, areas and beneficiaries of rows that are still to be sent, and refuses rows of
 * unknown members; `create`: areas and beneficiaries that are not known are created. */
int service_file_prepare(struct service_file *f, bool create);

/* Sends the parts that are missing; afterwards every row has its verdict. */
int service_file_send(struct service_file *f);
/* Asks what would come of it, and changes nothing. */
int service_file_try(struct service_file *f);

/* ---- rows as acts have them ---- */

/* One part as a message, with room for its rows. Not to be moved after service_part_begin. */
struct service_part {
	Timebox__V1__ServiceRows message;
	Timebox__V1__ServiceRow *row_list[PARTS_RECORDS], rows[PARTS_RECORDS];
	Timebox__V1__RefusedRow *refused_list[PARTS_RECORDS], refused[PARTS_RECORDS];
	uint8_t commitments[PARTS_RECORDS][HASH_LEN];
};

/* An empty part `part` of f's batch. */
void service_part_begin(struct service_part *p, const struct service_file *f, uint32_t part);
/* Adds row `i` of the file: as a record, or where it was refused as that. */
void service_part_add(struct service_part *p, const struct service_file *f, size_t i);
/* Resets the draft and makes it the act of this part, alone. */
enum result service_part_draft(const struct service_part *p, struct timebox_draft *d) MUST_CHECK;

#endif
