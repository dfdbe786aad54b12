/* The statements of a rebuild, in the order of the twelve steps, and the questions that find the
 * row in its way. The new table is made, filled, and only then takes the old one's name: with
 * legacy_alter_table no view, trigger or foreign key that names the table is rewritten meanwhile.
 */
#include <string.h>

#include "server/sql/rebuild_state.h"
#include "server/sql/tokens.h"

struct writer {
  struct planner *p;
  struct rebuild *out;
  size_t cap, probe_cap;
  const char *old, *new; /* names, quoted */
  const char *rowid;     /* how the old table's rowid is called; NULL: there is none */
  struct table_column *rowid_after;
};

static const char *quoted(struct writer *w, const char *name) {
  return sql_quote_name(w->p->arena, name);
}

static void add(struct writer *w, enum rebuild_kind kind, struct rebuild_place place,
                const char *sql) {
  if (w->out->count == w->cap) {
    w->cap = w->cap * 2 + 16;
    struct rebuild_statement *more = ARENA_ARRAY(w->p->arena, struct rebuild_statement, w->cap);
    if (w->out->count > 0)
      memcpy(more, w->out->items, w->out->count * sizeof *more);
    w->out->items = more;
  }
  w->out->items[w->out->count++] = (struct rebuild_statement){kind, place, sql};
}

/* The words that SQLite takes for the rowid, where no column is called so. */
static const char *free_rowid(const struct table *t) {
  static const char *const words[] = {"rowid", "_rowid_", "oid"};
  for (size_t i = 0; i < 3; i++)
    if (table_column_of(t, words[i]) == NULL)
      return words[i];
  return NULL;
}

static const char *old_rowid(struct writer *w) {
  const struct table *t = &w->p->before;
  const struct table_column *c = table_rowid_column(t);
  if (c != NULL)
    return quoted(w, c->name);
  return t->without_rowid ? NULL : free_rowid(t);
}

static bool is_generated(const struct table_column *c) {
  return column_constraint(c, CONSTRAINT_GENERATED) != NULL;
}

/* A column's value as an expression over the old row; NULL: its default. */
static const char *source_of(struct writer *w, const struct table_column *c) {
  const struct column_fill *fill = c->fill;
  if (fill->value.len > 0)
    return arena_strndup(w->p->arena, fill->value.s, fill->value.len);
  return fill->from != NULL ? quoted(w, fill->from) : NULL;
}

/* A rowid that is NULL would be given a new number: a text is refused. A new column takes the
 * numbers that the rows have. */
static const char *rowid_source(struct writer *w, const struct table_column *c,
                                const char *source) {
  const struct table_column *before = table_rowid_column(&w->p->before);
  bool same = before != NULL && c->fill->from != NULL && same_name(before->name, c->fill->from) &&
              c->fill->value.len == 0;
  if (same)
    return source;
  if (source == NULL)
    return w->rowid;
  return arena_printf(w->p->arena, "ifnull(%s, 'NULL')", source);
}

static void write_pair(struct buf *names, struct buf *values, const char *name, const char *value) {
  buf_addf(names, "%s%s", names->len > 0 ? ", " : "", name);
  buf_addf(values, "%s%s", values->len > 0 ? ", " : "", value);
}

/* There is one: check_whole() in rebuild.c. */
static const struct table_column *first_plain(const struct table *t) {
  size_t i = 0;
  while (t->elements[i]->column == NULL || is_generated(t->elements[i]->column))
    i++;
  return t->elements[i]->column;
}

/* OR ABORT: no ON CONFLICT of a constraint may leave out a row. */
static const char *copy_sql(struct writer *w) {
  struct buf names BUF_SCOPED = BUF_INIT, values BUF_SCOPED = BUF_INIT;
  const struct table *t = &w->p->table;
  const char *rowid = free_rowid(t);
  if (!t->without_rowid && w->rowid_after == NULL && rowid != NULL && w->rowid != NULL)
    write_pair(&names, &values, rowid, w->rowid);
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *c = t->elements[i]->column;
    if (c == NULL || is_generated(c))
      continue;
    const char *source = source_of(w, c);
    if (c == w->rowid_after)
      source = rowid_source(w, c, source);
    if (source != NULL)
      write_pair(&names, &values, quoted(w, c->name), source);
  }
  if (names.len == 0) /* nothing of the old rows is kept but how many they are */
    write_pair(&names, &values, quoted(w, first_plain(t)->name), "NULL");
  return arena_printf(w->p->arena, "INSERT OR ABORT INTO %s (%s) SELECT %s FROM %s", w->new,
                      buf_str(&names), buf_str(&values), w->old);
}

