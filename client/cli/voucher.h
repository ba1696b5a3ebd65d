/* Vouchers on the command line: finding them, and printing them for people and for programs. */
#ifndef TIMEBOX_CLIENT_CLI_VOUCHER_H
#define TIMEBOX_CLIENT_CLI_VOUCHER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/cli/cli.h"
#include "proto/code32.h"
#include "proto/note.h"

/* What a hold is to its owner. Days are days since 1970 in the station's zone. */
struct voucher_slip {
	char code[CODE32_SIZE(VOUCHER_CODE_LEN)];
	uint64_t seq;
	char receipt[RECEIPT_SHORT_SIZE]; /* entry and hash in the short form */
	char item[CLI_CODE_SIZE];
	char outlet[CLI_CODE_SIZE];
	uint32_t count;
	uint32_t points;
	int32_t use_by;	 /* the last day on which it is good */
	int32_t release; /* the day on which points and stock go back */
};

/* The day before the moment `end_us`: the last day that counts where a time limit is that moment. */
int32_t voucher_last_day(uint64_t end_us, int32_t zone_minutes);

/* The 10 bytes of a code as somebody typed it; CLI_DONE, or the code is wrong, which was said. */
int voucher_decode(const struct cli *c, const char *text, uint8_t out[VOUCHER_CODE_LEN]);

/* Asks the daemon for a voucher by its code; CLI_DONE: *out (body voucher) is to be freed. `canonical`
 * receives the code as it is printed. */
int voucher_find(struct cli *c, struct timebox *tb, const char *text,
	char canonical[CODE32_SIZE(VOUCHER_CODE_LEN)], Timebox__V1__Response **out);

/* The hold among the session's (or, for staff, the member's) that has this code, as a Ref; CLI_DONE,
 * or nothing was found, which was said. `leaf` keeps the ref's bytes. */
int voucher_find_own(struct cli *c, struct timebox *tb, uint64_t member, const char *text,
	Timebox__V1__Ref *ref, uint8_t leaf[HASH_LEN]);

/* The result a command gets for a hold in this state: RESULT_OK while it is held. */
enum result voucher_state_result(Timebox__V1__HoldState state);

/* Names the voucher: seq, index and leaf point into it. */
void voucher_ref(const Timebox__V1__Voucher *v, Timebox__V1__Ref *ref);

/* Fills the slip from the receipt of a hold, or is false where the receipt has no voucher (the hold
 * waits for a second person). */
bool voucher_from_receipt(const Timebox__V1__Receipt *r, int32_t zone_minutes,
	struct voucher_slip *slip);

/* {"voucher":...}; and for people: code in large spacing, QR, item, outlet, last day. */
void voucher_print_json(const struct voucher_slip *slip);
void voucher_print_slip(const struct voucher_slip *slip);

#endif
