/* See certs.h. ECDSA P-256 by OpenSSL; whatever fails is a bug of the test. */
#include "tests/support/certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "certs: %s failed\n", what);
  abort();
}

static FILE *file_of(const char *dir, const char *name, const char *suffix, const char *mode) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s.%s", dir, name, suffix);
  FILE *f = fopen(path, mode);
  must(f != NULL, path);
  return f;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  must(extension != NULL, value);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

static X509 *certificate(const char *name, EVP_PKEY *key, int days) {
  static long serial = 1;
  X509 *cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert), -10L * 24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * 24 * 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                             (const unsigned char *)name, -1, -1, 0);
  X509_set_pubkey(cert, key);
  return cert;
}

static void finish(const char *dir, const char *name, X509 *cert, EVP_PKEY *key, EVP_PKEY *signer) {
  must(X509_sign(cert, signer, EVP_sha256()) > 0, "sign");
  FILE *f = file_of(dir, name, "crt", "w");
  PEM_write_X509(f, cert);
  fclose(f);
  f = file_of(dir, name, "key", "w");
  PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
  fclose(f);
  X509_free(cert);
  EVP_PKEY_free(key);
}

void certs_make_ca(const char *dir, const char *name) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  must(key != NULL, "key");
  X509 *cert = certificate(name, key, 10);
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
  extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(cert, cert, NID_subject_key_identifier, "hash");
  finish(dir, name, cert, key, key);
}

void certs_make_leaf(const char *dir, const char *ca, const char *name,
                     const struct certs_leaf *leaf) {
  FILE *f = file_of(dir, ca, "crt", "r");
  X509 *issuer = PEM_read_X509(f, NULL, NULL, NULL);
  fclose(f);
  f = file_of(dir, ca, "key", "r");
  EVP_PKEY *signer = PEM_read_PrivateKey(f, NULL, NULL, NULL);
  fclose(f);
  EVP_PKEY *key = EVP_EC_gen("P-256");
  must(issuer && signer && key, "read the CA");
  X509 *cert = certificate(name, key, leaf->days);
  X509_set_issuer_name(cert, X509_get_subject_name(issuer));
  extend(cert, issuer, NID_basic_constraints, "critical,CA:FALSE");
  extend(cert, issuer, NID_key_usage, "critical,digitalSignature");
  extend(cert, issuer, NID_ext_key_usage, leaf->purpose);
  if (leaf->san)
    extend(cert, issuer, NID_subject_alt_name, leaf->san);
  finish(dir, name, cert, key, signer);
  X509_free(issuer);
  EVP_PKEY_free(signer);
}
