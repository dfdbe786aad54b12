/* A view or trigger is compiled by EXPLAIN, which runs nothing of it: a view by reading it, a
 * trigger by the three changes of its table. What did not compile before is nobody's concern.
 * Thread: the walk's worker.
 */
#include "server/engine/rebuild_check.h"

#include <string.h>
#include <strings.h>

#include "proto/base/buf.h"
#include "server/engine/schema.h"
#include "server/engine/script.h"

enum use { USE_READ, USE_INSERT, USE_UPDATE, USE_DELETE, USES };

struct dependent {
  const char *name, *schema; /* a view, or what has triggers */
  int64_t programs;          /* so many views and triggers are of this name */
  bool usable[USES];
};

static int on_column(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct buf *out = ctx;
  (void)e;
  if (count && v[0].s) {
    buf_adds(out, out->len ? ", " : "");
    schema_add_name(out, NULL, v[0].s);
    buf_adds(out, " = NULL");
  }
  return 0;
}

static int add_columns(struct walk *w, const struct dependent *d, struct buf *sql, struct err *e) {
  struct buf columns BUF_SCOPED = BUF_INIT;
  struct db_value params[] = {db_text(d->name), db_text(d->schema)};
  if (db_exec(w->db, "SELECT name FROM pragma_table_xinfo($1, $2) WHERE hidden = 0", params, 2,
              on_column, &columns, NULL, w->job, e))
    return -1;
  buf_adds(sql, " SET ");
  buf_adds(sql, buf_str(&columns));
  return 0;
}

static int on_nothing(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)ctx, (void)v, (void)count, (void)e;
  return 0;
}

static int compile(struct walk *w, const struct dependent *d, enum use use, struct err *e) {
  static const char *const starts[] = {
      [USE_READ] = "EXPLAIN SELECT * FROM ",
      [USE_INSERT] = "EXPLAIN INSERT INTO ",
      [USE_UPDATE] = "EXPLAIN UPDATE ",
      [USE_DELETE] = "EXPLAIN DELETE FROM ",
  };
  struct buf sql BUF_SCOPED = BUF_INIT;
  buf_adds(&sql, starts[use]);
  schema_add_name(&sql, d->schema, d->name);
  if (use == USE_INSERT)
    buf_adds(&sql, " DEFAULT VALUES");
  if (use == USE_UPDATE && add_columns(w, d, &sql, e))
    return -1;
  return db_exec(w->db, buf_str(&sql), NULL, 0, on_nothing, NULL, NULL, w->job, e);
}

/* An error of the statement is an answer; another ends the rebuild. */
static int look(struct walk *w, struct dependent *d, enum use from, enum use to, struct err *e) {
  for (enum use use = from; use <= to; use++) {
    d->usable[use] = !compile(w, d, use, e);
    if (!d->usable[use] && e->kind != ERR_MIGRATION)
      return -1;
  }
  return 0;
}

static const char *schema_of(const struct schema *all, const char *table, bool temp) {
  for (size_t i = 0; temp && i < all->count; i++)
    if (all->items[i].temp && !strcasecmp(all->items[i].name, table))
      return "temp";
  return "main";
}

static bool is_program(const struct schema_object *o) {
  return !strcmp(o->type, "view") || !strcmp(o->type, "trigger");
}

static int64_t count_programs(const struct schema *all, const char *name) {
  int64_t n = 0;
  for (size_t i = 0; i < all->count; i++)
    n += is_program(&all->items[i]) && !strcasecmp(all->items[i].table, name);
  return n;
}

int dependents_read(struct walk *w, const struct schema *schema, struct arena *arena,
                    struct dependents *out, struct err *e) {
  struct dependents found = {ARENA_ARRAY(arena, struct dependent, schema->count + 1), 0};
  for (size_t i = 0; i < schema->count; i++) {
    const struct schema_object *o = &schema->items[i];
    bool view = !strcmp(o->type, "view");
    if (!is_program(o))
      continue;
    const char *name = view ? o->name : o->table;
    const char *where = view ? (o->temp ? "temp" : "main") : schema_of(schema, name, o->temp);
    /* The triggers of a table mostly stand together; to ask twice is no harm. */
    struct dependent *d = found.count ? &found.items[found.count - 1] : NULL;
    if (!d || strcasecmp(d->name, name) != 0 || strcmp(d->schema, where) != 0) {
      d = &found.items[found.count++];
      *d = (struct dependent){
          .name = name, .schema = where, .programs = count_programs(schema, name)};
    }
    if (look(w, d, view ? USE_READ : USE_INSERT, view ? USE_READ : USE_DELETE, e))
      return -1;
  }
  *out = found;
  return 0;
}

