/* Who is refused, what is cut, and that an honest client beside them keeps its answers. */
#include "tests/unit/net_peer.h"

#include "daemon/ops/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A client of such manners is refused for `why`, and an honest one beside it is served. */
static void
assert_refused(const struct manners *manners, enum net_reason why)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client beside, client;
	uint8_t byte;

	server_start(&config);
	assert_int_equal(client_open(&beside, &honest), 1);
	/* With TLS 1.3 the client is done before the server has seen its certificate. */
	if (client_open(&client, manners) == 1) {
		(void)SSL_write(client.ssl, "\x01" "E", 2);
		assert_true(SSL_read(client.ssl, &byte, 1) <= 0);
	}
	assert_echoes(&beside);
	client_close(&client);
	client_close(&beside);
	counters = server_stop();
	assert_int_equal(counters->reasons[why], 1);
	assert_int_equal(counters->opened, 1);
	server_free();
}

static void
client_without_certificate_is_refused(void **state)
{
	const struct manners manners = { 0, NET_ALPN, TLS1_3_VERSION, 0 };

	(void)state;
	assert_refused(&manners, NET_REFUSED_NO_CERT);
}

static void
key_that_is_not_ed25519_is_refused(void **state)
{
	const struct manners manners = { EVP_PKEY_EC, NET_ALPN, TLS1_3_VERSION, 0 };

	(void)state;
	assert_refused(&manners, NET_REFUSED_KEY_TYPE);
}

static void
tls_1_2_is_refused(void **state)
{
	const struct manners manners = { EVP_PKEY_ED25519, NET_ALPN, TLS1_2_VERSION, 0 };

	(void)state;
	assert_refused(&manners, NET_REFUSED_VERSION);
}

static void
another_protocol_is_refused(void **state)
{
	const struct manners other = { EVP_PKEY_ED25519, "h2", TLS1_3_VERSION, 0 };
	const struct manners none = { EVP_PKEY_ED25519, NULL, TLS1_3_VERSION, 0 };

	(void)state;
	assert_refused(&other, NET_REFUSED_ALPN);
	assert_refused(&none, NET_REFUSED_ALPN);
}

static void
garbage_is_refused(void **state)
{
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: timebox\r\n\r\n";
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client beside;
	char byte;
	int fd;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&beside, &honest), 1);
	fd = tcp_connect(0);
	assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	while (read(fd, &byte, 1) > 0)
		; /* an alert, then the end */
	close(fd);
	assert_echoes(&beside);
	client_close(&beside);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_REFUSED_TLS], 1);
	server_free();
}

static void
hook_may_refuse_with_a_last_word(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client client;

	(void)state;
	server_start(&config);
	server.refuse = 1;
	assert_int_equal(client_open(&client, &honest), 1);
	assert_receives(&client, "no");
	assert_ends(&client);
	client_close(&client);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_REFUSED_HOOK], 1);
	assert_int_equal(server.closed, 0);
	server_free();
}

static void
broken_framing_gets_a_last_answer(void **state)
{
	static const struct {
		const char *bytes;
		const char *answer;
		enum net_reason why;
	} cases[] = {
		{ "\x81\x80\x04", "frame_too_large", NET_CUT_TOO_LARGE }, /* 65,537 bytes */
		{ "\xff\xff\xff\xff\xff", "bad_frame", NET_CUT_BAD_FRAME },
	};
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client client;

	(void)state;
	for (int half = 0; half < 2; half++) {
		for (int i = 0; i < 2; i++) {
			server_start(&config);
			assert_int_equal(client_open(&client, &honest), 1);
			client_write(&client, "\x02" "Eh", 3);
			client_write(&client, cases[i].bytes, strlen(cases[i].bytes));
			client_write(&client, "what follows is not read as frames", 34);
			if (half) { /* shuts its sending side, waits for the answer */
				SSL_shutdown(client.ssl);
				shutdown(client.fd, SHUT_WR);
			}
			assert_receives(&client, "Eh");
			assert_receives(&client, cases[i].answer);
			assert_ends(&client);
			wait_until(&server.closed, half);
			client_close(&client);
			counters = server_stop();
			assert_int_equal(counters->reasons[cases[i].why], 1);
			assert_int_equal(counters->frames_in, 1);
			server_free();
		}
	}
}

