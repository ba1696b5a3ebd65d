#include "tests/sim/sim.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/check.h"
#include "proto/code32.h"
#include "proto/crypto.h"
#include "tests/sim/world.h"

#define TURNS	   120
#define GAP_US	   (30ull * DAY_US)
#define S_US	   1000000ull
#define ID_OFFSET  (2 + sizeof(SIM_ORIGIN) - 1 + 2)
#define KIND(name) TIMEBOX__V1__COMMAND__KIND_##name

struct sim sim;
static struct arena arena;
static sigjmp_buf stop;

void
sim_diverge(const char *format, ...)
{
	va_list ap;

	printf("FAILED seed %llu step %u: ", (unsigned long long)sim.seed, sim.step);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	siglongjmp(stop, 1);
}

static void
on_abort(int signal)
{
	(void)signal;
	sim_diverge("the daemon stopped itself");
}

/* ---- what clients know: leaves and codes from their receipts ---- */

static void
fact_leaf(uint64_t seq, uint8_t leaf[32])
{
	if (seq == 0 || engine_leaf(sim.engine, seq, leaf) != RESULT_OK)
		memset(leaf, 9, 32);
}

static void
fact_digest(uint64_t batch, uint8_t digest[32])
{
	uint8_t leaves[M_PARTS][32];
	uint32_t n = 0;

	for (uint32_t i = 0; i < sim.now.n_batches; i++)
		if (sim.now.batch[i].id == batch)
			for (n = 0; n < sim.now.batch[i].done; n++)
				fact_leaf(sim.now.batch[i].part_seq[n], leaves[n]);
	sha256(leaves, (size_t)n * 32, digest);
}

static void
fact_voucher(uint64_t seq, uint32_t index, uint8_t code[10])
{
	voucher_code(
	    engine_keys(sim.engine)->voucher_key, SIM_ORIGIN, VOUCHER_LABEL, seq, index, code);
}

static const struct facts facts = {fact_leaf, fact_digest, fact_voucher};

struct request *
sim_request(uint32_t client, uint64_t session, uint64_t made_at_us, const struct intent *intents,
    uint32_t n)
{
	struct request *r = &sim.requests[sim.n_requests++];

	CHECK(sim.n_requests <= REQUESTS_MAX);
	request_make(r, client, session, made_at_us, intents, n, &facts);
	return r;
}

/* ---- time ---- */

uint64_t
sim_now_us(void)
{
	return world.wall_us > sim.now.last_us ? world.wall_us : sim.now.last_us + 1;
}

int
sim_doubtful(void)
{
	int64_t drift =
	    (int64_t)(world.wall_us - sim.base_wall_us) - (int64_t)(world.boot_us - sim.base_boot_us);

	return sim.start_doubtful || drift > 5000000 || drift < -5000000;
}

/* ---- one act ---- */

/* A number for a receipt's bytes. */
static uint64_t
receipt_number(uint64_t seq, uint64_t fresh[ACT_INTENTS], Timebox__V1__Receipt **out)
{
	Timebox__V1__Receipt *receipt;
	uint8_t packed[16384], hash[32];
	uint64_t number;
	size_t n = 0, len;

	arena_reset(&arena);
	if (engine_receipt(sim.engine, seq, &arena, &receipt) != RESULT_OK)
		sim_diverge("no receipt of entry %llu", (unsigned long long)seq);
	len = protobuf_c_message_get_packed_size(&receipt->base);
	CHECK(len <= sizeof(packed));
	protobuf_c_message_pack(&receipt->base, packed);
	sha256(packed, len, hash);
	memcpy(&number, hash, 8);
	for (size_t i = 0; i < receipt->n_effects && n < ACT_INTENTS; i++)
		if ((int)receipt->effects[i]->kind == EFFECT_MEMBER_ADDED ||
		    (int)receipt->effects[i]->kind == EFFECT_BENEFICIARY_ADDED)
			fresh[n++] = receipt->effects[i]->id;
	*out = receipt;
	return number;
}

