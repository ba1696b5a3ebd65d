/* What is typed about a person, for member add and member update. */
#ifndef TIMEBOX_CLIENT_CLI_PERSON_H
#define TIMEBOX_CLIENT_CLI_PERSON_H

#include "client/cli/cli.h"

/* As on the command line; NULL: not said. */
struct person_words {
	const char *name, *class, *area, *joined, *trained_from, *trained_to, *birth_year, *unit, *zone,
		*phone;
};

/* As understood; what was not said is as the caller left it. */
struct person {
	Timebox__V1__MemberClass class;
	int32_t joined_day, trained_from_day, trained_to_day;
	uint32_t birth_year;
};

/* An exit code; prints what is wrong. */
int person_read(const struct cli *c, const struct person_words *w, struct person *p);

/* The term of an area by its name; a new name becomes a new term, by an act of its own. */
int person_area(struct cli *c, struct timebox *tb, const char *name, uint32_t *area);

#endif
