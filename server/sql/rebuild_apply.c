/* One function a kind of action: it changes the table as it will be, and says whether SQLite has an
 * ALTER of its own for that. Arena: the planner's. Pure.
 */
#include <string.h>

#include "server/sql/rebuild_state.h"
#include "server/sql/tokens.h"

static const char *quoted_table(struct planner *p) {
  return sql_quote_name(p->arena, p->object->name);
}

static struct slice text_of(const struct planner *p, struct sql_range r) {
  return (struct slice){p->alters[p->place.alter].sql + r.start, r.len};
}

static int no_column(struct planner *p, struct sql_range at, const char *name) {
  const char **names = ARENA_ARRAY(p->arena, const char *, p->table.count);
  for (size_t i = 0; i < p->table.count; i++)
    if (p->table.elements[i]->column != NULL)
      names[i] = p->table.elements[i]->column->name;
  (void)plan_fail(p, at, "table %s has no column %s", p->object->name, name);
  return plan_near(p, name, names, p->table.count);
}

static struct table_column *find_column(struct planner *p, struct sql_range at) {
  char *name = plan_name(p, at);
  struct table_column *c = table_column_of(&p->table, name);
  if (c == NULL)
    (void)no_column(p, at, name);
  return c;
}

static struct table_element *element_of(struct planner *p, const struct table_column *c) {
  size_t i = 0;
  while (p->table.elements[i]->column != c)
    i++;
  return p->table.elements[i];
}

/* An error in a part of the statement. */
static int fail_inside(struct planner *p, struct sql_range part) {
  p->e->offset = p->e->offset < 0 ? (long)part.start : p->e->offset + (long)part.start;
  return -1;
}

static struct slice around(struct planner *p, const char *before, struct slice text,
                           const char *after) {
  return slice_of(arena_printf(p->arena, "%s%.*s%s", before, (int)text.len, text.s, after));
}

/* A value that is the same whenever it is read: what SQLite takes in its own ADD COLUMN. */
static bool constant(const struct table_constraint *value) {
  return value->expr.s[0] != '(' &&
         (value->expr.len < 7 || strncasecmp(value->expr.s, "CURRENT", 7) != 0);
}

static bool is_null(const struct table_constraint *value) {
  return value == NULL || (value->expr.len == 4 && strncasecmp(value->expr.s, "NULL", 4) == 0);
}

static bool stored(const struct table_constraint *c) {
  return c->text.len > 6 && strncasecmp(c->text.s + c->text.len - 6, "STORED", 6) == 0;
}

/* Whether SQLite's ADD COLUMN takes it whatever rows there are. */
static bool simple_new(const struct table_column *c) {
  const struct table_constraint *value = column_constraint(c, CONSTRAINT_DEFAULT);
  const struct table_constraint *made = column_constraint(c, CONSTRAINT_GENERATED);
  bool not_null = column_constraint(c, CONSTRAINT_NOT_NULL) != NULL;
  if (value != NULL && !constant(value))
    return false;
  if (made != NULL)
    return !stored(made) && !not_null;
  for (size_t i = 0; i < c->count; i++) {
    enum constraint_kind kind = c->constraints[i]->kind;
    if (kind == CONSTRAINT_PRIMARY_KEY || kind == CONSTRAINT_UNIQUE)
      return false;
    if (kind == CONSTRAINT_FOREIGN_KEY && !is_null(value))
      return false;
  }
  return !not_null || !is_null(value);
}

static int check_second_key(struct planner *p, struct sql_range at) {
  if (table_primary_key(&p->table, NULL) == NULL)
    return 0;
  (void)plan_fail(p, at, "table %s has a primary key already", p->object->name);
  return err_hint(p->e, "drop its constraint first");
}