/* A CHECK may say table.column: the table has another name while it is made, and the column is the
 * same without. */
static char *without_qualifiers(struct writer *w, const char *sql, size_t len, size_t from) {
  struct tokens t;
  struct err ignored;
  struct buf b BUF_SCOPED = BUF_INIT;
  size_t at = 0;
  if (tokens_read(sql, len, w->p->arena, &t, &ignored) != 0)
    return arena_strndup(w->p->arena, sql, len);
  for (size_t i = 0; i + 2 < t.count; i++) {
    if (t.items[i].start < from || !tokens_qualifies(&t, i, w->p->object->name) ||
        !tokens_name(&t, i + 2))
      continue;
    bool whole = i > 1 && tokens_char(&t, i - 1, '.') && tokens_name(&t, i - 2);
    size_t first = whole ? i - 2 : i; /* main.table.column */
    buf_add(&b, sql + at, t.items[first].start - at);
    at = t.items[i + 2].start;
    if (b.len > 0 && lex_merge(buf_str(&b)[b.len - 1], sql[at]))
      buf_addc(&b, ' ');
  }
  buf_add(&b, sql + at, len - at);
  return arena_strdup(w->p->arena, buf_str(&b));
}

static const char *create_sql(struct writer *w) {
  struct buf text BUF_SCOPED = BUF_INIT;
  const struct table *t = &w->p->table;
  table_print(t, w->new, &text);
  return without_qualifiers(w, buf_str(&text), text.len, t->head.len + strlen(w->new));
}

/* The highest number that AUTOINCREMENT gave is kept as it is, also when no row has it. */
static void write_sequence(struct writer *w) {
  struct arena *arena = w->p->arena;
  if (!table_autoincrement(&w->p->before) || !table_autoincrement(&w->p->table))
    return;
  const char *new = sql_quote_string(arena, w->out->temporary);
  add(w, REBUILD_SEQUENCE, w->p->first,
      arena_printf(arena, "DELETE FROM sqlite_sequence WHERE name = %s", new));
  add(w, REBUILD_SEQUENCE, w->p->first,
      arena_printf(arena,
                   "INSERT INTO sqlite_sequence (name, seq) SELECT %s, seq FROM sqlite_sequence "
                   "WHERE name = %s",
                   new, sql_quote_string(arena, w->p->object->name)));
}

static bool is_key(const struct table_constraint *c) {
  return c->kind == CONSTRAINT_PRIMARY_KEY || c->kind == CONSTRAINT_UNIQUE;
}

/* The indexes that SQLite makes itself are numbered: whether the numbers mean the same keys. */
static void add_keys(const struct table *t, struct buf *out) {
  const struct table_column *rowid = table_rowid_column(t);
  buf_adds(out, rowid != NULL ? rowid->name : "");
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *owner = t->elements[i]->column;
    for (size_t k = 0; k < (owner != NULL ? owner->count : 1); k++) {
      const struct table_constraint *c =
          owner != NULL ? owner->constraints[k] : t->elements[i]->constraint;
      if (!is_key(c))
        continue;
      buf_adds(out, "\n");
      for (size_t n = 0; n < (owner != NULL ? 1 : c->column_count); n++)
        buf_addf(out, "%s,", owner != NULL ? owner->name : c->columns[n]);
    }
  }
}

static bool same_keys(const struct table *a, const struct table *b) {
  struct buf x BUF_SCOPED = BUF_INIT, y BUF_SCOPED = BUF_INIT;
  add_keys(a, &x);
  add_keys(b, &y);
  return same_name(buf_str(&x), buf_str(&y));
}

static const char *const statistics[] = {"sqlite_stat1", "sqlite_stat4"};
enum { STATISTICS = sizeof statistics / sizeof statistics[0] };

static bool has_table(const struct schema *schema, const char *name) {
  for (size_t i = 0; i < schema->count; i++)
    if (!schema->items[i].temp && strcmp(schema->items[i].name, name) == 0)
      return true;
  return false;
}

static void move_statistics(struct writer *w, const char *from, const char *to) {
  struct arena *arena = w->p->arena;
  for (size_t i = 0; i < STATISTICS; i++)
    if (has_table(w->p->schema, statistics[i]))
      add(w, REBUILD_STATISTICS, w->p->first,
          arena_printf(arena, "UPDATE main.%s SET tbl = %s WHERE tbl = %s", statistics[i],
                       sql_quote_string(arena, to), sql_quote_string(arena, from)));
}

