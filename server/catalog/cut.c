/* The sections of one revision cut into statements, and what no section may hold. Pure.
 *
 * A section without `on=` is cut for each dialect. What only one of them cannot read is a problem
 * that `on=` solves. What stands inside a body of one dialect (a trigger's END, a dollar-quoted
 * BEGIN) looks like a statement to the other: that alone is no problem, or a catalog for one
 * dialect would need `on=` on every trigger.
 */
#include "server/catalog/cut.h"

#include <string.h>

#include "proto/base/err.h"
#include "server/catalog/batch.h"
#include "server/catalog/text.h"
#include "server/sql/split.h"
#include "server/sql/variable.h"

struct cut {
  struct revision *revision;
  struct section *section;
  struct arena *arena;
  struct problems *problems;
  struct sql_statements of[3]; /* by dialect */
  struct err error[3];
  bool failed[3];
};

static const enum dialect dialects[] = {DIALECT_SQLITE, DIALECT_POSTGRESQL};

static enum dialect other(enum dialect d) {
  return (enum dialect)(DIALECT_ANY & ~(unsigned)d);
}

static const char *body(const struct cut *c) {
  return c->revision->content + c->section->start;
}

/* The text of a line of the section, counted from 1. */
static const char *source_line(const struct cut *c, unsigned number) {
  struct text_line line = {0};
  while (text_next_line(body(c), c->section->len, &line))
    if (line.number == number)
      return arena_strndup(c->arena, body(c) + line.start, line.len < 200 ? line.len : 200);
  return "";
}

static void report(const struct cut *c, unsigned line, unsigned column, const char *message) {
  problem_add(c->problems, c->revision->file, line ? c->section->line + line : c->section->line,
              column, source_line(c, line), "%s", message);
}

static bool for_both(const struct section *s) {
  return s->dialects == DIALECT_ANY;
}

static const char *section_name(const struct section *s) {
  return s->direction == DIR_UP ? "up" : "down";
}

static const char *trimmed(const struct cut *c, const char *text) {
  size_t len = strlen(text);
  while (len > 0 && (text[len - 1] == '.' || text[len - 1] == ' '))
    len--;
  return arena_strndup(c->arena, text, len);
}

static void report_failure(const struct cut *c, enum dialect d) {
  const struct err *e = &c->error[d];
  const char *text = trimmed(c, e->text);
  if (e->hint[0])
    text = arena_printf(c->arena, "%s; %s", text, e->hint);
  if (for_both(c->section) && !c->failed[other(d)])
    text = arena_printf(
        c->arena, "%s, read as %s; if the section is for %s only, write `-- migd:%s on=%s`", text,
        dialect_name(d), dialect_name(other(d)), section_name(c->section), dialect_name(other(d)));
  report(c, e->line, e->column, text);
}

static bool same_place(const struct cut *c) {
  const struct err *a = &c->error[DIALECT_SQLITE], *b = &c->error[DIALECT_POSTGRESQL];
  return a->line == b->line && a->column == b->column;
}

static void report_failures(const struct cut *c) {
  for (size_t i = 0; i < 2; i++) {
    enum dialect d = dialects[i];
    bool said = d == DIALECT_POSTGRESQL && c->failed[DIALECT_SQLITE] && same_place(c);
    if (c->failed[d] && !said)
      report_failure(c, d);
  }
}

/* The statement that starts at an offset, or NULL; they are in order. */
static const struct sql_statement *at(const struct sql_statements *s, size_t start) {
  size_t low = 0, high = s->count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (s->items[mid].start < start)
      low = mid + 1;
    else
      high = mid;
  }
  return low < s->count && s->items[low].start == start ? &s->items[low] : NULL;
}

static bool refused(const struct section *s, const struct sql_statement *st) {
  return st->class == SQL_COPY_STDIN || (st->class == SQL_TRANSACTION && s->transaction);
}

/* The first word, for the message. */
static const char *first_word(const struct cut *c, const struct sql_statement *st) {
  const char *s = body(c) + st->start;
  size_t n = 0;
  while (n < st->len && n < 20 && strchr(" \t\n\r;(-/", s[n]) == NULL)
    n++;
  return arena_strndup(c->arena, s, n);
}

static void report_statement(const struct cut *c, const struct sql_statement *st) {
  const char *text;
  if (st->class == SQL_COPY_STDIN)
    text = "COPY FROM STDIN has no data here; write INSERT statements";
  else
    text = arena_printf(c->arena,
                        "%s in a section that runs in a transaction, which the server begins and "
                        "commits; remove it, or write `-- migd:%s transaction=off`",
                        first_word(c, st), section_name(c->section));
  report(c, st->line, st->column, text);
}