static int on_count(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(int64_t *)ctx = v[0].i;
  return 0;
}

/* What went with CASCADE is missed by nobody: a view, or one of the triggers. */
static int is_whole(struct walk *w, const struct dependent *d, bool *out, struct err *e) {
  static const char sql[] = "SELECT count(*) FROM (SELECT type, tbl_name FROM main.sqlite_schema "
                            "UNION ALL SELECT type, tbl_name FROM temp.sqlite_schema) WHERE type "
                            "IN ('view', 'trigger') AND tbl_name = $1 COLLATE NOCASE";
  struct db_value name = db_text(d->name);
  int64_t count = 0;
  if (db_exec(w->db, sql, &name, 1, on_count, &count, NULL, w->job, e))
    return -1;
  *out = count >= d->programs;
  return 0;
}

static int check_one(struct walk *w, const struct dependent *d, struct err *e) {
  bool whole = false;
  for (enum use use = USE_READ; use < USES; use++) {
    if (!d->usable[use] || !compile(w, d, use, e))
      continue;
    struct err why = *e;
    if (why.kind != ERR_MIGRATION || is_whole(w, d, &whole, e))
      return -1;
    if (!whole)
      return 0;
    *e = why;
    err_in(e,
           use == USE_READ ? "the view %s uses what is no longer there"
                           : "a trigger of %s uses what is no longer there",
           d->name);
    return err_hint(e, "drop it before and make it again afterwards, in the same revision");
  }
  return 0;
}

int dependents_check(struct walk *w, const struct dependents *d, const struct rebuild *plan,
                     struct err *e) {
  for (size_t i = 0; i < d->count; i++) {
    struct dependent now = d->items[i];
    if (!strcasecmp(now.name, plan->table))
      now.name = plan->name;
    if (check_one(w, &now, e))
      return -1;
  }
  return 0;
}

/* The copy has seen to NOT NULL, and SQLite 3.40 finds this in tables WITHOUT ROWID that have no
 * NULL. */
#define NOT_FOUND "NULL value in "

static int on_finding(void *ctx, const struct db_value *v, int count, struct err *e) {
  const struct rebuild *plan = ctx;
  if (count && v[0].s && strcmp(v[0].s, "ok") != 0 &&
      strncmp(v[0].s, NOT_FOUND, sizeof NOT_FOUND - 1) != 0)
    return err_set(e, ERR_MIGRATION, "the rebuilt table %s is not sound: %s", plan->name, v[0].s);
  return 0;
}

int integrity_check(struct walk *w, const struct rebuild *plan, struct err *e) {
  struct buf sql BUF_SCOPED = BUF_INIT;
  if (w->offline) {
    buf_adds(&sql, "NOT EXISTS (SELECT 1 FROM pragma_integrity_check('");
    for (const char *p = plan->name; *p; p++)
      buf_addf(&sql, *p == '\'' ? "''" : "%c", *p);
    buf_addf(&sql,
             "', '%s') WHERE integrity_check <> 'ok' AND integrity_check NOT LIKE '" NOT_FOUND
             "%%')",
             plan->schema);
    script_check(w->db, CHECK_INTEGRITY, buf_str(&sql));
    return 0;
  }
  buf_addf(&sql, "PRAGMA %s.integrity_check(", plan->schema);
  schema_add_name(&sql, NULL, plan->name);
  buf_addc(&sql, ')');
  return db_exec(w->db, buf_str(&sql), NULL, 0, on_finding, (void *)(uintptr_t)plan, NULL, w->job,
                 e);
}
