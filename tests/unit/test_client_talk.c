/*
 * The connection against a small daemon of its own: a thread that speaks TLS 1.3 and frames, and does to
 * its clients what a bad network and a restart would do. What it was sent is kept for the test to look at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/lib/timebox.h"
#include "proto/frame.h"

#define ORIGIN	   "station.example/box"
#define TIME_US	   1780000000000000u
#define SEEN_MAX   256
#define BODY_MAX   4096
#define SESSION	   "12345678"

/* What the daemon does with one frame of one connection. */
enum deed { ANSWER, DROP, UNAVAILABLE, GAVE_UP, REFUSE, SILENT, NO_RECEIPT, TURN_AWAY };

struct seen {
	unsigned connection;
	size_t n;
	uint8_t body[BODY_MAX];
};

static struct daemon {
	uint8_t seed[SEED_LEN], key[KEY_LEN];
	int listener, port;
	pthread_t thread;
	enum deed (*plan)(unsigned connection, unsigned frame); /* both from 1 */
	const char *origin;
	Timebox__V1__Role role;
	struct seen *seen;
	unsigned n_seen;
	unsigned connections;
	uint8_t client_key[KEY_LEN];
} d;

/* ---- the daemon's side ---- */

static SSL_CTX *
server_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d.seed, SEED_LEN);
	X509 *cert = X509_new();

	if (ctx == NULL || key == NULL || cert == NULL)
		abort();
	(void)X509_set_version(cert, X509_VERSION_3);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	(void)X509_set_pubkey(cert, key);
	(void)X509_sign(cert, key, NULL);
	if (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		abort();
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static int
accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
	unsigned n, void *arg)
{
	(void)ssl;
	(void)arg;
	if (n != 10 || memcmp(in + 1, TIMEBOX_ALPN, 9) != 0)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*out_n = 9;
	return SSL_TLSEXT_ERR_OK;
}

static void
server_send(SSL *ssl, const Timebox__V1__Response *r)
{
	uint8_t frame[FRAME_HEAD_MAX + 8192];
	size_t n = timebox__v1__response__get_packed_size(r), head, put;

	if (n > 8192)
		abort();
	head = frame_head(frame, (uint32_t)n);
	(void)timebox__v1__response__pack(r, frame + head);
	(void)SSL_write_ex(ssl, frame, head + n, &put);
}

static void
server_hello(SSL *ssl)
{
	Timebox__V1__Response r;
	Timebox__V1__Hello hello;

	timebox__v1__response__init(&r);
	timebox__v1__hello__init(&hello);
	hello.origin = timebox_string(d.origin);
	hello.time_us = TIME_US;
	hello.role = d.role;
	hello.key_status = TIMEBOX__V1__KEY_STATUS__KEY_STATUS_ACTIVE;
	hello.zone_minutes = 480;
	r.body_case = TIMEBOX__V1__RESPONSE__BODY_HELLO;
	r.hello = &hello;
	server_send(ssl, &r);
}

/* One frame's body into the list of what was seen; 0 at the end of the connection. */
static struct seen *
server_read(SSL *ssl)
{
	struct seen *s = &d.seen[d.n_seen];
	uint8_t head[FRAME_HEAD_MAX];
	size_t n = 0, head_n, body_n = 0, got, have = 0;

	if (d.n_seen == SEEN_MAX)
		abort();
	do {
		if (SSL_read_ex(ssl, head + n, 1, &got) != 1)
			return NULL;
	} while ((head[n++] & 0x80) != 0);
	(void)frame_parse(head, n, FRAME_MAX_BYTES, &head_n, &body_n);
	if (body_n > BODY_MAX)
		abort();
	for (; have < body_n; have += got)
		if (SSL_read_ex(ssl, s->body + have, body_n - have, &got) != 1)
			return NULL;
	s->n = body_n;
	s->connection = d.connections;
	d.n_seen++;
	return s;
}

