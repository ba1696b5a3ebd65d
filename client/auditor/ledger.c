/* What each entry says: who asked, with which key, under which id, and what that means for later. */
#include "client/auditor/auditor_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/ids.h"
#include "client/auditor/keymap.h"
#include "client/auditor/said.h"
#include "daemon/book/words.h"
#include "proto/uuid7.h"

#define COMMANDS_MAX 1024
#define SYSTEM_FIRST 90 /* commands of the daemon itself */
#define OPERATOR_END 10 /* commands of the ledger key are below */
#define SESSION_LEN  8
#define CODE_LIFE_US (UINT64_C(72) * 3600 * 1000000)
/* An act is entered within this time of being made, by the clock that its client was told. */
#define MADE_OLD_US   (UINT64_C(600) * 1000000)
#define MADE_AHEAD_US (UINT64_C(5) * 1000000)

/* What an enrolment code admits to; until_us 0: without end. */
struct code {
	uint32_t role, uses;
	uint64_t until_us;
	uint64_t seq; /* the entry that made it valid */
};

struct waiting_key {
	uint64_t seq, command;
};

/* A proposal, as far as later checks need it. */
struct waiting {
	uint32_t kind, waits, role, semantics;
	uint8_t hash[32]; /* an invitation's code, or the key to revoke */
	struct waiting_key names;
};

struct ledger {
	struct auditor_broken *broken;
	const char *origin;
	uint8_t first_key[KEY_LEN];
	struct keychain chain; /* the ledger's own keys so far */
	unsigned depth;
	struct accounts *accounts;
	struct ids *ids;	  /* request ids */
	struct keymap *codes;	  /* code hash -> struct code */
	struct keymap *keys;	  /* key -> its place in the roster */
	struct keymap *proposals; /* struct waiting_key -> struct waiting */
	struct keymap *rules;	  /* seq of a rule set -> 1 */
	struct auditor_key *roster;
	size_t n_roster, roster_size;
	uint64_t seq, time_us;
	uint32_t semantics;
	uint64_t signatures, system;
};

typedef const struct said entry_t;
typedef const struct deed deed_t;
typedef const struct command command_t;

struct ledger *
ledger_new(const char *origin, const uint8_t first_key[KEY_LEN], unsigned depth,
    struct auditor_broken *b)
{
	struct ledger *l = calloc(1, sizeof(*l));
	uint64_t first = 1;

	if (l == NULL)
		return NULL;
	l->broken = b;
	l->depth = depth;
	l->origin = origin;
	memcpy(l->first_key, first_key, KEY_LEN);
	l->accounts = accounts_new(b);
	l->ids = ids_new();
	l->codes = keymap_new(HASH_LEN, sizeof(struct code));
	l->keys = keymap_new(KEY_LEN, sizeof(size_t));
	l->proposals = keymap_new(sizeof(struct waiting_key), sizeof(struct waiting));
	l->rules = keymap_new(sizeof(uint64_t), 1);
	if (l->accounts != NULL && l->ids != NULL && l->codes != NULL && l->keys != NULL &&
	    l->proposals != NULL && l->rules != NULL && keymap_add(l->rules, &first) != NULL)
		return l;
	ledger_free(l);
	return NULL;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	accounts_free(l->accounts);
	ids_free(l->ids);
	keymap_free(l->codes);
	keymap_free(l->keys);
	keymap_free(l->proposals);
	keymap_free(l->rules);
	free(l->roster);
	free(l);
}

bool
ledger_key_signs(const struct ledger *l, const uint8_t key[KEY_LEN], uint64_t size)
{
	return l->chain.n > 0 && memcmp(l->chain.list[keychain_at(&l->chain, size)].key, key, KEY_LEN) == 0;
}

void
ledger_report(struct ledger *l, struct auditor_result *out)
{
	out->signatures = l->signatures;
	out->system = l->system;
	out->members = accounts_members(l->accounts);
	out->accounts = accounts_count(l->accounts);
	out->keys = l->chain;
	out->roster = l->roster;
	out->n_roster = l->n_roster;
	l->roster = NULL;
	l->n_roster = 0;
}

