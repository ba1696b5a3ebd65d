/* What a member does at the kiosk: redeem, look at vouchers, check in and out, read the records. */
#include "client/kiosk/screens.h"

#include <stdio.h>
#include <string.h>

#define LINES	  8 /* choices on a page: keys 1 to 8 */
#define FIRST_ROW 4
#define TEXT_LEFT 8

/* The part of a list that is shown. */
struct paging {
	size_t n, page;
};

static size_t
paging_pages(const struct paging *p)
{
	return p->n == 0 ? 1 : (p->n + LINES - 1) / LINES;
}

/* Draws the key of line `i` of this page and gives the row. */
static int
line_begin(size_t i)
{
	int row = FIRST_ROW + 2 * (int)i;
	char key[2] = {(char)('1' + i), '\0'};

	draw_text(row, 4, 2, DRAW_BOLD, key);
	return row;
}

static void
draw_page(const struct kiosk *k, const struct paging *p)
{
	char line[SAY_SIZE];

	if (paging_pages(p) > 1)
		draw_text(20, 30, 40, DRAW_PLAIN,
			say_with(k, line, TEXT_PAGE, p->page + 1, paging_pages(p)));
}

enum choice { CHOICE_NONE, CHOICE_BACK, CHOICE_LINE };

/* What a key means on a page of a list: *index counts over the whole list. */
static enum choice
page_choice(struct paging *p, int key, size_t *index)
{
	if (key == '0' || key == KEY_GONE)
		return CHOICE_BACK;
	if (key == '9')
		p->page = (p->page + 1) % paging_pages(p);
	if (key < '1' || key > '0' + LINES)
		return CHOICE_NONE;
	*index = p->page * LINES + (size_t)(key - '1');
	return *index < p->n ? CHOICE_LINE : CHOICE_NONE;
}

/* ---- the voucher ---- */

/* The code in large letters, two groups of four in a row. */
static void
draw_code(int row, int column, const char *code)
{
	for (; *code != '\0'; row += DRAW_LARGE_ROWS + 1) {
		char part[10];
		size_t n = strlen(code) < 9 ? strlen(code) : 9;

		memcpy(part, code, n);
		part[n] = '\0';
		(void)draw_large(row, column, part);
		code += n;
		if (*code == '-')
			code++;
	}
}

static void
draw_voucher(const struct kiosk *k, const struct desk_voucher *v, enum kiosk_text keys)
{
	char line[SAY_SIZE], day[DESK_TIME_SIZE];
	struct qr qr;

	screen_begin(k, TEXT_VOUCHER, keys);
	if (qr_make(&qr, v->code) == RESULT_OK)
		draw_qr(2, 0, &qr);
	draw_code(2, 31, v->code);
	draw_middle(18, DRAW_BOLD, say_with(k, line, TEXT_VOUCHER_CODE, v->code));
	draw_middle(19, DRAW_BOLD,
		say_with(k, line, TEXT_VOUCHER_WHAT, desk_item_name(&k->desk, v->item), v->count,
			desk_partner_name(&k->desk, v->outlet)));
	draw_middle(20, DRAW_PLAIN,
		say_with(k, line, TEXT_VOUCHER_UNTIL, desk_last_day(&k->desk, v->use_by_us, day)));
	draw_middle(21, DRAW_PLAIN, say_with(k, line, TEXT_VOUCHER_RECEIPT, v->receipt));
}

/* ---- redeeming ---- */

static void
draw_offer(const struct kiosk *k, int row, const struct desk_offer *o)
{
	char line[SAY_SIZE];

	draw_text(row, TEXT_LEFT, 28, DRAW_BOLD, o->item->name[0] != '\0' ? o->item->name
									   : o->item->item);
	draw_text(row, 38, 11, DRAW_PLAIN, say_with(k, line, TEXT_ITEM_POINTS, o->item->points));
	if (o->item->quota != 0)
		draw_text(row, 50, 14, DRAW_PLAIN,
			say_with(k, line, TEXT_ITEM_QUOTA, o->item->quota));
	if (o->n_outlets == 0)
		draw_text(row, 65, 15, DRAW_PLAIN, say(k, TEXT_ITEM_NONE));
	else if (o->missing > 0)
		draw_text(row, 65, 15, DRAW_PLAIN,
			say_with(k, line, TEXT_ITEM_SHORT, (unsigned long long)o->missing));
	else
		draw_text(row, 65, 15, DRAW_BOLD, say(k, TEXT_ITEM_YES));
}

