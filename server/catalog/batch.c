/* The statement is read with the lexer, so that what stands in quotes or comments is no place for
 * the number. variable.h puts it in.
 */
#include "server/catalog/batch.h"

#include <stdint.h>
#include <string.h>

#include "server/sql/lex.h"
#include "server/sql/variable.h"

/* Where the number of rows goes. */
#define PLACE "${" VARIABLE_BATCH "}"

bool batch_read_size(const char *s, size_t len, unsigned *out) {
  unsigned n = 0;
  for (size_t i = 0; i < len; i++) {
    if (s[i] < '0' || s[i] > '9' || n > BATCH_MAX)
      return false;
    n = 10 * n + (unsigned)(s[i] - '0');
  }
  if (n < 1 || n > BATCH_MAX)
    return false;
  *out = n;
  return true;
}

static bool ends_with(const char *s, size_t *len, const char *unit) {
  size_t n = strlen(unit);
  if (*len <= n || memcmp(s + *len - n, unit, n) != 0)
    return false;
  *len -= n;
  return true;
}

/* Milliseconds of a number with at most three digits behind its point. */
static bool read_decimal(const char *s, size_t len, unsigned unit_ms, unsigned *out_ms) {
  uint64_t thousandths = 0;
  int behind = -1;
  for (size_t i = 0; i < len; i++) {
    if (s[i] == '.' && behind < 0 && i > 0 && i + 1 < len) {
      behind = 0;
      continue;
    }
    if (s[i] < '0' || s[i] > '9' || thousandths > UINT32_MAX || behind == 3)
      return false;
    thousandths = 10 * thousandths + (uint64_t)(s[i] - '0');
    behind += behind >= 0;
  }
  for (int i = behind < 0 ? 0 : behind; i < 3; i++)
    thousandths *= 10;
  uint64_t ms = thousandths * unit_ms / 1000;
  if (!len || ms > BATCH_PAUSE_MAX || ms * 1000 != thousandths * unit_ms)
    return false;
  *out_ms = (unsigned)ms;
  return true;
}

bool batch_read_pause(const char *s, size_t len, unsigned *out_ms) {
  if (len == 1 && s[0] == '0') {
    *out_ms = 0;
    return true;
  }
  if (ends_with(s, &len, "ms"))
    return read_decimal(s, len, 1, out_ms);
  return ends_with(s, &len, "s") && read_decimal(s, len, 1000, out_ms);
}

static bool next(struct lexer *l, struct lex_token *t) {
  struct err ignored;
  return !lex_next(l, t, &ignored) && t->kind != LEX_END;
}

enum verb { VERB_NONE, VERB_UPDATE, VERB_DELETE, VERB_INSERT, VERB_READ };

static enum verb verb_of(const struct lexer *l, const struct lex_token *t) {
  static const struct {
    const char *word;
    enum verb verb;
  } verbs[] = {{"UPDATE", VERB_UPDATE}, {"DELETE", VERB_DELETE}, {"INSERT", VERB_INSERT},
               {"SELECT", VERB_READ},   {"VALUES", VERB_READ},   {"TABLE", VERB_READ},
               {"MERGE", VERB_READ},    {"REPLACE", VERB_READ}};
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (lex_is(l, t, verbs[i].word))
      return verbs[i].verb;
  return VERB_NONE;
}

/* Behind WITH: what the statement does that its queries are for. A query's name, which may be any
 * word, follows WITH, RECURSIVE or a comma. */
static enum verb verb_behind_with(struct lexer *l) {
  struct lex_token t;
  size_t depth = 0;
  bool name = true;
  while (next(l, &t)) {
    enum verb verb = depth == 0 && !name ? verb_of(l, &t) : VERB_NONE;
    if (verb)
      return verb;
    name = depth == 0 &&
           (lex_is(l, &t, "RECURSIVE") || (t.kind == LEX_OTHER && l->text[t.start] == ','));
    if (t.kind == LEX_OPEN)
      depth++;
    else if (t.kind == LEX_CLOSE)
      depth -= depth > 0;
  }
  return VERB_NONE;
}

static enum verb verb_find(enum dialect dialect, const char *sql, size_t len) {
  struct lexer l = {.dialect = dialect, .text = sql, .len = len};
  struct lex_token t;
  if (!next(&l, &t))
    return VERB_NONE;
  return lex_is(&l, &t, "WITH") ? verb_behind_with(&l) : verb_of(&l, &t);
}

static bool has_place(enum dialect dialect, const char *sql, size_t len) {
  struct lexer l = {.dialect = dialect, .text = sql, .len = len};
  struct lex_token t;
  while (next(&l, &t))
    if (t.kind == LEX_VARIABLE && t.len == strlen(PLACE) && !memcmp(sql + t.start, PLACE, t.len))
      return true;
  return false;
}

const char *batch_problem(enum dialect dialect, const char *sql, size_t len) {
  enum verb verb = verb_find(dialect, sql, len);
  if (verb == VERB_NONE || verb == VERB_READ)
    return "this statement cannot run batch by batch; write an UPDATE, a DELETE or an INSERT, or "
           "leave batch= out";
  if (!has_place(dialect, sql, len))
    return "the statement does not say " PLACE
           ", so that its first run would do everything at once; write for example `UPDATE t SET "
           "new = old WHERE id IN (SELECT id FROM t WHERE new IS NULL LIMIT " PLACE ")`";
  return NULL;
}

bool batch_updates(enum dialect dialect, const char *sql, size_t len) {
  return verb_find(dialect, sql, len) == VERB_UPDATE;
}
