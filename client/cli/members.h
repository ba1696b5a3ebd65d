/* Asking for a member, and showing one. */
#ifndef TIMEBOX_CLIENT_CLI_MEMBERS_H
#define TIMEBOX_CLIENT_CLI_MEMBERS_H

#include <jansson.h>

#include "client/cli/cli.h"

/* Asks for the member with this number; *out has the body member, to be freed. On a kiosk's home the
 * member logs in first, with the PIN from pin_file (NULL: typed). */
int members_get(struct cli *c, struct timebox *tb, const char *number, const char *pin_file,
	Timebox__V1__Response **out);

/* A new object: member (the number), id, name, class, status, records, minutes, points {available, held},
 * debt, carry_minutes, carries, lots, joined, trained_from, trained_to, birth_year, kin, pin_set,
 * card_bound, checked_in, seq. */
json_t *members_json(const Timebox__V1__Member *m);

/* Points, minutes and what is missing for the next point, in words. */
void members_print_balance(const struct cli *c, const Timebox__V1__Member *m);

#endif
