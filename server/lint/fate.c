/* Looks at the statements around one, as far as they mention the table. Memory is the statement's
 * arena.
 */
#include "server/lint/fate.h"

#include <string.h>

#include "server/lint/schema.h"
#include "server/lint/words.h"

enum { REACH = 500 }; /* statements before and after that are looked at */

static size_t first_in_reach(const struct lint_statement *s) {
  return s->index > REACH ? s->index - REACH : 0;
}

static size_t end_of_reach(const struct lint_statement *s) {
  size_t end = s->index + 1 + REACH;
  return end < s->unit->count ? end : s->unit->count;
}

static bool is_name(const struct words *w, size_t i, const char *name, struct arena *arena) {
  const char *here = words_name(w, &i, arena);
  return here && strcmp(words_unqualified(here), name) == 0;
}

bool fate_is_new(const struct lint_statement *s, const char *name) {
  return strncmp(name, "temp.", 5) == 0 || s->scope->made(s->scope, name) ||
         s->scope->made(s->scope, words_unqualified(name));
}

const char *fate_emptied(const struct lint_statement *s) {
  const struct words *w = s->words;
  size_t i = 0;
  if (!words_take(w, &i, "DELETE FROM"))
    return NULL;
  const char *table = words_name(w, &i, s->arena);
  for (; i < w->count; i = words_char(w, i, '(') ? words_behind(w, i) : i + 1)
    if (words_are(w, i, "WHERE") || words_are(w, i, "LIMIT"))
      return NULL;
  return table ? words_unqualified(table) : NULL;
}

/* Where the part of a statement begins from which it writes rows; w->count: it writes none. */
static size_t source_of(const struct words *w) {
  static const struct {
    const char *verb, *source;
  } writers[] = {{"INSERT", "SELECT"},
                 {"REPLACE", "SELECT"},
                 {"WITH", "SELECT"},
                 {"CREATE TABLE", "SELECT"},
                 {"CREATE TEMP TABLE", "SELECT"},
                 {"CREATE TEMPORARY TABLE", "SELECT"},
                 {"UPDATE", "SET"}};
  for (size_t n = 0; n < sizeof writers / sizeof *writers; n++) {
    size_t i = 0;
    while (words_are(w, 0, writers[n].verb) && i < w->count && !words_are(w, i, writers[n].source))
      i++;
    if (i > 0)
      return i;
  }
  return w->count;
}

static bool copies(const struct lint_statement *s, const char *sql, size_t len, const char *table) {
  struct words w;
  words_read(s->dialect, sql, len, 0, s->arena, &w);
  for (size_t i = source_of(&w); i < w.count; i++)
    if (is_name(&w, i, table, s->arena))
      return true;
  return false;
}

bool fate_copied(const struct lint_statement *s, const char *table, const char *column) {
  for (size_t i = s->index; i-- > first_in_reach(s);) {
    const struct unit_statement *st = &s->unit->items[i];
    if (words_mention(st->sql, table) && (!column || words_mention(st->sql, column)) &&
        copies(s, st->sql, st->len, table))
      return true;
  }
  return false;
}

static bool fills(const struct lint_statement *s, const struct unit_statement *st,
                  const char *table) {
  struct words w;
  words_read(s->dialect, st->sql, st->len, 0, s->arena, &w);
  size_t i = 0;
  if (words_take(&w, &i, "CREATE TABLE"))
    return is_name(&w, i, table, s->arena) && source_of(&w) < w.count;
  if (!words_are(&w, 0, "INSERT") && !words_are(&w, 0, "REPLACE") && !words_are(&w, 0, "WITH"))
    return false;
  while (i < w.count && !words_take(&w, &i, "INTO"))
    i++;
  return is_name(&w, i, table, s->arena);
}

bool fate_rows_kept(const struct lint_statement *s, const char *table) {
  for (size_t i = s->index + 1; i < end_of_reach(s); i++)
    if (words_mention(s->unit->items[i].sql, table) && fills(s, &s->unit->items[i], table))
      return true;
  return fate_copied(s, table, NULL);
}

/* A statement makes a table or view of the name, or gives it to one. */
static bool names(const struct lint_statement *s, size_t i, const char *table, bool makes) {
  const struct unit_statement *st = &s->unit->items[i];
  if (!words_mention(st->sql, table))
    return false;
  struct event e = event_read(st->sql, st->len, s->arena);
  if (e.verb == EVENT_RENAME)
    return strcmp(e.to, table) == 0;
  return makes && e.verb == EVENT_MAKE && (e.kind == OBJECT_TABLE || e.kind == OBJECT_VIEW) &&
         strcmp(e.name, table) == 0;
}

bool fate_name_kept(const struct lint_statement *s, const char *table) {
  for (size_t i = first_in_reach(s); i < end_of_reach(s); i++)
    if (i != s->index && names(s, i, table, i > s->index))
      return true;
  return false;
}