/* DROP TABLE takes along what ANALYZE knows, and the rows are what they were: only indexes that are
 * gone, or may be others under their numbers, are forgotten. */
static void write_statistics(struct writer *w) {
  struct arena *arena = w->p->arena;
  const char *name = sql_quote_string(arena, w->p->object->name);
  const char *numbered =
      same_keys(&w->p->before, &w->p->table) ? "" : " AND name NOT LIKE 'sqlite_autoindex_%'";
  move_statistics(w, w->out->temporary, w->p->object->name);
  for (size_t i = 0; i < STATISTICS; i++)
    if (has_table(w->p->schema, statistics[i]))
      add(w, REBUILD_STATISTICS, w->p->first,
          arena_printf(
              arena,
              "DELETE FROM main.%s WHERE tbl = %s AND idx <> tbl AND idx NOT IN (SELECT name "
              "FROM main.sqlite_schema WHERE type = 'index' AND tbl_name = %s%s)",
              statistics[i], name, name, numbered));
}

static void write_cascade(struct writer *w) {
  const struct schema *schema = w->p->schema;
  for (size_t i = 0; i < schema->count; i++) {
    const struct schema_object *o = &schema->items[i];
    bool view = strcmp(o->type, "view") == 0, trigger = strcmp(o->type, "trigger") == 0;
    bool with_its_table = trigger && same_name(o->table, w->p->object->name);
    for (size_t k = 0; trigger && k < schema->count && w->p->gone[i]; k++) /* with its view */
      with_its_table |= w->p->gone[k] && strcmp(schema->items[k].type, "view") == 0 &&
                        same_name(schema->items[k].name, o->table);
    if (w->p->gone[i] && (view || trigger) && !with_its_table)
      add(w, REBUILD_DROP, w->p->first,
          arena_printf(w->p->arena, "DROP %s %s", view ? "VIEW" : "TRIGGER", quoted(w, o->name)));
  }
}

/* The word TEMP is not stored. */
static const char *stored_text(struct writer *w, const struct schema_object *o) {
  static const char head[] = "CREATE TRIGGER ";
  if (!o->temp || strncasecmp(o->sql, head, sizeof head - 1) != 0)
    return o->sql;
  return arena_printf(w->p->arena, "CREATE TEMP TRIGGER %s", o->sql + sizeof head - 1);
}

static void write_again(struct writer *w, const char *type, enum rebuild_kind kind) {
  for (size_t i = 0; i < w->p->schema->count; i++) {
    const struct schema_object *o = &w->p->schema->items[i];
    if (!w->p->gone[i] && o->sql != NULL && strcmp(o->type, type) == 0 &&
        same_name(o->table, w->p->object->name))
      add(w, kind, w->p->first, stored_text(w, o));
  }
}

static void write_key(struct writer *w) {
  struct table_column *owner = NULL;
  const struct table *t = &w->p->before;
  const struct table_constraint *key = table_primary_key(t, &owner);
  size_t n = key == NULL || owner != NULL ? 1 : key->column_count;
  const char **names = ARENA_ARRAY(w->p->arena, const char *, n);
  names[0] = key == NULL ? free_rowid(t) : owner != NULL ? owner->name : NULL;
  for (size_t i = 0; names[0] == NULL && key != NULL && i < n; i++)
    names[i] = key->columns[i];
  for (size_t i = 1; key != NULL && owner == NULL && i < n; i++)
    names[i] = key->columns[i];
  w->out->key = names;
  w->out->key_count = names[0] != NULL ? n : 0;
}

static void add_probe(struct writer *w, struct rebuild_place place, const char *what,
                      const char *sql) {
  if (w->out->probe_count == w->probe_cap) {
    w->probe_cap = w->probe_cap * 2 + 8;
    struct rebuild_probe *more = ARENA_ARRAY(w->p->arena, struct rebuild_probe, w->probe_cap);
    if (w->out->probe_count > 0)
      memcpy(more, w->out->probes, w->out->probe_count * sizeof *more);
    w->out->probes = more;
  }
  w->out->probes[w->out->probe_count++] = (struct rebuild_probe){place, what, sql};
}

/* The rows as they are to be copied, with what they are called by as migd_key1, …: the same names
 * may stand for other columns afterwards. */
