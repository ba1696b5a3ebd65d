/* The line per member that reports are made of. */
#ifndef TIMEBOX_CLIENT_CLI_REPORTS_H
#define TIMEBOX_CLIENT_CLI_REPORTS_H

#include "client/cli/cli.h"

/* Calls `each` for every member, inactive ones too, in order of their numbers, asking page by page; an
 * exit code. */
int reports_each(struct cli *c, struct timebox *tb,
	void (*each)(void *user, const Timebox__V1__Member *m), void *user);

#endif
