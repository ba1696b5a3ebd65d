/*
 * libtimebox: the way to a timeboxd for every client.
 *
 * A home is a folder with one person's or device's key and the station it belongs to:
 *
 *	HOME/key	the 32-byte Ed25519 seed, mode 0600
 *	HOME/station	lines NAME=VALUE: server (HOST:PORT), server_key (hexadecimal), origin,
 *			vkey, role, partner; written to a new file that is renamed into place
 *
 * A connection (struct timebox) asks questions (timebox_call) and sends acts (timebox_act). An act
 * is composed in a draft, whose commands and private texts are packed as they are added, so nothing
 * given to a draft has to live on. When it is first sent, the draft is sealed: request id and time
 * are fixed, the bytes are signed, and exactly these bytes go out again after a lost connection or
 * an answer "unavailable", until the daemon has said yes or no or the limit has passed. So an act is
 * never done twice, and an act that was accepted is never reported as refused.
 *
 * Every fallible function returns a result; timebox_last_error says where it was and what it is
 * about. A refusal of the daemon is a result too. Not for use by two threads at once; the caller
 * ignores SIGPIPE. Times are µs since 1970 on the daemon's clock.
 */
#ifndef TIMEBOX_CLIENT_LIB_TIMEBOX_H
#define TIMEBOX_CLIENT_LIB_TIMEBOX_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "proto/codes.h"
#include "proto/crypto.h"
#include "proto/uuid7.h"
#include "timebox/v1/act.pb-c.h"
#include "timebox/v1/rpc.pb-c.h"
#include "timebox/v1/types.pb-c.h"

#define TIMEBOX_ALPN	     "timebox/1"
#define TIMEBOX_SECRET_LEN   16 /* of an enrolment code */
#define TIMEBOX_PIN_LEN	     16 /* of the server key's hash in an enrolment code */
#define TIMEBOX_ENROL_LEN    (TIMEBOX_SECRET_LEN + TIMEBOX_PIN_LEN)
#define TIMEBOX_SESSION_LEN  8
#define TIMEBOX_WINDOW	     16	   /* acts in flight at once */
#define TIMEBOX_COMMANDS_MAX 1024  /* commands in one act */
#define TIMEBOX_ACT_MAX	     61440 /* bytes of an act: it has to fit an entry with its effects */
#define TIMEBOX_LIMIT_MS     30000 /* until an act's outcome is given up as unknown */
#define TIMEBOX_CALL_MS	     30000 /* for the answer to a call */
#define TIMEBOX_CONNECT_MS   5000  /* for address, TCP, TLS and hello, each address */

/* ---- errors ---- */

enum timebox_failure {
	TIMEBOX_FAILURE_NONE,
	TIMEBOX_FAILURE_HERE,	 /* before anything was sent: a file, an argument, memory */
	TIMEBOX_FAILURE_REFUSED, /* the daemon said no: it did not happen */
	TIMEBOX_FAILURE_REACH,	 /* no connection, or no answer to a question: nothing happened */
	TIMEBOX_FAILURE_UNKNOWN	 /* an act was sent and no answer came: it may have happened */
};

struct timebox_error {
	enum timebox_failure failure;
	enum result code;
	char where[64];	 /* what was being done: "connect", "act", "HOME/station" */
	char text[256];	 /* detail in English, "" where the code says it all */
	char name[48];	 /* the code's wire name, also of codes newer than this client */
	char field[64];	 /* REFUSED: the field that is wrong, or "" */
	uint32_t command; /* REFUSED: index of the command */
	uint32_t retry_after_s; /* REFUSED: seconds to wait where waiting helps, else 0 */
};