static const char *rows_sql(struct writer *w, struct buf *keys) {
  struct buf b BUF_SCOPED = BUF_INIT;
  const struct table *t = &w->p->table;
  for (size_t i = 0; i < w->out->key_count; i++) {
    const char *key = w->out->key[i];
    bool is_column = table_column_of(&w->p->before, key) != NULL;
    buf_addf(&b, "%s%s AS migd_key%zu", i > 0 ? ", " : "", is_column ? quoted(w, key) : key, i + 1);
    buf_addf(keys, "%smigd_key%zu", i > 0 ? ", " : "", i + 1);
  }
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *c = t->elements[i]->column;
    if (c == NULL)
      continue;
    const char *source = source_of(w, c);
    struct slice value = plan_default(w->p, c);
    if (source == NULL && c == w->rowid_after)
      source = w->rowid;
    if (source == NULL)
      source = arena_strndup(w->p->arena, value.s, value.len);
    buf_addf(&b, "%s%s AS %s", b.len > 0 ? ", " : "", source, quoted(w, c->name));
  }
  return arena_printf(w->p->arena, "(SELECT %s FROM %s) AS %s", buf_str(&b), w->old, w->old);
}

struct prober {
  struct writer *w;
  const char *keys, *rows; /* SQL */
};

static void probe(struct prober *pr, struct rebuild_place place, const char *what,
                  const char *condition) {
  add_probe(pr->w, place, what,
            arena_printf(pr->w->p->arena, "SELECT %s FROM %s WHERE %s LIMIT 1", pr->keys, pr->rows,
                         condition));
}

static void probe_check(struct prober *pr, struct rebuild_place place,
                        const struct table_constraint *c) {
  struct arena *arena = pr->w->p->arena;
  probe(pr, place,
        arena_printf(arena, "it violates %s%s`%.*s`", c->name != NULL ? c->name : "",
                     c->name != NULL ? ": " : "", (int)c->body.len, c->body.s),
        arena_printf(arena, "NOT (%.*s)", (int)c->expr.len, c->expr.s));
}

static void probe_key(struct prober *pr, struct rebuild_place place,
                      const struct table_constraint *c, const struct table_column *owner) {
  struct buf present BUF_SCOPED = BUF_INIT, columns BUF_SCOPED = BUF_INIT;
  struct writer *w = pr->w;
  for (size_t i = 0; i < (owner != NULL ? 1 : c->column_count); i++) {
    const char *column = quoted(w, owner != NULL ? owner->name : c->columns[i]);
    buf_addf(&present, "%s%s IS NOT NULL", i > 0 ? " AND " : "", column);
    buf_addf(&columns, "%s%s", i > 0 ? ", " : "", column);
  }
  add_probe(w, place, arena_printf(w->p->arena, "another row has the same %s", buf_str(&columns)),
            arena_printf(w->p->arena,
                         "SELECT %s FROM %s WHERE %s GROUP BY %s HAVING count(*) > 1 LIMIT 1",
                         pr->keys, pr->rows, buf_str(&present), buf_str(&columns)));
}

/* What a column of a STRICT table, or the rowid, does not take. */
static void probe_type(struct prober *pr, struct rebuild_place place,
                       const struct table_column *c) {
  struct writer *w = pr->w;
  const char *name = quoted(w, c->name), *condition = NULL;
  bool integer = column_type_is(c, "INTEGER") || column_type_is(c, "INT");
  if (c != w->rowid_after && !w->p->table.strict)
    return;
  if (integer || column_type_is(c, "REAL"))
    condition =
        arena_printf(w->p->arena, "CAST(%s AS %s) <> %s", name, integer ? "INTEGER" : "REAL", name);
  else if (column_type_is(c, "TEXT") || column_type_is(c, "BLOB"))
    condition =
        arena_printf(w->p->arena, "typeof(%s) %s 'blob'", name,
                     column_type_is(c, "TEXT") ? "=" : "NOT IN ('null', 'blob') AND 'blob' =");
  if (condition != NULL)
    probe(pr, place,
          arena_printf(w->p->arena, "column %s holds what is no %.*s", c->name, (int)c->type.len,
                       c->type.s),
          condition);
}

static bool key_has(const struct table_constraint *c, const struct table_column *column) {
  for (size_t i = 0; i < c->column_count; i++)
    if (same_name(c->columns[i], column->name))
      return true;
  return false;
}