void
ledger_dump(struct ledger *l, struct dump *d)
{
	size_t n = l->n_roster;

	dump_bytes(d, &l->seq, sizeof(l->seq));
	dump_bytes(d, &l->time_us, sizeof(l->time_us));
	dump_bytes(d, &l->semantics, sizeof(l->semantics));
	dump_bytes(d, &l->signatures, sizeof(l->signatures));
	dump_bytes(d, &l->system, sizeof(l->system));
	dump_bytes(d, &l->chain, sizeof(l->chain));
	if (d->err == RESULT_OK && l->chain.n > KEYCHAIN_MAX)
		d->err = RESULT_CORRUPT;
	dump_many(d, &n, sizeof(*l->roster));
	if (d->err == RESULT_OK && !d->writing && n > 0) {
		l->roster = calloc(n, sizeof(*l->roster));
		l->n_roster = l->roster_size = l->roster == NULL ? 0 : n;
		if (l->roster == NULL)
			d->err = RESULT_NO_MEMORY;
	}
	if (n > 0)
		dump_bytes(d, l->roster, n * sizeof(*l->roster));
	keymap_dump(l->codes, d);
	keymap_dump(l->keys, d);
	keymap_dump(l->proposals, d);
	keymap_dump(l->rules, d);
	ids_dump(l->ids, d);
	accounts_dump(l->accounts, d);
}

const struct accounts *
ledger_accounts(const struct ledger *l)
{
	return l->accounts;
}

/* ---- the head, and the act's ---- */

static enum result
head_check(struct ledger *l, entry_t *e)
{
	if (e->time_us <= l->time_us)
		return broken_set(l->broken, "time", l->seq,
		    _("its time is not after the entry before"));
	l->time_us = e->time_us;
	if (l->seq == 1)
		l->semantics = e->semantics;
	if (e->semantics != l->semantics || l->semantics == 0)
		return broken_set(l->broken, "semantics", l->seq,
		    _("nobody raised the semantics to %" PRIu32), e->semantics);
	return RESULT_OK;
}

static enum result
request_id_check(struct ledger *l, deed_t *d)
{
	const uint8_t *id = d->act.request_id;

	if (d->actor_key_len != 0) {
		if (d->request_id_len != UUID7_LEN || uuid7_check(id) != RESULT_OK)
			return broken_set(
			    l->broken, "request_id", l->seq, _("the request id is not a UUIDv7"));
	} else {
		uint8_t want[UUID7_LEN] = {0};

		for (int i = 0; i < 8; i++)
			want[8 + i] = (uint8_t)(l->seq >> (56 - 8 * i));
		if (d->request_id_len != UUID7_LEN || memcmp(id, want, UUID7_LEN) != 0)
			return broken_set(l->broken, "request_id", l->seq,
			    _("a system entry has another request id than its number gives"));
	}
	return ids_add(l->ids, id, l->seq);
}

static enum result
act_check(struct ledger *l, deed_t *d)
{
	if (d->refusal != RESULT_OK && (d->origin.n != strlen(l->origin) ||
					   memcmp(d->origin.p, l->origin, d->origin.n) != 0))
		return broken_set(l->broken, "origin", l->seq,
		    _("the act is for the ledger \"%.*s\""), (int)d->origin.n < 128 ? (int)d->origin.n : 128,
		    (const char *)d->origin.p);
	if (d->act.n_commands < 1 || d->act.n_commands > COMMANDS_MAX)
		return broken_set(
		    l->broken, "act", l->seq, _("an act has 1 to 1,024 commands"));
	return request_id_check(l, d);
}

/* ---- keys ---- */

static enum result
code_add(struct ledger *l, const uint8_t hash[HASH_LEN], struct code code)
{
	struct code *slot;

	if (keymap_find(l->codes, hash) != NULL)
		return broken_set(l->broken, "key", l->seq,
		    _("the code of this invitation was given out before, or is none"));
	if ((slot = keymap_add(l->codes, hash)) == NULL)
		return RESULT_NO_MEMORY;
	code.seq = l->seq;
	*slot = code;
	return RESULT_OK;
}

