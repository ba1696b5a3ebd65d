#include "client/cli/keys.h"

#include <string.h>
#include <strings.h>

#define PREFIX_MIN 6

int
keys_get(struct cli *c, struct timebox *tb, Timebox__V1__Response **out)
{
	Timebox__V1__GetKeys ask;
	Timebox__V1__Call call;

	timebox__v1__get_keys__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_KEYS;
	call.get_keys = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_KEYS, out);
}

int
keys_match(const ProtobufCBinaryData *key, const char *text)
{
	char hex[2 * KEY_LEN + 1];
	size_t n = strlen(text);

	if (key->len != KEY_LEN || n < PREFIX_MIN || n > 2 * KEY_LEN)
		return 0;
	(void)hex_encode(hex, sizeof(hex), key->data, KEY_LEN);
	return strncasecmp(hex, text, n) == 0;
}
