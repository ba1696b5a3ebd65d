/*
 * TLS 1.3 without a CA. Both sides show a self-signed certificate that is nothing but an envelope
 * for an Ed25519 key: the handshake proves that the other side holds the private key, and whose key
 * it is comes from the key rows, not from here. So names and dates in a certificate are not looked
 * at.
 */
#include "daemon/net/net_impl.h"

#include "daemon/base/check.h"
#include "daemon/ops/log.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define CERT_NAME "timebox"
#define CERT_FROM "19700101000000Z"
#define CERT_UNTIL "99991231235959Z" /* "no well-defined expiration date", RFC 5280 4.1.2.5 */
#define CERT_LIST_MAX 4096	     /* bytes of a client's certificates; one has about 300 */

/* The certificate is a pure function of the seed: it is the same after every start. */
static X509 *
cert_make(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	if (cert == NULL)
		return NULL;
	name = X509_get_subject_name(cert);
	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 ||
	    ASN1_TIME_set_string(X509_getm_notBefore(cert), CERT_FROM) != 1 ||
	    ASN1_TIME_set_string(X509_getm_notAfter(cert), CERT_UNTIL) != 1 ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)CERT_NAME, -1,
				       -1, 0) != 1 ||
	    X509_set_issuer_name(cert, name) != 1 || X509_set_pubkey(cert, key) != 1 ||
	    X509_sign(cert, key, NULL) == 0) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* 1 for a certificate with an Ed25519 key, whoever signed it. */
static int
verify_client(X509_STORE_CTX *store, void *arg)
{
	X509 *cert = X509_STORE_CTX_get0_cert(store);
	EVP_PKEY *key = cert != NULL ? X509_get0_pubkey(cert) : NULL;

	(void)arg;
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
		return 0;
	}
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int
select_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in, unsigned in_len,
	    void *arg)
{
	static const uint8_t ours[] = "\x09" NET_ALPN;
	uint8_t *chosen;

	_Static_assert(sizeof(NET_ALPN) - 1 == 9, "the length byte above");
	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int
context_set_up(SSL_CTX *tls, EVP_PKEY *key, X509 *cert)
{
	if (SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(tls, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_use_certificate(tls, cert) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1 ||
	    SSL_CTX_set_num_tickets(tls, 0) != 1)
		return -1;
	SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET |
					 SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* One read of the socket for a record, not one for its head and one for its body. */
	SSL_CTX_set_read_ahead(tls, 1);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(tls, CERT_LIST_MAX);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(tls, verify_client, NULL);
	SSL_CTX_set_alpn_select_cb(tls, select_alpn, NULL);
	return 0;
}

enum result
tls_open(const uint8_t seed[NET_KEY_SIZE], SSL_CTX **out)
{
	enum result r = RESULT_INTERNAL;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	SSL_CTX *tls = NULL;

	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NET_KEY_SIZE);
	if (key == NULL)
		goto out;
	cert = cert_make(key);
	if (cert == NULL)
		goto out;
	tls = SSL_CTX_new(TLS_server_method());
	if (tls == NULL || context_set_up(tls, key, cert) != 0)
		goto out;
	*out = tls;
	tls = NULL;
	r = RESULT_OK;
out:
	if (r != RESULT_OK)
		log_event(LOG_LEVEL_ERROR, "tls_failed", "why=\"%s\"",
			  ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	SSL_CTX_free(tls);
	X509_free(cert);
	EVP_PKEY_free(key);
	return r;
}

enum result
tls_accept_peer(SSL *ssl, uint8_t key[NET_KEY_SIZE], enum net_reason *why)
{
	const uint8_t *alpn = NULL;
	unsigned alpn_len = 0;
	size_t key_len = NET_KEY_SIZE;
	X509 *cert;
	EVP_PKEY *pkey;
	int raw_ok = 0;

	/* A client that names another protocol was refused before; this one named none. */
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
	if (alpn_len != strlen(NET_ALPN) || memcmp(alpn, NET_ALPN, alpn_len) != 0) {
		*why = NET_REFUSED_ALPN;
		return RESULT_NOT_ALLOWED;
	}
	cert = SSL_get1_peer_certificate(ssl);
	if (cert == NULL) {
		*why = NET_REFUSED_NO_CERT;
		return RESULT_NOT_ALLOWED;
	}
	pkey = X509_get0_pubkey(cert);
	if (pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
		raw_ok = EVP_PKEY_get_raw_public_key(pkey, key, &key_len) == 1;
	X509_free(cert);
	if (!raw_ok || key_len != NET_KEY_SIZE) {
		*why = NET_REFUSED_KEY_TYPE;
		return RESULT_NOT_ALLOWED;
	}
	return RESULT_OK;
}

enum net_reason
tls_failure(void)
{
	enum net_reason why = NET_REFUSED_TLS;
	unsigned long error;

	while ((error = ERR_get_error()) != 0) {
		if (ERR_GET_LIB(error) != ERR_LIB_SSL || why != NET_REFUSED_TLS)
			continue;
		switch (ERR_GET_REASON(error)) {
		case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
			why = NET_REFUSED_NO_CERT;
			break;
		case SSL_R_CERTIFICATE_VERIFY_FAILED:
			why = NET_REFUSED_KEY_TYPE;
			break;
		case SSL_R_UNSUPPORTED_PROTOCOL:
		case SSL_R_VERSION_TOO_LOW:
		case SSL_R_NO_PROTOCOLS_AVAILABLE:
			why = NET_REFUSED_VERSION;
			break;
		case SSL_R_NO_APPLICATION_PROTOCOL:
			why = NET_REFUSED_ALPN;
			break;
		default:
			break;
		}
	}
	ERR_clear_error();
	return why;
}
