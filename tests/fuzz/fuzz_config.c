/*
 * Any bytes as a settings file: they are refused with a sentence, or every setting is in its range.
 */
#include "daemon/base/check.h"
#include "daemon/ops/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[CONFIG_ERROR_SIZE];
	struct config config;
	enum result r;

	if (size > CONFIG_FILE_MAX)
		return 0;
	r = config_parse("fuzz", (const char *)data, size, &config, err, sizeof(err));
	if (r != RESULT_OK) {
		CHECK(r == RESULT_BAD_FIELD);
		CHECK(strncmp(err, "fuzz", 4) == 0 && strlen(err) < sizeof(err));
		return 0;
	}
	CHECK(config.host[0] != '\0' && memchr(config.host, '\0', sizeof(config.host)) != NULL);
	CHECK(config.max_connections >= 1 && config.max_connections <= 100000);
	CHECK(config.handshake_seconds >= 1 && config.handshake_seconds <= 60);
	CHECK(config.frame_seconds >= 1 && config.frame_seconds <= 300);
	CHECK(config.idle_seconds >= 10 && config.idle_seconds <= 86400);
	CHECK(config.checkpoint_seconds >= 1 && config.checkpoint_seconds <= 3600);
	CHECK(config.checkpoint_entries >= 100 && config.checkpoint_entries <= 10000000);
	CHECK(config.pin_threads >= 1 && config.pin_threads <= 16);
	CHECK(config.log_level <= LOG_LEVEL_DEBUG);
	return 0;
}
