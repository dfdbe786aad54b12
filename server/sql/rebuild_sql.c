/* The statements of a rebuild, in the order of the twelve steps. The new table is made, filled, and
 * only then takes the old one's name: with legacy_alter_table no view, trigger or foreign key that
 * names the table is rewritten meanwhile.
 */
#include "server/sql/rebuild_writer.h"

#include <string.h>

#include "server/sql/tokens.h"

const char *writer_quoted(struct writer *w, const char *name) {
  return sql_quote_name(w->p->arena, name);
}

bool column_generated(const struct table_column *c) {
  return column_constraint(c, CONSTRAINT_GENERATED) != NULL;
}

bool constraint_is_key(const struct table_constraint *c) {
  return c->kind == CONSTRAINT_PRIMARY_KEY || c->kind == CONSTRAINT_UNIQUE;
}

const char *writer_source(struct writer *w, const struct table_column *c) {
  const struct column_fill *fill = c->fill;
  if (fill->value.len > 0)
    return arena_strndup(w->p->arena, fill->value.s, fill->value.len);
  return fill->from != NULL ? writer_quoted(w, fill->from) : NULL;
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
  w->out->items[w->out->count++] =
      (struct rebuild_statement){.kind = kind, .place = place, .sql = sql};
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
    return writer_quoted(w, c->name);
  return t->without_rowid ? NULL : free_rowid(t);
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
  while (t->elements[i]->column == NULL || column_generated(t->elements[i]->column))
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
    if (c == NULL || column_generated(c))
      continue;
    const char *source = writer_source(w, c);
    if (c == w->rowid_after)
      source = rowid_source(w, c, source);
    if (source != NULL)
      write_pair(&names, &values, writer_quoted(w, c->name), source);
  }
  if (names.len == 0) /* nothing of the old rows is kept but how many they are */
    write_pair(&names, &values, writer_quoted(w, first_plain(t)->name), "NULL");
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

/* The indexes that SQLite makes itself are numbered: whether the numbers mean the same keys. */
static void add_keys(const struct table *t, struct buf *out) {
  const struct table_column *rowid = table_rowid_column(t);
  buf_adds(out, rowid != NULL ? rowid->name : "");
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *owner = t->elements[i]->column;
    for (size_t k = 0; k < (owner != NULL ? owner->count : 1); k++) {
      const struct table_constraint *c =
          owner != NULL ? owner->constraints[k] : t->elements[i]->constraint;
      if (!constraint_is_key(c))
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
          arena_printf(w->p->arena, "DROP %s %s", view ? "VIEW" : "TRIGGER",
                       writer_quoted(w, o->name)));
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
    if (w->p->gone[i] || o->sql == NULL || strcmp(o->type, type) != 0 ||
        !same_name(o->table, w->p->object->name))
      continue;
    add(w, kind, w->p->first, stored_text(w, o));
    if (kind == REBUILD_INDEX)
      writer_index_probe(w, o, &w->out->items[w->out->count - 1]);
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

static void write_rebuild(struct writer *w) {
  struct planner *p = w->p;
  struct arena *arena = p->arena;
  w->out->temporary = arena_printf(arena, "migd_new_%s", p->object->name);
  w->new = writer_quoted(w, w->out->temporary);
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
  writer_probes(w);
}

static void write_columns(struct writer *w) {
  const struct table *t = &w->p->table;
  w->out->columns = ARENA_ARRAY(w->p->arena, struct rebuild_column, t->count);
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *c = t->elements[i]->column;
    if (c != NULL)
      w->out->columns[w->out->column_count++] =
          (struct rebuild_column){c->name, c->fill->from, column_generated(c)};
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