/* The verdict on each row is the one that the model came to. */
static void
compare_rows(const struct request *r, const struct ask *a, const Timebox__V1__Receipt *receipt)
{
	enum result verdict[INTENT_ROWS] = {RESULT_OK};

	if (r->intents[0].kind != KIND(SERVICE_ROWS))
		return;
	for (size_t i = 0; i < receipt->n_effects; i++)
		if ((int)receipt->effects[i]->kind == EFFECT_ROW_REFUSED &&
		    receipt->effects[i]->index < INTENT_ROWS)
			verdict[receipt->effects[i]->index] =
			    (enum result)receipt->effects[i]->verdict;
	for (uint32_t i = 0; i < r->intents[0].n_rows; i++)
		if (!model_refuses_with(a->row_reasons[i], verdict[i]))
			sim_diverge("row %u of entry %llu: %s is not the model's verdict", i,
			    (unsigned long long)receipt->seq, result_name(verdict[i]));
}

/* The answer to an act whose id is new, in time, and was never refused. */
static void
judge_new(struct request *r, enum lie lie, const struct engine_answer *out)
{
	static const enum result lies[LIES] = {[LIE_KEY] = RESULT_WRONG_ACTOR,
	    [LIE_SIGNATURE] = RESULT_BAD_SIGNATURE,
	    [LIE_TEXTS] = RESULT_PRIVATE_MISSING,
	    [LIE_SESSION] = RESULT_SESSION_NEEDED};
	static struct model aside;
	uint64_t fresh[ACT_INTENTS] = {0};
	Timebox__V1__Receipt *receipt;
	struct ask a = {.key = r->client < sim.now.n_keys ? r->client + 1 : 0,
	    .session = r->session,
	    .now_us = sim_now_us(),
	    .seq = sim.now.last_seq + 1,
	    .intents = r->intents,
	    .n = r->n,
	    .fresh = fresh};
	int may;

	if (out->code == RESULT_OK)
		r->receipt = receipt_number(out->seq, fresh, &receipt);
	if (lie != LIE_NONE) {
		aside = sim.now;
		may = model_act(&aside, &a) && 0;
		model_against(&a, lies[lie]);
	} else {
		may = model_act(&sim.now, &a);
	}
	if (may != (out->code == RESULT_OK))
		sim_diverge("act of kind %u: %s, but the model %s (lie %d)", r->intents[0].kind,
		    result_name(out->code), may ? "accepts" : "refuses", (int)lie);
	if (!may && !model_refuses_with(a.reasons, out->code))
		sim_diverge("act of kind %u: %s is no reason of the model's", r->intents[0].kind,
		    result_name(out->code));
	if (!may) {
		r->refused = 1;
		r->refused_us = a.now_us;
		sim.counts.refused++;
		return;
	}
	if (out->again || out->seq != a.seq)
		sim_diverge("entry %llu is not the next", (unsigned long long)out->seq);
	compare_rows(r, &a, receipt);
	r->seq = out->seq;
	r->time_us = a.now_us;
	sim.waiting[sim.n_waiting++] = (uint32_t)(r - sim.requests);
	sim.counts.accepted++;
	compare_members();
}

static int
in_time(const struct request *r, uint64_t now_us)
{
	return r->made_at_us + 600000000 >= now_us && r->made_at_us >= sim.started_us &&
	       r->made_at_us <= now_us + 5000000;
}

