/* What depends on a column or on a key. As in PostgreSQL, constraints and indexes of the table go
 * with the column; what lies outside (views, triggers, foreign keys of other tables) or is a column
 * of its own (generated ones) is in the way, but for CASCADE. Whether a text names a column is told
 * by its tokens: it may be found where it is not, never the other way round.
 */
#include <string.h>

#include "server/sql/rebuild_state.h"
#include "server/sql/tokens.h"

enum { ALIASES_MAX = 16 };

/* A view or a trigger, read for what it says of one table. */
struct reading {
  struct tokens t;
  bool *tables; /* by token: a table's name stands here */
  const char *table, *column;
  size_t aliases[ALIASES_MAX]; /* tokens that name the table in this text */
  size_t alias_count;
  size_t body; /* a view: behind its AS; a trigger: behind ON table */
  bool of_table, trigger, named;
};

static bool is_keyword(const struct tokens *t, size_t i) {
  static const char *const words[] = {
      "ON",        "WHERE",  "JOIN",    "LEFT",  "RIGHT",  "FULL",   "INNER",   "OUTER",
      "CROSS",     "USING",  "ORDER",   "GROUP", "HAVING", "LIMIT",  "UNION",   "EXCEPT",
      "SET",       "VALUES", "BEGIN",   "FOR",   "WHEN",   "SELECT", "WINDOW",  "INDEXED",
      "INTERSECT", "NOT",    "NATURAL", "END",   "FROM",   "AS",     "DEFAULT", NULL};
  return tokens_is_any(t, i, words);
}

/* Whether the words from here on, up to others that say so, name tables. */
static bool in_tables(const struct tokens *t, size_t i, bool before) {
  static const char *const begin[] = {"FROM", "JOIN", "INTO", "UPDATE", "IN", NULL};
  static const char *const end[] = {"SELECT", "WHERE",     "ON",    "USING",  "SET",   "GROUP",
                                    "ORDER",  "HAVING",    "LIMIT", "WINDOW", "UNION", "EXCEPT",
                                    "VALUES", "INTERSECT", "OF",    NULL};
  if (tokens_is_any(t, i, begin))
    return true;
  return before && !tokens_is_any(t, i, end) && t->items[i].kind != LEX_SEMICOLON;
}

/* Behind these, or a point of a schema, a name is a table's and no alias. */
static bool begins_table(const struct tokens *t, size_t i) {
  static const char *const words[] = {"FROM",  "JOIN", "INTO",   "UPDATE",   "IN", "REPLACE",
                                      "ABORT", "FAIL", "IGNORE", "ROLLBACK", NULL};
  return tokens_is_any(t, i, words) || tokens_char(t, i, ',') || tokens_char(t, i, '(') ||
         tokens_char(t, i, '.');
}

/* FROM lists, INTO, UPDATE, IN table. What is in parentheses goes on outside behind them. */
static bool *find_tables(const struct tokens *t, struct arena *arena) {
  bool *found = ARENA_ARRAY(arena, bool, t->count + 1);
  bool *outside = ARENA_ARRAY(arena, bool, t->count + 1);
  bool state = false;
  for (size_t i = 0, depth = 0; i < t->count; i++) {
    if (t->items[i].kind == LEX_OPEN)
      outside[depth++] = state;
    else if (t->items[i].kind == LEX_CLOSE && depth > 0)
      state = outside[--depth];
    else if (state && i > 0 && begins_table(t, i - 1))
      found[i] = true;
    state = in_tables(t, i, state);
  }
  return found;
}

static void find_aliases(struct reading *r) {
  for (size_t i = r->body; i < r->t.count; i++) {
    if (!r->tables[i] || !tokens_names(&r->t, i, r->table) || tokens_char(&r->t, i + 1, '.'))
      continue;
    r->named = true;
    size_t next = i + 1 + tokens_is(&r->t, i + 1, "AS");
    if (tokens_name(&r->t, next) && !is_keyword(&r->t, next) && r->alias_count < ALIASES_MAX)
      r->aliases[r->alias_count++] = next;
  }
}

