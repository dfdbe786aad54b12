/* A set of strings in an arena. Private to the room. */
#ifndef MIGD_LINT_WORDSET_H
#define MIGD_LINT_WORDSET_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"

struct wordset_entry {
  const char *word; /* NULL: free */
  bool in;          /* false: was taken out */
};

struct wordset {
  struct arena *arena;
  struct wordset_entry *entries; /* open addressing; a power of two */
  size_t capacity, count;        /* count: words that ever were in it */
};

void wordset_add(struct wordset *s, const char *word); /* copies */
void wordset_remove(struct wordset *s, const char *word);
bool wordset_has(const struct wordset *s, const char *word);

#endif
