/* Secrets: AES-256-GCM under a key that is not in the store. Two keys may be loaded: the first
 * seals, both open, so that keys can be changed one after the other. Over OpenSSL.
 */
#ifndef MIGD_STORE_SECRET_H
#define MIGD_STORE_SECRET_H

#include <stddef.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"

struct keyring;

/* A key file holds 32 bytes as 64 hex digits and a line end, and must not be accessible to group or
 * others. `second` may be NULL. */
int keyring_load(struct keyring **out, const char *path, const char *second, struct err *e);
void keyring_free(struct keyring *k); /* wipes; takes NULL */
/* Makes a key file, mode 0400; ERR_EXISTS when there is one. */
int keyring_create(const char *path, struct err *e);
/* Sealed: version byte, key id (8 bytes), nonce (12), ciphertext, tag (16). `context` is
 * authenticated, together with the key id. */
int secret_seal(const struct keyring *k, const char *context, const void *plain, size_t len,
                struct buf *out, struct err *e);
int secret_open(const struct keyring *k, const char *context, const void *sealed, size_t len,
                struct buf *out, struct err *e);

#endif
