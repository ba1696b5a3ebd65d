/* Idle, log-in, setting a PIN, and the home screen. */
#include "client/kiosk/screens.h"

#include <stdio.h>
#include <string.h>

#include <unistr.h>

#define NUMBER_LEN  8
#define PIN_DIGITS  8 /* at most; the daemon says what is too short */
#define CARD_MAX    64
#define SLIP_TYPED  32
#define GOODBYE_MS  1500
#define RESET_SHOWN_US (30ull * 86400 * 1000000) /* how long a PIN reset stays among the messages */
#define USE_BY_SOON_US (3ull * 86400 * 1000000)

/* ---- idle ---- */

/* Nothing personal: an 8-digit number shows while it is typed, a card's token never. */
static void
idle_draw(const struct kiosk *k, const char *typed)
{
	size_t n = strlen(typed);
	char shown[CARD_MAX + 1];

	screen_begin(k, TEXT_TITLE, TEXT_KEYS_IDLE);
	draw_middle(5, DRAW_BOLD, say(k, TEXT_TITLE));
	draw_middle(9, DRAW_BOLD, say(k, TEXT_IDLE_ASK));
	draw_text(12, 30, 10, DRAW_BOLD, say(k, TEXT_IDLE_NUMBER));
	memcpy(shown, typed, n + 1);
	if (n > NUMBER_LEN)
		memset(shown, '*', n);
	draw_text(12, 38, 40, DRAW_BOLD, n > 40 ? shown + n - 40 : shown);
	draw_middle(16, DRAW_PLAIN, say(k, TEXT_IDLE_NEW));
	draw_cursor(12, 38 + (int)(n > 40 ? 40 : n));
}

/* Asks for the PIN and logs in. */
static bool
login(struct kiosk *k, const char *who)
{
	const struct ask ask = {.title = TEXT_TITLE, .what = TEXT_PIN_ASK, .label = TEXT_PIN_LABEL,
		.max = PIN_DIGITS, .digits = true, .masked = true};
	char pin[PIN_DIGITS + 1];
	enum result r;

	if (!screen_ask(k, &ask, pin, sizeof(pin)))
		return false;
	screen_wait(k);
	r = desk_login(&k->desk, who, pin);
	crypto_wipe(pin, sizeof(pin));
	if (r == RESULT_OK)
		return true;
	desk_leave(&k->desk);
	screen_failed(k, TEXT_TITLE, r);
	return false;
}

static bool
ask_new_pin(struct kiosk *k, char pin[PIN_DIGITS + 1])
{
	struct ask ask = {.title = TEXT_SET_PIN, .what = TEXT_SET_NEW, .label = TEXT_PIN_LABEL,
		.max = PIN_DIGITS, .digits = true, .masked = true};
	char again[PIN_DIGITS + 1];
	bool same;

	if (!screen_ask(k, &ask, pin, PIN_DIGITS + 1))
		return false;
	ask.what = TEXT_SET_AGAIN;
	if (!screen_ask(k, &ask, again, sizeof(again)))
		return false;
	same = strcmp(pin, again) == 0;
	crypto_wipe(again, sizeof(again));
	if (!same)
		screen_say(k, TEXT_SET_PIN, say(k, TEXT_SET_DIFFER), "");
	return same;
}

/* Number, slip, PIN twice. */
static void
set_pin(struct kiosk *k)
{
	const struct ask number_ask = {.title = TEXT_SET_PIN, .what = TEXT_SET_NUMBER,
		.label = TEXT_IDLE_NUMBER, .max = NUMBER_LEN, .digits = true};
	const struct ask slip_ask = {.title = TEXT_SET_PIN, .what = TEXT_SET_SLIP,
		.label = TEXT_SLIP_LABEL, .max = SLIP_TYPED};
	char number[NUMBER_LEN + 1], slip[SLIP_TYPED + 1] = "", pin[PIN_DIGITS + 1] = "";
	enum result r;

	if (screen_ask(k, &number_ask, number, sizeof(number)) &&
		screen_ask(k, &slip_ask, slip, sizeof(slip)) && ask_new_pin(k, pin)) {
		screen_wait(k);
		r = desk_set_pin(&k->desk, number, slip, pin);
		if (r == RESULT_OK)
			screen_say(k, TEXT_SET_PIN, say(k, TEXT_SET_DONE), "");
		else
			screen_failed(k, TEXT_SET_PIN, r);
	}
	crypto_wipe(slip, sizeof(slip));
	crypto_wipe(pin, sizeof(pin));
}