static int add_column(struct planner *p, const struct alter_action *a) {
  struct table_column *c = ARENA_NEW(p->arena, struct table_column);
  struct slice body = text_of(p, a->body);
  if (table_cut_column(body.s, body.len, p->arena, c, p->e) < 0)
    return fail_inside(p, a->body);
  if (table_column_of(&p->table, c->name) != NULL)
    return a->if_not_exists ? 0
                            : plan_fail(p, a->column, "table %s has a column %s already",
                                        p->object->name, c->name);
  if (column_constraint(c, CONSTRAINT_PRIMARY_KEY) != NULL && check_second_key(p, a->column) != 0)
    return -1;
  c->fill = ARENA_NEW(p->arena, struct column_fill);
  *c->fill = (struct column_fill){.changed = true, .alter = p->place.alter};
  (void)table_add_column(&p->table, c, p->arena);
  if (simple_new(c))
    plan_native(p, arena_printf(p->arena, "ALTER TABLE %s ADD COLUMN %.*s", quoted_table(p),
                                (int)body.len, body.s));
  else
    plan_rebuild(p);
  plan_wish(p, PROBE_COLUMN, c, NULL);
  return 0;
}

/* Whether SQLite's DROP COLUMN takes it, and nothing else, when nothing depends on it: comments
 * around go with it there, and a comma in one is taken for that before the column. */
static bool simple_old(const struct table *t, const struct table_element *element) {
  const struct table_column *c = element->column;
  if (table_commented(t, element))
    return false;
  for (size_t i = 0; i < c->count; i++) {
    enum constraint_kind kind = c->constraints[i]->kind;
    if (kind != CONSTRAINT_NOT_NULL && kind != CONSTRAINT_NULL && kind != CONSTRAINT_DEFAULT &&
        kind != CONSTRAINT_COLLATE)
      return false;
  }
  return true;
}

static int drop_column(struct planner *p, const struct alter_action *a) {
  bool more = false;
  if (a->if_exists && table_column_of(&p->table, plan_name(p, a->column)) == NULL)
    return 0;
  struct table_column *c = find_column(p, a->column);
  if (c == NULL || plan_drop_dependents(p, a, element_of(p, c), &more) != 0)
    return -1;
  bool simple = simple_old(&p->table, element_of(p, c));
  table_remove(&p->table, element_of(p, c), p->arena);
  if (more || !simple)
    plan_rebuild(p);
  else
    plan_native(p, arena_printf(p->arena, "ALTER TABLE %s DROP COLUMN %s", quoted_table(p),
                                sql_quote_name(p->arena, c->name)));
  return 0;
}

struct slice plan_default(struct planner *p, const struct table_column *c) {
  static const char *const values[] = {
      "NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", NULL};
  const struct table_constraint *value = column_constraint(c, CONSTRAINT_DEFAULT);
  struct tokens t;
  struct err ignored;
  if (value == NULL)
    return slice_of("NULL");
  if (tokens_read(value->expr.s, value->expr.len, p->arena, &t, &ignored) != 0 || t.count != 1 ||
      (t.items[0].kind != LEX_WORD && t.items[0].kind != LEX_NAME) || tokens_is_any(&t, 0, values))
    return value->expr;
  return slice_of(sql_quote_string(p->arena, tokens_unquote(&t, 0, p->arena)));
}

/* A value that was to be a column's from its beginning stays that of the rows there are. */
static void keep_first_default(struct planner *p, struct table_column *c) {
  if (c->fill->from == NULL && c->fill->value.len == 0)
    c->fill->value = plan_default(p, c);
}

static bool default_as_written(struct planner *p, struct slice value) {
  struct table_column ignored;
  struct err unused;
  char *text = arena_printf(p->arena, "x DEFAULT %.*s", (int)value.len, value.s);
  return table_cut_column(text, strlen(text), p->arena, &ignored, &unused) == 1 &&
         ignored.count == 1;
}

/* Cuts a constraint of ours out of its text; the text is known to be right. */
static struct table_constraint *constraint_of(struct planner *p, struct slice text) {
  struct table_column c;
  const char *whole = arena_printf(p->arena, "x %.*s", (int)text.len, text.s);
  if (table_cut_column(whole, strlen(whole), p->arena, &c, p->e) != 1 || c.count == 0)
    return NULL;
  return c.constraints[0];
}

static void remove_all(struct planner *p, struct table_column *c, enum constraint_kind kind) {
  struct table_constraint *found;
  while ((found = column_constraint(c, kind)) != NULL)
    column_remove(c, found, p->arena);
}

