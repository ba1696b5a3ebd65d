/* Days in the station's zone. */
#ifndef TIMEBOX_CLIENT_CLI_STATION_DAY_H
#define TIMEBOX_CLIENT_CLI_STATION_DAY_H

#include <stdint.h>

#include "client/lib/timebox.h"

/* Acts hold the days 1 to this (days since 1970). */
#define STATION_DAY_LAST 100000

/* The station's day now, by the daemon's clock. */
int32_t station_today(const struct timebox *tb);

#endif