static void check_statements(const struct cut *c, enum dialect d) {
  for (size_t i = 0; i < c->of[d].count; i++) {
    const struct sql_statement *st = &c->of[d].items[i], *twin = NULL;
    if (!refused(c->section, st))
      continue;
    if (for_both(c->section) && !c->failed[other(d)]) {
      twin = at(&c->of[other(d)], st->start);
      bool said = twin && refused(c->section, twin) && d == DIALECT_POSTGRESQL;
      if (!twin || said)
        continue;
    }
    report_statement(c, st);
  }
}

static bool has_wrong_variable(const struct cut *c, enum dialect d, const struct sql_statement *st,
                               struct err *e) {
  return st && variable_check(d, body(c) + st->start, st->len, c->section->batch > 0, e) != 0;
}

static void check_variables(const struct cut *c, enum dialect d) {
  for (size_t i = 0; i < c->of[d].count; i++) {
    const struct sql_statement *st = &c->of[d].items[i];
    struct err e, same;
    if (!has_wrong_variable(c, d, st, &e))
      continue;
    if (d == DIALECT_POSTGRESQL && for_both(c->section) && !c->failed[DIALECT_SQLITE] &&
        has_wrong_variable(c, DIALECT_SQLITE, at(&c->of[DIALECT_SQLITE], st->start), &same))
      continue; /* said already */
    sql_position(body(c), c->section->len, st->start + (size_t)e.offset, &e.line, &e.column);
    report(c, e.line, e.column, e.text);
  }
}

/* The one statement of a section that runs batch by batch. Answers whether something was wrong. */
static bool check_batch(const struct cut *c, enum dialect d) {
  const struct sql_statements *of = &c->of[d];
  const struct sql_statement *st = of->count > 1 ? &of->items[1] : of->items;
  const char *wrong = of->count == 0 ? "a section with batch= has one statement, and here is none"
                      : of->count > 1
                          ? "a section with batch= has one statement; give this one its own section"
                          : batch_problem(d, body(c) + st->start, st->len);
  if (wrong)
    report(c, of->count ? st->line : 0, of->count ? st->column : 1, wrong);
  return wrong != NULL;
}

static void keep(struct cut *c, enum dialect d) {
  size_t count = c->of[d].count;
  struct section_statement *items = ARENA_ARRAY(c->arena, struct section_statement, count);
  for (size_t i = 0; i < count; i++) {
    const struct sql_statement *st = &c->of[d].items[i];
    items[i] = (struct section_statement){.start = c->section->start + st->start,
                                          .len = st->len,
                                          .line = c->section->line + st->line,
                                          .column = st->column};
  }
  c->section->statements[d].items = items;
  c->section->statements[d].count = count;
}

static bool too_many(const struct cut *c) {
  const char *p = body(c), *end = p + c->section->len;
  size_t n = 0;
  while ((p = memchr(p, ';', (size_t)(end - p))) != NULL && n <= REVISION_STATEMENTS_MAX) {
    n++;
    p++;
  }
  return n > REVISION_STATEMENTS_MAX;
}

static void cut_section(struct cut *c) {
  if (too_many(c)) {
    problem_add(c->problems, c->revision->file, c->section->line, 1, "",
                "the section has more than %d statements; divide it among several revisions",
                REVISION_STATEMENTS_MAX);
    return;
  }
  for (size_t i = 0; i < 2; i++) {
    enum dialect d = dialects[i];
    if (c->section->dialects & d)
      c->failed[d] = sql_split(d, body(c), c->section->len, c->arena, &c->of[d], &c->error[d]) != 0;
  }
  report_failures(c);
  bool said = false; /* the same of both dialects */
  for (size_t i = 0; i < 2; i++) {
    if (!(c->section->dialects & dialects[i]) || c->failed[dialects[i]])
      continue;
    check_statements(c, dialects[i]);
    check_variables(c, dialects[i]);
    if (c->section->batch && !said)
      said = check_batch(c, dialects[i]);
    keep(c, dialects[i]);
  }
}

void cut_sections(struct revision *r, struct arena *arena, struct problems *problems) {
  for (size_t i = 0; i < r->section_count; i++) {
    struct cut c = {
        .revision = r, .section = &r->sections[i], .arena = arena, .problems = problems};
    cut_section(&c);
  }
}