static int set_default(struct planner *p, const struct alter_action *a) {
  struct table_column *c = find_column(p, a->column);
  if (c == NULL)
    return -1;
  if (column_constraint(c, CONSTRAINT_GENERATED) != NULL)
    return plan_fail(p, a->whole, "column %s is generated: it has no default", c->name);
  struct slice value = text_of(p, a->body);
  bool plain = default_as_written(p, value);
  struct table_constraint *made =
      constraint_of(p, around(p, plain ? "DEFAULT " : "DEFAULT (", value, plain ? "" : ")"));
  if (made == NULL)
    return fail_inside(p, a->body);
  keep_first_default(p, c);
  struct table_constraint *old = column_constraint(c, CONSTRAINT_DEFAULT);
  if (old == NULL) {
    column_add_constraint(c, made, p->arena);
  } else {
    old->text = old->body = made->text;
    old->expr = made->expr;
    if (old->name != NULL)
      constraint_set_name(old, old->name, p->arena);
  }
  plan_rebuild(p);
  return 0;
}

static int drop_default(struct planner *p, const struct alter_action *a) {
  struct table_column *c = find_column(p, a->column);
  if (c == NULL)
    return -1;
  if (column_constraint(c, CONSTRAINT_DEFAULT) == NULL)
    return 0;
  keep_first_default(p, c);
  remove_all(p, c, CONSTRAINT_DEFAULT);
  plan_rebuild(p);
  return 0;
}

static bool in_primary_key(const struct table *t, const struct table_column *c) {
  struct table_column *owner = NULL;
  const struct table_constraint *key = table_primary_key(t, &owner);
  if (key == NULL || owner != NULL)
    return key != NULL && owner == c;
  for (size_t i = 0; i < key->column_count; i++)
    if (same_name(key->columns[i], c->name))
      return true;
  return false;
}

static void make_not_null(struct planner *p, struct table_column *c) {
  bool never_null = c == table_rowid_column(&p->table) ||
                    (p->table.without_rowid && in_primary_key(&p->table, c));
  if (never_null || column_constraint(c, CONSTRAINT_NOT_NULL) != NULL)
    return;
  remove_all(p, c, CONSTRAINT_NULL);
  column_add_constraint(c, constraint_of(p, slice_of("NOT NULL")), p->arena);
  plan_rebuild(p);
  plan_wish(p, PROBE_COLUMN, c, NULL);
}

static int set_not_null(struct planner *p, const struct alter_action *a) {
  struct table_column *c = find_column(p, a->column);
  if (c == NULL)
    return -1;
  make_not_null(p, c);
  return 0;
}

static int drop_not_null(struct planner *p, const struct alter_action *a) {
  struct table_column *c = find_column(p, a->column);
  if (c == NULL)
    return -1;
  if (in_primary_key(&p->table, c))
    return plan_fail(p, a->whole, "column %s is in a primary key", c->name);
  if (column_constraint(c, CONSTRAINT_NOT_NULL) == NULL)
    return 0;
  remove_all(p, c, CONSTRAINT_NOT_NULL);
  plan_rebuild(p);
  return 0;
}

static int drop_expression(struct planner *p, const struct alter_action *a) {
  struct table_column *c = find_column(p, a->column);
  if (c == NULL)
    return -1;
  if (column_constraint(c, CONSTRAINT_GENERATED) == NULL)
    return a->if_exists ? 0 : plan_fail(p, a->column, "column %s is not generated", c->name);
  remove_all(p, c, CONSTRAINT_GENERATED);
  plan_rebuild(p);
  return 0;
}

static void set_collation(struct planner *p, struct table_column *c, struct slice collation) {
  struct table_constraint *made = constraint_of(p, around(p, "COLLATE ", collation, ""));
  remove_all(p, c, CONSTRAINT_COLLATE);
  column_add_constraint(c, made, p->arena);
}