static void
server_answer(SSL *ssl, const struct seen *s, unsigned number, enum deed deed)
{
	Timebox__V1__Request *q = timebox__v1__request__unpack(NULL, s->n, s->body);
	Timebox__V1__Response r;
	Timebox__V1__Receipt receipt;
	Timebox__V1__Session session;
	Timebox__V1__Member member;
	Timebox__V1__Status status;
	char field[] = "member";

	timebox__v1__response__init(&r);
	timebox__v1__receipt__init(&receipt);
	timebox__v1__session__init(&session);
	timebox__v1__member__init(&member);
	timebox__v1__status__init(&status);
	r.number = number;
	receipt.seq = s->n;
	member.member = 4711;
	session.session = timebox_bytes(SESSION, 8);
	session.member = &member;
	if (deed == UNAVAILABLE || deed == REFUSE || deed == GAVE_UP) {
		r.code = (Timebox__V1__ResultCode)(deed == REFUSE ? RESULT_KIN_CONFLICT
				: deed == GAVE_UP	  ? RESULT_TIMEOUT
							  : RESULT_UNAVAILABLE);
		r.field = field;
		r.command = 3;
	} else if (deed == NO_RECEIPT || (q->call != NULL && q->call->kind_case != TIMEBOX__V1__CALL__KIND_LOGIN)) {
		r.body_case = TIMEBOX__V1__RESPONSE__BODY_STATUS;
		r.status = &status;
	} else if (q->call != NULL) {
		r.body_case = TIMEBOX__V1__RESPONSE__BODY_SESSION;
		r.session = &session;
	} else {
		r.body_case = TIMEBOX__V1__RESPONSE__BODY_RECEIPT;
		r.receipt = &receipt;
	}
	server_send(ssl, &r);
	timebox__v1__request__free_unpacked(q, NULL);
}

static void
server_serve(SSL *ssl)
{
	Timebox__V1__Response away;
	struct seen *s;
	unsigned frame;

	timebox__v1__response__init(&away);
	if (d.plan(d.connections, 0) == TURN_AWAY) {
		away.code = (Timebox__V1__ResultCode)RESULT_KEY_REVOKED;
		server_send(ssl, &away);
		return;
	}
	server_hello(ssl);
	for (frame = 1; (s = server_read(ssl)) != NULL; frame++) {
		enum deed deed = d.plan(d.connections, frame);

		if (deed == DROP)
			return;
		if (deed != SILENT)
			server_answer(ssl, s, frame, deed);
	}
}

static void
server_note_client(SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	size_t n = KEY_LEN;

	if (cert == NULL || EVP_PKEY_get_raw_public_key(X509_get0_pubkey(cert), d.client_key, &n) != 1)
		abort();
}

