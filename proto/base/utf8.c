/* Recognises well-formed UTF-8 by the table of byte ranges in RFC 3629 section 4 (Unicode table
 * 3-7). Holds nothing, any thread.
 */
#include "proto/base/utf8.h"

#include <string.h>

/* The second byte is the only one whose range depends on the first. */
static bool second_fits(unsigned char first, unsigned char second) {
  switch (first) {
  case 0xe0:
    return second >= 0xa0 && second <= 0xbf;
  case 0xed:
    return second >= 0x80 && second <= 0x9f;
  case 0xf0:
    return second >= 0x90 && second <= 0xbf;
  case 0xf4:
    return second >= 0x80 && second <= 0x8f;
  default:
    return second >= 0x80 && second <= 0xbf;
  }
}

static size_t length_of_first(unsigned char c) {
  if (c < 0x80)
    return 1;
  if (c >= 0xc2 && c <= 0xdf)
    return 2;
  if (c >= 0xe0 && c <= 0xef)
    return 3;
  return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

size_t utf8_char(const char *s, size_t len) {
  if (len == 0)
    return 0;
  const unsigned char *u = (const unsigned char *)s;
  size_t want = length_of_first(u[0]);
  if (want <= 1)
    return want;
  if (want > len || !second_fits(u[0], u[1]))
    return 0;
  for (size_t i = 2; i < want; i++) {
    if ((u[i] & 0xc0) != 0x80)
      return 0;
  }
  return want;
}

bool utf8_valid(const char *s, size_t len) {
  size_t i = 0;
  while (i < len) {
    size_t n = utf8_char(s + i, len - i);
    if (n == 0)
      return false;
    i += n;
  }
  return true;
}
