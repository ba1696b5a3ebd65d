/* What the network does for an honest client, and how it starts and stops. */
#include "tests/unit/net_peer.h"

#include "daemon/ops/clock.h"
#include "proto/crypto.h"

#include <netinet/in.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void
frames_of_all_sizes_come_back(void **state)
{
	static const size_t sizes[] = { 1, 127, 128, 16383, 16384, 16385, 65536 };
	static uint8_t sent[65536], got[65536];
	struct net_config config = server_config();
	const struct net_counters *counters;
	struct client client;

	(void)state;
	memset(sent, DO_ECHO, sizeof(sent));
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		client_send(&client, sent, sizes[i]);
		assert_int_equal(client_receive(&client, got, sizeof(got)), sizes[i]);
		assert_memory_equal(sent, got, sizes[i]);
	}
	client_close(&client);
	wait_until(&server.closed, 1);
	counters = server_stop();
	assert_int_equal(counters->frames_in, 7);
	assert_int_equal(counters->frames_out, 7);
	assert_int_equal(counters->bytes_in, counters->bytes_out);
	assert_int_equal(counters->opened, 1);
	assert_int_equal(counters->connections, 0);
	for (int i = 0; i < NET_REASONS; i++)
		assert_int_equal(counters->reasons[i], 0);
	server_free();
}

static void
pipelined_frames_are_answered_in_order(void **state)
{
	struct net_config config = server_config();
	char text[16], stream[1000 * 8];
	size_t len = 0;
	struct client client;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(stream + len, sizeof(stream) - len, "%cE%03d", 4, i);
	client_write(&client, stream, len);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "E%03d", i);
		assert_receives(&client, text);
	}
	client_close(&client);
	server_stop();
	server_free();
}

static void
one_byte_at_a_time_is_a_frame_too(void **state)
{
	struct net_config config = server_config();
	struct client client;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	for (const char *p = "\x04Slow\x03" "Ego"; *p != '\0'; p++) {
		char byte = *p == 'S' ? 'E' : *p;

		client_write(&client, &byte, 1);
	}
	assert_receives(&client, "Elow");
	assert_receives(&client, "Ego");
	client_close(&client);
	server_stop();
	server_free();
}

static void
both_sides_learn_each_others_key(void **state)
{
	uint8_t expected[NET_KEY_SIZE], shown[NET_KEY_SIZE];
	struct net_config config = server_config();
	size_t len = sizeof(shown);
	struct client client;
	X509 *cert;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	assert_echoes(&client);
	assert_memory_equal(server.key, client.key, NET_KEY_SIZE);
	cert = SSL_get1_peer_certificate(client.ssl);
	assert_non_null(cert);
	assert_int_equal(EVP_PKEY_get_raw_public_key(X509_get0_pubkey(cert), shown, &len), 1);
	assert_int_equal(ed25519_public(server_seed, expected), RESULT_OK);
	assert_memory_equal(shown, expected, NET_KEY_SIZE);
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
	X509_free(cert);
	client_close(&client);
	server_stop();
	server_free();
}

static void
limit_can_be_raised_for_a_connection(void **state)
{
	static uint8_t got[FRAME_MAX_BYTES];
	struct net_config config = server_config();
	struct client client;

	(void)state;
	config.first_max = 8;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	client_send(&client, "Limit up", 8);
	assert_receives(&client, "Limit up");
	memset(got, DO_ECHO, sizeof(got));
	client_send(&client, got, sizeof(got));
	memset(got, 0, sizeof(got));
	assert_int_equal(client_receive(&client, got, sizeof(got)), sizeof(got));
	assert_int_equal(got[sizeof(got) - 1], DO_ECHO);
	client_close(&client);
	server_stop();
	server_free();
}