/* Which outlet; the only one without asking. False: back. */
static bool
choose_outlet(struct kiosk *k, const struct desk_offer *o, const Timebox__V1__OutletStock **out)
{
	struct paging p = {.n = o->n_outlets};
	size_t index = 0;
	enum choice choice = CHOICE_NONE;
	char line[SAY_SIZE];

	*out = o->outlets[0];
	if (o->n_outlets == 1)
		return true;
	while (choice == CHOICE_NONE) {
		screen_begin(k, TEXT_OUTLET, TEXT_KEYS_LIST);
		for (size_t i = 0; i < p.n && i < LINES; i++) {
			int row = line_begin(i);

			draw_text(row, TEXT_LEFT, 40, DRAW_BOLD,
				desk_partner_name(&k->desk, o->outlets[i]->outlet));
			draw_text(row, 52, 24, DRAW_PLAIN,
				say_with(k, line, TEXT_OUTLET_FREE,
					(unsigned long long)o->outlets[i]->free));
		}
		choice = page_choice(&p, screen_key(k), &index);
	}
	if (choice == CHOICE_LINE)
		*out = o->outlets[index];
	return choice == CHOICE_LINE;
}

/* How many; one without asking where no more is possible. False: back. */
static bool
choose_count(struct kiosk *k, const struct desk_offer *o, uint64_t free, uint32_t *count)
{
	uint64_t can = o->most < free ? o->most : free;
	uint32_t most = can > 9 ? 9 : (uint32_t)can;
	char line[SAY_SIZE];

	*count = 1;
	while (most > 1) {
		int key;

		screen_begin(k, TEXT_REDEEM, TEXT_KEYS_COUNT);
		draw_middle(8, DRAW_BOLD, o->item->name);
		draw_middle(11, DRAW_BOLD, say_with(k, line, TEXT_COUNT, most));
		key = screen_key(k);
		if (key == '0' || key == KEY_GONE)
			return false;
		if (key < '1' || key > '0' + (int)most)
			continue;
		*count = (uint32_t)(key - '0');
		break;
	}
	return true;
}

static bool
confirm_hold(struct kiosk *k, const struct desk_offer *o, const char *outlet, uint32_t count)
{
	unsigned long long points = (unsigned long long)o->item->points * count;
	unsigned long long have = k->desk.member->member->available;
	char line[SAY_SIZE];

	for (;;) {
		int key;

		screen_begin(k, TEXT_CONFIRM, TEXT_KEYS_YES);
		draw_text(5, 16, 62, DRAW_BOLD,
			say_with(k, line, TEXT_CONFIRM_ITEM, o->item->name, count));
		draw_text(8, 16, 62, DRAW_BOLD,
			say_with(k, line, TEXT_CONFIRM_POINTS, points,
				have > points ? have - points : 0ull));
		draw_text(11, 16, 62, DRAW_BOLD,
			say_with(k, line, TEXT_CONFIRM_OUTLET, desk_partner_name(&k->desk, outlet)));
		draw_text(14, 16, 62, DRAW_PLAIN, say(k, TEXT_CONFIRM_HOURS));
		draw_middle(18, DRAW_BOLD, say(k, TEXT_CONFIRM_ASK));
		key = screen_key(k);
		if (key == '1')
			return true;
		if (key == '0' || key == KEY_GONE)
			return false;
	}
}

static void
redeem_item(struct kiosk *k, const struct desk_offer *o)
{
	const Timebox__V1__OutletStock *at;
	struct desk_voucher voucher;
	uint32_t count;
	enum result r;
	int key;

	if (o->n_outlets == 0 || o->missing > 0) {
		screen_failed(k, TEXT_REDEEM, o->n_outlets == 0 ? RESULT_OUT_OF_STOCK
								 : RESULT_INSUFFICIENT);
		return;
	}
	if (!choose_outlet(k, o, &at) || !choose_count(k, o, at->free, &count) ||
		!confirm_hold(k, o, at->outlet, count))
		return;
	screen_wait(k);
	r = desk_hold(&k->desk, o->item->item, at->outlet, count, &voucher);
	if (r != RESULT_OK) {
		screen_failed(k, TEXT_REDEEM, r);
		return;
	}
	do {
		draw_voucher(k, &voucher, TEXT_KEYS_ANY);
		key = screen_key(k);
	} while (key == KEY_AGAIN);
}

