/* The nearest known name to a mistyped one: optimal string alignment distance, given up on as soon
 * as a row exceeds what still counts as near. Pure; any thread.
 */
#include "server/base/nearest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 128, PREFIX = 3 };

static unsigned slips_allowed(size_t len) {
  if (len < 3)
    return 0;
  return len < 6 ? 1 : len < 11 ? 2 : 3;
}

static unsigned char folded(const char *s, size_t i) {
  return (unsigned char)tolower((unsigned char)s[i]);
}

static unsigned least(unsigned a, unsigned b) {
  return a < b ? a : b;
}

static unsigned cell(const char *a, size_t i, const char *b, size_t j, const unsigned *two_up,
                     const unsigned *up, const unsigned *row) {
  unsigned same = folded(a, i - 1) == folded(b, j - 1) ? 0 : 1;
  unsigned d = least(least(up[j], row[j - 1]) + 1, up[j - 1] + same);
  if (i > 1 && j > 1 && folded(a, i - 1) == folded(b, j - 2) &&
      folded(a, i - 2) == folded(b, j - 1))
    d = least(d, two_up[j - 2] + 1);
  return d;
}

/* The distance, or limit + 1 when it is more than the limit. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen, unsigned limit) {
  unsigned rows[3][LONGEST + 1];
  for (size_t j = 0; j <= blen; j++)
    rows[0][j] = (unsigned)j;
  for (size_t i = 1; i <= alen; i++) {
    unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *two_up = rows[(i + 1) % 3];
    unsigned low = row[0] = (unsigned)i;
    for (size_t j = 1; j <= blen; j++) {
      row[j] = cell(a, i, b, j, two_up, up, row);
      low = least(low, row[j]);
    }
    if (low > limit)
      return limit + 1;
  }
  return least(rows[alen % 3][blen], limit + 1);
}

static unsigned score(const char *text, size_t len, const char *name, unsigned limit) {
  size_t n = strlen(name);
  unsigned d = limit + 1;
  if (n <= LONGEST && n <= len + limit && len <= n + limit)
    d = distance(text, len, name, n, limit);
  if (d > limit && len >= PREFIX && n > len && strncasecmp(text, name, len) == 0)
    d = limit; /* cut off rather than mistyped */
  return d;
}

const char *nearest(const char *text, const char *const *names, size_t count) {
  size_t len = strlen(text);
  unsigned limit = slips_allowed(len), best = limit + 1;
  const char *found = NULL;
  if (len > LONGEST)
    return NULL;
  for (size_t i = 0; i < count && best > 0; i++) {
    unsigned d = names[i] ? score(text, len, names[i], limit) : limit + 1;
    if (d < best) {
      best = d;
      found = names[i];
    }
  }
  return found;
}
