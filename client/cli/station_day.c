#include "client/cli/station_day.h"

#define MINUTE_US 60000000
#define DAY_MINUTES 1440

int32_t
station_today(const struct timebox *tb)
{
	int64_t minute = (int64_t)(timebox_now_us(tb) / MINUTE_US) + timebox_hello(tb)->zone_minutes;

	return (int32_t)(minute / DAY_MINUTES);
}
