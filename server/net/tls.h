/* TLS: one SSL_CTX made of three files, the peer's identity, and the words for a refusal. 1.3 only,
 * ALPN h2, a client certificate for clientAuth with exactly one URI name. Loop thread.
 */
#ifndef MIGD_NET_TLS_H
#define MIGD_NET_TLS_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "proto/base/err.h"

#define TLS_URI 256

/* ERR_INPUT names the file that is wrong. Freed by SSL_CTX_free; connections keep it alive. */
int tls_context(SSL_CTX **out, const char *cert_file, const char *key_file, const char *ca_file,
                struct err *e);
/* After the handshake: the URI of the peer's certificate and when that ends (wall, microseconds).
 */
int tls_identity(SSL *ssl, char uri[TLS_URI], int64_t *expires_us, struct err *e);
/* Why a handshake failed, for the log. `error` is the first of OpenSSL's errors, 0: the peer left.
 */
void tls_refusal(const SSL *ssl, unsigned long error, char *out, size_t size);

#endif