/* The rowid holds integers of 64 bits, whatever they are called. */
static bool integer_type(struct slice type) {
  static const char *const names[] = {"INTEGER", "INT",      "BIGINT", "INT8",
                                      "INT4",    "SMALLINT", "INT2"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strlen(names[i]) == type.len && strncasecmp(names[i], type.s, type.len) == 0)
      return true;
  return false;
}

static int check_type(struct planner *p, const struct alter_action *a,
                      const struct table_column *c) {
  if (a->using.len > 0 && column_constraint(c, CONSTRAINT_GENERATED) != NULL)
    return plan_fail(p, a->using, "column %s is generated: USING cannot fill it", c->name);
  if (c->fill->changed && c->fill->from != NULL && c->fill->alter == p->place.alter)
    return plan_fail(p, a->whole, "the type of column %s is changed twice", c->name);
  if (in_primary_key(&p->table, c) && table_autoincrement(&p->table) &&
      !integer_type(text_of(p, a->type))) {
    (void)plan_fail(p, a->type, "column %s is AUTOINCREMENT, which only an INTEGER can be",
                    c->name);
    return err_hint(p->e, "drop the primary key's constraint in the same statement");
  }
  return 0;
}

static int set_type(struct planner *p, const struct alter_action *a) {
  struct table_column *c = find_column(p, a->column);
  if (c == NULL || check_type(p, a, c) != 0)
    return -1;
  struct slice type = text_of(p, a->type);
  bool keep = (c == table_rowid_column(&p->table) && integer_type(type)) ||
              (type.len == c->type.len && memcmp(type.s, c->type.s, type.len) == 0);
  if (keep && a->using.len == 0 && a->collate.len == 0)
    return 0;
  if (!keep)
    column_set_type(c, type);
  if (a->collate.len > 0)
    set_collation(p, c, text_of(p, a->collate));
  if (a->using.len > 0)
    c->fill->value = text_of(p, a->using);
  c->fill->changed = true;
  c->fill->alter = p->place.alter;
  plan_rebuild(p);
  plan_wish(p, PROBE_COLUMN, c, NULL);
  return 0;
}

static int check_columns(struct planner *p, const struct alter_action *a,
                         const struct table_constraint *made) {
  for (size_t i = 0; i < made->column_count; i++)
    if (table_column_of(&p->table, made->columns[i]) == NULL)
      return no_column(p, a->body, made->columns[i]);
  return 0;
}

static int check_new_name(struct planner *p, struct sql_range at, const char *name) {
  for (size_t i = 0; i < p->table.count; i++) {
    const struct table_element *element = p->table.elements[i];
    size_t n = element->column != NULL ? element->column->count : 1;
    for (size_t k = 0; k < n; k++) {
      const struct table_constraint *c =
          element->column != NULL ? element->column->constraints[k] : element->constraint;
      if (c->name != NULL && same_name(c->name, name))
        return plan_fail(p, at, "table %s has a constraint %s already", p->object->name, name);
    }
  }
  return 0;
}

static int add_constraint(struct planner *p, const struct alter_action *a) {
  struct table_constraint *made = ARENA_NEW(p->arena, struct table_constraint);
  struct slice body = text_of(p, a->body);
  if (table_cut_constraint(body.s, body.len, p->arena, made, p->e) < 0)
    return fail_inside(p, a->body);
  if (made->name != NULL && check_new_name(p, a->name, made->name) != 0)
    return -1;
  if (check_columns(p, a, made) != 0)
    return -1;
  bool primary = made->kind == CONSTRAINT_PRIMARY_KEY;
  if (primary && check_second_key(p, a->whole) != 0)
    return -1;
  (void)table_add_constraint(&p->table, made, p->arena);
  for (size_t i = 0; primary && i < made->column_count; i++)
    make_not_null(p, table_column_of(&p->table, made->columns[i]));
  plan_rebuild(p);
  plan_wish(p, PROBE_CONSTRAINT, NULL, made);
  return 0;
}

