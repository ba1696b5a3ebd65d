/* What each entry says: who asked, with which key, under which id, and what that means for later. */
#include "client/auditor/auditor_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/keymap.h"
#include "proto/canonical.h"
#include "proto/uuid7.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/types.pb-c.h"

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
	uint8_t key[KEY_LEN];
	unsigned depth;
	struct accounts *accounts;
	struct keymap *ids;	  /* request id -> seq */
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

typedef const Timebox__V1__Entry entry_t;
typedef const Timebox__V1__Act act_t;
typedef const Timebox__V1__Command command_t;

struct ledger *
ledger_new(const char *origin, const uint8_t ledger_key[KEY_LEN], unsigned depth,
    struct auditor_broken *b)
{
	struct ledger *l = calloc(1, sizeof(*l));
	uint64_t first = 1;

	if (l == NULL)
		return NULL;
	l->broken = b;
	l->depth = depth;
	l->origin = origin;
	memcpy(l->key, ledger_key, KEY_LEN);
	l->accounts = accounts_new(b);
	l->ids = keymap_new(UUID7_LEN, sizeof(uint64_t));
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
	keymap_free(l->ids);
	keymap_free(l->codes);
	keymap_free(l->keys);
	keymap_free(l->proposals);
	keymap_free(l->rules);
	free(l->roster);
	free(l);
}

