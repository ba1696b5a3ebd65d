/*
 * PINs: a row per member in the people env, Argon2id in the work pool, failures counted durably before the answer.
 *
 * While a PIN is checked its connection is paused, and no second check for the same member begins: guesses cannot run beside
 * one another. A number that nobody has costs the same time and gets the same answer as a wrong PIN.
 *
 * A PIN belongs to the reset it was set after: a slip that resets moves member_head_row.reset_us, and with
 * that the PIN has ended.
 * A slip works once: the one that was used last is remembered.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/pin_policy.h"
#include "daemon/rpc/rpc_int.h"
#include "proto/crypto.h"

#define PIN_MEMORY_BYTES ((size_t)19 * 1024 * 1024)
#define PIN_OPS 2
#define PIN_TEXT_MAX 64
#define PIN_ROW_VERSION 1
#define PIN_HASH_SIZE 128
_Static_assert(PIN_HASH_SIZE == crypto_pwhash_STRBYTES, "stored");

/* Key: u64be member. Numbers as the machine has them, as everywhere in this env. */
struct pin_row {
	uint32_t version;
	/* Wrong PINs in a row, and when the next may be tried. */
	uint32_t failures;
	uint64_t next_try_us;
	/* member_head_row.reset_us when the PIN was set. */
	uint64_t reset_us;
	/* The slip that set it: used up. */
	uint64_t slip_seq;
	uint32_t slip_index;
	/* The same for wrong slips, which never lock. */
	uint32_t slip_failures;
	uint64_t slip_next_try_us;
	/* Argon2id as libsodium writes it; "" without a PIN. */
	char hash[PIN_HASH_SIZE];
};
_Static_assert(sizeof(struct pin_row) == 176, "PIN rows are stored");

struct pin_job {
	uint32_t magic;
	struct rpc *rpc;
	/* NULL: the connection ended meanwhile. */
	struct peer *peer;
	uint64_t number;
	/* 0: nobody has that number. */
	uint64_t member;
	uint64_t reset_us;
	uint64_t slip_seq;
	uint32_t slip_index;
	int good;
	/* There was no memory to check it. */
	int unchecked;
	char pin[PIN_TEXT_MAX + 1];
	char hash[PIN_HASH_SIZE];
	LIST_ENTRY(pin_job) link;
};

/* ---- rows ---- */

static void
pin_key(uint8_t out[8], uint64_t member)
{
	for (int i = 7; i >= 0; i--) {
		out[i] = (uint8_t)member;
		member >>= 8;
	}
}

/* A member without a row gets an empty one. */
static enum result
pin_read(struct rpc *rpc, uint64_t member, struct pin_row *row)
{
	uint8_t key[8];
	size_t len;
	enum result err;

	pin_key(key, member);
	err = people_get(engine_people(rpc->engine), PEOPLE_PIN, key, sizeof(key), row, sizeof(*row),
			 &len);
	if (err == RESULT_NOT_FOUND) {
		memset(row, 0, sizeof(*row));
		row->version = PIN_ROW_VERSION;
		return RESULT_OK;
	}
	if (err != RESULT_OK)
		return err;
	return len == sizeof(*row) && row->version == PIN_ROW_VERSION ? RESULT_OK : RESULT_CORRUPT;
}

/* Durable when it returns. Between turns no batch of texts is open: this commits nothing else. */
static enum result
pin_write(struct rpc *rpc, uint64_t member, const struct pin_row *row)
{
	struct people *people = engine_people(rpc->engine);
	uint8_t key[8];
	enum result err;

	if (!engine_has_room(rpc->engine))
		return RESULT_DISK_FULL;
	pin_key(key, member);
	err = people_put(people, PEOPLE_PIN, key, sizeof(key), row, sizeof(*row));
	if (err == RESULT_OK)
		err = people_commit(people);
	return err == RESULT_OK || err == RESULT_DISK_FULL ? err : RESULT_UNAVAILABLE;
}

static const struct member_row *
member_of(const struct rpc *rpc, uint64_t member)
{
	const struct row_source *rows = engine_rows(rpc->engine);
	struct row_key k = row_key3(TABLE_MEMBER, member, 0, 0);

	return rows->get(rows->ctx, &k);
}

static int
pin_valid(const struct pin_row *row, const struct member_head_row *head)
{
	return row->hash[0] != 0 && row->reset_us == head->reset_us;
}

int
pin_set(struct rpc *rpc, uint64_t member)
{
	const struct member_head_row *head = member_head(rpc, member);
	struct pin_row row;

	return head != NULL && pin_read(rpc, member, &row) == RESULT_OK && pin_valid(&row, head);
}

