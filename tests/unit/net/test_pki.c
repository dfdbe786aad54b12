/* Certificates: what they say, who reads the keys, what is never overwritten, what a check finds.
 */
#include "server/net/pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/arena.h"
#include "proto/base/temporary.h"
#include "server/net/newfile.h"

struct fixture {
  char dir[PATH_MAX];
  struct arena arena;
  struct err e;
};

#define assert_ok(call)                                                                            \
  do {                                                                                             \
    err_clear(&f->e);                                                                              \
    if (call)                                                                                      \
      fail_msg("%s: %s", #call, f->e.text);                                                        \
  } while (0)
#define assert_err(call, expected)                                                                 \
  do {                                                                                             \
    err_clear(&f->e);                                                                              \
    assert_int_equal(call, -1);                                                                    \
    if (f->e.kind != (expected))                                                                   \
      fail_msg("%s: kind %d, not %d: %s", #call, (int)f->e.kind, (int)(expected), f->e.text);      \
  } while (0)

static int setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof *f);
  const char *tmp = getenv("TMPDIR");
  snprintf(f->dir, sizeof f->dir, "%s/migd-pki-" TEMPORARY, tmp && *tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(f->dir));
  arena_init(&f->arena, 0);
  *state = f;
  return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
  (void)st, (void)kind, (void)ftw;
  return remove(path);
}

static int teardown(void **state) {
  struct fixture *f = *state;
  nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  arena_release(&f->arena);
  free(f);
  return 0;
}

static char *in(struct fixture *f, const char *name) {
  return arena_printf(&f->arena, "%s/%s", f->dir, name);
}

static X509 *load(struct fixture *f, const char *name) {
  FILE *file = fopen(in(f, name), "r");
  assert_non_null(file);
  X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
  fclose(file);
  assert_non_null(cert);
  return cert;
}

static unsigned mode_of(struct fixture *f, const char *name) {
  struct stat st;
  assert_int_equal(stat(in(f, name), &st), 0);
  return st.st_mode & 07777;
}

static char *bytes_of(struct fixture *f, const char *name) {
  char *text = arena_alloc(&f->arena, 10000);
  FILE *file = fopen(in(f, name), "r");
  assert_non_null(file);
  assert_true(fread(text, 1, 9999, file) > 0);
  fclose(file);
  return text;
}

static bool signed_by(X509 *cert, X509 *ca, int purpose) {
  X509_STORE *store = X509_STORE_new();
  X509_STORE_CTX *ctx = X509_STORE_CTX_new();
  X509_STORE_add_cert(store, ca);
  X509_STORE_CTX_init(ctx, store, cert, NULL);
  X509_STORE_CTX_set_purpose(ctx, purpose);
  bool ok = X509_verify_cert(ctx) == 1;
  X509_STORE_CTX_free(ctx);
  X509_STORE_free(store);
  return ok;
}

static const char *const names[] = {"localhost", "127.0.0.1", "::1", "*.example.org"};

static void make_all(struct fixture *f) {
  assert_ok(pki_make_ca(f->dir, "0123456789abcdef", &f->e));
  assert_ok(pki_make_server(f->dir, names, 4, &f->e));
  assert_ok(pki_make_identity(f->dir, "0123456789abcdef", "ann", 30, in(f, "ann.crt"),
                              in(f, "ann.key"), &f->e));
}

static void a_server_is_what_its_certificate_says(void **state) {
  struct fixture *f = *state;
  make_all(f);
  X509 *ca = load(f, "ca.crt"), *server = load(f, "server.crt");
  assert_true(signed_by(server, ca, X509_PURPOSE_SSL_SERVER));
  assert_false(signed_by(server, ca, X509_PURPOSE_SSL_CLIENT));
  assert_int_equal(X509_check_host(server, "localhost", 0, 0, NULL), 1);
  assert_int_equal(X509_check_host(server, "db.example.org", 0, 0, NULL), 1);
  assert_int_equal(X509_check_host(server, "example.com", 0, 0, NULL), 0);
  assert_int_equal(X509_check_ip_asc(server, "127.0.0.1", 0), 1);
  assert_int_equal(X509_check_ip_asc(server, "::1", 0), 1);
  assert_int_equal(X509_check_ip_asc(server, "127.0.0.2", 0), 0);
  assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(server)), EVP_PKEY_EC);
  assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(server)), 256);
  assert_int_equal(X509_check_ca(ca), 1);
  assert_int_equal(X509_check_ca(server), 0);
  X509_free(ca);
  X509_free(server);
}

