/* Balances, and the chains of the members' histories. */
#include "client/auditor/auditor_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/keymap.h"

#define CODE_MAX 8 /* characters of an item's or partner's code */

enum owner { OWNER_PROGRAMME, OWNER_MEMBER, OWNER_PARTNER };

/* proto/README.md section 7. */
static const struct kind {
	unsigned purpose;
	const char *name;
	unsigned asset;
	enum owner owner;
	int below_zero;
} kinds[] = {
	{1, "GIVEN", 1, OWNER_PROGRAMME, 1},
	{2, "ISSUED", 2, OWNER_PROGRAMME, 1},
	{3, "DONATED", 3, OWNER_PARTNER, 1},
	{4, "ADJUSTED", 3, OWNER_PROGRAMME, 1},
	{5, "DEBT", 2, OWNER_MEMBER, 1},
	{6, "EXPIRED", 2, OWNER_PROGRAMME, 0},
	{7, "FORFEITED", 2, OWNER_PROGRAMME, 0},
	{8, "POOL", 2, OWNER_PROGRAMME, 0},
	{9, "DELIVERED", 3, OWNER_PROGRAMME, 0},
	{10, "WRITTEN_OFF", 3, OWNER_PROGRAMME, 0},
	{11, "TRANSIT", 3, OWNER_PROGRAMME, 0},
	{20, "MINUTES", 1, OWNER_MEMBER, 0},
	{21, "HONOUR", 1, OWNER_MEMBER, 0},
	{22, "AVAILABLE", 2, OWNER_MEMBER, 0},
	{23, "HELD", 2, OWNER_MEMBER, 0},
	{30, "SHELF", 3, OWNER_PARTNER, 0},
	{31, "OUTLET_HELD", 3, OWNER_PARTNER, 0},
	{32, "RECEIVED", 2, OWNER_PARTNER, 0},
};

static const char *const asset_names[] = {"", "MINUTES", "POINTS", "ITEM"};

struct account_key {
	uint64_t purpose, member, lot;
	char partner[CODE_MAX], item[CODE_MAX];
};
_Static_assert(sizeof(struct account_key) == 40, "no padding: the key is compared as bytes");

/* What an entry's postings of one asset come to. */
struct sum {
	struct said_bytes item; /* empty for minutes and points */
	unsigned asset;
	int64_t total;
};

struct accounts {
	struct auditor_broken *broken;
	struct keymap *balances; /* struct account_key -> int64_t */
	struct keymap *touched;	 /* member -> the last entry that touched it */
};

struct accounts *
accounts_new(struct auditor_broken *b)
{
	struct accounts *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->broken = b;
	a->balances = keymap_new(sizeof(struct account_key), sizeof(int64_t));
	a->touched = keymap_new(sizeof(uint64_t), sizeof(uint64_t));
	if (a->balances != NULL && a->touched != NULL)
		return a;
	accounts_free(a);
	return NULL;
}

void
accounts_free(struct accounts *a)
{
	if (a == NULL)
		return;
	keymap_free(a->balances);
	keymap_free(a->touched);
	free(a);
}

uint64_t
accounts_count(const struct accounts *a)
{
	return keymap_count(a->balances);
}

uint64_t
accounts_members(const struct accounts *a)
{
	return keymap_count(a->touched);
}

void
accounts_dump(struct accounts *a, struct dump *d)
{
	keymap_dump(a->balances, d);
	keymap_dump(a->touched, d);
}

static const struct kind *
kind_find(const struct said_posting *p)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].purpose == p->purpose)
			return &kinds[i];
	return NULL;
}

/* The account of a posting, checked. */
static enum result
account_of(struct auditor_broken *b, uint64_t seq, const struct said_posting *p,
    const struct kind **kind, struct account_key *key)
{
	const struct kind *k = kind_find(p);
	size_t partner = p->partner.n, item = p->item.n;

	if (k == NULL || k->asset != p->asset || (item != 0) != (k->asset == 3) ||
	    item > CODE_MAX || partner > CODE_MAX)
		return broken_set(b, "postings", seq,
		    _("a posting's purpose, asset and item do not go together"));
	if ((p->member != 0) != (k->owner == OWNER_MEMBER) ||
	    (partner != 0) != (k->owner == OWNER_PARTNER))
		return broken_set(b, "postings", seq,
		    _("a posting to %s has the wrong owner"), k->name);
	memset(key, 0, sizeof(*key));
	key->purpose = k->purpose;
	key->member = p->member;
	key->lot = p->lot;
	if (partner > 0)
		memcpy(key->partner, p->partner.p, partner);
	if (item > 0)
		memcpy(key->item, p->item.p, item);
	*kind = k;
	return RESULT_OK;
}

/* What a key says. */
static void
account_fill(struct auditor_account *out, const struct account_key *key, const struct kind *k)
{
	memset(out, 0, sizeof(*out));
	out->purpose = k->name;
	out->asset = asset_names[k->asset];
	out->member = key->member;
	out->lot = key->lot;
	memcpy(out->partner, key->partner, CODE_MAX);
	memcpy(out->item, key->item, CODE_MAX);
}

enum result
account_read(struct auditor_broken *b, uint64_t seq, const struct said_posting *p,
    struct auditor_account *out)
{
	struct account_key key;
	const struct kind *k;
	enum result err = account_of(b, seq, p, &k, &key);

	if (err == RESULT_OK)
		account_fill(out, &key, k);
	return err;
}

struct each {
	void (*fn)(void *user, const struct auditor_account *account);
	void *user;
};

