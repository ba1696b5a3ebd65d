/* A station in a temporary folder, and people who ask it for things: for tests of engine and book
 * without network. */
#ifndef TIMEBOX_TESTS_ENGINE_KIT_H
#define TIMEBOX_TESTS_ENGINE_KIT_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/engine/engine.h"
#include "timebox/v1/act.pb-c.h"

#define KIT_ORIGIN "station.example/test"

/* Who asks: a key, and perhaps a kiosk session. */
struct actor {
	uint8_t seed[32];
	uint8_t pub[32];
	int signs;
	uint64_t member;
	uint8_t session[8];
};

struct kit {
	char dir[64];
	struct engine *engine;
	uint8_t secrets[3][16];
	struct actor staff[2];
	struct actor kiosk;
	struct actor outlet;
	/* Volunteers, and the two social workers' own members. */
	uint64_t member[4];
	uint64_t worker[2];
	uint64_t beneficiary;
	/* What the actors' clocks are ahead of the daemon's. */
	uint64_t ahead_us;
	/* Of the last accepted act. */
	uint64_t seq;
	uint8_t leaf[32];
	/* The last act's bytes, for asking again. */
	uint8_t act[61440];
	size_t act_len;
	uint8_t signature[64];
};

/* An empty station, opened. */
void kit_open(struct kit *k);
/* The same with staff, kiosk, outlet P03, members, catalogue 101 (60:1) and 201 (40:1, training),
 * item I01 (2 points, quota 3), 5 pieces; not open. */
void kit_station(struct kit *k);
/* Links both staff keys and opens it. */
void kit_open_station(struct kit *k);
/* Gives a member so many points: records by one, attested by the other. In set-up only. */
void kit_points(struct kit *k, uint64_t member, uint32_t points);
void kit_close(struct kit *k);
/* Closes and opens again. */
void kit_reopen(struct kit *k);
/* The same with the state thrown away, so that everything is replayed. */
void kit_rebuild(struct kit *k);

/* Asks for one command, as the actor; the private text, if the command needs one, is made up.
 * Commits. */
enum result kit_ask(struct kit *k, const struct actor *who, Timebox__V1__Command *command);
/* Sends the last act once more, as `who`. */
enum result kit_again(struct kit *k, const struct actor *who);
/* Things that fell due, decided and committed; how many entries. */
unsigned kit_sweep(struct kit *k);

/* One-command acts. `member` may be given as an id. */
enum result kit_hold(struct kit *k, uint64_t member, const char *item, uint32_t count);
enum result kit_confirm(struct kit *k, uint64_t seq);
enum result kit_cancel(struct kit *k, uint64_t member, uint64_t seq);
enum result kit_approve(struct kit *k, const struct actor *who, uint64_t seq);

struct member_sums kit_sums(struct kit *k, uint64_t member);
/* Asserts that per asset all accounts sum to zero, and that none is negative that may not be. */
void kit_assert_balanced(struct kit *k);

#endif