static void *
server_run(void *arg)
{
	SSL_CTX *ctx = server_context();
	int fd;

	(void)arg;
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	while ((fd = accept(d.listener, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(ctx);

		(void)SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1) {
			d.connections++;
			server_note_client(ssl);
			server_serve(ssl);
		}
		SSL_free(ssl);
		(void)close(fd);
	}
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- each test's frame ---- */

static struct timebox_home home;
static char dir[64];

static enum deed
always(unsigned connection, unsigned frame)
{
	(void)connection;
	(void)frame;
	return ANSWER;
}

static int
start(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timebox_error e;
	socklen_t n = sizeof(at);

	(void)state;
	memset(&d, 0, sizeof(d));
	d.seen = calloc(SEEN_MAX, sizeof(*d.seen));
	d.plan = always;
	d.origin = ORIGIN;
	d.role = TIMEBOX__V1__ROLE__ROLE_STAFF;
	d.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (d.seen == NULL || ed25519_generate(d.seed, d.key) != RESULT_OK ||
		bind(d.listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
		listen(d.listener, 16) != 0 || getsockname(d.listener, (struct sockaddr *)&at, &n) != 0)
		return -1;
	d.port = ntohs(at.sin_port);
	(void)snprintf(dir, sizeof(dir), "/tmp/timebox-talk.XXXXXX");
	if (mkdtemp(dir) == NULL || timebox_home_create(&home, dir, &e) != RESULT_OK)
		return -1;
	(void)snprintf(home.server, sizeof(home.server), "127.0.0.1:%d", d.port);
	(void)snprintf(home.origin, sizeof(home.origin), "%s", ORIGIN);
	memcpy(home.server_key, d.key, KEY_LEN);
	home.enrolled = 1;
	return pthread_create(&d.thread, NULL, server_run, NULL);
}

static int
stop(void **state)
{
	char path[128];

	(void)state;
	(void)shutdown(d.listener, SHUT_RDWR);
	(void)close(d.listener);
	(void)pthread_join(d.thread, NULL);
	free(d.seen);
	timebox_home_close(&home);
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	(void)unlink(path);
	return rmdir(dir);
}

static struct timebox *
connected(void)
{
	struct timebox *tb = NULL;
	struct timebox_error e;

	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_OK);
	return tb;
}

static struct timebox_draft *
draft(uint64_t member)
{
	struct timebox_draft *draft = timebox_draft_new();
	Timebox__V1__Command command;
	Timebox__V1__Permit permit;

	timebox__v1__command__init(&command);
	timebox__v1__permit__init(&permit);
	permit.member = member;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_PERMIT;
	command.permit = &permit;
	assert_int_equal(timebox_draft_add(draft, &command), RESULT_OK);
	return draft;
}

static enum result
ask_status(struct timebox *tb)
{
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__GetStatus ask;
	Timebox__V1__Call call;
	enum result r;

	timebox__v1__get_status__init(&ask);
	timebox__v1__call__init(&call);
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_STATUS;
	call.get_status = &ask;
	r = timebox_call(tb, &call, &answer);
	assert_true((r == RESULT_OK) == (answer != NULL));
	timebox_response_free(answer);
	return r;
}

/* ---- tests ---- */

static void
hello_gives_the_servers_time_and_the_key_is_proved_both_ways(void **state)
{
	struct timebox *tb = connected();
	uint64_t now = timebox_now_us(tb);

	(void)state;
	assert_true(now >= TIME_US && now < TIME_US + 5000000);
	assert_string_equal(timebox_hello(tb)->origin, ORIGIN);
	assert_memory_equal(timebox_server_key(tb), d.key, KEY_LEN);
	assert_int_equal(ask_status(tb), RESULT_OK);
	assert_memory_equal(d.client_key, home.key, KEY_LEN);
	timebox_close(tb);
}

static void
another_servers_key_is_refused_before_anything_is_said(void **state)
{
	struct timebox *tb = NULL;
	struct timebox_error e;

	(void)state;
	home.server_key[5] ^= 1;
	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_UNKNOWN_KEY);
	assert_int_equal(e.failure, TIMEBOX_FAILURE_HERE);
	assert_null(tb);
	assert_int_equal(d.n_seen, 0);
}

static void
an_enrolling_home_knows_the_server_by_the_hash_in_its_code(void **state)
{
	struct timebox *tb = NULL;
	struct timebox_error e;
	uint8_t hash[HASH_LEN];

	(void)state;
	home.enrolled = 0;
	memset(home.server_key, 0, KEY_LEN);
	sha256(d.key, KEY_LEN, hash);
	memcpy(home.server_pin, hash, TIMEBOX_PIN_LEN);
	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_OK);
	timebox_close(tb);
	home.server_pin[0] ^= 0x80;
	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_UNKNOWN_KEY);
}

static void
another_ledger_is_refused(void **state)
{
	struct timebox *tb = NULL;
	struct timebox_error e;

	(void)state;
	d.origin = "elsewhere.example/box";
	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_WRONG_ORIGIN);
	assert_null(tb);
}

static enum deed
turns_away(unsigned connection, unsigned frame)
{
	(void)connection;
	(void)frame;
	return TURN_AWAY;
}

static void
being_turned_away_says_why(void **state)
{
	struct timebox *tb = NULL;
	struct timebox_error e;

	(void)state;
	d.plan = turns_away;
	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_KEY_REVOKED);
	assert_int_equal(e.failure, TIMEBOX_FAILURE_REFUSED);
}

static void
no_daemon_is_told_at_once(void **state)
{
	struct timebox *tb = NULL;
	struct timebox_error e;

	(void)state;
	(void)snprintf(home.server, sizeof(home.server), "127.0.0.1:1");
	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_CONNECTION);
	assert_int_equal(e.failure, TIMEBOX_FAILURE_REACH);
	(void)snprintf(home.server, sizeof(home.server), "nowhere");
	assert_int_equal(timebox_connect(&home, &tb, &e), RESULT_BAD_FIELD);
}

static enum deed
drops_twice(unsigned connection, unsigned frame)
{
	(void)frame;
	return connection <= 2 ? DROP : ANSWER;
}

static enum deed
unavailable_once(unsigned connection, unsigned frame)
{
	(void)frame;
	return connection == 1 ? UNAVAILABLE : ANSWER;
}

/* All frames that were seen are the same bytes. */
static void
assert_same_bytes(unsigned times)
{
	unsigned i;

	assert_int_equal(d.n_seen, times);
	for (i = 1; i < times; i++) {
		assert_int_equal(d.seen[i].n, d.seen[0].n);
		assert_memory_equal(d.seen[i].body, d.seen[0].body, d.seen[0].n);
		assert_int_equal(d.seen[i].connection, i + 1);
	}
}

