/* The questions that find the row in the way: of the copy, asked of the rows as they are to be
 * copied; of a unique index, of the rows as they are then.
 */
#include <string.h>

#include "server/sql/rebuild_writer.h"
#include "server/sql/tokens.h"

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
    buf_addf(&b, "%s%s AS migd_key%zu", i > 0 ? ", " : "", is_column ? writer_quoted(w, key) : key,
             i + 1);
    buf_addf(keys, "%smigd_key%zu", i > 0 ? ", " : "", i + 1);
  }
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *c = t->elements[i]->column;
    if (c == NULL)
      continue;
    const char *source = writer_source(w, c);
    struct slice value = plan_default(w->p, c);
    if (source == NULL && c == w->rowid_after)
      source = w->rowid;
    if (source == NULL)
      source = arena_strndup(w->p->arena, value.s, value.len);
    buf_addf(&b, "%s%s AS %s", b.len > 0 ? ", " : "", source, writer_quoted(w, c->name));
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
    const char *column = writer_quoted(w, owner != NULL ? owner->name : c->columns[i]);
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
  const char *name = writer_quoted(w, c->name), *condition = NULL;
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
  const char *name = writer_quoted(pr->w, column->name);
  if (column_generated(column))
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
      if (constraint_is_key(c) && (owner != NULL ? owner == column : key_has(c, column)))
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

void writer_probes(struct writer *w) {
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
    else if (constraint_is_key(wish->constraint)) {
      if (w->rowid_after != NULL && key_has(wish->constraint, w->rowid_after))
        probe_column(&pr, &(struct probe_wish){PROBE_COLUMN, wish->place, w->rowid_after, NULL});
      probe_key(&pr, wish->place, wish->constraint, NULL);
    }
  }
}

/* --- unique indexes */

/* The index of the `(` of CREATE UNIQUE INDEX … ON t (…); count when it is none. */
static size_t unique_list(const struct tokens *t) {
  size_t i = 0;
  if (!tokens_is(t, 1, "UNIQUE"))
    return t->count;
  while (i < t->count && t->items[i].kind != LEX_OPEN)
    i++;
  return i;
}

/* Tokens `from` to `to` (not included) are one element of the list. */
static void add_indexed(const struct tokens *t, size_t from, size_t to, struct buf *present,
                        struct buf *group) {
  static const char *const orders[] = {"ASC", "DESC", NULL};
  while (to > from && tokens_is_any(t, to - 1, orders))
    to--;
  if (to == from)
    return;
  size_t start = t->items[from].start;
  int len = (int)(tokens_end(t, to - 1) - start);
  buf_addf(present, " AND (%.*s) IS NOT NULL", len, t->lex.text + start);
  buf_addf(group, "%s(%.*s)", group->len > 0 ? ", " : "", len, t->lex.text + start);
}

static void read_list(const struct tokens *t, size_t open, size_t close, struct buf *present,
                      struct buf *group) {
  size_t from = open + 1;
  for (size_t i = from; i <= close; i++) {
    if (t->items[i].kind == LEX_OPEN)
      i = tokens_close(t, i);
    if (i < close && !tokens_char(t, i, ','))
      continue;
    add_indexed(t, from, i, present, group);
    from = i + 1;
  }
}

/* The key's columns; false when one of them is gone. */
static bool write_key_now(struct writer *w, struct buf *out) {
  for (size_t i = 0; i < w->out->key_count; i++) {
    const char *key = w->out->key[i];
    bool was_column = table_column_of(&w->p->before, key) != NULL;
    if (was_column != (table_column_of(&w->p->table, key) != NULL))
      return false;
    buf_addf(out, "%s%s", i > 0 ? ", " : "", was_column ? writer_quoted(w, key) : key);
  }
  return out->len > 0;
}

static struct rebuild_place place_of(struct writer *w, const char *sql) {
  for (size_t i = 0; i < w->p->wish_count; i++) {
    const struct probe_wish *wish = &w->p->wishes[i];
    if (wish->kind == PROBE_COLUMN && sql_mentions(slice_of(sql), wish->column->name))
      return wish->place;
  }
  return w->p->first;
}

void writer_index_probe(struct writer *w, const struct schema_object *index,
                        struct rebuild_statement *out) {
  struct buf key BUF_SCOPED = BUF_INIT, present BUF_SCOPED = BUF_INIT, group BUF_SCOPED = BUF_INIT;
  struct tokens t;
  struct err ignored;
  if (tokens_read(index->sql, strlen(index->sql), w->p->arena, &t, &ignored) != 0)
    return;
  size_t open = unique_list(&t), close = tokens_close(&t, open);
  if (close == t.count || !write_key_now(w, &key))
    return;
  read_list(&t, open, close, &present, &group);
  if (tokens_is(&t, close + 1, "WHERE"))
    buf_addf(&present, " AND (%s)", index->sql + tokens_end(&t, close + 1));
  out->place = place_of(w, index->sql);
  out->probe = arena_printf(
      w->p->arena, "SELECT %s FROM %s WHERE true%s GROUP BY %s HAVING count(*) > 1 LIMIT 1",
      buf_str(&key), w->old, buf_str(&present), buf_str(&group));
}
