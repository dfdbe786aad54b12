/* The nearest of some known words to one that is not known, for "did you mean". Pure. */
#ifndef MIGD_CLIENT_SUGGEST_H
#define MIGD_CLIENT_SUGGEST_H

#include <stddef.h>

struct suggestion {
  const char *word; /* as asked for */
  const char *best; /* NULL: none is near enough */
  unsigned distance;
};

/* Start with {.word = word}; then offer candidates in any order. */
void suggest_offer(struct suggestion *s, const char *candidate);

#endif
