/* Findings get their place in the file, their ignore and their order here. All in the arena of the
 * result.
 */
#include "server/lint/findings.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/nearest.h"

/* NULL when there are too many. */
static struct lint_finding *add(struct findings *f) {
  if (f->count == FINDINGS_MAX) {
    f->more = true;
    return NULL;
  }
  if (f->count == f->capacity) {
    f->capacity = f->capacity ? f->capacity * 2 : 16;
    struct lint_finding *items = ARENA_ARRAY(f->arena, struct lint_finding, f->capacity);
    if (f->count)
      memcpy(items, f->items, f->count * sizeof *items);
    f->items = items;
  }
  return &f->items[f->count++];
}

/* From the statement's line and column on. */
static void place(const struct lint_unit *u, const struct unit_statement *st,
                  const struct found *found, struct lint_finding *out) {
  const char *s = u->catalog->revisions[u->revision].content + st->start;
  out->line = st->line;
  out->column = st->column;
  for (size_t i = 0; i < found->offset; i++) {
    out->column = s[i] == '\n' ? 1 : out->column + 1;
    out->line += s[i] == '\n';
  }
  const char *end = memchr(s + found->offset, '\n', found->len);
  out->len = (unsigned)(end ? (size_t)(end - s) - found->offset : found->len);
}

void findings_add(struct findings *f, const struct lint_unit *u, size_t statement,
                  const struct found *found, struct ignores *ignores) {
  const struct unit_statement *st = &u->items[statement];
  const char *reason = st->first_in_line ? ignores_reason(ignores, st->line, found->rule) : NULL;
  struct lint_finding *out = add(f);
  if (!out)
    return;
  *out = (struct lint_finding){.rule = &found->rule->page,
                               .severity = found->severity,
                               .revision = u->revision,
                               .direction = u->direction,
                               .dialects = u->dialect,
                               .message = arena_strdup(f->arena, found->message),
                               .table = arena_strdup(f->arena, found->table),
                               .ignored = reason ? arena_strdup(f->arena, reason) : ""};
  place(u, st, found, out);
}

/* ---- the ignores themselves ---- */

/* The section that a line is in. */
static const struct section *section_at(const struct revision *r, unsigned line) {
  const struct section *found = NULL;
  for (size_t i = 0; i < r->section_count && r->sections[i].line < line; i++)
    found = &r->sections[i];
  return found;
}

static void tell(struct findings *f, const struct catalog *c, unsigned revision,
                 const struct ignore *i, const char *rule, const char *message) {
  const struct section *s = section_at(&c->revisions[revision], i->line);
  const struct lint_rule *page = lint_rule_find(rule);
  struct lint_finding *out = s ? add(f) : NULL;
  if (out)
    *out = (struct lint_finding){.rule = page,
                                 .severity = page->severity,
                                 .revision = revision,
                                 .direction = s->direction,
                                 .dialects = s->dialects,
                                 .line = i->line,
                                 .column = i->column,
                                 .len = i->len,
                                 .message = message,
                                 .table = "",
                                 .ignored = ""};
}

static const char *no_such_rule(struct arena *arena, const struct ignore *i) {
  const char *names[512];
  size_t count = 0;
  for (; lint_rules[count] && count < sizeof names / sizeof *names; count++)
    names[count] = lint_rules[count]->name;
  const char *near = nearest(i->name, names, count);
  if (near)
    return arena_printf(arena, "there is no rule '%s'; did you mean '%s'?", i->name, near);
  return arena_printf(arena, "there is no rule '%s'", i->name);
}

enum below { BELOW_NOTHING, BELOW_STATEMENT, BELOW_NOT_ASKED };

/* What begins in the line that an ignore is about. */
static enum below below(const struct ignore *i, const struct lint_unit *units, size_t unit_count) {
  enum below found = BELOW_NOTHING;
  for (size_t u = 0; u < unit_count; u++) {
    for (size_t n = 0; n < units[u].count; n++) {
      const struct unit_statement *st = &units[u].items[n];
      if (st->line != i->target)
        continue;
      if (!i->rule->text && units[u].dialect == DIALECT_POSTGRESQL &&
          (i->rule->page.dialects & DIALECT_POSTGRESQL) && !st->asked)
        return BELOW_NOT_ASKED;
      found = BELOW_STATEMENT;
    }
  }
  return found;
}

void findings_add_ignores(struct findings *f, const struct catalog *c, unsigned revision,
                          const struct ignores *ignores, const struct lint_unit *units,
                          size_t unit_count) {
  if (ignores->more)
    tell(f, c, revision, &ignores->items[ignores->count - 1], "bad-ignore",
         arena_printf(f->arena, "this is the last of %d that are heeded; divide the revision",
                      IGNORES_MAX));
  for (size_t n = 0; n < ignores->count; n++) {
    const struct ignore *i = &ignores->items[n];
    if (!i->rule) {
      tell(f, c, revision, i, "bad-ignore", no_such_rule(f->arena, i));
    } else if (!i->reason[0]) {
      tell(f, c, revision, i, "bad-ignore",
           "no reason is given, so it silences nothing; write why it is safe behind the rule");
    } else if (!i->used) {
      enum below b = below(i, units, unit_count);
      if (b != BELOW_NOT_ASKED)
        tell(f, c, revision, i, "unused-ignore",
             b == BELOW_NOTHING ? "no statement begins on the line below; it silences nothing"
                                : "the rule finds nothing in the statement below");
    }
  }
}

/* ---- order ---- */

static int compare(const void *a, const void *b) {
  const struct lint_finding *x = a, *y = b;
  if (x->line != y->line)
    return x->line < y->line ? -1 : 1;
  if (x->column != y->column)
    return x->column < y->column ? -1 : 1;
  int order = strcmp(x->rule->name, y->rule->name);
  order = order ? order : strcmp(x->message, y->message);
  return order ? order : (x->dialects > y->dialects) - (x->dialects < y->dialects);
}

static bool same(const struct lint_finding *x, const struct lint_finding *y) {
  return x->line == y->line && x->column == y->column && x->len == y->len && x->rule == y->rule &&
         x->severity == y->severity && strcmp(x->message, y->message) == 0;
}

void findings_order(struct findings *f, size_t from) {
  if (f->count == from)
    return;
  qsort(f->items + from, f->count - from, sizeof *f->items, compare);
  size_t kept = from;
  for (size_t i = from + 1; i < f->count; i++) {
    if (same(&f->items[kept], &f->items[i]))
      f->items[kept].dialects |= f->items[i].dialects;
    else
      f->items[++kept] = f->items[i];
  }
  f->count = kept + 1;
}
