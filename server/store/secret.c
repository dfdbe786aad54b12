/* Secrets under AES-256-GCM, and the key files. Keys live in memory that is locked where the system
 * allows it, and are wiped. Immutable once loaded: any thread.
 */
#include "server/store/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "proto/base/arena.h"
#include "server/base/digest.h"

#define VERSION 1
#define KEY_LEN 32
#define KEY_ID_LEN 8
#define NONCE_LEN 12
#define TAG_LEN 16
#define HEAD_LEN (1 + KEY_ID_LEN)
#define KEY_TEXT (2 * KEY_LEN)

struct key {
  unsigned char id[KEY_ID_LEN];
  unsigned char bytes[KEY_LEN];
};

struct keyring {
  struct key keys[2];
  int count;
};

/* Key files. */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hex_decode(const char *text, unsigned char *out, size_t len) {
  for (size_t i = 0; i < len; i++) {
    int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    out[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

/* systemd hands over credentials with an access list, which shows as a group's permission to read.
 */
static bool is_credential(const char *path) {
  const char *folder = getenv("CREDENTIALS_DIRECTORY");
  size_t len = folder ? strlen(folder) : 0;
  return len && strncmp(path, folder, len) == 0 && path[len] == '/' && !strstr(path + len, "/../");
}

static int check_access(int fd, const char *path, struct err *e) {
  struct stat st;
  if (fstat(fd, &st))
    return err_errno(e, ERR_STORAGE, errno, "cannot look at %s", path);
  if (!S_ISREG(st.st_mode))
    return err_set(e, ERR_REFUSED, "the key %s is not a regular file", path);
  if (st.st_uid != geteuid() && st.st_uid != 0)
    return err_set(e, ERR_REFUSED, "the key %s belongs to somebody else (uid %u)", path,
                   (unsigned)st.st_uid);
  mode_t open_to = st.st_mode & (S_IRWXG | S_IRWXO);
  if (open_to == S_IRGRP && is_credential(path))
    open_to = 0;
  if (open_to) {
    err_set(e, ERR_REFUSED, "the key %s is accessible to others (mode %04o)", path,
            (unsigned)(st.st_mode & 07777));
    return err_hint(e, "chmod 0400 %s", path);
  }
  return 0;
}

/* As much of the file as `size` holds; -1. */
static ssize_t read_all(int fd, char *out, size_t size) {
  size_t len = 0;
  while (len < size) {
    ssize_t n = read(fd, out + len, size - len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    len += (size_t)n;
  }
  return (ssize_t)len;
}

static int parse_key(const char *text, size_t len, struct key *out, const char *path,
                     struct err *e) {
  if (len == KEY_TEXT + 1 && text[KEY_TEXT] == '\n')
    len--;
  if (len != KEY_TEXT || !hex_decode(text, out->bytes, KEY_LEN))
    return err_set(e, ERR_INPUT, "%s is no key: 64 hex digits and a line end are expected", path);
  return 0;
}

/* What a key is called in what it seals: says nothing about the key. */
static int name_key(struct key *key, struct err *e) {
  static const char purpose[] = "migd key id";
  unsigned char text[sizeof purpose + KEY_LEN], hash[EVP_MAX_MD_SIZE];
  memcpy(text, purpose, sizeof purpose);
  memcpy(text + sizeof purpose, key->bytes, KEY_LEN);
  int ok = EVP_Digest(text, sizeof text, hash, NULL, EVP_sha256(), NULL);
  wipe(text, sizeof text);
  if (!ok)
    return err_set(e, ERR_INTERNAL, "the cryptographic library failed");
  memcpy(key->id, hash, KEY_ID_LEN);
  return 0;
}

static int load_key(struct key *out, const char *path, struct err *e) {
  char text[KEY_TEXT + 3];
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno,
                     "cannot open the key %s", path);
  int rc = check_access(fd, path, e);
  ssize_t len = rc == 0 ? read_all(fd, text, sizeof text) : 0;
  if (len < 0)
    rc = err_errno(e, ERR_STORAGE, errno, "cannot read the key %s", path);
  close(fd);
  if (rc == 0)
    rc = parse_key(text, (size_t)len, out, path, e);
  wipe(text, sizeof text);
  return rc == 0 ? name_key(out, e) : -1;
}

int keyring_load(struct keyring **out, const char *path, const char *second, struct err *e) {
  struct keyring *k = xcalloc(1, sizeof *k);
  (void)mlock(k, sizeof *k); /* as far as the system's limit allows */
  k->count = second ? 2 : 1;
  if (load_key(&k->keys[0], path, e) || (second && load_key(&k->keys[1], second, e))) {
    keyring_free(k);
    return -1;
  }
  *out = k;
  return 0;
}

void keyring_free(struct keyring *k) {
  if (!k)
    return;
  wipe(k, sizeof *k);
  (void)munlock(k, sizeof *k);
  free(k);
}

static int write_key(int fd, struct err *e) {
  unsigned char key[KEY_LEN];
  char text[KEY_TEXT + 1];
  ssize_t written = -1;
  if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
    return err_set(e, ERR_INTERNAL, "the system gives no random bytes");
  for (size_t i = 0; i < KEY_LEN; i++) {
    text[2 * i] = "0123456789abcdef"[key[i] >> 4];
    text[2 * i + 1] = "0123456789abcdef"[key[i] & 15];
  }
  text[KEY_TEXT] = '\n';
  written = write(fd, text, sizeof text);
  wipe(key, sizeof key);
  wipe(text, sizeof text);
  if (written != (ssize_t)sizeof text || fsync(fd))
    return err_errno(e, ERR_STORAGE, written < 0 || errno ? errno : ENOSPC, "cannot write the key");
  return 0;
}

/* So that the file's name is on the disk, too. */
static int sync_folder(const char *path, struct err *e) {
  char *copy = xstrdup(path);
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(copy);
  int failed = fd < 0 || fsync(fd);
  int error = errno;
  if (fd >= 0)
    close(fd);
  return failed ? err_errno(e, ERR_STORAGE, error, "cannot write the folder of %s", path) : 0;
}

int keyring_create(const char *path, struct err *e) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
  if (fd < 0 && errno == EEXIST)
    return err_set(e, ERR_EXISTS, "there is a key %s already", path);
  if (fd < 0)
    return err_errno(e, ERR_STORAGE, errno, "cannot make the key %s", path);
  errno = 0;
  int rc = write_key(fd, e);
  close(fd);
  if (rc == 0)
    rc = sync_folder(path, e);
  if (rc)
    unlink(path);
  return rc;
}

/* Sealing. */

static const struct key *key_of(const struct keyring *k, const unsigned char *id) {
  for (int i = 0; i < k->count; i++)
    if (memcmp(k->keys[i].id, id, KEY_ID_LEN) == 0)
      return &k->keys[i];
  return NULL;
}

/* Runs the cipher in one direction over `in`, into `out` of the same length. `head` (version and
 * key id) and the context are authenticated. False: wrong tag, or the library failed. */
static bool crypt_gcm(bool seal, const struct key *key, const unsigned char *head,
                      const char *context, const unsigned char *nonce, const unsigned char *in,
                      int len, unsigned char *out, unsigned char *tag) {
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  unsigned char rest[EVP_MAX_BLOCK_LENGTH];
  int n = 0;
  bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, nonce, seal) &&
            EVP_CipherUpdate(c, NULL, &n, head, HEAD_LEN) &&
            EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)context, (int)strlen(context)) &&
            (len == 0 || EVP_CipherUpdate(c, out, &n, in, len)) &&
            (seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag)) &&
            EVP_CipherFinal_ex(c, rest, &n) > 0 &&
            (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag));
  EVP_CIPHER_CTX_free(c); /* wipes */
  return ok;
}

