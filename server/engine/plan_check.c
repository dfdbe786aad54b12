/* Two passes over the plan's statements: which variables have no value at all, so that whoever
 * gives them is not asked for one at a time; then whether each value can stand where it is used,
 * and whether what is made of it leaves the ledger alone.
 */
#include "server/engine/plan_check.h"

#include <string.h>

#include "server/engine/statements.h"
#include "server/sql/changes.h"
#include "server/sql/split.h"

enum {
  MISSING_MAX = 200, /* further ones are not looked for */
  NAMED_MAX = 6,     /* in the error's text, when there are more; the detail has them */
  HINT_WORDS = 110,  /* bytes of the hint besides options and the target's name */
};

/* Where a variable is used first. */
struct use {
  struct sql_variable variable;
  bool secret; /* it has a value, which is not for a script */
  const struct revision *revision;
  const struct section_statement *statement;
  size_t offset; /* in the statement */
};

struct missing {
  struct use items[MISSING_MAX];
  size_t count;
};

/* Calls for each statement that the plan's steps run, until it answers -1. */
static int each_statement(const struct walk *w,
                          int (*visit)(const struct walk *w, const struct revision *r,
                                       const struct section_statement *s, void *ctx, struct err *e),
                          void *ctx, struct err *e) {
  for (size_t i = 0; i < w->plan.count; i++) {
    const struct plan_step *step = &w->plan.steps[i];
    const struct revision *r = &w->catalog->revisions[step->revision];
    for (size_t k = 0; step->direction != DIR_STAMP && k < r->section_count; k++) {
      const struct section *section = &r->sections[k];
      size_t count = section_is_run(w, section, step->direction)
                         ? section->statements[w->request.dialect].count
                         : 0;
      for (size_t n = 0; n < count; n++)
        if (visit(w, r, &section->statements[w->request.dialect].items[n], ctx, e))
          return -1;
    }
  }
  return 0;
}

static bool is_known(const struct missing *m, const char *name) {
  for (size_t i = 0; i < m->count; i++)
    if (!strcmp(m->items[i].variable.name, name))
      return true;
  return false;
}

static int find_missing(const struct walk *w, const struct revision *r,
                        const struct section_statement *s, void *ctx, struct err *e) {
  struct missing *m = ctx;
  struct variables values = w->variables;
  struct use use = {.revision = r, .statement = s};
  size_t at = 0;
  (void)e;
  values.batch = "1";
  while (m->count < MISSING_MAX && variable_missing(w->request.dialect, r->content + s->start,
                                                    s->len, &values, &at, &use.variable)) {
    if (is_known(m, use.variable.name))
      continue;
    use.offset = at - use.variable.len;
    use.secret = variable_find(&values, use.variable.name) != NULL;
    m->items[m->count++] = use;
  }
  return 0;
}

static size_t count_of(const struct missing *m, bool secret) {
  size_t count = 0;
  for (size_t i = 0; i < m->count; i++)
    count += m->items[i].secret == secret;
  return count;
}

/* `a`, `a and b`, `a, b, c, d, e, f and 7 more`. */
static void add_names(struct buf *b, const struct missing *m, bool secret) {
  size_t count = count_of(m, secret), named = count > NAMED_MAX + 1 ? NAMED_MAX : count, n = 0;
  for (size_t i = 0; n < named; i++)
    if (m->items[i].secret == secret) {
      buf_addf(b, "%s%s", !n ? "" : n + 1 == count ? " and " : ", ", m->items[i].variable.name);
      n++;
    }
  if (named < count)
    buf_addf(b, " and %zu more", count - named);
}

static void add_text(struct buf *b, const struct missing *m) {
  size_t unset = count_of(m, false), secret = m->count - unset;
  if (unset) {
    buf_adds(b, unset > 1 ? "the variables " : "the variable ");
    add_names(b, m, false);
    buf_adds(b, unset > 1 ? " have no value" : " has no value");
  }
  if (unset && secret)
    buf_adds(b, ", and ");
  if (secret) {
    buf_adds(b, secret > 1 ? "the values of " : "the value of ");
    add_names(b, m, true);
    buf_adds(b, secret > 1 ? " are secret: they do not go into a script"
                           : " is secret: it does not go into a script");
  }
}