static struct auditor_key *
key_find(struct ledger *l, const uint8_t key[KEY_LEN])
{
	const size_t *at = keymap_find(l->keys, key);

	return at == NULL ? NULL : &l->roster[*at];
}

static enum result
key_add(struct ledger *l, const uint8_t key[KEY_LEN], const struct code *code)
{
	size_t *at = keymap_add(l->keys, key);

	if (at == NULL)
		return RESULT_NO_MEMORY;
	if (l->n_roster == l->roster_size) {
		size_t size = l->roster_size == 0 ? 16 : 2 * l->roster_size;
		struct auditor_key *more = reallocarray(l->roster, size, sizeof(*more));

		if (more == NULL)
			return RESULT_NO_MEMORY;
		l->roster = more;
		l->roster_size = size;
	}
	*at = l->n_roster++;
	l->roster[*at] = (struct auditor_key){
	    .role = code->role, .admitted_seq = l->seq, .invited_seq = code->seq};
	memcpy(l->roster[*at].key, key, KEY_LEN);
	return RESULT_OK;
}

/* The key that the ledger has now. */
static const uint8_t *
ledger_key(const struct ledger *l)
{
	return l->chain.n == 0 ? l->first_key : l->chain.list[l->chain.n - 1].key;
}

static enum result
genesis_check(struct ledger *l, command_t *g, bool odd)
{
	struct code staff = {.role = ROLE_STAFF, .uses = 1};
	struct code recovery = {.role = ROLE_STAFF, .uses = 2};
	enum result err;

	if (memcmp(g->key, l->first_key, KEY_LEN) != 0)
		return broken_set(l->broken, "genesis", l->seq,
		    _("entry 1 names another ledger key than the verifier key, and no entry leads from one to the other"));
	if (g->n_hashes != 2 || odd)
		return broken_set(l->broken, "genesis", l->seq,
		    _("entry 1 names two staff codes and the rules"));
	snprintf(l->chain.origin, sizeof(l->chain.origin), "%s", l->origin);
	memcpy(l->chain.list[0].key, g->key, KEY_LEN);
	l->chain.list[0].from = l->seq;
	l->chain.n = 1;
	staff.until_us = l->time_us + CODE_LIFE_US;
	for (size_t i = 0; i < g->n_hashes; i++)
		if ((err = code_add(l, g->hashes[i], staff)) != RESULT_OK)
			return err;
	return code_add(l, g->code_hash, recovery);
}

static enum result
enrol_check(
    struct ledger *l, const uint8_t key[KEY_LEN], command_t *enrol, bool odd, uint32_t *role)
{
	struct code *code = odd ? NULL : keymap_find(l->codes, enrol->code_hash);

	if (code == NULL || code->uses == 0)
		return broken_set(
		    l->broken, "key", l->seq, _("no invitation with this code is left"));
	if (code->until_us != 0 && l->time_us > code->until_us)
		return broken_set(l->broken, "key", l->seq, _("the code had expired"));
	if (key_find(l, key) != NULL)
		return broken_set(l->broken, "key", l->seq, _("this key was enrolled before"));
	if (keychain_has(&l->chain, key))
		return broken_set(l->broken, "key", l->seq, _("this key was the ledger's"));
	code->uses--;
	*role = code->role;
	return key_add(l, key, code);
}

static enum result
ledger_key_check(struct ledger *l, entry_t *e, deed_t *d)
{
	const struct key_entry entry = {.seq = l->seq,
	    .prev = e->prev.p,
	    .act = e->act.p,
	    .signature = e->signature.p,
	    .prev_len = e->prev.n,
	    .act_len = e->act.n,
	    .signature_len = e->signature.n};
	uint32_t i = 0, n = d->act.n_commands;

	/* Operator commands are among themselves. */
	while (i < n && d->act.commands[i].kind < OPERATOR_END && d->act.commands[i].kind != COMMAND_LEDGER_KEY)
		i++;
	if (i == n || d->act.commands[i].kind != COMMAND_LEDGER_KEY)
		return RESULT_OK;
	if (n != 1)
		return broken_set(l->broken, "act", l->seq, _("a change of the ledger's key is an act's only command"));
	switch ((int)keychain_take(&l->chain, &entry)) {
	case RESULT_OK:
		break;
	case RESULT_BAD_SIGNATURE:
		return broken_set(l->broken, "signature", l->seq,
		    _("the change of the ledger's key is not signed by both keys"));
	default:
		return broken_set(l->broken, "key", l->seq,
		    _("the ledger's key is changed to one that cannot be, or for another place in the ledger"));
	}
	if (key_find(l, ledger_key(l)) != NULL)
		return broken_set(l->broken, "key", l->seq, _("the ledger's new key is somebody's"));
	return RESULT_OK;
}

