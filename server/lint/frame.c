/* Leads the rules through a unit, and takes what they report. */
#include "server/lint/frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/err.h"
#include "server/lint/words.h"

enum { MEMORY_MAX = 10000, WORDS_MAX = 20000 };

void frame_begin(struct frame *f, enum dialect dialect, enum direction direction, bool text,
                 struct arena *arena) {
  *f = (struct frame){.dialect = dialect,
                      .direction = direction,
                      .text = text,
                      .report = {.arena = arena, .memory = {.arena = arena}}};
  f->report.items = ARENA_ARRAY(arena, struct found, LINT_REPORTS_MAX);
  scope_begin(&f->scope, dialect, arena);
}

typedef void rule_check(const struct lint_statement *s, const struct rule *self);

/* NULL: the rule is not asked here. */
static rule_check *check_of(const struct frame *f, const struct rule *r) {
  if ((r->page.dialects & f->dialect) == 0)
    return NULL;
  if (r->text == f->text)
    return r->check;
  return f->text && f->dialect == DIALECT_SQLITE ? r->check_sqlite : NULL;
}

void frame_statement(struct frame *f, const char *sql, size_t len, const struct step *step,
                     const PgQuery__Node *tree, const struct lint_unit *unit, size_t index) {
  struct arena scratch;
  arena_init(&scratch, 0);
  struct lint_statement s = {.dialect = f->dialect,
                             .direction = f->direction,
                             .sql = sql,
                             .len = len,
                             .tree = tree,
                             .scope = &f->scope.seen,
                             .report = &f->report,
                             .arena = &scratch,
                             .unit = unit,
                             .index = index};
  struct words words;
  if (f->text) {
    words_read(f->dialect, sql, len, WORDS_MAX, &scratch, &words);
    s.words = &words;
  }
  f->report.count = 0;
  scope_enter(&f->scope, step);
  for (size_t i = 0; rules[i] && (tree || f->text); i++) {
    rule_check *check = check_of(f, rules[i]);
    if (check)
      check(&s, rules[i]);
  }
  scope_leave(&f->scope, sql, len, &scratch);
  arena_release(&scratch);
}

/* ---- what rules call ---- */

static size_t token_len(const struct lint_statement *s, size_t offset) {
  struct lexer l = {.dialect = s->dialect, .text = s->sql, .len = s->len, .at = offset};
  struct lex_token t;
  struct err e;
  if (lex_next(&l, &t, &e) != 0)
    return s->len - offset;
  return t.start + t.len - offset;
}

static void __attribute__((format(printf, 7, 0)))
report(const struct lint_statement *s, const struct rule *self, enum severity severity, int offset,
       size_t len, const char *table, const char *format, va_list args) {
  struct lint_report *r = s->report;
  if (r->count == LINT_REPORTS_MAX)
    return;
  size_t at = offset > 0 && (size_t)offset < s->len ? (size_t)offset : 0;
  if (offset < 0 || (size_t)offset >= s->len)
    len = s->len;
  else if (len == 0)
    len = token_len(s, at);
  char message[LINT_MESSAGE_MAX], name[LINT_MESSAGE_MAX], whole[LINT_MESSAGE_MAX * 2];
  (void)vsnprintf(whole, sizeof whole, format, args);
  err_copy(message, sizeof message, whole, strlen(whole));
  err_copy(name, sizeof name, table ? table : "", table ? strlen(table) : 0);
  r->items[r->count++] = (struct found){.rule = self,
                                        .severity = severity,
                                        .offset = at,
                                        .len = len < s->len - at ? len : s->len - at,
                                        .message = arena_strdup(r->arena, message),
                                        .table = arena_strdup(r->arena, name)};
}

void rule_report(const struct lint_statement *s, const struct rule *self, int offset, size_t len,
                 const char *table, const char *format, ...) {
  va_list args;
  va_start(args, format);
  report(s, self, self->page.severity, offset, len, table, format, args);
  va_end(args);
}

void rule_report_as(const struct lint_statement *s, const struct rule *self, enum severity severity,
                    int offset, size_t len, const char *table, const char *format, ...) {
  va_list args;
  va_start(args, format);
  report(s, self, severity, offset, len, table, format, args);
  va_end(args);
}

static const char *key(const struct lint_statement *s, const struct rule *self, const char *what) {
  return arena_printf(s->report->arena, "%s %s", self->page.name, what);
}

void rule_remember(const struct lint_statement *s, const struct rule *self, const char *what) {
  if (s->report->memory.count < MEMORY_MAX)
    wordset_add(&s->report->memory, key(s, self, what));
}

bool rule_remembers(const struct lint_statement *s, const struct rule *self, const char *what) {
  return wordset_has(&s->report->memory, key(s, self, what));
}
