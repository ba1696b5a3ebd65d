/* Private to the kiosk: what every screen is given, and the screens. */
#ifndef TIMEBOX_CLIENT_KIOSK_SCREENS_H
#define TIMEBOX_CLIENT_KIOSK_SCREENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/kiosk/draw.h"
#include "client/kiosk/session.h"
#include "client/kiosk/texts.h"

#define KIOSK_ASK_S 20 /* "still there?" is shown for so long before log-out */

/* Keys that screens see beyond draw_key's. */
#define KEY_AGAIN 0x2000 /* draw the screen again */
#define KEY_GONE  0x2001 /* nobody there, or the program ends: leave */

struct kiosk {
	struct desk desk;
	bool english;
	bool stop; /* the program ends */
	bool gone; /* the session is over: every screen returns */
	bool idle; /* nobody is logged in: nobody is asked whether they are there */
	uint64_t idle_ms;
	uint64_t last_key_ms;
};

/* ---- for all screens (kiosk.c) ---- */

const char *say(const struct kiosk *k, enum kiosk_text text);
/* The text, which is a format, filled; into `out`. */
#define SAY_SIZE 256
const char *say_with(const struct kiosk *k, char out[SAY_SIZE], enum kiosk_text text, ...);

/* An empty screen with the title bar and what the keys do. */
void screen_begin(const struct kiosk *k, enum kiosk_text title, enum kiosk_text keys);
/* Shows what was drawn and waits for a key: its number, KEY_AGAIN, or KEY_GONE (then k->gone is set). */
int screen_key(struct kiosk *k);
/* A page with up to two lines in the middle, until a key. */
void screen_say(struct kiosk *k, enum kiosk_text title, const char *first, const char *second);
/* "One moment", at once, before something that may take long. */
void screen_wait(const struct kiosk *k);
/* Says what went wrong in the words of the code. A session that is over ends here: k->gone is set. */
void screen_failed(struct kiosk *k, enum kiosk_text title, enum result r);

/* Types one line: digits only or not, shown or masked. True when there is something in `out`; false when
 * the person goes back, or has gone. */
struct ask {
	enum kiosk_text title, what, label;
	size_t max; /* characters, less than `size` */
	bool digits, masked;
};
bool screen_ask(struct kiosk *k, const struct ask *ask, char *out, size_t size);

/* ---- screens.c ---- */

/* Waits for somebody: true when somebody logged in; false when the program ends. */
bool screen_idle(struct kiosk *k);
/* From log-in to log-out. */
void screen_home(struct kiosk *k);

/* ---- pages.c ---- */

void page_redeem(struct kiosk *k);
void page_vouchers(struct kiosk *k);
void page_check_in(struct kiosk *k);
void page_check_out(struct kiosk *k);
void page_records(struct kiosk *k);

#endif