static enum result
admitted_check(struct ledger *l, const uint8_t key[KEY_LEN], uint32_t *role)
{
	const struct auditor_key *k = key_find(l, key);

	if (k == NULL)
		return broken_set(
		    l->broken, "key", l->seq, _("the actor's key was never admitted"));
	if (k->revoked_seq != 0)
		return broken_set(l->broken, "key", l->seq,
		    _("the actor's key was revoked by entry %" PRIu64), k->revoked_seq);
	if (k->role == ROLE_AUDITOR)
		return broken_set(
		    l->broken, "key", l->seq, _("an auditor's key writes nothing"));
	*role = k->role;
	return RESULT_OK;
}

/* ---- who asks ---- */

/* What kinds of commands an act has. */
struct kinds {
	bool genesis, enrol_alone, operator_all, operator_any, system_all, system_any;
};

static struct kinds
kinds_of(deed_t *d)
{
	struct kinds k = {.operator_all = true, .system_all = true};

	for (uint32_t i = 0; i < d->act.n_commands; i++) {
		uint32_t n = d->act.commands[i].kind;

		k.genesis |= n == COMMAND_GENESIS;
		k.operator_any |= n < OPERATOR_END;
		k.operator_all &= n < OPERATOR_END;
		k.system_any |= n >= SYSTEM_FIRST;
		k.system_all &= n >= SYSTEM_FIRST;
	}
	k.enrol_alone = d->act.n_commands == 1 && d->act.commands[0].kind == COMMAND_ENROL;
	return k;
}

static enum result
system_check(struct ledger *l, entry_t *e, deed_t *d, const struct kinds *k)
{
	if (!k->system_all)
		return broken_set(
		    l->broken, "key", l->seq, _("the act names nobody who asks"));
	if (e->signature.n != 0 || d->act.actor_member != 0 || d->session_len != 0 ||
	    d->act.on_behalf != 0)
		return broken_set(l->broken, "act", l->seq, _("a system entry is nobody's"));
	l->system++;
	return RESULT_OK;
}

static enum result
signature_check(struct ledger *l, entry_t *e, deed_t *d)
{
	enum result err = d->signature;

	if (e->signature.n == 0)
		return broken_set(l->broken, "signature", l->seq, _("the signature is missing"));
	if (d->unverified)
		return RESULT_OK;
	if (err == RESULT_BAD_SIGNATURE)
		return broken_set(l->broken, "signature", l->seq,
		    _("the signature is not the actor's over this act"));
	l->signatures++;
	return err;
}

/* The role of the act's key; 0 for the ledger key. */
static enum result
role_check(struct ledger *l, deed_t *d, const struct kinds *k, uint32_t *role)
{
	const uint8_t *key = d->act.actor_key;
	bool operator, odd = d->odd != NULL && d->odd[0];

	*role = 0;
	if (d->actor_key_len != KEY_LEN)
		return broken_set(
		    l->broken, "key", l->seq, _("the actor's key was never admitted"));
	operator = memcmp(key, ledger_key(l), KEY_LEN) == 0;
	if (k->operator_any != k->operator_all || k->operator_any != operator)
		return broken_set(l->broken, "key", l->seq,
		    _("operator commands are the ledger key's, and it gives no others"));
	if (operator)
		return l->seq == 1 ? genesis_check(l, &d->act.commands[0], odd) : RESULT_OK;
	if (k->enrol_alone)
		return enrol_check(l, key, &d->act.commands[0], odd, role);
	return admitted_check(l, key, role);
}