static void an_identity_is_one_uri(void **state) {
  struct fixture *f = *state;
  make_all(f);
  X509 *ca = load(f, "ca.crt"), *ann = load(f, "ann.crt");
  assert_true(signed_by(ann, ca, X509_PURPOSE_SSL_CLIENT));
  assert_false(signed_by(ann, ca, X509_PURPOSE_SSL_SERVER));
  GENERAL_NAMES *all = X509_get_ext_d2i(ann, NID_subject_alt_name, NULL, NULL);
  assert_int_equal(sk_GENERAL_NAME_num(all), 1);
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, 0);
  assert_int_equal(name->type, GEN_URI);
  assert_string_equal((const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
                      "migd://0123456789abcdef/user/ann");
  int days, seconds;
  assert_true(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(ann)));
  assert_true(days == 29 || days == 30);
  assert_true(X509_cmp_current_time(X509_get0_notBefore(ann)) < 0);
  GENERAL_NAMES_free(all);
  X509_free(ca);
  X509_free(ann);
}

/* Whatever the umask is. */
static void only_the_owner_reads_keys(void **state) {
  struct fixture *f = *state;
  mode_t old = umask(0);
  make_all(f);
  umask(old);
  assert_int_equal(mode_of(f, "ca.key"), 0600);
  assert_int_equal(mode_of(f, "server.key"), 0600);
  assert_int_equal(mode_of(f, "ann.key"), 0600);
  assert_int_equal(mode_of(f, "ann.crt"), 0644);
}

static void nothing_is_overwritten(void **state) {
  struct fixture *f = *state;
  static const char *const files[] = {"ca.crt",     "ca.key",  "server.crt",
                                      "server.key", "ann.crt", "ann.key"};
  const char *before[6];
  make_all(f);
  for (size_t i = 0; i < 6; i++)
    before[i] = bytes_of(f, files[i]);
  assert_err(pki_make_ca(f->dir, "x", &f->e), ERR_EXISTS);
  assert_err(pki_make_server(f->dir, names, 1, &f->e), ERR_EXISTS);
  assert_err(pki_make_identity(f->dir, "x", "ann", 1, in(f, "ann.crt"), in(f, "ann.key"), &f->e),
             ERR_EXISTS);
  for (size_t i = 0; i < 6; i++)
    assert_string_equal(before[i], bytes_of(f, files[i]));
}

static void a_key_that_a_crash_left_behind_is_used(void **state) {
  struct fixture *f = *state;
  int64_t expires;
  make_all(f);
  const char *key = bytes_of(f, "server.key");
  assert_int_equal(unlink(in(f, "server.crt")), 0);
  assert_ok(pki_make_server(f->dir, names, 4, &f->e));
  assert_string_equal(key, bytes_of(f, "server.key"));
  assert_ok(pki_check_pair(in(f, "server.crt"), in(f, "server.key"), &expires, &f->e));
}

