/* Making and looking at certificates. Everything of OpenSSL's is on a scope of its own; see pki.h.
 */
#include "server/net/pki.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/net/newfile.h"

#define CA_DAYS 7300
#define SERVER_DAYS 1825
#define SKEW_S 300 /* of the peers' clocks */

static void key_scoped(EVP_PKEY **k) {
  EVP_PKEY_free(*k);
}
static void cert_scoped(X509 **c) {
  X509_free(*c);
}
static void bio_scoped(BIO **b) {
  BIO_free(*b);
}
static void names_scoped(GENERAL_NAMES **n) {
  GENERAL_NAMES_free(*n);
}
#define SCOPED(type) __attribute__((cleanup(type##_scoped)))

/* OpenSSL's own words behind ours; its queue is empty afterwards. */
static int fail(struct err *e, enum err_kind kind, const char *what) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return err_set(e, kind, "%s: %s", what, reason != NULL ? reason : "failed");
}

static int join(char out[PATH_MAX], const char *dir, const char *name, struct err *e) {
  int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
  if (n < 0 || n >= PATH_MAX)
    return err_set(e, ERR_INPUT, "the path %.100s… is too long", dir);
  return 0;
}

/* NULL with ERR_NOT_FOUND where there is no such file. */
static BIO *open_file(const char *path, struct err *e) {
  BIO *b = BIO_new_file(path, "r");
  if (b != NULL)
    return b;
  ERR_clear_error();
  err_errno(e, access(path, F_OK) == 0 ? ERR_DENIED : ERR_NOT_FOUND, errno, "%s", path);
  return NULL;
}

static int no_passphrase(char *buf, int size, int writing, void *ctx) {
  (void)buf, (void)size, (void)writing, (void)ctx;
  return -1;
}

static EVP_PKEY *key_read(const char *path, struct err *e) {
  BIO *b SCOPED(bio) = open_file(path, e);
  if (b == NULL)
    return NULL;
  EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);
  if (key == NULL) {
    fail(e, ERR_INPUT, path);
    err_hint(e, "it must be a PEM private key without a passphrase");
  }
  return key;
}

static X509 *cert_read(const char *path, struct err *e) {
  BIO *b SCOPED(bio) = open_file(path, e);
  if (b == NULL)
    return NULL;
  X509 *cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
  if (cert == NULL)
    fail(e, ERR_INPUT, path);
  return cert;
}

static int bio_store(BIO *b, const char *path, mode_t mode, struct err *e) {
  char *bytes;
  long len = BIO_get_mem_data(b, &bytes);
  return newfile_make(path, mode, bytes, (size_t)len, e);
}

static int key_write(EVP_PKEY *key, const char *path, struct err *e) {
  BIO *b SCOPED(bio) = BIO_new(BIO_s_secmem());
  if (b == NULL || !PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL))
    return fail(e, ERR_INTERNAL, path);
  return bio_store(b, path, 0600, e);
}

static int cert_write(X509 *cert, const char *path, struct err *e) {
  BIO *b SCOPED(bio) = BIO_new(BIO_s_mem());
  if (b == NULL || !PEM_write_bio_X509(b, cert))
    return fail(e, ERR_INTERNAL, path);
  return bio_store(b, path, 0644, e);
}

/* The key that is there, or a new one. */
static EVP_PKEY *key_obtain(const char *path, struct err *e) {
  if (access(path, F_OK) == 0)
    return key_read(path, e);
  EVP_PKEY *key = EVP_EC_gen("P-256");
  if (key == NULL) {
    fail(e, ERR_INTERNAL, "no key can be made");
    return NULL;
  }
  if (key_write(key, path, e) == 0)
    return key;
  EVP_PKEY_free(key);
  return NULL;
}

static bool set_serial(X509 *cert) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return false;
  bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and of one length */
  BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
  bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
  BN_free(n);
  return ok;
}

static bool set_subject(X509 *cert, const char *organisation, const char *name) {
  X509_NAME *subject = X509_get_subject_name(cert);
  return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const void *)organisation, -1, -1,
                                    0) &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const void *)name, -1, -1, 0);
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  bool ok = x != NULL && X509_add_ext(cert, x, -1);
  X509_EXTENSION_free(x);
  return ok;
}

/* A certificate without extensions and signature. */
static X509 *cert_begin(EVP_PKEY *key, const char *name, int days) {
  X509 *cert = X509_new();
  if (cert != NULL && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
      set_subject(cert, "migd", name) && X509_set_pubkey(cert, key) &&
      X509_gmtime_adj(X509_getm_notBefore(cert), -SKEW_S) != NULL &&
      X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL) != NULL)
    return cert;
  X509_free(cert);
  return NULL;
}

