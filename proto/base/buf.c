/* The growing string: doubles its memory, keeps a NUL behind its bytes. Owned by whoever holds the
 * struct; no locking. Sizes that cannot be are a fault of ours and end the process in xrealloc.
 */
#include "proto/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/arena.h"

void buf_release(struct buf *b) {
  free(b->s);
  *b = BUF_INIT;
}

void buf_clear(struct buf *b) {
  b->len = 0;
  if (b->s != NULL)
    b->s[0] = '\0';
}

void buf_reserve(struct buf *b, size_t more) {
  size_t want = 0;
  if (__builtin_add_overflow(b->len, more, &want) || __builtin_add_overflow(want, 1, &want))
    want = SIZE_MAX;
  if (want <= b->cap)
    return;
  size_t cap = b->cap < 32 ? 32 : b->cap;
  while (cap < want)
    cap = cap > SIZE_MAX / 2 ? want : cap * 2;
  b->s = xrealloc(b->s, cap);
  b->cap = cap;
  b->s[b->len] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t len) {
  buf_reserve(b, len);
  if (len > 0)
    memcpy(b->s + b->len, data, len);
  b->len += len;
  b->s[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s) {
  buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c) {
  buf_add(b, &c, 1);
}

void buf_vaddf(struct buf *b, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  if (len < 0)
    abort();
  buf_reserve(b, (size_t)len);
  (void)vsnprintf(b->s + b->len, (size_t)len + 1, format, again);
  va_end(again);
  b->len += (size_t)len;
}

void buf_addf(struct buf *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  buf_vaddf(b, format, args);
  va_end(args);
}

const char *buf_str(const struct buf *b) {
  return b->s != NULL ? b->s : "";
}

char *buf_steal(struct buf *b) {
  buf_reserve(b, 0);
  char *s = b->s;
  *b = BUF_INIT;
  return s;
}