/* ---- jobs ---- */

enum result
pin_open(struct rpc *rpc)
{
	static const char nobody[] = "no PIN is this long";

	if (sodium_init() < 0)
		return RESULT_INTERNAL;
	return crypto_pwhash_str(rpc->dummy_hash, nobody, sizeof(nobody) - 1, PIN_OPS,
				 PIN_MEMORY_BYTES) == 0
		       ? RESULT_OK
		       : RESULT_NO_MEMORY;
}

static void
job_free(struct pin_job *job)
{
	OBJ_CHECK(job, PIN_JOB_MAGIC);
	LIST_REMOVE(job, link);
	crypto_wipe(job, sizeof(*job));
	free(job);
}

void
pin_forget(struct peer *peer)
{
	if (peer->job != NULL)
		peer->job->peer = NULL;
	peer->job = NULL;
}

void
pin_drop_all(struct rpc *rpc)
{
	while (!LIST_EMPTY(&rpc->jobs))
		job_free(LIST_FIRST(&rpc->jobs));
}

/*
 * What crypto_pwhash_str_verify does, but for one thing: that says of a PIN for which there was no memory that it does not
 * match. -1 then.
 */
static int
pin_matches(const char *hash, const char *pin, int *good)
{
	char salt_text[23], want_text[44];
	uint8_t salt[crypto_pwhash_SALTBYTES], want[32], have[sizeof(want)];
	unsigned kib, ops;

	*good = 0;
	if (sscanf(hash, "$argon2id$v=19$m=%u,t=%u,p=1$%22[A-Za-z0-9+/]$%43[A-Za-z0-9+/]", &kib, &ops, salt_text,
		   want_text) != 4 ||
	    sodium_base642bin(salt, sizeof(salt), salt_text, strlen(salt_text), NULL, NULL, NULL,
			      sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
	    sodium_base642bin(want, sizeof(want), want_text, strlen(want_text), NULL, NULL, NULL,
			      sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
		return 0;
	if (crypto_pwhash(have, sizeof(have), pin, strlen(pin), salt, ops, (size_t)kib * 1024,
			  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return -1;
	*good = sodium_memcmp(have, want, sizeof(want)) == 0;
	crypto_wipe(have, sizeof(have));
	return 0;
}

/* On a worker: touches nothing but the job. */
static void
run_verify(void *arg)
{
	struct pin_job *job = arg;

	OBJ_CHECK(job, PIN_JOB_MAGIC);
	job->unchecked = pin_matches(job->hash, job->pin, &job->good) != 0;
}

static void
run_hash(void *arg)
{
	struct pin_job *job = arg;

	OBJ_CHECK(job, PIN_JOB_MAGIC);
	job->good = crypto_pwhash_str(job->hash, job->pin, strlen(job->pin), PIN_OPS,
				      PIN_MEMORY_BYTES) == 0;
}

/* Pauses the connection and hands the job to the pool; the answer comes from `done`. */
static enum result
job_submit(struct call *c, struct pin_job *job, void (*run)(void *), void (*done)(void *))
{
	enum result err = work_submit(c->rpc->work, run, done, job);

	if (err != RESULT_OK) {
		job_free(job);
		c->answer->retry_after_s = 1;
		return err;
	}
	c->peer->job = job;
	c->later = 1;
	net_conn_pause(c->peer->conn);
	return RESULT_OK;
}

static struct pin_job *
job_new(struct call *c, uint64_t member, const char *pin)
{
	struct pin_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->magic = PIN_JOB_MAGIC;
	job->rpc = c->rpc;
	job->peer = c->peer;
	job->number = c->answer->number;
	job->member = member;
	memcpy(job->pin, pin, strlen(pin));
	LIST_INSERT_HEAD(&c->rpc->jobs, job, link);
	return job;
}

static int
job_runs_for(const struct rpc *rpc, uint64_t member)
{
	const struct pin_job *job;

	LIST_FOREACH(job, &rpc->jobs, link)
		if (job->member == member && member != 0)
			return 1;
	return 0;
}

/* Answers, lets the connection go on, frees the job. `member` not 0: opens a session. */
static void
job_finish(struct pin_job *job, enum result code, uint32_t retry_after_s, uint64_t member)
{
	struct peer *peer = job->peer;
	const struct key_row *key;
	struct call c;

	if (peer != NULL) {
		key = peer_key(peer);
		call_begin(&c, peer, key, job->number);
		/* It may have been revoked while the PIN was being checked. */
		if (key == NULL || key->status != KEY_ACTIVE)
			code = RESULT_KEY_REVOKED;
		if (code == RESULT_OK && member != 0)
			code = session_begin(&c, member);
		if (code != RESULT_OK)
			log_event(LOG_LEVEL_INFO, "pin_refused", "conn=%llu code=%s",
				  (unsigned long long)net_conn_id(peer->conn), result_name(code));
		answer_code(peer->rpc, c.answer, code);
		c.answer->retry_after_s = retry_after_s;
		answer_send(peer, c.answer);
		peer->job = NULL;
		peer->last_frame_ms = clock_steady_ms();
		net_conn_resume(peer->conn);
	}
	job_free(job);
}

static enum result
wait_refusal(struct call *c, uint32_t left_s)
{
	c->answer->retry_after_s = left_s;
	return RESULT_PIN_WAIT;
}

/* ---- log-in ---- */

/* Failures are durable before anybody learns that the PIN was wrong. */
static enum result
login_failed(struct pin_job *job, struct pin_row *row, uint32_t *wait_s)
{
	enum result err;

	if (row->failures < PIN_LOCK_FAILURES)
		row->failures++;
	*wait_s = pin_wait_s(row->failures);
	row->next_try_us = clock_now_us() + *wait_s * 1000000ull;
	if ((err = pin_write(job->rpc, job->member, row)) != RESULT_OK)
		return err;
	if (row->failures < PIN_LOCK_FAILURES)
		return RESULT_WRONG_PIN;
	*wait_s = 0;
	return RESULT_PIN_LOCKED;
}

static void
done_login(void *arg)
{
	struct pin_job *job = arg;
	const struct member_head_row *head = member_head(job->rpc, job->member);
	struct pin_row row;
	uint32_t wait_s = 0;
	enum result err;

	/* Since a write failed the rows are not what the ledger holds. */
	if (engine_failed(job->rpc->engine)) {
		job_finish(job, RESULT_UNAVAILABLE, 0, 0);
		return;
	}
	if (job->unchecked) {
		job_finish(job, RESULT_BUSY, 1, 0);
		return;
	}
	if (head == NULL) {
		job_finish(job, RESULT_WRONG_PIN, 0, 0);
		return;
	}
	err = pin_read(job->rpc, job->member, &row);
	if (err == RESULT_OK && (!pin_valid(&row, head) || strcmp(row.hash, job->hash) != 0)) {
		/* Reset or set anew while it was being checked. */
		err = RESULT_PIN_NOT_SET;
	} else if (err == RESULT_OK && !job->good) {
		err = login_failed(job, &row, &wait_s);
	} else if (err == RESULT_OK && row.failures > 0) {
		row.failures = 0;
		row.next_try_us = 0;
		err = pin_write(job->rpc, job->member, &row);
	}
	job_finish(job, err, wait_s, err == RESULT_OK ? job->member : 0);
}

/* The member that number or card stand for; 0: nobody. */
static uint64_t
login_member(struct call *c, const Timebox__V1__Login *ask)
{
	struct people *people = engine_people(c->rpc->engine);
	const struct member_row *m;
	uint64_t member = 0, seq = 0;

	if (ask->number[0] != 0)
		return texts_member_by_number(people, ask->number, &member) == RESULT_OK ? member : 0;
	if (texts_card(people, ask->card, &member, &seq) != RESULT_OK)
		return 0;
	m = member_of(c->rpc, member);
	return m != NULL && seq != 0 && m->card_seq == seq ? member : 0;
}

/* Whether a PIN may be tried now; `hash` gets what it is checked against. */
static enum result
login_ready(struct call *c, uint64_t member, char hash[PIN_HASH_SIZE])
{
	const struct member_head_row *head = member_head(c->rpc, member);
	struct pin_row row;
	uint32_t left_s;
	enum result err;

	memcpy(hash, c->rpc->dummy_hash, PIN_HASH_SIZE);
	if (head == NULL)
		return RESULT_OK;
	if ((err = pin_read(c->rpc, member, &row)) != RESULT_OK)
		return err;
	if (!pin_valid(&row, head))
		return RESULT_PIN_NOT_SET;
	if (row.failures >= PIN_LOCK_FAILURES)
		return RESULT_PIN_LOCKED;
	if ((left_s = pin_left_s(row.next_try_us, clock_now_us())) > 0)
		return wait_refusal(c, left_s);
	if (job_runs_for(c->rpc, member))
		return wait_refusal(c, 1);
	memcpy(hash, row.hash, PIN_HASH_SIZE);
	return RESULT_OK;
}

enum result
call_login(struct call *c)
{
	const Timebox__V1__Login *ask = c->ask->login;
	char hash[PIN_HASH_SIZE];
	struct pin_job *job;
	uint64_t member;
	enum result err;

	session_end(c->peer);
	if ((ask->number[0] == 0) == (ask->card[0] == 0))
		return call_bad_field(c, "number");
	if (strlen(ask->pin) > PIN_TEXT_MAX)
		return call_bad_field(c, "pin");
	member = login_member(c, ask);
	if ((err = login_ready(c, member, hash)) != RESULT_OK)
		return err;
	if ((job = job_new(c, member, ask->pin)) == NULL)
		return RESULT_NO_MEMORY;
	memcpy(job->hash, hash, PIN_HASH_SIZE);
	return job_submit(c, job, run_verify, done_login);
}

/* ---- setting a PIN with a slip ---- */

static int
slip_used(const struct pin_row *row, const struct member_row *m)
{
	return row->slip_seq == m->slip_seq && row->slip_index == m->slip_index;
}

static void
done_set_pin(void *arg)
{
	struct pin_job *job = arg;
	const struct member_row *m = member_of(job->rpc, job->member);
	struct pin_row row;
	enum result err;

	if (engine_failed(job->rpc->engine)) {
		job_finish(job, RESULT_UNAVAILABLE, 0, 0);
		return;
	}
	if (!job->good || m == NULL) {
		job_finish(job, RESULT_BUSY, 1, 0);
		return;
	}
	err = pin_read(job->rpc, job->member, &row);
	/* Another slip was issued, or this one used, while it was being hashed. */
	if (err == RESULT_OK && (slip_used(&row, m) || m->slip_seq != job->slip_seq ||
				 m->slip_index != job->slip_index))
		err = RESULT_WRONG_SLIP;
	if (err == RESULT_OK) {
		memset(&row, 0, sizeof(row));
		row.version = PIN_ROW_VERSION;
		row.reset_us = job->reset_us;
		row.slip_seq = job->slip_seq;
		row.slip_index = job->slip_index;
		memcpy(row.hash, job->hash, sizeof(row.hash));
		err = pin_write(job->rpc, job->member, &row);
	}
	job_finish(job, err, 0, 0);
}

static enum result
slip_failed(struct call *c, uint64_t member, struct pin_row *row)
{
	uint32_t wait_s;
	enum result err;

	if (row->slip_failures < UINT32_MAX)
		row->slip_failures++;
	wait_s = pin_wait_s(row->slip_failures);
	row->slip_next_try_us = clock_now_us() + wait_s * 1000000ull;
	c->answer->retry_after_s = wait_s;
	err = pin_write(c->rpc, member, row);
	return err != RESULT_OK ? err : RESULT_WRONG_SLIP;
}

enum result
call_set_pin(struct call *c)
{
	const Timebox__V1__SetPin *ask = c->ask->set_pin;
	const struct member_head_row *head;
	const struct member_row *m;
	struct pin_job *job;
	struct pin_row row;
	uint64_t member;
	uint32_t left_s;
	enum result err;

	session_end(c->peer);
	if (!pin_allowed(ask->pin))
		return RESULT_BAD_PIN;
	if (texts_member_by_number(engine_people(c->rpc->engine), ask->number, &member) != RESULT_OK ||
	    (m = member_of(c->rpc, member)) == NULL || (head = member_head(c->rpc, member)) == NULL)
		return RESULT_WRONG_SLIP;
	if ((err = pin_read(c->rpc, member, &row)) != RESULT_OK)
		return err;
	if ((left_s = pin_left_s(row.slip_next_try_us, clock_now_us())) > 0)
		return wait_refusal(c, left_s);
	if (job_runs_for(c->rpc, member))
		return wait_refusal(c, 1);
	if (m->slip_seq == 0 || slip_used(&row, m) ||
	    !engine_slip_matches(c->rpc->engine, m->slip_seq, m->slip_index, ask->slip))
		return slip_failed(c, member, &row);
	if (head->status != MEMBER_ACTIVE)
		return RESULT_NOT_ACTIVE;
	if ((job = job_new(c, member, ask->pin)) == NULL)
		return RESULT_NO_MEMORY;
	job->reset_us = head->reset_us;
	job->slip_seq = m->slip_seq;
	job->slip_index = m->slip_index;
	return job_submit(c, job, run_hash, done_set_pin);
}