static bool same_token(const struct tokens *t, size_t a, size_t b) {
  return t->items[a].len == t->items[b].len &&
         strncasecmp(t->lex.text + t->items[a].start, t->lex.text + t->items[b].start,
                     t->items[a].len) == 0;
}

static bool qualifies(const struct reading *r, size_t i) {
  if (tokens_names(&r->t, i, r->table) || r->alias_count == ALIASES_MAX)
    return true;
  if (r->of_table && (tokens_names(&r->t, i, "new") || tokens_names(&r->t, i, "old")))
    return true;
  for (size_t k = 0; k < r->alias_count; k++)
    if (same_token(&r->t, i, r->aliases[k]))
      return true;
  return false;
}

static bool names_column_at(const struct reading *r, size_t i) {
  if (!tokens_names(&r->t, i, r->column) || tokens_char(&r->t, i + 1, '('))
    return false;
  if (i > 1 && tokens_char(&r->t, i - 1, '.'))
    return qualifies(r, i - 2);
  if (!tokens_operand(&r->t, i))
    return false;
  return i < r->body ? r->of_table && i + 1 < r->body : r->named; /* UPDATE OF column */
}

/* Behind `ON table` of a trigger, behind AS of a view. */
static size_t find_body(const struct reading *r) {
  for (size_t i = 0; i < r->t.count; i++)
    if (tokens_is(&r->t, i, r->trigger ? "ON" : "AS"))
      return i + (r->trigger ? 2 : 1);
  return r->t.count;
}

/* A first look that costs little: most texts do not say the word at all. */
static bool says(const char *text, const char *word) {
  return strpbrk(word, "\"`'") != NULL || strcasestr(text, word) != NULL;
}

static bool reads_column(struct planner *p, const struct schema_object *o, const char *column) {
  struct reading r = {.table = p->object->name, .column = column};
  struct err ignored;
  r.trigger = strcmp(o->type, "trigger") == 0;
  r.of_table = r.trigger && same_name(o->table, p->object->name);
  if (tokens_read(o->sql, strlen(o->sql), &p->scratch, &r.t, &ignored) != 0)
    return true;
  r.tables = find_tables(&r.t, &p->scratch);
  r.body = find_body(&r);
  find_aliases(&r);
  for (size_t i = r.trigger ? 3 : r.body; i < r.t.count; i++)
    if (names_column_at(&r, i))
      return true;
  return false;
}

static bool needs_column(struct planner *p, const struct schema_object *o, const char *column) {
  if (!says(o->sql, column) || !says(o->sql, p->object->name))
    return false;
  bool needs = reads_column(p, o, column);
  arena_release(&p->scratch);
  return needs;
}

static bool reads_view(struct planner *p, const struct schema_object *o, const char *view) {
  struct tokens t;
  struct err ignored;
  if (strcmp(o->type, "trigger") == 0 && same_name(o->table, view))
    return true;
  if (tokens_read(o->sql, strlen(o->sql), &p->scratch, &t, &ignored) != 0)
    return true;
  const bool *tables = find_tables(&t, &p->scratch);
  for (size_t i = 0; i < t.count; i++)
    if (tables[i] && tokens_names(&t, i, view))
      return true;
  return false;
}

static bool needs_view(struct planner *p, const struct schema_object *o, const char *view) {
  bool needs = says(o->sql, view) && reads_view(p, o, view);
  arena_release(&p->scratch);
  return needs;
}

static bool runs(const struct schema_object *o) {
  return o->sql != NULL && (strcmp(o->type, "view") == 0 || strcmp(o->type, "trigger") == 0);
}

static int refuse(struct planner *p, const struct alter_action *a, const char *what,
                  const char *type, const char *name) {
  (void)plan_fail(p, a->whole, "%s is needed by %s %s", what, type, name);
  return err_hint(p->e, "drop that first, or say CASCADE to drop it too");
}

/* Views on views, and what else names a view that goes. */
static void drop_with_view(struct planner *p, const char *view) {
  for (size_t i = 0; i < p->schema->count; i++) {
    const struct schema_object *o = &p->schema->items[i];
    if (p->gone[i] || !runs(o) || same_name(o->name, view) || !needs_view(p, o, view))
      continue;
    p->gone[i] = true;
    if (strcmp(o->type, "view") == 0)
      drop_with_view(p, o->name);
  }
}