static void
an_act_whose_answer_was_lost_goes_out_again_as_the_same_bytes(void **state)
{
	Timebox__V1__Response *answer = NULL;
	struct timebox *tb;
	struct timebox_draft *a = draft(1);

	(void)state;
	d.plan = drops_twice;
	tb = connected();
	assert_int_equal(timebox_act(tb, a, &answer), RESULT_OK);
	assert_int_equal(answer->body_case, TIMEBOX__V1__RESPONSE__BODY_RECEIPT);
	assert_same_bytes(3);
	timebox_response_free(answer);
	timebox_draft_free(a);
	timebox_close(tb);
}

static void
an_act_answered_unavailable_goes_out_again_as_the_same_bytes(void **state)
{
	struct timebox *tb;
	struct timebox_draft *a = draft(1);

	(void)state;
	d.plan = unavailable_once;
	tb = connected();
	assert_int_equal(timebox_act(tb, a, NULL), RESULT_OK);
	assert_same_bytes(2);
	timebox_draft_free(a);
	timebox_close(tb);
}

static enum deed
gives_up_once(unsigned connection, unsigned frame)
{
	return connection == 1 && frame > 0 ? GAVE_UP : ANSWER;
}

static void
a_daemon_that_gave_up_waiting_said_nothing_about_the_act_or_question(void **state)
{
	struct timebox *tb;
	struct timebox_draft *a = draft(1);

	(void)state;
	d.plan = gives_up_once;
	tb = connected();
	assert_int_equal(timebox_act(tb, a, NULL), RESULT_OK);
	assert_same_bytes(2);
	timebox_close(tb);
	d.connections = 0;
	tb = connected();
	assert_int_equal(ask_status(tb), RESULT_OK);
	timebox_draft_free(a);
	timebox_close(tb);
}

static enum deed
refuses(unsigned connection, unsigned frame)
{
	(void)connection;
	return frame == 0 ? ANSWER : REFUSE;
}

static void
a_refusal_is_returned_with_its_field_and_command_and_not_repeated(void **state)
{
	const struct timebox_error *e;
	struct timebox *tb;
	struct timebox_draft *a = draft(1);

	(void)state;
	d.plan = refuses;
	tb = connected();
	assert_int_equal(timebox_act(tb, a, NULL), RESULT_KIN_CONFLICT);
	e = timebox_last_error(tb);
	assert_int_equal(e->failure, TIMEBOX_FAILURE_REFUSED);
	assert_string_equal(e->name, "kin_conflict");
	assert_string_equal(e->field, "member");
	assert_int_equal(e->command, 3);
	assert_int_equal(ask_status(tb), RESULT_KIN_CONFLICT);
	assert_int_equal(d.connections, 1);
	timebox_draft_free(a);
	timebox_close(tb);
}

static enum deed
says_nothing(unsigned connection, unsigned frame)
{
	(void)connection;
	return frame == 0 ? ANSWER : SILENT;
}

static void
an_act_without_an_answer_is_unknown_and_may_be_sent_again(void **state)
{
	struct timebox *tb;
	struct timebox_draft *a = draft(1);

	(void)state;
	d.plan = says_nothing;
	tb = connected();
	timebox_set_limit_ms(tb, 300);
	assert_int_equal(timebox_act(tb, a, NULL), RESULT_TIMEOUT);
	assert_int_equal(timebox_last_error(tb)->failure, TIMEBOX_FAILURE_UNKNOWN);
	d.plan = always;
	timebox_set_limit_ms(tb, 5000);
	assert_int_equal(timebox_act(tb, a, NULL), RESULT_OK);
	assert_same_bytes(2);
	timebox_draft_free(a);
	timebox_close(tb);
}

static enum deed
answers_no_receipt(unsigned connection, unsigned frame)
{
	(void)connection;
	return frame == 0 ? ANSWER : NO_RECEIPT;
}

static void
an_ok_without_a_receipt_is_no_ok(void **state)
{
	struct timebox *tb;
	struct timebox_draft *a = draft(1);

	(void)state;
	d.plan = answers_no_receipt;
	tb = connected();
	assert_int_equal(timebox_act(tb, a, NULL), RESULT_BAD_MESSAGE);
	assert_int_equal(timebox_last_error(tb)->failure, TIMEBOX_FAILURE_UNKNOWN);
	timebox_draft_free(a);
	timebox_close(tb);
}

/* The first connection ends in the middle of the window. */
static enum deed
drops_at_the_sixth(unsigned connection, unsigned frame)
{
	return connection == 1 && frame == 6 ? DROP : ANSWER;
}

