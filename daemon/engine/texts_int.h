/* What texts.c and texts_erase.c share: the keys of stored texts. */
#ifndef TIMEBOX_ENGINE_TEXTS_INT_H
#define TIMEBOX_ENGINE_TEXTS_INT_H

#include "daemon/engine/texts.h"

/* request id ‖ u16be command ‖ u16be row */
#define PRIVATE_KEY_LEN 20
#define PRIVATE_MAX	(32 + TEXT_MAX_BYTES)

void texts_private_key(uint8_t out[PRIVATE_KEY_LEN], const uint8_t id[16], uint32_t command, uint32_t row);
void texts_be64(uint8_t out[8], uint64_t v);

#endif
