#include "tests/unit/net_peer.h"

#include "daemon/ops/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

const uint8_t server_seed[NET_KEY_SIZE] = "a seed that only the tests know.";

struct server server;

static void
server_say(struct net_conn *conn, const char *text)
{
	net_send(conn, (const uint8_t *)text, strlen(text));
}

static int
on_opened(void *ctx, struct net_conn *conn, const uint8_t key[NET_KEY_SIZE])
{
	assert_ptr_equal(ctx, &server);
	assert_null(net_conn_data(conn));
	assert_true(net_conn_id(conn) > 0);
	assert_int_equal(strncmp(net_conn_peer(conn), "127.0.0.1:", 10), 0);
	assert_memory_equal(net_conn_key(conn), key, NET_KEY_SIZE);
	memcpy(server.key, key, NET_KEY_SIZE);
	if (server.refuse) {
		server_say(conn, "no");
		return -1;
	}
	net_conn_set_data(conn, &server);
	atomic_fetch_add(&server.opened, 1);
	return 0;
}

/* Three times, each in another turn. */
static enum net_taken
put_off(struct net_conn *conn, const uint8_t *body, size_t len)
{
	if (server.put_off > 0)
		assert_int_equal(atomic_load(&server.turns), server.put_off_turn + 1);
	server.put_off_turn = atomic_load(&server.turns);
	if (server.put_off < 3) {
		server.put_off++;
		return NET_LATER;
	}
	server.put_off = 0;
	net_send(conn, body, len);
	return NET_TAKEN;
}

static enum net_taken
share(struct net_conn *conn, const uint8_t *body, size_t len)
{
	int turn = atomic_load(&server.turns);

	if (server.share_turn != turn)
		server.shared = 0;
	server.share_turn = turn;
	if (server.shared == SHARE)
		return NET_LATER;
	server.shared++;
	atomic_fetch_add(&server.shared_all, 1);
	net_send(conn, body, len);
	return NET_TAKEN;
}

static enum net_taken
on_frame(void *ctx, struct net_conn *conn, const uint8_t *body, size_t len)
{
	assert_ptr_equal(ctx, &server);
	assert_ptr_equal(net_conn_data(conn), &server);
	switch ((enum order)body[0]) {
	case DO_ECHO:
		net_send(conn, body, len);
		break;
	case DO_PAUSE:
		net_conn_pause(conn);
		server.paused = conn;
		server.paused_ms = clock_steady_ms();
		break;
	case DO_CLOSE:
		net_send(conn, body, len);
		net_conn_close(conn);
		server_say(conn, "never");
		break;
	case DO_BIG:
		net_send(conn, server.big, BIG_BYTES);
		break;
	case DO_FLOOD:
		for (size_t sent = 0; sent <= NET_OUT_MAX; sent += BIG_BYTES)
			net_send(conn, server.big, BIG_BYTES);
		break;
	case DO_STOP:
		net_send(conn, server.big, BIG_BYTES);
		net_stop(server.net);
		break;
	case DO_LIMIT:
		net_conn_limit(conn, FRAME_MAX_BYTES);
		net_send(conn, body, len);
		break;
	case DO_LATER:
		return put_off(conn, body, len);
	case DO_SHARE:
		return share(conn, body, len);
	case DO_PATIENT:
		net_conn_idle_ms(conn, 60000);
		net_send(conn, body, len);
		break;
	}
	if (net_conn_queued(conn) > server.queued_most)
		server.queued_most = net_conn_queued(conn);
	return NET_TAKEN;
}

static void
on_closed(void *ctx, struct net_conn *conn)
{
	assert_ptr_equal(ctx, &server);
	assert_ptr_equal(net_conn_data(conn), &server);
	if (server.paused == conn)
		server.paused = NULL;
	atomic_fetch_add(&server.closed, 1);
}

static void
on_broken(void *ctx, struct net_conn *conn, enum result why)
{
	assert_ptr_equal(ctx, &server);
	server_say(conn, result_name(why));
}

static int
on_turn(void *ctx)
{
	assert_ptr_equal(ctx, &server);
	atomic_fetch_add(&server.turns, 1);
	if (server.shared == SHARE)
		usleep(1000);
	if (server.paused == NULL)
		return 60000;
	if (clock_steady_ms() - server.paused_ms < PAUSE_MS)
		return 10;
	server_say(server.paused, "resumed");
	net_conn_resume(server.paused);
	server.paused = NULL;
	return 60000;
}

const struct net_hooks server_hooks = {
	.ctx = &server,
	.opened = on_opened,
	.frame = on_frame,
	.closed = on_closed,
	.broken = on_broken,
	.turn = on_turn,
};

static void *
server_main(void *arg)
{
	(void)arg;
	server.loop_thread = pthread_self();
	server.ran = net_run(server.net);
	return NULL;
}

