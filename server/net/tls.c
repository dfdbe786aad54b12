/* TLS by OpenSSL 3. The identity is the one URI among the certificate's alternative names and comes
 * from here only: never from a header, never from the subject. Loop thread.
 */
#include "server/net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const unsigned char alpn_h2[] = {2, 'h', '2'};

/* The name alone, or -1 where there is none, more than one, or one that is no plain text. */
static int single_uri(X509 *cert, char uri[TLS_URI]) {
  GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  int found = 0;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_URI)
      continue;
    const unsigned char *text = ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
    int len = ASN1_STRING_length(name->d.uniformResourceIdentifier);
    bool plain = len > 0 && len < TLS_URI;
    for (int k = 0; plain && k < len; k++)
      plain = text[k] > ' ' && text[k] < 0x7f;
    if (!plain || ++found > 1) {
      found = 2;
      break;
    }
    memcpy(uri, text, (size_t)len);
    uri[len] = '\0';
  }
  GENERAL_NAMES_free(names);
  return found == 1 ? 0 : -1;
}

/* OpenSSL has checked the chain, the dates and the purpose (clientAuth); what is left is the name.
 */
static int verify(int ok, X509_STORE_CTX *store) {
  char uri[TLS_URI];
  if (!ok || X509_STORE_CTX_get_error_depth(store) != 0)
    return ok;
  if (single_uri(X509_STORE_CTX_get_current_cert(store), uri) == 0)
    return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *ctx) {
  (void)ssl;
  (void)ctx;
  for (unsigned at = 0; at < in_len; at += in[at] + 1u)
    if (in[at] == 2 && in_len - at >= sizeof alpn_h2 && memcmp(in + at, alpn_h2, 3) == 0) {
      *out = in + at + 1;
      *out_len = 2;
      return SSL_TLSEXT_ERR_OK;
    }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The ALPN callback is not called for a client that offers nothing. */
static int require_alpn(SSL *ssl, int *alert, void *ctx) {
  (void)ctx;
  const unsigned char *extension;
  size_t len;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension,
                                &len))
    return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

/* A key with a passphrase is refused, not asked about on a terminal. */
static int no_passphrase(char *out, int size, int writing, void *ctx) {
  (void)out, (void)size, (void)writing, (void)ctx;
  return 0;
}

static int openssl_err(struct err *e, const char *what, const char *file) {
  unsigned long error = ERR_peek_error();
  const char *reason = error ? ERR_reason_error_string(error) : NULL;
  err_set(e, ERR_INPUT, "%s %s: %s", what, file, reason ? reason : "cannot be used");
  ERR_clear_error();
  return -1;
}

static int load_files(SSL_CTX *ctx, const char *cert_file, const char *key_file,
                      const char *ca_file, struct err *e) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
    return openssl_err(e, "certificate", cert_file);
  if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
    return openssl_err(e, "private key", key_file);
  if (SSL_CTX_check_private_key(ctx) != 1)
    return openssl_err(e, "private key", key_file);
  if (SSL_CTX_load_verify_file(ctx, ca_file) != 1)
    return openssl_err(e, "CA certificate", ca_file);
  STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
  if (names == NULL)
    return openssl_err(e, "CA certificate", ca_file);
  SSL_CTX_set_client_CA_list(ctx, names);
  return 0;
}

static void set_rules(SSL_CTX *ctx) {
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
  SSL_CTX_set_verify_depth(ctx, 4);
  SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
  SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
  SSL_CTX_set_client_hello_cb(ctx, require_alpn, NULL);
  /* No resumption: a removed principal's certificate is presented, and checked, each time. */
  SSL_CTX_set_num_tickets(ctx, 0);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* idle connections are the many */
}

int tls_context(SSL_CTX **out, const char *cert_file, const char *key_file, const char *ca_file,
                struct err *e) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  if (ctx == NULL)
    return err_set(e, ERR_INTERNAL, "OpenSSL has no TLS");
  set_rules(ctx);
  if (load_files(ctx, cert_file, key_file, ca_file, e) != 0) {
    SSL_CTX_free(ctx);
    return -1;
  }
  *out = ctx;
  return 0;
}

int tls_identity(SSL *ssl, char uri[TLS_URI], int64_t *expires_us, struct err *e) {
  X509 *cert = SSL_get0_peer_certificate(ssl);
  struct tm tm;
  if (cert == NULL || single_uri(cert, uri) != 0 ||
      ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
    return err_set(e, ERR_UNAUTHENTICATED, "the certificate has no single URI name");
  *expires_us = (int64_t)timegm(&tm) * 1000000;
  return 0;
}

void tls_refusal(const SSL *ssl, unsigned long error, char *out, size_t size) {
  const char *text = NULL;
  long verdict = SSL_get_verify_result(ssl);
  switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
    text = verdict == X509_V_ERR_APPLICATION_VERIFICATION ? "its certificate has no single URI name"
                                                          : X509_verify_cert_error_string(verdict);
    break;
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    text = "no client certificate";
    break;
  case SSL_R_CALLBACK_FAILED:
  case SSL_R_NO_APPLICATION_PROTOCOL:
    text = "it does not offer HTTP/2 (ALPN h2)";
    break;
  default:
    text = error ? ERR_reason_error_string(error) : "it left during the handshake";
  }
  snprintf(out, size, "%s", text ? text : "a TLS error without a reason");
}