static void
compare_again(const struct request *r, const struct engine_answer *out, uint32_t client)
{
	uint64_t fresh[ACT_INTENTS];
	Timebox__V1__Receipt *receipt;

	sim.counts.again++;
	if (client != r->client) {
		if (out->code != RESULT_ID_TAKEN)
			sim_diverge("entry %llu asked for by another: %s",
			    (unsigned long long)r->seq, result_name(out->code));
		return;
	}
	if (out->code != RESULT_OK || !out->again || out->seq != r->seq)
		sim_diverge("entry %llu asked for again: %s, entry %llu",
		    (unsigned long long)r->seq, result_name(out->code),
		    (unsigned long long)out->seq);
	if (receipt_number(r->seq, fresh, &receipt) != r->receipt)
		sim_diverge("entry %llu: another receipt than before", (unsigned long long)r->seq);
}

static void
ask_engine(const struct request *r, enum lie lie, uint32_t client, struct engine_answer *out)
{
	static const uint8_t zero_signature[64];
	uint8_t session[8];
	struct engine_submission in = {.act = r->act,
	    .act_len = r->len,
	    .signature = r->signature,
	    .signature_len = r->signature_len,
	    .texts = lie == LIE_TEXTS ? NULL : request_private(r),
	    .key = clients[client].pub,
	    .session_member = r->session,
	    .session = session};

	memset(session, lie == LIE_SESSION ? 6 : 5, 8);
	if (lie == LIE_SIGNATURE) {
		in.signature = zero_signature;
		in.signature_len = 64;
	}
	engine_decide(sim.engine, &in, out);
	sim.counts.acts++;
	sim.counts.lies += lie != LIE_NONE;
	sim.counts.by_code[(unsigned)out->code & 255]++;
	/* Power or disk failed under this very act. */
	sim.failed |= engine_failed(sim.engine);
}

void
sim_decide(struct request *r, enum lie lie)
{
	uint32_t client = lie == LIE_KEY ? (r->client + 1) % KIOSK : r->client;
	int was_failed = sim.failed, doubtful = sim_doubtful();
	uint64_t now_us = sim_now_us();
	struct engine_answer out;

	if ((lie == LIE_TEXTS && r->n_texts == 0) || (lie == LIE_SESSION && r->session == 0))
		lie = LIE_NONE;
	if (sim.n_waiting == sizeof(sim.waiting) / sizeof(sim.waiting[0]))
		return;
	ask_engine(r, lie, client, &out);
	if (was_failed || sim.failed) {
		if (out.code != RESULT_UNAVAILABLE && (was_failed || out.code != RESULT_DISK_FULL))
			sim_diverge("after a failed write: %s", result_name(out.code));
		return;
	}
	if (r->seq != 0) {
		compare_again(r, &out, client);
		return;
	}
	if (r->refused || !in_time(r, now_us)) {
		if (out.code != RESULT_USE_NEW_ID)
			sim_diverge("an act refused before (%d) or out of time, made at %llu, now %llu, "
				    "start %llu: %s",
			    r->refused, (unsigned long long)r->made_at_us,
			    (unsigned long long)now_us, (unsigned long long)sim.started_us,
			    result_name(out.code));
		r->refused = 1;
		return;
	}
	if (doubtful) {
		if (out.code != RESULT_CLOCK_DOUBTFUL)
			sim_diverge("with a doubtful clock: %s", result_name(out.code));
		r->refused = 1;
		return;
	}
	judge_new(r, lie, &out);
}

void
sim_decide_changed(const struct request *r, const struct intent *other)
{
	static struct request changed;
	enum result want = r->seq != 0 ? RESULT_ID_REUSED : RESULT_USE_NEW_ID;
	struct engine_answer out;

	/* The daemon remembers a refused id for ten minutes, if it lives as long. */
	if (sim.failed || (r->seq == 0 && (r->refused_us == 0 ||
					      sim_now_us() > r->refused_us + 600000000)))
		return;
	request_make(&changed, r->client, r->session, r->made_at_us + 1, other, 1, &facts);
	memcpy(changed.act + ID_OFFSET, r->id, 16);
	CHECK(act_sign(clients[r->client].seed, changed.act, changed.len, changed.signature) ==
	      RESULT_OK);
	ask_engine(&changed, LIE_NONE, r->client, &out);
	if (out.code != want)
		sim_diverge("other bytes under the id of entry %llu (refused %llu us ago): %s",
		    (unsigned long long)r->seq,
		    (unsigned long long)(sim_now_us() - r->refused_us), result_name(out.code));
}