static enum result
made_at_check(struct ledger *l, deed_t *d)
{
	uint64_t made = d->act.made_at_us, now = l->time_us;

	if (made <= now ? now - made <= MADE_OLD_US : made - now <= MADE_AHEAD_US)
		return RESULT_OK;
	return broken_set(l->broken, "made_at", l->seq, made <= now
		? _("the act was made over 10 minutes before its entry")
		: _("the act was made after its entry"));
}

static enum result
actor_check(struct ledger *l, entry_t *e, deed_t *d)
{
	struct kinds k = kinds_of(d);
	bool session;
	uint32_t role;
	enum result err;

	if (k.genesis != (l->seq == 1) || (k.genesis && d->act.n_commands != 1))
		return broken_set(l->broken, "genesis", l->seq,
		    _("entry 1 is the genesis alone, and no other entry is"));
	if (d->actor_key_len == 0)
		return system_check(l, e, d, &k);
	if (k.system_any)
		return broken_set(
		    l->broken, "act", l->seq, _("a system command in somebody's act"));
	if ((!k.operator_all && (err = made_at_check(l, d)) != RESULT_OK) ||
	    (err = role_check(l, d, &k, &role)) != RESULT_OK)
		return err;
	session = role == ROLE_KIOSK && !k.enrol_alone;
	if (session != (d->act.actor_member != 0) ||
	    d->session_len != (session ? (size_t)SESSION_LEN : 0))
		return broken_set(l->broken, "act", l->seq,
		    _("a member and a session are named in a kiosk's acts, and only there"));
	if (session && e->signature.n == 0)
		return RESULT_OK;
	return signature_check(l, e, d);
}

/* ---- what it means for later ---- */

/* What later checks need to know of a command. */
static enum result
command_note(struct ledger *l, deed_t *d, uint32_t i, struct waiting *out)
{
	command_t *c = &d->act.commands[i];

	*out = (struct waiting){.kind = c->kind};
	if (c->kind != COMMAND_INVITE && c->kind != COMMAND_KEY_REVOKE) {
		out->names = (struct waiting_key){c->ref.seq, c->ref.index};
		out->semantics = c->semantics;
		return RESULT_OK;
	}
	if (d->odd != NULL && d->odd[i])
		return broken_set(l->broken, "key", l->seq,
		    _("a code's hash or a key does not have 32 bytes"));
	out->role = c->role;
	memcpy(out->hash, c->kind == COMMAND_INVITE ? c->code_hash : c->key, sizeof(out->hash));
	return RESULT_OK;
}

static enum result
take_effect(struct ledger *l, const struct waiting *w)
{
	struct waiting *other;
	struct auditor_key *key;

	switch ((int)w->kind) {
	case COMMAND_INVITE:
		return code_add(l, w->hash,
		    (struct code){
			.role = w->role, .uses = 1, .until_us = l->time_us + CODE_LIFE_US});
	case COMMAND_KEY_REVOKE:
		if ((key = key_find(l, w->hash)) == NULL)
			return broken_set(l->broken, "key", l->seq,
			    _("it revokes a key that was never admitted"));
		key->revoked_seq = l->seq;
		return RESULT_OK;
	case COMMAND_WITHDRAW:
		if ((other = keymap_find(l->proposals, &w->names)) != NULL)
			other->waits = 0;
		return RESULT_OK;
	case COMMAND_SEMANTICS_RAISE:
		l->semantics = w->semantics;
		return RESULT_OK;
	default:
		return RESULT_OK;
	}
}

static enum result
proposal_add(struct ledger *l, deed_t *d, uint32_t command)
{
	struct waiting_key key = {l->seq, command};
	struct waiting *w = keymap_add(l->proposals, &key);
	enum result err;

	if (w == NULL)
		return RESULT_NO_MEMORY;
	if ((err = command_note(l, d, command, w)) != RESULT_OK)
		return err;
	w->waits = 1;
	return RESULT_OK;
}