void
page_redeem(struct kiosk *k)
{
	const Timebox__V1__Catalogue *c = k->desk.catalogue->catalogue;
	struct paging p = {.n = c->n_items};
	struct desk_offer o;
	char line[SAY_SIZE];
	size_t index = 0;

	for (;;) {
		enum choice choice;

		screen_begin(k, TEXT_REDEEM, TEXT_KEYS_LIST);
		draw_text(2, 4, 72, DRAW_BOLD,
			say_with(k, line, TEXT_REDEEM_HAVE,
				(unsigned long long)k->desk.member->member->available));
		if (p.n == 0)
			draw_middle(9, DRAW_PLAIN, say(k, TEXT_ITEM_LIST_EMPTY));
		for (size_t i = 0; i < LINES && p.page * LINES + i < p.n; i++) {
			desk_offer(&k->desk, p.page * LINES + i, &o);
			draw_offer(k, line_begin(i), &o);
		}
		draw_page(k, &p);
		choice = page_choice(&p, screen_key(k), &index);
		if (choice == CHOICE_BACK)
			return;
		if (choice == CHOICE_NONE)
			continue;
		desk_offer(&k->desk, index, &o);
		redeem_item(k, &o);
		return;
	}
}

/* ---- my vouchers ---- */

static void
voucher_cancel(struct kiosk *k, const Timebox__V1__Voucher *v)
{
	enum result r;
	int key;

	do {
		screen_begin(k, TEXT_VOUCHERS, TEXT_KEYS_YES);
		draw_middle(8, DRAW_BOLD, v->code);
		draw_middle(11, DRAW_BOLD, say(k, TEXT_CANCEL_ASK));
		key = screen_key(k);
		if (key == '0' || key == KEY_GONE)
			return;
	} while (key != '1');
	screen_wait(k);
	r = desk_cancel(&k->desk, v);
	if (r == RESULT_OK)
		screen_say(k, TEXT_VOUCHERS, say(k, TEXT_CANCEL_DONE), "");
	else
		screen_failed(k, TEXT_VOUCHERS, r);
}

static void
voucher_show(struct kiosk *k, const Timebox__V1__Voucher *v)
{
	struct desk_voucher voucher = {.count = v->count, .use_by_us = v->use_by_us};

	if (v->leaf.len == HASH_LEN)
		receipt_short(voucher.receipt, v->seq, v->leaf.data);
	(void)snprintf(voucher.code, sizeof(voucher.code), "%s", v->code);
	(void)snprintf(voucher.item, sizeof(voucher.item), "%s", v->item);
	(void)snprintf(voucher.outlet, sizeof(voucher.outlet), "%s", v->outlet);
	for (;;) {
		int key;

		draw_voucher(k, &voucher, TEXT_KEYS_VOUCHER);
		key = screen_key(k);
		if (key == '1')
			voucher_cancel(k, v);
		if (key == '1' || key == '0' || key == KEY_GONE)
			return;
	}
}

void
page_vouchers(struct kiosk *k)
{
	char line[SAY_SIZE], day[DESK_TIME_SIZE];
	struct paging p = {.n = 0};
	enum choice choice = CHOICE_NONE;
	size_t index = 0;

	while (desk_held(&k->desk, p.n) != NULL)
		p.n++;
	if (p.n == 0) {
		screen_say(k, TEXT_VOUCHERS, say(k, TEXT_VOUCHERS_NONE), "");
		return;
	}
	while (choice == CHOICE_NONE) {
		screen_begin(k, TEXT_VOUCHERS, TEXT_KEYS_LIST);
		for (size_t i = 0; i < LINES && p.page * LINES + i < p.n; i++) {
			const Timebox__V1__Voucher *v = desk_held(&k->desk, p.page * LINES + i);
			int row = line_begin(i);

			(void)snprintf(line, sizeof(line), "%.60s × %u",
				desk_item_name(&k->desk, v->item), v->count);
			draw_text(row, TEXT_LEFT, 28, DRAW_BOLD, line);
			draw_text(row, 38, 24, DRAW_PLAIN, v->code);
			draw_text(row, 64, 15, DRAW_PLAIN, desk_last_day(&k->desk, v->use_by_us, day));
		}
		draw_page(k, &p);
		choice = page_choice(&p, screen_key(k), &index);
	}
	if (choice == CHOICE_LINE)
		voucher_show(k, desk_held(&k->desk, index));
}

