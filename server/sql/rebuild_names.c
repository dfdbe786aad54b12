/* A constraint by its name. One without a name answers to the name that PostgreSQL would have given
 * it: makeObjectName() and its callers in src/backend/commands/indexcmds.c and catalog/heap.c, of
 * version 15. The numbers that PostgreSQL adds tell nothing here, since it counts in the order of
 * making: a name that fits two constraints is ambiguous.
 */
#include <string.h>

#include "proto/base/utf8.h"
#include "server/sql/rebuild_state.h"
#include "server/sql/tokens.h"

enum { NAME_MAX_BYTES = 63 };

struct search {
  struct planner *p;
  const char *name;
  struct constraint_place found;
  size_t count; /* that fit */
  struct buf candidates;
};

static size_t clip(const char *s, size_t len) {
  size_t n = 0;
  while (n < len) {
    size_t step = utf8_char(s + n, strlen(s + n));
    if (step == 0 || n + step > len)
      break;
    n += step;
  }
  return n;
}

/* NAME1_NAME2_LABEL; the longer name is cut where that is too much. NAME2 may be NULL. */
static char *object_name(struct arena *arena, const char *name1, const char *name2,
                         const char *label) {
  size_t n1 = strlen(name1), n2 = name2 != NULL ? strlen(name2) : 0;
  size_t room = NAME_MAX_BYTES - strlen(label) - 1 - (name2 != NULL);
  while (n1 + n2 > room) {
    if (n1 > n2)
      n1--;
    else
      n2--;
  }
  n1 = clip(name1, n1);
  if (name2 == NULL)
    return arena_printf(arena, "%.*s_%s", (int)n1, name1, label);
  return arena_printf(arena, "%.*s_%.*s_%s", (int)n1, name1, (int)clip(name2, n2), name2, label);
}

/* a_b_c, as long as it fits. */
static char *joined(struct arena *arena, char **names, size_t count) {
  struct buf b BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count && b.len <= NAME_MAX_BYTES; i++) {
    if (i > 0)
      buf_addc(&b, '_');
    buf_add(&b, names[i], strnlen(names[i], NAME_MAX_BYTES));
  }
  return arena_strdup(arena, buf_str(&b));
}

/* The one column that an expression names; NULL when there are none or several. */
static const char *only_column(struct planner *p, struct arena *arena, struct slice expr) {
  const char *only = NULL;
  struct tokens t;
  struct err ignored;
  if (tokens_read(expr.s, expr.len, arena, &t, &ignored) != 0)
    return NULL;
  for (size_t i = 0; i < t.count; i++) {
    if ((t.items[i].kind != LEX_WORD && t.items[i].kind != LEX_NAME) ||
        tokens_char(&t, i + 1, '(') || tokens_char(&t, i + 1, '.') || !tokens_operand(&t, i))
      continue;
    const struct table_column *c = table_column_of(&p->table, tokens_unquote(&t, i, arena));
    if (c != NULL && only != NULL && c->name != only)
      return NULL;
    only = c != NULL ? c->name : only;
  }
  return only;
}

/* The part between the table's name and the label. */
static const char *middle(struct planner *p, struct arena *arena, const struct table_column *owner,
                          const struct table_constraint *c) {
  if (c->kind == CONSTRAINT_PRIMARY_KEY)
    return NULL;
  if (c->kind == CONSTRAINT_CHECK)
    return only_column(p, arena, c->expr);
  return owner != NULL ? owner->name : joined(arena, c->columns, c->column_count);
}

static const char *label_of(enum constraint_kind kind) {
  switch (kind) {
  case CONSTRAINT_PRIMARY_KEY:
    return "pkey";
  case CONSTRAINT_UNIQUE:
    return "key";
  case CONSTRAINT_CHECK:
    return "check";
  case CONSTRAINT_FOREIGN_KEY:
    return "fkey";
  default:
    return NULL;
  }
}