static void
paused_connection_hands_up_nothing_until_resumed(void **state)
{
	struct net_config config = server_config();
	struct client client;

	(void)state;
	config.frame_ms = PAUSE_MS / 2; /* stands still while paused */
	server_start(&config);
	for (int again = 0; again < 3; again++) {
		/* The pause has a whole echo behind it in the same record, and half of another,
		 * which comes while the connection is paused. */
		if (again == 0)
			assert_int_equal(client_open(&client, &honest), 1);
		client_write(&client, "\x05Pause\x03" "Ego\x04" "Et", 13);
		usleep(PAUSE_MS * 1000 / 2);
		client_write(&client, "wo", 2);
		assert_receives(&client, "resumed");
		assert_receives(&client, "Ego");
		assert_receives(&client, "Etwo");
	}
	client_close(&client);
	server_stop();
	server_free();
}

static void
frame_put_off_comes_again_each_turn_before_what_follows_it(void **state)
{
	struct net_config config = server_config();
	struct client client;
	const struct net_counters *counters;

	(void)state;
	config.frame_ms = 1; /* stands still while put off */
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	for (int again = 0; again < 3; again++) {
		client_write(&client, "\x03" "Ego\x05" "After\x05" "Echo2\x05" "After\x04" "Echo", 27);
		assert_receives(&client, "Ego");
		assert_receives(&client, "After");
		assert_receives(&client, "Echo2");
		assert_receives(&client, "After");
		assert_receives(&client, "Echo");
	}
	/* One that goes while it waits. */
	client_write(&client, "\x05" "After", 6);
	client_close(&client);
	counters = server_stop();
	assert_int_equal(counters->reasons[NET_CUT_FRAME], 0);
	assert_true(counters->frames_in == 15 || counters->frames_in == 16);
	server_free();
}

/* However much one has to say, another has a part of the turn after it asked. */
static void
who_had_no_part_of_a_turn_comes_first_in_the_next(void **state)
{
	enum { FRAMES = 1000 };
	struct net_config config = server_config();
	static uint8_t flood[2 * FRAMES];
	struct client hog, client;
	int before;

	(void)state;
	for (size_t i = 0; i < FRAMES; i++)
		memcpy(flood + 2 * i, "\x01T", 2);
	server_start(&config);
	assert_int_equal(client_open(&hog, &honest), 1);
	assert_int_equal(client_open(&client, &honest), 1);
	client_write(&hog, flood, sizeof(flood));
	for (int asked = 0; asked < 3; asked++) {
		assert_receives(&hog, "T");
		before = atomic_load(&server.shared_all);
		client_write(&client, "\x01T", 2);
		assert_receives(&client, "T");
		/* Else it waits until the other has nothing more to say. */
		assert_true(before > FRAMES / 2 || atomic_load(&server.shared_all) < FRAMES - SHARE);
	}
	client_close(&hog);
	client_close(&client);
	server_stop();
	server_free();
}

static void
close_sends_what_is_queued_and_then_ends(void **state)
{
	struct net_config config = server_config();
	struct client client;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	client_write(&client, "\x04" "Echo\x05" "Close\x05" "After", 17);
	assert_receives(&client, "Echo");
	assert_receives(&client, "Close");
	assert_ends(&client);
	client_close(&client);
	server_stop();
	server_free();
}

static void
count_post(void *arg)
{
	assert_ptr_equal(arg, &server);
	assert_true(pthread_equal(pthread_self(), server.loop_thread));
	atomic_fetch_add(&server.posted, 1);
}

static void
posted_functions_run_on_the_loop(void **state)
{
	struct net_config config = server_config();
	int turns;

	(void)state;
	server_start(&config);
	wait_until(&server.turns, 1);
	turns = server.turns;
	for (int i = 0; i < 100; i++)
		assert_int_equal(net_post(server.net, count_post, &server), RESULT_OK);
	wait_until(&server.posted, 100);
	wait_until(&server.turns, turns + 1); /* each turn ends with the hook */
	server_stop();
	server_free();
}

static void
count_late_post(void *arg)
{
	(void)arg;
	atomic_fetch_add(&server.posted, 1);
}