void
ledger_report(struct ledger *l, struct auditor_result *out)
{
	out->signatures = l->signatures;
	out->system = l->system;
	out->members = accounts_members(l->accounts);
	out->accounts = accounts_count(l->accounts);
	out->roster = l->roster;
	out->n_roster = l->n_roster;
	l->roster = NULL;
	l->n_roster = 0;
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
request_id_check(struct ledger *l, act_t *act)
{
	uint64_t *used;

	if (act->actor_key.len != 0) {
		if (act->request_id.len != UUID7_LEN ||
		    uuid7_check(act->request_id.data) != RESULT_OK)
			return broken_set(
			    l->broken, "request_id", l->seq, _("the request id is not a UUIDv7"));
	} else {
		uint8_t want[UUID7_LEN] = {0};

		for (int i = 0; i < 8; i++)
			want[8 + i] = (uint8_t)(l->seq >> (56 - 8 * i));
		if (act->request_id.len != UUID7_LEN ||
		    memcmp(act->request_id.data, want, UUID7_LEN) != 0)
			return broken_set(l->broken, "request_id", l->seq,
			    _("a system entry has another request id than its number gives"));
	}
	if ((used = keymap_add(l->ids, act->request_id.data)) == NULL)
		return RESULT_NO_MEMORY;
	if (*used != 0)
		return broken_set(
		    l->broken, "request_id", l->seq, _("entry %" PRIu64 " has it too"), *used);
	*used = l->seq;
	return RESULT_OK;
}

static enum result
act_check(struct ledger *l, act_t *act)
{
	if (strcmp(act->origin, l->origin) != 0)
		return broken_set(l->broken, "origin", l->seq,
		    _("the act is for the ledger \"%.128s\""), act->origin);
	if (act->n_commands < 1 || act->n_commands > COMMANDS_MAX)
		return broken_set(
		    l->broken, "act", l->seq, _("an act has 1 to 1,024 commands"));
	return request_id_check(l, act);
}

/* ---- keys ---- */

static enum result
code_add(struct ledger *l, const uint8_t *hash, size_t n, struct code code)
{
	struct code *slot;

	if (n != HASH_LEN || keymap_find(l->codes, hash) != NULL)
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

static enum result
genesis_check(struct ledger *l, const Timebox__V1__Genesis *g)
{
	struct code staff = {.role = TIMEBOX__V1__ROLE__ROLE_STAFF, .uses = 1};
	struct code recovery = {.role = TIMEBOX__V1__ROLE__ROLE_STAFF, .uses = 2};
	enum result err;

	if (g->ledger_key.len != KEY_LEN || memcmp(g->ledger_key.data, l->key, KEY_LEN) != 0)
		return broken_set(l->broken, "genesis", l->seq,
		    _("entry 1 names another ledger key than the verifier key"));
	if (g->n_staff_codes != 2 || g->rules == NULL)
		return broken_set(l->broken, "genesis", l->seq,
		    _("entry 1 names two staff codes and the rules"));
	staff.until_us = l->time_us + CODE_LIFE_US;
	for (size_t i = 0; i < g->n_staff_codes; i++)
		if ((err = code_add(l, g->staff_codes[i].data, g->staff_codes[i].len, staff)) !=
		    RESULT_OK)
			return err;
	return code_add(l, g->recovery_code.data, g->recovery_code.len, recovery);
}

static enum result
enrol_check(struct ledger *l, const uint8_t key[KEY_LEN], const Timebox__V1__Enrol *enrol,
    uint32_t *role)
{
	struct code *code = NULL;

	if (enrol->code_hash.len == HASH_LEN)
		code = keymap_find(l->codes, enrol->code_hash.data);
	if (code == NULL || code->uses == 0)
		return broken_set(
		    l->broken, "key", l->seq, _("no invitation with this code is left"));
	if (code->until_us != 0 && l->time_us > code->until_us)
		return broken_set(l->broken, "key", l->seq, _("the code had expired"));
	if (key_find(l, key) != NULL)
		return broken_set(l->broken, "key", l->seq, _("this key was enrolled before"));
	code->uses--;
	*role = code->role;
	return key_add(l, key, code);
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
	if (k->role == TIMEBOX__V1__ROLE__ROLE_AUDITOR)
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
kinds_of(act_t *act)
{
	struct kinds k = {.operator_all = true, .system_all = true};

	for (size_t i = 0; i < act->n_commands; i++) {
		unsigned n = (unsigned)act->commands[i]->kind_case;

		k.genesis |= n == TIMEBOX__V1__COMMAND__KIND_GENESIS;
		k.operator_any |= n < OPERATOR_END;
		k.operator_all &= n < OPERATOR_END;
		k.system_any |= n >= SYSTEM_FIRST;
		k.system_all &= n >= SYSTEM_FIRST;
	}
	k.enrol_alone = act->n_commands == 1 &&
			act->commands[0]->kind_case == TIMEBOX__V1__COMMAND__KIND_ENROL;
	return k;
}

static enum result
system_check(struct ledger *l, entry_t *e, act_t *act, const struct kinds *k)
{
	if (!k->system_all)
		return broken_set(
		    l->broken, "key", l->seq, _("the act names nobody who asks"));
	if (e->signature.len != 0 || act->actor_member != 0 || act->session.len != 0 ||
	    act->on_behalf != 0)
		return broken_set(l->broken, "act", l->seq, _("a system entry is nobody's"));
	l->system++;
	return RESULT_OK;
}

static enum result
signature_check(struct ledger *l, entry_t *e, const uint8_t key[KEY_LEN])
{
	enum result err = RESULT_BAD_SIGNATURE;

	if (e->signature.len == 0)
		return broken_set(l->broken, "signature", l->seq, _("the signature is missing"));
	if (e->signature.len == SIG_LEN)
		err = act_verify(key, e->act.data, e->act.len, e->signature.data);
	if (err == RESULT_BAD_SIGNATURE)
		return broken_set(l->broken, "signature", l->seq,
		    _("the signature is not the actor's over this act"));
	l->signatures++;
	return err;
}

/* The role of the act's key; 0 for the ledger key. */
static enum result
role_check(struct ledger *l, act_t *act, const struct kinds *k, uint32_t *role)
{
	const uint8_t *key = act->actor_key.data;
	bool operator;

	*role = 0;
	if (act->actor_key.len != KEY_LEN)
		return broken_set(
		    l->broken, "key", l->seq, _("the actor's key was never admitted"));
	operator = memcmp(key, l->key, KEY_LEN) == 0;
	if (k->operator_any != k->operator_all || k->operator_any != operator)
		return broken_set(l->broken, "key", l->seq,
		    _("operator commands are the ledger key's, and it gives no others"));
	if (operator)
		return l->seq == 1 ? genesis_check(l, act->commands[0]->genesis) : RESULT_OK;
	if (k->enrol_alone)
		return enrol_check(l, key, act->commands[0]->enrol, role);
	return admitted_check(l, key, role);
}

static enum result
made_at_check(struct ledger *l, act_t *act)
{
	uint64_t made = act->made_at_us, now = l->time_us;

	if (made <= now ? now - made <= MADE_OLD_US : made - now <= MADE_AHEAD_US)
		return RESULT_OK;
	return broken_set(l->broken, "made_at", l->seq, made <= now
		? _("the act was made over 10 minutes before its entry")
		: _("the act was made after its entry"));
}

static enum result
actor_check(struct ledger *l, entry_t *e, act_t *act)
{
	struct kinds k = kinds_of(act);
	bool session;
	uint32_t role;
	enum result err;

	if (k.genesis != (l->seq == 1) || (k.genesis && act->n_commands != 1))
		return broken_set(l->broken, "genesis", l->seq,
		    _("entry 1 is the genesis alone, and no other entry is"));
	if (act->actor_key.len == 0)
		return system_check(l, e, act, &k);
	if (k.system_any)
		return broken_set(
		    l->broken, "act", l->seq, _("a system command in somebody's act"));
	if ((!k.operator_all && (err = made_at_check(l, act)) != RESULT_OK) ||
	    (err = role_check(l, act, &k, &role)) != RESULT_OK)
		return err;
	session = role == TIMEBOX__V1__ROLE__ROLE_KIOSK && !k.enrol_alone;
	if (session != (act->actor_member != 0) ||
	    act->session.len != (session ? (size_t)SESSION_LEN : 0))
		return broken_set(l->broken, "act", l->seq,
		    _("a member and a session are named in a kiosk's acts, and only there"));
	if (session && e->signature.len == 0)
		return RESULT_OK;
	return signature_check(l, e, act->actor_key.data);
}

/* ---- what it means for later ---- */

static struct waiting_key
ref_key(const Timebox__V1__Ref *ref)
{
	return ref == NULL ? (struct waiting_key){0, 0}
			   : (struct waiting_key){ref->seq, ref->index};
}

/* What later checks need to know of a command. */
static enum result
command_note(struct ledger *l, command_t *c, struct waiting *out)
{
	const ProtobufCBinaryData *hash = NULL;

	*out = (struct waiting){.kind = (uint32_t)c->kind_case};
	if (c->kind_case == TIMEBOX__V1__COMMAND__KIND_INVITE) {
		hash = &c->invite->code_hash;
		out->role = (uint32_t)c->invite->role;
	} else if (c->kind_case == TIMEBOX__V1__COMMAND__KIND_KEY_REVOKE) {
		hash = &c->key_revoke->key;
	} else if (c->kind_case == TIMEBOX__V1__COMMAND__KIND_WITHDRAW) {
		out->names = ref_key(c->withdraw->ref);
	} else if (c->kind_case == TIMEBOX__V1__COMMAND__KIND_SEMANTICS_RAISE) {
		out->semantics = c->semantics_raise->semantics;
	}
	if (hash == NULL)
		return RESULT_OK;
	if (hash->len != sizeof(out->hash))
		return broken_set(l->broken, "key", l->seq,
		    _("a code's hash or a key does not have 32 bytes"));
	memcpy(out->hash, hash->data, sizeof(out->hash));
	return RESULT_OK;
}

static enum result
take_effect(struct ledger *l, const struct waiting *w)
{
	struct waiting *other;
	struct auditor_key *key;

	switch (w->kind) {
	case TIMEBOX__V1__COMMAND__KIND_INVITE:
		return code_add(l, w->hash, sizeof(w->hash),
		    (struct code){
			.role = w->role, .uses = 1, .until_us = l->time_us + CODE_LIFE_US});
	case TIMEBOX__V1__COMMAND__KIND_KEY_REVOKE:
		if ((key = key_find(l, w->hash)) == NULL)
			return broken_set(l->broken, "key", l->seq,
			    _("it revokes a key that was never admitted"));
		key->revoked_seq = l->seq;
		return RESULT_OK;
	case TIMEBOX__V1__COMMAND__KIND_WITHDRAW:
		if ((other = keymap_find(l->proposals, &w->names)) != NULL)
			other->waits = 0;
		return RESULT_OK;
	case TIMEBOX__V1__COMMAND__KIND_SEMANTICS_RAISE:
		l->semantics = w->semantics;
		return RESULT_OK;
	default:
		return RESULT_OK;
	}
}

static enum result
proposal_add(struct ledger *l, act_t *act, uint32_t command)
{
	struct waiting_key key = {l->seq, command};
	struct waiting *w = keymap_add(l->proposals, &key);
	enum result err;

	if (w == NULL)
		return RESULT_NO_MEMORY;
	if ((err = command_note(l, act->commands[command], w)) != RESULT_OK)
		return err;
	w->waits = 1;
	return RESULT_OK;
}

static enum result
proposal_apply(struct ledger *l, const Timebox__V1__Effect *effect)
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
effects_note(struct ledger *l, entry_t *e, act_t *act, uint8_t waiting[COMMANDS_MAX])
{
	enum result err;

	for (size_t i = 0; i < e->n_effects; i++) {
		const Timebox__V1__Effect *f = e->effects[i];

		if (f->command >= act->n_commands)
			return broken_set(l->broken, "effects", l->seq,
			    _("an effect is of command %" PRIu32 ": there is none"), f->command);
		if (f->kind == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_PROPOSED) {
			waiting[f->command] = 1;
			if ((err = proposal_add(l, act, f->command)) != RESULT_OK)
				return err;
		} else if (f->kind == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_RULES) {
			if (keymap_add(l->rules, &l->seq) == NULL)
				return RESULT_NO_MEMORY;
		}
	}
	return RESULT_OK;
}

static enum result
effects_apply(struct ledger *l, entry_t *e, act_t *act)
{
	uint8_t waiting[COMMANDS_MAX] = {0};
	struct waiting w;
	enum result err;

	if ((err = effects_note(l, e, act, waiting)) != RESULT_OK)
		return err;
	for (size_t i = 0; i < act->n_commands; i++) {
		if (waiting[i])
			continue;
		if ((err = command_note(l, act->commands[i], &w)) != RESULT_OK ||
		    (err = take_effect(l, &w)) != RESULT_OK)
			return err;
	}
	for (size_t i = 0; i < e->n_effects; i++)
		if (e->effects[i]->kind == TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_APPLIED &&
		    (err = proposal_apply(l, e->effects[i])) != RESULT_OK)
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
act_decode(struct ledger *l, struct arena *arena, entry_t *e, act_t **out)
{
	ProtobufCMessage *message;
	enum result err;

	err = canonical_unpack(
	    &timebox__v1__act__descriptor, arena, e->act.data, e->act.len, &message);
	if (err == RESULT_NO_MEMORY)
		return err;
	if (err != RESULT_OK)
		return broken_set(l->broken, "encoding", l->seq,
		    _("its act's bytes are no canonical act (%s)"), result_name(err));
	*out = (act_t *)message;
	for (size_t i = 0; i < (*out)->n_commands; i++)
		if ((*out)->commands[i]->kind_case == TIMEBOX__V1__COMMAND__KIND__NOT_SET)
			return broken_set(
			    l->broken, "encoding", l->seq, _("a command says nothing"));
	return RESULT_OK;
}

enum result
ledger_entry(struct ledger *l, struct arena *arena, const Timebox__V1__Entry *e)
{
	act_t *act = NULL;
	enum result err;

	l->seq = e->seq;
	if ((err = act_decode(l, arena, e, &act)) != RESULT_OK || (err = head_check(l, e)) != RESULT_OK ||
	    (err = act_check(l, act)) != RESULT_OK || (err = actor_check(l, e, act)) != RESULT_OK ||
	    (err = effects_apply(l, e, act)) != RESULT_OK ||
	    (err = rules_check(l, e)) != RESULT_OK)
		return err;
	return l->depth >= 2 ? accounts_entry(l->accounts, e) : RESULT_OK;
}