static bool add_address(GENERAL_NAME *g, const char *name) {
  unsigned char bytes[16];
  int len = inet_pton(AF_INET, name, bytes) == 1    ? 4
            : inet_pton(AF_INET6, name, bytes) == 1 ? 16
                                                    : 0;
  ASN1_OCTET_STRING *s = len > 0 ? ASN1_OCTET_STRING_new() : NULL;
  if (s == NULL || !ASN1_OCTET_STRING_set(s, bytes, len)) {
    ASN1_OCTET_STRING_free(s);
    return false;
  }
  GENERAL_NAME_set0_value(g, GEN_IPADD, s);
  return true;
}

static bool add_name(GENERAL_NAMES *names, int type, const char *name) {
  GENERAL_NAME *g = GENERAL_NAME_new();
  bool ok = g != NULL && type == GEN_DNS && add_address(g, name);
  if (g != NULL && !ok) {
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    ok = s != NULL && ASN1_STRING_set(s, name, -1);
    if (ok)
      GENERAL_NAME_set0_value(g, type, s);
    else
      ASN1_IA5STRING_free(s);
  }
  if (ok && sk_GENERAL_NAME_push(names, g))
    return true;
  GENERAL_NAME_free(g);
  return false;
}

/* Made from values, not from a text that OpenSSL would parse: a name is never more than a name. */
static bool add_names(X509 *cert, int type, const char *const *names, size_t count) {
  GENERAL_NAMES *all SCOPED(names) = GENERAL_NAMES_new();
  if (all == NULL)
    return false;
  for (size_t i = 0; i < count; i++)
    if (!add_name(all, type, names[i]))
      return false;
  return X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
}

int pki_make_ca(const char *dir, const char *store_id, struct err *e) {
  char cert_file[PATH_MAX], key_file[PATH_MAX], name[80];
  if (join(cert_file, dir, "ca.crt", e) != 0 || join(key_file, dir, "ca.key", e) != 0)
    return -1;
  if (access(cert_file, F_OK) == 0)
    return err_set(e, ERR_EXISTS, "%s exists: it is not overwritten", cert_file);
  EVP_PKEY *key SCOPED(key) = key_obtain(key_file, e);
  if (key == NULL)
    return -1;
  snprintf(name, sizeof name, "migd CA %.40s", store_id);
  X509 *cert SCOPED(cert) = cert_begin(key, name, CA_DAYS);
  if (cert == NULL || !X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
      !add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
      !X509_sign(cert, key, EVP_sha256()))
    return fail(e, ERR_INTERNAL, "the CA's certificate cannot be made");
  return cert_write(cert, cert_file, e);
}

/* What a certificate that the CA issues is for. */
struct leaf {
  const char *name;  /* the subject's common name */
  const char *usage; /* EKU */
  int names_type;    /* GEN_DNS (addresses too) or GEN_URI */
  const char *const *names;
  size_t count;
  int days;
  const char *cert_file, *key_file;
};

static bool leaf_extend(X509 *cert, X509 *ca, const struct leaf *leaf) {
  return add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
         add_extension(cert, ca, NID_ext_key_usage, leaf->usage) &&
         add_extension(cert, ca, NID_subject_key_identifier, "hash") &&
         add_extension(cert, ca, NID_authority_key_identifier, "keyid:always") &&
         add_names(cert, leaf->names_type, leaf->names, leaf->count);
}

static int leaf_issue(const char *dir, const struct leaf *leaf, struct err *e) {
  char ca_cert_file[PATH_MAX], ca_key_file[PATH_MAX];
  if (join(ca_cert_file, dir, "ca.crt", e) != 0 || join(ca_key_file, dir, "ca.key", e) != 0)
    return -1;
  if (access(leaf->cert_file, F_OK) == 0)
    return err_set(e, ERR_EXISTS, "%s exists: it is not overwritten", leaf->cert_file);
  X509 *ca SCOPED(cert) = cert_read(ca_cert_file, e);
  EVP_PKEY *ca_key SCOPED(key) = ca != NULL ? key_read(ca_key_file, e) : NULL;
  EVP_PKEY *key SCOPED(key) = ca_key != NULL ? key_obtain(leaf->key_file, e) : NULL;
  if (key == NULL)
    return -1;
  if (!X509_check_private_key(ca, ca_key))
    return fail(e, ERR_REFUSED, "ca.crt and ca.key do not belong together");
  X509 *cert SCOPED(cert) = cert_begin(key, leaf->name, leaf->days);
  if (cert == NULL || !X509_set_issuer_name(cert, X509_get_subject_name(ca)) ||
      !leaf_extend(cert, ca, leaf) || !X509_sign(cert, ca_key, EVP_sha256()))
    return fail(e, ERR_INTERNAL, "the certificate cannot be made");
  return cert_write(cert, leaf->cert_file, e);
}