/* Enter was pressed: a number of 8 digits, or a card's token. */
static bool
idle_enter(struct kiosk *k, const char *typed)
{
	size_t n = strlen(typed);

	if (n == 0)
		return false;
	if (n < NUMBER_LEN || (n == NUMBER_LEN && strspn(typed, "0123456789") != n)) {
		screen_say(k, TEXT_TITLE, say(k, TEXT_BAD_NUMBER), "");
		return false;
	}
	return login(k, typed);
}

bool
screen_idle(struct kiosk *k)
{
	char typed[CARD_MAX + 1] = "";
	size_t n = 0;

	for (;;) {
		int key;
		bool in = false;

		typed[n] = '\0';
		idle_draw(k, typed);
		k->idle = true;
		key = screen_key(k);
		k->idle = false;
		if (key == DRAW_STOP)
			k->stop = true;
		if (key == DRAW_STOP || key == KEY_GONE)
			return false;
		if (key == DRAW_BACKSPACE && n > 0)
			n--;
		else if (key == '*' && n == 0)
			set_pin(k);
		else if (key == DRAW_ENTER)
			in = idle_enter(k, typed);
		else if (key > ' ' && key <= '~' && n < CARD_MAX)
			typed[n++] = (char)key;
		if (key == DRAW_ENTER)
			n = 0;
		if (in || k->gone)
			return in;
	}
}

/* ---- home ---- */

/* The first character of a name and a star for each other: whoever stands behind need not read it. */
static void
mask_name(const char *name, char out[SAY_SIZE])
{
	const uint8_t *at = (const uint8_t *)name, *next;
	size_t n = 0;
	ucs4_t c;

	for (int i = 0; (next = u8_next(&c, at)) != NULL && n + 8 < SAY_SIZE; at = next, i++) {
		const char *put = i == 0 ? (const char *)at : c < 0x80 ? "*" : "\uff0a";
		size_t bytes = i == 0 ? (size_t)(next - at) : strlen(put);

		memcpy(out + n, put, bytes);
		n += bytes;
	}
	out[n] = '\0';
}

static void
home_label(const struct kiosk *k, int row, enum kiosk_text label, const char *value)
{
	draw_text(row, 4, 16, DRAW_PLAIN, say(k, label));
	draw_text(row, 20, DRAW_COLUMNS - 21, DRAW_BOLD, value);
}

static void
home_figures(const struct kiosk *k)
{
	const Timebox__V1__Member *m = k->desk.member->member;
	char line[SAY_SIZE], minutes[OUT_TIME_SIZE];
	uint32_t missing, points = 0;

	home_label(k, 4, TEXT_HOURS, out_minutes(minutes, m->minutes, !k->english));
	if (m->held > 0)
		(void)say_with(k, line, TEXT_POINTS_HELD, (unsigned long long)m->available,
			(unsigned long long)m->held);
	else
		(void)say_with(k, line, TEXT_POINTS_FREE, (unsigned long long)m->available);
	home_label(k, 6, TEXT_POINTS, line);
	missing = desk_minutes_missing(&k->desk, &points);
	if (missing > 0)
		draw_text(7, 20, DRAW_COLUMNS - 21, DRAW_PLAIN,
			say_with(k, line, TEXT_CARRY, missing, points));
}