/* ---- a turn ---- */

static const struct request *
request_of(uint64_t seq)
{
	for (uint32_t i = sim.n_requests; i-- > 0;)
		if (sim.requests[i].seq == seq)
			return &sim.requests[i];
	return NULL;
}

/* The roots of all sizes that were looked at. */
static struct {
	uint8_t (*root)[32];
	size_t cap;
} roots;

static void
note_root(uint64_t size)
{
	CHECK(sim.tree.size == size);
	if (size > roots.cap) {
		roots.cap = size * 2;
		NEED(roots.root = reallocarray(roots.root, roots.cap, sizeof(*roots.root)));
	}
	tree_frontier_root(&sim.tree, roots.root[size - 1]);
}

/* One stored entry: chained, dated, and either a client's act as it was sent or one of the
 * daemon's, which the model follows. */
static void
look_at_entry(uint64_t seq)
{
	static uint8_t bytes[ENTRY_MAX_BYTES];
	const struct request *r = request_of(seq);
	const Timebox__V1__Entry *entry;
	const char *wrong = NULL;
	Timebox__V1__Act *act;
	size_t len;

	arena_reset(&arena);
	if (engine_entry(sim.engine, seq, bytes, sizeof(bytes), &len) != RESULT_OK ||
	    entry_decode(bytes, len, &arena, &entry) != RESULT_OK)
		sim_diverge("entry %llu cannot be read", (unsigned long long)seq);
	if (entry->seq != seq || memcmp(entry->prev.data, sim.leaf, 32) != 0)
		sim_diverge("entry %llu is not chained", (unsigned long long)seq);
	tree_leaf_hash(bytes, len, sim.leaf);
	tree_frontier_append(&sim.tree, sim.leaf);
	note_root(seq);
	sim.counts.entries++;
	if (r != NULL) {
		if (entry->act.len != r->len || memcmp(entry->act.data, r->act, r->len) != 0)
			sim_diverge("entry %llu is another act", (unsigned long long)seq);
		if (entry->time_us != r->time_us)
			sim_diverge("entry %llu has another time", (unsigned long long)seq);
		return;
	}
	if (seq != sim.now.last_seq + 1 || entry->time_us <= sim.now.last_us)
		sim_diverge("entry %llu was made by nobody", (unsigned long long)seq);
	act = timebox__v1__act__unpack(NULL, entry->act.len, entry->act.data);
	CHECK(act != NULL && act->n_commands == 1);
	wrong = model_system(&sim.now, act->commands[0], seq, entry->time_us);
	timebox__v1__act__free_unpacked(act, NULL);
	if (wrong != NULL)
		sim_diverge("entry %llu: %s", (unsigned long long)seq, wrong);
}

static void
look_at_entries(uint64_t last)
{
	for (uint64_t seq = sim.kept.last_seq + 1; seq <= last; seq++)
		look_at_entry(seq);
	if (sim.now.last_seq != last)
		sim_diverge("the ledger ends with %llu, the model with %llu",
		    (unsigned long long)last, (unsigned long long)sim.now.last_seq);
	sim.kept = sim.now;
}

void
sim_turn_end(void)
{
	uint64_t now_us = sim_now_us();
	int was_failed = sim.failed;
	enum result err;

	sim.counts.turns++;
	(void)engine_sweep(sim.engine, 1000);
	err = engine_commit(sim.engine);
	if (was_failed && err == RESULT_OK)
		sim_diverge("committed after a failed write");
	sim.failed |= err != RESULT_OK;
	if (world.dead && err == RESULT_OK && engine_last_seq(sim.engine) != store_ledger_size())
		sim_diverge("answered what is not on the disk");
	if (sim.failed) {
		sim.n_waiting = 0;
		return;
	}
	look_at_entries(engine_last_seq(sim.engine));
	if (!sim_doubtful() && model_overdue(&sim.now, now_us) != 0)
		sim_diverge("%u things were left overdue", model_overdue(&sim.now, now_us));
	compare_all();
	/* Most answers arrive. */
	for (uint32_t i = 0; i < sim.n_waiting; i++)
		sim.requests[sim.waiting[i]].told |= world_chance(85);
	sim.n_waiting = 0;
}

