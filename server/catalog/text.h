/* The bytes of a revision file: their canonical form, and lines in it. Pure. */
#ifndef MIGD_CATALOG_TEXT_H
#define MIGD_CATALOG_TEXT_H

#include <stddef.h>

#include "proto/base/arena.h"

/* The offset of the first byte that is NUL or no UTF-8 (as in RFC 3629); len when all are well. */
size_t text_bad_byte(const char *s, size_t len);
/* Without a byte order mark, CRLF made LF, a NUL behind; NULL when the arena's limit forbids it. */
char *text_canonical(const char *s, size_t len, struct arena *arena, size_t *out_len);

/* A line without its end. */
struct text_line {
  size_t start, len;
  unsigned number; /* 1-based */
};

/* Moves to the next line; the first when `line` is zeroed. 0 at the end of the text. */
int text_next_line(const char *s, size_t len, struct text_line *line);

#endif
