/* SHA-256 by libcrypto's EVP interface. A digest belongs to whoever made it until digest_finish
 * takes it. libcrypto fails here only for lack of memory or a broken installation: the process
 * ends, as for memory.
 */
#include "server/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define SHA256_BYTES 32
static const char prefix[] = "sha256:";
_Static_assert(sizeof prefix + (size_t)2 * SHA256_BYTES <= DIGEST_TEXT, "the text fits");

/* An opaque name for libcrypto's context, which is what the pointer points to. */
static EVP_MD_CTX *context(struct digest *d) {
  return (EVP_MD_CTX *)d;
}

static void must(int ok) {
  if (ok != 1) {
    (void)fputs("libcrypto cannot compute SHA-256\n", stderr);
    abort();
  }
}

struct digest *digest_new(void) {
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  must(ctx != NULL);
  must(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL));
  return (struct digest *)ctx;
}

void digest_add(struct digest *d, const void *data, size_t len) {
  must(EVP_DigestUpdate(context(d), data, len));
}

void digest_finish(struct digest *d, char out[DIGEST_TEXT]) {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  must(EVP_DigestFinal_ex(context(d), raw, &len));
  must(len == SHA256_BYTES);
  EVP_MD_CTX_free(context(d));
  memcpy(out, prefix, sizeof prefix);
  char *at = out + sizeof prefix - 1;
  for (unsigned i = 0; i < len; i++) {
    *at++ = "0123456789abcdef"[raw[i] >> 4];
    *at++ = "0123456789abcdef"[raw[i] & 15];
  }
  *at = '\0';
}

void digest_of(const void *data, size_t len, char out[DIGEST_TEXT]) {
  struct digest *d = digest_new();
  digest_add(d, data, len);
  digest_finish(d, out);
}

void wipe(void *secret, size_t len) {
  if (secret != NULL && len > 0)
    OPENSSL_cleanse(secret, len);
}
