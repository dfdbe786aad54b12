/* The rest of CREATE TABLE: its head, columns and their types, elements and what is between them,
 * options. Constraints are read by cutter.c.
 */
#include "server/sql/table.h"

#include <string.h>

#include "server/sql/cutter.h"
#include "server/sql/foreign.h"

static void keep_constraint(struct cutter *c, struct table_column *column,
                            struct table_constraint *constraint) {
  if (column->count == column->cap) {
    size_t cap = column->cap == 0 ? 4 : column->cap * 2;
    struct table_constraint **list = ARENA_ARRAY(c->arena, struct table_constraint *, cap);
    if (column->count > 0)
      memcpy(list, column->constraints, column->count * sizeof(struct table_constraint *));
    column->constraints = list;
    column->cap = cap;
  }
  column->constraints[column->count++] = constraint;
}

static int take_type(struct cutter *c, struct table_column *out) {
  size_t from = c->i;
  while (tokens_name(&c->t, c->i) && !cutter_at_column_constraint(c))
    c->i++;
  if (c->i == from)
    return 0;
  if (tokens_char(&c->t, c->i, '(') && cutter_sizes(c) != 0)
    return -1;
  size_t to = c->i;
  c->i = from;
  out->type_lead = cutter_lead(c);
  c->i = to;
  out->type = cutter_text(c);
  return 0;
}

/* The lead is cut already. */
static int take_column(struct cutter *c, struct table_column *out) {
  if (cutter_name(c, &out->name) != 0)
    return -1;
  out->written = cutter_text(c);
  if (take_type(c, out) != 0)
    return -1;
  while (cutter_at_column_constraint(c)) {
    struct table_constraint *constraint = ARENA_NEW(c->arena, struct table_constraint);
    constraint->lead = cutter_lead(c);
    if (cutter_constraint(c, true, constraint) != 0)
      return -1;
    keep_constraint(c, out, constraint);
  }
  return 0;
}

static int take_element(struct cutter *c, struct table_element *out) {
  out->lead = cutter_lead(c);
  if (cutter_at_table_constraint(c) || cutter_is(c, "CONSTRAINT")) {
    out->constraint = ARENA_NEW(c->arena, struct table_constraint);
    return cutter_constraint(c, false, out->constraint);
  }
  out->column = ARENA_NEW(c->arena, struct table_column);
  return take_column(c, out->column);
}

static void keep_element(struct cutter *c, struct table *t, struct table_element *element) {
  if (t->count == t->cap) {
    size_t cap = t->cap == 0 ? 16 : t->cap * 2;
    struct table_element **list = ARENA_ARRAY(c->arena, struct table_element *, cap);
    if (t->count > 0)
      memcpy(list, t->elements, t->count * sizeof(struct table_element *));
    t->elements = list;
    t->cap = cap;
  }
  t->elements[t->count++] = element;
}

/* Constraints of a table may follow each other without a comma. */
static int take_elements(struct cutter *c, struct table *t) {
  bool comma = false;
  for (;;) {
    struct table_element *element = ARENA_NEW(c->arena, struct table_element);
    element->comma = comma;
    if (take_element(c, element) != 0)
      return -1;
    keep_element(c, t, element);
    comma = tokens_char(&c->t, c->i, ',');
    if (!comma && element->constraint != NULL &&
        (cutter_at_table_constraint(c) || cutter_is(c, "CONSTRAINT")))
      continue; /* what lies between is the next one's lead */
    element->trail = cutter_lead(c);
    if (!comma)
      return 0;
    c->i++;
    (void)cutter_text(c);
  }
}

static void read_options(struct cutter *c, struct table *t) {
  for (size_t i = c->i; i < c->t.count; i++) {
    if (tokens_is(&c->t, i, "WITHOUT") && tokens_is(&c->t, i + 1, "ROWID"))
      t->without_rowid = true;
    else if (tokens_is(&c->t, i, "STRICT"))
      t->strict = true;
  }
}

static int take_head(struct cutter *c, struct table *t) {
  if (!cutter_take(c, "TABLE"))
    return cutter_fail(c, c->i, "TABLE is expected");
  c->i += cutter_is(c, "IF") && tokens_is(&c->t, c->i + 1, "NOT") ? 3 : 0;
  size_t from = c->i;
  if (cutter_name(c, &t->name) != 0)
    return -1;
  if (cutter_char(c, '.') && cutter_name(c, &t->name) != 0)
    return -1;
  size_t to = c->i;
  c->i = from;
  t->head = cutter_lead(c);
  c->i = to;
  t->written = cutter_text(c);
  if (!cutter_char(c, '('))
    return cutter_fail(c, c->i, "`(` is expected");
  t->open = cutter_text(c);
  return 0;
}

int table_cut(const char *sql, size_t len, struct arena *arena, struct table *out, struct err *e) {
  struct cutter c = {.arena = arena, .e = e};
  struct table t = {0};
  if (tokens_read(sql, len, arena, &c.t, e) != 0)
    return -1;
  if (!cutter_take(&c, "CREATE"))
    return cutter_fail(&c, c.i, "CREATE is expected");
  if (cutter_is(&c, "VIRTUAL"))
    return 0;
  if (!cutter_take(&c, "TEMP"))
    (void)cutter_take(&c, "TEMPORARY");
  if (take_head(&c, &t) != 0 || take_elements(&c, &t) != 0)
    return -1;
  if (!cutter_char(&c, ')'))
    return cutter_fail(&c, c.i, "`,` or `)` is expected");
  t.tail = cutter_between(&c, c.at, len);
  read_options(&c, &t);
  *out = t;
  return 1;
}

int table_cut_column(const char *sql, size_t len, struct arena *arena, struct table_column *out,
                     struct err *e) {
  struct cutter c = {.arena = arena, .e = e};
  struct table_column column = {0};
  if (tokens_read(sql, len, arena, &c.t, e) != 0)
    return -1;
  (void)cutter_lead(&c);
  if (take_column(&c, &column) != 0)
    return -1;
  if (c.i < c.t.count) {
    (void)cutter_fail(&c, c.i, "a column's constraint is expected");
    return err_hint(e, FOREIGN_HINT);
  }
  *out = column;
  return 1;
}

int table_cut_constraint(const char *sql, size_t len, struct arena *arena,
                         struct table_constraint *out, struct err *e) {
  struct cutter c = {.arena = arena, .e = e};
  struct table_constraint constraint = {0};
  if (tokens_read(sql, len, arena, &c.t, e) != 0)
    return -1;
  (void)cutter_lead(&c);
  if (cutter_constraint(&c, false, &constraint) != 0)
    return -1;
  if (c.i < c.t.count || constraint.kind == CONSTRAINT_NAME) {
    (void)cutter_fail(&c, c.i, "a constraint that SQLite has is expected");
    return err_hint(e, FOREIGN_HINT);
  }
  *out = constraint;
  return 1;
}
