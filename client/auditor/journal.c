/*
 * The postings as a journal that other people's tools read: hledger, beancount, a spreadsheet.
 *
 * Accounts have one name in all three (auditor_account_name): items are commodities, so a lot's account
 * holds one of them. Everything is streamed; only beancount, which wants each account opened, needs
 * the list of those that were.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "client/auditor/auditor_int.h"
#include "client/auditor/keymap.h"
#include "daemon/book/book.h"

#define MINUTE_IN_S 60

struct journal {
	enum auditor_format format;
	FILE *out;
	struct keymap *opened; /* account's name -> 1; for beancount */
	int zone_minutes;
	struct auditor_broken *broken;
};

/* ---- names ---- */

/* A code as a part of a name that all tools take: upper-case letters, digits, dashes; '_' becomes 'u'. */
static void
code_plain(char *out, const char *code)
{
	size_t i;

	for (i = 0; code[i] != '\0'; i++)
		out[i] = code[i] == '_' ? 'u' : code[i];
	out[i] = '\0';
}

void
auditor_account_name(char out[AUDITOR_ACCOUNT_SIZE], const struct auditor_account *a)
{
	char purpose[24], owner[48], lot[32] = "", code[16];
	size_t i;

	code_plain(code, a->partner);
	/* GIVEN -> Given, OUTLET_HELD -> Outlet-held */
	for (i = 0; a->purpose[i] != '\0' && i + 1 < sizeof(purpose); i++)
		purpose[i] = a->purpose[i] == '_'  ? '-'
			     : i == 0 ? a->purpose[i]
				      : (char)(a->purpose[i] - 'A' + 'a');
	purpose[i] = '\0';
	if (a->member != 0)
		snprintf(owner, sizeof(owner), "%s:Member-%" PRIu64,
		    strcmp(a->purpose, "DEBT") == 0 ? "Liabilities" : "Assets", a->member);
	else if (a->partner[0] != '\0')
		snprintf(owner, sizeof(owner), "%s:Partner-%s",
		    strcmp(a->purpose, "DONATED") == 0 ? "Equity" : "Assets", code);
	else
		snprintf(owner, sizeof(owner), "Equity:Programme");
	if (a->lot != 0)
		snprintf(lot, sizeof(lot), ":Lot-%" PRIu64, a->lot);
	snprintf(out, AUDITOR_ACCOUNT_SIZE, "%s:%s%s", owner, purpose, lot);
}

void
auditor_commodity_name(char out[AUDITOR_COMMODITY_SIZE], const struct auditor_account *a)
{
	if (a->item[0] != '\0')
		snprintf(out, AUDITOR_COMMODITY_SIZE, "ITEM-%s-X", a->item);
	else
		snprintf(out, AUDITOR_COMMODITY_SIZE, "%s", a->asset);
}

/* ---- one entry ---- */

struct when {
	char day[16], time[32];
};

static struct when
when_of(const struct journal *j, uint64_t time_us)
{
	time_t local = (time_t)(time_us / 1000000) + (time_t)j->zone_minutes * MINUTE_IN_S;
	struct when w = {"", ""};
	struct tm tm;

	if (gmtime_r(&local, &tm) == NULL)
		return w;
	strftime(w.day, sizeof(w.day), "%Y-%m-%d", &tm);
	strftime(w.time, sizeof(w.time), "%Y-%m-%d %H:%M:%S", &tm);
	return w;
}

/* What the act does, by its first command. */
static const char *
act_kind(const struct deed *d)
{
	const struct command_rule *rule =
	    d->act.n_commands == 0 ? NULL : book_command_find(d->act.commands[0].kind);

	return rule == NULL ? "act" : rule->name;
}

static enum result
account_open(struct journal *j, const char *day, const char *name)
{
	char key[AUDITOR_ACCOUNT_SIZE] = "";
	uint8_t *seen;

	memcpy(key, name, strlen(name));
	if ((seen = keymap_add(j->opened, key)) == NULL)
		return RESULT_NO_MEMORY;
	if (!*seen)
		fprintf(j->out, "%s open %s\n", day, name);
	*seen = 1;
	return RESULT_OK;
}