static void
each_one(void *ctx, const void *key, const void *value)
{
	const struct each *each = ctx;
	struct auditor_account a;
	struct account_key k;

	memcpy(&k, key, sizeof(k));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].purpose != k.purpose)
			continue;
		account_fill(&a, &k, &kinds[i]);
		memcpy(&a.balance, value, sizeof(a.balance));
		each->fn(each->user, &a);
	}
}

void
accounts_each(const struct accounts *a,
    void (*fn)(void *user, const struct auditor_account *account), void *user)
{
	struct each each = {fn, user};

	keymap_each(a->balances, each_one, &each);
}

static int
sum_add(struct sum *sums, size_t *n, const struct said_posting *p)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (sums[i].asset == p->asset && sums[i].item.n == p->item.n &&
		    (p->item.n == 0 || memcmp(sums[i].item.p, p->item.p, p->item.n) == 0))
			break;
	if (i == *n)
		sums[(*n)++] = (struct sum){.item = p->item, .asset = p->asset};
	return __builtin_add_overflow(sums[i].total, p->amount, &sums[i].total) ? -1 : 0;
}

static struct said_bytes
sum_name(const struct sum *s)
{
	const char *name = asset_names[s->asset];

	return s->item.n != 0 ? s->item : (struct said_bytes){(const uint8_t *)name, strlen(name)};
}

static enum result
postings_add(
    struct accounts *a, const struct said *e, struct sum *sums, size_t *n_sums)
{
	for (size_t i = 0; i < e->n_postings; i++) {
		const struct said_posting *p = &e->postings[i];
		struct account_key key;
		const struct kind *kind;
		enum result err;
		int64_t *balance;

		if ((err = account_of(a->broken, e->seq, p, &kind, &key)) != RESULT_OK)
			return err;
		if ((balance = keymap_add(a->balances, &key)) == NULL)
			return RESULT_NO_MEMORY;
		if (__builtin_add_overflow(*balance, p->amount, balance) ||
		    sum_add(sums, n_sums, p) != 0)
			return broken_set(a->broken, "postings", e->seq,
			    _("an amount leaves the range of numbers"));
	}
	for (size_t i = 0; i < *n_sums; i++)
		if (sums[i].total != 0)
			return broken_set(a->broken, "postings", e->seq,
			    _("those of %.*s sum to %" PRId64 ", not 0"), (int)sum_name(&sums[i]).n,
			    (const char *)sum_name(&sums[i]).p, sums[i].total);
	return RESULT_OK;
}

static enum result
balance_broken(struct accounts *a, uint64_t seq, const struct kind *k,
    const struct said_posting *p, int64_t balance)
{
	if (k->owner == OWNER_MEMBER)
		return broken_set(a->broken, "balance", seq,
		    _("account %s of member %" PRIu64 " would be %" PRId64), k->name, p->member,
		    balance);
	if (k->owner == OWNER_PARTNER)
		return broken_set(a->broken, "balance", seq,
		    _("account %s of %.*s would be %" PRId64), k->name, (int)p->partner.n,
		    (const char *)p->partner.p, balance);
	return broken_set(a->broken, "balance", seq,
	    _("account %s of the programme would be %" PRId64), k->name, balance);
}

static enum result
balances_check(struct accounts *a, const struct said *e)
{
	for (size_t i = 0; i < e->n_postings; i++) {
		const struct said_posting *p = &e->postings[i];
		struct account_key key;
		const struct kind *k;
		const int64_t *balance;
		enum result err;

		if ((err = account_of(a->broken, e->seq, p, &k, &key)) != RESULT_OK)
			return err;
		if ((balance = keymap_find(a->balances, &key)) == NULL)
			return RESULT_INTERNAL;
		if ((*balance < 0 && !k->below_zero) ||
		    (*balance > 0 && k->purpose == PURPOSE_DEBT))
			return balance_broken(a, e->seq, k, p, *balance);
	}
	return RESULT_OK;
}

static enum result
touched_check(struct accounts *a, const struct said *e)
{
	for (size_t i = 0; i < e->n_touched; i++) {
		const struct said_touched *t = &e->touched[i];
		uint64_t *last = keymap_add(a->touched, &t->member);

		if (last == NULL)
			return RESULT_NO_MEMORY;
		if (t->member == 0 || *last == e->seq)
			return broken_set(a->broken, "touched", e->seq,
			    _("member %" PRIu64 " is named twice, or is none"), t->member);
		if (t->prev != *last)
			return broken_set(a->broken, "touched", e->seq,
			    _("the entry before of member %" PRIu64 " is %" PRIu64 ", not %" PRIu64),
			    t->member, *last, t->prev);
		*last = e->seq;
	}
	for (size_t i = 0; i < e->n_postings; i++) {
		uint64_t member = e->postings[i].member;
		const uint64_t *last = keymap_find(a->touched, &member);

		if (member != 0 && (last == NULL || *last != e->seq))
			return broken_set(a->broken, "touched", e->seq,
			    _("member %" PRIu64 " is touched and not named"), member);
	}
	return RESULT_OK;
}

enum result
accounts_entry(struct accounts *a, const struct said *e)
{
	struct sum few[16], *sums = few;
	size_t n_sums = 0;
	enum result err;

	if (e->n_postings > sizeof(few) / sizeof(few[0]) &&
	    (sums = calloc(e->n_postings, sizeof(*sums))) == NULL)
		return RESULT_NO_MEMORY;
	err = postings_add(a, e, sums, &n_sums);
	if (sums != few)
		free(sums);
	if (err == RESULT_OK)
		err = balances_check(a, e);
	return err == RESULT_OK ? touched_check(a, e) : err;
}
