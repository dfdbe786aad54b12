/* The bytes of a revision file: their canonical form, and lines in it. Pure. */
#include "server/catalog/text.h"

#include <string.h>

#include "proto/base/utf8.h"

size_t text_bad_byte(const char *s, size_t len) {
  size_t i = 0;
  while (i < len && s[i] != '\0') {
    size_t n = (unsigned char)s[i] < 0x80 ? 1 : utf8_char(s + i, len - i);
    if (n == 0)
      break;
    i += n;
  }
  return i;
}

char *text_canonical(const char *s, size_t len, struct arena *arena, size_t *out_len) {
  char *out = arena_try(arena, len + 1, 1);
  if (!out)
    return NULL;
  size_t from = len >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, n = 0;
  while (from < len) {
    const char *cr = memchr(s + from, '\r', len - from);
    size_t run = cr ? (size_t)(cr - s) - from : len - from;
    memcpy(out + n, s + from, run);
    n += run;
    from += run;
    if (!cr)
      break;
    if (from + 1 == len || s[from + 1] != '\n')
      out[n++] = '\r';
    from++;
  }
  out[n] = '\0';
  *out_len = n;
  return out;
}

int text_next_line(const char *s, size_t len, struct text_line *line) {
  size_t start = line->number ? line->start + line->len + 1 : 0;
  if (start >= len)
    return 0;
  const char *end = memchr(s + start, '\n', len - start);
  line->start = start;
  line->len = end ? (size_t)(end - s) - start : len - start;
  line->number++;
  return 1;
}
