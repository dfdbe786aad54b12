/* What a revision has done so far, from the first words of its statements. Everything is in the
 * arena that the scope was begun with.
 */
#include "server/lint/scope.h"

#include <string.h>
#include <strings.h>

#include "server/lint/words.h"

enum { HEAD = 64 }; /* tokens of a statement that are looked at */

static bool made(const struct lint_scope *seen, const char *name) {
  return wordset_has(&((const struct scope *)seen)->made, name);
}

void scope_begin(struct scope *s, enum dialect dialect, struct arena *arena) {
  *s = (struct scope){.dialect = dialect, .seen = {.made = made}, .made = {.arena = arena}};
}

void scope_enter(struct scope *s, const struct step *step) {
  bool other = s->seen.transaction_number != step->transaction_number;
  if (other && s->lock_local)
    s->seen.lock_timeout_set = s->lock_local = false;
  if (other && s->statement_local)
    s->seen.statement_timeout_set = s->statement_local = false;
  s->seen.transaction = step->transaction;
  s->seen.batch = step->batch;
  s->seen.section = step->section;
  s->seen.transaction_number = step->transaction_number;
}

static bool take_one(const struct words *w, size_t *i, const char *const *keywords) {
  for (; *keywords; keywords++)
    if (words_take(w, i, *keywords))
      return true;
  return false;
}

static const char *const before_kind[] = {"OR REPLACE", "GLOBAL",   "LOCAL",        "TEMP",
                                          "TEMPORARY",  "UNLOGGED", "RECURSIVE",    "UNIQUE",
                                          "FOREIGN",    "VIRTUAL",  "MATERIALIZED", NULL};
static const char *const kinds[] = {"TABLE", "VIEW", "INDEX", "SEQUENCE", "TYPE", "TRIGGER", NULL};
static const char *const after_kind[] = {"CONCURRENTLY", "IF NOT EXISTS", "IF EXISTS", "ONLY",
                                         NULL};

/* Moves from behind CREATE, DROP or ALTER to the name; false when it is no kind of thing that is
 * kept here. */
static bool to_name(const struct words *w, size_t *i) {
  while (take_one(w, i, before_kind))
    continue;
  if (!take_one(w, i, kinds))
    return false;
  while (take_one(w, i, after_kind))
    continue;
  return true;
}

static void read_create(struct scope *s, const struct words *w) {
  size_t i = 1;
  if (!to_name(w, &i) || words_are(w, i, "ON"))
    return;
  const char *name = words_name(w, &i, s->scratch);
  if (name)
    wordset_add(&s->made, name);
}

static void read_drop(struct scope *s, const struct words *w) {
  size_t i = 1;
  if (!to_name(w, &i))
    return;
  for (;; i++) {
    const char *name = words_name(w, &i, s->scratch);
    if (name)
      wordset_remove(&s->made, name);
    if (!name || !words_char(w, i, ','))
      return;
  }
}

/* ALTER … RENAME TO: the new name is as new as the old one, in the schema of the old one. */
static void read_alter(struct scope *s, const struct words *w) {
  size_t i = 1;
  struct arena *a = s->scratch;
  const char *old = to_name(w, &i) ? words_name(w, &i, a) : NULL;
  const char *new = old &&words_take(w, &i, "RENAME TO") ? words_name(w, &i, a) : NULL;
  if (!new || !wordset_has(&s->made, old))
    return;
  wordset_remove(&s->made, old);
  wordset_add(&s->made, arena_printf(a, "%.*s%s", (int)(words_unqualified(old) - old), old, new));
}

static void set(struct scope *s, const char *name, size_t len, bool on, bool local) {
  if (len == strlen("lock_timeout") && strncasecmp(name, "lock_timeout", len) == 0) {
    s->seen.lock_timeout_set = on;
    s->lock_local = on && local;
  } else if (len == strlen("statement_timeout") &&
             strncasecmp(name, "statement_timeout", len) == 0) {
    s->seen.statement_timeout_set = on;
    s->statement_local = on && local;
  }
}

static const char *text_of(const struct words *w, size_t i) {
  return w->lex.text + w->items[i].start;
}

/* 0 and DEFAULT are no limit. A string may hold a unit: '0', '0s', '0ms'. */
static bool limits(const struct words *w, size_t i) {
  if (i >= w->count || words_are(w, i, "DEFAULT"))
    return false;
  const char *s = text_of(w, i), *end = s + w->items[i].len;
  s += s < end && *s == '\'';
  while (s < end && *s == '0')
    s++;
  return s < end && *s >= '0' && *s <= '9';
}

/* SET [SESSION | LOCAL] name { = | TO } value */
static void read_set(struct scope *s, const struct words *w) {
  size_t i = 1;
  bool local = words_take(w, &i, "LOCAL");
  if (!local)
    (void)words_take(w, &i, "SESSION");
  if (i + 2 < w->count && (!local || s->seen.transaction))
    set(s, text_of(w, i), w->items[i].len, limits(w, i + 2), local);
}

/* SELECT [pg_catalog.]set_config('name', 'value', local) */
static void read_select(struct scope *s, const struct words *w) {
  size_t i = 1;
  if (words_are(w, i, "PG_CATALOG") && words_char(w, i + 1, '.'))
    i += 2;
  if (!words_take(w, &i, "SET_CONFIG") || !words_char(w, i, '(') || i + 5 >= w->count ||
      w->items[i + 1].kind != LEX_STRING || w->items[i + 1].len < 2)
    return;
  bool local = words_are(w, i + 5, "TRUE");
  if (!local || s->seen.transaction)
    set(s, text_of(w, i + 1) + 1, w->items[i + 1].len - 2, limits(w, i + 3), local);
}

static void read_reset(struct scope *s, const struct words *w) {
  if (words_are(w, 1, "ALL"))
    s->seen.lock_timeout_set = s->seen.statement_timeout_set = false;
  else if (w->count > 1)
    set(s, text_of(w, 1), w->items[1].len, false, false);
}

static const struct {
  const char *first;
  void (*read)(struct scope *s, const struct words *w);
} readers[] = {{"CREATE", read_create}, {"DROP", read_drop},     {"ALTER", read_alter},
               {"SET", read_set},       {"SELECT", read_select}, {"RESET", read_reset}};

void scope_leave(struct scope *s, const char *sql, size_t len, struct arena *scratch) {
  s->scratch = scratch;
  struct words w;
  words_read(s->dialect, sql, len, HEAD, scratch, &w);
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if (words_are(&w, 0, readers[i].first))
      readers[i].read(s, &w);
  s->seen.statement++;
}