static void
frame_cut_short_by_the_end_is_not_handed_up(void **state)
{
	static const char whole[] = "\x82\x01" "EEEEEEEE";
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client client;

	(void)state;
	server_start(&config);
	for (size_t len = 1; len < sizeof(whole); len++) {
		assert_int_equal(client_open(&client, &honest), 1);
		client_write(&client, whole, len);
		client_close(&client);
		wait_until(&server.closed, (int)len);
	}
	counters = server_stop();
	assert_int_equal(counters->frames_in, 0);
	assert_int_equal(counters->reasons[NET_CUT_TRUNCATED], sizeof(whole) - 1);
	server_free();
}

static void
silence_in_the_handshake_is_cut(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client beside;
	uint64_t begin;
	char byte;
	int fd;

	(void)state;
	config.handshake_ms = 200;
	server_start(&config);
	assert_int_equal(client_open(&beside, &honest), 1);
	begin = clock_steady_ms();
	fd = tcp_connect(0);
	assert_int_equal(write(fd, "\x16\x03", 2), 2); /* the beginning of a hello */
	assert_true(read(fd, &byte, 1) <= 0);
	assert_true(clock_steady_ms() - begin >= 200 && clock_steady_ms() - begin < 2000);
	close(fd);
	assert_echoes(&beside);
	client_close(&beside);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_CUT_HANDSHAKE], 1);
	server_free();
}

static void
idle_client_is_cut_and_a_patient_connection_not(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client idle, patient;

	(void)state;
	config.idle_ms = 300;
	server_start(&config);
	assert_int_equal(client_open(&patient, &honest), 1);
	client_send(&patient, "I wait", 6);
	assert_receives(&patient, "I wait");
	assert_int_equal(client_open(&idle, &honest), 1);
	assert_echoes(&idle);
	assert_ends(&idle);
	assert_echoes(&patient);
	client_close(&idle);
	client_close(&patient);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_CUT_IDLE], 1);
	server_free();
}

static void
one_byte_now_and_then_is_cut(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client slow, beside;
	uint64_t begin;

	(void)state;
	config.frame_ms = 300;
	server_start(&config);
	assert_int_equal(client_open(&beside, &honest), 1);
	assert_int_equal(client_open(&slow, &honest), 1);
	begin = clock_steady_ms();
	signal(SIGPIPE, SIG_IGN);
	client_write(&slow, "\x40", 1);
	while (SSL_write(slow.ssl, "E", 1) == 1) {
		usleep(20000);
		assert_true(clock_steady_ms() - begin < 1200); /* 64 bytes would take 1.3 s */
	}
	assert_true(clock_steady_ms() - begin >= 300);
	assert_echoes(&beside);
	client_close(&slow);
	client_close(&beside);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_CUT_FRAME], 1);
	assert_int_equal(counters->frames_in, 1);
	server_free();
}

static void
client_that_never_reads_is_read_no_further_and_then_cut(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client client, beside;
	char orders[64 * 2];

	(void)state;
	for (int i = 0; i < 64; i++)
		memcpy(orders + 2 * i, "\x01" "B", 2);
	config.write_ms = 300;
	server_start(&config);
	assert_int_equal(client_open(&beside, &honest), 1);
	assert_int_equal(client_open(&client, &small_buffer), 1);
	/* Each order alone passes NET_OUT_PAUSE, so frames stop and do not add up. */
	client_write(&client, orders, sizeof(orders));
	wait_until(&server.closed, 1);
	assert_echoes(&beside);
	client_close(&client);
	client_close(&beside);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_CUT_WRITE], 1);
	assert_true(server.queued_most <= NET_OUT_PAUSE + BIG_BYTES + FRAME_HEAD_MAX);
	assert_true(counters->frames_in < 64);
	server_free();
}