/* ---- check-in and check-out ---- */

/* The i-th activity that is on; NULL beyond the last. */
static const Timebox__V1__Activity *
activity_on(const struct kiosk *k, size_t i)
{
	const Timebox__V1__Activities *list = k->desk.activities->activities;

	for (size_t at = 0; at < list->n_activities; at++) {
		if (!desk_activity_on(&k->desk, list->activities[at]))
			continue;
		if (i-- == 0)
			return list->activities[at];
	}
	return NULL;
}

static void
check_in_to(struct kiosk *k, const Timebox__V1__Activity *a)
{
	char line[SAY_SIZE], time[DESK_TIME_SIZE];
	uint64_t until_us = 0;
	enum result r;

	screen_wait(k);
	r = desk_check_in(&k->desk, a, &until_us);
	if (r != RESULT_OK)
		screen_failed(k, TEXT_CHECK_IN, r);
	else
		screen_say(k, TEXT_CHECK_IN, a->name,
			say_with(k, line, TEXT_CHECK_IN_DONE, desk_time(&k->desk, until_us, time)));
}

void
page_check_in(struct kiosk *k)
{
	struct paging p = {.n = 0};
	enum choice choice = CHOICE_NONE;
	enum result r = desk_get_activities(&k->desk);
	char time[DESK_TIME_SIZE];
	size_t index = 0;

	if (r != RESULT_OK) {
		screen_failed(k, TEXT_CHECK_IN, r);
		return;
	}
	while (activity_on(k, p.n) != NULL)
		p.n++;
	if (p.n == 0) {
		screen_say(k, TEXT_CHECK_IN, say(k, TEXT_CHECK_IN_NONE), say(k, TEXT_CHECK_IN_VISIT));
		return;
	}
	while (choice == CHOICE_NONE) {
		screen_begin(k, TEXT_CHECK_IN, TEXT_KEYS_LIST);
		draw_text(2, 4, 72, DRAW_PLAIN, say(k, TEXT_CHECK_IN_VISIT));
		for (size_t i = 0; i < LINES && p.page * LINES + i < p.n; i++) {
			const Timebox__V1__Activity *a = activity_on(k, p.page * LINES + i);
			int row = line_begin(i);

			draw_text(row, TEXT_LEFT, 44, DRAW_BOLD, a->name);
			draw_text(row, 56, 20, DRAW_PLAIN, desk_time(&k->desk, a->start_us, time));
		}
		draw_page(k, &p);
		choice = page_choice(&p, screen_key(k), &index);
	}
	if (choice == CHOICE_LINE && activity_on(k, index) != NULL)
		check_in_to(k, activity_on(k, index));
}

void
page_check_out(struct kiosk *k)
{
	uint64_t since = k->desk.member->member->session_start_us;
	char line[SAY_SIZE], time[DESK_TIME_SIZE];
	uint32_t minutes = 0;
	enum result r;
	int key;

	if (since == 0) {
		screen_say(k, TEXT_CHECK_OUT, say(k, TEXT_CHECK_OUT_NONE), "");
		return;
	}
	do {
		screen_begin(k, TEXT_CHECK_OUT, TEXT_KEYS_YES);
		draw_middle(8, DRAW_PLAIN,
			say_with(k, line, TEXT_CHECK_OUT_SINCE, desk_time(&k->desk, since, time)));
		draw_middle(11, DRAW_BOLD, say(k, TEXT_CHECK_OUT_ASK));
		key = screen_key(k);
		if (key == '0' || key == KEY_GONE)
			return;
	} while (key != '1');
	screen_wait(k);
	r = desk_check_out(&k->desk, &minutes);
	if (r != RESULT_OK)
		screen_failed(k, TEXT_CHECK_OUT, r);
	else
		screen_say(k, TEXT_CHECK_OUT,
			say_with(k, line, TEXT_CHECK_OUT_DONE, out_minutes(time, minutes, !k->english)),
			"");
}

/* ---- records ---- */

