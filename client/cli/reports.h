/* What reports are made of: a line per member, and what audits found. */
#ifndef TIMEBOX_CLIENT_CLI_REPORTS_H
#define TIMEBOX_CLIENT_CLI_REPORTS_H

#include "client/cli/cli.h"

/* Calls `each` for every member, inactive ones too, in order of their numbers, asking page by page; an
 * exit code. */
int reports_each(struct cli *c, struct timebox *tb,
	void (*each)(void *user, const Timebox__V1__Member *m), void *user);

/* The newest findings about records, counted. */
struct findings_count {
	uint64_t found, missing, differs;
	uint64_t open; /* missing or differing, and the record stands */
};

/* Counts them, and calls `each` (may be NULL) for every one, in order of the records, asking page by page; an exit code. */
int findings_each(struct cli *c, struct timebox *tb,
	void (*each)(void *user, const Timebox__V1__Finding *f), void *user, struct findings_count *out);
/* Says the counts in a line; nothing where there is no finding. */
void findings_print(const struct findings_count *n);

#endif
