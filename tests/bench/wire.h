/*
 * The few frames that the load is made of, written and read by hand: the load generator shares two
 * cores with the server, so it may cost as little as can be. proto/README.md has the format.
 */
#ifndef TIMEBOX_TESTS_BENCH_WIRE_H
#define TIMEBOX_TESTS_BENCH_WIRE_H

#include "proto/crypto.h"
#include "tests/bench/conn.h"

#include <stddef.h>
#include <stdint.h>

#define WIRE_COMMANDS_MAX 1024

/* Who sends an act. */
struct actor {
	const char *origin;
	uint8_t key[KEY_LEN];
	uint8_t session[8];
	uint64_t member; /* 0: a key of its own, which signs */
	uint8_t seed[SEED_LEN];
};

struct answer {
	uint64_t number;
	uint32_t code; /* 0 is OK */
	char name[40];
	/* Of a receipt: */
	uint64_t seq;
	const uint8_t *leaf; /* HASH_LEN bytes in the frame, or NULL */
	const char *voucher; /* the first code's text, not terminated, or NULL */
	size_t voucher_len;
};

/* A pseudo-random number (xorshift128+), seeded from the system at the first call. */
uint64_t wire_random(void);

/* Each appends one frame to c->out and counts it. `now_us` is the server's clock. */
void wire_gift(struct conn *c, const struct actor *a, uint64_t now_us, const uint64_t *to, unsigned n);
void wire_hold(struct conn *c, const struct actor *a, uint64_t now_us, const char *item);
void wire_confirm(struct conn *c, const struct actor *a, uint64_t now_us, const struct answer *held);
void wire_get_member(struct conn *c, uint64_t member);
void wire_login(struct conn *c, const char *number, const char *pin);

/* Takes the first frame of c->in apart: its whole length, or 0 while it is not complete. *body and
 * *body_len are the message. */
size_t wire_frame(const struct conn *c, const uint8_t **body, size_t *body_len);
/* Reads a Response; dies for what is none. */
void wire_answer(const uint8_t *p, size_t n, struct answer *out);

#endif