static void
a_window_gives_every_act_its_answer_in_order_across_a_loss(void **state)
{
	enum { ACTS = 60 };
	struct timebox_draft *acts[ACTS];
	unsigned begun = 0, done = 0;
	struct timebox *tb;

	(void)state;
	d.plan = drops_at_the_sixth;
	tb = connected();
	while (done < ACTS) {
		void *user = NULL;

		while (begun < ACTS && timebox_act_waiting(tb) < TIMEBOX_WINDOW) {
			acts[begun] = draft(begun);
			assert_int_equal(timebox_act_begin(tb, acts[begun], &acts[begun]), RESULT_OK);
			begun++;
		}
		if (begun < ACTS)
			assert_int_equal(timebox_act_begin(tb, acts[0], NULL), RESULT_BUSY);
		assert_int_equal(timebox_act_next(tb, &user, NULL), RESULT_OK);
		assert_ptr_equal(user, &acts[done]);
		timebox_draft_free(acts[done++]);
	}
	assert_int_equal(timebox_act_waiting(tb), 0);
	assert_int_equal(d.connections, 2);
	assert_true(d.n_seen >= ACTS + 1 && d.n_seen <= ACTS + TIMEBOX_WINDOW);
	timebox_close(tb);
}

static enum deed
drops_the_second_frame(unsigned connection, unsigned frame)
{
	return connection == 1 && frame == 2 ? DROP : ANSWER;
}

static void
a_question_is_asked_again_after_a_loss(void **state)
{
	struct timebox *tb;

	(void)state;
	d.plan = drops_the_second_frame;
	tb = connected();
	assert_int_equal(ask_status(tb), RESULT_OK);
	assert_int_equal(ask_status(tb), RESULT_OK);
	assert_int_equal(d.connections, 2);
	timebox_close(tb);
}

static void
a_kiosk_act_carries_its_session_unsigned_and_the_session_ends_with_the_connection(void **state)
{
	Timebox__V1__Request *request;
	Timebox__V1__Act *act;
	struct timebox *tb;
	struct timebox_draft *a = draft(1);

	(void)state;
	d.role = TIMEBOX__V1__ROLE__ROLE_KIOSK;
	d.plan = drops_the_second_frame;
	tb = connected();
	assert_int_equal(timebox_login(tb, "20000011", NULL, "135790", NULL), RESULT_OK);
	assert_int_equal(timebox_session_member(tb), 4711);
	assert_int_equal(timebox_act(tb, a, NULL), RESULT_OK);
	assert_int_equal(timebox_session_member(tb), 0);
	request = timebox__v1__request__unpack(NULL, d.seen[2].n, d.seen[2].body);
	assert_int_equal(request->signature.len, 0);
	act = timebox__v1__act__unpack(NULL, request->act.len, request->act.data);
	assert_int_equal(act->actor_member, 4711);
	assert_memory_equal(act->session.data, SESSION, 8);
	assert_int_equal(d.seen[1].n, d.seen[2].n);
	assert_memory_equal(d.seen[1].body, d.seen[2].body, d.seen[2].n);
	timebox__v1__act__free_unpacked(act, NULL);
	timebox__v1__request__free_unpacked(request, NULL);
	timebox_draft_free(a);
	timebox_close(tb);
}

int
main(void)
{
#define TALK(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		TALK(hello_gives_the_servers_time_and_the_key_is_proved_both_ways),
		TALK(another_servers_key_is_refused_before_anything_is_said),
		TALK(an_enrolling_home_knows_the_server_by_the_hash_in_its_code),
		TALK(another_ledger_is_refused),
		TALK(being_turned_away_says_why),
		TALK(no_daemon_is_told_at_once),
		TALK(an_act_whose_answer_was_lost_goes_out_again_as_the_same_bytes),
		TALK(an_act_answered_unavailable_goes_out_again_as_the_same_bytes),
		TALK(a_daemon_that_gave_up_waiting_said_nothing_about_the_act_or_question),
		TALK(a_refusal_is_returned_with_its_field_and_command_and_not_repeated),
		TALK(an_act_without_an_answer_is_unknown_and_may_be_sent_again),
		TALK(an_ok_without_a_receipt_is_no_ok),
		TALK(a_window_gives_every_act_its_answer_in_order_across_a_loss),
		TALK(a_question_is_asked_again_after_a_loss),
		TALK(a_kiosk_act_carries_its_session_unsigned_and_the_session_ends_with_the_connection),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