/* A line for each, as far as there is room. */
static void set_detail(const struct missing *m, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT, line BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; m->count > 1 && i < m->count; i++) {
    const struct use *u = &m->items[i];
    unsigned row, column;
    sql_position(u->revision->content, u->revision->content_len, u->statement->start + u->offset,
                 &row, &column);
    buf_clear(&line);
    buf_addf(&line, "%s%s is used in %s:%u:%u", i ? "\n" : "", u->variable.name, u->revision->file,
             row, column);
    if (text.len + line.len + sizeof "\nand 999 more" > sizeof e->detail) {
      buf_addf(&text, "\nand %zu more", m->count - i);
      break;
    }
    buf_adds(&text, buf_str(&line));
  }
  err_copy_lines(e->detail, sizeof e->detail, buf_str(&text), text.len);
}

/* What gives them values, as far as there is room. */
static void add_options(struct buf *b, const struct missing *m, size_t room) {
  struct buf option BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < m->count; i++) {
    const char *name = m->items[i].variable.name;
    buf_clear(&option);
    buf_addf(&option, m->items[i].secret ? " --secret-var %s=FILE" : " --var %s=VALUE", name);
    if (b->len + option.len > room) {
      buf_adds(b, " …");
      return;
    }
    buf_adds(b, buf_str(&option));
  }
}

static void set_hint(const struct walk *w, const struct missing *m, struct err *e) {
  struct buf options BUF_SCOPED = BUF_INIT;
  bool one = m->count == 1;
  add_options(&options, m, sizeof e->hint - HINT_WORDS - (w->offline ? 0 : strlen(w->target)));
  if (w->offline && count_of(m, true) == m->count)
    err_hint(e, "a script brings its own:%s", buf_str(&options));
  else if (w->offline)
    err_hint(e, "give %s with%s", one ? "it one" : "them values", buf_str(&options));
  else
    err_hint(e,
             "`migctl target set %s%s` gives %s, `migctl catalog set` %s for all targets of a "
             "catalog",
             w->target, buf_str(&options), one ? "it one" : "them values", one ? "one" : "values");
}

static int tell_missing(const struct walk *w, const struct missing *m, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  const struct use *first = &m->items[0];
  add_text(&text, m);
  err_set(e, ERR_NOT_FOUND, "%s", buf_str(&text));
  e->offset = (long)first->offset;
  statement_locate(first->revision, first->statement, e);
  set_detail(m, e);
  set_hint(w, m, e);
  return -1;
}

/* SQLite's driver watches over our tables itself. */
static int check_ours(const struct walk *w, const struct sql_text *text, struct err *e) {
  size_t offset;
  const char *name = w->request.dialect == DIALECT_POSTGRESQL
                         ? sql_changes(text->s, text->len, ledger_tables, &offset)
                         : NULL;
  if (!name)
    return 0;
  err_set(e, ERR_MIGRATION, "%s is migd's own: a revision cannot change it", name);
  e->offset = (long)sql_text_source(text, offset);
  return err_hint(e, "`migctl stamp` says what is applied");
}

static int check_statement(const struct walk *w, const struct revision *r,
                           const struct section_statement *s, void *ctx, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct sql_text text;
  (void)ctx;
  arena_init(&arena, 0);
  if (statement_text(w, r, s, "1", &arena, &text, e))
    return -1;
  int rc = check_ours(w, &text, e);
  sql_text_wipe(&text);
  if (rc)
    statement_locate(r, s, e);
  return rc;
}

int plan_check(const struct walk *w, struct err *e) {
  struct missing missing = {.count = 0};
  each_statement(w, find_missing, &missing, e);
  return missing.count ? tell_missing(w, &missing, e) : each_statement(w, check_statement, NULL, e);
}