/* ---- the process ---- */

static enum result
count_text(void *ctx, uint32_t command, uint32_t row, const uint8_t *key, const uint8_t *text,
    size_t len)
{
	(void)command;
	(void)row;
	(void)key;
	(void)text;
	(void)len;
	++*(uint32_t *)ctx;
	return RESULT_OK;
}

/* The texts of what was accepted are there, of what was not are gone. */
static void
compare_texts(void)
{
	for (uint32_t i = 0; i < sim.n_requests; i++) {
		const struct request *r = &sim.requests[i];
		uint32_t n = 0;

		if (texts_each(engine_people(sim.engine), r->id, count_text, &n) != RESULT_OK ||
		    n != (r->seq == 0 ? 0 : r->n_texts))
			sim_diverge("entry %llu has %u texts, not %u", (unsigned long long)r->seq,
			    n, r->seq == 0 ? 0 : r->n_texts);
	}
}

static void
open_engine(void)
{
	struct engine_error error;

	for (int tries = 0;; tries++) {
		/* The power may go while the daemon starts. */
		if (tries < 3 && world_chance(20))
			world.crash_in = 1 + world_below(3);
		if (engine_open(sim.dir, &sim.engine, &error) == RESULT_OK && !world.dead) {
			/* Half of the time nothing stays in memory that need not. */
			engine_limit(sim.engine, world_below(2));
			world.crash_in = 0;
			return;
		}
		if (!world.dead)
			sim_diverge("it does not start: %s", error.text);
		/* It came up, though what it wrote last was lost. */
		if (sim.engine != NULL)
			engine_close(sim.engine);
		sim.engine = NULL;
		world_power_on();
	}
}

/* What of the last turn lasted: all of it or nothing. */
static void
settle(void)
{
	uint64_t last = engine_last_seq(sim.engine);

	if (last < sim.kept.last_seq)
		sim_diverge("the ledger ends with %llu, acknowledged was %llu",
		    (unsigned long long)last, (unsigned long long)sim.kept.last_seq);
	if (last == sim.kept.last_seq) {
		sim.now = sim.kept;
		for (uint32_t i = 0; i < sim.n_requests; i++) {
			if (sim.requests[i].seq <= last)
				continue;
			if (sim.requests[i].told)
				sim_diverge("entry %llu was acknowledged, and is gone",
				    (unsigned long long)sim.requests[i].seq);
			sim.requests[i].seq = 0;
		}
	}
	look_at_entries(last);
}

/*
 * The ids that were refused are remembered by the process; after it, their being dated before the
 * next start says no. An act that is dated after it (by a client ahead of time, or because the clock
 * was set back) is new again: the daemon cannot know better.
 */
static void
forget_refusals(void)
{
	for (uint32_t i = 0; i < sim.n_requests; i++) {
		if (sim.requests[i].made_at_us >= sim.started_us)
			sim.requests[i].refused = 0;
		sim.requests[i].refused_us = 0;
	}
}

