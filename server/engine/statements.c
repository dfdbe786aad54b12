/* One statement at a time, in the target's own words. Thread: the walk's worker. */
#include "server/engine/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/engine/rebuild.h"
#include "server/engine/schema.h"
#include "server/engine/script.h"
#include "server/sql/alter.h"
#include "server/sql/split.h"

void statement_locate(const struct revision *r, const struct section_statement *s, struct err *e) {
  size_t at = s->start + (e->offset > 0 && (size_t)e->offset <= s->len ? (size_t)e->offset : 0);
  sql_position(r->content, r->content_len, at, &e->line, &e->column);
  const char *line = r->content + at - (e->column - 1);
  size_t len = strcspn(line, "\n");
  err_copy(e->source, sizeof e->source, line, len);
  err_copy(e->file, sizeof e->file, r->file, strlen(r->file));
  err_copy(e->revision, sizeof e->revision, r->id, strlen(r->id));
  err_in(e, "%s:%u:%u: ERROR%s%s", r->file, e->line, e->column, e->sqlstate[0] ? " " : "",
         e->sqlstate);
}

int statement_text(const struct walk *w, const struct revision *r,
                   const struct section_statement *s, const char *batch, struct arena *arena,
                   struct sql_text *out, struct err *e) {
  const char *sql = r->content + s->start;
  struct variables values = w->variables;
  if (batch)
    values.batch = batch;
  if (!variable_replace(w->request.dialect, sql, s->len, &values, arena, out, e))
    return 0;
  statement_locate(r, s, e);
  return -1;
}

bool section_is_run(const struct walk *w, const struct section *s, enum direction direction) {
  return s->direction == direction && (s->dialects & w->request.dialect);
}

/* Sends it; the place of a failure is one in the file's text. */
static int send(struct walk *w, const struct sql_text *text, int64_t *changed, struct err *e) {
  struct db_statement statement = {
      .sql = text->s, .len = text->len, .flags = text->secret ? DB_SECRET : 0};
  if (!w->db->driver->exec(w->db, &statement, NULL, NULL, changed, w->job, e))
    return 0;
  if (e->offset > 0)
    e->offset = (long)sql_text_source(text, (size_t)e->offset);
  return -1;
}

static int run(struct walk *w, const struct revision *r, const struct section_statement *s,
               const char *batch, bool inside, int64_t *changed, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct sql_text text;
  arena_init(&arena, 0);
  if (statement_text(w, r, s, batch, &arena, &text, e))
    return -1;
  w->pragmas = w->pragmas || (text.len > 6 && !strncasecmp(text.s, "PRAGMA", 6));
  int rc = send(w, &text, changed, e);
  sql_text_wipe(&text);
  if (rc) {
    statement_locate(r, s, e);
    return -1;
  }
  if (w->db->driver->in_transaction(w->db) == inside)
    return 0;
  err_set(e, ERR_MIGRATION,
          inside ? "the statement ended the transaction that it ran in (ON CONFLICT ROLLBACK, "
                   "RAISE(ROLLBACK)?); nothing that it held was kept"
                 : "the statement left a transaction open; it was rolled back");
  statement_locate(r, s, e);
  return -1;
}

int statement_run(struct walk *w, const struct revision *r, const struct section_statement *s,
                  bool inside, struct err *e) {
  return run(w, r, s, NULL, inside, NULL, e);
}

int statement_run_batch(struct walk *w, const struct revision *r, const struct section_statement *s,
                        int64_t rows, int64_t *changed, struct err *e) {
  char number[24];
  snprintf(number, sizeof number, "%" PRId64, rows);
  return run(w, r, s, number, true, changed, e);
}

int statements_run(struct walk *w, const struct revision *r, const struct section_statement *s,
                   size_t count, struct err *e) {
  for (size_t k = 0; k < count;) {
    size_t alters = rebuild_gather(w, r, s + k, count - k);
    if (alters ? rebuild_run(w, r, s + k, alters, e) : statement_run(w, r, s + k, true, e))
      return -1;
    k += alters ? alters : 1;
  }
  return 0;
}

static int on_text(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)e;
  struct walk *w = ctx;
  if (count)
    w->search_path = arena_strndup(w->arena, v[0].s ? v[0].s : "", v[0].len);
  return 0;
}

