/* What commands print: JSON lines, and single values as people read them. */
#ifndef TIMEBOX_CLIENT_CLI_OUT_H
#define TIMEBOX_CLIENT_CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timebox/v1/rpc.pb-c.h"

/* Prints an object on one line of stdout, keys in the order they were added, and drops the caller's
 * reference; a NULL (no memory) stops the process. */
void out_json_line(json_t *object);

/* New references for json_object_set_new: bytes as lower-case hexadecimal or base64, and "SEQ" /
 * "SEQ.INDEX" (the index only where it is not 0) as the id that cli_id reads. */
json_t *out_json_hex(const uint8_t *p, size_t n);
json_t *out_json_base64(const uint8_t *p, size_t n);
json_t *out_json_id(uint64_t seq, uint32_t index);
/* The same id as text. */
#define OUT_ID_SIZE 32
const char *out_id(char buf[OUT_ID_SIZE], uint64_t seq, uint32_t index);

#define OUT_TIME_SIZE 64
/* "31小时45分" or "31 h 45 min"; below an hour only minutes, whole hours without minutes. */
const char *out_minutes(char buf[OUT_TIME_SIZE], uint64_t minutes, bool zh);
/* The same with a sign, "+" for what came. */
const char *out_minutes_signed(char buf[OUT_TIME_SIZE], int64_t minutes, bool zh);
/* "2026-01-31"; "-" for 0 (no day). */
const char *out_day(char buf[OUT_TIME_SIZE], int32_t day);
/* "2026-01-31 14:05" in a zone of so many minutes east of UTC; "-" for 0. */
const char *out_time(char buf[OUT_TIME_SIZE], uint64_t time_us, int32_t zone_minutes);

/* The word for people (translated) and the wire word (for JSON) of the enums that are shown. */
const char *out_role(Timebox__V1__Role role);
const char *out_class(Timebox__V1__MemberClass c);
const char *out_member_status(Timebox__V1__MemberStatus s);
const char *out_key_status(Timebox__V1__KeyStatus s);
const char *out_hold_state(Timebox__V1__HoldState s);
const char *out_batch_state(Timebox__V1__BatchState s);
const char *out_provenance(Timebox__V1__Provenance p);
const char *out_record_state(Timebox__V1__RecordState s);
const char *out_finding(Timebox__V1__FindingOutcome o);
const char *out_ground(Timebox__V1__LegalGround g);
/* Wire words: "kiosk", "young_old", "batch"..: the enum's name in the schema without its prefix, in
 * lower case; static. */
const char *out_word(const ProtobufCEnumDescriptor *desc, int value);
/* The command with this field number of Command.kind, "member_add"; "unknown" for none. */
const char *out_command_name(uint32_t number);
/* The same for people, translated: "a new member". */
const char *out_command_text(uint32_t number);

#endif