/* Fills *e (any failure but NONE) with the printf-like text; returns `code`. Long texts are cut. */
enum result timebox_error_set(struct timebox_error *e, enum timebox_failure failure,
	enum result code, const char *where, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* ---- home ---- */

#define TIMEBOX_PATH_MAX   3072
#define TIMEBOX_SERVER_MAX 272 /* HOST:PORT and NUL */
#define TIMEBOX_ORIGIN_MAX 256
#define TIMEBOX_VKEY_MAX   512

struct timebox_home {
	char dir[TIMEBOX_PATH_MAX];
	uint8_t seed[SEED_LEN]; /* secret: timebox_home_close wipes it */
	uint8_t key[KEY_LEN];	/* its public key: who this home is */
	/* The station; all empty until the home is enrolled. */
	int enrolled;
	char server[TIMEBOX_SERVER_MAX];
	uint8_t server_key[KEY_LEN];
	char origin[TIMEBOX_ORIGIN_MAX];
	char vkey[TIMEBOX_VKEY_MAX];
	Timebox__V1__Role role; /* as the daemon last said */
	char partner[16];	/* an outlet's own code, else "" */
	/* While enrolling, instead of server_key: the start of its SHA-256. */
	uint8_t server_pin[TIMEBOX_PIN_LEN];
};

/* Reads an existing home. RESULT_NOT_FOUND without a key; RESULT_CORRUPT for a key or station file
 * that is not whole; RESULT_IO; RESULT_NOT_ALLOWED for a key that others may read. A home without a
 * station is opened too, with `enrolled` 0. To be closed. */
MUST_CHECK enum result timebox_home_open(struct timebox_home *home, const char *dir,
	struct timebox_error *e);

/* As above, but where there is no key makes the folder (0700; its parent must exist) and a key. */
MUST_CHECK enum result timebox_home_create(struct timebox_home *home, const char *dir,
	struct timebox_error *e);

/* Writes HOME/station from *home, durable before it returns, whole or not at all. */
MUST_CHECK enum result timebox_home_save(const struct timebox_home *home, struct timebox_error *e);

/* Wipes the seed. Safe to repeat. */
void timebox_home_close(struct timebox_home *home);

/* ---- connection ---- */

struct timebox;

/* Connects, checks the server's key, and waits for its hello: one try, at most TIMEBOX_CONNECT_MS
 * for each address. `home` must outlive the connection and not move. RESULT_OK: *out is to be closed.
 * RESULT_CONNECTION; RESULT_UNKNOWN_KEY where the server's key is not the one this home knows;
 * RESULT_WRONG_ORIGIN where the ledger is another one. Else *out is NULL and *e says why. */
MUST_CHECK enum result timebox_connect(struct timebox_home *home, struct timebox **out,
	struct timebox_error *e);

/* Drops the connection and everything in flight. NULL is allowed. */
void timebox_close(struct timebox *tb);

/* What the daemon said when this connection (or the one that replaced it) began; valid until the
 * next call on tb. */
const Timebox__V1__Hello *timebox_hello(const struct timebox *tb);

/* The public key that the server proved to have; KEY_LEN bytes. */
const uint8_t *timebox_server_key(const struct timebox *tb);

/* The daemon's time now: hello's plus what has passed here since. */
uint64_t timebox_now_us(const struct timebox *tb);

/* Another limit for acts and calls than the defaults above. */
void timebox_set_limit_ms(struct timebox *tb, uint32_t limit_ms);

/* Called before each pause of a retry, so that a person may be told. NULL: nobody. */
void timebox_on_wait(struct timebox *tb, void (*wait)(void *user, const struct timebox_error *why),
	void *user);

/* Why the last function on tb failed; never NULL, valid until the next one. */
const struct timebox_error *timebox_last_error(const struct timebox *tb);

/* Frees an answer; NULL is allowed. */
void timebox_response_free(Timebox__V1__Response *response);

/* ---- questions ---- */

/* Asks and waits. A lost connection is opened again once before the question is given up (not for
 * log-in, log-out and PINs). RESULT_OK: *out is the answer, to be freed; its body is the caller's to
 * check. Else *out is NULL. A refusal's code is returned as it is. `out` may be NULL. */
MUST_CHECK enum result timebox_call(struct timebox *tb, const Timebox__V1__Call *call,
	Timebox__V1__Response **out);

/* Opens a kiosk session by number, or by card where number is NULL. From then on acts name session
 * and member. *out (may be NULL) has the body session. */
MUST_CHECK enum result timebox_login(struct timebox *tb, const char *number, const char *card,
	const char *pin, Timebox__V1__Response **out);

/* Ends the session, if there is one. */
MUST_CHECK enum result timebox_logout(struct timebox *tb);

/* The session's member id; 0 without a session, also after the connection was lost. */
uint64_t timebox_session_member(const struct timebox *tb);

/* ---- drafts ---- */

struct timebox_draft;

/* An empty draft, or NULL without memory. To be freed. */
struct timebox_draft *timebox_draft_new(void);
/* NULL is allowed. Not while it is in a window. */
void timebox_draft_free(struct timebox_draft *d);
/* Empty again, as new. */
void timebox_draft_reset(struct timebox_draft *d);

/* The index that the next command will have: for timebox_draft_text. */
uint32_t timebox_draft_next(const struct timebox_draft *d);

/* Appends a command; it is packed now, nothing of it is kept. RESULT_TOO_MANY when the act would
 * pass TIMEBOX_COMMANDS_MAX or TIMEBOX_ACT_MAX (the draft is as before); RESULT_NO_MEMORY;
 * RESULT_BAD_FIELD where no kind is set. A sealed draft takes nothing more: that stops the process. */
MUST_CHECK enum result timebox_draft_add(struct timebox_draft *d, const Timebox__V1__Command *c);

/* Puts a private text (PersonText, NameText, RecordText, CardText) beside command `command` (usually
 * timebox_draft_next) and `row` (0 but for rows of an import): draws its key, and gives the
 * HASH_LEN bytes that the command has to carry as commitment. RESULT_TOO_MANY beyond 4 KiB. */
MUST_CHECK enum result timebox_draft_text(struct timebox_draft *d, uint32_t command, uint32_t row,
	const ProtobufCMessage *text, uint8_t commitment[HASH_LEN]);

/* The same for a NameText beside the next command; NULL counts as "". */
MUST_CHECK enum result timebox_draft_name(struct timebox_draft *d, const char *name,
	const char *group, uint8_t commitment[HASH_LEN]);

/* The secret that Enrol (16 bytes) and Confirm (10) send beside the act. */
MUST_CHECK enum result timebox_draft_code(struct timebox_draft *d, const uint8_t *code, size_t n);

/* The area the act belongs to; a new draft has 0, the whole station. */
void timebox_draft_branch(struct timebox_draft *d, uint32_t branch);
/* The member for whom staff act under a delegation. */
void timebox_draft_on_behalf(struct timebox_draft *d, uint64_t member);

/* Bytes that commands and texts take so far, without the act's head (under 400 bytes). */
size_t timebox_draft_size(const struct timebox_draft *d);

/* What an act's head needs beyond the draft. */
struct timebox_seal {
	const char *origin;
	uint64_t now_us;
	const uint8_t *key;	/* KEY_LEN: the actor's */
	const uint8_t *seed;	/* SEED_LEN: signs; NULL: unsigned */
	const uint8_t *session; /* TIMEBOX_SESSION_LEN, or NULL */
	uint64_t member;	/* the session's, or 0 */
};

/* Draws the request id, fixes the bytes and signs them. A sealed draft is left as it is.
 * RESULT_BAD_FIELD without commands. */
MUST_CHECK enum result timebox_draft_seal(struct timebox_draft *d, const struct timebox_seal *s);
/* The same with what the connection knows: what timebox_act does before it first sends. */
MUST_CHECK enum result timebox_draft_seal_for(struct timebox_draft *d, const struct timebox *tb);
/* May be sealed again, with a new request id: only after `not_accepted_use_new_id` or a refusal. */
void timebox_draft_unseal(struct timebox_draft *d);

/* A sealed draft's act, as it is sent and stored; valid until the draft is changed or freed. */
const uint8_t *timebox_draft_act(const struct timebox_draft *d, size_t *n);
/* A sealed draft's signature (SIG_LEN bytes), or NULL where it is unsigned. */
const uint8_t *timebox_draft_signature(const struct timebox_draft *d);
/* A sealed draft's request id, UUID7_LEN bytes. */
const uint8_t *timebox_draft_request_id(const struct timebox_draft *d);
/* A sealed draft's whole Request, packed; *n its size. */
const uint8_t *timebox_draft_request(const struct timebox_draft *d, size_t *n);

/* Bytes and strings as protobuf-c wants them, without a copy; they must live until they are packed. */
ProtobufCBinaryData timebox_bytes(const void *p, size_t n);
char *timebox_string(const char *s);

/* ---- acts ---- */

/* Sends the draft (sealing it first) and waits for the daemon's word, as told above. RESULT_OK: *out
 * (may be NULL) has the body receipt, to be freed. RESULT_UNAVAILABLE, RESULT_TIMEOUT or
 * RESULT_CONNECTION with TIMEBOX_FAILURE_UNKNOWN: nobody knows yet; the same draft may be given again.
 * In a kiosk session the connection's loss ends the session; the answer to the bytes sent again is
 * still right, session_needed meaning that the act had not been accepted. No act may be in flight. */
MUST_CHECK enum result timebox_act(struct timebox *tb, struct timebox_draft *d,
	Timebox__V1__Response **out);

/* Sends without waiting. RESULT_BUSY when TIMEBOX_WINDOW are in flight. The draft stays the caller's
 * and must stay as it is until timebox_act_next has given back `user`. A failure to send shows in
 * timebox_act_next. */
MUST_CHECK enum result timebox_act_begin(struct timebox *tb, struct timebox_draft *d, void *user);

/* Acts in flight, 0 to TIMEBOX_WINDOW. */
unsigned timebox_act_waiting(const struct timebox *tb);

/* Waits for the oldest act in flight (there must be one), gives back what it was begun with, and
 * returns its result as timebox_act does. After a lost connection all that are unanswered are sent
 * again. */
MUST_CHECK enum result timebox_act_next(struct timebox *tb, void **user,
	Timebox__V1__Response **out);

#endif
