/* See authority.h. */
#include "client/authority.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum { AUTHORITY_MOST = 65536, SUBJECT_MOST = 200 };

char *authority_read(struct session *s, const char *file, struct err *e) {
  char *text = arena_alloc(&s->arena, AUTHORITY_MOST + 2);
  FILE *f = fopen(file, "re");
  size_t n = f ? fread(text, 1, AUTHORITY_MOST + 1, f) : 0;
  if (!f || ferror(f))
    err_errno(e, ERR_INPUT, errno, "cannot read the CA from %s", file);
  else if (n > AUTHORITY_MOST)
    err_set(e, ERR_INPUT, "%s is longer than %d bytes", file, AUTHORITY_MOST);
  else if (n == 0 || memchr(text, 0, n))
    err_set(e, ERR_INPUT, "%s holds no certificate in PEM", file);
  else {
    text[n] = '\0';
    (void)fclose(f);
    return text;
  }
  if (f)
    (void)fclose(f);
  return NULL;
}

static const char *describe(struct session *s, X509 *x) {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  char hex[65] = "", *subject = NULL;
  struct buf clean BUF_SCOPED = BUF_INIT;
  BIO *bio = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ);
  long size = BIO_get_mem_data(bio, &subject);
  buf_add(&clean, subject, size > SUBJECT_MOST ? SUBJECT_MOST : (size_t)size);
  X509_digest(x, EVP_sha256(), raw, &len);
  for (unsigned i = 0; i < len && i < 32; i++)
    snprintf(hex + (size_t)2 * i, 3, "%02x", raw[i]);
  const char *text = arena_printf(&s->arena, "%s, SHA-256 %s", buf_str(&clean), hex);
  BIO_free(bio);
  return text;
}

const char *authority_words(struct session *s, const char *pem) {
  BIO *bio = BIO_new_mem_buf(pem, -1);
  const char *first = NULL;
  size_t count = 0;
  for (X509 *x; (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; X509_free(x))
    if (count++ == 0)
      first = describe(s, x);
  BIO_free(bio);
  ERR_clear_error();
  if (!first)
    return "set";
  return count > 1 ? arena_printf(&s->arena, "%s, and %zu more", first, count - 1) : first;
}
