/* Takes the alters one by one, as long as one rebuild can do them, and applies their actions to the
 * table in PostgreSQL's order. What is written for that says rebuild_sql.c.
 */
#include "server/sql/rebuild.h"

#include <string.h>
#include <strings.h>

#include "server/base/nearest.h"
#include "server/sql/foreign.h"
#include "server/sql/rebuild_state.h"
#include "server/sql/tokens.h"

/* More alters than that begin a group of their own. */
enum { GROUP_MAX = 256 };

int plan_fail(struct planner *p, struct sql_range at, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = arena_vprintf(p->arena, format, args);
  va_end(args);
  (void)err_set(p->e, ERR_MIGRATION, "%s", text);
  p->e->offset = (long)at.start;
  return -1;
}

char *plan_name(struct planner *p, struct sql_range range) {
  return sql_unquote(p->arena, p->alters[p->place.alter].sql + range.start, range.len);
}

int plan_near(struct planner *p, const char *name, const char *const *names, size_t count) {
  const char *near = nearest(name, names, count);
  return near != NULL ? err_hint(p->e, "did you mean %s?", near) : -1;
}

void plan_rebuild(struct planner *p) {
  if (!p->rebuild)
    p->first = p->place;
  p->rebuild = true;
}

/* Twice as much room, when there is none for one more. */
static void *with_room(struct arena *arena, void *items, size_t count, size_t *cap, size_t size) {
  if (count < *cap)
    return items;
  *cap = *cap == 0 ? 4 : *cap * 2;
  void *more = arena_alloc(arena, *cap * size);
  if (count > 0)
    memcpy(more, items, count * size);
  return more;
}

void plan_native(struct planner *p, const char *sql) {
  const struct rebuild_alter *a = &p->alters[p->place.alter];
  if (a->parsed.as_sqlite && (a->parsed.schema == NULL || same_name(a->parsed.schema, "main")))
    sql = arena_strndup(p->arena, a->sql, a->len);
  p->natives = with_room(p->arena, p->natives, p->native_count, &p->native_cap, sizeof *p->natives);
  p->natives[p->native_count++] =
      (struct rebuild_statement){.kind = REBUILD_NATIVE, .place = p->place, .sql = sql};
}

void plan_wish(struct planner *p, enum probe_kind kind, const struct table_column *column,
               const struct table_constraint *constraint) {
  p->wishes = with_room(p->arena, p->wishes, p->wish_count, &p->wish_cap, sizeof *p->wishes);
  p->wishes[p->wish_count++] = (struct probe_wish){kind, p->place, column, constraint};
}

struct table_constraint *table_primary_key(const struct table *t, struct table_column **owner) {
  for (size_t i = 0; i < t->count; i++) {
    const struct table_element *element = t->elements[i];
    struct table_constraint *c = element->column != NULL
                                     ? column_constraint(element->column, CONSTRAINT_PRIMARY_KEY)
                                     : element->constraint;
    if (c == NULL || c->kind != CONSTRAINT_PRIMARY_KEY)
      continue;
    if (owner != NULL)
      *owner = element->column;
    return c;
  }
  return NULL;
}

bool column_type_is(const struct table_column *c, const char *type) {
  return c->type.len == strlen(type) && strncasecmp(c->type.s, type, c->type.len) == 0;
}

/* https://www.sqlite.org/lang_createtable.html#rowids_and_the_integer_primary_key: DESC matters
 * where the column says PRIMARY KEY itself. */
struct table_column *table_rowid_column(const struct table *t) {
  struct table_column *owner = NULL;
  const struct table_constraint *key = table_primary_key(t, &owner);
  if (key == NULL || t->without_rowid || (owner != NULL && key->descending))
    return NULL;
  if (owner == NULL && key->column_count == 1)
    owner = table_column_of(t, key->columns[0]);
  return owner != NULL && column_type_is(owner, "INTEGER") ? owner : NULL;
}

bool table_autoincrement(const struct table *t) {
  const struct table_constraint *key = table_primary_key(t, NULL);
  return key != NULL && key->autoincrement;
}