static int run_own(struct walk *w, const char *sql, struct err *e) {
  return db_exec(w->db, sql, NULL, 0, NULL, NULL, NULL, w->job, e);
}

/* A block says nothing, where a SELECT would print a table. */
#define SET_CONFIG(name, value)                                                                    \
  "DO $migd$ BEGIN PERFORM set_config('" name "', current_setting('" value "'), false); END "      \
  "$migd$"

int session_note(struct walk *w, struct err *e) {
  return w->request.dialect == DIALECT_SQLITE
             ? 0
             : run_own(w, SET_CONFIG("migd.path", "search_path"), e);
}

/* foreign_keys cannot be changed inside a transaction, neither by us nor by a revision. */
static int pin_sqlite(struct walk *w, struct err *e) {
  if (w->pragmas && run_own(w, "PRAGMA legacy_alter_table = OFF", e))
    return -1;
  w->pragmas = false;
  return w->db->driver->in_transaction(w->db) ? 0 : run_own(w, "PRAGMA foreign_keys = OFF", e);
}

int session_pin(struct walk *w, struct err *e) {
  if (w->db->driver->dialect == DIALECT_SQLITE)
    return pin_sqlite(w, e);
  if (w->offline)
    return run_own(w, SET_CONFIG("search_path", "migd.path"), e);
  if (!w->search_path)
    return db_exec(w->db, "SELECT current_setting('search_path')", NULL, 0, on_text, w, NULL,
                   w->job, e);
  struct db_value path = db_text(w->search_path);
  return db_exec(w->db, "SELECT set_config('search_path', $1, false)", &path, 1, NULL, NULL, NULL,
                 w->job, e);
}

/* Statements that can neither change a row nor what a foreign key points to. */
static bool harmless(const char *sql, size_t len) {
  static const char *const starts[] = {"CREATE INDEX",     "CREATE UNIQUE INDEX", "CREATE VIEW",
                                       "CREATE TEMP VIEW", "CREATE TRIGGER",      "DROP INDEX",
                                       "DROP VIEW",        "DROP TRIGGER"};
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    size_t n = strlen(starts[i]);
    if (len > n && !strncasecmp(sql, starts[i], n))
      return true;
  }
  return false;
}

bool orphans_possible(const struct walk *w, const struct revision *r, enum direction direction) {
  if (w->request.dialect != DIALECT_SQLITE)
    return false;
  for (size_t i = 0; i < r->section_count; i++) {
    const struct section *section = &r->sections[i];
    if (section->direction != direction || !(section->dialects & DIALECT_SQLITE))
      continue;
    for (size_t k = 0; k < section->statements[DIALECT_SQLITE].count; k++) {
      const struct section_statement *s = &section->statements[DIALECT_SQLITE].items[k];
      if (!harmless(r->content + s->start, s->len))
        return true;
    }
  }
  return false;
}

/* Beyond this many the rest is not told apart: a step may not add to such a number. */
#define ORPHANS_MAX 10000

struct orphan_reading {
  struct arena *arena;
  struct orphans *orphans;
  size_t capacity;
};

static void keep_orphan(struct orphan_reading *r, const char *text) {
  struct orphans *o = r->orphans;
  if (o->count == r->capacity) {
    size_t capacity = r->capacity ? 2 * r->capacity : 16;
    const char **rows = ARENA_ARRAY(r->arena, const char *, capacity);
    if (o->count)
      memcpy(rows, o->rows, o->count * sizeof *rows);
    o->rows = rows;
    r->capacity = capacity;
  }
  o->rows[o->count++] = text;
}

static int on_orphan(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)e;
  struct orphan_reading *r = ctx;
  if (count < 3 || r->orphans->count >= ORPHANS_MAX)
    return 0;
  const char *table = v[0].s ? v[0].s : "", *parent = v[2].s ? v[2].s : "";
  keep_orphan(r, v[1].type == DB_INT
                     ? arena_printf(r->arena, "row %" PRId64 " of %s names no row of %s", v[1].i,
                                    table, parent)
                     : arena_printf(r->arena, "a row of %s names no row of %s", table, parent));
  return 0;
}

/* A foreign key that fits no key of its parent cannot be looked at, and SQLite gives up there: each
 * table is asked alone, and such a key counts as a row. */