/* The number behind the label may be any: t_a_check, t_a_check1, … */
static bool has_automatic_name(struct planner *p, const struct table_column *owner,
                               const struct table_constraint *c, const char *name) {
  const char *label = label_of(c->kind);
  size_t end = strlen(name), digits = end;
  if (label == NULL || c->name != NULL)
    return false;
  while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
    digits--;
  if (end - digits > 9 || (digits > 0 && digits < end && name[digits] == '0'))
    return false;
  size_t len = strlen(label);
  if (digits < len || strncasecmp(name + digits - len, label, len) != 0)
    return false;
  struct arena *arena = &p->scratch;
  const char *numbered = arena_printf(arena, "%s%s", label, name + digits);
  bool same =
      same_name(name, object_name(arena, p->object->name, middle(p, arena, owner, c), numbered));
  arena_release(arena);
  return same;
}

static void consider(struct search *s, struct table_element *element, struct table_constraint *c,
                     bool automatic) {
  bool fits = automatic
                  ? has_automatic_name(s->p, element->column, c, s->name)
                  : c->name != NULL && c->kind != CONSTRAINT_NAME && same_name(c->name, s->name);
  if (!fits)
    return;
  buf_addf(&s->candidates, "%s%s%s`%.*s`", s->count > 0 ? ", " : "",
           element->column != NULL ? element->column->name : "", element->column ? " " : "",
           (int)(c->text.len < 80 ? c->text.len : 80), c->text.s);
  s->found = (struct constraint_place){element, c};
  s->count++;
}

static void search(struct search *s, bool automatic) {
  for (size_t i = 0; i < s->p->table.count; i++) {
    struct table_element *element = s->p->table.elements[i];
    if (element->column == NULL) {
      consider(s, element, element->constraint, automatic);
      continue;
    }
    for (size_t k = 0; k < element->column->count; k++)
      consider(s, element, element->column->constraints[k], automatic);
  }
}

int plan_find_constraint(struct planner *p, struct sql_range name, struct constraint_place *out) {
  struct search s = {.p = p, .name = plan_name(p, name), .candidates = BUF_INIT};
  search(&s, false);
  if (s.count == 0)
    search(&s, true);
  int rc = (int)s.count;
  if (s.count == 1)
    *out = s.found;
  if (s.count > 1) {
    rc = plan_fail(p, name, "constraint %s of table %s may be any of %s", s.name, p->object->name,
                   buf_str(&s.candidates));
    (void)err_hint(p->e, "constraints without a name are known by the names that PostgreSQL gives; "
                         "build the table anew by hand in a section with on=sqlite");
  }
  buf_release(&s.candidates);
  return rc;
}

static void add_name(const char **names, size_t *n, struct planner *p,
                     const struct table_column *owner, const struct table_constraint *c) {
  const char *label = label_of(c->kind);
  if (c->name != NULL && c->kind != CONSTRAINT_NAME)
    names[(*n)++] = c->name;
  else if (label != NULL)
    names[(*n)++] = object_name(p->arena, p->object->name, middle(p, p->arena, owner, c), label);
}

int plan_no_constraint(struct planner *p, struct sql_range at) {
  size_t n = 0, total = 0;
  for (size_t i = 0; i < p->table.count; i++)
    total += p->table.elements[i]->column != NULL ? p->table.elements[i]->column->count : 1;
  const char **names = ARENA_ARRAY(p->arena, const char *, total + 1);
  for (size_t i = 0; i < p->table.count; i++) {
    const struct table_column *c = p->table.elements[i]->column;
    for (size_t k = 0; c != NULL && k < c->count; k++)
      add_name(names, &n, p, c, c->constraints[k]);
    if (c == NULL)
      add_name(names, &n, p, NULL, p->table.elements[i]->constraint);
  }
  const char *name = plan_name(p, at);
  for (size_t i = 0; i < p->schema->count; i++) {
    const struct schema_object *o = &p->schema->items[i];
    if (strcmp(o->type, "index") == 0 && o->sql != NULL && same_name(o->name, name)) {
      (void)plan_fail(p, at, "%s is an index, not a constraint", o->name);
      return err_hint(p->e, "DROP INDEX drops it");
    }
  }
  (void)plan_fail(p, at, "table %s has no constraint %s", p->object->name, name);
  return plan_near(p, name, names, n);
}