static bool dns_name_valid(const char *name) {
  if (strncmp(name, "*.", 2) == 0)
    name += 2;
  size_t len = strlen(name), label = 0;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)name[i];
    if (c == '.' ? label == 0 : !(isalnum(c) || c == '-' || c == '_'))
      return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63)
      return false;
  }
  return len > 0 && len <= 253;
}

int pki_name_check(const char *name, struct err *e) {
  unsigned char bytes[16];
  if (inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1 ||
      dns_name_valid(name))
    return 0;
  return err_set(e, ERR_INPUT, "\"%.100s\" is neither a DNS name nor an address", name);
}

int pki_make_server(const char *dir, const char *const *names, size_t count, struct err *e) {
  char cert_file[PATH_MAX], key_file[PATH_MAX], common[64];
  if (count == 0)
    return err_set(e, ERR_INPUT, "a server's certificate needs a name");
  for (size_t i = 0; i < count; i++)
    if (pki_name_check(names[i], e) != 0)
      return -1;
  if (join(cert_file, dir, "server.crt", e) != 0 || join(key_file, dir, "server.key", e) != 0)
    return -1;
  snprintf(common, sizeof common, "%.63s", names[0]); /* shown only; the SANs are what counts */
  struct leaf leaf = {
      .name = common,
      .usage = "serverAuth",
      .names_type = GEN_DNS,
      .names = names,
      .count = count,
      .days = SERVER_DAYS,
      .cert_file = cert_file,
      .key_file = key_file,
  };
  return leaf_issue(dir, &leaf, e);
}

int pki_make_identity(const char *dir, const char *store_id, const char *name, int days,
                      const char *cert_file, const char *key_file, struct err *e) {
  char uri[256];
  snprintf(uri, sizeof uri, "migd://%s/user/%s", store_id, name);
  const char *names[] = {uri};
  struct leaf leaf = {
      .name = name,
      .usage = "clientAuth",
      .names_type = GEN_URI,
      .names = names,
      .count = 1,
      .days = days,
      .cert_file = cert_file,
      .key_file = key_file,
  };
  return leaf_issue(dir, &leaf, e);
}

static int64_t ends_at(const X509 *cert) {
  struct tm tm;
  if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
    return 0;
  return (int64_t)timegm(&tm) * 1000000;
}

static int check_validity(const char *path, X509 *cert, struct err *e) {
  if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
    return err_set(e, ERR_REFUSED, "%s is not valid yet", path);
  if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
    return err_set(e, ERR_REFUSED, "%s has expired", path);
  return 0;
}

int pki_check_pair(const char *cert_file, const char *key_file, int64_t *expires, struct err *e) {
  X509 *cert SCOPED(cert) = cert_read(cert_file, e);
  if (cert == NULL)
    return -1;
  *expires = ends_at(cert);
  EVP_PKEY *key SCOPED(key) = key_read(key_file, e);
  if (key == NULL)
    return -1;
  if (!X509_check_private_key(cert, key)) {
    ERR_clear_error();
    return err_set(e, ERR_REFUSED, "%s is not the key of %s", key_file, cert_file);
  }
  if (!(X509_get_extended_key_usage(cert) & XKU_SSL_SERVER))
    return err_set(e, ERR_REFUSED, "%s is not made for servers (EKU serverAuth)", cert_file);
  return check_validity(cert_file, cert, e);
}

int pki_check_ca(const char *ca_file, int64_t *expires, struct err *e) {
  BIO *b SCOPED(bio) = open_file(ca_file, e);
  if (b == NULL)
    return -1;
  int64_t first = 0;
  for (unsigned count = 0;; count++) {
    X509 *cert SCOPED(cert) = PEM_read_bio_X509(b, NULL, NULL, NULL);
    if (cert == NULL && count > 0)
      break;
    if (cert == NULL)
      return fail(e, ERR_INPUT, ca_file);
    if (X509_check_ca(cert) < 1)
      return err_set(e, ERR_REFUSED, "%s holds a certificate that is not a CA's", ca_file);
    if (first == 0 || ends_at(cert) < first)
      first = ends_at(cert);
    *expires = first;
    if (check_validity(ca_file, cert, e) != 0)
      return -1;
  }
  ERR_clear_error();
  return 0;
}