static int drop_constraint(struct planner *p, const struct alter_action *a) {
  struct constraint_place found;
  int rc = plan_find_constraint(p, a->name, &found);
  if (rc <= 0)
    return rc < 0 ? -1 : a->if_exists ? 0 : plan_no_constraint(p, a->name);
  struct table_column *owner = found.element->column;
  bool key = found.constraint->kind == CONSTRAINT_PRIMARY_KEY ||
             found.constraint->kind == CONSTRAINT_UNIQUE;
  if (key && plan_key_needed(p, a, found.constraint, owner) != 0)
    return -1;
  if (found.constraint->kind == CONSTRAINT_DEFAULT)
    keep_first_default(p, owner);
  if (owner != NULL)
    column_remove(owner, found.constraint, p->arena);
  else
    table_remove(&p->table, found.element, p->arena);
  plan_rebuild(p);
  return 0;
}

static int rename_constraint(struct planner *p, const struct alter_action *a) {
  struct constraint_place found;
  char *to = plan_name(p, a->to);
  int rc = plan_find_constraint(p, a->name, &found);
  if (rc <= 0)
    return rc < 0 ? -1 : plan_no_constraint(p, a->name);
  if (check_new_name(p, a->to, to) != 0)
    return -1;
  constraint_set_name(found.constraint, to, p->arena);
  plan_rebuild(p);
  return 0;
}

/* SQLite keeps the quotes with which the new name is written, and a rename is no reason for any. */
static const char *as_written(struct planner *p, struct sql_range name) {
  struct slice s = text_of(p, name);
  bool quoted = strchr("\"'`[", s.s[0]) != NULL;
  return quoted ? sql_quote_name(p->arena, plan_name(p, name))
                : arena_strndup(p->arena, s.s, s.len);
}

static int rename_column(struct planner *p, const struct alter_action *a) {
  struct table_column *c = find_column(p, a->column);
  char *to = plan_name(p, a->to);
  if (c == NULL)
    return -1;
  if (table_column_of(&p->table, to) != NULL && table_column_of(&p->table, to) != c)
    return plan_fail(p, a->to, "table %s has a column %s already", p->object->name, to);
  plan_native(p, arena_printf(p->arena, "ALTER TABLE %s RENAME COLUMN %s TO %s", quoted_table(p),
                              sql_quote_name(p->arena, c->name), as_written(p, a->to)));
  c->name = to;
  return 0;
}

static int rename_table(struct planner *p, const struct alter_action *a) {
  char *to = plan_name(p, a->to);
  if (strncasecmp(to, "migd_", 5) == 0 || strncasecmp(to, "sqlite_", 7) == 0)
    return plan_fail(p, a->to, "%s: names that begin so are not free", to);
  for (size_t i = 0; i < p->schema->count; i++) {
    const struct schema_object *o = &p->schema->items[i];
    if (strcmp(o->type, "trigger") != 0 && same_name(o->name, to) && o != p->object)
      return plan_fail(p, a->to, "there is a %s %s already", o->type, o->name);
  }
  plan_native(p, arena_printf(p->arena, "ALTER TABLE %s RENAME TO %s", quoted_table(p),
                              sql_quote_name(p->arena, to)));
  p->table.name = to;
  return 0;
}

int plan_apply(struct planner *p, const struct alter_action *a) {
  static int (*const apply[])(struct planner *, const struct alter_action *) = {
      [ALTER_ADD_COLUMN] = add_column,
      [ALTER_DROP_COLUMN] = drop_column,
      [ALTER_TYPE] = set_type,
      [ALTER_SET_DEFAULT] = set_default,
      [ALTER_DROP_DEFAULT] = drop_default,
      [ALTER_SET_NOT_NULL] = set_not_null,
      [ALTER_DROP_NOT_NULL] = drop_not_null,
      [ALTER_DROP_EXPRESSION] = drop_expression,
      [ALTER_ADD_CONSTRAINT] = add_constraint,
      [ALTER_DROP_CONSTRAINT] = drop_constraint,
      [ALTER_RENAME_CONSTRAINT] = rename_constraint,
      [ALTER_RENAME_COLUMN] = rename_column,
      [ALTER_RENAME_TABLE] = rename_table,
      [ALTER_NOTHING] = NULL,
  };
  return apply[a->kind] != NULL ? apply[a->kind](p, a) : 0;
}
