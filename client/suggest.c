/* Optimal string alignment distance over short words: insert, delete, replace, swap neighbours. */
#include "client/suggest.h"

#include <string.h>

enum { LONGEST = 40, BEGINNING = 4 };

static unsigned least(unsigned a, unsigned b) {
  return a < b ? a : b;
}

static unsigned distance(const char *a, size_t alen, const char *b, size_t blen) {
  unsigned d[LONGEST + 1][LONGEST + 1];
  for (size_t i = 0; i <= alen; i++)
    for (size_t j = 0; j <= blen; j++) {
      if (i == 0 || j == 0) {
        d[i][j] = (unsigned)(i + j);
        continue;
      }
      unsigned change = a[i - 1] != b[j - 1];
      d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[alen][blen];
}

void suggest_offer(struct suggestion *s, const char *candidate) {
  size_t wlen = strlen(s->word), clen = strlen(candidate);
  if (wlen == 0 || wlen > LONGEST || clen > LONGEST)
    return;
  unsigned allowed = wlen < 4 ? 1 : wlen < 8 ? 2 : 3;
  unsigned d = distance(s->word, wlen, candidate, clen);
  /* A long beginning of a word is near to it, though not as near as a slip of the finger. */
  if (d > allowed && wlen >= BEGINNING && strncmp(s->word, candidate, wlen) == 0)
    d = allowed;
  if (d > allowed || d >= wlen || (s->best && d >= s->distance))
    return;
  s->best = candidate;
  s->distance = d;
}