static int drop_programs(struct planner *p, const struct alter_action *a, const char *column,
                         bool *changed) {
  const char *what = arena_printf(p->arena, "column %s", column);
  for (size_t i = 0; i < p->schema->count; i++) {
    const struct schema_object *o = &p->schema->items[i];
    if (p->gone[i] || !runs(o) || !needs_column(p, o, column))
      continue;
    if (!a->cascade)
      return refuse(p, a, what, o->type, o->name);
    p->gone[i] = *changed = true;
    if (strcmp(o->type, "view") == 0)
      drop_with_view(p, o->name);
  }
  return 0;
}

/* Behind ON table: what an index is of. */
static bool index_mentions(const struct schema_object *o, const char *column) {
  struct lexer lex = {.dialect = DIALECT_SQLITE, .text = o->sql, .len = strlen(o->sql)};
  struct lex_token token;
  struct err ignored;
  do {
    if (lex_next(&lex, &token, &ignored) != 0)
      return true;
  } while (token.kind != LEX_OPEN && token.kind != LEX_END);
  return sql_mentions(slice_of(o->sql + token.start), column);
}

static void drop_indexes(struct planner *p, const char *column, bool *changed) {
  for (size_t i = 0; i < p->schema->count; i++) {
    const struct schema_object *o = &p->schema->items[i];
    if (p->gone[i] || strcmp(o->type, "index") != 0 || o->sql == NULL ||
        !same_name(o->table, p->object->name) || !index_mentions(o, column))
      continue;
    p->gone[i] = *changed = true;
  }
}

static bool lists(char **names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (same_name(names[i], name))
      return true;
  return false;
}

static bool involves(const struct table_constraint *c, const char *column) {
  if (c->kind == CONSTRAINT_CHECK)
    return sql_mentions(c->expr, column);
  return lists(c->columns, c->column_count, column);
}

/* Whether a foreign key of this table on the altered one needs its column. */
static bool refers_to(struct planner *p, const struct table_constraint *c, const char *column) {
  if (c->kind != CONSTRAINT_FOREIGN_KEY || !same_name(c->parent, p->object->name))
    return false;
  if (c->parent_count > 0)
    return lists(c->parent_columns, c->parent_count, column);
  struct table_column *owner = NULL;
  const struct table_constraint *key = table_primary_key(&p->table, &owner);
  if (key == NULL)
    return false;
  return owner != NULL ? same_name(owner->name, column)
                       : lists(key->columns, key->column_count, column);
}

/* The constraints that go with a column; its own are not asked about. */
static int drop_constraints(struct planner *p, const struct alter_action *a,
                            const struct table_element *element, bool *changed) {
  const char *column = element->column->name;
  for (size_t i = p->table.count; i-- > 0;) {
    struct table_element *other = p->table.elements[i];
    struct table_column *owner = other->column;
    for (size_t k = owner != NULL ? owner->count : 1; k-- > 0 && other != element;) {
      struct table_constraint *c = owner != NULL ? owner->constraints[k] : other->constraint;
      bool refers = refers_to(p, c, column);
      if (refers && !a->cascade && !involves(c, column))
        return refuse(p, a, arena_printf(p->arena, "column %s", column), "a foreign key of",
                      p->object->name);
      if (!refers && !involves(c, column))
        continue;
      *changed = true;
      if (owner != NULL)
        column_remove(owner, c, p->arena);
      else
        table_remove(&p->table, other, p->arena);
    }
  }
  return 0;
}

/* Whether a constraint needs what is to go. */
typedef bool needs_fn(struct planner *p, const struct table_constraint *c, const void *ctx);

static bool any_needs(struct planner *p, const struct table *t, needs_fn *needs, const void *ctx) {
  for (size_t i = 0; i < t->count; i++) {
    const struct table_element *element = t->elements[i];
    for (size_t k = element->column != NULL ? element->column->count : 1; k-- > 0;)
      if (needs(p, element->column ? element->column->constraints[k] : element->constraint, ctx))
        return true;
  }
  return false;
}