static bool starts(const char *s, const char *prefix) {
  return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static int no_table(struct planner *p, const struct alter_table *a) {
  const char **names = ARENA_ARRAY(p->arena, const char *, p->schema->count + 1);
  for (size_t i = 0; i < p->schema->count; i++)
    if (strcmp(p->schema->items[i].type, "table") == 0)
      names[i] = p->schema->items[i].name;
  (void)plan_fail(p, a->table, "there is no table %s", a->name);
  return plan_near(p, a->name, names, p->schema->count);
}

/* The main database's, or the temporary one's. */
static const struct schema_object *find(const struct planner *p, const char *name, bool temp) {
  for (size_t i = 0; i < p->schema->count; i++) {
    const struct schema_object *o = &p->schema->items[i];
    if (o->temp == temp && (strcmp(o->type, "table") == 0 || strcmp(o->type, "view") == 0) &&
        same_name(o->name, name))
      return o;
  }
  return NULL;
}

static int check_names(struct planner *p, const struct alter_table *a) {
  if (starts(a->name, "migd_"))
    return plan_fail(p, a->table, "%s: names beginning with migd_ are migd's own", a->name);
  if (starts(a->name, "sqlite_"))
    return plan_fail(p, a->table, "%s is SQLite's own table", a->name);
  bool temp = a->schema != NULL && same_name(a->schema, "temp");
  if (a->schema != NULL && !temp && !same_name(a->schema, "main") &&
      !same_name(a->schema, "public"))
    return plan_fail(p, a->table, "SQLite has no schema %s", a->schema);
  if (!temp && find(p, a->name, true) == NULL)
    return 0;
  (void)plan_fail(p, a->table, "%s is a temporary table: it cannot be altered here", a->name);
  return err_hint(p->e, "make it anew with the columns that it needs");
}

/* 1 found, 0 not there and that is no error. */
static int find_table(struct planner *p, const struct alter_table *a) {
  if (check_names(p, a) != 0)
    return -1;
  p->object = find(p, a->name, false);
  if (p->object == NULL)
    return a->if_exists ? 0 : no_table(p, a);
  if (strcmp(p->object->type, "view") == 0)
    return plan_fail(p, a->table, "%s is a view: SQLite cannot alter it", p->object->name);
  return 1;
}

static int cut(struct planner *p, const struct alter_table *a) {
  const char *sql = p->object->sql;
  struct err why;
  int rc = table_cut(sql, strlen(sql), p->arena, &p->before, &why);
  if (rc == 0 && a->actions[0].kind == ALTER_RENAME_TABLE) {
    p->before.name = p->table.name = arena_strdup(p->arena, p->object->name);
    return 0; /* its module renames it, and nothing of it has to be known */
  }
  if (rc == 0) {
    (void)plan_fail(p, a->table, "%s is a virtual table: its module made its columns",
                    p->object->name);
    return err_hint(p->e, "make a new one and copy the rows, in a section with on=sqlite");
  }
  if (rc < 0)
    return plan_fail(p, a->table, "the stored text of table %s is not understood: %s",
                     p->object->name, why.text);
  (void)table_cut(sql, strlen(sql), p->arena, &p->table, &why);
  for (size_t i = 0; i < p->table.count; i++) {
    struct table_column *c = p->table.elements[i]->column;
    if (c == NULL)
      continue;
    c->fill = ARENA_NEW(p->arena, struct column_fill);
    c->fill->from = p->before.elements[i]->column->name;
  }
  return 0;
}

static bool reads(struct planner *p, size_t alter, const struct alter_action *a,
                  const char *column) {
  const char *sql = p->alters[alter].sql;
  return same_name(sql_unquote(p->arena, sql + a->column.start, a->column.len), column) ||
         sql_mentions((struct slice){sql + a->using.start, a->using.len}, column);
}

static bool any_changed(const struct table *t) {
  for (size_t i = 0; i < t->count; i++)
    if (t->elements[i]->column != NULL && t->elements[i]->column->fill->changed)
      return true;
  return false;
}

/* Whether a later alter needs what an earlier one of the group has changed: it is about the rows as
 * they will be, and a copy reads them as they were. What is generated may change with anything. */
static bool needs_earlier(struct planner *p, size_t alter, const struct alter_action *a) {
  if (a->kind != ALTER_TYPE && a->kind != ALTER_DROP_EXPRESSION)
    return false;
  bool any = any_changed(&p->table);
  for (size_t i = 0; i < p->table.count; i++) {
    const struct table_column *c = p->table.elements[i]->column;
    bool made = c != NULL && column_constraint(c, CONSTRAINT_GENERATED) != NULL;
    if (c != NULL && (c->fill->changed || (any && made)) && reads(p, alter, a, c->name))
      return true;
  }
  for (size_t i = 0; i < p->before.count; i++) {
    const struct table_column *c = p->before.elements[i]->column;
    if (c != NULL && table_column_of(&p->table, c->name) == NULL && reads(p, alter, a, c->name))
      return true; /* it is gone */
  }
  return false;
}

static bool is_rename(const struct alter_action *a) {
  return a->kind == ALTER_RENAME_COLUMN || a->kind == ALTER_RENAME_TABLE;
}

/* Whether this alter can be done together with those before it. */
static bool joins(struct planner *p, size_t alter) {
  const struct alter_table *first = &p->alters[0].parsed, *a = &p->alters[alter].parsed;
  if (is_rename(&first->actions[0]) || !same_name(first->name, a->name))
    return false;
  for (size_t i = 0; i < a->count; i++)
    if (is_rename(&a->actions[i]) || needs_earlier(p, alter, &a->actions[i]))
      return false;
  return (first->schema == NULL) == (a->schema == NULL);
}

/* The passes of PostgreSQL's ATPrepCmd: what is dropped makes room for what is added. */
static int pass_of(enum alter_action_kind kind) {
  switch (kind) {
  case ALTER_DROP_COLUMN:
  case ALTER_DROP_DEFAULT:
  case ALTER_DROP_NOT_NULL:
  case ALTER_DROP_EXPRESSION:
  case ALTER_DROP_CONSTRAINT:
    return 0;
  case ALTER_TYPE:
    return 1;
  case ALTER_ADD_COLUMN:
    return 2;
  case ALTER_SET_NOT_NULL:
    return 3;
  case ALTER_ADD_CONSTRAINT:
  case ALTER_SET_DEFAULT:
    return 4;
  default:
    return 5;
  }
}

static int apply(struct planner *p, size_t alter) {
  const struct alter_table *a = &p->alters[alter].parsed;
  for (int pass = 0; pass <= 5; pass++) {
    for (size_t i = 0; i < a->count; i++) {
      if (pass_of(a->actions[i].kind) != pass)
        continue;
      p->place = (struct rebuild_place){alter, i};
      if (plan_apply(p, &a->actions[i]) != 0)
        return -1;
    }
  }
  return 0;
}

/* What no single action can tell. */
static int check_whole(struct planner *p) {
  struct sql_range at = p->alters[p->place.alter].parsed.table;
  if (!p->rebuild && p->alters[0].parsed.actions[0].kind == ALTER_RENAME_TABLE)
    return 0;
  for (size_t i = 0; i < p->table.count; i++) {
    const struct table_column *c = p->table.elements[i]->column;
    if (c == NULL || column_constraint(c, CONSTRAINT_GENERATED) != NULL)
      continue;
    if (!p->table.without_rowid || table_primary_key(&p->table, NULL) != NULL)
      return 0;
    return plan_fail(p, at, "table %s is WITHOUT ROWID: it needs a primary key", p->object->name);
  }
  return plan_fail(p, at, "table %s would have no column that is not generated", p->object->name);
}

static int plan(struct planner *p, size_t count, struct rebuild *out) {
  const struct alter_table *first = &p->alters[0].parsed;
  int found = find_table(p, first);
  *out = (struct rebuild){.taken = 1, .schema = "main"};
  if (found <= 0)
    return found;
  p->gone = ARENA_ARRAY(p->arena, bool, p->schema->count);
  if (cut(p, first) != 0 || apply(p, 0) != 0)
    return -1;
  while (out->taken < count && out->taken < GROUP_MAX && joins(p, out->taken)) {
    if (apply(p, out->taken) != 0)
      return -1;
    out->taken++;
  }
  if (check_whole(p) != 0)
    return -1;
  plan_write(p, out);
  return 0;
}

int rebuild_plan(const struct schema *schema, const struct rebuild_alter *alters, size_t count,
                 struct arena *arena, struct rebuild *out, size_t *failed, struct err *e) {
  struct planner p = {.schema = schema, .alters = alters, .arena = arena, .e = e};
  struct rebuild planned;
  arena_init(&p.scratch, 0);
  int rc = plan(&p, count, &planned);
  arena_release(&p.scratch);
  if (rc != 0) {
    *failed = p.place.alter;
    return -1;
  }
  *out = planned;
  return 0;
}
