/* The sections of one revision cut into statements, and what no section may hold. Pure.
 *
 * A section without `on=` is cut for each dialect. What only one of them cannot read is a problem
 * that `on=` solves. What stands inside a body of one dialect (a trigger's END, a dollar-quoted
 * BEGIN) looks like a statement to the other: that alone is no problem, or a catalog for one
 * dialect would need `on=` on every trigger.
 *
 * What is wrong in a section does not keep the rest of it from being looked at: a section is read
 * on behind it, but for what has no end. A quote too many may have turned strings inside out before
 * the place where one has no end; what was read there is taken for what it says.
 */
#include "server/catalog/cut.h"

#include <string.h>

#include "server/catalog/batch.h"
#include "server/catalog/text.h"
#include "server/sql/split.h"
#include "server/sql/variable.h"

struct cut {
  struct revision *revision;
  struct section *section;
  struct arena *arena;
  struct problems *problems;
  struct text_line line;    /* of the last problem, counted from the section's first */
  struct sql_reading of[3]; /* by dialect */
};

static const enum dialect dialects[] = {DIALECT_SQLITE, DIALECT_POSTGRESQL};

static enum dialect other(enum dialect d) {
  return (enum dialect)(DIALECT_ANY & ~(unsigned)d);
}

static const char *body(const struct cut *c) {
  return c->revision->content + c->section->start;
}

/* Problems are found in order, more or less, so that lines are counted about once. */
static void report(struct cut *c, size_t offset, const char *message) {
  struct text_line *l = &c->line;
  if (offset < l->start)
    *l = (struct text_line){0};
  while ((l->number == 0 || offset > l->start + l->len) &&
         text_next_line(body(c), c->section->len, l))
    ;
  const char *source = arena_strndup(c->arena, body(c) + l->start, l->len < 200 ? l->len : 200);
  problem_add(c->problems, c->revision->file, c->section->line + l->number,
              (unsigned)(offset - l->start) + 1, source, "%s", message);
}

/* A problem of the section as a whole. */
static void report_section(const struct cut *c, const char *message) {
  problem_add(c->problems, c->revision->file, c->section->line, 1, "", "%s", message);
}

static bool for_both(const struct section *s) {
  return s->dialects == DIALECT_ANY;
}

static const char *section_name(const struct section *s) {
  return s->direction == DIR_UP ? "up" : "down";
}

/* Whether the other dialect has read what is at this place. */
static bool read_by_other(const struct cut *c, enum dialect d, size_t offset) {
  return for_both(c->section) && offset < c->of[other(d)].end;
}

static void report_faults(struct cut *c, enum dialect d) {
  for (size_t i = 0; i < c->of[d].faults.count; i++) {
    const struct sql_fault *f = &c->of[d].faults.items[i];
    const char *text = f->message;
    bool twin = for_both(c->section) && sql_faults_at(&c->of[other(d)].faults, f->offset);
    if (twin && d == DIALECT_POSTGRESQL)
      continue; /* said already */
    if (!twin && read_by_other(c, d, f->offset))
      text = arena_printf(c->arena,
                          "%s, read as %s; if the section is for %s only, write `-- migd:%s on=%s`",
                          text, dialect_name(d), dialect_name(other(d)), section_name(c->section),
                          dialect_name(other(d)));
    report(c, f->offset, text);
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

static void report_statement(struct cut *c, const struct sql_statement *st) {
  const char *text;
  if (st->class == SQL_COPY_STDIN)
    text = "COPY FROM STDIN has no data here; write INSERT statements";
  else
    text = arena_printf(c->arena,
                        "%s in a section that runs in a transaction, which the server begins and "
                        "commits; remove it, or write `-- migd:%s transaction=off`",
                        first_word(c, st), section_name(c->section));
  report(c, st->start, text);
}

static void check_statements(struct cut *c, enum dialect d) {
  const struct sql_statements *of = &c->of[d].statements;
  for (size_t i = 0; i < of->count; i++) {
    const struct sql_statement *st = &of->items[i], *twin = NULL;
    if (!refused(c->section, st))
      continue;
    if (read_by_other(c, d, st->start)) {
      twin = at(&c->of[other(d)].statements, st->start);
      bool said = twin && refused(c->section, twin) && d == DIALECT_POSTGRESQL;
      if (!twin || said)
        continue;
    }
    report_statement(c, st);
  }
}

static void check_variables(struct cut *c, enum dialect d) {
  struct sql_reading *of = &c->of[d];
  for (size_t i = 0; i < of->statements.count; i++) {
    const struct sql_statement *st = &of->statements.items[i];
    variable_check(d, body(c), st->start, st->len, c->section->batch > 0, &of->faults);
  }
  sql_faults_sort(&of->faults);
}

/* The one statement of a section that runs batch by batch. Answers whether something was wrong. */
static bool check_batch(struct cut *c, enum dialect d) {
  const struct sql_statements *of = &c->of[d].statements;
  if (of->count > 1) {
    report(c, of->items[1].start,
           "a section with batch= has one statement; give this one its own "
           "section");
    return true;
  }
  if (c->of[d].faults.count)
    return false; /* what it would be without them is not known */
  const char *wrong = of->count ? batch_problem(d, body(c) + of->items->start, of->items->len)
                                : "a section with batch= has one statement, and here is none";
  if (wrong && of->count)
    report(c, of->items->start, wrong);
  else if (wrong)
    report_section(c, wrong);
  return wrong != NULL;
}

static void keep(struct cut *c, enum dialect d) {
  const struct sql_statements *of = &c->of[d].statements;
  size_t count = c->of[d].faults.count ? 0 : of->count;
  struct section_statement *items = ARENA_ARRAY(c->arena, struct section_statement, count);
  for (size_t i = 0; i < count; i++) {
    const struct sql_statement *st = &of->items[i];
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

static void read_as(struct cut *c, enum dialect d) {
  sql_read(d, body(c), c->section->len, c->arena, &c->of[d]);
  check_variables(c, d);
}

static void cut_section(struct cut *c) {
  if (too_many(c)) {
    report_section(c, arena_printf(c->arena,
                                   "the section has more than %d statements; divide it among "
                                   "several revisions",
                                   REVISION_STATEMENTS_MAX));
    return;
  }
  for (size_t i = 0; i < 2; i++)
    if (c->section->dialects & dialects[i])
      read_as(c, dialects[i]);
  bool said = false; /* the same of both dialects */
  for (size_t i = 0; i < 2; i++) {
    if (!(c->section->dialects & dialects[i]))
      continue;
    report_faults(c, dialects[i]);
    check_statements(c, dialects[i]);
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
