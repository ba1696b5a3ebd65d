/* The station's keys, and finding one by how it begins. */
#ifndef TIMEBOX_CLIENT_CLI_KEYS_H
#define TIMEBOX_CLIENT_CLI_KEYS_H

#include "client/cli/cli.h"

/* Asks for all keys; *out has the body keys, to be freed. */
int keys_get(struct cli *c, struct timebox *tb, Timebox__V1__Response **out);

/* 1 if the hexadecimal text (at least 6 letters) is how the key begins. */
int keys_match(const ProtobufCBinaryData *key, const char *text);

#endif
