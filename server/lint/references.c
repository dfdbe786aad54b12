/* Everything is in the caller's arena. */
#include "server/lint/references.h"

#include <string.h>

#include "server/lint/alteration.h"

static void add_pointing(struct references *r, size_t at, const char *column) {
  if (column && r->pointing_count < REFERENCES_MAX) {
    r->places[r->pointing_count] = r->words.items[at].start;
    r->pointing[r->pointing_count++] = column;
  }
}

static void add_indexed(struct references *r, const char *column) {
  if (column && r->indexed_count < REFERENCES_MAX)
    r->indexed[r->indexed_count++] = column;
}

/* The first name behind the next parenthesis. */
static const char *first_in(struct references *r, size_t i) {
  while (i < r->words.count && !words_char(&r->words, i, '('))
    i++;
  i++;
  return words_name(&r->words, &i, r->arena);
}

/* The definition of a column or a constraint, from `i` to the comma or the end at `end`. */
static void read_element(struct references *r, size_t i, size_t end) {
  const struct words *w = &r->words;
  if (words_take(w, &i, "CONSTRAINT"))
    (void)words_name(w, &i, r->arena);
  if (words_are(w, i, "FOREIGN KEY")) {
    add_pointing(r, i, first_in(r, i));
    return;
  }
  if (words_are(w, i, "PRIMARY KEY") || words_are(w, i, "UNIQUE")) {
    add_indexed(r, first_in(r, i));
    return;
  }
  const char *column = words_name(w, &i, r->arena);
  for (; i < end; i = words_char(w, i, '(') ? words_behind(w, i) : i + 1) {
    if (words_are(w, i, "REFERENCES"))
      add_pointing(r, i, column);
    else if (words_are(w, i, "PRIMARY") || words_are(w, i, "UNIQUE"))
      add_indexed(r, column);
  }
}

static bool read_create(struct references *r) {
  const struct words *w = &r->words;
  size_t i = 0;
  if (!words_take(w, &i, "CREATE TABLE") && !words_take(w, &i, "CREATE UNLOGGED TABLE"))
    return false;
  (void)words_take(w, &i, "IF NOT EXISTS");
  r->table = words_name(w, &i, r->arena);
  if (!r->table || !words_char(w, i, '('))
    return false;
  for (i++; i < w->count; i = words_element_end(w, i) + 1) {
    read_element(r, i, words_element_end(w, i));
    if (words_char(w, words_element_end(w, i), ')'))
      break;
  }
  return true;
}

/* ADD COLUMN only: what a column that was there before has for an index is not told here. */
static bool read_alter(struct references *r) {
  struct alteration a = {0};
  while (alteration_next(&a, &r->words, r->arena))
    if (a.verb == ALTERATION_ADD_COLUMN)
      read_element(r, a.what_at, a.end);
  r->table = a.table;
  return r->table != NULL;
}

bool references_read(struct references *r) {
  return read_create(r) || read_alter(r);
}

/* CREATE INDEX … ON table [USING method] (column …, and keys that ALTER TABLE adds. */
void references_add_index(struct references *r, const char *sql, size_t len) {
  struct references other = {.arena = r->arena};
  struct words *w = &other.words;
  size_t i = 0;
  words_read(r->words.lex.dialect, sql, len, 0, r->arena, w);
  bool index = words_take(w, &i, "CREATE INDEX") || words_take(w, &i, "CREATE UNIQUE INDEX");
  bool alter = !index && words_take(w, &i, "ALTER TABLE");
  if (!index && !alter)
    return;
  while (index && i < w->count && !words_are(w, i, "ON"))
    i++;
  i += index;
  (void)words_take(w, &i, "ONLY");
  const char *table = words_name(w, &i, r->arena);
  if (!table || strcmp(table, r->table) != 0)
    return;
  while (alter && i < w->count && !words_are(w, i, "PRIMARY KEY") && !words_are(w, i, "UNIQUE"))
    i++;
  if (i < w->count)
    add_indexed(r, first_in(&other, i));
}

bool references_has_index(const struct references *r, const char *column) {
  for (size_t i = 0; i < r->indexed_count; i++)
    if (strcmp(r->indexed[i], column) == 0)
      return true;
  return false;
}
