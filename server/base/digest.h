/* SHA-256, the only hash of the project, and wiping of secrets. Over OpenSSL's libcrypto. Any thread. */
#ifndef MIGD_BASE_DIGEST_H
#define MIGD_BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_TEXT 72 /* "sha256:" + 64 hex digits + NUL */

struct digest;

struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t len);
/* Takes d. Writes `sha256:<hex>`. */
void digest_finish(struct digest *d, char out[DIGEST_TEXT]);
void digest_of(const void *data, size_t len, char out[DIGEST_TEXT]);
void wipe(void *secret, size_t len);

#endif
