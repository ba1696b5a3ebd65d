#include "tests/sim/world.h"

#include <string.h>

#include "daemon/engine/engine_int.h"
#include "daemon/ops/clock.h"
#include "daemon/ops/log.h"
#include "proto/crypto.h"

struct world world;

/* splitmix64. */
uint64_t
world_random(void)
{
	uint64_t z = world.random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t
world_below(uint32_t n)
{
	return (uint32_t)((world_random() >> 32) * n >> 32);
}

int
world_chance(uint32_t percent)
{
	return world_below(100) < percent;
}

void
world_begin(uint64_t seed)
{
	memset(&world, 0, sizeof(world));
	world.random = seed * 0x2545f4914f6cdd1du + 1;
	/* Some moment of 2026 to 2028. */
	world.wall_us = 1767225600000000u + world_random() % (2ull * 365 * 86400 * 1000000);
	world.boot_us = 1000000000;
	store_ledger_reset();
	store_people_reset();
	store_rows_reset();
}

void
world_end(void)
{
	store_ledger_reset();
	store_people_reset();
	store_rows_reset();
}

void
world_power_on(void)
{
	world.dead = 0;
	world.crash_in = world.fail_in = 0;
	world.fail_checkpoint = 0;
}

enum fate
world_fate(int checkpoint)
{
	if (world.dead)
		return FATE_LOST;
	world.writes++;
	if (world.crash_in > 0 && --world.crash_in == 0) {
		world.dead = 1;
		world.crashes++;
		return world_chance(50) ? FATE_LOST : FATE_UNTOLD;
	}
	if (checkpoint && world.fail_checkpoint) {
		world.fail_checkpoint = 0;
		world.failures++;
		return FATE_LOST;
	}
	if (!checkpoint && world.fail_in > 0 && --world.fail_in == 0) {
		world.failures++;
		return world_chance(50) ? FATE_LOST : FATE_UNTOLD;
	}
	return FATE_DONE;
}

enum result
world_failure(void)
{
	return world_chance(30) ? RESULT_DISK_FULL : RESULT_UNAVAILABLE;
}

/* ---- clock and log ---- */

uint64_t
clock_now_us(void)
{
	return world.wall_us;
}

uint64_t
clock_boot_us(void)
{
	return world.boot_us;
}

void
clock_rebase(struct clock *clock)
{
	clock->wall_us = world.wall_us;
	clock->boot_us = world.boot_us;
}

int
clock_doubtful(const struct clock *clock)
{
	int64_t drift =
	    (int64_t)((world.wall_us - clock->wall_us) - (world.boot_us - clock->boot_us));

	return drift > CLOCK_DOUBT_US || drift < -CLOCK_DOUBT_US;
}

void
log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	(void)level;
	(void)event;
	(void)fmt;
}

/* ---- keys and signatures: a keyed checksum, fast, that nobody in here forges by chance ---- */

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *bytes = p;
	uint64_t word;

	for (; n >= 8; bytes += 8, n -= 8) {
		memcpy(&word, bytes, 8);
		h = (h ^ word) * 0x9fb21c651e98df25u;
		h ^= h >> 29;
	}
	for (word = n; n > 0; n--)
		word = word << 8 | *bytes++;
	h = (h ^ word) * 0x9fb21c651e98df25u;
	return h ^ h >> 32;
}

static void
spread(uint64_t h, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		h = mix(h + 1, &i, sizeof(i));
		memcpy(out + i, &h, 8);
	}
}

void
world_public(const uint8_t seed[32], uint8_t pub[32])
{
	spread(mix(1, seed, 32), pub, 32);
}

enum result
ed25519_public(const uint8_t seed[SEED_LEN], uint8_t pub[KEY_LEN])
{
	world_public(seed, pub);
	return RESULT_OK;
}

enum result
ed25519_sign(const uint8_t seed[SEED_LEN], const void *p, size_t n, uint8_t sig[SIG_LEN])
{
	uint8_t pub[32];

	world_public(seed, pub);
	spread(mix(mix(2, pub, 32), p, n), sig, SIG_LEN);
	return RESULT_OK;
}

enum result
act_sign(const uint8_t seed[SEED_LEN], const uint8_t *act, size_t len, uint8_t sig[SIG_LEN])
{
	uint8_t pub[32];

	world_public(seed, pub);
	spread(mix(mix(3, pub, 32), act, len), sig, SIG_LEN);
	return RESULT_OK;
}

enum result
act_verify(const uint8_t pub[KEY_LEN], const uint8_t *act, size_t len, const uint8_t sig[SIG_LEN])
{
	uint8_t want[SIG_LEN];

	spread(mix(mix(3, pub, 32), act, len), want, SIG_LEN);
	return memcmp(want, sig, SIG_LEN) == 0 ? RESULT_OK : RESULT_BAD_SIGNATURE;
}

enum result
crypto_random(void *out, size_t n)
{
	uint8_t *bytes = out;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)world_random();
	return RESULT_OK;
}

/* ---- DIR/keys ---- */

enum result
keys_load(const char *dir, struct engine_keys *out)
{
	(void)dir;
	memset(out->ledger_seed, 1, 32);
	memset(out->tls_seed, 2, 32);
	memset(out->voucher_key, 3, 32);
	return ed25519_public(out->ledger_seed, out->ledger_pub);
}

enum result
keys_make(const char *dir, struct engine_keys *out)
{
	return keys_load(dir, out);
}

/* Nobody changes the ledger's key here. */
enum result
keys_settle(const char *dir, const uint8_t ledger_key[32], struct engine_keys *keys)
{
	(void)dir;
	return memcmp(ledger_key, keys->ledger_pub, 32) == 0 ? RESULT_OK : RESULT_BAD_SIGNATURE;
}

enum result
keys_next(const char *dir, uint8_t seed[32], uint8_t pub[32])
{
	(void)dir;
	(void)seed;
	(void)pub;
	return RESULT_INTERNAL;
}
