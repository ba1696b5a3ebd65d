/*
 * What every import of a sheet has in common: reading, judging, sending, reporting.
 *
 * A sheet is one struct import_kind. Its rows are parsed, then `prepare` looks up what they name and
 * judges what can be judged here, then each row that is still right becomes one command, then `finish`
 * does what has to come after all rows. At each step a row may be refused; the others go on.
 *
 * Exit code: CLI_DONE; CLI_ROWS when rows were refused and others went in; CLI_REFUSED when no row was
 * right; CLI_NOTHING when all that was right was there already.
 */
#ifndef TIMEBOX_CLIENT_CLI_IMPORT_H
#define TIMEBOX_CLIENT_CLI_IMPORT_H

#include <jansson.h>

#include "client/cli/acts.h"
#include "client/cli/cli.h"
#include "client/cli/words.h"
#include "client/sheet/sheet.h"

struct import_line {
	size_t line; /* in the file, the head being 1 */
	enum result verdict; /* RESULT_EXISTS: it was there already, which is no mistake */
	char field[64];	     /* the column's word in the head, or "" */
};

struct import {
	struct cli *c;
	struct timebox *tb;
	const struct import_kind *kind;
	bool dry_run;
	int32_t today; /* in the station's zone */
	struct sheet *sheet;
	void *rows; /* n elements of the sheet's own struct */
	size_t n;
	struct import_line *lines; /* n, in the same order */
	struct words numbers, areas, purposes, beneficiaries;
	Timebox__V1__Response *catalogue; /* body catalogue, or NULL: see import_catalogue */
	size_t extra;	  /* accepted by `finish` beyond the rows themselves */
	size_t proposed;  /* rows that wait for a second person */
	json_t *ids;	  /* their ids */
};

struct import_kind {
	/* The sheet's own parser, with rows as void; see IMPORT_PARSE. */
	enum result (*parse)(const struct sheet *s, void **rows, size_t *n, char *err,
		size_t err_size);
	size_t row_size, line_at, verdict_at, field_at;
	/* Resolves and judges; an exit code. */
	int (*prepare)(struct import *im);
	/* Appends the command of row `i`. */
	enum result (*compose)(const struct import *im, struct timebox_draft *d, size_t i);
	/* After all rows; NULL: nothing. An exit code. */
	int (*finish)(struct import *im);
	/* Which column a refusal of the daemon is about: the first row whose code (RESULT_OK: any) and
	 * field ("": any) fit; ends with column NULL. */
	const struct import_column {
		enum result code;
		const char *field;
		const char *column;
	} *columns;
};

#define IMPORT_PARSE(function, type, call)                                                        \
	static enum result function(const struct sheet *s, void **rows, size_t *n, char *err,     \
		size_t err_size)                                                                  \
	{                                                                                         \
		struct type *list = NULL;                                                         \
		enum result r = call(s, &list, n, err, err_size);                                 \
                                                                                                  \
		*rows = list;                                                                     \
		return r;                                                                         \
	}
#define IMPORT_ROWS(type)                                                                         \
	.row_size = sizeof(struct type), .line_at = offsetof(struct type, line),                  \
	.verdict_at = offsetof(struct type, verdict), .field_at = offsetof(struct type, field)

/* The whole command: "FILE [--dry-run]". */
int import_run(struct cli *c, int argc, char **argv, const char *help, const char *examples,
	const struct import_kind *kind);

/* Whether row `i` is still to be sent. */
bool import_is_open(const struct import *im, size_t i);
/* Says of row `i` that it is not right (RESULT_EXISTS: that it was there already). */
void import_refuse(struct import *im, size_t i, enum result verdict, const char *column);
/* Refuses, as RESULT_DUPLICATE, each open row whose text at `offset` in its struct an earlier open row
 * has. */
void import_refuse_repeated(struct import *im, size_t offset, const char *column);
/* Refuses row `i` where the day is one that the ledger cannot hold, or later than `latest`;
 * FIELD_NO_DAY is right. */
void import_day(struct import *im, size_t i, int32_t day, int32_t latest, const char *column);
/* The day as acts have it: 0 for FIELD_NO_DAY. */
int32_t import_act_day(int32_t day);
/* Fetches im->catalogue; an exit code. */
int import_catalogue(struct import *im);
/* Creates what `w` does not know, unless nothing may be changed; an exit code. */
int import_create(struct import *im, struct words *w);

#endif
