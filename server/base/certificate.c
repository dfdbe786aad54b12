/* Reads the blocks of a PEM one by one. What is between them (comments, names) is left alone. */
#include "server/base/certificate.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static int check_block(const char *name, const unsigned char *data, long len, unsigned number,
                       struct err *e) {
  if (strcmp(name, PEM_STRING_X509) != 0) {
    err_set(e, ERR_INPUT, "the CA's PEM holds a %.40s", name);
    return err_hint(e, "certificates only");
  }
  X509 *x = d2i_X509(NULL, &data, len);
  if (!x)
    return err_set(e, ERR_INPUT, "certificate %u of the CA's PEM cannot be read", number);
  X509_free(x);
  return 0;
}

static int check_blocks(BIO *bio, struct err *e) {
  unsigned number = 0;
  char *name, *header;
  unsigned char *data;
  long len;
  while (PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
    int rc = check_block(name, data, len, ++number, e);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, (size_t)len);
    if (rc)
      return -1;
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    return err_set(e, ERR_INPUT, "the CA's PEM is broken after certificate %u", number);
  return number ? 0 : err_set(e, ERR_INPUT, "the CA's PEM holds no certificate");
}

int certificates_check(const char *pem, struct err *e) {
  size_t len = strlen(pem);
  if (len > CERTIFICATES_MAX)
    return err_set(e, ERR_INPUT, "the CA's PEM is longer than %d bytes", CERTIFICATES_MAX);
  BIO *bio = BIO_new_mem_buf(pem, (int)len);
  if (!bio)
    return err_set(e, ERR_BUSY, "out of memory");
  ERR_clear_error();
  int rc = check_blocks(bio, e);
  ERR_clear_error();
  BIO_free(bio);
  return rc;
}
