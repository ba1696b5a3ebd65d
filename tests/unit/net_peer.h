/*
 * For the tests of net/: a server thread that runs net_run with hooks that obey the first byte of a
 * frame, and a client on OpenSSL that does what honest and other clients do. One server at a time.
 */
#ifndef TIMEBOX_TESTS_UNIT_NET_PEER_H
#define TIMEBOX_TESTS_UNIT_NET_PEER_H

#include "daemon/net/net.h"
#include "proto/frame.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

/* What the first byte of a frame has the server do. */
enum order {
	DO_ECHO = 'E',	  /* sends the frame back */
	DO_PAUSE = 'P',	  /* pauses; PAUSE_MS later sends "resumed" and resumes */
	DO_CLOSE = 'C',	  /* sends the frame back, closes */
	DO_BIG = 'B',	  /* answers with BIG_BYTES */
	DO_FLOOD = 'F',	  /* answers with more than may wait for a client */
	DO_STOP = 'S',	  /* answers with BIG_BYTES and stops the server */
	DO_LIMIT = 'L',	  /* raises the frame limit to the most, sends back */
	DO_LATER = 'A',	  /* puts the frame off three times, then sends back */
	DO_SHARE = 'T',	  /* sends back at most SHARE frames a turn of 1 ms, puts the others off */
	DO_PATIENT = 'I', /* raises the idle limit to a minute, sends back */
};

#define BIG_BYTES FRAME_MAX_BYTES
#define PAUSE_MS  100
#define SHARE	  4

struct server {
	struct net *net;
	pthread_t thread;
	uint16_t port;
	enum result ran;
	pthread_t loop_thread;
	int refuse; /* `opened` says no, with a last word */

	atomic_int opened, closed, turns, posted;
	uint8_t key[NET_KEY_SIZE]; /* the last client's */
	size_t queued_most;
	int put_off, put_off_turn; /* how often the last DO_LATER was, and in which turn */
	int share_turn, shared;	   /* of DO_SHARE: the last turn, and how many it took */
	atomic_int shared_all;
	struct net_conn *paused;
	uint64_t paused_ms;
	uint8_t big[BIG_BYTES];
};

extern struct server server;
extern const struct net_hooks server_hooks;
extern const uint8_t server_seed[NET_KEY_SIZE];

/* Defaults with the server's seed. */
struct net_config server_config(void);
void server_start(const struct net_config *config);
/* Both wait for the end of net_run, the second causes it; the counters live until server_free. */
const struct net_counters *server_join(void);
const struct net_counters *server_stop(void);
void server_free(void);

/* Waits until `*value` has reached `want`; fails after 5 s. */
void wait_until(atomic_int *value, int want);

struct client {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	uint8_t key[NET_KEY_SIZE];
};

struct manners {
	int key_type; /* EVP_PKEY_ED25519, another one for P-256, 0: no certificate */
	const char *alpn;
	int version;	    /* the highest */
	int receive_buffer; /* bytes, 0: as it is */
};

extern const struct manners honest;
extern const struct manners small_buffer; /* honest, but the kernel takes little for it */

/* A bare connection to the server. */
int tcp_connect(int receive_buffer);

/* Connects; returns what SSL_connect did. */
int client_open(struct client *client, const struct manners *manners);
void client_close(struct client *client);
/* Writes bytes, or a frame with this body. */
void client_write(struct client *client, const void *bytes, size_t len);
void client_send(struct client *client, const void *body, size_t len);
/* Reads a frame; its length, or -1 on an end or error. */
long client_receive(struct client *client, uint8_t *out, size_t size);

/* The next frame is `text`. */
void assert_receives(struct client *client, const char *text);
/* The end comes, and comes cleanly: close_notify. */
void assert_ends(struct client *client);
/* The connection works. */
void assert_echoes(struct client *client);

#endif