static bool other_needs(struct planner *p, const struct schema_object *o, needs_fn *needs,
                        const void *ctx) {
  struct table t;
  struct err ignored;
  if (o == p->object || o->temp || o->sql == NULL || strcmp(o->type, "table") != 0 ||
      !says(o->sql, "references") || !says(o->sql, p->object->name))
    return false;
  bool found = table_cut(o->sql, strlen(o->sql), &p->scratch, &t, &ignored) == 1 &&
               any_needs(p, &t, needs, ctx);
  arena_release(&p->scratch);
  return found;
}

static int foreign_keys_of_others(struct planner *p, const struct alter_action *a, const char *what,
                                  needs_fn *needs, const void *ctx) {
  for (size_t i = 0; i < p->schema->count; i++) {
    if (!other_needs(p, &p->schema->items[i], needs, ctx))
      continue;
    (void)plan_fail(p, a->whole, "%s is needed by a foreign key of table %s", what,
                    p->schema->items[i].name);
    return err_hint(p->e, "drop that foreign key first, with an ALTER TABLE of its table");
  }
  return 0;
}

static bool refers_to_column(struct planner *p, const struct table_constraint *c,
                             const void *column) {
  return refers_to(p, c, column);
}

static int drop_generated(struct planner *p, const struct alter_action *a, const char *column,
                          bool *changed) {
  for (size_t i = p->table.count; i-- > 0;) {
    struct table_element *other = i < p->table.count ? p->table.elements[i] : NULL;
    if (other == NULL || other->column == NULL || same_name(other->column->name, column))
      continue;
    const struct table_constraint *made = column_constraint(other->column, CONSTRAINT_GENERATED);
    if (made == NULL || !sql_mentions(made->expr, column))
      continue;
    if (!a->cascade)
      return refuse(p, a, arena_printf(p->arena, "column %s", column), "the generated column",
                    other->column->name);
    *changed = true;
    if (plan_drop_dependents(p, a, other, changed) != 0)
      return -1;
    table_remove(&p->table, other, p->arena);
  }
  return 0;
}

int plan_drop_dependents(struct planner *p, const struct alter_action *a,
                         struct table_element *element, bool *changed) {
  const char *column = element->column->name;
  const char *what = arena_printf(p->arena, "column %s", column);
  if (foreign_keys_of_others(p, a, what, refers_to_column, column) != 0 ||
      drop_generated(p, a, column, changed) != 0 || drop_constraints(p, a, element, changed) != 0 ||
      drop_programs(p, a, column, changed) != 0)
    return -1;
  drop_indexes(p, column, changed);
  return 0;
}

/* A key as the columns that it is of. */
struct key {
  const struct table_constraint *constraint;
  char **columns;
  size_t count;
};

static struct key key_of(struct planner *p, const struct table_constraint *c,
                         const struct table_column *owner) {
  char **columns = c->columns;
  if (owner != NULL) {
    columns = ARENA_ARRAY(p->arena, char *, 1);
    columns[0] = owner->name;
  }
  return (struct key){c, columns, owner != NULL ? 1 : c->column_count};
}

static bool refers_to_key(struct planner *p, const struct table_constraint *c, const void *ctx) {
  const struct key *key = ctx;
  if (c->kind != CONSTRAINT_FOREIGN_KEY || !same_name(c->parent, p->object->name))
    return false;
  if (c->parent_count == 0)
    return key->constraint->kind == CONSTRAINT_PRIMARY_KEY;
  if (c->parent_count != key->count)
    return false;
  for (size_t i = 0; i < key->count; i++)
    if (!lists(c->parent_columns, c->parent_count, key->columns[i]))
      return false;
  return true;
}

int plan_key_needed(struct planner *p, const struct alter_action *a,
                    const struct table_constraint *constraint, const struct table_column *owner) {
  struct key key = key_of(p, constraint, owner);
  const char *what = arena_printf(p->arena, "constraint %s", plan_name(p, a->name));
  if (foreign_keys_of_others(p, a, what, refers_to_key, &key) != 0)
    return -1;
  if (!any_needs(p, &p->table, refers_to_key, &key))
    return 0;
  (void)plan_fail(p, a->whole, "%s is needed by a foreign key of the table itself", what);
  return err_hint(p->e, "drop that foreign key before it");
}
