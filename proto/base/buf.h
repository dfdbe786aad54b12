/* A growing string of bytes, always with a NUL behind it. Owner: whoever holds the struct. */
#ifndef MIGD_BASE_BUF_H
#define MIGD_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
  char *s; /* NULL until the first byte; use buf_str() to read */
  size_t len, cap;
};

#define BUF_INIT ((struct buf){NULL, 0, 0})

void buf_release(struct buf *b); /* leaves an empty one; takes an empty one */
void buf_clear(struct buf *b);   /* len = 0, keeps the memory */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Never NULL; valid until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the bytes to the caller, who frees them. */
char *buf_steal(struct buf *b);

/* For declarations: struct buf b BUF_SCOPED = BUF_INIT; */
#define BUF_SCOPED __attribute__((cleanup(buf_release)))

#endif
