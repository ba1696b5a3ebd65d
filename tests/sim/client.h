/* Clients: their keys, and the requests that they make, keep and send again. */
#ifndef TIMEBOX_TESTS_SIM_CLIENT_H
#define TIMEBOX_TESTS_SIM_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"
#include "tests/sim/intent.h"
#include "timebox/v1/rpc.pb-c.h"

#define SIM_ORIGIN   "station.example/sim"
#define REQUEST_MAX  2048
#define REQUESTS_MAX 2048
#define ACT_ROOM     2048
/* Keys of clients, in the order in which they enrol; the last is never admitted. */
enum { STAFF_A, STAFF_B, KIOSK, SHOP, MART, STRANGER, CLIENTS };

struct client {
	uint8_t seed[32];
	uint8_t pub[32];
};
extern struct client clients[CLIENTS];

struct request {
	uint32_t client;
	/* The kiosk session it is of; 0: none. */
	uint64_t session;
	uint64_t made_at_us;
	uint8_t id[16];
	uint8_t act[ACT_ROOM];
	size_t len;
	uint8_t signature[64];
	size_t signature_len;
	struct intent intents[ACT_INTENTS];
	uint32_t n;
	/* Beside the act: texts and code. */
	struct {
		uint32_t command, row;
		uint8_t text[48];
		size_t len;
	} texts[INTENT_ROWS + ACT_INTENTS];
	uint32_t n_texts;
	uint8_t code[16];
	size_t code_len;

	/* What became of it, as the simulator knows: its entry, 0: none. */
	uint64_t seq;
	uint64_t time_us;
	uint64_t receipt;
	/* Once refused, for ever; and when it was judged and refused, 0: never. */
	int refused;
	uint64_t refused_us;
	/* The client was told that it is done. */
	int told;
};

/* Secrets of enrolment codes: 0 and 1 those of init, then what the simulator draws. */
extern uint8_t code_secrets[CLIENTS][16];

void clients_begin(void);
/*
 * Fills `r` with the act of these intents, made now, under a new request id. `leaf`: the leaf hash of an
 * entry, from the client's receipts; `digest`: of a batch; `voucher`: the 10 bytes of a voucher.
 */
struct facts {
	void (*leaf)(uint64_t seq, uint8_t leaf[32]);
	void (*digest)(uint64_t batch, uint8_t digest[32]);
	void (*voucher)(uint64_t seq, uint32_t index, uint8_t code[10]);
};
void request_make(struct request *r, uint32_t client, uint64_t session, uint64_t made_at_us,
    const struct intent *intents, uint32_t n, const struct facts *facts);
/* The private side of a request; valid until the next call. */
const Timebox__V1__Private *request_private(const struct request *r);

/* A batch's 16 bytes. */
void batch_bytes(uint64_t batch, uint8_t out[16]);
/* An 8-digit member number with its check digit. */
void member_number(uint32_t n, char out[9]);

#endif