static void
start(void)
{
	open_engine();
	settle();
	sim.failed = 0;
	sim.start_doubtful =
	    world.wall_us < sim.now.last_us || world.wall_us > sim.now.last_us + GAP_US;
	sim.base_wall_us = world.wall_us;
	sim.base_boot_us = world.boot_us;
	sim.started_us = sim_now_us();
	forget_refusals();
	if (engine_started_us(sim.engine) != sim.started_us ||
	    engine_clock_doubtful(sim.engine) != sim.start_doubtful)
		sim_diverge("started at another time, or with another doubt");
	if (sim.start_doubtful && world.wall_us >= sim.now.last_us) {
		if (engine_clock_accept(sim.engine) != RESULT_OK)
			sim_diverge("clock accept failed");
		sim.start_doubtful = 0;
		look_at_entries(engine_last_seq(sim.engine));
	}
	compare_all();
	compare_texts();
}

/* A worker is there soon or late, or not at all. */
static void
read_aside(void)
{
	if (sim.reads == READS_NOTHING) {
		sim.reads = engine_readback_begin(sim.engine) ? READS_SOON : READS_NOTHING;
	} else if (sim.reads == READS_SOON && world_chance(80)) {
		engine_readback_run(sim.engine);
		sim.reads = READS_DONE;
	} else {
		sim.counts.read_aside += sim.reads == READS_DONE;
		engine_readback_end(sim.engine, sim.reads == READS_DONE);
		sim.reads = READS_NOTHING;
	}
}

void
sim_sign(void)
{
	const struct engine_checkpoint *newest = engine_newest(sim.engine);
	uint64_t before = newest->size, last = engine_last_seq(sim.engine);

	if (world_chance(40))
		read_aside();
	if (world_chance(30))
		(void)engine_seal(sim.engine, world_below(2) * 1000, world_below(2) * 1000);
	else if (world_chance(10) && (engine_signed(sim.engine, &newest) != RESULT_OK || newest->size != last))
		sim_diverge("what is committed is not signed");
	newest = engine_newest(sim.engine);
	if (newest->size < before || newest->size > last)
		sim_diverge("size %llu was signed after %llu, of %llu", (unsigned long long)newest->size,
		    (unsigned long long)before, (unsigned long long)last);
	if (newest->size == before)
		return;
	sim.counts.signed_roots++;
	if (memcmp(newest->root, roots.root[newest->size - 1], 32) != 0)
		sim_diverge("another root was signed for %llu", (unsigned long long)newest->size);
	if (engine_writable(sim.engine) == RESULT_CORRUPT)
		sim_diverge("the ledger is said to be damaged");
}

void
sim_restart(int clean, uint64_t later_us)
{
	uint64_t before = 0, last = sim.now.last_seq;

	/* A start takes a while. */
	later_us += S_US;
	sim.counts.restarts++;
	if (clean && !sim.failed && !world.dead)
		before = engine_fingerprint(sim.engine);
	else
		world.dead = 1;
	engine_close(sim.engine);
	sim.engine = NULL;
	sim.reads = READS_NOTHING;
	world_power_on();
	sim.n_waiting = 0;
	if (world_chance(15))
		store_rows_lose();
	world.wall_us += later_us;
	world.boot_us += later_us;
	start();
	if (before != 0 && sim.now.last_seq == last && engine_fingerprint(sim.engine) != before)
		sim_diverge("other rows after a clean restart");
}

void
sim_last_checks(void)
{
	uint64_t before;

	if (sim.failed)
		sim_restart(0, 1000);
	before = engine_fingerprint(sim.engine);
	for (uint32_t i = 0; i < sim.n_requests; i++) {
		struct request *r = &sim.requests[i];

		if (r->seq != 0 || r->refused)
			sim_decide(r, LIE_NONE);
	}
	world.dead = 1;
	engine_close(sim.engine);
	sim.engine = NULL;
	world_power_on();
	store_rows_lose();
	world.wall_us += S_US;
	world.boot_us += S_US;
	start();
	if (sim.failed == 0 && engine_fingerprint(sim.engine) != before)
		sim_diverge("other rows when replayed from nothing");
	for (uint32_t i = 0; i < sim.n_requests; i++)
		sim_decide(&sim.requests[i], LIE_NONE);
}

