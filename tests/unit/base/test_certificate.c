/* What may be a target's CA. */
#include "server/base/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static char cert[4096], key[4096];

static void read_out(BIO *bio, char out[4096]) {
  int n = BIO_read(bio, out, 4095);
  assert_true(n > 0);
  out[n] = '\0';
  BIO_free(bio);
}

static int setup(void **state) {
  (void)state;
  EVP_PKEY *pair = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(x), 0);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, pair);
  assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
  BIO *a = BIO_new(BIO_s_mem()), *b = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(a, x);
  PEM_write_bio_PrivateKey(b, pair, NULL, NULL, 0, NULL, NULL);
  read_out(a, cert);
  read_out(b, key);
  X509_free(x);
  EVP_PKEY_free(pair);
  return 0;
}

static void assert_refused(const char *pem, const char *words) {
  struct err e;
  assert_int_equal(certificates_check(pem, &e), -1);
  assert_int_equal(e.kind, ERR_INPUT);
  if (!strstr(e.text, words))
    fail_msg("says: %s", e.text);
}

static void certificates_pass(void **state) {
  char text[16384];
  struct err e;
  (void)state;
  assert_int_equal(certificates_check(cert, &e), 0);
  snprintf(text, sizeof text, "# ours\n%s\nCN=the old one\n%s", cert, cert);
  assert_int_equal(certificates_check(text, &e), 0);
}

static void nothing_else_does(void **state) {
  char text[16384];
  (void)state;
  assert_refused("", "no certificate");
  assert_refused("hello\n", "no certificate");
  assert_refused(key, "PRIVATE KEY");
  snprintf(text, sizeof text, "%s%s", cert, key);
  assert_refused(text, "PRIVATE KEY");
  snprintf(text, sizeof text, "%s%.100s", cert, cert);
  assert_refused(text, "broken after certificate 1");
  assert_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                 "certificate 1 of the CA's PEM cannot be read");
}

static void what_is_too_long_is_refused(void **state) {
  static char text[CERTIFICATES_MAX + 2];
  struct err e;
  (void)state;
  memset(text, '\n', sizeof text - 1);
  memcpy(text, cert, strlen(cert));
  assert_refused(text, "longer");
  text[CERTIFICATES_MAX] = '\0';
  assert_int_equal(certificates_check(text, &e), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(certificates_pass),
      cmocka_unit_test(nothing_else_does),
      cmocka_unit_test(what_is_too_long_is_refused),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