static enum result
proposal_apply(struct ledger *l, const struct said_effect *effect)
{
	struct waiting_key key = {effect->id, effect->index};
	struct waiting *w = keymap_find(l->proposals, &key);

	if (w == NULL || !w->waits)
		return broken_set(
		    l->broken, "effects", l->seq, _("what it approves was not waiting"));
	w->waits = 0;
	return take_effect(l, w);
}

static enum result
effects_note(struct ledger *l, entry_t *e, deed_t *d, uint8_t waiting[COMMANDS_MAX])
{
	enum result err;

	for (size_t i = 0; i < e->n_effects; i++) {
		const struct said_effect *f = &e->effects[i];

		if (f->command >= d->act.n_commands)
			return broken_set(l->broken, "effects", l->seq,
			    _("an effect is of command %" PRIu32 ": there is none"), f->command);
		if (f->kind == EFFECT_PROPOSED) {
			waiting[f->command] = 1;
			if ((err = proposal_add(l, d, f->command)) != RESULT_OK)
				return err;
		} else if (f->kind == EFFECT_RULES) {
			if (keymap_add(l->rules, &l->seq) == NULL)
				return RESULT_NO_MEMORY;
		}
	}
	return RESULT_OK;
}

static enum result
effects_apply(struct ledger *l, entry_t *e, deed_t *d)
{
	uint8_t waiting[COMMANDS_MAX] = {0};
	struct waiting w;
	enum result err;

	if ((err = effects_note(l, e, d, waiting)) != RESULT_OK)
		return err;
	for (uint32_t i = 0; i < d->act.n_commands; i++) {
		if (waiting[i])
			continue;
		if ((err = command_note(l, d, i, &w)) != RESULT_OK ||
		    (err = take_effect(l, &w)) != RESULT_OK)
			return err;
	}
	for (size_t i = 0; i < e->n_effects; i++)
		if (e->effects[i].kind == EFFECT_APPLIED &&
		    (err = proposal_apply(l, &e->effects[i])) != RESULT_OK)
			return err;
	return RESULT_OK;
}

static enum result
rules_check(struct ledger *l, entry_t *e)
{
	if (keymap_find(l->rules, &e->rules) != NULL && (l->seq != 1 || e->rules == 1))
		return RESULT_OK;
	return broken_set(
	    l->broken, "rules", l->seq, _("entry %" PRIu64 " set no rules"), e->rules);
}

/* ---- the entry ---- */

static enum result
encoding_check(struct ledger *l, deed_t *d, enum result why)
{
	if (why != RESULT_OK)
		return broken_set(l->broken, "encoding", l->seq,
		    _("its act's bytes are no canonical act (%s)"), result_name(why));
	for (uint32_t i = 0; i < d->act.n_commands; i++)
		if (d->act.commands[i].kind == COMMAND_NONE)
			return broken_set(
			    l->broken, "encoding", l->seq, _("a command says nothing"));
	return RESULT_OK;
}

enum result
ledger_entry(struct ledger *l, const struct said *e, const struct deed *d, enum result why)
{
	enum result err;

	l->seq = e->seq;
	if ((err = encoding_check(l, d, why)) != RESULT_OK || (err = head_check(l, e)) != RESULT_OK ||
	    (err = act_check(l, d)) != RESULT_OK || (err = actor_check(l, e, d)) != RESULT_OK ||
	    (err = ledger_key_check(l, e, d)) != RESULT_OK || (err = effects_apply(l, e, d)) != RESULT_OK || (err = rules_check(l, e)) != RESULT_OK)
		return err;
	return l->depth >= 2 ? accounts_entry(l->accounts, e) : RESULT_OK;
}

enum result
ledger_end(struct ledger *l)
{
	uint64_t first, again;
	enum result err = ids_twice(l->ids, &first, &again);

	if (err != RESULT_CORRUPT)
		return err;
	if (l->broken->kind != NULL && l->broken->entry < again)
		return RESULT_CORRUPT;
	l->broken->kind = NULL;
	l->broken->code = RESULT_OK;
	return broken_set(
	    l->broken, "request_id", again, _("entry %" PRIu64 " has it too"), first);
}