static void
post_queue_is_bounded_and_emptied_by_close(void **state)
{
	struct net_config config = server_config();

	(void)state;
	server_start(&config);
	server_stop();
	for (int i = 0; i < NET_POST_MAX; i++)
		assert_int_equal(net_post(server.net, count_late_post, NULL), RESULT_OK);
	assert_int_equal(net_post(server.net, count_late_post, NULL), RESULT_BUSY);
	server_free();
	assert_int_equal(server.posted, NET_POST_MAX);
}

static void
stop_sends_what_is_queued(void **state)
{
	static uint8_t got[BIG_BYTES];
	struct net_config config = server_config();
	struct client client, beside;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	assert_int_equal(client_open(&beside, &honest), 1);
	assert_echoes(&beside);
	client_send(&client, "Stop", 4);
	assert_int_equal(client_receive(&client, got, sizeof(got)), sizeof(got));
	assert_ends(&client);
	assert_ends(&beside);
	client_close(&client);
	client_close(&beside);
	server_join();
	server_free();
}

static void
stop_waits_for_a_client_that_does_not_read_only_so_long(void **state)
{
	struct net_config config = server_config();
	struct client client;
	uint64_t begin;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &small_buffer), 1);
	client_write(&client, "\x01" "B\x04" "Stop", 7);
	wait_until(&server.opened, 1);
	usleep(50000);
	begin = clock_steady_ms();
	server_stop();
	assert_true(clock_steady_ms() - begin <= NET_STOP_MS + 1000);
	client_close(&client);
	server_free();
}

static void
sigterm_is_a_stop(void **state)
{
	struct net_config config = server_config();
	struct client client;
	int turns;

	(void)state;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	assert_echoes(&client);
	turns = server.turns;
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_ends(&client);
	client_close(&client);
	server_join();
	assert_true(server.turns > turns);
	server_free();
}

static void
inherited_socket_is_used(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct net_config config = server_config();
	struct client client;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	config.listen_fd = fd;
	server_start(&config);
	assert_int_equal(client_open(&client, &honest), 1);
	assert_echoes(&client);
	client_close(&client);
	server_stop();
	server_free();
}

static void
address_that_cannot_be_used_is_reported(void **state)
{
	struct net_config config = server_config();
	struct net *net = NULL;

	(void)state;
	server_start(&config);
	config.port = server.port;
	assert_int_equal(net_open(&config, &server_hooks, &net), RESULT_IO);
	config.host = "256.0.0.1";
	assert_int_equal(net_open(&config, &server_hooks, &net), RESULT_BAD_FIELD);
	assert_null(net);
	server_stop();
	server_free();
}

static void
reasons_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < NET_REASONS; i++)
		assert_non_null(net_reason_name((enum net_reason)i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_all_sizes_come_back),
		cmocka_unit_test(pipelined_frames_are_answered_in_order),
		cmocka_unit_test(one_byte_at_a_time_is_a_frame_too),
		cmocka_unit_test(both_sides_learn_each_others_key),
		cmocka_unit_test(limit_can_be_raised_for_a_connection),
		cmocka_unit_test(paused_connection_hands_up_nothing_until_resumed),
		cmocka_unit_test(frame_put_off_comes_again_each_turn_before_what_follows_it),
		cmocka_unit_test(who_had_no_part_of_a_turn_comes_first_in_the_next),
		cmocka_unit_test(close_sends_what_is_queued_and_then_ends),
		cmocka_unit_test(posted_functions_run_on_the_loop),
		cmocka_unit_test(post_queue_is_bounded_and_emptied_by_close),
		cmocka_unit_test(stop_sends_what_is_queued),
		cmocka_unit_test(stop_waits_for_a_client_that_does_not_read_only_so_long),
		cmocka_unit_test(sigterm_is_a_stop),
		cmocka_unit_test(inherited_socket_is_used),
		cmocka_unit_test(address_that_cannot_be_used_is_reported),
		cmocka_unit_test(reasons_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