static void names_are_names_and_nothing_more(void **state) {
  struct fixture *f = *state;
  static const char *const good[] = {"a",        "localhost", "db-1.example.org",
                                     "10.0.0.1", "fe80::1",   "*.example.org"};
  static const char *const bad[] = {"",        " ",    "a b",      "a..b",       ".a",
                                    "a,DNS:b", "a\nb", "a/b",      "*",          "*.",
                                    "*.*.a",   "a*.b", "\xc3\xa9", "IP:1.2.3.4", "a:7433"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    assert_ok(pki_name_check(good[i], &f->e));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (pki_name_check(bad[i], &f->e) == 0)
      fail_msg("\"%s\" passes", bad[i]);
  assert_ok(pki_make_ca(f->dir, "x", &f->e));
  assert_err(pki_make_server(f->dir, bad + 5, 1, &f->e), ERR_INPUT);
  assert_err(pki_make_server(f->dir, names, 0, &f->e), ERR_INPUT);
  assert_int_equal(access(in(f, "server.crt"), F_OK), -1);
}

static void without_a_ca_no_certificate_is_made(void **state) {
  struct fixture *f = *state;
  assert_err(pki_make_server(f->dir, names, 1, &f->e), ERR_NOT_FOUND);
  assert_ok(pki_make_ca(f->dir, "x", &f->e));
  assert_int_equal(unlink(in(f, "ca.key")), 0);
  assert_err(pki_make_server(f->dir, names, 1, &f->e), ERR_NOT_FOUND);
  assert_int_equal(access(in(f, "server.key"), F_OK), -1);
}

static void a_check_finds_what_is_wrong(void **state) {
  struct fixture *f = *state;
  int64_t expires = 0;
  make_all(f);
  assert_ok(pki_check_pair(in(f, "server.crt"), in(f, "server.key"), &expires, &f->e));
  assert_true(expires / 1000000 > time(NULL));
  assert_ok(pki_check_ca(in(f, "ca.crt"), &expires, &f->e));
  assert_err(pki_check_pair(in(f, "server.crt"), in(f, "ann.key"), &expires, &f->e), ERR_REFUSED);
  assert_err(pki_check_pair(in(f, "ann.crt"), in(f, "ann.key"), &expires, &f->e), ERR_REFUSED);
  assert_err(pki_check_pair(in(f, "no.crt"), in(f, "server.key"), &expires, &f->e), ERR_NOT_FOUND);
  assert_err(pki_check_pair(in(f, "server.key"), in(f, "server.key"), &expires, &f->e), ERR_INPUT);
  assert_err(pki_check_ca(in(f, "server.crt"), &expires, &f->e), ERR_REFUSED);
  assert_err(pki_check_ca(in(f, "ca.key"), &expires, &f->e), ERR_INPUT);
}

static void a_certificate_that_has_ended_is_found(void **state) {
  struct fixture *f = *state;
  int64_t expires = 0;
  make_all(f);
  X509 *cert = load(f, "server.crt"), *ca = load(f, "ca.crt");
  FILE *file = fopen(in(f, "ca.key"), "r");
  EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
  fclose(file);
  X509_gmtime_adj(X509_getm_notAfter(cert), -60);
  assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
  file = fopen(in(f, "old.crt"), "w");
  PEM_write_X509(file, cert);
  fclose(file);
  assert_err(pki_check_pair(in(f, "old.crt"), in(f, "server.key"), &expires, &f->e), ERR_REFUSED);
  assert_non_null(strstr(f->e.text, "expired"));
  assert_true(expires / 1000000 <= time(NULL));
  X509_free(cert);
  X509_free(ca);
  EVP_PKEY_free(key);
}

/* --- new files */

static void a_new_file_is_whole_and_alone(void **state) {
  struct fixture *f = *state;
  const char *path = in(f, "new");
  assert_ok(newfile_make(path, 0640, "abc", 3, &f->e));
  assert_string_equal(bytes_of(f, "new"), "abc");
  assert_int_equal(mode_of(f, "new"), 0640);
  assert_err(newfile_make(path, 0600, "xyz", 3, &f->e), ERR_EXISTS);
  assert_string_equal(bytes_of(f, "new"), "abc");
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(f->dir), 0); /* nothing else was left in it */
}

static void a_link_that_leads_nowhere_is_not_followed(void **state) {
  struct fixture *f = *state;
  assert_int_equal(symlink(in(f, "elsewhere"), in(f, "new")), 0);
  assert_err(newfile_make(in(f, "new"), 0600, "abc", 3, &f->e), ERR_EXISTS);
  assert_int_equal(access(in(f, "elsewhere"), F_OK), -1);
}

static void where_nothing_can_be_made_it_is_said(void **state) {
  struct fixture *f = *state;
  assert_err(newfile_make(in(f, "no/folder"), 0600, "abc", 3, &f->e), ERR_STORAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_server_is_what_its_certificate_says),
      TEST(an_identity_is_one_uri),
      TEST(only_the_owner_reads_keys),
      TEST(nothing_is_overwritten),
      TEST(a_key_that_a_crash_left_behind_is_used),
      TEST(names_are_names_and_nothing_more),
      TEST(without_a_ca_no_certificate_is_made),
      TEST(a_check_finds_what_is_wrong),
      TEST(a_certificate_that_has_ended_is_found),
      TEST(a_new_file_is_whole_and_alone),
      TEST(a_link_that_leads_nowhere_is_not_followed),
      TEST(where_nothing_can_be_made_it_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
