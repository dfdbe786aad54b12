/* A set of strings in an arena: open addressing, FNV-1a. What is taken out keeps its place. */
#include "server/lint/wordset.h"

#include <stdint.h>
#include <string.h>

static struct wordset_entry *slot(const struct wordset *s, const char *word) {
  uint64_t hash = 14695981039346656037U;
  for (const char *c = word; *c; c++)
    hash = (hash ^ (unsigned char)*c) * 1099511628211U;
  size_t i = (size_t)hash & (s->capacity - 1);
  while (s->entries[i].word && strcmp(s->entries[i].word, word) != 0)
    i = (i + 1) & (s->capacity - 1);
  return &s->entries[i];
}

static void grow(struct wordset *s) {
  struct wordset bigger = {
      .arena = s->arena, .capacity = s->capacity ? s->capacity * 2 : 16, .count = s->count};
  bigger.entries = ARENA_ARRAY(s->arena, struct wordset_entry, bigger.capacity);
  for (size_t i = 0; i < s->capacity; i++)
    if (s->entries[i].word)
      *slot(&bigger, s->entries[i].word) = s->entries[i];
  *s = bigger;
}

void wordset_add(struct wordset *s, const char *word) {
  if ((s->count + 1) * 2 > s->capacity)
    grow(s);
  struct wordset_entry *e = slot(s, word);
  if (!e->word) {
    e->word = arena_strdup(s->arena, word);
    s->count++;
  }
  e->in = true;
}

void wordset_remove(struct wordset *s, const char *word) {
  if (wordset_has(s, word))
    slot(s, word)->in = false;
}

bool wordset_has(const struct wordset *s, const char *word) {
  return s->capacity > 0 && slot(s, word)->in;
}