static enum result
accounts_open(struct journal *j, const struct said *said, const char *day)
{
	enum result err = RESULT_OK;

	for (size_t i = 0; i < said->n_postings && err == RESULT_OK; i++) {
		char name[AUDITOR_ACCOUNT_SIZE];
		struct auditor_account a;

		if ((err = account_read(j->broken, said->seq, &said->postings[i], &a)) != RESULT_OK)
			return err;
		auditor_account_name(name, &a);
		err = account_open(j, day, name);
	}
	return err;
}

static enum result
posting_write(struct journal *j, const struct said *said, size_t i, const struct when *w,
    const char *kind)
{
	char name[AUDITOR_ACCOUNT_SIZE], commodity[AUDITOR_COMMODITY_SIZE];
	const struct said_posting *p = &said->postings[i];
	struct auditor_account a;
	enum result err;

	if ((err = account_read(j->broken, said->seq, p, &a)) != RESULT_OK)
		return err;
	auditor_account_name(name, &a);
	auditor_commodity_name(commodity, &a);
	switch (j->format) {
	case AUDITOR_HLEDGER:
		fprintf(j->out, "    %s  %" PRId64 " \"%s\"\n", name, p->amount, commodity);
		break;
	case AUDITOR_BEANCOUNT:
		fprintf(j->out, "  %s  %" PRId64 " %s\n", name, p->amount, commodity);
		break;
	case AUDITOR_CSV:
		fprintf(j->out, "%" PRIu64 ",%s,%s,%s,%" PRId64 ",%s\r\n", said->seq, w->time, kind,
		    name, p->amount, commodity);
		break;
	}
	return RESULT_OK;
}

static enum result
entry_write(struct journal *j, const struct said *said, const struct deed *deed)
{
	const struct when w = when_of(j, said->time_us);
	const char *kind = act_kind(deed);
	enum result err = RESULT_OK;

	if (said->n_postings == 0)
		return RESULT_OK;
	if (j->format == AUDITOR_BEANCOUNT)
		err = accounts_open(j, said, w.day);
	if (j->format == AUDITOR_HLEDGER)
		fprintf(j->out, "%s * (%" PRIu64 ") %s\n", w.day, said->seq, kind);
	else if (j->format == AUDITOR_BEANCOUNT)
		fprintf(j->out, "%s * \"%s\"\n  entry: %" PRIu64 "\n", w.day, kind, said->seq);
	for (size_t i = 0; i < said->n_postings && err == RESULT_OK; i++)
		err = posting_write(j, said, i, &w, kind);
	if (j->format != AUDITOR_CSV)
		fputc('\n', j->out);
	return err;
}

/* ---- the whole ---- */

static void
head_write(struct journal *j, const struct walk *w)
{
	if (j->format == AUDITOR_CSV)
		fputs("entry,time,act,account,amount,commodity\r\n", j->out);
	else
		fprintf(j->out, "; the ledger %s, its entries with postings; the code in parentheses is "
				"the entry\n\n", w->at.origin);
}

static enum result
entry_take(void *ctx, const struct walk *w, struct said_bytes bytes, const struct said *said,
    const struct deed *deed)
{
	struct journal *j = ctx;

	(void)bytes;
	if (said->seq == 1)
		head_write(j, w);
	j->zone_minutes = w->zone_minutes;
	return entry_write(j, said, deed);
}

enum result
auditor_journal(
    const char *dir, enum auditor_format format, FILE *out, struct auditor_broken *why)
{
	struct journal j = {.format = format, .out = out, .broken = why};
	struct walk w;
	enum result err = RESULT_NO_MEMORY;

	why->kind = NULL;
	if ((j.opened = keymap_new(AUDITOR_ACCOUNT_SIZE, 1)) != NULL)
		err = walk(dir, NULL, entry_take, &j, why, &w);
	if (err == RESULT_OK && fflush(out) != 0)
		err = RESULT_IO;
	keymap_free(j.opened);
	return err;
}
