/* A name is changed by the words before it: a window of the last tokens is enough. */
#include "server/sql/changes.h"

#include <string.h>
#include <strings.h>

#include "server/sql/lex.h"

struct window {
  struct lexer lex;
  struct lex_token first, before[5]; /* before[0]: the last one */
};

static bool is(const struct window *w, const struct lex_token *t, const char *const *words) {
  for (size_t i = 0; words[i]; i++)
    if (lex_is(&w->lex, t, words[i]))
      return true;
  return false;
}

static bool is_dot(const struct window *w, const struct lex_token *t) {
  return t->kind == LEX_OTHER && w->lex.text[t->start] == '.';
}

/* A word says the name in any case, a quoted name only in its own. */
static const char *names(const struct window *w, const struct lex_token *t,
                         const char *const *tables) {
  const char *s = w->lex.text + t->start;
  for (size_t i = 0; tables[i]; i++) {
    size_t len = strlen(tables[i]);
    if (t->kind == LEX_WORD && t->len == len && strncasecmp(s, tables[i], len) == 0)
      return tables[i];
    if (t->kind == LEX_NAME && t->len == len + 2 && strncmp(s + 1, tables[i], len) == 0)
      return tables[i];
  }
  return NULL;
}

/* Whether a name that comes now is one that is changed. */
static bool changes(const struct window *w) {
  static const char *const whole[] = {"ALTER", "DROP", "TRUNCATE", NULL};
  static const char *const create[] = {"CREATE", NULL};
  static const char *const created[] = {"TABLE", "VIEW", "EXISTS", "ON", "ONLY", NULL};
  static const char *const written[] = {"INTO", "UPDATE", "COPY", NULL};
  static const char *const only[] = {"ONLY", NULL};
  static const char *const from[] = {"FROM", NULL};
  static const char *const delete[] = {"DELETE", NULL};
  const struct lex_token *before = w->before;
  if (is_dot(w, before)) /* behind its schema */
    before += 2;
  if (is(w, &w->first, whole) || (is(w, &w->first, create) && is(w, before, created)))
    return true;
  before += is(w, before, only);
  return is(w, before, written) || (is(w, before, from) && is(w, before + 1, delete));
}

/* In `table.column` it is no object of the statement's. */
static bool qualifies(const struct window *w) {
  struct lexer ahead = w->lex;
  struct lex_token next;
  struct err ignored;
  return lex_next(&ahead, &next, &ignored) == 0 && is_dot(w, &next);
}

const char *sql_changes(const char *sql, size_t len, const char *const *tables, size_t *offset) {
  struct window w = {.lex = {.dialect = DIALECT_POSTGRESQL, .text = sql, .len = len}};
  struct lex_token t;
  struct err ignored;
  for (size_t i = 0; lex_next(&w.lex, &t, &ignored) == 0 && t.kind != LEX_END; i++) {
    if (i == 0)
      w.first = t;
    const char *name = names(&w, &t, tables);
    if (name && changes(&w) && !qualifies(&w)) {
      *offset = t.start;
      return name;
    }
    memmove(w.before + 1, w.before, sizeof w.before - sizeof w.before[0]);
    w.before[0] = t;
  }
  return NULL;
}
