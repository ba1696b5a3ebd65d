/*
 * What the kiosk asks the daemon: a connection, at most one member's session on it, and what was last
 * learnt. Knows nothing of a screen.
 *
 * Functions return a result; desk.error says more. RESULT_CONNECTION, RESULT_TIMEOUT, RESULT_UNAVAILABLE and
 * RESULT_SESSION_NEEDED mean that the session is over (desk_over). Answers kept here are valid until the next
 * call of the function that fills them, or desk_leave.
 */
#ifndef TIMEBOX_CLIENT_KIOSK_SESSION_H
#define TIMEBOX_CLIENT_KIOSK_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/out.h"
#include "client/lib/timebox.h"
#include "proto/note.h"
#include "proto/code32.h"

#define DESK_CALL_MS	   10000 /* for one answer; acts are asked again DESK_TRIES times */
#define DESK_TRIES	   4
#define DESK_KEEP_ALIVE_MS 25000 /* with keys pressed, the daemon hears from us this often */
#define DESK_OUTLETS_MAX   8

struct desk {
	struct timebox_home *home;
	struct timebox *tb; /* NULL: no connection */
	/* Answers with the body their name says; NULL: not asked, or left. */
	Timebox__V1__Response *catalogue, *member, *holds, *activities, *history;
	uint64_t last_call_ms;
	struct timebox_error error;
	void (*wait)(void *user, const struct timebox_error *why);
	void *user;
};

/* What a member may redeem of an item now. */
struct desk_offer {
	const Timebox__V1__Item *item;
	uint64_t missing; /* points short for one piece; 0: enough */
	uint64_t most;	  /* pieces that points, quota and the fullest outlet allow */
	size_t n_outlets; /* that have at least one */
	const Timebox__V1__OutletStock *outlets[DESK_OUTLETS_MAX];
};

/* What a hold gave. */
struct desk_voucher {
	char code[CODE32_SIZE(VOUCHER_CODE_LEN)];
	char item[16], outlet[16];
	char receipt[RECEIPT_SHORT_SIZE]; /* entry and hash in the short form */
	uint32_t count;
	uint64_t use_by_us;
};

/* `wait` is called before each pause of a retry. */
void desk_init(struct desk *desk, struct timebox_home *home,
	void (*wait)(void *user, const struct timebox_error *why), void *user);
/* Drops everything. */
void desk_close(struct desk *desk);

/* Connects if there is no connection, and gets the catalogue. One try. */
MUST_CHECK enum result desk_connect(struct desk *desk);
/* Whether a failure means that session or connection are over. */
bool desk_over(enum result r);

/* Logs in: 8 digits are a number, anything else a card's token. Then member and holds are known. */
MUST_CHECK enum result desk_login(struct desk *desk, const char *who, const char *pin);
/* Member, holds and catalogue anew. */
MUST_CHECK enum result desk_refresh(struct desk *desk);
/* Logs out and forgets what belongs to the member. Safe to repeat. */
void desk_leave(struct desk *desk);
/* To be called when a key was pressed: lets the daemon know, before it ends the session for idleness. */
MUST_CHECK enum result desk_keep_alive(struct desk *desk);
/* A first PIN, or a new one after a reset, with the slip. */
MUST_CHECK enum result desk_set_pin(struct desk *desk, const char *number, const char *slip,
	const char *pin);

/* What item `i` of the catalogue means for this member. */
void desk_offer(const struct desk *desk, size_t i, struct desk_offer *out);
/* The names that people know, or the code where there is none. */
const char *desk_partner_name(const struct desk *desk, const char *code);
const char *desk_item_name(const struct desk *desk, const char *code);
/* Held vouchers, the `i`-th of them; NULL beyond the last. */
const Timebox__V1__Voucher *desk_held(const struct desk *desk, size_t i);
/* Whether an activity may be checked in to now. */
bool desk_activity_on(const struct desk *desk, const Timebox__V1__Activity *a);
/* The fewest minutes that give another point at any of the member's rates; 0: none is known. */
uint32_t desk_minutes_missing(const struct desk *desk, uint32_t *points);
/* The time of day there, "2026-01-31 14:05", and the day of a time limit's last day. */
#define DESK_TIME_SIZE OUT_TIME_SIZE
const char *desk_time(const struct desk *desk, uint64_t time_us, char out[DESK_TIME_SIZE]);
const char *desk_last_day(const struct desk *desk, uint64_t end_us, char out[DESK_TIME_SIZE]);
uint64_t desk_now_us(const struct desk *desk);

/* Acts of the member. Asked again under the same id until the daemon answers; RESULT_UNAVAILABLE where it
 * never did. */
MUST_CHECK enum result desk_hold(struct desk *desk, const char *item, const char *outlet,
	uint32_t count, struct desk_voucher *out);
MUST_CHECK enum result desk_cancel(struct desk *desk, const Timebox__V1__Voucher *v);
MUST_CHECK enum result desk_check_in(struct desk *desk, const Timebox__V1__Activity *a,
	uint64_t *until_us);
MUST_CHECK enum result desk_check_out(struct desk *desk, uint32_t *minutes);

MUST_CHECK enum result desk_get_activities(struct desk *desk);
/* Up to `limit` lines before entry `before` (0: the newest). */
MUST_CHECK enum result desk_get_history(struct desk *desk, uint64_t before, uint32_t limit);

#endif