static enum kiosk_text
record_text(uint32_t command)
{
	static const struct {
		uint32_t command;
		enum kiosk_text text;
	} rows[] = {
		{TIMEBOX__V1__COMMAND__KIND_SERVICE_ROWS, TEXT_DID_SERVICE},
		{TIMEBOX__V1__COMMAND__KIND_HOLD, TEXT_DID_HOLD},
		{TIMEBOX__V1__COMMAND__KIND_CONFIRM, TEXT_DID_CONFIRM},
		{TIMEBOX__V1__COMMAND__KIND_CANCEL, TEXT_DID_CANCEL},
		{TIMEBOX__V1__COMMAND__KIND_SYSTEM_RELEASE, TEXT_DID_RELEASE},
		{TIMEBOX__V1__COMMAND__KIND_REVERSE, TEXT_DID_REVERSE},
		{TIMEBOX__V1__COMMAND__KIND_SYSTEM_REVERSE, TEXT_DID_REVERSE},
		{TIMEBOX__V1__COMMAND__KIND_LATE_DELIVERY, TEXT_DID_LATE},
		{TIMEBOX__V1__COMMAND__KIND_GIFT, TEXT_DID_GIFT},
		{TIMEBOX__V1__COMMAND__KIND_CHECK_IN, TEXT_DID_CHECK_IN},
		{TIMEBOX__V1__COMMAND__KIND_CHECK_OUT, TEXT_DID_CHECK_OUT},
		{TIMEBOX__V1__COMMAND__KIND_SYSTEM_CLOSE, TEXT_DID_CHECK_OUT},
		{TIMEBOX__V1__COMMAND__KIND_SYSTEM_CREDIT, TEXT_DID_CREDIT},
		{TIMEBOX__V1__COMMAND__KIND_PIN_SLIP, TEXT_DID_PIN},
		{TIMEBOX__V1__COMMAND__KIND_ERASE, TEXT_DID_ERASE},
		{TIMEBOX__V1__COMMAND__KIND_TEXT_OPEN, TEXT_DID_OPEN},
		{TIMEBOX__V1__COMMAND__KIND_AUDIT_FINDING, TEXT_DID_FINDING},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].command == command)
			return rows[i].text;
	return TEXT_DID_OTHER;
}

static void
draw_record(const struct kiosk *k, int row, const Timebox__V1__HistoryLine *l)
{
	char text[SAY_SIZE], time[DESK_TIME_SIZE];

	draw_text(row, 2, 17, DRAW_PLAIN, desk_time(&k->desk, l->time_us, time));
	draw_text(row, 20, 20, DRAW_BOLD, say(k, record_text(l->command)));
	if (l->item[0] != '\0')
		draw_text(row, 40, 18, DRAW_PLAIN, desk_item_name(&k->desk, l->item));
	if (l->minutes != 0)
		draw_text(row, 59, 14, DRAW_PLAIN, out_minutes_signed(text, l->minutes, !k->english));
	if (l->available != 0) {
		(void)snprintf(text, sizeof(text), "%+lld", (long long)l->available);
		draw_text(row, 74, 6, DRAW_BOLD, text);
	}
}

void
page_records(struct kiosk *k)
{
	uint64_t before = 0;

	for (;;) {
		const Timebox__V1__History *h;
		enum result r = desk_get_history(&k->desk, before, LINES);
		int key;

		if (r != RESULT_OK) {
			screen_failed(k, TEXT_RECORDS, r);
			return;
		}
		h = k->desk.history->history;
		do {
			screen_begin(k, TEXT_RECORDS, TEXT_KEYS_PAGE);
			draw_text(2, 58, 14, DRAW_PLAIN, say(k, TEXT_HOURS));
			draw_text(2, 74, 6, DRAW_PLAIN, say(k, TEXT_POINTS));
			if (h->n_lines == 0)
				draw_middle(9, DRAW_PLAIN,
					say(k, before == 0 ? TEXT_RECORDS_NONE : TEXT_RECORDS_MORE));
			for (size_t i = 0; i < h->n_lines && i < LINES; i++)
				draw_record(k, FIRST_ROW + 2 * (int)i, h->lines[i]);
			key = screen_key(k);
			if (key == '0' || key == KEY_GONE)
				return;
		} while (key != '9');
		/* After the last page the first one again. */
		before = h->n_lines == 0 ? 0 : h->next_before_seq;
	}
}