/* Every constraint that new values of a column can break. */
static void probe_column(struct prober *pr, const struct probe_wish *wish) {
  const struct table *t = &pr->w->p->table;
  const struct table_column *column = wish->column;
  const char *name = quoted(pr->w, column->name);
  if (is_generated(column))
    return;
  if (column_constraint(column, CONSTRAINT_NOT_NULL) != NULL || column == pr->w->rowid_after)
    probe(pr, wish->place, arena_printf(pr->w->p->arena, "column %s is NULL", column->name),
          arena_printf(pr->w->p->arena, "%s IS NULL", name));
  probe_type(pr, wish->place, column);
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *owner = t->elements[i]->column;
    for (size_t k = 0; k < (owner != NULL ? owner->count : 1); k++) {
      const struct table_constraint *c =
          owner != NULL ? owner->constraints[k] : t->elements[i]->constraint;
      if (c->kind == CONSTRAINT_CHECK && sql_mentions(c->expr, column->name))
        probe_check(pr, wish->place, c);
      if (is_key(c) && (owner != NULL ? owner == column : key_has(c, column)))
        probe_key(pr, wish->place, c, owner);
    }
  }
}

static bool is_there(const struct table *t, const struct probe_wish *wish) {
  for (size_t i = 0; i < t->count; i++)
    if (wish->kind == PROBE_COLUMN ? t->elements[i]->column == wish->column
                                   : t->elements[i]->constraint == wish->constraint)
      return true;
  return false;
}

static void write_probes(struct writer *w) {
  struct buf keys BUF_SCOPED = BUF_INIT;
  struct prober pr = {.w = w};
  if (w->out->key_count == 0)
    return;
  pr.rows = rows_sql(w, &keys);
  pr.keys = buf_str(&keys);
  for (size_t i = 0; i < w->p->wish_count; i++) {
    const struct probe_wish *wish = &w->p->wishes[i];
    if (!is_there(&w->p->table, wish))
      continue;
    if (wish->kind == PROBE_COLUMN)
      probe_column(&pr, wish);
    else if (wish->constraint->kind == CONSTRAINT_CHECK)
      probe_check(&pr, wish->place, wish->constraint);
    else if (is_key(wish->constraint)) {
      if (w->rowid_after != NULL && key_has(wish->constraint, w->rowid_after))
        probe_column(&pr, &(struct probe_wish){PROBE_COLUMN, wish->place, w->rowid_after, NULL});
      probe_key(&pr, wish->place, wish->constraint, NULL);
    }
  }
}

static void write_rebuild(struct writer *w) {
  struct planner *p = w->p;
  struct arena *arena = p->arena;
  w->out->temporary = arena_printf(arena, "migd_new_%s", p->object->name);
  w->new = quoted(w, w->out->temporary);
  w->rowid = old_rowid(w);
  w->rowid_after = table_rowid_column(&p->table);
  add(w, REBUILD_LEGACY, p->first, "PRAGMA legacy_alter_table = ON");
  write_cascade(w);
  add(w, REBUILD_CREATE, p->first, create_sql(w));
  add(w, REBUILD_COPY, p->first, copy_sql(w));
  write_sequence(w);
  move_statistics(w, p->object->name, w->out->temporary);
  add(w, REBUILD_DROP, p->first, arena_printf(arena, "DROP TABLE %s", w->old));
  add(w, REBUILD_RENAME, p->first,
      arena_printf(arena, "ALTER TABLE %s RENAME TO %s", w->new, w->old));
  add(w, REBUILD_MODERN, p->first, "PRAGMA legacy_alter_table = OFF");
  write_again(w, "index", REBUILD_INDEX);
  write_again(w, "trigger", REBUILD_TRIGGER);
  write_statistics(w);
  write_probes(w);
}

static void write_columns(struct writer *w) {
  const struct table *t = &w->p->table;
  w->out->columns = ARENA_ARRAY(w->p->arena, struct rebuild_column, t->count);
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *c = t->elements[i]->column;
    if (c != NULL)
      w->out->columns[w->out->column_count++] =
          (struct rebuild_column){c->name, c->fill->from, is_generated(c)};
  }
}

void plan_write(struct planner *p, struct rebuild *out) {
  struct writer w = {.p = p, .out = out, .old = sql_quote_name(p->arena, p->object->name)};
  out->table = p->object->name;
  out->name = p->table.name != p->before.name && !same_name(p->table.name, p->before.name)
                  ? p->table.name
                  : p->object->name;
  write_columns(&w);
  write_key(&w);
  if (p->rebuild) {
    write_rebuild(&w);
    return;
  }
  out->items = p->natives;
  out->count = p->native_count;
}