#define SECRET_MAX (1 << 20)

int secret_seal(const struct keyring *k, const char *context, const void *plain, size_t len,
                struct buf *out, struct err *e) {
  const struct key *key = &k->keys[0];
  unsigned char head[HEAD_LEN + NONCE_LEN] = {VERSION}, tag[TAG_LEN];
  if (len > SECRET_MAX || strlen(context) > SECRET_MAX)
    return err_set(e, ERR_INPUT, "the secret is too long");
  memcpy(head + 1, key->id, KEY_ID_LEN);
  if (getrandom(head + HEAD_LEN, NONCE_LEN, 0) != NONCE_LEN)
    return err_set(e, ERR_INTERNAL, "the system gives no random bytes");
  unsigned char *sealed = xmalloc(len + 1);
  bool ok = crypt_gcm(true, key, head, context, head + HEAD_LEN, plain, (int)len, sealed, tag);
  if (ok) {
    buf_add(out, head, sizeof head);
    buf_add(out, sealed, len);
    buf_add(out, tag, sizeof tag);
  }
  free(sealed);
  return ok ? 0 : err_set(e, ERR_INTERNAL, "the cryptographic library failed");
}

int secret_open(const struct keyring *k, const char *context, const void *sealed, size_t len,
                struct buf *out, struct err *e) {
  const unsigned char *s = sealed;
  const size_t frame = HEAD_LEN + NONCE_LEN + TAG_LEN;
  unsigned char tag[TAG_LEN];
  if (len < frame || len - frame > SECRET_MAX || strlen(context) > SECRET_MAX || s[0] != VERSION)
    return err_set(e, ERR_STORAGE, "the stored secret is damaged");
  const struct key *key = key_of(k, s + 1);
  if (!key) {
    err_set(e, ERR_REFUSED, "the secret is sealed with a key that is not loaded");
    return err_hint(e, "give the server the key that was used before as its second key");
  }
  size_t plain_len = len - frame;
  memcpy(tag, s + len - TAG_LEN, TAG_LEN);
  unsigned char *plain = xmalloc(plain_len + 1);
  bool ok = crypt_gcm(false, key, s, context, s + HEAD_LEN, s + HEAD_LEN + NONCE_LEN,
                      (int)plain_len, plain, tag);
  if (ok) {
    buf_reserve(out, plain_len + 1); /* no copy of the secret is left behind by growing */
    buf_add(out, plain, plain_len);
  }
  wipe(plain, plain_len);
  free(plain);
  return ok ? 0 : err_set(e, ERR_STORAGE, "the stored secret is damaged, or another target's");
}