void
server_start(const struct net_config *config)
{
	const char *colon;

	memset(&server, 0, sizeof(server));
	assert_int_equal(net_open(config, &server_hooks, &server.net), RESULT_OK);
	colon = strrchr(net_address(server.net), ':');
	assert_non_null(colon);
	server.port = (uint16_t)atoi(colon + 1);
	assert_int_equal(pthread_create(&server.thread, NULL, server_main, NULL), 0);
}

struct net_config
server_config(void)
{
	struct net_config config;

	net_config_init(&config);
	config.tls_seed = server_seed;
	return config;
}

const struct net_counters *
server_join(void)
{
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	assert_int_equal(server.ran, RESULT_OK);
	return net_counters(server.net);
}

const struct net_counters *
server_stop(void)
{
	net_stop(server.net);
	return server_join();
}

void
server_free(void)
{
	net_close(server.net);
	assert_int_equal(server.opened, server.closed);
}

void
wait_until(atomic_int *value, int want)
{
	for (int i = 0; i < 5000 && atomic_load(value) < want; i++)
		usleep(1000);
	assert_true(atomic_load(value) >= want);
}

/* ---- the client ---- */

const struct manners honest = { EVP_PKEY_ED25519, NET_ALPN, TLS1_3_VERSION, 0 };
const struct manners small_buffer = { EVP_PKEY_ED25519, NET_ALPN, TLS1_3_VERSION, 4096 };

int
tcp_connect(int receive_buffer)
{
	const struct timeval patience = { .tv_sec = 10 };
	const int on = 1;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(server.port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (receive_buffer != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
client_make_cert(struct client *client, int key_type)
{
	EVP_PKEY *key;
	X509 *cert = X509_new();
	size_t len = NET_KEY_SIZE;

	if (key_type == EVP_PKEY_ED25519)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	assert_non_null(key);
	assert_non_null(cert);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, key_type == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(client->context, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(client->context, key), 1);
	if (key_type == EVP_PKEY_ED25519)
		assert_int_equal(EVP_PKEY_get_raw_public_key(key, client->key, &len), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int
client_open(struct client *client, const struct manners *manners)
{
	uint8_t alpn[32];

	memset(client, 0, sizeof(*client));
	client->context = SSL_CTX_new(TLS_client_method());
	assert_non_null(client->context);
	SSL_CTX_set_max_proto_version(client->context, manners->version);
	if (manners->key_type != 0)
		client_make_cert(client, manners->key_type);
	client->ssl = SSL_new(client->context);
	assert_non_null(client->ssl);
	if (manners->alpn != NULL) {
		alpn[0] = (uint8_t)strlen(manners->alpn);
		memcpy(alpn + 1, manners->alpn, alpn[0]);
		assert_int_equal(SSL_set_alpn_protos(client->ssl, alpn, alpn[0] + 1u), 0);
	}
	client->fd = tcp_connect(manners->receive_buffer);
	assert_int_equal(SSL_set_fd(client->ssl, client->fd), 1);
	return SSL_connect(client->ssl);
}

void
client_close(struct client *client)
{
	SSL_shutdown(client->ssl);
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
	close(client->fd);
	ERR_clear_error();
}

void
client_write(struct client *client, const void *bytes, size_t len)
{
	assert_int_equal(SSL_write(client->ssl, bytes, (int)len), len);
}

void
client_send(struct client *client, const void *body, size_t len)
{
	uint8_t head[FRAME_HEAD_MAX];

	client_write(client, head, frame_head(head, (uint32_t)len));
	client_write(client, body, len);
}

/* Reads exactly `len` bytes; 0, or -1 on an end or error. */
static int
client_read(struct client *client, uint8_t *out, size_t len)
{
	while (len > 0) {
		int n = SSL_read(client->ssl, out, (int)len);

		if (n <= 0)
			return -1;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

long
client_receive(struct client *client, uint8_t *out, size_t size)
{
	uint8_t head[FRAME_HEAD_MAX];
	size_t head_len = 0, body_len = 0;

	for (size_t n = 0; body_len == 0; n++) {
		if (client_read(client, head + n, 1) != 0)
			return -1;
		(void)frame_parse(head, n + 1, FRAME_MAX_BYTES, &head_len, &body_len);
	}
	assert_true(body_len <= size);
	return client_read(client, out, body_len) == 0 ? (long)body_len : -1;
}

void
assert_receives(struct client *client, const char *text)
{
	uint8_t body[256];

	assert_int_equal(client_receive(client, body, sizeof(body)), strlen(text));
	assert_memory_equal(body, text, strlen(text));
}

void
assert_ends(struct client *client)
{
	uint8_t byte;
	int n = SSL_read(client->ssl, &byte, 1);

	assert_int_equal(n, 0);
	assert_int_equal(SSL_get_error(client->ssl, n), SSL_ERROR_ZERO_RETURN);
}

void
assert_echoes(struct client *client)
{
	client_send(client, "Echo", 4);
	assert_receives(client, "Echo");
}
