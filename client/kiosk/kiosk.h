/*
 * The kiosk: a full-screen terminal session at which a volunteer stands.
 *
 *	kiosk.c		starts the terminal, and goes from screen to screen
 *	screens.c	idle, log-in, home and PIN; pages.c: redeeming, vouchers, check-in, records
 *	session.c	what the daemon is asked; knows nothing of a screen
 *	draw.c		the terminal: text in columns, keys, large letters; knows nothing of the station
 *	texts.h		every word, in both languages
 *
 * Made for people who read slowly and stand in public: 80 x 24, few keys (digits, backspace, enter), every
 * screen says what each key does, nothing personal stays on the screen. Without a key for a time it asks
 * whether somebody is there, then wipes the screen and logs out.
 */
#ifndef TIMEBOX_CLIENT_KIOSK_KIOSK_H
#define TIMEBOX_CLIENT_KIOSK_KIOSK_H

#include <stdbool.h>
#include <stdint.h>

#include "client/lib/timebox.h"

#define KIOSK_IDLE_S	 90 /* without a key until log-out; the daemon ends a session then, too */
#define KIOSK_IDLE_MIN_S 10

/* Runs on the terminal of stdin and stdout until Ctrl-C on the idle screen, SIGTERM or SIGHUP; then the
 * terminal is as before. `home` is an enrolled kiosk's. Chinese, or English. RESULT_IO without a terminal
 * that can be used; *e says why. */
MUST_CHECK enum result kiosk_run(struct timebox_home *home, uint32_t idle_s, bool english,
	struct timebox_error *e);

#endif