/* What the member should know now, one line each, from `row` to before `end`. */
static void
home_messages(const struct kiosk *k, int row, int end)
{
	const Timebox__V1__Member *m = k->desk.member->member;
	char line[SAY_SIZE], time[DESK_TIME_SIZE], what[64];
	uint64_t now = desk_now_us(&k->desk);
	const Timebox__V1__Voucher *v;
	unsigned held = 0;

	if (m->reset_us != 0 && now < m->reset_us + RESET_SHOWN_US)
		draw_text(row++, 4, DRAW_COLUMNS - 5, DRAW_BOLD,
			say_with(k, line, TEXT_MESSAGE_RESET, desk_time(&k->desk, m->reset_us, time)));
	if (m->session_start_us != 0)
		draw_text(row++, 4, DRAW_COLUMNS - 5, DRAW_PLAIN,
			say_with(k, line, TEXT_MESSAGE_SESSION,
				desk_time(&k->desk, m->session_start_us, time)));
	if (m->debt > 0)
		draw_text(row++, 4, DRAW_COLUMNS - 5, DRAW_PLAIN,
			say_with(k, line, TEXT_DEBT, (unsigned long long)m->debt));
	while ((v = desk_held(&k->desk, held)) != NULL)
		held++;
	if (held > 0 && row < end)
		draw_text(row++, 4, DRAW_COLUMNS - 5, DRAW_PLAIN,
			say_with(k, line, TEXT_VOUCHERS_HELD, held));
	for (size_t i = 0; row < end && (v = desk_held(&k->desk, i)) != NULL; i++) {
		if (now + USE_BY_SOON_US < v->use_by_us)
			continue;
		(void)snprintf(what, sizeof(what), "%.48s", v->item_name);
		draw_text(row++, 4, DRAW_COLUMNS - 5, DRAW_PLAIN,
			say_with(k, line, TEXT_MESSAGE_USE_BY, what,
				desk_last_day(&k->desk, v->use_by_us, time)));
	}
}

static void
home_draw(const struct kiosk *k)
{
	static const enum kiosk_text menu[] = {TEXT_MENU_REDEEM, TEXT_MENU_VOUCHERS,
		TEXT_MENU_CHECK_IN, TEXT_MENU_CHECK_OUT, TEXT_MENU_RECORDS, TEXT_MENU_EXIT};
	char name[SAY_SIZE], line[SAY_SIZE];

	screen_begin(k, TEXT_TITLE, TEXT_KEYS_HOME);
	mask_name(k->desk.member->member->name, name);
	draw_text(2, 4, DRAW_COLUMNS - 5, DRAW_BOLD, say_with(k, line, TEXT_HELLO, name));
	home_figures(k);
	home_messages(k, 9, 14);
	for (size_t i = 0; i < sizeof(menu) / sizeof(menu[0]); i++)
		draw_text(15 + 2 * (int)(i % 3), i < 3 ? 8 : 44, 32, DRAW_BOLD, say(k, menu[i]));
}

static void
say_goodbye(const struct kiosk *k)
{
	screen_begin(k, TEXT_TITLE, TEXT_KEYS_ANY);
	draw_middle(9, DRAW_BOLD, say(k, TEXT_LOGGED_OUT));
	draw_show();
	(void)draw_key(GOODBYE_MS);
}

void
screen_home(struct kiosk *k)
{
	for (;;) {
		int key;

		home_draw(k);
		key = screen_key(k);
		if (key == '0')
			say_goodbye(k);
		if (key == '0' || key == KEY_GONE)
			break;
		if (key == '1')
			page_redeem(k);
		else if (key == '2')
			page_vouchers(k);
		else if (key == '3')
			page_check_in(k);
		else if (key == '4')
			page_check_out(k);
		else if (key == '5')
			page_records(k);
		if (k->gone)
			break;
		if (key >= '1' && key <= '5') {
			enum result r = desk_refresh(&k->desk);

			if (r != RESULT_OK) {
				screen_failed(k, TEXT_TITLE, r);
				break;
			}
		}
	}
}