void
sim_begin(uint64_t seed)
{
	struct engine_keys keys;
	uint8_t secrets[3][16];
	struct request *requests = sim.requests;
	struct sim_counts counts = sim.counts;
	char dir[64];

	memcpy(dir, sim.dir, sizeof(dir));
	memset(&sim, 0, sizeof(sim));
	memcpy(sim.dir, dir, sizeof(dir));
	sim.requests = requests;
	sim.counts = counts;
	sim.seed = seed;
	world_begin(seed);
	clients_begin();
	CHECK(engine_init(sim.dir, SIM_ORIGIN, 480, secrets, &keys) == RESULT_OK);
	memcpy(code_secrets[0], secrets[0], 16);
	memcpy(code_secrets[1], secrets[1], 16);
	model_begin(&sim.now, world.wall_us);
	sim.kept = sim.now;
	open_engine();
	fact_leaf(1, sim.leaf);
	tree_frontier_append(&sim.tree, sim.leaf);
	note_root(1);
	sim.base_wall_us = world.wall_us;
	sim.base_boot_us = world.boot_us;
	sim.started_us = engine_started_us(sim.engine);
}

void
sim_end(void)
{
	world.dead = 1;
	engine_close(sim.engine);
	sim.engine = NULL;
	world_end();
}

/* ---- the program: sim RUNS SEED ---- */

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
report(uint64_t passed, uint64_t failed, double took, double simulated)
{
	const struct sim_counts *c = &sim.counts;

	printf("acts %llu (accepted %llu, again %llu, refused %llu, lies %llu), entries %llu, turns "
	       "%llu, restarts %llu, crashes %llu, failed writes %llu, signed %llu, read aside %llu\n",
	    (unsigned long long)c->acts, (unsigned long long)c->accepted,
	    (unsigned long long)c->again, (unsigned long long)c->refused,
	    (unsigned long long)c->lies, (unsigned long long)c->entries,
	    (unsigned long long)c->turns, (unsigned long long)c->restarts,
	    (unsigned long long)c->crashes, (unsigned long long)c->failures,
	    (unsigned long long)c->signed_roots, (unsigned long long)c->read_aside);
	if (getenv("SIM_CODES") != NULL)
		for (unsigned i = 0; i < 256; i++)
			if (c->by_code[i] > 0)
				printf("  %-28s %llu\n", result_name((enum result)i),
				    (unsigned long long)c->by_code[i]);
	printf("%.1f seeds/s, %.0f times real time\n", (double)(passed + failed) / took,
	    simulated / took);
	printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
}

int
main(int argc, char **argv)
{
	uint64_t runs = argc > 1 ? strtoull(argv[1], NULL, 10) : 300;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	volatile uint64_t passed = 0, failed = 0;
	volatile double simulated = 0;
	double began = seconds();
	char lock[80];

	snprintf(sim.dir, sizeof(sim.dir), "/tmp/timebox-sim-XXXXXX");
	CHECK(mkdtemp(sim.dir) != NULL);
	signal(SIGABRT, on_abort);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sim.requests = calloc(REQUESTS_MAX, sizeof(*sim.requests));
	CHECK(sim.requests != NULL && arena_init(&arena, 4u << 20) == RESULT_OK);
	for (uint64_t i = 0; i < runs && failed == 0; i++) {
		if (sigsetjmp(stop, 1) != 0) {
			failed++;
			break;
		}
		sim_begin(seed + i);
		uint64_t from_us = world.wall_us;

		script_run(TURNS);
		sim_last_checks();
		simulated += (double)(world.wall_us - from_us) / 1e6;
		sim.counts.crashes += world.crashes;
		sim.counts.failures += world.failures;
		sim_end();
		passed++;
	}
	report(passed, failed, seconds() - began, simulated);
	snprintf(lock, sizeof(lock), "%s/lock", sim.dir);
	unlink(lock);
	rmdir(sim.dir);
	return failed != 0;
}
