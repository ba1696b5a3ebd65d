#include "client/kiosk/kiosk.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/kiosk/screens.h"

#define TICK_MS	      200
#define FOOT_ROW      (DRAW_ROWS - 1)
#define MOTTO_ROW     (DRAW_ROWS - 2)
#define RETRY_MS      3000

static volatile sig_atomic_t ended;

static void
on_signal(int number)
{
	(void)number;
	ended = 1;
}

static uint64_t
clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- words ---- */

static const char *const texts_zh[TEXT_LAST] = {
#define X(NAME, zh, en) [TEXT_##NAME] = zh,
	KIOSK_TEXTS(X)
#undef X
};

static const char *const texts_en[TEXT_LAST] = {
#define X(NAME, zh, en) [TEXT_##NAME] = en,
	KIOSK_TEXTS(X)
#undef X
};

const char *
say(const struct kiosk *k, enum kiosk_text text)
{
	return k->english ? texts_en[text] : texts_zh[text];
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
const char *
say_with(const struct kiosk *k, char out[SAY_SIZE], enum kiosk_text text, ...)
{
	va_list args;

	va_start(args, text);
	(void)vsnprintf(out, SAY_SIZE, say(k, text), args);
	va_end(args);
	return out;
}
#pragma GCC diagnostic pop

/* ---- what all screens have ---- */

void
screen_begin(const struct kiosk *k, enum kiosk_text title, enum kiosk_text keys)
{
	char time[DESK_TIME_SIZE] = "";

	draw_clear();
	if (k->desk.tb != NULL)
		(void)desk_time(&k->desk, desk_now_us(&k->desk), time);
	draw_bar(0, say(k, title), time);
	draw_middle(MOTTO_ROW, DRAW_PLAIN, say(k, TEXT_MOTTO));
	draw_bar(FOOT_ROW, say(k, keys), "");
}

/* Draws over the screen that nobody seems to be there; gone when the time is over. */
static bool
still_there(struct kiosk *k, uint64_t idle_ms)
{
	uint64_t ask_ms = k->idle_ms > 2 * KIOSK_ASK_S * 1000 ? KIOSK_ASK_S * 1000 : k->idle_ms / 3;
	char seconds[SAY_SIZE];

	if (idle_ms >= k->idle_ms)
		return false;
	if (!k->idle && idle_ms + ask_ms >= k->idle_ms) {
		draw_cursor(-1, 0);
		draw_box(say(k, TEXT_THERE),
			say_with(k, seconds, TEXT_THERE_SECONDS,
				(unsigned)((k->idle_ms - idle_ms + 999) / 1000)));
		draw_show();
	}
	return true;
}

/* A key while the box is shown only says that somebody is there. */
static int
key_pressed(struct kiosk *k, int key, uint64_t now_ms, uint64_t ask_from_ms)
{
	bool asked = now_ms - k->last_key_ms >= ask_from_ms;

	if (key == DRAW_RESIZE)
		return KEY_AGAIN;
	k->last_key_ms = now_ms;
	if (k->desk.member != NULL && desk_over(desk_keep_alive(&k->desk))) {
		/* Not screen_failed, which waits for a key itself. */
		k->gone = true;
		return KEY_GONE;
	}
	return asked && !k->idle ? KEY_AGAIN : key;
}

int
screen_key(struct kiosk *k)
{
	uint64_t ask_ms = k->idle_ms > 2 * KIOSK_ASK_S * 1000 ? KIOSK_ASK_S * 1000 : k->idle_ms / 3;

	if (!draw_fits()) {
		draw_clear();
		draw_text(0, 0, DRAW_COLUMNS, DRAW_PLAIN, say(k, TEXT_SMALL));
	}
	draw_show();
	for (;;) {
		int key = draw_key(TICK_MS);
		uint64_t now = clock_ms();

		k->stop = k->stop || ended;
		if (k->stop || k->gone) {
			k->gone = true;
			return KEY_GONE;
		}
		if (key != DRAW_NONE)
			return key_pressed(k, key, now, k->idle_ms - ask_ms);
		if (!still_there(k, now - k->last_key_ms)) {
			k->gone = true;
			return KEY_GONE;
		}
	}
}

void
screen_say(struct kiosk *k, enum kiosk_text title, const char *first, const char *second)
{
	do {
		screen_begin(k, title, TEXT_KEYS_ANY);
		draw_middle(9, DRAW_BOLD, first);
		draw_middle(12, DRAW_PLAIN, second);
	} while (screen_key(k) == KEY_AGAIN);
}

void
screen_wait(const struct kiosk *k)
{
	draw_cursor(-1, 0);
	draw_box(say(k, TEXT_ONE_MOMENT), "");
	draw_show();
}

void
screen_failed(struct kiosk *k, enum kiosk_text title, enum result r)
{
	const char *text = k->english ? result_text_en(r) : result_text_zh(r);
	uint32_t wait_s = k->desk.error.retry_after_s;
	char seconds[SAY_SIZE] = "";

	if (k->gone)
		return;
	if (desk_over(r)) {
		screen_say(k, title, say(k, TEXT_SESSION_LOST),
			r == RESULT_UNAVAILABLE ? say(k, TEXT_UNKNOWN) : say(k, TEXT_LOST_CALM));
		k->gone = true;
		return;
	}
	if (r == RESULT_SECOND_PERSON)
		text = say(k, TEXT_SECOND_PERSON);
	if (wait_s > 0)
		(void)say_with(k, seconds, TEXT_WAIT_SECONDS, wait_s);
	screen_say(k, title, text, seconds);
}

/* ---- typing ---- */

static void
ask_draw(const struct kiosk *k, const struct ask *ask, const char *typed)
{
	const int row = 10, column = 26;
	char shown[128] = "";
	size_t n = strlen(typed);

	screen_begin(k, ask->title, TEXT_KEYS_ASK);
	draw_middle(6, DRAW_BOLD, say(k, ask->what));
	draw_text(row, column, 20, DRAW_BOLD, say(k, ask->label));
	if (ask->masked)
		memset(shown, '*', n);
	else
		memcpy(shown, typed, n);
	shown[n] = '\0';
	draw_text(row, column + 10, DRAW_COLUMNS - column - 10, DRAW_BOLD, shown);
	draw_cursor(row, column + 10 + (int)n);
}

bool
screen_ask(struct kiosk *k, const struct ask *ask, char *out, size_t size)
{
	size_t n = 0, max = ask->max < size ? ask->max : size - 1;

	memset(out, 0, size);
	for (;;) {
		int key;

		ask_draw(k, ask, out);
		key = screen_key(k);
		if (key == KEY_GONE || (key == DRAW_ENTER && n == 0)) {
			crypto_wipe(out, size);
			return false;
		}
		if (key == DRAW_ENTER)
			return true;
		if (key == DRAW_BACKSPACE && n > 0)
			out[--n] = '\0';
		else if (n < max && ((key >= '0' && key <= '9') ||
					    (!ask->digits && key > ' ' && key <= '~')))
			out[n++] = (char)key;
	}
}

/* ---- the program ---- */

/* While an act is asked again: somebody stands there and should wait calmly. */
static void
on_wait(void *user, const struct timebox_error *why)
{
	const struct kiosk *k = user;

	(void)why;
	draw_cursor(-1, 0);
	draw_box(say(k, TEXT_LOST), say(k, TEXT_LOST_CALM));
	draw_show();
}

/* Until there is a connection; false when the program ends. */
static bool
connect_calmly(struct kiosk *k)
{
	while (desk_connect(&k->desk) != RESULT_OK) {
		uint64_t until = clock_ms() + RETRY_MS;
		int key;

		/* A refusal (a revoked key) will not change by asking fast. */
		do {
			screen_begin(k, TEXT_TITLE, TEXT_KEYS_RETRY);
			draw_middle(9, DRAW_BOLD, say(k, TEXT_LOST));
			draw_middle(12, DRAW_PLAIN, say(k, TEXT_LOST_CALM));
			if (k->desk.error.failure == TIMEBOX_FAILURE_REFUSED)
				draw_middle(15, DRAW_PLAIN,
					k->english ? result_text_en(k->desk.error.code)
						   : result_text_zh(k->desk.error.code));
			draw_show();
			key = draw_key(TICK_MS);
			if (ended || key == DRAW_STOP)
				return false;
		} while (clock_ms() < until && key == DRAW_NONE);
	}
	return true;
}

static void
kiosk_loop(struct kiosk *k)
{
	while (!ended && !k->stop && connect_calmly(k)) {
		k->gone = false;
		k->last_key_ms = clock_ms();
		if (screen_idle(k))
			screen_home(k);
		desk_leave(&k->desk);
		draw_wipe();
	}
}

enum result
kiosk_run(struct timebox_home *home, uint32_t idle_s, bool english, struct timebox_error *e)
{
	struct sigaction act = {.sa_handler = on_signal};
	struct kiosk k = {.english = english, .idle_ms = (uint64_t)idle_s * 1000};

	(void)sigaction(SIGTERM, &act, NULL);
	(void)sigaction(SIGHUP, &act, NULL);
	(void)sigaction(SIGINT, &act, NULL);
	if (draw_start() != 0)
		return timebox_error_set(e, TIMEBOX_FAILURE_HERE, RESULT_IO, "kiosk", "%s",
			"the terminal cannot be used (TERM)");
	desk_init(&k.desk, home, on_wait, &k);
	kiosk_loop(&k);
	desk_close(&k.desk);
	draw_end();
	return RESULT_OK;
}
