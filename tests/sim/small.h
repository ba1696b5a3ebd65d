/* Included before engine/retired.c: fewer refused ids are remembered at a time, so that a start
 * costs the simulator little. */
#ifndef TIMEBOX_TESTS_SIM_SMALL_H
#define TIMEBOX_TESTS_SIM_SMALL_H

#include "daemon/engine/engine.h"

#undef ENGINE_RETIRED_MAX
#define ENGINE_RETIRED_MAX 4096u

#endif