static int read_by_table(struct walk *w, struct orphan_reading *r, struct err *e) {
  struct schema schema;
  if (schema_read(w->db, w->job, r->arena, &schema, e))
    return -1;
  for (size_t i = 0; i < schema.count; i++) {
    const struct schema_object *o = &schema.items[i];
    struct buf sql BUF_SCOPED = BUF_INIT;
    if (o->temp || strcmp(o->type, "table") != 0)
      continue;
    buf_adds(&sql, "PRAGMA main.foreign_key_check(");
    schema_add_name(&sql, NULL, o->name);
    buf_addc(&sql, ')');
    if (!db_exec(w->db, buf_str(&sql), NULL, 0, on_orphan, r, NULL, w->job, e))
      continue;
    if (e->kind != ERR_MIGRATION)
      return -1;
    keep_orphan(
        r, arena_printf(r->arena, "a key of %s names no row of its parent: %s", o->name, e->text));
  }
  return 0;
}

static int compare_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int orphans_read(struct walk *w, struct orphans *out, struct err *e) {
  struct orphans found = {.known = true};
  struct orphan_reading reading = {w->arena, &found, 0};
  int rc =
      db_exec(w->db, "PRAGMA foreign_key_check", NULL, 0, on_orphan, &reading, NULL, w->job, e);
  if (rc && e->kind == ERR_MIGRATION) {
    found.count = 0;
    rc = read_by_table(w, &reading, e);
  }
  if (rc)
    return err_in(e, "check foreign keys");
  if (found.count)
    qsort(found.rows, found.count, sizeof *found.rows, compare_text);
  *out = found;
  return 0;
}

int orphans_compare(const struct orphans *now, const struct orphans *before, struct err *e) {
  for (size_t i = 0, k = 0; i < now->count; i++, k++) {
    while (k < before->count && strcmp(before->rows[k], now->rows[i]) < 0)
      k++;
    if (k == before->count || strcmp(before->rows[k], now->rows[i])) {
      err_set(e, ERR_MIGRATION, "a foreign key is violated: %s", now->rows[i]);
      return err_hint(e, "mend the rows in the revision itself; nothing of it was kept");
    }
  }
  return 0;
}

/* Whether the statement adds a foreign key to the table that the error names; then e->offset is
 * that of its action. */
static bool adds_key(const struct walk *w, const char *sql, size_t len, struct err *e) {
  struct alter_table alter;
  struct err ignored;
  if (alter_parse(sql, len, w->arena, &alter, &ignored) != 1 ||
      !strcasestr(e->text, arena_printf(w->arena, " of %s names no row of ", alter.name)))
    return false;
  for (size_t i = 0; i < alter.count; i++) {
    struct sql_range body = alter.actions[i].body;
    if (!body.len || !strcasestr(arena_strndup(w->arena, sql + body.start, body.len), "REFERENCES"))
      continue;
    e->offset = (long)alter.actions[i].whole.start;
    return true;
  }
  return false;
}

void orphans_locate(const struct walk *w, const struct revision *r, enum direction direction,
                    struct err *e) {
  for (size_t i = 0; i < r->section_count; i++) {
    const struct section *section = &r->sections[i];
    size_t count =
        section_is_run(w, section, direction) ? section->statements[DIALECT_SQLITE].count : 0;
    for (size_t k = 0; k < count; k++) {
      const struct section_statement *s = &section->statements[DIALECT_SQLITE].items[k];
      if (!adds_key(w, r->content + s->start, s->len, e))
        continue;
      statement_locate(r, s, e);
      return;
    }
  }
  err_copy(e->file, sizeof e->file, r->file, strlen(r->file));
  err_copy(e->revision, sizeof e->revision, r->id, strlen(r->id));
  err_in(e, "%s: ERROR", r->file);
}

#define ORPHANS "SELECT \"table\", \"rowid\", parent FROM pragma_foreign_key_check"

int orphans_note(struct walk *w, struct err *e) {
  return run_own(w, "CREATE TEMP TABLE migd_orphans AS " ORPHANS, e);
}

void orphans_refuse(struct walk *w) {
  script_check(w->db, CHECK_ORPHANS,
               "NOT EXISTS (" ORPHANS " EXCEPT SELECT * FROM temp.migd_orphans)");
}