static void
client_for_whom_too_much_waits_is_cut(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client client;
	uint8_t byte;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	client_write(&client, "\x05" "Flood\x04" "Echo", 11);
	assert_true(SSL_read(client.ssl, &byte, 1) <= 0);
	client_close(&client);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_CUT_OUTPUT], 1);
	assert_int_equal(counters->frames_in, 1);
	server_free();
}

/* Sends `count` echoes of `size` bytes without reading until no more goes, then reads them all. */
static void
client_flood(struct client *client, size_t count, size_t size)
{
	uint8_t *stream = malloc(count * (size + FRAME_HEAD_MAX));
	uint8_t scrap[16384];
	size_t len = 0, sent = 0, received = 0;

	assert_non_null(stream);
	for (size_t i = 0; i < count; i++) {
		len += frame_head(stream + len, (uint32_t)size);
		memset(stream + len, DO_ECHO, size);
		len += size;
	}
	SSL_set_mode(client->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
	for (int waits = 0; received < len && waits < 2000;) {
		int n = 0;

		if (sent < len)
			n = SSL_write(client->ssl, stream + sent, (int)(len - sent));
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		if (waits++ == 0)
			usleep(200000); /* nobody reads: the server must stop reading, too */
		while ((n = SSL_read(client->ssl, scrap, sizeof(scrap))) > 0)
			received += (size_t)n;
		usleep(1000);
	}
	assert_int_equal(received, len);
	free(stream);
}

static void
client_that_reads_late_gets_all_its_answers(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client client;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &small_buffer), 1);
	client_flood(&client, 2000, 8000);
	client_close(&client);
	counters = server_stop();
	assert_int_equal(counters->frames_out, 2000);
	assert_int_equal(counters->reasons[NET_CUT_OUTPUT], 0);
	assert_true(server.queued_most > NET_OUT_PAUSE); /* it came to that */
	assert_true(server.queued_most <= NET_OUT_PAUSE + 8000 + FRAME_HEAD_MAX);
	server_free();
}

static void
connections_over_the_limit_are_closed_at_once(void **state)
{
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client clients[3];
	char byte;
	int fd;

	(void)state;
	config.max_connections = 3;
	server_start(&config);
	for (int i = 0; i < 3; i++)
		assert_int_equal(client_open(&clients[i], &honest), 1);
	assert_echoes(&clients[2]);
	fd = tcp_connect(0);
	assert_true(read(fd, &byte, 1) <= 0);
	close(fd);
	client_close(&clients[0]);
	wait_until(&server.closed, 1);
	assert_int_equal(client_open(&clients[0], &honest), 1);
	assert_echoes(&clients[0]);
	for (int i = 0; i < 3; i++)
		client_close(&clients[i]);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_REFUSED_FULL], 1);
	assert_int_equal(counters->connections_most, 3);
	server_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_without_certificate_is_refused),
		cmocka_unit_test(key_that_is_not_ed25519_is_refused),
		cmocka_unit_test(tls_1_2_is_refused),
		cmocka_unit_test(another_protocol_is_refused),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(hook_may_refuse_with_a_last_word),
		cmocka_unit_test(broken_framing_gets_a_last_answer),
		cmocka_unit_test(frame_cut_short_by_the_end_is_not_handed_up),
		cmocka_unit_test(silence_in_the_handshake_is_cut),
		cmocka_unit_test(idle_client_is_cut_and_a_patient_connection_not),
		cmocka_unit_test(one_byte_now_and_then_is_cut),
		cmocka_unit_test(client_that_never_reads_is_read_no_further_and_then_cut),
		cmocka_unit_test(client_for_whom_too_much_waits_is_cut),
		cmocka_unit_test(client_that_reads_late_gets_all_its_answers),
		cmocka_unit_test(connections_over_the_limit_are_closed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
